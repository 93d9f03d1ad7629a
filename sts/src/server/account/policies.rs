use super::{Account, Role};
use crate::{
    error::Error,
    trust::{Permissions, PolicyError},
};

/// A policy of a user or a role.
#[derive(Clone, Debug)]
pub(in crate::server) struct Policy {
    pub(in crate::server) name: String,
    pub(in crate::server) permissions: Permissions,
}

impl Account {
    /// Gives a user a policy, in place of one with the same name. IAM's simulator evaluates it.
    ///
    /// # Errors
    ///
    /// If there is no such user, or if the document is not a policy of a user.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::server::Account;
    ///
    /// let account = Account::new("123456789012")?;
    /// account.add_user("alice")?;
    /// let all = r#"{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}"#;
    /// account.put_user_policy("alice", "storage", all)?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn put_user_policy(
        &self,
        user: &str,
        name: impl Into<String>,
        document: &str,
    ) -> Result<(), Error> {
        let policy = Policy::new(name.into(), document).map_err(|error| {
            Error::setting("the document is not a policy of a user").with_source(error)
        })?;
        let mut state = self.state();
        if !state.users.contains_key(user) {
            return Err(Error::setting(format!(
                "there is no user {user:?}: add it first"
            )));
        }
        put(
            state.user_policies.entry(user.to_owned()).or_default(),
            policy,
        );
        Ok(())
    }

    /// Returns the policies of a user, if there is one.
    pub(in crate::server) fn user_policies(&self, user: &str) -> Option<Vec<Policy>> {
        let state = self.state();
        let policies = || state.user_policies.get(user).cloned().unwrap_or_default();
        state.users.contains_key(user).then(policies)
    }
}

impl Role {
    /// Gives the role a policy, in place of one with the same name. IAM's simulator evaluates it.
    ///
    /// # Errors
    ///
    /// If the document is not a policy of a role.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::server::Role;
    ///
    /// let all = r#"{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}"#;
    /// let role = Role::new("deploy")?.policy("storage", all)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn policy(mut self, name: impl Into<String>, document: &str) -> Result<Self, PolicyError> {
        put(&mut self.policies, Policy::new(name.into(), document)?);
        Ok(self)
    }
}

impl Policy {
    fn new(name: String, document: &str) -> Result<Self, PolicyError> {
        let permissions = Permissions::parse(document)?;
        Ok(Self { name, permissions })
    }
}

fn put(policies: &mut Vec<Policy>, policy: Policy) {
    policies.retain(|known| known.name != policy.name);
    policies.push(policy);
}

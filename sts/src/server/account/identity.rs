use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::ids::BASE32;

/// The owner of an access key.
///
/// # Examples
///
/// ```
/// use keyfob_sts::server::Identity;
///
/// let session = Identity::session("deploy", "ci");
/// assert_eq!(session.arn("123456789012"), "arn:aws:sts::123456789012:assumed-role/deploy/ci");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// The root user of the account.
    Root,
    /// The root user of a member account, from `AssumeRoot`.
    MemberRoot {
        /// The member account.
        account: String,
    },
    /// An IAM user.
    User {
        /// The user's name.
        name: String,
    },
    /// A session of a role.
    Session {
        /// The role's name.
        role: String,
        /// The session's name.
        session: String,
    },
    /// A user of IAM Identity Center, in the role of a permission set.
    PermissionSet {
        /// The account of the role.
        account: String,
        /// The name of the permission set.
        name: String,
        /// The user's name, which is that of the session.
        user: String,
    },
    /// A user that `GetFederationToken` names.
    FederatedUser {
        /// The name.
        name: String,
    },
}

impl Identity {
    /// Returns a user.
    pub fn user(name: impl Into<String>) -> Self {
        Self::User { name: name.into() }
    }

    /// Returns a session of a role.
    pub fn session(role: impl Into<String>, session: impl Into<String>) -> Self {
        Self::Session {
            role: role.into(),
            session: session.into(),
        }
    }

    /// Returns the account that the identity is of, if `account` is the one that issued the key.
    pub fn account<'a>(&'a self, account: &'a str) -> &'a str {
        match self {
            Self::MemberRoot { account } | Self::PermissionSet { account, .. } => account,
            _ => account,
        }
    }

    /// Returns the ARN, as `GetCallerIdentity` does.
    pub fn arn(&self, account: &str) -> String {
        let account = self.account(account);
        match self {
            Self::Root | Self::MemberRoot { .. } => format!("arn:aws:iam::{account}:root"),
            Self::User { name } => format!("arn:aws:iam::{account}:user/{name}"),
            Self::Session { role, session } => {
                format!("arn:aws:sts::{account}:assumed-role/{role}/{session}")
            }
            Self::PermissionSet { name, user, .. } => {
                let role = reserved_role(name);
                format!("arn:aws:sts::{account}:assumed-role/{role}/{user}")
            }
            Self::FederatedUser { name } => {
                format!("arn:aws:sts::{account}:federated-user/{name}")
            }
        }
    }

    /// Returns the unique id, as `GetCallerIdentity` does. It is the same each time.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::server::Identity;
    ///
    /// let id = Identity::user("alice").user_id("123456789012");
    /// assert!(id.starts_with("AIDA") && id.len() == 21);
    /// ```
    pub fn user_id(&self, account: &str) -> String {
        let account = self.account(account);
        match self {
            Self::Root | Self::MemberRoot { .. } => account.to_owned(),
            Self::User { name } => unique_id("AIDA", name),
            Self::Session { role, session } => format!("{}:{session}", unique_id("AROA", role)),
            Self::PermissionSet { name, user, .. } => {
                format!("{}:{user}", unique_id("AROA", &reserved_role(name)))
            }
            Self::FederatedUser { name } => format!("{account}:{name}"),
        }
    }

    /// Returns true for sessions of roles.
    pub(in crate::server) fn is_role(&self) -> bool {
        matches!(self, Self::Session { .. } | Self::PermissionSet { .. })
    }
}

/// Returns the name of the role that IAM Identity Center makes for a permission set.
pub(super) fn reserved_role(permission_set: &str) -> String {
    let number = hash(0, permission_set);
    format!("AWSReservedSSO_{permission_set}_{number:016x}")
}

/// Returns the unique id of a name, the same each time: the prefix and 17 characters, as in IAM.
fn unique_id(prefix: &str, name: &str) -> String {
    let bits = u128::from(hash(0, name)) << 64 | u128::from(hash(1, name));
    let text = (0..17).map(|index| char::from(BASE32[(bits >> (5 * index)) as usize % 32]));
    prefix.chars().chain(text).collect()
}

fn hash(salt: u8, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (salt, name).hash(&mut hasher);
    hasher.finish()
}

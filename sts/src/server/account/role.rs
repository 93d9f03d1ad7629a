use keyfob_sigv4::Timestamp;

use super::Policy;
use crate::{error::Error, trust::TrustPolicy};

/// A role: its name and path, who may assume it, and for how long.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{server::Role, trust::TrustPolicy};
///
/// let trust = TrustPolicy::parse(
///     r#"{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
///                       "Principal": {"AWS": "arn:aws:iam::123456789012:user/alice"}}}"#,
/// )?;
/// let role = Role::new("deploy")?.trust(trust).max_session_seconds(7200);
/// assert_eq!(role.arn("123456789012"), "arn:aws:iam::123456789012:role/deploy");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Role {
    pub(in crate::server) name: String,
    path: String,
    /// Without one, the role trusts its account.
    pub(in crate::server) trust: Option<TrustPolicy>,
    pub(in crate::server) max_session_seconds: u32,
    pub(in crate::server) policies: Vec<Policy>,
    /// The trust policy as it was written, if a call of IAM set it.
    pub(in crate::server) document: Option<String>,
    pub(in crate::server) description: Option<String>,
    pub(in crate::server) created: Option<Timestamp>,
}

impl Role {
    /// Creates a role that trusts its account, with sessions of an hour at most.
    ///
    /// # Errors
    ///
    /// If IAM does not allow the name.
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        Ok(Self {
            name: super::checked_name(name.into())?,
            path: "/".to_owned(),
            trust: None,
            max_session_seconds: 3600,
            policies: Vec::new(),
            document: None,
            description: None,
            created: None,
        })
    }

    /// Sets the path, with a slash at both ends, such as `/ops/`.
    ///
    /// # Errors
    ///
    /// If it does not begin and end with a slash.
    pub fn path(mut self, path: impl Into<String>) -> Result<Self, Error> {
        let path = path.into();
        if !(path.starts_with('/') && path.ends_with('/')) {
            let message = format!("the path {path:?} must begin and end with a slash");
            return Err(Error::setting(message));
        }
        self.path = path;
        Ok(self)
    }

    /// Sets the trust policy.
    #[must_use]
    pub fn trust(mut self, policy: TrustPolicy) -> Self {
        self.trust = Some(policy);
        self
    }

    /// Sets the longest duration of a session in seconds.
    #[must_use]
    pub fn max_session_seconds(mut self, seconds: u32) -> Self {
        self.max_session_seconds = seconds;
        self
    }

    pub(in crate::server) fn path_name(&self) -> &str {
        &self.path
    }

    /// Returns the ARN in an account.
    pub fn arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:role{}{}", self.path, self.name)
    }
}

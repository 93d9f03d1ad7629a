use http::Method;
use keyfob_sigv4::{Credentials, Secret};

use super::operation;
use crate::{
    call::{Call, Operation, Reply},
    error::Error,
};

/// Gets the credentials of a role in an account.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{call::{Call, Service}, sso::GetRoleCredentials};
///
/// let call = GetRoleCredentials::new("token", "123456789012", "Admin")?;
/// let endpoint = Service::SSO.endpoint().region("eu-west-1")?.build()?;
/// assert_eq!(
///     call.request(&endpoint)?.uri(),
///     "https://portal.sso.eu-west-1.amazonaws.com/federation/credentials\
///      ?role_name=Admin&account_id=123456789012",
/// );
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GetRoleCredentials {
    operation: Operation,
    account: String,
}

impl GetRoleCredentials {
    /// Creates a request with the token of a user, an account and the name of a role in it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the account or the name is empty.
    pub fn new(
        access_token: impl Into<Secret>,
        account: impl Into<String>,
        role_name: impl Into<String>,
    ) -> Result<Self, Error> {
        let path = ["federation", "credentials"];
        let account = account.into();
        let operation = operation(
            "GetRoleCredentials",
            Method::GET,
            &path,
            access_token.into(),
        )
        .text("role_name", role_name, 1..=usize::MAX)?
        .text("account_id", account.as_str(), 1..=usize::MAX)?;
        Ok(Self { operation, account })
    }
}

/// The output of [`GetRoleCredentials`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RoleCredentials {
    /// The credentials, with their expiry and the account.
    pub credentials: Credentials,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Call for GetRoleCredentials {
    type Output = RoleCredentials;

    fn operation(&self) -> &Operation {
        &self.operation
    }

    fn output(&self, reply: &Reply<'_>) -> Result<RoleCredentials, Error> {
        let names = ["accessKeyId", "secretAccessKey", "sessionToken"];
        let credentials = reply.session_keys("roleCredentials", names)?;
        let expiry = reply.unix_millis("roleCredentials/expiration")?;
        let missing = || reply.unusable("roleCredentials/expiration is missing");
        Ok(RoleCredentials {
            credentials: credentials
                .with_expiry(expiry.ok_or_else(missing)?)
                .with_account_id(self.account.as_str()),
            request_id: reply.request_id(),
        })
    }
}

use http::Method;
use keyfob_sigv4::Secret;

use super::operation;
use crate::{
    call::{Call, Operation, Reply},
    error::Error,
};

/// Ends the session of a token. Credentials of roles that it was used for hold until they expire.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{call::Call, sso::Logout};
///
/// Logout::new("token").parse(&http::Response::new(""))?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Logout(Operation);

impl Logout {
    /// Creates a request with the token of a user.
    pub fn new(access_token: impl Into<Secret>) -> Self {
        let token = access_token.into();
        Self(operation("Logout", Method::POST, &["logout"], token))
    }
}

impl Call for Logout {
    type Output = ();

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, _: &Reply<'_>) -> Result<(), Error> {
        Ok(())
    }
}

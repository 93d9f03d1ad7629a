//! Requests of the crate `http`.

use super::Signer;
use crate::{
    credentials::Credentials, error::Error, payload::Payload, sign::sign_http, timestamp::Timestamp,
};

impl Signer {
    /// Signs a request in place, as [`Signer::sign_http`](crate::Signer::sign_http).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`](crate::ErrorKind::Host) when neither the URI nor a `Host` header names one.
    pub fn sign_http<B>(
        &self,
        request: &mut http::Request<B>,
        payload: Payload<'_>,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<(), Error> {
        let rules = self.rules();
        sign_http(
            &self.with(credentials)?,
            rules,
            request,
            payload,
            credentials,
            at,
        )
    }
}

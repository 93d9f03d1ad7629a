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
    /// [`ErrorKind::Host`](crate::ErrorKind::Host) if neither the URI nor a `Host` header names a
    /// host.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Payload, v4a::{RegionSet, Signer}};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let url = "https://example.mrap.accesspoint.s3-global.amazonaws.com/key";
    /// let mut request = http::Request::get(url).body(())?;
    /// let signer = Signer::s3(RegionSet::ALL);
    /// signer.sign_http(&mut request, Payload::Empty, &credentials, now)?;
    /// assert_eq!(request.headers()["x-amz-region-set"], "*");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

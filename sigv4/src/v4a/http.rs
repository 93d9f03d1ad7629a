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
    /// host, or if two `Host` headers differ. [`ErrorKind::Payload`](crate::ErrorKind::Payload) if
    /// the pieces of the body are signed with another algorithm. The request is unchanged then.
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

    /// Signs a request and the body that it owns in place, as
    /// [`Signer::sign_http_body`](crate::Signer::sign_http_body).
    ///
    /// # Errors
    ///
    /// As [`sign_http`](Self::sign_http).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, v4a::{RegionSet, Signer}};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let url = "https://example.mrap.accesspoint.s3-global.amazonaws.com/key";
    /// let mut request = http::Request::put(url).body(vec![1, 2, 3])?;
    /// Signer::s3(RegionSet::ALL).sign_http_body(&mut request, &credentials, now)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sign_http_body<B: AsRef<[u8]>>(
        &self,
        request: &mut http::Request<B>,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<(), Error> {
        let payload = Payload::digest(request.body().as_ref());
        self.sign_http(request, payload, credentials, at)
    }
}

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header::CONTENT_TYPE};
use keyfob_sigv4::Secret;

use crate::endpoint::Endpoint;

/// The body of a request.
///
/// It may hold secrets: `Debug` shows only its length, and the memory is zeroed on drop.
#[derive(Clone)]
pub struct Body(Secret);

impl Body {
    /// Creates an empty body.
    pub(super) fn empty() -> Self {
        Self(Secret::from(String::new()))
    }

    /// Makes a request that posts the body to the endpoint.
    pub(super) fn post(self, endpoint: &Endpoint, content_type: HeaderValue) -> Request<Self> {
        let mut request = Request::new(self);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint.uri().clone();
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        request
    }

    /// Returns the text, with its secrets.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Returns the same memory as `Bytes`. It is zeroed when the last clone is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Endpoint, actions::GetSessionToken, call::{Body, Call}};
    ///
    /// let endpoint = Endpoint::builder().region("eu-west-1")?.build()?;
    /// let request = GetSessionToken::new().request(&endpoint)?.map(Body::into_bytes);
    /// assert_eq!(request.body(), "Action=GetSessionToken&Version=2011-06-15");
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.as_ref().len())
    }
}

//! Requests of the crate `http`.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{AUTHORIZATION, HOST, InvalidHeaderValue},
    request::Parts,
};

use super::{signature::HeaderForm, signer::Signer};
use crate::{
    canonical::Rules,
    credentials::Credentials,
    error::{Error, ErrorKind},
    header_names,
    key::Algorithm,
    payload::{ContentHash, EMPTY_SHA256, Payload, UNSIGNED_PAYLOAD},
    request::Request,
    timestamp::Timestamp,
};

// Parsed at compile time.
const DATE: HeaderName = HeaderName::from_static(header_names::DATE);
const CONTENT_SHA256: HeaderName = HeaderName::from_static(header_names::CONTENT_SHA256);
const REGION_SET: HeaderName = HeaderName::from_static(header_names::REGION_SET);
const SECURITY_TOKEN: HeaderName = HeaderName::from_static(header_names::SECURITY_TOKEN);
const S3_SESSION_TOKEN: HeaderName = HeaderName::from_static(header_names::S3_SESSION_TOKEN);

impl Signer {
    /// Signs a request in place, as [`sign`](Self::sign), and sets the headers.
    ///
    /// `authorization` and the session token are marked sensitive. Signing again, with the same or
    /// other credentials, replaces the older signature.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] if neither the URI nor a `Host` header names a host.
    /// [`ErrorKind::Payload`] if the pieces of the body are signed with another algorithm. The
    /// request is unchanged then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Payload, Signer};
    /// # let signer = Signer::s3("us-east-1")?;
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let mut request = http::Request::get("https://examplebucket.s3.amazonaws.com/a%20b").body(())?;
    /// signer.sign_http(&mut request, Payload::Unsigned, &credentials, now)?;
    /// assert!(request.headers()["authorization"].is_sensitive());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sign_http<B>(
        &self,
        request: &mut http::Request<B>,
        payload: Payload<'_>,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<(), Error> {
        sign(self, self.rules(), request, payload, credentials, at)
    }
}

pub(crate) fn sign<B, A: Algorithm>(
    algorithm: &A,
    rules: Rules,
    request: &mut http::Request<B>,
    payload: Payload<'_>,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<(), Error> {
    payload.check_algorithm(A::NAME)?;
    let view = view(request.method(), request.uri(), request.headers())?
        .payload(payload)
        .without_older_signature();
    let form = HeaderForm::new(rules, algorithm, &view, credentials, at);
    let computed = form.compute(algorithm);
    let mut authorization = HeaderValue::try_from(computed.authorization).map_err(invalid_value)?;
    authorization.set_sensitive(true);
    let (date, content) = (*form.date(), computed.content_sha256);
    let token = credentials.session_token_header()?;
    let headers = request.headers_mut();
    if computed.replaces_older {
        for older in [SECURITY_TOKEN, S3_SESSION_TOKEN, REGION_SET] {
            headers.remove(older);
        }
    }
    headers.insert(
        DATE,
        HeaderValue::from_bytes(date.as_bytes()).map_err(invalid_value)?,
    );
    if let Some(hash) = content {
        headers.insert(CONTENT_SHA256, hash_value(&hash)?);
    }
    if let Some(regions) = algorithm.regions() {
        headers.insert(
            REGION_SET,
            HeaderValue::try_from(regions).map_err(invalid_value)?,
        );
    }
    if let Some(token) = token {
        headers.insert(rules.token_header(), token);
    }
    headers.insert(AUTHORIZATION, authorization);
    Ok(())
}

impl<'a> Request<'a> {
    /// Borrows the head of an `http::Request`, to presign or to verify it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] if neither the URI nor a `Host` header names a host.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Ttl};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let url = "https://examplebucket.s3.amazonaws.com/key";
    /// let (head, ()) = http::Request::get(url).body(())?.into_parts();
    /// let signer = Signer::s3("us-east-1")?;
    /// let url = signer.presign(&Request::from_http(&head)?, &credentials, now, Ttl::MAX)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_http(parts: &'a Parts) -> Result<Self, Error> {
        view(&parts.method, &parts.uri, &parts.headers)
    }
}

impl<'a> Request<'a> {
    /// Borrows the head of a request that has its body.
    pub(crate) fn from_head<B>(request: &'a http::Request<B>) -> Result<Self, Error> {
        view(request.method(), request.uri(), request.headers())
    }
}

fn view<'a>(
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
) -> Result<Request<'a>, Error> {
    let authority = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default(),
    };
    let scheme = uri.scheme_str().unwrap_or("https");
    let query = uri.query().unwrap_or_default();
    Request::from_parsed(
        method.as_str(),
        scheme,
        authority,
        uri.path(),
        query,
        headers,
    )
}

fn hash_value(hash: &ContentHash<'static>) -> Result<HeaderValue, Error> {
    match hash {
        // The two common values are checked at compile time.
        ContentHash::Static(UNSIGNED_PAYLOAD) => {
            Ok(const { HeaderValue::from_static(UNSIGNED_PAYLOAD) })
        }
        ContentHash::Static(EMPTY_SHA256) => Ok(const { HeaderValue::from_static(EMPTY_SHA256) }),
        ContentHash::Static(text) => Ok(HeaderValue::from_static(text)),
        hash => HeaderValue::from_bytes(hash.as_bytes()).map_err(invalid_value),
    }
}

/// All values were checked before, so this error never occurs.
fn invalid_value(_: InvalidHeaderValue) -> Error {
    Error::secret(ErrorKind::HeaderValue)
}

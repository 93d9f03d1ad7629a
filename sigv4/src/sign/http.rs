//! Requests of the crate `http`.

use alloc::{string::String, vec::Vec};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{AUTHORIZATION, HOST, InvalidHeaderValue},
    request::Parts,
    uri::{Authority, InvalidUri, PathAndQuery},
};

use super::{
    signature::{HeaderForm, Signature},
    signer::Signer,
};
use crate::{
    canonical::{Rules, is_canonical_path, write_path},
    credentials::Credentials,
    error::{Error, ErrorKind},
    header_names,
    key::Algorithm,
    payload::{ContentHash, EMPTY_SHA256, Payload, UNSIGNED_PAYLOAD},
    request::{Request, is_same_host, without_secrets},
    timestamp::{AmzDate, Timestamp},
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
    /// The host, and the path of S3, are written into the URI in the form that is signed, so that
    /// every client sends them that way: `http://LocalHost:80/%7euser` becomes
    /// `http://localhost/~user`. A `Host` header that names another host than the URI stays.
    ///
    /// `authorization` and the session token are marked sensitive. Signing again, with the same or
    /// other credentials, replaces the older signature.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] if neither the URI nor a `Host` header names a host, or if two `Host`
    /// headers differ. [`ErrorKind::Payload`] if the pieces of the body are signed with another
    /// algorithm. The request is unchanged then.
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

    /// Signs a request and the body that it owns in place, as [`sign_http`](Self::sign_http).
    ///
    /// # Errors
    ///
    /// As [`sign_http`](Self::sign_http).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Scope, Signer};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let signer = Signer::new(Scope::new("us-east-1", "sts")?);
    /// let mut request = http::Request::post("https://sts.us-east-1.amazonaws.com/")
    ///     .header("content-type", "application/x-www-form-urlencoded")
    ///     .body(String::from("Action=GetCallerIdentity&Version=2011-06-15"))?;
    /// signer.sign_http_body(&mut request, &credentials, now)?;
    /// assert!(request.headers().contains_key("authorization"));
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

pub(crate) fn sign<B, A: Algorithm>(
    algorithm: &A,
    rules: Rules,
    request: &mut http::Request<B>,
    payload: Payload<'_>,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<(), Error> {
    let mut signed = Request::from_head(request)?;
    signed.replace_signature(payload);
    let changes = Changes::new(request, &signed, rules)?;
    if !changes.is_empty() {
        // Before the request is changed.
        signed.check_pieces(A::NAME)?;
        signed = changes.apply(request)?;
        signed.replace_signature(payload);
    }
    let mut form = HeaderForm::new(rules, algorithm, &signed, credentials, at);
    if !rules.encodes_twice() && !rules.normalizes() {
        form = form.with_signed_path();
    }
    let computed = form.compute(algorithm)?;
    let token = credentials.session_token_header()?;
    let values = HeaderValues {
        authorization: authorization_value(computed.authorization)?,
        date: *form.date(),
        content_sha256: computed.content_sha256.as_ref(),
        regions: algorithm.regions(),
        token: token.map(|token| (rules.token_header(), token)),
    };
    values.set(request.headers_mut(), computed.replaces_older)
}

/// The values of the headers that a signature sets.
struct HeaderValues<'s> {
    authorization: HeaderValue,
    date: AmzDate,
    content_sha256: Option<&'s ContentHash<'static>>,
    regions: Option<&'s str>,
    /// With the name of its header.
    token: Option<(&'static str, HeaderValue)>,
}

impl HeaderValues<'_> {
    /// Sets the headers. If the request has a session token or a set of regions of an older
    /// signature, that is removed first.
    #[inline]
    fn set(self, headers: &mut HeaderMap, replaces_older: bool) -> Result<(), Error> {
        if replaces_older {
            remove_older(headers);
        }
        headers.insert(
            DATE,
            HeaderValue::from_bytes(self.date.as_bytes()).map_err(invalid_value)?,
        );
        if let Some(hash) = self.content_sha256 {
            headers.insert(CONTENT_SHA256, hash_value(hash)?);
        }
        if let Some(regions) = self.regions {
            headers.insert(
                REGION_SET,
                HeaderValue::try_from(regions).map_err(invalid_value)?,
            );
        }
        if let Some((name, token)) = self.token {
            headers.insert(name, token);
        }
        headers.insert(AUTHORIZATION, self.authorization);
        Ok(())
    }
}

/// Removes the session token and the set of regions of an older signature.
pub(crate) fn remove_older(headers: &mut HeaderMap) {
    for older in [SECURITY_TOKEN, S3_SESSION_TOKEN, REGION_SET] {
        headers.remove(older);
    }
}

impl Signature {
    /// Sets the headers on a request, in place of those of an older signature.
    pub(crate) fn set_on(self, headers: &mut HeaderMap) -> Result<(), Error> {
        let token = match &self.token {
            Some((name, credentials)) => {
                let token = credentials.session_token_header()?;
                token.map(|token| (*name, token))
            }
            None => None,
        };
        let values = HeaderValues {
            authorization: authorization_value(self.authorization.into_bytes())?,
            date: self.date,
            content_sha256: self.content_sha256.as_ref(),
            regions: self.regions.as_deref(),
            token,
        };
        values.set(headers, true)
    }
}

/// What differs between a request and the form that is signed. Clients send what the URI says: with
/// HTTP/1.1 they make `Host` of it, and with HTTP/2 `:authority`.
#[derive(Default)]
struct Changes {
    authority: Option<Authority>,
    host: Option<HeaderValue>,
    target: Option<PathAndQuery>,
}

impl Changes {
    fn new<B>(
        request: &http::Request<B>,
        signed: &Request<'_>,
        rules: Rules,
    ) -> Result<Self, Error> {
        let uri = request.uri();
        let mut changes = Self::default();
        if uri
            .authority()
            .is_some_and(|authority| authority.as_str() != signed.host())
        {
            changes.authority = Some(signed.host().parse().map_err(invalid_uri)?);
        }
        changes.host = host_header(request.headers(), uri, signed)?;
        if !rules.encodes_twice() && !is_canonical_path(uri.path()) {
            changes.target = Some(signed_target(uri, rules)?);
        }
        Ok(changes)
    }

    fn is_empty(&self) -> bool {
        self.authority.is_none() && self.host.is_none() && self.target.is_none()
    }

    #[cold]
    fn apply<B>(self, request: &mut http::Request<B>) -> Result<Request<'_>, Error> {
        if let Some(host) = self.host {
            request.headers_mut().insert(HOST, host);
        }
        if self.authority.is_some() || self.target.is_some() {
            let mut parts = request.uri().clone().into_parts();
            parts.authority = self.authority.or(parts.authority);
            parts.path_and_query = self.target.or(parts.path_and_query);
            *request.uri_mut() =
                Uri::from_parts(parts).map_err(|_| Error::secret(ErrorKind::Url))?;
        }
        Request::from_head(request)
    }
}

/// Returns the value that replaces the `Host` headers, if one does: the host of the URI in the form
/// that is signed, or one of several that are equal.
///
/// # Errors
///
/// [`ErrorKind::Host`] if two differ.
fn host_header(
    headers: &HeaderMap,
    uri: &Uri,
    signed: &Request<'_>,
) -> Result<Option<HeaderValue>, Error> {
    let mut hosts = headers.get_all(HOST).iter();
    let Some(first) = hosts.next() else {
        return Ok(None);
    };
    let is_same = |host: &HeaderValue| is_same_host(first.as_bytes(), host.as_bytes());
    let mut is_repeated = false;
    for host in hosts {
        is_repeated = true;
        if !is_same(host) {
            let text = String::from_utf8_lossy(host.as_bytes());
            return Err(Error::new(ErrorKind::Host, without_secrets(&text)));
        }
    }
    if uri.authority().is_some() && first != signed.host() && signed.is_host(first.as_bytes()) {
        return HeaderValue::from_str(signed.host())
            .map(Some)
            .map_err(invalid_value);
    }
    Ok(is_repeated.then(|| first.clone()))
}

/// Returns the path as it is signed, and the query.
fn signed_target(uri: &Uri, rules: Rules) -> Result<PathAndQuery, Error> {
    let mut target = Vec::new();
    write_path(&mut target, uri.path(), rules.normalizes(), false);
    if let Some(query) = uri.query() {
        target.push(b'?');
        target.extend_from_slice(query.as_bytes());
    }
    PathAndQuery::from_maybe_shared(target).map_err(invalid_uri)
}

/// What was written is made of valid parts, so this error never occurs.
fn invalid_uri(_: InvalidUri) -> Error {
    Error::secret(ErrorKind::Url)
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

#[inline]
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

fn authorization_value(value: Vec<u8>) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(value).map_err(invalid_value)?;
    value.set_sensitive(true);
    Ok(value)
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

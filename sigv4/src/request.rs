use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;

use crate::{
    codec::scan,
    error::{Error, ErrorKind},
    header_names::CONTENT_SHA256,
    payload::{Payload, Streaming},
};

/// A request to sign or to verify, borrowed from its caller.
///
/// Every part is taken as it is sent and never parsed again: a space in a path must be `%20`
/// already. The constructors check each part; signing refuses parts that contradict each other,
/// such as two `Host` headers.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Payload, Request};
/// let request = Request::new("POST", "https://sts.us-east-1.amazonaws.com/")?
///     .header("content-type", "application/x-www-form-urlencoded")?
///     .payload(Payload::Bytes(b"Action=GetCallerIdentity&Version=2011-06-15"));
/// assert_eq!(request.host(), "sts.us-east-1.amazonaws.com");
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone)]
pub struct Request<'a> {
    method: &'a str,
    scheme: &'a str,
    /// In lower case and without the default port, as the signed URL has it too.
    host: Cow<'a, str>,
    path: &'a str,
    query: &'a str,
    /// Headers that were borrowed as a list.
    list: &'a [(&'a str, &'a str)],
    #[cfg(feature = "http")]
    map: Option<&'a http::HeaderMap>,
    /// Headers that were added one by one.
    added: Vec<(&'a str, &'a [u8])>,
    payload: Payload<'a>,
    /// Whether a session token and a set of regions among the headers belong to an older signature.
    is_resigned: bool,
    /// Whether `host` replaces the `Host` headers.
    ignores_host_headers: bool,
    /// Whether headers are signed that are left out by default.
    signs_every_header: bool,
}

impl<'a> Request<'a> {
    /// Returns a request for an absolute URL as it is sent. A fragment is left out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Method`] if the method is not an HTTP token. [`ErrorKind::Url`] if the URL has
    /// no `scheme://`, or has a control character. [`ErrorKind::Host`] if the host is missing or
    /// malformed, or if user information precedes it: clients make an `Authorization` header of
    /// that.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Request;
    /// let request = Request::new("GET", "https://Example.com:443/a%20b?list-type=2")?;
    /// assert_eq!(request.host(), "example.com");
    /// assert_eq!((request.path(), request.query()), ("/a%20b", "list-type=2"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn new(method: &'a str, url: &'a str) -> Result<Self, Error> {
        let (scheme, rest) =
            split_scheme(url).ok_or_else(|| Error::new(ErrorKind::Url, without_secrets(url)))?;
        let is_end = |byte| matches!(byte, b'/' | b'?' | b'#');
        let authority_end = rest.bytes().position(is_end).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(authority_end);
        let target_end = scan::find(target.as_bytes(), b'#').unwrap_or(target.len());
        Self::from_parts(method, scheme, authority, &target[..target_end])
    }

    /// Returns a request for a scheme, an authority (the host, with its port if it is not the
    /// default one) and a target (path and query) as they are sent.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new). Also [`ErrorKind::Url`] if the target begins with neither `/` nor
    /// `?`, or is longer than 1 GiB.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Request;
    /// let request = Request::from_parts("GET", "http", "localhost:9000", "/bucket/key")?;
    /// assert_eq!(request.host(), "localhost:9000");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn from_parts(
        method: &'a str,
        scheme: &'a str,
        authority: &'a str,
        target: &'a str,
    ) -> Result<Self, Error> {
        if !is_token(method) {
            return Err(Error::new(ErrorKind::Method, method));
        }
        let (path, query) = split_target(target)?;
        Self::from_checked(method, scheme, authority, path, query)
    }

    /// Returns a request as a server receives it: the target of the request line, and all headers.
    ///
    /// The host is that of an absolute target, such as `https://example.com/`, or else of the first
    /// `Host` header, and the scheme `https`. Of an HTTP/2 request, pass `:scheme`, `:authority`
    /// and `:path` as an absolute target. A verifier refuses a request whose target and headers do
    /// not name the same host.
    ///
    /// # Errors
    ///
    /// As [`from_parts`](Self::from_parts) and [`headers`](Self::headers). Also [`ErrorKind::Host`]
    /// if there is no host.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Request;
    /// let headers = [("host", "examplebucket.s3.amazonaws.com"), ("range", "bytes=0-9")];
    /// let request = Request::from_wire("GET", "/key?versionId=1", &headers)?;
    /// assert_eq!(request.query(), "versionId=1");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn from_wire(
        method: &'a str,
        target: &'a str,
        headers: &'a [(&'a str, &'a str)],
    ) -> Result<Self, Error> {
        if split_scheme(target).is_some() {
            return Self::new(method, target)?.received(headers);
        }
        let host = headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("host"))
            .map_or("", |(_, value)| value.trim());
        Self::from_parts(method, "https", host, target)?.received(headers)
    }

    /// Sets the host that is signed, in place of the received one. `Host` headers are ignored.
    ///
    /// It is for a server behind a proxy that changes `Host`: pass the host that the client used,
    /// from the configuration or from a header that the proxy is known to overwrite.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] as [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Request;
    /// let headers = [("host", "10.0.0.7:8080"), ("x-forwarded-host", "api.example.com")];
    /// let request = Request::from_wire("GET", "/", &headers)?.with_host("api.example.com")?;
    /// assert_eq!(request.host(), "api.example.com");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn with_host(mut self, authority: &'a str) -> Result<Self, Error> {
        self.host = canonical_host(self.scheme, authority)?;
        self.ignores_host_headers = true;
        Ok(self)
    }

    /// Sets the target (path and query), in place of the received one.
    ///
    /// It is for a router that shortens the path before the request is verified, as axum's
    /// `Router::nest` does: the signature covers the target that the client sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Url`] as [`from_parts`](Self::from_parts).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Request;
    /// # let headers = [("host", "api.example.com")];
    /// let request = Request::from_wire("GET", "/items", &headers)?.with_target("/prod/items")?;
    /// assert_eq!(request.path(), "/prod/items");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn with_target(mut self, target: &'a str) -> Result<Self, Error> {
        (self.path, self.query) = split_target(target)?;
        Ok(self)
    }

    /// Adds a header. The values of a repeated header are signed in order, joined by `,`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::HeaderName`] if the name is not an HTTP token. [`ErrorKind::HeaderValue`] if
    /// the value has a control character other than a tab or a folded line end.
    /// [`ErrorKind::Host`] for a second `Host` that differs from the first.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Request;
    /// let request = Request::new("PUT", "https://examplebucket.s3.amazonaws.com/key")?
    ///     .header("content-type", "text/plain")?
    ///     .header("x-amz-meta-author", "me")?;
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn header(
        mut self,
        name: &'a str,
        value: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> Result<Self, Error> {
        check_header(name, value.as_ref())?;
        if name.eq_ignore_ascii_case("host") {
            self.check_host_header(value.as_ref())?;
        }
        if self.added.capacity() == 0 {
            self.added.reserve(8);
        }
        self.added.push((name, value.as_ref()));
        Ok(self)
    }

    /// Sets a list of headers, borrowed as it is, in place of an earlier list. Headers added one by
    /// one stay.
    ///
    /// # Errors
    ///
    /// As [`header`](Self::header).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Request;
    /// let headers = [("content-type", "text/plain"), ("x-amz-meta-author", "me")];
    /// let request = Request::new("PUT", "https://examplebucket.s3.amazonaws.com/key")?
    ///     .headers(&headers)?;
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn headers(self, headers: &'a [(&'a str, &'a str)]) -> Result<Self, Error> {
        let request = self.received(headers)?;
        for (_, value) in headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            request.check_host_header(value.as_bytes())?;
        }
        Ok(request)
    }

    /// Sets a list of headers, in which `Host` may be repeated: a verifier refuses that itself.
    fn received(mut self, headers: &'a [(&'a str, &'a str)]) -> Result<Self, Error> {
        for (name, value) in headers {
            check_header(name, value.as_bytes())?;
        }
        self.list = headers;
        Ok(self)
    }

    /// Refuses a second `Host` header that differs from the first: no server accepts two. An equal
    /// one is signed once.
    fn check_host_header(&self, value: &[u8]) -> Result<(), Error> {
        match self.find_header(b"host") {
            Some(first) if !is_same_host(first, value) => {
                let value = String::from_utf8_lossy(value);
                Err(Error::new(ErrorKind::Host, without_secrets(&value)))
            }
            _ => Ok(()),
        }
    }

    /// Sets the body. The default is [`Payload::Empty`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Payload, Request};
    /// let request = Request::new("PUT", "https://examplebucket.s3.amazonaws.com/key")?
    ///     .payload(Payload::Bytes(b"hello"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub fn payload(mut self, payload: Payload<'a>) -> Self {
        self.payload = payload;
        self
    }

    /// Leaves the session token (`x-amz-security-token`, `x-amz-s3session-token`) and the
    /// `x-amz-region-set` of an older signature out of the new one.
    ///
    /// Remove them from the request if the new signature does not set them. Without this, and with
    /// credentials that have no token, they are signed like any other header.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// # let signer = Signer::s3("us-east-1")?;
    /// let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?
    ///     .header("x-amz-security-token", "of other credentials")?
    ///     .without_older_signature();
    /// let signature = signer.sign(&request, &credentials, now)?;
    /// assert!(!signature.authorization().contains("x-amz-security-token"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub fn without_older_signature(mut self) -> Self {
        self.is_resigned = true;
        self
    }

    /// Sets the body, and replaces an older signature, in place: moving a request costs more.
    #[cfg(feature = "http")]
    pub(crate) fn replace_signature(&mut self, payload: Payload<'a>) {
        self.payload = payload;
        self.is_resigned = true;
    }

    /// Returns the method, as given.
    pub fn method(&self) -> &str {
        self.method
    }

    /// Returns the host as it is signed: in lower case, with the port unless it is the scheme's
    /// default.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the path, as given.
    pub fn path(&self) -> &str {
        self.path
    }

    /// Returns the part after the `?`, as given, or an empty text.
    pub fn query(&self) -> &str {
        self.query
    }

    /// Returns a request of parts that the crate `http` has checked already: its methods, URIs and
    /// headers have no control characters.
    #[cfg(feature = "http")]
    pub(crate) fn from_parsed(
        method: &'a str,
        scheme: &'a str,
        authority: &'a str,
        path: &'a str,
        query: &'a str,
        map: &'a http::HeaderMap,
    ) -> Result<Self, Error> {
        Ok(Self {
            map: Some(map),
            ..Self::from_checked(method, scheme, authority, path, query)?
        })
    }

    fn from_checked(
        method: &'a str,
        scheme: &'a str,
        authority: &'a str,
        path: &'a str,
        query: &'a str,
    ) -> Result<Self, Error> {
        Ok(Self {
            method,
            scheme,
            host: canonical_host(scheme, authority)?,
            path,
            query,
            list: &[],
            #[cfg(feature = "http")]
            map: None,
            added: Vec::new(),
            payload: Payload::Empty,
            is_resigned: false,
            ignores_host_headers: false,
            signs_every_header: false,
        })
    }

    pub(crate) fn path_or_root(&self) -> &str {
        if self.path.is_empty() { "/" } else { self.path }
    }

    pub(crate) fn scheme(&self) -> &str {
        self.scheme
    }

    pub(crate) fn is_resigned(&self) -> bool {
        self.is_resigned
    }

    /// Returns the request with only the headers whose names `keep` accepts, which are all signed.
    pub(crate) fn with_only<'s>(&'s self, keep: impl Fn(&str) -> bool) -> Request<'s> {
        let mut kept: Vec<(&'s str, &'s [u8])> = Vec::new();
        self.for_each_header(|name, value| {
            // Names are tokens, so they are text.
            let name = core::str::from_utf8(name).unwrap_or_default();
            if keep(name) {
                kept.push((name, value));
            }
        });
        Request {
            list: &[],
            #[cfg(feature = "http")]
            map: None,
            added: kept,
            signs_every_header: true,
            ..self.clone()
        }
    }

    pub(crate) fn signs_every_header(&self) -> bool {
        self.signs_every_header
    }

    pub(crate) fn body(&self) -> Payload<'a> {
        self.payload
    }

    /// Refuses a body whose pieces are signed with another algorithm than the request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Payload`] if so. Event streams are signed with SigV4 only.
    #[inline]
    pub(crate) fn check_pieces(&self, algorithm: &str) -> Result<(), Error> {
        match self.payload {
            Payload::Streaming(form) => form.check_algorithm(algorithm),
            Payload::Declared => self.check_announced(algorithm),
            _ => Ok(()),
        }
    }

    /// Refuses a body that a presigned URL cannot have.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Payload`] if it is sent in pieces: the URL cannot announce that. If a header of
    /// the request does, it is refused as by [`check_pieces`](Self::check_pieces).
    pub(crate) fn check_presigned(&self, algorithm: &str) -> Result<(), Error> {
        match self.payload {
            Payload::Streaming(form) => Err(Error::new(ErrorKind::Payload, form.as_str())),
            _ => self.check_announced(algorithm),
        }
    }

    /// Refuses pieces of another algorithm that `x-amz-content-sha256` announces.
    fn check_announced(&self, algorithm: &str) -> Result<(), Error> {
        self.find_header(CONTENT_SHA256.as_bytes())
            .and_then(Streaming::parse)
            .map_or(Ok(()), |form| form.check_algorithm(algorithm))
    }

    /// Returns true if the value of a `Host` header names the host of this request.
    pub(crate) fn is_host(&self, received: &[u8]) -> bool {
        received == self.host.as_bytes()
            || core::str::from_utf8(received)
                .ok()
                .and_then(|received| canonical_host(self.scheme, received).ok())
                .is_some_and(|received| received == self.host)
    }

    /// Calls `f` with each header in order, duplicates included. Names are in any case.
    #[inline]
    pub(crate) fn for_each_header<'s>(&'s self, mut f: impl FnMut(&'s [u8], &'s [u8])) {
        let mut f = |name: &'s [u8], value| {
            if !(self.ignores_host_headers && name.eq_ignore_ascii_case(b"host")) {
                f(name, value);
            }
        };
        #[cfg(feature = "http")]
        if let Some(map) = self.map {
            for (name, value) in map {
                f(name.as_str().as_bytes(), value.as_bytes());
            }
        }
        for (name, value) in self.list {
            f(name.as_bytes(), value.as_bytes());
        }
        for (name, value) in &self.added {
            f(name.as_bytes(), value);
        }
    }

    /// Returns the trimmed value of the first header of that name.
    pub(crate) fn find_header(&self, name: &[u8]) -> Option<&[u8]> {
        let mut found = None;
        self.for_each_header(|other, value| {
            if found.is_none() && other.eq_ignore_ascii_case(name) {
                found = Some(value.trim_ascii());
            }
        });
        found
    }
}

impl fmt::Debug for Request<'_> {
    /// Shows neither the query nor the values of headers, which may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Vec::new();
        self.for_each_header(|name, _| names.push(String::from_utf8_lossy(name)));
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.host)
            .field("path", &self.path)
            .field("headers", &names)
            .field("payload", &self.payload)
            .finish_non_exhaustive()
    }
}

/// 1 GiB, far more than any server accepts.
const MAX_TARGET: usize = 1 << 30;

/// Checks a target, and splits it into path and query.
#[inline]
fn split_target(target: &str) -> Result<(&str, &str), Error> {
    if !target.is_empty() && !target.starts_with(['/', '?'])
        || target.len() > MAX_TARGET
        || !scan::all(target.as_bytes(), |byte| (byte >= b' ') & (byte != 0x7f))
    {
        return Err(Error::new(ErrorKind::Url, without_secrets(target)));
    }
    Ok(match scan::find(target.as_bytes(), b'?') {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, ""),
    })
}

/// Splits a URL after its scheme, RFC 3986, section 3.1.
fn split_scheme(url: &str) -> Option<(&str, &str)> {
    if let Some(rest) = url.strip_prefix("https://") {
        return Some(("https", rest));
    }
    let is_scheme_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let (scheme, rest) = url.split_once("://")?;
    (!scheme.is_empty() && scheme.bytes().all(is_scheme_byte)).then_some((scheme, rest))
}

/// Returns true if two `Host` headers have the same value.
pub(crate) fn is_same_host(a: &[u8], b: &[u8]) -> bool {
    a.trim_ascii().eq_ignore_ascii_case(b.trim_ascii())
}

/// Returns the host in lower case, without the scheme's default port. An IPv6 address keeps its
/// brackets.
fn canonical_host<'a>(scheme: &str, authority: &'a str) -> Result<Cow<'a, str>, Error> {
    if !authority.is_empty() && scan::all(authority.as_bytes(), is_plain_host_byte) {
        return Ok(Cow::Borrowed(authority));
    }
    uncommon_host(scheme, authority)
}

/// Returns true for the bytes of most hosts. It has no branch, for [`scan::all`].
fn is_plain_host_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() | byte.is_ascii_digit() | (byte == b'-') | (byte == b'.')
}

fn uncommon_host<'a>(scheme: &str, host: &'a str) -> Result<Cow<'a, str>, Error> {
    let (name, port) = match host.rfind([':', ']']) {
        Some(at) if host.as_bytes()[at] == b':' => (&host[..at], &host[at + 1..]),
        _ => (host, ""),
    };
    let bracketed = name.starts_with('[') && name.ends_with(']');
    let name_byte = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%')
            || bracketed && matches!(byte, b'[' | b']' | b':')
    };
    if name.is_empty() || !name.bytes().all(name_byte) || !port.bytes().all(|b| b.is_ascii_digit())
    {
        return Err(Error::new(ErrorKind::Host, without_secrets(host)));
    }
    let host = if port.is_empty() || is_default_port(scheme, port) {
        name
    } else {
        host
    };
    Ok(if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    })
}

fn is_default_port(scheme: &str, port: &str) -> bool {
    match port {
        "443" => scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("wss"),
        "80" => scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("ws"),
        _ => false,
    }
}

/// Returns the part of a URL, or of its end, that a message may repeat.
///
/// User information and the query may hold secrets, and so may everything after a colon if the URL
/// is malformed.
pub(crate) fn without_secrets(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    // User information may have a colon too, so it is cut off first.
    let url = url.rsplit_once('@').map_or(url, |(_, rest)| rest);
    url.split(':').next().unwrap_or_default()
}

fn check_header(name: &str, value: &[u8]) -> Result<(), Error> {
    if !is_token(name) {
        return Err(Error::new(ErrorKind::HeaderName, name));
    }
    // Bytes from 0x80 on are sent and signed as they are.
    if !scan::all(value, |byte| (byte >= b' ') & (byte != 0x7f)) && !has_only_folds(value) {
        return Err(Error::new(ErrorKind::HeaderValue, name));
    }
    Ok(())
}

/// Returns true if the only control characters are tabs, and line ends followed by a space or a
/// tab.
///
/// Source: RFC 9112, section 5.2.
fn has_only_folds(value: &[u8]) -> bool {
    let mut rest = value.iter().peekable();
    while let Some(byte) = rest.next() {
        let ok = match byte {
            b'\t' => true,
            b'\r' => rest.peek() == Some(&&b'\n'),
            b'\n' => matches!(rest.peek(), Some(b' ' | b'\t')),
            byte => !byte.is_ascii_control(),
        };
        if !ok {
            return false;
        }
    }
    true
}

/// Returns true if the text is an HTTP token, RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_common = |byte: u8| byte.is_ascii_alphanumeric() | (byte == b'-');
    let is_token_byte = |byte: u8| is_common(byte) || b"!#$%&'*+.^_`|~".contains(&byte);
    !text.is_empty() && (scan::all(text.as_bytes(), is_common) || text.bytes().all(is_token_byte))
}

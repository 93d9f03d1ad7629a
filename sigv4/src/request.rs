use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;

use crate::{
    codec::scan,
    error::{Error, ErrorKind},
    payload::Payload,
};

/// A request to sign or to verify, borrowed from its caller.
///
/// Everything is taken in its wire form and never parsed again: the path and the query are the bytes that are sent, so
/// a blank in a key is already `%20`. What was checked here cannot fail later, so signing has no error.
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
    /// Lower-case, without the default port. Also what the signed URL says.
    host: Cow<'a, str>,
    path: &'a str,
    query: &'a str,
    /// Headers that were borrowed as a whole.
    list: &'a [(&'a str, &'a str)],
    #[cfg(feature = "http")]
    map: Option<&'a http::HeaderMap>,
    /// Headers that were added one by one.
    added: Vec<(&'a str, &'a [u8])>,
    payload: Payload<'a>,
    /// Whether a session token and a set of regions among the headers are those of an older signature.
    is_resigned: bool,
}

impl<'a> Request<'a> {
    /// From an absolute URL as it will be sent. A fragment is left out, as it is not sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Method`] when the method is not an HTTP token; [`ErrorKind::Url`] when there is no `scheme://`, or a
    /// control character; [`ErrorKind::Host`] when the host is missing or malformed, or has user information in front: a
    /// client would make another `Authorization` header of it.
    pub fn new(method: &'a str, url: &'a str) -> Result<Self, Error> {
        let (scheme, rest) =
            split_scheme(url).ok_or_else(|| Error::new(ErrorKind::Url, without_secrets(url)))?;
        let end = |byte| matches!(byte, b'/' | b'?' | b'#');
        let at = rest.bytes().position(end).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(at);
        let at = scan::find(target.as_bytes(), b'#');
        let target = &target[..at.unwrap_or(target.len())];
        Self::from_parts(method, scheme, authority, target)
    }

    /// From the scheme, the authority (host, and port if it is not the default one) and the target (path and query) as they
    /// will be sent.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); [`ErrorKind::Url`] also when the target begins with neither `/` nor `?`,
    /// or is longer than a gibibyte.
    pub fn from_parts(
        method: &'a str,
        scheme: &'a str,
        authority: &'a str,
        target: &'a str,
    ) -> Result<Self, Error> {
        if !is_token(method) {
            return Err(Error::new(ErrorKind::Method, method));
        }
        if !target.is_empty() && !target.starts_with(['/', '?'])
            || target.len() > MAX_TARGET
            || !scan::all(target.as_bytes(), |byte| (byte >= b' ') & (byte != 0x7f))
        {
            return Err(Error::new(ErrorKind::Url, without_secrets(target)));
        }
        let (path, query) = match scan::find(target.as_bytes(), b'?') {
            Some(at) => (&target[..at], &target[at + 1..]),
            None => (target, ""),
        };
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
        })
    }

    /// From what a server receives: the target of the request line, and all headers, `Host` among them (of HTTP/2, its
    /// `:authority` under that name). The scheme is taken to be `https`.
    ///
    /// # Errors
    ///
    /// As [`from_parts`](Self::from_parts) and [`headers`](Self::headers); [`ErrorKind::Host`] when there is no `Host`.
    pub fn from_wire(
        method: &'a str,
        target: &'a str,
        headers: &'a [(&'a str, &'a str)],
    ) -> Result<Self, Error> {
        let host = headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("host"))
            .map_or("", |(_, value)| value.trim());
        Self::from_parts(method, "https", host, target)?.headers(headers)
    }

    /// With one more header. One that is repeated is signed as its values joined by `,`, in order.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::HeaderName`] when the name is not an HTTP token; [`ErrorKind::HeaderValue`] when the value holds a control
    /// character other than a tab or a folded line end.
    pub fn header(
        mut self,
        name: &'a str,
        value: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> Result<Self, Error> {
        check_header(name, value.as_ref())?;
        if self.added.capacity() == 0 {
            self.added.reserve(8);
        }
        self.added.push((name, value.as_ref()));
        Ok(self)
    }

    /// With these headers, borrowed as they are, in place of any list given before.
    ///
    /// # Errors
    ///
    /// As [`header`](Self::header).
    pub fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Result<Self, Error> {
        for (name, value) in headers {
            check_header(name, value.as_bytes())?;
        }
        self.list = headers;
        Ok(self)
    }

    /// With a body. Without one it is [`Payload::Empty`].
    #[must_use]
    pub fn payload(mut self, payload: Payload<'a>) -> Self {
        self.payload = payload;
        self
    }

    /// As a request whose headers hold an older signature: its session token (`x-amz-security-token`,
    /// `x-amz-s3session-token`) and its `x-amz-region-set` are left out of the new one, and must be taken off the request
    /// where the new one has none. Otherwise, with credentials that have no token, they are headers like any other.
    #[must_use]
    pub fn without_older_signature(mut self) -> Self {
        self.is_resigned = true;
        self
    }

    /// The method, as given.
    pub fn method(&self) -> &str {
        self.method
    }

    /// The host of the URL as it is signed: lower-case, with the port only if it is not the scheme's default.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path, as given.
    pub fn path(&self) -> &str {
        self.path
    }

    /// What follows the `?`, as given; empty without one.
    pub fn query(&self) -> &str {
        self.query
    }

    /// Of parts that the crate `http` has checked already: its method, URI and headers hold no control characters.
    #[cfg(feature = "http")]
    pub(crate) fn from_parsed(
        method: &'a str,
        scheme: &'a str,
        authority: &'a str,
        (path, query): (&'a str, &'a str),
        map: &'a http::HeaderMap,
    ) -> Result<Self, Error> {
        Ok(Self {
            method,
            scheme,
            host: canonical_host(scheme, authority)?,
            path,
            query,
            list: &[],
            map: Some(map),
            added: Vec::new(),
            payload: Payload::Empty,
            is_resigned: false,
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

    pub(crate) fn body(&self) -> Payload<'a> {
        self.payload
    }

    /// Calls `f` with each header in order, duplicates included. Names are in any case.
    #[inline]
    pub(crate) fn for_each_header<'s>(&'s self, mut f: impl FnMut(&'s [u8], &'s [u8])) {
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

    /// The first header of that name, trimmed.
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
    /// Neither the query nor a header's value is shown: they may hold a token.
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

/// Far beyond what any server takes.
const MAX_TARGET: usize = 1 << 30;

/// RFC 3986, section 3.1.
fn split_scheme(url: &str) -> Option<(&str, &str)> {
    if let Some(rest) = url.strip_prefix("https://") {
        return Some(("https", rest));
    }
    let is_scheme_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let (scheme, rest) = url.split_once("://")?;
    (!scheme.is_empty() && scheme.bytes().all(is_scheme_byte)).then_some((scheme, rest))
}

/// Lower-case, the scheme's default port left out; an IPv6 address keeps its brackets.
fn canonical_host<'a>(scheme: &str, authority: &'a str) -> Result<Cow<'a, str>, Error> {
    if !authority.is_empty() && scan::all(authority.as_bytes(), is_plain_host_byte) {
        return Ok(Cow::Borrowed(authority));
    }
    uncommon_host(scheme, authority)
}

/// Without a branch, for [`scan::all`].
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

/// The part of a URL, or of its end, that may be repeated in a message: user information and the query may hold
/// secrets, and so may whatever follows a colon when the URL is malformed.
pub(crate) fn without_secrets(url: &str) -> &str {
    let url = url.split(['?', '#', ':']).next().unwrap_or_default();
    url.rsplit_once('@').map_or(url, |(_, rest)| rest)
}

fn check_header(name: &str, value: &[u8]) -> Result<(), Error> {
    if !is_token(name) {
        return Err(Error::new(ErrorKind::HeaderName, name));
    }
    // Bytes from 0x80 on are sent and signed as they are.
    if !scan::all(value, |byte| (byte >= b' ') & (byte != 0x7f)) && !is_folded(value) {
        return Err(Error::new(ErrorKind::HeaderValue, name));
    }
    Ok(())
}

/// Whether the only control characters are tabs and line ends that a blank follows (RFC 9112, section 5.2).
fn is_folded(value: &[u8]) -> bool {
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

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_common = |byte: u8| byte.is_ascii_alphanumeric() | (byte == b'-');
    let is_token_byte = |byte: u8| is_common(byte) || b"!#$%&'*+.^_`|~".contains(&byte);
    !text.is_empty() && (scan::all(text.as_bytes(), is_common) || text.bytes().all(is_token_byte))
}

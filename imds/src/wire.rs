//! The protocol without I/O: requests to send, and the meaning of their answers.
//!
//! `Client` is these functions and a connection. Use them with another HTTP client:
//!
//! ```
//! use bytes::Bytes;
//! use keyfob_imds::{Endpoint, Path, wire::{self, TokenTtl}};
//!
//! let (endpoint, ttl) = (Endpoint::default(), TokenTtl::MAX);
//! let request = wire::token_request(&endpoint, ttl);
//! assert_eq!((request.method().as_str(), request.uri().path()), ("PUT", "/latest/api/token"));
//!
//! let response = http::Response::new(Bytes::from_static(b"AQAEALEXAMPLE=="));
//! let token = wire::token(&response, ttl)?;
//!
//! let path = Path::new("placement/region")?;
//! let request = wire::get_request(&endpoint, &path, Some(&token));
//! assert!(request.headers()[wire::TOKEN_HEADER].is_sensitive());
//!
//! let region = wire::value(http::Response::new(Bytes::from_static(b"eu-west-1")), &path)?;
//! assert_eq!(region, "eu-west-1");
//! # Ok::<(), keyfob_imds::Error>(())
//! ```

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};

use crate::{endpoint::Endpoint, error::Error, path::Path};

/// The header of the session token in a `GET`.
pub const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
/// The header of a session token's time to live, in the `PUT` and in its answer.
pub const TTL_HEADER: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
/// The path of session tokens.
pub const TOKEN_PATH: Path<'static> = Path::known("/latest/api/token");

/// The name that EC2's own metadata server gives itself in `Server`.
const EC2_SERVER: HeaderValue = HeaderValue::from_static("EC2ws");

pub(crate) const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("keyfob-imds/", env!("CARGO_PKG_VERSION")));

/// The time to live of a session token: 1 to 21,600 seconds (six hours).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenTtl(u32);

impl TokenTtl {
    /// Six hours, the maximum, which every client asks for.
    pub const MAX: Self = Self(21_600);

    /// Returns a time to live in seconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it is not within 1 to 21,600.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::wire::TokenTtl;
    ///
    /// assert_eq!(TokenTtl::from_secs(300)?.as_secs(), 300);
    /// assert!(TokenTtl::from_secs(21_601).is_err());
    /// # Ok::<(), keyfob_imds::Error>(())
    /// ```
    pub fn from_secs(seconds: u32) -> Result<Self, Error> {
        match seconds {
            1..=21_600 => Ok(Self(seconds)),
            _ => Err(Error::setting(format!(
                "invalid time to live of a session token: {seconds} is not within 1 to 21600 \
                 seconds"
            ))),
        }
    }

    /// Parses [`TTL_HEADER`], which must be there once and be a number without a sign.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TTL_HEADER).iter();
        let (value, None) = (values.next()?, values.next()) else {
            return None;
        };
        let text = value.to_str().ok()?.trim();
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        Self::from_secs(text.parse().ok().filter(|_| is_number)?).ok()
    }

    /// Returns the time in seconds.
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// Returns the time as a duration.
    pub const fn as_duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

/// A session token. `Debug` does not show it.
#[derive(Clone)]
pub struct Token {
    value: HeaderValue,
    ttl: TokenTtl,
}

impl Token {
    /// Returns the value of [`TOKEN_HEADER`], marked sensitive.
    pub fn header_value(&self) -> HeaderValue {
        self.value.clone()
    }

    /// Returns the token's text. With it, everyone who can reach the service can read the metadata,
    /// credentials included.
    pub fn expose(&self) -> &str {
        // A token is visible ASCII, so the fallback is never used.
        self.value.to_str().unwrap_or_default()
    }

    /// Returns how long it lives, from the time of the request for it.
    pub fn ttl(&self) -> TokenTtl {
        self.ttl
    }

    /// Returns true if both are the same text.
    #[cfg(feature = "client")]
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("value", &"redacted")
            .field("ttl", &self.ttl)
            .finish()
    }
}

/// Returns the `PUT` that opens a session. Its body is empty.
pub fn token_request(endpoint: &Endpoint, ttl: TokenTtl) -> Request<()> {
    let mut request = request(Method::PUT, endpoint, &TOKEN_PATH);
    request.headers_mut().insert(TTL_HEADER, ttl.0.into());
    request
}

/// Returns the session token in the answer to [`token_request`].
///
/// It lives as long as the answer's own header says. If that is missing or invalid (some emulators
/// send none), it lives for `requested`.
///
/// # Errors
///
/// - [`BadRequest`](crate::ErrorKind::BadRequest), [`Forbidden`](crate::ErrorKind::Forbidden),
///   [`TokenUnsupported`](crate::ErrorKind::TokenUnsupported),
///   [`Throttled`](crate::ErrorKind::Throttled), [`Server`](crate::ErrorKind::Server) or
///   [`Status`](crate::ErrorKind::Status) if the status is not 200
/// - [`BadToken`](crate::ErrorKind::BadToken) if the body cannot be sent in a header
pub fn token(response: &Response<Bytes>, requested: TokenTtl) -> Result<Token, Error> {
    if response.status() != StatusCode::OK {
        let by_ec2 = response.headers().get(header::SERVER) == Some(&EC2_SERVER);
        return Err(Error::from_token_status(response.status(), by_ec2));
    }
    let ttl = TokenTtl::from_headers(response.headers()).unwrap_or(requested);
    let value = sensitive(response.body()).ok_or_else(|| {
        Error::bad_token(
            "the session token is empty or contains a space or a control character: this is not the \
             metadata service",
        )
        .with_no_instance(true)
    })?;
    Ok(Token { value, ttl })
}

/// Returns the `GET` of an item. Without a token it is an IMDSv1 request.
pub fn get_request(endpoint: &Endpoint, path: &Path, token: Option<&Token>) -> Request<()> {
    let mut request = request(Method::GET, endpoint, path);
    if let Some(token) = token {
        request
            .headers_mut()
            .insert(TOKEN_HEADER, token.value.clone());
    }
    request
}

/// Returns the value in the answer to [`get_request`]: any bytes.
///
/// # Errors
///
/// One of [`ErrorKind`](crate::ErrorKind)'s if the status is not 200, most often
/// [`NotFound`](crate::ErrorKind::NotFound).
pub fn value(response: Response<Bytes>, path: &Path) -> Result<Bytes, Error> {
    match response.status() {
        StatusCode::OK => Ok(response.into_body()),
        status => Err(Error::from_status(status, path.as_str())),
    }
}

/// Returns a value as text.
///
/// # Errors
///
/// [`ErrorKind::Response`](crate::ErrorKind::Response) if it is not UTF-8.
pub fn text(value: Bytes, path: &Path) -> Result<String, Error> {
    String::from_utf8(value.into())
        .map_err(|_| Error::response(format!("{path} is not text (UTF-8): read it as bytes")))
}

/// Returns the names in a directory: one a line, without the whitespace around them and without
/// empty lines. Directories end with `/`.
///
/// # Examples
///
/// ```
/// use keyfob_imds::wire;
///
/// let names: Vec<_> = wire::names("ami-id\nblock-device-mapping/\n").collect();
/// assert_eq!(names, ["ami-id", "block-device-mapping/"]);
/// ```
pub fn names(listing: &str) -> impl Iterator<Item = &str> {
    listing
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// Returns the name of the role in a listing: the first one. It may stand below other names or be
/// an ARN: `kube2iam` lists the role as the annotation of the pod has it.
///
/// # Errors
///
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the listing is empty,
/// [`ErrorKind::Response`](crate::ErrorKind::Response) if it is something else than names. A
/// service that answers each path with one text may have sent credentials, which must not be shown
/// as a name or become part of the next path: the error does not repeat it.
#[cfg(feature = "client")]
pub(crate) fn listed_role(listing: &str) -> Result<&str, Error> {
    let listed = names(listing).next().ok_or_else(Error::no_role)?;
    let listed = listed.trim_end_matches('/');
    let is_fitting = listed.len() <= LONGEST_ROLE && !listed.split('/').any(is_step_or_secret);
    let is_valid = is_fitting
        && match path_and_name(listed) {
            Some(("", name)) => is_role_name(name),
            Some((path, name)) => is_role_path(path) && is_role_name(name),
            None => listed.split('/').all(is_role_name) && !is_named_secret(listed),
        };
    if is_valid {
        Ok(listed)
    } else {
        Err(Error::response(
            "the service listed something that is not the name of a role (up to 64 letters, \
             digits and _+=,.@-) nor its ARN: is the metadata endpoint set to another service?",
        ))
    }
}

/// Returns the path and the name in the ARN of a role: `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`.
#[cfg(feature = "client")]
fn path_and_name(arn: &str) -> Option<(&str, &str)> {
    let (partition, rest) = arn.strip_prefix("arn:")?.split_once(":iam::")?;
    let (account, below) = rest.split_once(":role/")?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_partition = partition.starts_with("aws")
        && partition
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    (is_account && is_partition).then(|| below.rsplit_once('/').unwrap_or(("", below)))
}

/// Source: IAM API Reference, "CreateRole", parameter `Path`, whose two slashes are not here.
#[cfg(feature = "client")]
fn is_role_path(path: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic();
    matches!(path.len(), 1..=510) && path.bytes().all(allowed)
}

/// The length of an ARN with the longest path and name, and some more.
#[cfg(feature = "client")]
const LONGEST_ROLE: usize = 700;

/// Returns true for what would do as the name of a role, but is a step in a path, the ID of an
/// access key or a JSON web token.
#[cfg(feature = "client")]
fn is_step_or_secret(name: &str) -> bool {
    let is_key_id = name.len() == 20
        && (name.starts_with("AKIA") || name.starts_with("ASIA"))
        && name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let is_token = name.starts_with("eyJ") && name.matches('.').count() == 2;
    matches!(name, "." | "..") || is_key_id || is_token
}

/// Returns true for a member of credentials with its value, such as `SecretAccessKey=…`, which
/// would do as the name of a role.
#[cfg(feature = "client")]
fn is_named_secret(text: &str) -> bool {
    let name = text.split_once('=').map_or("", |(name, _)| name);
    let name = name.to_ascii_lowercase().replace('_', "");
    ["accesskey", "password", "secret", "token"]
        .iter()
        .any(|part| name.contains(part))
}

/// Source: IAM API Reference, "CreateRole", parameter `RoleName`.
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) fn is_role_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    matches!(name.len(), 1..=64) && name.bytes().all(allowed)
}

/// Returns a token as a header value that logs do not show. Only visible ASCII is accepted.
fn sensitive(token: &[u8]) -> Option<HeaderValue> {
    let is_visible = !token.is_empty() && token.iter().all(u8::is_ascii_graphic);
    let mut value = HeaderValue::from_bytes(token).ok().filter(|_| is_visible)?;
    value.set_sensitive(true);
    Some(value)
}

fn request(method: Method, endpoint: &Endpoint, path: &Path) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = endpoint.join(path);
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::USER_AGENT, USER_AGENT);
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn response(status: u16, body: &'static [u8]) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from_static(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    }

    #[test]
    fn the_granted_time_to_live_counts_if_it_is_valid() {
        let requested = TokenTtl::from_secs(60).unwrap();
        for (granted, lives) in [("300", 300), ("0", 60), ("21601", 60), ("x", 60)] {
            let mut response = response(200, b"token");
            response
                .headers_mut()
                .insert(TTL_HEADER, granted.parse().unwrap());
            assert_eq!(token(&response, requested).unwrap().ttl().as_secs(), lives);
        }
        let without = token(&response(200, b"token"), requested).unwrap();
        assert_eq!(without.ttl(), requested);
    }

    #[test]
    fn a_token_that_cannot_be_sent_is_rejected_and_none_is_shown() {
        for body in [&b""[..], b"a\nb", b"a\rb", b"a b", b"\xff", b"canary\0"] {
            let error = token(&response(200, Box::leak(body.into())), TokenTtl::MAX).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadToken);
            assert!(!format!("{error:?}").contains("canary"));
        }
        let token = token(&response(200, b"canary"), TokenTtl::MAX).unwrap();
        let request = get_request(&Endpoint::default(), &TOKEN_PATH, Some(&token));
        assert!(!format!("{token:?} {request:?}").contains("canary"));
    }

    #[test]
    fn each_status_has_its_kind() {
        let path = Path::known("/latest/x");
        for (status, put, get) in [
            (400, ErrorKind::BadRequest, ErrorKind::BadRequest),
            (401, ErrorKind::Status, ErrorKind::Unauthorized),
            (403, ErrorKind::Forbidden, ErrorKind::Forbidden),
            (404, ErrorKind::TokenUnsupported, ErrorKind::NotFound),
            (405, ErrorKind::TokenUnsupported, ErrorKind::Status),
            (429, ErrorKind::Throttled, ErrorKind::Throttled),
            (503, ErrorKind::Server, ErrorKind::Server),
            (302, ErrorKind::Status, ErrorKind::Status),
        ] {
            let error = token(&response(status, b"canary"), TokenTtl::MAX).unwrap_err();
            assert_eq!((error.kind(), error.status()), (put, Some(status)));
            let error = value(response(status, b"canary"), &path).unwrap_err();
            assert_eq!((error.kind(), error.status()), (get, Some(status)));
            assert!(!format!("{error:?}").contains("canary"));
        }
    }

    #[cfg(feature = "client")]
    #[test]
    fn a_listed_role_is_a_name_or_an_arn_and_never_a_secret() {
        let arn = "arn:aws:iam::123456789012:role";
        let long = "p".repeat(510);
        for listed in [
            "web",
            "tf/k8s/discovery",
            "token-service",
            "AKIA-reader",
            "a.b..c",
            "env=prod,team=token",
            &format!("{arn}/reader"),
            &format!("{arn}/path/to/reader"),
            &format!("{arn}/a:b!c/{}", "r".repeat(64)),
            &format!("{arn}/{long}/reader"),
            "arn:aws-us-gov:iam::123456789012:role/reader",
        ] {
            assert_eq!(listed_role(listed).unwrap(), listed);
        }
        for listed in [
            "a:b",
            arn,
            "arn:aws:iam::1:role/reader",
            "arn:aws:iam::123456789012:user/reader",
            "arn:aws:sts::123456789012:assumed-role/reader/x",
            "arn::iam::123456789012:role/reader",
            &format!("{arn}/path/not a name"),
            &format!("{arn}/pa\u{e9}th/reader"),
            &format!("{arn}//{}", "r".repeat(65)),
            &format!("{arn}/{long}p/reader"),
            "SecretAccessKey=wJalrXUtnFEMIcanary",
            "aws_session_token=canary",
            "AWS_SECRET_ACCESS_KEY=canary",
            "{canary",
            "AKIACANARY0000000000",
            "a/ASIACANARY0000000000",
            "eyJcanary.eyJcanary.canary",
            "password=canary",
            "..",
            "a/./b",
            &format!("{arn}/../reader"),
            &"part/".repeat(200),
        ] {
            let error = listed_role(listed).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Response, "{listed}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn listings_are_lines() {
        let all: Vec<_> = names(" role-a \r\nmac/\n\n").collect();
        assert_eq!(all, ["role-a", "mac/"]);
    }
}

use alloc::{string::String, vec::Vec};
use core::{fmt, ops::Range};

use super::explain::Explanation;
use crate::{
    canonical::{self, CanonicalHeaders, CanonicalQuery, Headers, Overrides, Path, Query, Rules},
    codec::{hex, percent, sha256::Sha256, sink::Sink, small_vec::SmallVec},
    credentials::Credentials,
    error::{Error, ErrorKind},
    header_names::CONTENT_SHA256,
    key::Algorithm,
    payload::{self, ContentHash, UNSIGNED_PAYLOAD},
    request::Request,
    secret::Secret,
    timestamp::{AmzDate, Timestamp},
};

/// How long a presigned URL is valid: 1 second to 7 days.
///
/// Source: S3, "Authenticating requests: using query parameters", `X-Amz-Expires`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(u32);

impl Ttl {
    /// 7 days, the longest that AWS accepts.
    pub const MAX: Self = Self(604_800);
    /// No time in the URL, so that the service's own limit applies. Few services accept such URLs;
    /// S3 does not, so presigning for it is an error.
    pub const UNSTATED: Self = Self(0);

    /// Returns a time to live of 1 to 604800 seconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Ttl`] if the number is out of that range.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Ttl;
    /// let hour = Ttl::from_secs(3600)?;
    /// assert!(hour < Ttl::MAX);
    /// assert!(Ttl::from_secs(604_801).is_err());
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn from_secs(seconds: u64) -> Result<Self, Error> {
        match u32::try_from(seconds) {
            Ok(seconds @ 1..=604_800) => Ok(Self(seconds)),
            _ => Err(Error::number(ErrorKind::Ttl, seconds)),
        }
    }

    /// Returns a time to live that is known to be in range.
    #[cfg(feature = "tokens")]
    pub(crate) const fn new(seconds: u32) -> Self {
        Self(seconds)
    }

    /// Returns the number of seconds; 0 for [`UNSTATED`](Self::UNSTATED).
    pub const fn as_secs(self) -> u32 {
        self.0
    }
}

/// A URL that carries its signature, as [`Signer::presign`](crate::Signer::presign) makes it.
///
/// Anyone who has the URL can use it, so `Debug` does not show it and there is no `Display`.
#[derive(Clone)]
pub struct Presigned {
    url: String,
    expiry: Option<Timestamp>,
    credentials_expiry: Option<Timestamp>,
}

impl Presigned {
    /// Returns the URL. Send it as it is: parsing and writing it again may change what was signed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Ttl};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
    /// let url = Signer::s3("us-east-1")?.presign(&request, &credentials, now, Ttl::MAX)?;
    /// assert!(url.as_str().contains("/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Returns the URL, as [`as_str`](Self::as_str), without a copy.
    pub fn into_string(self) -> String {
        self.url
    }

    /// Returns the signature alone: 64 lower-case hex digits, or up to 144 with SigV4a.
    pub fn signature(&self) -> &str {
        let at = self
            .url
            .rfind(SIGNATURE)
            .map_or(0, |at| at + SIGNATURE.len());
        &self.url[at..]
    }

    /// Returns the names of the signed headers, in lower case and joined by `;`, as
    /// `X-Amz-SignedHeaders` has them.
    ///
    /// The user of the URL must send each with the value that was signed. Clients send `host` by
    /// themselves.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Ttl};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let request = Request::new("PUT", "https://examplebucket.s3.amazonaws.com/key")?
    ///     .header("content-type", "text/plain")?;
    /// let url = Signer::s3("us-east-1")?.presign(&request, &credentials, now, Ttl::MAX)?;
    /// assert_eq!(url.signed_headers(), "content-type;host");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn signed_headers(&self) -> String {
        let list = self
            .url
            .split("X-Amz-SignedHeaders=")
            .last()
            .and_then(|rest| rest.split('&').next())
            .unwrap_or_default();
        percent::decoded(list.as_bytes())
    }

    /// Returns when the URL expires: at the end of its time to live, or with the credentials if
    /// they expire earlier. `None` if neither is known.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Timestamp, Ttl};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
    /// let now: Timestamp = "2015-08-30T12:36:00Z".parse()?;
    /// let minute = Ttl::from_secs(60)?;
    /// let url = Signer::s3("us-east-1")?.presign(&request, &credentials, now, minute)?;
    /// assert_eq!(url.expiry(), Some("2015-08-30T12:37:00Z".parse()?));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn expiry(&self) -> Option<Timestamp> {
        match (self.expiry, self.credentials_expiry) {
            (Some(url), Some(credentials)) => Some(url.min(credentials)),
            (url, credentials) => url.or(credentials),
        }
    }

    /// Returns when the credentials expire, if that is before the end of the time to live. From
    /// then on the URL is refused, so warn the user.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Timestamp, Ttl};
    /// # let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
    /// let now: Timestamp = "2015-08-30T12:36:00Z".parse()?;
    /// let end = now.plus_seconds(900);
    /// let credentials = Credentials::new("AKIDEXAMPLE", "secret")?.with_expiry(end);
    /// let url = Signer::s3("us-east-1")?.presign(&request, &credentials, now, Ttl::MAX)?;
    /// assert_eq!(url.expires_early(), Some(end));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn expires_early(&self) -> Option<Timestamp> {
        self.credentials_expiry
            .filter(|end| self.expiry.is_some_and(|expiry| *end < expiry))
    }
}

impl fmt::Debug for Presigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigned")
            .field("expiry", &self.expiry())
            .finish_non_exhaustive()
    }
}

/// A request that is being signed with query parameters.
pub(crate) struct QueryForm<'a> {
    rules: Rules,
    algorithm: &'static str,
    /// `/us-east-1/iam/aws4_request`, what follows the date.
    suffix: &'a str,
    regions: Option<&'a str>,
    request: &'a Request<'a>,
    credentials: &'a Credentials,
    token: Option<&'a str>,
    date: AmzDate,
    at: Timestamp,
    ttl: Ttl,
    /// Whether the URL has the path as it is given.
    keeps_path: bool,
}

impl<'a> QueryForm<'a> {
    pub(crate) fn new<A: Algorithm>(
        rules: Rules,
        algorithm: &'a A,
        request: &'a Request<'a>,
        credentials: &'a Credentials,
        at: Timestamp,
        ttl: Ttl,
    ) -> Self {
        Self {
            rules,
            algorithm: A::NAME,
            suffix: algorithm.suffix(),
            regions: algorithm.regions(),
            request,
            credentials,
            token: credentials.session_token().map(Secret::expose),
            date: at.amz_date(),
            at,
            ttl,
            // Some servers verify the path of S3 as it is sent, others decode it and encode it
            // again: both accept the form that is signed. Elsewhere, clients escape what may not
            // stand in a URL, so it is escaped before it is signed.
            keeps_path: if rules.encodes_twice() {
                let mut path = request.path().bytes();
                path.all(|byte| percent::URL_PATH[usize::from(byte)])
            } else {
                canonical::is_signed_path(request.path(), rules)
            },
        }
    }

    pub(crate) fn sign(&self, algorithm: &impl Algorithm) -> Result<Presigned, Error> {
        let mut headers = Headers::new();
        let content = self.collect(&mut headers)?;
        let (mut url, mut query) = (Vec::with_capacity(self.url_length(&headers)), Query::new());
        let path = self.write_base(&mut url);
        let names = self.write_query(&mut url, &mut query, &headers);
        query.sort(&url);
        let mut hash = Sha256::new();
        let canonical = CanonicalHeaders {
            block: &headers,
            names: names.as_slice(),
        };
        let (path, query_text) = (self.path(&url[path]), query.within(&url));
        self.write(&mut hash, path, query_text, canonical, &content);
        let last_line = hex::encode(&hash.finish());
        // A token that is not signed comes after everything that is.
        if let Some(token) = self.token.filter(|_| !self.rules.signs_token()) {
            self.write_token(&mut url, &mut query, token);
        }
        url.extend_from_slice(SIGNATURE.as_bytes());
        algorithm.sign_line(self.credentials, &self.date, &last_line, &mut url);
        let expires = self.ttl != Ttl::UNSTATED;
        Ok(Presigned {
            // What was not ASCII came from a `str`, so the fallback is never taken.
            url: String::from_utf8(url).unwrap_or_default(),
            expiry: expires.then(|| self.at.plus_seconds(i64::from(self.ttl.0))),
            credentials_expiry: self.credentials.expiry(),
        })
    }

    pub(crate) fn explain(&self, algorithm: &impl Algorithm) -> Result<Explanation, Error> {
        let mut headers = Headers::new();
        let content = self.collect(&mut headers)?;
        let (mut url, mut query, mut text) = (Vec::new(), Query::new(), Vec::new());
        let path = self.write_base(&mut url);
        let names = self.write_query(&mut url, &mut query, &headers);
        query.sort(&url);
        let canonical = CanonicalHeaders {
            block: &headers,
            names: names.as_slice(),
        };
        let (path, query) = (self.path(&url[path]), query.within(&url));
        self.write(&mut text, path, query, canonical, &content);
        let (keys, date) = (self.credentials, &self.date);
        let names = names.as_slice();
        Ok(Explanation::new(algorithm, keys, date, &text, names))
    }

    /// Collects the headers to sign, sorted, and returns the hash of the body. Every way to presign
    /// passes here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Payload`] if the body is sent in pieces that the URL would have to announce, or
    /// that are signed with another algorithm. [`ErrorKind::Ttl`] if the rules require a lifetime
    /// and none is stated. [`ErrorKind::Host`] if two `Host` headers differ.
    #[inline]
    fn collect(&self, headers: &mut Headers<'a>) -> Result<ContentHash<'a>, Error> {
        self.request.check_presigned(self.algorithm)?;
        if self.ttl == Ttl::UNSTATED && self.rules.requires_lifetime() {
            return Err(Error::number(ErrorKind::Ttl, 0));
        }
        let overrides = Overrides::new(self.regions, self.token, self.request);
        let existing = headers.collect(self.request, self.rules, overrides);
        existing.check_host()?;
        let declared = existing.content_sha256;
        let content = if !self.rules.presigns_unsigned() {
            let content = ContentHash::new(self.request.body(), declared);
            if let Some(name) = content.name() {
                headers.add(CONTENT_SHA256, name);
            }
            content
        } else if let Some(hash) = declared.filter(|text| payload::stands_for_body(text)) {
            // S3 takes the hash in this header instead of `UNSIGNED-PAYLOAD`.
            headers.add(CONTENT_SHA256, hash);
            ContentHash::Declared(hash)
        } else {
            ContentHash::Static(UNSIGNED_PAYLOAD)
        };
        headers.sort();
        Ok(content)
    }

    /// Writes the URL up to its query, and returns where its path stands.
    fn write_base(&self, url: &mut Vec<u8>) -> Range<usize> {
        let request = self.request;
        for part in [request.scheme(), "://", request.host()] {
            url.extend_from_slice(part.as_bytes());
        }
        let start = url.len();
        if self.keeps_path {
            url.extend_from_slice(request.path_or_root().as_bytes());
        } else if self.rules.encodes_twice() {
            percent::escape(url, request.path().as_bytes(), &percent::URL_PATH);
        } else {
            canonical::write_path(url, request.path(), self.rules.normalizes(), false);
        }
        let end = url.len();
        url.push(b'?');
        start..end
    }

    /// Returns the path to sign. `written` is the one in the URL.
    fn path<'u>(&self, written: &'u [u8]) -> Path<'u>
    where
        'a: 'u,
    {
        match (self.rules.encodes_twice(), self.keeps_path) {
            (true, true) => Path::Sent(self.request.path()),
            // What is not ASCII was escaped, so the fallback is never taken.
            (true, false) => Path::Sent(core::str::from_utf8(written).unwrap_or_default()),
            (false, _) => Path::Signed(written),
        }
    }

    /// Writes the query up to the signature, lists its parameters in `query`, and returns the names
    /// of the signed headers.
    fn write_query(&self, url: &mut Vec<u8>, query: &mut Query, headers: &Headers<'_>) -> Names {
        query.add(url, self.request.query(), is_of_signature);
        query.add_with(url, "X-Amz-Algorithm", |url| {
            url.write(self.algorithm.as_bytes());
        });
        query.add_with(url, "X-Amz-Credential", |url| self.write_credential(url));
        query.add_with(url, "X-Amz-Date", |url| {
            url.write(self.date.as_bytes());
        });
        if self.ttl != Ttl::UNSTATED {
            query.add_with(url, "X-Amz-Expires", |url| write_number(url, self.ttl.0));
        }
        if let Some(regions) = self.regions {
            query.add_with(url, "X-Amz-Region-Set", |url| {
                percent::component(url, regions.as_bytes());
            });
        }
        let mut names = Names::new(0);
        headers.write_names(&mut names);
        query.add_with(url, "X-Amz-SignedHeaders", |url| {
            percent::component(url, names.as_slice());
        });
        if let Some(token) = self.token.filter(|_| self.rules.signs_token()) {
            self.write_token(url, query, token);
        }
        names
    }

    fn write(
        &self,
        sink: &mut impl Sink,
        path: Path<'_>,
        query: CanonicalQuery<'_>,
        headers: CanonicalHeaders<'_>,
        content: &ContentHash<'_>,
    ) {
        let (method, content) = (self.request.method(), content.as_bytes());
        canonical::write(sink, method, path, self.rules, headers, content, |sink| {
            query.write(sink);
        });
    }

    fn write_token(&self, url: &mut Vec<u8>, query: &mut Query, token: &str) {
        query.add_with(url, self.rules.token_parameter(), |url| {
            percent::component(url, token.as_bytes());
        });
    }

    /// Writes `ID/20150830/us-east-1/iam/aws4_request` with its slashes encoded.
    fn write_credential(&self, url: &mut Vec<u8>) {
        percent::component(url, self.credentials.access_key_id().as_bytes());
        url.extend_from_slice(b"%2F");
        url.extend_from_slice(self.date.date_bytes());
        for part in self.suffix.as_bytes().split(|byte| *byte == b'/').skip(1) {
            url.extend_from_slice(b"%2F");
            url.extend_from_slice(part);
        }
    }

    /// Returns at least the length of the URL, so that it is allocated once.
    fn url_length(&self, headers: &Headers<'_>) -> usize {
        let request = self.request;
        let path = if self.keeps_path {
            request.path().len()
        } else {
            percent::component_length(request.path().as_bytes())
        };
        let base = request.scheme().len() + 3 + request.host().len() + path + 2;
        let credential = 3 * self.credentials.access_key_id().len() + self.suffix.len();
        let token = self.token.map_or(0, |token| {
            2 + self.rules.token_parameter().len() + percent::component_length(token.as_bytes())
        });
        let query = percent::component_length(request.query().as_bytes());
        let regions = self.regions.map_or(0, |set| 3 * set.len() + 144);
        base + query + credential + token + regions + 3 * headers.names_length() + FIXED_PARAMETERS
    }
}

/// More than the length of the names, separators and values of constant length in a presigned URL.
const FIXED_PARAMETERS: usize = 256;
const SIGNATURE: &str = "&X-Amz-Signature=";

/// Names of the signed headers, joined by `;`.
type Names = SmallVec<u8, 256>;

/// Returns true if signing sets this parameter, so that one of an older signature is left out.
fn is_of_signature(key: &[u8]) -> bool {
    let Some(name) = key.strip_prefix(b"X-Amz-") else {
        return false;
    };
    matches!(
        name,
        b"Algorithm"
            | b"Credential"
            | b"Date"
            | b"Expires"
            | b"SignedHeaders"
            | b"Region-Set"
            | b"Security-Token"
            | b"S3session-Token"
            | b"Signature"
    )
}

fn write_number(url: &mut Vec<u8>, number: u32) {
    let mut digits = [0; 10];
    let (mut rest, mut at) = (number, digits.len());
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break url.extend_from_slice(&digits[at..]);
        }
    }
}

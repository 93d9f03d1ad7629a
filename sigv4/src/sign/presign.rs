use alloc::{string::String, vec::Vec};
use core::fmt;

use super::explain::Explanation;
use crate::{
    canonical::{self, Headers, Overrides, Query, Rules},
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

/// How long a presigned URL is good: 1 second to 7 days.
///
/// Source: S3, "Authenticating requests: using query parameters", `X-Amz-Expires`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(u32);

impl Ttl {
    /// 7 days, the longest that AWS accepts.
    pub const MAX: Self = Self(604_800);
    /// No time in the URL: the service's own rule holds. Few services take such URLs, and S3 is not among them.
    pub const UNSTATED: Self = Self(0);

    /// That many seconds, from 1 to 604800.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Ttl`] outside of that range.
    pub fn from_secs(seconds: u64) -> Result<Self, Error> {
        match u32::try_from(seconds) {
            Ok(within @ 1..=604_800) => Ok(Self(within)),
            _ => Err(Error::number(ErrorKind::Ttl, seconds)),
        }
    }

    /// Of a number of seconds that is known to be possible.
    #[cfg(feature = "tokens")]
    pub(crate) const fn new(seconds: u32) -> Self {
        Self(seconds)
    }

    /// The seconds; 0 for [`UNSTATED`](Self::UNSTATED).
    pub const fn as_secs(self) -> u32 {
        self.0
    }
}

/// A URL that carries its signature.
///
/// Whoever has it can use it, so `Debug` does not show it and there is no `Display`.
#[derive(Clone)]
pub struct Presigned {
    url: String,
    expiry: Option<Timestamp>,
    credentials_expiry: Option<Timestamp>,
}

impl Presigned {
    /// The whole URL, to be sent as it is: parsing and writing it again may change what was signed.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The whole URL.
    pub fn into_string(self) -> String {
        self.url
    }

    /// The signature alone, 64 lower-case hex digits, or with SigV4a up to 144.
    pub fn signature(&self) -> &str {
        let at = self
            .url
            .rfind(SIGNATURE)
            .map_or(0, |at| at + SIGNATURE.len());
        &self.url[at..]
    }

    /// The names of the signed headers, lower-case and joined by `;` as in the URL's `X-Amz-SignedHeaders`. Whoever uses the URL must send all of
    /// them, as they were when it was signed; clients send `host` by themselves.
    pub fn signed_headers(&self) -> String {
        let list = self
            .url
            .split("X-Amz-SignedHeaders=")
            .last()
            .unwrap_or_default();
        let list = list.split('&').next().unwrap_or_default();
        percent::decoded(list.as_bytes())
    }

    /// When it stops working, as far as is known: the end of its time, or of the credentials if that is earlier.
    pub fn expiry(&self) -> Option<Timestamp> {
        match (self.expiry, self.credentials_expiry) {
            (Some(url), Some(credentials)) => Some(url.min(credentials)),
            (url, credentials) => url.or(credentials),
        }
    }

    /// When the credentials end before the time in the URL does: the moment from which it is refused regardless. Worth a
    /// warning.
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

/// One request on its way to being signed with query parameters.
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
        }
    }

    pub(crate) fn sign(&self, algorithm: &impl Algorithm) -> Presigned {
        let mut headers = Headers::new();
        let content = self.collect(&mut headers);
        let (mut url, mut query) = (Vec::with_capacity(self.url_length(&headers)), Query::new());
        let names = self.write_url(&mut url, &mut query, &headers);
        query.sort(&url);
        let mut hash = Sha256::new();
        self.write(&mut hash, (&headers, &names), &content, (&query, &url));
        let hash = hex::encode(&hash.finish());
        if let Some(token) = self.token.filter(|_| !self.rules.signs_token()) {
            self.write_token(&mut url, &mut query, token);
        }
        url.extend_from_slice(SIGNATURE.as_bytes());
        algorithm.sign_line(self.credentials, &self.date, &hash, &mut url);
        let ends = self.ttl != Ttl::UNSTATED;
        Presigned {
            // What was not ASCII came from a `str`, so the fallback is never taken.
            url: String::from_utf8(url).unwrap_or_default(),
            expiry: ends.then(|| self.at.plus_seconds(i64::from(self.ttl.0))),
            credentials_expiry: self.credentials.expiry(),
        }
    }

    pub(crate) fn explain(&self, algorithm: &impl Algorithm) -> Explanation {
        let mut headers = Headers::new();
        let content = self.collect(&mut headers);
        let (mut url, mut query, mut text) = (Vec::new(), Query::new(), Vec::new());
        let names = self.write_url(&mut url, &mut query, &headers);
        query.sort(&url);
        self.write(&mut text, (&headers, &names), &content, (&query, &url));
        Explanation::new(
            algorithm,
            self.credentials,
            &self.date,
            &text,
            names.as_slice(),
        )
    }

    /// Collects the headers to sign, and says what stands for the body.
    fn collect(&self, headers: &mut Headers<'a>) -> ContentHash<'a> {
        let replaced = Overrides::new(self.regions, self.token, self.request);
        let found = headers.collect(self.request, replaced);
        let declared = found.content_sha256;
        let content = if !self.rules.presigns_unsigned() {
            ContentHash::new(self.request.body(), declared)
        } else if let Some(hash) = declared.filter(|text| payload::stands_for_body(text)) {
            // The service takes the header's word for the body.
            headers.add(CONTENT_SHA256, hash);
            ContentHash::Declared(hash)
        } else {
            ContentHash::Static(UNSIGNED_PAYLOAD)
        };
        headers.sort();
        content
    }

    /// The URL up to its signature, with its parameters listed in `query`; the names of the signed headers are returned.
    fn write_url(&self, url: &mut Vec<u8>, query: &mut Query, headers: &Headers<'_>) -> Names {
        let request = self.request;
        for part in [
            request.scheme(),
            "://",
            request.host(),
            request.path_or_root(),
            "?",
        ] {
            url.extend_from_slice(part.as_bytes());
        }
        query.add(url, request.query(), is_of_signature);
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
        (headers, names): (&Headers<'_>, &Names),
        content: &ContentHash<'_>,
        query: (&Query, &[u8]),
    ) {
        let (headers, content) = ((headers, names.as_slice()), content.as_bytes());
        canonical::write(sink, self.request, self.rules, headers, content, |sink| {
            query.0.write(query.1, sink);
        });
    }

    fn write_token(&self, url: &mut Vec<u8>, query: &mut Query, token: &str) {
        query.add_with(url, self.rules.token_parameter(), |url| {
            percent::component(url, token.as_bytes());
        });
    }

    /// `ID/20150830/us-east-1/iam/aws4_request` with its slashes encoded.
    fn write_credential(&self, url: &mut Vec<u8>) {
        percent::component(url, self.credentials.access_key_id().as_bytes());
        url.extend_from_slice(b"%2F");
        url.extend_from_slice(self.date.date_bytes());
        for part in self.suffix.as_bytes().split(|byte| *byte == b'/').skip(1) {
            url.extend_from_slice(b"%2F");
            url.extend_from_slice(part);
        }
    }

    /// At least what is written, so that the URL is allocated once.
    fn url_length(&self, headers: &Headers<'_>) -> usize {
        let request = self.request;
        let base = request.scheme().len() + 3 + request.host().len() + request.path().len() + 2;
        let credential = 3 * self.credentials.access_key_id().len() + self.suffix.len();
        let token = self.token.map_or(0, |token| {
            2 + self.rules.token_parameter().len() + percent::component_length(token.as_bytes())
        });
        let query = percent::component_length(request.query().as_bytes());
        let regions = self.regions.map_or(0, |set| 3 * set.len() + 144);
        base + query + credential + token + regions + 3 * headers.names_length() + FIXED_PARAMETERS
    }
}

/// More than the names, separators and values of constant length take in a presigned URL.
const FIXED_PARAMETERS: usize = 256;
const SIGNATURE: &str = "&X-Amz-Signature=";

/// Names of the signed headers, joined by `;`.
type Names = SmallVec<u8, 256>;

/// Whether a parameter is one that signing sets, so that one of an older signature goes.
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

use alloc::{string::String, vec::Vec};
use core::fmt;

use super::explain::Explanation;
use crate::{
    canonical::{
        self, CanonicalHeaders, ExistingHeaders, Headers, Overrides, Path, Rules, write_query,
    },
    codec::{hex, sha256::Sha256, sink::Sink},
    credentials::Credentials,
    error::Error,
    header_names::{CONTENT_SHA256, DATE, REGION_SET},
    key::Algorithm,
    payload::ContentHash,
    request::Request,
    secret::Secret,
    timestamp::{AmzDate, Timestamp},
};

/// The headers of a signature, as [`Signer::sign`](crate::Signer::sign) makes them.
///
/// Set each of [`headers`](Self::headers) on the request. They hold no secret key, but anyone who
/// has them can send the request for some minutes, so `Debug` shows only the date.
#[derive(Clone)]
pub struct Signature {
    pub(super) authorization: String,
    pub(super) date: AmzDate,
    pub(super) content_sha256: Option<ContentHash<'static>>,
    /// The set of regions, with SigV4a.
    pub(super) regions: Option<String>,
    /// The name of the session token's header, and the credentials that hold the token.
    pub(super) token: Option<(&'static str, Credentials)>,
}

impl Signature {
    /// Returns the headers to set, with lower-case names, in place of any of the same name.
    ///
    /// They are `x-amz-date`, `x-amz-content-sha256` if the service wants it, `x-amz-region-set`
    /// with SigV4a, the session token if there is one, and `authorization`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
    /// let signature = Signer::s3("us-east-1")?.sign(&request, &credentials, now)?;
    /// let host = request.host();
    /// let mut message = format!("GET /key HTTP/1.1\r\nhost: {host}\r\n");
    /// for (name, value) in signature.headers() {
    ///     message += &format!("{name}: {value}\r\n");
    /// }
    /// assert!(message.contains("\r\nx-amz-date: 20150830T123600Z\r\n"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            Some(("x-amz-date", self.date.as_str())),
            self.content_sha256
                .as_ref()
                .map(|hash| (CONTENT_SHA256, hash.as_str())),
            self.regions.as_deref().map(|set| (REGION_SET, set)),
            self.token(),
            Some(("authorization", self.authorization())),
        ]
        .into_iter()
        .flatten()
    }

    /// Returns the value of the `Authorization` header.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
    /// # let signer = Signer::s3("us-east-1")?;
    /// let signature = signer.sign(&request, &credentials, "20150830T123600Z".parse()?)?;
    /// assert!(signature.authorization().starts_with(
    ///     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/s3/aws4_request, \
    ///      SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=",
    /// ));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// Returns the signature alone: 64 lower-case hex digits, or up to 144 with SigV4a.
    pub fn signature(&self) -> &str {
        let at = self.authorization.rfind('=').map_or(0, |at| at + 1);
        &self.authorization[at..]
    }

    fn token(&self) -> Option<(&'static str, &str)> {
        let (name, credentials) = self.token.as_ref()?;
        Some((name, credentials.session_token()?.expose()))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature")
            .field("date", &self.date)
            .finish_non_exhaustive()
    }
}

/// A request that is being signed with a header.
pub(crate) struct HeaderForm<'a> {
    rules: Rules,
    request: &'a Request<'a>,
    path: Path<'a>,
    credentials: &'a Credentials,
    token: Option<&'a str>,
    date: AmzDate,
    regions: Option<&'a str>,
}

/// The header values that signing computes. The date, the token and the set of regions are used as
/// given.
pub(crate) struct HeaderSignature {
    pub(crate) authorization: Vec<u8>,
    /// The value of `x-amz-content-sha256`, if that header must be set.
    pub(crate) content_sha256: Option<ContentHash<'static>>,
    /// Whether the request has a session token or a set of regions, which signing in place removes.
    #[cfg_attr(
        not(feature = "http"),
        expect(
            dead_code,
            reason = "only requests of the crate `http` are signed in place"
        )
    )]
    pub(crate) replaces_older: bool,
}

impl<'a> HeaderForm<'a> {
    pub(crate) fn new<A: Algorithm>(
        rules: Rules,
        algorithm: &'a A,
        request: &'a Request<'a>,
        credentials: &'a Credentials,
        at: Timestamp,
    ) -> Self {
        Self {
            rules,
            request,
            path: Path::Sent(request.path()),
            credentials,
            token: credentials.session_token().map(Secret::expose),
            date: at.amz_date(),
            regions: algorithm.regions(),
        }
    }

    /// Takes the path of the request as it is, because it is in the form that is signed.
    #[cfg(feature = "http")]
    pub(crate) fn with_signed_path(mut self) -> Self {
        self.path = Path::Signed(self.request.path_or_root().as_bytes());
        self
    }

    pub(crate) fn sign<A: Algorithm>(self, algorithm: &A) -> Result<Signature, Error> {
        let computed = self.compute(algorithm)?;
        let name = self.rules.token_header();
        Ok(Signature {
            // Names and ids were checked to be ASCII, so the fallback is never taken.
            authorization: String::from_utf8(computed.authorization).unwrap_or_default(),
            date: self.date,
            content_sha256: computed.content_sha256,
            regions: self.regions.map(Into::into),
            token: self.token.map(|_| (name, self.credentials.clone())),
        })
    }

    pub(crate) fn compute<A: Algorithm>(&self, algorithm: &A) -> Result<HeaderSignature, Error> {
        let mut headers = Headers::new();
        let existing = headers.collect(self.request, self.rules, self.overrides());
        self.check::<A>(&existing)?;
        let content = self.content(&existing);
        self.add_headers(&mut headers, &content, &existing);
        let mut value = Vec::with_capacity(self.authorization_length(algorithm, &headers));
        self.write_credential(&mut value, algorithm);
        let names = value.len();
        headers.write_names(&mut value);
        let mut hash = Sha256::new();
        let canonical = CanonicalHeaders {
            block: &headers,
            names: &value[names..],
        };
        self.write(&mut hash, canonical, &content);
        let last_line = hex::encode(&hash.finish());
        value.extend_from_slice(SIGNATURE);
        algorithm.sign_line(self.credentials, &self.date, &last_line, &mut value);
        Ok(HeaderSignature {
            authorization: value,
            content_sha256: content
                .to_static()
                .filter(|_| self.sends_content(&existing)),
            replaces_older: existing.token_or_regions,
        })
    }

    /// Returns the value of `x-amz-date`.
    #[cfg(feature = "http")]
    pub(crate) fn date(&self) -> &AmzDate {
        &self.date
    }

    pub(crate) fn explain<A: Algorithm>(&self, algorithm: &A) -> Result<Explanation, Error> {
        let (mut headers, mut names, mut text) = (Headers::new(), Vec::new(), Vec::new());
        let existing = headers.collect(self.request, self.rules, self.overrides());
        self.check::<A>(&existing)?;
        let content = self.content(&existing);
        self.add_headers(&mut headers, &content, &existing);
        headers.write_names(&mut names);
        let canonical = CanonicalHeaders {
            block: &headers,
            names: &names,
        };
        self.write(&mut text, canonical, &content);
        let (keys, date) = (self.credentials, &self.date);
        Ok(Explanation::new(algorithm, keys, date, &text, &names))
    }

    /// Refuses a request that no server accepts. Every way to sign with a header passes here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Payload`](crate::ErrorKind::Payload) if the pieces of the body are signed with
    /// another algorithm. [`ErrorKind::Host`](crate::ErrorKind::Host) if two `Host` headers differ.
    #[inline]
    fn check<A: Algorithm>(&self, existing: &ExistingHeaders<'_>) -> Result<(), Error> {
        self.request.check_pieces(A::NAME)?;
        existing.check_host()
    }

    fn overrides(&self) -> Overrides {
        Overrides::new(self.regions, self.token, self.request)
    }

    fn content(&self, existing: &ExistingHeaders<'a>) -> ContentHash<'a> {
        ContentHash::new(self.request.body(), existing.content_sha256)
    }

    fn sends_content(&self, existing: &ExistingHeaders<'_>) -> bool {
        self.rules.sends_content_sha256()
            || existing.content_sha256.is_some()
            || self.request.body().is_announced()
    }

    /// Adds the headers of the signature itself, then sorts them all.
    fn add_headers<'h>(
        &'h self,
        headers: &mut Headers<'h>,
        content: &'h ContentHash<'_>,
        existing: &ExistingHeaders<'_>,
    ) {
        headers.add(DATE, self.date.as_bytes());
        if self.sends_content(existing) {
            headers.add(CONTENT_SHA256, content.as_bytes());
        }
        if let Some(regions) = self.regions {
            headers.add(REGION_SET, regions.as_bytes());
        }
        if let Some(token) = self.token.filter(|_| self.rules.signs_token()) {
            headers.add(self.rules.token_header(), token.as_bytes());
        }
        headers.sort();
    }

    fn write(
        &self,
        sink: &mut impl Sink,
        headers: CanonicalHeaders<'_>,
        content: &ContentHash<'_>,
    ) {
        let (method, content) = (self.request.method(), content.as_bytes());
        canonical::write(
            sink,
            method,
            self.path,
            self.rules,
            headers,
            content,
            |sink| {
                write_query(sink, self.request.query(), |key| key == b"X-Amz-Signature");
            },
        );
    }

    /// Writes `AWS4-HMAC-SHA256 Credential=ID/20150830/us-east-1/iam/aws4_request, SignedHeaders=`.
    fn write_credential<A: Algorithm>(&self, value: &mut Vec<u8>, algorithm: &A) {
        for part in [
            A::NAME.as_bytes(),
            CREDENTIAL.as_bytes(),
            self.credentials.access_key_id().as_bytes(),
            b"/",
            self.date.date_bytes(),
            algorithm.suffix().as_bytes(),
            SIGNED_HEADERS.as_bytes(),
        ] {
            value.extend_from_slice(part);
        }
    }

    /// Returns the length of the header's value, so that it is allocated once. Repeated names and
    /// signatures of SigV4a may need less.
    fn authorization_length<A: Algorithm>(&self, algorithm: &A, headers: &Headers<'_>) -> usize {
        let credential = self.credentials.access_key_id().len() + 1 + 8 + algorithm.suffix().len();
        A::NAME.len()
            + CREDENTIAL.len()
            + credential
            + SIGNED_HEADERS.len()
            + headers.names_length()
            + SIGNATURE.len()
            + A::MAX_SIGNATURE
    }
}

const CREDENTIAL: &str = " Credential=";
const SIGNED_HEADERS: &str = ", SignedHeaders=";
const SIGNATURE: &[u8] = b", Signature=";

use alloc::{string::String, vec::Vec};
use core::fmt;

use super::explain::Explanation;
use crate::{
    canonical::{self, ExistingHeaders, Headers, Overrides, Rules, write_query},
    codec::{hex, sha256::Sha256, sink::Sink},
    credentials::Credentials,
    header_names::{CONTENT_SHA256, DATE, REGION_SET},
    key::Algorithm,
    payload::ContentHash,
    request::Request,
    secret::Secret,
    timestamp::{AmzDate, Timestamp},
};

/// The headers that make a request a signed one.
///
/// Nothing in it is a secret key, but who has the headers can send the request for some minutes: `Debug` shows none.
#[derive(Clone)]
pub struct Signature {
    authorization: String,
    date: AmzDate,
    content_sha256: Option<ContentHash<'static>>,
    /// Of SigV4a only.
    regions: Option<String>,
    /// Holds the session token, under its header's name.
    token: Option<(&'static str, Credentials)>,
}

impl Signature {
    /// The headers to set, in place of any of the same names: `x-amz-date`, `x-amz-content-sha256` where the service wants it,
    /// `x-amz-region-set` with SigV4a, the session token where there is one, and `authorization`. Names are lower-case.
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

    /// The value of the `Authorization` header.
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// The signature alone, 64 lower-case hex digits, or with SigV4a up to 144.
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

/// One request on its way to being signed with a header.
pub(crate) struct HeaderForm<'a> {
    rules: Rules,
    request: &'a Request<'a>,
    credentials: &'a Credentials,
    token: Option<&'a str>,
    date: AmzDate,
    regions: Option<&'a str>,
}

/// The headers that sign a request, but for those that it is signed with as they are.
pub(crate) struct HeaderSignature {
    pub(crate) authorization: Vec<u8>,
    /// The value of `x-amz-content-sha256`, if it must be set.
    pub(crate) content_sha256: Option<ContentHash<'static>>,
    /// Whether the request has a session token or a set of regions.
    #[cfg_attr(
        not(feature = "http"),
        expect(dead_code, reason = "only who signs in place takes them off")
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
            credentials,
            token: credentials.session_token().map(Secret::expose),
            date: at.amz_date(),
            regions: algorithm.regions(),
        }
    }

    pub(crate) fn sign<A: Algorithm>(self, algorithm: &A) -> Signature {
        let head = self.sign_head(algorithm);
        let name = self.rules.token_header();
        Signature {
            // Names and ids were checked to be ASCII, so the fallback is never taken.
            authorization: String::from_utf8(head.authorization).unwrap_or_default(),
            date: self.date,
            content_sha256: head.content_sha256,
            regions: self.regions.map(Into::into),
            token: self.token.map(|_| (name, self.credentials.clone())),
        }
    }

    pub(crate) fn sign_head<A: Algorithm>(&self, algorithm: &A) -> HeaderSignature {
        let mut headers = Headers::new();
        let found = headers.collect(self.request, self.replaced());
        let content = self.content(&found);
        self.add_headers(&mut headers, &content, &found);
        let mut value = Vec::with_capacity(self.authorization_length(algorithm, &headers));
        self.write_credential(&mut value, algorithm);
        let names = value.len();
        headers.write_names(&mut value);
        let mut hash = Sha256::new();
        self.write(&mut hash, (&headers, &value[names..]), &content);
        let hash = hex::encode(&hash.finish());
        value.extend_from_slice(SIGNATURE);
        algorithm.sign_line(self.credentials, &self.date, &hash, &mut value);
        HeaderSignature {
            authorization: value,
            content_sha256: content.to_static().filter(|_| self.sends_content(&found)),
            replaces_older: found.token_or_regions,
        }
    }

    /// The value of `x-amz-date`.
    #[cfg(feature = "http")]
    pub(crate) fn date(&self) -> &AmzDate {
        &self.date
    }

    pub(crate) fn explain<A: Algorithm>(&self, algorithm: &A) -> Explanation {
        let (mut headers, mut names, mut text) = (Headers::new(), Vec::new(), Vec::new());
        let found = headers.collect(self.request, self.replaced());
        let content = self.content(&found);
        self.add_headers(&mut headers, &content, &found);
        headers.write_names(&mut names);
        self.write(&mut text, (&headers, &names), &content);
        Explanation::new(algorithm, self.credentials, &self.date, &text, &names)
    }

    fn replaced(&self) -> Overrides {
        Overrides::new(self.regions, self.token, self.request)
    }

    fn content(&self, found: &ExistingHeaders<'a>) -> ContentHash<'a> {
        ContentHash::new(self.request.body(), found.content_sha256)
    }

    fn sends_content(&self, found: &ExistingHeaders<'_>) -> bool {
        self.rules.sends_content_sha256() || found.content_sha256.is_some()
    }

    /// Adds those of the signature itself to the request's own, and sorts them all.
    fn add_headers<'h>(
        &'h self,
        headers: &mut Headers<'h>,
        content: &'h ContentHash<'_>,
        found: &ExistingHeaders<'_>,
    ) {
        headers.add(DATE, self.date.as_bytes());
        if self.sends_content(found) {
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
        headers: (&Headers<'_>, &[u8]),
        content: &ContentHash<'_>,
    ) {
        let (rules, content) = (self.rules, content.as_bytes());
        canonical::write(sink, self.request, rules, headers, content, |sink| {
            write_query(sink, self.request.query(), |key| key == b"X-Amz-Signature");
        });
    }

    /// `AWS4-HMAC-SHA256 Credential=ID/20150830/us-east-1/iam/aws4_request, SignedHeaders=`.
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

    /// Exact but for repeated names and SigV4a, so that the value is allocated once and never moved.
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

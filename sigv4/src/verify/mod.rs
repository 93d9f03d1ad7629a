//! The server's side: verifies that a request was signed with a known key.
//!
//! ```
//! # use keyfob_sigv4::{Credentials, Request, Scope, Signer, Timestamp, verify::Verifier};
//! # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
//! # let now: Timestamp = "20150830T123600Z".parse()?;
//! # let url = "https://sts.us-east-1.amazonaws.com/";
//! # let signature = Signer::new(Scope::new("us-east-1", "sts")?)
//! #     .sign(&Request::new("GET", url)?, &credentials, now);
//! # let (date, authorization) = ("20150830T123600Z", signature.authorization());
//! let verifier = Verifier::new(Scope::new("us-east-1", "sts")?);
//! let headers = [
//!     ("host", "sts.us-east-1.amazonaws.com"),
//!     ("x-amz-date", date),
//!     ("authorization", authorization),
//! ];
//! let request = Request::from_wire("GET", "/", &headers)?;
//! let verified = verifier.verify(&request, now, |id| {
//!     (id == "AKIDEXAMPLE").then(|| credentials.clone())
//! });
//! assert_eq!(verified.unwrap().access_key_id(), "AKIDEXAMPLE");
//! # Ok::<(), keyfob_sigv4::Error>(())
//! ```

mod body;
mod dialect;
mod error;
mod presented;
mod refusal;
mod scope;
mod verified;

use alloc::string::String;
use core::fmt;

pub use dialect::Dialect;
pub use error::Error;
pub use refusal::ErrorKind;
pub use verified::Verified;

use presented::PresentedSignature;
use refusal::Refusal;
use scope::{ScopePart, WrongScope};

use ctutils::CtEq as _;

#[cfg(feature = "v4a")]
use crate::key::{V4A_ALGORITHM, string_to_sign_prefix};
use crate::{
    canonical::{self, CanonicalHeaders, Headers, Rules, Selection, write_query},
    chunked::{ChunkSignature, is_aws_chunked},
    codec::{hex, sha256::Sha256},
    credentials::Credentials,
    error::Error as InputError,
    header_names::CONTENT_SHA256,
    key::KeyCache,
    payload::{self, ContentHash, Payload, UNSIGNED_PAYLOAD},
    request::Request,
    scope::{Scope, TERMINATOR},
    sign::Ttl,
    timestamp::Timestamp,
};

/// Verifies signatures for one service in one region, by header or by query.
///
/// It makes the same checks as AWS and answers with the same codes, statuses and messages.
/// Signatures are compared in constant time, and an unknown key id takes as long as a known one.
/// Derived keys are cached: create one verifier and share it between threads.
pub struct Verifier {
    scope: Scope,
    rules: Rules,
    keys: KeyCache,
    skew: i64,
    longest: Ttl,
    dialect: Dialect,
    /// Stands in for the credentials of an unknown key id.
    dummy: Credentials,
    #[cfg(feature = "v4a")]
    v4a: Option<crate::v4a::Keys>,
}

impl Verifier {
    /// Creates a verifier by the general rules, which answers as the query services (STS, IAM) do.
    ///
    /// For other services, set the [`dialect`](Self::dialect); for S3, use [`s3`](Self::s3).
    pub fn new(scope: Scope) -> Self {
        Self::with_rules(scope, Rules::GENERAL)
    }

    /// Creates a verifier for S3, with its rules and errors.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Region`](crate::ErrorKind::Region) as [`Scope::new`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Timestamp, Ttl, verify::Verifier};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// # let url = Signer::s3("us-east-1")?.presign(
    /// #     &Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?,
    /// #     &credentials,
    /// #     now,
    /// #     Ttl::from_secs(60)?,
    /// # );
    /// // `url` is a presigned URL as it was received.
    /// let request = Request::new("GET", url.as_str())?;
    /// let verified = Verifier::s3("us-east-1")?
    ///     .verify(&request, now, |_| Some(credentials.clone()))
    ///     .unwrap();
    /// assert!(verified.is_presigned());
    /// assert_eq!(verified.expiry(), Some(now.plus_seconds(60)));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn s3(region: &str) -> Result<Self, InputError> {
        Ok(Self::with_rules(Scope::new(region, "s3")?, Rules::S3))
    }

    /// Creates a verifier by other rules.
    ///
    /// If the rules send `x-amz-content-sha256`, as those of S3 do, it answers as S3 does,
    /// otherwise as the query services do, until another [`dialect`](Self::dialect) is set.
    pub fn with_rules(scope: Scope, rules: Rules) -> Self {
        let dialect = if rules.sends_content_sha256() {
            Dialect::S3
        } else {
            Dialect::Query
        };
        Self {
            scope,
            rules,
            keys: KeyCache::new(),
            skew: 15 * 60,
            longest: Ttl::MAX,
            dialect,
            dummy: Credentials::dummy(),
            #[cfg(feature = "v4a")]
            v4a: None,
        }
    }

    /// Sets by how many seconds the clocks of signer and server may differ, in either direction.
    ///
    /// The default is 900. A signature in a header is valid from this long before its time until
    /// this long after it. A presigned URL is valid from this long before its time until it
    /// expires; if it states no lifetime, until this long after its time.
    ///
    /// Source: S3, "Error responses", `RequestTimeTooSkewed`: 15 minutes, which the other services
    /// tolerate too.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Scope, verify::Verifier};
    /// let strict = Verifier::new(Scope::new("us-east-1", "execute-api")?).skew_seconds(60);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub fn skew_seconds(mut self, seconds: u32) -> Self {
        self.skew = i64::from(seconds);
        self
    }

    /// Sets the longest lifetime that a presigned URL may state in `X-Amz-Expires`.
    ///
    /// The default is the maximum, 7 days. With [`Ttl::UNSTATED`], each URL that states a lifetime
    /// is refused; S3 also refuses those that do not, so its verifier accepts no presigned URL
    /// then.
    ///
    /// Source: S3, "Authenticating Requests: Using Query Parameters", `X-Amz-Expires`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Ttl, verify::Verifier};
    /// let verifier = Verifier::s3("us-east-1")?.longest(Ttl::from_secs(3600)?);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub fn longest(mut self, ttl: Ttl) -> Self {
        self.longest = ttl;
        self
    }

    /// Sets the family of services whose errors are sent.
    ///
    /// The default depends on the rules: see [`with_rules`](Self::with_rules).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Scope, verify::{Dialect, Verifier}};
    /// let scope = Scope::new("us-east-1", "dynamodb")?;
    /// let verifier = Verifier::new(scope).dialect(Dialect::Json);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Accepts SigV4a too, from requests whose set of regions contains this verifier's region.
    ///
    /// By default such requests are refused.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Timestamp, v4a, verify::Verifier};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// # let to_sign = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
    /// # let signer = v4a::Signer::s3("us-*".parse()?);
    /// # let signature = signer.sign(&to_sign, &credentials, now)?;
    /// # let mut headers: Vec<_> = signature.headers().collect();
    /// # headers.push(("host", "examplebucket.s3.amazonaws.com"));
    /// // The request was signed for the regions `us-*`.
    /// let request = Request::from_wire("GET", "/key", &headers)?;
    /// let verifier = Verifier::s3("us-west-2")?.accept_v4a();
    /// assert!(verifier.verify(&request, now, |_| Some(credentials.clone())).is_ok());
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[cfg(feature = "v4a")]
    #[must_use]
    pub fn accept_v4a(mut self) -> Self {
        self.v4a = Some(crate::v4a::Keys::new());
        self
    }

    /// Verifies the signature of a request as received, and returns who signed it.
    ///
    /// The request's [`Payload`] is the body, its hash, or [`Payload::Declared`] if the body has
    /// not been received yet. `lookup` returns the credentials of an access key id; their session
    /// token and expiry are checked too.
    ///
    /// Two kinds of body are not checked here: one in chunks, which `x-amz-content-sha256`
    /// announces by a name `STREAMING-…`, goes through [`chunk_decoder`](Self::chunk_decoder); one
    /// declared `UNSIGNED-PAYLOAD`, as presigned URLs of S3 imply, is not covered by the signature.
    ///
    /// # Errors
    ///
    /// [`Error`], worded as AWS does: see [`ErrorKind`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Payload, Request, Scope, Timestamp};
    /// # use keyfob_sigv4::verify::{ErrorKind, Verifier};
    /// # let verifier = Verifier::new(Scope::new("us-east-1", "iam")?);
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// let headers = [
    ///     ("host", "iam.amazonaws.com"),
    ///     ("x-amz-date", "20150830T123600Z"),
    ///     ("authorization", "AWS4-HMAC-SHA256 \
    ///         Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
    ///         SignedHeaders=host;x-amz-date, \
    ///         Signature=0000000000000000000000000000000000000000000000000000000000000000"),
    /// ];
    /// let request = Request::from_wire("POST", "/", &headers)?
    ///     .payload(Payload::Bytes(b"Action=ListUsers&Version=2010-05-08"));
    /// let now: Timestamp = "20150830T123700Z".parse()?;
    /// let error = verifier.verify(&request, now, |_| Some(credentials.clone())).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Mismatch);
    /// assert_eq!((error.status(), error.code()), (403, "SignatureDoesNotMatch"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn verify(
        &self,
        request: &Request<'_>,
        now: Timestamp,
        lookup: impl FnOnce(&str) -> Option<Credentials>,
    ) -> Result<Verified, Error> {
        self.check(request, now, lookup)
            .map_err(|refusal| Error::new(refusal, self.dialect))
    }

    fn check(
        &self,
        request: &Request<'_>,
        now: Timestamp,
        lookup: impl FnOnce(&str) -> Option<Credentials>,
    ) -> Result<Verified, Refusal> {
        // First everything that the request alone decides: a malformed request costs no look-up,
        // and its refusal tells nothing about which keys exist.
        let presented = PresentedSignature::from_request(request, self.rules, self.accepts_v4a())?;
        // The scope must have the date of the request, which is then compared with the clock:
        // otherwise a key derived for a past day could sign requests of today.
        self.check_scope(&presented)?;
        self.check_time(&presented, now)?;
        let mut headers = Headers::new();
        self.collect_signed(&mut headers, request, &presented)?;
        let content = self.content(request, &presented)?;

        let known = lookup(&presented.access_key_id);
        // An unknown key id is verified with a dummy secret, so that the time of the answer does
        // not tell which key ids exist.
        let known_or_dummy = known.as_ref().unwrap_or(&self.dummy);
        let hash = self.canonical_hash(request, &presented, &headers, &content);
        let matches = self.matches(&presented, known_or_dummy, &hash);

        // Only now may the answers differ. The token comes before the signature, as AWS answers.
        let credentials = known.ok_or(Refusal::new(ErrorKind::UnknownKey))?;
        check_token(&presented, &credentials, now)?;
        let signature = ChunkSignature::parse(&presented.signature)
            .filter(|_| matches)
            .ok_or(Refusal::new(ErrorKind::Mismatch))?;
        Ok(Verified {
            credentials,
            content_sha256: content.as_bytes().try_into().ok(),
            at: presented.at,
            expiry: presented
                .ttl
                .map(|ttl| presented.at.plus_seconds(i64::from(ttl))),
            is_presigned: presented.is_presigned,
            is_v4a: presented.regions.is_some(),
            signature,
        })
    }

    #[cfg(feature = "v4a")]
    fn accepts_v4a(&self) -> bool {
        self.v4a.is_some()
    }

    #[cfg(not(feature = "v4a"))]
    fn accepts_v4a(&self) -> bool {
        false
    }

    /// Returns true if this verifier's region is in the set.
    #[cfg(feature = "v4a")]
    fn is_in(&self, regions: &str) -> bool {
        let set = regions.parse::<crate::v4a::RegionSet>();
        set.is_ok_and(|set| set.contains(self.scope.region()))
    }

    #[cfg(not(feature = "v4a"))]
    fn is_in(&self, _regions: &str) -> bool {
        false
    }

    /// Checks that the scope is this verifier's, and its date that of the request.
    fn check_scope(&self, presented: &PresentedSignature<'_>) -> Result<(), Refusal> {
        let suffix = match presented.regions {
            None => self.scope.suffix(),
            Some(_) => self.scope.suffix_without_region(),
        };
        let parts = presented.scope.as_bytes().split_at_checked(8);
        if parts == Some((presented.date.date_bytes(), suffix.as_bytes()))
            && presented.regions.as_ref().is_none_or(|set| self.is_in(set))
        {
            return Ok(());
        }
        Err(Refusal::wrong_scope(self.wrong_scope(presented)).presigned(presented.is_presigned))
    }

    /// Returns the first part of a scope that is not this verifier's. All parts are there: four, or
    /// three with SigV4a.
    fn wrong_scope(&self, presented: &PresentedSignature<'_>) -> WrongScope {
        let mut parts = presented.scope.split('/');
        let mut next = || parts.next().unwrap_or_default();
        let date = next();
        let (region, is_here) = match &presented.regions {
            Some(set) => (&**set, self.is_in(set)),
            None => {
                let region = next();
                (region, region == self.scope.region())
            }
        };
        let (service, terminator) = (next(), next());
        if !is_here {
            WrongScope::new(ScopePart::Region, region, self.scope.region())
        } else if service != self.scope.service() {
            WrongScope::new(ScopePart::Service, service, self.scope.service())
        } else if terminator != TERMINATOR {
            WrongScope::new(ScopePart::Terminator, terminator, TERMINATOR)
        } else {
            WrongScope::new(ScopePart::Date, date, presented.date.as_str())
        }
    }

    /// Checks the time of signing, and the lifetime of a presigned URL.
    fn check_time(
        &self,
        presented: &PresentedSignature<'_>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let age = now.seconds_since(presented.at);
        if age < -self.skew {
            return Err(Refusal::too_early(presented.at, now, self.skew));
        }
        match presented.ttl {
            None if age > self.skew => Err(Refusal::too_late(presented.at, now, self.skew)),
            Some(ttl) if ttl > self.longest.as_secs() => {
                Err(Refusal::lifetime_too_long(self.longest))
            }
            Some(ttl) if age > i64::from(ttl) => Err(Refusal::new(ErrorKind::UrlExpired)),
            _ => Ok(()),
        }
    }

    /// Collects the signed headers, and checks that no header is unsigned that must be signed.
    fn collect_signed<'a>(
        &self,
        headers: &mut Headers<'a>,
        request: &'a Request<'_>,
        presented: &PresentedSignature<'_>,
    ) -> Result<(), Refusal> {
        let names = presented.signed_headers.as_bytes();
        if !names
            .split(|byte| *byte == b';')
            .any(|name| name == b"host")
        {
            return Err(Refusal::new(ErrorKind::HostUnsigned));
        }
        let token = self.rules.token_header();
        // An unsigned `x-amz-*` header could be added on the way and change what the request does.
        // Two may be unsigned: the hash of the body is checked on its own, and some rules send the
        // token unsigned.
        let may_be_unsigned = |name: &[u8]| {
            !canonical::begins(name, b"x-amz-")
                || name.eq_ignore_ascii_case(CONTENT_SHA256.as_bytes())
                || !self.rules.signs_token() && name.eq_ignore_ascii_case(token.as_bytes())
        };
        let selected = headers.select(request, names, may_be_unsigned);
        selected.map_err(|selection| match selection {
            Selection::Unsorted | Selection::Missing => Refusal::new(ErrorKind::Mismatch),
            Selection::Unsigned(name) => Refusal::unsigned_header(&String::from_utf8_lossy(name)),
        })
    }

    /// Returns the last line of the canonical request, which stands for the body.
    fn content<'a>(
        &self,
        request: &'a Request<'_>,
        presented: &PresentedSignature<'a>,
    ) -> Result<ContentHash<'a>, Refusal> {
        // Only where the rules send `x-amz-content-sha256` may it say something other than the hash
        // of the body.
        let declared = presented
            .content_sha256
            .filter(|_| self.rules.sends_content_sha256());
        let body = ContentHash::new(request.body(), presented.content_sha256);
        let content = match declared {
            Some(declared) => ContentHash::Declared(declared),
            None if presented.is_presigned && self.rules.presigns_unsigned() => {
                ContentHash::Static(UNSIGNED_PAYLOAD)
            }
            None => body,
        };
        let ContentHash::Declared(declared) = content else {
            return Ok(content);
        };
        // Any other text would be signed, but never compared with the body.
        if !payload::stands_for_body(declared) {
            return Err(Refusal::new(ErrorKind::ContentHash));
        }
        // S3 would store the framing as part of the object, and so refuses it. With a hash it
        // stores the body as it came.
        if declared == UNSIGNED_PAYLOAD.as_bytes()
            && self.rules.presigns_unsigned()
            && is_aws_chunked(request)
        {
            return Err(Refusal::new(ErrorKind::ContentEncoding));
        }
        let is_known = !matches!(request.body(), Payload::Declared);
        if is_known && !payload::is_name(declared) && declared != body.as_bytes() {
            return Err(Refusal::new(ErrorKind::ContentMismatch));
        }
        Ok(content)
    }

    /// Returns the hash of the canonical request in hex, the last line of the string to sign.
    fn canonical_hash(
        &self,
        request: &Request<'_>,
        presented: &PresentedSignature<'_>,
        headers: &Headers<'_>,
        content: &ContentHash<'_>,
    ) -> [u8; 64] {
        let token = self.rules.token_parameter().as_bytes();
        let is_token_unsigned = presented.is_presigned && !self.rules.signs_token();
        let mut hash = Sha256::new();
        let content = content.as_bytes();
        canonical::write(
            &mut hash,
            request,
            self.rules,
            CanonicalHeaders {
                block: headers,
                names: presented.signed_headers.as_bytes(),
            },
            content,
            |sink| {
                write_query(sink, request.query(), |key| {
                    key == b"X-Amz-Signature" || is_token_unsigned && key == token
                });
            },
        );
        hex::encode(&hash.finish())
    }

    /// Returns true if these credentials made the presented signature.
    #[cfg(feature = "v4a")]
    fn matches(
        &self,
        presented: &PresentedSignature<'_>,
        credentials: &Credentials,
        hash: &[u8; 64],
    ) -> bool {
        let Some(keys) = self.v4a.as_ref().filter(|_| presented.regions.is_some()) else {
            return self.matches_v4(presented, credentials, hash);
        };
        let suffix = self.scope.suffix_without_region();
        let prefix = string_to_sign_prefix(V4A_ALGORITHM, &presented.date, suffix);
        let text = [prefix.as_slice(), hash].concat();
        let key = keys.get(credentials).map(|key| key.verifying_key());
        key.is_ok_and(|key| key.verify(&text, &presented.signature))
    }

    #[cfg(not(feature = "v4a"))]
    fn matches(
        &self,
        presented: &PresentedSignature<'_>,
        credentials: &Credentials,
        hash: &[u8; 64],
    ) -> bool {
        self.matches_v4(presented, credentials, hash)
    }

    fn matches_v4(
        &self,
        presented: &PresentedSignature<'_>,
        credentials: &Credentials,
        hash: &[u8; 64],
    ) -> bool {
        let expected = self
            .keys
            .sign(credentials, &self.scope, &presented.date, hash);
        // In constant time: the time must not tell how many leading digits of a guess are right.
        hex::encode(&expected)
            .as_slice()
            .ct_eq(presented.signature.as_bytes())
            .into()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("scope", &self.scope)
            .field("rules", &self.rules)
            .field("skew", &self.skew)
            .field("longest", &self.longest)
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

/// Checks that the request has the token of the credentials, and that they have not expired.
fn check_token(
    presented: &PresentedSignature<'_>,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<(), Refusal> {
    let matches = match (credentials.session_token(), &presented.token) {
        (None, None) => true,
        (Some(expected), Some(token)) => expected.is_same(token),
        _ => false,
    };
    if !matches {
        return Err(Refusal::new(ErrorKind::Token));
    }
    if credentials.is_expired_at(now) {
        return Err(Refusal::new(ErrorKind::TokenExpired));
    }
    Ok(())
}

//! The other side: whether a request was signed with a key that is known, for servers.
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
mod claim;
mod dialect;
mod error;
mod scope;

use alloc::string::String;
use core::fmt;

pub use dialect::Dialect;
pub use error::{Error, ErrorKind};

use claim::Claim;
use ctutils::CtEq as _;
use scope::{ScopePart, WrongScope};

#[cfg(feature = "v4a")]
use crate::key::{V4A_ALGORITHM, string_to_sign_prefix};
use crate::{
    canonical::{self, Headers, Rules, Selection, write_query},
    chunked::ChunkSignature,
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
/// It answers as AWS does: with the same checks, error codes, statuses and messages. Signatures are compared in constant time, and
/// an unknown key id costs the same work as a known one. Keep one and share it between threads.
pub struct Verifier {
    scope: Scope,
    rules: Rules,
    keys: KeyCache,
    skew: i64,
    longest: Ttl,
    dialect: Dialect,
    /// Stands in for credentials that are not known.
    dummy: Credentials,
    #[cfg(feature = "v4a")]
    v4a: Option<crate::v4a::Keys>,
}

impl Verifier {
    /// For a service of the general rules, with the errors of the query services (STS, IAM): see [`dialect`](Self::dialect) for others.
    pub fn new(scope: Scope) -> Self {
        Self::with_rules(scope, Rules::GENERAL)
    }

    /// For S3, with its errors.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Region`](crate::ErrorKind::Region) as [`Scope::new`].
    pub fn s3(region: &str) -> Result<Self, InputError> {
        Ok(Self::with_rules(Scope::new(region, "s3")?, Rules::S3))
    }

    /// By other rules. Those that send `x-amz-content-sha256` answer with the errors of S3, if no other
    /// [`dialect`](Self::dialect) is chosen.
    pub fn with_rules(scope: Scope, rules: Rules) -> Self {
        let dialect = match rules.sends_content_sha256() {
            true => Dialect::S3,
            false => Dialect::Query,
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

    /// With another tolerance for clocks, in seconds, in both directions, from 0 up. The default is 900.
    ///
    /// A signature in a header is good for so long before and after its date; a presigned URL from so long before its date to its
    /// own end, or if it states none, for so long after its date too.
    ///
    /// Source: S3, "Error responses", `RequestTimeTooSkewed`: 15 minutes, which the other services tolerate too.
    #[must_use]
    pub fn skew_seconds(mut self, seconds: u32) -> Self {
        self.skew = i64::from(seconds);
        self
    }

    /// With a shorter maximum for the time that a presigned URL states in `X-Amz-Expires`: 1 second to 7 days, which is the default.
    ///
    /// With [`Ttl::UNSTATED`], every URL that states a time is refused. S3 refuses those that do not, so its verifier takes no
    /// presigned URL at all then.
    ///
    /// Source: S3, "Authenticating Requests: Using Query Parameters", `X-Amz-Expires`.
    #[must_use]
    pub fn longest(mut self, ttl: Ttl) -> Self {
        self.longest = ttl;
        self
    }

    /// With the errors of another family of services. If nothing is said they are those of S3 for its rules, and those of the query
    /// services otherwise.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Takes SigV4a too, from requests whose set of regions holds this verifier's. Without this they are refused.
    #[cfg(feature = "v4a")]
    #[must_use]
    pub fn accept_v4a(mut self) -> Self {
        self.v4a = Some(crate::v4a::Keys::new());
        self
    }

    /// Who signed this request, as it came over the wire.
    ///
    /// The request's [`Payload`] is the body, its hash, or [`Payload::Declared`] when the body is still to come. `lookup` gives the
    /// credentials of an access key id; their session token and expiry are checked too.
    ///
    /// A body in pieces, one with a name `STREAMING-…` in `x-amz-content-sha256`, is not checked here: pass it through
    /// [`chunk_decoder`](Self::chunk_decoder). `UNSIGNED-PAYLOAD`, which S3's presigned URLs imply, is checked by nobody.
    ///
    /// # Errors
    ///
    /// What was wrong, in AWS's words: see [`ErrorKind`].
    pub fn verify(
        &self,
        request: &Request<'_>,
        now: Timestamp,
        lookup: impl FnOnce(&str) -> Option<Credentials>,
    ) -> Result<Verified, Error> {
        self.checked(request, now, lookup)
            .map_err(|error| error.within(self.dialect))
    }

    fn checked(
        &self,
        request: &Request<'_>,
        now: Timestamp,
        lookup: impl FnOnce(&str) -> Option<Credentials>,
    ) -> Result<Verified, Error> {
        let claim = Claim::of(request, self.rules, self.accepts_v4a())?;
        self.check_scope(&claim)?;
        self.check_time(&claim, now)?;
        let mut headers = Headers::new();
        self.collect_signed(&mut headers, request, &claim)?;
        let content = self.content(request, &claim)?;
        let known = lookup(&claim.access_key_id);
        let credentials = known.as_ref().unwrap_or(&self.dummy);
        let hash = self.canonical_hash(request, &claim, &headers, &content);
        let is_right = self.is_right(&claim, credentials, &hash);
        let credentials = known.ok_or(Error::new(ErrorKind::UnknownKey))?;
        check_token(&claim, &credentials, now)?;
        let signature = ChunkSignature::parse(&claim.signature).filter(|_| is_right);
        let signature = signature.ok_or(Error::new(ErrorKind::Mismatch))?;
        Ok(Verified {
            credentials,
            content_sha256: content.as_bytes().try_into().ok(),
            at: claim.at,
            expiry: claim.ttl.map(|ttl| claim.at.plus_seconds(i64::from(ttl))),
            is_presigned: claim.is_presigned,
            is_v4a: claim.regions.is_some(),
            signature,
        })
    }

    /// Whether the request may choose what stands for its body, in `x-amz-content-sha256`.
    fn takes_declared_hash(&self) -> bool {
        self.rules.sends_content_sha256()
    }

    #[cfg(feature = "v4a")]
    fn accepts_v4a(&self) -> bool {
        self.v4a.is_some()
    }

    #[cfg(not(feature = "v4a"))]
    fn accepts_v4a(&self) -> bool {
        false
    }

    /// Whether this verifier's region is in the set.
    #[cfg(feature = "v4a")]
    fn is_in(&self, regions: &str) -> bool {
        let set = regions.parse::<crate::v4a::RegionSet>();
        set.is_ok_and(|set| set.contains(self.scope.region()))
    }

    #[cfg(not(feature = "v4a"))]
    fn is_in(&self, _regions: &str) -> bool {
        false
    }

    /// The scope must be this verifier's, and its date that of the request.
    fn check_scope(&self, claim: &Claim<'_>) -> Result<(), Error> {
        let suffix = match claim.regions {
            None => self.scope.suffix(),
            Some(_) => self.scope.suffix_without_region(),
        };
        let parts = claim.scope.as_bytes().split_at_checked(8);
        if parts == Some((claim.date.date_bytes(), suffix.as_bytes()))
            && claim.regions.as_ref().is_none_or(|set| self.is_in(set))
        {
            return Ok(());
        }
        Err(self.wrong_scope(claim))
    }

    /// Names the first part of a scope that is not this verifier's. The claim's scope has all four, or three with SigV4a.
    fn wrong_scope(&self, claim: &Claim<'_>) -> Error {
        let mut parts = claim.scope.split('/');
        let mut next = || parts.next().unwrap_or_default();
        let date = next();
        let (region, is_here) = match &claim.regions {
            Some(set) => (&**set, self.is_in(set)),
            None => {
                let region = next();
                (region, region == self.scope.region())
            }
        };
        let (service, terminator) = (next(), next());
        let wrong = if !is_here {
            WrongScope::new(ScopePart::Region, region, self.scope.region())
        } else if service != self.scope.service() {
            WrongScope::new(ScopePart::Service, service, self.scope.service())
        } else if terminator != TERMINATOR {
            WrongScope::new(ScopePart::Terminator, terminator, TERMINATOR)
        } else {
            WrongScope::new(ScopePart::Date, date, claim.date.as_str())
        };
        match claim.is_presigned {
            true => Error::scope(wrong).of_query(),
            false => Error::scope(wrong),
        }
    }

    /// A header signature is good for the skew to either side; a presigned URL from the skew before its date to its end.
    fn check_time(&self, claim: &Claim<'_>, now: Timestamp) -> Result<(), Error> {
        let age = now.seconds_since(claim.at);
        if age < -self.skew {
            return Err(Error::too_early(claim.at, now, self.skew));
        }
        match claim.ttl {
            None if age > self.skew => Err(Error::too_late(claim.at, now, self.skew)),
            Some(ttl) if ttl > self.longest.as_secs() => Err(Error::too_long(self.longest)),
            Some(ttl) if age > i64::from(ttl) => Err(Error::new(ErrorKind::UrlExpired)),
            _ => Ok(()),
        }
    }

    /// Every `x-amz-*` header must be signed, because each can change what the request does; but for the hash of the body, which
    /// is checked by itself, and a token that is sent unsigned by rule.
    fn collect_signed<'a>(
        &self,
        headers: &mut Headers<'a>,
        request: &'a Request<'_>,
        claim: &Claim<'_>,
    ) -> Result<(), Error> {
        let names = claim.signed_headers.as_bytes();
        if !names
            .split(|byte| *byte == b';')
            .any(|name| name == b"host")
        {
            return Err(Error::new(ErrorKind::HostUnsigned));
        }
        let token = self.rules.token_header();
        let may_be_unsigned = |name: &[u8]| {
            !canonical::begins(name, b"x-amz-")
                || name.eq_ignore_ascii_case(CONTENT_SHA256.as_bytes())
                || !self.rules.signs_token() && name.eq_ignore_ascii_case(token.as_bytes())
        };
        let selected = headers.select(request, names, may_be_unsigned);
        selected.map_err(|selection| match selection {
            Selection::Unsorted | Selection::Missing => Error::new(ErrorKind::Mismatch),
            Selection::Unsigned(name) => Error::unsigned(&String::from_utf8_lossy(name)),
        })
    }

    /// The hash that must stand in the canonical request. Only rules that send `x-amz-content-sha256`, those of S3 and others, let
    /// the request choose something else than the hash of the body, and none something that is neither a hash nor a name with a
    /// meaning: no body would be compared with it.
    fn content<'a>(
        &self,
        request: &'a Request<'_>,
        claim: &Claim<'a>,
    ) -> Result<ContentHash<'a>, Error> {
        let declared = claim.content_sha256;
        let body = ContentHash::new(request.body(), declared);
        let content = match declared.filter(|_| self.takes_declared_hash()) {
            Some(declared) => ContentHash::Declared(declared),
            None if claim.is_presigned && self.rules.presigns_unsigned() => {
                ContentHash::Static(UNSIGNED_PAYLOAD)
            }
            None => body,
        };
        let ContentHash::Declared(declared) = content else {
            return Ok(content);
        };
        if !payload::stands_for_body(declared) {
            return Err(Error::new(ErrorKind::ContentHash));
        }
        let is_known = !matches!(request.body(), Payload::Declared);
        if is_known && !payload::is_name(declared) && declared != body.as_bytes() {
            return Err(Error::new(ErrorKind::ContentMismatch));
        }
        Ok(content)
    }

    /// The last line of the string to sign.
    fn canonical_hash(
        &self,
        request: &Request<'_>,
        claim: &Claim<'_>,
        headers: &Headers<'_>,
        content: &ContentHash<'_>,
    ) -> [u8; 64] {
        let names = claim.signed_headers.as_bytes();
        let token = self.rules.token_parameter().as_bytes();
        let is_token_unsigned = claim.is_presigned && !self.rules.signs_token();
        let mut hash = Sha256::new();
        let content = content.as_bytes();
        canonical::write(
            &mut hash,
            request,
            self.rules,
            (headers, names),
            content,
            |sink| {
                write_query(sink, request.query(), |key| {
                    key == b"X-Amz-Signature" || is_token_unsigned && key == token
                });
            },
        );
        hex::encode(&hash.finish())
    }

    /// Whether the claimed signature is one of these credentials.
    #[cfg(feature = "v4a")]
    fn is_right(&self, claim: &Claim<'_>, credentials: &Credentials, hash: &[u8; 64]) -> bool {
        let Some(keys) = self.v4a.as_ref().filter(|_| claim.regions.is_some()) else {
            return self.is_right_v4(claim, credentials, hash);
        };
        let suffix = self.scope.suffix_without_region();
        let prefix = string_to_sign_prefix(V4A_ALGORITHM, &claim.date, suffix);
        let text = [prefix.as_slice(), hash].concat();
        let key = keys.get(credentials).map(|key| key.verifying_key());
        key.is_ok_and(|key| key.verify(&text, &claim.signature))
    }

    #[cfg(not(feature = "v4a"))]
    fn is_right(&self, claim: &Claim<'_>, credentials: &Credentials, hash: &[u8; 64]) -> bool {
        self.is_right_v4(claim, credentials, hash)
    }

    fn is_right_v4(&self, claim: &Claim<'_>, credentials: &Credentials, hash: &[u8; 64]) -> bool {
        let right = self.keys.sign(credentials, &self.scope, &claim.date, hash);
        hex::encode(&right)
            .as_slice()
            .ct_eq(claim.signature.as_bytes())
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

/// Temporary credentials are only good with their token, and until they end.
fn check_token(claim: &Claim<'_>, credentials: &Credentials, now: Timestamp) -> Result<(), Error> {
    let is_right = match (credentials.session_token(), &claim.token) {
        (None, None) => true,
        (Some(right), Some(token)) => right.is_same(token),
        _ => false,
    };
    if !is_right {
        return Err(Error::new(ErrorKind::Token));
    }
    if credentials.is_expired_at(now) {
        return Err(Error::new(ErrorKind::TokenExpired));
    }
    Ok(())
}

/// A request whose signature is right.
#[derive(Clone, Debug)]
pub struct Verified {
    credentials: Credentials,
    /// What stood in the canonical request, if it has the length of a hash.
    content_sha256: Option<[u8; 64]>,
    at: Timestamp,
    expiry: Option<Timestamp>,
    is_presigned: bool,
    is_v4a: bool,
    signature: ChunkSignature,
}

impl Verified {
    /// Who signed.
    pub fn access_key_id(&self) -> &str {
        self.credentials.access_key_id()
    }

    /// What the lookup gave.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The signed hash of the body. `None` when the body is not signed, or signed in pieces.
    pub fn content_sha256(&self) -> Option<[u8; 32]> {
        hex::decode(self.content_sha256.as_ref()?)
    }

    /// When it was signed, by the clock of the signer.
    pub fn signed_at(&self) -> Timestamp {
        self.at
    }

    /// When a presigned URL ends.
    pub fn expiry(&self) -> Option<Timestamp> {
        self.expiry
    }

    /// Whether the signature was in the query.
    pub fn is_presigned(&self) -> bool {
        self.is_presigned
    }

    /// The signature in hex: the seed of those of the chunks that follow.
    pub fn signature(&self) -> &str {
        self.signature.as_str()
    }
}

//! The server's side: verifies that a request was signed with a known key.
//!
//! ```
//! # use keyfob_sigv4::{Credentials, Request, Scope, Signer, Timestamp, verify::Verifier};
//! # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
//! # let now: Timestamp = "20150830T123600Z".parse()?;
//! # let url = "https://sts.us-east-1.amazonaws.com/";
//! # let signature = Signer::new(Scope::new("us-east-1", "sts")?)
//! #     .sign(&Request::new("GET", url)?, &credentials, now)?;
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
mod check;
mod claim;
mod dialect;
mod error;
mod post;
mod presented;
mod refusal;
mod scope;
mod verified;

#[cfg(feature = "http")]
use alloc::string::ToString as _;
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

pub use claim::Claim;
pub use dialect::Dialect;
pub use error::Error;
pub use post::{PostClaim, VerifiedPost};
pub use refusal::ErrorKind;
pub use verified::Verified;

use presented::PresentedSignature;
use refusal::Refusal;

use crate::{
    canonical::Rules,
    credentials::Credentials,
    error::Error as InputError,
    key::KeyCache,
    request::Request,
    scope::Scope,
    sign::{Explanation, Ttl},
    timestamp::Timestamp,
};

/// Verifies signatures for one service in one region, by header or by query.
///
/// It makes the same checks as AWS and answers with the same codes, statuses and messages.
/// Signatures are compared in constant time, and an unknown key id takes as long as a known one.
/// Derived keys are cached: create one verifier and share it between threads in an `Arc`. A clone
/// has a cache of its own.
///
/// The signature covers the path in its canonical form. By the general rules `/a/../b` and `/b`
/// have the same one: the application must route by the normalized path, or refuse paths that are
/// not normalized. For S3 a path is signed as it is sent.
#[derive(Clone)]
pub struct Verifier {
    scope: Scope,
    rules: Rules,
    keys: KeyCache,
    skew: i64,
    longest: Ttl,
    dialect: Dialect,
    /// Headers that may not be unsigned, besides those that never may.
    required: Vec<String>,
    /// Stands in for the credentials of an unknown key id.
    dummy: Credentials,
    #[cfg(feature = "v4a")]
    v4a: Option<crate::v4a::Keys>,
}

impl Verifier {
    /// Creates a verifier by the rules of the service, see [`Rules::for_service`]. It answers as
    /// the query services (STS, IAM) do.
    ///
    /// For other services, set the [`dialect`](Self::dialect); for S3, use [`s3`](Self::s3).
    pub fn new(scope: Scope) -> Self {
        let rules = Rules::for_service(scope.service());
        Self::with_rules(scope, rules)
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
    /// # )?;
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
            required: Vec::new(),
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

    /// Refuses requests that have one of these headers unsigned.
    ///
    /// `host` and all headers `x-amz-*` must always be signed; for S3, `content-md5` too. Others,
    /// such as `content-type`, `range` or `if-match`, can be added or changed on the way if they
    /// are not signed. Name those that the application acts on, or look at
    /// [`Verified::signed_headers`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Timestamp, Ttl, verify::Verifier};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// # let to_sign = Request::new("PUT", "https://examplebucket.s3.amazonaws.com/key")?;
    /// # let url = Signer::s3("us-east-1")?.presign(&to_sign, &credentials, now, Ttl::MAX)?;
    /// // `url` was presigned for any type of content.
    /// let request = Request::new("PUT", url.as_str())?.header("content-type", "text/html")?;
    /// let verifier = Verifier::s3("us-east-1")?.require_signed(&["content-type"]);
    /// let error = verifier.verify(&request, now, |_| Some(credentials.clone())).unwrap_err();
    /// assert_eq!(error.unsigned_headers(), Some("content-type"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub fn require_signed(mut self, names: &[&str]) -> Self {
        self.required
            .extend(names.iter().map(|name| (*name).to_owned()));
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
    /// The request's [`Payload`](crate::Payload) is the body, its hash, or
    /// [`Declared`](crate::Payload::Declared) if the body has not been received yet. `lookup`
    /// returns the credentials of an access key id; their session token and expiry are checked too.
    /// If keys come from an asynchronous store, use [`claim`](Self::claim).
    ///
    /// The host that the signature covers is the one that the application sees: a request with two
    /// `Host` headers, or with another authority in its target than in `Host`, is refused.
    ///
    /// Two kinds of body are not checked here. One in pieces, which a signed `x-amz-content-sha256`
    /// announces by a name `STREAMING-…`, goes through [`chunk_decoder`](Self::chunk_decoder), or
    /// is read as event-stream messages. One declared `UNSIGNED-PAYLOAD` there, as presigned URLs
    /// of S3 imply, is not covered by the signature. [`Verified::content_sha256`] is `None` for
    /// both: a service that accepts neither, as most of AWS outside S3, must refuse them.
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
        self.claim(request)?.verify_with(now, lookup)
    }

    /// Reads the signature that a request presents, and checks everything that does not depend on
    /// this verifier's scope, the time and the key.
    ///
    /// It is [`verify`](Self::verify) in two steps, for keys that come from an asynchronous store
    /// and for servers of several scopes: the [`Claim`] says who claims to have signed the request
    /// and for which region and service, and [`Claim::verify`] verifies that.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Timestamp, verify::Verifier};
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// # struct Store;
    /// # impl Store { async fn get(&self, id: &str) -> Option<Credentials> {
    /// #     Credentials::new(id, "secret").ok()
    /// # } }
    /// # let to_sign = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let signature = Signer::s3("eu-west-1")?.sign(&to_sign, &credentials, now)?;
    /// # let mut headers: Vec<_> = signature.headers().collect();
    /// # headers.push(("host", "examplebucket.s3.amazonaws.com"));
    /// # let request = Request::from_wire("GET", "/key", &headers)?;
    /// # let verified = async move {
    /// # let store = Store;
    /// let verifier = Verifier::s3("eu-west-1")?;
    /// let claim = verifier.claim(&request)?;
    /// assert_eq!((claim.region(), claim.service()), (Some("eu-west-1"), "s3"));
    /// let credentials = store.get(claim.access_key_id()).await;
    /// let verified = claim.verify(credentials.as_ref(), now)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) };
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn claim<'a>(&'a self, request: &'a Request<'_>) -> Result<Claim<'a>, Error> {
        PresentedSignature::from_request(request, self.rules, self.accepts_v4a())
            .map(|presented| Claim::new(self, request, presented))
            .map_err(|refusal| Error::new(refusal, self.dialect))
    }

    /// Returns the canonical request and the string to sign of a request as this verifier sees
    /// them. No key is needed.
    ///
    /// Send them to a client whose signature is refused: with the feature `diagnose` it finds out
    /// what differs. [`Explanation::signature`] is the one that the request presents.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify), if there is no canonical request, for instance because a signed
    /// header is missing. Scope, time and key are not checked.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Timestamp, Ttl, verify::Verifier};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// # let to_sign = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
    /// # let url = Signer::s3("us-east-1")?.presign(&to_sign, &credentials, now, Ttl::MAX)?;
    /// let request = Request::new("GET", url.as_str())?;
    /// let steps = Verifier::s3("us-east-1")?.explain(&request).unwrap();
    /// assert!(steps.canonical_request().starts_with("GET\n/key\nX-Amz-Algorithm="));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn explain(&self, request: &Request<'_>) -> Result<Explanation, Error> {
        self.claim(request)?.explain()
    }
}

impl Verifier {
    /// Returns the refusal of a request that names no host, or one that cannot be.
    #[cfg(feature = "http")]
    pub(crate) fn refuse_host(&self, error: &InputError) -> Error {
        let refusal = Refusal::with_text(ErrorKind::Host, error.to_string());
        Error::new(refusal, self.dialect)
    }

    /// Returns the refusal of a body whose pieces are of another algorithm than the request.
    pub(crate) fn refuse_pieces(&self) -> Error {
        Error::new(Refusal::new(ErrorKind::ContentMismatch), self.dialect)
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

use alloc::vec::Vec;
use core::fmt;

use super::{
    explain::Explanation,
    presign::{Presigned, QueryForm, Ttl},
    signature::{HeaderForm, Signature},
};
use crate::{
    canonical::Rules,
    codec::hex,
    credentials::Credentials,
    error::Error,
    key::{ALGORITHM, Algorithm, KeyCache, SigningKey},
    request::Request,
    scope::Scope,
    timestamp::{AmzDate, Timestamp},
};

/// Signs requests to one service in one region.
///
/// Keep one and share it: it is `Send + Sync`, and caches the derived keys of the credentials it
/// used last, so that only the first signature of a day derives a key and all others cost a few
/// hundred nanoseconds. It reads no clock; pass the time of each request.
///
/// # Examples
///
/// The first case of AWS's test suite:
///
/// ```
/// # use keyfob_sigv4::{Credentials, Request, Scope, Signer};
/// let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// let signer = Signer::new(Scope::new("us-east-1", "service")?);
/// let request = Request::new("GET", "https://example.amazonaws.com/")?;
/// let signature = signer.sign(&request, &credentials, "20150830T123600Z".parse()?)?;
/// assert_eq!(
///     signature.signature(),
///     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
/// );
/// let names: Vec<_> = signature.headers().map(|(name, _)| name).collect();
/// assert_eq!(names, ["x-amz-date", "authorization"]);
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone)]
pub struct Signer {
    scope: Scope,
    rules: Rules,
    keys: KeyCache,
}

impl Signer {
    /// Returns a signer by the rules of the service, see [`Rules::for_service`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Scope, Signer};
    /// let signer = Signer::new(Scope::new("eu-west-1", "execute-api")?);
    /// assert_eq!(signer.scope().service(), "execute-api");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn new(scope: Scope) -> Self {
        let rules = Rules::for_service(scope.service());
        Self::with_rules(scope, rules)
    }

    /// Returns a signer for S3 in a region, by [`Rules::S3`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Region`](crate::ErrorKind::Region), as [`Scope::new`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/a%20b")?;
    /// let signature = Signer::s3("us-east-1")?.sign(&request, &credentials, now)?;
    /// assert!(signature.headers().any(|(name, _)| name == "x-amz-content-sha256"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn s3(region: &str) -> Result<Self, Error> {
        Ok(Self::with_rules(Scope::new(region, "s3")?, Rules::S3))
    }

    /// Returns a signer for the data plane of S3 Express One Zone, by [`Rules::S3_EXPRESS`].
    ///
    /// Use it with the credentials of a session, which `CreateSession` issues for five minutes.
    /// Their token is sent as `x-amz-s3session-token`. `CreateSession` itself and the operations
    /// without a session (`CopyObject`, `UploadPartCopy`, `HeadBucket`) are signed with the
    /// caller's own credentials: use [`with_rules`](Self::with_rules), the service `s3express` and
    /// [`Rules::S3`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Region`](crate::ErrorKind::Region), as [`Scope::new`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer};
    /// # let now = "20150830T123600Z".parse()?;
    /// let session = Credentials::new("AKIDEXAMPLE", "secret")?.with_session_token("token")?;
    /// let url = "https://bucket--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/key";
    /// let signer = Signer::s3_express("us-east-1")?;
    /// let signature = signer.sign(&Request::new("GET", url)?, &session, now)?;
    /// assert!(signature.headers().any(|header| header == ("x-amz-s3session-token", "token")));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn s3_express(region: &str) -> Result<Self, Error> {
        let scope = Scope::new(region, "s3express")?;
        Ok(Self::with_rules(scope, Rules::S3_EXPRESS))
    }

    /// Returns a signer that follows the given rules.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Rules, Scope, Signer};
    /// // Every header that is given is signed.
    /// let rules = Rules::for_service("execute-api").every_header();
    /// let signer = Signer::with_rules(Scope::new("us-east-1", "execute-api")?, rules);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn with_rules(scope: Scope, rules: Rules) -> Self {
        Self {
            scope,
            rules,
            keys: KeyCache::new(),
        }
    }

    /// Returns the region and service of its signatures.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns the rules it signs by.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// Signs a request with an `Authorization` header.
    ///
    /// The signed headers are `host`, those that signing adds, and all others of the request except
    /// the ones that clients, proxies and tracing change on the way, such as `user-agent`,
    /// `accept-encoding`, `x-forwarded-for`, `traceparent` and what `Connection` names.
    /// `content-length` is signed on request only. [`Rules::why_unsigned`] tells the reason for
    /// each name, and [`Rules::unsigned_headers`] and its siblings change the choice.
    ///
    /// Headers that the signature sets are replaced. A session token or an `x-amz-region-set` that
    /// it does not set is signed like any other header, unless the request says that it belongs to
    /// an older signature: see [`without_older_signature`](Request::without_older_signature).
    ///
    /// Source: Signature Version 4, "Create a signed AWS API request".
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Payload`](crate::ErrorKind::Payload) if the pieces of the body are signed with
    /// SigV4a. [`ErrorKind::Host`](crate::ErrorKind::Host) if the request has two `Host` headers
    /// that differ.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Payload, Request, Scope, Signer};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let signer = Signer::new(Scope::new("us-east-1", "sts")?);
    /// let request = Request::new("POST", "https://sts.us-east-1.amazonaws.com/")?
    ///     .header("content-type", "application/x-www-form-urlencoded")?
    ///     .payload(Payload::Bytes(b"Action=GetCallerIdentity&Version=2011-06-15"));
    /// for (name, value) in signer.sign(&request, &credentials, now)?.headers() {
    ///     println!("{name}: {value}");
    /// }
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn sign(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Signature, Error> {
        HeaderForm::new(self.rules, self, request, credentials, at).sign(self)
    }

    /// Signs a request with query parameters: anyone who has the URL can use it until it expires.
    ///
    /// The parameters of the request stay first and in order; those of an older signature are
    /// replaced. Headers of the request are signed as by [`sign`](Self::sign), so the user of the
    /// URL must send them too: [`Presigned::signed_headers`] names them. S3 does not sign the body,
    /// unless the request has an `x-amz-content-sha256` for it.
    ///
    /// Source: S3, "Authenticating requests: using query parameters".
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Payload`](crate::ErrorKind::Payload) if the body is [`Payload::Streaming`]: a
    /// URL cannot announce it. Also if `x-amz-content-sha256` announces pieces that are signed with
    /// SigV4a. [`ErrorKind::Ttl`](crate::ErrorKind::Ttl) for [`Ttl::UNSTATED`] by the rules of S3.
    /// [`ErrorKind::Host`](crate::ErrorKind::Host) as [`sign`](Self::sign).
    ///
    /// [`Payload::Streaming`]: crate::Payload::Streaming
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Ttl};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let signer = Signer::s3("us-east-1")?;
    /// let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
    /// let url = signer.presign(&request, &credentials, now, Ttl::from_secs(3600)?)?;
    /// assert!(url.as_str().contains("&X-Amz-Expires=3600&"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn presign(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
        ttl: Ttl,
    ) -> Result<Presigned, Error> {
        QueryForm::new(self.rules, self, request, credentials, at, ttl).sign(self)
    }

    /// Returns every step of [`sign`](Self::sign), for people to read. It is slower than signing.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Scope, Signer};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let signer = Signer::new(Scope::new("us-east-1", "iam")?);
    /// let request = Request::new("GET", "https://iam.amazonaws.com/?Version=2010-05-08")?;
    /// let steps = signer.explain(&request, &credentials, now)?;
    /// assert!(steps.canonical_request().starts_with("GET\n/\nVersion=2010-05-08\n"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn explain(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Explanation, Error> {
        HeaderForm::new(self.rules, self, request, credentials, at).explain(self)
    }

    /// Returns every step of [`presign`](Self::presign), for people to read.
    ///
    /// # Errors
    ///
    /// As [`presign`](Self::presign).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Ttl};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
    /// let signer = Signer::s3("us-east-1")?;
    /// let steps = signer.explain_presign(&request, &credentials, now, Ttl::MAX)?;
    /// assert!(steps.canonical_request().ends_with("\nhost\nUNSIGNED-PAYLOAD"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn explain_presign(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
        ttl: Ttl,
    ) -> Result<Explanation, Error> {
        QueryForm::new(self.rules, self, request, credentials, at, ttl).explain(self)
    }

    /// Derives the key of the signatures on the day of `at`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Signer, Timestamp};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// let now: Timestamp = "20150830T123600Z".parse()?;
    /// let key = Signer::s3("us-east-1")?.signing_key(&credentials, now);
    /// assert_eq!(key.sign(b"string to sign").len(), 64);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn signing_key(&self, credentials: &Credentials, at: Timestamp) -> SigningKey {
        SigningKey::derive(credentials, &self.scope, at)
    }
}

impl Algorithm for Signer {
    const NAME: &'static str = ALGORITHM;
    const MAX_SIGNATURE: usize = 64;

    fn suffix(&self) -> &str {
        self.scope.suffix()
    }

    fn sign_line(
        &self,
        credentials: &Credentials,
        date: &AmzDate,
        last: &[u8; 64],
        out: &mut Vec<u8>,
    ) {
        let code = self.keys.sign(credentials, &self.scope, date, last);
        out.extend_from_slice(&hex::encode(&code));
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("scope", &self.scope)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

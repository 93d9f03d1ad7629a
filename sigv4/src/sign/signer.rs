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
/// Keep one and share it: it is `Send + Sync`, and remembers the derived keys of the credentials it
/// saw last, so that all but the first signature of a day cost a few hundred nanoseconds. It reads
/// no clock; take the time once for each request.
///
/// # Examples
///
/// The first example of the documentation's test suite:
///
/// ```
/// # use keyfob_sigv4::{Credentials, Request, Scope, Signer};
/// let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// let signer = Signer::new(Scope::new("us-east-1", "service")?);
/// let request = Request::new("GET", "https://example.amazonaws.com/")?;
/// let signature = signer.sign(&request, &credentials, "20150830T123600Z".parse()?);
/// assert_eq!(
///     signature.signature(),
///     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
/// );
/// let names: Vec<_> = signature.headers().map(|(name, _)| name).collect();
/// assert_eq!(names, ["x-amz-date", "authorization"]);
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
pub struct Signer {
    scope: Scope,
    rules: Rules,
    keys: KeyCache,
}

impl Signer {
    /// By the rules of all services but the S3 family: [`Rules::GENERAL`].
    pub fn new(scope: Scope) -> Self {
        Self::with_rules(scope, Rules::GENERAL)
    }

    /// For S3 itself: [`Rules::S3`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Region`](crate::ErrorKind::Region) as [`Scope::new`].
    pub fn s3(region: &str) -> Result<Self, Error> {
        Ok(Self::with_rules(Scope::new(region, "s3")?, Rules::S3))
    }

    /// For the data plane of S3 Express One Zone, with the credentials of a session: those that
    /// `CreateSession` gives for five minutes. Their token goes into `x-amz-s3session-token`:
    /// [`Rules::S3_EXPRESS`].
    ///
    /// `CreateSession` itself, and the few operations that take no session (`CopyObject`,
    /// `UploadPartCopy`, `HeadBucket`), are signed with the caller's own credentials and the
    /// general token header: take [`with_rules`](Self::with_rules), the service `s3express` and
    /// [`Rules::S3`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Region`](crate::ErrorKind::Region) as [`Scope::new`].
    pub fn s3_express(region: &str) -> Result<Self, Error> {
        let scope = Scope::new(region, "s3express")?;
        Ok(Self::with_rules(scope, Rules::S3_EXPRESS))
    }

    /// By other rules.
    pub fn with_rules(scope: Scope, rules: Rules) -> Self {
        Self {
            scope,
            rules,
            keys: KeyCache::new(),
        }
    }

    /// Where its signatures are good.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The rules it signs by.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// Signs with an `Authorization` header.
    ///
    /// Signed are `host`, the headers that signing adds, and every header of the request but those
    /// that clients and proxies change on the way (`user-agent`, `accept-encoding`, `expect`, `te`,
    /// `trailer`, `transfer-encoding`, `x-amzn-trace-id`, `connection`, `keep-alive`, `upgrade`,
    /// `proxy-*`, `sec-websocket-*`). Headers that this signature sets are replaced. A session
    /// token or an `x-amz-region-set` that it does not set is signed as any other header, unless
    /// the request says that it is of an older signature:
    /// [`without_older_signature`](Request::without_older_signature).
    ///
    /// Source: Signature Version 4, "Create a signed AWS API request".
    pub fn sign(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Signature {
        HeaderForm::new(self.rules, self, request, credentials, at).sign(self)
    }

    /// Signs with query parameters: a URL that works for anyone who has it, until it expires.
    ///
    /// The parameters of the request stay first and in order, those of an older signature are
    /// replaced. Headers of the request are signed as [`sign`](Self::sign) does it, so whoever uses
    /// the URL must send them too: [`Presigned::signed_headers`] names them. An
    /// `x-amz-content-sha256` among them stands for the body where S3 would not have it signed.
    ///
    /// Source: S3, "Authenticating requests: using query parameters".
    pub fn presign(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
        ttl: Ttl,
    ) -> Presigned {
        QueryForm::new(self.rules, self, request, credentials, at, ttl).sign(self)
    }

    /// What [`sign`](Self::sign) does, step by step: slower, for people to read.
    pub fn explain(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Explanation {
        HeaderForm::new(self.rules, self, request, credentials, at).explain(self)
    }

    /// What [`presign`](Self::presign) does, step by step.
    pub fn explain_presign(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
        ttl: Ttl,
    ) -> Explanation {
        QueryForm::new(self.rules, self, request, credentials, at, ttl).explain(self)
    }

    /// The key that signatures of the day of `at` are made with.
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

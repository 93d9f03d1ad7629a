use core::fmt;

use crate::{
    credentials::Credentials,
    error::Error as InputError,
    payload::Payload,
    presign::{Presigned, Ttl},
    request::Request,
    rules::Rules,
    scope::Scope,
    signature::{CONTENT_SHA256, Signature},
    signer::Signer,
    timestamp::Timestamp,
    verify::{Error, Verifier},
};

/// Verifies a signature that was made with stand-in keys, and signs again with the real ones.
///
/// For a proxy that keeps the keys away from the programs behind it: a sandboxed program gets keys that are good for
/// nothing but being recognised.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, Request, Resigned, Resigner, Signer, Timestamp};
/// # let now: Timestamp = "20150830T123600Z".parse()?;
/// let stand_in = Credentials::new("AKIDSTANDIN", "worthless")?;
/// let real = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// # let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
/// # let signature = Signer::s3("us-east-1")?.sign(&request, &stand_in, now);
/// # let mut received: Vec<_> = signature.headers().collect();
/// # received.push(("host", "examplebucket.s3.amazonaws.com"));
/// let resigner = Resigner::s3("us-east-1")?;
/// let request = Request::from_wire("GET", "/key", &received)?;
/// let resigned = resigner.resign(&request, &stand_in, &real, now);
/// assert!(matches!(resigned, Ok(Resigned::Headers(_))));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
pub struct Resigner {
    verifier: Verifier,
    signer: Signer,
}

/// What takes the place of the signature that was verified.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Resigned {
    /// Headers to set. A session token or a set of regions that is not among them must be taken off the request.
    Headers(Signature),
    /// The URL to send, with the time of signing and the time to live that it had.
    Url(Presigned),
}

impl Resigner {
    /// By the rules of all services but the S3 family.
    pub fn new(scope: Scope) -> Self {
        Self::with_rules(scope, Rules::GENERAL)
    }

    /// For S3.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Region`](crate::ErrorKind::Region) as [`Scope::new`].
    pub fn s3(region: &str) -> Result<Self, InputError> {
        Ok(Self::with_rules(Scope::new(region, "s3")?, Rules::S3))
    }

    /// By other rules.
    pub fn with_rules(scope: Scope, rules: Rules) -> Self {
        Self {
            verifier: Verifier::with_rules(scope.clone(), rules),
            signer: Signer::with_rules(scope, rules),
        }
    }

    /// Signs a request again with `real`, if it was signed with `stand_in`.
    ///
    /// The chunks of a body that is sent in signed pieces must be signed again too, with the new signature as the seed of
    /// a [`ChunkSigner`](crate::stream::ChunkSigner).
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify`].
    pub fn resign(
        &self,
        request: &Request<'_>,
        stand_in: &Credentials,
        real: &Credentials,
        now: Timestamp,
    ) -> Result<Resigned, Error> {
        let lookup = |id: &str| (id == stand_in.access_key_id()).then(|| stand_in.clone());
        let verified = self.verifier.verify(request, now, lookup)?;
        let mut request = request.clone().without_older_signature();
        if request.find_header(CONTENT_SHA256.as_bytes()).is_some() {
            // The form of the hash is the program's choice, and was verified.
            request = request.payload(Payload::Declared);
        }
        if !verified.is_presigned() {
            return Ok(Resigned::Headers(self.signer.sign(&request, real, now)));
        }
        let at = verified.signed_at();
        let seconds = verified.expiry().map(|expiry| expiry.seconds_since(at));
        let ttl = seconds.and_then(|seconds| Ttl::from_secs(seconds.unsigned_abs()).ok());
        let presigned = self
            .signer
            .presign(&request, real, at, ttl.unwrap_or(Ttl::UNSTATED));
        Ok(Resigned::Url(presigned))
    }
}

impl fmt::Debug for Resigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resigner").field(&self.signer).finish()
    }
}

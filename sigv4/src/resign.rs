//! Requests that are verified with one key and signed again with another, as a proxy does.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use crate::{
    canonical::Rules,
    chunked::{ChunkDecoder, ChunkError, ChunkResigner, ChunkSigner},
    credentials::Credentials,
    error::Error as InputError,
    event_stream::{EventResigner, EventSigner, EventVerifier},
    header_names::CONTENT_SHA256,
    payload::{Payload, Streaming},
    request::Request,
    scope::Scope,
    sign::{Presigned, Signature, Signer, Ttl},
    timestamp::Timestamp,
    verify::{Dialect, Error, Verified, Verifier},
};

/// Verifies a signature that was made with stand-in keys, and signs again with the real ones.
///
/// For a proxy that keeps the keys away from the programs behind it: a sandboxed program gets keys that are good for
/// nothing but being recognised.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, Request, Signer, Timestamp, resign::{Resigned, Resigner}};
/// # let now: Timestamp = "20150830T123600Z".parse()?;
/// let stand_in = Credentials::new("AKIDSTANDIN", "worthless")?;
/// let real = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// # let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
/// # let signature = Signer::s3("us-east-1")?.sign(&request, &stand_in, now);
/// # let mut received: Vec<_> = signature.headers().collect();
/// # received.push(("host", "examplebucket.s3.amazonaws.com"));
/// let resigner = Resigner::s3("us-east-1")?;
/// let request = Request::from_wire("GET", "/key", &received)?;
/// let (resigned, mut body) = resigner.resign(&request, &stand_in, &real, now)?;
/// assert!(matches!(resigned, Resigned::Headers(_)));
///
/// let mut sent = Vec::new();
/// # let pieces: [&[u8]; 0] = [];
/// for piece in pieces {
///     body.feed(piece, &mut sent)?;
/// }
/// body.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
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

    /// With the errors of another family of services than by the rules, as [`Verifier::dialect`].
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.verifier = self.verifier.dialect(dialect);
        self
    }

    /// Signs a request again with `real`, if it was signed with `stand_in`, and gives what its body must pass through.
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify`], and [`Verifier::chunk_decoder`].
    pub fn resign(
        &self,
        request: &Request<'_>,
        stand_in: &Credentials,
        real: &Credentials,
        now: Timestamp,
    ) -> Result<(Resigned, BodyResigner), Error> {
        let lookup = |id: &str| (id == stand_in.access_key_id()).then(|| stand_in.clone());
        let verified = self.verifier.verify(request, now, lookup)?;
        let decoder = self.verifier.chunk_decoder(&verified, request)?;
        let at = if verified.is_presigned() {
            verified.signed_at()
        } else {
            now
        };
        let resigned = self.sign(request, &verified, real, at);
        let seed = resigned.signature();
        let way = match decoder.filter(ChunkDecoder::is_signed) {
            Some(decoder) => {
                let signer = ChunkSigner::after(&self.signer, real, at, seed);
                Some(Way::Chunks(ChunkResigner::new(decoder, signer).into()))
            }
            None if is_event_stream(request) => self.events(&verified, real, seed),
            None => None,
        };
        let way = way.unwrap_or(Way::Unchanged);
        Ok((resigned, BodyResigner { way }))
    }

    /// Both signatures are hex digits, so there is always one.
    fn events(&self, verified: &Verified, real: &Credentials, seed: &str) -> Option<Way> {
        let scope = self.signer.scope();
        let stand_in = verified.credentials().secret_access_key();
        let verifier = EventVerifier::new(scope.clone(), stand_in, verified.signature()).ok()?;
        let signer = EventSigner::new(scope.clone(), real.secret_access_key(), seed).ok()?;
        Some(Way::Events(EventResigner::new(verifier, signer).into()))
    }

    fn sign(
        &self,
        request: &Request<'_>,
        verified: &Verified,
        real: &Credentials,
        at: Timestamp,
    ) -> Resigned {
        let mut request = request.clone().without_older_signature();
        if request.find_header(CONTENT_SHA256.as_bytes()).is_some() {
            // The form of the hash is the program's choice, and was verified.
            request = request.payload(Payload::Declared);
        }
        if !verified.is_presigned() {
            return Resigned::Headers(self.signer.sign(&request, real, at));
        }
        let seconds = verified.expiry().map(|expiry| expiry.seconds_since(at));
        let ttl = seconds.and_then(|seconds| Ttl::from_secs(seconds.unsigned_abs()).ok());
        let ttl = ttl.unwrap_or(Ttl::UNSTATED);
        Resigned::Url(self.signer.presign(&request, real, at, ttl))
    }
}

impl Resigned {
    fn signature(&self) -> &str {
        match self {
            Self::Headers(signature) => signature.signature(),
            Self::Url(url) => url.signature(),
        }
    }
}

fn is_event_stream(request: &Request<'_>) -> bool {
    let announced = request.find_header(CONTENT_SHA256.as_bytes());
    announced == Some(Streaming::Events.as_str().as_bytes())
}

impl fmt::Debug for Resigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resigner").field(&self.signer).finish()
    }
}

/// The body behind a request that was signed again, on its way from the program to the service.
///
/// In an `aws-chunked` body whose chunks are signed, each chunk and the trailer are verified with the stand-in key and signed with
/// the real one; in an event stream, each message. Everything else about them stays, so the `Content-Length` stays as well. All
/// other bodies pass unchanged, because what protects them is in the request's own signature: the service checks their hash, or
/// their trailing checksum.
///
/// An event stream over a websocket is not seen as one: its URL does not announce it. Sign its messages again with an
/// [`EventVerifier`] and an [`EventSigner`].
pub struct BodyResigner {
    way: Way,
}

enum Way {
    Unchanged,
    Chunks(Box<ChunkResigner>),
    Events(Box<EventResigner>),
}

impl BodyResigner {
    /// Whether the body goes out as it comes in, so that it need not be fed.
    pub fn is_unchanged(&self) -> bool {
        matches!(self.way, Way::Unchanged)
    }

    /// Takes what has come, in pieces of any length, and appends to `out` what may be sent. A chunk is held in memory until it is
    /// complete and verified; one of more than 16 MiB is refused, and so is a message of more than 24 MiB.
    ///
    /// # Errors
    ///
    /// [`ChunkError`] when a chunk, a message or the trailer is not signed with the stand-in key, or something else is wrong with the
    /// body. Of that chunk nothing is given out, not even its length; of those before it everything. Close the connection to the
    /// service: it has less than the `Content-Length`, so it stores nothing. All later calls fail.
    pub fn feed(&mut self, received: &[u8], out: &mut Vec<u8>) -> Result<(), ChunkError> {
        match &mut self.way {
            Way::Unchanged => {
                out.extend_from_slice(received);
                Ok(())
            }
            Way::Chunks(chunks) => chunks.feed(received, out),
            Way::Events(events) => events.feed(received, out),
        }
    }

    /// Ends the body.
    ///
    /// # Errors
    ///
    /// [`ChunkError`] when it is not complete, or a checksum in the trailer is not that of the body. In that second case all of it
    /// has been given out; the service finds the same.
    pub fn finish(self) -> Result<(), ChunkError> {
        match self.way {
            Way::Unchanged => Ok(()),
            Way::Chunks(chunks) => chunks.finish(),
            Way::Events(events) => events.finish(),
        }
    }
}

impl fmt::Debug for BodyResigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyResigner")
            .field("is_unchanged", &self.is_unchanged())
            .finish_non_exhaustive()
    }
}

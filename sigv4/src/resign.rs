//! Requests that are verified with one key and signed again with another, as a proxy does.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

#[cfg(feature = "http")]
use crate::sign::remove_older;
use crate::{
    canonical::{self, Rules, ends_at_next_hop},
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
/// It is for a proxy that keeps the real keys away from the programs behind it: a sandboxed program
/// gets keys that only the proxy accepts.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, Request, Signer, Timestamp, resign::{Resigned, Resigner}};
/// # let now: Timestamp = "20150830T123600Z".parse()?;
/// let stand_in = Credentials::new("AKIDSTANDIN", "worthless")?;
/// let real = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// # let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
/// # let signature = Signer::s3("us-east-1")?.sign(&request, &stand_in, now)?;
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
#[derive(Clone)]
pub struct Resigner {
    verifier: Verifier,
    signer: Signer,
}

/// The new signature of a request, in the form that the verified one had.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Resigned {
    /// The headers to set. Remove a session token or a set of regions that is not among them.
    Headers(Signature),
    /// The URL to send. It keeps its time of signing and its lifetime.
    Url(Presigned),
}

impl Resigner {
    /// Creates a resigner by the rules of the service, see [`Rules::for_service`].
    pub fn new(scope: Scope) -> Self {
        let rules = Rules::for_service(scope.service());
        Self::with_rules(scope, rules)
    }

    /// Creates a resigner for S3.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Region`](crate::ErrorKind::Region) as [`Scope::new`].
    pub fn s3(region: &str) -> Result<Self, InputError> {
        Ok(Self::with_rules(Scope::new(region, "s3")?, Rules::S3))
    }

    /// Creates a resigner by other rules.
    pub fn with_rules(scope: Scope, rules: Rules) -> Self {
        Self {
            verifier: Verifier::with_rules(scope.clone(), rules),
            signer: Signer::with_rules(scope, rules),
        }
    }

    /// Sets the family of services whose errors are sent, as [`Verifier::dialect`] does.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.verifier = self.verifier.dialect(dialect);
        self
    }

    /// Verifies that a request was signed with `stand_in`, and signs it again with `real`.
    ///
    /// The new signature covers the headers that the program signed and those that it sets itself,
    /// and nothing that was added on the way. With the feature `http`, `resign_http` does all of
    /// this in place.
    ///
    /// The body must then pass through the [`BodyResigner`], because its chunks or messages may be
    /// signed too.
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify`] and [`Verifier::chunk_decoder`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Timestamp, Ttl};
    /// # use keyfob_sigv4::resign::{Resigned, Resigner};
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// # let stand_in = Credentials::new("AKIDSTANDIN", "worthless")?;
    /// # let real = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
    /// # let (signer, ttl) = (Signer::s3("us-east-1")?, Ttl::from_secs(60)?);
    /// # let url = signer.presign(&request, &stand_in, now, ttl)?;
    /// // `url` was presigned with the stand-in keys.
    /// let request = Request::new("GET", url.as_str())?;
    /// let (resigned, body) = Resigner::s3("us-east-1")?.resign(&request, &stand_in, &real, now)?;
    /// let Resigned::Url(url) = resigned else { unreachable!() };
    /// assert!(url.as_str().contains("X-Amz-Credential=AKIDEXAMPLE%2F"));
    /// assert!(body.is_unchanged());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resign(
        &self,
        request: &Request<'_>,
        stand_in: &Credentials,
        real: &Credentials,
        now: Timestamp,
    ) -> Result<(Resigned, BodyResigner), Error> {
        let checked = self.verify(request, stand_in, now)?;
        checked
            .sign(request, &self.signer, real, now)
            .map_err(|_| self.verifier.refuse_pieces())
    }

    /// Verifies that a request was signed with `stand_in`, and signs nothing yet.
    ///
    /// It is the first half of [`resign`](Self::resign), for a proxy that sends the request to
    /// another host, or under another path, than the one that the program signed: with the feature
    /// `http`, `Checked::sign_http` signs what is sent.
    ///
    /// # Errors
    ///
    /// As [`resign`](Self::resign).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Payload, Request, Signer, Timestamp, resign::Resigner};
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// # let stand_in = Credentials::new("AKIDSTANDIN", "worthless")?;
    /// # let real = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let mut received = http::Request::get("http://127.0.0.1:9913/b/key").body(())?;
    /// # let signer = Signer::s3("us-east-1")?;
    /// # signer.sign_http(&mut received, Payload::Empty, &stand_in, now)?;
    /// # let (received, ()) = received.into_parts();
    /// // `received` names this proxy, and the request that is sent names S3.
    /// let request = Request::from_http(&received)?.payload(Payload::Declared);
    /// let checked = Resigner::s3("us-east-1")?.verify(&request, &stand_in, now)?;
    /// let mut sent = http::Request::from_parts(received, ());
    /// *sent.uri_mut() = "https://s3.us-east-1.amazonaws.com/b/key".parse()?;
    /// let body = checked.sign_http(&mut sent, Payload::Declared, &signer, &real, now)?;
    /// assert!(body.is_unchanged());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify(
        &self,
        request: &Request<'_>,
        stand_in: &Credentials,
        now: Timestamp,
    ) -> Result<Checked, Error> {
        let lookup = |id: &str| (id == stand_in.access_key_id()).then(|| stand_in.clone());
        let verified = self.verifier.verify(request, now, lookup)?;
        let decoder = self.verifier.chunk_decoder(&verified, request)?;
        Ok(Checked {
            verified,
            decoder: decoder.filter(ChunkDecoder::is_signed).map(Box::new),
            scope: self.signer.scope().clone(),
        })
    }

    /// Verifies an `http::Request` that was signed with `stand_in`, and signs it again with `real`,
    /// in place.
    ///
    /// It is [`resign`](Self::resign), and sets the headers or the URI. `payload` is the body, or
    /// [`Payload::Declared`] if it has not been received: outside the S3 family that means an empty
    /// body. Headers that a proxy added stay in the request, unsigned.
    ///
    /// # Errors
    ///
    /// As [`resign`](Self::resign); also [`ErrorKind::Host`](crate::verify::ErrorKind::Host) if the
    /// request names no host. The request is unchanged then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Payload, Signer, Timestamp, resign::Resigner};
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// # let stand_in = Credentials::new("AKIDSTANDIN", "worthless")?;
    /// # let real = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let mut request = http::Request::get("https://b.s3.amazonaws.com/key").body(())?;
    /// # Signer::s3("us-east-1")?.sign_http(&mut request, Payload::Empty, &stand_in, now)?;
    /// let resigner = Resigner::s3("us-east-1")?;
    /// // `request` was received from a program, and is sent to S3 afterwards.
    /// let body = resigner.resign_http(&mut request, Payload::Declared, &stand_in, &real, now)?;
    /// assert!(body.is_unchanged());
    /// let authorization = request.headers()["authorization"].to_str()?;
    /// assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "http")]
    pub fn resign_http<B>(
        &self,
        request: &mut http::Request<B>,
        payload: Payload<'_>,
        stand_in: &Credentials,
        real: &Credentials,
        now: Timestamp,
    ) -> Result<BodyResigner, Error> {
        let refused = |error: InputError| self.verifier.refuse_host(&error);
        let view = Request::from_head(request)
            .map_err(refused)?
            .payload(payload);
        let (resigned, body) = self.resign(&view, stand_in, real, now)?;
        resigned.set_on(request).map_err(refused)?;
        Ok(body)
    }
}

/// A request whose stand-in signature is verified. Made by [`Resigner::verify`].
pub struct Checked {
    verified: Verified,
    /// For chunks that are signed.
    decoder: Option<Box<ChunkDecoder>>,
    /// That of the stand-in signature.
    scope: Scope,
}

impl Checked {
    /// Returns what the stand-in signature says.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Signs the request that is sent with `real`, in place, and returns what its body must pass
    /// through.
    ///
    /// It may differ from the verified one in its host, its target and its headers. The new
    /// signature covers those of its headers that the program signed, those that begin with
    /// `x-amz-`, and those that it sets itself. It is made by `signer`, whose scope may be another
    /// one: that of an endpoint for all regions, say. A URL that was presigned keeps its time of
    /// signing and its lifetime.
    ///
    /// # Errors
    ///
    /// As [`Signer::sign_http`]. The request is unchanged then.
    #[cfg(feature = "http")]
    pub fn sign_http<B>(
        self,
        request: &mut http::Request<B>,
        payload: Payload<'_>,
        signer: &Signer,
        real: &Credentials,
        now: Timestamp,
    ) -> Result<BodyResigner, InputError> {
        let view = Request::from_head(request)?.payload(payload);
        let (resigned, body) = self.sign(&view, signer, real, now)?;
        resigned.set_on(request)?;
        Ok(body)
    }

    fn sign(
        self,
        request: &Request<'_>,
        signer: &Signer,
        real: &Credentials,
        now: Timestamp,
    ) -> Result<(Resigned, BodyResigner), InputError> {
        let verified = &self.verified;
        let at = if verified.is_presigned() {
            verified.signed_at()
        } else {
            now
        };
        let resigned = sign(signer, request, verified, real, at)?;
        let seed = resigned.signature();
        let form = match self.decoder {
            Some(decoder) => {
                let signer = ChunkSigner::after(signer, real, at, seed);
                BodyForm::Chunks(ChunkResigner::new(*decoder, signer).into())
            }
            // Both signatures are hex digits, so there always is a resigner of events.
            None if verified.streaming == Some(Streaming::Events) => {
                events(&self.scope, verified, signer.scope(), real, seed)
                    .map_or(BodyForm::Unsigned, |events| BodyForm::Events(events.into()))
            }
            None => BodyForm::Unsigned,
        };
        Ok((resigned, BodyResigner { form }))
    }
}

fn events(
    claimed: &Scope,
    verified: &Verified,
    scope: &Scope,
    real: &Credentials,
    seed: &str,
) -> Option<EventResigner> {
    let stand_in = verified.credentials().secret_access_key();
    let verifier = EventVerifier::new(claimed.clone(), stand_in, verified.signature()).ok()?;
    let signer = EventSigner::new(scope.clone(), real.secret_access_key(), seed).ok()?;
    Some(EventResigner::new(verifier, signer))
}

fn sign(
    signer: &Signer,
    request: &Request<'_>,
    verified: &Verified,
    real: &Credentials,
    at: Timestamp,
) -> Result<Resigned, InputError> {
    // What the program did not sign, the service need not check: a proxy may have added it.
    let signed = verified.signed_headers();
    let mut request = request
        .with_only(|name| is_signed_again(request, name, signed))
        .without_older_signature();
    if request.find_header(CONTENT_SHA256.as_bytes()).is_some() {
        // The program chose this form of hash, and it was verified.
        request = request.payload(Payload::Declared);
    }
    if !verified.is_presigned() {
        return signer.sign(&request, real, at).map(Resigned::Headers);
    }
    let ttl = verified
        .expiry()
        .map(|expiry| expiry.seconds_since(at).unsigned_abs())
        .and_then(|seconds| Ttl::from_secs(seconds).ok())
        .unwrap_or(Ttl::UNSTATED);
    signer.presign(&request, real, at, ttl).map(Resigned::Url)
}

impl Resigned {
    fn signature(&self) -> &str {
        match self {
            Self::Headers(signature) => signature.signature(),
            Self::Url(url) => url.signature(),
        }
    }

    #[cfg(feature = "http")]
    fn set_on<B>(self, request: &mut http::Request<B>) -> Result<(), InputError> {
        match self {
            Self::Headers(signature) => signature.set_on(request.headers_mut()),
            Self::Url(url) => {
                // A token in a header is the stand-in's too.
                remove_older(request.headers_mut());
                set_target(&url, request.uri_mut())
            }
        }
    }
}

/// Returns true for a header that the program signed, and for those that begin with `x-amz-`: a
/// verified request has no other one but the hash of the body, which need not be signed in a
/// presigned URL, and what a proxy added has to be signed.
///
/// Headers that end at the next hop are left out even if they were signed: the connection to the
/// service is another one.
fn is_signed_again(request: &Request<'_>, name: &str, signed: &str) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    canonical::begins(name.as_bytes(), b"x-amz-")
        || signed.split(';').any(is) && !ends_at_next_hop(request, name)
}

/// Sets path and query. The rest of the URI stays: a server receives it with or without the host.
#[cfg(feature = "http")]
fn set_target(url: &Presigned, uri: &mut http::Uri) -> Result<(), InputError> {
    let invalid = || InputError::secret(crate::ErrorKind::Url);
    let signed: http::Uri = url.as_str().parse().map_err(|_| invalid())?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = signed.into_parts().path_and_query;
    *uri = http::Uri::from_parts(parts).map_err(|_| invalid())?;
    Ok(())
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Resigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resigner").field(&self.signer).finish()
    }
}

/// Signs the body of a request again while it passes from the program to the service.
///
/// In an `aws-chunked` body with signed chunks, each chunk and the trailer are verified with the
/// stand-in key and signed with the real one; in an event stream, each message. Nothing else
/// changes, so the `Content-Length` stays. All other bodies pass unchanged: the request's own
/// signature covers their hash, or the service checks their checksum.
///
/// An event stream over a websocket is not recognized, because its URL does not announce it. Sign
/// its messages again with an [`EventVerifier`] and an [`EventSigner`].
pub struct BodyResigner {
    form: BodyForm,
}

/// What of a body is signed.
enum BodyForm {
    Unsigned,
    Chunks(Box<ChunkResigner>),
    Events(Box<EventResigner>),
}

impl BodyResigner {
    /// Returns true if the body passes unchanged, so that it need not be fed.
    pub fn is_unchanged(&self) -> bool {
        matches!(self.form, BodyForm::Unsigned)
    }

    /// Takes received bytes, in pieces of any length, and appends to `out` the bytes to send.
    ///
    /// A chunk or message is held in memory until it is complete and verified. A chunk of more than
    /// 16 MiB or a message of more than 24 MiB is refused.
    ///
    /// # Errors
    ///
    /// [`ChunkError`] if a chunk, a message or the trailer is not signed with the stand-in key, or
    /// the body is malformed. `out` has all chunks before the faulty one and no byte of it. Close
    /// the connection to the service: it has received less than the `Content-Length`, so it stores
    /// nothing. All later calls fail.
    pub fn feed(&mut self, received: &[u8], out: &mut Vec<u8>) -> Result<(), ChunkError> {
        match &mut self.form {
            BodyForm::Unsigned => {
                out.extend_from_slice(received);
                Ok(())
            }
            BodyForm::Chunks(chunks) => chunks.feed(received, out),
            BodyForm::Events(events) => events.feed(received, out),
        }
    }

    /// Ends the body.
    ///
    /// # Errors
    ///
    /// [`ChunkError`] if the body is incomplete, or a checksum in the trailer does not match. In
    /// the second case the whole body was given out; the service refuses it too.
    pub fn finish(self) -> Result<(), ChunkError> {
        match self.form {
            BodyForm::Unsigned => Ok(()),
            BodyForm::Chunks(chunks) => chunks.finish(),
            BodyForm::Events(events) => events.finish(),
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

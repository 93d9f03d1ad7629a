use alloc::{string::String, vec::Vec};
use core::fmt;

use ctutils::CtEq as _;

use super::message::{self, HeaderValue, MAX_MESSAGE, Message};
use crate::{
    chunked::ChunkSignature,
    codec::{hex, sha256::Sha256},
    error::{Error, ErrorKind},
    key::{PAYLOAD_ALGORITHM, SigningKey},
    scope::Scope,
    secret::Secret,
    timestamp::{AmzDate, Timestamp},
};

const DATE: &str = ":date";
const SIGNATURE: &str = ":chunk-signature";
/// The bytes around a payload: 67 of both headers, 16 of the frame.
const ENVELOPE: usize = 67 + 16;

/// Signs the messages of one event stream.
///
/// The signatures form a chain: that of each message covers the one before it, that of the first
/// message covers the signature of the request that opened the stream. Unlike chunks, each message
/// has its own time, and its scope has the day of that time: after midnight, a stream continues
/// with the key of the next day.
///
/// The signature of a message covers its payload and its other headers. AWS defines only one,
/// `:date`; an [`EventVerifier`] refuses others. The headers of the application, such as
/// `:event-type`, belong to the message in the payload and are signed with it.
///
/// Source: Amazon Transcribe, "Signing event stream requests", its non-signature headers.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Scope, Secret, event_stream::{EventSigner, Message}};
/// let scope = Scope::new("us-east-1", "transcribe")?;
/// let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
/// let opening = "be1f8c7d79ef8e1abc5254a2c70e4da3bfaf4f07328f527444e1fc6ea67273e2";
/// let mut signer = EventSigner::new(scope, &secret, opening)?;
///
/// let at = "2026-01-01T00:00:00Z".parse()?;
/// let audio = Message::new(*b"...")?.encode();
/// let frame = signer.sign(&audio, at)?;
/// let last = signer.sign(b"", at)?;
/// # assert_ne!(frame, last);
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone)]
pub struct EventSigner {
    chain: Chain,
}

impl EventSigner {
    /// Starts a chain after the request that opened the stream.
    ///
    /// `scope` and `secret` are those of that request, `opening` is its signature in hex, from the
    /// header or the URL.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Signature`] if the signature is not 1 to 144 lower-case hex digits.
    pub fn new(scope: Scope, secret: &Secret, opening: &str) -> Result<Self, Error> {
        Chain::new(scope, secret, opening).map(|chain| Self { chain })
    }

    /// Returns the signed message to send for `payload`, which is an encoded [`Message`].
    ///
    /// An empty payload ends the stream.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EventLength`] if the signed message has more than 24 MiB.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Scope, Secret, event_stream::{EventSigner, EventVerifier, Message}};
    /// # let scope = Scope::new("us-east-1", "transcribe")?;
    /// # let secret = Secret::new("secret");
    /// # let opening = "be1f8c7d79ef8e1abc5254a2c70e4da3bfaf4f07328f527444e1fc6ea67273e2";
    /// # let mut signer = EventSigner::new(scope.clone(), &secret, opening)?;
    /// let end = signer.sign(b"", "2026-01-01T00:00:00Z".parse()?)?;
    /// let (message, _) = Message::decode(&end)?.expect("a whole message");
    /// assert!(message.get(":chunk-signature").is_some());
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn sign(&mut self, payload: &[u8], at: Timestamp) -> Result<Vec<u8>, Error> {
        if payload.len() > MAX_MESSAGE - ENVELOPE {
            return Err(Error::secret(ErrorKind::EventLength));
        }
        let mut headers = date_header(whole_second(at));
        let signature = HeaderValue::Bytes(self.signature(&headers, payload, at).into());
        message::put_header(&mut headers, SIGNATURE, &signature);
        Ok(message::frame(&headers, payload))
    }

    /// Returns the signature of the next message, for callers that frame messages themselves.
    ///
    /// `headers` are its encoded headers without `:chunk-signature`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Scope, Secret, event_stream::EventSigner};
    /// # let opening = "be1f8c7d79ef8e1abc5254a2c70e4da3bfaf4f07328f527444e1fc6ea67273e2";
    /// # let scope = Scope::new("us-east-1", "transcribe")?;
    /// # let mut signer = EventSigner::new(scope, &Secret::new("secret"), opening)?;
    /// // `:date` of type 8, a timestamp in milliseconds.
    /// let mut headers = b"\x05:date\x08".to_vec();
    /// headers.extend(1_767_225_600_000_i64.to_be_bytes());
    /// let at = "2026-01-01T00:00:00Z".parse()?;
    /// let signature: [u8; 32] = signer.signature(&headers, b"...", at);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn signature(&mut self, headers: &[u8], payload: &[u8], at: Timestamp) -> [u8; 32] {
        self.chain.next(headers, payload, at)
    }

    /// Returns the string that [`sign`](Self::sign) would sign, to compare with another
    /// implementation.
    pub fn string_to_sign(&self, payload: &[u8], at: Timestamp) -> String {
        self.chain
            .string_to_sign(&date_header(whole_second(at)), payload, at.amz_date())
    }
}

/// Verifies the messages of one event stream: the receiving side of [`EventSigner`].
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Scope, Secret, event_stream::{EventSigner, EventVerifier, Message}};
/// # let scope = Scope::new("us-east-1", "transcribe")?;
/// # let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
/// # let opening = "be1f8c7d79ef8e1abc5254a2c70e4da3bfaf4f07328f527444e1fc6ea67273e2";
/// # let received = EventSigner::new(scope.clone(), &secret, opening)?
/// #     .sign(b"hello", "2026-01-01T00:00:00Z".parse()?)?;
/// let mut verifier = EventVerifier::new(scope, &secret, opening)?;
/// let (message, _) = Message::decode(&received)?.expect("a whole message");
/// let (at, payload) = verifier.verify(&message)?;
/// assert_eq!(at, "2026-01-01T00:00:00Z".parse()?);
/// assert_eq!(payload, b"hello");
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone)]
pub struct EventVerifier {
    chain: Chain,
}

impl EventVerifier {
    /// Starts a chain after the request that opened the stream, as [`EventSigner::new`] does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Signature`] if the signature is not 1 to 144 lower-case hex digits.
    pub fn new(scope: Scope, secret: &Secret, opening: &str) -> Result<Self, Error> {
        Chain::new(scope, secret, opening).map(|chain| Self { chain })
    }

    /// Verifies the next message of the stream, and returns its time and its payload.
    ///
    /// The payload is empty at the end of the stream. The caller decides how far the time may
    /// differ from its clock.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EventHeader`] if its headers are not a `:date` and a `:chunk-signature`;
    /// [`ErrorKind::SignatureMismatch`] if it was changed, reordered, or signed with another key.
    /// The chain is broken then: no later message verifies.
    pub fn verify<'m>(&mut self, message: &'m Message) -> Result<(Timestamp, &'m [u8]), Error> {
        let (at, presented) =
            envelope(message).ok_or_else(|| Error::new(ErrorKind::EventHeader, DATE))?;
        let headers = date_header(at.unix_millis());
        let signature = self.chain.next(&headers, message.payload(), at);
        if signature.as_slice().ct_ne(presented).into() {
            return Err(Error::secret(ErrorKind::SignatureMismatch));
        }
        Ok((at, message.payload()))
    }
}

/// Returns the time and the signature, if the message has both headers and no other.
fn envelope(message: &Message) -> Option<(Timestamp, &[u8; 32])> {
    let (HeaderValue::Timestamp(millis), HeaderValue::Bytes(bytes)) =
        (message.get(DATE)?, message.get(SIGNATURE)?)
    else {
        return None;
    };
    let at = Timestamp::from_unix_millis(*millis);
    let is_valid = at.unix_millis() == *millis;
    let signature = bytes.as_slice().try_into().ok()?;
    (is_valid && message.headers().len() == 2).then_some((at, signature))
}

/// Returns the encoded `:date`. The signature covers its milliseconds, because the string to sign
/// has the hash of the encoded headers.
fn date_header(millis: i64) -> Vec<u8> {
    let mut header = Vec::with_capacity(ENVELOPE);
    message::put_header(&mut header, DATE, &HeaderValue::Timestamp(millis));
    header
}

/// Returns the milliseconds of the second, which is as exact as the time in the string to sign.
fn whole_second(at: Timestamp) -> i64 {
    at.unix_seconds() * 1000
}

#[derive(Clone)]
struct Chain {
    scope: Scope,
    secret: Secret,
    /// The key of a day, with a time on that day.
    key: Option<(AmzDate, SigningKey)>,
    previous: ChunkSignature,
}

impl Chain {
    fn new(scope: Scope, secret: &Secret, opening: &str) -> Result<Self, Error> {
        let previous =
            ChunkSignature::parse(opening).ok_or_else(|| Error::secret(ErrorKind::Signature))?;
        Ok(Self {
            scope,
            secret: secret.clone(),
            key: None,
            previous,
        })
    }

    fn next(&mut self, headers: &[u8], payload: &[u8], at: Timestamp) -> [u8; 32] {
        let at = at.amz_date();
        let text = self.string_to_sign(headers, payload, at);
        let signature = self.key_on(at).mac(text.as_bytes());
        self.previous = ChunkSignature::from_mac(&signature);
        signature
    }

    fn key_on(&mut self, at: AmzDate) -> &SigningKey {
        self.key.take_if(|(day, _)| day.date() != at.date());
        let derive = || SigningKey::derive_on(&self.secret, &self.scope, at.date());
        &self.key.get_or_insert_with(|| (at, derive())).1
    }

    /// Returns the string to sign: algorithm, time, scope, previous signature, hash of the encoded
    /// headers, hash of the payload.
    fn string_to_sign(&self, headers: &[u8], payload: &[u8], at: AmzDate) -> String {
        let mut text = String::with_capacity(320);
        for part in [
            PAYLOAD_ALGORITHM,
            "\n",
            at.as_str(),
            "\n",
            at.date(),
            self.scope.suffix(),
        ] {
            text.push_str(part);
        }
        text.push('\n');
        text.push_str(self.previous.as_str());
        for signed in [headers, payload] {
            text.push('\n');
            text.extend(hex::encode(&Sha256::digest(signed)).map(char::from));
        }
        text
    }
}

impl fmt::Debug for EventSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSigner")
            .field("scope", &self.chain.scope)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for EventVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventVerifier")
            .field("scope", &self.chain.scope)
            .finish_non_exhaustive()
    }
}

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
/// Both headers, and the lengths and checksums around them.
const ENVELOPE: usize = 67 + 16;

/// The chain of signatures of one event stream: each message's stands on that of the message before, the first
/// one's on that of the request that opened the stream.
///
/// Other than with chunks, every message has its own time, and its scope the day of that time: a stream that lives
/// past midnight goes on with the next day's key.
///
/// Two things of a message are signed: its headers but for the signature, and its payload. AWS defines one such header, `:date`,
/// and no SDK sends another; an [`EventVerifier`] refuses others. The headers of the application (`:event-type` and so on) belong
/// to the message in the payload, and are signed with it.
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
    /// Begins where the request that opened the stream left off: its scope, the secret access key that signed it, and
    /// its signature, from the header or from the URL.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Signature`] when the signature is not 1 to 144 lower-case hex digits.
    pub fn new(scope: Scope, secret: &Secret, opening: &str) -> Result<Self, Error> {
        Chain::new(scope, secret, opening).map(|chain| Self { chain })
    }

    /// The message that carries `payload`, an encoded [`Message`], signed. An empty payload ends the stream.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EventLength`] when it gets longer than 24 MiB.
    pub fn sign(&mut self, payload: &[u8], at: Timestamp) -> Result<Vec<u8>, Error> {
        if payload.len() > MAX_MESSAGE - ENVELOPE {
            return Err(Error::secret(ErrorKind::EventLength));
        }
        let mut headers = date_header(at);
        let signature = HeaderValue::Bytes(self.signature(&headers, payload, at).into());
        message::put_header(&mut headers, SIGNATURE, &signature);
        Ok(message::frame(&headers, payload))
    }

    /// The signature of the next message alone, where something else frames it: over its headers as they are encoded, all
    /// but `:chunk-signature`, and its payload.
    pub fn signature(&mut self, headers: &[u8], payload: &[u8], at: Timestamp) -> [u8; 32] {
        self.chain.next(headers, payload, at)
    }

    /// What [`sign`](Self::sign) would sign, to compare with another implementation.
    pub fn string_to_sign(&self, payload: &[u8], at: Timestamp) -> String {
        self.chain
            .string_to_sign(&date_header(at), payload, at.amz_date())
    }
}

/// The receiving side of [`EventSigner`].
#[derive(Clone)]
pub struct EventVerifier {
    chain: Chain,
}

impl EventVerifier {
    /// As [`EventSigner::new`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Signature`] when the signature is not 1 to 144 lower-case hex digits.
    pub fn new(scope: Scope, secret: &Secret, opening: &str) -> Result<Self, Error> {
        Chain::new(scope, secret, opening).map(|chain| Self { chain })
    }

    /// Checks the next message of the stream and gives its time and its payload, empty at the end of the stream. How
    /// far the time may be off is for the caller to say.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EventHeader`] when its headers are not a `:date` and a `:chunk-signature`;
    /// [`ErrorKind::SignatureMismatch`] when it was changed, left its place, or was signed with another key. The chain
    /// is broken then: no later message verifies.
    pub fn verify<'m>(&mut self, message: &'m Message) -> Result<(Timestamp, &'m [u8]), Error> {
        let (at, claimed) =
            envelope(message).ok_or_else(|| Error::new(ErrorKind::EventHeader, DATE))?;
        let signature = self.chain.next(&date_header(at), message.payload(), at);
        if signature.as_slice().ct_ne(claimed).into() {
            return Err(Error::secret(ErrorKind::SignatureMismatch));
        }
        Ok((at, message.payload()))
    }
}

/// The time and the signature; both headers, whole seconds, and nothing else.
fn envelope(message: &Message) -> Option<(Timestamp, &[u8; 32])> {
    let (HeaderValue::Timestamp(millis), HeaderValue::Bytes(signature)) =
        (message.get(DATE)?, message.get(SIGNATURE)?)
    else {
        return None;
    };
    let at = Timestamp::from_unix_millis(*millis);
    let whole = at.unix_millis() == *millis && millis % 1000 == 0;
    let signature = signature.as_slice().try_into().ok()?;
    (whole && message.headers().len() == 2).then_some((at, signature))
}

/// The one header that is signed; what is below a second is cut off, as the string to sign cannot say it.
fn date_header(at: Timestamp) -> Vec<u8> {
    let mut header = Vec::with_capacity(ENVELOPE);
    let millis = HeaderValue::Timestamp(at.unix_seconds() * 1000);
    message::put_header(&mut header, DATE, &millis);
    header
}

#[derive(Clone)]
struct Chain {
    scope: Scope,
    secret: Secret,
    /// The day's key, and the day.
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
        let signature = self.key_of(at).mac(text.as_bytes());
        self.previous = ChunkSignature::from_mac(&signature);
        signature
    }

    fn key_of(&mut self, at: AmzDate) -> &SigningKey {
        if self
            .key
            .as_ref()
            .is_none_or(|(day, _)| day.date() != at.date())
        {
            self.key = None;
        }
        let derive = || {
            (
                at,
                SigningKey::derive_on(&self.secret, &self.scope, at.date()),
            )
        };
        &self.key.get_or_insert_with(derive).1
    }

    /// Algorithm, time, scope, previous signature, hash of the encoded headers, hash of the payload.
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

//! Signs the messages of an event stream, each with the signature of the one before.

use aws_sigv4::event_stream::sign_message;
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue as SdkValue, Message as SdkMessage};
use bytes::Bytes;
use keyfob_sigv4::event_stream::{EventSigner, HeaderValue, Message};
use keyfob_sigv4::{Scope, Secret, Timestamp};

use super::Comparison;
use super::aws_sigv4::{identity, params, system_time};
use super::chunks::{AT, SEED};
use super::keyfob::NAME;
use crate::BoxError;
use crate::case::{REGION, SECRET_ACCESS_KEY};
use crate::measure::Contender;

/// The comparison.
pub const CASES: [Comparison; 1] = [("event-3kib", signers)];

const SERVICE: &str = "transcribe";
/// A tenth of a second of audio at 16 kHz.
const SIZE: usize = 3_200;
const HEADERS: [(&str, &str); 3] = [
    (":message-type", "event"),
    (":event-type", "AudioEvent"),
    (":content-type", "application/octet-stream"),
];

/// Returns the contenders: from a message to the bytes of the signed one.
fn signers() -> Result<Vec<Contender<'static>>, BoxError> {
    check()?;
    let (mut ours, mut theirs) = (keyfob()?, Chain::new());
    Ok(vec![
        Contender::new(
            NAME,
            |n| Ok((message(n)?, Vec::new())),
            move |(message, frame)| {
                *frame = sign(&mut ours, message)?;
                Ok(())
            },
        ),
        Contender::new(
            "aws-sigv4",
            |n| Ok((sdk_message(n), Vec::new())),
            move |(message, frame)| {
                *frame = theirs.sign(message)?;
                Ok(())
            },
        ),
    ])
}

/// Compares the messages, whose headers have another order.
fn check() -> Result<(), BoxError> {
    let (mut ours, mut theirs) = (keyfob()?, Chain::new());
    for n in 0..8 {
        let frames = [
            sign(&mut ours, &message(n)?)?,
            theirs.sign(&sdk_message(n))?,
        ];
        let [ours, theirs] = frames.each_ref().map(|frame| Message::decode(frame));
        let (ours, theirs) = (ours?.ok_or("cut short")?.0, theirs?.ok_or("cut short")?.0);
        let header = |message: &Message, name| format!("{:?}", message.get(name));
        for name in [":date", ":chunk-signature"] {
            if header(&ours, name) != header(&theirs, name) {
                return Err(format!("message {n}: keyfob and aws-sigv4 disagree on {name}").into());
            }
        }
        if ours.payload() != theirs.payload() {
            return Err(format!("message {n}: the payloads differ").into());
        }
    }
    Ok(())
}

fn keyfob() -> Result<EventSigner, BoxError> {
    let secret = Secret::new(SECRET_ACCESS_KEY);
    Ok(EventSigner::new(
        Scope::new(REGION, SERVICE)?,
        &secret,
        SEED,
    )?)
}

fn sign(signer: &mut EventSigner, message: &Message) -> Result<Vec<u8>, BoxError> {
    Ok(signer.sign(&message.encode(), Timestamp::from_unix_seconds(AT))?)
}

fn audio(n: u64) -> Vec<u8> {
    vec![n.to_le_bytes()[0]; SIZE]
}

fn message(n: u64) -> Result<Message, BoxError> {
    let mut message = Message::new(audio(n))?;
    for (name, value) in HEADERS {
        message = message.header(name, HeaderValue::String(value.into()))?;
    }
    Ok(message)
}

fn sdk_message(n: u64) -> SdkMessage {
    let header = |(name, value): (&'static str, &'static str)| {
        Header::new(name, SdkValue::String(value.into()))
    };
    let headers = HEADERS.map(header).to_vec();
    SdkMessage::new_from_parts(headers, Bytes::from(audio(n)))
}

/// The chain of signatures, which aws-sigv4 leaves to its caller.
struct Chain {
    identity: aws_smithy_runtime_api::client::identity::Identity,
    previous: String,
}

impl Chain {
    fn new() -> Self {
        Self {
            identity: identity(None),
            previous: SEED.into(),
        }
    }

    fn sign(&mut self, message: &SdkMessage) -> Result<Vec<u8>, BoxError> {
        let at = system_time(Timestamp::from_unix_seconds(AT));
        let params = params(&self.identity, SERVICE, at, ())?;
        let (signed, signature) = sign_message(message, &self.previous, &params)?.into_parts();
        self.previous = signature;
        let mut frame = Vec::new();
        write_message_to(&signed, &mut frame)?;
        Ok(frame)
    }
}

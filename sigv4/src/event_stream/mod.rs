//! Signed event streams: the messages of Transcribe, Lex, Kinesis and Bedrock, framed and signed.
//!
//! What an application has to say is a [`Message`], encoded; what goes on the wire is a message around it, with the
//! time and a signature as its headers, made by [`EventSigner`]. No I/O is done: bytes in, bytes out.

mod message;
mod resigner;
mod signer;

pub use message::{HeaderValue, Message};
pub(crate) use resigner::EventResigner;
pub use signer::{EventSigner, EventVerifier};

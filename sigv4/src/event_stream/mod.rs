//! Signed event streams, as Transcribe, Lex, Kinesis and Bedrock read them.
//!
//! The application's [`Message`] is encoded, and an [`EventSigner`] puts it into another message
//! whose headers are the time and a signature. That one is sent. Nothing here does I/O.

mod message;
mod resigner;
mod signer;

pub use message::{HeaderValue, Message};
pub(crate) use resigner::EventResigner;
pub use signer::{EventSigner, EventVerifier};

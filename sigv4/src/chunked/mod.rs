//! `aws-chunked` bodies: large uploads that are signed, or checksummed, while they are sent.
//!
//! With feature `http-body`, `Signer::sign_http_chunked` does all of it for an `http::Request`. Step by step:
//!
//! 1. Plan the body: [`Chunked`] knows the headers and the exact `Content-Length` before the first byte is read.
//! 2. Sign the request with [`Chunked::streaming`] as its payload.
//! 3. Encode the body: [`ChunkEncoder`], with the [`ChunkSigner`] that the request's signature begins. It wraps an
//!    iterator, a `Read` or, with feature `http-body`, an `http_body::Body`.
//!
//! A server reads such a body with [`ChunkDecoder`].

#[cfg(feature = "http-body")]
mod body;
mod chain;
mod checksum;
mod cutter;
mod decoder;
mod encoder;
mod error;
mod frames;
#[cfg(feature = "http-body")]
mod http;
mod layout;
#[cfg(feature = "std")]
mod read;
mod resigner;
mod signature;
mod signer;
mod verifier;

pub use crate::payload::Streaming;
#[cfg(feature = "http-body")]
pub use body::{ChunkBody, ChunkBodyError};
pub use checksum::Checksum;
pub use decoder::ChunkDecoder;
pub use encoder::ChunkEncoder;
pub use error::{ChunkError, ChunkErrorKind};
pub use frames::ChunkFrames;
pub use layout::Chunked;
#[cfg(feature = "std")]
pub use read::ChunkReader;
pub(crate) use resigner::ChunkResigner;
pub use signature::ChunkSignature;
pub use signer::ChunkSigner;
pub use verifier::ChunkVerifier;

//! `aws-chunked` bodies: uploads that are signed, or given a checksum, while they are sent.
//!
//! With the feature `http-body`, `Signer::sign_http_chunked` does everything for an
//! `http::Request`. Step by step:
//!
//! 1. Plan the body: [`Chunked`] knows the headers and the exact `Content-Length` before the first
//!    byte is read.
//! 2. Sign the request with [`Chunked::streaming`] as its payload.
//! 3. Encode the body with a [`ChunkEncoder`], and for signed chunks a [`ChunkSigner`] that starts
//!    from the request's signature. It wraps an iterator, a `Read` or, with the feature
//!    `http-body`, an `http_body::Body`.
//!
//! A server reads such a body with a [`ChunkDecoder`].

mod chain;
mod checksum;
mod content_encoding;
mod decoder;
mod encoder;
mod error;
#[cfg(feature = "http-body")]
mod http;
mod plan;
mod resigner;
mod signature;
mod signer;
mod verifier;

pub use crate::payload::Streaming;
pub use checksum::Checksum;
pub(crate) use content_encoding::is_aws_chunked;
pub use content_encoding::stored_encoding;
pub use decoder::ChunkDecoder;
#[cfg(feature = "std")]
pub use encoder::ChunkReader;
#[cfg(feature = "http-body")]
pub use encoder::{ChunkBody, ChunkBodyError};
pub use encoder::{ChunkEncoder, ChunkFrames};
pub use error::{ChunkError, ChunkErrorKind};
pub use plan::Chunked;
pub(crate) use resigner::ChunkResigner;
pub use signature::ChunkSignature;
pub use signer::ChunkSigner;
pub use verifier::ChunkVerifier;

// The README links to docs.rs. The first definition of a link counts, so with these the same links
// stay within the docs at hand.
//! [`Signer::sign`]: crate::Signer::sign
//! [`Signer::presign`]: crate::Signer::presign
//! [`chunked`]: crate::chunked
//! [`event_stream`]: crate::event_stream
//! [`post_policy`]: crate::post_policy
//! [`verify`]: crate::verify
//! [`resign`]: crate::resign
//! [`Signer::explain`]: crate::Signer::explain
//! [`verify::Dialect`]: crate::verify::Dialect
//! [`Credentials::new`]: crate::Credentials::new
//! [`Signer::new`]: crate::Signer::new
//! [`Scope`]: crate::Scope
//! [`Rules`]: crate::Rules
//! [`Signer::with_rules`]: crate::Signer::with_rules
//! [`Request::new`]: crate::Request::new
//! [`Request::headers`]: crate::Request::headers
//! [`Payload`]: crate::Payload
//! [`Ttl`]: crate::Ttl
//! [`Rules::unsigned_headers`]: crate::Rules::unsigned_headers
//! [`Signer::signing_key`]: crate::Signer::signing_key
//! [`chunk_decoder`]: crate::verify::Verifier::chunk_decoder
//! [`claim`]: crate::verify::Verifier::claim
//! [`Resigner`]: crate::resign::Resigner
#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod canonical;
pub mod chunked;
mod codec;
mod credentials;
#[cfg(feature = "diagnose")]
pub mod diagnose;
mod error;
pub mod event_stream;
mod header_names;
mod key;
mod payload;
pub mod post_policy;
mod printable;
mod redact;
mod request;
pub mod resign;
mod scope;
mod secret;
mod sign;
mod timestamp;
#[cfg(feature = "tokens")]
pub mod token;
pub mod uri;
#[cfg(feature = "v4a")]
pub mod v4a;
pub mod verify;

pub use canonical::{Rules, TokenRule};
pub use credentials::Credentials;
pub use error::{Error, ErrorKind};
pub use key::SigningKey;
pub use payload::Payload;
pub use printable::{is_printable, printable};
pub use request::Request;
pub use scope::{HostScope, Scope};
pub use secret::Secret;
pub use sign::{Explanation, Presigned, Signature, Signer, Ttl};
pub use timestamp::{AmzDate, Timestamp};

#[cfg(all(doctest, feature = "http-body", feature = "tokens", feature = "v4a"))]
#[doc = include_str!("../RECIPES.md")]
struct Recipes;

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

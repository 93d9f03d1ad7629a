#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod algorithm;
mod base64;
#[cfg_attr(not(feature = "std"), path = "nocache.rs")]
mod cache;
mod canonical;
mod compare;
mod constant_time;
mod crc;
mod credentials;
mod encode;
mod error;
pub mod event_stream;
mod explain;
mod hex;
#[cfg(feature = "http")]
mod http;
mod inline;
mod json;
mod key;
mod payload;
mod pending;
pub mod post_policy;
mod presign;
mod request;
mod resign;
mod rules;
mod scan;
mod scope;
mod secret;
mod sha256;
mod signature;
mod signer;
pub mod stream;
mod timestamp;
#[cfg(feature = "tokens")]
pub mod token;
pub mod uri;
#[cfg(feature = "v4a")]
pub mod v4a;
pub mod verify;

pub use compare::{Difference, Part, ServerView};
pub use credentials::Credentials;
pub use error::{Error, ErrorKind};
pub use explain::Explanation;
pub use key::SigningKey;
pub use payload::{Payload, Streaming};
pub use presign::{Presigned, Ttl};
pub use request::Request;
pub use resign::{BodyResigner, Resigned, Resigner};
pub use rules::{Rules, SessionToken};
pub use scope::Scope;
pub use secret::Secret;
pub use signature::Signature;
pub use signer::Signer;
pub use timestamp::{AmzDate, Timestamp};

#[cfg(all(doctest, feature = "http-body", feature = "tokens", feature = "v4a"))]
#[doc = include_str!("../RECIPES.md")]
struct Recipes;

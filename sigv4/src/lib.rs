#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod credentials;
mod error;
mod secret;
mod timestamp;

pub use credentials::Credentials;
pub use error::{Error, ErrorKind};
pub use secret::Secret;
pub use timestamp::{AmzDate, Timestamp};

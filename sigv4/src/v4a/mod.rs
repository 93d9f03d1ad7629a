//! Signature Version 4a: signatures that are good in a set of regions, as multi-region access points of S3 need them.
//!
//! In place of a key per day and region there is one key pair per access key, on the curve P-256; in place of the
//! region in the scope there is a signed header with a [`RegionSet`].

#[cfg(feature = "http")]
mod http;
mod key;
mod keys;
mod region_set;
mod signer;

pub use key::{SigningKey, VerifyingKey};
pub(crate) use keys::Keys;
pub use region_set::RegionSet;
pub use signer::Signer;

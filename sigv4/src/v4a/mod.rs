//! Signature Version 4a: signatures that are good in a set of regions, as multi-region access points of S3 need them.
//!
//! In place of a key per day and region there is one key pair per access key, on the curve P-256; in place of the
//! region in the scope there is a signed header with a [`RegionSet`].

mod key;
mod region_set;

pub use key::{SigningKey, VerifyingKey};
pub use region_set::RegionSet;

/// The first line of every string to sign, and the label of the key derivation.
pub(crate) const ALGORITHM: &str = "AWS4-ECDSA-P256-SHA256";

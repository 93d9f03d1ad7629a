//! Signature Version 4a: signatures that are valid in a set of regions, as multi-region access
//! points of S3 need them.
//!
//! Instead of a key for each day and region, there is one key pair for each access key, on the
//! curve P-256. Instead of a region in the scope, there is a signed header with a [`RegionSet`].
//!
//! [`Signer`] is used like [`crate::Signer`]. To verify, see
//! [`Verifier::accept_v4a`](crate::verify::Verifier::accept_v4a).

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

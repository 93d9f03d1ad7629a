//! Encodings, hashes and containers. Nothing here knows about requests.

pub(crate) mod accumulator;
pub(crate) mod crc;
pub(crate) mod hex;
pub(crate) mod hmac;
pub(crate) mod json;
pub(crate) mod percent;
pub(crate) mod scan;
pub(crate) mod sha256;
#[cfg(feature = "std")]
pub(crate) mod shard;
pub(crate) mod sink;
pub(crate) mod small_vec;

//! Signing with headers and with query parameters, and its explanation.

mod explain;
#[cfg(feature = "http")]
mod http;
mod presign;
mod signature;
mod signer;

pub use explain::Explanation;
#[cfg(feature = "http")]
pub(crate) use http::remove_older;
#[cfg(all(feature = "http", feature = "v4a"))]
pub(crate) use http::sign as sign_http;
#[cfg(feature = "v4a")]
pub(crate) use presign::QueryForm;
pub use presign::{Presigned, Ttl};
#[cfg(feature = "v4a")]
pub(crate) use signature::HeaderForm;
pub use signature::Signature;
pub use signer::Signer;

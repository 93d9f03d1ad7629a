//! What other crates need of a chain, each behind a feature with the name of the crate.

#[cfg(feature = "aws-credential-types")]
mod aws_credential_types;
#[cfg(feature = "object_store")]
mod object_store;
#[cfg(feature = "reqsign")]
mod reqsign;
#[cfg(feature = "http")]
mod request_signer;
#[cfg(feature = "reqwest-middleware")]
mod reqwest_middleware;
#[cfg(feature = "tower")]
mod tower;

#[cfg(any(feature = "aws-credential-types", feature = "reqsign"))]
use keyfob_sigv4::{Credentials, Timestamp};

#[cfg(feature = "http")]
pub use self::request_signer::RequestSigner;
#[cfg(feature = "tower")]
pub use self::tower::SigningService;

/// Returns when a client must ask for credentials again.
///
/// Those that a cache serves although they have expired, because the service that issues them is
/// not available, are good for another minute. Clients refuse credentials that have expired.
#[cfg(any(feature = "aws-credential-types", feature = "reqsign"))]
fn valid_until(credentials: &Credentials, now: Timestamp) -> Option<Timestamp> {
    let expiry = credentials.expiry()?;
    if credentials.is_expired_at(now) {
        Some(now.plus_seconds(60))
    } else {
        Some(expiry)
    }
}

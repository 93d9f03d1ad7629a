//! The TLS of the default HTTP client.

#[cfg(not(feature = "rustls-no-provider"))]
mod native;
#[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
mod no_provider;
#[cfg(feature = "rustls-no-provider")]
mod rustls;
#[cfg(feature = "rustls-no-provider")]
mod verifier;
#[cfg(feature = "rustls-no-provider")]
mod words;

use std::error::Error;

#[cfg(not(feature = "rustls-no-provider"))]
pub(super) use self::native::{Certificate, build, parse};
#[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
pub(super) use self::no_provider::is_missing as is_provider_missing;
#[cfg(feature = "connector")]
pub(super) use self::{rustls::config, words::describe_error};
#[cfg(feature = "rustls-no-provider")]
pub(super) use self::{
    rustls::{Certificate, build, parse},
    words::describe,
};

type BoxError = Box<dyn Error + Send + Sync>;

/// The servers that a client trusts.
#[derive(Clone, Copy)]
pub(super) enum Trust<'a> {
    /// Those with a certificate of an authority that the system trusts.
    System,
    /// Those with a certificate that is signed by one of these.
    Only(&'a [Certificate]),
    /// Every server.
    Any,
}

//! The cryptography of TLS.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use crate::error::Error;

/// Returns the cryptography that the program has chosen for the whole process, or that of `ring`.
///
/// # Errors
///
/// If there is neither.
pub(crate) fn provider() -> Result<Arc<CryptoProvider>, Error> {
    let provider = CryptoProvider::get_default().cloned();
    #[cfg(feature = "rustls")]
    let provider = provider.or_else(|| Some(Arc::new(rustls::crypto::ring::default_provider())));
    provider.ok_or_else(|| {
        Error::setting(
            "TLS needs a provider of cryptography, and the program has none: call \
             `rustls::crypto::CryptoProvider::install_default`, or enable the feature `rustls`",
        )
    })
}

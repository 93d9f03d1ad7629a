use std::sync::Arc;

use rustls::{
    ClientConfig, Error,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use super::{BoxError, Trust, verifier::Verifier, words::describe_error};
use crate::client::cause::Cause;

pub(in crate::client) type Certificate = CertificateDer<'static>;

/// Parses certificates in PEM. Returns `None` if one is malformed.
pub(in crate::client) fn parse(pem: &[u8]) -> Option<Vec<Certificate>> {
    let parsed: Result<_, _> = CertificateDer::pem_slice_iter(pem).collect();
    // The error has a line of the file, which may be one of a key.
    parsed.ok()
}

/// Builds an HTTP client that trusts these servers.
///
/// The configuration is always one made here: without a provider for the whole process, `reqwest`
/// panics when it makes its own, even for a client that calls `http` only.
pub(in crate::client) fn build(
    builder: reqwest::ClientBuilder,
    trust: Trust<'_>,
) -> Result<reqwest::Client, BoxError> {
    let config = config(trust).map_err(|error| describe_error(&error))?;
    let builder = builder.tls_backend_preconfigured(config);
    builder.build().map_err(|error| Cause(error).into())
}

/// Returns the configuration of a client that trusts these servers and speaks HTTP/1.1.
pub(in crate::client) fn config(trust: Trust<'_>) -> Result<ClientConfig, Error> {
    let provider = provider();
    let verifier = Arc::new(Verifier::new(trust, &provider)?);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Returns the cryptography that the program has chosen for the whole process, or that of `ring`.
fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().cloned().unwrap_or_else(|| {
        #[cfg(feature = "rustls")]
        let provider = rustls::crypto::ring::default_provider();
        #[cfg(not(feature = "rustls"))]
        let provider = super::no_provider::provider();
        Arc::new(provider)
    })
}

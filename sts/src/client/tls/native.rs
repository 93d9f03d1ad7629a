use reqwest::{Client, ClientBuilder};

pub(in crate::client) use reqwest::Certificate;

use super::{BoxError, Trust};
use crate::client::cause::Cause;

/// Parses certificates in PEM. Returns `None` if one is malformed.
pub(in crate::client) fn parse(pem: &[u8]) -> Option<Vec<Certificate>> {
    Certificate::from_pem_bundle(pem).ok()
}

/// Builds an HTTP client that trusts these servers.
pub(in crate::client) fn build(
    builder: ClientBuilder,
    trust: Trust<'_>,
) -> Result<Client, BoxError> {
    let builder = match trust {
        Trust::System => builder,
        Trust::Only(certificates) => builder.tls_certs_only(certificates.iter().cloned()),
        Trust::Any => builder.tls_danger_accept_invalid_certs(true),
    };
    builder.build().map_err(|error| Cause(error).into())
}

use reqwest::{Client, ClientBuilder};

pub(in crate::client) use reqwest::Certificate;

use super::BoxError;
use crate::client::cause::Cause;

/// Parses certificates in PEM. Returns `None` if one is malformed.
pub(in crate::client) fn parse(pem: &[u8]) -> Option<Vec<Certificate>> {
    Certificate::from_pem_bundle(pem).ok()
}

/// Builds an HTTP client that trusts these authorities only.
pub(in crate::client) fn build(
    builder: ClientBuilder,
    authorities: &[Certificate],
) -> Result<Client, BoxError> {
    let builder = builder.tls_certs_only(authorities.iter().cloned());
    builder.build().map_err(|error| Cause(error).into())
}

use std::{error::Error as StdError, io, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};

use super::BoxError;
use crate::client::cause::Cause;

pub(in crate::client) type Certificate = CertificateDer<'static>;

/// Parses certificates in PEM. Returns `None` if one is malformed.
pub(in crate::client) fn parse(pem: &[u8]) -> Option<Vec<Certificate>> {
    let parsed: Result<_, _> = CertificateDer::pem_slice_iter(pem).collect();
    // The error has a line of the file, which may be one of a key.
    parsed.ok()
}

/// Builds an HTTP client that trusts these certificates only.
pub(in crate::client) fn build(
    builder: reqwest::ClientBuilder,
    certificates: &[Certificate],
) -> Result<reqwest::Client, BoxError> {
    let config = config(certificates).map_err(|error| describe_error(&error))?;
    let builder = builder.tls_backend_preconfigured(config);
    builder.build().map_err(|error| Cause(error).into())
}

fn config(certificates: &[Certificate]) -> Result<ClientConfig, Error> {
    let provider = CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone())?;
    }
    let roots = Arc::new(roots);
    let authorities = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .map_err(|error| Error::General(error.to_string()))?;
    let verifier = Arc::new(BundleVerifier {
        authorities,
        certificates: certificates.to_vec(),
    });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Trusts a server whose certificate is signed by a certificate of a bundle, or is itself in it.
///
/// The second is what OpenSSL does, and so `aws`: `openssl req -x509` makes a certificate that
/// signs itself and says that it is one of an authority, which `webpki` does not accept from a
/// server.
#[derive(Debug)]
struct BundleVerifier {
    authorities: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for BundleVerifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self
            .authorities
            .verify_server_cert(server, intermediates, name, ocsp, now);
        match verified {
            // `webpki` says this only of a certificate that has not expired. The host is checked
            // here, because it checks that last.
            Err(error) if is_authority(&error) && self.certificates.contains(server) => {
                verify_server_name(&ParsedCertificate::try_from(server)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        server: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities
            .verify_tls12_signature(message, server, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        server: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities
            .verify_tls13_signature(message, server, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Returns true if a certificate is refused because it is one of an authority.
fn is_authority(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(source))) = error else {
        return false;
    };
    matches!(
        source.downcast_ref(),
        Some(webpki::Error::CaUsedAsEndEntity)
    )
}

/// Describes an error of TLS, if there is one in this error of the HTTP client or of a connection.
pub(in crate::client) fn describe(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut error = error;
    // Their `source` passes over the error that they were made of.
    while let Some(inner) = error.downcast_ref().and_then(io::Error::get_ref) {
        error = inner;
    }
    error.downcast_ref().map(describe_error)
}

/// Describes a failure of TLS in words. The library shows names of its own types.
fn describe_error(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(_) if is_authority(error) => {
            "the server's certificate is one of an authority (CA:TRUE): if the server is yours, put \
             its certificate into the CA bundle, or give it one with CA:FALSE"
                .to_owned()
        }
        Error::InvalidCertificate(error) => {
            format!("the server's certificate {}", describe_certificate(error))
        }
        Error::InvalidMessage(_) => "the server does not speak TLS at this port".to_owned(),
        Error::PeerIncompatible(_) => {
            "the server has no version or cipher of TLS that is safe".to_owned()
        }
        Error::AlertReceived(alert) => {
            let number = u8::from(*alert);
            format!("the server refused the TLS handshake (alert {number} of RFC 8446)")
        }
        _ => "the TLS handshake failed".to_owned(),
    }
}

fn describe_certificate(error: &CertificateError) -> &'static str {
    use CertificateError::{
        BadEncoding, BadSignature, Expired, ExpiredContext, InvalidPurpose, InvalidPurposeContext,
        NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext, Revoked,
        UnknownIssuer,
    };

    match error {
        UnknownIssuer => "is not signed by an authority that is trusted",
        Expired | ExpiredContext { .. } => "has expired",
        NotValidYet | NotValidYetContext { .. } => "is not valid yet",
        NotValidForName | NotValidForNameContext { .. } => "is for another host",
        InvalidPurpose | InvalidPurposeContext { .. } => "is not for servers",
        Revoked => "was revoked",
        BadEncoding => "cannot be read",
        BadSignature => "has a wrong signature",
        _ => "is refused",
    }
}

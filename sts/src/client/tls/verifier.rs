use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::Trust;

/// Verifies the certificate of a server.
#[derive(Debug)]
pub(super) struct Verifier {
    trusted: Trusted,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Trusted {
    System(System),
    Only(Bundle),
    Any,
}

impl Verifier {
    /// # Errors
    ///
    /// If a certificate of the bundle cannot be one of an authority.
    pub(super) fn new(trust: Trust<'_>, provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let trusted = match trust {
            Trust::System => Trusted::System(System::new(Arc::clone(provider))),
            Trust::Only(certificates) => Trusted::Only(Bundle::new(certificates, provider)?),
            Trust::Any => Trusted::Any,
        };
        Ok(Self {
            trusted,
            algorithms: provider.signature_verification_algorithms,
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trusted {
            Trusted::System(system) => {
                let verifier = system.verifier()?;
                verifier.verify_server_cert(server, intermediates, name, ocsp, now)
            }
            Trusted::Only(bundle) => bundle.verify(server, intermediates, name, ocsp, now),
            Trusted::Any => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        server: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match &self.trusted {
            // `webpki` reads a certificate for its key, and does not read all of them.
            Trusted::Any => Ok(HandshakeSignatureValid::assertion()),
            _ => verify_tls12_signature(message, server, signature, &self.algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        server: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match &self.trusted {
            Trusted::Any => Ok(HandshakeSignatureValid::assertion()),
            _ => verify_tls13_signature(message, server, signature, &self.algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Trusts what the system trusts. Its authorities are loaded when a server shows its first
/// certificate, because that takes several milliseconds.
#[derive(Debug)]
struct System {
    provider: Arc<CryptoProvider>,
    loaded: OnceLock<rustls_platform_verifier::Verifier>,
}

impl System {
    fn new(provider: Arc<CryptoProvider>) -> Self {
        Self {
            provider,
            loaded: OnceLock::new(),
        }
    }

    fn verifier(&self) -> Result<&rustls_platform_verifier::Verifier, Error> {
        if let Some(verifier) = self.loaded.get() {
            return Ok(verifier);
        }
        let loaded = rustls_platform_verifier::Verifier::new(Arc::clone(&self.provider));
        let loaded = loaded.map_err(|_| Error::Other(OtherError(Arc::new(NoAuthorities))))?;
        Ok(self.loaded.get_or_init(|| loaded))
    }
}

/// The system has no authorities, as containers that were built from nothing have none.
#[derive(Debug)]
struct NoAuthorities;

impl fmt::Display for NoAuthorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system has no certificate authorities")
    }
}

impl std::error::Error for NoAuthorities {}

/// Returns true if the authorities of the system could not be loaded.
pub(super) fn lacks_authorities(error: &Error) -> bool {
    matches!(error, Error::Other(OtherError(source)) if source.is::<NoAuthorities>())
}

/// Trusts a server whose certificate is signed by a certificate of a bundle, or is itself in it.
///
/// The second is what OpenSSL does, and so `aws`: `openssl req -x509` makes a certificate that
/// signs itself and says that it is one of an authority, which `webpki` does not accept from a
/// server.
#[derive(Debug)]
struct Bundle {
    authorities: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Bundle {
    fn new(
        certificates: &[CertificateDer<'static>],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate.clone())?;
        }
        let provider = Arc::clone(provider);
        let authorities =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Self {
            authorities: authorities.map_err(|error| Error::General(error.to_string()))?,
            certificates: certificates.to_vec(),
        })
    }

    fn verify(
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
}

/// Returns true if a certificate is refused because it is one of an authority.
pub(super) fn is_authority(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(source))) = error else {
        return false;
    };
    matches!(
        source.downcast_ref(),
        Some(webpki::Error::CaUsedAsEndEntity)
    )
}

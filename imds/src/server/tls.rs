use std::{
    fmt, io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use keyfob_sigv4::{Secret, Timestamp};
use rustls::{
    CertificateError, InconsistentKeys, RootCertStore, ServerConfig,
    client::{verify_server_cert_signed_by_trust_anchor, verify_server_name},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{error::Error, provider::provider};

/// The certificate of a listener and its private key, with which it speaks TLS. They can be
/// replaced while it listens. Clones share them.
///
/// # Examples
///
/// ```no_run
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use keyfob_imds::server::listen::{Listener, Tls};
/// use keyfob_sigv4::Secret;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let read = || -> std::io::Result<(Vec<u8>, Secret)> {
///     let key = std::fs::read_to_string("key.pem")?;
///     Ok((std::fs::read("certificate.pem")?, Secret::new(key)))
/// };
/// let (certificates, key) = read()?;
/// let tls = Tls::from_pem(certificates, &key)?;
/// let echo = async |request: Request<Bytes>| Response::new(request.into_body());
/// let listener = Listener::builder().tls(tls.clone()).start(echo).await?;
/// assert!(listener.url().starts_with("https://"));
/// // When the files have changed:
/// let (certificates, key) = read()?;
/// tls.replace(certificates, &key)?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Tls(Arc<RwLock<Identity>>);

struct Identity {
    config: Arc<ServerConfig>,
    /// What clients check first, and those of its authorities.
    certificates: Vec<CertificateDer<'static>>,
}

impl Tls {
    /// Reads a certificate and its private key in PEM. The certificate comes first; those of the
    /// authorities between it and the root follow it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if one of them cannot be read or used, if
    /// the key is encrypted or not that of the certificate, or if there is no provider of
    /// cryptography. The message says which, and has nothing of either.
    pub fn from_pem(certificates: impl AsRef<[u8]>, key: &Secret) -> Result<Self, Error> {
        let identity = Identity::from_pem(certificates.as_ref(), key)?;
        Ok(Self(Arc::new(RwLock::new(identity))))
    }

    /// Replaces the certificate and the key for the connections that are opened from now on. Those
    /// that are open go on, and no later one resumes their session.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem). The previous ones stay in use then.
    pub fn replace(&self, certificates: impl AsRef<[u8]>, key: &Secret) -> Result<(), Error> {
        let identity = Identity::from_pem(certificates.as_ref(), key)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = identity;
        Ok(())
    }

    /// Checks that the certificate has not expired, and is valid already.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if clients refuse it at this time.
    pub fn check_time(&self, now: Timestamp) -> Result<(), Error> {
        let seconds = now.unix_seconds().try_into().unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        // Without authorities all certificates are refused, but their time is checked first.
        let nothing = RootCertStore::empty();
        let checked = self.with_certificate(|certificate| {
            verify_server_cert_signed_by_trust_anchor(certificate, &nothing, &[], now, &[])
        });
        let time = |time: UnixTime| {
            let seconds = time.as_secs().try_into().unwrap_or(i64::MAX);
            Timestamp::from_unix_seconds(seconds)
        };
        let problem = match checked {
            Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
                not_after,
                ..
            })) => format!("the certificate has expired at {}", time(not_after)),
            Err(rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext {
                not_before,
                ..
            })) => format!("the certificate is not valid before {}", time(not_before)),
            _ => return Ok(()),
        };
        Err(Error::setting(problem))
    }

    /// Returns true if the certificate is for this host name or address.
    pub fn is_for(&self, host: &str) -> bool {
        let Ok(name) = ServerName::try_from(host) else {
            return false;
        };
        self.with_certificate(|certificate| verify_server_name(certificate, &name))
            .is_ok()
    }

    fn with_certificate(
        &self,
        check: impl FnOnce(&ParsedCertificate<'_>) -> Result<(), rustls::Error>,
    ) -> Result<(), rustls::Error> {
        let identity = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let first = identity.certificates.first();
        let first = first.ok_or(rustls::Error::NoCertificatesPresented)?;
        check(&ParsedCertificate::try_from(first)?)
    }

    /// Waits for the handshake of a client.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = {
            let identity = self.0.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&identity.config)
        };
        TlsAcceptor::from(config).accept(stream).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Identity {
    fn from_pem(certificates: &[u8], key: &Secret) -> Result<Self, Error> {
        // No error of the parser goes on: it may have a line of a key.
        let unreadable = || Error::setting("the certificate is damaged: write it in PEM");
        // Editors on Windows write a mark in front of UTF-8.
        let certificates = certificates
            .strip_prefix(MARK.as_bytes())
            .unwrap_or(certificates);
        let is_trusted = certificates
            .windows(TRUSTED.len())
            .any(|part| part == TRUSTED);
        let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let certificates = parsed.map_err(|_| unreadable())?;
        if certificates.is_empty() {
            if is_trusted {
                return Err(Error::setting(
                    "the certificate is in the form of OpenSSL with settings of trust: write it \
                     with `openssl x509`, as `-----BEGIN CERTIFICATE-----`",
                ));
            }
            return Err(Error::setting(
                "there is no certificate: write one in PEM, which begins with `-----BEGIN \
                 CERTIFICATE-----`",
            ));
        }
        let key = private_key(key)?;
        let config = ServerConfig::builder_with_provider(provider()?)
            .with_safe_default_protocol_versions()
            .map_err(|_| Error::setting("the provider of cryptography has no version of TLS"))?;
        let config = config.with_no_client_auth();
        let mut config = config
            .with_single_cert(certificates.clone(), key)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => Error::setting(
                    "the private key is not that of the certificate: the certificate of the server \
                     comes first, before those of its authorities",
                ),
                rustls::Error::InvalidCertificate(_) => Error::setting(
                    "the certificate cannot be read: write one of X.509 version 3 in PEM",
                ),
                _ => Error::setting(
                    "the private key cannot be used: write one of RSA (2,048 bits or more), ECDSA \
                     (P-256 or P-384) or Ed25519",
                ),
            })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            certificates,
        })
    }
}

/// How OpenSSL begins a certificate that has settings of trust behind it.
const TRUSTED: &[u8] = b"BEGIN TRUSTED CERTIFICATE";
/// What a text in UTF-8 may begin with.
const MARK: &str = "\u{feff}";

fn private_key(pem: &Secret) -> Result<PrivateKeyDer<'static>, Error> {
    let pem = pem.expose();
    let pem = pem.strip_prefix(MARK).unwrap_or(pem);
    // The body of PEM has no such word but in the headers of an encrypted key.
    if pem.contains("BEGIN ENCRYPTED PRIVATE KEY") || pem.contains("4,ENCRYPTED") {
        return Err(Error::setting(
            "the private key is encrypted: decrypt it with `openssl pkey`",
        ));
    }
    match PrivateKeyDer::pem_slice_iter(pem.as_bytes()).next() {
        Some(Ok(key)) => Ok(key),
        Some(Err(_)) => Err(Error::setting(
            "the private key is damaged: write it in PEM",
        )),
        None => Err(Error::setting(
            "there is no private key: write one in PEM, which begins with `-----BEGIN PRIVATE \
             KEY-----`",
        )),
    }
}

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::{
    client::tls::{self, Certificate, Trust},
    error::Error,
};

/// The size in bytes beyond which a file is refused. All authorities of a system have 300 KB, and
/// `/dev/zero` has no end.
const MAX_FILE: u64 = 16 << 20;

/// The certificates of the authorities that are trusted, and the file they were read from.
#[derive(Clone)]
pub(super) struct CaBundle {
    file: Option<PathBuf>,
    certificates: Vec<Certificate>,
}

impl CaBundle {
    pub(super) fn read(file: &Path) -> Result<Self, Error> {
        let mut pem = Vec::new();
        File::open(file)
            .and_then(|opened| opened.take(MAX_FILE + 1).read_to_end(&mut pem))
            .map_err(|error| {
                let shown = file.display();
                let message =
                    format!("cannot read the CA bundle {shown}: set a file of certificates in PEM");
                Error::setting(message).with_source(error)
            })?;
        if pem.len() as u64 > MAX_FILE {
            let shown = file.display();
            let message = format!(
                "the CA bundle {shown} is longer than {MAX_FILE} bytes: set a file of certificates \
                 in PEM"
            );
            return Err(Error::setting(message));
        }
        Self::new(&pem, Some(file.to_owned()))
    }

    pub(super) fn parse(pem: &[u8]) -> Result<Self, Error> {
        Self::new(pem, None)
    }

    fn new(pem: &[u8], file: Option<PathBuf>) -> Result<Self, Error> {
        let mut bundle = Self {
            file,
            certificates: Vec::new(),
        };
        bundle.certificates = tls::parse(pem).ok_or_else(|| bundle.invalid())?;
        if bundle.certificates.is_empty() {
            let name = bundle.name();
            let message = format!("{name} has no certificate: set a file of certificates in PEM");
            return Err(Error::setting(message));
        }
        Ok(bundle)
    }

    /// Builds an HTTP client that trusts these authorities only.
    pub(super) fn build(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Error> {
        let built = tls::build(builder, Trust::Only(&self.certificates));
        built.map_err(|error| self.invalid().with_boxed_source(error))
    }

    /// Returns the configuration of a client that trusts these authorities only.
    #[cfg(feature = "connector")]
    pub(super) fn config(&self) -> Result<rustls::ClientConfig, Error> {
        let config = tls::config(Trust::Only(&self.certificates));
        config.map_err(|error| {
            let source = tls::describe_error(&error);
            self.invalid().with_boxed_source(source.into())
        })
    }

    /// Returns the error for a certificate that is malformed, or that the TLS library refuses.
    fn invalid(&self) -> Error {
        let name = self.name();
        Error::setting(format!(
            "{name} has an invalid certificate: set a file of certificates in PEM"
        ))
    }

    fn name(&self) -> String {
        match &self.file {
            Some(file) => format!("the CA bundle {}", file.display()),
            None => "the CA bundle".to_owned(),
        }
    }
}

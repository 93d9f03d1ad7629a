use std::{env, error::Error as StdError, io};

use rustls::{CertificateError, Error};

use super::verifier::{is_authority, lacks_authorities};

/// The variables that name other authorities than those of the system.
///
/// Source: crate `rustls-native-certs`, which has them from OpenSSL.
const AUTHORITIES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Describes an error of TLS, if there is one in this error of the HTTP client or of a connection.
pub(in crate::client) fn describe(error: &(dyn StdError + 'static)) -> Option<String> {
    find(error).map(describe_error)
}

/// Finds the error of TLS in this error of the HTTP client or of a connection.
pub(super) fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let mut error = error;
    // Their `source` passes over the error that they were made of.
    while let Some(inner) = error.downcast_ref().and_then(io::Error::get_ref) {
        error = inner;
    }
    error.downcast_ref()
}

/// Describes a failure of TLS in words. The library shows names of its own types.
pub(in crate::client) fn describe_error(error: &Error) -> String {
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
        _ if lacks_authorities(error) => {
            let set = AUTHORITIES.iter().filter(|name| env::var_os(name).is_some());
            let set: Vec<_> = set.copied().collect();
            if set.is_empty() {
                "the system has no certificate authorities: install its package of them \
                 (`ca-certificates`), or set a CA bundle"
                    .to_owned()
            } else {
                format!(
                    "no certificate authority can be read from {}: unset it, or set a CA bundle",
                    set.join(" and ")
                )
            }
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

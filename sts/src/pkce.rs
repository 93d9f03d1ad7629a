use std::fmt;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use keyfob_sigv4::{Secret, uri};
use sha2::{Digest as _, Sha256};

use crate::endpoint::Endpoint;

/// The secret that proves that a program which redeems an authorization code is the one that asked
/// for it (PKCE).
///
/// # Examples
///
/// ```
/// use keyfob_sts::CodeVerifier;
///
/// // In real life from a generator of random numbers.
/// let verifier = CodeVerifier::from_random([7; 48]);
/// assert_eq!(verifier.expose().len(), 64);
/// assert_eq!(verifier.challenge().len(), 43);
/// ```
#[derive(Clone)]
pub struct CodeVerifier(Secret);

impl CodeVerifier {
    /// Makes a verifier of 64 characters from 48 random bytes.
    pub fn from_random(bytes: [u8; 48]) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(bytes).into())
    }

    /// Returns the challenge, which goes into the URL for the browser.
    ///
    /// Source: RFC 7636, section 4.2, `S256`.
    pub fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(self.expose()))
    }

    /// Returns the text, which is secret until the code is redeemed.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Takes a text that is already a verifier.
impl From<Secret> for CodeVerifier {
    fn from(text: Secret) -> Self {
        Self(text)
    }
}

impl fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeVerifier(redacted)")
    }
}

/// Returns the URL of a page with parameters in its query.
pub(crate) fn page_url(endpoint: &Endpoint, path: &str, parameters: &[(&str, &str)]) -> String {
    let parameters = parameters.iter().map(|(name, value)| {
        let value = uri::encode_component(value);
        format!("{name}={value}")
    });
    let (base, query) = (endpoint.url(), parameters.collect::<Vec<_>>());
    format!("{}{path}?{}", base.trim_end_matches('/'), query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_that_of_the_specification() {
        let verifier = Secret::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(
            CodeVerifier::from(verifier).challenge(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}

use std::fmt;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use http::{Method, Uri};
use keyfob_sigv4::{Secret, Timestamp};
use p256::{
    SecretKey,
    ecdsa::{Signature, SigningKey, signature::Signer as _},
};
use zeroize::Zeroizing;

use crate::error::Error;

/// The length of a line in a PEM file.
///
/// Source: RFC 7468, section 2.
const LINE: usize = 64;

/// The key of a login, on the curve P-256. Each request proves that it has the key.
///
/// `Debug` does not show it, and it is zeroed on drop.
///
/// # Examples
///
/// ```
/// use keyfob_sigv4::Timestamp;
/// use keyfob_sts::signin::DpopKey;
///
/// // In real life from a generator of random numbers.
/// let key = DpopKey::from_random([7; 32])?;
/// let pem = key.to_pem();
/// assert!(pem.expose().starts_with("-----BEGIN EC PRIVATE KEY-----\n"));
///
/// let url = "https://eu-west-1.signin.aws.amazon.com/v1/token".parse()?;
/// let now = Timestamp::from_unix_seconds(1_795_780_800);
/// let proof = DpopKey::from_pem(pem.expose())?.proof(&http::Method::POST, &url, now, [9; 16]);
/// assert_eq!(proof.expose().split('.').count(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct DpopKey(SecretKey);

impl DpopKey {
    /// Makes a key from 32 random bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the number is zero or too large, which
    /// has a chance of 1 in 2^32: take other bytes.
    pub fn from_random(bytes: [u8; 32]) -> Result<Self, Error> {
        let bytes = Zeroizing::new(bytes);
        let key = SecretKey::from_slice(bytes.as_slice());
        key.map(Self)
            .map_err(|_| Error::setting("the random bytes are not a key: take others"))
    }

    /// Reads a key in PEM, of the forms SEC1 (`EC PRIVATE KEY`) and PKCS#8 (`PRIVATE KEY`). Line
    /// ends may be written as `\n`, as some tools leave them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it is not a key on the curve P-256. The
    /// text is not in the message.
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        let text = Zeroizing::new(text.replace("\\n", "\n"));
        let key = der(&text).and_then(|der| SecretKey::from_der(&der).ok());
        key.map(Self).ok_or_else(|| {
            Error::setting("dpopKey is not a private key on the curve P-256 in PEM: sign in again")
        })
    }

    /// Returns the key in PEM, in the form SEC1, as the AWS CLI writes it.
    pub fn to_pem(&self) -> Secret {
        let der = self.0.to_sec1_der().unwrap_or_default();
        let base64 = Zeroizing::new(BASE64_STANDARD.encode(&der));
        let mut pem = String::with_capacity(base64.len() + base64.len() / LINE + 66);
        pem.push_str("-----BEGIN EC PRIVATE KEY-----\n");
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(LINE));
            pem.push_str(line);
            pem.push('\n');
            rest = more;
        }
        pem.push_str("-----END EC PRIVATE KEY-----\n");
        pem.into()
    }

    /// Returns a proof for one request, with 16 random bytes that tell it from others.
    ///
    /// Source: RFC 9449, section 4.2; RFC 7518, section 3.4, for the signature.
    pub fn proof(&self, method: &Method, url: &Uri, now: Timestamp, random: [u8; 16]) -> Secret {
        let key = SigningKey::from(&self.0);
        let point = key.verifying_key().to_sec1_point(false);
        let point = point.as_bytes();
        // A prefix, then two coordinates of 32 bytes.
        let [x, y] = [1, 33].map(|at| BASE64_URL_SAFE_NO_PAD.encode(&point[at..at + 32]));
        let header = serde_json::json!({
            "typ": "dpop+jwt",
            "alg": "ES256",
            "jwk": {"kty": "EC", "crv": "P-256", "x": x, "y": y},
        });
        let claims = serde_json::json!({
            "htm": method.as_str(),
            "htu": without_query(url),
            "iat": now.unix_seconds(),
            "jti": uuid(random),
        });
        let [header, claims] =
            [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature: Signature = key.sign(signed.as_bytes());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes());
        format!("{signed}.{signature}").into()
    }
}

impl fmt::Debug for DpopKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DpopKey(redacted)")
    }
}

/// Returns the bytes of a private key in PEM. What stands before it, such as the parameters that
/// OpenSSL writes, is skipped.
fn der(pem: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (label, rest) = ["EC PRIVATE KEY", "PRIVATE KEY"].iter().find_map(|label| {
        let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
        Some((label, rest))
    })?;
    let (base64, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let mut text = Zeroizing::new(String::with_capacity(base64.len()));
    text.extend(base64.split_ascii_whitespace());
    BASE64_STANDARD
        .decode(text.as_str())
        .ok()
        .map(Zeroizing::new)
}

/// Returns a URL without query and fragment.
fn without_query(url: &Uri) -> String {
    let text = url.to_string();
    text.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// Returns a random UUID.
///
/// Source: RFC 9562, section 5.4.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the corpus of botocore and the Rust SDK.
    const SEC1: &str = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIPt/u8InPLpQeQLJTvVX+sNDzni8vMDMt3Liu+nMBigfoAoGCCqGSM49\nAwEHoUQDQgAEILkGG7rNOnxiIJlMgimY1UPP8eDMFP0DAY6WGjngP4bvTAiUCQ/I\nffut2379uP+OBCm2ovGpBOJRgrl1RspUOQ==\n-----END EC PRIVATE KEY-----\n";

    #[test]
    fn a_key_is_read_in_each_form_and_written_as_the_aws_cli_does() {
        let parameters =
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        for pem in [
            SEC1.to_owned(),
            SEC1.replace('\n', "\\n"),
            SEC1.replace('\n', "\r\n"),
            format!("{parameters}{SEC1}"),
        ] {
            let key = DpopKey::from_pem(&pem).unwrap();
            assert_eq!(key.to_pem().expose(), SEC1);
        }
    }

    #[test]
    fn what_is_not_a_key_is_an_error_that_does_not_show_it() {
        for pem in [
            "",
            "canary",
            &SEC1[..90],
            &SEC1.replace("MHcC", "MHcD"),
            &SEC1.replace("MHcC", "é"),
            "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n",
        ] {
            let error = DpopKey::from_pem(pem).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
        assert!(DpopKey::from_random([0; 32]).is_err());
        assert!(DpopKey::from_random([255; 32]).is_err());
    }

    #[test]
    fn a_proof_has_the_members_of_the_specification() {
        let key = DpopKey::from_pem(SEC1).unwrap();
        let url = "https://h/v1/token?a=b".parse().unwrap();
        let now = Timestamp::from_unix_seconds(1_795_780_800);
        let proof = key.proof(&Method::POST, &url, now, [0xff; 16]);
        let mut parts = proof.expose().split('.').map(|part| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
            serde_json::from_slice::<serde_json::Value>(&bytes).unwrap_or_default()
        });
        let header = parts.next().unwrap();
        assert_eq!(
            header["jwk"]["x"],
            "ILkGG7rNOnxiIJlMgimY1UPP8eDMFP0DAY6WGjngP4Y"
        );
        assert_eq!(
            header["jwk"]["y"],
            "70wIlAkPyH37rdt-_bj_jgQptqLxqQTiUYK5dUbKVDk"
        );
        let claims = serde_json::json!({
            "htm": "POST",
            "htu": "https://h/v1/token",
            "iat": 1_795_780_800,
            "jti": "ffffffff-ffff-4fff-bfff-ffffffffffff",
        });
        assert_eq!(parts.next().unwrap(), claims);
        let signature = proof.expose().rsplit('.').next().unwrap();
        assert_eq!(signature.len(), 86);
    }
}

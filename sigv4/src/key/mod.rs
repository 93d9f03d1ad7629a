//! Signing keys, their cache, and the algorithms that use them.

mod algorithm;
#[cfg(feature = "std")]
mod cache;
#[cfg(not(feature = "std"))]
mod nocache;

pub(crate) use algorithm::Algorithm;
#[cfg(feature = "std")]
pub(crate) use cache::KeyCache;
#[cfg(not(feature = "std"))]
pub(crate) use nocache::KeyCache;

use alloc::string::String;
use core::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::{
    codec::{hex, hmac::HmacKey, small_vec::SmallVec},
    credentials::Credentials,
    scope::{MAX_SUFFIX, Scope, TERMINATOR},
    secret::Secret,
    timestamp::{AmzDate, Timestamp},
};

/// The first line of every string to sign, and the scheme of the `Authorization` header.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The first line of the string to sign of a chunk or of an event-stream message.
pub(crate) const PAYLOAD_ALGORITHM: &str = "AWS4-HMAC-SHA256-PAYLOAD";
/// The first line of every string to sign with SigV4a, and the label of its key derivation.
pub(crate) const V4A_ALGORITHM: &str = "AWS4-ECDSA-P256-SHA256";

/// The key of the signatures of one day in one scope, derived from a secret access key.
///
/// A [`Signer`](crate::Signer) derives and caches its keys by itself. Use this type to give a key
/// to code that may sign for one day, region and service, but must not have the secret. It is
/// zeroed on drop, and its `Debug` is redacted.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, Scope, SigningKey};
/// let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// let scope = Scope::new("us-east-1", "iam")?;
/// let key = SigningKey::derive(&credentials, &scope, "20120215T000000Z".parse()?);
/// assert_eq!(key.expose()[..4], [0xf4, 0x78, 0x0e, 0x2d]);
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    bytes: [u8; 32],
    hmac: HmacKey,
}

impl SigningKey {
    /// Derives the key of the day of `at`, by four HMACs over the date, the region, the service and
    /// `aws4_request`.
    ///
    /// Source: Signature Version 4, "Calculate the signature", step "derive a signing key".
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Scope, SigningKey};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// let scope = Scope::new("us-east-1", "s3")?;
    /// let key = SigningKey::derive(&credentials, &scope, "20150830T123600Z".parse()?);
    /// let evening = SigningKey::derive(&credentials, &scope, "20150830T200000Z".parse()?);
    /// assert_eq!(key.expose(), evening.expose());
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn derive(credentials: &Credentials, scope: &Scope, at: Timestamp) -> Self {
        Self::derive_on(credentials.secret_access_key(), scope, at.amz_date().date())
    }

    /// Derives the key of a date given as text. Some tokens use a text that is not a date.
    pub(crate) fn derive_on(secret: &Secret, scope: &Scope, date: &str) -> Self {
        let secret = Zeroizing::new([b"AWS4", secret.expose().as_bytes()].concat());
        let mut bytes = HmacKey::new(&secret).mac(date.as_bytes());
        for part in [scope.region(), scope.service(), TERMINATOR] {
            let key = HmacKey::new(&bytes);
            bytes.zeroize();
            bytes = key.mac(part.as_bytes());
        }
        let hmac = HmacKey::new(&bytes);
        Self { bytes, hmac }
    }

    /// Returns the 32 bytes of the key. It has the name of
    /// [`Secret::expose`](crate::Secret::expose), so that one search finds every use of a secret.
    pub fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Signs a string to sign, and returns 64 lower-case hex digits.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Scope, Signer, Timestamp};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let request = Request::new("GET", "https://iam.amazonaws.com/")?;
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// let signer = Signer::new(Scope::new("us-east-1", "iam")?);
    /// let steps = signer.explain(&request, &credentials, now)?;
    /// let key = signer.signing_key(&credentials, now);
    /// assert_eq!(key.sign(steps.string_to_sign().as_bytes()), steps.signature());
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn sign(&self, string_to_sign: &[u8]) -> String {
        let digits = hex::encode(&self.mac(string_to_sign));
        digits.map(char::from).iter().collect()
    }

    /// Returns the HMAC of the message.
    pub(crate) fn mac(&self, message: &[u8]) -> [u8; 32] {
        self.hmac.mac(message)
    }

    /// Returns the key after all lines of a string to sign but the last.
    pub(crate) fn prefixed(&self, algorithm: &str, date: &AmzDate, scope_suffix: &str) -> HmacKey {
        let prefix = string_to_sign_prefix(algorithm, date, scope_suffix);
        self.hmac.with_prefix(prefix.as_slice())
    }
}

impl Drop for SigningKey {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(redacted)")
    }
}

/// The length of the longest algorithm name, a timestamp and the longest scope, with room to spare.
const MAX_PREFIX: usize = 64 + 17 + 8 + MAX_SUFFIX + 1;

/// Returns the string to sign up to its last line: algorithm, timestamp and credential scope.
///
/// Source: Signature Version 4, "Create a string to sign".
pub(crate) fn string_to_sign_prefix(
    algorithm: &str,
    date: &AmzDate,
    scope_suffix: &str,
) -> SmallVec<u8, MAX_PREFIX> {
    let mut text = SmallVec::new(0);
    for part in [
        algorithm,
        "\n",
        date.as_str(),
        "\n",
        date.date(),
        scope_suffix,
        "\n",
    ] {
        text.extend(part.as_bytes());
    }
    text
}

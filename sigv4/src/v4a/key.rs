use alloc::string::String;
use core::fmt;

use p256::ecdsa::{self, DerSignature, signature::Signer as _, signature::Verifier as _};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    codec::{hex, hmac::HmacKey},
    credentials::Credentials,
    error::{Error, ErrorKind},
    key::V4A_ALGORITHM,
};

/// The private key that belongs to an access key: the same in all regions and services, on all
/// days.
///
/// A [`Signer`](super::Signer) derives and caches its keys by itself. The key is zeroed on drop,
/// and its `Debug` is redacted.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, v4a::SigningKey};
/// let secret = "q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom";
/// let credentials = Credentials::new("AKISORANDOMAASORANDOM", secret)?;
/// let key = SigningKey::derive(&credentials)?;
/// assert_eq!(key.verifying_key().x()[..4], [0x15, 0xd2, 0x42, 0xce]);
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone)]
pub struct SigningKey(ecdsa::SigningKey);

impl SigningKey {
    /// Derives the key of an access key, from its secret and its id.
    ///
    /// Source: Signature Version 4a; NIST SP 800-108, the counter mode.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SecretAccessKey`] if no key follows from the secret, which has a chance of 1 in
    /// 2^8128.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, v4a::SigningKey};
    /// let key = SigningKey::derive(&Credentials::new("AKIDEXAMPLE", "secret")?)?;
    /// let signature = key.sign(b"text");
    /// assert!(key.verifying_key().verify(b"text", &signature));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn derive(credentials: &Credentials) -> Result<Self, Error> {
        let secret = credentials.secret_access_key().expose().as_bytes();
        let hmac = HmacKey::new(&Zeroizing::new([b"AWS4A", secret].concat()));
        let id = credentials.access_key_id().as_bytes();
        scalar(|counter| {
            // The round, the label, a zero, the context, and the length of the result in bits.
            let context = [id, &[counter]].concat();
            let parts = [
                &[0, 0, 0, 1],
                V4A_ALGORITHM.as_bytes(),
                &[0],
                &context,
                &[0, 0, 1, 0],
            ];
            hmac.mac(&parts.concat())
        })
        .map(Self)
        .ok_or_else(|| Error::secret(ErrorKind::SecretAccessKey))
    }

    /// Returns the 32 bytes of the scalar. It has the name of
    /// [`Secret::expose`](crate::Secret::expose), so that one search finds every use of a secret.
    pub fn expose(&self) -> [u8; 32] {
        self.0.to_bytes().into()
    }

    /// Returns the public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(*self.0.verifying_key())
    }

    /// Signs a string to sign, and returns up to 144 lower-case hex digits: ECDSA over its SHA-256,
    /// in DER.
    ///
    /// The nonce follows from the key and the message (RFC 6979), so that no random generator is
    /// needed.
    pub fn sign(&self, string_to_sign: &[u8]) -> String {
        let signature: DerSignature = self.0.sign(string_to_sign);
        let mut text = String::with_capacity(2 * signature.as_bytes().len());
        hex::push(&mut text, signature.as_bytes());
        text
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(redacted)")
    }
}

/// The public half of a [`SigningKey`], which verifies its signatures and is not secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey(ecdsa::VerifyingKey);

impl VerifyingKey {
    /// Returns the key of a point, given by its coordinates, big-endian.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PublicKey`] if the point is not on the curve.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, v4a::{SigningKey, VerifyingKey}};
    /// # let key = SigningKey::derive(&Credentials::new("AKIDEXAMPLE", "secret")?)?;
    /// let public = key.verifying_key();
    /// let (x, y) = (public.x(), public.y());
    /// assert_eq!(VerifyingKey::from_coordinates(&x, &y)?, public);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn from_coordinates(x: &[u8; 32], y: &[u8; 32]) -> Result<Self, Error> {
        // SEC 1, section 2.3.4: an uncompressed point.
        let point = [&[4], &x[..], &y[..]].concat();
        let key = ecdsa::VerifyingKey::from_sec1_bytes(&point);
        key.map(Self)
            .map_err(|_| Error::secret(ErrorKind::PublicKey))
    }

    /// Returns the first coordinate, big-endian.
    pub fn x(&self) -> [u8; 32] {
        self.coordinates().0
    }

    /// Returns the second coordinate, big-endian.
    pub fn y(&self) -> [u8; 32] {
        self.coordinates().1
    }

    /// Returns true if `signature`, in hex, is a signature of the string to sign by this key.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, v4a::SigningKey};
    /// # let key = SigningKey::derive(&Credentials::new("AKIDEXAMPLE", "secret")?)?;
    /// let public = key.verifying_key();
    /// let signature = key.sign(b"text");
    /// assert!(public.verify(b"text", &signature) && !public.verify(b"other", &signature));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn verify(&self, string_to_sign: &[u8], signature: &str) -> bool {
        let bytes = hex::decode_all(signature.as_bytes());
        let signature = bytes.and_then(|bytes| DerSignature::try_from(&bytes[..]).ok());
        signature.is_some_and(|signature| self.0.verify(string_to_sign, &signature).is_ok())
    }

    fn coordinates(&self) -> ([u8; 32], [u8; 32]) {
        let point = self.0.to_sec1_point(false);
        let half = |bytes: &[u8]| bytes.try_into().unwrap_or_default();
        let (x, y) = point.as_bytes()[1..].split_at(32);
        (half(x), half(y))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut x, (left, _)) = (String::new(), self.coordinates());
        hex::push(&mut x, &left);
        f.debug_struct("VerifyingKey")
            .field("x", &x)
            .finish_non_exhaustive()
    }
}

/// Derives the scalar: the first code, for counters from 1 to 254, that is at most n − 2, plus one.
///
/// That is the first whose successor is a scalar of the curve, 1 to n − 1.
fn scalar(code: impl Fn(u8) -> [u8; 32]) -> Option<ecdsa::SigningKey> {
    (1..=254).find_map(|counter| {
        let mut candidate = code(counter);
        increment(&mut candidate);
        let key = ecdsa::SigningKey::from_slice(&candidate).ok();
        candidate.zeroize();
        key
    })
}

/// Adds one to a big-endian number. All ones become zero, which is not a scalar either.
fn increment(number: &mut [u8; 32]) {
    for byte in number.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order of the curve less two, the largest code that is accepted.
    const N_LESS_2: [u8; 32] = *b"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\
        \xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x4f";

    fn text(bytes: &[u8]) -> String {
        let mut text = String::new();
        hex::push(&mut text, bytes);
        text
    }

    #[test]
    fn the_published_keys_are_derived() {
        for (id, secret, d, x, y) in [
            (
                "AKISORANDOMAASORANDOM",
                "q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom",
                "7fd3bd010c0d9c292141c2b77bfbde1042c92e6836fff749d1269ec890fca1bd",
                "15d242ceebf8d8169fd6a8b5a746c41140414c3b07579038da06af89190fffcb",
                "0515242cedd82e94799482e4c0514b505afccf2c0c98d6a553bf539f424c5ec0",
            ),
            (
                "AKIDEXAMPLE",
                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                "7efc8c0e65a324242818c5a50c891c6060b6a00717b7ba3cbe3c5d765be9259c",
                "b6618f6a65740a99e650b33b6b4b5bd0d43b176d721a3edfea7e7d2d56d936b1",
                "865ed22a7eadc9c5cb9d2cbaca1b3699139fedc5043dc6661864218330c8e518",
            ),
        ] {
            let key = SigningKey::derive(&Credentials::new(id, secret).unwrap()).unwrap();
            let public = key.verifying_key();
            assert_eq!(text(&key.expose()), d);
            assert_eq!((text(&public.x()), text(&public.y())), (x.into(), y.into()));
            let same = VerifyingKey::from_coordinates(&public.x(), &public.y());
            assert_eq!(same, Ok(public));
        }
    }

    #[test]
    fn a_code_that_is_too_large_is_skipped() {
        let mut too_large = N_LESS_2;
        increment(&mut too_large);
        let code = |counter| match counter {
            1 => [0xff; 32],
            2 => too_large,
            3 => N_LESS_2,
            _ => [0; 32],
        };
        let mut expected = N_LESS_2;
        increment(&mut expected);
        assert_eq!(scalar(code).unwrap().to_bytes()[..], expected);
        assert!(scalar(|_| too_large).is_none());
        assert_eq!(scalar(|_| [0; 32]).unwrap().to_bytes()[31], 1);
        let last = |counter| if counter == 254 { [0; 32] } else { [0xff; 32] };
        assert!(scalar(last).is_some());
    }

    #[test]
    fn a_signature_verifies_and_a_changed_one_does_not() {
        let key = SigningKey::derive(&Credentials::new("AKID", "secret").unwrap()).unwrap();
        let signature = key.sign(b"text");
        let public = key.verifying_key();
        assert!(signature.len() <= 144);
        assert!(public.verify(b"text", &signature));
        assert!(public.verify(b"text", &signature.to_uppercase()));
        assert!(!public.verify(b"texts", &signature));
        for wrong in ["", "30", "zz", &signature[2..], &(signature.clone() + "00")] {
            assert!(!public.verify(b"text", wrong), "{wrong}");
        }
        assert!(VerifyingKey::from_coordinates(&[1; 32], &[1; 32]).is_err());
    }
}

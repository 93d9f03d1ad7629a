//! HMAC-SHA256, RFC 2104.

use hmac::{Hmac, KeyInit, Mac, digest::FixedOutput};
use sha2::Sha256;

/// An HMAC key, with the part of the message it has already seen.
///
/// The features `zeroize` of `hmac` and `sha2` zero it on drop.
#[derive(Clone)]
pub(crate) struct HmacKey(Hmac<Sha256>);

impl HmacKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        // RFC 2104 hashes keys longer than a block, so `hmac` refuses none.
        Self(Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!("any length is a key")))
    }

    /// Returns a key that has already seen `prefix`, for messages that all begin with it.
    pub(crate) fn with_prefix(&self, prefix: &[u8]) -> Self {
        Self(self.0.clone().chain_update(prefix))
    }

    /// Returns the code of the prefix followed by `message`.
    pub(crate) fn mac(&self, message: &[u8]) -> [u8; 32] {
        self.0.clone().chain_update(message).finalize_fixed().into()
    }
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    /// An `Hmac<Sha256>` holds the states and the buffer of a `Sha256`, and drops them.
    #[test]
    fn the_states_of_a_key_are_zeroed_on_drop() {
        fn check<T: ZeroizeOnDrop>() {}
        check::<Sha256>();
    }

    /// RFC 4231, test cases 2, 6 and 7.
    #[test]
    fn hmac_gives_the_published_codes() {
        let long = [0xaa; 131];
        for (key, message, begins) in [
            (&b"Jefe"[..], &b"what do ya want for nothing?"[..], [0x5b, 0xdc, 0xc1, 0x46]),
            (
                &long,
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                [0x60, 0xe4, 0x31, 0x59],
            ),
            (
                &long,
                b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
                [0x9b, 0x09, 0xff, 0xa7],
            ),
        ] {
            let hmac = HmacKey::new(key);
            let code = hmac.mac(message);
            assert_eq!(code[..4], begins);
            let text = [b'x'; 400];
            // Miri takes seconds for each.
            for length in (0..400).step_by(if cfg!(miri) { 63 } else { 1 }) {
                let (prefix, rest) = text.split_at(length);
                let code = hmac.mac(&text);
                assert_eq!(hmac.with_prefix(prefix).mac(rest), code, "cut at {length}");
            }
        }
    }
}

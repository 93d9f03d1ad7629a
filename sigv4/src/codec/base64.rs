//! Base64 for the few places that put it on the wire (RFC 4648).

use alloc::string::String;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
#[cfg(feature = "tokens")]
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Section 4: with padding.
pub(crate) fn standard(data: &[u8]) -> String {
    let mut text = encode(STANDARD, data);
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// Section 5, without padding.
#[cfg(feature = "tokens")]
pub(crate) fn url_safe(data: &[u8]) -> String {
    encode(URL_SAFE, data)
}

fn encode(alphabet: &[u8; 64], data: &[u8]) -> String {
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for group in data.chunks(3) {
        let bits = group
            .iter()
            .enumerate()
            .fold(0, |bits, (i, byte)| bits | u32::from(*byte) << (16 - 8 * i));
        // n bytes need n + 1 characters.
        text.extend(
            (0..=group.len()).map(|i| char::from(alphabet[(bits >> (18 - 6 * i)) as usize & 63])),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_come_out() {
        for (data, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(standard(data.as_bytes()), text);
        }
        assert_eq!(standard(b"\xfb\xff"), "+/8=");
    }

    #[test]
    #[cfg(feature = "tokens")]
    fn the_other_alphabet_has_no_padding() {
        assert_eq!(url_safe(b"\xfb\xff"), "-_8");
        assert_eq!(url_safe(b"foobar"), "Zm9vYmFy");
    }
}

//! Access key ids, secrets and tokens, in the form of real ones.

use rand::RngExt as _;

pub(super) const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Returns a random access key id. The characters after the prefix are 80 bits in Base32; the first
/// of them is set, and the next 40 are the account.
pub(super) fn access_key_id(prefix: &str, account: &str) -> String {
    let number: u128 = account.parse().unwrap_or_default();
    let random = rand::rng().random_range(0..1u128 << 39);
    let bits = 1 << 79 | number << 39 | random;
    let text = (0..16)
        .rev()
        .map(|index| char::from(BASE32[(bits >> (5 * index)) as usize % 32]));
    prefix.chars().chain(text).collect()
}

/// Returns random text, such as a secret access key (40 characters) or a session token.
pub(in crate::server) fn random_text(length: usize) -> String {
    random(BASE64, length)
}

/// Returns a random text in the form of an encoded authorization message.
pub(super) fn random_message() -> String {
    random(BASE64_URL, 400)
}

/// Returns the random secret of an MFA device in Base32.
pub(super) fn random_seed() -> String {
    random(BASE32, 32)
}

pub(super) fn random(alphabet: &[u8], length: usize) -> String {
    let mut rng = rand::rng();
    (0..length)
        .map(|_| char::from(alphabet[rng.random_range(..alphabet.len())]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account_from_access_key_id;

    #[test]
    fn a_key_id_has_the_account_as_real_ones_have() {
        for account in ["123456789012", "000000000001", "999999999999"] {
            let id = access_key_id("AKIA", account);
            assert_eq!(id.len(), 20);
            assert_eq!(account_from_access_key_id(&id).as_deref(), Some(account));
        }
    }
}

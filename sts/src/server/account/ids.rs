//! Access key ids, secrets and tokens, in the form of real ones.

use rand::RngExt as _;

pub(super) const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

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

/// Returns the account in an access key id, or `None` if the id is not of that form.
pub(in crate::server) fn account_of(access_key_id: &str) -> Option<String> {
    let text = access_key_id.get(4..).filter(|text| text.len() == 16)?;
    let mut bits: u128 = 0;
    for byte in text.bytes() {
        let digit = BASE32.iter().position(|known| *known == byte)?;
        bits = bits << 5 | digit as u128;
    }
    let account = bits >> 39 & ((1 << 40) - 1);
    (account < 1_000_000_000_000).then(|| format!("{account:012}"))
}

/// Returns random text, such as a secret access key (40 characters) or a session token.
pub(super) fn random_text(length: usize) -> String {
    random(BASE64, length)
}

/// Returns the random secret of an MFA device in Base32.
pub(super) fn random_seed() -> String {
    random(BASE32, 32)
}

fn random(alphabet: &[u8], length: usize) -> String {
    let mut rng = rand::rng();
    (0..length)
        .map(|_| char::from(alphabet[rng.random_range(..alphabet.len())]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_id_has_the_account_as_real_ones_have() {
        for account in ["123456789012", "000000000001", "999999999999"] {
            let id = access_key_id("AKIA", account);
            assert_eq!(id.len(), 20);
            assert_eq!(account_of(&id).as_deref(), Some(account));
        }
        // Source: "A short note on AWS KEY ID", Tal Be'ery.
        assert_eq!(
            account_of("ASIAQNZGKIQY56JQ7WML").as_deref(),
            Some("029608264753")
        );
        for other in ["", "AKIA", "AKIAIOSFODNN7EXAMPL1", "AKIAÄÖÜ"] {
            assert_eq!(account_of(other), None, "{other}");
        }
    }
}

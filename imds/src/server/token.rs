use std::{collections::BTreeMap, sync::Mutex};

use ctutils::CtEq;
use keyfob_sigv4::Secret;
use rand::Rng;
use tokio::time::Instant;

use crate::{lock::lock, wire::TokenTtl};

/// The most tokens that are live at a time. The oldest is dropped first.
const MAX_LIVE: usize = 10_000;

/// The session tokens that were issued and have not expired.
///
/// A token is a serial number, by which it is found, and a secret, which is compared in constant
/// time.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: u64,
    live: BTreeMap<u64, Live>,
}

#[derive(Debug)]
struct Live {
    secret: Secret,
    expires: Instant,
}

impl Tokens {
    pub(crate) fn issue(&self, ttl: TokenTtl, now: Instant) -> String {
        let secret = random_text();
        let mut state = lock(&self.0);
        state.live.retain(|_, live| now < live.expires);
        if state.live.len() >= MAX_LIVE {
            state.live.pop_first();
        }
        state.last += 1;
        let serial = state.last;
        let token = format!("{serial:016x}{secret}");
        let expires = now + ttl.as_duration();
        let secret = secret.into();
        state.live.insert(serial, Live { secret, expires });
        token
    }

    pub(crate) fn is_live(&self, token: &[u8], now: Instant) -> bool {
        let Some((serial, secret)) = token.split_at_checked(16) else {
            return false;
        };
        let Some(serial) = std::str::from_utf8(serial)
            .ok()
            .and_then(|text| u64::from_str_radix(text, 16).ok())
        else {
            return false;
        };
        let state = lock(&self.0);
        state
            .live
            .get(&serial)
            .is_some_and(|live| same(live.secret.expose().as_bytes(), secret) && now < live.expires)
    }

    /// Ends every session.
    pub(crate) fn clear(&self) {
        lock(&self.0).live.clear();
    }
}

/// Returns 256 random bits in hexadecimal.
pub(crate) fn random_text() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares two secrets in a time that depends only on their lengths.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).to_bool()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_token_is_live_until_it_expires_and_no_longer() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let token = tokens.issue(TokenTtl::from_secs(1).unwrap(), now);
        assert!(tokens.is_live(token.as_bytes(), now));
        assert!(!tokens.is_live(token.as_bytes(), now + Duration::from_secs(1)));
        for wrong in [
            "",
            "x",
            &token[1..],
            &token[..79],
            &token.replace(&token[20..], ""),
        ] {
            assert!(!tokens.is_live(wrong.as_bytes(), now), "{wrong}");
        }
    }

    #[test]
    fn the_number_of_tokens_is_bounded() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let first = tokens.issue(TokenTtl::MAX, now);
        let token = (0..MAX_LIVE)
            .map(|_| tokens.issue(TokenTtl::MAX, now))
            .last();
        assert!(!tokens.is_live(first.as_bytes(), now));
        assert!(tokens.is_live(token.unwrap().as_bytes(), now));
    }

    #[test]
    fn comparison_takes_all_of_both() {
        assert!(
            same(b"ab", b"ab") && !same(b"ab", b"ac") && !same(b"ab", b"a") && !same(b"", b"a")
        );
    }
}

#[path = "../../src/services/page_token.rs"]
mod page_token;

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// Reads a text, and a text in Base64, as `--starting-token`. What is read is written again and
/// read as the same.
pub(crate) fn page_token(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for token in [&*text, &BASE64_STANDARD.encode(input)] {
        let Some((token, skip)) = page_token::decode("Marker", token) else {
            continue;
        };
        for truncated in [Some(skip), (skip > 0).then_some(skip)] {
            let again = page_token::encode("Marker", token.as_deref(), truncated);
            let read = page_token::decode("Marker", &again);
            assert_eq!(read, Some((token.clone(), skip)));
        }
    }
}

#[path = "../../src/commands/keys/journal/document.rs"]
mod document;
#[path = "../../src/services/page_token.rs"]
mod page_token;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use keyfob_sigv4::{Secret, Timestamp};

use self::document::Journal;

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

/// Reads a text as the journal of a rotation. What is read is written again and read as the same,
/// and what it says needs no other look at it.
pub(crate) fn rotation_journal(input: &[u8]) {
    let Some(journal) = Journal::parse(&String::from_utf8_lossy(input)) else {
        return;
    };
    let again = Journal::parse(journal.text().expose());
    assert_eq!(format!("{again:?}"), format!("{:?}", Some(&journal)));
    let Some(again) = again else { return };
    let secrets = |journal: &Journal| {
        let new = journal.new.as_ref().and_then(|new| new.secret.as_ref());
        [new, journal.old_secret.as_ref()]
            .map(|secret| secret.map(Secret::expose).map(str::to_owned))
    };
    assert_eq!(secrets(&again), secrets(&journal));
    assert!(!journal.state().is_empty());
    for secret in secrets(&journal)
        .into_iter()
        .flatten()
        .filter(|secret| secret.len() > 20)
    {
        assert!(!format!("{journal:?}").contains(&secret));
    }
    for now in [Timestamp::MIN, journal.begun, Timestamp::MAX] {
        let is_waiting = journal.is_waiting_at(now);
        assert!(!is_waiting || journal.until().is_some_and(|until| now < until));
    }
    let old = journal.old_key();
    assert!(old.is_none() || journal.old_secret.is_some());
}

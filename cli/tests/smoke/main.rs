//! The checks of the fuzz targets on texts that look more or less like what the command reads, on a
//! fixed sequence short enough for each test run.

mod checks;

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// Random numbers (xorshift) that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.next(from.len())]
    }
}

#[test]
fn any_text_is_read_as_a_starting_token_without_a_panic_and_written_as_it_was_read() {
    const MEMBERS: [&str; 12] = [
        r#""Marker": "a""#,
        r#""Marker": null"#,
        r#""Marker": {"a": 1}"#,
        r#""Marker": "\u00e9\"""#,
        r#""boto_truncate_amount": 0"#,
        r#""boto_truncate_amount": 3"#,
        r#""boto_truncate_amount": -1"#,
        r#""boto_truncate_amount": 1e3"#,
        r#""boto_truncate_amount": 18446744073709551615"#,
        r#""boto_truncate_amount": "3""#,
        r#""Other": 1"#,
        "",
    ];
    let mut numbers = Numbers(0x0bad_c0de);
    for _ in 0..5000 {
        let members: Vec<_> = (0..numbers.next(4))
            .map(|_| numbers.pick(&MEMBERS))
            .collect();
        let mut token = format!("{{{}}}", members.join(", ")).into_bytes();
        if numbers.next(2) == 0 {
            token = BASE64_STANDARD.encode(token).into_bytes();
        }
        if numbers.next(3) == 0 {
            let at = numbers.next(token.len());
            token[at] ^= 1 << numbers.next(8);
        }
        checks::page_token(&token);
    }
}

#[test]
fn any_text_is_read_as_a_journal_without_a_panic_and_written_as_it_was_read() {
    const MEMBERS: [&str; 22] = [
        r#""user": "ada""#,
        r#""user": """#,
        r#""old_access_key_id": "AKIAOLD""#,
        r#""old_access_key_id": "\u0000\u00e9\"""#,
        r#""old_access_key_id": null"#,
        r#""old_secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY""#,
        r#""old_secret_access_key": "\n""#,
        r#""begun": "2026-11-22T03:00:00.25Z""#,
        r#""begun": "9999-12-31T23:59:59Z""#,
        r#""begun": "0000-01-01T00:00:00Z""#,
        r#""begun": 7"#,
        r#""grace_seconds": 0"#,
        r#""grace_seconds": 4294967295"#,
        r#""grace_seconds": -1"#,
        r#""keep_inactive": true"#,
        r#""keep_inactive": "no""#,
        r#""new_access_key_id": "AKIANEW""#,
        r#""new_secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEZ""#,
        r#""deactivated": "9999-12-31T23:59:59Z""#,
        r#""deactivated": "2026-11-22T03:00:00+01:00""#,
        r#""reverted": true"#,
        r#""other": [1, {}]"#,
    ];
    const NEEDED: &str = r#""old_access_key_id": "AKIA", "begun": "2026-11-22T03:00:00Z",
        "grace_seconds": 1, "keep_inactive": false"#;
    let mut numbers = Numbers(0x0dd_ba11);
    for _ in 0..5000 {
        let mut members: Vec<_> = (0..numbers.next(6))
            .map(|_| numbers.pick(&MEMBERS))
            .collect();
        if numbers.next(2) == 0 {
            members.insert(0, NEEDED);
        }
        let mut journal = format!("{{{}}}", members.join(", ")).into_bytes();
        if numbers.next(3) == 0 {
            let at = numbers.next(journal.len());
            journal[at] ^= 1 << numbers.next(8);
        }
        checks::rotation_journal(&journal);
    }
}

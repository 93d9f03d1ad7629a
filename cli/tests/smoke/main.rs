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

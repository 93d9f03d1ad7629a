//! What must hold for each input, whether a mutation of this test or of a fuzz target made it.

use std::time::Duration;

use keyfob_backoff::{BODY_LIMIT, ClockSkew, Decision, Failure, Hint, Policy, THROTTLING_CODES};
use serde_json::Value;

/// Looks for a code: it is a piece of the input, and nothing that follows it changes it.
///
/// The first line is the content type, the next two are the headers that name an error, and the
/// rest is the body.
pub(crate) fn error_code(input: &[u8]) {
    let mut lines = input.splitn(4, |byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let headers = [next(), next(), next()].map(|line| str::from_utf8(line).unwrap_or_default());
    let body = next();
    let names = ["content-type", "x-amzn-query-error", "x-amzn-errortype"];
    let header = |name: &str| {
        let at = names.iter().position(|known| *known == name)?;
        Some(headers[at]).filter(|value| !value.is_empty())
    };
    let found = keyfob_backoff::error_code(header, body);
    let in_body = body_code(headers[0], body);
    if let Some(text) = in_body {
        assert!(contains(body, text.as_bytes()), "{text:?}");
        let longer = [body, b"\xff{<\"}>"].concat();
        if longer.len() <= BODY_LIMIT {
            assert_eq!(body_code(headers[0], &longer), in_body);
        }
    }
    assert!(found.is_some() || in_body.is_none());
    let failure = Failure::from_answer(400, header, body);
    assert_eq!(failure.code(), found);
    if let Some(code) = found {
        assert!(!code.is_empty() && code.trim_ascii() == code, "{code:?}");
        let known = THROTTLING_CODES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(code));
        let throttled = Policy::aws().classify(&failure);
        assert!(known || throttled.is_none(), "{code:?}");
    }
    if body.len() <= BODY_LIMIT {
        assert_json(headers[0], body, in_body);
    }
}

fn body_code<'a>(content_type: &'a str, body: &'a [u8]) -> Option<&'a str> {
    let header = |name: &str| (name == "content-type").then_some(content_type);
    keyfob_backoff::error_code(header, body)
}

/// Compares the code with the one that a whole JSON reader finds.
fn assert_json(content_type: &str, body: &[u8], found: Option<&str>) {
    let names = ["__type", "code", "Code"];
    let once = |name: &&str| {
        let quoted = format!("\"{name}\"");
        body.windows(quoted.len())
            .filter(|part| *part == quoted.as_bytes())
            .count()
            <= 1
    };
    // An escape may hide a name or a code from our reader, and of two members it reads the first.
    if body.contains(&b'\\') || !names.iter().all(once) {
        return;
    }
    let document = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let Ok(Value::Object(members)) = serde_json::from_slice(document) else {
        return;
    };
    let order = if content_type
        .trim_ascii_start()
        .starts_with("application/x-amz-json")
    {
        names
    } else {
        ["code", "Code", "__type"]
    };
    let value = order.iter().find_map(|name| members.get(*name)?.as_str());
    let code = value.map(|value| value.split(':').next().unwrap_or_default());
    let code = code.map(|code| code.rsplit('#').next().unwrap_or_default().trim_ascii());
    assert_eq!(found, code.filter(|code| !code.is_empty()));
}

/// Reads the input as a date, and the input's first bytes as a time that is written as one.
pub(crate) fn http_date(input: &[u8]) {
    let read = |text: &str| {
        let hint = Hint::from_retry_after(text, Duration::ZERO)?;
        let all_digits = text.trim_ascii().bytes().all(|byte| byte.is_ascii_digit());
        (!all_digits).then_some(hint.wait().as_secs())
    };
    if let Ok(text) = str::from_utf8(input) {
        let date = read(text);
        let at = Duration::ZERO;
        let skew = ClockSkew::measure(text, None, at, at).map(|skew| skew.as_millis() / 1_000);
        if let Some(seconds) = date {
            assert_eq!(skew, i64::try_from(seconds).ok());
            // A leap second is written as the second after it.
            assert_eq!(read(&imf_fixdate(seconds)), Some(seconds), "{text:?}");
        } else {
            assert_eq!(skew, None, "{text:?}");
        }
    }
    if let Some((first, _)) = input.split_first_chunk() {
        // Up to the last second of the year 9999.
        let seconds = u64::from_be_bytes(*first) % 253_402_300_800;
        assert_eq!(read(&imf_fixdate(seconds)), Some(seconds));
    }
}

/// Writes a time as `Thu, 06 Nov 1994 08:49:37 GMT`; the day's name is not read.
fn imf_fixdate(seconds: u64) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let is_leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let (mut days, time) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970;
    // Whole cycles of the calendar first, which have 400 years and 146,097 days.
    year += days / 146_097 * 400;
    days %= 146_097;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 0;
    loop {
        let length = match month {
            1 => 28 + u64::from(is_leap(year)),
            3 | 5 | 8 | 10 => 30,
            _ => 31,
        };
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    let (day, month) = (days + 1, MONTHS[month]);
    format!("Thu, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Reads lines as `x-amz-retry-after`, `retry-after` and `date`: digits only are a number, and no
/// wait is longer than the policy allows.
pub(crate) fn hint(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (aws, http, date) = (next(), next(), next());
    let found = Hint::from_headers(|name| match name {
        "x-amz-retry-after" => Some(aws),
        "retry-after" => Some(http),
        "date" => Some(date),
        _ => None,
    });
    let preferred = Hint::from_x_amz_retry_after(aws);
    assert_eq!(
        preferred.map(|hint| hint.wait()),
        number(aws).map(Duration::from_millis)
    );
    if preferred.is_some() {
        assert_eq!(found, preferred);
    } else if let Some(seconds) = number(http) {
        assert_eq!(
            found.map(|hint| hint.wait()),
            Some(Duration::from_secs(seconds))
        );
    }
    let early = Hint::from_retry_after(http, Duration::ZERO);
    let late = Hint::from_retry_after(http, Duration::from_secs(784_111_777));
    assert_eq!(early.is_some(), late.is_some());
    assert!(early.map(|hint| hint.wait()) >= late.map(|hint| hint.wait()));
    let failure = Failure::response(503).with_hint(found);
    let decision = Policy::aws()
        .start()
        .on_failure(&failure, Duration::ZERO, None, &mut || 1.0);
    let Decision::Wait(delay) = decision else {
        panic!("{decision:?}");
    };
    let (drawn, cap) = (Duration::from_millis(50), Duration::from_secs(20));
    let headroom = Duration::from_secs(5);
    let longest = if preferred.is_some() {
        drawn + headroom
    } else {
        cap
    };
    assert!(delay >= drawn && delay <= longest, "{delay:?}");
}

fn number(text: &str) -> Option<u64> {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\x0c']);
    let is_number = !text.is_empty() && text.chars().all(|char| char.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Only a 200 becomes a 500. A document that ends anywhere before its end is one, and so is an
/// error.
pub(crate) fn s3_status(input: &[u8]) {
    let status = keyfob_backoff::s3_status(200, input);
    assert!(status == 500 || status == 200);
    assert_eq!(keyfob_backoff::s3_status(404, input), 404);
    let failure = Failure::from_s3_answer(200, |_| None, input);
    assert_eq!(
        failure.and_then(|failure| failure.status()),
        (status == 500).then_some(500)
    );
    // Spaces that keep the connection open change nothing.
    if !input.is_empty() && !input.starts_with(b"\xef\xbb\xbf") && input.len() < BODY_LIMIT / 2 {
        let spaced = [b" \n", input, b"\n"].concat();
        assert_eq!(keyfob_backoff::s3_status(200, &spaced), status);
    }
    let text: Vec<u8> = input
        .iter()
        .copied()
        .filter(|byte| *byte != b'<')
        .take(40)
        .collect();
    let copied = [
        b"<CopyObjectResult><ETag>".as_slice(),
        &text,
        b"</ETag></CopyObjectResult>",
    ];
    let copied = copied.concat();
    assert_eq!(keyfob_backoff::s3_status(200, &copied), 200);
    for end in 1..copied.len() {
        assert_eq!(keyfob_backoff::s3_status(200, &copied[..end]), 500, "{end}");
    }
    let error = [b"<Error><Code>".as_slice(), &text, b"</Code></Error>"].concat();
    assert_eq!(keyfob_backoff::s3_status(200, &error), 500);
}

fn contains(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|piece| piece == part)
}

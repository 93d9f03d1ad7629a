use std::path::Path;

use super::body;
use crate::{failure::Failure, syntax::parse_header};

/// Parses the values of `--header`; `@FILE` has a header on each line. A header without a value is
/// not sent.
///
/// # Errors
///
/// If a header has no colon, or if a file cannot be read.
pub(super) fn from_args(words: &[String]) -> Result<Vec<(String, Option<String>)>, Failure> {
    let mut headers = Vec::new();
    for word in words {
        match word.strip_prefix('@') {
            None => headers.push(parse_header(word)?),
            Some(path) => {
                let text = body::read_text("--header", Path::new(path))?;
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    headers.push(parse_header(line)?);
                }
            }
        }
    }
    Ok(headers)
}

/// Returns the first value of a header.
pub(super) fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

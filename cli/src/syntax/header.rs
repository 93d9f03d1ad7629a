use crate::failure::Failure;

/// Parses a header as curl does.
///
/// `NAME: VALUE` sets it; the space is optional, and the value may contain colons. `NAME;` sends an
/// empty value. `NAME:` returns no value: it removes a header that would be added by default.
///
/// # Errors
///
/// If there is no colon. The message does not repeat the text, which may be a token.
pub(crate) fn parse_header(text: &str) -> Result<(String, Option<String>), Failure> {
    if let Some(name) = text.strip_suffix(';').filter(|name| !name.contains(':')) {
        return Ok((name.trim().to_owned(), Some(String::new())));
    }
    let (name, value) = text.split_once(':').ok_or_else(|| {
        Failure::usage("a header has no colon: write NAME: VALUE, or NAME; for an empty value")
    })?;
    let value = value.trim();
    let value = (!value.is_empty()).then(|| value.to_owned());
    Ok((name.trim().to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_contain_colons_and_needs_no_space_before_it() {
        for (text, name, value) in [
            ("a:b: c", "a", Some("b: c")),
            ("a: b", "a", Some("b")),
            ("a: b;", "a", Some("b;")),
            ("a;", "a", Some("")),
            ("a:", "a", None),
            ("a: ", "a", None),
        ] {
            let expected = (name.to_owned(), value.map(str::to_owned));
            assert_eq!(parse_header(text).unwrap(), expected, "{text}");
        }
        assert!(parse_header("canary").is_err_and(|e| !e.to_string().contains("canary")));
    }
}

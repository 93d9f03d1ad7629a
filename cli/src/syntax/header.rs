use crate::failure::Failure;

/// `NAME: VALUE`, with or without the blank; a value may hold further colons. As curl has it, `NAME;` is a header without
/// a value, and `NAME:` takes out a header that would be added. The value is not repeated in errors: it may be a token.
///
/// # Errors
///
/// When there is no colon.
pub(crate) fn header_of(text: &str) -> Result<(String, Option<String>), Failure> {
    if let Some(name) = text.strip_suffix(';').filter(|name| !name.contains(':')) {
        return Ok((name.trim().to_owned(), Some(String::new())));
    }
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| Failure::usage("a header has the form NAME: VALUE, and one has no colon"))?;
    let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
    Ok((name.trim().to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_may_hold_colons_and_need_no_blank() {
        for (text, name, value) in [
            ("a:b: c", "a", Some("b: c")),
            ("a: b", "a", Some("b")),
            ("a: b;", "a", Some("b;")),
            ("a;", "a", Some("")),
            ("a:", "a", None),
            ("a: ", "a", None),
        ] {
            let expected = (name.to_owned(), value.map(str::to_owned));
            assert_eq!(header_of(text).unwrap(), expected, "{text}");
        }
        assert!(header_of("canary").is_err_and(|e| !e.to_string().contains("canary")));
    }
}

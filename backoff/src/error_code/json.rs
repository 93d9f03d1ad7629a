//! Just enough JSON to find a string member of the outermost object, even if the end of the text is
//! missing.

/// Returns the raw bytes of the string member `name`.
///
/// A string with an escape in it is not returned: error codes have none.
pub(super) fn string_member<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = body.strip_prefix(b"{")?;
    loop {
        let (key, after_key) = string(rest.trim_ascii_start())?;
        let value = after_key
            .trim_ascii_start()
            .strip_prefix(b":")?
            .trim_ascii_start();
        if key == name
            && let Some((found, _)) = string(value)
        {
            return (!found.contains(&b'\\')).then_some(found);
        }
        rest = skip_value(value)?.trim_ascii_start().strip_prefix(b",")?;
    }
}

/// Splits a string off the start: the bytes between its quotes, and the rest.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"\"")?;
    let mut escaped = false;
    let end = inner.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    Some((&inner[..end], &inner[end + 1..]))
}

/// Skips the value at the start, up to the comma or bracket that ends it at this depth.
fn skip_value(mut rest: &[u8]) -> Option<&[u8]> {
    // A counter instead of recursion: nested brackets, however many, cannot exhaust the stack.
    let mut depth = 0_u32;
    loop {
        match rest.first()? {
            b'"' => {
                rest = string(rest)?.1;
                continue;
            }
            b',' | b'}' | b']' if depth == 0 => return Some(rest),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        rest = &rest[1..];
    }
}

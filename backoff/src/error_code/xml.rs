//! Just enough XML to find an element by its name and its parent. Prefixes are ignored; entities
//! are not resolved.

/// How deep a `Code` may be; deeper elements are skipped.
const DEPTH: usize = 4;

/// Returns the text of the first `Code` whose parent is `Error`.
pub(super) fn error_code(body: &[u8]) -> Option<&[u8]> {
    let mut path: [&[u8]; DEPTH] = [b""; DEPTH];
    let mut depth = 0_usize;
    let mut rest = body;
    while let Some((tag, after)) = next_tag(rest) {
        rest = after;
        match tag {
            Tag::Open(name) => {
                if name == b"Code" && depth > 0 && path.get(depth - 1) == Some(&&b"Error"[..]) {
                    return rest
                        .iter()
                        .position(|byte| *byte == b'<')
                        .map(|end| &rest[..end]);
                }
                if let Some(slot) = path.get_mut(depth) {
                    *slot = name;
                }
                depth += 1;
            }
            Tag::Close => depth = depth.saturating_sub(1),
            Tag::Empty(_) | Tag::Other => {}
        }
    }
    None
}

/// Returns the name of the outermost element.
pub(super) fn root(body: &[u8]) -> Option<&[u8]> {
    let mut rest = body;
    loop {
        let (tag, after) = next_tag(rest)?;
        if let Tag::Open(name) | Tag::Empty(name) = tag {
            return Some(name);
        }
        rest = after;
    }
}

/// Returns true if every element that was opened was closed, so that the document is not cut off.
pub(super) fn is_complete(body: &[u8]) -> bool {
    let mut depth = 0_u32;
    let mut rest = body;
    while let Some((tag, after)) = next_tag(rest) {
        rest = after;
        match tag {
            Tag::Open(_) => depth = depth.saturating_add(1),
            Tag::Close => depth = depth.saturating_sub(1),
            Tag::Empty(_) | Tag::Other => {}
        }
    }
    depth == 0 && !rest.contains(&b'<')
}

enum Tag<'a> {
    Open(&'a [u8]),
    Close,
    Empty(&'a [u8]),
    /// A comment, a declaration or a processing instruction.
    Other,
}

/// Finds the next tag, and returns it with the text after it.
fn next_tag(text: &[u8]) -> Option<(Tag<'_>, &[u8])> {
    let start = text.iter().position(|byte| *byte == b'<')?;
    let tag = &text[start + 1..];
    if let Some(comment) = tag.strip_prefix(b"!--") {
        let end = comment.windows(3).position(|bytes| bytes == b"-->")?;
        return Some((Tag::Other, &comment[end + 3..]));
    }
    let end = tag.iter().position(|byte| *byte == b'>')?;
    let (inner, after) = (&tag[..end], &tag[end + 1..]);
    let tag = match inner.first()? {
        b'/' => Tag::Close,
        b'?' | b'!' => Tag::Other,
        _ if inner.ends_with(b"/") => Tag::Empty(local_name(&inner[..inner.len() - 1])),
        _ => Tag::Open(local_name(inner)),
    };
    Some((tag, after))
}

/// Returns the name without its prefix: `Code` of `ns:Code attr="x"`.
fn local_name(tag: &[u8]) -> &[u8] {
    let end = tag
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(tag.len());
    tag[..end]
        .rsplit(|byte| *byte == b':')
        .next()
        .unwrap_or_default()
}

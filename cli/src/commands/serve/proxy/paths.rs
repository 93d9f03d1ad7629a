//! What a server may read in a path.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Decodes a path, or a part of it.
pub(super) fn decode(path: &str) -> Cow<'_, str> {
    percent_decode_str(path).decode_utf8_lossy()
}

/// Stands before text in UTF-8.
const MARK: char = '\u{feff}';

/// Returns what a server may read in a decoded name: some leave out parameters, spaces, the mark of
/// UTF-8 and the like.
pub(super) fn bare(decoded: &str) -> &str {
    let trim = |text| {
        str::trim_matches(text, |c: char| {
            c.is_whitespace() || c.is_control() || c == MARK
        })
    };
    let name = trim(decoded).split([';', '\0']).next();
    trim(name.unwrap_or_default())
}

/// Returns true for a decoded path with a segment that a server may take for another folder.
pub(super) fn climbs(decoded: &str) -> bool {
    decoded
        .split(['/', '\\'])
        .any(|part| matches!(bare(part), "." | ".."))
}

/// Returns what a server may read in a segment.
pub(super) fn name(segment: &str) -> String {
    bare(&decode(segment)).to_lowercase()
}

/// Returns true if a path has the segments of a pattern, in which `*` is any segment, and `**` are
/// all that follow. Empty ones do not count.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/').map(name).filter(|name| !name.is_empty());
    for expected in pattern.split('/').skip(1) {
        let Some(segment) = segments.next() else {
            return false;
        };
        match expected {
            "**" => return true,
            "*" => {}
            _ if segment == expected => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

//! What a server may read in a path.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Decodes a path, or a part of it.
pub(super) fn decode(path: &str) -> Cow<'_, str> {
    percent_decode_str(path).decode_utf8_lossy()
}

/// Returns what a server may read in a decoded name: some leave out parameters, spaces and the
/// like.
pub(super) fn bare(decoded: &str) -> &str {
    let trim = |text| str::trim_matches(text, |c: char| c.is_whitespace() || c.is_control());
    let name = trim(decoded).split([';', '\0']).next();
    trim(name.unwrap_or_default())
}

/// Returns true for a decoded path with a segment that a server may take for another folder.
pub(super) fn climbs(decoded: &str) -> bool {
    decoded
        .split(['/', '\\'])
        .any(|part| matches!(bare(part), "." | ".."))
}

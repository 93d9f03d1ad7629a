use percent_encoding::{AsciiSet, utf8_percent_encode};

/// The only ASCII character that [`to_wire_form`] encodes.
const SPACE: AsciiSet = AsciiSet::EMPTY.add(b' ');

/// Returns the part of a URL between the scheme and the path.
pub(crate) fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Writes a URL as clients send it: without the fragment, and with spaces and characters that are
/// not ASCII percent-encoded.
pub(crate) fn to_wire_form(url: &str) -> String {
    let without_fragment = url.split('#').next().unwrap_or_default();
    utf8_percent_encode(without_fragment, &SPACE).to_string()
}

/// Returns true if the path has a segment `.` or `..`, even encoded. Clients may remove those.
pub(crate) fn has_dot_segments(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let decoded = path.replace("%2e", ".").replace("%2E", ".");
    decoded
        .split('/')
        .any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_segments_count_in_the_path_only() {
        for url in [
            "https://a/../b",
            "https://a/b/.",
            "https://a/%2e%2E/b",
            "https://a/./b?c",
        ] {
            assert!(has_dot_segments(url), "{url}");
        }
        for url in ["https://a.b/c..d", "https://a/?b=/../", "https://a/.b/..."] {
            assert!(!has_dot_segments(url), "{url}");
        }
    }

    #[test]
    fn the_wire_form_is_ascii_without_spaces_and_fragment() {
        assert_eq!(
            to_wire_form("https://a/b \u{fc}%20?c=d e#frag"),
            "https://a/b%20%C3%BC%20?c=d%20e"
        );
    }
}

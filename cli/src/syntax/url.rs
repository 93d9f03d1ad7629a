//! URLs as text, before anything is known to be one.

/// The part of a URL between the scheme and the path.
pub(crate) fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// As clients send a URL: without the fragment, and with blanks and what is not ASCII percent-encoded.
pub(crate) fn wire_form(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let mut out = String::with_capacity(url.len());
    for c in url.chars() {
        if c != ' ' && c.is_ascii() {
            out.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    out
}

/// Whether a client may take `.` and `..` out of the path, also where they are encoded.
pub(crate) fn has_dot_segments(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.replace("%2e", ".").replace("%2E", ".");
    path.split('/').any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_segments_are_seen_in_the_path_only() {
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
}

use std::path::Path;

pub(crate) use keyfob_sigv4::printable;

/// Escapes a path.
pub(crate) fn printable_path(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

/// Escapes each line of a text, and indents all but the first: none can pass for a line of ours.
pub(crate) fn printable_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(printable).collect();
    lines.join("\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_escaped_and_indented() {
        assert_eq!(
            printable_lines("one\nhint: \u{1b}two\n"),
            "one\n  hint: \\u{1b}two"
        );
    }
}

//! How the words of a command are told apart, as botocore does it: no shell, no variables, no `~`.

use crate::variables::Platform;

/// Splits a command into its words. Returns `None` if a quote has no end.
pub(super) fn split(command: &str, platform: Platform) -> Option<Vec<String>> {
    match platform {
        Platform::Unix => split_posix(command),
        Platform::Windows => split_windows(command),
    }
}

/// Splits as a POSIX shell does: `'` keeps everything up to the next `'`; `"` keeps everything but
/// `\"` and `\\`; elsewhere `\` keeps the next character.
///
/// Source: Python, `shlex.split`.
pub(crate) fn split_posix(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = command.chars();
    while let Some(c) = characters.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '"' => break,
                        '\\' => match characters.next()? {
                            c @ ('"' | '\\') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(characters.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// Splits as Windows programs do: only `"` quotes, only a space or a tab separates, and `\` is
/// itself unless a `"` follows: then two of them are one, and a last odd one keeps the quote.
///
/// Source: Microsoft, "Parsing C command-line arguments"; botocore, `compat_shell_split`.
fn split_windows(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut backslashes = 0;
    for c in command.chars() {
        if c == '\\' {
            backslashes += 1;
            continue;
        }
        if c == '"' {
            let word = word.get_or_insert_default();
            word.extend(std::iter::repeat_n('\\', backslashes / 2));
            if backslashes % 2 == 1 {
                word.push('"');
            } else {
                is_quoted = !is_quoted;
            }
            backslashes = 0;
            continue;
        }
        if backslashes > 0 {
            let word = word.get_or_insert_default();
            word.extend(std::iter::repeat_n('\\', backslashes));
            backslashes = 0;
        }
        match c {
            ' ' | '\t' if !is_quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if is_quoted {
        return None;
    }
    if backslashes > 0 {
        let word = word.get_or_insert_default();
        word.extend(std::iter::repeat_n('\\', backslashes));
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_botocore() {
        use Platform::{Unix, Windows};

        for (platform, command, words) in [
            (Unix, "a b\t c", Some(&["a", "b", "c"][..])),
            (
                Unix,
                "'/opt/my keys' --x 'a\"b'",
                Some(&["/opt/my keys", "--x", "a\"b"]),
            ),
            (
                Unix,
                r#""/a b/c" "x\"y\\z\w""#,
                Some(&["/a b/c", r#"x"y\z\w"#]),
            ),
            (
                Unix,
                r"a\ b $HOME ~/x '' | c #d",
                Some(&["a b", "$HOME", "~/x", "", "|", "c", "#d"]),
            ),
            (Unix, "a'b'\"c\"", Some(&["abc"])),
            (Unix, "a 'b", None),
            (Unix, "a \"b", None),
            (Unix, "a \\", None),
            (
                Windows,
                r#""C:\Program Files\x.exe" --a "b c""#,
                Some(&[r"C:\Program Files\x.exe", "--a", "b c"]),
            ),
            (
                Windows,
                r"C:\x\y.exe 'a b' \\host\s",
                Some(&[r"C:\x\y.exe", "'a", "b'", r"\\host\s"]),
            ),
            (
                Windows,
                r#"a "b\"c" "d\\" \\"e f""#,
                Some(&["a", "b\"c", "d\\", "\\e f"]),
            ),
            (Windows, "a \"\" \\", Some(&["a", "", "\\"])),
            (Windows, "a\nb", Some(&["a\nb"])),
            (Windows, "a \"b", None),
        ] {
            let split = split(command, platform);
            let split = split
                .as_ref()
                .map(|words| words.iter().map(String::as_str).collect());
            assert_eq!(split, words.map(<[&str]>::to_vec), "{command}");
        }
    }
}

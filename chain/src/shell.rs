//! Words of command lines for a POSIX shell.

use std::{fmt::Write as _, path::Path};

use keyfob_sigv4::is_printable;

/// Quotes text as one word, if it needs that. A word of several lines stays so.
///
/// # Examples
///
/// ```
/// use keyfob_chain::shell::quoted;
///
/// assert_eq!(quoted("prod"), "prod");
/// assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
/// ```
pub fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-/.%@:+,=".contains(&byte);
    // zsh reads `=cat` as the path of that program, also in the value of a variable and after `:`.
    let is_path_in_zsh = text.starts_with('=') || text.contains(":=");
    if !text.is_empty() && !is_path_in_zsh && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Returns an option with its value. A value that looks like an option follows `=`.
///
/// # Examples
///
/// ```
/// use keyfob_chain::shell::option;
///
/// assert_eq!(option("--profile", "a b"), "--profile 'a b'");
/// assert_eq!(option("--profile", "-x"), "--profile=-x");
/// ```
pub fn option(name: &str, value: &str) -> String {
    let separator = if value.starts_with('-') { '=' } else { ' ' };
    format!("{name}{separator}{}", shown(value.as_bytes()))
}

/// Quotes a path as one word that no program takes for an option, in one line that a terminal
/// shows.
///
/// # Examples
///
/// ```
/// use keyfob_chain::shell::path;
///
/// assert_eq!(path("/home/ada/my keys".as_ref()), "'/home/ada/my keys'");
/// assert_eq!(path("-keys".as_ref()), "./-keys");
/// assert_eq!(path("two\nlines".as_ref()), r#""$(printf 'two\012lines')""#);
/// ```
pub fn path(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.starts_with(b"-") {
        return shown(&[b"./", bytes].concat());
    }
    shown(bytes)
}

/// Returns the command line that opens a file in the user's editor.
///
/// # Examples
///
/// ```
/// use keyfob_chain::shell::editor;
///
/// assert_eq!(editor("/home/ada/my keys".as_ref()), "${EDITOR:-vi} '/home/ada/my keys'");
/// ```
pub fn editor(file: &Path) -> String {
    format!("${{EDITOR:-vi}} {}", path(file))
}

/// Quotes bytes as one word. `printf` writes those that a terminal would not show.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(is_printable) => return quoted(text),
        // The shell drops line ends after the output of a program.
        Ok(text) if text.ends_with('\n') => return quoted(text),
        _ => {}
    }
    let mut word = String::new();
    for byte in bytes {
        match byte {
            b'%' => word.push_str("%%"),
            b' '..=b'~' if !b"'\\".contains(byte) => word.push(char::from(*byte)),
            // Writing to a string cannot fail.
            byte => _ = write!(word, "\\{byte:03o}"),
        }
    }
    format!("\"$(printf '{word}')\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_quotes_and_spaces_is_one_word_for_the_shell() {
        assert_eq!(quoted("dev"), "dev");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a=b=="), "a=b==");
        assert_eq!(quoted("=cat"), "'=cat'");
        assert_eq!(quoted("a:=cat"), "'a:=cat'");
        assert_eq!(quoted("a\nb"), "'a\nb'");
    }

    #[test]
    #[cfg(unix)]
    fn a_shell_gets_the_bytes_of_every_path() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, process::Command};

        for bytes in [
            &b"/a b'c/\"d\" $(id)`e`*"[..],
            b"-creds",
            b"n\nl\t\\n%s'",
            b"\xff\xfe not UTF-8",
            "\u{202e}txt é".as_bytes(),
            b"end\n",
            b"%",
        ] {
            let word = path(Path::new(OsStr::from_bytes(bytes)));
            let command = format!("printf %s {word}");
            let output = Command::new("sh").args(["-c", &command]).output().unwrap();
            let expected = match bytes {
                b"-creds" => b"./-creds",
                bytes => bytes,
            };
            assert_eq!(output.stdout, expected, "{word}");
        }
    }
}

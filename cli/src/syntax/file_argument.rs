use std::{
    borrow::Cow,
    fs::File,
    io::{self, BufRead as _, Read as _},
    path::Path,
};

use keyfob_chain::{Variables, files};
use keyfob_sigv4::Secret;

use crate::{
    args::{NumberError, Text},
    failure::{Failure, refused_number},
    signals,
    terminal::printable,
};

/// Returns the text of the file for `file://PATH`, and any other value as it was written.
///
/// As in `aws`, line ends become `\n` and the last one stays, and `~` and variables in the path are
/// replaced.
///
/// # Errors
///
/// If the file cannot be read, or for `fileb://`, which gives bytes. The message names the option.
pub(crate) fn expand(text: &Text, variables: &Variables) -> Result<String, Failure> {
    let Text { flag, written } = text;
    if written.starts_with("fileb://") {
        return Err(Failure::usage(format!(
            "{flag}: fileb:// gives bytes, and the option takes text: write file://"
        )));
    }
    let Some(path) = written.strip_prefix("file://") else {
        return Ok(written.clone());
    };
    let path = expand_path(path, variables);
    signals::watch();
    match files::read_secret(&path) {
        Ok(text) => Ok(text.expose().replace("\r\n", "\n").replace('\r', "\n")),
        Err(error) => Err(Failure::usage(format!(
            "{flag}: cannot read {}: {error}",
            printable(&path)
        ))),
    }
}

/// Returns a secret. It may stay out of the command line, which other users can see: beside what
/// [`expand`] takes, `env:NAME` is the value of a variable, and `-` a line of standard input.
///
/// # Errors
///
/// As [`expand`], or if the variable is not set, or if standard input cannot be read. The message
/// names the option.
pub(crate) fn expand_secret(text: &Text, variables: &Variables) -> Result<String, Failure> {
    let Text { flag, written } = text;
    if written == "-" {
        let line = standard_input_line();
        let line = line.map_err(|error| Failure::other(format!("{flag}: {error}")))?;
        return Ok(line.expose().to_owned());
    }
    // What has no name of a variable may be a secret that begins so.
    let is_name = |name: &&str| !name.is_empty() && variable(name) == (*name, "");
    match written.strip_prefix("env:").filter(is_name) {
        None => expand(text, variables),
        Some(name) => match variables.text(name) {
            Some(value) => Ok(value.to_owned()),
            None => Err(Failure::usage(format!(
                "{flag}: the variable {name} is not set"
            ))),
        },
    }
}

/// Returns the number of an option of `aws`, which `parse` reads, for a file without the whitespace
/// around it.
///
/// # Errors
///
/// As [`expand`], or if it is not such a number. The message names the option.
pub(crate) fn expand_number<N>(
    text: &Text,
    parse: impl FnOnce(&str) -> Result<N, NumberError>,
    variables: &Variables,
) -> Result<N, Failure> {
    let written = expand(text, variables)?;
    parse(written.trim()).map_err(|reason| refused_number(&text.flag, &reason))
}

/// Returns the bytes of the file for `fileb://PATH`, and `None` for any other value.
///
/// # Errors
///
/// If the file cannot be read. The message names the option.
pub(crate) fn expand_bytes(text: &Text, variables: &Variables) -> Result<Option<Vec<u8>>, Failure> {
    let Text { flag, written } = text;
    let Some(path) = written.strip_prefix("fileb://") else {
        return Ok(None);
    };
    let path = expand_path(path, variables);
    let bytes = read_limited(Path::new(&path), files::MAX_LENGTH);
    let bytes = bytes.map_err(|error| {
        Failure::usage(format!("{flag}: cannot read {}: {error}", printable(&path)))
    })?;
    Ok(Some(bytes))
}

/// Replaces `~` at the start by the home folder, and `$NAME` and `${NAME}` by variables that are
/// set.
///
/// Source: `expanduser` and `expandvars` of Python, which `aws` calls.
fn expand_path(path: &str, variables: &Variables) -> String {
    let home = variables
        .home()
        .filter(|_| path == "~" || path.starts_with("~/"));
    let mut out = home.map_or_else(String::new, |home| home.display().to_string());
    let mut rest = if out.is_empty() { path } else { &path[1..] };
    while let Some((before, after)) = rest.split_once('$') {
        out += before;
        let (name, next) = variable(after);
        let value = variables.raw(name).map(|value| value.to_string_lossy());
        let as_written = || Cow::from(&rest[before.len()..rest.len() - next.len()]);
        out += &value.unwrap_or_else(as_written);
        rest = next;
    }
    out + rest
}

/// Splits the text after a `$` into the name of a variable and what follows it.
fn variable(text: &str) -> (&str, &str) {
    if let Some((name, next)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) {
        return (name, next);
    }
    let is_in_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    text.split_at(text.bytes().take_while(is_in_name).count())
}

/// Reads a file, or standard input for `-`, of at most `limit` bytes.
///
/// # Errors
///
/// If it cannot be read, or is longer.
fn read_limited(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    signals::watch();
    if path == Path::new("-") {
        files::read_at_most(io::stdin().lock(), limit)
    } else {
        files::read_at_most(File::open(path)?, limit)
    }
}

/// Reads a file, or standard input for `-`, of at most `limit` bytes. `argument` is what names the
/// file.
///
/// # Errors
///
/// If it cannot be read. The name is not repeated: it may be something else, such as a password
/// that starts with `@`, or the text that should be in the file.
pub(crate) fn read_file(argument: &str, path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    read_limited(path, limit).map_err(|error| {
        Failure::usage(match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename => {
                format!("{argument}: there is no file with this name")
            }
            _ => format!("{argument}: cannot read the file with this name: {error}"),
        })
    })
}

/// Reads a text in the same way.
///
/// # Errors
///
/// If it cannot be read, or if it is not UTF-8.
pub(crate) fn read_text_file(argument: &str, path: &Path, limit: u64) -> Result<String, Failure> {
    let text = String::from_utf8(read_file(argument, path, limit)?);
    text.map_err(|_| Failure::usage(format!("{argument}: it is not UTF-8")))
}

/// Reads a value from standard input.
///
/// # Errors
///
/// If it cannot be read, is longer than 16 MiB, or is not UTF-8.
pub(crate) fn standard_input() -> io::Result<Secret> {
    let bytes = read_limited(Path::new("-"), files::MAX_LENGTH)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Secret::from(text)),
        Err(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is not UTF-8",
        )),
    }
}

/// Reads a line of standard input, which need not end after it. What is longer than 64 KiB is cut.
///
/// # Errors
///
/// If it cannot be read, or is not UTF-8.
pub(crate) fn standard_input_line() -> io::Result<Secret> {
    signals::watch();
    let mut line = String::new();
    io::stdin().lock().take(64 << 10).read_line(&mut line)?;
    Ok(line.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: `os.path.expandvars(os.path.expanduser(…))` of Python 3.11.
    #[test]
    fn the_home_folder_and_variables_in_a_path_are_replaced() {
        let variables = Variables::from_iter([("HOME", "/h"), ("A", "a b"), ("B_1", "b")]);
        for (path, expected) in [
            ("~", "/h"),
            ("~/x", "/h/x"),
            ("~x", "~x"),
            ("x/~", "x/~"),
            ("$A/${B_1}.json", "a b/b.json"),
            ("$B_1$A-$", "ba b-$"),
            ("$C/${C}/${A", "$C/${C}/${A"),
            ("é$Aé", "éa bé"),
            ("/plain", "/plain"),
        ] {
            assert_eq!(expand_path(path, &variables), expected, "{path}");
        }
    }
}

use std::fs;

use crate::failure::Failure;

/// Returns the text of the file for `file://PATH`, and any other value unchanged.
///
/// # Errors
///
/// If the file cannot be read. The message starts with `flag`.
pub(crate) fn file_or_text(flag: &str, value: &str) -> Result<String, Failure> {
    let Some(path) = value.strip_prefix("file://") else {
        return Ok(value.to_owned());
    };
    fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{flag}: cannot read {path}: {error}")))
}

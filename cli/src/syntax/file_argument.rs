use std::fs;

use crate::failure::Failure;

/// The value itself, or the text of the file that `file://PATH` names.
///
/// # Errors
///
/// When the file cannot be read.
pub(crate) fn text(flag: &str, value: &str) -> Result<String, Failure> {
    let Some(path) = value.strip_prefix("file://") else {
        return Ok(value.to_owned());
    };
    fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{flag}: cannot read {path}: {error}")))
}

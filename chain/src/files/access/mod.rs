//! Who may do what with a file: kept when a new version takes its place, and never more than
//! before.

#[cfg(unix)]
mod attributes;
#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

use std::path::Path;

#[cfg(not(unix))]
pub(super) use other::{is_open_to_others, keep, refuse};
#[cfg(unix)]
pub(super) use unix::{is_open_to_others, keep, refuse};

use crate::error::{Error, ErrorKind};

fn refused(path: &Path, reason: &str) -> Error {
    let message = format!("cannot write {}: {reason}", path.display());
    Error::new(ErrorKind::Write, message)
}

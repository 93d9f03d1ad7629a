//! Files that people own, or that contain secrets: one writer at a time, and the old version or the
//! new one, never a part.
//!
//! [`Lock`] excludes other writers that take it, and writes: [`Lock::update`] changes a file that
//! other programs may write at the same time without a lock, such as `~/.aws/config`;
//! [`Lock::replace`] writes a private file of Keyfob's own, such as an entry of a cache.
//! [`Replacement`] writes a file of any length piece by piece, without a lock. [`read`] and
//! [`read_secret`] read any file up to a limit.

mod access;
mod exposure;
mod folder;
mod lock;
pub mod names;
mod read;
mod replacement;
pub mod sessions;
mod snapshot;
mod update;

use std::{io, path::Path};

pub use exposure::{can_write, exposed, foreign_owner, own_copy};
pub(crate) use exposure::{is_out_of_reach, owner_of_mode};
pub use folder::create_private_folder;
pub use lock::Lock;
pub(crate) use read::read_in_time;
pub use read::{MAX_LENGTH, read, read_at_most, read_secret, read_secret_async, read_secret_file};
pub use replacement::Replacement;
pub(crate) use snapshot::Identity;
pub use update::Saved;

use crate::error::{Error, ErrorKind};

/// Returns an error that names the step and the file.
pub(crate) fn cannot(step: &str, path: &Path, error: impl Into<io::Error>) -> Error {
    let message = format!("cannot {step} {}", path.display());
    Error::with_source(ErrorKind::Write, message, error.into())
}

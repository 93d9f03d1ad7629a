//! The files of a folder, in the order of their keys.

use std::{
    fs::{self, Metadata},
    io,
    path::{MAIN_SEPARATOR_STR, Path, PathBuf},
};

/// What is found in a folder.
pub(super) enum Found {
    File {
        path: PathBuf,
        /// The path below the folder, with `/`.
        rest: String,
        metadata: Metadata,
    },
    /// A file that is passed over, with the reason in the words of `aws`.
    Skipped { path: PathBuf, reason: &'static str },
}

/// Returns the files below a folder. Files that cannot be read and special files are skipped.
pub(super) struct Walk {
    follows_links: bool,
    /// Whether something could not be read.
    is_partial: bool,
    /// What is still to be looked at, the next one last.
    rest: Vec<(PathBuf, Option<String>)>,
}

impl Walk {
    /// Begins a walk. Symbolic links are followed, or passed over.
    pub(super) fn new(folder: &Path, follows_links: bool) -> Self {
        Self {
            follows_links,
            is_partial: false,
            rest: vec![(folder.to_owned(), Some(String::new()))],
        }
    }

    /// Returns true if something could not be read so far.
    pub(super) fn is_partial(&self) -> bool {
        self.is_partial
    }

    fn skipped(&mut self, path: PathBuf, reason: &'static str) -> Found {
        self.is_partial |= matches!(reason, UNREADABLE | UNDECODABLE);
        Found::Skipped { path, reason }
    }

    /// Adds what is in a folder, so that the keys come in the order of their bytes: a folder is
    /// sorted as its name with a `/`.
    fn open(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            // Most file systems tell the kind with the name.
            let is_folder = match entry.file_type() {
                Ok(kind) if !kind.is_symlink() => kind.is_dir(),
                _ => path.is_dir(),
            };
            let end = if is_folder { "/" } else { "" };
            let name = entry.file_name().into_string().ok();
            entries.push((path, name.map(|name| format!("{prefix}{name}{end}"))));
        }
        entries.sort_unstable_by(|(_, one), (_, other)| other.cmp(one));
        self.rest.append(&mut entries);
        Ok(())
    }
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let (path, rest) = self.rest.pop()?;
            let Some(rest) = rest else {
                return Some(self.skipped(path, UNDECODABLE));
            };
            if !self.follows_links && path.is_symlink() {
                continue;
            }
            match problem_of(&path) {
                Err(reason) => return Some(self.skipped(path, reason)),
                Ok(metadata) if metadata.is_dir() => {
                    if self.open(&path, &rest).is_err() {
                        return Some(self.skipped(path, UNREADABLE));
                    }
                }
                Ok(metadata) => {
                    return Some(Found::File {
                        path,
                        rest,
                        metadata,
                    });
                }
            }
        }
    }
}

const UNDECODABLE: &str = "There was an error trying to decode the file name.";
const UNREADABLE: &str = "File/Directory is not readable.";

/// Looks at a file or a folder.
///
/// # Errors
///
/// Why it cannot be uploaded, in the words of `aws`.
pub(super) fn problem_of(path: &Path) -> Result<Metadata, &'static str> {
    let metadata = fs::metadata(path).map_err(|_| "File does not exist.")?;
    if metadata.is_dir() {
        return Ok(metadata);
    }
    if !metadata.is_file() {
        return Err("File is character special device, block special device, FIFO, or socket.");
    }
    may_read(path).map_err(|_| UNREADABLE)?;
    Ok(metadata)
}

/// Looks whether a file can be opened. It will be later, when its turn comes.
#[cfg(unix)]
fn may_read(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::READ_OK)?)
}

#[cfg(windows)]
fn may_read(path: &Path) -> io::Result<()> {
    fs::File::open(path).map(drop)
}

/// Returns a path as `aws` shows it in a warning: a folder ends with a separator.
pub(super) fn shown(path: &Path) -> String {
    let end = if path.is_dir() {
        MAIN_SEPARATOR_STR
    } else {
        ""
    };
    format!("{}{end}", path.display())
}

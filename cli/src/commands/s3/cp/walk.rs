//! The files of a folder, in the order of their keys.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{MAIN_SEPARATOR_STR, Path, PathBuf},
};

/// What is found in a folder.
pub(super) enum Found {
    File {
        path: PathBuf,
        /// The path below the folder, with `/`.
        rest: String,
    },
    /// A file that is passed over, with the reason in the words of `aws`.
    Skipped { path: PathBuf, reason: &'static str },
}

/// Returns the files below a folder. Files that cannot be read and special files are skipped.
pub(super) struct Walk {
    follows_links: bool,
    /// What is still to be looked at, the next one last.
    rest: Vec<(PathBuf, Option<String>)>,
}

impl Walk {
    /// Begins a walk. Symbolic links are followed, or passed over.
    pub(super) fn new(folder: &Path, follows_links: bool) -> Self {
        Self {
            follows_links,
            rest: vec![(folder.to_owned(), Some(String::new()))],
        }
    }

    /// Adds what is in a folder, so that the keys come in the order of their bytes: a folder is
    /// sorted as its name with a `/`.
    fn open(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().map(OsString::from).unwrap_or_default();
            let name = name.into_string().ok();
            let end = if path.is_dir() { "/" } else { "" };
            let name = name.map(|name| format!("{prefix}{name}{end}"));
            entries.push((path, name));
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
                let reason = "There was an error trying to decode the file name.";
                return Some(Found::Skipped { path, reason });
            };
            if !self.follows_links && path.is_symlink() {
                continue;
            }
            match problem_of(&path) {
                Some(reason) => return Some(Found::Skipped { path, reason }),
                None if path.is_dir() => {
                    if self.open(&path, &rest).is_err() {
                        return Some(Found::Skipped {
                            path,
                            reason: UNREADABLE,
                        });
                    }
                }
                None => return Some(Found::File { path, rest }),
            }
        }
    }
}

const UNREADABLE: &str = "File/Directory is not readable.";

/// Returns why a file cannot be uploaded, in the words of `aws`.
pub(super) fn problem_of(path: &Path) -> Option<&'static str> {
    let Ok(metadata) = fs::metadata(path) else {
        return Some("File does not exist.");
    };
    if metadata.is_dir() {
        return fs::read_dir(path).is_err().then_some(UNREADABLE);
    }
    if !metadata.is_file() {
        return Some("File is character special device, block special device, FIFO, or socket.");
    }
    File::open(path).is_err().then_some(UNREADABLE)
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

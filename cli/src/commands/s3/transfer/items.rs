use std::{
    fs::Metadata,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    pipeline::Location,
    walk::{Found, Walk, problem_of, shown},
};
use crate::{
    commands::s3::report::Report,
    s3::{Entry, Error, Listing, Object, ObjectList},
};

/// A file or an object that is found in a source or a target.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) place: ItemPlace,
    /// Its path below the folder or the prefix, with `/`.
    pub(super) rest: String,
    /// Its size in bytes, if it is known.
    pub(super) size: Option<u64>,
    /// The time of its last change, if it is known.
    pub(super) modified: Option<Timestamp>,
    pub(super) storage_class: String,
}

#[derive(Debug)]
pub(super) enum ItemPlace {
    /// A file, by its absolute path.
    File(PathBuf),
    Object(Location),
}

impl Item {
    /// Returns an object of which nothing else is known.
    pub(super) fn object(object: Object<'_>) -> Self {
        let name = object.key.rsplit('/').next().unwrap_or_default();
        Self {
            place: ItemPlace::Object(object.into()),
            rest: name.to_owned(),
            size: None,
            modified: None,
            storage_class: String::new(),
        }
    }

    /// Returns the file at a path. `None` if there is none.
    pub(super) fn at(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok().filter(Metadata::is_file)?;
        Some(Self::file(path.to_owned(), String::new(), &metadata))
    }

    fn listed(entry: Entry, list: &ObjectList, folder: usize) -> Self {
        let rest = entry.key.get(folder..).unwrap_or(&entry.key);
        Self {
            rest: rest.to_owned(),
            size: Some(entry.size),
            modified: entry.modified.parse().ok(),
            storage_class: entry.storage_class,
            place: ItemPlace::Object(Location {
                bucket: list.bucket.clone(),
                key: entry.key,
            }),
        }
    }

    fn file(path: PathBuf, rest: String, metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok();
        Self {
            place: ItemPlace::File(path),
            rest,
            size: Some(metadata.len()),
            modified: modified.and_then(|time| Timestamp::try_from(time).ok()),
            storage_class: String::new(),
        }
    }
}

/// The files below a folder or the objects below a prefix, in the order of their keys.
pub(super) enum Items {
    Files(Walk),
    File(Option<Found>),
    /// What should be a folder and is none.
    NoFolder(Option<Found>),
    Objects {
        listing: Listing,
        /// The length of what is before the path of each in its key.
        folder: usize,
        /// The prefix of those that take no part. It is where they are copied to: copies could be
        /// copied again, without an end.
        without: Option<String>,
    },
}

impl Items {
    /// Returns no items.
    pub(super) fn none() -> Self {
        Self::File(None)
    }

    /// Returns a file as the only item.
    pub(super) fn file(path: &Path, follows_links: bool) -> Self {
        if !follows_links && path.is_symlink() {
            return Self::none();
        }
        let path = path.to_owned();
        Self::File(Some(match problem_of(&path) {
            Err(reason) => Found::Skipped { path, reason },
            Ok(metadata) => {
                let name = path.file_name().unwrap_or_default();
                let rest = name.to_string_lossy().into_owned();
                Found::File {
                    path,
                    rest,
                    metadata,
                }
            }
        }))
    }

    /// Returns what a file is as the folder of a source: nothing, which is told as in `aws`.
    pub(super) fn no_folder(path: &Path) -> Self {
        Self::NoFolder(Some(Found::Skipped {
            path: path.join(""),
            reason: "File does not exist.",
        }))
    }

    /// Returns true if some of the files could not be read so far.
    pub(super) fn is_partial(&self) -> bool {
        match self {
            Self::Files(walk) => walk.is_partial(),
            Self::NoFolder(_) => true,
            _ => false,
        }
    }

    /// Returns the next one. Files that are passed over are reported.
    ///
    /// # Errors
    ///
    /// If the list of the objects cannot be read.
    pub(super) async fn next(&mut self, report: &mut Report) -> Result<Option<Item>, Error> {
        loop {
            let found = match self {
                Self::Files(walk) => walk.next(),
                Self::File(found) | Self::NoFolder(found) => found.take(),
                Self::Objects {
                    listing,
                    folder,
                    without,
                } => {
                    let Some(entry) = listing.next().await? else {
                        return Ok(None);
                    };
                    if without.as_ref().is_some_and(|it| entry.key.starts_with(it)) {
                        continue;
                    }
                    // What consoles make to show a folder.
                    if entry.size == 0 && entry.key.ends_with('/') {
                        continue;
                    }
                    return Ok(Some(Item::listed(entry, listing.list(), *folder)));
                }
            };
            match found {
                None => return Ok(None),
                Some(Found::File {
                    path,
                    rest,
                    metadata,
                }) => return Ok(Some(Item::file(path, rest, &metadata))),
                Some(Found::Skipped { path, reason }) => {
                    report.warn(&format!("Skipping file {}. {reason}", shown(&path)));
                }
            }
        }
    }
}

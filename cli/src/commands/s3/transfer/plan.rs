use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::{
    Place, Task,
    items::{Item, ItemPlace, Items},
    only_cp_streams,
    paths::{absolute, below, ends_as_folder, relative},
    pipeline::{Job, Location, Pipeline, Work},
    walk::Walk,
};
use crate::{
    args::CaseConflict,
    commands::s3::report::Deed,
    failure::Failure,
    s3::{Client, Filters, Listing, Object, ObjectList, transfer::Problem},
    terminal::printable,
};

/// Where the files and objects of a command come from, which of them take part, and where each of
/// them goes to.
pub(super) struct Plan<'a> {
    pub(super) task: Task<'a>,
    source: End<'a>,
    target: End<'a>,
    filters: Filters,
    /// The working folder, from which paths are shown.
    here: PathBuf,
}

/// The source or the target.
enum End<'a> {
    /// A file or a folder, by its absolute path.
    Files { path: PathBuf, is_folder: bool },
    /// An object, or what keys begin with.
    Objects(Object<'a>),
}

impl<'a> Plan<'a> {
    /// Makes a plan, without a request.
    ///
    /// # Errors
    ///
    /// If none of the places is in S3, if one is a stream, if there is no such file, or if
    /// something would be moved onto itself.
    pub(super) fn new(
        task: Task<'a>,
        source: Place<'a>,
        target: Place<'a>,
    ) -> Result<Self, Failure> {
        let here = env::current_dir()
            .map_err(|error| Failure::other(format!("cannot find the working folder: {error}")))?;
        let end = |place| match place {
            Place::Stream => Err(only_cp_streams()),
            Place::S3(object) => Ok(End::Objects(object)),
            Place::Local(word) => {
                let path = absolute(word, &here);
                let is_folder = task.is_recursive || ends_as_folder(word) || path.is_dir();
                Ok(End::Files { path, is_folder })
            }
        };
        let (source, target) = (end(source)?, end(target)?);
        match (&source, &target) {
            (End::Files { .. }, End::Files { .. }) => {
                return Err(Failure::usage("one of the two places must be in S3")
                    .with_hint("write it as s3://BUCKET/KEY"));
            }
            (End::Files { path, .. }, _) if !path.exists() => {
                return Err(Failure::other(format!(
                    "The user-provided path {} does not exist.",
                    printable(&task.args.source)
                )));
            }
            (End::Objects(source), End::Objects(target))
                if task.is_move && is_onto_itself(source, target, task.is_recursive) =>
            {
                return Err(Failure::usage(format!(
                    "Cannot mv a file onto itself: {} - {}",
                    printable(&task.args.source),
                    printable(&task.args.target)
                )));
            }
            _ => {}
        }
        let roots = [&source, &target].map(|end| end.root(task.is_recursive));
        Ok(Self {
            filters: task.args.filters.below(&[&roots[0], &roots[1]]),
            task,
            source,
            target,
            here,
        })
    }

    /// Returns what is in the source: one file, or what is below a folder or a prefix.
    pub(super) fn source(&self, client: &Client) -> Items {
        match &self.source {
            End::Files { path, .. } if !self.task.is_recursive => {
                Items::file(path, self.follows_links())
            }
            End::Files { path, .. } if path.is_file() => Items::no_folder(path),
            source => {
                let mut items = self.items(source, client);
                if let Items::Objects { without, .. } = &mut items {
                    *without = self.inner_target();
                }
                items
            }
        }
    }

    /// Returns what is in the target already, below its folder or prefix.
    pub(super) fn target(&self, client: &Client) -> Items {
        match &self.target {
            End::Files { path, .. } if !path.exists() => Items::none(),
            target => self.items(target, client),
        }
    }

    /// Returns the prefix of the target if it is below that of the source.
    pub(super) fn inner_target(&self) -> Option<String> {
        let (End::Objects(source), End::Objects(target)) = (&self.source, &self.target) else {
            return None;
        };
        let (outer, inner) = (folder(source.key), folder(target.key));
        let is_inner = source.bucket == target.bucket && inner.len() > outer.len();
        (is_inner && inner.starts_with(&outer)).then_some(inner)
    }

    fn items(&self, end: &End<'_>, client: &Client) -> Items {
        match end {
            End::Files { path, .. } => Items::Files(Walk::new(path, self.follows_links())),
            End::Objects(Object { bucket, key }) => {
                let list = ObjectList {
                    page_size: self.task.args.paging.page_size,
                    request_payer: self.task.args.paging.request_payer(),
                    ..ObjectList::all(bucket, &folder(key))
                };
                Items::Objects {
                    folder: list.prefix.len(),
                    listing: Listing::new(client.clone(), list),
                    without: None,
                }
            }
        }
    }

    fn follows_links(&self) -> bool {
        !self.task.args.no_follow_symlinks
    }

    /// Creates the folder that the files go to, also if there are none, as `aws` does.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub(super) fn create_folder(&self) -> Result<(), Failure> {
        match &self.target {
            End::Files { path, .. } if self.task.is_recursive && !self.task.args.dryrun => {
                fs::create_dir_all(path).map_err(|error| {
                    let shown = path.display().to_string();
                    let shown = printable(&shown);
                    Failure::other(format!("cannot create the folder {shown}: {error}"))
                })
            }
            _ => Ok(()),
        }
    }

    /// Begins to copy or to move an item, if it takes part.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(super) async fn add(&self, pipeline: &mut Pipeline, item: Item) -> Result<(), Failure> {
        let rest = item.rest.clone();
        let Some(job) = self.job(pipeline, item) else {
            return Ok(());
        };
        let conflict = match &job.work {
            Work::Download { path, .. } if self.task.is_recursive => {
                pipeline.cases().conflict(&rest, path)
            }
            _ => None,
        };
        let Some(answer) = conflict else {
            return pipeline.add(job).await;
        };
        let text = "a file whose name differs only by case is there, or is downloaded, too";
        let uri = &job.deed.source;
        match answer {
            CaseConflict::Error => {
                let problem = Problem::Local(format!("Failed to download {uri}: {text}"));
                return Err(pipeline.abort(&problem).await);
            }
            CaseConflict::Skip => {
                let warning = format!("Skipping file {uri}: {text}.");
                pipeline.report().caution(&warning);
                return Ok(());
            }
            CaseConflict::Warn => pipeline.report().caution(&format!(
                "Downloading {uri}, although {text}: where the file system does not tell them \
                 apart, only one stays."
            )),
            CaseConflict::Ignore => {}
        }
        pipeline.add(job).await
    }

    /// Returns what is done with an item. `None` if it does not take part, or if it is passed over
    /// with a warning.
    pub(super) fn job(&self, pipeline: &mut Pipeline, item: Item) -> Option<Job> {
        if !self.admits(&item) || self.is_frozen(pipeline, &item) {
            return None;
        }
        let Some(destination) = self.destination(&item.rest) else {
            pipeline.report().warn(&format!(
                "Skipping file {}. File references a parent directory.",
                item.rest
            ));
            return None;
        };
        let (source, shown) = (self.shown(&item.place), self.shown(&destination));
        let work = match (item.place, destination) {
            (ItemPlace::File(path), ItemPlace::Object(target)) => Work::Upload { path, target },
            (ItemPlace::Object(source), ItemPlace::File(path)) => Work::Download { source, path },
            (ItemPlace::Object(source), ItemPlace::Object(target)) => Work::Copy { source, target },
            // There is no plan without S3.
            (ItemPlace::File(_), ItemPlace::File(_)) => return None,
        };
        let deed = Deed {
            operation: if self.task.is_move {
                "move"
            } else {
                work.operation()
            },
            source,
            destination: Some(shown),
        };
        Some(Job {
            deed,
            work,
            size: item.size,
            is_move: self.task.is_move,
        })
    }

    /// Returns true if an item of the source or the target takes part.
    pub(super) fn admits(&self, item: &Item) -> bool {
        self.filters.admit(&match &item.place {
            ItemPlace::File(path) => path.display().to_string(),
            ItemPlace::Object(Location { bucket, key }) => format!("{bucket}/{key}"),
        })
    }

    /// Returns true for an object that has to be restored first, and warns of it.
    fn is_frozen(&self, pipeline: &mut Pipeline, item: &Item) -> bool {
        let args = self.task.args;
        if !matches!(item.storage_class.as_str(), "GLACIER" | "DEEP_ARCHIVE")
            || args.force_glacier_transfer
        {
            return false;
        }
        if !args.ignore_glacier_warnings {
            let uri = self.shown(&item.place);
            let operation = match self.target {
                End::Files { .. } => "download",
                End::Objects(_) => "copy",
            };
            pipeline.report().warn(&format!(
                "Skipping file {uri}. Object is of storage class GLACIER. Unable to perform \
                 {operation} operations on GLACIER objects. You must restore the object to be able \
                 to perform the operation. See aws s3 {operation} help for additional parameter \
                 options to ignore or force these transfers."
            ));
        }
        true
    }

    /// Returns where an item goes to. `None` if the file would be outside of its folder.
    pub(super) fn destination(&self, rest: &str) -> Option<ItemPlace> {
        Some(match &self.target {
            End::Files { path, is_folder } => ItemPlace::File(if *is_folder {
                below(path, rest)?
            } else {
                path.clone()
            }),
            End::Objects(target) => ItemPlace::Object(Location {
                bucket: target.bucket.to_owned(),
                key: key_of(target.key, rest, self.task.is_recursive),
            }),
        })
    }

    /// Returns a place as `aws` shows it.
    pub(super) fn shown(&self, place: &ItemPlace) -> String {
        match place {
            ItemPlace::File(path) => self.shown_file(path),
            ItemPlace::Object(location) => location.object().uri(),
        }
    }

    /// Returns a path as seen from the working folder.
    pub(super) fn shown_file(&self, path: &Path) -> String {
        relative(path, &self.here)
    }
}

impl End<'_> {
    /// Returns what patterns begin with.
    fn root(&self, is_recursive: bool) -> String {
        match self {
            Self::Files { path, .. } if is_recursive => path.display().to_string(),
            Self::Files { path, .. } => {
                let folder = path.parent().unwrap_or(Path::new("/"));
                folder.display().to_string()
            }
            Self::Objects(Object { bucket, key }) => {
                let folder = if is_recursive {
                    key.trim_end_matches('/')
                } else {
                    key.rfind('/').map_or("", |slash| &key[..slash])
                };
                format!("{bucket}/{folder}")
            }
        }
    }
}

/// Returns the key of an item at a target: a bucket, a prefix, or if it is only one the key itself.
pub(super) fn key_of(target: &str, rest: &str, is_recursive: bool) -> String {
    match target {
        "" => rest.to_owned(),
        _ if target.ends_with('/') => format!("{target}{rest}"),
        _ if is_recursive => format!("{target}/{rest}"),
        _ => target.to_owned(),
    }
}

/// Returns the prefix of the keys below a key.
pub(super) fn folder(key: &str) -> String {
    match key {
        "" => String::new(),
        _ if key.ends_with('/') => key.to_owned(),
        _ => format!("{key}/"),
    }
}

/// Returns true if the objects of one place would be moved to where they are.
fn is_onto_itself(source: &Object<'_>, target: &Object<'_>, is_recursive: bool) -> bool {
    let is_same_key = if is_recursive {
        folder(source.key) == folder(target.key)
    } else {
        let name = source.key.rsplit('/').next().unwrap_or_default();
        key_of(target.key, name, false) == source.key
    };
    source.bucket == target.bucket && is_same_key
}

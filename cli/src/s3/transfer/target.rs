use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use tempfile::{Builder, TempPath};

use crate::{
    s3::transfer::partial::Partial,
    signals::{Undo, undo_on_signal},
};

/// A file that appears when it is complete.
pub(super) struct Target<'a> {
    path: &'a Path,
    pub(super) file: File,
    name: Name,
    /// What it is before it is complete, if that stays when the download fails.
    pub(super) partial: Option<Arc<Partial>>,
}

/// What a file is called before it is complete.
enum Name {
    /// As the target, which is written itself: a device or a pipe.
    Target,
    /// Nothing: however the process ends, the system removes it.
    #[cfg(target_os = "linux")]
    None,
    Temporary {
        path: TempPath,
        _undo: Option<Undo>,
    },
}

impl<'a> Target<'a> {
    /// Creates it, and its folder if that is missing.
    pub(super) fn create(path: &'a Path) -> io::Result<Self> {
        let existing = fs::metadata(path);
        let (file, name) = match &existing {
            Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(metadata) if !metadata.is_file() => {
                (File::options().write(true).open(path)?, Name::Target)
            }
            _ => {
                let folder = folder_of(path);
                create_in(folder).or_else(|error| match error.kind() {
                    io::ErrorKind::NotFound => {
                        fs::create_dir_all(folder)?;
                        create_in(folder)
                    }
                    _ => Err(error),
                })?
            }
        };
        Ok(Self {
            path,
            file,
            name,
            partial: None,
        })
    }

    /// Returns false if the target is written itself: it is a device or a pipe.
    pub(super) fn is_a_file(&self) -> bool {
        !matches!(self.name, Name::Target)
    }

    /// Returns true if a new file takes the place of what is there.
    pub(super) fn is_replaced(path: &Path) -> bool {
        fs::metadata(path).map_or(true, |metadata| metadata.is_file())
    }

    /// Goes on with a file that has some of the bytes, and stays if this does not come to its end.
    pub(super) fn resumed(path: &'a Path, partial: Partial) -> io::Result<Self> {
        let mut temporary = TempPath::try_from_path(&partial.path)?;
        temporary.disable_cleanup(true);
        Ok(Self {
            path,
            file: partial.file.try_clone()?,
            name: Name::Temporary {
                path: temporary,
                _undo: None,
            },
            partial: Some(Arc::new(partial)),
        })
    }

    /// Gives the file its name, if that is free or may be overwritten. Returns false otherwise.
    pub(super) fn finish(self, modified: Option<SystemTime>, overwrites: bool) -> io::Result<bool> {
        if matches!(self.name, Name::Target) {
            return Ok(true);
        }
        if let Some(partial) = &self.partial {
            partial.finish()?;
        }
        if let Some(modified) = modified {
            // As in `aws`; some file systems have no such times.
            let _ = self.file.set_modified(modified);
        }
        match self.name {
            Name::Target => Ok(true),
            #[cfg(target_os = "linux")]
            Name::None => unnamed::give_name(&self.file, self.path, overwrites),
            Name::Temporary { path, .. } if overwrites => {
                path.persist(self.path).map_err(|error| error.error)?;
                Ok(true)
            }
            Name::Temporary { path, .. } => match path.persist_noclobber(self.path) {
                Err(mut error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                    // It is not needed any more.
                    error.path.disable_cleanup(false);
                    Ok(false)
                }
                Err(error) => Err(error.error),
                Ok(()) => Ok(true),
            },
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// Creates a file in a folder, if the system can without a name.
fn create_in(folder: &Path) -> io::Result<(File, Name)> {
    #[cfg(target_os = "linux")]
    if let Some(file) = unnamed::create_in(folder) {
        return Ok((file, Name::None));
    }
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let (file, temporary) = builder.tempfile_in(folder)?.into_parts();
    let leftover = PathBuf::from(&*temporary);
    let undo = undo_on_signal(move || {
        let _ = fs::remove_file(leftover);
    });
    let name = Name::Temporary {
        path: temporary,
        _undo: Some(undo),
    };
    Ok((file, name))
}

/// What the names of temporary files begin with.
const TEMPORARY: &str = ".keyfob-";

/// Files that have no name until they are complete.
#[cfg(target_os = "linux")]
mod unnamed {
    use std::{fs::File, io, os::fd::AsRawFd as _, path::Path};

    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
    use tempfile::Builder;

    use super::{TEMPORARY, folder_of};
    use crate::signals::finish_writing;

    /// Creates a file in a folder. `None` if the file system has no such files, if the folder is
    /// not there, or if the system does not show what could be given a name.
    pub(super) fn create_in(folder: &Path) -> Option<File> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = open(folder, flags, Mode::from_raw_mode(0o666)).ok()?;
        let file = File::from(file);
        Path::new(&shown(&file)).exists().then_some(file)
    }

    /// Gives a file its name, if that is free or may be overwritten. Returns false otherwise.
    pub(super) fn give_name(file: &File, path: &Path, overwrites: bool) -> io::Result<bool> {
        match link(file, path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            Err(_) if !overwrites => Ok(false),
            Err(_) => {
                // Only a file that has a name takes the place of another one.
                let _writing = finish_writing();
                let mut builder = Builder::new();
                let builder = builder.prefix(TEMPORARY);
                let named = builder.make_in(folder_of(path), |name| link(file, name))?;
                let named = named.into_temp_path().persist(path);
                named.map_err(|error| error.error)?;
                Ok(true)
            }
        }
    }

    fn link(file: &File, name: &Path) -> io::Result<()> {
        linkat(CWD, shown(file), CWD, name, AtFlags::SYMLINK_FOLLOW).map_err(io::Error::from)
    }

    /// Returns the path at which the system shows an open file.
    fn shown(file: &File) -> String {
        format!("/proc/self/fd/{}", file.as_raw_fd())
    }
}

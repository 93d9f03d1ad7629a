use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use keyfob_chain::files::Lock;
use sha2::{Digest as _, Sha256};

use crate::{
    s3::content::read_at,
    signals::{Undo, undo_on_signal},
};

use super::download::write_at;

/// What a file with parts of an object has after its last byte: the hash of the object that it is
/// of, and then one byte for each part, which is 1 if the part is there.
const HASH: usize = 32;

/// A file beside the target of a download, which keeps the parts that came until all are there.
pub(super) struct Partial {
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    /// The length of the object.
    length: u64,
    _undo: Undo,
    _lock: Lock,
}

impl Partial {
    /// Opens the file of a target, or creates it, and returns which parts it has. One of another
    /// object begins from the start.
    ///
    /// # Errors
    ///
    /// If it cannot be read or written, or if another program writes it.
    pub(super) fn open(
        target: &Path,
        object: &str,
        length: u64,
        count: usize,
    ) -> io::Result<(Self, Vec<bool>)> {
        let mut name = OsString::from(".keyfob-");
        name.push(target.file_name().unwrap_or_default());
        name.push(".part");
        let path = target.with_file_name(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        // It also refuses what is not a regular file.
        let lock = Lock::acquire(&path, Duration::ZERO).map_err(io::Error::other)?;
        let leftover = lock.path().to_owned();
        let undo = undo_on_signal(move || {
            let _ = fs::remove_file(leftover);
        });
        if path.is_symlink() {
            return Err(io::Error::other("its partial file is a symbolic link"));
        }
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path)?;
        let partial = Self {
            path,
            file: Arc::new(file),
            length,
            _undo: undo,
            _lock: lock,
        };
        let hash: [u8; HASH] = Sha256::digest(object).into();
        let mut found = vec![0; HASH + count];
        let is_of_object = read_at(&partial.file, &mut found, length).is_ok()
            && found[..HASH] == hash
            && partial.file.metadata()?.len() == length + found.len() as u64;
        if !is_of_object {
            found.fill(0);
            found[..HASH].copy_from_slice(&hash);
            partial.file.set_len(0)?;
            write_at(&partial.file, &found, length)?;
        }
        let parts = found[HASH..].iter().map(|byte| *byte == 1).collect();
        Ok((partial, parts))
    }

    /// Notes that a part is there.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(super) fn note(&self, part: u64) -> io::Result<()> {
        write_at(&self.file, &[1], self.length + HASH as u64 + part)
    }

    /// Forgets all parts: they are not those of the object.
    pub(super) fn forget(&self) {
        // What cannot be forgotten is found to be wrong again.
        let _ = self.file.set_len(0);
        let _ = fs::remove_file(&self.path);
    }

    /// Leaves only the bytes of the object.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.file.set_len(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(target: &Path, object: &str, length: u64) -> io::Result<(Partial, Vec<bool>)> {
        Partial::open(target, object, length, 3)
    }

    #[test]
    fn parts_are_kept_for_the_same_object_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("new/file");
        let (partial, parts) = open(&target, "a", 20).unwrap();
        assert_eq!(parts, [false; 3]);
        write_at(&partial.file, b"0123", 8).unwrap();
        partial.note(1).unwrap();
        let error = open(&target, "a", 20).err().unwrap();
        assert!(error.to_string().contains("cannot lock"), "{error}");
        drop(partial);
        let (partial, parts) = open(&target, "a", 20).unwrap();
        assert_eq!(parts, [false, true, false]);
        let mut bytes = [0; 4];
        read_at(&partial.file, &mut bytes, 8).unwrap();
        assert_eq!(&bytes, b"0123");
        drop(partial);
        for (object, length) in [("b", 20), ("b", 21), ("a", 20)] {
            let (partial, parts) = open(&target, object, length).unwrap();
            assert_eq!(parts, [false; 3], "{object} {length}");
            partial.note(0).unwrap();
            partial.note(2).unwrap();
        }
        let (partial, parts) = open(&target, "a", 20).unwrap();
        assert_eq!(parts, [true, false, true]);
        partial.forget();
        drop(partial);
        let (partial, parts) = open(&target, "a", 20).unwrap();
        assert_eq!(parts, [false; 3]);
        partial.finish().unwrap();
        assert_eq!(fs::metadata(&partial.path).unwrap().len(), 20);
        drop(partial);
        let names: Vec<_> = fs::read_dir(target.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }
}

use std::{
    fs::{File, Metadata},
    path::Path,
};

use super::refused;
use crate::{error::Error, files::snapshot::Snapshot};

pub(crate) fn is_open_to_others(_metadata: &Metadata) -> bool {
    false
}

pub(crate) fn refuse(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    if metadata.permissions().readonly() {
        return Err(refused(
            path,
            "it is read-only: remove that attribute first",
        ));
    }
    Ok(())
}

/// The new file gets the access of its folder, as every new file does there.
pub(crate) fn keep(_path: &Path, _old: &Snapshot, _to: &File) -> Result<Vec<String>, Error> {
    Ok(Vec::new())
}

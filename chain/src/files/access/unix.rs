use std::{
    fs::{File, Metadata, Permissions},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown},
    path::Path,
};

use super::{attributes, refused};
use crate::{
    error::Error,
    files::{cannot, snapshot::Snapshot},
    shell,
};

/// Returns true if users other than the owner may read or write the file.
pub(crate) fn is_open_to_others(metadata: &Metadata) -> bool {
    metadata.mode() & 0o077 != 0
}

/// Refuses a file that a rename would replace although its owner does not want that, or would
/// replace only in part.
pub(crate) fn refuse(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    let word = shell::path(path);
    // Also for root, which may write it all the same.
    if metadata.mode() & 0o200 == 0 {
        let reason = format!("it is read-only: run chmod u+w {word} to change it");
        return Err(refused(path, &reason));
    }
    if metadata.nlink() > 1 {
        let reason = format!(
            "it has {} names (hard links), and the others would keep the old version: run \
             cp -p {word} {word}.new && mv {word}.new {word} to separate it",
            metadata.nlink()
        );
        return Err(refused(path, &reason));
    }
    Ok(())
}

/// Gives the new version owner, group, access control list, extended attributes and mode of the
/// old one. Returns what could not be kept.
///
/// The mode comes last: until then only the owner has access. Where the group or the list is
/// lost, the bits that would then mean other people are dropped.
pub(crate) fn keep(path: &Path, old: &Snapshot, to: &File) -> Result<Vec<String>, Error> {
    let (from, old) = (&old.file, &old.metadata);
    let mut warnings = Vec::new();
    let new = to
        .metadata()
        .map_err(|error| cannot("look at the new version of", path, error))?;
    if new.uid() != old.uid() {
        keep_owner(path, old, to)?;
    }
    let mut mode = old.mode() & 0o7777;
    let has_group = new.gid() == old.gid() || keep_group(path, old, to)?;
    if !has_group {
        // A member of the old group is now one of the others, and gets no more than both had.
        mode &= 0o700 | ((mode >> 3) & 0o007);
        warnings.push(format!(
            "{}: its group (id {}) could not be kept, because you are not a member: the group has \
             no access any more",
            path.display(),
            old.gid()
        ));
    }
    let lost = attributes::copy(from, to, has_group)
        .map_err(|error| cannot("keep the attributes of", path, error))?;
    if lost.iter().any(|name| name == attributes::ACL) {
        // The bits of the group are the limits of the list, and "others" never meant those
        // whom the list excludes.
        mode &= 0o700;
    }
    for name in lost {
        let shown = path.display();
        warnings.push(match &*name {
            attributes::ACL => {
                format!("{shown}: its access control list could not be kept: only you have access")
            }
            name => format!("{shown}: its attribute {name} could not be kept"),
        });
    }
    to.set_permissions(Permissions::from_mode(mode))
        .map_err(|error| cannot("keep the mode of", path, error))?;
    Ok(warnings)
}

fn keep_owner(path: &Path, old: &Metadata, to: &File) -> Result<(), Error> {
    fchown(to, Some(old.uid()), None).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let reason = format!(
                "it belongs to the user with id {}, and a new version would be yours: let that \
                 user change it, or take it over with chown",
                old.uid()
            );
            refused(path, &reason)
        }
        _ => cannot("keep the owner of", path, error),
    })
}

/// Returns false if the user is not a member of the group.
fn keep_group(path: &Path, old: &Metadata, to: &File) -> Result<bool, Error> {
    match fchown(to, None, Some(old.gid())) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
        Err(error) => Err(cannot("keep the group of", path, error)),
    }
}

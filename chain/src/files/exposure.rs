use std::{fs, path::Path};

use super::{
    access,
    folder::{folder_of, follow},
};
use crate::shell;

/// Returns what users other than the owner can do with a file, `read` or `change`, and its mode.
/// Returns `None` if that is nothing, or if the system has no such modes.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)] {
/// use std::{fs, os::unix::fs::PermissionsExt as _};
///
/// use keyfob_chain::files::exposed;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("key.pem");
/// fs::write(&path, "")?;
/// fs::set_permissions(&path, fs::Permissions::from_mode(0o640))?;
/// assert_eq!(exposed(&path), Some(("read", 0o640)));
/// fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
/// assert_eq!(exposed(&path), None);
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
#[cfg(unix)]
pub fn exposed(file: impl AsRef<Path>) -> Option<(&'static str, u32)> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = fs::metadata(file).ok()?.permissions().mode() & 0o777;
    match mode & 0o066 {
        0 => None,
        bits if bits & 0o022 != 0 => Some(("change", mode)),
        _ => Some(("read", mode)),
    }
}

/// Returns what users other than the owner can do with a file, `read` or `change`, and its mode.
/// Returns `None` if that is nothing, or if the system has no such modes.
#[cfg(not(unix))]
pub fn exposed(_file: impl AsRef<Path>) -> Option<(&'static str, u32)> {
    None
}

/// Returns the owner of a file who is neither this user nor root, and so can change it. To root,
/// the owner of the home folder is no other user: `sudo` may leave `HOME` as it was. Returns `None`
/// if there is no such owner, or if the system has no numbers of users.
///
/// # Examples
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("token");
/// std::fs::write(&path, "eyJhbGciOi")?;
/// assert_eq!(keyfob_chain::files::foreign_owner(&path, None), None);
/// # Ok::<(), std::io::Error>(())
/// ```
#[cfg(unix)]
pub fn foreign_owner(file: impl AsRef<Path>, home: Option<&Path>) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;

    let owner = |file: &Path| Some(fs::metadata(file).ok()?.uid());
    let (found, user) = (owner(file.as_ref())?, rustix::process::geteuid().as_raw());
    let is_at_home = || user == 0 && home.and_then(owner) == Some(found);
    (found != 0 && found != user && !is_at_home()).then_some(found)
}

/// Returns the owner of a file who is neither this user nor root, and so can change it. Returns
/// `None` if there is no such owner, or if the system has no numbers of users.
#[cfg(not(unix))]
pub fn foreign_owner(_file: impl AsRef<Path>, _home: Option<&Path>) -> Option<u32> {
    None
}

/// Returns the owner of a file whose mode this user cannot change: only its owner and root can.
#[cfg(unix)]
pub(crate) fn owner_of_mode(file: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;

    let (owner, user) = (fs::metadata(file).ok()?.uid(), rustix::process::geteuid());
    (!user.is_root() && owner != user.as_raw()).then_some(owner)
}

#[cfg(not(unix))]
pub(crate) fn owner_of_mode(_file: &Path) -> Option<u32> {
    None
}

/// Returns true if this user can write a new version of a file, or create it: its folder, or the
/// nearest one above that is there, takes new files, and nothing protects the old version. Writes
/// nothing.
///
/// # Examples
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// assert!(keyfob_chain::files::can_write(folder.path().join("new/config")));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn can_write(file: impl AsRef<Path>) -> bool {
    let Ok(file) = follow(file.as_ref()) else {
        return false;
    };
    let is_protected = |metadata| access::refuse(&file, &metadata).is_err();
    if fs::metadata(&file).is_ok_and(is_protected) {
        return false;
    }
    let mut folders = file
        .ancestors()
        .skip(1)
        .map(|folder| match folder.to_str() {
            Some("") => Path::new("."),
            _ => folder,
        });
    let folder = folders.find(|folder| fs::symlink_metadata(folder).is_ok());
    folder.is_some_and(|folder| takes_new_files(folder) && !is_sticky(folder, &file))
}

/// Returns true if this user can change a file that is there in no way.
pub(crate) fn is_out_of_reach(file: &Path) -> bool {
    let folder = || follow(file).is_ok_and(|file| takes_new_files(folder_of(&file)));
    file.exists() && !is_writable(file) && !folder()
}

#[cfg(unix)]
fn is_writable(file: &Path) -> bool {
    rustix::fs::access(file, rustix::fs::Access::WRITE_OK).is_ok()
}

#[cfg(not(unix))]
fn is_writable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| !metadata.permissions().readonly())
}

#[cfg(unix)]
fn takes_new_files(folder: &Path) -> bool {
    use rustix::fs::Access;

    folder.is_dir() && rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// The attribute of a folder says nothing about its files.
#[cfg(not(unix))]
fn takes_new_files(folder: &Path) -> bool {
    folder.is_dir()
}

/// Returns true if only its owner can replace a file in this folder, as in `/tmp`, and that is
/// another user.
#[cfg(unix)]
fn is_sticky(folder: &Path, file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    let is_set = |metadata: fs::Metadata| metadata.permissions().mode() & 0o1000 != 0;
    fs::metadata(folder).is_ok_and(is_set)
        && owner_of_mode(folder).is_some()
        && owner_of_mode(file).is_some()
}

#[cfg(not(unix))]
fn is_sticky(_folder: &Path, _file: &Path) -> bool {
    false
}

/// Returns the command that replaces a file of another user by a copy that belongs to this one.
///
/// # Examples
///
/// ```
/// assert_eq!(
///     keyfob_chain::files::own_copy("token"),
///     r#"mine=$(mktemp token.XXXXXX) && cp token "$mine" && mv -f "$mine" token"#
/// );
/// ```
pub fn own_copy(file: impl AsRef<Path>) -> String {
    let file = file.as_ref();
    let mut template = file.as_os_str().to_owned();
    template.push(".XXXXXX");
    let (word, template) = (shell::path(file), shell::path(template.as_ref()));
    format!("mine=$(mktemp {template}) && cp {word} \"$mine\" && mv -f \"$mine\" {word}")
}

use std::path::Path;

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
    use std::{fs, os::unix::fs::PermissionsExt as _};

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

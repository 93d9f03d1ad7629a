//! Extended attributes, one of which is the POSIX access control list.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::copy;

/// The access control list.
pub(super) const ACL: &str = "system.posix_acl_access";

/// Elsewhere, nothing is copied.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn copy(
    _from: &std::fs::File,
    _to: &std::fs::File,
    _has_group: bool,
) -> std::io::Result<Vec<String>> {
    Ok(Vec::new())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::{fs::File, io};

    use rustix::{
        fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr},
        io::Errno,
    };

    use super::ACL;

    /// The longest list or value that Linux allows.
    const LONGEST: usize = 64 * 1024;

    /// Copies the attributes. Returns the names of those that could not be set.
    pub(crate) fn copy(from: &File, to: &File, has_group: bool) -> io::Result<Vec<String>> {
        // A folder may give its new files a list of its own, which must not add to the old
        // access.
        match fremovexattr(to, ACL) {
            Ok(()) | Err(Errno::NODATA | Errno::NOTSUP | Errno::NOSYS | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
        let mut lost = Vec::new();
        for name in names(from)? {
            // The list names the owning group, which would now be another one.
            let is_set = (has_group || name != ACL) && copy_one(from, to, &name).is_ok();
            // Labels of the system are its own business: the new file has got its own.
            let is_of_system = ["security.", "trusted."]
                .iter()
                .any(|prefix| name.starts_with(prefix));
            if !is_set && !is_of_system {
                lost.push(name);
            }
        }
        Ok(lost)
    }

    fn names(file: &File) -> io::Result<Vec<String>> {
        let mut list = vec![0; LONGEST];
        let length = match flistxattr(file, &mut list) {
            Ok(length) => length,
            Err(Errno::NOTSUP | Errno::NOSYS) => 0,
            Err(error) => return Err(error.into()),
        };
        Ok(list[..length]
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect())
    }

    fn copy_one(from: &File, to: &File, name: &str) -> rustix::io::Result<()> {
        let mut value = vec![0; LONGEST];
        let length = fgetxattr(from, name, &mut value)?;
        fsetxattr(to, name, &value[..length], XattrFlags::empty())
    }
}

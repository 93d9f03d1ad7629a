//! What a file carries besides its bytes.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use keyfob_chain::{
    Error, ErrorKind,
    files::Lock,
    profiles::{Editor, FileKind, SectionName},
};

use super::{names, set};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn try_set(path: &Path) -> Result<keyfob_chain::files::Saved, Error> {
    let mut editor = Editor::new(FileKind::Config, path);
    let section = SectionName::profile("default");
    editor.set(&section, "region", "new")?.save()
}

#[track_caller]
fn refused(path: &Path) -> String {
    let before = fs::read(path).unwrap();
    let error = try_set(path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Write);
    assert_eq!(fs::read(path).unwrap(), before);
    let text = error.to_string();
    assert!(text.contains(path.to_str().unwrap()), "{text}");
    text
}

/// Runs the command that an error prints between these words, and expects that the file can be
/// written then.
#[track_caller]
fn follow(path: &Path, (before, after): (&str, &str)) {
    let text = refused(path);
    let (_, command) = text.split_once(before).unwrap();
    let (command, _) = command.split_once(after).unwrap();
    let run = std::process::Command::new("sh")
        .args(["-c", command])
        .status();
    assert!(run.unwrap().success(), "{command}");
    assert!(try_set(path).unwrap().changed);
}

/// Folders whose names a shell must not take apart.
const FOLDERS: [&str; 3] = ["plain", "a b'c", "$(id)\"*"];

#[test]
fn a_read_only_file_is_refused_with_the_command_that_helps() {
    for name in FOLDERS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name).join("config");
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, "[default]\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        follow(&path, ("run ", " to change it"));
    }
}

#[test]
fn a_file_with_a_second_name_is_refused_and_the_cure_works() {
    for name in FOLDERS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name).join("config");
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, "[default]\n").unwrap();
        fs::hard_link(&path, path.with_file_name("second")).unwrap();
        follow(&path, ("run ", " to separate it"));
        assert_eq!(names(path.parent().unwrap()), ["config", "second"]);
    }
}

#[test]
fn a_private_file_is_private_whatever_was_there_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache/token.json");
    let lock = Lock::acquire(&path, Lock::PATIENCE).unwrap();
    lock.replace(b"{}").unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    lock.replace(b"{}").unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_failed_write_names_the_step_and_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file/config");
    fs::write(folder.path().join("file"), "").unwrap();
    let error = try_set(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Write);
    let wanted = format!(
        "cannot create the folder {}",
        path.parent().unwrap().display()
    );
    assert_eq!(error.to_string(), wanted);
}

#[test]
fn a_link_into_a_folder_that_is_not_there_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let volume = folder.path().join("volume");
    let path = folder.path().join("config");
    std::os::unix::fs::symlink("volume/config", &path).unwrap();
    let error = try_set(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Write);
    let text = error.to_string();
    assert!(
        text.contains("symbolic link") && text.contains("volume/config"),
        "{text}"
    );
    assert_eq!(names(folder.path()), ["config"]);
    fs::create_dir(&volume).unwrap();
    assert!(try_set(&path).unwrap().created);
    assert_eq!(names(&volume), ["config"]);
}

#[test]
fn a_file_never_grows_beyond_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let length = usize::try_from(keyfob_chain::files::MAX_LENGTH).unwrap();
    let lock = Lock::acquire(&path, Lock::PATIENCE).unwrap();
    let error = lock.update(|_| Ok(vec![b'#'; length + 1])).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "it is larger than 16 MiB");
    assert!(!path.exists());
    assert!(lock.update(|_| Ok(vec![b'#'; length])).unwrap().created);
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_as_standard_input_is_not_a_file_to_write() {
    let program = std::env::current_exe().unwrap();
    let run = std::process::Command::new(program)
        .args(["--ignored", "--exact", "access::sets_standard_input"])
        .stdin(std::process::Stdio::piped())
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by the test above, with a pipe as its standard input"]
fn sets_standard_input() {
    let error = try_set(Path::new("/dev/stdin")).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "it is not a regular file");
}

#[cfg(target_os = "linux")]
mod linux {
    use rustix::fs::{XattrFlags, getxattr, setxattr};

    use super::*;

    const ACL: &str = "system.posix_acl_access";

    /// Returns an access control list that gives the user 12345 `named` rights.
    fn list(named: u8) -> Vec<u8> {
        let entries: [(u16, u8, u32); 5] = [
            (0x01, 6, u32::MAX),
            (0x02, named, 12345),
            (0x04, 0, u32::MAX),
            (0x10, 4, u32::MAX),
            (0x20, 0, u32::MAX),
        ];
        let mut bytes = 2_u32.to_le_bytes().to_vec();
        for (tag, rights, id) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(u16::from(rights).to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }

    fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
        let mut value = vec![0; 4096];
        let length = getxattr(path, name, &mut value).ok()?;
        value.truncate(length);
        Some(value)
    }

    #[test]
    fn access_control_list_and_attributes_stay() {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "[default]\n").unwrap();
        let acl = list(4);
        if setxattr(&path, ACL, &acl, XattrFlags::empty()).is_err() {
            println!("not run: the file system has no access control lists");
            return;
        }
        setxattr(&path, "user.note", b"mine", XattrFlags::empty()).unwrap();
        let before = mode(&path);
        let saved = set(&path, "default", "region", "new");
        assert_eq!(saved.warnings, Vec::<String>::new());
        assert_eq!(attribute(&path, ACL), Some(acl));
        assert_eq!(attribute(&path, "user.note").unwrap(), b"mine");
        assert_eq!(mode(&path), before);
    }

    #[test]
    fn the_list_that_a_folder_gives_new_files_adds_no_access() {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "[default]\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let default = "system.posix_acl_default";
        if setxattr(folder.path(), default, &list(7), XattrFlags::empty()).is_err() {
            println!("not run: the file system has no access control lists");
            return;
        }
        set(&path, "default", "region", "new");
        assert_eq!(attribute(&path, ACL), None);
        assert_eq!(mode(&path), 0o644);
    }

    #[test]
    fn owner_and_group_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "[default]\n").unwrap();
        if std::os::unix::fs::chown(&path, Some(12345), Some(23456)).is_err() {
            println!("not run: only root can give files away");
            return;
        }
        set(&path, "default", "region", "new");
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (12345, 23456));
    }
}

//! Lets each system call of the write path fail once, with `strace`: afterwards the file has its
//! old bytes or the new ones, the message names the step, and nothing is left behind.
//!
//! It has a `main` of its own, because `strace` counts the calls of each thread, and the test
//! harness would run the writer in a thread beside another.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test without a harness, which fails with a line and reports by itself"
)]

use std::process::ExitCode;

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    println!("write_path: not run: strace is for Linux");
    ExitCode::SUCCESS
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    linux::main()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        collections::BTreeMap,
        fs,
        os::unix::fs::{MetadataExt as _, chown},
        path::Path,
        process::{Command, ExitCode, Output},
    };

    use keyfob_chain::profiles::{Editor, FileKind, SectionName};
    use rustix::fs::{XattrFlags, setxattr};

    const OLD: &str = "[default]\nregion = old\n";
    const NEW: &str = "[default]\nregion = new\n";

    /// Each system call, the error it gets, and what the message says if it is fatal.
    const CALLS: [(&str, &str, &str); 14] = [
        ("openat", "EMFILE", "cannot "),
        ("flock", "EIO", "cannot take the lock "),
        ("write", "ENOSPC", "cannot write the new version of "),
        ("fchown", "EPERM", "its group (id 23456) could not be kept"),
        ("fchown", "EIO", "cannot keep the group of "),
        ("fremovexattr", "EIO", "cannot keep the attributes of "),
        ("flistxattr", "EIO", "cannot keep the attributes of "),
        (
            "fsetxattr",
            "ENOSPC",
            "its access control list could not be kept",
        ),
        ("statx", "EIO", "cannot "),
        ("fchmod", "EIO", "cannot keep the mode of "),
        ("fsync", "EIO", " sync"),
        ("rename", "EIO", "cannot rename the new version to "),
        ("renameat", "EIO", "cannot rename the new version to "),
        ("renameat2", "EIO", "cannot rename the new version to "),
    ];

    pub(crate) fn main() -> ExitCode {
        if let Some(path) = std::env::var_os("KEYFOB_TEST_FILE") {
            return write(Path::new(&path));
        }
        if !Command::new("strace")
            .args(["-e", "trace=none", "true"])
            .output()
            .is_ok_and(|run| run.status.success())
        {
            println!("write_path: not run: needs strace, and leave to trace");
            return ExitCode::SUCCESS;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut count = 0;
        for (call, number) in positions(folder.path()) {
            for (_, error, message) in CALLS.iter().filter(|(name, ..)| *name == call) {
                fails(folder.path(), &call, number, error, message);
                count += 1;
            }
        }
        assert!(count > 10, "{count} failures");
        println!(
            "write_path: each of {count} failures of a system call left the old bytes or the new ones, the right message, and nothing else"
        );
        ExitCode::SUCCESS
    }

    /// The traced program.
    fn write(path: &Path) -> ExitCode {
        let mut editor = Editor::new(FileKind::Config, path);
        editor
            .set(&SectionName::profile("default"), "region", "new")
            .unwrap();
        match editor.save() {
            Ok(saved) => {
                for warning in saved.warnings {
                    eprintln!("warning: {warning}");
                }
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(3)
            }
        }
    }

    /// Writes the old file: with an access control list, or with a mode that gives others more
    /// than the group.
    fn prepare(folder: &Path, has_list: bool) {
        let path = folder.join("config");
        fs::write(&path, OLD).unwrap();
        // Old enough to be settled.
        let past = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(past)
            .unwrap();
        // Only root can; without it, the calls of fchown are not reached.
        _ = chown(&path, None, Some(23456));
        let mode = if has_list { 0o640 } else { 0o604 };
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        if has_list {
            // Not every file system has such lists.
            _ = setxattr(
                &path,
                "system.posix_acl_access",
                &list(),
                XattrFlags::empty(),
            );
        }
    }

    /// Returns an access control list by which the user 12345 may read the file.
    fn list() -> Vec<u8> {
        let mut bytes = 2_u32.to_le_bytes().to_vec();
        for (tag, rights, id) in [
            (0x01_u16, 6_u16, u32::MAX),
            (0x02, 4, 12345),
            (0x04, 4, u32::MAX),
            (0x10, 4, u32::MAX),
            (0x20, 0, u32::MAX),
        ] {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(rights.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }

    fn strace(folder: &Path, inject: &[&str]) -> Output {
        let log = folder.with_extension("log");
        let names: Vec<_> = CALLS.iter().map(|(name, ..)| *name).collect();
        Command::new("strace")
            .args(["-f", "-y", "-o", log.to_str().unwrap()])
            .args(["-e", &format!("trace=?{}", names.join(",?"))])
            .args(inject)
            .arg(std::env::current_exe().unwrap())
            .env("KEYFOB_TEST_FILE", folder.join("config"))
            // Cargo's folders would be searched for each library.
            .env_remove("LD_LIBRARY_PATH")
            .output()
            .unwrap()
    }

    /// Returns each call that concerns the folder, with its number among the calls of that name.
    fn positions(folder: &Path) -> Vec<(String, usize)> {
        prepare(folder, true);
        let output = strace(folder, &[]);
        assert!(output.status.success(), "{output:?}");
        let log = fs::read_to_string(folder.with_extension("log")).unwrap();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut positions = Vec::new();
        let (mut is_renamed, mut looks) = (false, 0);
        for line in log.lines() {
            let Some((call, rest)) = line.split_once('(') else {
                continue;
            };
            let name = call.rsplit(' ').next().unwrap();
            let count = counts.entry(name).or_default();
            *count += 1;
            is_renamed |= name.starts_with("rename");
            // After the rename the file is looked at again and again.
            looks += usize::from(is_renamed && name == "statx");
            if rest.contains(folder.to_str().unwrap()) && looks <= 3 {
                positions.push((name.to_owned(), *count));
            }
        }
        positions
    }

    fn fails(folder: &Path, call: &str, number: usize, error: &str, message: &str) {
        let loses_group = error == "EPERM";
        prepare(folder, !loses_group);
        let inject = format!("inject={call}:error={error}:when={number}");
        let output = strace(folder, &["-e", &inject]);
        let log = fs::read_to_string(folder.with_extension("log")).unwrap();
        let what = format!("{inject}: {output:?}\n{log}");
        let line = log.lines().find(|line| line.contains("(INJECTED)"));
        let line = line.unwrap_or_else(|| panic!("not injected: {what}"));
        let path = folder.join("config");
        let text = fs::read_to_string(&path).unwrap();
        let said = String::from_utf8(output.stderr.clone()).unwrap();
        // The folder is opened to look for leftovers and to sync it, after the file itself is safe.
        // The file is looked at once before anything else, and once at the end.
        let harmless = call == "openat" && line.contains("O_DIRECTORY") || call == "statx";
        let is_warned = said.contains(" could not be synced");
        match output.status.code() {
            Some(0) => {
                assert_eq!(text, NEW, "{what}");
                assert!(harmless || said.contains(message) || is_warned, "{what}");
            }
            Some(3) => {
                assert_eq!(text, OLD, "{what}");
                assert!(
                    said.contains(message) && said.contains(folder.to_str().unwrap()),
                    "{what}"
                );
            }
            _ => panic!("{what}"),
        }
        let mode = fs::metadata(&path).unwrap().mode() & 0o777;
        // What the group or the list had is not given to other users.
        let wanted = if loses_group || call == "fsetxattr" {
            0o600
        } else {
            0o640
        };
        assert_eq!(mode, wanted, "{what}");
        if said.contains("cannot take the lock ") {
            // Without the lock it must stay: another writer may be using it. It is not locked.
            _ = fs::remove_file(folder.join("config.lock"));
        }
        let names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["config"], "{what}");
    }
}

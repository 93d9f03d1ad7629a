//! Lets each system call of the write path fail once, with `strace`: afterwards the file has its
//! old bytes or the new ones, the message names the step, and nothing is left behind. The same for
//! the cache of credentials, which are served all the same.
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
        if let Some(folder) = std::env::var_os("KEYFOB_TEST_FOLDER") {
            return cache::get(Path::new(&folder));
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
        cache::main();
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

    /// The cache of credentials. The program is traced from the moment when it has started, so that
    /// only calls of ours fail.
    mod cache {
        use std::{
            collections::BTreeMap,
            fs,
            io::{BufRead as _, BufReader, Write as _},
            path::Path,
            process::{Command, ExitCode, ExitStatus, Stdio},
        };

        use keyfob_chain::{
            Chain, FindingKind, Order, ProcessOutput, Settings, Sources, Variables,
            files::sessions::SessionCache,
            profiles::{ConfigFiles, FileKind},
        };
        use keyfob_sigv4::Timestamp;

        const CONFIG: &str = "[default]
credential_process = keys
keyfob_cache_process = true
";
        const KEY: &str = r#"{"Version": 1, "AccessKeyId": "ASIACACHED", "SecretAccessKey": "s",
            "SessionToken": "t", "Expiration": "2099-01-01T00:00:00Z"}"#;
        const CALLS: [(&str, &str); 13] = [
            ("mkdir", "EROFS"),
            ("mkdirat", "EROFS"),
            ("clone3", "EAGAIN"),
            ("clone", "EAGAIN"),
            ("openat", "EMFILE"),
            ("flock", "ENOLCK"),
            ("statx", "EIO"),
            ("write", "ENOSPC"),
            ("fsync", "EIO"),
            ("rename", "EROFS"),
            ("renameat", "EROFS"),
            ("renameat2", "EROFS"),
            ("unlink", "EIO"),
        ];
        /// The status of the traced program that was told that the cache could not be written.
        const TOLD: u8 = 4;

        /// The traced program: gets credentials that are about to be cached.
        pub(super) fn get(folder: &Path) -> ExitCode {
            std::io::stdin().read_line(&mut String::new()).unwrap();
            let files = ConfigFiles::parse([(FileKind::Config, "config", CONFIG.as_bytes())]);
            let sources = Sources::default()
                .with_disk(folder)
                .with_processes(|_| async {
                    Ok(ProcessOutput::new(ExitStatus::default(), KEY, ""))
                });
            let (tell, told) = std::sync::mpsc::channel();
            let settings = Settings::new(Variables::default(), files)
                .with_sources(sources)
                .with_notify(move |finding| {
                    assert_eq!(finding.kind, FindingKind::Cache);
                    tell.send(()).unwrap();
                });
            let chain = Chain::default_for(Order::Cli, &settings);
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let resolution = runtime.unwrap().block_on(chain.resolve(Timestamp::now()));
            let key = resolution.credentials.unwrap();
            assert_eq!(key.access_key_id(), "ASIACACHED");
            match told.try_recv() {
                Ok(()) => ExitCode::from(TOLD),
                Err(_) => ExitCode::SUCCESS,
            }
        }

        pub(super) fn main() {
            let Some((Some(0), log)) = run(&[]) else {
                println!("write_path: the cache is not tested: needs leave to trace a process");
                return;
            };
            let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
            for line in log.lines() {
                let call = line
                    .split_once('(')
                    .and_then(|(call, _)| call.split_once(' '));
                let Some((thread, name)) = call else { continue };
                *counts.entry((name.trim(), thread)).or_default() += 1;
            }
            let (mut count, mut told) = (0, 0);
            for (call, error) in CALLS {
                let of_call = counts.iter().filter(|((name, _), _)| *name == call);
                let most = of_call.map(|(_, count)| *count).max().unwrap_or_default();
                for number in 1..=most {
                    let inject = format!("inject={call}:error={error}:when={number}");
                    let (status, log) = run(&["-e", &inject]).unwrap();
                    // Some calls are not made as often in each run.
                    if !log.contains("(INJECTED)") {
                        continue;
                    }
                    count += 1;
                    match status {
                        Some(0) => {}
                        Some(status) if status == i32::from(TOLD) => told += 1,
                        _ => panic!("{inject}: {status:?}\n{log}"),
                    }
                }
            }
            assert!(count > 10 && told > 5, "{count} failures, {told} told");
            println!(
                "write_path: with each of {count} failures of a system call the credentials were served, and {told} were told"
            );
        }

        /// Returns the status of the program and the log, or `None` if it cannot be traced.
        fn run(inject: &[&str]) -> Option<(Option<i32>, String)> {
            let folder = tempfile::tempdir().unwrap();
            let disk = folder.path().join(".aws");
            let mut program = Command::new(std::env::current_exe().unwrap())
                .env("KEYFOB_TEST_FOLDER", &disk)
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let log = folder.path().join("log");
            let names = CALLS.map(|(name, _)| name).join(",?");
            let mut strace = Command::new("strace")
                .args(["-f", "-o", log.to_str().unwrap()])
                .args(["-e", &format!("trace=?{names}")])
                .args(inject)
                .args(["-p", &program.id().to_string()])
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut said = String::new();
            let mut stderr = BufReader::new(strace.stderr.take().unwrap());
            stderr.read_line(&mut said).unwrap();
            program.stdin.take().unwrap().write_all(b"\n").unwrap();
            let status = program.wait().unwrap();
            strace.wait().unwrap();
            if !said.contains(" attached") {
                return None;
            }
            let cache = SessionCache::read(disk.join("cli/cache")).unwrap();
            // A lock that could not be removed is not locked.
            let others = fs::read_dir(disk.join("cli/cache")).into_iter().flatten();
            let others = others.filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                !name.to_str().unwrap().ends_with(".json.lock")
            });
            assert_eq!(others.count(), cache.sessions.len(), "{inject:?}");
            Some((status.code(), fs::read_to_string(log).unwrap()))
        }
    }
}

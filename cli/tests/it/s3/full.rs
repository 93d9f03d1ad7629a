use std::{fs, path::Path, process::Command};

use super::{
    cp::{MIB, bytes, write},
    home, keyfob, server,
};
use crate::keyfob::assert_has;

/// A file system of 6 MiB, until it is dropped.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    /// `None` if this user may not mount one.
    fn mount(folder: &'a Path) -> Option<Self> {
        fs::create_dir(folder).unwrap();
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", "size=6m", "none"]);
        let is_mounted = mount
            .arg(folder)
            .output()
            .is_ok_and(|it| it.status.success());
        is_mounted.then_some(Self(folder))
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_disk_that_is_full_leaves_what_was_there() {
    let server = server();
    let home = home(&server);
    for (name, size) in [("one", 7 * MIB), ("parts", 20 * MIB)] {
        write(&home, name, bytes(size));
        keyfob(&home, &["cp", name, &format!("s3://bucket/full/{name}")]).ok();
    }
    let folder = home.path().join("small");
    let Some(_small) = Small::mount(&folder) else {
        println!("skipped: only root can mount a small file system");
        return;
    };
    write(&home, "small/one", "before");
    for name in ["one", "parts"] {
        let (source, target) = (format!("s3://bucket/full/{name}"), format!("small/{name}"));
        for option in [None, Some("--resume")] {
            let words = ["cp", &source, &target].into_iter().chain(option);
            let words: Vec<_> = words.collect();
            let stderr = keyfob(&home, &words).fails(1);
            let failed = format!("download failed: {source} to {target} cannot write ");
            assert_has(&stderr, &[&failed, "No space left on device"]);
            let is_final = |name: &str| !name.starts_with(".keyfob-");
            let names = fs::read_dir(&folder).unwrap();
            let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
            let names: Vec<_> = names
                .filter(|name| option.is_none() || is_final(name))
                .collect();
            assert_eq!(names, ["one"], "{source}");
            assert_eq!(fs::read(folder.join("one")).unwrap(), b"before");
            for leftover in fs::read_dir(&folder).unwrap() {
                let leftover = leftover.unwrap();
                if leftover.file_name() != "one" {
                    fs::remove_file(leftover.path()).unwrap();
                }
            }
        }
    }
    // Standard output is no better.
    let mut shell = home.program("sh");
    let line = format!(
        "{} s3 cp s3://bucket/full/one - > /dev/full",
        env!("CARGO_BIN_EXE_keyfob")
    );
    let run = crate::keyfob::Run::new(shell.args(["-c", &line]).output().unwrap());
    let failed = "download failed: s3://bucket/full/one to - cannot write to standard output: ";
    assert_has(&run.fails(1), &[failed, "No space left on device"]);
}

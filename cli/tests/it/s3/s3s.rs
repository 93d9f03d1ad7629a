//! Another server, which is built from its crate and keeps objects as files.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use super::{
    AWKWARD,
    cp::{MIB, bytes, tree, write},
    keyfob, lines, put,
};
use crate::{
    configure::on_terminal,
    keyfob::{Home, assert_lacks},
    servers::Server,
};

const NAME: &str = "s3s-fs";
const VERSION: &str = "0.14.1";

const NOT_RUN: &str = "not run: s3s-fs cannot be built";

/// Starts s3s-fs with the bucket `bucket`. `None` if it cannot be built.
fn s3s() -> Option<(Server, Home)> {
    let server = Server::s3s(program()?);
    let home = server.home();
    keyfob(&home, &["mb", "s3://bucket"]).ok();
    Some((server, home))
}

/// Returns the path of s3s-fs, which is built below `target` on first use. That may fail: it needs
/// a newer Rust than this workspace, and crates.io.
fn program() -> Option<PathBuf> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let root = target
        .join("servers")
        .join(format!("{NAME}-{VERSION}-debug"));
    let program = root.join("bin").join(NAME);
    let program = program.with_extension(env::consts::EXE_EXTENSION);
    if program.exists() {
        return Some(program);
    }
    let work = root.join("build");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Takes half the time of a release, and is as fast in what takes the time of the tests.
    let fast = ["crc-fast", "crc32fast", "md-5", "sha2"];
    let fast = fast.map(|name| format!("--config=profile.dev.package.{name}.opt-level=3"));
    let status = Command::new(cargo)
        .args(["install", "--locked", "--quiet", NAME, "--version", VERSION])
        .args([
            "--features=binary",
            "--debug",
            "--config=profile.dev.debug=false",
        ])
        .args(fast)
        .arg("--root")
        .arg(&root)
        .arg("--target-dir")
        .arg(&work)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .status();
    let is_built = status.is_ok_and(|status| status.success());
    // It is large, and not needed again.
    let _ = fs::remove_dir_all(work);
    is_built.then_some(program)
}

#[test]
fn s3s_serves_what_is_copied_to_it() {
    let Some((server, home)) = s3s() else {
        println!("{NOT_RUN}");
        return;
    };
    objects_of_all_sizes_are_the_same_in_the_end(&home);
    keys_are_not_decoded_that_are_not_encoded(&server, &home);
    a_large_object_is_compared_with_its_checksum(&home);
}

/// Returns the files below a folder, with their content.
fn files(home: &Home, folder: &str) -> Vec<(String, Vec<u8>)> {
    let files = tree(&home.path().join(folder)).into_iter();
    files.map(|(name, (_, content))| (name, content)).collect()
}

fn objects_of_all_sizes_are_the_same_in_the_end(home: &Home) {
    const PART: usize = 8 * MIB;
    let sizes = [0, 1, PART - 1, PART, PART + 1, 100 * MIB];
    for size in sizes {
        write(home, &format!("t/{size}"), bytes(size));
    }
    let done = |operation: &str, from: &str, to: &str| {
        let line = |size| format!("{operation}: {from}/{size} to {to}/{size}\n");
        sizes.map(line).concat()
    };
    let up = keyfob(home, &["cp", "t", "s3://bucket/t", "--recursive"]).ok();
    assert_eq!(lines(&up), lines(&done("upload", "t", "s3://bucket/t")));
    let listed = keyfob(home, &["ls", "s3://bucket/t/", "--recursive"]).ok();
    let listed = listed
        .lines()
        .map(|line| line[20..].trim_start().to_owned());
    let mut expected = sizes.map(|size| format!("{size} t/{size}"));
    expected.sort_by(|one, other| {
        one.split_once(' ')
            .unwrap()
            .1
            .cmp(other.split_once(' ').unwrap().1)
    });
    assert_eq!(listed.collect::<Vec<_>>(), expected);
    let copied = keyfob(
        home,
        &["cp", "s3://bucket/t", "s3://bucket/c", "--recursive"],
    )
    .ok();
    assert_eq!(
        lines(&copied),
        lines(&done("copy", "s3://bucket/t", "s3://bucket/c"))
    );
    let down = keyfob(home, &["sync", "s3://bucket/c", "back"]).ok();
    assert_eq!(
        lines(&down),
        lines(&done("download", "s3://bucket/c", "back"))
    );
    assert!(files(home, "t") == files(home, "back"));
    for pair in [["t", "s3://bucket/t"], ["s3://bucket/c", "back"]] {
        assert_eq!(keyfob(home, &[&["sync"], &pair[..]].concat()).ok(), "");
    }
    for prefix in ["s3://bucket/t", "s3://bucket/c"] {
        let removed = keyfob(home, &["rm", prefix, "--recursive"]).ok();
        assert_eq!(removed.lines().count(), sizes.len(), "{removed}");
        assert_eq!(keyfob(home, &["ls", prefix]).code, 1);
    }
}

/// The server compares the one in the request, and returns it with the whole object.
fn a_large_object_is_compared_with_its_checksum(home: &Home) {
    write(
        home,
        ".aws/config",
        "[default]\ns3 =\n  multipart_threshold = 1GB\n",
    );
    let nothing: &[(&str, &str)] = &[];
    for pair in [
        ["t/104857600", "s3://bucket/whole"],
        ["s3://bucket/whole", "whole"],
    ] {
        let run = on_terminal(home, &[&["s3", "cp"], &pair[..]].concat(), nothing);
        assert_eq!(run["code"], 0, "{run}");
        assert_lacks(run["shown"].as_str().unwrap(), &["not verified"]);
    }
    let file = |name: &str| fs::read(home.path().join(name)).unwrap();
    assert!(file("whole") == file("t/104857600"));
}

/// The lists of this server say that their keys are encoded, which they are not.
fn keys_are_not_decoded_that_are_not_encoded(server: &Server, home: &Home) {
    // It keeps a key as a path.
    let is_path = |key: &&str| key.split('/').all(|name| !matches!(name, "" | "." | ".."));
    let keys = AWKWARD.into_iter().filter(is_path);
    put(server, "keys", keys.clone());
    let listed = keyfob(home, &["ls", "s3://keys", "--recursive"]).ok();
    let mut expected: Vec<&str> = keys.clone().collect();
    expected.sort_unstable();
    let listed: Vec<&str> = listed.lines().map(|line| &line[31..]).collect();
    assert_eq!(listed, expected);
    keyfob(home, &["cp", "s3://keys", "keys", "--recursive"]).ok();
    keyfob(home, &["cp", "keys", "s3://keys/again", "--recursive"]).ok();
    keyfob(home, &["mv", "s3://keys/again", "moved", "--recursive"]).ok();
    for folder in ["keys", "moved"] {
        let files = tree(&home.path().join(folder));
        let files = files
            .iter()
            .map(|(name, (_, content))| (name.as_str(), content.as_slice()));
        assert!(
            files.eq(expected.iter().map(|key| (*key, key.as_bytes()))),
            "{folder}"
        );
    }
    // `a b.txt` is not taken for `a+b.txt`.
    let words = [
        "rm",
        "s3://keys",
        "--recursive",
        "--exclude",
        "*",
        "--include",
        "a+b*",
    ];
    assert_eq!(keyfob(home, &words).ok(), "delete: s3://keys/a+b.txt\n");
    assert_eq!(keyfob(home, &["ls", "s3://keys/a+b.txt"]).code, 1);
    keyfob(home, &["ls", "s3://keys/a b.txt"]).ok();
}

#[test]
fn a_thousand_objects_are_copied_synchronized_and_removed() {
    match s3s() {
        Some((_server, home)) => many_objects(&home, 1_000),
        None => println!("{NOT_RUN}"),
    }
}

#[test]
#[ignore = "takes longer than a thousand, and asks the same"]
fn ten_thousand_objects_are_copied_synchronized_and_removed() {
    match s3s() {
        Some((_server, home)) => many_objects(&home, 10_000),
        None => println!("{NOT_RUN}"),
    }
}

fn many_objects(home: &Home, count: usize) {
    for number in 0..count {
        let name = format!("t/{:02}/{number:05}", number % 100);
        write(home, &name, bytes(number % 5000));
    }
    let lines = |words: &[&str]| keyfob(home, words).ok().lines().count();
    assert_eq!(lines(&["cp", "t", "s3://bucket/t", "--recursive"]), count);
    assert_eq!(lines(&["ls", "s3://bucket", "--recursive"]), count);
    assert_eq!(lines(&["sync", "t", "s3://bucket/t"]), 0);
    assert_eq!(lines(&["sync", "s3://bucket/t", "back"]), count);
    assert_eq!(lines(&["sync", "s3://bucket/t", "back"]), 0);
    assert_eq!(
        lines(&["cp", "s3://bucket/t", "again", "--recursive"]),
        count
    );
    let [sent, back, again] = ["t", "back", "again"].map(|name| files(home, name));
    assert!(sent == back && sent == again);
    assert_eq!(lines(&["rm", "s3://bucket/t", "--recursive"]), count);
    assert_eq!(lines(&["ls", "s3://bucket", "--recursive"]), 0);
}

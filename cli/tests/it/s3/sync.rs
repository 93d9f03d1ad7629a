use std::{
    collections::BTreeSet,
    fs::{self, File},
    time::{Duration, SystemTime},
};

use super::{
    aws,
    cp::{same_plans, tree, write},
    fault_proxy::{Fault, FaultProxy},
    home, keyfob, lines, put, server,
};
use crate::{
    keyfob::{Home, assert_has},
    servers::Server,
};

#[test]
fn folders_and_prefixes_are_synchronized_as_by_aws() {
    let server = server();
    let home = home(&server);
    the_same_is_planned(&server, &home);
    a_second_time_nothing_is_left_to_do(&home);
    what_is_not_in_the_source_is_deleted_if_that_is_asked_for(&server, &home);
    nothing_is_deleted_by_what_is_not_known(&server, &home);
    wrong_lines_are_refused(&home);
}

/// Changes the time of a file by that many seconds from now.
fn touch(home: &Home, name: &str, seconds: i64) {
    let now = SystemTime::now();
    let by = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 { now - by } else { now + by };
    let file = File::options().write(true).open(home.path().join(name));
    file.unwrap().set_modified(time).unwrap();
}

fn the_same_is_planned(server: &Server, home: &Home) {
    // Bodies are the keys, without the prefix: old and new files of the same and another size.
    let names = [
        "same-old",
        "same-new",
        "other-old",
        "other-new",
        "sub/same-old",
        "sub/same-new",
        "a-b",
        "a/b",
        "a.b",
        "\u{fc}",
    ];
    for name in names {
        let content = if name.contains("other") { "x" } else { name };
        write(home, &format!("t/{name}"), content);
        let age = if name.contains("new") { 5000 } else { -5000 };
        touch(home, &format!("t/{name}"), age);
    }
    put(
        server,
        "synced",
        names
            .into_iter()
            .chain(["only/there", "zz", "sub/only", "q/"]),
    );
    put(
        server,
        "second",
        ["same-old", "sub/same-new", "extra", "only/there"],
    );
    write(home, "t/only-here", "1");
    write(home, "t/sub/only-here", "1");
    write(home, "one", "1");
    let up: &[&str] = &["sync", "t", "s3://synced"];
    let down: &[&str] = &["sync", "s3://synced", "t"];
    let over: &[&str] = &["sync", "s3://synced", "s3://second"];
    let back: &[&str] = &["sync", "s3://second", "s3://synced"];
    let mut plans: Vec<Vec<&str>> = Vec::new();
    for pair in [up, down, over, back] {
        for more in [
            &[][..],
            &["--delete"],
            &["--size-only"],
            &["--exact-timestamps"],
            &["--delete", "--exclude", "sub/*"],
            &["--delete", "--exclude", "*", "--include", "*only*"],
            &["--delete", "--exclude", "only/*", "--page-size", "3"],
            &["--size-only", "--delete", "--only-show-errors"],
            &["--delete", "--quiet"],
        ] {
            plans.push([pair, more].concat());
        }
    }
    for words in [
        &["sync", "t/sub", "s3://synced/sub", "--delete"][..],
        &["sync", "t/", "s3://synced/new/"],
        &["sync", "s3://synced/sub/", "t/sub", "--delete"],
        &["sync", "s3://synced/su", "t/sub", "--delete"],
        &[
            "sync",
            "s3://synced",
            "s3://synced/copy",
            "--exclude",
            "sub/*",
        ],
        &["sync", "s3://empty-one", "t", "--delete"],
        &["sync", "s3://synced", "fresh"],
        &["sync", "t", "s3://none-of-these"],
        &["sync", "s3://none-of-these", "t", "--delete"],
    ] {
        plans.push(words.to_vec());
    }
    put(server, "empty-one", []);
    let plans: Vec<&[&str]> = plans.iter().map(Vec::as_slice).collect();
    same_plans(home, &plans);
}

fn a_second_time_nothing_is_left_to_do(home: &Home) {
    let out = keyfob(home, &["sync", "t", "s3://bucket/t"]).ok();
    assert_eq!(out.lines().count(), 12);
    assert_has(
        &out,
        &["upload: t/sub/only-here to s3://bucket/t/sub/only-here\n"],
    );
    // A file that is newer than its object is sent again, at each time.
    let again = keyfob(home, &["sync", "t", "s3://bucket/t"]).ok();
    assert!(again.lines().all(|line| line.contains("-new")), "{again}");
    assert_eq!(again.lines().count(), 3);
    assert_eq!(
        keyfob(home, &["sync", "t", "s3://bucket/t", "--size-only"]).ok(),
        ""
    );
    let out = keyfob(home, &["sync", "s3://bucket/t", "down"]).ok();
    assert_eq!(out.lines().count(), 12);
    for more in [
        &[][..],
        &["--exact-timestamps"],
        &["--delete"],
        &["--size-only"],
    ] {
        let words = [&["sync", "s3://bucket/t", "down"], more].concat();
        assert_eq!(keyfob(home, &words).ok(), "", "{words:?}");
        // The server has fractions of seconds, which the time of a file has not.
        if more.contains(&"--exact-timestamps") {
            continue;
        }
        let theirs = aws(home, &[&words]).remove(0);
        assert_eq!(
            (theirs.code, theirs.stdout),
            (0, String::new()),
            "{words:?}"
        );
    }
    let names =
        |name: &str| -> BTreeSet<String> { tree(&home.path().join(name)).into_keys().collect() };
    assert_eq!(names("down"), names("t"));
    assert_eq!(
        keyfob(home, &["sync", "s3://bucket/t", "s3://bucket/u"])
            .ok()
            .lines()
            .count(),
        12
    );
    assert_eq!(
        keyfob(home, &["sync", "s3://bucket/t", "s3://bucket/u"]).ok(),
        ""
    );
}

fn what_is_not_in_the_source_is_deleted_if_that_is_asked_for(server: &Server, home: &Home) {
    fs::remove_file(home.path().join("t/sub/only-here")).unwrap();
    assert!(
        !keyfob(home, &["sync", "t", "s3://bucket/t"])
            .ok()
            .contains("delete")
    );
    let out = keyfob(
        home,
        &["sync", "t", "s3://bucket/t", "--delete", "--size-only"],
    )
    .ok();
    assert_eq!(out, "delete: s3://bucket/t/sub/only-here\n");
    let out = keyfob(home, &["sync", "s3://bucket/t", "down", "--delete"]).ok();
    assert_eq!(out, "delete: down/sub/only-here\n");
    assert!(!home.path().join("down/sub/only-here").exists());
    // Thousands, and both programs leave the same.
    let many: Vec<String> = (0..1200).map(|n| format!("n/{n}")).collect();
    for bucket in ["ours", "theirs"] {
        put(server, bucket, many.iter().map(String::as_str));
    }
    write(home, "few/n/7", "n/7");
    write(home, "few/new", "new");
    touch(home, "few/n/7", -5000);
    let ours = keyfob(home, &["sync", "few", "s3://ours", "--delete"]).ok();
    let theirs = aws(home, &[&["sync", "few", "s3://theirs", "--delete"]]).remove(0);
    assert_eq!(
        lines(&ours),
        lines(&theirs.stdout.replace("theirs", "ours"))
    );
    assert_eq!(ours.lines().count(), 1200);
    let listed = keyfob(home, &["ls", "s3://ours", "--recursive"]).ok();
    assert_eq!(listed.lines().count(), 2, "{listed}");
    // The file of a key that is another path is not what is missing in the source.
    put(server, "paths", ["a//b", "c"]);
    keyfob(home, &["sync", "s3://paths", "paths", "--delete"]).ok();
    write(home, "paths/d", "d");
    let out = keyfob(home, &["sync", "s3://paths", "paths", "--delete"]).ok();
    assert_eq!(out, "delete: paths/d\n");
    assert_eq!(tree(&home.path().join("paths")).len(), 2);
}

fn nothing_is_deleted_by_what_is_not_known(server: &Server, home: &Home) {
    // The second page does not come.
    let proxy = FaultProxy::start(&server.url, |_, request| {
        if request.line().contains("continuation-token") {
            Fault::Answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_owned())
        } else {
            Fault::None
        }
    });
    let at = server.home().with("AWS_ENDPOINT_URL", &proxy.url);
    write(&at, "kept/file", "x");
    let words = [
        "sync",
        "s3://synced",
        "kept",
        "--delete",
        "--page-size",
        "2",
    ];
    let run = keyfob(&at, &words);
    assert_eq!(run.code, 1);
    assert_has(&run.stderr, &["fatal error: An error occurred (403)"]);
    assert!(at.path().join("kept/file").exists());
    // A list that is in another order cannot be compared.
    let proxy = FaultProxy::start(&server.url, |_, request| {
        if !request.line().contains("list-type") {
            return Fault::None;
        }
        let entry = |key: &str| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>");
        let body = format!(
            "<ListBucketResult>{}{}</ListBucketResult>",
            entry("b"),
            entry("a")
        );
        Fault::Answer(format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    });
    let at = server.home().with("AWS_ENDPOINT_URL", &proxy.url);
    write(&at, "kept/file", "x");
    let stderr = keyfob(&at, &["sync", "kept", "s3://synced", "--delete"]).fails(1);
    assert_has(
        &stderr,
        &["the list of objects is not in the order of the keys"],
    );
    assert!(
        proxy
            .requests()
            .iter()
            .all(|request| !request.line().starts_with("POST"))
    );
    // A folder that cannot be read is not one that is empty.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        put(server, "kept", ["f/in", "gone"]);
        write(home, "closed/f/in", "f/in");
        let folder = home.path().join("closed/f");
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o000)).unwrap();
        // Root reads everything.
        if fs::read_dir(&folder).is_err() {
            let run = keyfob(home, &["sync", "closed", "s3://kept", "--delete"]);
            assert_eq!(run.code, 2);
            assert_has(
                &run.stderr,
                &["File/Directory is not readable.", "Nothing is deleted"],
            );
        }
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    }
    // A name that is not UTF-8 may be any key.
    #[cfg(target_os = "linux")]
    {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
        put(server, "kept", ["f/in", "gone"]);
        write(home, "unnamed/x", "x");
        fs::write(
            home.path().join("unnamed").join(OsStr::from_bytes(b"\xff")),
            "x",
        )
        .unwrap();
        let run = keyfob(home, &["sync", "unnamed", "s3://kept", "--delete"]);
        assert_eq!(run.code, 2, "{run:?}");
        assert_has(
            &run.stderr,
            &["warning: Nothing is deleted, because a part of the source is not readable."],
        );
        assert_eq!(run.stdout, "upload: unnamed/x to s3://kept/x\n");
        keyfob(home, &["ls", "s3://kept/gone"]).ok();
    }
}

fn wrong_lines_are_refused(home: &Home) {
    for words in [
        &["sync", "t", "down"][..],
        &["sync", "-", "s3://bucket"],
        &["sync", "s3://bucket", "-"],
        &["sync", "t"],
        &["sync", "t", "s3://bucket", "--recursive"],
    ] {
        assert_eq!(keyfob(home, words).code, 252, "{words:?}");
    }
    let stderr = keyfob(home, &["sync", "none", "s3://bucket"]).fails(255);
    assert_has(&stderr, &["The user-provided path none does not exist."]);
    let theirs = aws(home, &[&["sync", "none", "s3://bucket"]]).remove(0);
    assert_has(
        &theirs.stderr,
        &["The user-provided path none does not exist."],
    );
}

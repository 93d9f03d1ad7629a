use std::{
    fs::{self, File},
    io::Write as _,
};

use super::{
    aws,
    cp::{bytes, same_plans, tree, write},
    fault_proxy::{Fault, FaultProxy},
    home, keyfob, lines, put, server,
};
use crate::{
    keyfob::{Home, assert_has},
    servers::Server,
};

#[test]
fn files_and_objects_are_moved_as_by_aws() {
    let server = server();
    let home = home(&server);
    the_same_is_planned(&home);
    what_is_moved_is_gone_from_where_it_was(&server, &home);
    nothing_is_moved_onto_itself(&home);
    what_is_not_copied_stays(&server, &home);
}

fn the_same_is_planned(home: &Home) {
    for name in ["t/a.txt", "t/b/c.rs", "one"] {
        write(home, name, name);
    }
    same_plans(
        home,
        &[
            &["mv", "one", "s3://bucket"],
            &[
                "mv",
                "t",
                "s3://bucket/x",
                "--recursive",
                "--exclude",
                "*.rs",
            ],
            &["mv", "s3://keys/plain.txt", "t"],
            &["mv", "s3://keys/dir", "t", "--recursive"],
            &["mv", "s3://keys/plain.txt", "s3://keys/other"],
            &[
                "mv",
                "s3://keys/dir",
                "s3://bucket",
                "--recursive",
                "--include",
                "*",
            ],
        ],
    );
    assert_eq!(tree(&home.path().join("t")).len(), 2);
}

fn what_is_moved_is_gone_from_where_it_was(server: &Server, home: &Home) {
    let count = |uri: &str| {
        let listed = keyfob(home, &["ls", uri, "--recursive"]);
        listed.stdout.lines().count()
    };
    let out = keyfob(home, &["mv", "one", "s3://bucket/m/one"]).ok();
    assert_eq!(out, "move: ./one to s3://bucket/m/one\n");
    assert!(!home.path().join("one").exists());
    let out = keyfob(home, &["mv", "s3://bucket/m/one", "s3://bucket/m/two"]).ok();
    assert_eq!(out, "move: s3://bucket/m/one to s3://bucket/m/two\n");
    let out = keyfob(home, &["mv", "s3://bucket/m/two", "back"]).ok();
    assert_eq!(out, "move: s3://bucket/m/two to ./back\n");
    assert_eq!(fs::read(home.path().join("back")).unwrap(), b"one");
    assert_eq!(count("s3://bucket"), 0);
    // Whole trees, beside aws.
    for name in ["ours", "theirs"] {
        for file in ["a", "b/c", "b/d e"] {
            write(home, &format!("{name}/{file}"), file);
        }
        put(server, &format!("from-{name}"), ["p/x", "p/y/z", "q"]);
    }
    let moves = |name: &str| -> Vec<Vec<String>> {
        let up = [name.to_owned(), format!("s3://from-{name}/up")];
        let over = [
            format!("s3://from-{name}/up"),
            format!("s3://from-{name}/over"),
        ];
        let down = [format!("s3://from-{name}/"), format!("{name}-down")];
        [up, over, down]
            .map(|[from, to]| vec!["mv".to_owned(), from, to, "--recursive".to_owned()])
            .to_vec()
    };
    let of_theirs = moves("theirs");
    let words: Vec<Vec<&str>> = of_theirs
        .iter()
        .map(|it| it.iter().map(String::as_str).collect())
        .collect();
    let words: Vec<&[&str]> = words.iter().map(Vec::as_slice).collect();
    for (theirs, words) in aws(home, &words).into_iter().zip(moves("ours")) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ours = keyfob(home, &words);
        assert_eq!((ours.code, theirs.code), (0, 0), "{ours:?} {theirs:?}");
        let theirs = theirs.stdout.replace("theirs", "ours");
        assert_eq!(lines(&ours.stdout), lines(&theirs), "{words:?}");
        assert!(!ours.stdout.is_empty());
    }
    for name in ["ours", "theirs"] {
        assert_eq!(tree(&home.path().join(name)).len(), 0);
        assert_eq!(count(&format!("s3://from-{name}")), 0);
        let down = tree(&home.path().join(format!("{name}-down")));
        assert_eq!(down.len(), 6, "{down:?}");
        assert_eq!(down["over/b/c"].1, b"b/c");
    }
}

fn nothing_is_moved_onto_itself(home: &Home) {
    for words in [
        &["mv", "s3://keys/plain.txt", "s3://keys/plain.txt"][..],
        &["mv", "s3://keys/plain.txt", "s3://keys/"],
        &["mv", "s3://keys/plain.txt", "s3://keys"],
        &["mv", "s3://keys/dir", "s3://keys/dir", "--recursive"],
        // Version 1 would delete these.
        &["mv", "s3://keys/dir/", "s3://keys/dir", "--recursive"],
        &["mv", "s3://keys", "s3://keys/", "--recursive"],
    ] {
        let stderr = keyfob(home, words).fails(252);
        let text = format!("Cannot mv a file onto itself: {} - {}", words[1], words[2]);
        assert_has(&stderr, &[&text]);
    }
    let words: &[&str] = &["mv", "s3://keys/plain.txt", "s3://keys/plain.txt"];
    let theirs = aws(home, &[words]).remove(0);
    assert_has(
        &theirs.stderr,
        &["Cannot mv a file onto itself: s3://keys/plain.txt - s3://keys/plain.txt"],
    );
    keyfob(home, &["ls", "s3://keys/plain.txt"]).ok();
    for words in [
        &["mv", "-", "s3://keys/x"][..],
        &["mv", "s3://keys/plain.txt", "-"],
        &["mv", "a", "b"],
    ] {
        assert_eq!(keyfob(home, words).code, 252, "{words:?}");
    }
}

fn what_is_not_copied_stays(server: &Server, home: &Home) {
    let refused = |method: &'static str| {
        FaultProxy::start(&server.url, move |_, request| {
            if !request.head.starts_with(method) {
                return Fault::None;
            }
            let body = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
            Fault::Answer(format!(
                "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ))
        })
    };
    let no_put = refused("PUT");
    let at = server.home().with("AWS_ENDPOINT_URL", &no_put.url);
    write(&at, "stays", bytes(10));
    let stderr = keyfob(&at, &["mv", "stays", "s3://bucket/stays"]).fails(1);
    assert_has(
        &stderr,
        &[
            "move failed: ./stays to s3://bucket/stays An error occurred (AccessDenied) when calling the PutObject operation: no",
        ],
    );
    assert!(at.path().join("stays").exists());
    // What was written to a file while it was uploaded is nowhere else.
    let at = server.home();
    write(&at, "grows", bytes(10));
    let grows = at.path().join("grows");
    let grown = FaultProxy::start(&server.url, move |_, _| {
        let file = File::options().append(true).open(&grows).unwrap();
        (&file).write_all(b"more").unwrap();
        Fault::None
    });
    let at = at.with("AWS_ENDPOINT_URL", &grown.url);
    let stderr = keyfob(&at, &["mv", "grows", "s3://bucket/grows"]).fails(1);
    assert_has(
        &stderr,
        &["has changed while it was uploaded, and is not deleted"],
    );
    assert_eq!(fs::read(at.path().join("grows")).unwrap().len(), 14);
    // Copied, but not deleted: that is told.
    let no_delete = refused("DELETE");
    let at = server.home().with("AWS_ENDPOINT_URL", &no_delete.url);
    let stderr = keyfob(&at, &["mv", "s3://keys/plain.txt", "copied"]).fails(1);
    assert_has(
        &stderr,
        &[
            "move failed: s3://keys/plain.txt to ./copied ",
            "DeleteObject operation: no",
        ],
    );
    assert!(at.path().join("copied").exists());
    keyfob(home, &["ls", "s3://keys/plain.txt"]).ok();
}

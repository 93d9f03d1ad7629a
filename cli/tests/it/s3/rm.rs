use std::collections::BTreeSet;

use super::{
    AWKWARD, aws,
    fault_proxy::{Fault, FaultProxy},
    home, keyfob, lines, put, server,
};
use crate::{
    keyfob::{Home, assert_has},
    servers::Server,
};

/// One test, because each would start a server of its own.
#[test]
fn objects_and_buckets_are_made_and_deleted_as_by_aws() {
    let server = server();
    let home = home(&server);
    dry_runs_name_what_aws_names(&home);
    objects_are_deleted(&server, &home);
    several_are_deleted_with_one_request(&server, &home);
    buckets_are_made_and_removed(&server, &home);
    wrong_lines_are_refused(&home);
}

fn dry_runs_name_what_aws_names(home: &Home) {
    let all: &[&str] = &["rm", "s3://keys", "--recursive", "--dryrun"];
    let with = |more: &[&'static str]| -> Vec<&str> { [all, more].concat() };
    let filtered = [
        with(&["--exclude", "*", "--include", "*.txt"]),
        with(&["--include", "*.txt", "--exclude", "*"]),
        with(&["--exclude", "dir/*", "--include", "dir/o?e"]),
        with(&["--exclude", "[a-d]*"]),
        with(&["--exclude", "[!a-d]*"]),
        with(&["--exclude", "/*"]),
        with(&["--exclude", "*two words"]),
        with(&["--exclude", "\u{fc}*", "--page-size", "2"]),
    ];
    let mut words: Vec<&[&str]> = vec![
        all,
        &["rm", "s3://keys/", "--recursive", "--dryrun"],
        &["rm", "s3://keys/dir", "--recursive", "--dryrun"],
        &[
            "rm",
            "s3://keys/dir/",
            "--recursive",
            "--dryrun",
            "--exclude",
            "sub/*",
        ],
        &["rm", "s3://keys/di", "--recursive", "--dryrun"],
        &["rm", "s3://keys/a b.txt", "--dryrun"],
        &["rm", "s3://keys/a b.txt", "--dryrun", "--exclude", "*.txt"],
        &["rm", "s3://keys/dir/one", "--dryrun", "--exclude", "one"],
        &["rm", "s3://keys/none", "--dryrun"],
        &["rm", "s3://keys/dir/one", "--dryrun", "--quiet"],
        &["rm", "s3://keys/dir/one", "--dryrun", "--only-show-errors"],
    ];
    words.extend(filtered.iter().map(Vec::as_slice));
    for (theirs, words) in aws(home, &words).into_iter().zip(&words) {
        let ours = keyfob(home, words);
        assert_eq!(
            (ours.code, theirs.code),
            (0, 0),
            "{words:?} {ours:?} {theirs:?}"
        );
        assert_eq!(lines(&ours.stdout), lines(&theirs.stdout), "{words:?}");
    }
    let listed = keyfob(home, &["ls", "s3://keys", "--recursive"]).ok();
    assert_eq!(listed.lines().count(), AWKWARD.len());
}

fn objects_are_deleted(server: &Server, home: &Home) {
    for key in AWKWARD {
        let uri = format!("s3://keys/{key}");
        let out = keyfob(home, &["rm", &uri]).ok();
        assert_eq!(out, format!("delete: {uri}\n"));
    }
    assert_eq!(keyfob(home, &["ls", "s3://keys", "--recursive"]).ok(), "");
    // A wildcard is none here.
    put(server, "keys", ["a.gz", "*.gz"]);
    let run = keyfob(home, &["rm", "s3://keys/*.gz"]);
    assert_has(
        &run.stderr,
        &["warning: * and ?", "--recursive --exclude '*' --include"],
    );
    assert_eq!(run.ok(), "delete: s3://keys/*.gz\n");
    let out = keyfob(
        home,
        &[
            "rm",
            "s3://keys/",
            "--recursive",
            "--exclude",
            "*",
            "--include",
            "*.gz",
        ],
    );
    assert_eq!(out.ok(), "delete: s3://keys/a.gz\n");
    // An object that does not exist is deleted, too.
    let out = keyfob(home, &["rm", "s3://keys/none"]).ok();
    assert_eq!(out, "delete: s3://keys/none\n");
    put(server, "keys", AWKWARD);
    let run = keyfob(home, &["rm", "s3://keys"]);
    assert_has(&run.stderr, &["note: nothing is deleted"]);
    assert_eq!(run.ok(), "");
    let out = keyfob(
        home,
        &["rm", "s3://keys", "--recursive", "--exclude", "dir/*"],
    )
    .ok();
    let rest = |key: &&&str| !key.starts_with("dir/");
    let expected: BTreeSet<String> = AWKWARD
        .iter()
        .filter(rest)
        .map(|key| format!("delete: s3://keys/{key}"))
        .collect();
    assert_eq!(lines(&out), expected);
    let run = keyfob(
        home,
        &["rm", "s3://keys/dir", "--recursive", "--json-lines"],
    );
    let out = run.ok();
    assert_has(
        &out,
        &["{\"Operation\":\"delete\",\"Source\":\"s3://keys/dir//double\"}\n"],
    );
    assert_eq!(keyfob(home, &["ls", "s3://keys", "--recursive"]).ok(), "");
    for (words, text) in [
        (
            &["rm", "s3://none-of-these", "--recursive"][..],
            "fatal error: An error occurred (NoSuchBucket) when calling the ListObjectsV2 operation: ",
        ),
        (
            &["rm", "s3://none-of-these/k"],
            "delete failed: s3://none-of-these/k An error occurred (NoSuchBucket) when calling the \
             DeleteObject operation: ",
        ),
    ] {
        let theirs = aws(home, &[words]).remove(0);
        let stderr = keyfob(home, words).fails(1);
        assert_eq!((stderr.as_str(), theirs.code), (theirs.stderr.as_str(), 1));
        assert_has(&stderr, &[text]);
        let quiet = [words, &["--quiet"]].concat();
        assert_eq!(keyfob(home, &quiet).fails(1), "");
    }
}

fn several_are_deleted_with_one_request(server: &Server, home: &Home) {
    let many: Vec<String> = (0..2500).map(|n| format!("k/{n:04}")).collect();
    put(server, "many", many.iter().map(String::as_str));
    let deletes = |proxy: &FaultProxy| {
        let requests = proxy.requests();
        let posts = requests
            .iter()
            .filter(|it| it.line().starts_with("POST /many?delete"));
        let singles = requests
            .iter()
            .filter(|it| it.line().starts_with("DELETE "));
        (posts.count(), singles.count())
    };
    let rm = |proxy: &FaultProxy| {
        let home = server.home().with("AWS_ENDPOINT_URL", &proxy.url);
        keyfob(&home, &["rm", "s3://many", "--recursive"])
    };
    let proxy = FaultProxy::start(&server.url, |_, _| Fault::None);
    let expected: String = many
        .iter()
        .map(|key| format!("delete: s3://many/{key}\n"))
        .collect();
    assert_eq!(rm(&proxy).ok(), expected);
    assert_eq!(deletes(&proxy), (3, 0));
    // A server without this operation.
    put(server, "many", ["a", "b", "c"]);
    let proxy = FaultProxy::start(&server.url, |_, request| {
        if !request.line().starts_with("POST") {
            return Fault::None;
        }
        let body = "<Error><Code>NotImplemented</Code></Error>";
        Fault::Answer(format!(
            "HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    });
    let out = rm(&proxy).ok();
    assert_eq!(
        out,
        "delete: s3://many/a\ndelete: s3://many/b\ndelete: s3://many/c\n"
    );
    assert_eq!(deletes(&proxy).1, 3);
    // Errors of some in an answer of success. The second may pass, and is deleted alone.
    put(server, "many", ["a", "b", "c"]);
    let proxy = FaultProxy::start(&server.url, |_, request| {
        if !request.line().starts_with("POST") {
            return Fault::None;
        }
        let body = "<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code>\
                    <Message>Access Denied</Message></Error><Error><Key>b</Key>\
                    <Code>InternalError</Code><Message>later</Message></Error></DeleteResult>";
        Fault::Answer(format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    });
    let run = rm(&proxy);
    assert_eq!(run.code, 1);
    assert_eq!(run.stdout, "delete: s3://many/b\ndelete: s3://many/c\n");
    assert_eq!(
        run.stderr,
        "delete failed: s3://many/a An error occurred (AccessDenied) when calling the DeleteObject \
         operation: Access Denied\n"
    );
    assert_eq!(deletes(&proxy), (1, 1));
    keyfob(home, &["rb", "s3://many", "--force"]).ok();
}

fn buckets_are_made_and_removed(server: &Server, home: &Home) {
    let out = keyfob(home, &["mb", "s3://made"]).ok();
    assert_eq!(out, "make_bucket: made\n");
    put(server, "made", ["k", "l/m"]);
    let rb: &[&str] = &["rb", "s3://made"];
    let theirs = aws(home, &[rb]).remove(0);
    let stderr = keyfob(home, rb).fails(1);
    assert_eq!((stderr.as_str(), theirs.code), (theirs.stderr.as_str(), 1));
    assert_has(
        &stderr,
        &["remove_bucket failed: s3://made An error occurred (BucketNotEmpty)"],
    );
    let out = keyfob(home, &["rb", "s3://made", "--force"]).ok();
    let expected = "delete: s3://made/k\ndelete: s3://made/l/m\nremove_bucket: made\n";
    assert_eq!(out, expected);
    let none: &[&str] = &["rb", "s3://made"];
    let theirs = aws(home, &[none]).remove(0);
    assert_eq!(keyfob(home, none).fails(1), theirs.stderr);
    let stderr = keyfob(home, &["rb", "s3://made", "--force"]).fails(255);
    assert_has(&stderr, &["fatal error: ", "bucket will not be deleted."]);
    // The region is in the body, but for the one that is S3's default.
    let proxy = FaultProxy::start(&server.url, |_, _| Fault::None);
    let through = server.home().with("AWS_ENDPOINT_URL", &proxy.url);
    keyfob(&through, &["mb", "s3://near"]).ok();
    keyfob(&through, &["mb", "s3://far", "--region", "eu-west-1"]).ok();
    let tags = ["--tags", "team", "a&b", "--tags", "stage", ""];
    keyfob(&through, &[&["mb", "s3://tagged"], &tags[..]].concat()).ok();
    let bodies: Vec<String> = proxy
        .requests()
        .iter()
        .map(|request| String::from_utf8(request.body.clone()).unwrap())
        .collect();
    assert_eq!(bodies[0], "");
    assert_has(
        &bodies[1],
        &["<LocationConstraint>eu-west-1</LocationConstraint>"],
    );
    assert!(
        bodies[2].ends_with(
            "><Tags><Tag><Key>team</Key><Value>a&amp;b</Value></Tag>\
             <Tag><Key>stage</Key><Value></Value></Tag></Tags></CreateBucketConfiguration>"
        ),
        "{}",
        bodies[2]
    );
    let proxy = FaultProxy::start(&server.url, |_, _| {
        let body = "<Error><Code>BucketAlreadyExists</Code><Message>no</Message></Error>";
        Fault::Answer(format!(
            "HTTP/1.1 409 Conflict\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    });
    let through = server.home().with("AWS_ENDPOINT_URL", &proxy.url);
    let stderr = keyfob(&through, &["mb", "s3://near"]).fails(1);
    assert_eq!(
        stderr,
        "make_bucket failed: s3://near An error occurred (BucketAlreadyExists) when calling the \
         CreateBucket operation: no\n"
    );
}

fn wrong_lines_are_refused(home: &Home) {
    for words in [
        &["mb", "bucket"][..],
        &["rb", "bucket"],
        &["rm", "bucket/k"],
        &["mb"],
        &["rb", "s3://bucket/k"],
        &["rm", "s3://b--usw2-az1--x-s3/k"],
    ] {
        keyfob(home, words).fails(252);
    }
}

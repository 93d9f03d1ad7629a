use super::{AWKWARD, aws, home, keyfob, put, same, server};
use crate::{
    keyfob::{Home, assert_has, assert_lacks},
    servers::Server,
};

/// One test, because each would start a server of its own.
#[test]
fn lists_are_those_of_aws() {
    let server = server();
    let home = home(&server);
    let lines = [
        &["ls"][..],
        &["ls", "s3://"],
        &["ls", "s3://keys"],
        &["ls", "s3://keys/"],
        &["ls", "keys"],
        &["ls", "s3://keys", "--recursive"],
        &["ls", "s3://keys", "--recursive", "--page-size", "3"],
        &["ls", "s3://keys/dir"],
        &["ls", "s3://keys/dir/"],
        &["ls", "s3://keys/dir//"],
        &["ls", "s3://keys/dir/t"],
        &["ls", "s3://keys//"],
        &["ls", "s3://keys/../"],
        &["ls", "s3://keys/a b"],
        &["ls", "s3://keys/a+"],
        &["ls", "s3://keys/%41"],
        &["ls", "s3://keys/\u{fc}"],
        &["ls", "s3://keys", "--human-readable", "--summarize"],
        &[
            "ls",
            "s3://keys",
            "--summarize",
            "--recursive",
            "--request-payer",
        ],
        &["ls", "s3://keys", "--request-payer", "requester"],
        &["ls", "s3://bucket"],
        &["ls", "s3://bucket", "--summarize"],
        &["ls", "--summarize"],
    ];
    same(&home, &lines, 0);
    let none = ["ls", "s3://keys/none"];
    let no_summary = ["ls", "s3://bucket/none", "--recursive", "--summarize"];
    same(&home, &[&none, &no_summary], 1);
    refusals_are_those_of_version_2(&home);
    wildcards_stand_for_other_characters_if_no_key_has_them(&server, &home);
    lines_are_json(&home);
    put(
        &server,
        "many",
        (0..3000).map(|n| &*format!("k/{n:04}").leak()),
    );
    let lines = [
        &["ls", "s3://many/k/", "--summarize"][..],
        &["ls", "s3://many", "--recursive"],
        &["ls", "s3://many", "--recursive", "--page-size", "700"],
    ];
    for run in same(&home, &lines, 0) {
        assert!(run.stdout.lines().count() >= 3000, "{run:?}");
    }
}

fn refusals_are_those_of_version_2(home: &Home) {
    let words = ["ls", "s3://none-of-these"];
    let theirs = aws(home, &[&words]).remove(0).stderr;
    let theirs = theirs.trim().trim_start_matches("aws: [ERROR]: ");
    let stderr = keyfob(home, &words).fails(254);
    assert_has(
        &stderr,
        &[
            theirs,
            "(NoSuchBucket) when calling the ListObjectsV2 operation",
        ],
    );
    for words in [
        &["ls", "s3://a?b/c"][..],
        &["ls", "s3://b--usw2-az1--x-s3/"],
        &["ls", "s3://keys", "--request-payer", "owner"],
        &["ls", "s3://keys", "--page-size", "-1"],
    ] {
        keyfob(home, words).fails(252);
    }
    keyfob(home, &["ls", "s3://keys", "--page-size", "many"]).fails(255);
}

fn wildcards_stand_for_other_characters_if_no_key_has_them(server: &Server, home: &Home) {
    for (uri, key) in [
        ("s3://keys/d*/on?", "dir/one"),
        ("s3://keys/*one", "dir/one"),
    ] {
        let out = keyfob(home, &["ls", uri, "--json-lines", "--summarize"]).ok();
        assert_has(&out, &[&format!("{{\"Key\":\"{key}\",")]);
        assert_has(&out, &["{\"TotalObjects\":1,"]);
    }
    assert_eq!(keyfob(home, &["ls", "s3://keys/*.none"]).fails(1), "");
    // A bracket is none.
    put(server, "brackets", ["a[1].gz", "a1.gz"]);
    let out = keyfob(home, &["ls", "s3://brackets/a[1]*", "--json-lines"]).ok();
    assert_has(&out, &["{\"Key\":\"a[1].gz\","]);
    let out = keyfob(home, &["cp", "s3://brackets/a[1]*", "got"]).ok();
    assert_eq!(out, "download: s3://brackets/a[1].gz to got/a[1].gz\n");
}

fn lines_are_json(home: &Home) {
    let run = keyfob(
        home,
        &[
            "ls",
            "s3://keys",
            "--recursive",
            "--json-lines",
            "--summarize",
        ],
    );
    let lines: Vec<serde_json::Value> = run
        .ok()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut keys: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["Key"].as_str())
        .collect();
    let mut expected = AWKWARD;
    keys.sort_unstable();
    expected.sort_unstable();
    assert_eq!(keys, expected);
    let size: usize = AWKWARD.iter().map(|key| key.len()).sum();
    assert_eq!(lines.last().unwrap()["TotalSize"], size);
    let run = keyfob(home, &["ls", "s3://keys/dir/", "--json-lines"]).ok();
    assert_has(
        &run,
        &[
            "{\"Prefix\":\"dir//\"}\n",
            "\"Key\":\"dir/one\",\"Size\":7,",
        ],
    );
    let buckets = keyfob(home, &["ls", "--json-lines"]).ok();
    assert_has(&buckets, &["{\"Name\":\"bucket\",\"CreationDate\":\""]);
    assert_lacks(&buckets, &["Total"]);
}

use std::fs;

use super::{
    cp::{MIB, bytes, through, tree, write},
    fault_proxy::{Fault, FaultProxy, Request},
    home, keyfob, put, server,
};
use crate::{
    keyfob::{Home, assert_has},
    servers::Server,
};

#[test]
fn what_is_copied_and_how_follows_the_options_and_the_settings() {
    let server = server();
    nothing_is_overwritten(&server);
    only_what_has_changed_is_copied(&server);
    wildcards_stand_for_keys(&server);
    names_that_differ_by_case_are_told(&server);
    settings_divide_objects(&server);
    requests_are_as_many_as_is_allowed(&server);
    copies_in_parts_keep_what_belongs_to_the_object(&server);
    uploads_have_tags(&server);
    what_is_empty_has_a_length(&server);
    copies_are_not_copied_again(&server);
    a_file_is_no_folder_and_a_wildcard_no_prefix(&server);
    headers_that_cannot_be_are_refused(&server);
    each_part_has_the_key_of_the_user(&server);
    the_region_of_the_source_is_not_asked_for(&server);
    the_requester_pays_for_all_requests(&server);
}

/// Returns the requests that change something, or have an object.
fn transfers(proxy: &FaultProxy) -> Vec<String> {
    let requests = proxy.requests().into_iter();
    let lines = requests.map(|request| request.line().to_owned());
    lines
        .filter(|line| !line.starts_with("HEAD") && !line.contains("list-type"))
        .collect()
}

fn content(home: &Home, uri: &str) -> String {
    keyfob(home, &["cp", uri, "-"]).ok()
}

fn nothing_is_overwritten(server: &Server) {
    let (home, proxy) = through(server, |_, _| Fault::None);
    write(&home, "t/a", "old");
    keyfob(&home, &["cp", "t/a", "s3://bucket/no/a"]).ok();
    write(&home, "t/a", "new");
    write(&home, "t/b", "b");
    let words = ["cp", "t", "s3://bucket/no", "--recursive", "--no-overwrite"];
    let out = keyfob(&home, &words).ok();
    assert_eq!(out, "upload: t/b to s3://bucket/no/b\n");
    assert_eq!(content(&home, "s3://bucket/no/a"), "old");
    let conditions = proxy.requests();
    let conditions = conditions
        .iter()
        .filter(|request| request.line().starts_with("PUT"));
    let conditions: Vec<_> = conditions
        .map(|request| request.header("if-none-match"))
        .collect();
    assert_eq!(conditions, [None, Some("*"), Some("*")]);
    // The source of a move that is not made stays.
    let out = keyfob(&home, &["mv", "t/a", "s3://bucket/no/a", "--no-overwrite"]).ok();
    assert_eq!(out, "");
    assert_eq!(fs::read(home.path().join("t/a")).unwrap(), b"new");
    // The parts of a large one are not sent for nothing.
    write(&home, "large", bytes(9 * MIB));
    let words = ["cp", "large", "s3://bucket/no/a", "--no-overwrite"];
    let before = transfers(&proxy).len();
    assert_eq!(keyfob(&home, &words).ok(), "");
    assert_eq!(transfers(&proxy).len(), before);
    keyfob(
        &home,
        &["cp", "large", "s3://bucket/no/large", "--no-overwrite"],
    )
    .ok();
    let last = proxy.requests().pop().unwrap();
    assert!(last.line().starts_with("POST"), "{}", last.line());
    assert_eq!(last.header("if-none-match"), Some("*"));
    // Downloads and copies.
    let out = keyfob(&home, &["cp", "s3://bucket/no/a", "t/a", "--no-overwrite"]).ok();
    assert_eq!(
        (out.as_str(), fs::read(home.path().join("t/a")).unwrap()),
        ("", b"new".to_vec())
    );
    keyfob(&home, &["cp", "s3://bucket/no/a", "t/c", "--no-overwrite"]).ok();
    assert_eq!(fs::read(home.path().join("t/c")).unwrap(), b"old");
    let copy = [
        "cp",
        "s3://bucket/no/b",
        "s3://bucket/no/a",
        "--no-overwrite",
    ];
    assert_eq!(keyfob(&home, &copy).ok(), "");
    assert_eq!(content(&home, "s3://bucket/no/a"), "old");
    let out = keyfob(&home, &["sync", "t", "s3://bucket/no", "--no-overwrite"]).ok();
    assert_eq!(out, "upload: t/c to s3://bucket/no/c\n");
}

/// Creates objects without a checksum: one, and one in parts of 8 MiB.
fn put_without_checksums(server: &Server, home: &Home) {
    let script = r#"
import boto3, sys
from botocore.config import Config
from boto3.s3.transfer import TransferConfig
url, id, secret, folder = sys.argv[1:]
config = Config(request_checksum_calculation="when_required")
s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1",
                  aws_access_key_id=id, aws_secret_access_key=secret, config=config)
sizes = TransferConfig(multipart_chunksize=8 << 20, multipart_threshold=8 << 20)
for name in "plain", "parts":
    s3.upload_file(folder + "/" + name, "bucket", "same/" + name, Config=sizes)
"#;
    let folder = home.path().join("same");
    let words = [&server.key_id, &server.secret, folder.to_str().unwrap()];
    server.python(script, &words).ok();
}

fn only_what_has_changed_is_copied(server: &Server) {
    let (home, proxy) = through(server, |_, _| Fault::None);
    write(&home, "same/plain", "plain");
    write(&home, "same/parts", bytes(9 * MIB));
    put_without_checksums(server, &home);
    write(&home, "same/sum", "sum");
    keyfob(&home, &["cp", "same/sum", "s3://bucket/same/sum"]).ok();
    let before = transfers(&proxy).len();
    // Newer times are no change.
    let [up, down, copy] = [
        ["sync", "same", "s3://bucket/same", "--if-changed"],
        ["sync", "s3://bucket/same", "same", "--if-changed"],
        [
            "sync",
            "s3://bucket/same",
            "s3://bucket/twin",
            "--if-changed",
        ],
    ];
    assert_eq!(keyfob(&home, &up).ok(), "");
    assert_eq!(keyfob(&home, &down).ok(), "");
    assert_eq!(transfers(&proxy).len(), before);
    assert_eq!(keyfob(&home, &copy).ok().lines().count(), 3);
    assert_eq!(keyfob(&home, &copy).ok(), "");
    // The size is the same, and the times say nothing.
    for name in ["plain", "parts", "sum"] {
        let path = home.path().join("same").join(name);
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let mut content = fs::read(&path).unwrap();
        content[0] ^= 1;
        fs::write(&path, content).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
    }
    assert_eq!(keyfob(&home, &up).ok().lines().count(), 3);
    assert_eq!(keyfob(&home, &up).ok(), "");
    assert_eq!(keyfob(&home, &copy).ok().lines().count(), 3);
    write(&home, "same/plain", "other");
    let words = ["cp", "s3://bucket/same/plain", "same/plain", "--if-changed"];
    assert_eq!(keyfob(&home, &words).ok().lines().count(), 1);
    assert_eq!(keyfob(&home, &words).ok(), "");
    let both = [&words[..], &["--no-overwrite"]].concat();
    assert_eq!(keyfob(&home, &both).code, 252);
    for words in [
        ["cp", "-", "s3://bucket/x", "--if-changed"],
        ["cp", "s3://bucket/same/plain", "-", "--if-changed"],
        ["cp", "s3://bucket/same/plain", "-", "--no-overwrite"],
    ] {
        assert_has(&keyfob(&home, &words).fails(252), &[words[3]]);
    }
}

fn wildcards_stand_for_keys(server: &Server) {
    let home = home(server);
    let keys = [
        "l/2026-1.gz",
        "l/2026-2.gz",
        "l/d/2026-3.gz",
        "l/2026-4.txt",
        "l/2025-1.gz",
        "l/*.x",
    ];
    put(server, "wild", keys);
    keyfob(&home, &["cp", "s3://wild/l/2026-*.gz", "out"]).ok();
    let names: Vec<String> = tree(&home.path().join("out")).into_keys().collect();
    assert_eq!(names, ["2026-1.gz", "2026-2.gz"]);
    keyfob(
        &home,
        &["cp", "s3://wild/l/*.gz", "all", "--exclude", "2025*"],
    )
    .ok();
    let names: Vec<String> = tree(&home.path().join("all")).into_keys().collect();
    assert_eq!(names, ["2026-1.gz", "2026-2.gz", "d/2026-3.gz"]);
    // An object with that very key comes first, as in `aws`.
    let out = keyfob(&home, &["cp", "s3://wild/l/*.x", "one"]).ok();
    assert_eq!(out, "download: s3://wild/l/*.x to ./one\n");
    let stderr = keyfob(&home, &["cp", "s3://wild/l/*.zip", "none"]).fails(1);
    assert_eq!(
        stderr,
        "fatal error: An error occurred (404) when calling the HeadObject operation: Key \
         \"l/*.zip\" does not exist\n"
    );
    assert!(!home.path().join("none").exists());
    let out = keyfob(&home, &["cp", "s3://wild/l/202?-1.gz", ".", "--dryrun"]).ok();
    assert_eq!(out.lines().count(), 2);
    assert_has(
        &out,
        &["(dryrun) download: s3://wild/l/2025-1.gz to ./2025-1.gz\n"],
    );
    // What was moved already does not match again.
    let out = keyfob(&home, &["mv", "s3://wild/l/*.gz", "s3://wild/l/new/"]).ok();
    assert_eq!(out.lines().count(), 4, "{out}");
    let out = keyfob(&home, &["ls", "s3://wild/l/new", "--recursive"]).ok();
    assert_has(&out, &["l/new/2026-1.gz\n", "l/new/d/2026-3.gz\n"]);
    assert_eq!(
        keyfob(&home, &["mv", "s3://wild/l/*.gz", "s3://wild/l/new/"]).code,
        1
    );
    // The target may be above.
    let out = keyfob(&home, &["cp", "s3://wild/l/new/*-1.gz", "s3://wild"]).ok();
    assert_has(
        &out,
        &["copy: s3://wild/l/new/2025-1.gz to s3://wild/2025-1.gz\n"],
    );
}

fn names_that_differ_by_case_are_told(server: &Server) {
    let home = home(server);
    put(server, "cases", ["d/A", "d/a", "d/b"]);
    let run = |words: &[&str], rest: &[&str]| {
        let run = keyfob(&home, &[words, rest].concat());
        (run.code, run.stdout.lines().count(), run.stderr)
    };
    let cp = ["cp", "s3://cases", "cases", "--recursive"];
    let warning = "warning: Downloading s3://cases/d/a, although a file whose name differs only by \
                   case is there, or is downloaded, too: where the file system does not tell them \
                   apart, only one stays.\n";
    assert_eq!(run(&cp, &[]), (0, 3, warning.to_owned()));
    let silent = (0, 3, String::new());
    assert_eq!(run(&cp, &["--case-conflict", "ignore"]), silent);
    assert_eq!(run(&cp, &["--quiet"]), (0, 0, String::new()));
    let skipped = "warning: Skipping file s3://cases/d/a: a file whose name differs only by case is \
                   there, or is downloaded, too.\n";
    for words in [&cp[..], &["sync", "s3://cases", "new"]] {
        let skips = run(words, &["--case-conflict", "skip"]);
        assert_eq!(skips, (0, 2, skipped.to_owned()), "{words:?}");
    }
    let (code, _, stderr) = run(&cp, &["--case-conflict", "error"]);
    assert_eq!(code, 1);
    assert_eq!(
        stderr,
        "fatal error: Failed to download s3://cases/d/a: a file whose name differs only by case \
         is there, or is downloaded, too\n"
    );
    // One download has no other one, and neither have uploads and copies.
    let one = ["cp", "s3://cases/d/a", "cases/d/a"];
    assert_eq!(run(&one, &[]), (0, 1, String::new()));
    let copies = ["cp", "s3://cases/d", "s3://cases/copy", "--recursive"];
    assert_eq!(run(&copies, &["--case-conflict", "error"]), silent);
}

fn with_s3(server: &Server, block: &str) -> (Home, FaultProxy) {
    let (home, proxy) = through(server, |_, _| Fault::None);
    (
        home.with_file("config", &format!("[default]\ns3 =\n{block}")),
        proxy,
    )
}

fn settings_divide_objects(server: &Server) {
    let block = "  multipart_threshold = 6MB\n  multipart_chunksize = 5MiB\n";
    let (home, proxy) = with_s3(server, block);
    let content = bytes(11 * MIB);
    write(&home, "in", &content);
    keyfob(&home, &["cp", "in", "s3://bucket/sizes"]).ok();
    let sizes = proxy
        .requests()
        .into_iter()
        .filter(|it| it.line().contains("partNumber"));
    let mut sizes: Vec<usize> = sizes.map(|request| request.body.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [MIB, 5 * MIB, 5 * MIB]);
    keyfob(&home, &["cp", "s3://bucket/sizes", "out"]).ok();
    assert!(fs::read(home.path().join("out")).unwrap() == content);
    let requests = proxy.requests();
    let ranges = requests
        .iter()
        .filter_map(|request| request.header("range"));
    assert!(
        ranges
            .into_iter()
            .any(|range| range == "bytes=10485760-11534335")
    );
    let (home, proxy) = with_s3(server, "  multipart_threshold = 1GB\n");
    write(&home, "in", &content);
    keyfob(&home, &["cp", "in", "s3://bucket/sizes"]).ok();
    assert_eq!(transfers(&proxy), ["PUT /bucket/sizes"]);
    for (line, text) in [
        (
            "multipart_threshold = big",
            "s3.multipart_threshold is \"big\", which is not a number of bytes, such as 8MB",
        ),
        (
            "multipart_chunksize = 0",
            "s3.multipart_chunksize is \"0\", which is not a number of bytes",
        ),
        (
            "max_concurrent_requests = 0",
            "s3.max_concurrent_requests is \"0\", which is not a whole number of 1 or more",
        ),
    ] {
        let (home, _proxy) = with_s3(server, &format!("  {line}\n"));
        write(&home, "in", "x");
        let stderr = keyfob(&home, &["cp", "in", "s3://bucket/x"]).fails(253);
        assert_has(&stderr, &[text]);
    }
}

fn requests_are_as_many_as_is_allowed(server: &Server) {
    let names: Vec<String> = (0..40).map(|n| format!("{n:02}")).collect();
    let in_order = |home: &Home, proxy: &FaultProxy, words: &[&str]| {
        for name in &names {
            write(home, &format!("jobs/{name}"), name);
        }
        let words = [&["cp", "jobs", "s3://bucket/jobs", "--recursive"], words].concat();
        keyfob(home, &words).ok();
        let expected: Vec<_> = names
            .iter()
            .map(|name| format!("PUT /bucket/jobs/{name}"))
            .collect();
        assert_eq!(transfers(proxy), expected);
    };
    let (home, proxy) = through(server, |_, _| Fault::None);
    in_order(&home, &proxy, &["--jobs", "1"]);
    let (home, proxy) = with_s3(server, "  max_concurrent_requests = 1\n");
    in_order(&home, &proxy, &[]);
    // One request is enough for the parts of a large object in both directions.
    write(&home, "large", bytes(20 * MIB));
    keyfob(&home, &["cp", "large", "s3://bucket/large"]).ok();
    keyfob(&home, &["cp", "s3://bucket/large", "back"]).ok();
    keyfob(&home, &["cp", "s3://bucket/large", "s3://bucket/larger"]).ok();
    assert!(fs::read(home.path().join("back")).unwrap() == bytes(20 * MIB));
    let stderr = keyfob(&home, &["cp", "large", "s3://bucket/l", "--jobs", "0"]).fails(252);
    assert_has(&stderr, &["--jobs"]);
}

fn copies_in_parts_keep_what_belongs_to_the_object(server: &Server) {
    let (home, proxy) = through(server, |_, _| Fault::None);
    let content = bytes(17 * MIB);
    write(&home, "in", &content);
    let metadata = [
        "--metadata",
        "a=b,c=d",
        "--content-type",
        "x/y",
        "--cache-control",
        "no-store",
    ];
    keyfob(
        &home,
        &[&["cp", "in", "s3://bucket/kept"], &metadata[..]].concat(),
    )
    .ok();
    let copy = [
        "cp",
        "s3://bucket/kept",
        "s3://bucket/copied",
        "--acl",
        "private",
    ];
    let out = keyfob(&home, &copy).ok();
    assert_eq!(out, "copy: s3://bucket/kept to s3://bucket/copied\n");
    let requests = proxy.requests();
    let create = requests
        .iter()
        .rfind(|it| it.line().ends_with("?uploads"))
        .unwrap();
    for (name, value) in [
        ("x-amz-meta-a", "b"),
        ("x-amz-meta-c", "d"),
        ("content-type", "x/y"),
        ("cache-control", "no-store"),
        ("x-amz-acl", "private"),
    ] {
        assert_eq!(create.header(name), Some(value), "{name}");
    }
    let ranges = requests
        .iter()
        .filter_map(|it| it.header("x-amz-copy-source-range"));
    let mut ranges: Vec<&str> = ranges.collect();
    ranges.sort_unstable();
    assert_eq!(
        ranges,
        [
            "bytes=0-8388607",
            "bytes=16777216-17825791",
            "bytes=8388608-16777215"
        ]
    );
    keyfob(&home, &["cp", "s3://bucket/copied", "out"]).ok();
    assert!(fs::read(home.path().join("out")).unwrap() == content);
    tags_are_kept(server);
    // Metadata of the arguments replaces that of the source.
    keyfob(
        &home,
        &[
            "cp",
            "s3://bucket/kept",
            "s3://bucket/other",
            "--metadata",
            "e=f",
        ],
    )
    .ok();
    let requests = proxy.requests();
    let create = requests
        .iter()
        .rfind(|it| it.line().ends_with("?uploads"))
        .unwrap();
    assert_eq!(create.header("x-amz-meta-e"), Some("f"));
    assert_eq!(create.header("x-amz-meta-a"), None);
    // What fails leaves no parts.
    let (faulty, proxy) = through(server, |_, request| {
        if request.line().contains("partNumber=2") {
            let body = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
            return Fault::Answer(format!(
                "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ));
        }
        Fault::None
    });
    let stderr = keyfob(&faulty, &["cp", "s3://bucket/kept", "s3://bucket/never"]).fails(1);
    assert_eq!(
        stderr,
        "copy failed: s3://bucket/kept to s3://bucket/never An error occurred (AccessDenied) when \
         calling the UploadPartCopy operation: no\n\
         hint: the credentials come from environment variables (AWS_ACCESS_KEY_ID, \
         AWS_SECRET_ACCESS_KEY)\n"
    );
    // What was on its way may come after it.
    let requests = proxy.requests();
    let mut lines = requests.iter().map(Request::line);
    assert!(lines.any(|line| line.starts_with("DELETE /bucket/never?uploadId=")));
    let stderr = keyfob(&home, &["cp", "s3://bucket/nothing", "s3://bucket/x"]).fails(1);
    assert_has(
        &stderr,
        &["HeadObject operation: Key \"nothing\" does not exist"],
    );
}

fn tags_are_kept(server: &Server) {
    let tag = r#"
import boto3, sys
url, id, secret = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1",
                  aws_access_key_id=id, aws_secret_access_key=secret)
s3.put_object_tagging(Bucket="bucket", Key="kept", Tagging={"TagSet": [{"Key": "k k", "Value": "v&"}]})
"#;
    server.python(tag, &[&server.key_id, &server.secret]).ok();
    // This server does not count them.
    let (home, proxy) = through(server, |_, request| {
        if request.line() == "HEAD /bucket/kept" {
            return Fault::Answer(format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\
                 x-amz-tagging-count: 1\r\n\r\n",
                17 * MIB
            ));
        }
        Fault::None
    });
    keyfob(&home, &["cp", "s3://bucket/kept", "s3://bucket/tagged"]).ok();
    let requests = proxy.requests();
    let create = requests.iter().rfind(|it| it.line().ends_with("?uploads"));
    assert_eq!(create.unwrap().header("x-amz-tagging"), Some("k+k=v%26"));
    copies_have_what_is_asked_for(&home, &proxy);
}

/// The source is large, has metadata and a tag.
fn copies_have_what_is_asked_for(home: &Home, proxy: &FaultProxy) {
    let whole = home.path().join("whole");
    fs::write(&whole, "[default]\ns3 =\n  multipart_threshold = 1GB\n").unwrap();
    let whole = whole.to_str().unwrap();
    let kept: &[&str] = &[];
    let directives = |request: &Request| {
        ["x-amz-metadata-directive", "x-amz-tagging-directive"]
            .map(|name| request.header(name).is_some_and(|value| value == "REPLACE"))
    };
    for (props, replaced, tagged) in [
        (kept, [false, false], true),
        (&["--copy-props", "default"], [false, false], true),
        (
            &["--copy-props", "metadata-directive"],
            [false, true],
            false,
        ),
        (&["--copy-props", "none"], [true, true], false),
        (
            &["--copy-props", "none", "--metadata-directive", "COPY"],
            [false, false],
            true,
        ),
    ] {
        let words = [&["cp", "s3://bucket/kept", "s3://bucket/props"], props].concat();
        let before = proxy.requests().len();
        keyfob(home, &words).ok();
        let requests = proxy.requests();
        let create = requests[before..]
            .iter()
            .find(|it| it.line().ends_with("?uploads"))
            .unwrap();
        // Parts have no directives.
        assert_eq!(directives(create), [false, false], "{props:?}");
        assert_eq!(
            create.header("x-amz-tagging").is_some(),
            tagged,
            "{props:?}"
        );
        let mut command = home.program(env!("CARGO_BIN_EXE_keyfob"));
        let command = command.env("AWS_CONFIG_FILE", whole).arg("s3").args(&words);
        assert!(command.status().unwrap().success(), "{props:?}");
        let requests = proxy.requests();
        let copy = requests
            .iter()
            .rfind(|it| it.header("x-amz-copy-source").is_some());
        assert_eq!(directives(copy.unwrap()), replaced, "{props:?}");
    }
}

fn what_is_empty_has_a_length(server: &Server) {
    let (home, proxy) = through(server, |_, _| Fault::None);
    write(&home, "empty", "");
    keyfob(&home, &["cp", "empty", "s3://bucket/empty"]).ok();
    keyfob(&home, &["cp", "-", "s3://bucket/empty"]).ok();
    keyfob(&home, &["cp", "s3://bucket/empty", "s3://bucket/empty2"]).ok();
    write(&home, "large", bytes(9 * MIB));
    keyfob(&home, &["cp", "large", "s3://bucket/large"]).ok();
    let requests = proxy.requests();
    let changes = requests
        .iter()
        .filter(|it| it.line().starts_with("PUT ") || it.line().starts_with("POST "));
    let lengths: Vec<_> = changes.map(|it| it.header("content-length")).collect();
    assert_eq!(lengths[..4], [Some("0"); 4]);
    assert!(lengths.iter().all(Option::is_some), "{lengths:?}");
}

fn copies_are_not_copied_again(server: &Server) {
    let home = home(server);
    for name in ["a", "b", "c/d", "zz/old"] {
        write(&home, &format!("inner/{name}"), name);
    }
    keyfob(&home, &["cp", "inner", "s3://bucket/inner", "--recursive"]).ok();
    let words = ["cp", "s3://bucket/inner/", "s3://bucket/inner/zz"];
    let pages = ["--recursive", "--page-size", "1"];
    keyfob(&home, &[&words[..], &pages].concat()).ok();
    let words = ["mv", "s3://bucket/inner/", "s3://bucket/inner/zz"];
    keyfob(&home, &[&words[..], &pages].concat()).ok();
    let words = ["sync", "s3://bucket/inner", "s3://bucket/inner/zz"];
    assert_eq!(keyfob(&home, &words).ok(), "");
    keyfob(&home, &["cp", "s3://bucket/inner", "found", "--recursive"]).ok();
    let found: Vec<_> = tree(&home.path().join("found")).into_keys().collect();
    assert_eq!(found, ["zz/a", "zz/b", "zz/c/d", "zz/old"]);
}

fn a_file_is_no_folder_and_a_wildcard_no_prefix(server: &Server) {
    let home = home(server);
    write(&home, "file", "x");
    keyfob(&home, &["mb", "s3://none"]).ok();
    for words in [
        &["cp", "file", "s3://none/p", "--recursive"][..],
        &["mv", "file", "s3://none/p", "--recursive"],
        &["sync", "file", "s3://none/p", "--delete"],
    ] {
        let stderr = keyfob(&home, words).fails(2);
        assert_has(
            &stderr,
            &["warning: Skipping file ", "/file/. File does not exist."],
        );
    }
    assert!(home.path().join("file").exists());
    assert_eq!(
        keyfob(&home, &["ls", "s3://none", "--recursive"]).stdout,
        ""
    );
    let words = ["sync", "s3://bucket/*", ".", "--delete"];
    let stderr = keyfob(&home, &words).fails(252);
    assert_has(&stderr, &["sync takes no wildcards", "--include"]);
    assert!(home.path().join("file").exists());
}

fn uploads_have_tags(server: &Server) {
    let (home, proxy) = through(server, |_, _| Fault::None);
    write(&home, "in", "x");
    write(&home, "large", bytes(9 * MIB));
    let options = ["--tags", "a b", "c&d", "--tags", "e", ""];
    let tagged = |words: &[&str]| keyfob(&home, &[words, &options].concat());
    tagged(&["cp", "in", "s3://bucket/small"]).ok();
    tagged(&["mv", "large", "s3://bucket/large"]).ok();
    let requests = proxy.requests();
    let with_tags = requests.iter().filter_map(|it| {
        let tags = it.header("x-amz-tagging")?;
        Some((it.line(), tags))
    });
    let tags = "a+b=c%26d&e=";
    assert_eq!(
        with_tags.collect::<Vec<_>>(),
        [
            ("PUT /bucket/small", tags),
            ("POST /bucket/large?uploads", tags)
        ]
    );
    let tags_of = r#"
import boto3, sys
url, id, secret = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1",
                  aws_access_key_id=id, aws_secret_access_key=secret)
print(sorted((tag["Key"], tag["Value"])
             for tag in s3.get_object_tagging(Bucket="bucket", Key="small")["TagSet"]))
"#;
    let found = server
        .python(tags_of, &[&server.key_id, &server.secret])
        .ok();
    assert_eq!(found, "[('a b', 'c&d'), ('e', '')]\n");
    for words in [
        ["cp", "s3://bucket/small", "s3://bucket/other"],
        ["cp", "s3://bucket/small", "out"],
    ] {
        let stderr = tagged(&words).fails(252);
        assert_has(&stderr, &["--tags is only for uploads"]);
    }
}

fn headers_that_cannot_be_are_refused(server: &Server) {
    let home = home(server);
    write(&home, "in", "x");
    for (option, value, text) in [
        ("--expires", "soon", "--expires is not a time"),
        (
            "--grants",
            "read",
            "grants should be of the form permission=principal",
        ),
        (
            "--grants",
            "write=id=1",
            "permission must be one of: read|readacl|writeacl|full",
        ),
        ("--metadata-directive", "NO", "--metadata-directive"),
    ] {
        let words = ["cp", "in", "s3://bucket/x", option, value];
        assert_has(&keyfob(&home, &words).fails(252), &[text]);
    }
    // This server has no lists of permissions.
    let (granting, proxy) = through(server, |_, _| Fault::None);
    write(&granting, "in", "x");
    let grants = [
        "read=uri=http://example.com",
        "full=id=1,id=2",
        "readacl=id=3",
        "writeacl=id=4",
    ];
    keyfob(
        &granting,
        &[&["cp", "in", "s3://bucket/x", "--grants"], &grants[..]].concat(),
    );
    let requests = proxy.requests();
    for (name, grantee) in [
        ("read", "uri=http://example.com"),
        ("full-control", "id=1,id=2"),
        ("read-acp", "id=3"),
        ("write-acp", "id=4"),
    ] {
        let name = format!("x-amz-grant-{name}");
        assert_eq!(requests[0].header(&name), Some(grantee));
    }
    // The time that the message names is one.
    let words = [
        "cp",
        "in",
        "s3://bucket/x",
        "--expires",
        "2030-01-01T00:00:00Z",
    ];
    keyfob(&home, &words).ok();
}

fn each_part_has_the_key_of_the_user(server: &Server) {
    const KEY: &str = "x-amz-server-side-encryption-customer-key";

    let (home, proxy) = through(server, |_, _| Fault::None);
    let home = home.with("SECRET", "0123456789abcdef0123456789abcdef");
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let content = bytes(9 * MIB);
    write(&home, "in", &content);
    let sse = ["--sse-c", "--sse-c-key", "env:SECRET"];
    let run = |words: &[&str]| keyfob(&home, &[words, &sse].concat()).ok();
    run(&["cp", "in", "s3://bucket/own"]);
    run(&["cp", "s3://bucket/own", "out"]);
    assert!(fs::read(home.path().join("out")).unwrap() == content);
    let source = [
        "--sse-c-copy-source",
        "--sse-c-copy-source-key",
        "env:SECRET",
    ];
    run(&[&["cp", "s3://bucket/own", "s3://bucket/twin"], &source[..]].concat());
    let requests = proxy.requests();
    assert!(requests.len() > 8);
    // The list of uploads is not about one object.
    let about_it = requests
        .iter()
        .filter(|it| !it.line().starts_with("GET /bucket?"));
    for request in about_it {
        assert_eq!(request.header(KEY), Some(key), "{}", request.line());
    }
    let copied = requests
        .iter()
        .filter(|it| it.header("x-amz-copy-source").is_some());
    let name = "x-amz-copy-source-server-side-encryption-customer-key";
    let keys: Vec<_> = copied.map(|request| request.header(name)).collect();
    assert_eq!(keys, [Some(key); 2]);
    let words = [
        "cp",
        "in",
        "s3://bucket/own",
        "--sse-c",
        "--sse-c-key",
        "canary",
    ];
    let stderr = keyfob(&home, &words).fails(252);
    assert_has(
        &stderr,
        &[
            "--sse-c-key: a key has 32 bytes, and this one has 6",
            "fileb://FILE",
        ],
    );
    assert!(!stderr.contains("canary"));
    let words = ["cp", "in", "s3://bucket/own", "--sse-c"];
    assert_has(&keyfob(&home, &words).fails(252), &["--sse-c-key"]);
    let words = [&["cp", "in", "s3://bucket/own"], &source[..]].concat();
    let text = "--sse-c-copy-source is only supported for copy operations.";
    assert_has(&keyfob(&home, &words).fails(252), &[text]);
    // Neither debugging nor errors show it.
    let run = keyfob(
        &home,
        &[&["cp", "in", "s3://none/own", "--debug"], &sse[..]].concat(),
    );
    assert!(!run.stderr.contains(key) && !run.stderr.contains("0123456789abcdef"));
}

fn the_region_of_the_source_is_not_asked_for(server: &Server) {
    let (home, proxy) = through(server, |_, _| Fault::None);
    put(server, "keys", ["region"]);
    let words = [
        "cp",
        "s3://keys/region",
        "s3://bucket/region",
        "--source-region",
        "eu-west-1",
    ];
    keyfob(&home, &words).ok();
    let requests = proxy.requests();
    let regions = requests.iter().map(|request| {
        let scope = request.header("authorization").unwrap();
        (request.line(), scope.split('/').nth(2).unwrap())
    });
    let regions: Vec<_> = regions.collect();
    // This server is in one region only, and says so.
    assert_eq!(regions[0], ("HEAD /keys/region", "eu-west-1"));
    assert_eq!(regions.last(), Some(&("PUT /bucket/region", "us-east-1")));
}

fn the_requester_pays_for_all_requests(server: &Server) {
    let (home, proxy) = through(server, |_, _| Fault::None);
    write(&home, "paid/in", bytes(9 * MIB));
    for words in [
        &["cp", "paid/in", "s3://bucket/paid/in"][..],
        &["cp", "s3://bucket/paid/in", "out"],
        &["cp", "s3://bucket/paid/in", "s3://bucket/paid/twin"],
        &["sync", "s3://bucket/paid", "paid"],
        &["ls", "s3://bucket/paid/"],
        &["rm", "s3://bucket/paid/in"],
        &["rm", "s3://bucket/paid", "--recursive"],
        &["mv", "paid/in", "s3://bucket/paid/in", "--resume"],
    ] {
        keyfob(&home, &[words, &["--request-payer"]].concat()).ok();
    }
    let requests = proxy.requests();
    assert!(requests.len() > 20);
    for request in &requests {
        let payer = request.header("x-amz-request-payer");
        assert_eq!(payer, Some("requester"), "{}", request.line());
    }
}

//! `keyfob s3` beside version 1 of aws on the same server, and between faults.

mod checksums;
mod choices;
mod connections;
mod cp;
mod fault_proxy;
mod faults;
#[cfg(target_os = "linux")]
mod full;
mod killed;
mod ls;
mod mv;
mod progress;
mod rclone;
mod resume;
mod rm;
mod s3s;
#[cfg(target_os = "linux")]
pub(crate) mod streams;
mod sync;

use std::collections::BTreeSet;

use crate::{
    keyfob::{Home, Run},
    servers::Server,
};

/// Keys that tools write in different ways.
const AWKWARD: [&str; 16] = [
    "plain.txt",
    "a b.txt",
    "a+b.txt",
    "100%.txt",
    "%41.txt",
    "\u{fc}\u{1f600}.txt",
    "dir/one",
    "dir/two words",
    "dir//double",
    "dir/sub/deep",
    "/leading",
    "../up",
    "dot/./in",
    "a&b=c;d",
    "<x>'\"",
    "tilde~(1)!*",
];

/// Starts a server with the bucket `keys`, which has the awkward keys, and an empty one, `bucket`.
fn server() -> Server {
    let server = Server::ministack();
    put(&server, "keys", AWKWARD);
    server
}

/// Creates a bucket, if there is none, with objects whose bodies are their keys.
fn put<'a>(server: &Server, bucket: &str, keys: impl IntoIterator<Item = &'a str>) {
    let keys: Vec<&str> = keys.into_iter().collect();
    let keys = serde_json::to_string(&keys).unwrap();
    server
        .python(PUT, &[&server.key_id, &server.secret, bucket, &keys])
        .ok();
}

const PUT: &str = r#"
import boto3, json, sys
from concurrent.futures import ThreadPoolExecutor
url, id, secret, bucket, keys = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1",
                  aws_access_key_id=id, aws_secret_access_key=secret)
s3.create_bucket(Bucket=bucket)
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda key: s3.put_object(Bucket=bucket, Key=key, Body=key.encode()), json.loads(keys)))
"#;

/// Returns a home for both programs, in a time zone that is not UTC.
fn home(server: &Server) -> Home {
    server.home().with("TZ", "America/New_York")
}

/// Runs version 1 of aws for each of these lines.
fn aws(home: &Home, lines: &[&[&str]]) -> Vec<Run> {
    let run = |words: &&[&str]| home.aws(&[&["s3"], *words].concat());
    lines.iter().map(run).collect()
}

fn keyfob(home: &Home, words: &[&str]) -> Run {
    home.keyfob([&["s3"], words].concat())
}

/// Runs both programs for each of these lines, and checks that they write the same to stdout and
/// exit with this code. Where version 1 exits with 255, version 2 has other codes.
#[track_caller]
fn same(home: &Home, lines: &[&[&str]], code: i32) -> Vec<Run> {
    let theirs = aws(home, lines);
    let both = theirs.into_iter().zip(lines);
    both.map(|(theirs, words)| {
        let ours = keyfob(home, words);
        assert_eq!(ours.stdout, theirs.stdout, "{words:?} {theirs:?} {ours:?}");
        let expected = if theirs.code == 255 {
            code
        } else {
            theirs.code
        };
        assert_eq!(
            (ours.code, code),
            (expected, expected),
            "{words:?} {theirs:?} {ours:?}"
        );
        ours
    })
    .collect()
}

/// Returns the lines without the progress that version 1 writes between them, sorted: it finishes
/// in any order.
fn lines(stdout: &str) -> BTreeSet<String> {
    let pieces = stdout.split(['\n', '\r']).map(str::trim_end);
    let lines = pieces.filter(|line| !line.is_empty() && !line.starts_with("Completed "));
    lines.map(str::to_owned).collect()
}

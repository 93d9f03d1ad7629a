use std::{
    fs,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use super::{
    cp::MIB,
    fault_proxy::{Fault, FaultProxy, Request},
    keyfob, server,
};
use crate::{
    keyfob::{Home, Run, assert_has, assert_lacks},
    servers::Server,
};

/// A list that needs no server.
const EMPTY: &str = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

fn answer(status: &str, headers: &str, body: &str) -> Fault {
    let length = body.len();
    Fault::Answer(format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    ))
}

fn error(code: &str, more: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>no</Message>{more}</Error>"
    )
}

fn home(proxy: &FaultProxy) -> Home {
    Home::new()
        .with("AWS_ENDPOINT_URL", &proxy.url)
        .with("AWS_REGION", "us-east-1")
        .with_key("AKIDEXAMPLE", "canary")
}

fn ls(proxy: &FaultProxy) -> Run {
    keyfob(&home(proxy), &["ls", "s3://keys"])
}

fn scope(request: &Request) -> &str {
    let value = request.header("authorization").unwrap();
    value.split('/').nth(2).unwrap()
}

/// Starts a proxy that needs no server.
fn stub(fault: impl Fn(usize, &Request) -> Fault + Send + Sync + 'static) -> FaultProxy {
    FaultProxy::start("http://127.0.0.1:1", fault)
}

#[test]
fn throttling_and_broken_connections_are_repeated() {
    let server = server();
    let expected = keyfob(&server.home(), &["ls", "s3://keys"]).ok();
    for fault in [
        || answer("503 Slow Down", "", &error("SlowDown", "")),
        || answer("500 Internal Server Error", "", &error("InternalError", "")),
        || Fault::Cut,
    ] {
        let proxy = FaultProxy::start(&server.url, move |number, _| match number {
            0 | 1 => fault(),
            _ => Fault::None,
        });
        let run = keyfob(&through(&server, &proxy), &["ls", "s3://keys"]);
        assert_eq!(run.ok(), expected);
        // The keys have a `%`, so the server is asked once whether they are encoded.
        let requests = proxy.requests();
        let encoded = requests
            .iter()
            .map(|request| request.line().contains("encoding-type=url"));
        assert_eq!(encoded.collect::<Vec<_>>(), [true, true, true, false]);
    }
}

/// Returns a home whose requests go through a proxy.
fn through(server: &Server, proxy: &FaultProxy) -> Home {
    server.home().with("AWS_ENDPOINT_URL", &proxy.url)
}

#[test]
fn a_list_that_is_cut_off_is_an_error_and_not_a_shorter_list() {
    let server = server();
    let proxy = FaultProxy::start(&server.url, |_, _| Fault::CutAnswer(600));
    let run = keyfob(&through(&server, &proxy), &["ls", "s3://keys"]);
    assert_has(
        &run.fails(255),
        &["(ConnectionClosed)", "ListObjectsV2: the connection broke"],
    );
}

/// Returns the bytes that a request asks for, of that many.
fn range_of(request: &Request, length: usize) -> Option<Range<usize>> {
    let range = request.header("range")?.strip_prefix("bytes=")?;
    let (first, last) = range.split_once('-')?;
    let end = last.parse().map_or(length, |last: usize| last + 1);
    Some(first.parse().unwrap()..end)
}

/// Returns a text of that many bytes, which are other ones at each place.
fn text(length: usize) -> String {
    let mut text: String = (0..length / 16 + 1).map(|n| format!("{n:015}\n")).collect();
    text.truncate(length);
    text
}

/// Downloads an object of four parts. `ranges` gets the bytes that are asked for, and returns those
/// of the answer and its other headers, or `None` if it answers with the whole object.
fn download(
    headers: &'static str,
    ranges: impl Fn(Range<usize>) -> Option<(Range<usize>, String)> + Send + Sync + 'static,
) -> (Run, Option<bool>, Vec<Request>) {
    let content = text(25 << 20);
    let whole = content.clone();
    let proxy = stub(move |_, request| {
        let answered = range_of(request, whole.len()).and_then(&ranges);
        let Some((range, headers)) = answered else {
            return answer("200 OK", &format!("ETag: \"1\"\r\n{headers}"), &whole);
        };
        answer("206 Partial Content", &headers, &whole[range])
    });
    let home = home(&proxy);
    let run = keyfob(&home, &["cp", "s3://b/k", "file"]);
    let file = fs::read_to_string(home.path().join("file"));
    (run, file.ok().map(|file| file == content), proxy.requests())
}

/// Returns the headers of an answer with these bytes.
fn with_range(range: &Range<usize>, etag: &str, length: &str) -> String {
    let (first, last) = (range.start, range.end - 1);
    format!("ETag: \"{etag}\"\r\nContent-Range: bytes {first}-{last}/{length}\r\n")
}

const LENGTH: &str = "26214400";

#[test]
fn a_large_object_is_whole_whatever_parts_a_server_gives() {
    for (headers, requests) in [("", 1..=4), ("Accept-Ranges: none\r\n", 1..=1)] {
        let (run, is_whole, seen) = download(headers, |_| None);
        run.ok();
        assert_eq!(is_whole, Some(true), "{headers}");
        let count = seen.len();
        assert!(requests.contains(&count), "{headers}: {count} requests");
    }
    // All parts but one of them.
    for part in 1..4 {
        let (run, is_whole, _) = download("", move |range| {
            let headers = with_range(&range, "1", LENGTH);
            (range.start != part * 8 * MIB).then_some((range, headers))
        });
        run.ok();
        assert_eq!(is_whole, Some(true), "without part {part}");
    }
    // Less at once than is asked for.
    let (run, is_whole, _) = download("", |range| {
        let range = range.start..range.end.min(range.start + 3 * MIB);
        let headers = with_range(&range, "1", "*");
        Some((range, headers))
    });
    run.ok();
    assert_eq!(is_whole, Some(true));
}

#[test]
fn a_large_object_is_whole_where_ranges_are_refused() {
    for status in [
        "400 Bad Request",
        "416 Range Not Satisfiable",
        "501 Not Implemented",
    ] {
        let whole = text(20 << 20);
        let content = whole.clone();
        let proxy = stub(move |_, request| match request.header("range") {
            Some(_) => answer(status, "", &error("InvalidRange", "")),
            None => answer("200 OK", "ETag: \"1\"\r\n", &whole),
        });
        let home = home(&proxy);
        keyfob(&home, &["cp", "s3://b/k", "file"]).ok();
        let file = fs::read_to_string(home.path().join("file")).unwrap();
        assert!(file == content, "{status}");
    }
}

#[test]
fn a_download_goes_on_where_ranges_are_no_longer_given() {
    let whole = text(36 << 20);
    let content = whole.clone();
    let gives_ranges = Arc::new(AtomicBool::new(true));
    let gives = Arc::clone(&gives_ranges);
    let proxy = stub(move |_, request| match range_of(request, whole.len()) {
        Some(range) if gives.load(Relaxed) => {
            // The third of five parts breaks.
            if range.start == 16 << 20 {
                return answer("403 Forbidden", "", &error("AccessDenied", ""));
            }
            let headers = with_range(&range, "1", &whole.len().to_string());
            answer("206 Partial Content", &headers, &whole[range])
        }
        Some(_) => answer("501 Not Implemented", "", &error("NotImplemented", "")),
        None => answer("200 OK", "ETag: \"1\"\r\n", &whole),
    });
    let home = home(&proxy);
    let words = ["cp", "s3://b/k", "file", "--resume", "--jobs", "2"];
    keyfob(&home, &words);
    gives_ranges.store(false, Relaxed);
    keyfob(&home, &words).ok();
    let file = fs::read_to_string(home.path().join("file")).unwrap();
    assert!(file == content);
}

#[test]
fn an_answer_without_a_length_that_ends_early_is_no_file() {
    for (sent, is_whole) in [("all of it", true), ("all", false)] {
        let proxy = stub(move |_, request| {
            let is_head = request.line().starts_with("HEAD");
            let length = if is_head { "Content-Length: 9\r\n" } else { "" };
            let body = if is_head { "" } else { sent };
            Fault::Answer(format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\n{length}\r\n{body}"
            ))
        });
        let home = home(&proxy);
        let run = keyfob(&home, &["cp", "s3://b/k", "file"]);
        assert_eq!(run.code == 0, is_whole, "{run:?}");
        assert_eq!(home.path().join("file").exists(), is_whole);
    }
}

#[test]
fn a_key_of_the_user_is_not_sent_without_encryption() {
    let home = Home::new()
        .with("AWS_ENDPOINT_URL", "http://s3.example.test:9")
        .with("AWS_REGION", "us-east-1")
        .with_key("AKIDEXAMPLE", "canary");
    fs::write(home.path().join("in"), "x").unwrap();
    fs::write(home.path().join("key"), [b'k'; 32]).unwrap();
    let words = [
        "cp",
        "in",
        "s3://b/k",
        "--sse-c",
        "AES256",
        "--sse-c-key",
        "fileb://key",
    ];
    let stderr = keyfob(&home, &words).fails(1);
    assert_has(
        &stderr,
        &["would be sent without encryption: use an endpoint with https"],
    );
}

#[test]
fn parts_of_another_object_are_no_parts_of_this_one() {
    for (etag, length) in [("2", LENGTH), ("1", "26214401"), ("1", "99999999")] {
        let (run, is_whole, _) = download("", move |range| {
            let headers = with_range(&range, etag, length);
            Some((range, headers))
        });
        let stderr = run.fails(1);
        assert_has(&stderr, &["the object has changed while it was downloaded"]);
        assert_eq!(is_whole, None);
    }
    // Nor are bytes that begin elsewhere.
    let (run, is_whole, _) = download("", |range| {
        let other = range.start - 1..range.end - 1;
        let headers = with_range(&other, "1", LENGTH);
        Some((other, headers))
    });
    run.ok();
    assert_eq!(is_whole, Some(true));
}

/// Returns the checksum of the checksums of parts that have these sizes.
fn composite(content: &str, sizes: &[usize]) -> String {
    let mut rest = content.as_bytes();
    let mut sums = Sha256::new();
    for size in sizes {
        let (part, after) = rest.split_at(*size);
        sums.update(Sha256::digest(part));
        rest = after;
    }
    assert!(rest.is_empty());
    format!("{}-{}", STANDARD.encode(sums.finalize()), sizes.len())
}

/// Downloads an object that was uploaded in parts of these sizes into a file, and once more to
/// standard output. With `tells`, S3 tells the size of each part. Returns both runs.
fn download_parts(sizes: &[usize], checksum: String, tells: bool) -> [Run; 2] {
    download_parts_with(sizes, checksum, tells, |_| false)
}

/// As [`download_parts`], from a server that is too busy to tell the size of some parts.
fn download_parts_with(
    sizes: &[usize],
    checksum: String,
    tells: bool,
    is_busy: impl Fn(usize) -> bool + Send + Sync + 'static,
) -> [Run; 2] {
    let sizes = sizes.to_vec();
    let whole = text(sizes.iter().sum());
    let content = whole.clone();
    let proxy = stub(move |_, request| {
        let (_, part) = request.line().split_once("partNumber=").unwrap_or_default();
        let part = part.split(' ').next().and_then(|part| part.parse().ok());
        let part: Option<usize> = part.filter(|_| tells);
        if part.is_some_and(&is_busy) {
            return Fault::Answer(
                "HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                    .to_owned(),
            );
        }
        let length = part.map_or(whole.len(), |part| sizes[part - 1]);
        let headers = format!(
            "ETag: \"1\"\r\nx-amz-checksum-type: COMPOSITE\r\nx-amz-checksum-sha256: {checksum}\r\n"
        );
        if request.line().starts_with("HEAD") {
            return Fault::Answer(format!(
                "HTTP/1.1 206 Partial Content\r\nConnection: close\r\n{headers}\
                 Content-Length: {length}\r\n\r\n"
            ));
        }
        match range_of(request, whole.len()) {
            Some(range) => {
                let headers = headers + &with_range(&range, "1", &whole.len().to_string());
                answer("206 Partial Content", &headers, &whole[range])
            }
            None => answer("200 OK", &headers, &whole),
        }
    });
    let home = home(&proxy);
    let run = |target: &str, more: &[&str]| {
        keyfob(
            &home,
            &[&["cp", "s3://b/k", target, "--max-attempts", "2"], more].concat(),
        )
    };
    let (to_file, to_output) = (run("file", &["--json-lines"]), run("-", &[]));
    if to_output.stderr.is_empty() {
        assert!(to_output.stdout == content);
    }
    [to_file, to_output]
}

#[test]
fn checksums_of_checksums_are_compared_part_by_part() {
    for sizes in [
        &[0][..],
        &[9],
        &[5000, 5000, 3],
        &[9 << 20, 9 << 20, 9 << 20],
        &[9 << 20, 9 << 20, 1],
        &[9 << 20, 5 << 20, 6 << 20, 3],
        &[7, 9 << 20],
    ] {
        let right = composite(&text(sizes.iter().sum()), sizes);
        let [to_file, to_output] = download_parts(sizes, right.clone(), true);
        assert_has(&to_file.ok(), &["\"Verified\":true}\n"]);
        to_output.ok();
        let count = sizes.len();
        let wrong = format!("{}-{count}", STANDARD.encode(Sha256::digest("other")));
        for run in download_parts(sizes, wrong, true) {
            let said = format!("{}{}", run.stdout, run.stderr);
            assert_has(&said, &["The checksums of the parts did not match"]);
            assert_eq!(run.code, 1);
        }
        let [to_file, to_output] = download_parts(sizes, right, false);
        to_output.ok();
        let (_, verified) = to_file.stdout.split_once("Verified").unwrap();
        assert_eq!(
            verified,
            if count > 1 {
                "\":false}\n"
            } else {
                "\":true}\n"
            }
        );
    }
    // Where nothing is told about parts, those of the same settings are tried.
    let sizes = [8 << 20, 8 << 20, 3];
    let right = composite(&text(sizes.iter().sum()), &sizes);
    let [to_file, _] = download_parts(&sizes, right, false);
    assert_has(&to_file.ok(), &["\"Verified\":true}\n"]);
    let wrong = format!("{}-3", STANDARD.encode(Sha256::digest("other")));
    let [to_file, _] = download_parts(&sizes, wrong, false);
    assert_has(&to_file.ok(), &["\"Verified\":false}\n"]);
    // What is not known because S3 does not answer is no success.
    let sizes = [9 << 20, 9 << 20, 9 << 20];
    let wrong = format!("{}-3", STANDARD.encode(Sha256::digest("other")));
    for run in download_parts_with(&sizes, wrong, true, |part| part == 3) {
        let said = format!("{}{}", run.stdout, run.stderr);
        assert_has(&said, &["(503) when calling the HeadObject operation"]);
        assert_eq!(run.code, 1);
    }
    // The sizes may be those of other parts, which is found out where the bytes are still there.
    let sizes = [6 << 20, 5 << 20, 4 << 20];
    let right = composite(&text(15 << 20), &sizes);
    let [to_file, to_output] = download_parts(&sizes, right, true);
    assert_has(&to_file.ok(), &["\"Verified\":true}\n"]);
    to_output.ok();
}

#[test]
fn a_download_that_breaks_goes_on_until_its_last_byte() {
    for words in [["cp", "s3://b/k", "file"], ["cp", "s3://b/k", "-"]] {
        let content: String = (0..1 << 16).map(|n| format!("{n:015}\n")).collect();
        let whole = content.clone();
        let proxy = stub(move |_, request| {
            let Some(range) = range_of(request, whole.len()) else {
                let Fault::Answer(mut cut) = answer("200 OK", "ETag: \"1\"\r\n", &whole) else {
                    unreachable!();
                };
                cut.truncate(cut.len() / 2);
                return Fault::Answer(cut);
            };
            let some = range.start..range.end.min(range.start + MIB / 8);
            let headers = with_range(&some, "1", "1048576");
            answer("206 Partial Content", &headers, &whole[some])
        });
        let home = home(&proxy);
        let out = keyfob(&home, &words).ok();
        let file = fs::read_to_string(home.path().join("file")).unwrap_or(out);
        assert!(file == content, "{words:?}: {} bytes", file.len());
    }
}

#[test]
fn errors_and_warnings_are_lines_of_json_if_that_is_asked_for() {
    let proxy = stub(|_, _| answer("403 Forbidden", "", &error("AccessDenied", "")));
    let home = home(&proxy);
    let run = keyfob(
        &home,
        &["cp", "s3://b/p", "out", "--recursive", "--json-lines"],
    );
    assert_eq!(run.code, 1);
    assert_lacks(&run.stderr, &["fatal error"]);
    assert_has(
        &run.stdout,
        &["{\"Error\":\"An error occurred (AccessDenied) when"],
    );
    let run = keyfob(&home, &["rm", "s3://b/*", "--json-lines", "--dryrun"]);
    assert_has(&run.ok(), &["{\"Warning\":\"* and ?", "\"DryRun\":true}\n"]);
    // An object would have lines of JSON in it.
    keyfob(&home, &["cp", "s3://b/k", "-", "--json-lines"]).fails(252);
}

#[test]
fn a_refusal_that_began_as_a_success_is_sent_once() {
    let proxy = stub(|_, request| match request.line() {
        line if line.starts_with("PUT") => answer("200 OK", "", &error("AccessDenied", "")),
        _ => answer("200 OK", "ETag: \"1\"\r\n", "text"),
    });
    let stderr = keyfob(&home(&proxy), &["cp", "s3://b/k", "s3://b/l"]).fails(1);
    assert_has(
        &stderr,
        &["(AccessDenied) when calling the CopyObject operation: no"],
    );
    let puts = proxy
        .requests()
        .iter()
        .filter(|it| it.line().starts_with("PUT"))
        .count();
    assert_eq!(puts, 1);
}

#[test]
fn the_last_error_says_how_often_it_was_tried() {
    let proxy = stub(|_, _| answer("503 Slow Down", "", &error("SlowDown", "")));
    let words = ["ls", "s3://keys", "--max-attempts", "2"];
    let stderr = keyfob(&home(&proxy), &words).fails(254);
    let text = "An error occurred (SlowDown) when calling the ListObjectsV2 operation (reached max \
                retries: 1): no";
    assert_has(&stderr, &[text]);
    assert_eq!(proxy.requests().len(), 2);
}

#[test]
fn a_bucket_in_another_region_is_asked_again_there_and_the_region_is_remembered() {
    let malformed = |region: &str| {
        let region = format!("<Region>{region}</Region>");
        answer(
            "400 Bad Request",
            "",
            &error("AuthorizationHeaderMalformed", &region),
        )
    };
    let moved = "x-amz-bucket-region: eu-west-1\r\n";
    for fault in [
        Box::new(move || malformed("eu-west-1")) as Box<dyn Fn() -> Fault + Send + Sync>,
        Box::new(move || {
            answer(
                "301 Moved Permanently",
                moved,
                &error("PermanentRedirect", ""),
            )
        }),
        Box::new(move || answer("307 Temporary Redirect", moved, "")),
    ] {
        let more = "<ListBucketResult><IsTruncated>true</IsTruncated>\
                    <NextContinuationToken>t</NextContinuationToken></ListBucketResult>";
        let proxy = stub(move |number, request| match (number, scope(request)) {
            (_, "us-east-1") => fault(),
            (1, "eu-west-1") => answer("200 OK", "", more),
            _ => answer("200 OK", "", EMPTY),
        });
        ls(&proxy).ok();
        let scopes: Vec<String> = proxy
            .requests()
            .iter()
            .map(|it| scope(it).to_owned())
            .collect();
        assert_eq!(scopes, ["us-east-1", "eu-west-1", "eu-west-1"]);
    }
    // Without the region in the answer, the bucket is asked for it.
    let proxy = stub(move |_, request| match (scope(request), request.line()) {
        ("eu-west-1", _) => answer("200 OK", "", EMPTY),
        (_, line) if line.starts_with("HEAD") => answer("403 Forbidden", moved, ""),
        _ => answer("301 Moved Permanently", "", &error("PermanentRedirect", "")),
    });
    ls(&proxy).ok();
    // A server that never agrees is asked twice.
    let proxy = stub(move |number, _| malformed(["eu-west-1", "eu-west-2", "eu-west-3"][number]));
    assert_has(&ls(&proxy).fails(254), &["(AuthorizationHeaderMalformed)"]);
    assert_eq!(proxy.requests().len(), 2);
}

#[test]
fn a_wrong_clock_is_corrected_once() {
    let proxy = stub(|number, _| {
        let date = "Date: Mon, 03 Jan 2028 10:00:00 GMT\r\n";
        match number {
            0 => answer("403 Forbidden", date, &error("RequestTimeTooSkewed", "")),
            _ => answer("200 OK", date, EMPTY),
        }
    });
    let run = ls(&proxy);
    assert_has(&run.stderr, &["the clock of this machine is off"]);
    run.ok();
    let dates: Vec<String> = proxy
        .requests()
        .iter()
        .map(|request| request.header("x-amz-date").unwrap()[..8].to_owned())
        .collect();
    assert_eq!(dates[1], "20280103");
    assert_eq!(dates.len(), 2);
}

#[test]
fn requests_without_a_signature_need_no_credentials() {
    let proxy = stub(|_, _| answer("200 OK", "", EMPTY));
    let home = Home::new()
        .with("AWS_ENDPOINT_URL", &proxy.url)
        .with("AWS_REGION", "us-east-1");
    keyfob(&home, &["ls", "s3://keys", "--no-sign-request"]).ok();
    assert_eq!(proxy.requests()[0].header("authorization"), None);
    keyfob(&home, &["ls", "s3://keys"]).fails(253);
}

#[test]
fn the_request_id_is_in_the_data_of_an_error_and_no_secret_is() {
    let proxy = stub(|_, _| {
        let body = error("SignatureDoesNotMatch", "").replace("no", "not canary/secret");
        answer("403 Forbidden", "x-amz-request-id: REQ1\r\n", &body)
    });
    let home = home(&proxy).with_key("AKIDEXAMPLE", "canary/secret");
    let words = ["ls", "s3://keys", "--cli-error-format", "json"];
    let stderr = keyfob(&home, &words).fails(254);
    assert_has(&stderr, &["\"RequestId\": \"REQ1\"", "(redacted)"]);
    assert_lacks(&stderr, &["canary"]);
}

#[test]
fn a_refusal_says_what_is_wrong_with_the_credentials_and_where_they_come_from() {
    let source = "hint: the key AKIDEXAMPLE comes from environment";
    for (code, hint) in [
        ("InvalidAccessKeyId", "does not know the access key id"),
        ("ExpiredToken", "the session has expired"),
        ("SignatureDoesNotMatch", "copy both again"),
    ] {
        let proxy = stub(move |_, _| answer("403 Forbidden", "", &error(code, "")));
        assert_has(&ls(&proxy).fails(254), &["hint: ", hint, source]);
        let home = home(&proxy);
        // Each object has a line, and the hints stand once below them.
        let run = keyfob(&home, &["rm", "s3://keys/a"]);
        assert_has(&run.stderr, &["delete failed: ", hint, source]);
        assert_eq!(run.stderr.matches(hint).count(), 1, "{run:?}");
        let run = keyfob(&home, &["rm", "s3://keys/a", "--quiet"]);
        assert_eq!(run.code, 1);
        assert_lacks(&run.stderr, &["fatal error"]);
    }
    let proxy = stub(|_, _| answer("403 Forbidden", "", &error("AccessDenied", "")));
    let stderr = ls(&proxy).fails(254);
    assert_has(&stderr, &["hint: the credentials come from environment"]);
    // It is not about credentials.
    let proxy = stub(|_, _| answer("404 Not Found", "", &error("NoSuchBucket", "")));
    assert_lacks(&ls(&proxy).fails(254), &["hint"]);
}

#[test]
fn the_sandbox_is_not_left_for_an_s3_that_it_does_not_have() {
    let words = ["--sandbox", "s3", "ls"];
    let stderr = Home::new().keyfob(words).fails(252);
    assert_has(&stderr, &["the sandbox has no s3: leave out --sandbox"]);
    let proxy = stub(|_, _| answer("200 OK", "", EMPTY));
    let words = ["--sandbox", "s3", "ls", "s3://keys", "--endpoint-url"];
    Home::new().keyfob(words.iter().chain(&[&*proxy.url])).ok();
}

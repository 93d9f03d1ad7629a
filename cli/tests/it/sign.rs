use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use keyfob_sigv4::{Credentials, Payload, Request, Scope, Timestamp, verify::Verifier};
use serde_json::Value;

use crate::keyfob::{Home, assert_has, assert_lacks};

/// The key of the published examples.
fn home() -> Home {
    Home::new().with_key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
}

const AT: [&str; 2] = ["--at", "20150830T123600Z"];
const LIST_USERS: &str = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08";

fn sign(words: &[&str]) -> String {
    home().keyfob(["sign"].iter().chain(&AT).chain(words)).ok()
}

/// Source: Signature Version 4 signing examples, `ListUsers`.
#[test]
fn the_published_example_is_reproduced() {
    let json: Value = serde_json::from_str(&sign(&[
        "-H",
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
        "--print",
        "json",
        LIST_USERS,
    ]))
    .unwrap();
    assert_eq!(
        json["signature"],
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    );
    assert_eq!(json["signed_headers"], "content-type;host;x-amz-date");
    assert_eq!(json["headers"]["x-amz-date"], "20150830T123600Z");
    assert_eq!(json["url"], LIST_USERS);
    let hash = "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59";
    assert!(json["string_to_sign"].as_str().unwrap().ends_with(hash));
    assert!(
        json["canonical_request"]
            .as_str()
            .unwrap()
            .starts_with("GET\n/\nAction=ListUsers&Version=2010-05-08\n")
    );
}

#[test]
fn print_chooses_what_is_printed() {
    let headers = sign(&[LIST_USERS]);
    assert_has(
        &headers,
        &[
            "x-amz-date: 20150830T123600Z\n",
            "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, ",
        ],
    );
    assert_eq!(sign(&["--print", "headers", LIST_USERS]), headers);
    assert_eq!(
        sign(&["--print", "url", LIST_USERS]),
        format!("{LIST_USERS}\n")
    );
    assert_has(
        &sign(&["--print", "canonical", LIST_USERS]),
        &["GET\n/\nAction=ListUsers"],
    );
    assert!(
        sign(&["--print", "sts", LIST_USERS]).starts_with("AWS4-HMAC-SHA256\n20150830T123600Z\n")
    );
    let curl = sign(&["--print", "curl", "-X", "DELETE", LIST_USERS]);
    assert!(
        curl.starts_with("curl --request DELETE --header 'x-amz-date: 2015"),
        "{curl}"
    );
    assert!(curl.ends_with(&format!(" '{LIST_USERS}'\n")), "{curl}");
}

#[test]
fn a_signature_in_the_query_is_a_url_that_expires() {
    let url = sign(&["--auth", "query", "--expires-in", "60", LIST_USERS]);
    assert_has(
        &url,
        &[
            &format!("{LIST_USERS}&X-Amz-Algorithm="),
            "X-Amz-Expires=60",
            "X-Amz-Signature=",
        ],
    );
    for seconds in ["0", "604801"] {
        let line = [
            "sign",
            "--auth",
            "query",
            "--expires-in",
            seconds,
            LIST_USERS,
        ];
        assert_has(&home().keyfob(line).fails(252), &["--expires-in", seconds]);
    }
}

#[test]
fn a_body_is_signed_as_curl_sends_it() {
    let url = "https://sts.eu-west-1.amazonaws.com/";
    let with_body = sign(&[
        "-d",
        "Action=GetCallerIdentity&Version=2011-06-15",
        "--print",
        "canonical",
        url,
    ]);
    assert_has(
        &with_body,
        &[
            "POST\n/\n\n",
            "content-type:application/x-www-form-urlencoded\n",
        ],
    );
    let home = home();
    std::fs::write(
        home.path().join("body"),
        "Action=GetCallerIdentity&\nVersion=2011-06-15\n",
    )
    .unwrap();
    let line = ["sign", "-d", "@body", "--print", "canonical", url];
    assert_eq!(home.keyfob(line.iter().chain(&AT)).ok(), with_body);
    let from_stdin = ["sign", "-d", "@-", "--print", "canonical", url];
    let run = home.keyfob_with_input(
        from_stdin.iter().chain(&AT),
        "Action=GetCallerIdentity&Version=2011-06-15",
    );
    assert_eq!(run.ok(), with_body);
}

/// curl joins them in this order.
#[test]
fn data_of_several_options_is_joined_in_their_order() {
    let home = home();
    std::fs::write(home.path().join("text"), "c=\nd\n").unwrap();
    let sent = |words: &[&str]| {
        let line = [&["sign"][..], words, &["--print", "curl", LIST_USERS]].concat();
        home.keyfob(line.iter().chain(&AT)).ok()
    };
    for (words, body) in [
        (&["-d", "a=1", "-d", "b=2"][..], "'a=1&b=2'"),
        (&["-d", "", "-d", "b=2"], "b=2"),
        (&["--data-raw", "@x", "-d", "@text"], "'@x&c=d'"),
        (
            &["-d", "z=1", "--data-urlencode", "a=b &/\u{fc}"],
            "'z=1&a=b%20%26%2F%C3%BC'",
        ),
        (
            &["--data-urlencode", "a@text", "-d", "z=1"],
            "'a=c%3D%0Ad%0A&z=1'",
        ),
    ] {
        assert_has(&sent(words), &[&format!(" --data-raw {body} ")]);
    }
}

#[test]
fn with_get_data_is_appended_to_the_url() {
    let url = |words: &[&str]| sign(&[words, &["--print", "url"]].concat());
    assert_eq!(
        url(&[
            "-G",
            "-d",
            "a=1",
            "-d",
            "b=2 3",
            "https://sts.amazonaws.com"
        ]),
        "https://sts.amazonaws.com?a=1&b=2%203\n"
    );
    assert_eq!(
        url(&["--get", "-d", "a=1", LIST_USERS]),
        format!("{LIST_USERS}&a=1\n")
    );
    let canonical = sign(&["-G", "-d", "a=1", LIST_USERS, "--print", "canonical"]);
    assert!(canonical.starts_with("GET\n/\nAction="), "{canonical}");
    assert_lacks(&canonical, &["content-type"]);
}

#[test]
fn headers_are_removed_left_empty_and_read_from_files_as_in_curl() {
    let home = home();
    std::fs::write(home.path().join("headers"), "X-A: 1\r\n\nX-B;\n").unwrap();
    let words = [
        "-H",
        "@headers",
        "-H",
        "Content-Type:",
        "-d",
        "x",
        "-H",
        "X-C:",
    ];
    let line = [&["sign"][..], &words, &[LIST_USERS, "--print", "canonical"]].concat();
    let canonical = home.keyfob(line.iter().chain(&AT)).ok();
    assert_has(&canonical, &["\nx-a:1\nx-amz-date:", "\nx-b:\n"]);
    assert_lacks(&canonical, &["content-type", "x-c"]);
}

#[test]
fn the_services_of_the_s3_family_are_signed_as_s3() {
    for (host, service) in [
        ("alias.mrap.accesspoint.s3-global.amazonaws.com", "s3"),
        (
            "a.s3-object-lambda.us-east-1.amazonaws.com",
            "s3-object-lambda",
        ),
        ("a.op-1.s3-outposts.us-east-1.amazonaws.com", "s3-outposts"),
        ("b.s3express-use1-az1.us-east-1.amazonaws.com", "s3express"),
    ] {
        let json: Value = serde_json::from_str(&sign(&[
            "--region",
            "us-east-1",
            "--print",
            "json",
            &format!("https://{host}/a//mac@2x%20b"),
        ]))
        .unwrap();
        let text = |name: &str| json[name].as_str().unwrap();
        assert_has(
            text("string_to_sign"),
            &[&format!("/{service}/aws4_request")],
        );
        assert_has(text("canonical_request"), &["GET\n/a//mac%402x%20b\n"]);
        assert_has(text("signed_headers"), &["x-amz-content-sha256"]);
    }
}

#[test]
fn a_raw_request_is_signed_unchanged() {
    let home = home();
    std::fs::write(
        home.path().join("request"),
        "GET /?Param2=value2&Param1=value1 HTTP/1.1\nHost:example.amazonaws.com\nX-Amz-Date:20150830T123600Z\n\n",
    )
    .unwrap();
    let line = [
        "sign",
        "--request-file",
        "request",
        "--service",
        "service",
        "--region",
        "us-east-1",
        "--print",
        "json",
    ];
    let json = home.keyfob(line.iter().chain(&AT)).json();
    assert_eq!(
        json["signature"],
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    );
    std::fs::write(home.path().join("request"), "nonsense").unwrap();
    let stderr = home.keyfob(line.iter().chain(&AT)).fails(252);
    assert_has(&stderr, &["request: ", "METHOD TARGET"]);
}

#[test]
fn service_and_region_come_from_the_arguments_or_the_host() {
    let scope = |words: &[&str]| {
        let text = sign(&[words, &["--print", "sts"]].concat());
        text.lines().nth(2).unwrap().to_owned()
    };
    assert_eq!(
        scope(&["https://sts.eu-west-1.amazonaws.com/"]),
        "20150830/eu-west-1/sts/aws4_request"
    );
    assert_eq!(
        scope(&[
            "--region",
            "eu-west-2",
            "--service",
            "x",
            "https://sts.eu-west-1.amazonaws.com/"
        ]),
        "20150830/eu-west-2/x/aws4_request"
    );
    assert_eq!(
        scope(&["--service", "es", "http://localhost:9200/"]),
        "20150830/us-east-1/es/aws4_request"
    );
    let stderr = home().keyfob(["sign", "http://localhost/"]).fails(252);
    assert_has(&stderr, &["localhost", "--service"]);
}

#[test]
fn a_host_header_replaces_the_host_of_the_url() {
    let tunnel = [
        "-H",
        "Host: iam.amazonaws.com",
        "http://localhost:8443/?Action=ListUsers&Version=2010-05-08",
    ];
    let canonical = |words: &[&str]| sign(&[words, &["--print", "canonical"]].concat());
    assert_eq!(canonical(&tunnel), canonical(&[LIST_USERS]));
}

#[test]
fn s3_signs_the_hash_of_the_body_and_does_not_normalize_the_path() {
    let url = "https://bucket.s3.eu-west-1.amazonaws.com/a//../b%20c";
    let canonical = sign(&["--print", "canonical", url]);
    assert!(canonical.starts_with("GET\n/a//../b%20c\n"), "{canonical}");
    assert_has(&sign(&[url]), &["x-amz-content-sha256: e3b0c442"]);
    assert_has(
        &sign(&["--unsigned-payload", url]),
        &["x-amz-content-sha256: UNSIGNED-PAYLOAD"],
    );
}

#[test]
fn the_session_token_is_added() {
    let home = home().with("AWS_SESSION_TOKEN", "to/ken+");
    let headers = home.keyfob(["sign", LIST_USERS]).ok();
    assert_has(&headers, &["x-amz-security-token: to/ken+\n"]);
    let url = home.keyfob(["sign", "--auth", "query", LIST_USERS]).ok();
    assert_has(&url, &["X-Amz-Security-Token=to%2Fken%2B"]);
}

#[test]
fn errors_do_not_repeat_header_values() {
    let refuse = |words: &[&str]| home().keyfob(["sign"].iter().chain(words)).fails(252);
    assert_has(&refuse(&["nonsense", "--service", "x"]), &["invalid URL"]);
    assert_has(&refuse(&["-X", "G E T", LIST_USERS]), &["invalid method"]);
    assert_has(
        &refuse(&["--at", "yesterday", LIST_USERS]),
        &["--at: invalid time"],
    );
    assert_lacks(&refuse(&["-H", "canary", LIST_USERS]), &["canary"]);
    assert_has(
        &refuse(&["--request-file", "x", LIST_USERS]),
        &["cannot be used with"],
    );
    let missing = home()
        .keyfob(["sign", "--request-file", "missing"])
        .fails(252);
    assert_has(&missing, &["--request-file: there is no file"]);
}

/// Returns the answer of a server that sees a changed form of the request that `words` sign.
fn answer(words: &[&str], change: impl Fn(&str) -> String) -> String {
    let json: Value = serde_json::from_str(&sign(&[words, &["--print", "json"]].concat())).unwrap();
    let text = |name: &str| change(json[name].as_str().unwrap()).replace('&', "&amp;");
    format!(
        "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>{}</StringToSign><CanonicalRequest>{}</CanonicalRequest></Error>",
        text("string_to_sign"),
        text("canonical_request"),
    )
}

fn compare(words: &[&str], answer: &str) -> crate::keyfob::Run {
    home().keyfob_with_input(["sign", "compare", "-"].iter().chain(words), answer)
}

/// The time of signing comes from the answer.
#[test]
fn compare_names_the_difference_and_its_cause() {
    let url = ["https://bucket.s3.eu-west-1.amazonaws.com/a%20b?list-type=2&a=b"];
    let twice = answer(&url, |text| text.replace("%20", "%2520"));
    let out = compare(&url, &twice).ok();
    assert!(
        out.starts_with("the path differs: signed \"/a%20b\", expected \"/a%2520b\"; "),
        "{out}"
    );
    let json = compare(&[&url[..], &["--output", "json"]].concat(), &twice).json();
    assert_eq!(json[0]["theirs"], "/a%2520b");

    let same = answer(&url, str::to_owned);
    assert_has(&compare(&url, &same).ok(), &["secret"]);
    let elsewhere = [url[0], "--region", "us-east-1"];
    let out = compare(&elsewhere, &same).ok();
    assert!(
        out.starts_with("the region differs: signed \"us-east-1\", expected \"eu-west-1\"; "),
        "{out}"
    );
}

#[test]
fn compare_needs_something_to_compare() {
    let url = ["https://bucket.s3.eu-west-1.amazonaws.com/"];
    let stderr = compare(&url, "<Error><Code>AccessDenied</Code></Error>").fails(255);
    assert_has(
        &stderr,
        &[
            "AccessDenied",
            "neither a canonical request nor a string to sign",
            "`keyfob sign --print canonical`",
        ],
    );
    let before = ["sign", "--region", "us-east-1", "compare", "-", url[0]];
    let stderr = home().keyfob(before).fails(252);
    assert_has(
        &stderr,
        &["cannot be used with: --region", "after its name"],
    );
    compare(&url, "").fails(255);
    assert_has(&compare(&[], "").fails(252), &["URL"]);
    home()
        .keyfob(["sign", "compare", "missing", url[0]])
        .fails(252);
}

#[test]
fn v4a_signs_for_a_set_of_regions() {
    let url = "https://bucket.s3.eu-west-1.amazonaws.com/key";
    let json: Value = serde_json::from_str(&sign(&[
        "--algorithm",
        "v4a",
        "--region-set",
        "us-*,eu-west-1",
        "--print",
        "json",
        url,
    ]))
    .unwrap();
    assert_eq!(json["headers"]["x-amz-region-set"], "us-*,eu-west-1");
    let authorization = json["headers"]["authorization"].as_str().unwrap();
    assert_has(
        authorization,
        &["AWS4-ECDSA-P256-SHA256 Credential=AKIDEXAMPLE/20150830/s3/aws4_request, "],
    );
    let of_host = sign(&["--algorithm", "v4a", url]);
    assert_has(&of_host, &["x-amz-region-set: eu-west-1\n"]);
    let query = sign(&["--algorithm", "v4a", "--auth", "query", url]);
    assert_has(
        &query,
        &[
            "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256",
            "X-Amz-Region-Set=eu-west-1",
        ],
    );
    let refuse = |words: &[&str]| home().keyfob(["sign"].iter().chain(words)).fails(252);
    assert_has(&refuse(&["--region-set", "*", url]), &["--algorithm v4a"]);
    refuse(&["--algorithm", "v4a", "--region-set", "a b", url]);
}

/// Runs the printed command with the real curl, and returns the verdict of a server that verifies
/// the signature.
fn sent_by_curl(home: &Home, words: &[&str], path: &str) -> String {
    let server = Verifying::start();
    let url = format!("http://{}{path}", server.address);
    let line = [
        "sign",
        "--service",
        "execute-api",
        "--region",
        "us-east-1",
        "--print",
        "curl",
    ];
    let run = home.keyfob(line.iter().chain(words).chain(&[url.as_str()]));
    let command = run.ok();
    let mut shell = home.program("sh");
    let script = format!("{} --silent --max-time 20", command.trim_end());
    let output = shell.args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
    server.verdict()
}

/// A server that takes one request and verifies it.
struct Verifying {
    address: String,
    verdict: std::thread::JoinHandle<String>,
}

impl Verifying {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let verdict = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (head, body) = received(&mut stream);
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .unwrap();
            verified(&head, &body)
        });
        Self { address, verdict }
    }

    fn verdict(self) -> String {
        self.verdict.join().unwrap()
    }
}

fn received(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).unwrap();
        bytes.extend_from_slice(&piece[..count]);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(end) = end else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            (name.eq_ignore_ascii_case("content-length")).then(|| value.parse().unwrap())
        });
        if bytes.len() == end + 4 + length.unwrap_or(0) {
            return (head, bytes[end + 4..].to_vec());
        }
        assert_ne!(count, 0, "the request is incomplete");
    }
}

fn verified(head: &str, body: &[u8]) -> String {
    let mut lines = head.lines();
    let first: Vec<&str> = lines.next().unwrap().split(' ').collect();
    let headers: Vec<(&str, &str)> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name, value.trim()))
        .collect();
    let request = Request::from_wire(first[0], first[1], &headers)
        .unwrap()
        .payload(Payload::Bytes(body));
    let key = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap();
    let verifier = Verifier::new(Scope::new("us-east-1", "execute-api").unwrap());
    match verifier.verify(&request, Timestamp::now(), |_| Some(key)) {
        Ok(_) => "verified".to_owned(),
        Err(error) => format!("{error}: {head}"),
    }
}

#[test]
fn the_printed_curl_command_sends_what_was_signed() {
    let home = home();
    std::fs::write(home.path().join("b o'dy"), b"\x00\xff a\r\nb\n").unwrap();
    std::fs::write(home.path().join("text"), "a=b&\r\nc=d\n").unwrap();
    std::fs::write(home.path().join("secret"), "canary").unwrap();
    for (words, path) in [
        (vec![], "/"),
        (vec![], "/a b/\u{fc}?q=\u{e9} x&b={1,2}&c=[1-3]#frag"),
        (vec![], "/a/../b/./c"),
        (vec!["-X", "DELETE"], "/it's"),
        (vec!["-X", "HEAD"], "/"),
        (vec!["-d", "a=b"], "/"),
        (vec!["-d", ""], "/"),
        (vec!["--data-raw", "@secret"], "/"),
        (vec!["-d", "@text"], "/"),
        (vec!["-d", "@secret"], "/"),
        (vec!["-d", "a=b", "--data-urlencode", "c=d e&f"], "/"),
        (vec!["-G", "--data-urlencode", "c=d e&f+"], "/?a"),
        (vec!["-H", "Content-Type:", "-d", "a=b"], "/"),
        (vec![], "/mac@2x(1)+a=b,c;d'!*$&:~"),
        (vec!["--data-binary", "@b o'dy"], "/"),
        (
            vec![
                "-X",
                "PUT",
                "-H",
                "Content-Type: text/plain",
                "-d",
                "\n x'y\n",
            ],
            "/",
        ),
        (
            vec!["-H", "X-Empty:", "-H", "X-Other;", "-H", "X-Full:  a   b "],
            "/",
        ),
        (
            vec![
                "-H",
                "Authorization: old",
                "-H",
                "X-Amz-Date: 20150830T123600Z",
            ],
            "/",
        ),
        (vec!["-H", "Host: example.com"], "/"),
        (
            vec!["--auth", "query", "-H", "Host: example.com", "-H", "X-A: b"],
            "/a%20b?c=d",
        ),
        (
            vec!["--auth", "query", "-H", "X-Amz-Date: 20150830T123600Z"],
            "/",
        ),
    ] {
        assert_eq!(
            sent_by_curl(&home, &words, path),
            "verified",
            "{words:?} {path}"
        );
    }
}

/// curl would upload the file for `--data-binary @FILE`.
#[test]
fn a_body_that_starts_with_an_at_sign_is_not_the_name_of_a_file() {
    let home = home();
    std::fs::write(
        home.path().join("request"),
        "POST / HTTP/1.1\nHost: sts.amazonaws.com\n\n@/etc/hostname",
    )
    .unwrap();
    let curl = home
        .keyfob(["sign", "--request-file", "request", "--print", "curl"])
        .ok();
    assert_has(&curl, &["--data-raw @/etc/hostname"]);
    assert_lacks(&curl, &["--data-binary", "--data "]);
}

#[test]
fn a_body_that_does_not_fit_on_a_command_line_is_refused_with_a_cure() {
    let home = home();
    std::fs::write(
        home.path().join("request"),
        b"POST / HTTP/1.1\nHost: sts.amazonaws.com\n\n\xff\x00",
    )
    .unwrap();
    let line = ["sign", "--request-file", "request"];
    home.keyfob(line).ok();
    let stderr = home
        .keyfob(line.iter().chain(&["--print", "curl"]))
        .fails(252);
    assert_has(&stderr, &["not text", "hint: ", "--data-binary @FILE"]);
}

#[test]
fn the_printed_url_is_the_signed_one() {
    assert_eq!(
        sign(&[
            "--print",
            "url",
            "https://sts.amazonaws.com/a b\u{fc}?c=d e#frag"
        ]),
        "https://sts.amazonaws.com/a%20b%C3%BC?c=d%20e\n"
    );
    for words in [
        vec!["https://user:canary@sts.amazonaws.com/"],
        vec![
            "-H",
            "Host: user:canary@sts.amazonaws.com",
            "https://sts.amazonaws.com/",
        ],
    ] {
        let stderr = home().keyfob(["sign"].iter().chain(&words)).fails(252);
        assert_has(&stderr, &["a user name or a password"]);
        assert_lacks(&stderr, &["canary"]);
    }
}

#[test]
fn headers_of_an_earlier_signature_are_left_out_with_a_note() {
    let run = home().keyfob([
        "sign",
        "-H",
        "Authorization: canary",
        LIST_USERS,
        "--print",
        "canonical",
    ]);
    assert_has(&run.stderr, &["note: the header authorization is left out"]);
    assert_lacks(&(run.ok()), &["canary"]);
}

#[test]
fn signing_again_with_other_keys_equals_signing_once() {
    let sign = |home: &Home, words: &[&str]| {
        let line = ["sign", "--request-file", "request"];
        home.keyfob(line.iter().chain(words).chain(&AT))
    };
    let v4a = ["--algorithm", "v4a", "--region-set", "us-*"];
    for (words, head, token) in [
        (&[][..], "Host: iam.amazonaws.com", "x-amz-security-token"),
        (
            &v4a,
            "Host: bucket.s3.eu-west-1.amazonaws.com",
            "x-amz-region-set",
        ),
        (
            &[],
            "Host: iam.amazonaws.com\nX-Amz-S3session-Token : stale",
            "x-amz-s3session-token",
        ),
    ] {
        let home = home();
        let write = |rest: &str| {
            let text = format!("PUT /?a=b HTTP/1.1\n{rest}\n\nbody");
            std::fs::write(home.path().join("request"), text).unwrap();
        };
        let original = head.lines().next().unwrap();
        write(original);
        let once = sign(&home, &["--print", "json"]).json();
        let temporary = self::home().with("AWS_SESSION_TOKEN", "stale");
        std::fs::copy(
            home.path().join("request"),
            temporary.path().join("request"),
        )
        .unwrap();
        let signed = sign(&temporary, words).ok();
        assert_has(&signed, &["x-amz-security-token: stale\n"]);

        write(&format!("{head}\n{}", signed.trim_end()));
        let run = sign(&home, &["--print", "json"]);
        assert_has(&run.stderr, &[&format!("the header {token} is left out")]);
        assert_eq!(run.json(), once, "{head}");
        let curl = sign(&home, &["--print", "curl"]).ok();
        assert_lacks(&curl, &["stale", "region-set"]);
    }
}

/// Without an earlier signature, a session token is signed as given.
#[test]
fn a_given_session_token_is_signed() {
    let canonical = sign(&[
        "-H",
        "X-Amz-Security-Token: mine",
        "--print",
        "canonical",
        LIST_USERS,
    ]);
    assert_has(&canonical, &["\nx-amz-security-token:mine\n"]);
}

#[test]
fn options_without_effect_are_refused() {
    let refuse = |words: &[&str]| home().keyfob(["sign"].iter().chain(words)).fails(252);
    assert_has(
        &refuse(&["--output", "json", LIST_USERS]),
        &["--print json"],
    );
    assert_has(
        &refuse(&["--expires-in", "60", LIST_USERS]),
        &["--auth query"],
    );
    refuse(&["--request-file", "x", "-d", "a"]);
    refuse(&["--request-file", "x", "--get"]);
}

/// curl sends the host as it stands in the URL, and servers sign it in lower case.
#[test]
fn the_host_is_printed_as_it_is_signed() {
    let s3 = ["--service", "s3", "--region", "us-east-1"];
    let url = "http://LocalHost:9000/b?list-type=2";
    for print in ["curl", "url", "json"] {
        let printed = sign(&[&s3[..], &["--print", print, url]].concat());
        assert_has(&printed, &["http://localhost:9000/b?list-type=2"]);
        assert_lacks(&printed, &["LocalHost"]);
    }
    let header = ["-H", "Host: Bucket.Example.COM:443"];
    let url = "https://10.0.0.1/k";
    let curl = sign(&[&s3[..], &header, &["--print", "curl", url]].concat());
    assert_has(
        &curl,
        &["'Host: bucket.example.com'", " https://10.0.0.1/k"],
    );
}

#[test]
fn the_path_is_printed_as_it_is_signed() {
    let printed = |service, print, path| {
        let url = format!("http://localhost:9000{path}");
        let options = ["--service", service, "--region", "us-east-1"];
        sign(&[&options[..], &["--print", print, &url]].concat())
    };
    for path in ["/bkt/%7Euser", "/bkt/%c3%bc", "/bkt/!a'(b)", "/bkt/a%2Fb"] {
        let canonical = printed("s3", "canonical", path);
        let signed = canonical.lines().nth(1).unwrap();
        let url = format!("http://localhost:9000{signed}\n");
        assert_eq!(printed("s3", "url", path), url);
        assert_has(&printed("s3", "curl", path), &[url.trim_end()]);
    }
    // The general rules encode the path once more, which is not the form to send.
    for path in ["/prod/a%20b", "/prod/!a", "/prod/%7Euser"] {
        let url = format!("http://localhost:9000{path}\n");
        assert_eq!(printed("execute-api", "url", path), url);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_key_and_a_region_in_the_environment_open_no_configuration_file_and_no_connection() {
    use std::process::Command;

    let mut nothing = Command::new("strace");
    let nothing = nothing.args(["-e", "trace=none", "true"]).output();
    if !nothing.is_ok_and(|run| run.status.success()) {
        println!("not run: needs strace, and leave to trace");
        return;
    }
    let calls = |home: Home| {
        let home = home
            .with_file("config", "[default]\nregion = eu-west-1\n")
            .with_file("credentials", "[default]\n");
        let trace = home.path().join("trace");
        let run = home
            .program("strace")
            .args(["-f", "-e", "trace=%file,socket,connect", "-o"])
            .arg(&trace)
            .args([env!("CARGO_BIN_EXE_keyfob"), "sign", LIST_USERS])
            .args(["--service", "iam"])
            .output()
            .unwrap();
        assert!(run.status.success(), "{run:?}");
        let calls = std::fs::read_to_string(&trace).unwrap();
        let is_wanted = |line: &&str| line.contains("/.aws/") || line.contains("socket(");
        let calls = calls.lines().filter(is_wanted).map(str::to_owned);
        calls.collect::<Vec<_>>()
    };
    assert_eq!(calls(home().with("AWS_REGION", "us-east-1")), [""; 0]);
    // A profile that is named must be there.
    let calls = calls(home().with("AWS_PROFILE", "default")).join("\n");
    assert_has(&calls, &["/.aws/config"]);
    assert_lacks(&calls, &["socket("]);
}

//! `keyfob serve proxy`, in front of servers that verify signatures and of ones that record.

use crate::{
    answers::{answer, start_echo, start_server},
    keyfob::{Home, assert_has, assert_lacks},
    python,
    running::{Running, boto3},
    servers::{Server, exchange, fetch, free_port},
};

const SECRET: &str = "canary/secret+access/key";

fn home() -> Home {
    Home::new()
        .with_key("AKIAPROXYEXAMPLE0000", SECRET)
        .with("AWS_REGION", "us-east-1")
}

/// Starts a proxy in front of a server, and returns it with its URL and its token.
fn start(home: &Home, to: &str, more: &[&str]) -> (Running, String, String) {
    let words = [&["--to", to, "--service", "s3"][..], more].concat();
    let server = Running::serve(home, "proxy", &words);
    let value = |name: &str| {
        let mut exports = server.exports.iter();
        let found = exports.find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let (url, token) = (value("KEYFOB_PROXY_URL"), value("KEYFOB_PROXY_TOKEN"));
    (server, url, token)
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn requests_without_a_key_reach_a_server_that_verifies_signatures() {
    let server = Server::rclone(python::rclone());
    let home = server.home().with("AWS_REGION", "us-east-1");
    let (_proxy, url, token) = start(&home, &server.url, &[]);
    let token = [("X-Keyfob-Token", token.as_str())];
    let at = |path: &str| format!("{url}/{path}");
    let unsigned = fetch("GET", &format!("{}/", server.url), &[], "");
    assert_eq!(status(&unsigned), "400", "{unsigned}");
    assert_eq!(status(&fetch("PUT", &at("bucket"), &token, "")), "200");
    let put = fetch("PUT", &at("bucket/a%20b%2Bc"), &token, "the body");
    assert_eq!(status(&put), "200", "{put}");
    let got = fetch("GET", &at("bucket/a%20b%2Bc"), &token, "");
    assert_has(&got, &["HTTP/1.1 200", "\r\n\r\nthe body"]);
    assert_eq!(
        status(&fetch("GET", &at("bucket/absent"), &token, "")),
        "404"
    );
}

#[test]
fn boto3_needs_no_key_and_a_placeholder_key_is_not_sent_on() {
    let server = Server::rclone(python::rclone());
    let home = server.home().with("AWS_REGION", "us-east-1");
    let (_proxy, url, token) = start(&home, &server.url, &[]);
    let program = format!(
        "
import boto3
from botocore import UNSIGNED
from botocore.config import Config

for bucket, config, key in [('one', Config(signature_version=UNSIGNED), None),
                            ('two', Config(), 'AKIAPLACEHOLDER')]:
    config = config.merge(Config(s3={{'addressing_style': 'path'}}))
    s3 = boto3.client('s3', endpoint_url='{url}', region_name='us-east-1', config=config,
                      aws_access_key_id=key, aws_secret_access_key=key and 'placeholder')
    def add(request, **_):
        request.headers['X-Keyfob-Token'] = '{token}'
    s3.meta.events.register('before-send.s3', add)
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key='a b', Body=b'the body')
    print(s3.get_object(Bucket=bucket, Key='a b')['Body'].read().decode())
"
    );
    assert_eq!(boto3(&Home::new(), &program).ok(), "the body\nthe body\n");
}

#[test]
fn what_may_not_pass_reaches_no_server() {
    let (upstream, requests) = start_server(&answer("200 OK", "passed"));
    let home = home();
    let more = ["--allow-method", "GET", "--allow-path", "/public/*"];
    let (_proxy, url, token) = start(&home, &upstream, &more);
    let own = ("X-Keyfob-Token", token.as_str());
    let address = url.trim_start_matches("http://");
    for (method, path, headers, expected) in [
        ("GET", "/public/a", vec![], "401"),
        ("GET", "/public/a", vec![("X-Keyfob-Token", "wrong")], "401"),
        ("GET", "/public/a", vec![own, ("Origin", "null")], "403"),
        (
            "GET",
            "/public/a",
            vec![own, ("Sec-Fetch-Site", "cross-site")],
            "403",
        ),
        (
            "GET",
            "/public/a",
            vec![own, ("X-Forwarded-For", "10.0.0.1")],
            "403",
        ),
        ("PUT", "/public/a", vec![own], "403"),
        ("GET", "/private", vec![own], "403"),
        ("GET", "/public/%2e%2e/private", vec![own], "403"),
    ] {
        let answer = fetch(method, &format!("{url}{path}"), &headers, "");
        assert_eq!(
            status(&answer),
            expected,
            "{method} {path} {headers:?}: {answer}"
        );
        assert_lacks(&answer, &[&token, "canary"]);
    }
    let head = format!("X-Keyfob-Token: {token}\r\nConnection: close\r\n\r\n");
    for (start, expected) in [
        (
            "GET /public/a HTTP/1.1\r\nHost: evil.example\r\n".to_owned(),
            "403",
        ),
        (
            format!("GET http://{address}/public/a HTTP/1.1\r\nHost: {address}\r\n"),
            "400",
        ),
        (
            format!("GET /public/a HTTP/1.1\r\nHost: {address}\r\nHost: b\r\n"),
            "403",
        ),
        (
            format!("GET /public/a HTTP/1.1\r\nHost: {address}\r\nX-A: b\r\n c\r\n"),
            "400",
        ),
        (
            format!("GET /public/a HTTP/1.1\r\nHost: {address}\r\nX-A : b\r\n"),
            "400",
        ),
        (
            format!(
                "GET /public/a HTTP/1.1\r\nHost: {address}\r\nContent-Length: 1\r\n\
                 Content-Length: 2\r\n"
            ),
            "400",
        ),
        (
            format!(
                "GET /{} HTTP/1.1\r\nHost: {address}\r\n",
                "a".repeat(70_000)
            ),
            "414",
        ),
    ] {
        let answer = exchange(address, &format!("{start}{head}")).unwrap();
        assert_eq!(status(&answer), expected, "{start:.200}: {answer}");
    }
    assert!(requests.try_recv().is_err());
    // The same with nothing wrong.
    let passed = fetch("GET", &format!("{url}/public/a"), &[own], "");
    assert_has(&passed, &["HTTP/1.1 200", "passed"]);
}

#[test]
fn the_upstream_gets_a_signature_and_no_token() {
    let (upstream, _requests) = start_echo();
    let home = home();
    std::fs::write(home.path().join("token"), "from-a-file\n").unwrap();
    let more = [
        "--token-file",
        "token",
        "--strip-header",
        "X-Secret",
        "--add-header",
        "X-Add: 1",
    ];
    let (_proxy, url, token) = start(&home, &upstream, &more);
    assert_eq!(token, "");
    let headers = [
        ("Authorization", "Bearer from-a-file"),
        ("X-Secret", "hidden"),
    ];
    let echo = fetch("GET", &format!("{url}/a"), &headers, "");
    assert_has(
        &echo,
        &["AWS4-HMAC-SHA256", "AKIAPROXYEXAMPLE0000", "x-add"],
    );
    assert_lacks(&echo, &["from-a-file", "hidden", "canary"]);
    // The file may change.
    std::fs::write(home.path().join("token"), "another").unwrap();
    assert_eq!(
        status(&fetch("GET", &format!("{url}/a"), &headers, "")),
        "401"
    );
}

#[test]
fn a_body_above_the_limit_and_a_server_that_is_gone_have_their_answers() {
    let home = home();
    let gone = format!("http://127.0.0.1:{}", free_port());
    let (_proxy, url, token) = start(&home, &gone, &["--max-body", "4"]);
    let own = [("X-Keyfob-Token", token.as_str())];
    assert_eq!(
        status(&fetch("PUT", &format!("{url}/a"), &own, "longer")),
        "413"
    );
    assert_eq!(
        status(&fetch("PUT", &format!("{url}/a"), &own, "four")),
        "502"
    );
}

#[test]
fn what_cannot_be_served_is_refused_at_the_start() {
    let home = home();
    let proxy = |words: &[&str]| {
        home.keyfob([&["serve", "proxy"], words].concat())
            .fails(252)
    };
    proxy(&[]);
    assert_has(&proxy(&["--to", "ftp://a"]), &["--to: write a URL"]);
    assert_has(
        &proxy(&["--to", "https://a.example/path"]),
        &["--to: write a URL"],
    );
    assert_has(&proxy(&["--to", "https://a.example"]), &["--service"]);
    assert_has(
        &proxy(&["--allow", "a.example"]),
        &["--to URL with --service"],
    );
    let to = ["--to", "https://s3.us-east-1.amazonaws.com"];
    let with = |more: &[&str]| proxy(&[&to, more].concat());
    assert_has(&with(&["--listen", "0.0.0.0:0"]), &["--listen-any"]);
    assert_has(&with(&["--allow-method", "a b"]), &["--allow-method"]);
    assert_has(
        &with(&["--add-header", "Host: a"]),
        &["--add-header", "host"],
    );
    assert_has(&with(&["--token-file", "absent"]), &["--token-file"]);
}

//! Requests of any kind against the rules: those of a fuzzer, and seeded ones in each run of the
//! tests.

#![expect(
    clippy::unwrap_used,
    reason = "they are tests, if not always run as such"
)]

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header, request::Parts};
use keyfob_sigv4::{Credentials, HostScope, Payload, Secret};
use percent_encoding::percent_decode_str;

use super::{
    resign::Resign,
    rules::{Forward, Limit, Plan, Rules, Upstream, Upstreams},
    targets::{Reach, Targets},
};
use crate::{args::MAX_BODY, s3::Filters};

/// Headers that decide something, or may not be sent on.
const NAMES: [&str; 27] = [
    "host",
    "authorization",
    "x-keyfob-token",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
    "x-amz-target",
    "x-amz-decoded-content-length",
    "x-amz-trailer",
    "connection",
    "te",
    "trailer",
    "transfer-encoding",
    "content-length",
    "content-type",
    "content-encoding",
    "expect",
    "upgrade",
    "proxy-authorization",
    "keep-alive",
    "x-http-method-override",
    "smithy-protocol",
    "x-strip",
    "x-add",
    "x-forwarded-for",
    "origin",
    "x-other",
];
/// The start of a signature by the placeholder key, with one that it cannot be.
const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=AKIDSTANDIN/20261122/us-east-1/s3/aws4_request, \
     SignedHeaders=host;x-amz-date, \
     Signature=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// How the names of actions begin that a proxy which only reads lets pass.
const READING: [&str; 7] = [
    "BatchGet", "Describe", "Get", "Head", "List", "Query", "Scan",
];

/// Checks a request of the fuzzer.
#[cfg(fuzzing)]
pub(crate) fn check_request(input: &[u8]) {
    check_all(input);
}

/// The rules that requests are checked against.
struct Proxies {
    all: Vec<Rules>,
    signing: [Rules; 3],
    resign: Resign,
}

static PROXIES: LazyLock<Proxies> = LazyLock::new(|| {
    let allowed = || {
        let patterns = Filters::new([(false, "*"), (true, "*.amazonaws.com")], &[""]);
        Upstreams::Allowed(patterns)
    };
    let limits = [Limit::None, Limit::Credentials, Limit::Reading];
    let all = limits
        .into_iter()
        .flat_map(|limit| [(limit, false), (limit, true)])
        .flat_map(|(limit, is_limited)| {
            [Upstreams::One(upstream()), allowed()]
                .map(|upstreams| rules(upstreams, limit, is_limited))
        })
        .collect();
    let keys = Credentials::new("AKIDSTANDIN", "placeholder").unwrap();
    let reach = Reach::One {
        upstream: upstream(),
        any_service: true,
    };
    Proxies {
        all,
        signing: limits.map(|limit| Rules::with_signing_callers(limit, MAX_BODY.into())),
        resign: Resign::new(keys, Targets::new(reach)).unwrap(),
    }
});

fn rules(upstreams: Upstreams, limit: Limit, is_limited: bool) -> Rules {
    let own = HeaderValue::from_static("own");
    let paths = Filters::new([(false, "*"), (true, "/public/*"), (true, "/")], &[""]);
    Rules {
        upstreams,
        paths: is_limited.then_some(paths),
        max_body: 10,
        resigns: false,
        strip: vec![HeaderName::from_static("x-strip")],
        add: vec![(HeaderName::from_static("x-add"), own)],
        ..Rules::with_signing_callers(limit, MAX_BODY.into())
    }
}

fn upstream() -> Upstream {
    Upstream {
        scheme: http::uri::Scheme::HTTPS,
        authority: "s3.eu-west-1.amazonaws.com".parse().unwrap(),
        prefix: "/a/b".to_owned(),
        service: "s3".to_owned(),
        is_for_all: false,
    }
}

/// Checks a request: after a byte that chooses its length and headers that most have, its method
/// and its target, a header a line, and after an empty line a body. Returns by how many proxies it
/// passes, and how many see a signature by the placeholder key.
fn check_all(input: &[u8]) -> (u64, u64) {
    let (mut passed, mut claimed) = (0, 0);
    if let Some((head, length, body)) = read(input) {
        for rules in &PROXIES.all {
            passed += u64::from(check(rules, &head, length, body));
        }
        for rules in &PROXIES.signing {
            claimed += u64::from(check_signed(&PROXIES.resign, rules, &head, length));
        }
    }
    (passed, claimed)
}

/// Returns a request, unless no HTTP client or server would take it for one.
fn read(input: &[u8]) -> Option<(Parts, Option<u64>, &[u8])> {
    let (choices, mut rest) = input.split_first()?;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (line, left) = rest.split_at(end.unwrap_or(rest.len()));
        rest = left.get(1..).unwrap_or_default();
        line
    };
    let start = str::from_utf8(line()).ok()?;
    let (method, target) = start.split_once(' ')?;
    let mut headers = HeaderMap::new();
    let mut usual = |bit: u8, name, value| {
        if choices & bit != 0 {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    usual(4, HeaderName::from_static("x-keyfob-token"), "right");
    usual(8, header::HOST, "s3.eu-west-1.amazonaws.com");
    usual(16, header::AUTHORIZATION, SIGNATURE);
    usual(
        16,
        HeaderName::from_static("x-amz-date"),
        "20261122T000000Z",
    );
    loop {
        let header = line();
        if header.is_empty() {
            break;
        }
        let colon = header.iter().position(|byte| *byte == b':')?;
        let value = header[colon + 1..].trim_ascii();
        headers.append(
            HeaderName::from_bytes(&header[..colon]).ok()?,
            HeaderValue::from_bytes(value).ok()?,
        );
    }
    let mut request = Request::new(());
    *request.method_mut() = method.parse().ok()?;
    *request.uri_mut() = target.parse().ok()?;
    *request.headers_mut() = headers;
    let length = [Some(0), Some(7), Some(70_000), None][usize::from(choices & 3)];
    Some((request.into_parts().0, length, rest))
}

/// Checks what passes.
fn check(rules: &Rules, head: &Parts, length: Option<u64>, body: &[u8]) -> bool {
    let token = Secret::from("right");
    let Ok(forward) = rules.decide(head, length, Some(&token)) else {
        return false;
    };
    let shown = format!("{head:?}");
    let sent = &forward.head;
    let values = |name: &str| head.headers.get_all(name).iter().count();
    assert_eq!(
        values("x-keyfob-token").max(values("authorization")),
        1,
        "{shown}"
    );
    for name in NAMES
        .iter()
        .filter(|name| sent.headers.contains_key(**name))
    {
        assert!(
            !matches!(
                *name,
                "authorization"
                    | "x-keyfob-token"
                    | "x-strip"
                    | "connection"
                    | "te"
                    | "transfer-encoding"
                    | "upgrade"
                    | "proxy-authorization"
                    | "host"
                    | "x-amz-date"
                    | "x-amz-security-token"
                    | "expect"
                    | "origin"
                    | "x-forwarded-for"
            ),
            "{name} is sent on: {shown}"
        );
    }
    assert_eq!(sent.headers["x-add"], "own");
    assert!(
        !matches!(sent.method, Method::CONNECT | Method::TRACE),
        "{shown}"
    );
    check_target(rules, head, &sent.uri);
    check_actions(rules, head, length, &forward, body);
    true
}

/// Checks that actions which the rules forbid do not pass in a body.
fn check_actions(rules: &Rules, head: &Parts, length: Option<u64>, forward: &Forward, body: &[u8]) {
    let shown = format!("{head:?}");
    let passes = |body| rules.check_body(forward, body).is_ok();
    let is_read = matches!(forward.plan, Plan::Empty | Plan::Hashed);
    match rules.limit {
        Limit::None => {}
        Limit::Credentials => {
            let mut kinds = head.headers.get_all(header::CONTENT_TYPE).iter().peekable();
            let is_json = kinds.peek().is_some()
                && kinds.all(|kind| {
                    kind.as_bytes()
                        .to_ascii_lowercase()
                        .starts_with(b"application/x-amz-json")
                });
            // Servers of S3 that are not those of AWS have STS at their root.
            let is_root = head.method == Method::POST && head.uri == "/";
            let is_sts = forward.service == "sts" || forward.service == "s3" && is_root;
            if is_sts && !is_json {
                assert!(is_read && !passes(b"a=b&Action=AssumeRole"), "{shown}");
            }
        }
        Limit::Reading => {
            match head.method {
                Method::GET | Method::HEAD => assert_eq!(length, Some(0), "{shown}"),
                _ => assert_eq!(head.method, Method::POST, "{shown}"),
            }
            // A body is read, and one that names another action does not pass.
            assert!(is_read && !passes(b"a=b&Action=CreateUser"), "{shown}");
            let named = form_urlencoded::parse(body).filter(|(name, _)| name == "Action");
            for (_, action) in named.filter(|_| passes(body)) {
                let reads = READING.iter().any(|verb| action.starts_with(verb));
                assert!(reads, "{action}: {shown}");
            }
        }
    }
}

fn check_target(rules: &Rules, head: &Parts, sent: &Uri) {
    if rules.paths.is_some() {
        let decoded = percent_decode_str(head.uri.path()).decode_utf8_lossy();
        assert!(
            decoded == "/" || decoded.starts_with("/public/"),
            "{decoded}"
        );
    }
    let authority = sent.authority().unwrap().as_str();
    let target = head.uri.path_and_query().unwrap().as_str();
    assert!(target.starts_with('/') && head.uri.authority().is_none());
    match &rules.upstreams {
        Upstreams::One(upstream) => {
            assert_eq!(authority, upstream.authority.as_str());
            assert_eq!(
                sent.path_and_query().unwrap().as_str(),
                format!("/a/b{target}")
            );
            let decoded = percent_decode_str(sent.path()).decode_utf8_lossy();
            let mut parts = decoded.split(['/', '\\']);
            assert!(parts.all(|part| part != ".."), "{sent}");
        }
        Upstreams::Allowed(_) => {
            assert!(HostScope::parse(authority).is_some(), "{authority}");
            assert!(authority.ends_with(".amazonaws.com"), "{authority}");
            assert_eq!(sent.path_and_query().unwrap().as_str(), target);
        }
    }
}

/// Checks that no signature is right which was not made with the key. Returns true if one is looked
/// at.
fn check_signed(resign: &Resign, rules: &Rules, head: &Parts, length: Option<u64>) -> bool {
    let mut dialect = None;
    let Ok((target, inner)) = resign.claim(head, &mut dialect) else {
        return false;
    };
    assert!(dialect.is_some());
    let _ = rules.decide_again(&inner, length, &target.upstream);
    let _ = resign.check_head(head, &target);
    for payload in [Payload::Empty, Payload::Declared, Payload::Bytes(b"a")] {
        assert!(resign.verify(head, payload, &target).is_err(), "{head:?}");
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::{Generator, LONG, SHORT};

    const METHODS: [&str; 10] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY",
    ];
    const TARGETS: [&str; 30] = [
        "/",
        "//",
        "/bucket/key",
        "/public/",
        "..",
        "%2e",
        "%2F",
        "%",
        "\\",
        "%5c",
        "*",
        "http://evil.example",
        "evil.example:443",
        "@",
        "?",
        "&",
        "=",
        "Action=ListUsers",
        "action=CreateUser",
        "X-Amz-Signature=a",
        "X-Amz-Credential=AKIDSTANDIN%2F20261122%2Fus-east-1%2Fs3%2Faws4_request",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-SignedHeaders=host",
        "&X-Amz-Date=20261122T000000Z&X-Amz-Expires=60",
        "/-/",
        "/-/s3-control",
        "/-/metrics",
        "/service/a/operation/ListUsers",
        "#",
        "é",
        "a",
    ];
    const VALUES: [&str; 28] = [
        "right",
        "Bearer right",
        "bearer ",
        "s3.eu-west-1.amazonaws.com",
        "sts.amazonaws.com",
        "evil.example",
        ":443",
        ".",
        "127.0.0.1",
        "UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "AWS4-HMAC-SHA256 Credential=AKIDSTANDIN/20261122/us-east-1/s3/aws4_request, ",
        "SignedHeaders=host;x-amz-date, ",
        "SignedHeaders=, ",
        "Signature=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "Signature=zz",
        "20261122T000000Z",
        "application/x-www-form-urlencoded",
        "DynamoDB_20120810.ListTables",
        "IAM.CreateUser",
        "close, x-other",
        "trailers",
        "chunked",
        ", ",
        "\t",
        "0",
    ];

    /// Returns a request as the fuzzer would write it.
    fn input(generator: &mut Generator) -> Vec<u8> {
        let choices = u8::try_from(generator.below(32)).unwrap();
        let method = METHODS[generator.below(METHODS.len())];
        // Most begin as they should.
        let start = ["/", "", "/public/", "/bucket/"][generator.below(4)];
        let target = generator.text(&TARGETS);
        let mut input = vec![choices];
        input.extend(format!("{method} {start}{target}\n").into_bytes());
        for _ in 0..generator.below(5) {
            let name = NAMES[generator.below(NAMES.len())];
            let value = match generator.below(3) {
                0 => generator.bytes(&VALUES),
                _ => VALUES[generator.below(VALUES.len())].into(),
            };
            input.extend([name.as_bytes(), b": ", &value, b"\n"].concat());
        }
        input.extend(b"\n");
        input.extend(generator.bytes(&TARGETS));
        input
    }

    /// Returns how many requests have passed, and how many claimed a signature by the key.
    fn check_many(count: u64) -> (u64, u64) {
        let (mut passed, mut claimed) = (0, 0);
        Generator::each(count, |generator| {
            let (passes, claims) = check_all(&input(generator));
            passed += passes;
            claimed += claims;
        });
        (passed, claimed)
    }

    #[test]
    fn what_passes_goes_where_it_may_and_has_no_token() {
        let (passed, claimed) = check_many(SHORT);
        // The requests are not all of a kind that is refused.
        assert!(passed > 0 && claimed > 0, "{passed}, {claimed}");
    }

    #[test]
    fn a_request_of_the_fuzzer_passes_by_the_proxies_that_let_it() {
        let get = b"\x04GET /public/a\nhost: s3.eu-west-1.amazonaws.com\n\n";
        assert_eq!(check_all(get), (12, 0));
        let list = b"\x05POST /\nhost: sts.amazonaws.com\n\nAction=ListUsers";
        assert_eq!(check_all(list), (8, 0));
        let other = b"\x05POST /\nhost: s4.eu-west-1.amazonaws.com\n\nAction=ListUsers";
        assert_eq!(check_all(other), (8, 0));
        assert_eq!(check_all(b"\x18GET /\n\n"), (0, 3));
        for no_request in [&b""[..], b"\x04", b"\x04GET", b"\x04GET /\na\n\n"] {
            assert_eq!(check_all(no_request), (0, 0));
        }
    }

    #[test]
    #[ignore = "long"]
    fn what_passes_of_many_requests_goes_where_it_may_and_has_no_token() {
        check_many(20 * LONG);
    }
}

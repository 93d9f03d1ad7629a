//! Requests of any kind against the rules, as the ones of a fuzzer would be.
//!
//! There is no target of cargo-fuzz for them: the rules stand on other modules of this program,
//! which is not a library, and would have to be public in one to be called from another crate.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header, request::Parts};
use keyfob_sigv4::{Credentials, HostScope, Payload, Secret};
use percent_encoding::percent_decode_str;

use super::{
    giving::Service,
    resign::Resign,
    rules::{Limit, Plan, Rules, Upstream, Upstreams},
    targets::{Reach, Targets},
};
use crate::{
    args::MAX_BODY,
    generator::{Generator, LONG, SHORT},
    s3::Filters,
};

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

/// Returns a request, unless no HTTP client or server would take it for one.
fn head(generator: &mut Generator) -> Option<Parts> {
    let method = METHODS[generator.below(METHODS.len())];
    // Most begin as they should.
    let start = ["/", "", "/public/", "/bucket/"][generator.below(4)];
    let target = format!("{start}{}", generator.text(&TARGETS));
    let mut headers = HeaderMap::new();
    if generator.below(2) == 0 {
        headers.insert("x-keyfob-token", HeaderValue::from_static("right"));
    }
    if generator.below(2) == 0 {
        let host = HeaderValue::from_static("s3.eu-west-1.amazonaws.com");
        headers.insert(header::HOST, host);
    }
    if generator.below(4) == 0 {
        let signature = format!("{}{}{}", VALUES[13], VALUES[14], VALUES[16]);
        headers.insert(header::AUTHORIZATION, signature.parse().ok()?);
        headers.insert("x-amz-date", HeaderValue::from_static("20261122T000000Z"));
    }
    for _ in 0..generator.below(5) {
        let name = HeaderName::from_static(NAMES[generator.below(NAMES.len())]);
        let value = match generator.below(3) {
            0 => generator.bytes(&VALUES),
            _ => VALUES[generator.below(VALUES.len())].into(),
        };
        headers.append(name, HeaderValue::from_bytes(&value).ok()?);
    }
    let mut request = Request::new(());
    *request.method_mut() = method.parse().ok()?;
    *request.uri_mut() = target.parse().ok()?;
    *request.headers_mut() = headers;
    Some(request.into_parts().0)
}

/// Checks what passes.
fn check(rules: &Rules, head: &Parts, length: Option<u64>) -> bool {
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
    if rules.limit == Limit::Reading {
        match sent.method {
            Method::GET | Method::HEAD => assert_eq!(length, Some(0), "{shown}"),
            _ => assert_eq!(sent.method, Method::POST, "{shown}"),
        }
        // A body is read, and one that names another action does not pass.
        let is_read = matches!(forward.plan, Plan::Empty | Plan::Hashed);
        assert!(is_read, "{shown}");
        let service = Service {
            name: &forward.service,
            is_one_of_all: forward.is_for_all,
        };
        let checked = rules.check_body(sent, service, b"a=b&Action=CreateUser");
        assert!(checked.is_err(), "{shown}");
    }
    true
}

fn check_target(rules: &Rules, head: &Parts, sent: &Uri) {
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

/// Returns how many requests have passed, and how many claimed a signature by the key.
fn check_all(count: u64) -> (u64, u64) {
    let allowed = || {
        let patterns = Filters::new([(false, "*"), (true, "*.amazonaws.com")], &[""]);
        Upstreams::Allowed(patterns)
    };
    let limits = [Limit::None, Limit::Credentials, Limit::Reading];
    let all: Vec<_> = limits
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
    let resign = Resign::new(keys, Targets::new(reach)).unwrap();
    let signing = limits.map(|limit| Rules::with_signing_callers(limit, MAX_BODY.into()));
    let (mut passed, mut claimed) = (0, 0);
    Generator::each(count, |generator| {
        let Some(head) = head(generator) else { return };
        let length = [Some(0), Some(7), Some(70_000), None][generator.below(4)];
        for rules in &all {
            passed += u64::from(check(rules, &head, length));
        }
        for rules in &signing {
            claimed += u64::from(check_signed(&resign, rules, &head, length));
        }
    });
    (passed, claimed)
}

#[test]
fn what_passes_goes_where_it_may_and_has_no_token() {
    let (passed, claimed) = check_all(SHORT);
    // The requests are not all of a kind that is refused.
    assert!(passed > 0 && claimed > 0, "{passed}, {claimed}");
}

#[test]
#[ignore = "long"]
fn what_passes_of_many_requests_goes_where_it_may_and_has_no_token() {
    check_all(20 * LONG);
}

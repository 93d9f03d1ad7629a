//! Which headers are signed: those that reach the service as they were sent, and the wishes of
//! the caller.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keyfob_sigv4::{Credentials, ErrorKind, Request, Rules, Scope, Signer, Timestamp, Ttl};

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap()
}

fn now() -> Timestamp {
    "20150830T123600Z".parse().unwrap()
}

/// Returns the names of the signed headers, without those of every signature.
fn signed(rules: Rules, headers: &[(&str, &str)]) -> Vec<String> {
    let request = Request::new("GET", "https://api.example.com/")
        .unwrap()
        .headers(headers)
        .unwrap();
    let signer = Signer::with_rules(Scope::new("us-east-1", "execute-api").unwrap(), rules);
    let steps = signer.explain(&request, &credentials(), now()).unwrap();
    let url = signer
        .presign(&request, &credentials(), now(), Ttl::MAX)
        .unwrap();
    let own = |names: &str| -> Vec<String> {
        let names = names.split(';').map(String::from);
        names
            .filter(|name| !["host", "x-amz-date"].contains(&name.as_str()))
            .collect()
    };
    assert_eq!(own(&url.signed_headers()), own(steps.signed_headers()));
    own(steps.signed_headers())
}

/// `aws/aws-sdk-java-v2#5895` and `#6369`, `aws/mcp-proxy-for-aws#313`,
/// `FantasticFiasco/aws-signature-version-4#1231`: a proxy rewrote a header, which broke the
/// signature.
#[test]
fn headers_that_clients_proxies_and_tracing_change_are_not_signed() {
    for name in [
        // What botocore leaves out from 1.43.127 on.
        "baggage",
        "Connection",
        "Expect",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "TE",
        "traceparent",
        "tracestate",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "User-Agent",
        "X-Amzn-Trace-Id",
        // Proxies and networks in between.
        "Client-Cert",
        "X-SSL-Client-Verify",
        "WL-Proxy-Client-IP",
        "Fly-Client-IP",
        "X-Vercel-Forwarded-For",
        "X-Request-Start",
        "X-Trace-Id",
        "X-B3",
        "Access-Control-Request-Method",
        "Last-Event-ID",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Host",
        "X-Forwarded-Client-Cert",
        "Via",
        "Forwarded",
        "X-Real-IP",
        "True-Client-IP",
        "CF-Ray",
        "CF-Connecting-IP",
        "CDN-Loop",
        "CloudFront-Viewer-Country",
        "Fastly-Client-IP",
        "X-Envoy-External-Address",
        "Max-Forwards",
        "Proxy-Connection",
        "HTTP2-Settings",
        // Tracing.
        "b3",
        "X-B3-TraceId",
        "X-Cloud-Trace-Context",
        "X-Datadog-Trace-Id",
        "uber-trace-id",
        "sentry-trace",
        "X-Request-Id",
        // Clients.
        "Accept-Encoding",
        "Cookie",
        "Origin",
        "Referer",
        "Sec-Fetch-Mode",
        "Sec-CH-UA",
        "Sec-WebSocket-Key",
        "Content-Length",
        "Authorization",
    ] {
        let names = signed(Rules::GENERAL, &[(name, "x"), ("Content-Type", "x")]);
        assert_eq!(names, ["content-type"], "{name}");
        assert!(Rules::why_unsigned(name).is_some(), "{name}");
    }
}

#[test]
fn headers_that_reach_the_service_as_they_were_sent_are_signed() {
    for name in [
        "accept",
        "accept-language",
        "cache-control",
        "content-encoding",
        "content-md5",
        "content-type",
        "date",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "range",
        "x-amz-acl",
        "x-amz-meta-via",
        "x-api-key",
        "x-forward",
    ] {
        assert_eq!(signed(Rules::GENERAL, &[(name, "x")]), [name]);
        assert_eq!(Rules::why_unsigned(name), None, "{name}");
    }
}

#[test]
fn what_connection_names_is_not_signed() {
    let headers = [
        ("X-Hop", "1"),
        ("X-Other", "1"),
        ("Connection", "close, x-hop"),
        ("X-End", "1"),
        ("connection", "X-OTHER ,Host,x-amz-target"),
        ("X-Amz-Target", "a"),
    ];
    assert_eq!(signed(Rules::GENERAL, &headers), ["x-amz-target", "x-end"]);
    let wanted = Rules::GENERAL.also_signed_headers(&["x-hop"]);
    assert_eq!(signed(wanted, &headers), ["x-amz-target", "x-end", "x-hop"]);
}

const MANY: [(&str, &str); 8] = [
    ("Content-Type", "text/plain"),
    ("Accept", "*/*"),
    ("Range", "bytes=0-9"),
    ("X-Team-Build", "7"),
    ("X-Amz-Meta-A", "1"),
    ("Content-Length", "5"),
    ("Via", "1.1 proxy"),
    ("User-Agent", "curl"),
];

#[test]
fn the_caller_can_leave_out_more_headers() {
    let rules = Rules::GENERAL.unsigned_headers(&["Accept", "x-team-*", "host", "x-amz-date"]);
    assert_eq!(
        signed(rules, &MANY),
        ["content-type", "range", "x-amz-meta-a"]
    );
    let rules = rules.every_header();
    assert_eq!(
        signed(rules, &MANY),
        [
            "content-length",
            "content-type",
            "range",
            "via",
            "x-amz-meta-a"
        ]
    );
}

#[test]
fn the_caller_can_sign_headers_that_are_left_out_by_default() {
    let rules = Rules::GENERAL.also_signed_headers(&["content-length", "user-*"]);
    assert!(signed(rules, &MANY).contains(&"content-length".into()));
    assert!(signed(rules, &MANY).contains(&"user-agent".into()));
    let never = Rules::GENERAL.also_signed_headers(&["authorization"]);
    assert!(signed(never, &[("authorization", "x")]).is_empty());
}

/// `durch/rust-s3#470`: an upload through a proxy that adds headers.
#[test]
fn the_caller_can_sign_only_the_headers_named() {
    let rules = Rules::GENERAL.only_signed_headers(&["content-type", "range", "via"]);
    assert_eq!(
        signed(rules, &MANY),
        ["content-type", "range", "via", "x-amz-meta-a"]
    );
}

#[test]
fn every_header_is_all_but_those_that_no_signer_of_aws_signs() {
    assert_eq!(
        signed(Rules::GENERAL.every_header(), &MANY),
        [
            "accept",
            "content-length",
            "content-type",
            "range",
            "via",
            "x-amz-meta-a",
            "x-team-build"
        ]
    );
    for name in [
        "x-amzn-trace-id",
        "connection",
        "upgrade",
        "expect",
        "transfer-encoding",
    ] {
        assert!(signed(Rules::GENERAL.every_header(), &[(name, "x")]).is_empty());
    }
}

#[test]
fn two_host_headers_that_differ_are_refused() {
    let request = || Request::new("GET", "https://example.com/").unwrap();
    let two = request().header("Host", "a").unwrap().header("host", "b");
    assert_eq!(two.unwrap_err().kind(), ErrorKind::Host);
    let two = request().headers(&[("host", "a"), ("Host", "b")]);
    assert_eq!(two.unwrap_err().kind(), ErrorKind::Host);
    let two = request()
        .headers(&[("host", "a")])
        .unwrap()
        .header("Host", "b");
    assert_eq!(two.unwrap_err().kind(), ErrorKind::Host);
}

/// Returns whether every way to sign answers [`ErrorKind::Host`].
fn is_host_refused(request: &Request<'_>) -> bool {
    let (signer, keys) = (Signer::s3("us-east-1").unwrap(), credentials());
    let answers = [
        signer.sign(request, &keys, now()).map(drop),
        signer.explain(request, &keys, now()).map(drop),
        signer.presign(request, &keys, now(), Ttl::MAX).map(drop),
        signer
            .explain_presign(request, &keys, now(), Ttl::MAX)
            .map(drop),
    ];
    let refused = answers.map(|answer| answer.is_err_and(|e| e.kind() == ErrorKind::Host));
    assert!(refused == [refused[0]; 4]);
    refused[0]
}

/// Constructors for servers take any headers, because a verifier refuses them itself.
#[test]
fn two_host_headers_that_differ_are_refused_when_signed_however_the_request_was_made() {
    for (other, is_refused) in [("b.com", true), ("a.com:8080", true), (" A.com", false)] {
        let list = [("host", "a.com"), ("accept", "*/*"), ("Host", other)];
        for target in ["/key", "https://a.com/key"] {
            let received = Request::from_wire("GET", target, &list).unwrap();
            assert_eq!(is_host_refused(&received), is_refused, "{other}");
            let stated = received.with_host("c.com").unwrap();
            assert!(!is_host_refused(&stated), "{other}");
        }
        let given = Request::new("GET", "https://a.com/").unwrap();
        let given = given.header("host", "a.com").unwrap();
        let given = given.headers(&list[2..]).unwrap();
        assert_eq!(is_host_refused(&given), is_refused, "{other}");
        #[cfg(feature = "http")]
        {
            let mut request = http::Request::get("https://a.com/key");
            for (name, value) in list {
                request = request.header(name, value);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let received = Request::from_http(&parts).unwrap();
            assert_eq!(is_host_refused(&received), is_refused, "{other}");
        }
    }
}

#[test]
fn equal_host_headers_are_signed_once() {
    let request = Request::new("GET", "https://example.com/")
        .unwrap()
        .header("Host", "a")
        .unwrap()
        .header("host", " a ")
        .unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    let steps = signer.explain(&request, &credentials(), now()).unwrap();
    assert!(steps.canonical_request().contains("\nhost:a\nx-amz-"));
}

#[cfg(feature = "http")]
mod in_place {
    use keyfob_sigv4::Payload;

    use super::*;

    fn request(hosts: &[&str]) -> http::Request<()> {
        let mut request = http::Request::get("http://localhost:9000/");
        for host in hosts {
            request = request.header("host", *host);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn two_host_headers_that_differ_are_refused() {
        let mut two = request(&["a", "b"]);
        let signer = Signer::s3("us-east-1").unwrap();
        let answer = signer.sign_http(&mut two, Payload::Empty, &credentials(), now());
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Host);
        assert_eq!(two.headers().len(), 2);
    }

    #[test]
    fn equal_host_headers_are_sent_once() {
        let mut two = request(&["a", "a"]);
        let signer = Signer::s3("us-east-1").unwrap();
        signer
            .sign_http(&mut two, Payload::Empty, &credentials(), now())
            .unwrap();
        assert_eq!(two.headers().get_all("host").iter().count(), 1);
    }
}

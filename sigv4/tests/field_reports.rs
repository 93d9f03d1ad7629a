//! What users of other signers reported as wrong, one line each.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keyfob_sigv4::{
    Credentials, ErrorKind, Explanation, Request, Rules, Scope, Signer, Timestamp, Ttl, uri,
};

fn at() -> Timestamp {
    "20150830T123600Z".parse().unwrap()
}

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "secret").unwrap()
}

fn explain(rules: Rules, target: &str, headers: &[(&str, &str)]) -> Explanation {
    let request = Request::from_parts("GET", "https", "example.com", target).unwrap();
    let signer = Signer::with_rules(Scope::new("us-east-1", "service").unwrap(), rules);
    signer.explain(&request.headers(headers).unwrap(), &credentials(), at())
}

fn line(rules: Rules, target: &str, number: usize) -> String {
    let explanation = explain(rules, target, &[]);
    explanation
        .canonical_request()
        .split('\n')
        .nth(number)
        .unwrap()
        .to_owned()
}

#[test]
fn paths_are_encoded_once_more_for_all_services_but_s3() {
    for (wire, canonical) in [
        ("/_search/%3Fa=b%20c", "/_search/%253Fa%3Db%2520c"),
        ("/_task/taskId%3A123%3Aabc", "/_task/taskId%253A123%253Aabc"),
        (
            "/tables/arn%3Aaws%3As3tables%2F../encryption",
            "/tables/arn%253Aaws%253As3tables%252F../encryption",
        ),
        ("/foo/..", "/"),
        ("//", "/"),
        ("", "/"),
        ("/..", "/"),
        ("/../a", "/a"),
        ("/a/b/.", "/a/b"),
        ("/a/b/..", "/a"),
        ("/a/./b/", "/a/b/"),
        ("/%2e%2e/a", "/%252e%252e/a"),
        (
            "/a@b:c+d*e!'()f;g=h,i",
            "/a%40b%3Ac%2Bd%2Ae%21%27%28%29f%3Bg%3Dh%2Ci",
        ),
    ] {
        assert_eq!(line(Rules::GENERAL, wire, 1), canonical);
    }
    for wire in [
        "/test%20file",
        "/%3Fa%3Db%20c",
        "/x/.",
        "//..",
        "//foo",
        "/my-object//example//photo.user",
    ] {
        assert_eq!(line(Rules::S3, wire, 1), wire);
    }
    assert_eq!(line(Rules::S3, "", 1), "/");
    for key in [
        "+askhn",
        "libstdc++-docs.x86_64.rpm",
        "mac@2x.png",
        "2016-10-07T23:30:38Z",
        "a(b)",
        "é",
        "!@#$%^&*()_+-=;'><,?.txt",
    ] {
        let wire = format!("/{}", uri::encode_path(key));
        assert_eq!(line(Rules::S3, &wire, 1), wire);
    }
}

#[test]
fn parameters_are_encoded_exactly_once() {
    for (wire, canonical) in [
        ("arg=a,b,c", "arg=a%2Cb%2Cc"),
        ("query=para:meter", "query=para%3Ameter"),
        ("next=abc%3D", "next=abc%3D"),
        ("graph=urn:uuid:6e8b", "graph=urn%3Auuid%3A6e8b"),
        (
            "query=select * where { ?s ?p }",
            "query=select%20%2A%20where%20%7B%20%3Fs%20%3Fp%20%7D",
        ),
        ("a=b+c", "a=b%20c"),
        ("a=%2f", "a=%2F"),
        ("a&&b", "a=&b="),
        ("a=1&a1=2", "a=1&a1=2"),
        ("a=2&a=1", "a=1&a=2"),
        ("b=c=d", "b=c%3Dd"),
        ("%zz=%", "%25zz=%25"),
        ("é=%7E", "%C3%A9=~"),
        ("b&B&%41", "A=&B=&b="),
    ] {
        assert_eq!(
            line(Rules::GENERAL, &format!("/?{wire}"), 2),
            canonical,
            "{wire}"
        );
        assert_eq!(
            line(Rules::S3, &format!("/?{wire}"), 2),
            canonical,
            "{wire}"
        );
    }
}

#[test]
fn headers_are_trimmed_folded_joined_and_chosen() {
    let explanation = explain(
        Rules::GENERAL,
        "/",
        &[
            ("My-Header", "  a   b   c "),
            ("my-header", "\"a   b\tc\""),
            ("Empty", ""),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "close"),
            ("Accept-Encoding", "gzip"),
            ("User-Agent", "me"),
            ("TE", "trailers"),
            ("Proxy-Authorization", "x"),
            ("Sec-WebSocket-Key", "x"),
            ("X-Amzn-Trace-Id", "x"),
            ("Expect", "100-continue"),
        ],
    );
    assert_eq!(
        explanation.signed_headers(),
        "empty;host;my-header;x-amz-date"
    );
    let canonical = explanation.canonical_request();
    assert!(
        canonical.contains("\nempty:\nhost:example.com\nmy-header:a b c,\"a b c\"\n"),
        "{canonical}"
    );
}

#[test]
fn hosts_are_signed_as_they_are_sent() {
    for (url, host) in [
        ("https://EXAMPLE.com", "example.com"),
        ("https://example.com:443/", "example.com"),
        ("http://example.com:80/", "example.com"),
        ("https://example.com:80/", "example.com:80"),
        ("http://[::1]:8080/x", "[::1]:8080"),
        ("wss://example.com:8443/x", "example.com:8443"),
        ("https://example.com#fragment", "example.com"),
    ] {
        assert_eq!(Request::new("GET", url).unwrap().host(), host, "{url}");
    }
    for url in [
        "https:///path",
        "https://",
        "https://ex ample.com/",
        "https://é.com/",
        "https://a:b/",
        "https://u:p@example.com/",
    ] {
        assert_eq!(
            Request::new("GET", url).unwrap_err().kind(),
            ErrorKind::Host,
            "{url}"
        );
    }
    assert_eq!(
        Request::from_wire("GET", "/", &[]).unwrap_err().kind(),
        ErrorKind::Host
    );
    for url in [
        "/relative",
        "example.com/x",
        "https://example.com/\n",
        "://x",
    ] {
        assert_eq!(
            Request::new("GET", url).unwrap_err().kind(),
            ErrorKind::Url,
            "{url}"
        );
    }
}

#[test]
fn refused_urls_are_repeated_without_their_secrets() {
    for url in [
        "/?X-Amz-Signature=canary",
        "https//user:canary/x",
        "https:/user:canary@example.com/x",
        "user:canary@example.com/x",
        "https://user:canary@example.com/x",
        "https://user:can@canary@example.com/x",
        "https://user:canary",
        "https://canary@example.com/",
        "https://user:canary/x@example.com/",
        "https://example.com/\n?canary",
    ] {
        let error = Request::new("GET", url).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[test]
fn presigned_urls_escape_what_must_be_escaped() {
    let session = credentials().with_session_token("a/b+c=").unwrap();
    let request = Request::new(
        "GET",
        "https://examplebucket.s3.amazonaws.com/a/b%20c?versionId=1",
    )
    .unwrap();
    let request = request.header("b", "1").unwrap().header("A", "2").unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    let presigned = signer.presign(&request, &session, at(), Ttl::MAX);
    let url = presigned.as_str();
    assert!(url.starts_with(
        "https://examplebucket.s3.amazonaws.com/a/b%20c?versionId=1&X-Amz-Algorithm="
    ));
    for part in [
        "X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fs3%2Faws4_request&",
        "X-Amz-SignedHeaders=a%3Bb%3Bhost&",
        "X-Amz-Security-Token=a%2Fb%2Bc%3D&",
        "X-Amz-Expires=604800&",
    ] {
        assert!(url.contains(part), "{url}");
    }
    assert_eq!(presigned.signed_headers(), "a;b;host");
    let ends = session.with_expiry(at().plus_seconds(60));
    let presigned = signer.presign(&request, &ends, at(), Ttl::MAX);
    assert_eq!(presigned.ends_early(), Some(at().plus_seconds(60)));
    assert_eq!(presigned.expiry(), presigned.ends_early());
    assert!(!format!("{presigned:?}").contains("Signature"));
    for seconds in [0, 604_801, u64::MAX] {
        assert_eq!(Ttl::from_secs(seconds).unwrap_err().kind(), ErrorKind::Ttl);
    }
}

#[test]
fn an_empty_session_token_is_none() {
    let key = credentials().with_session_token("").unwrap();
    let request = Request::new("GET", "https://example.com/").unwrap();
    let signature = Signer::s3("us-east-1").unwrap().sign(&request, &key, at());
    let names: Vec<_> = signature.headers().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["x-amz-date", "x-amz-content-sha256", "authorization"]
    );
}

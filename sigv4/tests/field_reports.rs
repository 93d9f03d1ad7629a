//! Faults that users of other signers reported: one test for each kind, with the public threads.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[cfg(feature = "http")]
use keyfob_sigv4::Payload;
use keyfob_sigv4::{
    Credentials, ErrorKind, Explanation, Presigned, Request, Rules, Scope, Signer, Timestamp, Ttl,
    uri, verify,
};

fn at() -> Timestamp {
    "20150830T123600Z".parse().unwrap()
}

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "secret").unwrap()
}

fn signer(rules: Rules) -> Signer {
    Signer::with_rules(Scope::new("us-east-1", "service").unwrap(), rules)
}

fn explain(rules: Rules, target: &str, headers: &[(&str, &str)]) -> Explanation {
    let request = Request::from_parts("GET", "https", "example.com", target)
        .unwrap()
        .headers(headers)
        .unwrap();
    signer(rules)
        .explain(&request, &credentials(), at())
        .unwrap()
}

fn line(rules: Rules, target: &str, number: usize) -> String {
    let explanation = explain(rules, target, &[]);
    let mut lines = explanation.canonical_request().split('\n');
    lines.nth(number).unwrap().to_owned()
}

fn canonical_path(rules: Rules, wire: &str) -> String {
    line(rules, wire, 1)
}

fn canonical_query(wire: &str) -> String {
    let target = format!("/?{wire}");
    let canonical = line(Rules::GENERAL, &target, 2);
    assert_eq!(line(Rules::S3, &target, 2), canonical);
    canonical
}

/// `aws/aws-sdk-js#853` (the answer of Elasticsearch), `okigan/awscurl#33`, `curl/curl#16927`,
/// `r-lib/httr2#843`: the escapes of the path were signed as sent, but these services encode them
/// again. An escaped slash in an ARN does not separate segments.
#[test]
fn general_services_sign_the_escapes_of_a_path_escaped_again() {
    for (wire, canonical) in [
        ("/_search/%3Fa=b%20c", "/_search/%253Fa%3Db%2520c"),
        ("/_task/taskId%3A123%3Aabc", "/_task/taskId%253A123%253Aabc"),
        (
            "/tables/arn%3Aaws%3As3tables%3A..%2F../encryption",
            "/tables/arn%253Aaws%253As3tables%253A..%252F../encryption",
        ),
        (
            "/tables/arn%3Aaws%3As3tables%3Aus-east-1%3A123456789012%3Abucket%2Fname/encryption",
            "/tables/arn%253Aaws%253As3tables%253Aus-east-1%253A123456789012%253Abucket%252Fname/encryption",
        ),
        (
            "/a@b:c+d*e!'()f;g=h,i",
            "/a%40b%3Ac%2Bd%2Ae%21%27%28%29f%3Bg%3Dh%2Ci",
        ),
    ] {
        assert_eq!(canonical_path(Rules::GENERAL, wire), canonical);
    }
}

/// `envoyproxy/envoy#35023`: `%20` of a key was signed as `%2520`.
#[test]
fn s3_signs_the_escapes_of_a_path_as_they_are() {
    for wire in ["/test%20file", "/a%2520b", "/%C3%A9"] {
        assert_eq!(canonical_path(Rules::S3, wire), wire);
    }
}

/// `aws/aws-sdk-js#853` (the answer of S3), `envoyproxy/envoy#42165`, `soto-project/soto#601`,
/// `brendanhay/amazonka#127`: clients leave `@` and `=` bare in a path; S3 decodes the key and
/// encodes it again.
#[test]
fn s3_signs_bare_characters_escaped() {
    for (wire, canonical) in [
        ("/%3Fa=b%20c", "/%3Fa%3Db%20c"),
        ("/images/mac@2x.png", "/images/mac%402x.png"),
        ("/test/a/b/test1/ab@cd", "/test/a/b/test1/ab%40cd"),
        ("/a=1/file.txt", "/a%3D1/file.txt"),
        ("/2016-10-07T23:30:38Z", "/2016-10-07T23%3A30%3A38Z"),
        ("/a(b)/é", "/a%28b%29/%C3%A9"),
    ] {
        assert_eq!(canonical_path(Rules::S3, wire), canonical);
        assert_eq!(canonical_path(Rules::S3, canonical), canonical);
    }
}

/// radosgw, Swift's s3api, s3s, rclone and MinIO decode a path and encode it again, as S3 does:
/// `%7E` is what Java's `URLEncoder` makes of `~`.
#[test]
fn s3_signs_escapes_in_upper_case_and_only_those_that_are_needed() {
    for (wire, canonical) in [
        ("/bkt/%7Euser", "/bkt/~user"),
        ("/bkt/%c3%bc", "/bkt/%C3%BC"),
        ("/a%2Db%41", "/a-bA"),
        ("/a%2fb", "/a%2Fb"),
        ("/100%", "/100%25"),
        ("/%zz%7", "/%25zz%257"),
    ] {
        assert_eq!(canonical_path(Rules::S3, wire), canonical);
        assert_eq!(canonical_path(Rules::S3, canonical), canonical);
    }
}

/// Some servers verify the path as it arrives, others write it again: both accept such a URL.
#[test]
fn a_presigned_url_of_s3_has_the_path_as_it_is_signed() {
    for (wire, signed) in [
        ("/bkt/%7euser", "/bkt/~user"),
        ("/bkt/%c3%bc", "/bkt/%C3%BC"),
        ("/mac@2x.png", "/mac%402x.png"),
        ("/é", "/%C3%A9"),
        ("", "/"),
    ] {
        let url = format!("https://minio.corp:9000{wire}?list-type=2");
        let request = Request::new("GET", &url).unwrap();
        let presigned = signer(Rules::S3)
            .presign(&request, &credentials(), at(), Ttl::MAX)
            .unwrap();
        let expected = format!("https://minio.corp:9000{signed}?list-type=2&X-Amz-Algorithm=");
        assert!(presigned.as_str().starts_with(&expected), "{wire}");
        let again = Request::new("GET", presigned.as_str()).unwrap();
        let verifier =
            verify::Verifier::with_rules(Scope::new("us-east-1", "service").unwrap(), Rules::S3);
        let answer = verifier.verify(&again, at(), |_| Some(credentials()));
        assert!(answer.is_ok(), "{wire}");
    }
    // Other services read the path as it is sent, so it stays.
    let request = Request::new("GET", "https://minio.corp:9000/%7euser").unwrap();
    let presigned = signer(Rules::GENERAL)
        .presign(&request, &credentials(), at(), Ttl::MAX)
        .unwrap();
    assert!(presigned.as_str().contains("/%7euser?"));
}

/// Keys that other signers could not sign: `durch/rust-s3#148` and `#93`,
/// `anomalizer/ngx_aws_auth#87`, `soto-project/soto#601`, `envoyproxy/envoy#42165`,
/// `rusoto/rusoto#350`, `rustfs/rustfs#2477`, `jamhall/s3rver#513`, `senrok/yadal#2`.
const KEYS: [(&str, &str); 9] = [
    ("+askhn", "/%2Baskhn"),
    (
        "libstdc++-docs.x86_64.rpm",
        "/libstdc%2B%2B-docs.x86_64.rpm",
    ),
    ("ab@cd", "/ab%40cd"),
    ("mac@2x.png", "/mac%402x.png"),
    ("2016-10-07T23:30:38Z", "/2016-10-07T23%3A30%3A38Z"),
    ("sitemap.xmlage=", "/sitemap.xmlage%3D"),
    ("a(b)", "/a%28b%29"),
    ("é", "/%C3%A9"),
    (
        "de9dd4d7-8ae9-4fb3-a0f5-3ffd4ff1a1b3 !@#$%^&*()_+-=;'><,?.txt",
        "/de9dd4d7-8ae9-4fb3-a0f5-3ffd4ff1a1b3%20%21%40%23%24%25%5E%26%2A%28%29_%2B-%3D%3B%27%3E%3C%2C%3F.txt",
    ),
];

#[test]
fn keys_are_escaped_once_and_signed_as_they_are_sent() {
    for (key, wire) in KEYS {
        assert_eq!(format!("/{}", uri::encode_path(key)), wire);
        assert_eq!(canonical_path(Rules::S3, wire), wire);
    }
}

/// `envoyproxy/envoy#42165`, `okigan/awscurl#115` and `#216`: the client sent another path than was
/// signed.
#[test]
fn clients_send_the_path_that_was_signed() {
    for (_, wire) in KEYS {
        let url = format!("https://bucket.s3.amazonaws.com{wire}?a=b%2Bc%20d");
        let presigned = presign(&url, &credentials());
        assert!(presigned.as_str().starts_with(&url));
        // The crate with which reqwest and ureq parse URLs.
        let parsed = url::Url::parse(presigned.as_str()).unwrap();
        assert_eq!(parsed.as_str(), presigned.as_str());
        #[cfg(feature = "http")]
        assert_eq!(
            presigned.as_str().parse::<http::Uri>().unwrap(),
            presigned.as_str()
        );
    }
}

/// `tedder/requests-aws4auth#31`, `versity/versitygw#2274`, `smithy-lang/smithy-rs#1308`: the keys
/// `x/.`, `//..`, `/foo` and one that contains `//` were normalized.
#[test]
fn s3_does_not_normalize_a_path() {
    for wire in ["/x/.", "///..", "//foo", "/my-object//example//photo.user"] {
        assert_eq!(canonical_path(Rules::S3, wire), wire);
        let url = format!("https://bucket.s3.amazonaws.com{wire}");
        assert!(presign(&url, &credentials()).as_str().starts_with(&url));
        #[cfg(feature = "http")]
        assert_eq!(sent_by_http(&url), wire);
    }
    assert_eq!(canonical_path(Rules::S3, ""), "/");
}

/// Returns the path that hyper sends for a signed request of the crate `http`, after verifying it.
#[cfg(feature = "http")]
fn sent_by_http(url: &str) -> String {
    let mut request = http::Request::get(url).body(()).unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    let key = credentials();
    signer
        .sign_http(&mut request, Payload::Empty, &key, at())
        .unwrap();
    let (parts, ()) = request.into_parts();
    let verifier = verify::Verifier::s3("us-east-1").unwrap();
    let received = Request::from_http(&parts).unwrap();
    verifier.verify(&received, at(), |_| Some(key)).unwrap();
    parts.uri.path().to_owned()
}

/// `aws/aws-sdk-js#853`, `smithy-lang/smithy-rs#1308`. The rows with a final dot segment agree with
/// botocore and the signers in C and JavaScript.
#[test]
fn general_services_normalize_a_path() {
    for (wire, canonical) in [
        ("/foo/..", "/"),
        ("//", "/"),
        ("", "/"),
        ("/..", "/"),
        ("/../a", "/a"),
        ("/a/b/.", "/a/b"),
        ("/a/b/..", "/a"),
        ("/a/./b/", "/a/b/"),
        ("/%2e%2e/a", "/%252e%252e/a"),
    ] {
        assert_eq!(canonical_path(Rules::GENERAL, wire), canonical);
    }
}

/// `awslabs/aws-c-auth#162`: the published case `get-space-normalized` has a bare space in its
/// path, which is encoded once. Clients send `%20` instead, which is encoded twice.
#[test]
fn the_path_of_the_published_case_with_a_space_is_encoded_twice_when_sent_escaped() {
    let once = Rules::GENERAL.encode_path_twice(false);
    for (rules, wire, canonical) in [
        (once, "/example space/", "/example%20space/"),
        (once, "/example%20space/", "/example%20space/"),
        (Rules::GENERAL, "/example space/", "/example%20space/"),
        (Rules::GENERAL, "/example%20space/", "/example%2520space/"),
    ] {
        assert_eq!(canonical_path(rules, wire), canonical, "{wire}");
    }
}

/// `okigan/awscurl#138` (`,`), `#115` (`:`) and `#216` (`%3D` became `%253D`), `curl/curl#11794` (a
/// URN), `curl/curl#13058` (SPARQL), `async-aws/aws#1372` (`+`).
#[test]
fn parameters_are_encoded_exactly_once() {
    for (wire, canonical) in [
        ("arg=a,b,c", "arg=a%2Cb%2Cc"),
        ("query=para:meter", "query=para%3Ameter"),
        ("next=abc%3D", "next=abc%3D"),
        ("next=abc=", "next=abc%3D"),
        (
            "graph=urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
            "graph=urn%3Auuid%3A6e8bc430-9c3a-11d9-9669-0800200c9a66",
        ),
        (
            "query=select * where { ?s ?p ?o } limit 1",
            "query=select%20%2A%20where%20%7B%20%3Fs%20%3Fp%20%3Fo%20%7D%20limit%201",
        ),
        ("query=select+*+where", "query=select%20%2A%20where"),
        ("a=b%2Bc", "a=b%2Bc"),
        ("a=%2f", "a=%2F"),
        ("a&&b", "a=&b="),
        ("a=1&a1=2", "a=1&a1=2"),
        ("a=2&a=1", "a=1&a=2"),
        ("b=c=d", "b=c%3Dd"),
        ("%zz=%", "%25zz=%25"),
        ("é=%7E", "%C3%A9=~"),
        ("b&B&%41", "A=&B=&b="),
    ] {
        assert_eq!(canonical_query(wire), canonical, "{wire}");
    }
}

/// `boto/botocore#1182`, `http4k/http4k#947`, `KumoCorp/kumomta#522`. Quotes change nothing, by the
/// case `get-header-value-trim` of AWS's test suite; `chimera-nas/chimera#1102` assumed that they
/// do.
#[test]
fn header_values_are_trimmed_folded_and_joined_in_order() {
    for (values, canonical) in [
        (&["a   b   c"][..], "a b c"),
        (&["a b c   "], "a b c"),
        (&["\t a \t b"], "a b"),
        (&["\"a   b   c\""], "\"a b c\""),
        (&["b", " a ", "b"], "b,a,b"),
        (&[""], ""),
    ] {
        let headers: Vec<_> = values.iter().map(|value| ("My-Header", *value)).collect();
        let explanation = explain(Rules::GENERAL, "/", &headers);
        let line = format!("\nhost:example.com\nmy-header:{canonical}\nx-amz-date:");
        let text = explanation.canonical_request();
        assert!(text.contains(&line), "{text}");
        assert_eq!(explanation.signed_headers(), "host;my-header;x-amz-date");
    }
}

/// `awslabs/aws-sdk-rust#316`, `aws/aws-sdk-java-v2#2633`, `aws/aws-sdk-ruby#1651`: an empty token
/// was sent and signed.
#[test]
fn an_empty_session_token_is_neither_sent_nor_signed() {
    let url = "https://example.com/";
    let request = Request::new("GET", url).unwrap();
    let empty = credentials().with_session_token("").unwrap();
    for key in [&credentials(), &empty] {
        for signer in [Signer::s3("us-east-1").unwrap(), signer(Rules::GENERAL)] {
            let signature = signer.sign(&request, key, at()).unwrap();
            assert!(signature.headers().all(|(name, _)| !name.contains("token")));
            let explanation = signer.explain(&request, key, at()).unwrap();
            assert!(!explanation.canonical_request().contains("token"));
        }
        assert!(!presign(url, key).as_str().contains("Token"));
        #[cfg(feature = "http")]
        assert!(!signed_http(url, key).contains_key("x-amz-security-token"));
    }
}

#[cfg(feature = "http")]
fn signed_http(url: &str, key: &Credentials) -> http::HeaderMap {
    let mut request = http::Request::get(url).body(()).unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    signer
        .sign_http(&mut request, Payload::Empty, key, at())
        .unwrap();
    request.into_parts().0.headers
}

fn presign(url: &str, key: &Credentials) -> Presigned {
    let request = Request::new("GET", url).unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    signer.presign(&request, key, at(), Ttl::MAX).unwrap()
}

/// `rusoto/rusoto#1653`: the token was encoded twice in the URL.
#[test]
fn session_tokens_are_encoded_once_in_presigned_urls() {
    let session = credentials().with_session_token("a/b+c=").unwrap();
    let presigned = presign("https://examplebucket.s3.amazonaws.com/", &session);
    let token = "&X-Amz-Security-Token=a%2Fb%2Bc%3D&";
    assert!(presigned.as_str().contains(token), "{}", presigned.as_str());
}

/// `durch/rust-s3#115` (the slashes of the credential were bare), `#117` (the names of headers were
/// joined by `&`), `#133` and `#144` (the slashes of the path were encoded).
#[test]
fn presigned_urls_escape_only_what_must_be_escaped() {
    let url = "https://examplebucket.s3.amazonaws.com/a/b%20c?versionId=1";
    let request = Request::new("GET", url)
        .unwrap()
        .header("b", "1")
        .unwrap()
        .header("A", "2")
        .unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    let presigned = signer
        .presign(&request, &credentials(), at(), Ttl::MAX)
        .unwrap();
    let signed = presigned.as_str();
    assert!(
        signed.starts_with(&format!("{url}&X-Amz-Algorithm=")),
        "{signed}"
    );
    for part in [
        "&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fs3%2Faws4_request&",
        "&X-Amz-SignedHeaders=a%3Bb%3Bhost&",
        "&X-Amz-Expires=604800&",
    ] {
        assert!(signed.contains(part), "{signed}");
    }
    assert_eq!(presigned.signed_headers(), "a;b;host");
    assert!(!format!("{presigned:?}").contains("Signature"));
}

/// A URL for a week, from a session that expires in a minute.
#[test]
fn presigned_urls_expire_with_their_credentials() {
    let ends = credentials().with_expiry(at().plus_seconds(60));
    let presigned = presign("https://example.com/", &ends);
    assert_eq!(presigned.expires_early(), Some(at().plus_seconds(60)));
    assert_eq!(presigned.expiry(), presigned.expires_early());
    for seconds in [0, 604_801, u64::MAX] {
        assert_eq!(Ttl::from_secs(seconds).unwrap_err().kind(), ErrorKind::Ttl);
    }
}

/// `KumoCorp/kumomta#522`: a request without a host was signed with an empty one.
/// Tokens stand in URLs as the user name: `https://TOKEN:x@host/`.
#[test]
fn no_error_repeats_user_information_of_a_url() {
    for url in [
        "https://canary:x@host/",
        "https://canary@host/",
        "https://a:canary@host:1/",
        "canary:x@host/",
        "https://a@canary:x@host/",
    ] {
        let error = Request::new("GET", url).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
    let error = Scope::from_host("canary:x@host").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    let two = [("host", "a.com"), ("host", "canary:x@a.com")];
    let request = Request::new("GET", "https://a.com/").unwrap();
    let error = request.headers(&two).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
}

#[test]
fn a_request_without_a_host_is_refused() {
    let refused = |url| Request::new("GET", url).unwrap_err().kind();
    for url in [
        "https:///path",
        "https://",
        "https://ex ample.com/",
        "https://é.com/",
        "https://a:b/",
        "https://u:p@example.com/",
    ] {
        assert_eq!(refused(url), ErrorKind::Host, "{url}");
    }
    for url in [
        "/relative",
        "example.com/x",
        "https://example.com/\n",
        "://x",
    ] {
        assert_eq!(refused(url), ErrorKind::Url, "{url}");
    }
    for headers in [&[][..], &[("Host", "")], &[("Host", " ")]] {
        let error = Request::from_wire("GET", "/", headers).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Host);
    }
    #[cfg(feature = "http")]
    {
        let mut request = http::Request::get("/relative").body(()).unwrap();
        let signer = signer(Rules::GENERAL);
        let result = signer.sign_http(&mut request, Payload::Empty, &credentials(), at());
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Host);
        assert!(request.headers().is_empty());
    }
}

/// `curl/curl#9550`, `awslabs/aws-sdk-rust#1244`, `aws/aws-cli#2883`: a port was signed but not
/// sent, or sent but not signed.
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
}

/// `awslabs/aws-sdk-rust#1033`, `smithy-lang/smithy-rs#4800`, `aws/aws-sdk-go-v2#3472` and `#3187`,
/// `aws/aws-sdk-js-v3#8189`: wrong clocks. Clients measure the offset, as
/// `keyfob_backoff::ClockSkew` does; a signer signs at the given time, stores no offset, and names
/// the fault (see also `tests/diagnose.rs`).
#[test]
fn a_wrong_clock_is_named_and_a_corrected_time_is_used() {
    let key = credentials();
    let signer = signer(Rules::GENERAL);
    let verifier = verify::Verifier::new(signer.scope().clone());
    let now: Timestamp = "20150830T003000Z".parse().unwrap();
    let send = |at: Timestamp| {
        let request = Request::new("GET", "https://example.com/").unwrap();
        let signature = signer.sign(&request, &key, at).unwrap();
        let mut headers = vec![("host", "example.com")];
        headers.extend(signature.headers());
        let request = Request::from_wire("GET", "/", &headers).unwrap();
        let result = verifier.verify(&request, now, |_| Some(key.clone()));
        result.map(drop)
    };
    // An hour earlier is the day before.
    for (seconds, date) in [(-3600, "20150829T233000Z"), (3600, "20150830T013000Z")] {
        let wrong = now.plus_seconds(seconds);
        let error = send(wrong).unwrap_err();
        assert_eq!(error.kind(), verify::ErrorKind::Skew);
        assert!(error.to_string().contains(date), "{error}");
        send(wrong.plus_seconds(-seconds)).unwrap();
    }
    for seconds in [-899, 0, 899] {
        send(now.plus_seconds(seconds)).unwrap();
    }
}

/// Callers log errors.
#[test]
fn errors_repeat_a_refused_url_without_its_secrets() {
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

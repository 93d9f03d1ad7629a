//! The first difference and its cause, found from a server's refusal.

#![cfg(feature = "diagnose")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keyfob_sigv4::{
    Credentials, Explanation, Payload, Request, Rules, Scope, Signer, Timestamp, Ttl,
    diagnose::{Difference, Part, ServerView},
    verify::{Dialect, Verifier},
};

fn at() -> Timestamp {
    "20150830T123600Z".parse().unwrap()
}

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "secret").unwrap()
}

fn explain(
    rules: Rules,
    region: &str,
    service: &str,
    url: &str,
    headers: &[(&str, &str)],
) -> Explanation {
    explain_with(&credentials(), rules, region, service, url, headers)
}

fn explain_with(
    credentials: &Credentials,
    rules: Rules,
    region: &str,
    service: &str,
    url: &str,
    headers: &[(&str, &str)],
) -> Explanation {
    let request = Request::new("GET", url)
        .unwrap()
        .headers(headers)
        .unwrap()
        .payload(Payload::Bytes(b"{}"));
    Signer::with_rules(Scope::new(region, service).unwrap(), rules)
        .explain(&request, credentials, at())
        .unwrap()
}

/// Returns the refusal in the form of S3.
fn xml(server: &Explanation) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('\n', "&#xA;");
    format!(
        "<?xml version=\"1.0\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature…</Message><StringToSign>{}</StringToSign><CanonicalRequest>{}</CanonicalRequest></Error>",
        escape(server.string_to_sign()),
        escape(server.canonical_request())
    )
}

/// Returns the refusal in the form of the JSON services.
fn json(server: &Explanation) -> String {
    let message = format!(
        "The request signature we calculated does not match the signature you provided.\n\nThe Canonical String for this request should have been\n'{}'\n\nThe String-to-Sign should have been\n'{}'\n",
        server.canonical_request(),
        server.string_to_sign()
    );
    let message = message.replace('"', "\\\"").replace('\n', "\\n");
    format!("{{\"__type\":\"InvalidSignatureException\", \"message\": \"{message}\"}}")
}

fn first(ours: &Explanation, server: &Explanation) -> Difference {
    let by_xml = ours.compare(&ServerView::parse(&xml(server)));
    let by_json = ours.compare(&ServerView::parse(&json(server)));
    assert_eq!(by_xml, by_json);
    by_xml.into_iter().next().unwrap()
}

const URL: &str = "https://example.amazonaws.com/a%20b//c?x=1&y=2";

#[test]
fn double_encoding_and_normalization_have_different_causes() {
    let general = |rules| explain(rules, "us-east-1", "es", URL, &[]);
    let twice = general(Rules::GENERAL);
    let once = general(Rules::GENERAL.encode_path_twice(false));
    let difference = first(&once, &twice);
    assert_eq!(difference.part(), &Part::Path);
    assert!(
        difference.cause().contains("encodes the path once more"),
        "{difference}"
    );
    assert!(first(&twice, &once).cause().contains("rules of S3"));
    let raw = general(Rules::GENERAL.normalize_path(false));
    assert!(
        first(&twice, &raw)
            .cause()
            .contains("was normalized when signing")
    );
}

#[test]
fn other_encodings_of_a_path_have_their_own_causes() {
    let path = |path| {
        let url = format!("https://example.amazonaws.com/{path}");
        explain(Rules::S3, "us-east-1", "s3", &url, &[])
    };
    let ours = path("a%2Bb");
    let answer = xml(&ours).replace("/a%2Bb", "/a%2bb");
    let found = ours.compare(&ServerView::parse(&answer));
    let cause = found.first().map(Difference::cause).unwrap();
    assert!(cause.contains("in another encoding"), "{cause}");
    assert!(
        first(&ours, &path("a%20b"))
            .cause()
            .contains("write it as `%2B`")
    );
}

#[test]
fn a_server_that_signs_bare_characters_has_its_own_cause() {
    let url = "https://example.amazonaws.com/a@b=c";
    let ours = explain(Rules::S3, "us-east-1", "s3", url, &[]);
    let answer = xml(&ours).replace("/a%40b%3Dc", "/a@b=c");
    let found = ours.compare(&ServerView::parse(&answer));
    let cause = found.first().map(Difference::cause).unwrap();
    assert!(
        cause.contains("escape them where the URL is made"),
        "{cause}"
    );
}

#[test]
fn parameters_and_headers_are_named() {
    let explain = |url, headers: &[_]| explain(Rules::GENERAL, "us-east-1", "es", url, headers);
    let ours = explain(URL, &[("x-a", "1"), ("accept", "me")]);
    let server = explain(
        "https://example.amazonaws.com/a%20b//c?x=1&y=3",
        &[("x-a", "1"), ("accept", "me")],
    );
    assert_eq!(first(&ours, &server).part(), &Part::Parameter("y".into()));
    let server = explain(URL, &[("x-a", "2"), ("accept", "me")]);
    let difference = first(&ours, &server);
    assert_eq!(difference.part(), &Part::Header("x-a".into()));
    assert_eq!((difference.ours(), difference.theirs()), ("1", "2"));
    let server = explain(URL, &[("x-a", "1"), ("accept", "")]);
    assert!(first(&ours, &server).cause().contains("did not arrive"));
    let server = explain(
        "https://example.amazonaws.com:8443/a%20b//c?x=1&y=2",
        &[("x-a", "1"), ("accept", "me")],
    );
    assert_eq!(first(&ours, &server).part(), &Part::Header("host".into()));
}

#[test]
fn a_missing_session_token_is_named_and_not_shown() {
    let session = credentials().with_session_token("canary-token").unwrap();
    let ours = explain_with(&session, Rules::GENERAL, "us-east-1", "es", URL, &[]);
    let server = explain(Rules::GENERAL, "us-east-1", "es", URL, &[]);
    let difference = first(&ours, &server);
    assert_eq!(
        difference.part(),
        &Part::Header("x-amz-security-token".into())
    );
    assert_eq!(difference.ours(), "(12 characters)");
    assert!(
        !format!(
            "{difference} {difference:?} {:?}",
            ServerView::parse(&xml(&ours))
        )
        .contains("canary")
    );
}

#[test]
fn the_scope_and_the_secret_have_different_causes() {
    let ours = explain(Rules::GENERAL, "us-east-1", "es", URL, &[]);
    let server = explain(Rules::GENERAL, "eu-west-1", "es", URL, &[]);
    assert_eq!(first(&ours, &server).part(), &Part::Region);
    let server = explain(Rules::GENERAL, "us-east-1", "aoss", URL, &[]);
    assert_eq!(first(&ours, &server).part(), &Part::Service);
    let difference = first(&ours, &ours.clone());
    assert_eq!(difference.part(), &Part::Secret);
    assert!(difference.to_string().contains("secret access key"));
}

#[test]
fn messages_of_the_query_services_are_read() {
    let ours = explain(Rules::GENERAL, "us-east-1", "es", URL, &[]);
    let compare = |message: &str| {
        let body = format!(
            "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>{message}</Message></Error></ErrorResponse>"
        );
        let server = ServerView::parse(&body);
        assert_eq!(server.code(), Some("SignatureDoesNotMatch"));
        ours.compare(&server)
    };
    let found = compare(
        "Signature expired: 20150830T123600Z is now earlier than 20150830T125100Z (20150830T130600Z - 15 min.)",
    );
    assert_eq!(
        (found[0].part(), found[0].theirs()),
        (&Part::Time, "20150830T125100Z")
    );
    let found = compare("Credential should be scoped to correct service: 'sts'. ");
    assert_eq!(
        (found[0].part(), found[0].theirs()),
        (&Part::Service, "sts")
    );
    let found = compare("Credential should be scoped to a valid region, not 'us-east-1'. ");
    assert_eq!(found[0].part(), &Part::Region);
    assert!(compare("The request signature we calculated does not match.").is_empty());
    let found = compare(
        "The authorization header is malformed; incorrect service &quot;es&quot;. This endpoint belongs to &quot;s3&quot;.",
    );
    assert_eq!((found[0].part(), found[0].theirs()), (&Part::Service, "s3"));
    for odd in [
        "",
        "{",
        "<",
        "{\"message\":\"\\u12",
        "<Message>&#xZZ;</Message>",
        "<CanonicalRequest></CanonicalRequest>",
    ] {
        ours.compare(&ServerView::parse(odd));
    }
}

#[test]
fn codes_without_a_canonical_request_are_read() {
    let ours = explain(Rules::S3, "us-east-1", "s3", URL, &[]);
    let skewed = "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the current time is too large.</Message><RequestTime>20150830T123600Z</RequestTime><ServerTime>2015-08-30T13:36:00Z</ServerTime></Error>";
    let unknown = r#"{"__type":"com.amazon#UnrecognizedClientException","message":"The security token included in the request is invalid."}"#;
    for (body, part, theirs, cause) in [
        (skewed, Part::Time, "2015-08-30T13:36:00Z", "clock"),
        (
            unknown,
            Part::Header("x-amz-security-token".into()),
            "",
            "session token must be sent",
        ),
    ] {
        let found = ours.compare(&ServerView::parse(body));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].part(), found[0].theirs()), (&part, theirs));
        assert!(found[0].cause().contains(cause), "{}", found[0]);
    }
    let with_token = credentials().with_session_token("token").unwrap();
    let ours = explain_with(&with_token, Rules::GENERAL, "us-east-1", "es", URL, &[]);
    assert!(ours.compare(&ServerView::parse(unknown)).is_empty());
}

#[test]
fn bytes_in_hex_and_pasted_messages_are_read() {
    let ours = explain(
        Rules::GENERAL,
        "us-east-1",
        "es",
        URL,
        &[("x-a", "it's 'a'")],
    );
    let server = explain(
        Rules::GENERAL,
        "us-east-1",
        "es",
        URL,
        &[("x-a", "it's 'b'")],
    );
    let hex = |text: &str| -> String { text.bytes().map(|byte| format!("{byte:02x} ")).collect() };
    let folded = xml(&server).replace("&#xA;", " ").replace(
        "</Error>",
        &format!(
            "<CanonicalRequestBytes>{}</CanonicalRequestBytes><StringToSignBytes>{}</StringToSignBytes></Error>",
            hex(server.canonical_request()),
            hex(server.string_to_sign())
        ),
    );
    let pasted = format!(
        "An error occurred (SignatureDoesNotMatch): The request signature…\n\nThe Canonical String for this request should have been\n'{}'\n\nThe String-to-Sign should have been\n'{}'\n",
        server.canonical_request(),
        server.string_to_sign()
    );
    for body in [folded, pasted] {
        let found = ours.compare(&ServerView::parse(&body));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].theirs(), "it's 'b'");
    }
}

#[test]
fn a_wrong_clock_is_found_in_the_string_to_sign() {
    let signer = Signer::new(Scope::new("us-east-1", "es").unwrap());
    let request = Request::new("GET", "https://example.com/").unwrap();
    let ours = signer.explain(&request, &credentials(), at()).unwrap();
    // An hour earlier, and on the day before.
    for seconds in [-3600, -86_400] {
        let theirs = signer
            .explain(&request, &credentials(), at().plus_seconds(seconds))
            .unwrap();
        let answer = format!(
            "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>{}</StringToSign></Error>",
            theirs.string_to_sign()
        );
        let found = ours.compare(&ServerView::parse(&answer));
        assert_eq!(found[0].part(), &Part::Time, "{found:?}");
    }
}

#[test]
fn answers_of_the_verifier_are_read_in_each_dialect() {
    let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key").unwrap();
    let signer = Signer::s3("us-east-1").unwrap();
    let url = signer
        .presign(&request, &credentials(), at(), Ttl::MAX)
        .unwrap();
    let ours = signer
        .explain_presign(&request, &credentials(), at(), Ttl::MAX)
        .unwrap();
    let request = Request::new("GET", url.as_str()).unwrap();
    for dialect in [Dialect::Query, Dialect::Json, Dialect::Ec2, Dialect::S3] {
        let verifier = Verifier::s3("eu-west-1").unwrap().dialect(dialect);
        let answer = verifier.verify(&request, at(), |_| Some(credentials()));
        let error = answer.unwrap_err();
        let server = ServerView::parse(&error.body("id"));
        assert_eq!(server.code(), Some(error.code()));
        assert_eq!(server.message(), Some(&*error.to_string()));
        let found = ours.compare(&server);
        let theirs = match dialect {
            Dialect::S3 => "eu-west-1",
            // These say only that the region is wrong; EC2 does not even say that.
            Dialect::Query | Dialect::Json => "the endpoint's region",
            _ => {
                assert!(found.is_empty(), "{found:?}");
                continue;
            }
        };
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].part(), &Part::Region);
        assert_eq!((found[0].ours(), found[0].theirs()), ("us-east-1", theirs));
    }
}

#[test]
fn xml_is_read_up_to_its_first_fault() {
    for (body, code, message) in [
        ("<Error><Code>A</Code><Message>m", Some("A"), None),
        ("<Error><Code>A</Code><Message>m</Mess", Some("A"), None),
        (
            "<Error><Code>A</Code></Oops><Message>m</Message>",
            Some("A"),
            None,
        ),
        (
            "<Error><Code>A</Code><Code>B</Code></Error>",
            Some("A"),
            None,
        ),
        (
            "<Error><Code/><Code></Code><Code>B</Code></Error>",
            Some("B"),
            None,
        ),
        (
            "<e:Error xmlns:e='x'><e:Code a='b'>A</e:Code></e:Error>",
            Some("A"),
            None,
        ),
        (
            "<R><Errors><Error><Code>A</Code><Message>m</Message>",
            Some("A"),
            Some("m"),
        ),
        (
            "<?xml version='1.0'?><!-- <Code>no</Code> --><Code>A</Code>",
            Some("A"),
            None,
        ),
        (
            "<Message>a &amp; b & c &lt;d&gt; &#x41;&#66;</Message>",
            None,
            Some("a & b & c <d> AB"),
        ),
        (
            "<Message>&nbsp;&#xZZ;&#x110000;&#0;</Message>",
            None,
            Some("&nbsp;&#xZZ;&#x110000;&#0;"),
        ),
        (
            "<Message><![CDATA[<b>&amp;]]></Message>",
            None,
            Some("<b>&amp;"),
        ),
        ("\u{feff}<Code>A</Code>", Some("A"), None),
        (
            "HTTP/1.1 403 Forbidden\r\n\r\n<Code>A</Code><Message>m</Message>",
            Some("A"),
            Some("m"),
        ),
        ("<Message>a\r\nb</Message>", None, Some("a\nb")),
        (
            "<!DOCTYPE R [<!ENTITY e 'x'>]><R><Message>&e;</Message></R>",
            None,
            Some("&e;"),
        ),
    ] {
        let server = ServerView::parse(body);
        assert_eq!((server.code(), server.message()), (code, message), "{body}");
    }
}

#[test]
fn json_is_read_with_nested_objects_and_escapes() {
    for (body, code, message) in [
        (
            r#"{"message":"a\n\u00e9\ud83d\ude00\"b"}"#,
            None,
            Some("a\né😀\"b"),
        ),
        (
            r#"{"Error":{"Code":"A","Message":"m"}}"#,
            Some("A"),
            Some("m"),
        ),
        (
            r#"{"error":{"message":"inner"},"message":"outer"}"#,
            None,
            Some("outer"),
        ),
        (
            r#"{"__type":"ns#A","code":7,"message":null}"#,
            Some("ns#A"),
            None,
        ),
        (r#"{"list":[{"message":"m"}]}"#, None, None),
        ("{\"message\":\"m\"", None, None),
        ("{\"message\":\"\\ud800\"}", None, None),
        ("{}", None, None),
    ] {
        let server = ServerView::parse(body);
        assert_eq!((server.code(), server.message()), (code, message), "{body}");
    }
}

#[test]
fn hostile_answers_neither_panic_nor_take_long() {
    let ours = explain(Rules::S3, "us-east-1", "s3", URL, &[("x-a", "1")]);
    let page = format!(
        "<!DOCTYPE html><html><head><meta charset=utf-8><title>502</title></head>\
         <body><p>Bad Gateway<br>{}</body></html>",
        "<p>&nbsp;Message".repeat(10_000)
    );
    let long = "a".repeat(4 << 20);
    let many: String = (0..100_000).map(|n| format!("{n}={n}&")).collect();
    let deep = 100_000;
    for answer in [
        page,
        format!("<Error><CanonicalRequest>{long}</CanonicalRequest></Error>"),
        format!("<Error><CanonicalRequest>GET\n/\n{many}\n</CanonicalRequest></Error>"),
        format!("<Error><Message>{long}"),
        format!(
            "<Error><Message>{}</Message></Error>",
            "&amp;".repeat(1 << 18)
        ),
        format!(
            "<Error><CanonicalRequestBytes>{}</CanonicalRequestBytes>",
            "47 ".repeat(1 << 18)
        ),
        "<a>".repeat(deep),
        "<a><![CDATA[".repeat(deep),
        "{\"a\":".repeat(deep),
        "[".repeat(deep),
        format!("{{\"message\":\"{long}\"}}"),
        format!("{{\"Error\":{}{}", "{\"a\":".repeat(100), "}".repeat(101)),
        format!("The String-to-Sign should have been\n'{long}"),
        "'".repeat(1 << 20),
        "\u{feff}<Error/>".into(),
        "\0\u{1}\u{7f}".into(),
    ] {
        ours.compare(&ServerView::parse(&answer));
    }
}

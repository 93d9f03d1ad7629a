//! Calls of services in each protocol: requests, answers and errors, without sockets.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use http::{HeaderName, Method, Request, Response, header::CONTENT_TYPE};
use keyfob_sigv4::{Secret, Timestamp};
use keyfob_sts::{
    Endpoint, Error, ErrorKind, HostRule, Hosts,
    call::{Authorization, Body, Call, Operation, Pages, Proof, Protocol, Replay, Reply, Service},
};

static IAM: Service = Service::new("iam", Protocol::Query, "2010-05-08").with_hosts(
    Hosts::new("iam").with_rules(&[
        HostRule::new("iam.amazonaws.com")
            .partition("aws")
            .dual_stack(false)
            .fips(false)
            .signed_for("us-east-1"),
        HostRule::new("iam.us-gov.{suffix}")
            .partition("aws-us-gov")
            .dual_stack(false)
            .signed_for("us-gov-west-1"),
    ]),
);
static EC2: Service = Service::new("ec2", Protocol::Ec2Query, "2016-11-15");
static QUOTAS: Service = Service::new(
    "servicequotas",
    Protocol::Json11 {
        target: "ServiceQuotasV20190624",
    },
    "2019-06-24",
);
static LEDGER: Service = Service::new("ledger", Protocol::Json10 { target: "Ledger_1" }, "1");

const TOKEN: &str = "canary-token-of-the-test";

fn endpoint(service: &Service) -> Endpoint {
    let builder = service.endpoint().region("eu-west-1").unwrap();
    builder.build().unwrap()
}

fn request(operation: &Operation) -> Request<Body> {
    operation.request(&endpoint(operation.service())).unwrap()
}

fn header<'a>(request: &'a Request<Body>, name: &str) -> Option<&'a str> {
    request
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}

/// Reads an answer of a service with the function.
fn read<T: Send>(
    service: &'static Service,
    body: &str,
    output: impl Fn(&Reply<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    Operation::new(service, "Do")
        .with_output(output)
        .parse(&Response::new(body))
}

/// Returns the error of an answer with that status and those headers.
fn error(service: &'static Service, status: u16, headers: &[(&str, &str)], body: &str) -> Error {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let call = Operation::new(service, "Do").with_output(|_| Ok(()));
    call.parse(&response.body(body).unwrap()).unwrap_err()
}

/// Makes an operation with a list of structures, a number, a flag and a text with quotes.
fn describe(service: &'static Service) -> Operation {
    let mut operation = Operation::new(service, "Describe");
    for (name, value) in [("tag:a", "x"), ("b", "y\"\u{1b}é")] {
        let member = operation.next_member("Filter", 200);
        operation = operation
            .text(format!("{member}.Name"), name, 1..=99)
            .and_then(|operation| operation.text(format!("{member}.Value.member.1"), value, 0..=99))
            .unwrap();
    }
    operation
        .number("MaxResults", 10, 1..=100)
        .and_then(|operation| operation.float("DesiredValue", 64.5))
        .unwrap()
        .flag("DryRun", true)
}

#[test]
fn a_list_of_the_query_protocol_has_member_and_that_of_ec2_has_not() {
    let query = request(&describe(&IAM));
    assert_eq!(query.uri(), "https://iam.amazonaws.com/");
    assert_eq!(
        query.body().expose(),
        "Action=Describe&Version=2010-05-08&Filter.member.1.Name=tag%3Aa\
         &Filter.member.1.Value.member.1=x&Filter.member.2.Name=b\
         &Filter.member.2.Value.member.1=y%22%1B%C3%A9&MaxResults=10&DesiredValue=64.5&DryRun=true"
    );
    let ec2 = request(&describe(&EC2));
    assert_eq!(ec2.uri(), "https://ec2.eu-west-1.amazonaws.com/");
    assert_eq!(
        header(&ec2, "content-type"),
        Some("application/x-www-form-urlencoded; charset=utf-8")
    );
    assert_eq!(
        ec2.body().expose(),
        "Action=Describe&Version=2016-11-15&Filter.1.Name=tag%3Aa&Filter.1.Value.1=x\
         &Filter.2.Name=b&Filter.2.Value.1=y%22%1B%C3%A9&MaxResults=10&DesiredValue=64.5&DryRun=true"
    );
}

#[test]
fn json_names_the_operation_in_a_header_and_nests_the_parameters() {
    let expected = r#"{"Filter":[{"Name":"tag:a","Value":["x"]},{"Name":"b","Value":["y\"\u001bé"]}],"MaxResults":10,"DesiredValue":64.5,"DryRun":true}"#;
    for (service, kind, target) in [
        (
            &QUOTAS,
            "application/x-amz-json-1.1",
            "ServiceQuotasV20190624.Describe",
        ),
        (&LEDGER, "application/x-amz-json-1.0", "Ledger_1.Describe"),
    ] {
        let request = request(&describe(service));
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri().path(), "/");
        assert_eq!(header(&request, "content-type"), Some(kind));
        assert_eq!(header(&request, "x-amz-target"), Some(target));
        assert_eq!(request.body().expose(), expected);
    }
    let empty = request(&Operation::new(&QUOTAS, "List"));
    assert_eq!(empty.body().expose(), "{}");
}

#[test]
fn a_name_with_thousands_of_levels_is_written_without_an_overflow() {
    for name in [
        "a.".repeat(100_000),
        ".member.1".repeat(50_000),
        ".".to_owned(),
    ] {
        let operation = Operation::new(&QUOTAS, "X").flag(name, true);
        let body = request(&operation).into_body();
        assert!(serde_json::from_str::<serde_json::Value>(body.expose()).is_ok());
    }
}

#[test]
fn rest_json_puts_parameters_into_the_query_or_the_body_by_method() {
    let operation = Operation::new(&Service::SSO, "GetRoleCredentials")
        .with_route(Method::GET, &["federation", "credentials"])
        .text("role_name", "a b/c", 1..=99)
        .and_then(|operation| operation.text("account_id", "123456789012", 1..=99))
        .unwrap();
    let get = request(&operation);
    assert_eq!(
        get.uri(),
        "https://portal.sso.eu-west-1.amazonaws.com/federation/credentials\
         ?role_name=a%20b%2Fc&account_id=123456789012"
    );
    assert!(get.body().expose().is_empty() && get.headers().get(CONTENT_TYPE).is_none());

    let operation = Operation::new(&Service::EKS_AUTH, "AssumeRoleForPodIdentity")
        .with_route(
            Method::POST,
            &["clusters", "a/b", "assume-role-for-pod-identity"],
        )
        .secret("token", TOKEN, 1..=99)
        .unwrap();
    let post = request(&operation);
    assert_eq!(
        post.uri(),
        "https://eks-auth.eu-west-1.api.aws/clusters/a%2Fb/assume-role-for-pod-identity"
    );
    assert_eq!(header(&post, "content-type"), Some("application/json"));
    assert_eq!(post.body().expose(), format!(r#"{{"token":"{TOKEN}"}}"#));

    let logout = Operation::new(&Service::SSO, "Logout").with_route(Method::POST, &["logout"]);
    assert!(request(&logout).body().expose().is_empty());
}

#[test]
fn a_route_is_appended_to_the_path_of_a_custom_endpoint() {
    let operation = Operation::new(&Service::SSO, "ListAccounts")
        .with_route(Method::GET, &["assignment", "accounts"]);
    for (base, expected) in [
        (
            "http://localhost:1",
            "http://localhost:1/assignment/accounts",
        ),
        (
            "http://localhost:1/",
            "http://localhost:1/assignment/accounts",
        ),
        (
            "http://localhost:1/a/",
            "http://localhost:1/a/assignment/accounts",
        ),
    ] {
        let endpoint = Service::SSO.endpoint().url(base).unwrap().build().unwrap();
        assert_eq!(operation.request(&endpoint).unwrap().uri(), expected);
    }
}

#[test]
fn a_path_that_an_http_client_would_change_is_refused() {
    for segment in ["", ".", ".."] {
        let route = ["clusters", segment, "x"];
        let operation = Operation::new(&Service::EKS_AUTH, "Do").with_route(Method::POST, &route);
        let error = operation
            .request(&endpoint(&Service::EKS_AUTH))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
    }
    let long = "x".repeat(70_000);
    let operation = Operation::new(&Service::SSO, "Do").with_route(Method::GET, &["a"]);
    let operation = operation.secret("token", long, 1..=usize::MAX).unwrap();
    let error = operation.request(&endpoint(&Service::SSO)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(!error.to_string().contains("xxx"));
}

#[test]
fn the_same_getters_read_the_answers_of_all_protocols() {
    let query = "<DoResponse><DoResult><N>3</N><T>true</T><At>2026-01-01T00:00:00Z</At><E/>\
                 <L><member><V>a</V></member><member><V>b</V></member></L></DoResult>\
                 <ResponseMetadata><RequestId>r1</RequestId></ResponseMetadata></DoResponse>";
    let ec2 = "<DoResponse><requestId>r1</requestId><N>3</N><T>true</T>\
               <At>2026-01-01T00:00:00Z</At><L><item><V>a</V></item><item><V>b</V></item></L>\
               </DoResponse>";
    let json = r#"{"N": 3, "T": true, "At": "2026-01-01T00:00:00Z", "E": null,
                   "L": [{"V": "a"}, {"V": "b"}], "New": {"V": [1, [2]]}}"#;
    let float = json.replace("\"N\": 3", "\"N\": 3.0");
    for (service, body) in [
        (&IAM, query),
        (&EC2, ec2),
        (&QUOTAS, json),
        (&LEDGER, &float),
        (&Service::SSO, json),
    ] {
        let output = read(service, body, |reply| {
            assert_eq!(reply.number("N")?, Some(3));
            assert_eq!(reply.flag("T")?, Some(true));
            assert_eq!(reply.time("At")?, "20260101T000000Z".parse().unwrap());
            assert_eq!(reply.optional("E"), None);
            assert_eq!(reply.items("M").count(), 0);
            assert_eq!(reply.body(), body.as_bytes());
            assert!(reply.number("At").is_err() && reply.flag("N").is_err());
            let error = reply.required("L/V").unwrap_err();
            assert_eq!(error.message(), "the answer cannot be read: L/V is missing");
            reply
                .items("L")
                .map(|item| item.required("V"))
                .collect::<Result<Vec<_>, _>>()
        });
        assert_eq!(output.unwrap(), ["a", "b"], "{body}");
    }
}

#[test]
fn request_ids_are_in_the_body_of_xml_and_in_a_header_for_json() {
    let id = |service, body: &'static str| {
        let call = Operation::new(service, "Do").with_output(|reply| Ok(reply.request_id()));
        let response = Response::builder().header("x-amzn-requestid", "in-header");
        call.parse(&response.body(body).unwrap()).unwrap()
    };
    assert_eq!(
        id(
            &EC2,
            "<DoResponse><requestId>in-body</requestId></DoResponse>"
        )
        .as_deref(),
        Some("in-body")
    );
    let body = r#"{"list": [{"RequestId": "of something else"}]}"#;
    assert_eq!(id(&QUOTAS, body).as_deref(), Some("in-header"));
}

#[test]
fn an_operation_that_returns_nothing_may_have_no_result() {
    let empty =
        "<DoResponse><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DoResponse>";
    for (service, body) in [
        (&IAM, empty),
        (&Service::SSO, ""),
        (&QUOTAS, "{}"),
        (&QUOTAS, " \n"),
    ] {
        assert!(read(service, body, |_| Ok(())).is_ok(), "{body}");
        assert!(read(service, body, |reply| reply.required("A")).is_err());
    }
    let other = "<OtherResponse><OtherResult/></OtherResponse>";
    for (service, missing) in [(&IAM, "DoResult"), (&EC2, "DoResponse")] {
        let error = read(service, other, |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Response);
        assert!(error.to_string().contains(&format!("{missing} is missing")));
    }
}

#[test]
fn an_answer_that_is_not_a_json_object_is_refused_with_a_reason() {
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    for (body, reason) in [
        ("[]", "it is not a JSON object"),
        ("<a/>", "it is not a JSON object"),
        ("canary", "it is not a JSON object"),
        ("{\"canary\":", "it ends in the middle"),
        ("{\"canary\":1}x", "it is not well-formed JSON"),
        ("{canary}", "it is not well-formed JSON"),
        (&deep, "it is not well-formed JSON"),
    ] {
        let error = read(&QUOTAS, body, |_| Ok(())).unwrap_err();
        assert_eq!(
            (error.kind(), error.status()),
            (ErrorKind::Response, Some(200))
        );
        assert!(error.to_string().ends_with(reason), "{error}");
        assert!(!format!("{error:?}").contains("canary"));
    }
    let invalid = Operation::new(&QUOTAS, "Do").with_output(|_| Ok(()));
    assert!(
        invalid
            .parse(&Response::new(b"{\"a\":\"\xFF\"}".as_slice()))
            .is_err()
    );
}

#[test]
fn maps_are_read_from_entries_and_from_members() {
    let xml = "<DoResponse><DoResult><M><entry><key>a</key><value>1</value></entry>\
               <entry><key>b</key><value/></entry></M></DoResult></DoResponse>";
    let json = r#"{"M": {"a": 1, "b": ""}}"#;
    let expected = [("a", "1"), ("b", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    for (service, body) in [(&IAM, xml), (&QUOTAS, json)] {
        assert_eq!(
            read(service, body, |reply| Ok(reply.map("M"))).unwrap(),
            expected
        );
        assert!(
            read(service, body, |reply| Ok(reply.map("N")))
                .unwrap()
                .is_empty()
        );
    }
    let names = read(&QUOTAS, r#"{"b": [1], "a": "x"}"#, |reply| {
        Ok(reply
            .members()
            .map(|(name, _)| name.to_owned())
            .collect::<Vec<_>>())
    });
    assert_eq!(names.unwrap(), ["b", "a"]);
}

#[test]
fn a_time_may_be_a_number_of_milliseconds() {
    let body = r#"{"roleCredentials": {"expiration": 1767225600123, "soon": "x"}}"#;
    let time = read(&Service::SSO, body, |reply| {
        reply.unix_millis("roleCredentials/expiration")
    });
    assert_eq!(
        time.unwrap(),
        Some(Timestamp::from_unix_millis(1_767_225_600_123))
    );
    assert!(
        read(&Service::SSO, body, |reply| reply
            .unix_millis("roleCredentials/soon"))
        .is_err()
    );
}

#[test]
fn errors_of_all_protocols_end_in_the_same_error() {
    let typed = [("x-amzn-errortype", "Denied:http://internal.amazon.com/")];
    let query = [
        ("x-amzn-query-error", "Denied;Sender"),
        ("x-amzn-errortype", "Other"),
    ];
    for (service, headers, body) in [
        (
            &IAM,
            [].as_slice(),
            "<ErrorResponse><Error><Type>Sender</Type><Code>Denied</Code><Message>no</Message>\
             </Error><RequestId>r1</RequestId></ErrorResponse>",
        ),
        (
            &EC2,
            &[],
            "<Response><Errors><Error><Code>Denied</Code><Message>no</Message></Error></Errors>\
             <RequestID>r1</RequestID></Response>",
        ),
        (
            &QUOTAS,
            &[],
            r#"{"__type": "com.amazon.x#Denied", "message": "no"}"#,
        ),
        (&QUOTAS, &[], r#"{"__type": "Denied", "Message": "no"}"#),
        (
            &QUOTAS,
            &query,
            r#"{"__type": "Third", "errorMessage": "no"}"#,
        ),
        (&LEDGER, &[], r#"{"code": "Denied", "message": " no\n"}"#),
        (
            &Service::SSO,
            &typed,
            r#"{"message": "no", "code": "Other"}"#,
        ),
        (&Service::SSO, &typed, "{\"message\": \"no\"}"),
        (
            &Service::SSO,
            &[],
            r#"{"code": 403, "__type": "Denied", "message": "no"}"#,
        ),
        (
            &Service::SSO_OIDC,
            &[],
            r#"{"error": "Denied", "error_description": "no"}"#,
        ),
        // A gateway with another format.
        (
            &QUOTAS,
            &[],
            "<Error><Code>Denied</Code><Message>no</Message></Error>",
        ),
        (&IAM, &[], r#" {"__type": "Denied", "message": "no"}"#),
    ] {
        let with_id = [headers, &[("x-amzn-requestid", "r1")]].concat();
        let error = error(service, 403, &with_id, body);
        assert_eq!(error.kind(), ErrorKind::Service, "{body}");
        assert_eq!(
            (error.code(), error.message()),
            (Some("Denied"), "no"),
            "{body}"
        );
        assert_eq!(
            (error.status(), error.request_id()),
            (Some(403), Some("r1"))
        );
        assert_eq!(error.action(), Some("Do"));
        assert_eq!(
            error.to_string(),
            "Do failed with Denied (HTTP 403): no (request id r1)"
        );
    }
}

#[test]
fn an_error_with_status_200_is_an_error() {
    for (service, body) in [
        (
            &IAM,
            "<ErrorResponse><Error><Code>Denied</Code></Error></ErrorResponse>",
        ),
        (
            &EC2,
            "<Response><Errors><Error><Code>Denied</Code></Error></Errors></Response>",
        ),
    ] {
        let error = error(service, 200, &[], body);
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Service, Some("Denied"))
        );
    }
}

#[test]
fn other_members_of_an_error_can_be_read() {
    let headers = [("x-amzn-errortype", "AccessDeniedException")];
    let body = r#"{"error": "TOKEN_EXPIRED", "message": "log in", "more": {"a": 1}, "n": 1}"#;
    let denied = error(&Service::SIGNIN, 403, &headers, body);
    assert_eq!(denied.code(), Some("AccessDeniedException"));
    assert_eq!(denied.member("error"), Some("TOKEN_EXPIRED"));
    assert_eq!(
        (denied.member("n"), denied.member("more")),
        (Some("1"), None)
    );
    assert_eq!(denied.member("message"), None);
    let pending = r#"{"error": "authorization_pending", "error_description": "wait"}"#;
    let headers = [("x-amzn-errortype", "AuthorizationPendingException")];
    let pending = error(&Service::SSO_OIDC, 400, &headers, pending);
    assert_eq!(pending.code(), Some("AuthorizationPendingException"));
    assert_eq!(pending.member("error"), Some("authorization_pending"));
    assert_eq!(pending.message(), "wait");
    let many: String = (0..1000).map(|n| format!("<M{n}>x</M{n}>")).collect();
    let many = error(
        &IAM,
        400,
        &[],
        &format!("<Error><Code>C</Code>{many}</Error>"),
    );
    assert_eq!((many.member("M15"), many.member("M16")), (Some("x"), None));
}

#[test]
fn an_error_without_code_and_message_is_not_from_the_service() {
    for body in [
        "",
        "{}",
        "{\"canary\":1}",
        "[\"canary\"]",
        "<html>canary",
        "{\"__type\": \"#\"}",
    ] {
        let error = error(&QUOTAS, 502, &[], body);
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Service, None),
            "{body}"
        );
        assert!(error.message().contains("not from the service"), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}

#[test]
fn a_secret_that_an_error_repeats_is_redacted_in_each_member() {
    let operation = Operation::new(&Service::SSO_OIDC, "CreateToken")
        .with_route(Method::POST, &["token"])
        .secret("refreshToken", TOKEN, 1..=99)
        .unwrap();
    let call = operation.with_output(|_| Ok(()));
    let body = format!(r#"{{"error": "bad-{TOKEN}", "message": "{TOKEN}", "at": "{TOKEN}"}}"#);
    let response = Response::builder().status(400).body(body).unwrap();
    let error = call.parse(&response).unwrap_err();
    assert_eq!(error.code(), Some("bad-(redacted)"));
    assert_eq!(
        (error.message(), error.member("at")),
        ("(redacted)", Some("(redacted)"))
    );
    assert!(!format!("{error} {error:?}").contains(TOKEN));
}

#[test]
fn a_header_and_a_proof_authorize_a_request_and_are_never_shown() {
    let at: Timestamp = "20260101T000000Z".parse().unwrap();
    let name = HeaderName::from_static("x-amz-sso_bearer_token");
    let token = Authorization::Header(name.clone(), Secret::from(TOKEN));
    let mut sent = Request::post("https://h.example/p").body(()).unwrap();
    assert_eq!(token.apply(&mut sent, at).unwrap().unwrap().expose(), TOKEN);
    assert_eq!(sent.headers()[&name], TOKEN);
    assert!(!format!("{token:?} {sent:?}").contains(TOKEN));

    let bad = Authorization::Header(name, Secret::from("canary\n"));
    let error = bad.apply(&mut sent, at).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Setting);
    assert!(!format!("{error} {error:?}").contains("canary"));

    let broken = Proof::new(HeaderName::from_static("dpop"), |_, _, _| {
        Err("no key".into())
    });
    let error = Authorization::Proof(broken)
        .apply(&mut sent, at)
        .unwrap_err();
    assert_eq!(error.to_string(), "the header dpop cannot be made");
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "no key"
    );
    assert!(Authorization::None.apply(&mut sent, at).unwrap().is_none());
}

#[test]
fn what_may_be_sent_twice_is_part_of_the_operation() {
    let operation = Operation::new(&IAM, "CreateAccessKey");
    assert_eq!(operation.replay(), Replay::Safe);
    let once = operation
        .clone()
        .one_time("TokenCode", "123456", 6..=6)
        .unwrap();
    assert_eq!(once.replay(), Replay::OnlyIfNotReceived);
    assert_eq!(once.with_replay(Replay::Never).replay(), Replay::Never);
}

#[test]
fn the_pages_of_a_list_end_with_the_flag_or_without_a_token() {
    let turn = |pages: &mut Pages, body: &str, more| {
        read(&IAM, body, |reply| {
            let mut next = pages.clone();
            next.read(reply, "Marker", more)?;
            Ok(next)
        })
    };
    let page = |marker: &str, truncated: &str| {
        format!(
            "<DoResponse><DoResult><Marker>{marker}</Marker><IsTruncated>{truncated}</IsTruncated>\
             </DoResult></DoResponse>"
        )
    };
    let flag = Some("IsTruncated");
    let first = turn(&mut Pages::new(), &page("m1", "true"), flag).unwrap();
    assert_eq!((first.token(), first.is_done()), (Some("m1"), false));
    let last = turn(&mut first.clone(), &page("m2", "false"), flag).unwrap();
    assert_eq!((last.token(), last.is_done()), (None, true));
    assert!(
        turn(&mut first.clone(), &page("", "true"), None)
            .unwrap()
            .is_done()
    );
    let error = turn(&mut first.clone(), &page("m1", "true"), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Response);
    assert!(turn(&mut first.clone(), &page("m3", "maybe"), flag).is_err());
}

#[test]
fn the_rows_of_other_crates_have_hosts_of_their_own() {
    for (service, region, url, signed_for) in [
        (&IAM, "eu-west-1", "https://iam.amazonaws.com/", "us-east-1"),
        (
            &IAM,
            "us-gov-east-1",
            "https://iam.us-gov.amazonaws.com/",
            "us-gov-west-1",
        ),
        (
            &EC2,
            "cn-north-1",
            "https://ec2.cn-north-1.amazonaws.com.cn/",
            "cn-north-1",
        ),
    ] {
        let endpoint = service.endpoint().region(region).unwrap().build().unwrap();
        assert_eq!(endpoint.url(), url);
        assert_eq!(endpoint.signing_region(), Some(signed_for));
    }
}

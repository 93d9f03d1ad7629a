//! The client against scripted servers on loopback sockets.
#![cfg(feature = "client")]
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

mod stub;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use http::{HeaderName, Method};
use keyfob_backoff::{Policy, limit::Limiter};
use keyfob_sigv4::{Credentials, Payload, Request, Scope, Secret, Timestamp, verify::Verifier};
use keyfob_sts::{
    Client, ClientBuilder, Error, ErrorKind,
    actions::{AssumeRole, AssumeRoleWithWebIdentity, GetCallerIdentity, GetSessionToken},
    call::{Authorization, Call, Operation, Proof, Protocol, Service},
};
use stub::{Answer, Stub, own_http};

const ROLE: &str = "arn:aws:iam::123456789012:role/x";

fn credentials() -> Credentials {
    let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "canary-secret").unwrap();
    credentials.with_session_token("canary-token").unwrap()
}

/// Returns a builder of a client with short waits.
fn client(url: &str) -> ClientBuilder {
    let moment = Duration::from_millis(1);
    let builder = Client::builder().region("eu-west-1").unwrap();
    builder
        .endpoint(url)
        .unwrap()
        .retry(Policy::aws().base(moment).throttling_base(moment))
}

async fn whoami(client: ClientBuilder) -> Result<String, Error> {
    let client = client.build().unwrap();
    let identity = client
        .send(&GetCallerIdentity::new(), &credentials())
        .await?;
    Ok(identity.request_id.unwrap())
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = request.lines().filter_map(|line| line.split_once(": "));
    lines
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

#[tokio::test]
async fn a_call_is_one_signed_post_and_its_request_id_comes_back() {
    let stub = Stub::start([Answer::identity()]).await;
    assert_eq!(whoami(client(stub.url())).await.unwrap(), "stub-2");
    let requests = stub.requests();
    let [request] = requests.as_slice() else {
        panic!("{} requests", requests.len());
    };
    assert!(request.starts_with("POST / HTTP/1.1\r\n"));
    assert!(request.ends_with("\r\n\r\nAction=GetCallerIdentity&Version=2011-06-15"));
    let authorization = header(request, "authorization").unwrap();
    let scope = "/eu-west-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, ";
    assert!(authorization.contains(scope), "{authorization}");
    let host = stub.url().strip_prefix("http://");
    assert_eq!(header(request, "host"), host);
    assert_eq!(
        header(request, "x-amz-security-token"),
        Some("canary-token")
    );
}

/// Counts what it is asked and told, and lets each attempt pass when it asks for the second time.
#[derive(Debug, Default)]
struct Counter {
    asked: AtomicU32,
    throttled: AtomicU32,
    answered: AtomicU32,
}

impl Limiter for Counter {
    fn acquire(&self, _now: Duration) -> Result<(), Duration> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        if asked.is_multiple_of(2) {
            return Err(Duration::from_millis(1));
        }
        Ok(())
    }

    fn on_answer(&self, throttled: bool, _now: Duration) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.throttled
            .fetch_add(u32::from(throttled), Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_limiter_is_asked_before_each_attempt_of_all_clients_and_told_of_each_answer() {
    let throttling = Answer::error(400, "Throttling");
    let stub = Stub::start([throttling, Answer::identity()]).await;
    let counter = Arc::new(Counter::default());
    for _ in 0..2 {
        let limiter: Arc<Counter> = Arc::clone(&counter);
        whoami(client(stub.url()).limiter(limiter)).await.unwrap();
    }
    assert_eq!(stub.requests().len(), 3);
    let count = |number: &AtomicU32| number.load(Ordering::Relaxed);
    assert_eq!(count(&counter.asked), 6);
    assert_eq!(count(&counter.answered), 3);
    assert_eq!(count(&counter.throttled), 1);
}

#[tokio::test]
async fn every_attempt_is_signed_again() {
    let hint = Answer::Full(503, "x-amz-retry-after: 1100\r\n", String::new());
    let stub = Stub::start([hint, Answer::identity()]).await;
    whoami(client(stub.url())).await.unwrap();
    let requests = stub.requests();
    let dates = requests
        .iter()
        .map(|request| header(request, "x-amz-date").unwrap());
    let dates: Vec<Timestamp> = dates.map(|date| date.parse().unwrap()).collect();
    assert!(dates[1].seconds_since(dates[0]) >= 1, "{dates:?}");
    assert_ne!(
        header(&requests[0], "authorization"),
        header(&requests[1], "authorization")
    );
}

#[tokio::test]
async fn no_other_4xx_is_sent_twice() {
    for (status, code) in [
        (403, "AccessDenied"),
        (403, "SignatureDoesNotMatch"),
        (403, "ExpiredToken"),
        (400, "IDPCommunicationError"),
        (400, "RequestExpired"),
        (400, "ValidationError"),
        (408, "RequestTimeout"),
    ] {
        let stub = Stub::start([Answer::error(status, code)]).await;
        let error = whoami(client(stub.url())).await.unwrap_err();
        assert_eq!((error.code(), error.status()), (Some(code), Some(status)));
        assert_eq!(error.request_id(), Some("stub-1"));
        assert_eq!(stub.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn idp_communication_error_is_retried_with_an_opt_in() {
    let stub = Stub::start([
        Answer::error(400, "IDPCommunicationError"),
        Answer::identity(),
    ])
    .await;
    let moment = Duration::from_millis(1);
    let policy = Policy::aws().base(moment).retry_idp_communication_error();
    assert!(whoami(client(stub.url()).retry(policy)).await.is_ok());
    assert_eq!(stub.requests().len(), 2);
}

#[tokio::test]
async fn a_one_time_code_is_not_sent_again_after_a_broken_connection() {
    let action = GetSessionToken::new()
        .mfa("arn:aws:iam::1:mfa/a", "909090")
        .unwrap();
    let stub = Stub::start([Answer::Broken]).await;
    let moment = Duration::from_millis(1);
    let policy = Policy::aws().base(moment).retry_unanswered();
    let client = client(stub.url()).retry(policy).build().unwrap();
    let error = client.send(&action, &credentials()).await.unwrap_err();
    assert_eq!(stub.requests().len(), 1, "{error}");
    assert!(!format!("{error} {error:?}").contains("909090"));
}

#[tokio::test]
async fn an_attempt_is_given_up_after_the_timeout() {
    for answer in [Answer::Silence, Answer::Trickle] {
        let stub = Stub::start([answer]).await;
        let started = Instant::now();
        let client = client(stub.url()).timeout(Duration::from_millis(200));
        let error = whoami(client).await.unwrap_err();
        let elapsed = started.elapsed();
        assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
        assert_eq!((error.kind(), error.status()), (ErrorKind::Timeout, None));
        let text = error.to_string();
        let start = "GetCallerIdentity failed: no answer from http://localhost:";
        assert!(text.starts_with(start), "{text}");
    }
}

#[tokio::test]
async fn the_deadline_bounds_attempts_and_waits_together() {
    let stub = Stub::start([Answer::error(503, "ServiceUnavailable"), Answer::Silence]).await;
    let started = Instant::now();
    let client = client(stub.url()).deadline(Duration::from_millis(300));
    let error = whoami(client).await.unwrap_err();
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_closed_port_is_an_error_that_says_what_to_check() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = whoami(client(&url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains(&url) && error.to_string().contains("check the network"));
    assert!(!error.to_string().contains("refused"));
}

#[tokio::test]
async fn the_first_cause_of_a_failed_connection_says_what_happened_and_the_layers_come_after_it() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for (url, cause) in [
        (url.as_str(), "Connection refused (os error 111)"),
        (
            "http://no-such-host.invalid",
            "failed to lookup address information",
        ),
    ] {
        let http = own_http().build().unwrap();
        let error = whoami(client(url).http_client(http)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect);
        let first = std::error::Error::source(&error).unwrap();
        assert!(first.to_string().starts_with(cause), "{first}");
        let second = first.source().unwrap();
        assert!(second.is::<reqwest::Error>() && second.source().is_some());
    }
}

#[tokio::test]
async fn an_endpoint_is_called_and_signed_as_the_http_client_writes_its_url() {
    for (host, path, sent) in [
        ("localhost", "", "localhost /"),
        ("LocalHost", "/sts", "localhost /sts"),
        ("localhost", "/a/../b", "localhost /b"),
        ("127.1", "/a%7Eb", "127.0.0.1 /a%7Eb"),
        ("127.0.0.1", "//", "127.0.0.1 //"),
    ] {
        let stub = Stub::start([Answer::identity()]).await;
        let port = stub.url().rsplit_once(':').unwrap().1.to_owned();
        let builder = client(&format!("http://{host}:{port}{path}"));
        let built = builder.clone().build().unwrap();
        let (sent_host, sent_path) = sent.split_once(' ').unwrap();
        let expected = format!("http://{sent_host}:{port}{sent_path}");
        assert_eq!(built.endpoint().url(), expected);

        assert_eq!(whoami(builder).await.unwrap(), "stub-2");
        let request = stub.requests().remove(0);
        let authority = format!("{sent_host}:{port}");
        assert_eq!(header(&request, "host"), Some(authority.as_str()));
        assert!(
            request.starts_with(&format!("POST {sent_path} ")),
            "{request}"
        );
        is_signed_as_sent(&request);
    }
}

fn is_signed_as_sent(request: &str) {
    is_signed_for("sts", request);
}

/// Verifies the signature over the request as it came.
fn is_signed_for(service: &str, request: &str) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let mut line = lines.next().unwrap().split(' ');
    let (method, target) = (line.next().unwrap(), line.next().unwrap());
    let headers: Vec<_> = lines.map(|line| line.split_once(": ").unwrap()).collect();
    let received = Request::from_wire(method, target, &headers).unwrap();
    let received = received.payload(Payload::Bytes(body.as_bytes()));
    let verifier = Verifier::new(Scope::new("eu-west-1", service).unwrap());
    let verified = verifier.verify(&received, Timestamp::now(), |_| Some(credentials()));
    assert!(verified.is_ok(), "{:?}", verified.err());
}

#[tokio::test]
async fn a_broken_or_endless_answer_is_an_error_and_not_retried() {
    for (answer, kind) in [
        (Answer::Broken, ErrorKind::Transport),
        (Answer::Endless, ErrorKind::Response),
    ] {
        let stub = Stub::start([answer]).await;
        let error = whoami(client(stub.url())).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let status = (kind == ErrorKind::Response).then_some(200);
        assert_eq!(error.status(), status);
        assert_eq!(stub.requests().len(), 1);
    }
}

#[tokio::test]
async fn an_error_that_is_too_long_to_read_is_an_error_of_the_service() {
    for (status, requests) in [(403, 1), (503, 3)] {
        let long = || Answer::Full(status, "", "x".repeat(200));
        let stub = Stub::start([long(), long(), long()]).await;
        let client = client(stub.url()).max_answer(100);
        let error = whoami(client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Service, "{error}");
        assert_eq!(error.status(), Some(status));
        assert_eq!(stub.requests().len(), requests, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_by_the_default_client() {
    let stub = Stub::start([Answer::Full(307, "Location: /elsewhere\r\n", String::new())]).await;
    let builder = Client::builder().region("eu-west-1").unwrap();
    let error = whoami(builder.endpoint(stub.url()).unwrap())
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Service, Some(307))
    );
    assert_eq!(stub.requests().len(), 1);
}

#[tokio::test]
async fn requests_go_through_an_http_client_of_the_callers_own_which_debug_does_not_show() {
    let stub = Stub::start([Answer::identity()]).await;
    let secret = ("x-proxy-key", "canary-key");
    let headers = [(secret.0.parse().unwrap(), secret.1.parse().unwrap())];
    let http = own_http()
        .user_agent("own/1")
        .default_headers(headers.into_iter().collect())
        .build()
        .unwrap();
    let own = client(stub.url()).http_client(http);
    let shown = format!("{own:?} {:?}", own.clone().build().unwrap());
    whoami(own).await.unwrap();
    whoami(client(stub.url())).await.unwrap();

    let requests = stub.requests();
    assert_eq!(header(&requests[0], "user-agent"), Some("own/1"));
    assert_eq!(header(&requests[0], secret.0), Some(secret.1));
    let default = concat!("keyfob-sts/", env!("CARGO_PKG_VERSION"));
    assert_eq!(header(&requests[1], "user-agent"), Some(default));
    assert!(!shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn a_session_token_that_the_service_repeats_is_redacted_in_the_error_and_for_the_hook() {
    let body = "<ErrorResponse><Error><Code>Throttling</Code><Message>should have been 'POST\n/\n\n\
                x-amz-security-token:canary-token\n'</Message></Error></ErrorResponse>";
    let stub = Stub::start([Answer::Full(400, "", body.to_owned())]).await;
    let reported = Arc::new(Mutex::new(String::new()));
    let hook = Arc::clone(&reported);
    let client =
        client(stub.url()).notify(move |error, _| *hook.lock().unwrap() += error.message());
    let error = whoami(client).await.unwrap_err();
    let reported = reported.lock().unwrap();
    assert!(
        reported.contains("x-amz-security-token:(redacted)"),
        "{reported}"
    );
    assert!(!format!("{error} {error:?} {reported}").contains("canary"));
}

#[tokio::test]
async fn a_key_that_the_service_repeats_is_redacted_in_message_code_and_request_id() {
    for told in ["canary-secret", "canary-token", "canary-to"] {
        let body = format!(
            "<Error><Code>Bad-{told}</Code><Message>of {told}</Message><RequestId>{told}</RequestId></Error>"
        );
        let stub = Stub::start([Answer::Full(403, "", body)]).await;
        let error = whoami(client(stub.url())).await.unwrap_err();
        assert_eq!(error.code(), Some("Bad-(redacted)"));
        assert_eq!(error.message(), "of (redacted)");
        assert_eq!(error.request_id(), Some("(redacted)"));
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}

#[tokio::test]
async fn an_unsigned_action_works_without_credentials_and_region_and_sends_no_authorization() {
    let stub = Stub::start([Answer::error(400, "InvalidIdentityToken")]).await;
    let client = Client::builder()
        .endpoint(stub.url())
        .unwrap()
        .build()
        .unwrap();
    let action = AssumeRoleWithWebIdentity::new(ROLE, "session", "canary-jwt").unwrap();
    let error = client.send_unsigned(&action).await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidIdentityToken"));
    let requests = stub.requests();
    assert_eq!(requests.len(), 1);
    assert!(
        header(&requests[0], "authorization").is_none()
            && requests[0].contains("WebIdentityToken=canary-jwt")
    );
}

#[tokio::test]
async fn a_signed_action_without_a_region_is_an_error_and_nothing_is_sent() {
    let stub = Stub::start([Answer::identity()]).await;
    let client = Client::builder().endpoint(stub.url()).unwrap();
    let error = whoami(client).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Setting);
    assert!(stub.requests().is_empty());
}

/// Makes a call that returns a member of its answer.
fn member(operation: Operation, path: &'static str) -> impl Call<Output = String> + Sync {
    operation.with_output(move |reply| reply.required(path))
}

fn json(status: u16, body: &str) -> Answer {
    Answer::Full(status, "", body.to_owned())
}

/// Returns a client of another service, with short waits.
fn client_of(service: Service, url: &str) -> Client {
    client(url).service(service).build().unwrap()
}

#[tokio::test]
async fn a_token_in_a_header_is_sent_with_each_attempt_and_redacted_in_the_error() {
    let failed = json(500, r#"{"message": "about canary-token-of-portal"}"#);
    let stub = Stub::start([failed.clone(), json(200, r#"{"a": {"b": "c"}}"#), failed]).await;
    let client = client_of(Service::SSO, stub.url());
    let name = HeaderName::from_static("x-amz-sso_bearer_token");
    let operation = Operation::new(&Service::SSO, "GetRoleCredentials")
        .with_route(Method::GET, &["federation", "credentials"])
        .with_authorization(Authorization::Header(name, "canary-token-of-portal".into()))
        .text("role_name", "a b'~", 1..=9)
        .unwrap();
    let call = member(operation, "a/b");
    assert_eq!(client.send_unsigned(&call).await.unwrap(), "c");
    let error = client.send_unsigned(&call).await.unwrap_err();
    assert_eq!(error.message(), "about (redacted)");
    assert!(!format!("{error:?}").contains("canary"));
    let requests = stub.requests();
    assert_eq!(requests.len(), 5);
    for request in requests {
        assert!(request.starts_with("GET /federation/credentials?role_name=a%20b%27~ HTTP/1.1"));
        let token = header(&request, "x-amz-sso_bearer_token");
        assert_eq!(token, Some("canary-token-of-portal"));
        assert_eq!(header(&request, "authorization"), None);
    }
}

#[tokio::test]
async fn a_proof_is_made_for_each_attempt_for_the_url_that_is_called() {
    let stub = Stub::start([json(500, "{}"), json(200, r#"{"a": "b"}"#)]).await;
    let client = client_of(Service::SIGNIN, stub.url());
    let count = AtomicU32::new(0);
    let proof = Proof::new(HeaderName::from_static("dpop"), move |method, url, _| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        Ok(Secret::from(format!("{number} {method} {url}")))
    });
    let operation = Operation::new(&Service::SIGNIN, "CreateOAuth2Token")
        .with_route(Method::POST, &["v1", "token"])
        .with_authorization(Authorization::Proof(proof));
    assert_eq!(
        client.send_unsigned(&member(operation, "a")).await.unwrap(),
        "b"
    );
    let requests = stub.requests();
    let proofs = requests
        .iter()
        .map(|request| header(request, "dpop").unwrap());
    let url = format!("POST {}/v1/token", stub.url());
    assert_eq!(
        proofs.collect::<Vec<_>>(),
        [format!("0 {url}"), format!("1 {url}")]
    );
}

#[tokio::test]
async fn a_request_of_each_protocol_is_signed_as_it_is_sent() {
    static QUOTAS: Service = Service::new("servicequotas", Protocol::Json11 { target: "T" }, "1");
    static REST: Service = Service::new("rest", Protocol::RestJson, "1");
    let rest = |method| {
        let operation = Operation::new(&REST, "Do").with_route(method, &["a b", "c+d"]);
        operation.text("q", "e f&g=h/%", 1..=99).unwrap()
    };
    for operation in [
        Operation::new(&QUOTAS, "Do")
            .text("A", "b é", 1..=9)
            .unwrap(),
        rest(Method::GET),
        rest(Method::POST),
    ] {
        let stub = Stub::start([json(200, r#"{"a": "b"}"#)]).await;
        let service = *operation.service();
        let client = client_of(service, stub.url());
        client
            .send(&member(operation, "a"), &credentials())
            .await
            .unwrap();
        is_signed_for(service.scope_name(), &stub.requests()[0]);
    }
}

#[tokio::test]
async fn a_call_of_another_service_and_an_unsigned_one_that_needs_credentials_are_not_sent() {
    let stub = Stub::start([Answer::identity()]).await;
    let client = client_of(Service::SSO, stub.url());
    let error = client
        .send(&GetCallerIdentity::new(), &credentials())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Setting);
    assert_eq!(
        error.to_string(),
        "GetCallerIdentity is a call of sts, but the client is for sso: build one for sts"
    );
    let client = self::client(stub.url()).build().unwrap();
    let error = client
        .send_unsigned(&GetCallerIdentity::new())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    let role = AssumeRole::new(ROLE, "s1").and_then(|role| role.transitive_tag_key("k"));
    let error = client
        .send(&role.unwrap(), &credentials())
        .await
        .unwrap_err();
    assert_eq!(error.parameter(), Some("TransitiveTagKeys.member.1"));
    assert!(stub.requests().is_empty());
}

#[tokio::test]
async fn the_size_of_an_answer_can_be_limited_and_raised() {
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(2 << 20));
    let stub = Stub::start([json(200, &long)]).await;
    let operation = || Operation::new(&Service::SSO, "Do").with_authorization(Authorization::None);
    for (max, is_ok) in [(1 << 20, false), (3 << 20, true)] {
        let builder = client(stub.url()).service(Service::SSO);
        let client = builder.max_answer(max).build().unwrap();
        let answer = client.send_unsigned(&member(operation(), "a")).await;
        assert_eq!(answer.is_ok(), is_ok);
    }
}

#[test]
fn a_client_and_its_calls_can_be_shared_between_threads() {
    fn is_send_sync<T: Send + Sync>(_: &T) {}
    fn is_send<T: Send>(_: &T) {}
    let client = Client::builder()
        .region("eu-west-1")
        .unwrap()
        .build()
        .unwrap();
    is_send_sync(&client);
    let (action, credentials) = (GetCallerIdentity::new(), credentials());
    is_send(&client.send(&action, &credentials));
    assert!(!format!("{client:?} {:?}", Client::builder()).contains("canary"));
}

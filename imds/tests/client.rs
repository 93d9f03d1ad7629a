//! The client against this crate's server and against scripted misbehavior, over real sockets.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that unwraps fails the test that called it"
)]

mod common;

use std::time::{Duration, Instant};

use common::{Reply, Script};
use keyfob_imds::{Client, ClientBuilder, Endpoint, ErrorKind, server::Imds, wire::TokenTtl};
use keyfob_sigv4::{Credentials, Timestamp};

fn key() -> Credentials {
    Credentials::new("ASIAEXAMPLE", "canary-secret")
        .unwrap()
        .with_session_token("canary-token")
        .unwrap()
        .with_expiry(Timestamp::now().plus_seconds(3600))
        .with_account_id("123456789012")
}

fn client_of(url: &str) -> ClientBuilder {
    Client::builder().endpoint(Endpoint::new(url).unwrap())
}

fn token() -> Reply {
    Reply::with_headers(
        200,
        &[("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")],
        b"TOKEN_A",
    )
}

#[tokio::test]
async fn first_credentials_take_three_requests_over_one_connection() {
    let server = Imds::builder()
        .role("web")
        .unwrap()
        .credentials(key())
        .start()
        .await
        .unwrap();
    let client = client_of(&server.endpoint().to_string()).build().unwrap();
    let role = client.credentials().await.unwrap();
    assert_eq!(role.name, "web");
    assert_eq!(role.credentials.access_key_id(), "ASIAEXAMPLE");
    assert_eq!(role.credentials.account_id(), Some("123456789012"));
    let counted = server.counters();
    assert_eq!((counted.requests, counted.connections), (3, 1));
    client.credentials().await.unwrap();
    assert_eq!(server.counters().requests, 4);
}

#[tokio::test]
async fn a_hundred_calls_open_one_session() {
    let server = Imds::builder().start().await.unwrap();
    let client = client_of(&server.endpoint().to_string()).build().unwrap();
    for _ in 0..100 {
        client.get("instance-id").await.unwrap();
    }
    let counted = server.counters();
    assert_eq!(
        (counted.tokens, counted.requests, counted.connections),
        (1, 101, 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tasks_at_cold_start_share_one_session_and_one_answer() {
    let server = Imds::builder().credentials(key()).start().await.unwrap();
    // Long enough for every task to ask before the answer is there.
    server.inject(keyfob_imds::server::Fault::slow(Duration::from_millis(500)).times(1));
    let client = client_of(&server.endpoint().to_string()).build().unwrap();
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.credentials().await })
        })
        .collect();
    for task in tasks {
        assert_eq!(
            task.await.unwrap().unwrap().credentials.access_key_id(),
            "ASIAEXAMPLE"
        );
    }
    let counted = server.counters();
    assert_eq!((counted.tokens, counted.credentials), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tasks_share_one_failure() {
    // Long enough for every task to ask before the answer is there.
    let refusal = b"HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n";
    let server = Script::start((0..1000).map(|_| Reply::Late(refusal.to_vec()))).await;
    let client = client_of(&server.url()).build().unwrap();
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.credentials().await })
        })
        .collect();
    for task in tasks {
        assert_eq!(
            task.await.unwrap().unwrap_err().kind(),
            ErrorKind::Forbidden
        );
    }
    assert_eq!(server.asked(), ["PUT /latest/api/token"]);
}

#[tokio::test]
async fn the_session_is_refreshed_shortly_before_it_expires() {
    let server = Imds::builder().start().await.unwrap();
    let client = client_of(&server.endpoint().to_string())
        .token_ttl(TokenTtl::from_secs(600).unwrap())
        .build()
        .unwrap();
    for (seconds, tokens) in [(0, 1), (470, 1), (20, 2), (470, 2)] {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
        client.get("instance-id").await.unwrap();
        assert_eq!(server.counters().tokens, tokens, "after {seconds} s more");
    }
    assert_eq!(server.counters().refused, 0);
}

#[tokio::test]
async fn after_a_failed_refresh_the_old_session_is_used_until_it_expires() {
    let ok = |body| Reply::status(200, body);
    let refused = || Reply::status(403, "");
    let server = Script::start([
        token(),
        ok("1"),
        refused(),
        ok("2"),
        ok("3"),
        refused(),
        ok("4"),
        refused(),
    ])
    .await;
    let client = client_of(&server.url()).build().unwrap();
    // Fresh; in its last two minutes; again at once, too early to try again; later; expired.
    for (seconds, outcome) in [
        (0, Ok("1".to_owned())),
        (21_490, Ok("2".to_owned())),
        (1, Ok("3".to_owned())),
        (30, Ok("4".to_owned())),
        (200, Err(ErrorKind::Forbidden)),
    ] {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
        assert_eq!(client.get("x").await.map_err(|error| error.kind()), outcome);
    }
    assert_eq!(server.left(), 0);
}

#[tokio::test]
async fn a_token_rejected_once_is_replaced_and_rejected_twice_is_an_error() {
    let server = Imds::builder().start().await.unwrap();
    let client = client_of(&server.endpoint().to_string()).build().unwrap();
    client.get("instance-id").await.unwrap();
    server.expire_tokens();
    client.get("instance-id").await.unwrap();
    assert_eq!(
        (server.counters().tokens, server.counters().refused),
        (2, 1)
    );

    let stubborn = Script::start([
        token(),
        Reply::status(401, ""),
        token(),
        Reply::status(401, ""),
    ])
    .await;
    let client = client_of(&stubborn.url()).build().unwrap();
    let error = client.get("x").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Unauthorized, Some(401))
    );
    assert_eq!(stubborn.asked().len(), 4);
}

#[tokio::test]
async fn server_errors_are_retried_and_other_refusals_are_not() {
    let server = Script::start([
        Reply::status(503, ""),
        token(),
        Reply::status(500, ""),
        Reply::status(502, ""),
        Reply::status(200, "ok"),
    ])
    .await;
    let client = client_of(&server.url()).build().unwrap();
    assert_eq!(client.get("x").await.unwrap(), "ok");
    assert_eq!(server.left(), 0);

    for status in [400, 403, 404, 405, 302] {
        let server = Script::start([token(), Reply::status(status, "canary")]).await;
        let client = client_of(&server.url()).build().unwrap();
        let error = client.get("x").await.unwrap_err();
        assert_eq!(error.status(), Some(status));
        assert!(!format!("{error:?}").contains("canary"));
        assert_eq!(server.asked().len(), 2, "{status}");
    }
    let server = Script::start([token()]).await;
    let client = client_of(&server.url()).attempts(2).build().unwrap();
    assert_eq!(client.get("x").await.unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn throttling_is_retried() {
    let server = Script::start([token(), Reply::status(429, ""), Reply::status(200, "ok")]).await;
    let client = client_of(&server.url()).build().unwrap();
    assert_eq!(client.get("x").await.unwrap(), "ok");
}

#[tokio::test]
async fn the_session_token_is_available_for_another_program() {
    let server = Script::start([token(), Reply::status(405, "")]).await;
    let client = client_of(&server.url()).build().unwrap();
    assert_eq!(client.token().await.unwrap().expose(), "TOKEN_A");
    assert_eq!(client.token().await.unwrap().ttl(), TokenTtl::MAX);
    assert_eq!(server.left(), 1);
    let without = client_of(&server.url()).allow_v1(true).build().unwrap();
    assert_eq!(
        without.token().await.unwrap_err().kind(),
        ErrorKind::TokenUnsupported
    );
}

#[tokio::test]
async fn a_redirect_is_an_error_and_never_followed() {
    let moved = Reply::with_headers(302, &[("Location", "/latest/user-data")], b"");
    let server = Script::start([token(), moved]).await;
    let client = client_of(&server.url()).build().unwrap();
    let error = client.get("x").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Status, Some(302))
    );
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn without_tokens_imdsv1_is_used_only_where_allowed() {
    for status in [404, 405] {
        let server = Script::start([Reply::status(status, ""), Reply::status(200, "v1")]).await;
        let client = client_of(&server.url()).allow_v1(true).build().unwrap();
        assert_eq!(client.get("x").await.unwrap(), "v1");
        assert!(!server.heads()[1].contains("metadata-token"));

        let server = Script::start([Reply::status(status, ""), Reply::status(200, "v1")]).await;
        let client = client_of(&server.url()).build().unwrap();
        assert_eq!(
            client.get("x").await.unwrap_err().kind(),
            ErrorKind::TokenUnsupported
        );
        assert_eq!(server.left(), 1);
    }
    for status in [400, 401, 403, 429, 503] {
        let server = Script::start((0..3).map(|_| Reply::status(status, ""))).await;
        let client = client_of(&server.url()).allow_v1(true).build().unwrap();
        assert_eq!(client.get("x").await.unwrap_err().status(), Some(status));
        assert!(
            server.asked().iter().all(|line| line.starts_with("PUT ")),
            "{status}"
        );
    }
}

#[tokio::test]
async fn an_unanswered_session_request_names_the_hop_limit() {
    let server = Script::start([Reply::Hang]).await;
    let client = client_of(&server.url())
        .allow_v1(true)
        .attempt_timeout(Duration::from_millis(400))
        .build()
        .unwrap();
    let error = client.get("x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(
        error
            .to_string()
            .contains("--http-put-response-hop-limit 2"),
        "{error}"
    );
    assert_eq!(server.asked(), ["PUT /latest/api/token"]);

    let server = Script::start([token(), Reply::Hang]).await;
    let client = client_of(&server.url())
        .timeout(Duration::from_millis(500))
        .build()
        .unwrap();
    let error = client.get("x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(!error.to_string().contains("hop"), "{error}");
}

#[tokio::test]
async fn off_ec2_the_default_gives_up_in_time_and_says_so() {
    // Nothing listens, and a name that does not exist.
    let gone = Script::start([])
        .await
        .url()
        .replace("127.0.0.1", "127.0.0.2");
    // Reserved for documentation (RFC 5737): no route, or silence.
    for url in [&gone, "http://192.0.2.1", "http://keyfob.invalid"] {
        let client = client_of(url).build().unwrap();
        let began = Instant::now();
        let error = client.credentials().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{url}: {error:?}");
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{url}: {:?}",
            began.elapsed()
        );
        assert!(error.to_string().contains(url), "{error}");
    }
    // Accepted but never answered.
    let silent = Script::start([Reply::Hang]).await;
    let began = Instant::now();
    let client = client_of(&silent.url()).build().unwrap();
    assert_eq!(
        client.region().await.unwrap_err().kind(),
        ErrorKind::Timeout
    );
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_disabled_client_opens_no_socket() {
    let server = Script::start([]).await;
    let client = client_of(&server.url()).disabled(true).build().unwrap();
    assert_eq!(
        client.get("x").await.unwrap_err().kind(),
        ErrorKind::Disabled
    );
    assert_eq!(
        client.credentials().await.unwrap_err().kind(),
        ErrorKind::Disabled
    );
    assert_eq!(
        client.role_name().await.unwrap_err().kind(),
        ErrorKind::Disabled
    );
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced_without_an_error() {
    // The second request finds its connection closed. So does the fourth, whose new one is closed,
    // too.
    let server = Script::start([
        token(),
        Reply::Close,
        Reply::status(200, "ok"),
        Reply::Close,
        Reply::Close,
    ])
    .await;
    let client = client_of(&server.url()).build().unwrap();
    assert_eq!(client.get("x").await.unwrap(), "ok");
    assert_eq!(
        client.get("x").await.unwrap_err().kind(),
        ErrorKind::Transport
    );
    assert_eq!(server.left(), 0);
}

#[tokio::test]
async fn an_endless_or_incomplete_answer_is_an_error() {
    let long = "x".repeat((1 << 20) + 1);
    let cut = Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort".to_vec());
    for (reply, kind) in [
        (Reply::status(200, &long), ErrorKind::Response),
        (
            Reply::Raw(b"SSH-2.0-OpenSSH_9\r\n\r\n".to_vec()),
            ErrorKind::Transport,
        ),
        (cut, ErrorKind::Timeout),
    ] {
        let server = Script::start([token(), reply]).await;
        let client = client_of(&server.url())
            .timeout(Duration::from_secs(3))
            .build()
            .unwrap();
        assert_eq!(client.get("x").await.unwrap_err().kind(), kind);
    }
}

#[tokio::test]
async fn a_persistent_client_survives_what_can_go_wrong_at_each_step() {
    let document = r#"{"AccessKeyId":"AKID","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#;
    let ok = |body| Reply::status(200, body);
    let cut = &document[..20];
    for bad in [
        Reply::Close,
        Reply::Hang,
        Reply::status(500, ""),
        Reply::status(429, ""),
        ok(""),
    ] {
        let steps = [
            bad.clone(),
            token(),
            bad.clone(),
            ok("web"),
            bad,
            ok(cut),
            ok(document),
        ];
        let server = Script::start(steps).await;
        let client = client_of(&server.url()).retry_unanswered(true);
        let client = client.attempt_timeout(Duration::from_millis(300));
        let client = client.timeout(Duration::from_secs(20)).build().unwrap();
        assert_eq!(client.credentials().await.unwrap().name, "web");
        assert_eq!(server.left(), 0);
    }
}

#[tokio::test]
async fn an_empty_list_of_roles_means_no_role_and_a_persistent_client_retries() {
    for (persistent, lists, kind) in [
        (false, 1, ErrorKind::NotFound),
        (true, 3, ErrorKind::Response),
    ] {
        let replies = [token()]
            .into_iter()
            .chain((0..6).map(|_| Reply::status(200, " \n")));
        let server = Script::start(replies).await;
        let client = client_of(&server.url()).retry_unanswered(persistent);
        let client = client.build().unwrap();
        assert_eq!(client.credentials().await.unwrap_err().kind(), kind);
        assert_eq!(client.role_name().await.unwrap_err().kind(), kind);
        assert_eq!(server.asked().len(), 1 + 2 * lists);
    }
}

#[tokio::test]
async fn what_is_listed_as_a_role_and_is_none_is_neither_shown_nor_asked_for() {
    let document = br#"{"AccessKeyId":"AKIDCANARY","SecretAccessKey":"canary"}"#;
    let replies = [token()]
        .into_iter()
        .chain((0..6).map(|_| Reply::with_headers(200, &[], document)));
    let server = Script::start(replies).await;
    let client = client_of(&server.url()).build().unwrap();
    for error in [
        client.role_name().await.unwrap_err(),
        client.credentials().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Response);
        let told = format!("{error} {error:?}").to_lowercase();
        assert!(told.contains("not the name of a role"), "{told}");
        assert!(!told.contains("canary"), "{told}");
    }
    let asked = server.asked().join("\n").to_lowercase();
    assert!(!asked.contains("canary"), "{asked}");
}

#[tokio::test]
async fn an_instance_without_a_role_says_so_and_only_roles_have_names() {
    let server = Imds::builder().start().await.unwrap();
    let client = client_of(&server.endpoint().to_string()).build().unwrap();
    for error in [
        client.role_name().await.unwrap_err(),
        client.credentials().await.unwrap_err(),
    ] {
        assert!(
            error.is_not_found() && error.to_string().contains("no IAM role"),
            "{error}"
        );
    }
    let server = Imds::builder()
        .role("web")
        .unwrap()
        .credentials(key())
        .start()
        .await
        .unwrap();
    let client = client_of(&server.endpoint().to_string()).build().unwrap();
    assert_eq!(client.role_name().await.unwrap(), "web");
}

#[tokio::test]
async fn a_host_that_only_has_the_old_directory_is_remembered() {
    let server = Imds::builder()
        .extended(false)
        .credentials(key())
        .start()
        .await
        .unwrap();
    let client = client_of(&server.endpoint().to_string()).build().unwrap();
    assert_eq!(
        client.credentials().await.unwrap().credentials.account_id(),
        None
    );
    assert_eq!(server.counters().requests, 4);
    client.credentials().await.unwrap();
    assert_eq!(
        (server.counters().requests, server.counters().refused),
        (5, 1)
    );
}

#[tokio::test]
async fn a_failing_source_is_a_refusal_with_its_reason() {
    let server = Imds::builder()
        .credentials_from(|| async { Err::<Credentials, _>("the vault is locked") })
        .start()
        .await
        .unwrap();
    let client = client_of(&server.endpoint().to_string()).build().unwrap();
    let error = client.credentials().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Refused, Some("Failed"))
    );
    assert!(error.to_string().contains("the vault is locked"), "{error}");
}

#[tokio::test]
async fn directories_are_lists_of_names() {
    let server = Imds::builder().region("eu-west-1").start().await.unwrap();
    let client = client_of(&server.endpoint().to_string()).build().unwrap();
    assert_eq!(
        client.list("placement").await.unwrap(),
        ["availability-zone", "region"]
    );
    assert_eq!(
        client.list("/latest/").await.unwrap(),
        ["dynamic/", "meta-data/"]
    );
    assert_eq!(client.region().await.unwrap(), "eu-west-1");
}

#[tokio::test]
async fn bad_settings_and_paths_are_rejected_before_anything_is_sent() {
    assert!(Client::builder().profile_name(" ").build().is_err());
    assert!(
        Client::builder()
            .timeout(Duration::MAX)
            .attempt_timeout(Duration::MAX)
            .build()
            .is_ok()
    );
    let server = Script::start([]).await;
    let client = client_of(&server.url()).build().unwrap();
    for path in ["", "/a?b", "/../x", "a b", "a\nb"] {
        assert_eq!(
            client.get(path).await.unwrap_err().kind(),
            ErrorKind::Setting,
            "{path:?}"
        );
    }
    assert!(server.asked().is_empty());
}

/// A future is moved and nested before it runs. One of 80 kB overflows the stack of a thread in a
/// debug build.
#[test]
fn futures_are_small() {
    let client = Client::builder().build().unwrap();
    assert!(size_of_val(&client.get("x")) < 4096);
    assert!(size_of_val(&client.credentials()) < 4096);
}

#[tokio::test]
async fn a_token_rejected_right_after_a_burst_is_replaced_too() {
    let server = Imds::builder().start().await.unwrap();
    let client = client_of(&server.endpoint().to_string()).build().unwrap();
    let both = tokio::join!(client.get("mac"), client.get("mac"));
    both.0.and(both.1).unwrap();
    server.expire_tokens();
    client.get("mac").await.unwrap();
    assert_eq!(server.counters().tokens, 2);
}

#[test]
fn clients_and_errors_can_be_shared_between_threads() {
    fn is_shared<T: Send + Sync + Clone + 'static>() {}
    is_shared::<Client>();
    is_shared::<keyfob_imds::Error>();
    fn future<'c, F: Future + Send>(_: impl Fn(&'c Client) -> F) {}
    future(Client::credentials);
    future(|client| client.get("x"));
}

#[tokio::test]
async fn a_service_whose_folders_never_end_ends_a_walk_with_an_error() {
    // Each folder has itself in it, or very many items.
    let many: String = (0..300).map(|at| format!("item-{at}\n")).collect();
    for (listing, reason) in [("again/".to_owned(), "levels"), (many, "items")] {
        let replies = (0..1000).map(|_| Reply::status(200, &listing));
        let server = Script::start(replies).await;
        server.give_tokens();
        let client = client_of(&server.url()).build().unwrap();
        let mut walk = client.walk("/latest/").unwrap().max_entries(250);
        let error = loop {
            match walk.next().await {
                Some(Err(error)) => break error,
                Some(Ok(_)) => {}
                None => unreachable!("the walk ended without an error"),
            }
        };
        assert_eq!(error.kind(), ErrorKind::Response);
        assert!(error.to_string().contains(reason), "{error}");
        assert!(walk.next().await.is_none());
        assert!(server.asked().len() < 30, "{}", server.asked().len());
    }
}

#[tokio::test]
async fn a_role_is_asked_for_by_the_name_that_was_listed() {
    let document = r#"{"AccessKeyId":"AKID","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#;
    for name in [
        "a+b=c,d.e@f-g_h",
        "tf/k8s/discovery",
        "arn:aws:iam::123456789012:role/path/reader",
    ] {
        let server = Script::start([
            Reply::status(404, ""),
            Reply::status(200, name),
            Reply::status(200, document),
        ])
        .await;
        server.give_tokens();
        let client = client_of(&server.url()).build().unwrap();
        assert_eq!(client.credentials().await.unwrap().name, name);
        let asked = server.asked().pop().unwrap();
        let path = format!("GET /latest/meta-data/iam/security-credentials/{name}");
        assert_eq!(asked, path);
    }
}

#[tokio::test]
async fn a_role_that_is_listed_but_has_no_document_is_not_no_role() {
    let listed = || Reply::status(200, "web");
    let missing = || Reply::status(404, "");
    let server = Script::start([listed(), missing(), listed(), missing()]).await;
    server.give_tokens();
    let client = client_of(&server.url()).build().unwrap();
    let error = client.credentials().await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert!(!error.to_string().contains("no IAM role"), "{error}");
}

#[tokio::test]
async fn an_item_without_its_last_slash_is_told_of_it() {
    let moved = Reply::with_headers(301, &[("Location", "/latest/meta-data/iam/")], b"");
    let server = Script::start([moved]).await;
    server.give_tokens();
    let client = client_of(&server.url()).build().unwrap();
    let error = client.get("iam").await.unwrap_err();
    assert_eq!(error.status(), Some(301));
    assert!(error.to_string().contains("a slash at the end"), "{error}");
}

#[tokio::test]
async fn an_optional_item_is_none_only_if_it_does_not_exist() {
    let instance = Imds::builder().start().await.unwrap();
    let url = format!("http://localhost:{}", instance.address().port());
    let client = client_of(&url).attempts(1).build().unwrap();
    assert_eq!(client.get_optional("kernel-id").await.unwrap(), None);
    let id = client.get_optional("instance-id").await.unwrap();
    assert_eq!(id.as_deref(), Some("i-0123456789abcdef0"));
    instance.inject(keyfob_imds::server::Fault::status(500));
    assert!(client.get_optional("instance-id").await.is_err());
}

#[tokio::test]
async fn a_refusal_that_repeats_the_session_token_is_shown_without_it() {
    let refusal = r#"{"Code":"Failed","Message":"canary-token-canary is not valid"}"#;
    let server = Script::start([
        Reply::status(200, "canary-token-canary"),
        Reply::status(200, "web"),
        Reply::status(200, refusal),
    ])
    .await;
    let client = client_of(&server.url()).build().unwrap();
    let error = client.credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        !format!("{error} {error:?}").contains("canary"),
        "{error:?}"
    );
}

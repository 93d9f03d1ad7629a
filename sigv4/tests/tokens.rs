//! Tokens with values on which two other implementations agree.
#![cfg(feature = "tokens")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};
use keyfob_sigv4::{
    Credentials, ErrorKind, Secret, Timestamp, Ttl,
    token::{self, AppSync, CacheKind, DsqlUser, EksToken, ExecApi, Token},
};

fn keys() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap()
}

fn at() -> Timestamp {
    "2024-08-26T22:00:00Z".parse().unwrap()
}

fn ttl(seconds: u64) -> Ttl {
    Ttl::from_secs(seconds).unwrap()
}

#[track_caller]
fn is_signed(token: &Token, begins: &str, signature: &str) {
    let text = token.expose();
    assert!(text.starts_with(begins), "{text}");
    assert!(
        text.ends_with(&format!("&X-Amz-Signature={signature}")),
        "{text}"
    );
    assert_eq!(token.expiry(), at().plus_seconds(900));
}

#[test]
fn rds_tokens_keep_the_port_and_encode_the_user_once() {
    let endpoint = "prod-instance.us-east-1.rds.amazonaws.com:3306";
    let published = Credentials::new("akid", "secret").unwrap();
    let token = token::rds(endpoint, "peccy", "us-east-1", &published, at()).unwrap();
    is_signed(
        &token,
        "prod-instance.us-east-1.rds.amazonaws.com:3306/?Action=connect&DBUser=peccy&",
        "dd0cba843009474347af724090233265628ace491ea17ce3eb3da098b983ad89",
    );
    let endpoint = "https://db.example.us-east-1.rds.amazonaws.com:5432";
    let token = token::rds(endpoint, "a user+x", "us-east-1", &keys(), at()).unwrap();
    is_signed(
        &token,
        "db.example.us-east-1.rds.amazonaws.com:5432/?Action=connect&DBUser=a%20user%2Bx&",
        "d0387f8aeb713e827d3c08740d0ca875e8257f1f1e97cf991eb9082b9d349717",
    );
    // As botocore does: the default port is in the token but not signed.
    let endpoint = "db.example.us-east-1.rds.amazonaws.com:443";
    let token = token::rds(endpoint, "peccy", "us-east-1", &keys(), at()).unwrap();
    is_signed(
        &token,
        "db.example.us-east-1.rds.amazonaws.com:443/?Action=connect&DBUser=peccy&",
        "dcdcf9bd26bb6ca194db8f2a829407b18c89db1027b7eba7a8c27ee43efa3ec0",
    );
}

#[test]
fn malformed_endpoints_are_refused_with_their_own_kind() {
    for (endpoint, kind) in [
        ("", ErrorKind::Host),
        ("https://", ErrorKind::Host),
        ("db", ErrorKind::Port),
        ("db:", ErrorKind::Port),
        ("db:0", ErrorKind::Port),
        ("db:65536", ErrorKind::Port),
        ("db:port", ErrorKind::Port),
        ("db/x:1", ErrorKind::Host),
        ("user@db:1", ErrorKind::Host),
        ("d b:1", ErrorKind::Host),
    ] {
        let error = token::rds(endpoint, "u", "us-east-1", &keys(), at()).unwrap_err();
        assert_eq!(error.kind(), kind, "{endpoint}");
    }
    let error = token::rds("db:1", "u", "", &keys(), at()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Region);
}

#[test]
fn errors_repeat_a_refused_endpoint_without_its_secrets() {
    for endpoint in [
        "postgres://user:canary@db:5432/app",
        "db:5432?password=canary",
        "user:canary",
        "postgres://user:canary",
        "canary@db:5432",
        "user:can@canary@db:5432",
    ] {
        for error in [
            token::rds(endpoint, "u", "us-east-1", &keys(), at()),
            token::iot_websocket(endpoint, "us-east-1", ttl(1), &keys(), at()),
        ]
        .map(Result::unwrap_err)
        {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("canary"), "{shown}");
        }
    }
}

#[test]
fn tokens_without_a_user_or_a_lifetime_are_refused() {
    let (region, keys) = ("us-east-1", keys());
    for user in ["", " "] {
        for (result, kind) in [
            (
                token::rds("db:1", user, region, &keys, at()),
                ErrorKind::User,
            ),
            (
                token::memorydb("cache", user, region, &keys, at()),
                ErrorKind::User,
            ),
            (
                token::eks(user, region, &keys, at()).map(EksToken::into_token),
                ErrorKind::Cluster,
            ),
        ] {
            assert_eq!(result.unwrap_err().kind(), kind);
        }
    }
    let forever = token::dsql("db", DsqlUser::Admin, region, Ttl::UNSTATED, &keys, at());
    assert_eq!(forever.unwrap_err().kind(), ErrorKind::Ttl);
}

#[test]
fn dsql_tokens_of_the_administrator_have_their_own_action() {
    for (user, signature) in [
        (
            DsqlUser::Custom,
            "c909a722f3254ac89ca5b52c95047ea7f15fe051a5ecde0b71c3cb4f03ab6009",
        ),
        (
            DsqlUser::Admin,
            "179b75eb94e96eaa15626fec6becdfce6551aad6c98b4dc15a16bdb026e854fe",
        ),
    ] {
        let host = "abc.dsql.us-east-1.on.aws";
        let token = token::dsql(host, user, "us-east-1", ttl(900), &keys(), at()).unwrap();
        is_signed(
            &token,
            "abc.dsql.us-east-1.on.aws/?Action=DbConnect",
            signature,
        );
    }
}

#[test]
fn a_dsql_token_expires_with_its_credentials() {
    for (left, expires) in [(100, "100"), (1000, "900"), (0, "1"), (-60, "1")] {
        let keys = keys().with_expiry(at().plus_seconds(left));
        let token = token::dsql("h", DsqlUser::Custom, "us-east-1", ttl(900), &keys, at());
        let said = format!("&X-Amz-Expires={expires}&");
        assert!(token.unwrap().expose().contains(&said), "{left}");
    }
}

#[test]
fn cache_names_are_signed_in_lower_case() {
    for (kind, signature) in [
        (
            CacheKind::Nodes,
            "bbfc779f6a451ac28a60ef468b62379e54e612bc2e945aa31a7d3012e24db142",
        ),
        (
            CacheKind::Serverless,
            "ed1c82b64864422dbb4fe0fc6c43bce019bd1698688007ee3471c8b436908a30",
        ),
    ] {
        let token = token::elasticache("My-Cache", "iam-user-01", kind, "us-east-1", &keys(), at());
        is_signed(
            &token.unwrap(),
            "my-cache/?Action=connect&User=iam-user-01&",
            signature,
        );
    }
    let token = token::memorydb("my-cluster", "iam-user-01", "us-east-1", &keys(), at());
    is_signed(
        &token.unwrap(),
        "my-cluster/?Action=connect&User=iam-user-01&",
        "87e006b593fdf7754e72b541c25384b30c5b338603e77a7ee1125aa46f36322a",
    );
}

#[test]
fn eks_tokens_have_the_form_that_kubectl_reads() {
    let token = token::eks("my-cluster", "us-east-1", &keys(), at()).unwrap();
    let url = decode(token.expose().strip_prefix("k8s-aws-v1.").unwrap());
    assert!(url.starts_with(
        "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&"
    ));
    assert!(url.contains("X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&"));
    assert!(url.contains("X-Amz-Expires=60&"));
    assert!(url.ends_with("02c5fe75cbc5056b678a923aa093ec536c1914e9c698ea9830925001bdd0e6d4"));
    for (api, name) in [
        (ExecApi::V1, "client.authentication.k8s.io/v1"),
        (ExecApi::V1Beta1, "client.authentication.k8s.io/v1beta1"),
        (ExecApi::V1Alpha1, "client.authentication.k8s.io/v1alpha1"),
    ] {
        let json: serde_json::Value = serde_json::from_str(&token.exec_credential(api)).unwrap();
        assert_eq!(json["apiVersion"], name);
        assert_eq!(ExecApi::from_name(name), Some(api));
    }
    assert_eq!(ExecApi::from_name("v1"), None);
    let text = token.exec_credential(ExecApi::default());
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["apiVersion"], "client.authentication.k8s.io/v1beta1");
    assert_eq!(json["kind"], "ExecCredential");
    assert_eq!(json["status"]["token"], token.expose());
    assert_eq!(
        json["status"]["expirationTimestamp"],
        "2024-08-26T22:14:00Z"
    );
    let error = token::eks("a\nb", "us-east-1", &keys(), at()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HeaderValue);
}

#[test]
fn eks_tokens_are_for_any_endpoint_of_sts() {
    let token = |endpoint: &str| token::eks_at(endpoint, "c", "us-east-1", &keys(), at());
    let own = token::eks("c", "us-east-1", &keys(), at()).unwrap();
    for slash in ["", "/"] {
        let same = token(&format!("https://sts.us-east-1.amazonaws.com{slash}")).unwrap();
        assert_eq!(same.expose(), own.expose());
    }
    for endpoint in [
        "https://sts-fips.us-east-1.amazonaws.com",
        "http://[::1]:4566",
    ] {
        let token = token(endpoint).unwrap();
        let url = decode(token.expose().strip_prefix("k8s-aws-v1.").unwrap());
        assert!(
            url.starts_with(&format!("{endpoint}/?Action=GetCallerIdentity&")),
            "{url}"
        );
    }
    for (wrong, kind) in [
        ("sts", ErrorKind::Url),
        ("https://", ErrorKind::Url),
        ("https://user@sts", ErrorKind::Host),
    ] {
        assert_eq!(token(wrong).unwrap_err().kind(), kind, "{wrong}");
    }
}

#[test]
fn msk_tokens_name_the_client_after_the_signature() {
    let token = token::msk("us-east-1", "my client/1", &keys(), at()).unwrap();
    let url = decode(token.expose());
    assert!(
        url.starts_with("https://kafka.us-east-1.amazonaws.com/?Action=kafka-cluster%3AConnect&")
    );
    assert!(url.ends_with("=a940f3fdf9c1e65d19ce64d1d1fd8596f5a3919ba59aca703085203ce13fd9bc&User-Agent=my%20client%2F1"));
}

#[test]
fn bedrock_keys_are_valid_for_at_most_twelve_hours() {
    let token = token::bedrock("us-east-1", ttl(43_200), &keys(), at()).unwrap();
    let text = token.expose().strip_prefix("bedrock-api-key-").unwrap();
    assert!(text.len().is_multiple_of(4));
    let url = decode(text.trim_end_matches('='));
    assert!(url.starts_with("bedrock.amazonaws.com/?Action=CallWithBearerToken&"));
    assert!(
        url.ends_with(
            "=ac269b0e0e3ca8fb4479933bc558f6435b405e582fd4949a00f0d82733805f37&Version=1"
        )
    );
    for wrong in [Ttl::UNSTATED, ttl(43_201)] {
        let error = token::bedrock("us-east-1", wrong, &keys(), at()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ttl);
    }
}

#[test]
fn websockets_are_signed_with_their_port() {
    let parameters = [
        ("language-code", "en-US"),
        ("media-encoding", "pcm"),
        ("sample-rate", "16000"),
    ];
    let url =
        token::transcribe_websocket(&parameters, "us-east-1", ttl(300), &keys(), at()).unwrap();
    assert!(url.as_str().starts_with("wss://transcribestreaming.us-east-1.amazonaws.com:8443/stream-transcription-websocket?language-code=en-US&"));
    assert_eq!(
        url.signature(),
        "1825c52722a77f45dfab837a6319e437dca302c9147767517046953489548bd9"
    );
    let error = token::transcribe_websocket(&[], "us-east-1", ttl(301), &keys(), at());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Ttl);
}

#[test]
fn iot_leaves_the_session_token_unsigned() {
    let session = keys().with_session_token("a/b+c==").unwrap();
    let host = "abc-ats.iot.us-east-1.amazonaws.com";
    let signature = |credentials: &Credentials| {
        let token =
            token::iot_websocket(host, "us-east-1", ttl(86_400), credentials, at()).unwrap();
        assert_eq!(token.expiry(), at().plus_seconds(86_400));
        let url = token.expose().to_owned();
        let at = url.find("X-Amz-Signature=").unwrap() + 16;
        (url[at..at + 64].to_owned(), url)
    };
    let (plain, _) = signature(&keys());
    assert_eq!(
        plain,
        "062a7758059a8cfdb2b25668ecec7067e0b3e400a49f802791acba5195f4feec"
    );
    let (with_token, url) = signature(&session);
    assert_eq!(with_token, plain);
    assert!(
        url.contains("&X-Amz-Security-Token=a%2Fb%2Bc%3D%3D"),
        "{url}"
    );
}

#[test]
fn codecommit_passwords_equal_those_of_the_credential_helper() {
    for path in ["/v1/repos/my", "v1/repos/my"] {
        let host = "git-codecommit.us-east-1.amazonaws.com:443";
        let login = token::codecommit(host, path, "us-east-1", &keys(), at()).unwrap();
        assert_eq!(login.username(), "AKIDEXAMPLE");
        assert_eq!(
            login.password(),
            "20240826T220000Z530dca408534bb4b95d6556ccfcdd7fe7b1f7bc0b0c759c66f07901e92f26455"
        );
    }
    let session = keys().with_session_token("token").unwrap();
    let login = token::codecommit("h", "p", "us-east-1", &session, at()).unwrap();
    assert_eq!(login.username(), "AKIDEXAMPLE%token");
}

#[test]
fn smtp_passwords_differ_by_region() {
    let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    for (region, password) in [
        ("us-east-1", "BLBM/9hSUELfq8Gw+rU1YcBjkOxGbhT2XG763xVLGWL9"),
        ("eu-west-1", "BMW5RDrXmmVs0lV7GpI4oLkHXpZ4stDsk6q91z1g38Pk"),
    ] {
        let made = token::ses_smtp_password(&secret, region).unwrap();
        assert_eq!(made.expose(), password);
    }
}

#[test]
fn appsync_sends_all_signed_headers_as_json() {
    let session = keys().with_session_token("token").unwrap();
    for (api, url, connect_path, data_path) in [
        (
            AppSync::graphql(
                "https://id.appsync-api.eu-west-1.amazonaws.com",
                "eu-west-1",
            ),
            "wss://id.appsync-realtime-api.eu-west-1.amazonaws.com/graphql",
            "/graphql/connect",
            "/graphql",
        ),
        (
            AppSync::events("id.appsync-api.eu-west-1.amazonaws.com", "eu-west-1"),
            "wss://id.appsync-realtime-api.eu-west-1.amazonaws.com/event/realtime",
            "/event",
            "/event",
        ),
        (
            AppSync::graphql("api.example.com", "eu-west-1"),
            "wss://api.example.com/graphql/realtime",
            "/graphql/connect",
            "/graphql",
        ),
    ] {
        let api = api.unwrap();
        let connection = api.connect(&session, at()).unwrap();
        assert_eq!(connection.url(), url);
        let header = decode(connection.subprotocol().strip_prefix("header-").unwrap());
        let json: serde_json::Value = serde_json::from_str(&header).unwrap();
        for (name, value) in [
            ("accept", "application/json, text/javascript"),
            ("content-encoding", "amz-1.0"),
            ("content-type", "application/json; charset=UTF-8"),
            ("x-amz-date", "20240826T220000Z"),
            ("x-amz-security-token", "token"),
        ] {
            assert_eq!(json[name], value);
        }
        assert_eq!(
            json["authorization"],
            expected_authorization(&json, connect_path, "{}", &session)
        );
        let data = r#"{"query":"subscription { onEvent { id } }"}"#;
        let secret = api.authorize(data, &session, at()).unwrap();
        let json: serde_json::Value = serde_json::from_str(secret.expose()).unwrap();
        assert_eq!(json["x-amz-security-token"], "token");
        assert_eq!(
            json["authorization"],
            expected_authorization(&json, data_path, data, &session)
        );
        assert!(connection.url_with_header().ends_with("&payload=e30%3D"));
        assert!(!format!("{connection:?}").contains("header"));
    }
}

/// Makes the same authorization with the signer.
fn expected_authorization(
    json: &serde_json::Value,
    path: &str,
    body: &str,
    credentials: &Credentials,
) -> String {
    use keyfob_sigv4::{Payload, Request, Scope, Signer};
    let headers: Vec<_> = ["accept", "content-encoding", "content-type"]
        .map(|name| (name, json[name].as_str().unwrap()))
        .into();
    let host = json["host"].as_str().unwrap();
    let request = Request::from_parts("POST", "https", host, path)
        .unwrap()
        .headers(&headers)
        .unwrap()
        .payload(Payload::Bytes(body.as_bytes()));
    let signer = Signer::new(Scope::new("eu-west-1", "appsync").unwrap());
    signer
        .sign(&request, credentials, at())
        .unwrap()
        .authorization()
        .to_owned()
}

#[test]
fn no_token_outlives_its_credentials_or_is_shown_by_debug() {
    let end = at().plus_seconds(60);
    let ending = keys().with_expiry(end);
    let token = token::rds("db:1", "canary", "us-east-1", &ending, at()).unwrap();
    assert_eq!(token.expiry(), end);
    assert_eq!(
        token::eks("c", "us-east-1", &ending, at())
            .unwrap()
            .expiry(),
        end
    );
    let login = token::codecommit("h", "p", "us-east-1", &ending, at()).unwrap();
    assert_eq!(login.expiry(), end);
    let shown = format!("{token:?} {login:?}");
    assert!(
        !shown.contains("canary") && !shown.contains("AKID"),
        "{shown}"
    );
}

/// Decodes base64 of either alphabet, with or without padding.
fn decode(text: &str) -> String {
    let standard = text.replace('-', "+").replace('_', "/");
    let bytes = BASE64_STANDARD_NO_PAD.decode(standard.trim_end_matches('='));
    String::from_utf8(bytes.unwrap()).unwrap()
}

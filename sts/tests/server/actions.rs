use keyfob_sigv4::{Payload, Request, Scope, Signer, Timestamp};
use keyfob_sts::{
    KeyKind,
    actions::{
        AssumeRole, AssumeRoleWithSaml, AssumeRoleWithWebIdentity, AssumeRoot,
        DecodeAuthorizationMessage, GetAccessKeyInfo, GetCallerIdentity, GetDelegatedAccessToken,
        GetFederationToken, GetScopedCredentials, GetSessionToken, GetWebIdentityToken,
    },
    server::{Identity, Role},
};

use crate::{ACCOUNT, Lab, assume, role};

const ISSUER: &str = "https://token.example.com";

#[tokio::test]
async fn a_body_that_the_signature_does_not_cover_is_refused() {
    let lab = Lab::start().await;
    let signer = Signer::new(Scope::new("eu-west-1", "sts").unwrap());
    let now = Timestamp::now();
    let send = |payload, body: &str| {
        let request = Request::new("POST", "https://sts.eu-west-1.amazonaws.com/").unwrap();
        let form = "application/x-www-form-urlencoded";
        let request = request
            .header("content-type", form)
            .unwrap()
            .payload(payload);
        let signature = signer.sign(&request, &lab.alice, now).unwrap();
        let mut request = http::Request::post("https://sts.eu-west-1.amazonaws.com/")
            .header("host", "sts.eu-west-1.amazonaws.com")
            .header("content-type", form);
        for (name, value) in signature.headers() {
            request = request.header(name, value);
        }
        let head = request.body(()).unwrap().into_parts().0;
        let answer = lab.services.answer(&head, body.as_bytes(), now);
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        (answer.status().as_u16(), text)
    };
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    assert_eq!(send(Payload::Bytes(body.as_bytes()), body).0, 200);
    let other = body.replace("GetCallerIdentity", "GetSessionToken");
    let (status, text) = send(Payload::Unsigned, &other);
    assert_eq!(status, 403);
    assert!(
        text.contains("<Code>SignatureDoesNotMatch</Code>"),
        "{text}"
    );
}

#[tokio::test]
async fn all_twelve_actions_are_answered() {
    let lab = Lab::start().await;
    let account = &lab.account;
    let saml = account.add_saml_provider("corp", "https://idp.example.com");
    let oidc = account
        .add_oidc_provider(ISSUER, "sts.amazonaws.com")
        .unwrap();
    for (name, action, provider) in [
        ("saml", "sts:AssumeRoleWithSAML", &saml),
        ("web", "sts:AssumeRoleWithWebIdentity", &oidc),
    ] {
        let statement = format!(
            r#"{{"Effect": "Allow", "Action": "{action}", "Principal": {{"Federated": "{provider}"}}}}"#
        );
        account.add_role(role(name, &statement));
    }
    account.add_member("210987654321").unwrap();
    let now = Timestamp::now();

    let session = lab.alice(assume()).await;
    assert_eq!(
        session.user.unwrap().arn.unwrap(),
        "arn:aws:sts::123456789012:assumed-role/deploy/ci"
    );
    assert_eq!(session.session_token_size, Some(356));
    let keys = session.credentials;
    let identity = lab.send(&GetCallerIdentity::new(), &keys).await.unwrap();
    assert_eq!(identity.account, ACCOUNT);
    assert!(identity.user_id.starts_with("AROA") && identity.user_id.ends_with(":ci"));
    assert!(identity.request_id.is_some());

    let client = lab.builder().build().unwrap();
    let saml_role = "arn:aws:iam::123456789012:role/saml";
    let assertion = account.saml_assertion(&saml, saml_role, "carol", now);
    let call = AssumeRoleWithSaml::new(saml_role, &saml, assertion).unwrap();
    let session = client.send_unsigned(&call).await.unwrap();
    assert_eq!(session.subject.as_deref(), Some("carol"));
    assert_eq!(session.subject_type.as_deref(), Some("persistent"));
    assert_eq!(
        session.audience.as_deref(),
        Some("https://signin.aws.amazon.com/saml")
    );
    assert_eq!(session.issuer.as_deref(), Some("https://idp.example.com"));
    assert!(session.name_qualifier.is_some());

    let token =
        account.web_identity_token(ISSUER, "repo:a", "sts.amazonaws.com", now.plus_seconds(60));
    let call = AssumeRoleWithWebIdentity::new("arn:aws:iam::123456789012:role/web", "ci", token);
    let session = client.send_unsigned(&call.unwrap()).await.unwrap();
    assert_eq!(session.subject.as_deref(), Some("repo:a"));
    assert_eq!(session.provider.as_deref(), Some(ISSUER));
    lab.send(&GetCallerIdentity::new(), &session.credentials)
        .await
        .unwrap();

    let task = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy";
    let root = lab.alice(AssumeRoot::new("210987654321", task)).await;
    let identity = lab
        .send(&GetCallerIdentity::new(), &root.credentials)
        .await
        .unwrap();
    assert_eq!(identity.arn, "arn:aws:iam::210987654321:root");

    let encoded = account.encode_message(r#"{"allowed":false}"#);
    let decoded = lab.alice(DecodeAuthorizationMessage::new(&encoded)).await;
    assert_eq!(decoded.json, r#"{"allowed":false}"#);

    let info = lab
        .alice(GetAccessKeyInfo::new(root.credentials.access_key_id()))
        .await;
    assert_eq!(info.account, "210987654321");

    let expiry = now.plus_seconds(600);
    let token = account.trade_in_token(Identity::session("deploy", "partner"), expiry);
    let delegated = lab.alice(GetDelegatedAccessToken::new(token)).await;
    assert!(
        delegated
            .assumed_principal
            .unwrap()
            .ends_with("assumed-role/deploy/partner")
    );

    let federation = lab.alice(GetFederationToken::new("bob")).await;
    assert_eq!(
        federation.user.unwrap().federated_user_id.unwrap(),
        "123456789012:bob"
    );

    let call = GetScopedCredentials::new().duration_seconds(60).unwrap();
    let scoped = lab.send(&call, &keys).await.unwrap();
    assert_eq!(scoped.scoped_policies_count, Some(1));
    assert!(scoped.session_id.is_some() && scoped.session_arn.is_some());

    let session = lab.alice(Ok(GetSessionToken::new())).await;
    let kind = KeyKind::from_access_key_id(session.credentials.access_key_id());
    assert_eq!(kind, KeyKind::Temporary);

    let token = lab
        .alice(GetWebIdentityToken::new("https://api.example.com", "ES384"))
        .await;
    assert_eq!(token.token.expose().split('.').count(), 3);
    assert!(token.expiry.unwrap() > now);

    for action in [
        "AssumeRole",
        "AssumeRoleWithSAML",
        "AssumeRoot",
        "GetWebIdentityToken",
    ] {
        assert_eq!(lab.services.calls(action), 1, "{action}");
    }
    assert_eq!(lab.services.calls("GetCallerIdentity"), 3);
    let counters = lab.services.counters();
    assert_eq!(
        (counters.requests, counters.refused, counters.faults),
        (14, 0, 0)
    );
}

#[tokio::test]
async fn a_refusal_has_the_code_and_the_message_of_the_service() {
    let lab = Lab::start().await;
    let (alice, root) = (&lab.alice, lab.account.add_root_key().unwrap());
    let session = lab.alice(assume()).await.credentials;

    let elsewhere = AssumeRole::new("arn:aws:iam::123456789012:role/none", "ci");
    let (code, message) = lab.refused(elsewhere, alice).await;
    assert_eq!(code, "AccessDenied");
    assert_eq!(
        message,
        "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: sts:AssumeRole on \
         resource: arn:aws:iam::123456789012:role/none"
    );
    let (code, message) = lab.refused(assume(), &root).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("AccessDenied", "Roles may not be assumed by root accounts.")
    );

    let long = || assume().and_then(|call| call.duration_seconds(7201));
    let (code, message) = lab.refused(long(), alice).await;
    assert_eq!(code, "ValidationError");
    assert!(message.contains("MaxSessionDuration"), "{message}");
    let (_, message) = lab.refused(long(), &session).await;
    assert!(message.contains("role chaining"), "{message}");

    for call in [Ok(GetSessionToken::new())] {
        let (code, message) = lab.refused(call, &session).await;
        assert_eq!(code, "AccessDenied");
        assert_eq!(
            message,
            "Cannot call GetSessionToken with session credentials"
        );
    }
    let (code, _) = lab.refused(GetFederationToken::new("bob"), &session).await;
    assert_eq!(code, "AccessDenied");

    let (code, _) = lab
        .refused(DecodeAuthorizationMessage::new("nonsense"), alice)
        .await;
    assert_eq!(code, "InvalidAuthorizationMessageException");
    let token = lab.account.trade_in_token(Identity::Root, Timestamp::MIN);
    let (code, _) = lab
        .refused(GetDelegatedAccessToken::new(token), alice)
        .await;
    assert_eq!(code, "ExpiredTradeInTokenException");
    let task = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy";
    let (code, _) = lab
        .refused(AssumeRoot::new("444455556666", task), alice)
        .await;
    assert_eq!(code, "AccessDenied");
    let scoped = |seconds| GetScopedCredentials::new().duration_seconds(seconds);
    let (code, _) = lab.refused(scoped(60), alice).await;
    assert_eq!(code, "InvalidSubjectCredentials");
    let (code, _) = lab.refused(scoped(3700), &session).await;
    assert_eq!(code, "InsufficientSessionLifetime");
    let token = GetWebIdentityToken::new("a", "ES384").and_then(|call| call.duration_seconds(3600));
    let short = lab
        .account
        .issue(Identity::user("alice"), Timestamp::now().plus_seconds(60));
    let (code, _) = lab.refused(token, &short.unwrap()).await;
    assert_eq!(code, "SessionDurationEscalationException");
    let big =
        assume().and_then(|call| call.policy(format!(r#"{{"Sid": "{}"}}"#, "x".repeat(2048))));
    let (code, _) = lab.refused(big, alice).await;
    assert_eq!(code, "PackedPolicyTooLarge");
    let bad = assume().and_then(|call| call.policy("nonsense"));
    assert_eq!(lab.refused(bad, alice).await.0, "MalformedPolicyDocument");
}

#[tokio::test]
async fn the_root_user_gets_an_hour_at_most_and_a_user_up_to_36() {
    let lab = Lab::start().await;
    let root = lab.account.add_root_key().unwrap();
    let call = GetSessionToken::new().duration_seconds(129_600).unwrap();
    for (keys, hours) in [(&root, 1), (&lab.alice, 36)] {
        let session = lab.send(&call, keys).await.unwrap();
        let left = session
            .credentials
            .expiry()
            .unwrap()
            .seconds_since(Timestamp::now());
        assert!((hours * 3600 - 60..=hours * 3600).contains(&left), "{left}");
    }
}

#[tokio::test]
async fn a_session_token_is_as_long_as_asked_for() {
    let lab = Lab::start().await;
    let call = assume().unwrap().minimum_session_token_size(2048);
    let session = lab.send(&call, &lab.alice).await.unwrap();
    assert_eq!(session.session_token_size, Some(2048));
    assert_eq!(session.session_token_utilization, Some(50));
    lab.send(&GetCallerIdentity::new(), &session.credentials)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_removed_key_is_unknown_and_the_path_of_a_role_is_part_of_its_arn() {
    let lab = Lab::start().await;
    let more = lab.account.add_user("alice").unwrap();
    lab.account.remove_key(more.access_key_id());
    let (code, _) = lab.refused(Ok(GetCallerIdentity::new()), &more).await;
    assert_eq!(code, "InvalidClientTokenId");
    let ops = Role::new("ops").unwrap().path("/team/").unwrap();
    lab.account.add_role(ops);
    let call = |arn| AssumeRole::new(arn, "ci");
    lab.alice(call("arn:aws:iam::123456789012:role/team/ops"))
        .await;
    let (code, _) = lab
        .refused(call("arn:aws:iam::123456789012:role/ops"), &lab.alice)
        .await;
    assert_eq!(code, "AccessDenied");
}

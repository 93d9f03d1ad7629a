//! The client against moto, an imitation of AWS, which in its strict mode checks signatures with
//! botocore's code.
//!
//! The tests install it under `target/pytools`, for which they need python3.
#![cfg(all(feature = "client", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails should fail with its line"
)]

mod python;
mod server;

use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::{
    Client, Error, ErrorKind, KeyKind, Principal,
    actions::{
        AssumeRole, AssumeRoleWithSaml, AssumeRoleWithWebIdentity, GetAccessKeyInfo,
        GetCallerIdentity, GetFederationToken, GetSessionToken,
    },
    call::Call,
};
use server::{Mode, Moto, REGION, ROLE};

/// A SAML response in Base64, for the session name `carol`, [`ROLE`] and the provider `corp`.
const ASSERTION: &str = "PHA6UmVzcG9uc2UgeG1sbnM6cD0idXJuOm9hc2lzOm5hbWVzOnRjOlNBTUw6Mi4wOnByb3RvY29sIiB4bWxucz0idXJuOm9hc2lz\
    Om5hbWVzOnRjOlNBTUw6Mi4wOmFzc2VydGlvbiI+PEFzc2VydGlvbj48QXR0cmlidXRlU3RhdGVtZW50PjxBdHRyaWJ1dGUgTmFt\
    ZT0iaHR0cHM6Ly9hd3MuYW1hem9uLmNvbS9TQU1ML0F0dHJpYnV0ZXMvUm9sZVNlc3Npb25OYW1lIj48QXR0cmlidXRlVmFsdWU+\
    Y2Fyb2w8L0F0dHJpYnV0ZVZhbHVlPjwvQXR0cmlidXRlPjxBdHRyaWJ1dGUgTmFtZT0iaHR0cHM6Ly9hd3MuYW1hem9uLmNvbS9T\
    QU1ML0F0dHJpYnV0ZXMvUm9sZSI+PEF0dHJpYnV0ZVZhbHVlPmFybjphd3M6aWFtOjoxMjM0NTY3ODkwMTI6cm9sZS9kZXBsb3ks\
    YXJuOmF3czppYW06OjEyMzQ1Njc4OTAxMjpzYW1sLXByb3ZpZGVyL2NvcnA8L0F0dHJpYnV0ZVZhbHVlPjwvQXR0cmlidXRlPjwv\
    QXR0cmlidXRlU3RhdGVtZW50PjwvQXNzZXJ0aW9uPjwvcDpSZXNwb25zZT4=";

fn client(moto: &Moto) -> Client {
    let builder = Client::builder().region(REGION).unwrap();
    builder.endpoint(moto.url()).unwrap().build().unwrap()
}

async fn send<C: Call + Sync>(
    moto: &Moto,
    action: &C,
    keys: &Credentials,
) -> Result<C::Output, Error> {
    client(moto).send(action, keys).await
}

#[tokio::test]
async fn right_signatures_are_accepted_and_wrong_ones_refused_with_code_and_request_id() {
    let moto = Moto::start(Mode::Strict).await;
    let whoami = GetCallerIdentity::new();
    let identity = send(&moto, &whoami, moto.keys()).await.unwrap();
    assert_eq!(
        identity.principal(),
        Principal::User {
            path: "/",
            name: "alice"
        }
    );
    assert_eq!(identity.account, "123456789012");
    assert!(identity.request_id.is_some());

    let id = moto.keys().access_key_id();
    let wrong_secret = Credentials::new(id, "wrong-secret").unwrap();
    let unknown_key = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret").unwrap();
    for (keys, code) in [
        (wrong_secret, "SignatureDoesNotMatch"),
        (unknown_key, "InvalidClientTokenId"),
    ] {
        let error = send(&moto, &whoami, &keys).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Service);
        assert_eq!(
            (error.code(), error.status()),
            (Some(code), Some(403)),
            "{error}"
        );
        assert!(error.request_id().is_some() && !error.message().is_empty());
    }
}

#[tokio::test]
async fn a_role_is_assumed_with_every_kind_of_parameter_and_its_session_works() {
    let moto = Moto::start(Mode::Strict).await;
    // No spaces: moto writes the form again before it checks it, and writes spaces as `+`.
    let action = AssumeRole::new(ROLE, "ci+build=7,@x.y")
        .and_then(|action| action.duration_seconds(900))
        .and_then(|action| action.policy(r#"{"Statement":[{"Effect":"Deny","Action":"*"}]}"#))
        .and_then(|action| action.policy_arn("arn:aws:iam::aws:policy/ReadOnlyAccess"))
        .and_then(|action| action.tag("team", "blau&grün+~*"))
        .and_then(|action| action.transitive_tag_key("team"))
        .and_then(|action| action.external_id("partner:42/x"))
        .and_then(|action| action.source_identity("alice"))
        .unwrap();
    let session = send(&moto, &action, moto.keys()).await.unwrap();
    let keys = session.credentials;
    assert_eq!(
        KeyKind::from_access_key_id(keys.access_key_id()),
        KeyKind::Temporary
    );
    assert_eq!(keys.account_id(), Some("123456789012"));
    let left = keys.expiry().unwrap().seconds_since(Timestamp::now());
    assert!((800..=901).contains(&left), "{left} s left");

    let identity = send(&moto, &GetCallerIdentity::new(), &keys).await.unwrap();
    assert_eq!(
        identity.principal(),
        Principal::AssumedRole {
            role: "deploy",
            session: "ci+build=7,@x.y"
        }
    );
    assert_eq!(Some(identity.arn), session.user.unwrap().arn);

    let without_token =
        Credentials::new(keys.access_key_id(), keys.secret_access_key().clone()).unwrap();
    let error = send(&moto, &GetCallerIdentity::new(), &without_token)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Service, Some(403))
    );
}

#[tokio::test]
async fn long_term_keys_with_mfa_get_a_session_token() {
    let moto = Moto::start(Mode::Strict).await;
    let action = GetSessionToken::new()
        .mfa("arn:aws:iam::123456789012:mfa/alice", "123456")
        .unwrap();
    let session = send(&moto, &action, moto.keys()).await.unwrap();
    assert!(session.credentials.session_token().is_some());
    assert!(!session.credentials.is_expired_at(Timestamp::now()));
}

#[tokio::test]
async fn a_federated_user_and_the_account_of_a_key_are_returned() {
    let moto = Moto::start(Mode::Strict).await;
    let action = GetFederationToken::new("bob")
        .and_then(|action| action.policy(r#"{"Statement":[]}"#))
        .and_then(|action| action.tag("team", "blau&grün"))
        .unwrap();
    let session = send(&moto, &action, moto.keys()).await.unwrap();
    assert!(
        session
            .user
            .unwrap()
            .arn
            .unwrap()
            .ends_with(":federated-user/bob")
    );
    assert!(!session.credentials.is_expired_at(Timestamp::now()));

    let action = GetAccessKeyInfo::new(moto.keys().access_key_id()).unwrap();
    let info = send(&moto, &action, moto.keys()).await.unwrap();
    assert_eq!(info.account, "123456789012");
}

#[tokio::test]
async fn a_saml_assertion_assumes_a_role_without_a_signature() {
    let moto = Moto::start(Mode::Open).await;
    let provider = "arn:aws:iam::123456789012:saml-provider/corp";
    let action = AssumeRoleWithSaml::new(ROLE, provider, ASSERTION).unwrap();
    let session = client(&moto).send_unsigned(&action).await.unwrap();
    assert!(
        session
            .user
            .unwrap()
            .arn
            .unwrap()
            .ends_with(":assumed-role/deploy/carol")
    );
    assert!(session.subject.is_some() && session.name_qualifier.is_some());
}

#[tokio::test]
async fn a_web_identity_assumes_a_role_without_a_signature() {
    let moto = Moto::start(Mode::Open).await;
    let action = AssumeRoleWithWebIdentity::new(ROLE, "ci", "eyJhbGciOi.eyJzdWIi.c2ln").unwrap();
    let session = client(&moto).send_unsigned(&action).await.unwrap();
    assert_eq!(
        KeyKind::from_access_key_id(session.credentials.access_key_id()),
        KeyKind::Temporary
    );
    assert!(
        session
            .user
            .unwrap()
            .arn
            .unwrap()
            .ends_with(":assumed-role/deploy/ci")
    );
}

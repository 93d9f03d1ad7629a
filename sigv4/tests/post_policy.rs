//! Forms for browser uploads.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use base64::prelude::{BASE64_STANDARD, Engine as _};
use keyfob_sigv4::{
    Credentials, Rules, Scope, Signer, SigningKey, Timestamp, TokenRule, post_policy::PostPolicy,
};

fn keys() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn each_field_except_the_signature_has_a_condition() {
    let session = keys().with_session_token("canary").unwrap();
    let now = at("2024-08-26T22:00:00Z");
    let form = PostPolicy::new(now.plus_seconds(600))
        .bucket("b")
        .starts_with("key", "u/", "u/${filename}")
        .field("acl", "private \"quoted\"")
        .content_length(1..=1024)
        .require_prefix("content-type", "image/")
        .ignored_field("x-ignore-note", "1")
        .sign(&Signer::s3("eu-west-1").unwrap(), &session, now);
    let policy = base64_json(form.get("policy").unwrap());
    assert_eq!(policy["expiration"], "2024-08-26T22:10:00Z");
    let conditions = policy["conditions"].as_array().unwrap();
    for (name, value) in form.fields() {
        let named = conditions
            .iter()
            .any(|condition| condition[name] == value || condition[1] == format!("${name}"));
        assert_eq!(
            named,
            !matches!(name, "policy" | "x-amz-signature" | "x-ignore-note"),
            "{name}"
        );
    }
    assert!(conditions.contains(&serde_json::json!({"bucket": "b"})));
    assert!(conditions.contains(&serde_json::json!(["content-length-range", 1, 1024])));
    assert_eq!(
        form.get("x-amz-credential"),
        Some("AKIDEXAMPLE/20240826/eu-west-1/s3/aws4_request")
    );
    let scope = Scope::new("eu-west-1", "s3").unwrap();
    let key = SigningKey::derive(&session, &scope, now);
    let signature = key.sign(form.get("policy").unwrap().as_bytes());
    assert_eq!(form.get("x-amz-signature"), Some(&*signature));
    assert!(!format!("{form:?}").contains("canary"));
}

#[test]
fn a_form_expires_with_its_policy_its_signature_or_its_credentials() {
    let (now, signer) = (at("2024-08-26T22:00:00Z"), Signer::s3("eu-west-1").unwrap());
    let end = |policy_end: i64, credentials: &Credentials| {
        let policy = PostPolicy::new(now.plus_seconds(policy_end));
        policy
            .sign(&signer, credentials, now)
            .expiration()
            .seconds_since(now)
    };
    assert_eq!(end(60, &keys()), 60);
    assert_eq!(end(8 * 86_400, &keys()), 7 * 86_400);
    assert_eq!(end(60, &keys().with_expiry(now.plus_seconds(30))), 30);
}

#[test]
fn s3_express_names_the_token_differently() {
    let rules = Rules::S3.session_token(TokenRule::S3Express);
    let signer = Signer::with_rules(Scope::new("us-west-2", "s3express").unwrap(), rules);
    let session = keys().with_session_token("token").unwrap();
    let now = at("2024-08-26T22:00:00Z");
    let form = PostPolicy::new(now).sign(&signer, &session, now);
    assert_eq!(form.get("x-amz-s3session-token"), Some("token"));
    assert_eq!(form.get("x-amz-security-token"), None);
}

fn base64_json(text: &str) -> serde_json::Value {
    serde_json::from_slice(&BASE64_STANDARD.decode(text).unwrap()).unwrap()
}

use keyfob_sigv4::{Secret, Timestamp};
use keyfob_sts::{
    Error,
    actions::{AssumeRoleWithSaml, AssumeRoleWithWebIdentity},
};

use crate::{Lab, role};

const ISSUER: &str = "https://token.example.com";
const AUDIENCE: &str = "sts.amazonaws.com";
const WEB_ROLE: &str = "arn:aws:iam::123456789012:role/web";
const SAML_ROLE: &str = "arn:aws:iam::123456789012:role/saml";

fn code(error: &Error) -> &str {
    error.code().unwrap_or_default()
}

#[tokio::test]
async fn a_web_identity_is_checked_before_the_role_trusts_it() {
    let lab = Lab::start().await;
    lab.account.add_oidc_provider(ISSUER, AUDIENCE).unwrap();
    lab.account.add_role(role(
        "web",
        r#"{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.example.com"},
            "Condition": {"StringEquals": {"token.example.com:aud": "sts.amazonaws.com"},
                          "StringLike": {"token.example.com:sub": "repo:acme/*"}}}"#,
    ));
    let now = Timestamp::now();
    let token = |issuer: &str, subject: &str, audience: &str, seconds| {
        let expiry = now.plus_seconds(seconds);
        lab.account
            .web_identity_token(issuer, subject, audience, expiry)
    };
    let right = token(ISSUER, "repo:acme/shop", AUDIENCE, 60);
    let forged = Secret::from(format!("{}A", right.expose()));
    let client = lab.builder().build().unwrap();
    let send = async |token: Secret| {
        let call = AssumeRoleWithWebIdentity::new(WEB_ROLE, "ci", token).unwrap();
        client.send_unsigned(&call).await
    };
    assert_eq!(
        send(right).await.unwrap().audience.as_deref(),
        Some(AUDIENCE)
    );
    for (token, wanted) in [
        (Secret::from("not-a-token"), "InvalidIdentityToken"),
        (forged, "InvalidIdentityToken"),
        (
            token("https://other.example.com", "repo:acme/shop", AUDIENCE, 60),
            "InvalidIdentityToken",
        ),
        (
            token(ISSUER, "repo:acme/shop", "other", 60),
            "InvalidIdentityToken",
        ),
        (
            token(ISSUER, "repo:acme/shop", AUDIENCE, -1),
            "ExpiredTokenException",
        ),
        (
            token(ISSUER, "repo:evil/shop", AUDIENCE, 60),
            "AccessDenied",
        ),
    ] {
        let error = send(token).await.unwrap_err();
        assert_eq!(code(&error), wanted, "{error}");
    }
}

#[tokio::test]
async fn an_assertion_is_checked_before_the_role_trusts_it() {
    let lab = Lab::start().await;
    let provider = lab
        .account
        .add_saml_provider("corp", "https://idp.example.com/?a=b&c");
    let statement = format!(
        r#"{{"Effect": "Allow", "Action": "sts:AssumeRoleWithSAML", "Principal": {{"Federated": "{provider}"}},
             "Condition": {{"StringEquals": {{"SAML:aud": "https://signin.aws.amazon.com/saml",
                                             "SAML:iss": "https://idp.example.com/?a=b&c"}}}}}}"#
    );
    lab.account.add_role(role("saml", &statement));
    let now = Timestamp::now();
    let client = lab.builder().build().unwrap();
    let send = async |role: &str, provider: &str, assertion: Secret| {
        let call = AssumeRoleWithSaml::new(role, provider, assertion).unwrap();
        client.send_unsigned(&call).await
    };
    let right = |role| lab.account.saml_assertion(&provider, role, "carol", now);
    assert!(send(SAML_ROLE, &provider, right(SAML_ROLE)).await.is_ok());
    let late = lab
        .account
        .saml_assertion(&provider, SAML_ROLE, "carol", now.plus_seconds(-301));
    let unnamed = lab.account.saml_assertion(&provider, SAML_ROLE, "a b", now);
    let other = "arn:aws:iam::123456789012:saml-provider/other";
    for (provider, assertion, wanted) in [
        (
            provider.as_str(),
            Secret::from("!not base64!"),
            "InvalidIdentityToken",
        ),
        (&provider, Secret::from("PGE+"), "InvalidIdentityToken"),
        (&provider, late, "ExpiredTokenException"),
        (&provider, unnamed, "InvalidIdentityToken"),
        (other, right(SAML_ROLE), "InvalidIdentityToken"),
        (&provider, right(WEB_ROLE), "AccessDenied"),
    ] {
        let error = send(SAML_ROLE, provider, assertion).await.unwrap_err();
        assert_eq!(code(&error), wanted, "{error}");
    }
}

//! Tokens of an OIDC provider, from its server through a file to the session of a role.

use std::path::Path;

use keyfob_sts::{server::Role, trust::TrustPolicy};
use serde_json::{Value, json};

use crate::{
    javascript,
    keyfob::{Home, Run, assert_has, assert_lacks},
    lab::{ACCOUNT, Lab},
    servers::Server,
};

const ISSUER: &str = "https://token.example.com";

/// Tokens that differ in one claim, each with the codes of its refusal by our server and by
/// MiniStack, which reads the claims of the trust policy only.
const CLAIMS: [(&str, &str, &str, &str); 5] = [
    ("sub", "repo:acme/shop", "", ""),
    ("sub", "repo:evil/shop", "AccessDenied", "AccessDenied"),
    ("aud", "other", "InvalidIdentityToken", "AccessDenied"),
    (
        "iss",
        "https://other.example.com",
        "InvalidIdentityToken",
        "AccessDenied",
    ),
    ("exp", "1", "ExpiredTokenException", ""),
];

/// Returns the keys and the tokens of oauth2-mock-server; `None` without npm.
fn tokens() -> Option<(String, Vec<String>)> {
    let folder = javascript::packages()?;
    let claims = CLAIMS.map(|(name, value, ..)| {
        let mut claims =
            json!({"iss": ISSUER, "aud": "sts.amazonaws.com", "sub": "repo:acme/shop"});
        claims[name] = value
            .parse()
            .map_or_else(|_| json!(value), |number: u64| json!(number));
        claims
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/web_identity.mjs");
    let home = Home::new();
    let mut node = home.program("node");
    let node = node.arg(script).arg(folder).arg(json!(claims).to_string());
    let made: Value = serde_json::from_str(&Run::new(node.output().unwrap()).ok()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let tokens = made["tokens"].as_array().unwrap().iter().map(text);
    Some((text(&made["keys"]), tokens.collect()))
}

/// Returns a trust policy for the issuer, with conditions on the audience and the subject.
fn trust(account: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": format!("arn:aws:iam::{account}:oidc-provider/token.example.com")},
        "Condition": {
            "StringEquals": {"token.example.com:aud": "sts.amazonaws.com"},
            "StringLike": {"token.example.com:sub": "repo:acme/*"},
        },
    }]})
    .to_string()
}

/// Gets a session from the variables of Kubernetes, and calls STS with it.
fn whoami(url: &str, role: &str, token: &str) -> (Home, Run) {
    let home = Home::new().with_file("token", &format!("{token}\n"));
    let file = home.file("token").to_str().unwrap().to_owned();
    let home = home
        .with("AWS_ENDPOINT_URL", url)
        .with("AWS_REGION", "us-east-1")
        .with("AWS_ROLE_ARN", role)
        .with("AWS_ROLE_SESSION_NAME", "ci")
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", &file);
    let words = [
        "sts",
        "get-caller-identity",
        "--query",
        "Arn",
        "--output",
        "text",
    ];
    let run = home.keyfob(words);
    (home, run)
}

/// Checks the session for each token, or its refusal with a code.
fn check(url: &str, role: &str, tokens: &[String], code: impl Fn(usize) -> &'static str) {
    for (at, token) in tokens.iter().enumerate() {
        let (_, run) = whoami(url, role, token);
        if code(at).is_empty() {
            assert_has(&run.ok(), &[":assumed-role/web/ci\n"]);
            continue;
        }
        let stderr = run.fails(254);
        assert_has(&stderr, &[code(at)]);
        let (_, signature) = token.rsplit_once('.').unwrap();
        assert_lacks(&stderr, &[signature]);
    }
}

#[test]
fn a_token_of_a_real_issuer_is_traded_for_a_session_if_the_role_trusts_it() {
    let Some((keys, tokens)) = tokens() else {
        println!("skipped: oauth2-mock-server needs npm, which is not installed");
        return;
    };
    let lab = Lab::start();
    lab.account
        .add_oidc_provider(ISSUER, "sts.amazonaws.com")
        .unwrap();
    let policy = TrustPolicy::parse(&trust(ACCOUNT)).unwrap();
    lab.account
        .add_role(Role::new("web").unwrap().trust(policy));
    let role = format!("arn:aws:iam::{ACCOUNT}:role/web");
    // Without the keys of the issuer, no signature is right.
    let (_, run) = whoami(&lab.url, &role, &tokens[0]);
    assert_has(&run.fails(254), &["InvalidIdentityToken"]);
    lab.account.add_oidc_keys(ISSUER, &keys).unwrap();
    check(&lab.url, &role, &tokens, |at| CLAIMS[at].2);

    let (home, _) = whoami(&lab.url, &role, &tokens[0]);
    let words = [
        "sts",
        "assume-role-with-web-identity",
        "--role-session-name",
        "ci",
    ];
    let more = ["--role-arn", &role, "--web-identity-token", &tokens[0]];
    let session = home.keyfob(words.iter().chain(&more)).json();
    let member = |name: &str| session[name].as_str().unwrap();
    assert_eq!(member("SubjectFromWebIdentityToken"), "repo:acme/shop");
    assert_eq!(member("Audience"), "sts.amazonaws.com");
    assert_eq!(member("Provider"), ISSUER);

    let server = Server::ministack();
    let role = server.role("web", &trust(server.account()));
    check(&server.url, &role, &tokens, |at| CLAIMS[at].3);
}

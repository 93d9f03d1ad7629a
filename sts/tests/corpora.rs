//! The conformance corpora whose behaviour this crate has: `$KEYFOB_CORPORA/NAME/cases.json`, by default in
//! `../shared/corpora` beside the repository. Without the folder each test says so and passes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a malformed case should fail with the line that read it, and the counts are for people"
)]

use std::{env, fs, path::PathBuf};

use http::{Response, StatusCode};
use keyfob_sigv4::{Credentials, Secret, Timestamp};
use keyfob_sts::{
    Endpoint, Error, ErrorKind, Partition,
    actions::{
        AssumeRole, AssumeRoleWithSaml, AssumeRoleWithWebIdentity, AssumeRoot, AssumedRoleUser,
        DecodeAuthorizationMessage, FederationToken, GetAccessKeyInfo, GetCallerIdentity,
        GetDelegatedAccessToken, GetFederationToken, GetSessionToken, GetWebIdentityToken,
        SamlRole, WebIdentityRole,
    },
    call::Action,
};
use serde_json::{Map, Value, json};

/// What became of a case; both sides of `Fail` are what was expected and what was seen.
enum Outcome {
    Pass,
    Fail(String, String),
    Skip(&'static str),
}

impl Outcome {
    fn compare(expected: &Value, seen: &Value) -> Self {
        if expected == seen {
            return Self::Pass;
        }
        Self::Fail(expected.to_string(), seen.to_string())
    }
}

fn run_corpus(name: &str, run: impl Fn(&Value) -> Outcome) {
    let root = env::var_os("KEYFOB_CORPORA").map_or_else(default_root, PathBuf::from);
    let file = root.join(name).join("cases.json");
    let Ok(text) = fs::read_to_string(&file) else {
        println!("corpus {name}: not here, nothing to do");
        return;
    };
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let (mut passed, mut skipped, mut failures) = (0, 0, Vec::new());
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        match run(case) {
            Outcome::Pass => passed += 1,
            Outcome::Skip(reason) => {
                skipped += 1;
                println!("  skipped {id}: {reason}");
            }
            Outcome::Fail(expected, seen) => {
                failures.push(format!("{id}\n  expected {expected}\n  seen     {seen}"));
            }
        }
    }
    println!(
        "corpus {name}: {} cases, {passed} passed, {skipped} skipped",
        cases.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn default_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora")
}

#[test]
fn answers_of_sts_are_read_as_the_corpus_says() {
    run_corpus("sts-responses", |case| {
        let body = case["body"].as_str().unwrap().to_owned();
        let mut response = Response::new(body);
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        let seen = parse(case["action"].as_str().unwrap(), &response);
        let expected = &case["expected"];
        match (&expected["result"], &expected["error"], seen) {
            (Value::Object(result), _, Ok(seen)) => {
                Outcome::compare(&moments(result), &moments(&seen))
            }
            (_, Value::Object(_), Err(error)) => Outcome::compare(
                &expected["error"],
                &json!({ "code": error.code(), "message": error.message(), "request_id": error.request_id() }),
            ),
            (_, Value::String(_), Err(error)) => malformed(status, &error),
            (.., seen) => Outcome::Fail(expected.to_string(), format!("{seen:?}")),
        }
    });
}

/// A body that cannot be used: a typed error that keeps the status.
fn malformed(status: u16, error: &Error) -> Outcome {
    let is_typed = matches!(error.kind(), ErrorKind::Response | ErrorKind::Service);
    if is_typed && error.status() == Some(status) {
        return Outcome::Pass;
    }
    Outcome::Fail(
        format!("an error with status {status}"),
        format!("{error:?}"),
    )
}

/// Reads a response as the action's, and writes the output as the service's documentation names it.
fn parse(action: &str, response: &Response<String>) -> Result<Map<String, Value>, Error> {
    let arn = "arn:aws:iam::123456789012:role/x";
    match action {
        "AssumeRole" => AssumeRole::new(arn, "session")?
            .parse(response)
            .map(|output| {
                members([
                    ("Credentials", credentials(&output.credentials)),
                    ("AssumedRoleUser", user(output.user)),
                    ("PackedPolicySize", output.packed_policy_size.into()),
                    ("SourceIdentity", output.source_identity.into()),
                ])
            }),
        "AssumeRoleWithSAML" => AssumeRoleWithSaml::new(arn, arn, "assertion")?
            .parse(response)
            .map(saml),
        "AssumeRoleWithWebIdentity" => AssumeRoleWithWebIdentity::new(arn, "session", "token")?
            .parse(response)
            .map(web_identity),
        "AssumeRoot" => AssumeRoot::new("123456789012", arn)?
            .parse(response)
            .map(|output| {
                members([
                    ("Credentials", credentials(&output.credentials)),
                    ("SourceIdentity", output.source_identity.into()),
                ])
            }),
        "DecodeAuthorizationMessage" => DecodeAuthorizationMessage::new("message")?
            .parse(response)
            .map(|output| members([("DecodedMessage", output.json.into())])),
        "GetAccessKeyInfo" => GetAccessKeyInfo::new("AKIAIOSFODNN7EXAMPLE")?
            .parse(response)
            .map(|output| members([("Account", output.account.into())])),
        "GetCallerIdentity" => GetCallerIdentity::new().parse(response).map(|output| {
            members([
                ("UserId", output.user_id.into()),
                ("Account", output.account.into()),
                ("Arn", output.arn.into()),
            ])
        }),
        "GetDelegatedAccessToken" => {
            GetDelegatedAccessToken::new("token")?
                .parse(response)
                .map(|output| {
                    members([
                        ("Credentials", credentials(&output.credentials)),
                        ("PackedPolicySize", output.packed_policy_size.into()),
                        ("AssumedPrincipal", output.assumed_principal.into()),
                    ])
                })
        }
        "GetFederationToken" => GetFederationToken::new("bob")?
            .parse(response)
            .map(federation),
        "GetSessionToken" => GetSessionToken::new()
            .parse(response)
            .map(|output| members([("Credentials", credentials(&output.credentials))])),
        "GetWebIdentityToken" => GetWebIdentityToken::new("audience", "ES384")?
            .parse(response)
            .map(|output| {
                members([
                    ("WebIdentityToken", output.token.expose().into()),
                    ("Expiration", output.expiry.to_string().into()),
                ])
            }),
        other => panic!("no action {other} in this crate"),
    }
}

fn saml(output: SamlRole) -> Map<String, Value> {
    members([
        ("Credentials", credentials(&output.credentials)),
        ("AssumedRoleUser", user(output.user)),
        ("Subject", output.subject.into()),
        ("SubjectType", output.subject_type.into()),
        ("Issuer", output.issuer.into()),
        ("Audience", output.audience.into()),
        ("NameQualifier", output.name_qualifier.into()),
        ("PackedPolicySize", output.packed_policy_size.into()),
        ("SourceIdentity", output.source_identity.into()),
    ])
}

fn web_identity(output: WebIdentityRole) -> Map<String, Value> {
    members([
        ("Credentials", credentials(&output.credentials)),
        ("AssumedRoleUser", user(output.user)),
        ("SubjectFromWebIdentityToken", output.subject.into()),
        ("Provider", output.provider.into()),
        ("Audience", output.audience.into()),
        ("PackedPolicySize", output.packed_policy_size.into()),
        ("SourceIdentity", output.source_identity.into()),
    ])
}

fn federation(output: FederationToken) -> Map<String, Value> {
    let user = output
        .user
        .map(|user| json!({ "FederatedUserId": user.federated_user_id, "Arn": user.arn }));
    members([
        ("Credentials", credentials(&output.credentials)),
        ("FederatedUser", user.into()),
        ("PackedPolicySize", output.packed_policy_size.into()),
    ])
}

/// The members that are there.
fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    let present = members.into_iter().filter(|(_, value)| !value.is_null());
    present
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn credentials(credentials: &Credentials) -> Value {
    json!({
        "AccessKeyId": credentials.access_key_id(),
        "SecretAccessKey": credentials.secret_access_key().expose(),
        "SessionToken": credentials.session_token().map(Secret::expose),
        "Expiration": credentials.expiry().map(|expiry| expiry.to_string()),
    })
}

fn user(user: Option<AssumedRoleUser>) -> Value {
    user.map_or(
        Value::Null,
        |user| json!({ "AssumedRoleId": user.assumed_role_id, "Arn": user.arn }),
    )
}

/// The same result with its expiration in one spelling, `+00:00` or `Z`.
fn moments(result: &Map<String, Value>) -> Value {
    let mut result = Value::Object(result.clone());
    for path in ["/Credentials/Expiration", "/Expiration"] {
        if let Some(expiration) = result.pointer_mut(path) {
            let moment: Timestamp = expiration.as_str().unwrap().parse().unwrap();
            *expiration = moment.to_string().into();
        }
    }
    result
}

#[test]
fn endpoints_and_partitions_are_resolved_as_the_corpus_says() {
    run_corpus("endpoints", |case| match case["kind"].as_str().unwrap() {
        "partition" => partition(case),
        kind if kind.starts_with("sts:") => endpoint(case),
        _ => Outcome::Skip("this service is not part of the crate yet"),
    });
}

fn partition(case: &Value) -> Outcome {
    let partition = Partition::from_region(case["region"].as_str().unwrap());
    let seen = json!({
        "name": partition.name(),
        "dnsSuffix": partition.dns_suffix(),
        "dualStackDnsSuffix": partition.dual_stack_dns_suffix(),
        // Not in the table, because it is so in every partition: a case that differs must fail.
        "supportsFIPS": true,
        "supportsDualStack": true,
        "implicitGlobalRegion": partition.implicit_global_region(),
    });
    Outcome::compare(&case["expect"], &seen)
}

fn endpoint(case: &Value) -> Outcome {
    let expected = &case["expect"];
    match (resolve(&case["params"]), &expected["error"]) {
        (Err(error), Value::String(_)) if error.kind() == ErrorKind::Setting => Outcome::Pass,
        (Ok(endpoint), Value::Null) => {
            let expected = &expected["endpoint"];
            let region = signing_region(expected, &case["params"]["Region"], &endpoint);
            Outcome::compare(
                &json!([expected["url"], region]),
                &json!([
                    endpoint.url().trim_end_matches('/'),
                    endpoint.signing_region()
                ]),
            )
        }
        (seen, _) => Outcome::Fail(expected.to_string(), format!("{seen:?}")),
    }
}

/// The region to sign for: what the rules say, otherwise the region itself; for `aws-global` without a rule there is
/// nothing to compare.
fn signing_region(expected: &Value, region: &Value, endpoint: &Endpoint) -> Value {
    match &expected["properties"]["authSchemes"][0]["signingRegion"] {
        Value::Null
            if region
                .as_str()
                .is_some_and(|region| region.ends_with("-global")) =>
        {
            endpoint.signing_region().into()
        }
        Value::Null => region.clone(),
        ruled => ruled.clone(),
    }
}

fn resolve(params: &Value) -> Result<Endpoint, Error> {
    let is_set = |name: &str| params[name].as_bool().unwrap_or_default();
    let mut builder = Endpoint::builder();
    if let Some(region) = params["Region"].as_str() {
        builder = builder.region(region)?;
    }
    if let Some(url) = params["Endpoint"].as_str() {
        builder = builder.url(url)?;
    }
    builder
        .fips(is_set("UseFIPS"))
        .dual_stack(is_set("UseDualStack"))
        .legacy_global(is_set("UseGlobalEndpoint"))
        .build()
}

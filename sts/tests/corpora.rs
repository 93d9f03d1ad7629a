//! The conformance corpora that this crate implements, from `$KEYFOB_CORPORA/NAME/cases.json`. The
//! default folder is `../shared/corpora` beside the repository. Without the folder the tests pass.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a malformed case should fail with its line, and the counts are for readers"
)]

use std::{env, fs, path::PathBuf};

use http::{Response, StatusCode};
use keyfob_sigv4::{Credentials, Secret, Timestamp};
use keyfob_sts::{
    Endpoint, Error, ErrorKind, Partition,
    actions::{
        AssumeRole, AssumeRoleWithSaml, AssumeRoleWithWebIdentity, AssumeRoot, AssumedRoleUser,
        DecodeAuthorizationMessage, FederationToken, GetAccessKeyInfo, GetCallerIdentity,
        GetDelegatedAccessToken, GetFederationToken, GetScopedCredentials, GetSessionToken,
        GetWebIdentityToken, IdentityContext, SamlRole, ScopedCredentials, WebIdentityRole,
    },
    call::{Call, Service},
};
use serde_json::{Map, Value, json};

/// The outcome of a case. `Fail` has what was expected and what was seen. `Skip` is for kinds of
/// cases that another crate runs.
enum Outcome {
    Pass,
    #[cfg(feature = "sso")]
    Skip,
    Fail(String, String),
}

impl Outcome {
    fn compare(expected: &Value, seen: &Value) -> Self {
        let (expected, seen) = (uniform(expected), uniform(seen));
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
    let (mut passed, mut failures) = (0, Vec::new());
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        match run(case) {
            Outcome::Pass => passed += 1,
            #[cfg(feature = "sso")]
            Outcome::Skip => (),
            Outcome::Fail(expected, seen) => {
                failures.push(format!("{id}\n  expected {expected}\n  seen     {seen}"));
            }
        }
    }
    let skipped = cases.len() - passed - failures.len();
    println!(
        "corpus {name}: {} cases, {passed} passed, {skipped} skipped",
        cases.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Returns a value in one spelling: numbers as floats, and no null members.
fn uniform(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(items) => items.iter().map(uniform).collect(),
        Value::Object(members) => {
            let present = members.iter().filter(|(_, value)| !value.is_null());
            let members = present.map(|(name, value)| (name.clone(), uniform(value)));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

/// Returns a whole number that is written `200` or `200.0`.
fn number(value: &Value) -> Option<u64> {
    let float = value.as_f64().filter(|float| float.fract() == 0.0)?;
    format!("{float:.0}").parse().ok()
}

fn default_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora")
}

#[test]
fn answers_of_sts_match_the_corpus() {
    run_corpus("sts-responses", |case| {
        let body = case["body"].as_str().unwrap_or_default();
        let mut response = Response::new(body.to_owned());
        let status = number(&case["status"]).unwrap_or(200).try_into().unwrap();
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        let seen = parse(case["action"].as_str().unwrap(), &response);
        let expected = &case["expected"];
        match (&expected["error"], seen) {
            (Value::Null, Ok(seen)) => Outcome::compare(
                &in_one_spelling(expected["result"].clone()),
                &in_one_spelling(seen),
            ),
            (Value::Object(expected), Err(error)) => service_error(expected, &error),
            (Value::String(_), Err(error)) => malformed(status, &error),
            (_, seen) => Outcome::Fail(expected.to_string(), format!("{seen:?}")),
        }
    });
}

fn service_error(expected: &Map<String, Value>, error: &Error) -> Outcome {
    // A message that the service did not send is empty here, and may be absent in the case.
    let message = Some(error.message()).filter(|message| !message.is_empty());
    let mut expected = expected.clone();
    expected.retain(|_, value| value != "");
    Outcome::compare(
        &expected.into(),
        &json!({ "code": error.code(), "message": message, "request_id": error.request_id() }),
    )
}

/// Compares the error for a body that cannot be read: it must have a kind and keep the status.
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

/// Reads a response to an action, and returns the output with the member names of the service.
fn parse(action: &str, response: &Response<String>) -> Result<Value, Error> {
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
                    (
                        "SessionTokenUtilization",
                        output.session_token_utilization.into(),
                    ),
                    ("SessionTokenSize", output.session_token_size.into()),
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
                    (
                        "SessionTokenUtilization",
                        output.session_token_utilization.into(),
                    ),
                    ("SessionTokenSize", output.session_token_size.into()),
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
        "GetSessionToken" => GetSessionToken::new().parse(response).map(|output| {
            members([
                ("Credentials", credentials(&output.credentials)),
                (
                    "SessionTokenUtilization",
                    output.session_token_utilization.into(),
                ),
                ("SessionTokenSize", output.session_token_size.into()),
            ])
        }),
        "GetScopedCredentials" => GetScopedCredentials::new().parse(response).map(scoped),
        "GetWebIdentityToken" => GetWebIdentityToken::new("audience", "ES384")?
            .parse(response)
            .map(|output| {
                members([
                    ("WebIdentityToken", output.token.expose().into()),
                    (
                        "Expiration",
                        output.expiry.map(|expiry| expiry.to_string()).into(),
                    ),
                ])
            }),
        other => panic!("no action {other} in this crate"),
    }
}

fn saml(output: SamlRole) -> Value {
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
        (
            "SessionTokenUtilization",
            output.session_token_utilization.into(),
        ),
        ("SessionTokenSize", output.session_token_size.into()),
        (
            "TrustedIdentityPropagationContext",
            output.identity_context.map(context).into(),
        ),
    ])
}

fn web_identity(output: WebIdentityRole) -> Value {
    members([
        ("Credentials", credentials(&output.credentials)),
        ("AssumedRoleUser", user(output.user)),
        ("SubjectFromWebIdentityToken", output.subject.into()),
        ("Provider", output.provider.into()),
        ("Audience", output.audience.into()),
        ("PackedPolicySize", output.packed_policy_size.into()),
        ("SourceIdentity", output.source_identity.into()),
        (
            "SessionTokenUtilization",
            output.session_token_utilization.into(),
        ),
        ("SessionTokenSize", output.session_token_size.into()),
        (
            "TrustedIdentityPropagationContext",
            output.identity_context.map(context).into(),
        ),
    ])
}

fn federation(output: FederationToken) -> Value {
    let user = output
        .user
        .map(|user| json!({ "FederatedUserId": user.federated_user_id, "Arn": user.arn }));
    members([
        ("Credentials", credentials(&output.credentials)),
        ("FederatedUser", user.into()),
        ("PackedPolicySize", output.packed_policy_size.into()),
        (
            "SessionTokenUtilization",
            output.session_token_utilization.into(),
        ),
        ("SessionTokenSize", output.session_token_size.into()),
    ])
}

fn scoped(output: ScopedCredentials) -> Value {
    let session = json!({ "ScopedSessionId": output.session_id, "Arn": output.session_arn });
    let has_session = output.session_id.is_some() || output.session_arn.is_some();
    members([
        ("Credentials", credentials(&output.credentials)),
        ("SessionInfo", has_session.then_some(session).into()),
        (
            "SessionTokenUtilization",
            output.session_token_utilization.into(),
        ),
        ("SessionTokenSize", output.session_token_size.into()),
        ("ScopedPoliciesCount", output.scoped_policies_count.into()),
        ("SourceIdentity", output.source_identity.into()),
    ])
}

fn context(context: IdentityContext) -> Value {
    let origin = context.origin.map(|origin| {
        json!({
            "Subject": origin.subject,
            "SubjectType": origin.subject_type,
            "Issuer": origin.issuer,
            "FederatedProviderArn": origin.federated_provider_arn,
        })
    });
    let claims: Map<_, _> = context
        .claims
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect();
    let transaction = (!claims.is_empty()).then(|| json!({ "IdentityProvider": claims }));
    members([
        ("OriginIdentity", origin.into()),
        ("TransactionContext", transaction.into()),
    ])
}

fn members<const N: usize>(members: [(&str, Value); N]) -> Value {
    members.into_iter().collect()
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

/// Returns the result with its expiration in one spelling, as it may end with `+00:00` or `Z`.
fn in_one_spelling(mut result: Value) -> Value {
    for path in ["/Credentials/Expiration", "/Expiration"] {
        if let Some(expiration) = result.pointer_mut(path).filter(|value| !value.is_null()) {
            let moment: Timestamp = expiration.as_str().unwrap().parse().unwrap();
            *expiration = moment.to_string().into();
        }
    }
    result
}

#[test]
#[cfg(feature = "sso")]
fn token_files_match_the_corpus() {
    run_corpus("sso-token", |case| {
        match case["kind"].as_str().unwrap() {
            "sso-refresh" => sso_refresh(case),
            // Whether a profile uses a token is decided by `keyfob-chain`.
            "sso-resolve" => Outcome::Skip,
            other => Outcome::Fail("a known kind".to_owned(), other.to_owned()),
        }
    });
}

/// Reads a token file and refreshes it with the response of the case, if there is one. As in
/// botocore, a token that cannot be refreshed is used until it expires.
#[cfg(feature = "sso")]
fn sso_refresh(case: &Value) -> Outcome {
    use keyfob_sts::sso::TokenFile;

    let now: Timestamp = case["currentTime"].as_str().unwrap().parse().unwrap();
    let mut written = None;
    let file = TokenFile::parse(&case["cachedToken"].to_string()).and_then(|file| {
        if !file.needs_refresh(now) {
            return Ok(file);
        }
        let body = &case["refreshResponse"];
        let mut response = Response::new(body.to_string());
        if body.is_null() {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        match file.refresh(now).and_then(|call| call.parse(&response)) {
            Ok(token) => {
                let file = file.with_token(&token, now);
                written = Some(serde_json::from_str(file.to_text().expose()).unwrap());
                Ok(file)
            }
            Err(error) if file.is_expired(now) => Err(error),
            Err(_) => Ok(file),
        }
    });
    let seen = match &file {
        Ok(file) => members([
            ("expectedTokenWriteback", written.unwrap_or_default()),
            (
                "expectedToken",
                json!({
                    "token": file.access_token().expose(),
                    "expiration": file.expiry().to_string(),
                }),
            ),
        ]),
        Err(_) => json!({"expectedException": true}),
    };
    let expected = members([
        (
            "expectedTokenWriteback",
            case["expectedTokenWriteback"].clone(),
        ),
        ("expectedToken", case["expectedToken"].clone()),
        (
            "expectedException",
            (!case["expectedException"].is_null())
                .then_some(true)
                .into(),
        ),
    ]);
    Outcome::compare(&expected, &seen)
}

#[test]
#[cfg(feature = "signin")]
fn login_files_match_the_corpus() {
    run_corpus("login-provider", |case| {
        match case["kind"].as_str().unwrap() {
            "login" | "login-pkcs8-key" => login(case),
            other => Outcome::Fail("a known kind".to_owned(), other.to_owned()),
        }
    });
}

/// Reads the file of the session that the profile names, and refreshes it with the response of the
/// case, if there is one.
#[cfg(feature = "signin")]
fn login(case: &Value) -> Outcome {
    use keyfob_sts::signin::LoginFile;

    let config = case["configContents"].as_str().unwrap();
    let session = config
        .lines()
        .find_map(|line| line.strip_prefix("login_session = "));
    let name = LoginFile::name(session.unwrap());
    let call = &case["mockApiCalls"][0];
    let answer = &call["response"]["tokenOutput"];
    let outcomes = case["outcomes"].as_array().unwrap();
    let outcome = |kind: &str| outcomes.iter().find(|outcome| outcome["result"] == kind);
    // The time is not in the case, but what was refreshed then expires some seconds later.
    let lifetime = number(&answer["expiresIn"]).unwrap_or_default();
    let expiry = outcome("credentials").and_then(|outcome| outcome["expiresAt"].as_str());
    let expiry = expiry
        .filter(|_| !answer.is_null())
        .unwrap_or("2025-11-19T00:00:00Z");
    let expiry: Timestamp = expiry.parse().unwrap();
    let now = expiry.plus_seconds(-i64::try_from(lifetime).unwrap());

    let file = LoginFile::parse(&case["cacheContents"][&name].to_string()).and_then(|file| {
        if !file.needs_refresh(now) {
            return Ok(file);
        }
        let refresh = file.refresh(|| [9; 16])?;
        let endpoint = Service::SIGNIN.endpoint().region("us-east-1")?.build()?;
        let request = refresh.request(&endpoint)?;
        let sent: Value = serde_json::from_str(request.body().expose()).unwrap();
        assert_eq!(sent, call["request"]["tokenInput"]);
        let mut response = Response::new(answer.to_string());
        let status = number(&call["responseCode"])
            .unwrap_or(200)
            .try_into()
            .unwrap();
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        file.with_token(&refresh.parse(&response)?, now)
    });
    let Ok(file) = file else {
        return Outcome::compare(&json!([{"result": "error"}]), &case["outcomes"]);
    };
    let keys = file.credentials();
    let token = keys.session_token().unwrap();
    let seen = json!({
        "result": "credentials",
        "accessKeyId": keys.access_key_id(),
        "secretAccessKey": keys.secret_access_key().expose(),
        "sessionToken": token.expose(),
        "accountId": keys.account_id(),
        "expiresAt": keys.expiry().unwrap().to_string(),
    });
    let written: Value = serde_json::from_str(file.to_text().expose()).unwrap();
    let in_file = outcome("cacheContents").map_or(&written, |outcome| &outcome[&name]);
    Outcome::compare(
        &json!([outcome("credentials"), in_file]),
        &json!([seen, written]),
    )
}

#[test]
fn endpoints_and_partitions_match_the_corpus() {
    run_corpus("endpoints", |case| {
        let kind = case["kind"].as_str().unwrap();
        let service = match kind.split(':').next().unwrap_or_default() {
            "partition" => return partition(case),
            "sts" => Service::STS,
            "sso" => Service::SSO,
            "sso-oidc" => Service::SSO_OIDC,
            "signin" => signin(&case["params"]),
            "eks-auth" => Service::EKS_AUTH,
            _ => return Outcome::Fail("a known kind".to_owned(), kind.to_owned()),
        };
        endpoint(case, service)
    });
}

/// Returns the class of sign-in endpoints that the parameters ask for.
fn signin(params: &Value) -> Service {
    let is_set = |name: &str| params[name].as_bool().unwrap_or_default();
    if is_set("IsControlPlane") {
        Service::SIGNIN_CONTROL_PLANE
    } else if is_set("IsOAuthEndpoint") {
        Service::SIGNIN_OAUTH
    } else {
        Service::SIGNIN
    }
}

fn partition(case: &Value) -> Outcome {
    let partition = Partition::from_region(case["region"].as_str().unwrap_or_default());
    let seen = json!({
        "name": partition.name(),
        "dnsSuffix": partition.dns_suffix(),
        "dualStackDnsSuffix": partition.dual_stack_dns_suffix(),
        // `Partition` has no methods for these, because every partition supports both.
        "supportsFIPS": true,
        "supportsDualStack": true,
        "implicitGlobalRegion": partition.implicit_global_region(),
    });
    Outcome::compare(&case["expect"], &seen)
}

fn endpoint(case: &Value, service: Service) -> Outcome {
    let expected = &case["expect"];
    match (resolve(&case["params"], service), &expected["error"]) {
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

/// Returns the expected region to sign for: the one in the case, or else the region itself. For a
/// pseudo region without one there is nothing to compare.
fn signing_region(expected: &Value, region: &Value, endpoint: &Endpoint) -> Value {
    let is_pseudo = region
        .as_str()
        .is_some_and(|name| name.ends_with("-global"));
    match &expected["properties"]["authSchemes"][0]["signingRegion"] {
        Value::Null if is_pseudo => endpoint.signing_region().into(),
        Value::Null => region.clone(),
        expected => expected.clone(),
    }
}

fn resolve(params: &Value, service: Service) -> Result<Endpoint, Error> {
    let is_set = |name: &str| params[name].as_bool().unwrap_or_default();
    let mut builder = service.endpoint();
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

//! Tokens, presigned URLs and POST policies.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};
use keyfob_sigv4::{
    Credentials, Error, ErrorKind, Request, Rules, Scope, Signer, SigningKey, Timestamp, TokenRule,
    Ttl,
    post_policy::PostPolicy,
    token::{self, CacheKind, DsqlUser, ExecApi},
};
use serde_json::{Value, json};

use crate::{Check, Outcome, compared, credentials, equal, string};

pub(crate) fn case(case: &Value) -> Check {
    let input = &case["input"];
    let kind = string(&case["kind"]);
    // The endings `-error` and `-shape` only describe a case: all its expectations are compared.
    match kind.trim_end_matches("-error").trim_end_matches("-shape") {
        "rds-auth-token" => token_or_error(case, rds(input)),
        "dsql-auth-token"
            if !matches!(
                text(input, &["action"]),
                "" | "DbConnect" | "DbConnectAdmin"
            ) =>
        {
            // `dsql-shape/invalid-action`
            Ok(Outcome::Skipped(
                "`DsqlUser` cannot express an unknown action",
            ))
        }
        "dsql-auth-token" => token_or_error(case, dsql(input)),
        "eks-token" => eks(case),
        "sts-presigned-url" => sts(case),
        "elasticache-auth-token" => token_or_error(case, elasticache(case)),
        "memorydb-auth-token" => token_or_error(case, memorydb(input)),
        "msk-iam-token" => msk(case),
        "iot-websocket" => iot(case),
        "s3-post-policy" => post_policy(case),
        "s3-post-fields" => post_fields(case),
        _ => Err(format!("unknown kind {kind}")),
    }
}

/// Returns the keys and the time. Cases about the form of a token alone leave them to the runner.
fn keys(input: &Value) -> (Credentials, Timestamp) {
    let keys = if input["credentials"].is_object() {
        credentials(input)
    } else {
        Credentials::new("AKID", "SECRET").unwrap()
    };
    let at: Timestamp = input["timestamp"]
        .as_str()
        .unwrap_or("2024-01-01T00:00:00Z")
        .parse()
        .unwrap();
    let seconds_left = input["credentials_expire_in"]
        .as_i64()
        .or(input["credentials"]["expires_in"].as_i64());
    let stated_end = input["credentials"]["expiration"].as_str();
    let end = seconds_left
        .map(|seconds| at.plus_seconds(seconds))
        .or(stated_end.map(|end| end.parse().unwrap()));
    match end {
        Some(end) => (keys.with_expiry(end), at),
        None => (keys, at),
    }
}

fn text<'v>(input: &'v Value, names: &[&str]) -> &'v str {
    names
        .iter()
        .find_map(|name| input[name].as_str())
        .unwrap_or_default()
}

fn ttl(input: &Value, default: u64) -> Result<Ttl, Error> {
    Ttl::from_secs(input["expires_in"].as_u64().unwrap_or(default))
}

fn rds(input: &Value) -> Result<String, Error> {
    let endpoint = match input["port"].as_u64() {
        Some(port) => format!("{}:{port}", text(input, &["hostname", "endpoint"])),
        None => text(input, &["endpoint", "hostname"]).to_owned(),
    };
    let (keys, at) = keys(input);
    let user = text(input, &["username", "user"]);
    let token = token::rds(&endpoint, user, text(input, &["region"]), &keys, at)?;
    Ok(token.expose().to_owned())
}

fn dsql(input: &Value) -> Result<String, Error> {
    let user = match text(input, &["action"]) {
        "DbConnectAdmin" => DsqlUser::Admin,
        _ => DsqlUser::Custom,
    };
    let (keys, at) = keys(input);
    let (host, region) = (
        text(input, &["hostname", "endpoint"]),
        text(input, &["region"]),
    );
    let token = token::dsql(host, user, region, ttl(input, 900)?, &keys, at)?;
    Ok(token.expose().to_owned())
}

fn elasticache(case: &Value) -> Result<String, Error> {
    let input = &case["input"];
    let is_serverless = input["serverless"] == true
        || !text(input, &["resource_type", "ResourceType"]).is_empty()
        || string(&case["id"]).contains("serverless");
    let kind = if is_serverless {
        CacheKind::Serverless
    } else {
        CacheKind::Nodes
    };
    let (keys, at) = keys(input);
    let (cache, user) = (
        text(input, &["cluster", "cache", "cache_name"]),
        text(input, &["user"]),
    );
    let token = token::elasticache(cache, user, kind, text(input, &["region"]), &keys, at)?;
    Ok(token.expose().to_owned())
}

fn memorydb(input: &Value) -> Result<String, Error> {
    let (keys, at) = keys(input);
    let (cluster, user) = (
        text(input, &["cluster", "cluster_name"]),
        text(input, &["user"]),
    );
    let token = token::memorydb(cluster, user, text(input, &["region"]), &keys, at)?;
    Ok(token.expose().to_owned())
}

fn token_or_error(case: &Value, result: Result<String, Error>) -> Check {
    let expected = &case["expected"];
    if let Some(token) = made(expected, result)? {
        compare_url(&token, expected)?;
        canonical(case, &token, &[])?;
    }
    Ok(Outcome::Passed)
}

/// Presigns the URL again, with an explanation, and compares each step of it.
fn canonical(case: &Value, url: &str, headers: &[(&str, &str)]) -> Result<(), String> {
    let expected = &case["expected"];
    let (keys, at) = keys(&case["input"]);
    let url = if url.contains("://") {
        url.to_owned()
    } else {
        format!("https://{url}")
    };
    let parameters = parts(&url).2;
    let scope: Vec<_> = parameters["X-Amz-Credential"].split('/').collect();
    let signer = Signer::new(Scope::new(scope[2], scope[3]).unwrap());
    let request = Request::new("GET", &url).unwrap().headers(headers).unwrap();
    let ttl = Ttl::from_secs(parameters["X-Amz-Expires"].parse().unwrap()).unwrap();
    let explained = signer.explain_presign(&request, &keys, at, ttl).unwrap();
    if explained.signature() != parameters["X-Amz-Signature"] {
        return Err(format!("the signature differs from that of {url}"));
    }
    equal(
        "canonical request",
        explained.canonical_request(),
        &expected["canonical_request"],
    )?;
    equal("signature", explained.signature(), &expected["signature"])
}

/// Returns the kinds of error that an expected message may stand for: implementations word it
/// differently.
fn kinds(message: &str) -> Vec<ErrorKind> {
    let about = [
        ("port", ErrorKind::Port),
        ("region", ErrorKind::Region),
        ("endpoint", ErrorKind::Host),
        ("host", ErrorKind::Host),
        ("user", ErrorKind::User),
        ("cluster", ErrorKind::Cluster),
        ("expir", ErrorKind::Ttl),
    ];
    let of_message = about
        .into_iter()
        .filter(|(word, _)| message.to_lowercase().contains(word));
    of_message.map(|(_, kind)| kind).collect()
}

/// Returns the token, or `None` if it was refused as expected.
fn made<T>(expected: &Value, result: Result<T, Error>) -> Result<Option<T>, String> {
    match (result, expected["error"].as_str()) {
        (Ok(made), None) => Ok(Some(made)),
        (Err(error), Some(expected)) => {
            compared();
            if !kinds(expected).contains(&error.kind()) {
                return Err(format!("expected {expected:?}, got {error}"));
            }
            Ok(None)
        }
        (Ok(_), Some(error)) => Err(format!("expected {error:?}, got a token")),
        (Err(error), None) => Err(format!("unexpected: {error}")),
    }
}

fn eks(case: &Value) -> Check {
    let (input, expected) = (&case["input"], &case["expected"]);
    let (keys, at) = keys(input);
    let cluster = text(input, &["cluster_name"]);
    let token = token::eks(cluster, text(input, &["region"]), &keys, at);
    let Some(token) = made(expected, token)? else {
        return Ok(Outcome::Passed);
    };
    let url = |token: &str| decode(token.strip_prefix("k8s-aws-v1.").unwrap());
    compare_url(&url(token.expose()), expected)?;
    canonical(
        case,
        &url(token.expose()),
        &[("x-k8s-aws-id", text(input, &["cluster_name"]))],
    )?;
    if let Some(other) = expected["aws_cli_token"].as_str() {
        let (ours, other) = (url(token.expose()), url(other));
        if parts(&ours) != parts(&other) {
            return Err(format!("{ours} is not {other}"));
        }
    }
    let api = expected["exec_credential"]["apiVersion"].as_str();
    let api = api.and_then(ExecApi::from_name).unwrap_or_default();
    let mut exec: Value = serde_json::from_str(&token.exec_credential(api)).unwrap();
    exec["status"]["token"] = json!("<token>");
    match &expected["exec_credential"] {
        credential if credential.is_object() && *credential != exec => Err(exec.to_string()),
        _ => Ok(Outcome::Passed),
    }
}

fn sts(case: &Value) -> Check {
    let (input, expected) = (&case["input"], &case["expected"]);
    let (keys, at) = keys(input);
    let Some(ttl) = made(expected, ttl(input, 3600))? else {
        return Ok(Outcome::Passed);
    };
    let url = format!(
        "https://{}/?Action={}&Version=2011-06-15",
        string(&expected["host"]),
        text(input, &["action"])
    );
    let request = Request::new("GET", &url).unwrap();
    let signer = Signer::new(Scope::new(text(input, &["region"]), "sts").unwrap());
    let presigned = signer.presign(&request, &keys, at, ttl).unwrap();
    compare_url(presigned.as_str(), expected)?;
    canonical(case, presigned.as_str(), &[])?;
    Ok(Outcome::Passed)
}

fn msk(case: &Value) -> Check {
    let (keys, at) = keys(&case["input"]);
    let token = token::msk(text(&case["input"], &["region"]), "a client/1.0", &keys, at);
    let Some(token) = made(&case["expected"], token)? else {
        return Ok(Outcome::Passed);
    };
    let decoded = decode(token.expose());
    let url = decoded
        .strip_suffix("&User-Agent=a%20client%2F1.0")
        .ok_or("the user agent is not at the end")?;
    compare_url(url, &case["expected"])?;
    canonical(case, url, &[])?;
    Ok(Outcome::Passed)
}

fn iot(case: &Value) -> Check {
    let (input, expected) = (&case["input"], &case["expected"]);
    let (keys, at) = keys(input);
    let seconds = input["expires_in"].as_u64();
    let ttl = seconds.map_or(Ok(Ttl::UNSTATED), Ttl::from_secs);
    let region = text(input, &["region"]);
    let token = ttl.and_then(|ttl| {
        let token = token::iot_websocket(text(input, &["host"]), region, ttl, &keys, at)?;
        Ok((ttl, token))
    });
    let Some((ttl, token)) = made(expected, token)? else {
        return Ok(Outcome::Passed);
    };
    let url = format!("wss://{}{}", text(input, &["host"]), text(input, &["path"]));
    let request = Request::new("GET", &url).unwrap();
    let scope = Scope::new(region, text(input, &["service"])).unwrap();
    let rules = Rules::GENERAL.session_token(TokenRule::Unsigned);
    let explained = Signer::with_rules(scope, rules)
        .explain_presign(&request, &keys, at, ttl)
        .unwrap();
    equal(
        "canonical request",
        explained.canonical_request(),
        &expected["canonical_request"],
    )?;
    equal("signature", explained.signature(), &expected["signature"])?;
    let parameters = parts(token.expose()).2;
    equal(
        "signature",
        &parameters["X-Amz-Signature"],
        &expected["signature"],
    )?;
    let session = keys.session_token().map(|token| token.expose().to_owned());
    if parameters.get("X-Amz-Security-Token").cloned() != session {
        return Err("the session token differs".into());
    }
    Ok(Outcome::Passed)
}

fn post_policy(case: &Value) -> Check {
    let input = &case["input"];
    let keys = Credentials::new("AKIDEXAMPLE", text(input, &["secret_access_key"])).unwrap();
    let scope = Scope::new(text(input, &["region"]), text(input, &["service"])).unwrap();
    let at = format!("{}T000000Z", text(input, &["date"]))
        .parse()
        .unwrap();
    let signature =
        SigningKey::derive(&keys, &scope, at).sign(text(input, &["policy_base64"]).as_bytes());
    equal("signature", &signature, &case["expected"]["signature"])?;
    Ok(Outcome::Passed)
}

fn post_fields(case: &Value) -> Check {
    let (input, expected) = (&case["input"], &case["expected"]);
    let (keys, at) = keys(input);
    let signer = Signer::s3(text(input, &["region"])).unwrap();
    let form = policy(input)?
        .sign(&signer, &keys, at)
        .map_err(|error| error.to_string())?;
    let fields = expected["fields"].as_object().unwrap();
    for (name, value) in fields {
        let got = form.get(name).ok_or(format!("no field {name}"))?;
        // JSON of the same meaning may be written differently: below, the signature is compared
        // with that of our own text, and the conditions one by one.
        if !matches!(name.as_str(), "policy" | "x-amz-signature") {
            equal(name, got, value)?;
        }
    }
    if form.fields().len() != fields.len() {
        return Err(format!("the fields differ: {form:?}"));
    }
    let policy = form.get("policy").unwrap();
    let key = SigningKey::derive(&keys, signer.scope(), at);
    let signature = key.sign(policy.as_bytes());
    equal(
        "signature",
        form.get("x-amz-signature").unwrap(),
        &signature.into(),
    )?;
    let document: Value = serde_json::from_str(&decode(policy.trim_end_matches('='))).unwrap();
    let (ours, theirs) = (&document["conditions"], &expected["policy_conditions"]);
    if conditions(ours) != conditions(theirs) {
        return Err(format!("conditions {ours} are not {theirs}"));
    }
    Ok(Outcome::Passed)
}

/// Builds the policy of a case with the library's methods.
fn policy(input: &Value) -> Result<PostPolicy, String> {
    let stated = &input["policy"];
    let expiration = stated["expiration"]
        .as_str()
        .unwrap_or("2030-01-01T00:00:00Z");
    let mut policy = PostPolicy::new(expiration.parse().unwrap());
    for condition in normalized(&stated["conditions"]) {
        policy = match (string(&condition[0]), &condition[1], &condition[2]) {
            ("eq", name, value) => policy.require(plain(name), string(value)),
            ("starts-with", name, prefix) => policy.require_prefix(plain(name), string(prefix)),
            ("content-length-range", least, most) => {
                policy.content_length(least.as_u64().unwrap()..=most.as_u64().unwrap())
            }
            (other, ..) => return Err(format!("unknown condition {other}")),
        };
    }
    let fields = input["fields"].as_object().into_iter().flatten();
    Ok(fields.fold(policy, |policy, (name, value)| {
        policy.ignored_field(name, string(value))
    }))
}

/// Returns the name of a field without the `$` that conditions put before it.
fn plain(name: &Value) -> &str {
    let name = string(name);
    name.strip_prefix('$').unwrap_or(name)
}

/// Rewrites `{"name": "value"}` as `["eq", "$name", "value"]`, which means the same.
fn normalized(conditions: &Value) -> Vec<Value> {
    let list = conditions.as_array().into_iter().flatten();
    list.flat_map(|condition| match condition.as_object() {
        Some(object) => object
            .iter()
            .map(|(name, value)| json!(["eq", format!("${name}"), value]))
            .collect(),
        None => vec![condition.clone()],
    })
    .collect()
}

fn conditions(list: &Value) -> Vec<String> {
    let mut list: Vec<_> = normalized(list).iter().map(Value::to_string).collect();
    list.sort();
    list
}

/// Compares host and path exactly, the query as a map.
fn compare_url(url: &str, expected: &Value) -> Result<(), String> {
    if let Some(scheme) = expected["scheme_prefix"].as_str()
        && !(url.starts_with(scheme) && url.contains("://") != scheme.is_empty())
    {
        return Err(format!("the scheme of {url} is wrong"));
    }
    if let Some(start) = expected["token_starts_with"].as_str()
        && !url.starts_with(start)
    {
        return Err(format!("{url} does not start with {start}"));
    }
    if expected["token_starts_with"].is_string() || expected["query"].is_object() {
        compared();
    }
    let (host, path, query) = parts(url);
    equal("host", &host, &expected["host"])?;
    equal("path", &path, &expected["path"])?;
    for (name, value) in expected["query_contains"].as_object().into_iter().flatten() {
        equal(name, query.get(name).map_or("", String::as_str), value)?;
    }
    if expected["query"].is_object() && json!(query) != expected["query"] {
        return Err(format!("{query:?} is not {}", expected["query"]));
    }
    Ok(())
}

fn parts(url: &str) -> (String, String, BTreeMap<String, String>) {
    let url = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (front, query) = url.split_once('?').unwrap();
    let slash = front.find('/').unwrap();
    let parameters = query.split('&').map(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap();
        (unescape(name), unescape(value))
    });
    (
        front[..slash].into(),
        front[slash..].into(),
        parameters.collect(),
    )
}

fn unescape(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

/// Decodes base64 of either alphabet, with or without padding.
fn decode(text: &str) -> String {
    let standard = text.replace('-', "+").replace('_', "/");
    let bytes = BASE64_STANDARD_NO_PAD.decode(standard.trim_end_matches('='));
    String::from_utf8(bytes.unwrap()).unwrap()
}

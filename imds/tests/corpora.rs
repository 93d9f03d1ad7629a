//! The conformance corpora of this crate's behavior: `$KEYFOB_CORPORA/NAME/cases.json`, by default
//! in `../shared/corpora` next to the repository. Without the folder each test says so and passes.
//!
//! A number may be written `200` or `200.0`, and a member that is null counts as absent.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a malformed case should fail with the line that read it, and people read the counts"
)]

mod common;

use std::{collections::BTreeMap, env, fs, net::IpAddr, path::PathBuf, time::Duration};

use common::{Reply, Script};
use keyfob_imds::{
    Client, ClientBuilder, Endpoint, Error, ErrorKind,
    container::{self, Location},
    parse_credentials,
    server::Imds,
    wire,
};
use keyfob_sigv4::{Credentials, Secret, Timestamp};
use serde_json::{Value, json};

enum Outcome {
    Pass,
    Fail(String),
    Skip(&'static str),
}

impl Outcome {
    fn compare(expected: &Value, seen: &Value) -> Self {
        if is_same(expected, seen) {
            Self::Pass
        } else {
            Self::Fail(format!("expected {expected}, seen {seen}"))
        }
    }
}

#[tokio::test]
async fn instance_metadata_is_as_the_corpus_says() {
    run("imds", async |case| match text(&case["kind"]) {
        "credentials-v2.1" => discovery(case).await,
        "endpoint" => endpoint(case),
        "disabled-flag" => disabled_flag(case).await,
        "document" => document(case).await,
        "client" | "client-v2-only" | "v1-fallback" | "v1-disabled" => conversation(case).await,
        kind if kind.starts_with("creds") => conversation(case).await,
        kind => Outcome::Fail(format!("unknown kind {kind}")),
    })
    .await;
}

#[tokio::test]
async fn container_credentials_are_as_the_corpus_says() {
    run("container-provider", async |case| {
        match text(&case["kind"]) {
            "uri" => uri(case),
            "host-allow" | "host-deny" => host(case).await,
            "auth-token" => authorization(case).await,
            kind => Outcome::Fail(format!("unknown kind {kind}")),
        }
    })
    .await;
}

#[tokio::test]
async fn credential_documents_are_read_as_the_corpus_says() {
    run("credential-documents", async |case| {
        match text(&case["kind"]) {
            "credential-process" => {
                Outcome::Skip("the output of a credential process is read by keyfob-chain")
            }
            "json-credentials" | "json-credentials-bad" => credential_document(case),
            kind => Outcome::Fail(format!("unknown kind {kind}")),
        }
    })
    .await;
}

async fn run(name: &str, play: impl AsyncFn(&Value) -> Outcome) {
    let root = env::var_os("KEYFOB_CORPORA").map_or_else(default_root, PathBuf::from);
    let Ok(cases) = fs::read_to_string(root.join(name).join("cases.json")) else {
        println!("corpus {name}: not here, nothing to do");
        return;
    };
    let cases: Vec<Value> = serde_json::from_str(&cases).unwrap();
    let (mut passed, mut skipped, mut failures) = (0, 0, Vec::new());
    for case in &cases {
        let id = text(&case["id"]);
        match play(case).await {
            Outcome::Pass => passed += 1,
            Outcome::Skip(reason) => {
                skipped += 1;
                println!("  skipped {id}: {reason}");
            }
            Outcome::Fail(what) => failures.push(format!("{id}: {what}")),
        }
    }
    println!(
        "corpus {name}: {} cases, {passed} passed, {skipped} skipped",
        cases.len()
    );
    assert!(
        !cases.is_empty() && failures.is_empty(),
        "\n{}",
        failures.join("\n")
    );
}

fn default_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Returns the elements of an array, or none if it is absent.
fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns a whole number, which may be written `200` or `200.0`.
fn number(value: &Value) -> Option<u64> {
    let whole = |number: f64| (number >= 0.0 && number.fract() == 0.0).then_some(number as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(whole))
}

/// Compares two values. Numbers are compared by value, and a member that is null counts as absent.
fn is_same(expected: &Value, seen: &Value) -> bool {
    match (expected, seen) {
        (Value::Number(expected), Value::Number(seen)) => expected.as_f64() == seen.as_f64(),
        (Value::Array(expected), Value::Array(seen)) => {
            expected.len() == seen.len() && expected.iter().zip(seen).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(wanted), Value::Object(found)) => {
            let names = wanted.keys().chain(found.keys());
            names
                .into_iter()
                .all(|name| is_same(&expected[name], &seen[name]))
        }
        _ => expected == seen,
    }
}

#[test]
fn numbers_and_null_members_are_compared_by_meaning() {
    assert!(is_same(
        &json!({"a": [1.0], "b": null}),
        &json!({"a": [1], "c": null})
    ));
    assert!(!is_same(&json!({"a": null}), &json!({"a": 1})));
    assert_eq!(
        (number(&json!(200.0)), number(&json!(0.5))),
        (Some(200), None)
    );
}

/// Returns a variable of the case's environment. One of whitespace counts as not set.
fn variable<'c>(case: &'c Value, name: &str) -> Option<&'c str> {
    case["env"][name]
        .as_str()
        .filter(|text| !text.trim().is_empty())
}

// Instance metadata.

/// Gets credentials several times from one client. The session tokens are not part of the case.
async fn discovery(case: &Value) -> Outcome {
    let expected = elements(&case["expectations"]);
    let server = Script::start(expected.iter().map(|exchange| reply(&exchange["response"]))).await;
    server.give_tokens();
    let client = configured(&server, &case["config"]).build();
    for outcome in elements(&case["outcomes"]) {
        let result = match &client {
            Ok(client) => client.credentials().await.map(|role| role.credentials),
            Err(error) => Err(error.clone()),
        };
        let good = match (text(&outcome["result"]), &result) {
            ("credentials", Ok(key)) => key.account_id() == outcome["accountId"].as_str(),
            ("invalid profile", Err(error)) => error.kind() == ErrorKind::InvalidProfile,
            ("credentials", Err(_)) | (_, Ok(_)) => false,
            (_, Err(_)) => true,
        };
        if !good {
            return Outcome::Fail(format!("expected {outcome}, seen {result:?}"));
        }
    }
    let paths = expected
        .iter()
        .map(|exchange| format!("GET {}", text(&exchange["get"])));
    let paths: Vec<String> = paths.map(|line| without_slash(&line)).collect();
    let asked: Vec<String> = server
        .asked()
        .iter()
        .map(|line| without_slash(line))
        .collect();
    Outcome::compare(&json!(paths), &json!(asked))
}

/// Returns a client with the settings that a case names.
fn configured(server: &Script, config: &Value) -> ClientBuilder {
    let disabled = &config["envVars"]["AWS_EC2_METADATA_DISABLED"];
    let mut builder = client_of(&server.url()).disabled(is_true(text(disabled)));
    if let Some(name) = config["ec2InstanceProfileName"].as_str() {
        builder = builder.profile_name(name);
    }
    if let Some(seconds) = number(&config["token_ttl_s"]) {
        let ttl = wire::TokenTtl::from_secs(u32::try_from(seconds).unwrap());
        builder = builder.token_ttl(ttl.unwrap());
    }
    builder
}

/// The SDKs' rule for a switch. Reading the variable is the caller's part.
fn is_true(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("true")
}

/// Settings from the environment and from the selected profile, in their order of precedence.
fn endpoint(case: &Value) -> Outcome {
    let variable = |name: &str| variable(case, name);
    let profile = variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE"));
    let profile = settings(config_file(case), profile.unwrap_or("default"));
    let setting = |name: &str| {
        let key = name.trim_start_matches("AWS_").to_ascii_lowercase();
        variable(name).or_else(|| profile.get(&key).copied())
    };
    let url = case["endpoint_override"].as_str();
    let url = url.or_else(|| setting("AWS_EC2_METADATA_SERVICE_ENDPOINT"));
    let mode = case["mode_override"].as_str();
    let mode = mode.or_else(|| setting("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"));
    let resolved = Endpoint::from_settings(url, mode).map(|endpoint| {
        wire::token_request(&endpoint, wire::TokenTtl::MAX)
            .uri()
            .to_string()
    });
    match (&case["result"]["Ok"], &case["result"]["Err"], &resolved) {
        (Value::String(url), _, Ok(seen)) => Outcome::compare(&json!(url), &json!(seen)),
        (_, Value::String(_), Err(error)) if error.kind() == ErrorKind::Setting => Outcome::Pass,
        _ => Outcome::Fail(format!("expected {}, seen {resolved:?}", case["result"])),
    }
}

fn config_file(case: &Value) -> &str {
    let files = case["fs"].as_object();
    let name = variable(case, "AWS_CONFIG_FILE");
    let is_it = |path: &str| name.map_or(path.ends_with(".aws/config"), |name| path == name);
    let mut files = files.into_iter().flatten();
    files
        .find(|(path, _)| is_it(path))
        .map_or("", |(_, content)| text(content))
}

/// Returns the settings of a profile in a configuration file. `[profile default]` takes precedence
/// over `[default]`, keys have no case, and an indented line belongs to the one above it.
fn settings<'c>(config: &'c str, profile: &str) -> BTreeMap<String, &'c str> {
    let mut sections: BTreeMap<String, BTreeMap<String, &str>> = BTreeMap::new();
    let mut section = String::new();
    for line in config.lines() {
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let words = header.split(']').next().unwrap().split_whitespace();
            section = words.collect::<Vec<_>>().join(" ").replace(['"', '\''], "");
            sections.entry(section.clone()).or_default();
        } else if let Some((key, value)) = line.split_once('=') {
            let keys = sections.entry(section.clone()).or_default();
            keys.insert(key.trim().to_ascii_lowercase(), without_comment(value));
        }
    }
    let found = match sections.remove(&format!("profile {profile}")) {
        None if profile == "default" => sections.remove(profile),
        found => found,
    };
    found.unwrap_or_default()
}

/// A comment begins after a space: a `#` inside a word belongs to the word.
fn without_comment(value: &str) -> &str {
    let mut marks = value.match_indices(['#', ';']);
    let comment = marks.find(|(at, _)| value[..*at].ends_with([' ', '\t']));
    comment.map_or(value, |(at, _)| &value[..at]).trim()
}

#[test]
fn a_setting_is_taken_from_the_selected_profile_only() {
    let config =
        "[default] # c\nA = IPv6 # c\n[profile two]\n a = 1\na=x#y\n;a=2\n[services two]\na=3\n";
    assert_eq!(settings(config, "default")["a"], "IPv6");
    assert_eq!(settings(config, "two")["a"], "x#y");
    assert!(settings(config, "services two").is_empty());
    let both = format!("{config}[profile \"default\"]\n");
    assert!(settings(&both, "default").is_empty());
}

async fn disabled_flag(case: &Value) -> Outcome {
    let flag = is_true(text(&case["env"]["AWS_EC2_METADATA_DISABLED"]));
    let server = Script::start([]).await;
    server.give_tokens();
    let client = client_of(&server.url())
        .disabled(flag)
        .attempts(1)
        .build()
        .unwrap();
    let error = client.get("x").await.unwrap_err();
    let seen = error.kind() == ErrorKind::Disabled && server.asked().is_empty();
    Outcome::compare(&case["expected"]["disabled"], &json!(seen))
}

async fn document(case: &Value) -> Outcome {
    let expected = &case["expected"];
    match (read_document(case).await, &expected["error"]) {
        (Ok(seen), Value::Null) => Outcome::compare(expected, &seen),
        (Err(error), expected) if !expected.is_null() && error.kind() != ErrorKind::Setting => {
            Outcome::Pass
        }
        (seen, _) => Outcome::Fail(format!("expected {expected}, seen {seen:?}")),
    }
}

/// A directory's listing is set as an item, so it is read without the slash at its end.
async fn read_document(case: &Value) -> Result<Value, Error> {
    let (path, expected) = (text(&case["path"]).trim_end_matches('/'), &case["expected"]);
    let item = path.trim_start_matches("/latest/");
    let server = Imds::builder().item(item, body(case));
    let server = server.start().await?;
    let client = Client::builder().endpoint(server.endpoint()).build()?;
    Ok(match item {
        "dynamic/instance-identity/document" => identity(&client, expected).await?,
        "meta-data/iam/info" => iam_info(&client, expected).await?,
        _ if expected["list"].is_array() => {
            let listing = client.get(path).await?;
            json!({"list": wire::names(&listing).collect::<Vec<_>>()})
        }
        _ => json!({"text": client.get(path).await?}),
    })
}

/// Returns the members that the case names.
async fn identity(client: &Client, expected: &Value) -> Result<Value, Error> {
    let document = client.identity_document().await?;
    let all = json!({
        "region": document.region,
        "availability_zone": document.availability_zone,
        "account_id": document.account_id,
        "instance_id": document.instance_id,
        "instance_type": document.instance_type,
        "architecture": document.architecture,
        "image_id": document.image_id,
        "private_ip": document.private_ip.map(|address| address.to_string()),
        "pending_time": document.pending_time.map(|time| time.to_string()),
        "version": document.version,
        "kernel_id": document.kernel_id,
        "ramdisk_id": document.ramdisk_id,
        "billing_products": document.billing_products,
        "devpay_product_codes": document.devpay_product_codes,
        "marketplace_product_codes": document.marketplace_product_codes,
    });
    Ok(named(expected, &all))
}

async fn iam_info(client: &Client, expected: &Value) -> Result<Value, Error> {
    let Some(info) = client.iam_info().await? else {
        return Ok(Value::Null);
    };
    let all = json!({
        "code": info.code,
        "instance_profile_arn": info.instance_profile_arn,
        "instance_profile_id": info.instance_profile_id,
        "last_updated": info.last_updated.map(|time| time.to_string()),
    });
    Ok(named(expected, &all))
}

fn named(expected: &Value, all: &Value) -> Value {
    let members = expected.as_object().unwrap().keys();
    members
        .map(|name| (name.clone(), all[name].clone()))
        .collect()
}

/// Makes calls of one client and checks every exchange that they should cause, those for session
/// tokens included.
async fn conversation(case: &Value) -> Outcome {
    let exchanges = elements(&case["exchanges"]);
    let (kind, config) = (text(&case["kind"]), &case["config"]);
    if let Some(reason) = other_by_design(case, exchanges) {
        return Outcome::Skip(reason);
    }
    let server = Script::start(
        exchanges
            .iter()
            .map(|exchange| reply(&exchange["response"])),
    )
    .await;
    let client = configured(&server, config)
        .allow_v1(kind == "v1-fallback" && config["v1_disabled"] != json!(true))
        .extended(!text(&config["api"]).contains("legacy"))
        .retry_unanswered(kind == "creds-retry" || repeats(exchanges).next().is_some())
        .attempt_timeout(Duration::from_millis(300))
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    for call in elements(&case["calls"]) {
        let next = exchanges.get(server.asked().len()).unwrap_or(&Value::Null);
        for moved in [call, next] {
            if let Some(seconds) = number(&moved["advance_clock_s_before"]) {
                advance(seconds).await;
            }
        }
        if let Some(difference) = play(&client, call).await {
            return Outcome::Fail(difference);
        }
    }
    heads_differ(exchanges, &server.heads()).map_or(Outcome::Pass, Outcome::Fail)
}

/// Returns why this client, unlike others, never does what the case wants.
fn other_by_design(case: &Value, exchanges: &[Value]) -> Option<&'static str> {
    let first = number(&exchanges.first()?["response"]["status"]);
    if case["kind"] == "v1-fallback" && exchanges.len() > 1 && !matches!(first, Some(404 | 405)) {
        return Some(
            "IMDSv1 is used only if there are no session tokens (404, 405), never after a refusal or a \
             timeout",
        );
    }
    let call = case["calls"].as_array().filter(|calls| calls.len() == 1);
    let call = &call?[0]["call"];
    let asks = |item: &str| {
        let path = |exchange: &Value| text(&exchange["request"]["path"]).contains(item);
        exchanges.iter().any(path)
    };
    if call == "region" && asks("/placement/availability-zone") && !asks("/placement/region") {
        return Some("the region is an item of its own, never the zone without its letter");
    }
    let refused = |status: &u64| matches!(status, 400..=499) && ![401, 429].contains(status);
    let again = repeats(exchanges).filter_map(|first| number(&first["response"]["status"]));
    (again.filter(refused).count() > 0)
        .then_some("of the HTTP statuses only 5xx and 429 are retried")
}

/// Returns the exchanges whose request is sent again next.
fn repeats(exchanges: &[Value]) -> impl Iterator<Item = &Value> {
    let pairs = exchanges.windows(2);
    let same = |pair: &&[Value]| pair[0]["request"] == pair[1]["request"];
    pairs.filter(same).map(|pair| &pair[0])
}

async fn advance(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

async fn play(client: &Client, call: &Value) -> Option<String> {
    let seen = match text(&call["call"]) {
        "credentials" => client
            .credentials()
            .await
            .map(|role| shown(&role.credentials)),
        "region" => client.region().await.map(Value::from),
        _ => client.get(text(&call["path"])).await.map(Value::from),
    };
    let expect = &call["expect"];
    let good = match &seen {
        Ok(Value::String(body)) => expect["body"] == json!(body),
        Ok(key) => {
            let wanted = &expect["credentials"];
            wanted.is_object() && is_same(wanted, &named(wanted, key))
        }
        Err(error) if expect["no_credentials"] == json!(true) => error.kind() != ErrorKind::Setting,
        Err(error) => is_error(&expect["error"], error),
    };
    (!good).then(|| format!("expected {expect}, seen {seen:?}"))
}

fn is_error(expected: &Value, error: &Error) -> bool {
    let kinds = [
        ("forbidden", ErrorKind::Forbidden),
        ("invalid token", ErrorKind::BadToken),
        ("unauthorized", ErrorKind::Unauthorized),
        ("not found", ErrorKind::NotFound),
        ("timeout", ErrorKind::Timeout),
    ];
    match kinds.iter().find(|(name, _)| *name == text(expected)) {
        Some((_, kind)) => error.kind() == *kind,
        None => !expected.is_null(),
    }
}

/// Compares the requests that were sent with the expected ones. Retries of the last one may follow
/// if its answer was a failure.
fn heads_differ(exchanges: &[Value], heads: &[String]) -> Option<String> {
    let differs = |(exchange, head): (&Value, &String)| {
        let request = &exchange["request"];
        let (method, path) = (text(&request["method"]), text(&request["path"]));
        let line = head.lines().next().unwrap();
        let header = |name: &str| {
            let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
            lines
                .filter(|(own, _)| own.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim())
                .last()
        };
        let wanted = request["headers"].as_object().into_iter().flatten();
        let absent = request["absent_headers"].as_array().into_iter().flatten();
        let good = line == format!("{method} {path} HTTP/1.1")
            && wanted
                .into_iter()
                .all(|(name, value)| header(name) == value.as_str())
            && absent.into_iter().all(|name| header(text(name)).is_none());
        (!good).then(|| format!("expected {request}, seen {head:?}"))
    };
    let difference = exchanges.iter().zip(heads).find_map(differs);
    let fails = exchanges
        .last()
        .is_some_and(|last| number(&last["response"]["status"]) != Some(200));
    let count = match heads.len().cmp(&exchanges.len()) {
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater if fails => None,
        _ => Some(format!(
            "expected {} requests, seen {heads:?}",
            exchanges.len()
        )),
    };
    difference.or(count)
}

fn reply(response: &Value) -> Reply {
    if response["connection_error"] == json!(true) {
        return Reply::Close;
    }
    if response["timeout"] == json!(true) {
        return Reply::Hang;
    }
    let headers = response["headers"].as_object().into_iter().flatten();
    let headers: Vec<(&str, &str)> = headers
        .map(|(name, value)| (name.as_str(), text(value)))
        .collect();
    let status = number(&response["status"]).unwrap_or(200);
    Reply::with_headers(u16::try_from(status).unwrap(), &headers, &body(response))
}

/// Returns the body, which is text, a JSON document, or bytes in hex.
fn body(case: &Value) -> Vec<u8> {
    match (&case["body"], &case["body_hex"]) {
        (_, Value::String(digits)) => from_hex(digits),
        (Value::String(body), _) => body.clone().into_bytes(),
        (Value::Null, _) => Vec::new(),
        (document, _) => document.to_string().into_bytes(),
    }
}

fn from_hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn client_of(url: &str) -> ClientBuilder {
    Client::builder().endpoint(Endpoint::new(url).unwrap())
}

fn without_slash(line: &str) -> String {
    line.trim_end_matches('/').to_owned()
}

fn shown(key: &Credentials) -> Value {
    json!({
        "access_key_id": key.access_key_id(),
        "secret_access_key": key.secret_access_key().expose(),
        "session_token": key.session_token().map(Secret::expose),
        "account_id": key.account_id(),
        "expiration_epoch": key.expiry().map(Timestamp::unix_seconds),
        "expiration": key.expiry().map(|expiry| expiry.to_string()),
    })
}

// Containers.

fn location(case: &Value) -> Result<Option<Location>, Error> {
    Location::from_settings(
        variable(case, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        variable(case, "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    )
}

/// Without a setting there is no location, which the corpus counts as an error.
fn uri(case: &Value) -> Outcome {
    let expected = &case["expected"];
    match (location(case), expected["url"].as_str()) {
        (Ok(Some(seen)), Some(url)) => Outcome::compare(&json!(url), &json!(seen.to_string())),
        (Ok(None) | Err(_), None) => Outcome::Pass,
        (seen, _) => Outcome::Fail(format!("expected {expected}, seen {seen:?}")),
    }
}

async fn host(case: &Value) -> Outcome {
    let allowed = match location(case) {
        Ok(Some(location)) => {
            let addresses = addresses(&case["dns"][location.host()], location.host()).await;
            location.check(&addresses).is_ok()
        }
        _ => false,
    };
    Outcome::compare(&case["expected"]["allowed"], &json!(allowed))
}

/// Returns the addresses that the case gives the name, or its real ones.
async fn addresses(answers: &Value, host: &str) -> Vec<IpAddr> {
    match answers.as_array() {
        Some(answers) => answers
            .iter()
            .map(|address| text(address).parse().unwrap())
            .collect(),
        None => {
            let found = tokio::net::lookup_host((host, 80)).await;
            found.map_or_else(
                |_| Vec::new(),
                |found| found.map(|address| address.ip()).collect(),
            )
        }
    }
}

/// Compares what an agent on loopback receives. A list of contents is a file that changes between
/// calls.
async fn authorization(case: &Value) -> Outcome {
    let document = r#"{"AccessKeyId":"AKID","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#;
    let server = Script::start((0..8).map(|_| Reply::status(200, document))).await;
    let folder = env::temp_dir().join(format!(
        "keyfob-imds-{}-{}",
        std::process::id(),
        server.address.port()
    ));
    fs::create_dir_all(&folder).unwrap();
    let mut builder = container::Client::builder(Location::full(&server.url()).unwrap());
    let variable = |name: &str| variable(case, name);
    if let Some(token) = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
        builder = builder.token(token);
    }
    let name = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if name.is_some() {
        builder = builder.token_file(folder.join("token"));
    }
    let contents = match name.map(|name| &case["files"][name]) {
        Some(Value::Array(contents)) => contents.clone(),
        Some(Value::String(content)) => vec![json!(content)],
        _ => vec![Value::Null],
    };
    let (client, mut result) = (builder.build(), Ok(()));
    for content in contents {
        if let Some(content) = content.as_str() {
            fs::write(folder.join("token"), content).unwrap();
        }
        result = match &client {
            Ok(client) => client.credentials().await.map(drop),
            Err(error) => Err(error.clone()),
        };
    }
    fs::remove_dir_all(&folder).unwrap();
    let heads = server.heads();
    let sent: Vec<&str> = heads
        .iter()
        .filter_map(|head| {
            head.lines()
                .find_map(|line| line.strip_prefix("authorization: "))
        })
        .collect();
    match (&case["expected"]["authorization"], result) {
        (Value::Array(all), Ok(())) => Outcome::compare(&json!(all), &json!(sent)),
        (expected @ Value::String(_), Ok(())) => Outcome::compare(&json!([expected]), &json!(sent)),
        (Value::Null, Ok(())) if case["expected"]["error"].is_null() => {
            Outcome::compare(&json!([]), &json!(sent))
        }
        (Value::Null, Err(_)) if heads.is_empty() => Outcome::Pass,
        (_, result) => Outcome::Fail(format!(
            "expected {}, seen {result:?} and {heads:?}",
            case["expected"]
        )),
    }
}

// Documents.

fn credential_document(case: &Value) -> Outcome {
    let (body, expected) = (text(&case["body"]), &case["expected"]);
    let seen = parse_credentials(body.as_bytes());
    if let Err(error) = &seen
        && let Some(secret) = secrets(body)
            .into_iter()
            .find(|secret| format!("{error} {error:?}").contains(secret))
    {
        return Outcome::Fail(format!("the error shows {secret}"));
    }
    match (&seen, &expected["error"]) {
        _ if expected["either"].is_array() => Outcome::Pass,
        (Ok(key), Value::Null) => {
            let wanted = &expected["credentials"];
            Outcome::compare(wanted, &named(wanted, &shown(key)))
        }
        (Err(error), Value::String(reason)) if says(error, reason) => Outcome::Pass,
        (Err(_), Value::Bool(true)) => Outcome::Pass,
        _ => Outcome::Fail(format!("expected {expected}, seen {seen:?}")),
    }
}

/// Returns true if the error names the missing member or the service's own code.
fn says(error: &Error, reason: &str) -> bool {
    let word = reason.split(' ').next().unwrap();
    if reason.ends_with(" missing") || error.kind() == ErrorKind::Refused {
        error.to_string().contains(word)
    } else {
        error.kind() == ErrorKind::Response
    }
}

fn secrets(body: &str) -> Vec<String> {
    let document: Value =
        serde_json::from_str(body.trim_start_matches('\u{feff}')).unwrap_or_default();
    let members = ["SecretAccessKey", "Token", "SessionToken"].into_iter();
    members
        .filter_map(|name| document[name].as_str())
        .filter(|secret| secret.len() > 3)
        .map(str::to_owned)
        .collect()
}

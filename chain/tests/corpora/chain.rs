//! Which provider the chain uses, and what it requests.

use std::{
    fs,
    future::ready,
    path::Path,
    process::ExitStatus,
    sync::{Arc, Mutex},
};

use keyfob_chain::{
    Chain, ContainerProvider, EnvironmentProvider, Error, ErrorKind, Found, Order, Origin,
    Outcome as Answer, Platform, ProcessOutput, ProfileProvider, Resolution, Settings, Sources,
    Variables, Verdict, WebIdentityProvider,
    files::names,
    profiles::{ConfigFiles, FileKind},
    provider_fn,
};
use keyfob_imds::server::{Imds, ImdsBuilder};
use keyfob_sigv4::{Credentials, Secret, Timestamp};
use serde_json::{Map, Value, json};

use crate::{
    Check, Outcome, check, environment, run,
    service::{Service, path_of},
};

#[test]
fn recorded_chains_have_the_recorded_result() {
    run("credential-chain-recorded", recorded);
}

fn recorded(case: &Value) -> Outcome {
    let reason = match case["kind"].as_str().unwrap() {
        _ if has_pipe(case) => "a pipe needs a shell",
        "bearer-token" => "bearer tokens are not credentials",
        "imds" | "ecs" | "eks" if !cfg!(feature = "imds") => "the feature imds is off",
        "assume_role" | "web_identity" | "other" if !cfg!(feature = "sts") => {
            "the feature sts is off"
        }
        "sso" if !cfg!(feature = "sso") => "the feature sso is off",
        _ if !cfg!(feature = "login") && mentions(case, &["login_session"]) => {
            "the feature login is off"
        }
        _ => return Outcome::Checked(recorded_case(case)),
    };
    Outcome::Skipped(reason)
}

/// Returns true if a command of a case needs a shell.
fn has_pipe(case: &Value) -> bool {
    let files = case["files"].as_object().into_iter().flatten();
    let mut lines = files.flat_map(|(_, text)| text.as_str().unwrap().lines());
    lines.any(|line| line.trim_start().starts_with("credential_process") && line.contains('|'))
}

/// Returns the recorded requests and responses.
fn exchanges(case: &Value) -> &[Value] {
    case["exchanges"].as_array().map_or(&[], Vec::as_slice)
}

/// Returns true if a configuration file of the case contains one of these words.
fn mentions(case: &Value, words: &[&str]) -> bool {
    let mut texts = case["files"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, text)| text);
    texts.any(|text| {
        words
            .iter()
            .any(|word| text.as_str().unwrap().contains(word))
    })
}

fn recorded_case(case: &Value) -> Check {
    let folder = tempfile::tempdir().unwrap();
    let case = &with_real_files(case, folder.path());
    let service = Service::start(exchanges(case).to_vec());
    let endpoints = Endpoints::default();
    let settings = sent_to(&service, &endpoints, case, folder.path());
    // Some cases were recorded with the whole chain, some with the provider for profiles alone.
    let source = case["source"].as_str().unwrap();
    let chain = if source.contains("profile-provider") {
        Chain::new().then(ProfileProvider::new(settings))
    } else {
        Chain::default_for(Order::Cli, &settings)
    };
    let resolution = explain(&chain);
    check(service.left() == 0, || {
        let error = resolution.credentials.as_ref().err();
        format!(
            "{} recorded requests were not made: {error:?}",
            service.left()
        )
    })?;
    check_endpoints(&endpoints, case)?;
    check_result(&case["expected"], &resolution)
}

/// The endpoints that the settings led to.
type Endpoints = Arc<Mutex<Vec<String>>>;

/// Checks that the requests to services of AWS were recorded at the endpoints that the settings of
/// the case lead to.
fn check_endpoints(endpoints: &Endpoints, case: &Value) -> Check {
    let endpoints = endpoints.lock().unwrap();
    for exchange in exchanges(case) {
        let uri = exchange["request"]["uri"].as_str().unwrap();
        let is_elsewhere =
            agent_url(case).as_deref() == Some(uri) || uri.starts_with("http://169.254.169.254/");
        let host = uri.strip_suffix(path_of(uri)).unwrap_or(uri);
        let is_known = || {
            endpoints
                .iter()
                .any(|known| known.trim_end_matches('/') == host)
        };
        check(is_elsewhere || is_known(), || {
            format!("{host} is not one of {endpoints:?}")
        })?;
    }
    Ok(())
}

/// Returns the settings of a case with the service in place of instance metadata, services of AWS
/// and the container's agent. Their own endpoints are noted.
fn sent_to(service: &Service, endpoints: &Endpoints, case: &Value, folder: &Path) -> Settings {
    let settings = settings_of(case);
    let mut variables = settings
        .variables()
        .clone()
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &service.endpoint)
        .with("AWS_CA_BUNDLE", CA);
    if let Some(home) = variables.home() {
        let home = home.to_string_lossy().into_owned();
        let real = folder.join(home.trim_start_matches('/'));
        variables = variables.with("HOME", real.to_str().unwrap());
    }
    if let Some(url) = agent_url(case) {
        variables = with_agent(variables, service, &url);
    }
    let sources = sources(service, endpoints);
    Settings::new(variables, settings.files().clone()).with_sources(sources)
}

/// Returns the URL of a service over TLS, if the build has any. `CA` is empty without.
#[cfg(all(feature = "sts", any(feature = "rustls", feature = "native-tls")))]
fn secure(service: &Service) -> String {
    crate::tls::in_front_of(&service.endpoint)
}

#[cfg(all(feature = "sts", not(any(feature = "rustls", feature = "native-tls"))))]
fn secure(service: &Service) -> String {
    service.endpoint.clone()
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
const CA: &str = crate::tls::CA;

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
const CA: &str = "";

#[cfg(feature = "sts")]
fn sources(service: &Service, endpoints: &Endpoints) -> Sources {
    let (url, endpoints) = (secure(service), Arc::clone(endpoints));
    Sources::default().with_sts_client(move |builder| {
        let client = builder.clone().build().unwrap();
        endpoints.lock().unwrap().push(client.endpoint().url());
        let builder = builder.fips(false).dual_stack(false);
        builder.endpoint(&url).unwrap()
    })
}

#[cfg(not(feature = "sts"))]
fn sources(_service: &Service, _endpoints: &Endpoints) -> Sources {
    Sources::default()
}

/// Replaces the container's agent by the service.
fn with_agent(variables: Variables, service: &Service, url: &str) -> Variables {
    let url = format!("{}{}", service.endpoint, path_of(url));
    variables
        .with("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "")
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
}

fn check_result(expected: &Value, resolution: &Resolution) -> Check {
    match (&expected["ok"], &expected["error"]["class"]) {
        (Value::Null, class) => {
            let error = resolution.credentials.as_ref().err();
            let kind = error.map(Error::kind);
            let right = match class.as_str().unwrap() {
                "no-provider-enabled" => kind == Some(ErrorKind::NoCredentials),
                _ => kind.is_some_and(|kind| kind != ErrorKind::NoCredentials),
            };
            check(right, || format!("{error:?} is not {class}"))
        }
        (wanted, _) => {
            let names = [
                "access_key_id",
                "secret_access_key",
                "session_token",
                "account_id",
            ];
            // The clients of instance metadata and containers replace an expiry that is in the past
            // by the real clock.
            let expiry = wanted["expiry"].as_i64();
            let past = expiry.is_some_and(|expiry| expiry < Timestamp::now().unix_seconds());
            let credentials = resolution.credentials.as_ref().ok();
            let found = credentials
                .and_then(Credentials::expiry)
                .map(Timestamp::unix_seconds);
            same_key(resolution, wanted, names, if past { found } else { expiry })
        }
    }
}

/// Writes the files that providers read, which are all but the two shared ones. Returns the case
/// with their new paths. Those of tokens are found by the home folder.
fn with_real_files(case: &Value, folder: &Path) -> Value {
    let mut text = serde_json::to_string(case).unwrap();
    for (path, content) in case["files"].as_object().into_iter().flatten() {
        let is_token = ["/.aws/sso/", "/.aws/login/"]
            .iter()
            .any(|folder| path.contains(folder));
        if path.contains("/.aws/") && !is_token {
            continue;
        }
        let real = folder.join(path.trim_start_matches('/'));
        fs::create_dir_all(real.parent().unwrap()).unwrap();
        fs::write(&real, content.as_str().unwrap()).unwrap();
        if !is_token {
            text = text.replace(path, real.to_str().unwrap());
        }
    }
    serde_json::from_str(&text).unwrap()
}

/// Returns the URL of the container's agent in the environment of a case.
fn agent_url(case: &Value) -> Option<String> {
    let text = |name: &str| case["env"].get(name)?.as_str();
    match text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
        Some(path) => Some(format!("http://169.254.170.2{path}")),
        None => text("AWS_CONTAINER_CREDENTIALS_FULL_URI").map(ToOwned::to_owned),
    }
}

fn settings_of(case: &Value) -> Settings {
    let variables = environment(&case["env"]).with_platform(Platform::Unix);
    let paths = [
        (FileKind::Config, variables.config_file()),
        (FileKind::Credentials, variables.credentials_file()),
    ];
    let files = ConfigFiles::parse(paths.into_iter().filter_map(|(kind, path)| {
        let path = path?;
        let text = case["files"].get(path.to_str()?)?.as_str()?;
        Some((kind, path, text.as_bytes()))
    }));
    Settings::new(variables, files)
}

/// Resolves the chain at a time before the recorded credentials expire.
fn resolve(settings: &Settings) -> Resolution {
    explain(&Chain::default_for(Order::Cli, settings))
}

fn explain(chain: &Chain) -> Resolution {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let now = "2009-01-01T00:00:00Z".parse().unwrap();
    runtime.unwrap().block_on(chain.explain(now))
}

/// Compares the credentials. `names` are the corpus's names of id, secret, token and account.
fn same_key(
    resolution: &Resolution,
    wanted: &Value,
    names: [&str; 4],
    expiry: Option<i64>,
) -> Check {
    let key = resolution
        .credentials
        .as_ref()
        .map_err(ToString::to_string)?;
    let text = |name| wanted.get(name).and_then(Value::as_str);
    let found = (parts(key), key.expiry().map(Timestamp::unix_seconds));
    check(found == (names.map(text), expiry), || {
        format!("{found:?} is not {wanted}")
    })
}

fn parts(key: &Credentials) -> [Option<&str>; 4] {
    [
        Some(key.access_key_id()),
        Some(key.secret_access_key().expose()),
        key.session_token().map(Secret::expose),
        key.account_id(),
    ]
}

#[cfg(unix)]
#[test]
fn the_output_of_a_process_is_read_as_the_sdks_read_it() {
    run("credential-documents", |case| {
        if case["kind"] != "credential-process" {
            return Outcome::Skipped("keyfob-imds runs these kinds");
        }
        Outcome::Checked(document(case))
    });
}

/// Runs a process that writes the output of a case and exits with its status.
#[cfg(unix)]
fn document(case: &Value) -> Check {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, case["stdout"].as_str().unwrap_or_default()).unwrap();
    let (path, status) = (
        file.path().display(),
        case["exit_code"].as_i64().unwrap_or(0),
    );
    let config =
        format!("[default]\ncredential_process = sh -c 'cat {path}; echo >&2; exit {status}'\n");
    let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
    let provider = ProfileProvider::new(Settings::new(Variables::default(), files));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let resolution = runtime.block_on(Chain::new().then(provider).resolve(Timestamp::now()));
    let expected = &case["expected"];
    if let Err(error) = &resolution.credentials {
        let shown = format!("{error} {error:?}");
        for secret in ["SecretAccessKey", "SessionToken"] {
            let output = serde_json::from_str(case["stdout"].as_str().unwrap_or_default());
            let output: Value = output.unwrap_or_default();
            let secret = output[secret].as_str().filter(|secret| secret.len() > 3);
            check(secret.is_none_or(|secret| !shown.contains(secret)), || {
                shown.clone()
            })?;
        }
    }
    if expected.get("either").is_some() {
        return Ok(());
    }
    match expected.get("credentials") {
        None => check(resolution.credentials.is_err(), || "no error".to_owned()),
        Some(wanted) => {
            let names = [
                "access_key_id",
                "secret_access_key",
                "session_token",
                "account_id",
            ];
            let expiry = match (wanted.get("expiration"), &resolution.credentials) {
                (Some(Value::String(text)), _) => {
                    Some(text.parse::<Timestamp>().unwrap().unix_seconds())
                }
                (Some(number), _) => number.as_i64(),
                (None, found) => found
                    .as_ref()
                    .ok()
                    .and_then(Credentials::expiry)
                    .map(Timestamp::unix_seconds),
            };
            same_key(&resolution, wanted, names, expiry)
        }
    }
}

/// The providers of the SDK for Java are modules, and each has a slot. Ours are always there.
#[test]
fn the_expected_provider_wins() {
    run("chain-precedence", |case| {
        if case["input"]["identityType"] == "TokenIdentity" {
            return Outcome::Skipped("bearer tokens are not credentials");
        }
        if case["expected"].get("assemblyError").is_some() {
            return Outcome::Skipped("providers are added in order, which cannot fail");
        }
        let suggestions = case["expected"]["resolutionError"]["moduleSuggestions"].as_array();
        if suggestions.is_some_and(|modules| !modules.is_empty()) {
            return Outcome::Skipped("a module that is not installed is a feature here");
        }
        let providers = providers(case);
        if providers.iter().any(Option::is_none) {
            return Outcome::Skipped("its provider is not one of this version");
        }
        Outcome::Checked(precedence(
            case,
            &providers.into_iter().flatten().collect::<Vec<_>>(),
        ))
    });
}

/// Returns our names of the providers of a case that are tried, the last of which decides.
fn providers(case: &Value) -> Vec<Option<String>> {
    let expected = &case["expected"];
    let tried = expected["resolutionError"]["providersTried"].as_array();
    let mut names: Vec<_> = tried
        .or(expected["assembledOrder"].as_array())
        .into_iter()
        .flatten()
        .chain(expected.get("selectedProvider"))
        .map(|name| provider(case, name.as_str().unwrap()))
        .collect();
    // One profile has many slots.
    names.dedup();
    names
}

/// Returns our name of a provider of the SDK for Java.
fn provider(case: &Value, name: &str) -> Option<String> {
    let is_custom = |custom: &&Value| custom["name"] == name;
    if custom(case).find(is_custom).is_some() {
        return Some(name.to_owned());
    }
    let own = match name {
        "Environment" => "environment variables",
        "ProfileStaticKeys" | "ProfileSessionKeys" => PROFILE,
        "ProfileAssumeRole" | "ProfileWebIdentityToken" if cfg!(feature = "sts") => PROFILE,
        "ProfileSsoSession" | "ProfileSsoLegacy" if cfg!(feature = "sso") => PROFILE,
        "Ec2InstanceMetadata" if cfg!(feature = "imds") => "instance metadata",
        "EcsContainer" if cfg!(feature = "imds") => "container",
        "WebIdentityTokenEnv" if cfg!(feature = "sts") => "web identity",
        _ => return None,
    };
    Some(own.to_owned())
}

const PROFILE: &str = "profile \"default\"";

/// Returns the providers that a case adds.
fn custom(case: &Value) -> impl Iterator<Item = &Value> {
    let providers = case["input"]["customProviders"].as_array();
    providers.into_iter().flatten()
}

/// Returns the chain of a case: the usual one, or one with the providers that the case adds, each
/// before or after the provider that has its slot.
fn with_custom(case: &Value, settings: &Settings) -> Chain {
    if custom(case).next().is_none() {
        return Chain::default_for(Order::Cli, settings);
    }
    let settings = || settings.clone();
    let mut chain = Chain::new();
    for slots in ["ENVIRONMENT", "WEB_IDENTITY", "PROFILE", "ECS", "EC2"] {
        chain = added(chain, case, "Before", slots);
        chain = match slots {
            "ENVIRONMENT" => chain.then(EnvironmentProvider::new(settings())),
            "WEB_IDENTITY" => chain.then(WebIdentityProvider::new(settings())),
            "PROFILE" => chain.then(ProfileProvider::new(settings())),
            "ECS" => chain.then(ContainerProvider::new(settings())),
            #[cfg(feature = "imds")]
            _ => chain.then(keyfob_chain::InstanceMetadataProvider::new(&settings())),
            #[cfg(not(feature = "imds"))]
            _ => chain,
        };
        chain = added(chain, case, "After", slots);
    }
    chain
}

/// Adds the providers of a case on one side of one of ours. Its slots begin with `slots`.
fn added(mut chain: Chain, case: &Value, side: &str, slots: &str) -> Chain {
    for custom in custom(case) {
        let ordering = &custom["ordering"];
        let slot = ordering["slot"].as_str().unwrap();
        if ordering["type"] == side && slot.starts_with(slots) {
            let answer = custom.clone();
            let name = custom["name"].as_str().unwrap();
            chain = chain.then(provider_fn(name, move |_| ready(answer_of(&answer))));
        }
    }
    chain
}

/// Returns the answer of a provider that a case adds.
fn answer_of(custom: &Value) -> Result<Answer, Error> {
    let response = &custom["response"];
    if let Some(error) = response["error"].as_str() {
        // Only a terminal provider stops the chain.
        return if custom["terminal"] == true {
            Err(Error::new(ErrorKind::Provider, error))
        } else {
            Ok(Answer::NotConfigured(error.to_owned()))
        };
    }
    if custom["present"] != true {
        return Ok(Answer::NotConfigured("it is not present".to_owned()));
    }
    let text = |name: &str| response[name].as_str();
    let mut key = Credentials::new(
        text("accessKeyId").unwrap(),
        text("secretAccessKey").unwrap(),
    )
    .unwrap();
    if let Some(token) = text("sessionToken") {
        key = key.with_session_token(token).unwrap();
    }
    if let Some(account) = text("accountId") {
        key = key.with_account_id(account);
    }
    Ok(Answer::Found(Found::new(key, Origin::Default)))
}

/// Resolves a case. `providers` are those that are tried, the last of which decides.
fn precedence(case: &Value, providers: &[String]) -> Check {
    let winner = providers.last().unwrap().as_str();
    let token = tempfile::NamedTempFile::new().unwrap();
    fs::write(&token, "token").unwrap();
    let case = serde_json::to_string(case)
        .unwrap()
        .replace("/some/path", token.path().to_str().unwrap());
    let case: Value = serde_json::from_str(&case).unwrap();
    let input = &case["input"];
    let config = input["preloadedConfigFile"]
        .as_str()
        .or(input["configFiles"]["aws"].as_str());
    // The portal tells no account: it is the one of the profile.
    let account = input["ssoResponse"]["accountId"].as_str();
    let account = format!("sso_account_id = {}\n", account.unwrap_or("1"));
    let config = config.map(|text| text.replace("sso_account_id = 123456789012\n", &account));
    let home = tempfile::tempdir().unwrap();
    write_sso_tokens(home.path(), config.as_deref().unwrap_or_default());
    let files = ConfigFiles::parse(
        config
            .iter()
            .map(|text| (FileKind::Config, "config", text.as_bytes())),
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let metadata = runtime
        .block_on(instance(&input["imdsResponse"]).start())
        .unwrap();
    let action = match winner {
        "web identity" => "AssumeRoleWithWebIdentity",
        _ => "AssumeRole",
    };
    let url = agent_url(input).unwrap_or_default();
    let sts = Service::start(vec![
        session(action, &input["stsResponse"]),
        container(&url, &input["httpResponse"]),
        portal(&input["ssoResponse"]),
    ]);
    let mut variables = environment(&input["env"])
        .with(
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            metadata.endpoint().to_string(),
        )
        .with("HOME", home.path().to_str().unwrap())
        .with("AWS_ENDPOINT_URL_SSO", &sts.endpoint)
        .with("AWS_ENDPOINT_URL_STS", &sts.endpoint);
    if winner == "container" {
        variables = with_agent(variables, &sts, &url);
    }
    let resolution = explain(&with_custom(&case, &Settings::new(variables, files)));
    let attempts = &resolution.explanation.attempts;
    let asked: Vec<_> = attempts
        .iter()
        .filter(|attempt| providers.contains(&attempt.provider))
        .map(|attempt| attempt.provider.clone())
        .collect();
    check(asked == providers, || {
        format!("{asked:?} is not {providers:?}")
    })?;
    if case["expected"].get("resolutionError").is_some() {
        // It stops the chain, whatever comes after it has.
        let failed = attempts
            .iter()
            .find(|attempt| attempt.verdict == Verdict::Failed);
        let failed = failed.map(|attempt| attempt.provider.as_str());
        return check(
            resolution.credentials.is_err() && failed == Some(winner),
            || format!("{:?} of {failed:?}", resolution.credentials),
        );
    }
    let names = [
        "accessKeyId",
        "secretAccessKey",
        "sessionToken",
        "accountId",
    ];
    let credentials = resolution.credentials.as_ref().ok();
    let expiry = credentials.and_then(Credentials::expiry).map(|_| END);
    same_key(&resolution, &case["expected"]["resolved"], names, expiry)?;
    let found = resolution.explanation.winner().unwrap().provider.clone();
    check(found == winner, || format!("{found} is not {winner}"))
}

/// Writes a token for each SSO session and each start URL of a config file.
fn write_sso_tokens(home: &Path, config: &str) {
    let folder = home.join(".aws/sso/cache");
    fs::create_dir_all(&folder).unwrap();
    let token =
        json!({"accessToken": "token", "expiresAt": Timestamp::from_unix_seconds(END).to_string()});
    for line in config.lines() {
        let session = line.strip_prefix("sso_session = ");
        let name = session.or(line.strip_prefix("sso_start_url = "));
        if let Some(name) = name {
            fs::write(
                folder.join(names::sso_token(name.trim())),
                token.to_string(),
            )
            .unwrap();
        }
    }
}

/// Returns the answer of the portal of SSO with the credentials of a case.
fn portal(response: &Value) -> Value {
    let body = json!({"roleCredentials": {
        "accessKeyId": response["accessKeyId"],
        "secretAccessKey": response["secretAccessKey"],
        "sessionToken": response["sessionToken"],
        "expiration": END * 1000,
    }});
    json!({
        "request": {"method": "GET", "uri": "http://sso/federation/credentials"},
        "response": {"status": 200, "body": body.to_string()},
    })
}

/// Returns the answer of a container's agent with the credentials of a case.
fn container(url: &str, response: &Value) -> Value {
    let body = json!({
        "AccessKeyId": response["accessKeyId"],
        "SecretAccessKey": response["secretAccessKey"],
        "Token": response["sessionToken"],
        "AccountId": response["accountId"],
        "Expiration": Timestamp::from_unix_seconds(END).to_string(),
    });
    json!({
        "request": {"method": "GET", "uri": url},
        "response": {"status": 200, "body": body.to_string()},
    })
}

/// Returns the answer of STS to one request, with the credentials of a case, or its refusal.
fn session(action: &str, response: &Value) -> Value {
    let request = json!({"method": "POST", "uri": "http://sts/"});
    if let Some(error) = response["error"].as_str() {
        let (code, message) = error.split_once(": ").unwrap_or(("AccessDenied", error));
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>\
             <Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        );
        return json!({"request": request, "response": {"status": 403, "body": body}});
    }
    let text = |name: &str, otherwise| {
        response
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or(otherwise)
    };
    let expiry = Timestamp::from_unix_seconds(END);
    let body = format!(
        "<{action}Response><{action}Result><Credentials><AccessKeyId>{}</AccessKeyId>\
         <SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken>\
         <Expiration>{expiry}</Expiration></Credentials><AssumedRoleUser>\
         <Arn>arn:aws:sts::{}:assumed-role/a/b</Arn><AssumedRoleId>A:b</AssumedRoleId></AssumedRoleUser>\
         </{action}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>",
        text("accessKeyId", "ASIA"),
        text("secretAccessKey", "secret"),
        text("sessionToken", "token"),
        text("accountId", "1"),
    );
    json!({"request": request, "response": {"status": 200, "body": body}})
}

#[test]
fn roles_are_assumed_in_the_order_of_the_sdks() {
    run("assume-role-chain", |case| {
        let profiles = case["input"]["profiles"].as_object().unwrap();
        let mut names = profiles
            .values()
            .filter_map(Value::as_object)
            .flat_map(Map::keys);
        if !cfg!(feature = "sts") {
            return Outcome::Skipped("the feature sts is off");
        }
        if !cfg!(feature = "sso") && names.any(|name| name.starts_with("sso_")) {
            return Outcome::Skipped("the feature sso is off");
        }
        if !cfg!(feature = "login") && names.any(|name| name == "login_session") {
            return Outcome::Skipped("the feature login is off");
        }
        if case["expected"]["ProfileChain"][0]["NamedSource"].is_string() && !cfg!(feature = "imds")
        {
            return Outcome::Skipped("the feature imds is off");
        }
        Outcome::Checked(assume_roles(case))
    });
}

/// Runs the chain of roles with an STS that issues `ASIA0`, `ASIA1`, …. Checks the requests and the
/// keys that signed them.
fn assume_roles(case: &Value) -> Check {
    let input = &case["input"];
    let token = tempfile::NamedTempFile::new().unwrap();
    fs::write(&token, "web identity token").unwrap();
    let mut config = config_of("profile", &input["profiles"], token.path());
    config += &config_of("sso-session", &input["sso_sessions"], token.path());
    let home = tempfile::tempdir().unwrap();
    write_sso_tokens(home.path(), &config);
    let none = Vec::new();
    let wanted = case["expected"]["ProfileChain"].as_array().unwrap_or(&none);
    let steps: Vec<_> = wanted.iter().filter_map(role_step).collect();
    let answers = steps.iter().enumerate().map(|(number, (action, _))| {
        session(action, &json!({"accessKeyId": format!("ASIA{number}")}))
    });
    let sts = Service::start(answers.collect());
    let agent = Service::start(vec![
        container("http://agent/key", &key("ASIACONTAINER")),
        portal(&key("ASIASSO")),
    ]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let imds = runtime
        .block_on(instance(&key("ASIAINSTANCE")).start())
        .unwrap();
    let variables = Variables::from_iter([
        ("AWS_ACCESS_KEY_ID", "AKIDENV".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ("AWS_ENDPOINT_URL_STS", sts.endpoint.clone()),
        ("AWS_ENDPOINT_URL_SSO", agent.endpoint.clone()),
        ("HOME", home.path().to_str().unwrap().to_owned()),
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            format!("{}/key", agent.endpoint),
        ),
        (
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            imds.endpoint().to_string(),
        ),
    ]);
    let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
    let profile = input["selected_profile"].as_str().unwrap();
    let sources = Sources::default().with_processes(|_| {
        let key = json!({"Version": 1, "AccessKeyId": "ASIAPROCESS", "SecretAccessKey": "secret"});
        let output = ProcessOutput::new(ExitStatus::default(), key.to_string(), "");
        ready(Ok(output))
    });
    let settings = Settings::new(variables, files)
        .with_profile(profile)
        .with_sources(sources);
    let resolution = resolve(&settings);
    // A session without a role is for services that take its token.
    let sso = wanted.first().and_then(|first| first.get("Sso"));
    let is_token = sso.is_some_and(|sso| sso.get("sso_role_name").is_none());
    if wanted.is_empty() || is_token {
        let found = resolution.credentials;
        return check(found.is_err(), || format!("{found:?}"));
    }
    let found = resolution
        .credentials
        .map_err(|error| format!("{error:?}"))?;
    let base = match wanted[0]["NamedSource"].as_str() {
        Some("Ec2InstanceMetadata") => "ASIAINSTANCE",
        Some("EcsContainer") => "ASIACONTAINER",
        Some(_) => "AKIDENV",
        None if wanted[0]["CredentialProcess"].is_string() => "ASIAPROCESS",
        None if sso.is_some() => "ASIASSO",
        None => wanted[0]["AccessKey"]["access_key_id"]
            .as_str()
            .unwrap_or("AKIDENV"),
    };
    let last = steps
        .len()
        .checked_sub(1)
        .map_or(base.to_owned(), |last| format!("ASIA{last}"));
    check(found.access_key_id() == last, || format!("{found:?}"))?;
    asked_for(&steps, base, &sts.seen())
}

/// Returns the credentials of an instance or a container.
fn key(id: &str) -> Value {
    json!({"accessKeyId": id, "secretAccessKey": "secret", "sessionToken": "token", "accountId": "1"})
}

/// Returns the sections of a case as a config file, with the path of an existing token file.
fn config_of(prefix: &str, sections: &Value, token: &Path) -> String {
    let mut config = String::new();
    for (name, profile) in sections.as_object().into_iter().flatten() {
        config.push_str(&format!("[{prefix} {name}]\n"));
        for (name, value) in profile.as_object().unwrap() {
            let value = match name.as_str() {
                "web_identity_token_file" => token.to_str().unwrap(),
                _ => value.as_str().unwrap(),
            };
            config.push_str(&format!("{name} = {value}\n"));
        }
    }
    config
}

/// Checks that each step is one request, signed with the key of the step before it.
fn asked_for(steps: &[(&str, Vec<String>)], base: &str, seen: &[String]) -> Check {
    check(seen.len() == steps.len(), || {
        format!("{} requests", seen.len())
    })?;
    let signers = [base.to_owned()]
        .into_iter()
        .chain((0..).map(|number| format!("ASIA{number}")));
    for (((action, parameters), seen), signer) in steps.iter().zip(seen).zip(signers) {
        check(seen.contains(&format!("Action={action}&")), || seen.clone())?;
        let signed = seen.contains(&format!("Credential={signer}/"));
        check(signed || *action == "AssumeRoleWithWebIdentity", || {
            seen.clone()
        })?;
        for parameter in parameters {
            check(seen.contains(parameter), || {
                format!("{parameter} in {seen}")
            })?;
        }
    }
    Ok(())
}

/// Returns the action and the parameters of a step, if it is a request to STS.
fn role_step(step: &Value) -> Option<(&'static str, Vec<String>)> {
    let (action, step) = match (step.get("AssumeRole"), step.get("WebIdentityToken")) {
        (Some(step), _) => ("AssumeRole", step),
        (_, Some(step)) => ("AssumeRoleWithWebIdentity", step),
        _ => return None,
    };
    let names = [
        ("role_arn", "RoleArn"),
        ("role_session_name", "RoleSessionName"),
        ("external_id", "ExternalId"),
    ];
    let parameters = names.iter().filter_map(|(name, parameter)| {
        let value = step.get(name)?.as_str()?;
        let encoded = value.replace(':', "%3A").replace('/', "%2F");
        Some(format!("{parameter}={encoded}"))
    });
    Some((action, parameters.collect()))
}

/// When the credentials of the instance expire. The corpus does not say.
const END: i64 = 4_000_000_000;

/// Creates an instance with the credentials of a case, or without a role.
fn instance(response: &Value) -> ImdsBuilder {
    let text = |name: &str| response.get(name).and_then(Value::as_str);
    let builder = Imds::builder();
    let (Some(id), Some(secret)) = (text("accessKeyId"), text("secretAccessKey")) else {
        return builder;
    };
    let mut key = Credentials::new(id, secret).unwrap();
    key = key
        .with_session_token(text("sessionToken").unwrap_or_default())
        .unwrap();
    key = key.with_account_id(text("accountId").unwrap_or_default());
    builder.credentials(key.with_expiry(Timestamp::from_unix_seconds(END)))
}

/// The cases are those of the SDK for Java, so they are run by its rules.
#[cfg(feature = "sts")]
#[test]
fn sts_is_called_in_the_region_and_at_the_endpoint_of_the_settings() {
    run("sts-client-config", |case| {
        Outcome::Checked(sts_client_config(case))
    });
}

/// Assumes the role of a source profile, and checks the region that the request is signed for.
#[cfg(feature = "sts")]
fn sts_client_config(case: &Value) -> Check {
    let input = &case["input"];
    let text = |name: &str| input[name].as_str();
    let beside = text("region_next_to_role_arn_in_source");
    let beside = beside.map_or_else(String::new, |region| format!("region = {region}\n"));
    let config = format!(
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/last\nsource_profile = source\n{}\n\
         [profile source]\nrole_arn = arn:aws:iam::123456789012:role/first\n\
         source_profile = key\n{beside}\
         [profile key]\naws_access_key_id = AKIDKEY\naws_secret_access_key = secret\n",
        text("default_profile").unwrap_or_default(),
    );
    let answers =
        ["ASIAFIRST", "ASIALAST"].map(|id| session("AssumeRole", &json!({ "accessKeyId": id })));
    let sts = Service::start(answers.to_vec());
    let variables = environment(&input["env"]).with("AWS_EC2_METADATA_DISABLED", "true");
    let configured = |variables: Variables| {
        let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
        let settings = Settings::new(variables, files).with_order(Order::JavaV2);
        match text("code_override") {
            Some(region) => {
                let origin = Origin::Argument {
                    name: "code".to_owned(),
                };
                settings.with_region(keyfob_chain::Region::new(region, origin).unwrap())
            }
            None => settings,
        }
    };
    let settings = configured(
        variables
            .clone()
            .with("AWS_ENDPOINT_URL_STS", &sts.endpoint),
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let chain = Chain::default_for(Order::JavaV2, &settings);
    let resolution = runtime.block_on(chain.resolve(Timestamp::now()));
    let error = resolution.credentials.err();
    let seen = sts.seen();
    let request = seen
        .first()
        .ok_or_else(|| format!("no request: {error:?}"))?;
    if let Some(region) = case["expected"]["region"].as_str() {
        check(
            request.contains(&format!("/{region}/sts/aws4_request")),
            || format!("{request} is not signed for {region}"),
        )?;
    }
    if let Some(is_global) = case["expected"]["use_global_endpoint"].as_bool() {
        let settings = configured(variables);
        let region = settings.region(None).unwrap().unwrap();
        let client = settings.sts(&region, None).unwrap().build().unwrap();
        let url = client.endpoint().url();
        check((url == "https://sts.amazonaws.com/") == is_global, || {
            url.clone()
        })?;
    }
    Ok(())
}

#[cfg(feature = "sso")]
#[test]
fn tokens_of_sso_are_found_and_refreshed_as_botocore_does() {
    run("sso-token", |case| match case["kind"].as_str().unwrap() {
        "sso-resolve" => Outcome::Checked(sso_resolve(case)),
        "sso-refresh" => Outcome::Checked(sso_refresh(case)),
        kind => Outcome::Checked(Err(format!("unknown kind {kind}"))),
    });
}

/// The case is about a token, and a profile with a role needs the same.
#[cfg(feature = "sso")]
fn sso_resolve(case: &Value) -> Check {
    let mut config = case["config"].clone();
    let role = json!({"sso_account_id": "1", "sso_role_name": "R"});
    let test = config["profiles"]["test"].as_object_mut().unwrap();
    if test.contains_key("sso_session") {
        test.extend(role.as_object().unwrap().clone());
    }
    let token = Path::new("unused");
    let config = config_of("profile", &config["profiles"], token)
        + &config_of("sso-session", &config["sso_sessions"], token);
    let home = tempfile::tempdir().unwrap();
    write_sso_tokens(home.path(), &config);
    let service = Service::start(vec![portal(&key("ASIASSO"))]);
    let variables = Variables::from_iter([
        ("HOME", home.path().to_str().unwrap()),
        ("AWS_ENDPOINT_URL", &secure(&service)),
        ("AWS_CA_BUNDLE", CA),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]);
    let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
    let settings = Settings::new(variables, files).with_profile("test");
    let found = resolve(&settings).credentials;
    let resolves = case["resolves"].as_bool().unwrap();
    check(found.is_ok() == resolves, || format!("{found:?}"))?;
    let wanted = case.get("expectedException").map(|_| ErrorKind::Setting);
    let kind = found.as_ref().err().map(Error::kind);
    check(wanted.is_none() || kind == wanted, || format!("{found:?}"))
}

/// Gets the credentials of a role with the token, which the portal sees.
#[cfg(feature = "sso")]
fn sso_refresh(case: &Value) -> Check {
    let folder = tempfile::tempdir().unwrap();
    let path = folder
        .path()
        .join("sso/cache")
        .join(names::sso_token("admin"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, case["cachedToken"].to_string()).unwrap();
    let mut exchanges = vec![portal(&key("ASIASSO"))];
    if let Some(response) = case.get("refreshResponse") {
        exchanges.push(json!({
            "request": {"method": "POST", "uri": "http://oidc/token"},
            "response": {"status": 200, "body": response.to_string()},
        }));
    }
    let service = Service::start(exchanges);
    let variables = Variables::from_iter([
        ("AWS_ENDPOINT_URL", secure(&service).as_str()),
        ("AWS_CA_BUNDLE", CA),
        ("AWS_MAX_ATTEMPTS", "1"),
    ]);
    let config = "[default]\nsso_session = admin\nsso_account_id = 1\nsso_role_name = R\n\
                  [sso-session admin]\nsso_region = us-west-2\nsso_start_url = https://d-123\n";
    let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
    // The times in the case leave no second for the call.
    let sources = Sources::default()
        .with_disk(folder.path())
        .with_clock(|| Timestamp::from_unix_seconds(0));
    let settings = Settings::new(variables, files).with_sources(sources);
    let chain = Chain::new().then(ProfileProvider::new(settings));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let now = case["currentTime"].as_str().unwrap().parse().unwrap();
    let found = runtime.block_on(chain.resolve(now)).credentials;
    let Some(token) = case["expectedToken"]["token"].as_str() else {
        return check(found.is_err(), || format!("{found:?}"));
    };
    check(found.is_ok(), || format!("{found:?}"))?;
    let seen = service.seen();
    let bearer = format!("x-amz-sso_bearer_token: {token}\r\n");
    check(seen.iter().any(|request| request.contains(&bearer)), || {
        format!("{seen:?}")
    })?;
    let written: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let wanted = case
        .get("expectedTokenWriteback")
        .unwrap_or(&case["cachedToken"]);
    check(written == *wanted, || format!("{written} is not {wanted}"))
}

#[cfg(feature = "login")]
#[test]
fn logins_are_read_and_refreshed_as_the_sdks_do() {
    run("login-provider", |case| Outcome::Checked(login(case)));
}

#[cfg(feature = "login")]
fn login(case: &Value) -> Check {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("login/cache");
    fs::create_dir_all(&cache).unwrap();
    for (name, text) in case["cacheContents"].as_object().into_iter().flatten() {
        fs::write(cache.join(name), text.to_string()).unwrap();
    }
    let calls = case["mockApiCalls"].as_array().into_iter().flatten();
    let exchanges = calls.map(|call| {
        let body = call["response"]["tokenOutput"].to_string();
        json!({
            "request": {"method": "POST", "uri": "http://signin/v1/token"},
            "response": {"status": call["responseCode"].as_i64().unwrap_or(200), "body": body},
        })
    });
    let service = Service::start(exchanges.collect());
    let variables = Variables::from_iter([
        ("AWS_ENDPOINT_URL", secure(&service).as_str()),
        ("AWS_CA_BUNDLE", CA),
        ("AWS_REGION", "us-east-1"),
        ("AWS_MAX_ATTEMPTS", "1"),
    ]);
    let config = case["configContents"].as_str().unwrap();
    let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
    let settings = Settings::new(variables, files)
        .with_profile("signin")
        .with_sources(Sources::default().with_disk(folder.path()));
    let chain = Chain::new().then(ProfileProvider::new(settings));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let resolution = runtime.block_on(chain.resolve(Timestamp::now()));
    check(service.left() == 0, || "not refreshed".to_owned())?;
    let none = Vec::new();
    for outcome in case["outcomes"].as_array().unwrap_or(&none) {
        match outcome["result"].as_str().unwrap() {
            "credentials" => {
                let names = [
                    "accessKeyId",
                    "secretAccessKey",
                    "sessionToken",
                    "accountId",
                ];
                let key = resolution.credentials.as_ref().ok();
                let expiry = key
                    .and_then(Credentials::expiry)
                    .map(Timestamp::unix_seconds);
                same_key(&resolution, outcome, names, expiry)?;
            }
            "cacheContents" => {
                for (name, wanted) in outcome.as_object().into_iter().flatten() {
                    if !name.ends_with(".json") {
                        continue;
                    }
                    let text = fs::read(cache.join(name)).unwrap();
                    let written: Value = serde_json::from_slice(&text).unwrap();
                    check(written["refreshToken"] == wanted["refreshToken"], || {
                        format!("{written} is not {wanted}")
                    })?;
                }
            }
            _ => check(resolution.credentials.is_err(), || "no error".to_owned())?,
        }
    }
    Ok(())
}

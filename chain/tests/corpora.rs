//! The conformance corpora of this crate. They are read from `$KEYFOB_CORPORA`, or from `shared/corpora` beside the
//! repository; without them these tests say so and pass.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a malformed case should fail with the line that read it, and the counts are for people"
)]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use keyfob_chain::{
    Chain, Env, ErrorKind, FileKind, Order, Platform, Problem, Profiles, Resolution, Section,
    SectionName, Settings,
};
use keyfob_imds::server::Imds;
use keyfob_sigv4::{Credentials, Secret, Timestamp};
use serde_json::{Map, Value, json};

type Check = Result<(), String>;

/// What became of one case.
enum Outcome {
    Checked(Check),
    Skipped(&'static str),
}

fn corpora() -> Option<PathBuf> {
    let beside = || {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        here.ancestors()
            .map(|folder| folder.join("shared/corpora"))
            .find(|folder| folder.is_dir())
    };
    match std::env::var_os("KEYFOB_CORPORA") {
        Some(folder) => Some(folder.into()),
        None => beside(),
    }
}

/// Runs every case of a corpus and fails with all that went wrong.
fn run(corpus: &str, case: impl Fn(&Value) -> Outcome) {
    let Some(folder) = corpora() else {
        println!("corpus {corpus}: not here, nothing was checked");
        return;
    };
    let text = fs::read_to_string(folder.join(corpus).join("cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let (mut passed, mut skipped, mut wrong) = (0, BTreeMap::<_, usize>::new(), Vec::new());
    for value in &cases {
        match case(value) {
            Outcome::Checked(Ok(())) => passed += 1,
            Outcome::Checked(Err(error)) => wrong.push(format!("{}: {error}", value["id"])),
            Outcome::Skipped(reason) => *skipped.entry(reason).or_default() += 1,
        }
    }
    for (reason, count) in &skipped {
        println!("  skipped {count}: {reason}");
    }
    println!(
        "corpus {corpus}: {} cases, {passed} passed, {} skipped",
        cases.len(),
        skipped.values().sum::<usize>(),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(right: bool, what: impl FnOnce() -> String) -> Check {
    if right { Ok(()) } else { Err(what()) }
}

fn errors(profiles: &Profiles) -> Vec<String> {
    let errors = profiles
        .problems()
        .iter()
        .filter(|problem| problem.is_error());
    errors.map(ToString::to_string).collect()
}

/// All sections of a kind as the corpora write them: text, or an object for a property with indented ones.
fn sections(profiles: &Profiles, wanted: fn(&SectionName) -> bool) -> Map<String, Value> {
    let value = |value: &keyfob_chain::Value| match value.entries().next() {
        None => json!(value.as_str()),
        Some(_) => value
            .entries()
            .map(|(name, value)| (name.to_owned(), json!(value.as_str())))
            .collect::<Map<_, _>>()
            .into(),
    };
    let properties = |section: &Section| {
        section
            .iter()
            .map(|(name, v)| (name.to_owned(), value(v)))
            .collect::<Map<_, _>>()
    };
    profiles
        .sections()
        .filter(|section| wanted(section.name()))
        .map(|section| (section.name().name().to_owned(), properties(section).into()))
        .collect()
}

fn is_profile(name: &SectionName) -> bool {
    matches!(name, SectionName::Profile(_))
}

fn is_sso_session(name: &SectionName) -> bool {
    matches!(name, SectionName::SsoSession(_))
}

fn is_services(name: &SectionName) -> bool {
    matches!(name, SectionName::Services(_))
}

/// A case of `profile-parser` and `profile-fuzz`.
fn profile_case(case: &Value) -> Outcome {
    let text = |name: &str| case["input"][name].as_str().map(str::as_bytes);
    let files = [
        (FileKind::Config, "config", text("configFile")),
        (
            FileKind::Credentials,
            "credentials",
            text("credentialsFile"),
        ),
    ];
    let files = files
        .into_iter()
        .filter_map(|(kind, path, text)| Some((kind, path, text?)));
    let profiles = Profiles::parse(files);
    let output = &case["output"];
    if output.get("errorContaining").is_some() {
        let named = profiles
            .problems()
            .iter()
            .any(|p| p.is_error() && p.line.is_some());
        return Outcome::Checked(check(named, || "no error that names a line".to_owned()));
    }
    let found = [
        (&output["profiles"], is_profile as fn(&SectionName) -> bool),
        (&output["ssoSessions"], is_sso_session),
        (&output["sso_sessions"], is_sso_session),
    ];
    let result = check(errors(&profiles).is_empty(), || {
        format!("{:?}", errors(&profiles))
    });
    Outcome::Checked(
        found
            .into_iter()
            .filter(|(wanted, _)| !wanted.is_null())
            .fold(result, |result, (wanted, kind)| {
                let found = Value::from(sections(&profiles, kind));
                result.and(check(found == *wanted, || {
                    format!("{found} is not {wanted}")
                }))
            }),
    )
}

#[test]
fn profile_parser_cases_are_read_as_the_sdks_read_them() {
    run("profile-parser", profile_case);
}

#[test]
fn profile_fuzz_cases_are_read_as_the_sdks_read_them() {
    run("profile-fuzz", profile_case);
}

#[test]
fn adversarial_files_do_no_harm() {
    run("config-adversarial", |case| {
        Outcome::Checked(adversarial(case))
    });
}

fn adversarial(case: &Value) -> Check {
    let bytes = base64(case["content_base64"].as_str().unwrap());
    let kind = match case["file"].as_str().unwrap() {
        "config" => FileKind::Config,
        _ => FileKind::Credentials,
    };
    let started = std::time::Instant::now();
    let profiles = Profiles::parse([(kind, "file", &bytes[..])]);
    let errors = errors(&profiles);
    let shown: Vec<_> = profiles.problems().iter().map(Problem::to_string).collect();
    let expected = case["expected"].as_object().unwrap();
    let flag = |name: &str| expected.get(name).is_some_and(|flag| flag == true);
    check(started.elapsed().as_secs() < 5, || "too slow".to_owned())?;
    if let Some(secret) = expected.get("must_not_contain_in_message") {
        let secret = secret.as_str().unwrap();
        let debug = format!("{profiles:?}{shown:?}");
        check(!debug.contains(secret), || format!("shows {secret}"))?;
    }
    if flag("error") {
        return check(!errors.is_empty(), || "no error".to_owned());
    }
    if !errors.is_empty() {
        let fine = ["or_error", "error_or_profiles", "no_crash"]
            .iter()
            .any(|name| flag(name));
        return check(fine, || format!("{errors:?}"));
    }
    let found = sections(&profiles, is_profile);
    let lists = [
        ("profiles", is_profile as fn(&SectionName) -> bool),
        ("sso_sessions", is_sso_session),
        ("services", is_services),
    ];
    for (name, kind) in lists {
        let found = Value::from(sections(&profiles, kind));
        let wanted = expected.get(name).unwrap_or(&found);
        check(found == *wanted, || {
            format!("{name}: {found} is not {wanted}")
        })?;
    }
    if let Some(wanted) = expected.get("profiles_include") {
        for (name, wanted) in wanted.as_object().unwrap() {
            check(found.get(name) == Some(wanted), || {
                format!("{name} in {found:?}")
            })?;
        }
    }
    if let Some(wanted) = expected.get("profile_count") {
        check(*wanted == found.len(), || {
            format!("{} profiles", found.len())
        })?;
    }
    if let Some(wanted) = expected.get("sub_property_count") {
        let all = found
            .values()
            .flat_map(|section| section.as_object().unwrap().values());
        let count: usize = all.filter_map(Value::as_object).map(Map::len).sum();
        check(*wanted == count, || format!("{count} indented properties"))?;
    }
    Ok(())
}

#[test]
fn files_and_the_profile_are_looked_for_where_the_sdks_look() {
    run("config-file-location", |case| {
        Outcome::Checked(location(case))
    });
}

fn location(case: &Value) -> Check {
    let platform = match case["platform"].as_str().unwrap() {
        "windows" => Platform::Windows,
        _ => Platform::Unix,
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let variables = case["environment"].as_object().unwrap();
    let env: Env = variables
        .iter()
        .map(|(name, value)| (name, text(value)))
        .collect();
    let env = env
        .with_platform(platform)
        .with_system_home(case["languageSpecificHome"].as_str().map(PathBuf::from));
    let found = json!({
        "profile": Settings::new(env.clone(), Profiles::default()).profile_name(),
        "configLocation": env.config_file(),
        "credentialsLocation": env.credentials_file(),
    });
    let found = found.as_object().unwrap();
    let wrong = found
        .iter()
        .find(|(name, found)| case.get(*name).is_some_and(|wanted| wanted != *found));
    check(wrong.is_none(), || format!("{wrong:?}"))
}

#[test]
fn recorded_chains_end_as_recorded() {
    run("credential-chain-recorded", recorded);
}

fn recorded(case: &Value) -> Outcome {
    let exchanges = case["exchanges"].as_array().unwrap();
    let elsewhere = |exchange: &Value| {
        let uri = exchange["request"]["uri"].as_str().unwrap();
        !uri.starts_with("http://169.254.169.254/")
    };
    let unspoken = match case["kind"].as_str().unwrap() {
        "sso" => "SSO is not a source of this version",
        "ecs" | "eks" => "containers are not a source of this version",
        "web_identity" => "web identity is not a source of this version",
        "assume_role" => "roles in profiles are not a source of this version",
        "credential_process" => "processes are not a source of this version",
        "bearer-token" => "bearer tokens are not credentials",
        "imds" if !cfg!(feature = "imds") => "the feature imds is off",
        _ if exchanges.iter().any(elsewhere) => "it asks a service this version does not ask",
        _ => return Outcome::Checked(recorded_case(case)),
    };
    Outcome::Skipped(unspoken)
}

fn recorded_case(case: &Value) -> Check {
    let env = environment(&case["env"]);
    let files = [
        (FileKind::Config, env.config_file()),
        (FileKind::Credentials, env.credentials_file()),
    ];
    let files = files.into_iter().filter_map(|(kind, path)| {
        let path = path?;
        let text = case["files"].get(path.to_str()?)?.as_str()?;
        Some((kind, path, text.as_bytes()))
    });
    let profiles = Profiles::parse(files);
    let service = Recorded::start(case["exchanges"].as_array().unwrap().clone());
    let env = env.with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &service.endpoint);
    let resolution = resolve(&Settings::new(env, profiles));
    let expected = &case["expected"];
    let left = service.left.lock().unwrap().len();
    check(left == 0, || {
        format!("{left} recorded requests were not made")
    })?;
    match (&expected["ok"], &expected["error"]["class"]) {
        (Value::Null, class) => {
            let kind = resolution.credentials.err().map(|error| error.kind());
            let right = match class.as_str().unwrap() {
                "no-provider-enabled" => kind == Some(ErrorKind::NoCredentials),
                _ => kind.is_some_and(|kind| kind != ErrorKind::NoCredentials),
            };
            check(right, || format!("{kind:?} is not {class}"))
        }
        (wanted, _) => {
            let names = [
                "access_key_id",
                "secret_access_key",
                "session_token",
                "account_id",
            ];
            same_key(&resolution, wanted, names, wanted["expiry"].as_i64())
        }
    }
}

/// A server that answers every request with the first recorded response to the same method and path that has not
/// been given yet, and what was never recorded with 404.
struct Recorded {
    endpoint: String,
    left: Arc<Mutex<Vec<Value>>>,
}

impl Recorded {
    fn start(exchanges: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let left = Arc::new(Mutex::new(exchanges));
        let exchanges = left.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &exchanges);
            }
        });
        Self { endpoint, left }
    }
}

/// One request a connection; none of them has a body.
fn answer(stream: TcpStream, left: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") && reader.read_line(&mut request).unwrap() > 0 {}
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let uri = format!("http://169.254.169.254{path}");
    let mut left = left.lock().unwrap();
    let same = |exchange: &Value| {
        exchange["request"]["method"] == method && exchange["request"]["uri"] == uri
    };
    let found = left
        .iter()
        .position(same)
        .map(|at| left.remove(at)["response"].clone());
    let response = found.unwrap_or_else(|| json!({"status": 404}));
    let body = response["body"].as_str().unwrap_or_default();
    let mut text = format!(
        "HTTP/1.1 {} Recorded\r\nconnection: close\r\n",
        response["status"]
    );
    for (name, values) in response["headers"].as_object().into_iter().flatten() {
        if !["content-length", "connection"].contains(&name.to_ascii_lowercase().as_str()) {
            let value = values[0].as_str().or(values.as_str()).unwrap();
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    reader.get_mut().write_all(text.as_bytes()).unwrap();
}

fn environment(variables: &Value) -> Env {
    let variables = variables.as_object().into_iter().flatten();
    variables
        .map(|(name, value)| (name, value.as_str().unwrap()))
        .collect()
}

/// What the chain finds at a time before the recorded credentials end.
fn resolve(settings: &Settings) -> Resolution {
    let chain = Chain::default_for(Order::Cli, settings);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let now = "2009-01-01T00:00:00Z".parse().unwrap();
    runtime.unwrap().block_on(chain.explain(now))
}

/// `names` are those of the id, the secret, the token and the account in this corpus.
fn same_key(
    resolution: &Resolution,
    wanted: &Value,
    names: [&str; 4],
    expiry: Option<i64>,
) -> Check {
    let found = resolution
        .credentials
        .as_ref()
        .map_err(ToString::to_string)?;
    let text = |name| wanted.get(name).and_then(Value::as_str);
    let found = (parts(found), found.expiry().map(Timestamp::unix_seconds));
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

#[test]
fn the_provider_that_should_win_wins() {
    run("chain-precedence", |case| {
        if case["kind"] != "resolve" {
            return Outcome::Skipped("it is about the modules of the SDK for Java 2");
        }
        if case["input"]["identityType"] == "TokenIdentity" {
            return Outcome::Skipped("bearer tokens are not credentials");
        }
        let name = match case["expected"]["selectedProvider"].as_str() {
            Some("Environment") => "environment variables",
            Some("ProfileStaticKeys" | "ProfileSessionKeys") => "profile \"default\"",
            Some("Ec2InstanceMetadata") if cfg!(feature = "imds") => "instance metadata",
            _ => return Outcome::Skipped("its provider is not one of this version"),
        };
        Outcome::Checked(precedence(case, name))
    });
}

fn precedence(case: &Value, winner: &str) -> Check {
    let input = &case["input"];
    let text = input["preloadedConfigFile"]
        .as_str()
        .or(input["configFiles"]["aws"].as_str());
    let profiles = Profiles::parse(text.map(|text| (FileKind::Config, "config", text.as_bytes())));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let service = runtime
        .block_on(instance(&input["imdsResponse"]).start())
        .unwrap();
    let endpoint = service.endpoint().to_string();
    let env = environment(&input["env"]).with("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint);
    let resolution = resolve(&Settings::new(env, profiles));
    let names = [
        "accessKeyId",
        "secretAccessKey",
        "sessionToken",
        "accountId",
    ];
    let expiry = (winner == "instance metadata").then_some(END);
    same_key(&resolution, &case["expected"]["resolved"], names, expiry)?;
    let found = resolution.explanation.winner().unwrap().provider.clone();
    check(found == winner, || format!("{found} is not {winner}"))
}

/// When the credentials of the instance end; the corpus does not say.
const END: i64 = 1_900_000_000;

/// An instance with the credentials of a case, or without a role.
fn instance(response: &Value) -> keyfob_imds::server::Builder {
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

fn base64(text: &str) -> Vec<u8> {
    let digit = |byte| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => unreachable!("not base64"),
    };
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        bits = bits << 6 | u32::from(digit(byte));
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
}

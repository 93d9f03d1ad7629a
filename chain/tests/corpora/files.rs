//! The contents of the configuration files, and their paths.

use std::path::PathBuf;

use keyfob_chain::{
    Order, Platform, Settings,
    files::names,
    profiles::{ConfigFiles, FileKind, Problem, Section, SectionName},
};
use serde_json::{Map, Value, json};

use crate::{Check, Outcome, check, environment, run};

fn errors(profiles: &ConfigFiles) -> Vec<String> {
    let errors = profiles
        .problems()
        .iter()
        .filter(|problem| problem.is_error());
    errors.map(ToString::to_string).collect()
}

/// Returns all sections of a kind in the form of the corpora: a property is a text, or an object if
/// it has indented properties.
fn sections(profiles: &ConfigFiles, wanted: fn(&SectionName) -> bool) -> Map<String, Value> {
    let value = |value: &keyfob_chain::profiles::Value| match value.entries().next() {
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

/// Checks a case of `profile-parser` or `profile-fuzz`.
fn profile_case(case: &Value) -> Outcome {
    let text = |name: &str| case["input"][name].as_str().map(str::as_bytes);
    let texts = [
        (FileKind::Config, "config", text("configFile")),
        (
            FileKind::Credentials,
            "credentials",
            text("credentialsFile"),
        ),
    ];
    // The rules that the SDKs share: the order of the AWS CLI reads more names.
    let profiles = ConfigFiles::parse_for(
        Order::Rust,
        texts
            .into_iter()
            .filter_map(|(kind, path, text)| Some((kind, path, text?))),
    );
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
    let profiles = ConfigFiles::parse_for(Order::Rust, [(kind, "file", &bytes[..])]);
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
    says_what_is_expected(&profiles, expected)?;
    has_as_many(&sections(&profiles, is_profile), expected)
}

fn says_what_is_expected(profiles: &ConfigFiles, expected: &Map<String, Value>) -> Check {
    let lists = [
        ("profiles", is_profile as fn(&SectionName) -> bool),
        ("sso_sessions", is_sso_session),
        ("services", is_services),
    ];
    for (name, kind) in lists {
        let found = Value::from(sections(profiles, kind));
        let wanted = expected.get(name).unwrap_or(&found);
        check(found == *wanted, || {
            format!("{name}: {found} is not {wanted}")
        })?;
    }
    let found = sections(profiles, is_profile);
    let included = expected.get("profiles_include").and_then(Value::as_object);
    for (name, wanted) in included.into_iter().flatten() {
        check(found.get(name) == Some(wanted), || {
            format!("{name} in {found:?}")
        })?;
    }
    Ok(())
}

fn has_as_many(found: &Map<String, Value>, expected: &Map<String, Value>) -> Check {
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
fn files_and_profile_are_found_where_the_sdks_find_them() {
    run("config-file-location", |case| {
        Outcome::Checked(location(case))
    });
}

fn location(case: &Value) -> Check {
    let platform = match case["platform"].as_str().unwrap() {
        "windows" => Platform::Windows,
        _ => Platform::Unix,
    };
    let env = environment(&case["environment"])
        .with_platform(platform)
        .with_system_home(case["languageSpecificHome"].as_str().map(PathBuf::from));
    let found = json!({
        "profile": Settings::new(env.clone(), ConfigFiles::default()).profile_name(),
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
fn endpoint_urls_are_found_in_the_order_of_the_aws_cli() {
    run("configured-endpoint-urls", |case| {
        Outcome::Checked(endpoint_url(case))
    });
}

/// Returns the members of an object, which may be absent.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn endpoint_url(case: &Value) -> Check {
    let mut text = String::new();
    let profile = case["profile_name"].as_str().unwrap();
    text.push_str(&format!("[profile {profile}]\n"));
    for (name, value) in members(&case["profile"]) {
        text.push_str(&format!("{name} = {}\n", value.as_str().unwrap()));
    }
    for (name, services) in members(&case["services_sections"]) {
        text.push_str(&format!("[services {name}]\n"));
        for (service, properties) in members(services) {
            text.push_str(&format!("{service} =\n"));
            for (name, value) in members(properties) {
                text.push_str(&format!("  {name} = {}\n", value.as_str().unwrap()));
            }
        }
    }
    let profiles = ConfigFiles::parse([(FileKind::Config, "config", text.as_bytes())]);
    let client = &case["client_config"];
    let mut env = environment(&case["env"]);
    if client["ignore_configured_endpoint_urls"] == true {
        env = env.with("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    }
    let settings = Settings::new(env, profiles).with_profile(profile);
    let configured = settings
        .endpoint_url(case["service"].as_str().unwrap())
        .map_err(|error| error.to_string())?
        .map(|setting| setting.text);
    let found = client["endpoint_url"].as_str().or(configured);
    // Without a configured URL the case expects the service's own endpoint, which this crate does
    // not know.
    let wanted = case["expected"]["endpointUrl"]
        .as_str()
        .filter(|url| !url.contains("amazonaws.com"));
    check(found == wanted, || format!("{found:?} is not {wanted:?}"))
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

#[test]
fn cache_files_have_the_names_that_the_aws_cli_gives_them() {
    run("cache-keys", |case| {
        let input = &case["input"];
        let text = |name: &str| input[name].as_str();
        let name = match case["kind"].as_str().unwrap() {
            "sso-cache-filename" => names::sso_token(input.as_str().unwrap()),
            "login-cache-filename" => names::login_token(input.as_str().unwrap()),
            "cli-assume-role-cache-key" => names::role_session(input).unwrap(),
            "cli-sso-cache-key" => names::sso_role_session(
                text("sessionName"),
                text("startUrl").unwrap_or_default(),
                text("roleName").unwrap(),
                text("accountId").unwrap(),
            )
            .unwrap(),
            kind => return Outcome::Checked(Err(format!("unknown kind {kind}"))),
        };
        Outcome::Checked(check(case["expected"] == *name, || name.clone()))
    });
}

//! Values that cannot be used: which error or warning names them, and that none of them is printed
//! that may be a secret.

use crate::{
    answers::{answer, start_server},
    keyfob::{Home, assert_has, assert_lacks},
};

const KEY: &str = "aws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\n";
const ROLE: &str = "role_arn = arn:aws:iam::111122223333:role/ops\n";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYCANARYKEYX";

/// A home whose calls fail at once.
fn home() -> Home {
    Home::new()
        .with("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
        .with("AWS_MAX_ATTEMPTS", "1")
        .with("AWS_REGION", "eu-west-1")
}

#[test]
fn no_command_prints_a_secret_in_the_place_of_another_value() {
    let pod = ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/ops");
    let key = ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE");
    for (variable, beside) in [
        ("AWS_CA_BUNDLE", key),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", pod),
        ("AWS_CONFIG_FILE", key),
        ("AWS_SHARED_CREDENTIALS_FILE", key),
        ("AWS_MAX_ATTEMPTS", key),
        ("AWS_RETRY_MODE", key),
        ("AWS_REGION", key),
        ("AWS_DEFAULT_OUTPUT", key),
        ("AWS_ENDPOINT_URL", key),
        ("AWS_ENDPOINT_URL_STS", key),
        ("AWS_ROLE_ARN", ("AWS_WEB_IDENTITY_TOKEN_FILE", "/dev/null")),
    ] {
        let home = home()
            .with("AWS_SECRET_ACCESS_KEY", "secret")
            .with(beside.0, beside.1)
            .with(variable, SECRET);
        for words in [
            &["why"][..],
            &["why", "--json"],
            &["whoami", "--debug"],
            &["configure", "list"],
            &["sts", "get-caller-identity"],
        ] {
            let run = home.keyfob(words);
            assert_lacks(&(run.stdout + &run.stderr), &["CANARY"]);
        }
    }
}

#[test]
fn why_fails_with_a_setting_that_every_call_refuses() {
    let home = || Home::new().with_key("AKIAEXAMPLE", "secret");
    for (name, value, text) in [
        (
            "AWS_CA_BUNDLE",
            "/no/such.pem",
            "AWS_CA_BUNDLE cannot be used: ",
        ),
        (
            "AWS_ENDPOINT_URL",
            "https://h.example/?t=CANARY",
            "AWS_ENDPOINT_URL cannot be used: ",
        ),
        (
            "AWS_ENDPOINT_URL_STS",
            "CANARY",
            "AWS_ENDPOINT_URL_STS cannot be used: ",
        ),
        (
            "AWS_MAX_ATTEMPTS",
            "x",
            "AWS_MAX_ATTEMPTS is \"x\", which is not a number",
        ),
    ] {
        let home = home().with(name, value);
        for words in [&["why"][..], &["why", "--json"]] {
            let run = home.keyfob(words);
            assert_eq!(run.code, 253, "{run:?}");
            assert_has(&run.stderr, &["(Configuration): ", text]);
            assert_has(&run.stdout, &["AKIAEXAMPLE"]);
            assert_lacks(&(run.stdout + &run.stderr), &["CANARY"]);
        }
        home.keyfob(["whoami"]).fails(253);
    }
    let services = home().with_file("config", "[default]\nservices = locl\n");
    for command in ["why", "whoami"] {
        let run = services.keyfob([command]);
        assert_eq!(run.code, 253, "{run:?}");
        assert_has(
            &run.stderr,
            &[
                "(Configuration): ",
                "config:2: services: services \"locl\" not found",
            ],
        );
    }
    let fips = home().with("AWS_USE_FIPS_ENDPOINT", "true");
    let run = fips.keyfob(["why", "--endpoint-url", "http://localhost:1"]);
    assert_eq!(run.code, 253, "{run:?}");
    let text = "AWS_USE_FIPS_ENDPOINT does not work with a custom endpoint";
    assert_has(&run.stderr, &["(Configuration): ", text]);
    let usable = home().with("AWS_ENDPOINT_URL", "https://h.example/base");
    let stdout = usable.keyfob(["why"]).ok();
    assert_has(
        &stdout,
        &["endpoint: https://h.example/base (AWS_ENDPOINT_URL)\n"],
    );
}

#[test]
fn why_tells_of_a_bad_region_without_credentials_too() {
    let home = Home::new().with("AWS_REGION", "eu west");
    let text = "AWS_REGION is \"eu west\", which is not a region";
    let run = home.keyfob(["why"]);
    assert_has(&run.stderr, &["(NoCredentials)"]);
    assert_has(&run.stdout, &["error: ", text]);
    let json = home.keyfob(["why", "--json"]);
    assert_has(
        &json.stdout,
        &["\"unknown_region\"", "which is not a region"],
    );
}

/// Returns a home whose profile has a role, and the URL of the STS that answers with a session that
/// expires at the end of this year.
fn home_with_role(year: u32) -> (Home, String) {
    let session = format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIASESSION\
         </AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>{year}-12-31T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>\
         arn:aws:sts::1:assumed-role/a/b</Arn><AssumedRoleId>A:b</AssumedRoleId>\
         </AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
    );
    let (url, _) = start_server(&answer("200 OK", &session));
    let config = format!("[profile ops]\n{ROLE}source_profile = me\n[profile me]\n{KEY}");
    let home = home()
        .with_file("config", &config)
        .with("AWS_ENDPOINT_URL_STS", &url)
        .with("AWS_PROFILE", "ops");
    (home, url)
}

#[test]
fn a_session_that_has_expired_when_it_is_issued_is_warned_about() {
    let (home, _) = home_with_role(2020);
    let why = home.keyfob(["why"]).ok();
    let warning = "warning: the key in use expired at 2020-12-31T00:00:00Z: its source gives old";
    assert_has(&why, &["(key ASIASESSION, expired)", warning]);
    let presign = home.keyfob(["s3", "presign", "s3://bucket/key"]);
    let warning = "the URL never works, because the credentials expired at 2020-12-31T00:00:00Z";
    assert_has(&presign.stderr, &[warning]);
    let strict = home.keyfob(["s3", "presign", "s3://bucket/key", "--strict"]);
    assert_has(&strict.fails(253), &[warning]);
    // No program that reads them takes them.
    for format in ["process", "env", "json-container"] {
        let export = home.keyfob(["configure", "export-credentials", "--format", format]);
        let error = "(ExpiredCredentials): profile \"ops\" gives a key that expired at \
                     2020-12-31T00:00:00Z, which other programs refuse";
        assert_eq!(export.stdout, "");
        let stderr = export.fails(255);
        assert_has(&stderr, &[error]);
        let (_, cure) = stderr.split_once("hint: `keyfob ").unwrap();
        let (cure, _) = cure.split_once('`').unwrap();
        assert_has(&home.keyfob([cure]).stdout, &["clock"]);
    }
}

#[test]
fn why_says_where_a_role_is_assumed_if_the_command_has_another_endpoint() {
    let (home, url) = home_with_role(2099);
    let stdout = home
        .keyfob(["why", "--endpoint-url", "http://localhost:1"])
        .ok();
    let note = format!("note: the role of profile \"ops\" is assumed at {url}/, because ");
    assert_has(
        &stdout,
        &["endpoint: http://localhost:1 (--endpoint-url)\n", &note],
    );
    assert_lacks(&home.keyfob(["why"]).ok(), &["is assumed at"]);
}

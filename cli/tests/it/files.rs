use std::fs;

use crate::{
    keyfob::{Home, assert_has},
    python,
};

const DAMAGED: &str = "[default]\nregion eu-west-1\n[profile good]\nregion = eu-west-1\n";

#[test]
fn a_damaged_profile_does_not_stop_keys_that_do_not_come_from_it() {
    for config in [DAMAGED, "[profile b\nregion = eu-west-1\n"] {
        let home = Home::new()
            .with_key("AKIAEXAMPLE", "secret")
            .with_file("config", config);
        let why = home.keyfob(["why", "--region", "eu-west-1"]);
        assert_eq!(why.code, 0, "{why:?}");
        assert_has(&why.stdout, &["AKIAEXAMPLE"]);
        let url = "https://iam.amazonaws.com/";
        let sign = home.keyfob(["sign", "--region", "us-east-1", url]);
        assert_eq!(sign.code, 0, "{sign:?}");
        // An answer of STS is not needed: the request is sent.
        let home = home.with("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        let whoami = home.keyfob(["whoami", "--region", "eu-west-1"]);
        assert_has(&whoami.stderr, &["127.0.0.1:1"]);
    }
}

#[test]
fn a_damaged_default_profile_does_not_stop_calls_with_keys_of_the_environment() {
    let damaged = Home::new()
        .with_key("AKIAEXAMPLE", "canary")
        .with_file("config", "[default]\nregion = eu-west-1\nbroken\n")
        // Nothing listens there.
        .with("HTTPS_PROXY", "http://127.0.0.1:1")
        .with("AWS_MAX_ATTEMPTS", "1");
    let words = ["--region", "us-west-2", "sts", "get-caller-identity"];
    let stderr = damaged.keyfob(words).fails(255);
    assert_has(
        &stderr,
        &["config:3", "no setting of the profile", "us-west-2"],
    );
    // A profile that is named is not passed over.
    let named = damaged.with("AWS_PROFILE", "default");
    assert_has(&named.keyfob(words).fails(253), &["config:3"]);
}

#[test]
fn a_damaged_profile_is_never_replaced_by_another_identity() {
    let home = Home::new().with_file("config", DAMAGED).with_file(
        "credentials",
        "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = s\n",
    );
    let sign = home.keyfob([
        "sign",
        "--region",
        "us-east-1",
        "https://iam.amazonaws.com/",
    ]);
    assert_eq!(sign.code, 253, "{sign:?}");
    assert_has(&sign.stderr, &["config:2: a line without \"=\""]);
}

#[test]
fn indented_properties_below_their_header_are_read() {
    let config = "[default]\n    region = eu-west-3\n    output = json\n";
    let home = Home::new()
        .with_key("AKIAEXAMPLE", "secret")
        .with_file("config", config);
    let region = home.keyfob(["configure", "get", "region"]);
    assert_eq!((region.code, region.stdout.trim()), (0, "eu-west-3"));
    let set = home.keyfob(["configure", "set", "output", "text"]);
    assert_eq!(set.code, 0, "{set:?}");
    assert_eq!(home.read("config"), config.replace("json", "text"));
    let why = home.keyfob(["why"]);
    assert_eq!(why.code, 0, "{why:?}");
}

#[test]
fn profiles_with_spaces_or_other_letters_are_those_of_aws_in_both_files() {
    let aws = python::tool("aws");
    let home = Home::new();
    for profile in ["my team", "gr\u{fc}n"] {
        let set = |name: &str, value: &str| {
            let words = ["configure", "set", name, value, "--profile", profile];
            assert!(home.program(&aws).args(words).status().unwrap().success());
        };
        set("aws_access_key_id", "AKIAEXAMPLE");
        set("region", "eu-west-3");
        let secret = [
            "configure",
            "set",
            "aws_secret_access_key",
            "--profile",
            profile,
        ];
        let set = home.keyfob_with_input(secret, "canary\n");
        assert_eq!(set.code, 0, "{set:?}");
        let why = home.keyfob(["why", "--profile", profile]);
        assert_eq!(why.code, 0, "{why:?}");
        assert_has(&why.stdout, &["AKIAEXAMPLE"]);
        for name in ["region", "aws_secret_access_key"] {
            let get = ["configure", "get", name, "--profile", profile];
            let theirs = home.program(&aws).args(get).output().unwrap();
            assert_eq!(
                home.keyfob(get).stdout.as_bytes(),
                theirs.stdout,
                "{theirs:?}"
            );
            assert!(!theirs.stdout.is_empty());
        }
    }
}

#[cfg(unix)]
#[test]
fn a_read_only_file_is_not_replaced() {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    let home = Home::new().with_file("config", "[default]\n");
    fs::set_permissions(home.file("config"), fs::Permissions::from_mode(0o444)).unwrap();
    let set = home.keyfob(["configure", "set", "region", "eu-west-1"]);
    assert_eq!(set.code, 255, "{set:?}");
    assert_has(&set.stderr, &["(ConfigWriteError)"]);
    assert_has(&set.stderr, &["chmod u+w"]);
    assert_eq!(home.read("config"), "[default]\n");
}

#[cfg(unix)]
#[test]
fn a_path_in_an_error_is_escaped_and_begins_with_a_tilde_for_people_only() {
    let home = Home::new()
        .with_key("AKIAEXAMPLE", "secret")
        .with("AWS_REGION", "eu-west-1")
        .with_file("config", "[default]\noutput = json\n");
    fs::hard_link(home.file("config"), home.path().join("second")).unwrap();
    let set = ["configure", "set", "region", "eu-west-1"];
    let stderr = home.keyfob(set).fails(255);
    assert_has(&stderr, &["cannot write ~/.aws/config: "]);
    let json = home.keyfob(set.iter().chain(&["--cli-error-format", "json"]));
    let path = home.file("config").display().to_string();
    assert_has(&json.fails(255), &[&path]);
    let token = home.path().join("a\n\u{1b}b");
    fs::write(&token, "").unwrap();
    let serve = [
        "serve",
        "container",
        "--token-file",
        token.to_str().unwrap(),
    ];
    let stderr = home.keyfob(serve).fails(252);
    assert_has(&stderr, &[": ~/a\\n\\u{1b}b: there is no token in it"]);
}

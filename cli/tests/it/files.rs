use std::fs;

use crate::keyfob::{Home, assert_has};

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
    let home = Home::new();
    for profile in ["my team", "gr\u{fc}n"] {
        let set = |name: &str, value: &str| {
            let words = ["configure", "set", name, value, "--profile", profile];
            home.aws(&words).ok();
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
            let theirs = home.aws(&get);
            assert_eq!(home.keyfob(get).stdout, theirs.stdout, "{theirs:?}");
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

/// In a file system of 64 KiB: HOME is filled, then each command runs as a user would.
#[cfg(target_os = "linux")]
const FULL: &str = r#"
mount -t tmpfs -o size=64k,mode=700 tmpfs "$HOME/.aws" && cp "$HOME"/seed/* "$HOME/.aws" || exit 77
chmod 600 "$HOME"/.aws/*
dd if=/dev/zero of="$HOME/.aws/filler" bs=4k 2> /dev/null
keyfob configure set region eu-west-2 2>&1
echo "status $?, $(cat "$HOME/.aws/config" | head -n 2 | tail -n 1)"
keyfob whoami --profile dev 2>&1
echo "status $?, $(cd "$HOME/.aws"; find . -type f | sort | tr '\n' ' ')"
rm "$HOME/.aws/filler"
keyfob configure set region eu-west-2 && keyfob whoami --profile dev > /dev/null
echo "status $?, $(keyfob configure get region), $(ls "$HOME/.aws/cli/cache" | wc -l) in the cache"
"#;

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_changes_no_file_and_stops_no_call() {
    use std::process::Command;

    use keyfob_sts::server::Role;

    use crate::{keyfob::Run, lab::Lab};

    let lab = Lab::start();
    lab.account.add_role(Role::new("dev").unwrap());
    let home = lab.home();
    let credentials = home.read("credentials");
    let config = "[default]\nregion = eu-west-1\n[profile dev]\n\
        role_arn = arn:aws:iam::123456789012:role/dev\nsource_profile = alice\n";
    let home = home
        .with("AWS_PROFILE", "default")
        .with_file("../seed/config", config)
        .with_file("../seed/credentials", &credentials);
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_keyfob")).parent();
    let path = format!("{}:/usr/bin:/bin", folder.unwrap().display());
    // A namespace of its own needs no root, unless the system forbids it.
    let mut shell: Command = home.program("unshare");
    let shell = shell.args(["--map-root-user", "--mount", "sh", "-c", FULL]);
    let run = shell.env("PATH", path).output();
    let Ok(run) = run.map(Run::new) else {
        println!("not run: needs unshare");
        return;
    };
    if run.code != 0 {
        println!("not run: no file system can be mounted: {run:?}");
        return;
    }
    assert_has(
        &run.stdout,
        &[
            "cannot write the new version of ~/.aws/config: No space left on device",
            "status 255, region = eu-west-1\n",
            ":assumed-role/dev/keyfob-",
            "the session is not cached: ",
            "status 0, ./config ./credentials ./filler \n",
            "status 0, eu-west-2, 1 in the cache\n",
        ],
    );
}

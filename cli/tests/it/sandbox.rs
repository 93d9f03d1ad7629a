#[cfg(target_os = "linux")]
use std::path::Path;
use std::path::PathBuf;

use serde_json::{Value, json};

#[cfg(unix)]
use crate::signals::send;
#[cfg(target_os = "linux")]
use crate::{
    browser::with_opener,
    readme::{check_picture, check_sessions},
    servers::{fetch, free_port},
};
use crate::{
    keyfob::{Home, Run, assert_has, assert_lacks},
    running::{IDENTITY, Running, boto3},
};

const FOREIGN: (&str, &str) = ("AKIAFOREIGNEXAMPLE01", "canary+foreign/secret");

#[test]
fn whoami_works_without_an_account() {
    let out = Home::new().keyfob(["--sandbox", "whoami"]).ok();
    assert_has(
        &out,
        &[
            "arn:aws:sts::123456789012:assumed-role/app/i-0123456789abcdef0",
            "123456789012",
            "instance metadata",
            "role \"app\"",
            "masked       nothing",
            "us-east-1 (instance metadata (IMDSv2))",
            " min (until ",
            "verified by STS at http://127.0.0.1:",
        ],
    );
}

#[test]
fn the_user_has_an_access_key() {
    let list = ["--sandbox", "--profile", "user", "iam", "list-access-keys"];
    let list = Home::new().keyfob(list).json();
    let [key] = &list["AccessKeyMetadata"].as_array().unwrap()[..] else {
        panic!("{list}");
    };
    assert_eq!(key["UserName"], "user");
    assert_eq!(key["Status"], "Active");
    assert!(key["CreateDate"].is_string(), "{list}");
}

#[test]
fn whoami_prints_json() {
    let home = Home::new().with("AWS_REGION", "eu-west-1");
    let json = home
        .keyfob([
            "--sandbox",
            "--profile",
            "user",
            "--output",
            "json",
            "whoami",
        ])
        .json();
    assert_eq!(json["arn"], "arn:aws:iam::123456789012:user/user");
    assert_eq!(json["credentials"]["provider"], "profile \"user\"");
    assert_eq!(json["masked"][0]["origin"], "role \"app\" (IMDSv2)");
    assert_eq!(json["region"]["origin"], "AWS_REGION");
    assert_eq!(json["seconds_left"], Value::Null);
}

#[test]
fn the_default_region_is_noted_once_on_stderr() {
    let presign = ["s3", "presign", "s3://bucket/key"];
    let home = Home::new().with_key(FOREIGN.0, FOREIGN.1);
    let run = home.keyfob(presign);
    assert_eq!(run.stderr.matches("us-east-1").count(), 1, "{run:?}");
    run.ok();
    let run = home.with("AWS_REGION", "eu-west-1").keyfob(presign);
    assert_eq!(run.stderr, "");
    run.ok();
}

#[test]
fn why_shows_the_role_that_keys_in_the_environment_mask() {
    let home = Home::new().with_key(FOREIGN.0, FOREIGN.1);
    let out = home.keyfob(["--sandbox", "why"]).ok();
    assert_has(
        &out,
        &[
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
            "role \"app\"",
            "masked by 1",
            "env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY",
        ],
    );
    assert_lacks(&out, &[FOREIGN.1]);
    let json = home.keyfob(["--sandbox", "why", "--json"]).json();
    assert_eq!(json["rows"][0]["verdict"], "used");
    let out = Home::new().keyfob(["--sandbox", "why"]).ok();
    assert_has(&out, &["credentials: instance metadata"]);
    assert_lacks(&out, &["masked"]);
}

/// Half a key masks the role just as a whole one does.
#[test]
fn why_shows_what_half_a_key_masks() {
    let run = Home::new()
        .with("AWS_ACCESS_KEY_ID", FOREIGN.0)
        .keyfob(["--sandbox", "why"]);
    assert_eq!(run.code, 253, "{run:?}");
    assert_has(
        &run.stdout,
        &[
            "AWS_SECRET_ACCESS_KEY",
            "role \"app\"",
            "env -u AWS_ACCESS_KEY_ID",
        ],
    );
}

#[test]
fn foreign_keys_are_refused_with_a_cure() {
    let home = Home::new().with_key(FOREIGN.0, FOREIGN.1);
    let stderr = home.keyfob(["--sandbox", "whoami"]).fails(254);
    assert_has(
        &stderr,
        &[
            "An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation: ",
            "hint: the key AKIAFOREIGNEXAMPLE01 comes from environment variables",
            "it masks instance metadata",
            "env -u AWS_ACCESS_KEY_ID",
        ],
    );
}

#[test]
fn throttled_calls_are_retried_and_the_waits_are_logged() {
    let home = Home::new();
    let call = [
        "--sandbox",
        "--sandbox-throttle",
        "2",
        "sts",
        "get-caller-identity",
    ];
    let run = home.keyfob(call.into_iter().chain(["--debug"]));
    assert_eq!(
        run.stderr.matches("Throttling: waiting").count(),
        2,
        "{run:?}"
    );
    assert_eq!(run.json()["Account"], "123456789012");
    let stderr = home
        .keyfob([
            "--sandbox",
            "--sandbox-throttle",
            "3",
            "sts",
            "get-caller-identity",
        ])
        .fails(254);
    assert_has(
        &stderr,
        &[
            "An error occurred (Throttling) when calling the GetCallerIdentity operation (reached max retries: 2): Rate exceeded",
        ],
    );
}

#[test]
fn the_profiles_of_the_sandbox_work() {
    let home = Home::new();
    let user = home.keyfob([
        "--sandbox",
        "--profile",
        "user",
        "sts",
        "get-caller-identity",
    ]);
    assert_eq!(user.json()["Arn"], "arn:aws:iam::123456789012:user/user");
    let admin = home
        .keyfob(["--sandbox", "--profile", "admin", "whoami"])
        .ok();
    assert_has(&admin, &["assumed-role/admin/", "role \"app\""]);
    let session = home.keyfob(["--sandbox", "--profile", "user", "sts", "get-session-token"]);
    assert!(session.json()["Credentials"]["SessionToken"].is_string());
    let stderr = home
        .keyfob(["--sandbox", "sts", "get-session-token"])
        .fails(254);
    assert_has(
        &stderr,
        &[
            "AccessDenied",
            "Cannot call GetSessionToken with session credentials",
        ],
    );
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
#[cfg(unix)]
fn a_signal_stops_the_sandbox_and_removes_its_files() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let its_home = Home::new();
        let mut sandbox = Running::start(&its_home, &["sandbox"]);
        let variable = |name| sandbox.exports.iter().find(|(known, _)| known == name);
        let file = PathBuf::from(&variable("AWS_SHARED_CREDENTIALS_FILE").unwrap().1);
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        send(signal, &sandbox.child);
        assert_eq!(sandbox.child.wait().unwrap().code(), Some(code));
        assert!(!file.exists());
    }
}

#[test]
fn boto3_works_with_the_sandbox_and_is_refused_with_a_wrong_secret() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let arn = boto3(&sandbox.home(&[]), IDENTITY).ok();
    assert_eq!(arn.trim(), "arn:aws:iam::123456789012:user/user");

    let wrong = sandbox.home(&[]).with("AWS_SECRET_ACCESS_KEY", "wrong");
    assert_has(
        &boto3(&wrong, IDENTITY).stderr,
        &[
            "(SignatureDoesNotMatch)",
            "Check your AWS Secret Access Key",
        ],
    );
    let unknown = sandbox
        .home(&[])
        .with("AWS_ACCESS_KEY_ID", "AKIAUNKNOWNEXAMPLE00");
    assert_has(
        &boto3(&unknown, IDENTITY).stderr,
        &["(InvalidClientTokenId)"],
    );
}

#[test]
fn boto3_takes_the_role_of_the_instance_and_assumes_others() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = sandbox.home(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
    let arn = boto3(&home, IDENTITY).ok();
    assert_has(&arn, &["assumed-role/app/i-0123456789abcdef0"]);
    let chained = "
import boto3
role = boto3.client('sts').assume_role(RoleArn='arn:aws:iam::123456789012:role/path/ops', RoleSessionName='me', Tags=[{'Key': 'a', 'Value': 'b'}])
key = role['Credentials']
session = boto3.Session(key['AccessKeyId'], key['SecretAccessKey'], key['SessionToken'])
assert role['PackedPolicySize'] >= 0
print(session.client('sts').get_caller_identity()['Arn'])
";
    let arn = boto3(&home, chained).ok();
    assert_eq!(arn.trim(), "arn:aws:sts::123456789012:assumed-role/ops/me");
    let admin = home.with("AWS_PROFILE", "admin");
    assert_has(&boto3(&admin, IDENTITY).ok(), &["assumed-role/admin/"]);
}

#[test]
fn sessions_of_the_sandbox_follow_the_rules_of_sts() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = sandbox.home(&[]);
    let role = [
        "sts",
        "assume-role",
        "--role-session-name",
        "me",
        "--role-arn",
    ];
    let assume = |arn: &str, more: &[&str]| home.keyfob(role.iter().chain(&[arn]).chain(more));
    let session = assume("arn:aws:iam::123456789012:role/ops", &[]).json();
    let key = |name: &str| session["Credentials"][name].as_str().unwrap().to_owned();
    let inside = sandbox
        .home(&[])
        .with_key(&key("AccessKeyId"), &key("SecretAccessKey"))
        .with("AWS_SESSION_TOKEN", &key("SessionToken"));
    let identity: Value = inside.keyfob(["sts", "get-caller-identity"]).json();
    assert_eq!(
        identity["Arn"],
        "arn:aws:sts::123456789012:assumed-role/ops/me"
    );

    let arn = "arn:aws:iam::123456789012:role/ops";
    let chained = [&role[..], &[arn, "--duration-seconds", "7200"]].concat();
    assert_has(
        &inside.keyfob(chained).fails(254),
        &["ValidationError", "role chaining"],
    );
    let token_less = sandbox
        .home(&[])
        .with_key(&key("AccessKeyId"), &key("SecretAccessKey"));
    assert_has(
        &token_less.keyfob(["whoami"]).fails(254),
        &["InvalidClientTokenId"],
    );
    assert_has(
        &assume("arn:aws:iam::210987654321:role/ops", &[]).fails(254),
        &[
            "AccessDenied",
            "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/ops",
        ],
    );
    let mfa = [
        "--serial-number",
        "arn:aws:iam::123456789012:mfa/user",
        "--token-code",
        "123456",
    ];
    assume(arn, &mfa).ok();
    assert_has(
        &assume(arn, &mfa).fails(254),
        &["AccessDenied", "MultiFactorAuthentication"],
    );
}

#[test]
fn a_value_over_a_known_limit_is_sent_and_named_in_the_hint_of_the_refusal() {
    let name = "a".repeat(70);
    let role = "arn:aws:iam::123456789012:role/ops";
    let named = ["--role-session-name", name.as_str()];
    let arguments = ["--sandbox", "sts", "assume-role", "--role-arn", role];
    let arguments = [&arguments[..], &named].concat();
    let stderr = Home::new().keyfob(arguments).fails(254);
    let hint = "hint: --role-session-name: RoleSessionName has 70 characters, and the limit was 64";
    assert_has(&stderr, &["ValidationError", hint]);
}

#[test]
fn the_sandbox_says_once_that_its_own_files_are_used() {
    let home = Home::new().with_file("config", "[profile mine]\nregion = eu-west-1\n");
    let note = "note: the sandbox uses files of its own, not those in ~/.aws";
    for words in [
        &["--profile", "mine", "why"][..],
        &["configure", "set", "region", "eu-west-1"],
        &["whoami"],
    ] {
        let run = home.keyfob(["--sandbox"].iter().chain(words));
        assert_eq!(run.stderr.matches(note).count(), 1, "{run:?}");
    }
}

#[test]
fn boto3_signs_in_at_the_identity_center_of_the_sandbox() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let program = "
import boto3, urllib.request
oidc = boto3.client('sso-oidc')
client = oidc.register_client(clientName='test', clientType='public')
both = {'clientId': client['clientId'], 'clientSecret': client['clientSecret']}
device = oidc.start_device_authorization(startUrl='https://d-1.awsapps.com/start', **both)
page = device['verificationUriComplete']
assert '<option>user</option>' in urllib.request.urlopen(page).read().decode()
urllib.request.urlopen(page + '&action=approve&user=user')
grant = 'urn:ietf:params:oauth:grant-type:device_code'
token = oidc.create_token(grantType=grant, deviceCode=device['deviceCode'], **both)['accessToken']
sso = boto3.client('sso')
roles = sso.list_account_roles(accessToken=token, accountId='123456789012')['roleList']
print([role['roleName'] for role in roles])
key = sso.get_role_credentials(accessToken=token, accountId='123456789012', roleName='Admin')['roleCredentials']
session = boto3.Session(key['accessKeyId'], key['secretAccessKey'], key['sessionToken'])
print(session.client('sts').get_caller_identity()['Arn'])
";
    let out = boto3(&sandbox.home(&[]), program).ok();
    let role = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_";
    assert_has(&out, &["['Admin', 'ReadOnly']", role, "/user"]);
}

/// Opens a page as a browser does, and posts the form with a SAML response if it has one.
#[cfg(target_os = "linux")]
const BROWSER: &str = r#"python3 -c 'import re, sys, urllib.parse as p, urllib.request as u
page = u.urlopen(sys.argv[1], timeout=20).read().decode()
response = re.search("name=\"SAMLResponse\" value=\"([^\"]*)\"", page)
if response:
    to = re.search("action=\"([^\"]*)\"", page)[1]
    u.urlopen(to, p.urlencode({"SAMLResponse": response[1]}).encode(), timeout=20)
' "$1" > page 2>&1 &"#;

#[test]
#[cfg(target_os = "linux")]
fn the_transcripts_of_the_readmes_are_those_of_the_sandbox() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = with_opener(sandbox.home(&[]), BROWSER).with("DISPLAY", ":0");
    let program = home.path().join("bin").join("keyfob");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_keyfob"), program).unwrap();
    let port = free_port();
    let page = format!("/saml?port={port}\" --port {port}");
    let run = |line: &str| {
        let line = line.replace("/saml\"", &page);
        let run = Run::new(home.program("sh").args(["-c", &line]).output().unwrap());
        run.ok().replace(its_home.path().to_str().unwrap(), "/tmp")
    };
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    check_sessions(&package.join("README.md"), run);
    // The crate is published without the workspace around it.
    let (root, picture) = (package.join("../README.md"), package.join("docs/why.svg"));
    if package.join("../chain").is_dir() {
        check_sessions(&root, run);
        check_picture(&root, &picture);
    }
}

/// An application posts its response to the port that `keyfob saml login` listens on.
#[test]
#[cfg(target_os = "linux")]
fn the_identity_provider_of_the_sandbox_posts_to_the_default_port() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let url = sandbox
        .exports
        .iter()
        .find(|(name, _)| name == "AWS_ENDPOINT_URL");
    let page = fetch("GET", &format!("{}/saml", url.unwrap().1), &[], "");
    assert_has(&page, &[" 200 ", "action=\"http://127.0.0.1:35010/saml\""]);
}

#[test]
fn roles_are_created_assumed_and_trusted_anew() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = sandbox.home(&[]);
    let identity = home.keyfob(["sts", "get-caller-identity"]).json();
    let arn = &identity["Arn"];
    let trust = |effect: &str| {
        json!({"Statement": {
            "Effect": effect, "Principal": {"AWS": arn}, "Action": "sts:AssumeRole",
        }})
        .to_string()
    };
    let of = |command| ["iam", command, "--role-name", "Deploy"];
    let document = trust("Allow");
    let create = [
        &of("create-role")[..],
        &["--assume-role-policy-document", &document],
    ]
    .concat();
    let created = home.keyfob(&create).json();
    assert_eq!(
        created["Role"]["AssumeRolePolicyDocument"]["Statement"]["Effect"],
        "Allow"
    );
    let stderr = home.keyfob(&create).fails(254);
    assert_has(&stderr, &["(EntityAlreadyExists)"]);
    assert_eq!(home.keyfob(of("get-role")).json(), created);
    let theirs = home.aws(&of("get-role")).json();
    assert_eq!(
        theirs["Role"]["AssumeRolePolicyDocument"],
        created["Role"]["AssumeRolePolicyDocument"]
    );
    let assume = [
        "sts",
        "assume-role",
        "--role-session-name",
        "session",
        "--role-arn",
        created["Role"]["Arn"].as_str().unwrap(),
    ];
    home.keyfob(assume).ok();
    let document = trust("Deny");
    let update = of("update-assume-role-policy");
    home.keyfob(update.iter().chain(&["--policy-document", &document]))
        .ok();
    home.keyfob(assume).fails(254);
}

#[test]
fn the_role_of_the_profile_admin_may_do_all() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = sandbox.home(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
    let stop = [
        "ec2",
        "stop-instances",
        "--instance-ids",
        "i-0123456789abcdef0",
        "--profile",
        "admin",
    ];
    home.keyfob(stop).ok();
    home.keyfob(["can", "iam:PassRole", "--profile", "admin"])
        .ok();
}

#[test]
fn quotas_and_services_that_are_not_there_are_told_apart() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = sandbox.home(&[]);
    for (line, text) in [
        (
            "get-service-quota --service-code ec2 --quota-code L-0",
            "the specified quota does not exist",
        ),
        (
            "get-service-quota --service-code nothing --quota-code L-0",
            "the specified service does not exist",
        ),
        (
            "list-services --starting-token other",
            "(InvalidPaginationTokenException)",
        ),
    ] {
        let words = ["service-quotas"].into_iter().chain(line.split(' '));
        assert_has(&home.keyfob(words).fails(254), &[text]);
    }
}

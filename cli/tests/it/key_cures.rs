//! What `keyfob keys` prints as a cure, for whoever asks, and the ways out of a rotation whose new
//! key does not work.

use std::{fs, process::Stdio};

use keyfob_sigv4::{Secret, Timestamp};
use keyfob_sts::server::Identity;
use serde_json::Value;

use crate::{
    answers::{answer, start_server_with},
    keyfob::{Home, Run, assert_has, assert_lacks},
    keys::{RESUME, ROTATE, assert_works, days_ago, follow, journal, key_in, keys_of, lab},
    lab::{ACCOUNT, Lab, Stop},
};

/// Returns the key of alice as the section of a profile.
fn section(lab: &Lab, profile: &str) -> String {
    let (id, secret) = (lab.alice.access_key_id(), lab.alice.secret_access_key());
    let secret = secret.expose();
    format!("[{profile}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
}

/// Returns a home with the session of an administrator in its environment, and with these
/// credentials. The URL and the region are options of each command.
fn admin_home(lab: &Lab, credentials: &str) -> (Home, [String; 4]) {
    let admin = Identity::session("admin", "ada");
    let admin = lab.account.issue(admin, Timestamp::MAX).unwrap();
    let token = admin.session_token().map_or("", Secret::expose);
    let home = Home::new()
        .with_file("credentials", credentials)
        .with_key(admin.access_key_id(), admin.secret_access_key().expose())
        .with("AWS_SESSION_TOKEN", token);
    let options = ["--endpoint-url", &lab.url, "--region", "us-east-1"];
    (home, options.map(str::to_owned))
}

/// Runs a command with these options.
fn run_with(home: &Home, options: &[String], words: &[&str]) -> Run {
    let options = options.iter().map(String::as_str);
    home.keyfob(words.iter().copied().chain(options))
}

/// Returns the findings of `keys check`, whose exit code must be this one.
#[track_caller]
fn check(home: &Home, options: &[String], more: &[&str], code: i32) -> Vec<Value> {
    let words = [&["keys", "check", "--json"], more].concat();
    let run = run_with(home, options, &words);
    assert_eq!(run.code, code, "{run:?}");
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    answer["findings"].as_array().unwrap().clone()
}

/// Runs the cure of a finding, whose text must have this.
#[track_caller]
fn cure(home: &Home, finding: &Value, text: &str) -> String {
    assert_has(finding["text"].as_str().unwrap(), &[text]);
    let cure = finding["cure"].as_str().unwrap();
    follow(home, &format!("cure: {cure}"), "cure: ").ok();
    cure.to_owned()
}

#[test]
fn the_cures_for_an_administrator_are_for_the_key_of_the_user_in_whatever_profile_it_is() {
    let lab = lab();
    let (home, options) = admin_home(&lab, &section(&lab, "robot"));
    let user = ["--user-name", "alice"];
    let findings = check(&home, &options, &user, 1);
    let id = lab.alice.access_key_id();
    let command = cure(&home, &findings[0], &format!("{id} is 100 days old"));
    assert_eq!(
        command,
        format!(
            "keyfob keys rotate --user-name alice --region us-east-1 --endpoint-url {}",
            lab.url
        )
    );
    assert_ne!(key_in(&home).access_key_id(), id);
    assert_works(&lab, &home);
    assert_eq!(check(&home, &options, &user, 0)[0]["kind"], "waiting");
    let text = fs::read_to_string(journal(&home)).unwrap();
    fs::write(journal(&home), text.replace("86400", "0")).unwrap();
    let findings = check(&home, &options, &user, 1);
    cure(&home, &findings[0], "a rotation is not finished");
    assert!(check(&home, &options, &user, 0).is_empty());

    // No profile has a key of bob, so that none is created.
    lab.account.add_access_key("bob", days_ago(100)).unwrap();
    let bob = ["--user-name", "bob"];
    let findings = check(&home, &options, &bob, 1);
    assert_eq!(findings[0]["cure"], Value::Null);
    let rotate = [&ROTATE[..], &bob].concat();
    let stderr = run_with(&home, &options, &rotate).fails(253);
    assert_has(
        &stderr,
        &["no profile has a key of the user bob of account"],
    );
    assert_eq!(lab.services.calls("CreateAccessKey"), 1);
}

#[test]
fn a_key_in_the_environment_is_rotated_by_the_profile_that_has_it_too() {
    let lab = lab();
    let (id, secret) = (lab.alice.access_key_id(), lab.alice.secret_access_key());
    let home = || {
        let role = "[profile a]\nrole_arn = arn:aws:iam::123456789012:role/r\n\
                    source_profile = a\n";
        Home::new()
            .with("AWS_ENDPOINT_URL", &lab.url)
            .with("AWS_REGION", "us-east-1")
            .with_file("config", role)
            .with_file(
                "credentials",
                &[section(&lab, "a"), section(&lab, "b")].concat(),
            )
            .with_key(id, secret.expose())
    };
    // The key of a profile that is a role only asks for the role.
    let its_home = home();
    let stderr = its_home.keyfob(ROTATE).fails(253);
    let hint = "a profile has it, too: keyfob keys rotate --profile b";
    assert_has(
        &stderr,
        &["the key in use comes from AWS_ACCESS_KEY_ID", hint],
    );
    let findings = check(&its_home, &[], &[], 1);
    assert_eq!(findings[0]["cure"], "keyfob keys rotate --profile b");
    follow(&its_home, &stderr, "a profile has it, too: ").ok();
    assert_works(&lab, &its_home);
    assert!(!its_home.read("credentials").contains(id));

    let alone = Home::new()
        .with("AWS_ENDPOINT_URL", &lab.url)
        .with("AWS_REGION", "us-east-1");
    lab.account.set_key_active(id, true);
    let alone = alone.with_key(id, secret.expose());
    let stderr = alone.keyfob(ROTATE).fails(253);
    assert_has(
        &stderr,
        &["name the profile that has the key with --profile"],
    );
}

#[test]
fn with_two_keys_each_cure_runs_and_the_last_one_leaves_nothing_to_do() {
    let lab = lab();
    let home = lab.home();
    let second = lab.account.add_access_key("alice", days_ago(1)).unwrap();
    let findings = check(&home, &[], &[], 1);
    assert_eq!(findings.len(), 2, "{findings:#?}");
    let text = findings[0]["text"].as_str().unwrap();
    assert_has(text, &["it can be rotated when it is the only one"]);
    assert_eq!(findings[0]["cure"], Value::Null);
    let id = second.access_key_id();
    let text = format!("one of them is enough; {id} is in no profile, never used");
    cure(&home, &findings[1], &text);
    let findings = check(&home, &[], &[], 1);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    cure(
        &home,
        &findings[0],
        &format!("the inactive {id} has to go first"),
    );
    assert_works(&lab, &home);
    assert_ne!(key_in(&home).access_key_id(), lab.alice.access_key_id());
    assert_eq!(check(&home, &[], &[], 0)[0]["kind"], "waiting");
}

#[test]
fn a_second_key_that_is_used_is_not_named_as_one_to_spare() {
    let lab = lab();
    let home = lab.home();
    let second = lab.account.add_access_key("alice", days_ago(1)).unwrap();
    let secret = second.secret_access_key().expose();
    let other = Home::new()
        .with("AWS_ENDPOINT_URL", &lab.url)
        .with("AWS_REGION", "us-east-1")
        .with_key(second.access_key_id(), secret);
    other.keyfob(["iam", "get-user"]).ok();
    let findings = check(&home, &[], &["--max-age", "101d"], 1);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0]["cure"], Value::Null);
}

/// Rotates, and makes the rotation ten minutes older: services have heard of the new key by then.
fn rotate_long_ago(home: &Home) {
    home.keyfob(ROTATE).ok();
    age(home);
}

fn age(home: &Home) {
    let text = fs::read_to_string(journal(home)).unwrap();
    let (head, rest) = text.split_once("\"begun\":\"").unwrap();
    let (_, rest) = rest.split_once('"').unwrap();
    let begun = Timestamp::now().plus_seconds(-1_000);
    fs::write(journal(home), format!("{head}\"begun\":\"{begun}\"{rest}")).unwrap();
}

#[test]
fn if_the_new_key_dies_during_the_grace_period_an_administrator_brings_the_old_one_back() {
    let lab = lab();
    let home = lab.home();
    let before = home.read("credentials");
    let old = lab.alice.access_key_id().to_owned();
    rotate_long_ago(&home);
    let new = key_in(&home);
    lab.account.remove_key(new.access_key_id());
    // The user has no key that works.
    for words in [&ROTATE[..], &RESUME, &["keys", "list"]] {
        let stderr = home.keyfob(words).fails(254);
        let hint = "keyfob keys rotate --resume --user-name alice\n";
        assert_has(&stderr, &["(InvalidClientTokenId)", hint]);
    }
    let stderr = home.keyfob(RESUME).fails(254);
    let (admin, _) = admin_home(&lab, "");
    // The same files, with the credentials of an administrator.
    let admin = admin
        .with("AWS_ENDPOINT_URL", &lab.url)
        .with("AWS_REGION", "us-east-1")
        .with(
            "AWS_SHARED_CREDENTIALS_FILE",
            home.file("credentials").to_str().unwrap(),
        );
    let run = follow(&admin, &stderr, "as an administrator: ");
    assert_eq!(run.code, 254, "{run:?}");
    let lines = format!("active    {old}\nrestored  {old}  in [alice] of ");
    assert_has(&run.stdout, &[&lines, "deleted   "]);
    let refused = format!(
        "the key that was refused is {}, not the one in use",
        new.access_key_id()
    );
    let undone = format!("the rotation is undone: {old} is in its profiles again");
    assert_has(&run.stderr, &["(InvalidClientTokenId)", &undone, &refused]);
    // It says nothing of the key that asked, which works.
    assert_lacks(
        &run.stderr,
        &["comes from", lab.alice.secret_access_key().expose()],
    );
    assert_eq!(home.read("credentials"), before);
    assert_works(&lab, &home);
    assert_eq!(keys_of(&home), [(old, "Active".to_owned())]);
    assert!(!journal(&home).exists());
}

#[test]
fn if_the_new_key_dies_before_the_old_one_is_deactivated_the_user_goes_back_by_itself() {
    let lab = lab();
    let home = lab.home();
    let before = home.read("credentials");
    // Identity, list, create and three tests; then the old key would be deactivated.
    lab.gate.close(Stop::At {
        request: 6,
        is_after: false,
    });
    let mut child = home.program(env!("CARGO_BIN_EXE_keyfob"));
    let child = child.args(ROTATE).stdout(Stdio::null());
    let mut child = child.stderr(Stdio::null()).spawn().unwrap();
    assert!(lab.gate.wait(|| child.try_wait().unwrap().is_some()));
    child.kill().unwrap();
    child.wait().unwrap();
    lab.gate.open();
    age(&home);
    lab.account
        .set_key_active(key_in(&home).access_key_id(), false);
    let run = home.keyfob(RESUME);
    assert_eq!(run.code, 254, "{run:?}");
    assert_has(&run.stderr, &["the rotation is undone"]);
    assert_eq!(home.read("credentials"), before);
    assert_works(&lab, &home);
    assert_eq!(keys_of(&home).len(), 1);
    home.keyfob(["keys", "rotate", "--grace", "0"]).ok();
    assert_works(&lab, &home);
}

#[test]
fn without_the_secret_of_the_old_key_it_is_active_again_and_the_hint_says_what_to_write() {
    let lab = lab();
    let home = lab.home();
    let old = lab.alice.access_key_id().to_owned();
    let before = home.read("credentials");
    rotate_long_ago(&home);
    let secret = lab.alice.secret_access_key().expose();
    let text = fs::read_to_string(journal(&home)).unwrap();
    let member = format!("\"old_secret_access_key\":\"{secret}\",");
    assert_has(&text, &[&member]);
    fs::write(journal(&home), text.replace(&member, "")).unwrap();
    lab.account.remove_key(key_in(&home).access_key_id());
    let (admin, _) = admin_home(&lab, "");
    let admin = admin
        .with("AWS_ENDPOINT_URL", &lab.url)
        .with("AWS_REGION", "us-east-1")
        .with(
            "AWS_SHARED_CREDENTIALS_FILE",
            home.file("credentials").to_str().unwrap(),
        );
    let resume = [&RESUME[..], &["--user-name", "alice"]].concat();
    let run = admin.keyfob(&resume);
    assert_eq!(run.code, 255, "{run:?}");
    assert_has(
        &run.stderr,
        &["does not work", "its secret is not known", "[alice] of "],
    );
    fs::write(home.file("credentials"), &before).unwrap();
    let run = follow(&admin, &run.stderr, ", then: ");
    assert_has(&run.stderr, &["the rotation is undone"]);
    assert_works(&lab, &home);
    assert_eq!(keys_of(&home), [(old, "Active".to_owned())]);
}

#[test]
fn the_names_of_users_differ_in_more_than_case() {
    let lab = lab();
    let home = lab.home();
    let rotate = |words: &[&str]| {
        let words = [words, &["--user-name", "ALICE"]].concat();
        home.keyfob(words).ok()
    };
    let out = rotate(&ROTATE);
    assert_has(
        &out,
        &[
            "for the user alice",
            "keyfob keys rotate --resume --user-name ALICE",
        ],
    );
    // The same journal, for whatever spelling.
    assert!(journal(&home).exists());
    home.keyfob(ROTATE).fails(255);
    rotate(&RESUME);
}

#[test]
fn a_pipe_in_the_place_of_a_journal_is_refused_and_not_waited_for() {
    let lab = lab();
    let home = lab.home();
    fs::create_dir_all(home.file("keyfob")).unwrap();
    let status = home.program("mkfifo").arg(journal(&home)).status();
    assert!(status.unwrap().success());
    for words in [
        &["keys", "list"][..],
        &["keys", "rotate", "--dry-run"],
        &ROTATE,
    ] {
        let stderr = home.keyfob(words).fails(255);
        assert_has(&stderr, &["not a regular file"]);
        assert_has(&stderr, &[&format!("rotation-{ACCOUNT}-alice.json")]);
    }
    let stderr = home.keyfob(["keys", "list"]).fails(255);
    follow(&home, &stderr, "then: ").ok();
    home.keyfob(["keys", "list"]).ok();
}

#[test]
fn a_resume_without_a_rotation_is_a_document_too() {
    let home = lab().home();
    let run = home.keyfob(RESUME.iter().chain(&["--json"]));
    assert_has(&run.stderr, &["no rotation of the user alice is pending"]);
    let answer = run.json();
    assert_eq!(
        (&answer["status"], &answer["user"]),
        (&"none".into(), &"alice".into())
    );
}

#[test]
fn a_last_use_that_may_not_be_seen_is_not_never() {
    let (url, _bodies) = start_server_with(|body| {
        let result = |action: &str, members: &str| {
            let body = format!(
                "<{action}Response><{action}Result>{members}</{action}Result></{action}Response>"
            );
            answer("200 OK", &body)
        };
        if body.contains("GetCallerIdentity") {
            let arn = format!("<Arn>arn:aws:iam::{ACCOUNT}:user/ada</Arn>");
            let members = format!("{arn}<UserId>U</UserId><Account>{ACCOUNT}</Account>");
            return result("GetCallerIdentity", &members);
        }
        if body.contains("ListAccessKeys") {
            let member = "<member><AccessKeyId>AKIAX</AccessKeyId><Status>Active</Status></member>";
            let keys = format!("<AccessKeyMetadata>{member}</AccessKeyMetadata>");
            return result("ListAccessKeys", &keys);
        }
        let error = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
        answer(
            "403 Forbidden",
            &format!("<ErrorResponse>{error}</ErrorResponse>"),
        )
    });
    let home = Home::new()
        .with("AWS_ENDPOINT_URL", &url)
        .with("AWS_REGION", "us-east-1")
        .with_key("AKIAX", "secret");
    let run = home.keyfob(["keys", "list", "--json"]);
    assert_has(&run.stderr, &["when the keys were last used is not known"]);
    let key = &run.json()["keys"][0];
    assert_eq!(
        (&key["ever_used"], &key["last_used"]),
        (&Value::Null, &Value::Null)
    );
    let out = home.keyfob(["keys", "list"]).ok();
    assert_has(&out, &["last use unknown"]);

    let lab = lab();
    lab.account.add_access_key("alice", days_ago(1)).unwrap();
    let keys = lab.home().keyfob(["keys", "list", "--json"]).json();
    assert_eq!(keys["keys"][0]["ever_used"], true);
    assert_eq!(keys["keys"][1]["ever_used"], false);
}

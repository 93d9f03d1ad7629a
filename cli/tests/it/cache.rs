//! `keyfob cache`, on folders that hold more than sessions.

use std::fs;

use serde_json::json;

use crate::keyfob::{Home, assert_has, assert_lacks};

/// The file of role `demo`, and that of SSO role `Dev` of session `dev`, as the AWS CLI names them.
const ROLE: &str = "5f52c9c583acfd120a607977e4f21fe86b7fa42d.json";
const SSO: &str = "99247ee0306dcd4fac31789cf98f7188b929b8b6.json";
const ARN: &str = "arn:aws:sts::123456789012:assumed-role/demo/me";

const CONFIG: &str = "[profile demo]
role_arn = arn:aws:iam::123456789012:role/demo
source_profile = keys
[profile keys]
credential_process = sh -c 'cat \"$HOME/key\"'
keyfob_cache_process = true
[profile none]
region = eu-west-1
";

/// Returns a home with a session of each kind, one of them expired, and three other files.
fn home() -> Home {
    let session = |before: &str, expiry: &str| {
        format!(
            r#"{{{before}"Credentials": {{"AccessKeyId": "ASIAEXAMPLE", "AccountId": "123456789012",
            "SecretAccessKey": "canary", "SessionToken": "canary", "Expiration": "{expiry}"}}}}"#
        )
    };
    let user = format!(r#""AssumedRoleUser": {{"Arn": "{ARN}"}}, "#);
    let process = r#"{"Version": 1, "AccessKeyId": "ASIAPROCESS", "SecretAccessKey": "canary",
        "SessionToken": "canary", "Expiration": "2099-01-01T00:00:00Z"}"#;
    let sso = session(r#""ProviderType": "sso", "#, "2020-01-01T00:00:00Z");
    let home = Home::new()
        .with_file("config", CONFIG)
        .with_file("../key", process)
        .with_file(
            &format!("cli/cache/{ROLE}"),
            &session(&user, "2099-01-01T00:00:00UTC"),
        )
        .with_file(&format!("cli/cache/{SSO}"), &sso)
        .with_file("cli/cache/session.db", "SQLite format 3")
        .with_file(
            "cli/cache/0000000000000000000000000000000000000000.json",
            "{}",
        )
        .with_file("cli/cache/notes.json", &sso);
    home.keyfob(["why", "--profile", "keys"]).ok();
    home
}

fn files(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(home.file("cli/cache")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn sessions_are_listed_with_whom_they_are_for_and_without_secrets() {
    let home = home();
    let run = home.keyfob(["cache", "ls"]);
    assert_has(
        &run.stderr,
        &["3 other files in ~/.aws/cli/cache are left alone"],
    );
    let list = run.ok();
    assert_lacks(&list, &["canary"]);
    let [role, sso, own] = &list.lines().collect::<Vec<_>>()[..] else {
        panic!("{list}");
    };
    assert_has(
        role,
        &["role  ", ARN, "  expires 2099-01-01T00:00:00Z  ", ROLE],
    );
    assert_has(
        sso,
        &[
            "sso  ",
            "account 123456789012 ",
            "expired 2020-01-01T00:00:00Z",
            SSO,
        ],
    );
    assert_has(
        own,
        &[
            "process  profile \"keys\"",
            "expires 2099-01-01T00:00:00Z  keyfob-",
        ],
    );
    let answer = home.keyfob(["cache", "ls", "--output", "json"]).json();
    assert_eq!(
        answer["sessions"][1],
        json!({
            "kind": "sso",
            "arn": null,
            "account_id": "123456789012",
            "profile": null,
            "expiry": "2020-01-01T00:00:00Z",
            "is_expired": true,
            "file": SSO,
        })
    );
    assert_eq!(answer["other_files"], 3);
    let empty = Home::new().keyfob(["cache", "ls"]);
    assert_has(&empty.stderr, &["no session is cached"]);
    assert_eq!(empty.ok(), "");
}

#[test]
fn clear_deletes_what_it_says_and_no_other_file() {
    let home = home();
    let all = files(&home);
    let own = &all[3];
    assert!(own.starts_with("keyfob-"), "{all:?}");
    let line = |file: &str| format!("delete: ~/.aws/cli/cache/{file}\n");
    let clear = |words: &[&str]| {
        let run = home.keyfob([&["cache", "clear"], words].concat());
        assert_has(&run.stderr, &["3 other files"]);
        run.ok()
    };
    let would = format!(
        "(dryrun) {}(dryrun) {}(dryrun) {}",
        line(ROLE),
        line(SSO),
        line(own)
    );
    assert_eq!(clear(&["--dryrun"]), would);
    assert_eq!(files(&home), all);
    assert_eq!(clear(&["--expired"]), line(SSO));
    assert_eq!(clear(&["--expired"]), "");
    assert_eq!(clear(&["--profile", "none"]), "");
    // The role and the process that it is assumed with.
    let would = format!("(dryrun) {}(dryrun) {}", line(ROLE), line(own));
    assert_eq!(clear(&["--profile", "demo", "--dryrun"]), would);
    assert_eq!(clear(&["--profile", "keys"]), line(own));
    let answer = home.keyfob(["cache", "clear", "--output", "json"]).json();
    assert_eq!(answer["deleted"][0]["file"], ROLE);
    assert_eq!(answer["dryrun"], false);
    let left = [
        "0000000000000000000000000000000000000000.json",
        "notes.json",
        "session.db",
    ];
    assert_eq!(files(&home), left);
    let run = home.keyfob(["cache", "clear", "--profile", "nosuch"]);
    assert_has(&run.fails(255), &["nosuch"]);
}

//! The sessions in the cache of the AWS CLI.

use std::{fs, path::Path};

use keyfob_chain::files::sessions::SessionCache;

const ROLE: &str = "5f52c9c583acfd120a607977e4f21fe86b7fa42d.json";
const SSO: &str = "99247ee0306dcd4fac31789cf98f7188b929b8b6.json";
const OWN: &str = "keyfob-eabb8d4e728a0c8b38b1b344426f9dc2df4b8194.json";

fn session(before: &str, expiry: &str, after: &str) -> String {
    format!(
        r#"{{{before}"Credentials": {{"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "canary",
            "SessionToken": "canary", "Expiration": "{expiry}"{after}}}}}"#
    )
}

/// Writes a session of each kind, and what is none.
fn fill(folder: &Path) {
    let account = r#", "AccountId": "123456789012""#;
    // As version 1 of the AWS CLI, version 2, and Keyfob write them.
    let user = r#""AssumedRoleUser": {"AssumedRoleId": "AROA:me",
        "Arn": "arn:aws:sts::123456789012:assumed-role/demo/me"}, "ResponseMetadata": {"x": 1}, "#;
    let own = r#""ProviderType": "process", "Profile": "a \"b\"", "#;
    let sso = r#""ProviderType": "sso", "#;
    for (name, text) in [
        (ROLE, session(user, "2099-01-01T00:00:00UTC", account)),
        (SSO, session(sso, "2020-01-01T00:00:00+00:00", account)),
        (OWN, session(own, "2099-01-01T00:00:00Z", "")),
        // None of these is a session.
        ("session.db", session("", "2099-01-01T00:00:00Z", "")),
        ("5f52c9c5.json", session("", "2099-01-01T00:00:00Z", "")),
        (
            "6F52C9C583ACFD120A607977E4F21FE86B7FA42D.json",
            session("", "2099-01-01T00:00:00Z", ""),
        ),
        (
            "0000000000000000000000000000000000000000.json",
            "{".to_owned(),
        ),
        (
            "0000000000000000000000000000000000000001.json",
            session("", "2099", ""),
        ),
        (
            "0000000000000000000000000000000000000002.json.lock",
            String::new(),
        ),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    fs::create_dir(folder.join("0000000000000000000000000000000000000003.json")).unwrap();
}

#[test]
fn sessions_are_told_from_other_files_and_say_whom_they_are_for() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    #[cfg(unix)]
    {
        let link = "0000000000000000000000000000000000000004.json";
        std::os::unix::fs::symlink(folder.path().join(ROLE), folder.path().join(link)).unwrap();
    }
    let others = if cfg!(unix) { 8 } else { 7 };
    let cache = SessionCache::read(folder.path()).unwrap();
    assert_eq!(cache.others, others);
    let shown = format!("{cache:?}");
    assert!(!shown.contains("canary"), "{shown}");
    let sessions: Vec<_> = cache
        .sessions
        .iter()
        .map(|session| {
            (
                session.path.file_name().unwrap().to_str().unwrap(),
                session.provider.as_deref(),
                session.arn.as_deref(),
                session.account_id.as_deref(),
                session.profile.as_deref(),
                session.expiry.to_string(),
            )
        })
        .collect();
    let (account, arn) = (
        "123456789012",
        "arn:aws:sts::123456789012:assumed-role/demo/me",
    );
    let (later, past) = ("2099-01-01T00:00:00Z", "2020-01-01T00:00:00Z");
    assert_eq!(
        sessions,
        [
            (ROLE, None, Some(arn), Some(account), None, later.to_owned()),
            (SSO, Some("sso"), None, Some(account), None, past.to_owned()),
            (
                OWN,
                Some("process"),
                None,
                None,
                Some("a \"b\""),
                later.to_owned()
            ),
        ]
    );
}

#[test]
fn a_session_is_removed_if_it_is_still_the_same() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let cache = SessionCache::read(folder.path()).unwrap();
    let [role, sso, _] = &cache.sessions[..] else {
        panic!("{cache:?}");
    };
    assert!(role.remove().unwrap());
    assert!(!role.remove().unwrap());
    // Another program has refreshed it.
    let newer = session("", "2099-01-01T00:00:00Z", "");
    fs::write(&sso.path, newer).unwrap();
    assert!(!sso.remove().unwrap());
    let after = SessionCache::read(folder.path()).unwrap();
    assert_eq!((after.sessions.len(), after.others), (2, cache.others));
}

#[test]
fn a_folder_that_is_not_there_has_no_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let cache = SessionCache::read(folder.path().join("none")).unwrap();
    assert_eq!(cache, SessionCache::default());
}

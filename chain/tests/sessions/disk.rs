use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

use keyfob_chain::{
    FindingKind, Settings, Sources,
    files::names,
    profiles::{ConfigFiles, FileKind},
};
use keyfob_sts::trust::TrustPolicy;
use serde_json::{Value, json};

use super::{Cloud, Role, arn, aws::aws, children, later};

/// Returns the file of a session of a role without further parameters.
pub(super) fn file(folder: &Path, role: &str) -> PathBuf {
    let name = names::role_session(&json!({"RoleArn": arn(role)})).unwrap();
    folder.join("cli/cache").join(format!("{name}.json"))
}

fn on_disk(folder: &Path) -> Sources {
    Sources::default().with_disk(folder)
}

#[tokio::test]
async fn a_session_is_written_as_the_aws_cli_writes_it_and_read_by_the_next_process() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".aws");
    let key = cloud.key("admin", &on_disk(&path), later(0)).await.unwrap();
    assert_eq!(cloud.calls(), 2);
    assert_eq!(
        cloud
            .key("admin", &on_disk(&path), later(40))
            .await
            .unwrap(),
        key
    );
    assert_eq!(cloud.calls(), 2);
    let entry: Value = serde_json::from_slice(&fs::read(file(&path, "admin")).unwrap()).unwrap();
    let session = &entry["Credentials"];
    assert_eq!(session["AccessKeyId"], key);
    assert_eq!(session["AccountId"], super::ACCOUNT);
    assert!(session["Expiration"].as_str().unwrap().ends_with('Z'));
    let arn = entry["AssumedRoleUser"]["Arn"].as_str().unwrap();
    assert!(
        arn.starts_with("arn:aws:sts::123456789012:assumed-role/admin/keyfob-"),
        "{arn}"
    );
    assert_ne!(
        cloud
            .key("admin", &on_disk(&path), later(46))
            .await
            .unwrap(),
        key
    );
}

#[cfg(unix)]
#[tokio::test]
async fn other_users_can_read_neither_the_sessions_nor_their_folder() {
    use std::os::unix::fs::PermissionsExt as _;

    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".aws");
    let session = file(&path, "dev");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    cloud.key("dev", &on_disk(&path), later(0)).await.unwrap();
    assert_eq!(
        (mode(&session), mode(session.parent().unwrap())),
        (0o600, 0o700)
    );
    fs::set_permissions(&session, fs::Permissions::from_mode(0o644)).unwrap();
    cloud.key("dev", &on_disk(&path), later(50)).await.unwrap();
    assert_eq!(mode(&session), 0o600);
}

#[tokio::test]
async fn without_a_disk_nothing_is_written() {
    let cloud = Cloud::start().await;
    let before: Vec<_> = fs::read_dir(".")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cloud
        .key("dev", &Sources::default(), later(0))
        .await
        .unwrap();
    let after: Vec<_> = fs::read_dir(".")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(before, after);
}

#[tokio::test]
async fn an_entry_that_cannot_be_used_is_a_miss_and_is_replaced() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "dev");
    cloud
        .key("dev", &on_disk(folder.path()), later(0))
        .await
        .unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let half = &good[..good.len() / 2];
    for bad in [
        "",
        "{",
        "[]",
        "{\"Credentials\": {}}",
        "\u{0}",
        half,
        &format!("{good}\"}}"),
    ] {
        fs::write(&path, bad).unwrap();
        let before = cloud.calls();
        cloud
            .key("dev", &on_disk(folder.path()), later(0))
            .await
            .unwrap();
        assert_eq!(cloud.calls(), before + 1, "{bad}");
        let now: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert!(now["Credentials"]["AccessKeyId"].is_string());
    }
}

#[tokio::test]
async fn the_times_of_both_versions_of_aws_and_of_botocore_are_read() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "dev");
    cloud
        .key("dev", &on_disk(folder.path()), later(0))
        .await
        .unwrap();
    let mut entry: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for time in [
        "2099-01-01T00:00:00Z",
        "2099-01-01T00:00:00+00:00",
        "2099-01-01T00:00:00UTC",
    ] {
        entry["Credentials"]["Expiration"] = time.into();
        entry["Credentials"]["AccessKeyId"] = "ASIAOFANOTHERTOOL".into();
        fs::write(&path, entry.to_string()).unwrap();
        let key = cloud
            .key("dev", &on_disk(folder.path()), later(0))
            .await
            .unwrap();
        assert_eq!(key, "ASIAOFANOTHERTOOL", "{time}");
    }
}

#[tokio::test]
async fn an_entry_with_json_escapes_is_read() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "dev");
    let key = cloud.key("dev", &on_disk(folder.path()), later(0)).await;
    // As PHP and some of Java write `/`.
    let entry = fs::read_to_string(&path).unwrap().replace('/', "\\/");
    assert!(entry.contains("\\/"), "{entry}");
    let id = entry.replace("ASIA", "\\u0041SIA");
    fs::write(&path, id).unwrap();
    let again = cloud.key("dev", &on_disk(folder.path()), later(0)).await;
    assert_eq!(again.unwrap(), key.unwrap());
    assert_eq!(cloud.calls(), 1);
}

#[tokio::test]
async fn everything_else_in_the_folder_is_left_alone() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cli/cache");
    fs::create_dir_all(&cache).unwrap();
    let others = [
        "session.db",
        "0123456789012345678901234567890123456789.json",
        ".hidden",
        "a.lock",
    ];
    for name in others {
        fs::write(cache.join(name), name).unwrap();
    }
    cloud
        .key("dev", &on_disk(folder.path()), later(0))
        .await
        .unwrap();
    for name in others {
        assert_eq!(fs::read_to_string(cache.join(name)).unwrap(), name);
    }
    assert_eq!(fs::read_dir(&cache).unwrap().count(), others.len() + 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told_and_the_session_counts_all_the_same() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    // A file in the place of the folder stops root too.
    fs::write(folder.path().join("cli"), "").unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let findings = Arc::clone(&told);
    let settings = cloud
        .settings("dev", &on_disk(folder.path()))
        .with_notify(move |finding| findings.lock().unwrap().push(finding.clone()));
    let chain = keyfob_chain::Chain::default_for(keyfob_chain::Order::Cli, &settings);
    assert!(chain.resolve(later(0)).await.credentials.is_ok());
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, FindingKind::Cache);
    assert!(
        told[0].text.starts_with("the session is not cached: "),
        "{}",
        told[0].text
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_the_place_of_a_session_is_not_waited_for() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "dev");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    cloud
        .key("dev", &on_disk(folder.path()), later(0))
        .await
        .unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_in_the_place_of_a_session_is_left_alone_and_so_is_what_it_leads_to() {
    let cloud = Cloud::start().await;
    for precious in [Some("mine"), None] {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "dev");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let target = folder.path().join("precious");
        if let Some(text) = precious {
            fs::write(&target, text).unwrap();
        }
        std::os::unix::fs::symlink(&target, &path).unwrap();
        cloud
            .key("dev", &on_disk(folder.path()), later(0))
            .await
            .unwrap();
        assert_eq!(fs::read_to_string(&target).ok().as_deref(), precious);
        assert!(path.is_symlink());
    }
}

#[test]
#[ignore = "run by the test below, in fifty processes"]
fn child_gets_a_session() {
    children::get("admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_processes_that_start_at_once_ask_sts_once_for_each_link() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    fs::write(&config, cloud.config()).unwrap();
    let (none, url) = (folder.path().join("none"), cloud.listener.url());
    let variables = [
        ("AWS_CONFIG_FILE", config.as_os_str()),
        ("AWS_SHARED_CREDENTIALS_FILE", none.as_os_str()),
        ("AWS_ENDPOINT_URL_STS", url.as_ref()),
        ("AWS_REGION", "eu-west-1".as_ref()),
    ];
    children::run("disk::child_gets_a_session", folder.path(), &variables);
    assert_eq!(cloud.calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_reads_our_sessions_and_we_read_its_own() {
    let Some(aws) = aws() else {
        println!("not run: needs Unix");
        return;
    };
    let cloud = Cloud::start().await;
    for ours_first in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".aws");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("config"), cloud.config()).unwrap();
        let before = cloud.calls();
        let ours = async || cloud.key("admin", &on_disk(&path), later(0)).await.unwrap();
        let theirs = || cloud.run(&aws, folder.path(), "admin");
        if ours_first {
            ours().await;
            theirs();
            assert_eq!(cloud.calls(), before + 2, "aws reads the session of admin");
        } else {
            theirs();
            let assumed = cloud.calls();
            ours().await;
            assert_eq!(cloud.calls(), assumed, "the session that aws wrote is read");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn version_1_of_the_aws_cli_reads_our_session_of_a_web_identity_and_we_read_its_own() {
    let Some(aws) = aws() else {
        println!("not run: needs Unix");
        return;
    };
    let cloud = Cloud::start().await;
    let (issuer, audience) = ("https://token.example.com", "sts.amazonaws.com");
    let provider = cloud.account.add_oidc_provider(issuer, audience).unwrap();
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {{"Federated": "{provider}"}}}}}}"#
    );
    let role = Role::new("web")
        .unwrap()
        .trust(TrustPolicy::parse(&policy).unwrap());
    cloud.account.add_role(role);
    for ours_first in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".aws");
        fs::create_dir(&path).unwrap();
        let token = cloud
            .account
            .web_identity_token(issuer, "me", audience, later(60));
        fs::write(folder.path().join("token"), token.expose()).unwrap();
        let config = format!(
            "[profile web]\nrole_arn = {}\nweb_identity_token_file = {}\n",
            arn("web"),
            folder.path().join("token").display()
        );
        fs::write(path.join("config"), &config).unwrap();
        let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
        let variables = cloud.settings("web", &on_disk(&path)).variables().clone();
        let settings = Settings::new(variables, files)
            .with_profile("web")
            .with_sources(on_disk(&path));
        let chain = keyfob_chain::Chain::default_for(keyfob_chain::Order::Cli, &settings);
        let ours = async || assert!(chain.resolve(later(0)).await.credentials.is_ok());
        let theirs = || cloud.run(&aws, folder.path(), "web");
        let before = cloud.sts.calls("AssumeRoleWithWebIdentity");
        if ours_first {
            ours().await;
            theirs();
        } else {
            theirs();
            ours().await;
        }
        assert_eq!(cloud.sts.calls("AssumeRoleWithWebIdentity"), before + 1);
        assert_eq!(fs::read_dir(path.join("cli/cache")).unwrap().count(), 1);
    }
}

#[tokio::test]
async fn the_session_of_a_web_identity_is_read_by_both_names_that_aws_has_for_it() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    cloud
        .key("dev", &on_disk(folder.path()), later(0))
        .await
        .unwrap();
    let session = fs::read(file(folder.path(), "dev")).unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "tok\n").unwrap();
    let variables = keyfob_chain::Variables::from_iter([
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/demo"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ENDPOINT_URL_STS", "http://localhost:1"),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("AWS_REGION", "eu-west-1"),
    ]);
    // The names that version 1 and version 2 of aws give it.
    for (name, is_there) in [
        ("8a6ffcc1d7418e54cea93e5ffb2a7ad1a46fb2f3", true),
        ("5f52c9c583acfd120a607977e4f21fe86b7fa42d", true),
        ("0000000000000000000000000000000000000000", false),
    ] {
        let disk = folder.path().join(name);
        let cache = disk.join("cli/cache");
        fs::create_dir_all(&cache).unwrap();
        fs::write(cache.join(format!("{name}.json")), &session).unwrap();
        let settings = Settings::load(variables.clone()).with_sources(on_disk(&disk));
        let chain = keyfob_chain::Chain::default_for(keyfob_chain::Order::Cli, &settings);
        let found = chain.resolve(later(0)).await.credentials;
        assert_eq!(found.is_ok(), is_there, "{name}: {found:?}");
    }
}

//! `keyfob keys`: rotation that may be killed at any moment, lists and checks.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use keyfob_sigv4::{Credentials, Secret, Timestamp};
use keyfob_sts::server::{Account, Fault, Identity};
use serde_json::Value;

use crate::{
    keyfob::{Home, Run, assert_has, assert_lacks},
    lab::{ACCOUNT, Lab, Stop},
    signals::send,
};

pub(crate) const ROTATE: [&str; 2] = ["keys", "rotate"];
pub(crate) const RESUME: [&str; 3] = ["keys", "rotate", "--resume"];

/// Returns a lab whose user `alice` has a key of 100 days.
pub(crate) fn lab() -> Lab {
    Lab::with_key_of(Account::new(ACCOUNT).unwrap(), days_ago(100))
}

pub(crate) fn days_ago(days: i64) -> Timestamp {
    Timestamp::now().plus_seconds(-days * 86_400)
}

/// Returns the key of the profile `alice`.
pub(crate) fn key_in(home: &Home) -> Credentials {
    let text = home.read("credentials");
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_once('=').unwrap().1.trim().to_owned()
    };
    Credentials::new(value("aws_access_key_id"), value("aws_secret_access_key")).unwrap()
}

/// Returns the ids of the keys of alice with their status, by the key in the file, which works.
#[track_caller]
pub(crate) fn keys_of(home: &Home) -> Vec<(String, String)> {
    let list = home.keyfob(["iam", "list-access-keys"]).json();
    let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
    let keys = list["AccessKeyMetadata"].as_array().unwrap().iter();
    keys.map(|key| (text(key, "AccessKeyId"), text(key, "Status")))
        .collect()
}

pub(crate) fn journal(home: &Home) -> std::path::PathBuf {
    home.file(&format!("keyfob/rotation-{ACCOUNT}-alice.json"))
}

/// Fails if the key in the file does not work.
#[track_caller]
pub(crate) fn assert_works(lab: &Lab, home: &Home) {
    let key = key_in(home);
    let id = key.access_key_id();
    assert!(lab.account.accepts_key(id, Timestamp::now()), "{id}");
}

/// Follows the command after `to go on: ` or similar words.
#[track_caller]
pub(crate) fn follow(home: &Home, stderr: &str, before: &str) -> Run {
    let (_, command) = stderr.split_once(before).unwrap();
    let command = command.lines().next().unwrap();
    let program = env!("CARGO_BIN_EXE_keyfob");
    let line = command.replace("keyfob ", &format!("{program} "));
    Run::new(home.program("sh").args(["-c", &line]).output().unwrap())
}

#[test]
fn a_rotation_tests_the_new_key_and_deletes_the_old_one_after_the_grace_period() {
    let account = Account::new(ACCOUNT).unwrap().with_key_delay(2);
    let lab = Lab::with_key_of(account, days_ago(100));
    let home = lab
        .home()
        .with_file("config", "[profile other]\nregion = eu-west-1\n");
    let (old, before) = (lab.alice.access_key_id(), home.read("credentials"));
    let run = home.keyfob(["keys", "rotate", "--grace", "10s", "--debug"]);
    let new = key_in(&home);
    for secret in [&lab.alice, &new] {
        let secret = secret.secret_access_key().expose();
        assert_lacks(&run.stderr, &[secret]);
        assert_lacks(&run.stdout, &[secret]);
    }
    let id = new.access_key_id().to_owned();
    let out = run.ok();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 5, "{out}");
    assert_eq!(lines[0], format!("created   {id}  for the user alice"));
    let tested = format!("tested    {id}  sts get-caller-identity: user/alice (after ");
    assert!(lines[1].starts_with(&tested), "{out}");
    let stored = format!("stored    {id}  in [alice] of ~/.aws/credentials");
    assert_eq!(lines[2], stored);
    assert_eq!(lines[3], format!("inactive  {old}"));
    assert!(lines[4].ends_with(": keyfob keys rotate --resume"), "{out}");

    // Only the key is another one.
    let secret = |key: &Credentials| key.secret_access_key().expose().to_owned();
    let expected = before
        .replace(old, &id)
        .replace(&secret(&lab.alice), &secret(&new));
    assert_eq!(home.read("credentials"), expected);
    assert_eq!(
        keys_of(&home),
        [
            (old.to_owned(), "Inactive".to_owned()),
            (id.clone(), "Active".to_owned())
        ]
    );
    let text = fs::read_to_string(journal(&home)).unwrap();
    assert_lacks(&text, &[&secret(&new), "new_secret"]);

    let early = home.keyfob(["keys", "rotate"]).fails(255);
    assert_has(
        &early,
        &[
            "a rotation of the user alice is not finished",
            &format!("{old} is inactive and can be deleted from "),
        ],
    );
    thread::sleep(Duration::from_secs(11));
    let run = follow(&home, &early, "to go on: ");
    let out = run.ok();
    assert_has(&out, &[&format!("deleted   {old}\n")]);
    assert_eq!(keys_of(&home), [(id, "Active".to_owned())]);
    assert!(!journal(&home).exists());
    let again = home.keyfob(RESUME);
    assert_has(&again.stderr, &["no rotation of the user alice is pending"]);
    assert_eq!(again.ok(), "");
}

#[test]
fn a_dry_run_changes_nothing_and_json_has_the_result() {
    let lab = lab();
    let home = lab.home();
    let before = home.read("credentials");
    let old = lab.alice.access_key_id();
    let out = home
        .keyfob(["keys", "rotate", "--dry-run", "--grace", "0"])
        .ok();
    let expected = format!(
        "(dryrun) create a key for the user alice\n\
         (dryrun) test the new key with sts get-caller-identity\n\
         (dryrun) write the new key to [alice] of ~/.aws/credentials\n\
         (dryrun) deactivate {old}\n\
         (dryrun) delete {old}\n"
    );
    assert_eq!(out, expected);
    let plan = home
        .keyfob(["keys", "rotate", "--dry-run", "--json"])
        .json();
    assert_eq!(plan["steps"].as_array().unwrap().len(), 5, "{plan}");
    assert_eq!(home.read("credentials"), before);
    assert!(!home.file("keyfob").exists());
    assert_eq!(lab.services.calls("CreateAccessKey"), 0);

    let answer = home
        .keyfob(["keys", "rotate", "--keep-inactive", "--json"])
        .json();
    let new = key_in(&home);
    assert_eq!(answer["status"], "rotated");
    assert_eq!(answer["old_access_key_id"], old);
    assert_eq!(answer["new_access_key_id"], new.access_key_id());
    assert_eq!(answer["delete_after"], Value::Null);
    assert_eq!(answer["profiles"][0], "alice");
    assert_eq!(keys_of(&home)[0], (old.to_owned(), "Inactive".to_owned()));
    assert!(!journal(&home).exists());
}

#[test]
fn every_profile_with_the_key_gets_the_new_one() {
    let lab = lab();
    let (id, secret) = (lab.alice.access_key_id(), lab.alice.secret_access_key());
    let section = |name: &str| {
        let secret = secret.expose();
        format!("[{name}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
    };
    let credentials = section("alice")
        + "[other]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = x\n"
        + &section("default");
    let config = section("profile robot");
    let home = lab
        .home()
        .with_file("credentials", &credentials)
        .with_file("config", &config);
    let out = home.keyfob(["keys", "rotate", "--grace", "0"]).ok();
    assert_has(
        &out,
        &[
            "[alice] of ~/.aws/credentials",
            "[default] of ~/.aws/credentials",
            "[robot] of ~/.aws/config",
        ],
    );
    let new = key_in(&home);
    let secrets = (secret.expose(), new.secret_access_key().expose());
    let replaced = |text: &str| {
        text.replace(id, new.access_key_id())
            .replace(secrets.0, secrets.1)
    };
    assert_eq!(home.read("credentials"), replaced(&credentials));
    assert_eq!(home.read("config"), replaced(&config));
}

#[test]
fn a_profile_that_names_its_key_twice_has_it_once_after_a_rotation() {
    for (text, lines) in [
        (
            "[alice]\naws_access_key_id = ID\naws_secret_access_key = SECRET\n# c\n\
             aws_secret_access_key = SECRET\n",
            4,
        ),
        (
            "[alice]\naws_access_key_id = ID\naws_secret_access_key = SECRET\n\n[alice]\n\
             aws_access_key_id = ID\naws_secret_access_key = SECRET\n",
            5,
        ),
    ] {
        let lab = lab();
        let (id, secret) = (lab.alice.access_key_id(), lab.alice.secret_access_key());
        let text = text.replace("ID", id).replace("SECRET", secret.expose());
        let home = lab.home().with_file("credentials", &text);
        home.keyfob(["keys", "rotate", "--grace", "0"]).ok();
        assert_eq!(keys_of(&home).len(), 1);
        assert_works(&lab, &home);
        let text = home.read("credentials");
        assert_eq!(text.lines().count(), lines, "{text}");
        assert_lacks(&text, &[id, secret.expose()]);
    }
}

#[test]
fn a_place_that_would_keep_the_old_key_is_named_before_anything_is_created() {
    let lab = lab();
    let id = lab.alice.access_key_id();
    for (file, section, place) in [
        (
            "config",
            format!("[services x]\ns3 =\n  key = {id}\n"),
            "[services x]",
        ),
        (
            "config",
            format!("[default]\naws_access_key_id = {id}\n[profile default]\n"),
            "[default]",
        ),
        (
            "credentials",
            format!("[profile a]\naws_access_key_id = {id} # old\n"),
            "[profile a]",
        ),
    ] {
        let home = lab.home();
        let old = fs::read_to_string(home.file(file)).unwrap_or_default();
        let home = home.with_file(file, &(old + &section));
        let stderr = home.keyfob(ROTATE).fails(253);
        assert_has(&stderr, &[place, file, id, "remove it there"]);
        assert_eq!(lab.services.calls("CreateAccessKey"), 0);
        // The cure.
        let text = home.read(file).replace(&format!("key = {id}"), "key = x");
        let text = text.replace(&format!("_id = {id}"), "_id = AKIAOTHER");
        if file == "config" {
            let home = home.with_file(file, &text);
            home.keyfob(["keys", "rotate", "--dry-run"]).ok();
        }
    }
}

#[test]
fn a_profile_of_the_config_file_that_has_the_id_only_gets_no_secret() {
    let lab = lab();
    let id = lab.alice.access_key_id();
    let config = format!("# {id}\n[profile x]\naws_access_key_id = {id}\n");
    let home = lab.home().with_file("config", &config);
    home.keyfob(["keys", "rotate", "--grace", "0"]).ok();
    let expected = config.replace(
        &format!("= {id}"),
        &format!("= {}", key_in(&home).access_key_id()),
    );
    assert_eq!(home.read("config"), expected);
    assert_works(&lab, &home);
}

#[test]
fn a_signal_leaves_the_command_that_goes_on() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let lab = lab();
        let home = lab.home();
        // The answer to the request for the key has come.
        lab.gate.close(Stop::At {
            request: 3,
            is_after: false,
        });
        let mut rotate = home.program(env!("CARGO_BIN_EXE_keyfob"));
        let rotate = rotate.args(ROTATE).stdout(Stdio::piped());
        let child = rotate.stderr(Stdio::piped()).spawn().unwrap();
        assert!(lab.gate.wait(|| false));
        send(signal, &child);
        let run = Run::new(child.wait_with_output().unwrap());
        assert_eq!(run.code, code, "{run:?}");
        lab.gate.open();
        follow(
            &home,
            &run.stderr,
            "the rotation is interrupted; to go on: ",
        )
        .ok();
        assert_works(&lab, &home);
    }
}

#[test]
fn an_old_key_that_was_deleted_by_hand_ends_the_rotation_and_is_named() {
    let lab = lab();
    let home = lab.home();
    let old = lab.alice.access_key_id();
    home.keyfob(ROTATE).ok();
    home.keyfob(["iam", "delete-access-key", "--access-key-id", old])
        .ok();
    let out = home.keyfob(RESUME).ok();
    let expected = format!("gone      {old}  is deleted already: the rotation is over\n");
    assert_eq!(out, expected);
    assert!(!journal(&home).exists());
}

#[test]
fn a_span_that_is_wrong_or_too_long_is_named_with_its_option() {
    let home = Home::new();
    for (words, expected) in [
        (
            ["check", "--max-age", "1000000d"],
            "--max-age: it is too long: the longest is 49710d",
        ),
        (
            ["rotate", "--grace", "999999999d"],
            "--grace: it is too long: the longest is 49710d",
        ),
        (
            ["check", "--max-age", "-1d"],
            "--max-age: it is not a number with a unit",
        ),
        (
            ["rotate", "--grace", "-1d"],
            "--grace: it is not a number with a unit",
        ),
    ] {
        let mut line = vec!["keys"];
        line.extend(words);
        assert_has(&home.keyfob(line).fails(252), &[expected]);
    }
}

/// The process is killed when a request arrives, before it is carried out and after.
#[test]
fn killed_at_each_request_the_key_in_the_file_works_and_the_rotation_goes_on() {
    let cases: Vec<(usize, bool)> = (0..9).flat_map(|at| [(at, false), (at, true)]).collect();
    let killed: Vec<bool> = in_parallel(&cases, |&(at, is_after)| {
        let lab = lab();
        lab.gate.close(Stop::At {
            request: at,
            is_after,
        });
        let home = lab.home();
        let mut child = home.program(env!("CARGO_BIN_EXE_keyfob"));
        let child = child
            .args(["keys", "rotate", "--grace", "0"])
            .stdout(Stdio::null());
        let mut child = child.stderr(Stdio::null()).spawn().unwrap();
        let is_killed = lab.gate.wait(|| child.try_wait().unwrap().is_some());
        if is_killed {
            child.kill().unwrap();
        }
        child.wait().unwrap();
        lab.gate.open();
        finish(&lab, &home);
        is_killed
    });
    // 8 requests: identity, list, create, three tests, deactivate, delete.
    let expected: Vec<bool> = cases.iter().map(|(at, _)| *at < 9 - 1).collect();
    assert_eq!(killed, expected);
}

#[test]
fn killed_at_any_moment_the_key_in_the_file_works_and_the_rotation_goes_on() {
    let start = Instant::now();
    let whole = lab();
    whole.home().keyfob(["keys", "rotate", "--grace", "0"]).ok();
    let duration = start.elapsed();
    let moments: Vec<u32> = (0..50).collect();
    in_parallel(&moments, |moment| {
        let part = f64::from(*moment) / 50.0 + rand::random_range(0.0..0.02);
        let mut delay = duration.mul_f64(part);
        // A machine that was busy before may be faster now.
        while !is_killed_after(delay) {
            delay /= 2;
        }
    });
}

/// Returns false if the rotation was over by then.
fn is_killed_after(delay: Duration) -> bool {
    let lab = lab();
    let home = lab.home();
    let mut child = home.program(env!("CARGO_BIN_EXE_keyfob"));
    let child = child.args(["keys", "rotate", "--grace", "0"]);
    let child = child.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.spawn().unwrap();
    thread::sleep(delay);
    let is_killed = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    finish(&lab, &home);
    is_killed
}

/// Checks that the key in the file works, and goes on until one key is left.
fn finish(lab: &Lab, home: &Home) {
    assert_works(lab, home);
    let old = lab.alice.access_key_id();
    if let Ok(metadata) = fs::metadata(journal(home)) {
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        home.keyfob(RESUME).ok();
    } else if key_in(home).access_key_id() == old {
        home.keyfob(["keys", "rotate", "--grace", "0"]).ok();
    }
    assert_works(lab, home);
    let new = key_in(home).access_key_id().to_owned();
    assert_ne!(new, old);
    assert_eq!(keys_of(home), [(new, "Active".to_owned())]);
    assert!(!journal(home).exists());
}

/// Runs a check of each case, eight at a time.
fn in_parallel<T: Sync, R: Send>(cases: &[T], check: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let mut results = Vec::new();
    for some in cases.chunks(8) {
        results.extend(thread::scope(|scope| {
            let threads: Vec<_> = some
                .iter()
                .map(|case| scope.spawn(|| check(case)))
                .collect();
            let results = threads.into_iter().map(|thread| thread.join().unwrap());
            results.collect::<Vec<_>>()
        }));
    }
    results
}

#[test]
fn a_second_key_is_a_refusal_with_the_last_use_of_both_until_it_is_deleted() {
    let lab = lab();
    let home = lab.home();
    let second = lab.account.add_access_key("alice", days_ago(10)).unwrap();
    let stderr = home.keyfob(ROTATE).fails(255);
    let (first, second) = (lab.alice.access_key_id(), second.access_key_id());
    let used = format!("{first}  Active, last used ");
    let unused = format!("{second}  Active, never used, in no profile");
    assert_has(
        &stderr,
        &[
            "the user alice has two access keys",
            &used,
            " by iam in us-east-1, in [alice] of ~/.aws/credentials",
            &unused,
        ],
    );
    assert_eq!(lab.services.calls("CreateAccessKey"), 0);
    follow(&home, &stderr, &format!("if nothing uses {second}: ")).ok();
    home.keyfob(ROTATE).ok();
}

#[test]
fn an_administrator_rotates_the_key_of_a_user_whose_profile_has_the_name() {
    let lab = lab();
    let admin = lab
        .account
        .issue(Identity::session("admin", "ada"), Timestamp::MAX)
        .unwrap();
    let text = |secret: &Secret| secret.expose().to_owned();
    let file = lab.home().read("credentials");
    let home = Home::new()
        .with("AWS_ENDPOINT_URL", &lab.url)
        .with("AWS_REGION", "us-east-1")
        .with_file("credentials", &file)
        .with_key(admin.access_key_id(), &text(admin.secret_access_key()))
        .with("AWS_SESSION_TOKEN", &text(admin.session_token().unwrap()));
    let stderr = home.keyfob(ROTATE).fails(253);
    assert_has(
        &stderr,
        &[
            "a role has no access keys",
            "assumed-role/admin/ada",
            "--user-name",
        ],
    );
    let old = lab.alice.access_key_id();
    let out = home.keyfob(["keys", "rotate", "--user-name", "alice"]).ok();
    assert_has(&out, &[": keyfob keys rotate --resume --user-name alice\n"]);
    let new = key_in(&home);
    assert_ne!(new.access_key_id(), old);
    assert_works(&lab, &home);
    lab.account.add_access_key("bob", days_ago(1)).unwrap();
    let stderr = home
        .keyfob(["keys", "rotate", "--user-name", "bob"])
        .fails(253);
    assert_has(
        &stderr,
        &["no profile has a key of the user bob of account"],
    );
    let stderr = home
        .keyfob(["keys", "rotate", "--user-name", "a/b"])
        .fails(252);
    assert_has(&stderr, &["--user-name"]);
}

#[test]
fn identities_without_access_keys_are_refused_with_the_reason() {
    let lab = lab();
    let session = |identity| lab.account.issue(identity, Timestamp::MAX).unwrap();
    let sso = Identity::session("AWSReservedSSO_Admin_0123456789abcdef", "ada");
    let root = lab.account.add_root_key().unwrap();
    for (key, reason) in [
        (
            session(sso),
            "an identity of IAM Identity Center has no access keys",
        ),
        (
            session(Identity::session("app", "i-1")),
            "a role has no access keys",
        ),
        (root, "the root user should have no access keys"),
        (
            session(Identity::user("alice")),
            "no profile has a key of the user alice of account",
        ),
        (
            lab.alice.clone(),
            "the key in use comes from AWS_ACCESS_KEY_ID",
        ),
    ] {
        let home = Home::new()
            .with("AWS_ENDPOINT_URL", &lab.url)
            .with("AWS_REGION", "us-east-1")
            .with_key(key.access_key_id(), key.secret_access_key().expose());
        let token = key.session_token().map_or("", Secret::expose);
        let home = home.with("AWS_SESSION_TOKEN", token);
        let stderr = home.keyfob(ROTATE).fails(253);
        assert_has(&stderr, &[reason]);
    }
    assert_eq!(lab.services.calls("CreateAccessKey"), 0);
}

#[test]
fn an_old_key_that_is_active_again_is_not_deleted() {
    let lab = lab();
    let home = lab.home();
    home.keyfob(["keys", "rotate", "--grace", "1s"]).ok();
    let old = lab.alice.access_key_id();
    lab.account.set_key_active(old, true);
    thread::sleep(Duration::from_secs(2));
    let run = home.keyfob(RESUME);
    assert_eq!(run.code, 255, "{run:?}");
    assert_has(
        &run.stderr,
        &[&format!("{old}, the old key, is active again")],
    );
    let out = follow(&home, &run.stderr, "if nothing does: ").ok();
    assert_has(&out, &[&format!("deleted   {old}\n")]);
}

#[test]
fn a_file_that_cannot_be_written_leaves_no_new_key() {
    let lab = lab();
    let home = lab.home();
    // A second name of the file would keep the old version.
    fs::hard_link(home.file("credentials"), home.file("backup")).unwrap();
    let run = home.keyfob(ROTATE);
    assert_eq!(run.code, 255, "{run:?}");
    let stderr = run.stderr;
    let old = lab.alice.access_key_id();
    assert_has(&stderr, &["hard link", "to separate it"]);
    assert_eq!(lab.services.calls("CreateAccessKey"), 0);
    assert_eq!(keys_of(&home), [(old.to_owned(), "Active".to_owned())]);
    assert!(!journal(&home).exists());
}

/// The profile gets another key while the new one is tested.
#[test]
fn a_new_key_that_no_profile_got_is_deleted_and_the_old_one_stays() {
    let lab = lab();
    let home = lab.home();
    lab.services.fail(Fault::Slow(Duration::from_secs(1)), 4);
    let mut rotate = home.program(env!("CARGO_BIN_EXE_keyfob"));
    let rotate = rotate.args(ROTATE).stdout(Stdio::piped());
    let child = rotate.stderr(Stdio::piped()).spawn().unwrap();
    while lab.services.calls("CreateAccessKey") == 0 {
        thread::sleep(Duration::from_millis(10));
    }
    let old = home.read("credentials");
    let id = lab.alice.access_key_id();
    fs::write(home.file("credentials"), old.replace(id, "AKIAOTHER")).unwrap();
    let run = Run::new(child.wait_with_output().unwrap());
    fs::write(home.file("credentials"), old).unwrap();
    let message = format!("no profile has {id} any more, so the new key was not written");
    assert_eq!(run.code, 253, "{run:?}");
    assert_has(&run.stderr, &[&message, "no new key is left"]);
    assert_eq!(keys_of(&home), [(id.to_owned(), "Active".to_owned())]);
}

#[test]
fn nothing_is_done_while_a_file_may_have_a_key_that_is_not_seen() {
    let lab = lab();
    let home = lab.home();
    let damage = |home: &Home| fs::write(home.file("config"), "[profile robot]\nkey\n").unwrap();
    damage(&home);
    let text = "a profile may have a key that is not seen: ";
    assert_has(&home.keyfob(ROTATE).fails(253), &[text, "config:2"]);
    assert_eq!(lab.services.calls("CreateAccessKey"), 0);
    fs::remove_file(home.file("config")).unwrap();
    home.keyfob(["keys", "rotate", "--grace", "1s"]).ok();
    thread::sleep(Duration::from_secs(2));
    damage(&home);
    assert_has(&home.keyfob(RESUME).fails(253), &[text]);
    assert_eq!(lab.services.calls("DeleteAccessKey"), 0);
    fs::remove_file(home.file("config")).unwrap();
    home.keyfob(RESUME).ok();
    assert_works(&lab, &home);
}

#[test]
fn a_lost_answer_leaves_a_key_that_resume_deletes() {
    let lab = lab();
    let home = lab.home();
    lab.gate.close(Stop::Cut { request: 2 });
    let stderr = home.keyfob(ROTATE).fails(255);
    assert_eq!(keys_of(&home).len(), 2);
    let orphan = keys_of(&home)[1].0.clone();
    lab.gate.open();
    assert_has(
        &home.keyfob(["keys", "list"]).ok(),
        &["before it was known whether a new key was created"],
    );
    let out = follow(&home, &stderr, "to go on: ").ok();
    assert_has(&out, &[&format!("deleted   {orphan}\n"), "created   "]);
    assert_works(&lab, &home);
}

#[test]
fn a_key_that_was_made_by_hand_meanwhile_is_not_deleted() {
    let lab = lab();
    let home = lab.home();
    lab.gate.close(Stop::Cut { request: 2 });
    home.keyfob(ROTATE).fails(255);
    lab.gate.open();
    // The request has not arrived: what it would have made is not there.
    let orphan = keys_of(&home)[1].0.clone();
    let delete = ["iam", "delete-access-key", "--access-key-id", &orphan];
    home.keyfob(delete).ok();
    let made = home.keyfob(["iam", "create-access-key"]).json();
    let [id, secret] = ["AccessKeyId", "SecretAccessKey"]
        .map(|name| made["AccessKey"][name].as_str().unwrap().to_owned());
    let old = key_in(&home);
    let text = home.read("credentials");
    let text = text.replace(old.access_key_id(), &id);
    let text = text.replace(old.secret_access_key().expose(), &secret);
    fs::write(home.file("credentials"), text).unwrap();
    let stderr = home.keyfob(RESUME).fails(255);
    assert_has(&stderr, &["the user alice has two access keys", &id]);
    assert_eq!(keys_of(&home).len(), 2);
    assert_works(&lab, &home);
    follow(&home, &stderr, "leave the keys as they are: ").ok();
    assert!(!journal(&home).exists());
}

#[test]
fn a_rotation_whose_new_key_or_journal_is_lost_can_be_given_up() {
    let lab = lab();
    let home = lab.home();
    home.keyfob(["keys", "rotate", "--keep-inactive"]).ok();
    let text = |new: &str| {
        let old = lab.alice.access_key_id();
        format!(
            r#"{{"old_access_key_id": "{old}", "begun": "2026-11-22T03:00:00Z",
                "grace_seconds": 0, "keep_inactive": false, "new_access_key_id": "{new}"}}"#
        )
    };
    for (text, code, message) in [
        (text("AKIALOST"), 253, "no profile has AKIALOST any more"),
        (
            "nonsense".to_owned(),
            255,
            "is not the journal of a rotation",
        ),
    ] {
        fs::create_dir_all(home.file("keyfob")).unwrap();
        fs::write(journal(&home), text).unwrap();
        let stderr = home.keyfob(RESUME).fails(code);
        assert_has(&stderr, &[message]);
        let (_, cure) = stderr.rsplit_once(": rm ").unwrap();
        follow(&home, &format!("cure: rm {cure}"), "cure: ").ok();
        let run = home.keyfob(RESUME);
        assert_has(&run.stderr, &["no rotation of the user alice is pending"]);
        run.ok();
    }
}

#[test]
fn keys_are_listed_with_age_use_and_profiles() {
    let lab = lab();
    let home = lab.home();
    let spare = lab.account.add_access_key("alice", days_ago(1)).unwrap();
    lab.account.set_key_active(spare.access_key_id(), false);
    let out = home.keyfob(["keys", "list"]).ok();
    let [first, second] = &out.lines().collect::<Vec<_>>()[..] else {
        panic!("{out}");
    };
    let id = lab.alice.access_key_id();
    assert_has(
        first,
        &[
            &format!("{id}  Active    100 days old  last used "),
            " by iam in us-east-1  in [alice] of ~/.aws/credentials",
        ],
    );
    let id = spare.access_key_id();
    assert_eq!(*second, format!("{id}  Inactive  1 day old  never used"));
    let json = home.keyfob(["keys", "list", "--json"]).json();
    assert_eq!(json["user"], "alice");
    assert_eq!(json["keys"][0]["profiles"][0], "alice");
    assert_eq!(json["keys"][1]["last_used"], Value::Null);
    assert_eq!(json["keys"][1]["status"], "Inactive");
    assert_eq!(json["rotation"], Value::Null);
    let other = lab.account.add_user("bob").unwrap();
    lab.account.remove_key(other.access_key_id());
    let run = home.keyfob(["keys", "list", "--user-name", "bob"]);
    assert_has(&run.stderr, &["the user bob has no access key"]);
    assert_eq!(run.ok(), "");
    let stderr = home
        .keyfob(["keys", "list", "--user-name", "eve"])
        .fails(254);
    assert_has(&stderr, &["(NoSuchEntity)", "ListAccessKeys"]);
}

#[test]
fn check_finds_old_keys_and_each_cure_ends_its_finding() {
    let lab = lab();
    let home = lab.home();
    let ok = home.keyfob(["keys", "check", "--max-age", "101d"]).ok();
    assert_eq!(
        ok,
        "ok       the access key of the user alice is in order\n"
    );
    let check = |code| {
        let run = home.keyfob(["keys", "check", "--json"]);
        assert_eq!(run.code, code, "{run:?}");
        let answer: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(answer["ok"], code == 0);
        answer["findings"].as_array().unwrap().clone()
    };
    let cure = |finding: &Value| {
        let line = format!("cure:  {}", finding["cure"].as_str().unwrap());
        follow(&home, &line, "cure:  ").ok();
    };
    // An inactive key that is as old.
    let spare = lab.account.add_access_key("alice", days_ago(200)).unwrap();
    lab.account.set_key_active(spare.access_key_id(), false);
    let findings = check(1);
    let text = |index: usize| findings[index]["text"].as_str().unwrap();
    let id = spare.access_key_id();
    assert_eq!(
        text(0),
        format!("{id} is 200 days old, more than 90d, and inactive")
    );
    let id = lab.alice.access_key_id();
    let old = format!("{id} is 100 days old, more than 90d");
    let first = format!(
        "{old}; the inactive {} has to go first",
        spare.access_key_id()
    );
    assert_eq!((text(1), &findings[1]["cure"]), (&*first, &Value::Null));
    assert_eq!(findings[1]["origin"]["section"], "alice");
    cure(&findings[0]);
    let findings = check(1);
    assert_eq!(findings[0]["text"].as_str().unwrap(), old);
    let run = home.keyfob(["keys", "check"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_has(
        &run.stdout,
        &[
            "warning  ~/.aws/credentials:3: ",
            "  cure:  keyfob keys rotate\n",
        ],
    );
    cure(&findings[0]);
    // The grace period is not over.
    let findings = check(0);
    assert_eq!(findings[0]["severity"], "note");
    assert_has(
        findings[0]["text"].as_str().unwrap(),
        &["a rotation is not finished", "can be deleted from"],
    );
    // Over, because there was none.
    let text = fs::read_to_string(journal(&home)).unwrap();
    fs::write(journal(&home), text.replace("86400", "0")).unwrap();
    let findings = check(1);
    assert_eq!(findings[0]["cure"], "keyfob keys rotate --resume");
    cure(&findings[0]);
    assert!(check(0).is_empty());
    let second = lab.account.add_access_key("alice", days_ago(1)).unwrap();
    assert_has(
        check(1)[0]["text"].as_str().unwrap(),
        &["two active access keys"],
    );
    lab.account.remove_key(second.access_key_id());
    let stderr = home.keyfob(["keys", "check", "--max-age", "90"]).fails(252);
    assert_has(&stderr, &["--max-age", "such as 90d"]);
}

#[test]
fn a_service_that_is_busy_does_not_end_a_rotation() {
    let lab = lab();
    let home = lab.home().with("AWS_MAX_ATTEMPTS", "5");
    lab.services.fail(Fault::Throttling, 2);
    home.keyfob(["keys", "rotate", "--grace", "0"]).ok();
    assert_works(&lab, &home);
}

#[test]
fn two_rotations_at_once_exclude_each_other() {
    let lab = lab();
    let home = lab.home();
    lab.gate.close(Stop::At {
        request: 2,
        is_after: false,
    });
    let mut child = home.program(env!("CARGO_BIN_EXE_keyfob"));
    let mut child = child
        .args(["keys", "rotate", "--grace", "0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(lab.gate.wait(|| false));
    lab.gate.open();
    let stderr = home.keyfob(ROTATE).fails(255);
    assert_has(
        &stderr,
        &[
            "another rotation of the user alice is running",
            "to go on: keyfob keys rotate --resume",
        ],
    );
    child.kill().unwrap();
    child.wait().unwrap();
    finish(&lab, &home);
}

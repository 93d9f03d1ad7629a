use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use keyfob_chain::{
    Argument, Chain, Error, ErrorKind, Finding, FindingKind, MfaQuestion, Order, Settings, Sources,
    Variables,
    files::{Lock, names},
};
use keyfob_sigv4::{Secret, Timestamp};
use serde_json::json;

use super::{Cloud, arn, disk::file, later};

/// Returns sources whose prompt answers with these codes, one after the other, and the questions.
fn prompt(codes: Vec<Secret>) -> (Sources, Arc<Mutex<Vec<MfaQuestion>>>) {
    let questions = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&questions);
    let codes = Mutex::new(codes.into_iter());
    let sources = Sources::default().with_mfa_prompt(move |question| {
        asked.lock().unwrap().push(question);
        let code = codes.lock().unwrap().next();
        std::future::ready(code.ok_or_else(|| Error::new(ErrorKind::MfaCode, "no more codes")))
    });
    (sources, questions)
}

#[tokio::test]
async fn a_role_with_a_device_asks_for_one_code_for_all_profiles_that_need_it() {
    let cloud = Cloud::start().await;
    let (sources, questions) = prompt(vec![cloud.device.code(Timestamp::now())]);
    cloud.key("by-mfa", &sources, later(0)).await.unwrap();
    cloud.key("mfa", &sources, later(30)).await.unwrap();
    let questions = questions.lock().unwrap();
    assert_eq!(questions.len(), 1);
    assert_eq!(questions[0].profile, "mfa");
    assert_eq!(questions[0].role_arn, arn("dev"));
    assert_eq!(questions[0].serial_number, cloud.device.serial_number());
    assert_eq!(questions[0].refused, None);
}

#[tokio::test]
async fn a_wrong_code_may_be_given_again_twice() {
    let cloud = Cloud::start().await;
    let right = cloud.device.code(Timestamp::now());
    let (sources, questions) = prompt(vec!["12345".into(), "000000".into(), right]);
    cloud.key("mfa", &sources, later(0)).await.unwrap();
    let refused: Vec<_> = questions
        .lock()
        .unwrap()
        .iter()
        .map(|question| question.refused.clone().unwrap_or_default())
        .collect();
    assert_eq!(refused[0], "");
    assert!(refused[1].contains("six digits"), "{refused:?}");
    assert!(
        refused[2].contains("that code is wrong, or was used before"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn three_wrong_codes_are_an_error_without_the_codes() {
    let cloud = Cloud::start().await;
    let codes = ["987601", "987602", "987603", "987604"].map(Secret::from);
    let (sources, questions) = prompt(codes.to_vec());
    let error = cloud.key("mfa", &sources, later(0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MfaCode);
    assert_eq!(questions.lock().unwrap().len(), 3);
    let shown = format!("{error:?} {error}");
    assert!(!shown.contains("98760"), "{shown}");
}

#[tokio::test]
async fn an_error_of_the_prompt_ends_the_questions() {
    let cloud = Cloud::start().await;
    let (sources, questions) = prompt(Vec::new());
    let error = cloud.key("mfa", &sources, later(0)).await.unwrap_err();
    assert_eq!(error.to_string(), "no more codes");
    assert_eq!(questions.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_prompt_the_error_names_the_profile_and_the_device_and_nothing_is_sent() {
    let cloud = Cloud::start().await;
    let start = Instant::now();
    let error = cloud.key("by-mfa", &Sources::default(), later(0)).await;
    let error = error.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(error.kind(), ErrorKind::MfaCode);
    let serial = cloud.device.serial_number();
    let wanted = format!(
        "mfa_serial: the role of profile \"mfa\" needs a code of the MFA device {serial}, and"
    );
    assert!(error.to_string().contains(&wanted), "{error}");
    let question = error.mfa_question().unwrap();
    assert_eq!(
        (question.profile.as_str(), question.serial_number.as_str()),
        ("mfa", serial)
    );
    assert_eq!(question.role_arn, arn("dev"));
    assert_eq!(question.source_profile.as_deref(), Some("key"));
    assert_eq!(cloud.sts.counters().requests, 0);
}

#[tokio::test]
async fn fifty_tasks_ask_one_question() {
    let cloud = Arc::new(Cloud::start().await);
    let count = Arc::new(AtomicUsize::new(0));
    let (asked, device) = (Arc::clone(&count), cloud.device.clone());
    let sources = Sources::default().with_mfa_prompt(move |_| {
        asked.fetch_add(1, Ordering::Relaxed);
        let code = device.code(Timestamp::now());
        async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(code)
        }
    });
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (cloud, sources) = (Arc::clone(&cloud), sources.clone());
            tokio::spawn(async move { cloud.key("mfa", &sources, later(0)).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[test]
#[ignore = "the child of the test below"]
fn child_answers_with_a_code() {
    let Some(config) = std::env::var_os("KEYFOB_TEST_CONFIG") else {
        return;
    };
    let folder = Path::new(&config).parent().unwrap().to_owned();
    let disk = folder.clone();
    let sources = Sources::default()
        .with_disk(disk)
        .with_mfa_prompt(move |_| {
            let asked = fs::File::options()
                .create(true)
                .append(true)
                .open(folder.join("asked"));
            asked.unwrap().write_all(b"asked\n").unwrap();
            // A person needs a while.
            std::thread::sleep(Duration::from_millis(300));
            std::future::ready(Ok(std::env::var("KEYFOB_TEST_CODE").unwrap().into()))
        });
    let settings = Settings::load(Variables::from_process())
        .with_profile("mfa")
        .with_sources(sources);
    let chain = Chain::default_for(Order::Cli, &settings);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let found = runtime.unwrap().block_on(chain.resolve(Timestamp::now()));
    assert!(found.credentials.is_ok(), "{:?}", found.credentials);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_processes_ask_one_question_and_sts_once() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    fs::write(&config, cloud.config()).unwrap();
    let children: Vec<_> = (0..50)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "mfa::child_answers_with_a_code", "--ignored"])
                .env("KEYFOB_TEST_CONFIG", &config)
                .env(
                    "KEYFOB_TEST_CODE",
                    cloud.device.code(Timestamp::now()).expose(),
                )
                .env("AWS_CONFIG_FILE", &config)
                .env("AWS_SHARED_CREDENTIALS_FILE", folder.path().join("none"))
                .env("AWS_ENDPOINT_URL_STS", cloud.listener.url())
                .env("AWS_REGION", "eu-west-1")
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let asked = fs::read_to_string(folder.path().join("asked")).unwrap();
    assert_eq!((asked.as_str(), cloud.calls()), ("asked\n", 1));
}

#[tokio::test]
async fn the_time_that_an_answer_takes_counts_for_what_comes_after_it() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicI64::new(5));
    let (reads, moves, device) = (Arc::clone(&clock), clock, cloud.device.clone());
    let sources = Sources::default()
        .with_disk(folder.path())
        .with_clock(move || Timestamp::from_unix_seconds(reads.load(Ordering::Relaxed)))
        .with_mfa_prompt(move |_| {
            moves.fetch_add(1000, Ordering::Relaxed);
            std::future::ready(Ok(device.code(Timestamp::now())))
        });
    let now = later(0);
    cloud.key("by-mfa", &sources, now).await.unwrap();
    // The name of the session of admin, which is assumed after the answer, has its time.
    let session = fs::read_to_string(file(folder.path(), "admin")).unwrap();
    let name = format!("/admin/keyfob-{}\"", now.unix_seconds() + 1000);
    assert!(session.contains(&name), "{name}");
}

#[tokio::test]
async fn who_waits_for_the_code_that_another_program_asks_for_is_told() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let serial = cloud.device.serial_number();
    let name = names::role_session(&json!({"RoleArn": arn("dev"), "SerialNumber": serial}));
    let path = folder
        .path()
        .join(format!("cli/cache/{}.json", name.unwrap()));
    let lock = Lock::acquire(path, Lock::PATIENCE).unwrap();
    // The other program has its answer once this one was told.
    let lock = Mutex::new(Some(lock));
    let findings = Arc::clone(&told);
    let notify = move |finding: &Finding| {
        findings.lock().unwrap().push(finding.clone());
        lock.lock().unwrap().take();
    };
    let (sources, questions) = prompt(vec![cloud.device.code(Timestamp::now())]);
    let settings = cloud
        .settings("mfa", &sources.with_disk(folder.path()))
        .with_notify(notify);
    let chain = Chain::default_for(Order::Cli, &settings);
    chain.resolve(later(0)).await.credentials.unwrap();
    assert_eq!(questions.lock().unwrap().len(), 1);
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].kind, FindingKind::Waiting);
    assert!(told[0].text.contains("asks for the MFA code"), "{told:?}");
}

#[tokio::test]
async fn a_session_that_still_holds_is_used_while_another_program_asks_for_the_code() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (sources, questions) = prompt(vec![cloud.device.code(Timestamp::now())]);
    let sources = || sources.clone().with_disk(folder.path());
    let key = cloud.key("mfa", &sources(), later(0)).await.unwrap();
    let cache = folder.path().join("cli/cache");
    let file = fs::read_dir(cache).unwrap().next().unwrap().unwrap();
    let _stuck = Lock::acquire(file.path(), Lock::PATIENCE).unwrap();
    let start = Instant::now();
    let found = cloud.key("mfa", &sources(), later(58)).await.unwrap();
    assert!(
        start.elapsed() < Lock::PATIENCE / 3,
        "{:?}",
        start.elapsed()
    );
    assert_eq!(found, key);
    assert_eq!(questions.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_prompt_a_session_on_disk_is_used_until_it_expires() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (sources, _) = prompt(vec![cloud.device.code(Timestamp::now())]);
    let with_prompt = sources.with_disk(folder.path());
    let key = cloud.key("mfa", &with_prompt, later(0)).await.unwrap();
    let without = || Sources::default().with_disk(folder.path());
    for minutes in [1, 50, 59] {
        let found = cloud.key("mfa", &without(), later(minutes)).await.unwrap();
        assert_eq!(found, key, "{minutes}");
    }
    let error = cloud.key("mfa", &without(), later(61)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MfaCode);
}

#[tokio::test]
async fn offline_no_code_is_asked_for_and_a_session_on_disk_is_used_until_it_expires() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (sources, questions) = prompt(vec![cloud.device.code(Timestamp::now())]);
    let offline = async |sources: &Sources, now| {
        let argument = Argument::new("--offline", "true");
        let settings = cloud.settings("by-mfa", sources);
        let settings = settings.with_argument("offline", argument);
        let chain = Chain::default_for(Order::Cli, &settings);
        chain.resolve(now).await.credentials
    };
    let wanted = "the role of profile \"mfa\" is not assumed, because of --offline";
    for sources in [&sources, &Sources::default()] {
        let error = offline(sources, later(0)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting);
        assert!(error.to_string().contains(wanted), "{error}");
    }
    assert!(questions.lock().unwrap().is_empty());
    assert_eq!(cloud.sts.counters().requests, 0);

    let sources = sources.with_disk(folder.path());
    cloud.key("by-mfa", &sources, later(0)).await.unwrap();
    let other = Sources::default().with_disk(folder.path());
    assert!(offline(&other, later(59)).await.is_ok());
    assert!(offline(&other, later(61)).await.is_err());
}

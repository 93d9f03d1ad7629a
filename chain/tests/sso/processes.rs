use std::{
    fs,
    process::{Command, Stdio},
    sync::Arc,
};

use keyfob_chain::{Chain, Order, Settings, Sources, Variables};
use keyfob_sigv4::Timestamp;

use super::{CONFIG, Center};

#[test]
#[ignore = "the child of the test below"]
fn child_gets_credentials() {
    let Some(home) = std::env::var_os("KEYFOB_TEST_HOME") else {
        return;
    };
    let folder = std::path::Path::new(&home).join(".aws");
    let settings = Settings::load(Variables::from_process())
        .with_profile("dev")
        .with_sources(Sources::default().with_disk(folder));
    let chain = Chain::default_for(Order::Cli, &settings);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let found = runtime.unwrap().block_on(chain.resolve(Timestamp::now()));
    assert!(found.credentials.is_ok(), "{:?}", found.credentials);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_processes_with_an_expired_token_refresh_it_once() {
    let center = Center::start().await;
    center.expire("corp", -60);
    let config = center.aws().join("config");
    fs::write(&config, CONFIG).unwrap();
    let children: Vec<_> = (0..50)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "processes::child_gets_credentials", "--ignored"])
                .env("KEYFOB_TEST_HOME", center.folder.path())
                .env("HOME", center.folder.path())
                .env("AWS_ENDPOINT_URL", center.url())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!((center.refreshes(), center.portal_calls()), (1, 1));
    // The token that was written last refreshes again.
    center.expire("corp", -60);
    center.get("reader", &center.on_disk()).await.unwrap();
    assert_eq!(center.refreshes(), 2);
}

#[tokio::test]
async fn fifty_tasks_of_two_roles_refresh_the_token_of_their_session_once() {
    let center = Arc::new(Center::start().await);
    center.expire("corp", -60);
    let sources = center.on_disk();
    let tasks: Vec<_> = ["dev", "reader"]
        .into_iter()
        .cycle()
        .take(50)
        .map(|profile| {
            let (center, sources) = (Arc::clone(&center), sources.clone());
            tokio::spawn(async move { center.get(profile, &sources).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!((center.refreshes(), center.portal_calls()), (1, 2));
}

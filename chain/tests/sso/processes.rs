use std::{fs, sync::Arc};

use super::{CONFIG, Center, children};

#[test]
#[ignore = "run by the test below, in fifty processes"]
fn child_gets_credentials() {
    children::get("dev");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_processes_with_an_expired_token_refresh_it_once() {
    let center = Center::start().await;
    center.expire("corp", -60);
    let config = center.aws().join("config");
    fs::write(&config, CONFIG).unwrap();
    let (home, url) = (center.folder.path(), center.url());
    let variables = [
        ("HOME", home.as_os_str()),
        ("AWS_ENDPOINT_URL", url.as_ref()),
    ];
    children::run(
        "processes::child_gets_credentials",
        &center.aws(),
        &variables,
    );
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

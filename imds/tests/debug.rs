//! The `Debug` of each public type that holds other people's data, with a canary in all of it.
//!
//! A new public type belongs in one of the two lists below.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that unwraps fails the test that called it"
)]

use std::{collections::BTreeSet, fmt::Debug, fs, path::Path as File, time::Duration};

use keyfob_imds::{
    Client, Endpoint, Path,
    container::{self, Location},
    metadata::{IdentityDocument, unpack_user_data},
    server::{Container, Fault, Imds, listen::Tls},
    wire,
};
use keyfob_sigv4::{Credentials, Secret, Timestamp};

const CANARY: &str = "canary-0123456789";

/// Types that hold values of a service or secrets. Each is in `shown`.
const CHECKED: [&str; 21] = [
    "Client",
    "ClientBuilder",
    "Container",
    "ContainerBuilder",
    "ContainerCredentials",
    "Endpoint",
    "Entry",
    "Error",
    "IamInfo",
    "IdentityDocument",
    "Imds",
    "ImdsBuilder",
    "Listener",
    "ListenerBuilder",
    "Location",
    "RoleCredentials",
    "Tls",
    "Token",
    "UserDataPart",
    "Walk",
    "Watch",
];

/// Types that cannot hold a secret: numbers, enumerations, names, dates, addresses.
const OPEN: [&str; 17] = [
    "Certificate",
    "Counters",
    "ErrorKind",
    "Event",
    "Fault",
    "Interface",
    "Interruption",
    "LifecycleState",
    "ListenerCounters",
    "MaintenanceEvent",
    "Mode",
    "Path",
    "Peer",
    "Placement",
    "Refused",
    "SpotAction",
    "TokenTtl",
];

fn key() -> Credentials {
    let key = Credentials::new("ASIAEXAMPLE", CANARY).unwrap();
    let key = key.with_session_token(CANARY).unwrap();
    key.with_expiry(Timestamp::now().plus_seconds(3600))
}

/// Collects what `Debug` shows of values.
#[derive(Default)]
struct Shown(Vec<String>);

impl Shown {
    fn add(&mut self, value: &dyn Debug) {
        self.0.push(format!("{value:?} {value:#?}"));
    }
}

#[tokio::test]
async fn no_public_type_shows_a_secret() {
    let mut shown = Shown::default();
    let metadata = format!(
        r#"{{"user-data": "{CANARY}", "meta-data": {{"tags": {{"instance": {{"Name": "{CANARY}"}}}}}}}}"#
    );
    let builder = Imds::builder()
        .credentials(key())
        .metadata(&metadata)
        .unwrap()
        .item("meta-data/password", CANARY)
        .item_after(Duration::ZERO, "meta-data/later", CANARY)
        .fault(Fault::status(500).on("/none"));
    shown.add(&builder);
    let instance = builder.start().await.unwrap();
    instance.set("meta-data/set", CANARY);

    let client = Client::builder().endpoint(instance.endpoint());
    shown.add(&client);
    let client = client.build().unwrap();
    let token = client.token().await.unwrap();
    shown.add(&token);
    shown.add(&client.credentials().await.unwrap());
    shown.add(&client);
    shown.add(&client.watch());
    let mut walk = client.walk("/latest/").unwrap().secrets(true);
    let mut values = 0;
    while let Some(entry) = walk.next().await {
        let entry = entry.unwrap();
        values += usize::from(entry.value.as_deref().is_some_and(contains_canary));
        shown.add(&entry);
        shown.add(&walk);
    }
    assert_eq!(values, 7, "the walk saw the canaries");
    shown.add(&instance);
    // The session token is no canary, but as secret.
    let issued = token.expose();
    assert!(shown.0.iter().all(|text| !text.contains(&issued[16..])));

    let agent = Container::builder().credentials(key()).token(CANARY);
    shown.add(&agent);
    let agent = agent.start().await.unwrap();
    let location = Location::full(&format!("{}?{CANARY}", agent.url())).unwrap();
    shown.add(&location);
    let client = container::Client::builder(location).token(CANARY);
    shown.add(&client);
    let client = client.build().unwrap();
    shown.add(&client.issue().await.unwrap());
    shown.add(&client);
    shown.add(&agent);

    let document = format!(r#"{{"accountId": "{CANARY}", "region": "{CANARY}"}}"#);
    shown.add(&IdentityDocument::parse(document).unwrap());
    let user_data =
        format!("MIME-Version: 1.0\nContent-Type: text/x-{CANARY}; name={CANARY}\n\n{CANARY}");
    shown.add(&unpack_user_data(user_data).unwrap());
    let request = container::request(
        &Location::full("http://127.0.0.1/").unwrap(),
        Some(&container::authorization(CANARY).unwrap()),
    );
    shown.add(&request);
    let path = Path::new("instance-id").unwrap();
    shown.add(&wire::get_request(
        &Endpoint::default(),
        &path,
        Some(&token),
    ));
    for wrong in [
        Endpoint::new(&format!("http://{CANARY}@h")).unwrap_err(),
        Endpoint::new(&format!("http://h/?{CANARY}")).unwrap_err(),
        Endpoint::new(CANARY).unwrap_err(),
        Location::full(&format!("http://me:{CANARY}@h/")).unwrap_err(),
        Location::relative(CANARY).unwrap_err(),
        keyfob_imds::parse_credentials(CANARY.as_bytes()).unwrap_err(),
        container::authorization(&format!("{CANARY}\n{CANARY}")).unwrap_err(),
        Imds::builder().metadata(CANARY).unwrap_err(),
        Tls::from_pem(CANARY, &Secret::new(CANARY)).unwrap_err(),
    ] {
        shown.add(&wrong);
    }
    for text in shown.0 {
        assert!(!text.contains("canary"), "{text}");
    }
}

fn contains_canary(value: &[u8]) -> bool {
    value.windows(6).any(|window| window == b"canary")
}

#[test]
fn every_public_type_is_in_one_of_the_lists() {
    let mut found = BTreeSet::new();
    collect(
        &File::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    let listed: BTreeSet<String> = CHECKED
        .iter()
        .chain(&OPEN)
        .map(|name| (*name).to_owned())
        .collect();
    let different: Vec<_> = found.symmetric_difference(&listed).collect();
    assert!(different.is_empty(), "{different:?}");
}

/// Finds the names of public structs and enumerations.
fn collect(folder: &File, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines() {
            let item = line
                .strip_prefix("pub struct ")
                .or_else(|| line.strip_prefix("pub enum "));
            if let Some(item) = item {
                let name = item.split(|char: char| !char.is_alphanumeric()).next();
                found.insert(name.unwrap().to_owned());
            }
        }
    }
}

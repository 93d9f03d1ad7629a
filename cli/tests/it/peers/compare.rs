//! The comparison of an SDK with its rules here, in random environments.
//!
//! The benches include this file, `cases.rs` and `fake.rs`: they have the peers in Rust.

use std::{collections::BTreeMap, fs, future::ready, path::Path, sync::mpsc, thread};

use keyfob_chain::{Chain, Order, Settings, Variables, Verdict, files::names};
use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    cases::{Case, LOGIN, START_URL, Surroundings},
    fake,
};

/// What a chain leads to. The reason of an error does not matter.
#[derive(Debug)]
pub(crate) enum Answer {
    Id(String),
    Nothing,
    Error(String),
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Id(id), Self::Id(other)) => id == other,
            (Self::Nothing, Self::Nothing) | (Self::Error(_), Self::Error(_)) => true,
            _ => false,
        }
    }
}

impl From<&Value> for Answer {
    fn from(found: &Value) -> Self {
        match found.as_str() {
            None => Self::Nothing,
            Some(text) if text.starts_with("error: ") => Self::Error(text.to_owned()),
            Some(id) => Self::Id(id.to_owned()),
        }
    }
}

/// A home folder with a token for each way to sign in, and the services.
pub(crate) struct World {
    home: TempDir,
    url: String,
    has_login: bool,
    has_python: bool,
    has_spaces: bool,
}

impl World {
    pub(crate) fn start() -> Self {
        let token = json!({
            "startUrl": START_URL, "region": "eu-west-1", "accessToken": "token",
            "expiresAt": "2099-01-01T00:00:00Z",
        });
        let process = json!({"Version": 1, "AccessKeyId": "PROCESS", "SecretAccessKey": "s"});
        let world = Self {
            home: tempfile::tempdir().unwrap(),
            url: services(),
            has_login: false,
            has_python: false,
            has_spaces: false,
        };
        for session in ["corp", START_URL] {
            let name = format!(".aws/sso/cache/{}", names::sso_token(session));
            world.write(&name, &token.to_string());
        }
        world.write("process.json", &process.to_string());
        world.write("token", "token");
        world
    }

    /// Adds the token of a session of `aws login`, for a peer that reads it.
    #[allow(dead_code, reason = "not every peer reads it")]
    pub(crate) fn with_login(mut self, key: &str) -> Self {
        let login = json!({
            "accessToken": {
                "accessKeyId": "LOGIN", "secretAccessKey": "s", "sessionToken": "t",
                "accountId": "123456789012", "expiresAt": "2099-01-01T00:00:00Z",
            },
            "tokenType": "aws_sigv4", "clientId": "client", "refreshToken": "r",
            "idToken": "i", "dpopKey": key,
        });
        let name = format!(".aws/login/cache/{}", names::login_token(LOGIN));
        self.write(&name, &login.to_string());
        self.has_login = true;
        self
    }

    /// Sets that the peer reads files as Python's `configparser` does.
    #[allow(dead_code, reason = "not every peer does")]
    pub(crate) fn with_python(mut self) -> Self {
        self.has_python = true;
        self
    }

    /// Sets that the peer takes whitespace inside the brackets of a header for a part of it.
    #[allow(dead_code, reason = "not every peer does")]
    pub(crate) fn with_spaces(mut self) -> Self {
        self.has_spaces = true;
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file below the home folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Returns the case of a seed with its environment, whose files it writes.
    pub(crate) fn case(&self, seed: u64) -> (Case, Value) {
        let around = Surroundings {
            folder: self.path(),
            url: &self.url,
            has_login: self.has_login,
            has_python: self.has_python,
            has_spaces: self.has_spaces,
        };
        let case = Case::random(seed, around);
        let mut variables = self.variables();
        for (name, value) in &case.variables {
            variables[*name] = value.as_str().into();
        }
        for (name, file) in [
            ("AWS_CONFIG_FILE", &case.config),
            ("AWS_SHARED_CREDENTIALS_FILE", &case.credentials),
        ] {
            let path = self.path().join(format!("{name}-{seed}"));
            fs::write(&path, file.to_string()).unwrap();
            variables[name] = path.to_str().into();
        }
        let profile = case.profile;
        (case, json!({"variables": variables, "profile": profile}))
    }

    /// Returns the variables that every case has.
    pub(crate) fn variables(&self) -> Value {
        json!({
            "HOME": self.path(), "PATH": "/usr/bin:/bin", "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url, "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_REGION": "eu-west-1",
        })
    }
}

/// Starts the services in a thread of their own, and returns their URL.
fn services() -> String {
    let (sender, started) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let listener = Listener::builder().start(|request| {
                let (head, body) = request.into_parts();
                ready(fake::answer(&head, &body).map(Into::into))
            });
            let listener = listener.await.unwrap();
            sender.send(listener.url()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    started.recv().unwrap()
}

/// Returns what the rules of an order lead to.
pub(crate) fn ours(order: Order, case: &Value) -> Answer {
    let variables = case["variables"].as_object().unwrap().iter();
    let variables = variables.map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
    let mut settings = Settings::load(Variables::from_iter(variables))
        .with_order(order)
        .with_exact_rules();
    if let Some(profile) = case["profile"].as_str() {
        settings = settings.with_profile(profile);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let chain = Chain::default_for(order, &settings);
    let explained = chain.explain(Timestamp::now());
    let resolution = runtime.unwrap().block_on(explained);
    let mut attempts = resolution.explanation.attempts.iter();
    let failed = attempts.any(|attempt| attempt.verdict == Verdict::Failed);
    match resolution.credentials {
        Ok(found) => Answer::Id(found.access_key_id().to_owned()),
        Err(error) if failed => Answer::Error(error.to_string()),
        Err(_) => Answer::Nothing,
    }
}

/// A difference that is on purpose, or not worth a rule.
pub(crate) struct Known {
    pub(crate) why: &'static str,
    pub(crate) is_it: fn(&Case, &Answer, &Answer) -> bool,
}

impl Answer {
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Id(id) => Some(id),
            _ => None,
        }
    }

    pub(crate) fn says(&self, words: &str) -> bool {
        matches!(self, Self::Error(text) if text.contains(words))
    }
}

/// Fails if a peer gets other credentials than its rules lead to here, but for known differences.
pub(crate) fn compare(
    world: &World,
    count: u64,
    order: Order,
    theirs: impl Fn(&[Value]) -> Vec<Answer>,
    known: &[&[Known]],
) {
    let cases: Vec<_> = (0..count).map(|seed| world.case(seed)).collect();
    let inputs: Vec<_> = cases.iter().map(|(_, input)| input.clone()).collect();
    let answers = theirs(&inputs);
    assert_eq!(answers.len(), cases.len());
    let (mut found, mut different) = (0, Vec::new());
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (seed, ((case, input), theirs)) in cases.iter().zip(&answers).enumerate() {
        let ours = ours(order, input);
        found += u64::from(ours.id().is_some());
        if ours == *theirs {
            continue;
        }
        let mut known = known.iter().copied().flatten();
        match known.find(|known| (known.is_it)(case, &ours, theirs)) {
            Some(known) => *counts.entry(known.why).or_default() += 1,
            None => different.push(format!(
                "\n#{seed}: ours {ours:?}, theirs {theirs:?}\n{case:?}"
            )),
        }
    }
    println!("{order:?}: {count} cases, {found} with credentials");
    for (why, count) in counts {
        println!("{count} differ: {why}");
    }
    assert!(found > count / 4, "the cases lead to nothing");
    let number = different.len();
    different.truncate(10);
    assert!(number == 0, "{number} differ: {}", different.concat());
}

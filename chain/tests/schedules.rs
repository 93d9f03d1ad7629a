//! Random schedules of programs that share a session in a file: they ask one after another or all
//! at once, give up, have their session refused, start again, and find a damaged file or a source
//! that fails. A model says who is served what, and how often the source is asked.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use keyfob_chain::{
    Cached, Chain, Error, Order, ProcessOutput, Settings, Sources, Variables,
    profiles::{ConfigFiles, FileKind},
};
use keyfob_sigv4::{Credentials, Timestamp};
use serde_json::json;

const SCHEDULES: u64 = 24;
const STEPS: usize = 60;
const PROGRAMS: usize = 3;
/// How many tasks of each program ask at once.
const TASKS: usize = 4;

const CONFIG: &str = "[default]
credential_process = keys
keyfob_cache_process = true
";

/// What issues sessions. Their ids count up.
#[derive(Default)]
struct Source {
    now: AtomicI64,
    lifetime: AtomicI64,
    fails: AtomicBool,
    calls: AtomicU64,
}

impl Source {
    async fn issue(&self) -> io::Result<ProcessOutput> {
        let number = self.calls.fetch_add(1, SeqCst) + 1;
        for _ in 0..number % 4 {
            tokio::task::yield_now().await;
        }
        if self.fails.load(SeqCst) {
            return Err(io::Error::other("it fails"));
        }
        let expiry = self.now.load(SeqCst) + self.lifetime.load(SeqCst);
        let key = json!({
            "Version": 1, "AccessKeyId": format!("ASIA{number:08}"), "SecretAccessKey": "secret",
            "SessionToken": "token", "Expiration": Timestamp::from_unix_seconds(expiry).to_string(),
        });
        Ok(ProcessOutput::new(
            ExitStatus::default(),
            key.to_string(),
            "",
        ))
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.now.load(SeqCst))
    }

    fn calls(&self) -> u64 {
        self.calls.load(SeqCst)
    }
}

/// A program, and what the model says that it has in memory.
struct Program {
    cached: Arc<Cached<Chain>>,
    session: Option<Credentials>,
    is_refused: bool,
}

impl Program {
    fn start(folder: &Path, source: &Arc<Source>) -> Self {
        let source = Arc::clone(source);
        let sources = Sources::default()
            .with_disk(folder)
            .with_processes(move |_| {
                let source = Arc::clone(&source);
                async move { source.issue().await }
            });
        let variables = Variables::from_iter([("AWS_EC2_METADATA_DISABLED", "true")]);
        let files = ConfigFiles::parse([(FileKind::Config, "config", CONFIG.as_bytes())]);
        let settings = Settings::new(variables, files).with_sources(sources);
        Self {
            cached: Arc::new(Cached::new(Chain::default_for(Order::Cli, &settings))),
            session: None,
            is_refused: false,
        }
    }

    /// Returns what it is served without the source, if `file` is in the file.
    fn known(&self, file: Option<&Credentials>, now: Timestamp) -> Option<Credentials> {
        let own = self.session.as_ref();
        let is_refused = |session: &Credentials| {
            let own = own.filter(|_| self.is_refused);
            own.is_some_and(|own| own.access_key_id() == session.access_key_id())
        };
        let mut sessions = own.into_iter().chain(file);
        sessions
            .find(|session| is_valid(session, now) && !is_refused(session))
            .cloned()
    }

    fn has(&mut self, session: &Credentials) {
        self.session = Some(session.clone());
        self.is_refused = false;
    }
}

/// Sessions are replaced ten seconds before they expire. Here all times are whole minutes.
fn is_valid(session: &Credentials, now: Timestamp) -> bool {
    session.expiry().unwrap().seconds_since(now) > 10
}

/// Numbers that look random, the same for each seed.
struct Random(u64);

impl Random {
    /// Returns a number below this one. The generator is SplitMix64.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (number ^ (number >> 31)) % end
    }
}

/// The programs, what issues sessions, and the session in the file.
struct World {
    folder: tempfile::TempDir,
    source: Arc<Source>,
    programs: Vec<Program>,
    file: Option<Credentials>,
    random: Random,
    /// For a schedule that fails.
    log: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Arc::new(Source::default());
        source.now.store(1_800_000_000, SeqCst);
        let programs = (0..PROGRAMS).map(|_| Program::start(folder.path(), &source));
        Self {
            programs: programs.collect(),
            folder,
            source,
            file: None,
            random: Random(seed),
            log: vec![format!("seed {seed}")],
        }
    }

    async fn step(&mut self) {
        self.source
            .lifetime
            .store(60 * (1 + self.random.below(20) as i64), SeqCst);
        let program = self.random.below(PROGRAMS as u64) as usize;
        let step = self.random.below(12);
        self.log.push(format!("step {step} of program {program}"));
        match step {
            0..=2 => self.ask(program).await,
            3..=4 => self.ask_at_once().await,
            5 => self.give_up(program).await,
            6..=7 => {
                let minutes = 1 + self.random.below(6) as i64;
                self.source.now.fetch_add(60 * minutes, SeqCst);
            }
            8 => self.refuse(program),
            9 => self.damage(),
            10 => self.programs[program] = Program::start(self.folder.path(), &self.source),
            _ => {
                let fails = self.random.below(3) == 0;
                self.source.fails.store(fails, SeqCst);
            }
        }
    }

    fn known(&self, program: usize) -> Option<Credentials> {
        self.programs[program].known(self.file.as_ref(), self.source.now())
    }

    async fn ask(&mut self, program: usize) {
        let known = self.known(program);
        let calls = self.source.calls();
        let cached = &self.programs[program].cached;
        let served = cached.credentials(self.source.now()).await;
        let served = served.map(|cached| Credentials::clone(&cached));
        self.is_served(program, known, served, self.source.calls() - calls);
    }

    /// Checks what a program that asks alone is served, and after how many calls of the source.
    fn is_served(
        &mut self,
        program: usize,
        known: Option<Credentials>,
        served: Result<Credentials, Error>,
        calls: u64,
    ) {
        let log = &self.log;
        assert_eq!(calls, u64::from(known.is_none()), "{log:#?}");
        if known.is_none() && self.source.fails.load(SeqCst) {
            assert!(served.is_err(), "{log:#?}");
            return;
        }
        let served = served.unwrap();
        match known {
            Some(known) => assert!(served.is_same_snapshot(&known), "{log:#?}"),
            None => {
                let id = format!("ASIA{:08}", self.source.calls());
                assert_eq!(served.access_key_id(), id, "{log:#?}");
                self.file = Some(served.clone());
            }
        }
        self.programs[program].has(&served);
    }

    /// Several tasks of each program ask on several threads.
    async fn ask_at_once(&mut self) {
        let now = self.source.now();
        let known: Vec<_> = (0..PROGRAMS).map(|program| self.known(program)).collect();
        let without = known.iter().filter(|known| known.is_none()).count() as u64;
        let before = self.source.calls();
        let tasks: Vec<_> = (0..PROGRAMS * TASKS)
            .map(|task| {
                let cached = Arc::clone(&self.programs[task % PROGRAMS].cached);
                tokio::spawn(async move {
                    let served = cached.credentials(now).await;
                    served.map(|cached| Credentials::clone(&cached))
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.push(task.await.unwrap());
        }
        let (calls, log) = (self.source.calls() - before, &self.log);
        if self.source.fails.load(SeqCst) {
            // Those that ask when the others have their error ask again.
            assert!(
                calls >= without && calls <= without * TASKS as u64,
                "{log:#?}"
            );
        } else {
            assert_eq!(calls, u64::from(without > 0), "{log:#?}");
        }
        for (task, served) in all.into_iter().enumerate() {
            let program = &mut self.programs[task % PROGRAMS];
            let Ok(served) = served else {
                let is_right = self.source.fails.load(SeqCst) && known[task % PROGRAMS].is_none();
                assert!(is_right, "{log:#?}");
                continue;
            };
            let is_own = program
                .known(None, now)
                .is_some_and(|own| own.is_same_snapshot(&served));
            // One that has none, or a refused one, gets it from the file or from the source.
            let is_of_file = program.known(Some(&served), now).is_some();
            assert!(is_own || is_of_file && is_valid(&served, now), "{log:#?}");
            if served.access_key_id() == format!("ASIA{:08}", before + 1) {
                self.file = Some(served.clone());
            }
            program.has(&served);
        }
    }

    /// A task begins to ask, and is canceled.
    async fn give_up(&mut self, program: usize) {
        let known = self.known(program);
        let before = self.source.calls();
        let patience = Duration::from_micros(self.random.below(2000));
        let asking = self.programs[program].cached.credentials(self.source.now());
        let served = tokio::time::timeout(patience, asking).await;
        let served = served.map(|served| served.map(|cached| Credentials::clone(&cached)));
        let calls = self.source.calls() - before;
        match served {
            Ok(served) => self.is_served(program, known, served, calls),
            Err(_) => assert!(calls <= u64::from(known.is_none()), "{:#?}", self.log),
        }
    }

    /// A service refuses the session of a program.
    fn refuse(&mut self, program: usize) {
        let program = &mut self.programs[program];
        if let Some(session) = &program.session {
            assert_eq!(program.cached.invalidate(session), !program.is_refused);
            program.is_refused = true;
        }
    }

    /// Returns the only file in the cache, besides the locks of tasks that were canceled.
    fn path(&self) -> Option<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("cli/cache")).ok()?;
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|name| name != "lock"))
            .collect();
        assert!(paths.len() <= 1, "{paths:?} {:#?}", self.log);
        paths.pop()
    }

    fn damage(&mut self) {
        let Some(path) = self.path() else { return };
        let text = fs::read_to_string(&path).unwrap();
        match self.random.below(3) {
            0 => fs::remove_file(path).unwrap(),
            1 => fs::write(path, "[]").unwrap(),
            _ => fs::write(path, &text[..text.len() / 2]).unwrap(),
        }
        self.file = None;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_any_order_of_events_no_one_is_served_a_session_that_is_over_and_each_is_issued_once() {
    let mut calls = 0;
    for seed in 0..SCHEDULES {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step().await;
        }
        world.source.fails.store(false, SeqCst);
        world.ask(0).await;
        // What is in the file is what the model says.
        let mut other = Program::start(world.folder.path(), &world.source);
        std::mem::swap(&mut world.programs[0], &mut other);
        world.ask(0).await;
        calls += world.source.calls();
    }
    // The schedules are not all hits or all misses.
    let steps = SCHEDULES * STEPS as u64;
    assert!((steps / 10..steps).contains(&calls), "{calls} calls");
}

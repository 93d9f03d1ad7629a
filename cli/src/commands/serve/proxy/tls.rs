//! The certificate of the proxy, whose files are read again and again.

use std::{
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use keyfob_chain::files;
use keyfob_imds::server::listen::Tls;
use keyfob_sigv4::{Secret, Timestamp};
use sha2::{Digest as _, Sha256};

use super::exposure;
use super::own::Metrics;
use crate::{
    args::ServeProxyArgs,
    failure::{Failure, chained},
    terminal::{Console, printable, printable_path},
};

/// How often the files are read. What is the same twice counts: their writer replaces one after the
/// other.
const AGE: Duration = Duration::from_millis(500);
/// How long no failed handshake is told after another one.
const SILENCE: Duration = Duration::from_secs(60);

/// Where the certificate and its key are.
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// A certificate and its key in use.
pub(super) struct Pair {
    files: Files,
    tls: Tls,
    /// What was seen last and told.
    seen: Seen,
}

/// The handshakes that fail.
pub(super) struct Handshakes {
    metrics: Arc<Metrics>,
    console: Console,
    /// When one was told.
    told: Mutex<Option<Instant>>,
}

impl Handshakes {
    pub(super) fn new(metrics: Arc<Metrics>, console: Console) -> Self {
        Self {
            metrics,
            console,
            told: Mutex::default(),
        }
    }

    /// Counts one, and tells it if none was told for a while.
    pub(super) fn failed(&self, error: &io::Error) {
        self.metrics.refused("a handshake of TLS failed");
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= SILENCE) {
            *told = Some(Instant::now());
            self.console.warn(&format!(
                "a handshake of TLS failed: {}; others are only counted for a minute",
                printable(&error.to_string())
            ));
        }
    }
}

/// The hash of the two files, or why they cannot be read.
type Seen = Result<[u8; 32], String>;

impl Files {
    /// Returns the files that the arguments name.
    pub(super) fn from_args(args: &ServeProxyArgs) -> Option<Self> {
        let (certificate, key) = (args.tls_cert.clone()?, args.tls_key.clone()?);
        Some(Self { certificate, key })
    }

    /// Reads the files.
    ///
    /// # Errors
    ///
    /// If one of them cannot be read or used. The message names it, and has nothing of what it
    /// holds.
    pub(super) fn read(self) -> Result<Pair, Failure> {
        for (argument, path) in [("--tls-cert", &self.certificate), ("--tls-key", &self.key)] {
            if path.to_string_lossy().contains("-----") {
                let text = format!("{argument}: write the name of a file, and not what is in it");
                return Err(Failure::usage(text));
            }
        }
        let [certificate, key] = self.contents(files::read_secret).map_err(Failure::usage)?;
        let tls = Tls::from_pem(certificate.expose(), &key);
        let tls = tls.map_err(|error| Failure::usage(self.wrong(&error)))?;
        Ok(Pair {
            seen: Ok(hash(&certificate, &key)),
            files: self,
            tls,
        })
    }

    fn contents(&self, read: fn(PathBuf) -> io::Result<Secret>) -> Result<[Secret; 2], String> {
        let read = |argument: &str, path: &Path| {
            read(path.to_owned()).map_err(|error| {
                let path = printable_path(path);
                match error.kind() {
                    io::ErrorKind::InvalidData => {
                        format!("{argument}: {path} is not a text: write it in PEM")
                    }
                    _ => format!("{argument}: cannot read {path}: {error}"),
                }
            })
        };
        Ok([
            read("--tls-cert", &self.certificate)?,
            read("--tls-key", &self.key)?,
        ])
    }

    /// Names the files of an error, which says which of both it is about.
    fn wrong(&self, error: &keyfob_imds::Error) -> String {
        format!(
            "--tls-cert {}, --tls-key {}: {}",
            printable_path(&self.certificate),
            printable_path(&self.key),
            chained(error)
        )
    }

    /// Returns false for pipes, which can be read once.
    fn are_regular(&self) -> bool {
        [&self.certificate, &self.key]
            .iter()
            .all(|path| path.is_file())
    }
}

impl Pair {
    /// Returns what the listener shows.
    pub(super) fn shared(&self) -> Tls {
        self.tls.clone()
    }

    /// Tells what is wrong with them for the callers of this address, and starts a thread that
    /// reads the files again and again.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub(super) fn keep(self, console: Console, address: IpAddr) -> Result<(), Failure> {
        self.warn_of_exposure(console);
        if !self.tls.is_for(&address.to_string()) {
            console.note(&format!(
                "the certificate is not for {address}: callers use one of its names in the URL"
            ));
        }
        let problem = self.time_problem();
        if let Some(problem) = &problem {
            console.warn(problem);
        }
        let thread = thread::Builder::new().name("keyfob-tls".to_owned());
        let started = thread.spawn(move || self.watch(console, problem));
        match started {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::other(format!("--tls-cert: {error}"))),
        }
    }

    fn warn_of_exposure(&self, console: Console) {
        if let Some(problem) = exposure("the private key", &self.files.key, None) {
            console.warn(&problem);
        }
    }

    fn watch(mut self, console: Console, mut problem: Option<String>) {
        let is_read_again = self.files.are_regular();
        let mut before = None;
        loop {
            thread::sleep(AGE);
            if is_read_again {
                let contents = self.files.contents(files::read_secret_file);
                let now = match &contents {
                    Ok([certificate, key]) => Ok(hash(certificate, key)),
                    Err(reason) => Err(reason.clone()),
                };
                if now != self.seen && before.as_ref() == Some(&now) {
                    self.replace(console, contents);
                    self.seen = now.clone();
                }
                before = Some(now);
            }
            let now = self.time_problem();
            if now != problem {
                now.iter().for_each(|problem| console.warn(problem));
                problem = now;
            }
        }
    }

    fn replace(&self, console: Console, contents: Result<[Secret; 2], String>) {
        let replaced = contents.and_then(|[certificate, key]| {
            let replaced = self.tls.replace(certificate.expose(), &key);
            replaced.map_err(|error| self.files.wrong(&error))
        });
        match replaced {
            Ok(()) => {
                console.note("the new certificate of --tls-cert is in use");
                self.warn_of_exposure(console);
            }
            Err(reason) => console.warn(&format!("{reason}; the previous ones stay in use")),
        }
    }

    fn time_problem(&self) -> Option<String> {
        let error = self.tls.check_time(Timestamp::now()).err()?;
        let path = printable_path(&self.files.certificate);
        let problem = format!("--tls-cert: {path}: {error}, and callers refuse it");
        Some(problem)
    }
}

fn hash(certificate: &Secret, key: &Secret) -> [u8; 32] {
    let mut hash = Sha256::new();
    for file in [certificate, key] {
        hash.update(file.expose().len().to_le_bytes());
        hash.update(file.expose());
    }
    hash.finalize().into()
}

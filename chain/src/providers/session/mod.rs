//! Sessions that programs on this machine share.

mod file;

use std::time::Duration;

use keyfob_sigv4::{Credentials, Timestamp};

pub(super) use self::file::SessionFile;
use self::file::is_held;
use crate::{
    cache::advisory_window,
    config::Settings,
    error::{Error, ErrorKind},
    files::{Lock, sessions::Session},
    finding::{Finding, FindingKind},
    origin::Origin,
    provider::Renewal,
};

/// How long a session is valid, in seconds, that nothing is waited for to replace it.
pub(super) const MANDATORY: i64 = 60;

/// A session that the programs on this machine share through a file, if there is a disk.
pub(super) struct SharedSession<'a> {
    pub(super) settings: &'a Settings,
    pub(super) file: Option<SessionFile>,
    /// How a new session is renewed, and how long it is valid, in seconds.
    pub(super) renewal: Renewal,
    pub(super) lifetime: u32,
    /// What another program may wait for a person with, such as `asks for the MFA code of this
    /// role`, and how long that may take.
    pub(super) asks: Option<(&'static str, Duration)>,
    /// Where it is configured.
    pub(super) named_in: &'a Origin,
}

impl SharedSession<'_> {
    /// Returns the session of the file. If that is about to expire, gets what a new one needs, and
    /// issues it with the file locked, unless another process was faster.
    pub(super) async fn get<T>(
        self,
        now: Timestamp,
        fetch: impl AsyncFnOnce() -> Result<T, Error>,
        issue: impl AsyncFnOnce(T, Timestamp) -> Result<Session, Error>,
    ) -> Result<Credentials, Error> {
        let watch = self.settings.sources().watch(now);
        let Some(file) = &self.file else {
            let source = fetch().await?;
            return issue(source, watch.now()).await.map(|new| new.credentials);
        };
        let window = advisory_window(self.renewal, self.lifetime);
        let fresh = |now: Timestamp| file.read().filter(|old| is_valid_for(window, old, now));
        if let Some(session) = fresh(now) {
            return Ok(session);
        }
        let renew = async || -> Result<Credentials, Error> {
            // Not under the lock: what is fetched may be another session with a lock of its own.
            let source = fetch().await?;
            let usable = || {
                let session = file.read();
                session.filter(|old| is_valid_for(MANDATORY, old, watch.now()))
            };
            let lock = match self.asks {
                // Nothing is waited for while there is a session that is good enough.
                _ if usable().is_some() => file.lock(Duration::ZERO).await,
                Some((what, patience)) => {
                    file.lock_to_ask(patience, || self.tell_waiting(what)).await
                }
                None => file.lock(Lock::PATIENCE).await,
            };
            let lock = match lock {
                Ok(lock) => Some(lock),
                Err(error) => {
                    if is_held(&error)
                        && let Some(session) = usable()
                    {
                        return Ok(session);
                    }
                    self.tell(&error);
                    None
                }
            };
            let now = watch.now();
            if let Some(session) = fresh(now) {
                return Ok(session);
            }
            let session = issue(source, now).await?;
            if let Some(lock) = lock
                && let Err(error) = session.write(&lock)
            {
                self.tell(&error);
            }
            Ok(session.credentials)
        };
        let is_awaited = |error: &Error| {
            let is_offline = self.settings.offline().is_some();
            let needs_a_person = matches!(error.kind(), ErrorKind::MfaCode | ErrorKind::SignIn);
            needs_a_person || is_offline || error.is_transient()
        };
        match renew().await {
            // A session that is still valid helps through an outage, offline, and until there is a
            // code or the user has signed in.
            Err(error) if is_awaited(&error) => {
                let old = file.read();
                old.filter(|old| is_valid_for(0, old, watch.now()))
                    .ok_or(error)
            }
            renewed => renewed,
        }
    }

    /// Tells the person at the terminal what is waited for.
    fn tell_waiting(&self, what: &str) {
        let text = format!("another program {what}: answer it there, or stop it");
        let finding = Finding::note(FindingKind::Waiting, text);
        self.settings
            .notify(&finding.with_origin(self.named_in.clone()));
    }

    /// Tells the program that a session could not be shared. It counts in this process all the
    /// same.
    fn tell(&self, error: &Error) {
        let text = format!("the session is not cached: {}", error.chain());
        let finding = Finding::warning(FindingKind::Cache, text);
        self.settings
            .notify(&finding.with_origin(self.named_in.clone()));
    }
}

/// Returns true if credentials are valid for longer than this number of seconds.
fn is_valid_for(seconds: i64, credentials: &Credentials, now: Timestamp) -> bool {
    let expiry = credentials.expiry();
    expiry.is_some_and(|expiry| expiry.seconds_since(now) > seconds)
}

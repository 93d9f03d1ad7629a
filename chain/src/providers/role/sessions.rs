use keyfob_sigv4::{Credentials, Timestamp};
use serde_json::{Value, json};

use super::{
    Role, TokenFile,
    session_file::SessionFile,
    sts::{Session, Sts, read_token},
};
use crate::{
    cache::advisory_window,
    config::Settings,
    error::{Error, ErrorKind, quotable},
    finding::{Finding, FindingKind},
    origin::Origin,
    provider::{Found, Renewal},
};

/// How long a session is valid if the configuration does not say.
const DEFAULT_DURATION: u32 = 3600;

/// The sessions of roles: in the memory that clones of the [`Sources`](crate::Sources) share, on
/// their disk, or else from STS.
#[derive(Clone, Debug)]
pub(in crate::providers) struct Sessions {
    settings: Settings,
    sts: Sts,
}

impl Sessions {
    pub(in crate::providers) fn new(settings: Settings) -> Self {
        Self {
            sts: Sts::new(settings.clone()),
            settings,
        }
    }

    /// Returns the sessions by other settings.
    pub(in crate::providers) fn with(&self, settings: &Settings) -> Self {
        Self {
            sts: self.sts.with(settings),
            settings: settings.clone(),
        }
    }

    /// Returns a session of a role. The credentials of `source`, which are those of the `earlier`
    /// roles, or of `base` if there are none, are needed only if no session is cached.
    pub(in crate::providers) async fn assume<R>(
        &self,
        role: &Role,
        earlier: &[Role],
        base: &str,
        source: impl Fn() -> R,
        now: Timestamp,
    ) -> Result<Found, Error>
    where
        R: Future<Output = Result<Found, Error>>,
    {
        let made_of: Vec<_> = earlier.iter().map(Role::parameters).collect();
        let key = self.key(role, &json!([base, made_of]));
        let ask = async |refused| {
            let file = self.file(&[role.parameters()], refused);
            let fetch = async || {
                // Before anything is sent for a session that there cannot be.
                if let Some(serial) = &role.mfa_serial
                    && !self.settings.sources().has_mfa_prompt()
                {
                    return Err(no_prompt(role, serial));
                }
                source().await
            };
            let issue = async |source: Found, now| self.sts.assume(role, &source, now).await;
            self.through(file, role, now, fetch, issue).await
        };
        self.cached(role, key, now, ask).await
    }

    /// Returns a session of a role that is assumed with the token in a file.
    pub(in crate::providers) async fn assume_with_token(
        &self,
        role: &Role,
        token_file: &TokenFile,
        now: Timestamp,
    ) -> Result<Found, Error> {
        let key = self.key(role, &json!(token_file.path.to_string_lossy()));
        let ask = async |refused| {
            let token = read_token(token_file)?;
            let without = role.parameters();
            let mut with = without.clone();
            with.insert("WebIdentityToken".to_owned(), token.expose().into());
            let file = self.file(&[with, without], refused);
            let fetch = async || Ok(());
            let issue = async |(), now| {
                self.sts
                    .assume_with_token(role, token_file, &token, now)
                    .await
            };
            self.through(file, role, now, fetch, issue).await
        };
        self.cached(role, key, now, ask).await
    }

    /// Returns what a session is made of, which tells it from others in memory.
    fn key(&self, role: &Role, source: &Value) -> String {
        let endpoint = self.settings.endpoint_url("sts").ok().flatten();
        let endpoint = endpoint.map(|setting| setting.text.to_owned());
        json!([endpoint, source, role.parameters()]).to_string()
    }

    /// Returns the session in memory, or else asks for one other than the one that a service has
    /// refused.
    async fn cached(
        &self,
        role: &Role,
        key: String,
        now: Timestamp,
        ask: impl AsyncFnOnce(Option<Credentials>) -> Result<Credentials, Error>,
    ) -> Result<Found, Error> {
        let found = |credentials: Credentials| {
            Found::new(credentials, role.origin()).with_renewal(Renewal::Service)
        };
        let slot = self.settings.sources().slot(key);
        // Other settings have another key.
        let cached = slot.credentials(now, 0, async || ask(slot.refused()).await.map(found));
        // The origin is that of this profile, whichever one asked for the session.
        cached.await.map(|cached| found(cached.into()))
    }

    /// Returns the files with the sessions of these parameters, if there is a disk. The first one
    /// is written.
    fn file(
        &self,
        parameters: &[serde_json::Map<String, Value>],
        refused: Option<Credentials>,
    ) -> Option<SessionFile> {
        let folder = self.settings.sources().disk()?;
        SessionFile::new(folder, parameters, refused).ok()
    }

    /// Returns the session of a file. If that is about to expire, gets what a new one needs, and
    /// issues it with the file locked, unless another process was faster.
    async fn through<T>(
        &self,
        file: Option<SessionFile>,
        role: &Role,
        now: Timestamp,
        fetch: impl AsyncFnOnce() -> Result<T, Error>,
        issue: impl AsyncFnOnce(T, Timestamp) -> Result<Session, Error>,
    ) -> Result<Credentials, Error> {
        let watch = self.settings.sources().watch(now);
        let Some(file) = file else {
            let source = fetch().await?;
            return issue(source, watch.now()).await.map(|new| new.credentials);
        };
        let window = advisory_window(role.duration_seconds.unwrap_or(DEFAULT_DURATION));
        let fresh = |now: Timestamp| file.read().filter(|old| is_valid_for(window, old, now));
        if let Some(session) = fresh(now) {
            return Ok(session);
        }
        let renew = async || -> Result<Credentials, Error> {
            // Not under the lock: what is fetched may be another session with a lock of its own.
            let source = fetch().await?;
            let lock = match file.lock(role.mfa_serial.is_some()).await {
                Ok(lock) => Some(lock),
                Err(error) => {
                    self.tell(role, &error);
                    None
                }
            };
            let now = watch.now();
            if let Some(session) = fresh(now) {
                return Ok(session);
            }
            let session = issue(source, now).await?;
            if let Some(lock) = lock
                && let Err(error) = file.write(&lock, &session)
            {
                self.tell(role, &error);
            }
            Ok(session.credentials)
        };
        match renew().await {
            // A session that is still valid helps through an outage, and until there is a code.
            Err(error) if error.is_transient() || error.kind() == ErrorKind::MfaCode => {
                let old = file.read();
                old.filter(|old| is_valid_for(0, old, watch.now()))
                    .ok_or(error)
            }
            renewed => renewed,
        }
    }

    /// Tells the program that a session could not be shared. It counts in this process all the
    /// same.
    fn tell(&self, role: &Role, error: &Error) {
        let text = format!("the session is not cached: {}", error.chain());
        let finding = Finding::warning(FindingKind::Cache, text);
        self.settings
            .notify(&finding.with_origin(role.named_in.clone()));
    }
}

/// Returns true if credentials are valid for longer than this number of seconds.
fn is_valid_for(seconds: i64, credentials: &Credentials, now: Timestamp) -> bool {
    let expiry = credentials.expiry();
    expiry.is_some_and(|expiry| expiry.seconds_since(now) > seconds)
}

fn no_prompt(role: &Role, serial: &str) -> Error {
    let Origin::File { section, .. } = &role.named_in else {
        return Error::new(ErrorKind::MfaCode, "the role needs a code");
    };
    let place = role.place("SerialNumber").unwrap_or_default();
    let serial = match quotable(serial) {
        None if !serial.starts_with("arn:") => "that it names",
        _ => serial,
    };
    let text = format!(
        "{place}: profile \"{section}\" needs a code of the MFA device {serial}, and there is no \
         prompt to ask for it: run it in a terminal, or get a session with a code first and use that"
    );
    Error::new(ErrorKind::MfaCode, text)
}

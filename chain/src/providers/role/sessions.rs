use std::{io, path::PathBuf, time::Duration};

use keyfob_sigv4::{Credentials, Secret, Timestamp};
use serde_json::{Value, json};

use super::{
    DEFAULT_DURATION, Role, TokenFile,
    sts::{Sts, read_token},
};
use crate::{
    config::Settings,
    error::{Error, ErrorKind, quotable},
    files::{self, names},
    provider::{Found, Renewal},
    providers::session::{SessionFile, SharedSession},
};

/// How long a person may take to answer another process that asks for a code.
const PROMPT_PATIENCE: Duration = Duration::from_secs(5 * 60);

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
            let shared = self.shared(role, &[role.parameters()], refused);
            let fetch = async || {
                // Before anything is sent for a session that there cannot be.
                if let Some(serial) = &role.mfa_serial {
                    if let Some(setting) = self.settings.offline() {
                        return Err(no_request(role, &setting));
                    }
                    if !self.settings.sources().has_mfa_prompt() {
                        return Err(no_prompt(role, serial));
                    }
                }
                source().await
            };
            // In a box: the sources of a chain of roles wait inside one another on the stack.
            let issue =
                async |source: Found, now| Box::pin(self.sts.assume(role, &source, now)).await;
            shared.get(now, fetch, issue).await
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
            let token = read_token(&self.settings, token_file).await?;
            let shared = self.shared(role, &with_token(role, &token), refused);
            let fetch = async || Ok(());
            let issue = async |(), now| {
                self.sts
                    .assume_with_token(role, token_file, &token, now)
                    .await
            };
            shared.get(now, fetch, issue).await
        };
        self.cached(role, key, now, ask).await
    }

    /// Returns what a session is made of, which tells it from others in memory.
    fn key(&self, role: &Role, source: &Value) -> String {
        let endpoint = self.settings.endpoint_url("sts").ok().flatten();
        let endpoint = endpoint.map(|setting| setting.text.to_owned());
        let argument = self.settings.role_endpoint();
        let endpoint = argument.map(|url| url.value.to_owned()).or(endpoint);
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
        let slot = self.settings.sources().slot(key, now);
        // Other settings have another key.
        let cached = slot.credentials(now, 0, async || ask(slot.refused()).await.map(found));
        // The origin is that of this profile, whichever one asked for the session.
        cached.await.map(|cached| found(cached.into()))
    }

    /// Returns the session as programs on this machine share it. The file is named by the
    /// parameters, and so are those that are read too.
    fn shared<'a>(
        &'a self,
        role: &'a Role,
        parameters: &[Parameters],
        refused: Option<Credentials>,
    ) -> SharedSession<'a> {
        SharedSession {
            settings: &self.settings,
            file: self.file(parameters, refused),
            renewal: Renewal::Service,
            lifetime: role.duration_seconds.unwrap_or(DEFAULT_DURATION),
            asks: role
                .mfa_serial
                .is_some()
                .then_some(("asks for the MFA code of this role", PROMPT_PATIENCE)),
            named_in: &role.named_in,
        }
    }

    /// Returns the files of a role's session on the disk.
    pub(in crate::providers) fn paths(
        &self,
        role: &Role,
        token_file: Option<&TokenFile>,
    ) -> Vec<PathBuf> {
        // Reading a pipe would wait for a writer, and use up what that writes.
        let path = token_file
            .map(|file| &file.path)
            .filter(|path| path.is_file());
        let parameters = match path.map(files::read_secret) {
            Some(Ok(token)) => with_token(role, &token).to_vec(),
            _ => vec![role.parameters()],
        };
        let file = self.file(&parameters, None);
        file.map_or_else(Vec::new, SessionFile::into_paths)
    }

    fn file(&self, parameters: &[Parameters], refused: Option<Credentials>) -> Option<SessionFile> {
        let names = parameters.iter().map(names::role_session);
        let names = names.collect::<io::Result<Vec<_>>>().ok()?;
        // The files do not tell apart who has issued a session.
        let is_shared = self.settings.role_endpoint().is_none();
        let disk = self.settings.session_disk().filter(|_| is_shared)?;
        Some(SessionFile::new(disk, names, refused))
    }
}

type Parameters = serde_json::Map<String, Value>;

/// Returns the parameters that name the file of a web identity in version 1 of the AWS CLI, and
/// then those of version 2, which has the same file for every token.
fn with_token(role: &Role, token: &Secret) -> [Parameters; 2] {
    let without = role.parameters();
    let mut with = without.clone();
    with.insert("WebIdentityToken".to_owned(), token.expose().into());
    [with, without]
}

/// A code would be of no use for a role that must not be assumed.
fn no_request(role: &Role, setting: &str) -> Error {
    let text = format!("{} is not assumed, because of {setting}", role.described());
    Error::new(ErrorKind::Setting, text)
}

fn no_prompt(role: &Role, serial: &str) -> Error {
    let question = role.question(serial, None);
    let (role_of, place) = (role.described(), role.place("SerialNumber"));
    let is_shown = quotable(serial).is_some() || serial.starts_with("arn:");
    let text = format!(
        "{}{role_of} needs a code of the MFA device {}, and there is no prompt to ask for it: run it \
         in a terminal, or get a session with a code first and use that",
        place.map_or_else(String::new, |place| format!("{place}: ")),
        if is_shown { serial } else { "that it names" }
    );
    let error = Error::new(ErrorKind::MfaCode, text);
    // What is not an ARN or a serial number may be a secret in its place.
    if is_shown && role.is_arn() {
        error.with_question(question)
    } else {
        error
    }
}

//! `credential_process`: a program that writes credentials.

mod document;
mod waiting;

use std::{fmt, io, path::Path};

use keyfob_sigv4::{Credentials, Timestamp};
use serde_json::json;

use self::waiting::{CHAIN, circle, waiting, written};
use super::{
    role::property,
    session::{SessionFile, SharedSession},
};
use crate::{
    config::{Settings, table},
    error::{Error, ErrorKind, quotable, quotable_path, shown},
    files::{Lock, names, sessions::Session},
    origin::Origin,
    profiles::{Section, Value},
    provider::{Found, Renewal},
    sources::{ProcessCommand, ProcessOutput},
};

/// The `credential_process` of a profile.
#[derive(Clone)]
pub(super) struct Process {
    profile: String,
    command: String,
    /// The file and the line.
    place: String,
    origin: Origin,
    account_id: Option<String>,
    /// Whether a file may have what it prints.
    is_cached: bool,
}

impl Process {
    pub(super) fn new(section: &Section, command: &Value) -> Self {
        let account_id = property(section, "aws_account_id");
        let cached = property(section, table::CACHE_PROCESS.property());
        let profile = section.name().name();
        let named_in = Box::new(Origin::file(command.location(), profile));
        Self {
            profile: profile.to_owned(),
            command: command.as_str().to_owned(),
            place: command.location().to_string(),
            origin: Origin::Process { named_in },
            account_id: account_id.map(|id| id.as_str().to_owned()),
            is_cached: cached.is_some_and(|flag| flag.as_str().eq_ignore_ascii_case("true")),
        }
    }

    pub(super) fn origin(&self) -> Origin {
        self.origin.clone()
    }

    /// Returns what tells this process from others.
    pub(super) fn key(&self) -> String {
        json!(["credential_process", self.profile, self.command]).to_string()
    }

    /// Returns what the process has answered before, or runs it. Tasks that need it at the same
    /// time run it once.
    pub(super) async fn credentials(
        &self,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Found, Error> {
        let found = |credentials| Found::new(credentials, self.origin());
        let slot = settings.sources().slot(self.key(), now);
        let ask = async || {
            let credentials = self.shared(settings, slot.refused(), now).await;
            credentials.map(found)
        };
        let cached = slot.credentials(now, 0, ask).await?;
        Ok(found(cached.into()))
    }

    /// Returns what a process of another program has printed, if the profile allows it, or runs it.
    async fn shared(
        &self,
        settings: &Settings,
        refused: Option<Credentials>,
        now: Timestamp,
    ) -> Result<Credentials, Error> {
        let shared = SharedSession {
            settings,
            file: self.file(settings, refused),
            renewal: Renewal::ByCaller,
            lifetime: 0,
            // It may ask at the terminal or in a browser.
            asks: Some((
                "runs the credential_process of this profile",
                Lock::PATIENCE,
            )),
            named_in: &self.origin,
        };
        let issue = async |(), now| {
            Ok(Session {
                credentials: self.run(settings, now).await?,
                user: None,
                provider: Some("process".to_owned()),
                profile: Some(self.profile.clone()),
            })
        };
        shared.get(now, async || Ok(()), issue).await
    }

    /// Returns the file on the disk, if the profile allows one.
    pub(super) fn file(
        &self,
        settings: &Settings,
        refused: Option<Credentials>,
    ) -> Option<SessionFile> {
        let disk = settings.session_disk().filter(|_| self.is_cached)?;
        let name = names::process_session(&self.profile, &self.command);
        Some(SessionFile::new(disk, name.ok(), refused))
    }

    async fn run(&self, settings: &Settings, now: Timestamp) -> Result<Credentials, Error> {
        let command = self.command(settings)?;
        let program = command.program().to_owned();
        let watch = settings.sources().watch(now);
        let output = settings.sources().run(command).await;
        let output = output.map_err(|error| self.cannot_run(&program, error))?;
        if !output.status.success() {
            return Err(self.has_failed(settings, &output));
        }
        let fault = |fault: String| self.error(ErrorKind::Provider, &fault);
        let credentials = document::read(output.stdout.expose(), settings.rules().documents);
        let mut credentials = credentials.map_err(fault)?;
        if let (None, Some(id)) = (credentials.account_id(), &self.account_id) {
            credentials = credentials.with_account_id(id);
        }
        if credentials.is_expired_at(watch.now())
            && let Some(expiry) = credentials.expiry()
        {
            let text = format!("the credentials in its output expired at {expiry}");
            return Err(self.error(ErrorKind::Expired, &text));
        }
        Ok(credentials)
    }

    /// Returns the command to run, which tells the process which profiles wait for it.
    fn command(&self, settings: &Settings) -> Result<ProcessCommand, Error> {
        let variables = settings.variables();
        let chain = waiting(variables, &self.profile)
            .map_err(|reason| self.error(ErrorKind::SourceProfile, &reason))?;
        let platform = variables.platform();
        let command = if settings.rules().runs_shell {
            ProcessCommand::from_shell(&self.command, platform)
        } else {
            ProcessCommand::parse(&self.command, platform)
                .map_err(|reason| self.error(ErrorKind::Setting, reason))?
        };
        Ok(command.with_variable(CHAIN, written(&chain)))
    }

    fn cannot_run(&self, program: &str, error: io::Error) -> Error {
        let program = quotable(program).or_else(|| quotable_path(Path::new(program)));
        let program = program.map_or_else(|| "its program".to_owned(), |name| shown(&name));
        let (kind, text) = match error.kind() {
            io::ErrorKind::NotFound => {
                // The message of the system does not say what was not found.
                let text =
                    format!("{program} is not there: a program without / is looked up in PATH");
                return self.error(ErrorKind::Setting, &text);
            }
            io::ErrorKind::PermissionDenied => {
                (ErrorKind::Setting, format!("{program} cannot be run"))
            }
            io::ErrorKind::TimedOut => {
                let text = format!("{error}; if it asks for something, run this in a terminal");
                return self.error(ErrorKind::Provider, &text);
            }
            _ => (
                ErrorKind::Provider,
                format!("{program} has no usable result"),
            ),
        };
        Error::with_source(kind, self.text(&text), error)
    }

    /// Does not repeat what the process says: any word of that may be a password or a code. In a
    /// terminal it stands there already.
    fn has_failed(&self, settings: &Settings, output: &ProcessOutput) -> Error {
        if let Some(circle) = circle(settings, &self.profile, &self.command) {
            return self.error(ErrorKind::SourceProfile, &circle);
        }
        let mut text = format!("it failed ({})", output.status);
        if !output.stderr.is_empty() {
            text.push_str(": run this in a terminal to see what it says");
        }
        self.error(ErrorKind::Provider, &text)
    }

    fn error(&self, kind: ErrorKind, text: &str) -> Error {
        Error::new(kind, self.text(text))
    }

    fn text(&self, text: &str) -> String {
        let (place, profile) = (&self.place, shown(&self.profile));
        format!("{place}: credential_process of profile \"{profile}\": {text}")
    }
}

/// Shows no command: some people write secrets there.
impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("profile", &self.profile)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Fails if the `credential_process` of this profile, or those of too many others, wait for
    /// this program: for a program whose output is that of such a process.
    ///
    /// # Errors
    ///
    /// If that is so, [`ErrorKind::SourceProfile`].
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let variables = Variables::from_iter([("_AWS_CLI_PROFILE_CHAIN", "a,default")]);
    /// let settings = Settings::load(variables);
    /// assert_eq!(
    ///     settings.check_waiting_profiles().unwrap_err().to_string(),
    ///     "the processes of profiles wait in a circle: a → default → default",
    /// );
    /// assert!(settings.with_profile("b").check_waiting_profiles().is_ok());
    /// ```
    pub fn check_waiting_profiles(&self) -> Result<(), Error> {
        let checked = waiting(self.variables(), self.profile_name());
        let checked = checked.map(drop);
        checked.map_err(|reason| Error::new(ErrorKind::SourceProfile, reason))
    }
}

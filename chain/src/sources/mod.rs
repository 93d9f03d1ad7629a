//! What a program gives the chain: a person to ask, processes, a disk, clients and a clock.

mod process;
mod sessions;
mod split;

use std::{any::Any, fmt, path::PathBuf, sync::Arc};

use keyfob_sigv4::{Secret, Timestamp};

pub use self::process::{ProcessCommand, ProcessOutput, ProcessStop, RunningProcess};
use self::sessions::Sessions;
pub(crate) use self::split::split_posix;
use crate::{cache::Slot, error::Error, origin::Origin, provider::BoxFuture};

/// What a program gives the providers of a chain.
///
/// Nothing else is reached from there: no terminal, no folder, no clock. By default there is no
/// prompt and no disk, processes run without a terminal, and the clock is that of the system.
///
/// Clones share the sessions of roles that were issued so far: two profiles with a role in common
/// use one session of it.
///
/// # Examples
///
/// ```no_run
/// use keyfob_chain::{Cached, Chain, Order, Settings, Sources, Variables};
/// use keyfob_sigv4::{Secret, Timestamp};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sources = Sources::default()
///     .with_disk("/home/ada/.aws")
///     .with_mfa_prompt(|question| async move {
///         eprintln!("code of {}: ", question.serial_number);
///         let mut code = String::new();
///         std::io::stdin().read_line(&mut code).ok();
///         Ok(Secret::from(code.trim()))
///     });
/// let settings = Settings::load(Variables::from_process()).with_sources(sources);
/// let cached = Cached::new(Chain::default_for(Order::Cli, &settings));
/// let credentials = cached.credentials(Timestamp::now()).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Sources {
    mfa_prompt: Option<Arc<MfaPrompt>>,
    processes: Option<Arc<Processes>>,
    disk: Option<PathBuf>,
    #[cfg(feature = "sts")]
    sts_client: Option<Arc<StsClient>>,
    refresh_guard: Option<Arc<RefreshGuard>>,
    clock: Option<Arc<Clock>>,
    sessions: Arc<Sessions>,
}

type MfaPrompt = dyn Fn(MfaQuestion) -> BoxFuture<'static, Result<Secret, Error>> + Send + Sync;
type Processes = dyn Fn(ProcessCommand) -> BoxFuture<'static, Result<ProcessOutput, std::io::Error>>
    + Send
    + Sync;
#[cfg(feature = "sts")]
type StsClient = dyn Fn(keyfob_sts::ClientBuilder) -> keyfob_sts::ClientBuilder + Send + Sync;
type RefreshGuard = dyn Fn() -> Box<dyn Any + Send> + Send + Sync;
type Clock = dyn Fn() -> Timestamp + Send + Sync;

/// A question for the code of an MFA device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MfaQuestion {
    /// The profile that has `mfa_serial`.
    pub profile: String,
    /// The ARN of the role that is assumed with the code.
    pub role_arn: String,
    /// The serial number or ARN of the device.
    pub serial_number: String,
    /// The profile whose credentials assume the role. `None` if it is this one, or if they come
    /// from another source.
    pub source_profile: Option<String>,
    /// The name of the session that the profile sets.
    pub session_name: Option<String>,
    /// The external id that the profile sets.
    pub external_id: Option<String>,
    /// The lifetime of the session in seconds that the profile sets.
    pub duration_seconds: Option<u32>,
    /// Why the code before this one was refused. `None` for the first question.
    pub refused: Option<String>,
}

/// The credentials that a role was to be assumed with, for an error that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoleSource {
    /// The ARN of the role.
    pub role_arn: String,
    /// The access key ID of the credentials.
    pub access_key_id: String,
    /// Where the credentials come from.
    pub origin: Origin,
    /// The profile that has the credentials. `None` if it is that of the role, or if they come from
    /// another source.
    pub profile: Option<String>,
    /// Whether the program itself names the role, and no profile.
    pub is_of_program: bool,
}

impl Sources {
    /// Sets how a code of an MFA device is asked for, which a role with `mfa_serial` needs. Without
    /// it, such a role is an error.
    ///
    /// A code is six digits and works once. After one that is wrong, the question comes again,
    /// three times at most. An error of the prompt ends the questions. The code is never logged.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Error, ErrorKind, Sources};
    ///
    /// // A device that answers by itself has only one code at a time.
    /// let sources = Sources::default().with_mfa_prompt(|question| async move {
    ///     match question.refused {
    ///         None => Ok("123456".into()),
    ///         Some(reason) => Err(Error::new(ErrorKind::MfaCode, reason)),
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn with_mfa_prompt<R>(
        mut self,
        prompt: impl Fn(MfaQuestion) -> R + Send + Sync + 'static,
    ) -> Self
    where
        R: Future<Output = Result<Secret, Error>> + Send + 'static,
    {
        self.mfa_prompt = Some(Arc::new(move |question| Box::pin(prompt(question))));
        self
    }

    /// Sets how the process of `credential_process` is run. The default is
    /// [`ProcessCommand::run`]: no shell, no terminal, one minute.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::Sources;
    ///
    /// // The process may ask questions at the terminal of this program.
    /// let sources = Sources::default()
    ///     .with_processes(|command| command.with_terminal().run());
    /// ```
    #[must_use]
    pub fn with_processes<R>(
        mut self,
        run: impl Fn(ProcessCommand) -> R + Send + Sync + 'static,
    ) -> Self
    where
        R: Future<Output = Result<ProcessOutput, std::io::Error>> + Send + 'static,
    {
        self.processes = Some(Arc::new(move |command| Box::pin(run(command))));
        self
    }

    /// Sets the folder whose `cli/cache` has the sessions of roles, usually `~/.aws`. Programs on
    /// this machine share them, the AWS CLI included: fifty processes that need the same session
    /// ask STS once. The credentials of `credential_process` are there only if the profile has
    /// `keyfob_cache_process = true`. Without a disk, nothing is written.
    ///
    /// Its `sso/cache` and `login/cache` have the tokens of SSO and of `aws login`, which are
    /// refreshed by one process at a time. Without a disk, they are read from the home folder and
    /// not refreshed, because nothing could write the new refresh token, which takes the place of
    /// the old one.
    ///
    /// The files have mode 0600. They are the ones of the AWS CLI, which does not tell apart roles
    /// that are assumed with different credentials.
    #[must_use]
    pub fn with_disk(mut self, folder: impl Into<PathBuf>) -> Self {
        self.disk = Some(folder.into());
        self
    }

    /// Sets what is held while a token of SSO or of `aws login` is refreshed.
    ///
    /// The service replaces the token that refreshes, and the old one is used up. A program that
    /// ends between the answer and the file loses the new one, and its user must sign in again. So
    /// let a program that ends at a signal first wait until what `guard` returned is dropped. That
    /// takes as long as one call, with its retries.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use keyfob_chain::Sources;
    ///
    /// let refreshes = Arc::new(());
    /// let guard = Arc::clone(&refreshes);
    /// let sources = Sources::default().with_refresh_guard(move || Arc::clone(&guard));
    /// // More than the two of this example, if a refresh is under way.
    /// let may_end = || Arc::strong_count(&refreshes) <= 2;
    /// assert!(may_end());
    /// ```
    #[must_use]
    pub fn with_refresh_guard<G: Send + 'static>(
        mut self,
        guard: impl Fn() -> G + Send + Sync + 'static,
    ) -> Self {
        self.refresh_guard = Some(Arc::new(move || Box::new(guard())));
        self
    }

    /// Sets a change to every client that [`Settings::sts`](crate::Settings::sts) and
    /// [`Settings::client`](crate::Settings::client) build, for STS and for SSO,
    /// such as an HTTP client of your own.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use keyfob_chain::Sources;
    ///
    /// let sources = Sources::default()
    ///     .with_sts_client(|builder| builder.timeout(Duration::from_secs(2)));
    /// ```
    #[cfg(feature = "sts")]
    #[must_use]
    pub fn with_sts_client(
        mut self,
        change: impl Fn(keyfob_sts::ClientBuilder) -> keyfob_sts::ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.sts_client = Some(Arc::new(change));
        self
    }

    /// Sets the clock. It tells how long a prompt, a process or a lock took; the time before that
    /// is the argument of the caller. The default is [`Timestamp::now`].
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::Sources;
    /// use keyfob_sigv4::Timestamp;
    ///
    /// // Nothing takes any time.
    /// let sources = Sources::default().with_clock(|| Timestamp::from_unix_seconds(0));
    /// ```
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Asks for a code, or returns `None` if there is no prompt.
    #[cfg(feature = "sts")]
    pub(crate) fn ask_for_code(
        &self,
        question: MfaQuestion,
    ) -> Option<BoxFuture<'static, Result<Secret, Error>>> {
        self.mfa_prompt.as_ref().map(|prompt| prompt(question))
    }

    #[cfg(feature = "sts")]
    pub(crate) fn has_mfa_prompt(&self) -> bool {
        self.mfa_prompt.is_some()
    }

    pub(crate) fn run(
        &self,
        command: ProcessCommand,
    ) -> BoxFuture<'static, Result<ProcessOutput, std::io::Error>> {
        match &self.processes {
            Some(run) => run(command),
            None => Box::pin(command.run()),
        }
    }

    pub(crate) fn disk(&self) -> Option<&std::path::Path> {
        self.disk.as_deref()
    }

    /// Returns what to hold during the refresh of a token.
    #[cfg(any(feature = "sso", feature = "login"))]
    pub(crate) fn hold_refresh(&self) -> Option<Box<dyn Any + Send>> {
        self.refresh_guard.as_ref().map(|guard| guard())
    }

    #[cfg(feature = "sts")]
    pub(crate) fn finish_client(
        &self,
        builder: keyfob_sts::ClientBuilder,
    ) -> keyfob_sts::ClientBuilder {
        match &self.sts_client {
            Some(change) => change(builder),
            None => builder,
        }
    }

    /// Returns where the credentials of a source are cached. The key says what they are made of.
    pub(crate) fn slot(&self, key: String, now: Timestamp) -> Slot {
        self.sessions.slot(key, now)
    }

    pub(crate) fn invalidate(&self, refused: &keyfob_sigv4::Credentials) {
        self.sessions.invalidate(refused);
    }

    /// Starts to count the time that something takes, from the caller's `now`.
    pub(crate) fn watch(&self, now: Timestamp) -> Watch<'_> {
        let started = self.time();
        Watch {
            sources: self,
            now,
            started,
        }
    }

    fn time(&self) -> Timestamp {
        self.clock
            .as_ref()
            .map_or_else(Timestamp::now, |clock| clock())
    }
}

/// The caller's time, which goes on while something takes long.
pub(crate) struct Watch<'a> {
    sources: &'a Sources,
    now: Timestamp,
    started: Timestamp,
}

impl Watch<'_> {
    pub(crate) fn now(&self) -> Timestamp {
        let passed = self.sources.time().seconds_since(self.started);
        self.now.plus_seconds(passed.max(0))
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("mfa_prompt", &self.mfa_prompt.is_some())
            .field("processes", &self.processes.is_some())
            .field("disk", &self.disk)
            .field("clock", &self.clock.is_some())
            .finish_non_exhaustive()
    }
}

use std::{
    fmt,
    io::{self, Read},
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use keyfob_sigv4::Secret;
use tokio::sync::oneshot;

use super::split::split;
use crate::variables::Platform;

/// How long a process without a terminal may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How many bytes of each output are kept.
const KEPT: usize = 64 * 1024;
/// How often it is checked whether a process has exited. The end of its output tells it earlier.
const PAUSE: Duration = Duration::from_millis(5);
/// How long output is awaited after the process has exited. A program that it started and that goes
/// on, such as an agent, may hold the pipe open.
const GRACE: Duration = Duration::from_millis(500);

/// A process to run for its output, without a shell.
///
/// Its environment is that of this process, with the additions of
/// [`with_variable`](Self::with_variable).
///
/// # Examples
///
/// ```
/// use keyfob_chain::ProcessCommand;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), std::io::Error> {
/// # if cfg!(windows) { return Ok(()) }
/// let output = ProcessCommand::new("printf", ["%s", "a b"]).run().await?;
/// assert!(output.status.success());
/// assert_eq!(output.stdout.expose(), "a b");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ProcessCommand {
    program: String,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    timeout: Option<Duration>,
    has_terminal: bool,
    /// Whether the arguments are not quoted for Windows: `cmd.exe` has rules of its own.
    is_verbatim: bool,
}

/// What a process has written, and how it ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessOutput {
    /// How the process ended.
    pub status: ExitStatus,
    /// Its standard output, up to 64 KiB.
    pub stdout: Secret,
    /// Its standard error, up to 64 KiB. Empty if that went to the terminal.
    pub stderr: Secret,
}

impl ProcessOutput {
    /// Combines the end of a process with what it has written, for a runner of your own.
    pub fn new(status: ExitStatus, stdout: impl Into<Secret>, stderr: impl Into<Secret>) -> Self {
        Self {
            status,
            stdout: stdout.into(),
            stderr: stderr.into(),
        }
    }
}

impl ProcessCommand {
    /// Creates a command. A program without a slash is looked up in `PATH`.
    pub fn new(
        program: impl Into<String>,
        arguments: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            variables: Vec::new(),
            timeout: Some(TIMEOUT),
            has_terminal: false,
            is_verbatim: false,
        }
    }

    /// Splits a line into a program and its arguments, as a shell would, and as
    /// `credential_process` is split: quotes keep what is between them, and nothing is replaced.
    ///
    /// # Errors
    ///
    /// What is wrong with the line: a quote does not end, or there is no program.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Platform, ProcessCommand};
    ///
    /// let command = ProcessCommand::parse("oathtool --totp 'a b'", Platform::Unix)?;
    /// assert_eq!(command.program(), "oathtool");
    /// assert_eq!(command.arguments(), ["--totp", "a b"]);
    /// # Ok::<(), &'static str>(())
    /// ```
    pub fn parse(line: &str, platform: Platform) -> Result<Self, &'static str> {
        let words = split(line, platform).ok_or("it has a quote without its end")?;
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty());
        Ok(Self::new(program.ok_or("it names no program")?, words))
    }

    /// Creates a command in which a shell runs a line, as the SDKs do that hand
    /// `credential_process` to one.
    pub(crate) fn from_shell(line: &str, platform: Platform) -> Self {
        match platform {
            Platform::Unix => Self::new("/bin/sh", ["-c", line]),
            Platform::Windows => Self {
                is_verbatim: true,
                ..Self::new("cmd.exe", ["/d", "/s", "/c", &format!("\"{line}\"")])
            },
        }
    }

    /// Sets a variable of the process.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Sets how long the process may take. The default is one minute.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Gives the process the standard input and the standard error of this program, for questions
    /// to a person. It may take as long as it likes, because that person can stop it.
    ///
    /// Without it, the process has no input, runs in a process group of its own, and its standard
    /// error is returned.
    #[must_use]
    pub fn with_terminal(mut self) -> Self {
        self.has_terminal = true;
        self.timeout = None;
        self
    }

    /// Returns the program.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Returns the arguments.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Starts the process and waits until it exits. Needs no particular runtime.
    ///
    /// At the timeout, or if the future is dropped, the process is killed, with the processes that
    /// it has started (without a terminal).
    ///
    /// # Errors
    ///
    /// - The error of the system if the process cannot be started.
    /// - [`io::ErrorKind::TimedOut`] at the timeout.
    /// - [`io::ErrorKind::InvalidData`] if the standard output is not UTF-8 or longer than 64 KiB.
    pub async fn run(self) -> Result<ProcessOutput, io::Error> {
        self.start()?.output().await
    }

    /// Starts the process.
    ///
    /// # Errors
    ///
    /// The error of the system if the process cannot be started.
    pub fn start(&self) -> Result<RunningProcess, io::Error> {
        let mut command = Command::new(&self.program);
        for argument in &self.arguments {
            add(&mut command, argument, self.is_verbatim);
        }
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped());
        if !self.has_terminal {
            command.stdin(Stdio::null()).stderr(Stdio::piped());
            #[cfg(unix)]
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
        }
        let mut child = command.spawn()?;
        let outputs = (child.stdout.take(), child.stderr.take());
        let stop = ProcessStop {
            child: Arc::new(Mutex::new(Some(child))),
            has_group: !self.has_terminal,
        };
        let (sender, outcome) = oneshot::channel();
        let running = RunningProcess {
            stop: stop.clone(),
            outcome,
        };
        let timeout = self.timeout;
        // If there is no thread left, dropping `running` stops the process.
        thread::Builder::new()
            .name("keyfob-process".to_owned())
            .spawn(move || {
                _ = sender.send(wait(&stop, outputs, timeout));
            })?;
        Ok(running)
    }
}

/// Adds an argument, which the program does not unquote if it is verbatim.
#[cfg(windows)]
fn add(command: &mut Command, argument: &str, is_verbatim: bool) {
    use std::os::windows::process::CommandExt as _;

    if is_verbatim {
        command.raw_arg(argument);
    } else {
        command.arg(argument);
    }
}

/// Adds an argument: only Windows quotes them.
#[cfg(not(windows))]
fn add(command: &mut Command, argument: &str, _is_verbatim: bool) {
    command.arg(argument);
}

impl fmt::Debug for ProcessCommand {
    /// Shows no argument: some people write secrets there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessCommand")
            .field("arguments", &self.arguments.len())
            .field("timeout", &self.timeout)
            .field("has_terminal", &self.has_terminal)
            .finish_non_exhaustive()
    }
}

/// A process that was started. Dropping it stops the process.
#[derive(Debug)]
pub struct RunningProcess {
    stop: ProcessStop,
    outcome: oneshot::Receiver<Result<ProcessOutput, io::Error>>,
}

impl RunningProcess {
    /// Waits until the process exits.
    ///
    /// # Errors
    ///
    /// As for [`ProcessCommand::run`].
    pub async fn output(mut self) -> Result<ProcessOutput, io::Error> {
        let gone = |_| {
            Err(io::Error::other(
                "the thread that waits for the process is gone",
            ))
        };
        (&mut self.outcome).await.unwrap_or_else(gone)
    }

    /// Returns what stops the process from elsewhere, such as from a handler of signals.
    pub fn stop(&self) -> ProcessStop {
        self.stop.clone()
    }
}

impl Drop for RunningProcess {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

/// Stops a [`RunningProcess`].
#[derive(Clone)]
pub struct ProcessStop {
    /// `None` once it has exited.
    child: Arc<Mutex<Option<Child>>>,
    has_group: bool,
}

impl ProcessStop {
    /// Kills the process if it is still running. Without a terminal, this also kills the processes
    /// that it has started.
    pub fn stop(&self) {
        if let Some(mut child) = self.lock().take() {
            if self.has_group {
                kill_group(&child);
            }
            _ = child.kill();
            _ = child.wait();
        }
    }

    /// Returns how the process ended, if it did.
    fn ended(&self) -> io::Result<Option<ExitStatus>> {
        let mut child = self.lock();
        let running = child.as_mut();
        let stopped = || io::Error::new(io::ErrorKind::Interrupted, "the process was stopped");
        let status = running.ok_or_else(stopped)?.try_wait()?;
        if status.is_some() {
            // From now on its id may be that of another process.
            *child = None;
        }
        Ok(status)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ProcessStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProcessStop")
    }
}

#[cfg(unix)]
fn kill_group(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};

    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        _ = kill_process_group(group, Signal::KILL);
    }
}

/// Windows has no groups of processes that could be killed without a handle to each.
#[cfg(windows)]
fn kill_group(child: &Child) {
    let id = child.id().to_string();
    _ = Command::new("taskkill")
        .args(["/T", "/F", "/PID", &id])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

#[cfg(not(any(unix, windows)))]
fn kill_group(_child: &Child) {}

/// Waits until the process has exited and its outputs are at their end.
fn wait(
    stop: &ProcessStop,
    (stdout, stderr): (Option<ChildStdout>, Option<ChildStderr>),
    timeout: Option<Duration>,
) -> Result<ProcessOutput, io::Error> {
    let started = Instant::now();
    let (open, closed) = mpsc::channel();
    let stdout = Collected::start(stdout, open.clone())?;
    let stderr = Collected::start(stderr, open)?;
    let mut is_closed = false;
    let mut ended = None;
    let status = loop {
        if let Err(error) = stdout.check() {
            stop.stop();
            return Err(error);
        }
        if ended.is_none() {
            ended = stop.ended()?.map(|status| (status, Instant::now()));
        }
        match ended {
            Some((status, at)) if is_closed || at.elapsed() > GRACE => break status,
            None if timeout.is_some_and(|timeout| started.elapsed() >= timeout) => {
                stop.stop();
                let message = "it did not finish in time and was stopped";
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            _ => {}
        }
        if is_closed {
            thread::sleep(PAUSE);
        } else {
            let end = closed.recv_timeout(PAUSE);
            is_closed = end == Err(mpsc::RecvTimeoutError::Disconnected);
        }
    };
    let not_utf8 = |_| io::Error::new(io::ErrorKind::InvalidData, "its output is not UTF-8");
    stdout.check()?;
    Ok(ProcessOutput {
        status,
        stdout: String::from_utf8(stdout.take())
            .map(Secret::new)
            .map_err(not_utf8)?,
        stderr: Secret::new(String::from_utf8_lossy(&stderr.take()).into_owned()),
    })
}

/// What a process has written so far to one of its outputs.
#[derive(Default)]
struct Collected(Arc<Mutex<Output>>);

/// The bytes that are kept, and whether there were more.
type Output = (Vec<u8>, bool);

impl Collected {
    /// Reads on a thread of its own, which drops `open` at the end.
    fn start(
        output: Option<impl Read + Send + 'static>,
        open: mpsc::Sender<()>,
    ) -> Result<Self, io::Error> {
        let this = Self::default();
        let Some(mut output) = output else {
            return Ok(this);
        };
        let shared = Arc::clone(&this.0);
        let read = move || {
            let _open = open;
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                let (bytes, is_cut) = &mut *locked(&shared);
                let room = KEPT - bytes.len();
                // The rest is read too, so that the process does not wait.
                bytes.extend_from_slice(&buffer[..length.min(room)]);
                *is_cut |= length > room;
            }
        };
        thread::Builder::new()
            .name("keyfob-output".to_owned())
            .spawn(read)?;
        Ok(this)
    }

    /// Fails if more was written than is kept.
    fn check(&self) -> Result<(), io::Error> {
        if locked(&self.0).1 {
            let message = "its output is longer than 64 KiB";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(())
    }

    /// Returns what was read and kept.
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut locked(&self.0).0)
    }
}

fn locked(output: &Mutex<Output>) -> MutexGuard<'_, Output> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

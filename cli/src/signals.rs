//! Signals and panics, which end the process at once, wherever it waits.
//!
//! A thread of its own watches for signals. The command's thread may block for as long as it likes:
//! on a hung mount, in a read from a terminal or a pipe, or in a computation. The thread starts
//! when the command first waits, or has something to undo or to finish. Until then, and in short
//! commands for ever, a signal ends the process by itself.

use std::{
    io, mem, panic,
    process::{self, Child, Command},
    sync::{
        Mutex, MutexGuard, Once, PoisonError, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{sync::Notify, time::sleep};

/// What a signal or a panic undoes before the process exits, by number.
static UNDO: Mutex<UndoList> = Mutex::new(UndoList {
    next: 0,
    entries: Vec::new(),
});
/// Held while a file is replaced.
static WRITING: Mutex<()> = Mutex::new(());
/// What must come to its end before the process exits.
static HOLDS: Mutex<Holds> = Mutex::new(Holds {
    count: 0,
    is_ending: false,
});

/// How long the exit waits for a [`Hold`].
const LONGEST_HOLD: Duration = Duration::from_secs(10);
/// How long the replacing of a file, or another short work, may take after a signal.
const PATIENCE: Duration = Duration::from_millis(250);
const PAUSE: Duration = Duration::from_millis(5);

struct Holds {
    count: usize,
    /// Whether a signal waits for them.
    is_ending: bool,
}

impl Holds {
    /// Returns true if nothing is held any more, and a signal ends the process. While something is
    /// held, it may need this thread to come to its end.
    fn are_over(&self) -> bool {
        self.is_ending && self.count == 0
    }
}

/// Makes a signal and the end of the command wait until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold(());

impl Drop for Hold {
    fn drop(&mut self) {
        let mut holds = HOLDS.lock().unwrap_or_else(PoisonError::into_inner);
        holds.count -= 1;
        if holds.are_over() {
            drop(holds);
            wait_for_the_end();
        }
    }
}

/// Keeps signals from ending the process while something must not be lost, such as a new token
/// whose predecessor is used up. A second signal ends it nevertheless, if it comes half a second
/// later or more.
///
/// After a signal it does not return, unless something else is held: what would be lost does not
/// begin.
pub(crate) fn hold() -> Hold {
    watch();
    let mut holds = HOLDS.lock().unwrap_or_else(PoisonError::into_inner);
    if holds.are_over() {
        drop(holds);
        wait_for_the_end();
    }
    holds.count += 1;
    Hold(())
}

/// Waits for the thread that has got the signal, which ends the process.
fn wait_for_the_end() -> ! {
    loop {
        thread::park();
    }
}

/// Waits until nothing is held, or for as long as anything may be.
pub(crate) async fn wait_for_holds() {
    let is_held = || HOLDS.lock().unwrap_or_else(PoisonError::into_inner).count > 0;
    let start = Instant::now();
    while is_held() && start.elapsed() < LONGEST_HOLD {
        sleep(PAUSE).await;
    }
}

/// Tells servers that a signal ends the process.
static ENDING: Notify = Notify::const_new();
/// Whether SIGHUP ends the process.
static HANG_UP_ENDS: AtomicBool = AtomicBool::new(true);

/// Waits for a signal that ends the process. Have a [`Hold`], so that it does not end at once.
pub(crate) async fn ending() {
    let ending = ENDING.notified();
    let is_ending = HOLDS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .is_ending;
    if !is_ending {
        ending.await;
    }
}

/// Makes SIGHUP end nothing from now on: for servers that are told with it to read a file again,
/// and read it again anyway.
pub(crate) fn outlive_hang_up() {
    HANG_UP_ENDS.store(false, Ordering::Relaxed);
}

struct UndoList {
    next: u64,
    entries: Vec<(u64, Box<dyn FnOnce() + Send>)>,
}

impl UndoList {
    fn run(&mut self) {
        for (_, undo) in mem::take(&mut self.entries) {
            undo();
        }
    }
}

/// Keeps something to undo registered. Dropping it forgets it, without running it.
#[derive(Debug)]
pub(crate) struct Undo(u64);

impl Drop for Undo {
    fn drop(&mut self) {
        let mut list = UNDO.lock().unwrap_or_else(PoisonError::into_inner);
        list.entries.retain(|(number, _)| *number != self.0);
    }
}

/// Registers what a signal or a panic must undo: removing a temporary folder, restoring a terminal.
pub(crate) fn undo_on_signal(undo: impl FnOnce() + Send + 'static) -> Undo {
    watch();
    let mut list = UNDO.lock().unwrap_or_else(PoisonError::into_inner);
    let number = list.next;
    list.next += 1;
    list.entries.push((number, Box::new(undo)));
    Undo(number)
}

#[cfg(unix)]
pub(crate) use self::watcher::unless_ignored;

/// The process that gets the signals of this one.
static CHILD: Mutex<Option<u32>> = Mutex::new(None);

/// Keeps signals from ending this process, in favor of another one. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct PassedOn {
    #[cfg(unix)]
    _others: tokio::task::JoinSet<()>,
}

impl Drop for PassedOn {
    fn drop(&mut self) {
        *CHILD.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Starts a child process that gets the signals of this one, instead of their ending this one.
/// Needs a runtime, which must run on while the child is waited for.
pub(crate) fn spawn(command: &mut Command) -> io::Result<(Child, PassedOn)> {
    watch();
    // No signal comes between the start and the name of the child.
    let mut slot = CHILD.lock().unwrap_or_else(PoisonError::into_inner);
    // The console sends Ctrl-C to both processes: this one waits for what the child makes of it.
    #[cfg(windows)]
    let _caught = tokio::signal::windows::ctrl_c()?;
    #[cfg(unix)]
    let _others = watcher::pass_on_others();
    let child = command.spawn()?;
    *slot = Some(child.id());
    let passed_on = PassedOn {
        #[cfg(unix)]
        _others,
    };
    Ok((child, passed_on))
}

/// Locks what another thread has for a moment only. After a signal, that thread may wait for ever:
/// then it is not locked.
pub(crate) fn lock_soon<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        match mutex.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(error)) => return Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
        }
    }
    None
}

/// Makes a signal wait for a moment while a file is replaced, so that no temporary file stays.
pub(crate) fn finish_writing() -> MutexGuard<'static, ()> {
    watch();
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Watches for Ctrl-C, SIGTERM, SIGHUP and SIGQUIT from now on. If the system has no thread or no
/// descriptor left for that, they go on to end the process by themselves.
pub(crate) fn watch() {
    static STARTED: Once = Once::new();
    STARTED.call_once(watcher::start);
}

/// Makes a panic undo what a signal does, and exit with Rust's code for panics. An abort would undo
/// nothing, and a core dump would have the secrets of this process.
pub(crate) fn exit_on_panic() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        report(info);
        // Not waited for, because this thread may hold it.
        if let Ok(mut list) = UNDO.try_lock() {
            list.run();
        }
        process::exit(101);
    }));
}

#[cfg(unix)]
mod watcher {
    use std::{
        fs::File,
        io::{self, Read as _},
        process,
        sync::{LazyLock, PoisonError, atomic::Ordering, mpsc},
        thread,
        time::{Duration, Instant},
    };

    use rustix::{
        process::{Pid, Signal, getpgrp, kill_process},
        termios::tcgetpgrp,
    };
    use tokio::{
        runtime,
        signal::unix::{self, SignalKind, signal},
        task::JoinSet,
    };

    use super::{CHILD, ENDING, HANG_UP_ENDS, HOLDS, UNDO, WRITING, lock_soon, wait_for_holds};

    /// How long the same event may go on to send signals. A terminal that closes sends two SIGHUP,
    /// one as such and one by the shell, and a service manager SIGTERM and SIGHUP.
    const ONE_EVENT: Duration = Duration::from_millis(500);

    /// What a child gets besides the signals that end this process: orders of service managers and
    /// of other programs, which would end this process or be lost in it. Those that a fault of this
    /// process raises, and those that stop it, are not among them.
    const OTHERS: &[Signal] = &[
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::VTALARM,
        Signal::PROF,
        Signal::ABORT,
        Signal::XCPU,
        Signal::URG,
        Signal::WINCH,
        Signal::CONT,
        Signal::IO,
        #[cfg(target_os = "linux")]
        Signal::POWER,
        #[cfg(target_os = "linux")]
        Signal::STKFLT,
    ];
    /// The numbers of signals without a meaning of their own, which mean what a program makes of
    /// them.
    #[cfg(target_os = "linux")]
    const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;
    #[cfg(not(target_os = "linux"))]
    const REAL_TIME: std::ops::Range<i32> = 0..0;

    pub(super) fn start() {
        let (caught, all_caught) = mpsc::channel();
        let thread = thread::Builder::new().name("signals".to_owned());
        let thread = thread.spawn(move || watch(&caught));
        if thread.is_ok() {
            // An error means that the thread has ended.
            let _ = all_caught.recv();
        }
    }

    /// Catches the signals, tells that, and waits for them.
    fn watch(caught: &mpsc::Sender<()>) -> io::Result<()> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            if is_ignored(SignalKind::child()) {
                // Otherwise no child could be waited for. What is caught stays so.
                drop(signal(SignalKind::child())?);
            }
            let mut signals = Signals::catch()?;
            let _ = caught.send(());
            loop {
                let kind = signals.next().await;
                if kind == SignalKind::hangup() && !HANG_UP_ENDS.load(Ordering::Relaxed) {
                    continue;
                }
                if !pass_on(kind) {
                    HOLDS
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .is_ending = true;
                    ENDING.notify_waiters();
                    tokio::select! {
                        () = wait_for_holds() => {}
                        () = signals.second() => {}
                    }
                    end(kind);
                }
            }
        })
    }

    /// The signals that end this process. One that it was started to ignore is `None`.
    struct Signals {
        interrupt: Option<unix::Signal>,
        terminate: Option<unix::Signal>,
        hang_up: Option<unix::Signal>,
        quit: Option<unix::Signal>,
    }

    impl Signals {
        fn catch() -> io::Result<Self> {
            Ok(Self {
                // Shells that ask nothing start their background jobs with SIGINT ignored: Ctrl-C
                // is for the script.
                interrupt: unless_ignored(SignalKind::interrupt())?,
                terminate: unless_ignored(SignalKind::terminate())?,
                // `nohup` means that the process outlives its terminal.
                hang_up: unless_ignored(SignalKind::hangup())?,
                // A core dump would have the secrets of this process.
                quit: unless_ignored(SignalKind::quit())?,
            })
        }

        /// Waits for a signal and returns its kind.
        async fn next(&mut self) -> SignalKind {
            tokio::select! {
                () = received(&mut self.interrupt) => SignalKind::interrupt(),
                () = received(&mut self.terminate) => SignalKind::terminate(),
                () = received(&mut self.hang_up) => SignalKind::hangup(),
                () = received(&mut self.quit) => SignalKind::quit(),
            }
        }

        /// Waits for a signal of another event than the one that has just come.
        async fn second(&mut self) {
            let first = Instant::now();
            loop {
                self.next().await;
                if first.elapsed() >= ONE_EVENT {
                    return;
                }
            }
        }
    }

    /// Waits for a signal, for ever if it is ignored.
    async fn received(signal: &mut Option<unix::Signal>) {
        match signal {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }

    /// Catches a signal unless the process was started with it ignored.
    pub(crate) fn unless_ignored(kind: SignalKind) -> io::Result<Option<unix::Signal>> {
        if is_ignored(kind) {
            return Ok(None);
        }
        signal(kind).map(Some)
    }

    /// The signals that this process was started to ignore, or `None` if the system does not tell.
    ///
    /// Source: `SigIgn` in proc(5), a bit mask in hexadecimal digits.
    static IGNORED: LazyLock<Option<u64>> = LazyLock::new(|| {
        // The system does not tell the length of this file: with this much, one read gets it all.
        let mut status = String::with_capacity(4096);
        let mut file = File::open("/proc/self/status").ok()?;
        file.read_to_string(&mut status).ok()?;
        let mut lines = status.lines();
        let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    });

    fn is_ignored(kind: SignalKind) -> bool {
        IGNORED.is_some_and(|mask| mask & (1 << (kind.as_raw_value() - 1)) != 0)
    }

    /// Passes the other signals on to the child that starts now, until what it returns is dropped.
    pub(super) fn pass_on_others() -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let named = OTHERS.iter().map(|other| other.as_raw());
        for number in named.chain(REAL_TIME) {
            let kind = SignalKind::from_raw(number);
            // Some libraries of C keep the first of real time for themselves.
            if let Ok(Some(mut signal)) = unless_ignored(kind) {
                tasks.spawn(async move {
                    while signal.recv().await.is_some() {
                        pass_on(kind);
                    }
                });
            }
        }
        tasks
    }

    /// Passes a signal on to the child, if there is one.
    fn pass_on(kind: SignalKind) -> bool {
        let child = CHILD.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(child) = *child else {
            return false;
        };
        let of_terminal = [
            SignalKind::interrupt(),
            SignalKind::quit(),
            SignalKind::window_change(),
        ]
        .contains(&kind);
        // Who sent it is not known here: the system tells only a handler in unsafe code, or a
        // signalfd, which none of the crates in use has. So a signal of another program that is
        // also one of the terminal is taken for a key there.
        // What is typed, and a new size, reach all processes of the terminal's foreground. Some
        // programs take a second Ctrl-C as an order to end without saving.
        if of_terminal && is_in_foreground() {
            return true;
        }
        let number = kind.as_raw_value();
        // A child that has just ended needs no signal.
        if let Some(signal) = Signal::from_named_raw(number) {
            let child = i32::try_from(child).ok().and_then(Pid::from_raw);
            let _ = child.map(|child| kill_process(child, signal));
        } else {
            // Without a name, only unsafe code could send it from here.
            let line = format!("kill -{number} {child}");
            let _ = process::Command::new("sh").args(["-c", &line]).status();
        }
        true
    }

    /// Returns true if this process belongs to those that the terminal sends signals to.
    fn is_in_foreground() -> bool {
        let terminal = File::open("/dev/tty");
        terminal.is_ok_and(|terminal| tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp()))
    }

    /// Undoes what is registered, then exits with 128 plus the signal's number, as shells count.
    fn end(kind: SignalKind) {
        // The writer may itself wait for the lock of another program.
        let _no_writer = lock_soon(&WRITING);
        // The lock is kept: nothing can be registered any more.
        let mut list = UNDO.lock().unwrap_or_else(PoisonError::into_inner);
        list.run();
        // After Ctrl-C the shell's prompt starts on a line of its own. Only for a terminal, because
        // a pipe that is full would hold up the exit; and without Rust's lock of stderr, which the
        // command may hold for ever.
        let stderr = rustix::stdio::stderr();
        if kind == SignalKind::interrupt() && rustix::termios::isatty(stderr) {
            let _ = rustix::io::write(stderr, b"\n");
        }
        process::exit(128 + kind.as_raw_value());
    }
}

/// Elsewhere the default disposition stays: Ctrl-C ends the process at once.
#[cfg(not(unix))]
mod watcher {
    pub(super) fn start() {}
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path, process::Output};

    use super::*;

    /// Names a file, in the process of a test that ends or changes its process.
    const FILE: &str = "KEYFOB_TEST_SIGNALS";

    /// Runs a test of this module in a process of its own, with a file to write to.
    fn alone(test: &str, file: &Path) -> Output {
        let name = format!("signals::tests::{test}");
        let mut command = Command::new(env::current_exe().unwrap());
        let command = command.args([&name, "--exact", "--nocapture"]);
        command.env(FILE, file).output().unwrap()
    }

    #[test]
    fn a_panic_undoes_what_is_registered_and_exits_with_101() {
        if let Some(file) = env::var_os(FILE) {
            exit_on_panic();
            let _undo = undo_on_signal(move || fs::write(file, "").unwrap());
            panic!("on purpose");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("undone");
        let output = alone(
            "a_panic_undoes_what_is_registered_and_exits_with_101",
            &file,
        );
        assert_eq!(output.status.code(), Some(101), "{output:?}");
        assert!(file.exists(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("on purpose"));
        // A failed test has this code, too, but also a result.
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(!stdout.contains("test result"), "{stdout}");
    }

    #[test]
    fn after_a_signal_nothing_begins_that_would_be_lost() {
        if let Some(file) = env::var_os(FILE) {
            let first = hold();
            HOLDS.lock().unwrap().is_ending = true;
            // The first one may need this.
            drop(hold());
            let last = thread::spawn(move || drop(first));
            // One that begins before the last has ended would make that go on, as it should.
            while HOLDS.lock().unwrap().count > 0 {
                thread::sleep(PAUSE);
            }
            let late = thread::spawn(|| drop(hold()));
            thread::sleep(Duration::from_millis(100));
            let goes_on = last.is_finished() || late.is_finished();
            fs::write(file, goes_on.to_string()).unwrap();
            process::exit(0);
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("goes on");
        let output = alone("after_a_signal_nothing_begins_that_would_be_lost", &file);
        let goes_on = fs::read_to_string(&file);
        assert_eq!(goes_on.unwrap(), "false", "{output:?}");
    }
}

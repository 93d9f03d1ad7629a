//! `keyfob`: AWS credentials on the command line.

mod args;
mod commands;
mod context;
mod failure;
mod output;
mod s3;
mod sandbox;
mod syntax;
mod terminal;

use std::{env, process::ExitCode, time::Duration};

use tokio::{runtime, signal};

use self::{
    args::{Args, Color},
    context::Context,
    failure::{Failure, explain_usage},
    terminal::Console,
};

/// How long a question at the terminal gets to put the terminal back, after Ctrl-C.
const LAST_WORDS: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let plain = Console::new(Color::Off, true);
    let Err(failure) = try_main(plain) else {
        return ExitCode::SUCCESS;
    };
    if !failure.is_silent() {
        plain.aside(&failure.to_string());
    }
    ExitCode::from(failure.exit_code())
}

/// The words first, then what they refer to, then the deed.
fn try_main(plain: Console) -> Result<(), Failure> {
    let args = match Args::parse_words(env::args_os()) {
        Ok(args) => args,
        Err(error) => return explain_usage(plain, &error),
    };
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::other(format!("cannot start: {error}")))?;
    let result = runtime.block_on(async {
        tokio::select! {
            // First, so that nothing runs before somebody listens for signals.
            biased;
            failure = signalled() => {
                plain.aside("\n");
                Err(failure)
            }
            result = run(args) => result,
        }
    });
    runtime.shutdown_timeout(LAST_WORDS);
    result
}

/// Waits for a signal to end. What runs is dropped then, so that the sandbox takes its files with it.
async fn signalled() -> Failure {
    #[cfg(unix)]
    if let Ok(mut terminate) = signal::unix::signal(signal::unix::SignalKind::terminate()) {
        return tokio::select! {
            _ = signal::ctrl_c() => Failure::interrupted(),
            _ = terminate.recv() => Failure::terminated(),
        };
    }
    let _ = signal::ctrl_c().await;
    Failure::interrupted()
}

async fn run(args: Args) -> Result<(), Failure> {
    let context = Context::prepare(args.globals).await?;
    commands::run(&context, &args.command).await
}

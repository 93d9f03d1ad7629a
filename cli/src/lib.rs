//! All of the command `keyfob`, as a library, so that fuzz targets reach what is in it.
//!
//! It has no API for other crates: use `keyfob-chain`, `keyfob-sts`, `keyfob-sigv4`, `keyfob-imds`
//! and `keyfob-backoff`, which it stands on.

mod args;
mod commands;
mod completion;
mod context;
mod failure;
#[cfg(test)]
mod generator;
mod output;
mod private_folder;
mod s3;
mod sandbox;
mod services;
mod signals;
mod syntax;
mod terminal;

use std::{env, ffi::OsString, io, process::ExitCode, time::Duration};

use keyfob_chain::Variables;
use tokio::runtime;

use self::{
    args::{Args, Color, ErrorFormat},
    context::Context,
    failure::{Failure, explain_usage},
    terminal::{Console, told},
};

/// What `--version` prints.
const VERSION: &str = concat!("keyfob ", env!("CARGO_PKG_VERSION"), "\n");

/// How long a thread that still reads a prompt may take to end.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(200);

/// Runs the command with the arguments of this process.
pub fn main() -> ExitCode {
    signals::exit_on_panic();
    // Errors are never colored, so they can be printed before the arguments are known.
    let plain = Console::new(Color::Off);
    let Err(failure) = try_main(plain) else {
        return ExitCode::SUCCESS;
    };
    let code = failure.exit_code();
    if !failure.is_silent() {
        let home = Variables::from_process().home();
        plain.write_stderr(&failure.with_home(home).to_string());
    }
    ExitCode::from(code)
}

/// Checks a request of a fuzzer against the rules of `serve proxy`.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn fuzz_request(input: &[u8]) {
    commands::fuzz_request(input);
}

/// Parses the arguments, resolves what they refer to, then runs the command.
fn try_main(plain: Console) -> Result<(), Failure> {
    let words: Vec<OsString> = env::args_os().collect();
    // Without the parser, which takes most of the memory of a short command.
    if let [_, only] = &words[..]
        && (only == "--version" || only == "-V")
    {
        return plain.write_stdout(VERSION);
    }
    let format = ErrorFormat::from_words(&words, env::var_os("AWS_CLI_ERROR_FORMAT"));
    let args = match Args::from_words(words.clone(), |name| env::var_os(name)) {
        Ok(args) => args,
        Err(error) => {
            let text = explain_usage(&error, &words);
            return plain.write_stdout(text.map_err(|failure| failure.with_format(format))?);
        }
    };
    if let Some(result) = commands::run_alone(plain, &args.command) {
        return result.map_err(|failure| failure.with_format(format));
    }
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(signals::watch)
        .build()
        .map_err(|error| cannot_start(&error))?;
    let result = runtime.block_on(async {
        let result = run(args, format).await;
        signals::wait_for_holds().await;
        result
    });
    runtime.shutdown_timeout(SHUTDOWN_GRACE);
    result
}

fn cannot_start(error: &io::Error) -> Failure {
    Failure::other(format!("cannot start: {error}"))
}

async fn run(args: Args, format: ErrorFormat) -> Result<(), Failure> {
    let format = args.globals.cli_error_format.unwrap_or(format);
    let context = Context::prepare(args.globals, format, &args.command).await;
    let context = context.map_err(|failure| failure.with_format(format))?;
    let result = told(context.console(), commands::run(&context, &args.command)).await;
    result.map_err(|failure| context.formatted(failure))
}

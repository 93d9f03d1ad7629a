//! One module for each command.

mod configure;
mod imds;
mod parameter;
mod s3;
mod sandbox;
mod serve;
mod sign;
mod sts;
mod usage;
mod whoami;
mod why;

pub(crate) use self::usage::explain_usage;
use crate::{args::Command, context::Context, failure::Failure};

/// Runs a command.
///
/// # Errors
///
/// The command's own failure.
pub(crate) async fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Whoami => whoami::run(context).await,
        Command::Why { json } => why::run(context, *json).await,
        Command::Sts(command) => sts::run(context, command).await,
        Command::Configure { command } => configure::run(context, command.as_ref()).await,
        Command::Sign(args) => sign::run(context, args).await,
        Command::S3(command) => s3::run(context, command).await,
        Command::Imds(command) => imds::run(context, command).await,
        Command::Serve(command) => serve::run(context, command).await,
        Command::Sandbox { port } => sandbox::run(context, *port).await,
    }
}

/// A secret as `aws` shows it: stars, and the last four characters. Of a short one these would be too much.
fn masked(secret: &str) -> String {
    let end = secret.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    let end = if end < 4 { "" } else { &secret[end..] };
    format!("{}{end}", "*".repeat(16))
}

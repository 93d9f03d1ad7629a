//! `keyfob s3`: buckets, objects, and URLs that carry their signature.

mod buckets;
mod endpoint;
mod ls;
mod post;
mod presign;
mod report;
mod rm;
mod time;
mod transfer;

use self::endpoint::{address, client};
use crate::{
    args::S3Command,
    context::Context,
    failure::{Failure, Refused},
    terminal::printable,
};

/// Runs the command.
///
/// # Errors
///
/// The command's own failure.
pub(super) async fn run(context: &Context, command: &S3Command) -> Result<(), Failure> {
    let done = match command {
        S3Command::Ls(args) => ls::run(context, args).await,
        S3Command::Cp(args) => transfer::cp(context, args).await,
        S3Command::Mv(args) => transfer::mv(context, args).await,
        S3Command::Sync(args) => transfer::sync(context, args).await,
        S3Command::Mb(args) => buckets::make(context, args).await,
        S3Command::Rb(args) => buckets::remove(context, args).await,
        S3Command::Rm(args) => rm::run(context, args).await,
        S3Command::Presign(args) if args.post => post::run(context, args).await,
        S3Command::Presign(args) => presign::run(context, args).await,
    };
    match (done, context.refused_by_s3().get()) {
        (Err(failure), Some((code, message))) => {
            let refused = Refused { code, message };
            let failure = context.explain_refusal(failure, refused, "S3").await;
            if failure.is_silent() && !is_quiet(command) {
                // Each file or object that failed has its line already.
                for hint in failure.hints() {
                    let line = format!("hint: {}\n", printable(hint));
                    context.console().write_note(&line);
                }
            }
            Err(failure)
        }
        (Err(failure), None) => Err(match context.endpoint_url("s3") {
            Ok(Some((url, setting))) => failure.with_endpoint_origin(url, &setting),
            _ => failure,
        }),
        (done, _) => done,
    }
}

/// Returns true if the command prints nothing.
fn is_quiet(command: &S3Command) -> bool {
    match command {
        S3Command::Cp(args) => args.transfer.report.quiet,
        S3Command::Mv(args) => args.transfer.report.quiet,
        S3Command::Sync(args) => args.transfer.report.quiet,
        S3Command::Rm(args) => args.report.quiet,
        _ => false,
    }
}

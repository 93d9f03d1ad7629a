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
use crate::{args::S3Command, context::Context, failure::Failure};

/// Runs the command.
///
/// # Errors
///
/// The command's own failure.
pub(super) async fn run(context: &Context, command: &S3Command) -> Result<(), Failure> {
    match command {
        S3Command::Ls(args) => ls::run(context, args).await,
        S3Command::Cp(args) => transfer::cp(context, args).await,
        S3Command::Mv(args) => transfer::mv(context, args).await,
        S3Command::Sync(args) => transfer::sync(context, args).await,
        S3Command::Mb(args) => buckets::make(context, args).await,
        S3Command::Rb(args) => buckets::remove(context, args).await,
        S3Command::Rm(args) => rm::run(context, args).await,
        S3Command::Presign(args) if args.post => post::run(context, args).await,
        S3Command::Presign(args) => presign::run(context, args).await,
    }
}

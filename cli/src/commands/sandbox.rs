//! `keyfob sandbox`: the sandbox for other programs, until Ctrl-C.

use std::future;

use crate::{context::Context, failure::Failure, sandbox::Sandbox};

/// Prints the lines that point a shell at the sandbox, and serves until it is interrupted.
///
/// # Errors
///
/// When the port is taken.
pub(super) async fn run(context: &Context, port: u16) -> Result<(), Failure> {
    let throttled = context.globals().sandbox_throttle.unwrap_or(0);
    let sandbox = Sandbox::start(port, throttled).await?;
    let environment = sandbox.environment();
    context.console().data(&environment.exports())?;
    context.console().note(
        "the sandbox runs until Ctrl-C; paste these lines into another shell and try aws, boto3 or keyfob there",
    );
    future::pending().await
}

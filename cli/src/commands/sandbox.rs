//! `keyfob sandbox`: the sandbox for other programs, until Ctrl-C.

use std::future;

use crate::{
    commands::serve::forbid_core_dumps, context::Context, failure::Failure, sandbox::Sandbox,
};

/// Prints the lines that point a shell at the sandbox, then serves until interrupted.
///
/// # Errors
///
/// If the port is in use.
pub(super) async fn run(context: &Context, port: u16) -> Result<(), Failure> {
    let throttled = context.globals().sandbox_throttle.unwrap_or(0);
    let sandbox = Sandbox::start(port, throttled).await?;
    forbid_core_dumps();
    let console = context.console();
    console.write_stdout(sandbox.environment().exports())?;
    console.note(
        "the sandbox runs until Ctrl-C; paste these lines into another shell and try aws, boto3 \
         or keyfob there; they leave ~/.aws/sso/cache as it is, so `sso logout` there also removes \
         the tokens that you have",
    );
    future::pending().await
}

//! One module for each command.

mod api;
mod cache;
mod can;
mod completion;
mod configure;
mod console;
mod doctor;
mod env;
mod environment;
mod exec;
mod imds;
mod keys;
mod login;
mod man;
mod redirect;
mod request;
mod s3;
mod saml;
mod sandbox;
mod serve;
mod sign;
mod sso;
mod token;
mod trust_policy;
mod whoami;
mod why;

use std::{future::ready, pin::Pin};

#[cfg(fuzzing)]
pub(crate) use self::serve::proxy::fuzz::check_request as fuzz_request;
use crate::{args::Command, context::Context, failure::Failure, services, terminal::Console};

/// Runs a command that needs no settings, before anything is started that takes time: a shell waits
/// for it at each Tab. `None` for the other commands.
pub(crate) fn run_alone(console: Console, command: &Command) -> Option<Result<(), Failure>> {
    match command {
        Command::Completion(args) => Some(completion::run(console, args)),
        Command::Man(args) => Some(man::run(console, args)),
        _ => None,
    }
}

/// Runs a command.
///
/// # Errors
///
/// The command's own failure.
pub(crate) async fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    // On the heap, each alone: together they are as large as the largest, and are copied.
    let done: Pin<Box<dyn Future<Output = Result<(), Failure>> + '_>> = match command {
        Command::Whoami { json } => Box::pin(whoami::run(context, *json)),
        Command::Why(args) => Box::pin(why::run(context, args)),
        Command::Doctor { json } => Box::pin(doctor::run(context, *json)),
        Command::Service(invocation) => Box::pin(services::run(context, invocation)),
        Command::TrustPolicy(args) => Box::pin(trust_policy::run(context, args)),
        Command::Api(args) => Box::pin(api::run(context, args)),
        Command::Can(args) => Box::pin(can::run(context, args)),
        Command::Saml(command) => Box::pin(saml::run(context, command)),
        Command::Login(args) => Box::pin(login::run(context, args)),
        Command::Logout(args) => Box::pin(ready(login::log_out(context, args))),
        Command::Sso(command) => Box::pin(sso::run(context, command)),
        Command::Console(args) => Box::pin(console::run(context, args)),
        Command::Keys(command) => Box::pin(keys::run(context, command)),
        Command::Cache(command) => Box::pin(ready(cache::run(context, command))),
        Command::Env(args) => Box::pin(env::run(context, args)),
        Command::Exec(args) => Box::pin(exec::run(context, args)),
        Command::Configure { command } => Box::pin(configure::run(context, command.as_deref())),
        Command::Sign(args) => Box::pin(sign::run(context, args)),
        Command::Request(args) => Box::pin(request::run(context, args)),
        Command::S3(command) => Box::pin(s3::run(context, command)),
        Command::Eks(command) => Box::pin(token::run_eks(context, command)),
        Command::Rds(command) => Box::pin(token::run_rds(context, command)),
        Command::Dsql(command) => Box::pin(token::run_dsql(context, command)),
        Command::Codecommit(command) => Box::pin(token::run_codecommit(context, command)),
        Command::Token(command) => Box::pin(token::run(context, command)),
        Command::Imds(command) => Box::pin(imds::run(context, command)),
        Command::Serve(command) => Box::pin(serve::run(context, command)),
        Command::Sandbox { port } => Box::pin(sandbox::run(context, *port)),
        Command::Completion(_) | Command::Man(_) => {
            let done = run_alone(context.console(), command).unwrap_or(Ok(()));
            Box::pin(ready(done))
        }
    };
    done.await
}

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
    match command {
        Command::Whoami { json } => whoami::run(context, *json).await,
        Command::Why(args) => why::run(context, args).await,
        Command::Doctor { json } => doctor::run(context, *json).await,
        Command::Service(invocation) => services::run(context, invocation).await,
        Command::TrustPolicy(args) => trust_policy::run(context, args).await,
        Command::Api(args) => api::run(context, args).await,
        Command::Can(args) => can::run(context, args).await,
        Command::Saml(command) => saml::run(context, command).await,
        Command::Login(args) => login::run(context, args).await,
        Command::Logout(args) => login::log_out(context, args),
        Command::Sso(command) => sso::run(context, command).await,
        Command::Console(args) => console::run(context, args).await,
        Command::Keys(command) => keys::run(context, command).await,
        Command::Cache(command) => cache::run(context, command),
        Command::Env(args) => env::run(context, args).await,
        Command::Exec(args) => exec::run(context, args).await,
        Command::Configure { command } => configure::run(context, command.as_deref()).await,
        Command::Sign(args) => sign::run(context, args).await,
        Command::Request(args) => request::run(context, args).await,
        Command::S3(command) => s3::run(context, command).await,
        Command::Eks(command) => token::run_eks(context, command).await,
        Command::Rds(command) => token::run_rds(context, command).await,
        Command::Dsql(command) => token::run_dsql(context, command).await,
        Command::Codecommit(command) => token::run_codecommit(context, command).await,
        Command::Token(command) => token::run(context, command).await,
        Command::Imds(command) => imds::run(context, command).await,
        Command::Serve(command) => serve::run(context, command).await,
        Command::Sandbox { port } => sandbox::run(context, *port).await,
        Command::Completion(_) | Command::Man(_) => {
            run_alone(context.console(), command).unwrap_or(Ok(()))
        }
    }
}

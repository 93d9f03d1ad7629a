//! One module for each command.

mod cache;
mod configure;
mod console;
mod doctor;
mod env;
mod environment;
mod exec;
mod imds;
mod login;
mod redirect;
mod s3;
mod saml;
mod sandbox;
mod serve;
mod sign;
mod sso;
mod trust_policy;
mod whoami;
mod why;

use crate::{args::Command, context::Context, failure::Failure, services};

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
        Command::Saml(command) => saml::run(context, command).await,
        Command::Login(args) => login::run(context, args).await,
        Command::Logout(args) => login::log_out(context, args),
        Command::Sso(command) => sso::run(context, command).await,
        Command::Console(args) => console::run(context, args).await,
        Command::Cache(command) => cache::run(context, command),
        Command::Env(args) => env::run(context, args).await,
        Command::Exec(args) => exec::run(context, args).await,
        Command::Configure { command } => configure::run(context, command.as_ref()).await,
        Command::Sign(args) => sign::run(context, args).await,
        Command::S3(command) => s3::run(context, command).await,
        Command::Imds(command) => imds::run(context, command).await,
        Command::Serve(command) => serve::run(context, command).await,
        Command::Sandbox { port } => sandbox::run(context, *port).await,
    }
}

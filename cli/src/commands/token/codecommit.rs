//! `codecommit credential-helper`: the user name and the password that `git` asks for.

use keyfob_sigv4::{HostScope, token};

use super::{Maker, named, warn_of_expiry};
use crate::{
    args::{CodecommitCommand, CredentialHelperCommand},
    context::Context,
    failure::Failure,
    syntax::standard_input,
};

/// Answers `git`, which writes lines `NAME=VALUE` to standard input and reads such lines.
///
/// For a host that is not one of AWS it prints nothing, and `git` asks its next helper.
///
/// # Errors
///
/// If the host or the path is missing or invalid, or if there are no credentials.
pub(crate) async fn run(context: &Context, command: &CodecommitCommand) -> Result<(), Failure> {
    let CodecommitCommand::CredentialHelper(command) = command;
    let CredentialHelperCommand::Get { ignore_host_check } = command else {
        return Ok(());
    };
    let input = standard_input();
    let input = input.map_err(|error| Failure::other(format!("standard input: {error}")))?;
    // The last one counts, as for `git`.
    let value = |name: &str| {
        let lines = input.expose().lines().rev();
        let mut pairs = lines.filter_map(|line| line.split_once('='));
        pairs.find(|pair| pair.0 == name).map(|pair| pair.1)
    };
    let host = value("host").unwrap_or_default();
    if host.is_empty() {
        return Err(Failure::usage(
            "standard input has no line host=HOST, as git writes it",
        ));
    }
    let told = HostScope::parse(host).filter(|told| told.service() == "codecommit");
    if told.is_none() && !ignore_host_check {
        return Ok(());
    }
    let path = value("path").unwrap_or_default();
    if path.is_empty() {
        return Err(Failure::usage(
            "standard input has no line path=PATH: a password is for one repository",
        )
        .with_hint("git config --global credential.UseHttpPath true"));
    }
    let maker = Maker::new(context).await?;
    let region = told.as_ref().and_then(|told| told.region());
    let region = region.unwrap_or(&maker.region);
    let login = token::codecommit(host, path, region, &maker.credentials, maker.at);
    let login = login.map_err(named("standard input"))?;
    warn_of_expiry(context, &maker.credentials, login.expiry());
    let (username, password) = (login.username(), login.password());
    let lines = format!("username={username}\npassword={password}\n");
    context.console().write_stdout(lines)
}

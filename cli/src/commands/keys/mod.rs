//! `keyfob keys`: the access keys of users.

mod check;
mod iam;
mod journal;
mod list;
mod owner;
mod profiles;
mod proof;
mod rotate;
mod rotation;

use crate::{args::KeysCommand, context::Context, failure::Failure};

/// Runs a command.
///
/// # Errors
///
/// The command's own failure.
pub(super) async fn run(context: &Context, command: &KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::Rotate(args) => rotate::run(context, args).await,
        KeysCommand::List { user, json } => list::run(context, user, *json).await,
        KeysCommand::Check {
            user,
            max_age,
            json,
        } => check::run(context, user, *max_age, *json).await,
    }
}

//! `--dry-run-exit`: whether a call would be permitted, as an exit code.

use keyfob_sts::{
    Error,
    actions::DecodeAuthorizationMessage,
    call,
    decision::{Decision, encoded_messages},
};
use serde_json::{Map, Value};

use crate::{
    failure::Failure,
    services::{Caller, Client, decision},
};

/// The parameter that asks whether a call would be permitted.
pub(super) const DRY_RUN: &str = "DryRun";

/// Asks whether the call would be permitted.
///
/// # Errors
///
/// If it would not be, with the decision if the caller may decode it, or for any other error.
pub(super) async fn run(
    caller: &Caller<'_>,
    mut parameters: Map<String, Value>,
) -> Result<(), Failure> {
    parameters.insert(DRY_RUN.to_owned(), true.into());
    let client = caller.client(&parameters).await?;
    let operation = caller.invocation.operation;
    match caller.try_call(&client, operation, &parameters).await {
        Ok(_) => {
            let text = "the service knows no dry run: it answered the call itself";
            Err(Failure::other(text).with_operation(operation.name))
        }
        Err(error) if error.code() == Some("DryRunOperation") => Ok(()),
        Err(error) => {
            let failure = caller.explain(&client, &error).await;
            Err(match error.code() {
                Some("UnauthorizedOperation") => with_reason(caller, &error, failure).await,
                _ => failure,
            })
        }
    }
}

/// Adds the decoded message of a refusal.
async fn with_reason(caller: &Caller<'_>, error: &Error, failure: Failure) -> Failure {
    // Other texts have none.
    let message = error.message();
    let is_encoded = message.contains("Encoded authorization failure message");
    let Some(encoded) = encoded_messages(message).pop().filter(|_| is_encoded) else {
        return failure;
    };
    match decode(caller, &encoded).await {
        Ok(decision) => {
            let text = decision::text(caller.context, &decision);
            text.lines().fold(failure, Failure::with_detail)
        }
        Err(reason) => failure.with_hint(format!(
            "the reason is encoded, and it could not be decoded: {}",
            reason.message()
        )),
    }
}

async fn decode(caller: &Caller<'_>, encoded: &str) -> Result<Decision, Failure> {
    let client = Client::new(caller.context, &call::Service::STS, true).await?;
    let action = DecodeAuthorizationMessage::new(encoded)?;
    let message = client.send(caller.context, &action).await?;
    Ok(Decision::parse(&message.json)?)
}

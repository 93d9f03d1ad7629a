//! What to do about a refusal.

use keyfob_chain::Explanation;
use keyfob_sigv4::Timestamp;
use keyfob_sts::Error;

use crate::{context::Context, failure::Failure};

/// The failure with hints: what the code means, where the credentials came from, and what they mask.
pub(crate) async fn with_advice(context: &Context, failure: Failure, error: &Error) -> Failure {
    let is_clock = error.message().contains("Signature expired")
        || error.message().contains("not yet current");
    let hint = match error.code() {
        Some("SignatureDoesNotMatch") if is_clock => {
            "the clock of this machine differs from the service's: set it, then try again"
        }
        Some("SignatureDoesNotMatch") => {
            "the secret access key does not belong to this access key id: copy both again"
        }
        Some("InvalidClientTokenId") => {
            "nobody knows this access key id here, or its session token is not the one it came with"
        }
        Some("ExpiredToken" | "ExpiredTokenException") => {
            "the session is over: get a new one where this one came from"
        }
        _ => return failure,
    };
    let failure = failure.with_hint(hint);
    if is_clock {
        return failure;
    }
    let resolution = context.chain().explain(Timestamp::now()).await;
    with_origin(failure, context, &resolution.explanation)
}

fn with_origin(mut failure: Failure, context: &Context, explanation: &Explanation) -> Failure {
    if let Some(winner) = explanation.winner() {
        let key = winner.key_id.as_deref().unwrap_or("?");
        let origin = winner.origin.as_ref().map(|origin| context.origin(origin));
        let origin = origin.unwrap_or_default();
        failure = failure.with_hint(format!(
            "the key {key} comes from {} ({origin})",
            winner.provider
        ));
    }
    for cure in &explanation.cures {
        let masked = explanation.rows.get(cure.number - 1);
        let masked = masked.map_or("another source", |row| row.provider.as_str());
        let command = cure.command.replace("COMMAND", "keyfob …");
        failure = failure.with_hint(format!("it masks {masked}; to use that: {command}"));
    }
    failure
}

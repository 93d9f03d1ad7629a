//! What to do about a failure.

use keyfob_chain::Explanation;
use keyfob_sigv4::Timestamp;
use keyfob_sts::Error;

use crate::{context::Context, failure::Failure};

/// Returns the failure for an explanation without credentials: each provider, and why it has none.
pub(crate) fn none_found(explanation: &Explanation) -> Failure {
    let mut failure =
        Failure::no_credentials("unable to locate credentials; these were looked at:");
    let names = explanation
        .attempts
        .iter()
        .map(|attempt| attempt.provider.len());
    let width = names.max().unwrap_or_default();
    for attempt in &explanation.attempts {
        let reason = attempt.reason.as_deref().unwrap_or("not asked");
        failure = failure.with_detail(format!("  {:width$}  {reason}", attempt.provider));
    }
    failure.with_hint(
        "run `keyfob configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; \
         `keyfob --sandbox whoami` needs neither",
    )
}

/// Adds hints to a refusal of the credentials: what its code means, where the credentials come
/// from, and what they mask. Other failures stay as they are.
pub(crate) async fn with_advice(context: &Context, failure: Failure, error: &Error) -> Failure {
    let is_clock = error.message().contains("Signature expired")
        || error.message().contains("not yet current");
    let hint = match error.code() {
        Some("SignatureDoesNotMatch") if is_clock => {
            return failure.with_hint(
                "the clock of this machine differs from the service's: set it, then try again",
            );
        }
        Some("SignatureDoesNotMatch") => {
            "the secret access key does not belong to this access key id: copy both again"
        }
        Some("InvalidClientTokenId") => {
            "this service does not know the access key id, or the session token belongs to another key"
        }
        Some("ExpiredToken" | "ExpiredTokenException") => {
            "the session has expired: get a new one from the same source"
        }
        _ => return failure,
    };
    let resolution = context.chain().explain(Timestamp::now()).await;
    with_origin(failure.with_hint(hint), context, &resolution.explanation)
}

fn with_origin(mut failure: Failure, context: &Context, explanation: &Explanation) -> Failure {
    if let Some(winner) = explanation.winner() {
        let key = winner.key_id.as_deref().unwrap_or("?");
        let origin = winner.origin.as_ref().map(|origin| context.origin(origin));
        failure = failure.with_hint(format!(
            "the key {key} comes from {} ({})",
            winner.provider,
            origin.unwrap_or_default()
        ));
    }
    for cure in &explanation.cures {
        let masked = explanation.attempts.get(cure.number - 1);
        failure = failure.with_hint(format!(
            "it masks {}; to use that: {}",
            masked.map_or("another source", |attempt| attempt.provider.as_str()),
            cure.command.replace("COMMAND", "keyfob …")
        ));
    }
    failure
}

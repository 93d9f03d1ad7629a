//! What to do about a failure.

use std::path::Path;

use keyfob_chain::Explanation;
use keyfob_sts::Error;

use crate::failure::Failure;

/// How to get credentials.
pub(crate) const GET_CREDENTIALS: &str = "run `keyfob configure`, or set AWS_ACCESS_KEY_ID and \
                                          AWS_SECRET_ACCESS_KEY; `keyfob --sandbox whoami` needs \
                                          neither";

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
    failure.with_hint(GET_CREDENTIALS)
}

/// Returns true if a service refused the key or its session, and not only because of a wrong clock.
pub(crate) fn is_key_refused(error: &Error) -> bool {
    refusal_hint(error).is_some() && !is_clock_wrong(error)
}

/// Returns what a refusal by a service most likely means.
fn refusal_hint(error: &Error) -> Option<&'static str> {
    match error.code()? {
        // AWS has the same code for a wrong time and a wrong secret.
        "SignatureDoesNotMatch" if is_clock_wrong(error) => {
            Some("the clock of this machine differs from the service's: set it, then try again")
        }
        "SignatureDoesNotMatch" => {
            Some("the secret access key does not belong to this access key id: copy both again")
        }
        "InvalidClientTokenId" => Some(
            "this service does not know the access key id, or the session token belongs to another key",
        ),
        "ExpiredToken" | "ExpiredTokenException" => {
            Some("the session has expired: get a new one from the same source")
        }
        _ => None,
    }
}

fn is_clock_wrong(error: &Error) -> bool {
    let message = error.message();
    message.contains("Signature expired") || message.contains("not yet current")
}

impl Failure {
    /// Adds a hint if the error is a refusal with a known meaning.
    pub(crate) fn with_refusal_hint(self, error: &Error) -> Self {
        match refusal_hint(error) {
            Some(hint) => self.with_hint(hint),
            None => self,
        }
    }

    /// Adds hints about where the credentials in use come from, and what they mask.
    pub(crate) fn with_key_origin(
        mut self,
        explanation: &Explanation,
        home: Option<&Path>,
    ) -> Self {
        if let Some(winner) = explanation.winner() {
            let key = winner.key_id.as_deref().unwrap_or("?");
            let origin = winner.origin.as_ref().map(|origin| origin.text(home));
            self = self.with_hint(format!(
                "the key {key} comes from {} ({})",
                winner.provider,
                origin.unwrap_or_default()
            ));
        }
        for masked in explanation.masked() {
            if let Some(cure) = explanation.cure(masked.number) {
                self = self.with_hint(format!(
                    "it masks {}; to use that: {}",
                    masked.provider,
                    cure.replace("COMMAND", "keyfob …")
                ));
            }
        }
        self
    }
}

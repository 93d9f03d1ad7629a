use crate::call::Decision;
use crate::fault::Failure;

/// Emits an event of target `keyfob_backoff`: at `DEBUG` for a wait, at `WARN` for giving up on a
/// fault.
///
/// A failure that is not a fault is left to the caller to log. An error code is shown only if this
/// crate knows it.
#[cfg(feature = "tracing")]
pub(crate) fn decided(attempt: u32, failure: &Failure<'_>, decision: Decision) {
    use crate::call::Stop;

    let (status, code) = (failure.status(), failure.known_code());
    match decision {
        Decision::Wait(delay) => {
            tracing::debug!(target: "keyfob_backoff", attempt, ?delay, status, code, "will send again");
        }
        Decision::Stop(Stop::NotRetryable) => {}
        Decision::Stop(reason) => {
            tracing::warn!(target: "keyfob_backoff", attempt, ?reason, status, code, "gave up");
        }
    }
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn decided(_: u32, _: &Failure<'_>, _: Decision) {}

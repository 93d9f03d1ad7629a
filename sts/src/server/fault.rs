use std::{collections::VecDeque, time::Duration};

/// Something that goes wrong on purpose, with [`Services::fail`](super::Services::fail).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The error of the service for too many requests: of STS `Throttling` with status 400, of OIDC
    /// `SlowDownException` with status 400, of the portal `TooManyRequestsException` and of AWS
    /// Sign-In `TooManyRequestsError` with status 429.
    Throttling,
    /// An error with status 500, such as `InternalFailure`.
    InternalFailure,
    /// `ServiceUnavailable` with status 503.
    Unavailable,
    /// The request is carried out, and the first half of the answer is sent.
    Truncated,
    /// A page in HTML with status 502, as gateways send.
    HtmlPage,
    /// The request is carried out, and the answer is declared as `text/plain`.
    ContentType,
    /// The request is carried out, and the answer waits for this long: it has the extension
    /// [`Delay`], which whoever sends it must keep.
    Slow(Duration),
    /// The request meets a clock that is wrong by this many seconds. `Date` tells its time.
    Clock {
        /// How many seconds the clock is fast.
        seconds: i64,
    },
}

/// How long to wait before sending an answer, among the extensions of the answer.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use http::Response;
/// use keyfob_sts::server::Delay;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let mut answer = Response::new(());
/// # answer.extensions_mut().insert(Delay(Duration::from_millis(1)));
/// if let Some(Delay(delay)) = answer.extensions().get() {
///     tokio::time::sleep(*delay).await;
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay(pub Duration);

/// The faults to come, each with the number of requests that it is for.
#[derive(Debug, Default)]
pub(super) struct Faults(VecDeque<(Fault, u32)>);

impl Faults {
    pub(super) fn push(&mut self, fault: Fault, requests: u32) {
        if requests > 0 {
            self.0.push_back((fault, requests));
        }
    }

    /// Returns the fault for the next request.
    pub(super) fn next(&mut self) -> Option<Fault> {
        let (fault, left) = self.0.front_mut()?;
        let fault = *fault;
        *left -= 1;
        if *left == 0 {
            self.0.pop_front();
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_order_and_as_often_as_asked_for() {
        let mut faults = Faults::default();
        faults.push(Fault::Throttling, 2);
        faults.push(Fault::HtmlPage, 0);
        faults.push(Fault::Truncated, 1);
        let all: Vec<_> = std::iter::from_fn(|| faults.next()).collect();
        assert_eq!(
            all,
            [Fault::Throttling, Fault::Throttling, Fault::Truncated]
        );
    }
}

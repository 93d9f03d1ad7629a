//! A [`tower::retry::Policy`](TowerPolicy), for any service with requests that can be cloned.

use core::{fmt, time::Duration};
use std::sync::Arc;

use tokio::time::{Instant, Sleep, sleep};
use tower::retry::Policy as TowerPolicy;

use crate::budget::Budget;
use crate::call::{Call, Decision};
use crate::fault::Failure;
use crate::policy::Policy;
use crate::random::Entropy;
use crate::trace;

/// Retries the requests of a `tower::retry::Retry` service under a [`Policy`].
///
/// ```
/// use keyfob_backoff::{Failure, Policy, tower::RetryPolicy};
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// # let answers = std::sync::Mutex::new(vec![200, 503]);
/// # let send = |_: &'static str| std::future::ready(Ok::<_, std::io::Error>(answers.lock().unwrap().pop().unwrap()));
/// let policy = RetryPolicy::new(Policy::aws(), |answer: &Result<u16, std::io::Error>| match answer {
///     Ok(status) if *status < 400 => None,
///     Ok(status) => Some(Failure::response(*status)),
///     Err(_) => Some(Failure::no_response()),
/// });
/// let mut service = ServiceBuilder::new().retry(policy).service(service_fn(send));
/// assert_eq!(service.ready().await.unwrap().call("request").await.unwrap(), 200);
/// # }
/// ```
///
/// A long poll refused by the budget fails at once here: `tower` has no place to wait before an error.
///
/// The classifier reads the facts of a response or an error, `None` if it was a success. With feature `http`,
/// [`classify_response`] is one for responses whose body was read. Place the layer that signs inside of this one: every
/// attempt needs its own signature.
pub struct RetryPolicy<C> {
    call: Call,
    budget: Option<Arc<Budget>>,
    started: Instant,
    random: Entropy,
    classifier: C,
}

impl<C> RetryPolicy<C> {
    /// Retries what `policy` says of the facts that `classifier` reads.
    pub fn new<Res, E>(policy: Policy, classifier: C) -> Self
    where
        C: for<'r> Fn(&'r Result<Res, E>) -> Option<Failure<'r>>,
    {
        Self {
            call: policy.start(),
            budget: None,
            started: Instant::now(),
            random: Entropy::new(),
            classifier,
        }
    }

    /// Takes retries from this budget, which all requests share.
    #[must_use]
    pub fn budget(mut self, budget: Arc<Budget>) -> Self {
        self.budget = Some(budget);
        self
    }

    /// How long each request may take, all attempts and waits together. A wait that would outlast it is not begun.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.call = self.call.with_deadline(deadline);
        self
    }
}

impl<Req, Res, E, C> TowerPolicy<Req, Res, E> for RetryPolicy<C>
where
    Req: Clone,
    C: for<'r> Fn(&'r Result<Res, E>) -> Option<Failure<'r>>,
{
    type Future = Sleep;

    fn retry(&mut self, _: &mut Req, result: &mut Result<Res, E>) -> Option<Sleep> {
        let budget = self.budget.as_deref();
        let Some(failure) = (self.classifier)(result) else {
            self.call.on_success(budget);
            return None;
        };
        let attempt = self.call.attempt();
        let decision =
            self.call
                .on_failure(&failure, self.started.elapsed(), budget, &mut self.random);
        trace::decided(attempt, &failure, decision);
        match decision {
            Decision::Wait(delay) => Some(sleep(delay)),
            Decision::Stop(_) => None,
        }
    }

    /// Called before the first attempt on the policy of the service, which is then cloned for this request: a
    /// request's time begins here.
    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        if self.call.attempt() == 1 {
            self.started = Instant::now();
        }
        Some(request.clone())
    }
}

/// The facts of a response whose body was read; `None` below 400. An error of the service is a lost answer:
/// it was sent, and nothing is known about what became of it.
#[cfg(feature = "http")]
pub fn classify_response<B: AsRef<[u8]>, E>(
    result: &Result<http::Response<B>, E>,
) -> Option<Failure<'_>> {
    match result {
        Ok(response) if response.status().as_u16() < 400 => None,
        Ok(response) => Some(crate::fault::Classify::failure(response)),
        Err(_) => Some(Failure::no_response()),
    }
}

/// A clone begins a call of its own, with a generator of its own: two requests never share their jitter.
impl<C: Clone> Clone for RetryPolicy<C> {
    fn clone(&self) -> Self {
        Self {
            call: self.call,
            budget: self.budget.clone(),
            started: self.started,
            random: Entropy::new(),
            classifier: self.classifier.clone(),
        }
    }
}

impl<C> fmt::Debug for RetryPolicy<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("call", &self.call)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

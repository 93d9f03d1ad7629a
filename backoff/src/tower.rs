//! A retry policy for [`tower`] services whose requests can be cloned.

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

/// Retries the requests of a [`tower::retry::Retry`] service under a [`Policy`].
///
/// ```
/// use keyfob_backoff::{Failure, Policy, tower::RetryPolicy};
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// # let answers = std::sync::Mutex::new(vec![200, 503]);
/// # let send = |_: &'static str| {
/// #     std::future::ready(Ok::<_, std::io::Error>(answers.lock().unwrap().pop().unwrap()))
/// # };
/// fn classify(answer: &Result<u16, std::io::Error>) -> Option<Failure<'_>> {
///     match answer {
///         Ok(status) if *status < 400 => None,
///         Ok(status) => Some(Failure::response(*status)),
///         Err(_) => Some(Failure::no_response()),
///     }
/// }
///
/// let policy = RetryPolicy::new(Policy::aws(), classify);
/// let mut service = ServiceBuilder::new().retry(policy).service(service_fn(send));
/// assert_eq!(service.ready().await.unwrap().call("request").await.unwrap(), 200);
/// # }
/// ```
///
/// The classifier reads the facts of a response or an error; it returns `None` for a success. With
/// feature `http`, [`classify_response`] is one for responses with their whole body. Put the layer
/// that signs inside this one: every attempt needs its own signature.
///
/// A long poll whose retry the budget refuses fails at once here, because `tower` cannot wait
/// before an error.
pub struct RetryPolicy<C> {
    call: Call,
    budget: Option<Arc<Budget>>,
    started: Instant,
    random: Entropy,
    classifier: C,
}

impl<C> RetryPolicy<C> {
    /// Creates a policy that retries what `policy` says about the facts that `classifier` reads.
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

    /// Takes the tokens for retries from this budget, which all requests share.
    #[must_use]
    pub fn budget(mut self, budget: Arc<Budget>) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Sets how long each request may take, all attempts and waits together.
    ///
    /// A wait that would end after the deadline does not start.
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

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        // Before the first attempt, `tower` calls this on the policy of the service and then clones
        // the policy for the request. So the time of the request begins here.
        if self.call.attempt() == 1 {
            self.started = Instant::now();
        }
        Some(request.clone())
    }
}

/// Reads the facts of a response with its whole body; `None` if its status is below 400.
///
/// An error of the service counts as a lost answer: the request was sent, and nothing is known
/// about its effect.
///
/// ```
/// use keyfob_backoff::tower::classify_response;
///
/// let mut response = http::Response::new("<Error><Code>SlowDown</Code></Error>");
/// *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
/// let result = Ok::<_, std::io::Error>(response);
/// let failure = classify_response(&result);
/// assert_eq!(failure.and_then(|failure| failure.code()), Some("SlowDown"));
/// ```
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

impl<C: Clone> Clone for RetryPolicy<C> {
    fn clone(&self) -> Self {
        Self {
            call: self.call,
            budget: self.budget.clone(),
            started: self.started,
            // A generator of its own: two requests never share their jitter.
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

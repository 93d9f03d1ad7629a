//! A retry policy for [`tower`] services.
//!
//! This module has the name of the crate. Import its items by name: a glob import of this crate
//! would hide the other one.

mod limit;

use core::{fmt, time::Duration};
use std::sync::Arc;

use tokio::time::{Instant, Sleep, sleep};
use tower::retry::Policy as TowerPolicy;

use crate::budget::{Budget, Tokens};
use crate::call::{Call, Decision};
use crate::fault::Failure;
use crate::limit::Limiter;
use crate::policy::Policy;
use crate::random::Entropy;
use crate::trace;

pub use limit::{Limit, LimitLayer, LimiterFor, OneLimiter};

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
/// feature `http`, [`classify_response`] is one for responses with their whole body. Write it as a
/// function, or as a closure in the call of [`new`](RetryPolicy::new). For a closure in a variable,
/// the compiler infers one lifetime only; it then reports that one type is more general than the
/// other, or that `ready` of the service has unsatisfied trait bounds. Put the layer that signs
/// inside this one: every attempt needs its own signature.
///
/// Requests are cloned before they are sent. For those that are not `Clone`, or only sometimes, see
/// [`clone_with`](RetryPolicy::clone_with).
///
/// A long poll whose retry the budget refuses fails at once here, because `tower` cannot wait
/// before an error.
pub struct RetryPolicy<C, Q = CloneTrait, L = OneLimiter> {
    call: Call,
    /// Gives the tokens of a retry back if the request is dropped before it is sent again.
    tokens: Tokens<Arc<Budget>>,
    limiter: L,
    started: Instant,
    random: Entropy,
    classifier: C,
    cloner: Q,
}

/// How a [`RetryPolicy`] gets the request to send if this one fails.
///
/// Any `Fn(&Req) -> Option<Req>` is one.
pub trait CloneRequest<Req> {
    /// Returns a copy of the request; `None` if it can be sent only once.
    fn clone_request(&self, request: &Req) -> Option<Req>;
}

/// The default [`CloneRequest`]: the request's own [`Clone`].
#[derive(Clone, Copy, Debug)]
pub struct CloneTrait;

impl<Req: Clone> CloneRequest<Req> for CloneTrait {
    fn clone_request(&self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}

impl<Req, F: Fn(&Req) -> Option<Req>> CloneRequest<Req> for F {
    fn clone_request(&self, request: &Req) -> Option<Req> {
        self(request)
    }
}

impl<C> RetryPolicy<C> {
    /// Creates a policy that retries what `policy` says about the facts that `classifier` reads.
    pub fn new<Res, E>(policy: Policy, classifier: C) -> Self
    where
        C: for<'r> Fn(&'r Result<Res, E>) -> Option<Failure<'r>>,
    {
        Self {
            call: policy.start(),
            tokens: Tokens::new(None),
            limiter: OneLimiter::default(),
            started: Instant::now(),
            random: Entropy::new(),
            classifier,
            cloner: CloneTrait,
        }
    }
}

impl<C, Q, L> RetryPolicy<C, Q, L> {
    /// Copies requests with `clone` instead of their [`Clone`]. A request for which it returns
    /// `None` is sent once, and its answer or error returned as it comes.
    ///
    /// ```
    /// use keyfob_backoff::{Failure, Policy, tower::RetryPolicy};
    /// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
    ///
    /// enum Body {
    ///     Text(String),
    ///     Stream(Box<dyn std::io::Read>),
    /// }
    ///
    /// fn copy(body: &Body) -> Option<Body> {
    ///     match body {
    ///         Body::Text(text) => Some(Body::Text(text.clone())),
    ///         Body::Stream(_) => None,
    ///     }
    /// }
    ///
    /// fn classify(answer: &Result<u16, std::io::Error>) -> Option<Failure<'_>> {
    ///     answer.as_ref().ok().map(|status| Failure::response(*status))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let policy = RetryPolicy::new(Policy::aws(), classify).clone_with(copy);
    /// let send = service_fn(async |_body| Ok(503));
    /// let mut service = ServiceBuilder::new().retry(policy).service(send);
    /// let stream = Body::Stream(Box::new(std::io::empty()));
    /// assert_eq!(service.ready().await.unwrap().call(stream).await.unwrap(), 503);
    /// # }
    /// ```
    pub fn clone_with<Req, F: Fn(&Req) -> Option<Req>>(self, clone: F) -> RetryPolicy<C, F, L> {
        RetryPolicy {
            call: self.call,
            tokens: self.tokens,
            limiter: self.limiter,
            started: self.started,
            random: self.random,
            classifier: self.classifier,
            cloner: clone,
        }
    }

    /// Takes the tokens for retries from this budget, which all requests share.
    ///
    /// If too few are left, the request fails at once with what it got, without a pause. Dropping
    /// the future of a request during a wait gives the tokens of that retry back.
    #[must_use]
    pub fn budget(mut self, budget: Arc<Budget>) -> Self {
        self.tokens = Tokens::new(Some(budget));
        self
    }

    /// Leaves the delays of throttled requests to this limiter, while it
    /// [knows the rate](Limiter::paces).
    ///
    /// The requests themselves are paced by a [`LimitLayer`] inside of this one, with the same
    /// limiter: `tower` asks a policy only after a failure.
    #[must_use]
    pub fn limiter(self, limiter: Arc<dyn Limiter + Send + Sync>) -> RetryPolicy<C, Q, OneLimiter> {
        self.with_limiter(OneLimiter(Some(limiter)))
    }

    /// Does the same with the limiter that `choose` returns for each request, for a [`LimitLayer`]
    /// made with [`new_for`](LimitLayer::new_for).
    #[must_use]
    pub fn limiter_for<Req, F>(self, choose: F) -> RetryPolicy<C, Q, F>
    where
        F: Fn(&Req) -> Arc<dyn Limiter + Send + Sync>,
    {
        self.with_limiter(choose)
    }

    fn with_limiter<M>(self, limiter: M) -> RetryPolicy<C, Q, M> {
        RetryPolicy {
            call: self.call,
            tokens: self.tokens,
            limiter,
            started: self.started,
            random: self.random,
            classifier: self.classifier,
            cloner: self.cloner,
        }
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

impl<Req, Res, E, C, Q, L> TowerPolicy<Req, Res, E> for RetryPolicy<C, Q, L>
where
    Q: CloneRequest<Req>,
    L: LimiterFor<Req>,
    C: for<'r> Fn(&'r Result<Res, E>) -> Option<Failure<'r>>,
{
    type Future = Sleep;

    fn retry(&mut self, request: &mut Req, result: &mut Result<Res, E>) -> Option<Sleep> {
        let budget = self.tokens.budget();
        let Some(failure) = (self.classifier)(result) else {
            self.call.on_success(budget);
            return None;
        };
        let attempt = self.call.attempt();
        let limiter = self.limiter.limiter(request);
        let paced = limiter.is_some_and(|limiter| limiter.paces());
        self.call.set_paced(paced);
        let decision =
            self.call
                .on_failure(&failure, self.started.elapsed(), budget, &mut self.random);
        trace::decided(attempt, &failure, decision);
        match decision {
            Decision::Wait(delay) => {
                self.tokens.keep(self.call.paid());
                Some(sleep(delay))
            }
            Decision::Stop(_) => None,
        }
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        // Before the first attempt, `tower` calls this on the policy of the service and then clones
        // the policy for the request. So the time of the request begins here.
        if self.call.attempt() == 1 {
            self.started = Instant::now();
        }
        // It is called again after each wait, right before the request is sent.
        self.tokens.sent();
        self.cloner.clone_request(request)
    }
}

/// Reads the facts of a response with its whole body; `None` if its status is below 400.
///
/// An error of the service counts as a lost answer: the request was sent, and nothing is known
/// about its effect. A classifier of your own can look further, with
/// `Failure::refused_by_http2`.
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

impl<C: Clone, Q: Clone, L: Clone> Clone for RetryPolicy<C, Q, L> {
    fn clone(&self) -> Self {
        Self {
            call: self.call,
            tokens: self.tokens.clone(),
            limiter: self.limiter.clone(),
            started: self.started,
            random: self.random.clone(),
            classifier: self.classifier.clone(),
            cloner: self.cloner.clone(),
        }
    }
}

impl<C, Q, L> fmt::Debug for RetryPolicy<C, Q, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("call", &self.call)
            .field("budget", &self.tokens.budget())
            .finish_non_exhaustive()
    }
}

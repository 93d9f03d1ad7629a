use core::{
    convert::Infallible,
    fmt, mem,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use std::sync::Arc;

use tower::{Layer, Service};

use crate::fault::Failure;
use crate::hooks::{DefaultTimer, Timer};
use crate::limit::{Limiter, Line, Permit};
use crate::policy::Policy;

/// Paces the requests of a service by a [`Limiter`]: each stands in its line until it is granted,
/// and the limiter is told of each answer.
///
/// Put it inside of the layer that retries, so that it sees every attempt, and give the same
/// limiter to [`RetryPolicy::limiter`](super::RetryPolicy::limiter). The policy says which answers
/// are throttling; the classifier is that of [`RetryPolicy::new`](super::RetryPolicy::new). A
/// request waits for the limiter inside of its call: its deadline does not end that wait, but
/// dropping the future gives the place in the line back.
///
/// ```
/// use std::sync::Arc;
/// use keyfob_backoff::limit::{ProbingLimiter, Shared};
/// use keyfob_backoff::tower::{LimitLayer, RetryPolicy};
/// use keyfob_backoff::{Failure, Policy};
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// # let answers = Arc::new(std::sync::Mutex::new(vec![200, 429]));
/// # let send = move |_: &'static str| {
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
/// let limiter = Arc::new(Shared::new(ProbingLimiter::new()));
/// let mut service = ServiceBuilder::new()
///     .retry(RetryPolicy::new(Policy::aws(), classify).limiter(limiter.clone()))
///     .layer(LimitLayer::new(Policy::aws(), classify, limiter))
///     .service(service_fn(send));
/// assert_eq!(service.ready().await.unwrap().call("request").await.unwrap(), 200);
/// # }
/// ```
///
/// # The order of layers
///
/// A request waits in the line after the services inside of this layer were ready for it. So put
/// layers that give out a place when they are ready, such as `ConcurrencyLimit` or `Buffer`,
/// outside of this one: inside, the requests that wait hold the places of those that could be sent.
/// From the outside in: those, then the retries, this layer, and the one that signs.
#[derive(Clone)]
pub struct LimitLayer<C, L = OneLimiter> {
    limiter: L,
    policy: Policy,
    classifier: C,
}

/// Chooses the limiter of a request, such as that of the API or the S3 prefix it is for.
///
/// Any `Fn(&Req) -> Arc<dyn Limiter + Send + Sync>` is one.
pub trait LimiterFor<Req> {
    /// Returns the limiter; `None` if the request has none.
    fn limiter(&self, request: &Req) -> Option<Arc<dyn Limiter + Send + Sync>>;
}

/// The default [`LimiterFor`]: one limiter, or none, for all requests.
#[derive(Clone, Default)]
pub struct OneLimiter(pub(super) Option<Arc<dyn Limiter + Send + Sync>>);

impl<Req> LimiterFor<Req> for OneLimiter {
    fn limiter(&self, _: &Req) -> Option<Arc<dyn Limiter + Send + Sync>> {
        self.0.clone()
    }
}

impl<Req, F: Fn(&Req) -> Arc<dyn Limiter + Send + Sync>> LimiterFor<Req> for F {
    fn limiter(&self, request: &Req) -> Option<Arc<dyn Limiter + Send + Sync>> {
        Some(self(request))
    }
}

impl fmt::Debug for OneLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneLimiter").finish_non_exhaustive()
    }
}

impl<C> LimitLayer<C> {
    /// Creates a layer that asks `limiter`, and tells it what `policy` says about the facts that
    /// `classifier` reads.
    pub fn new<Res, E>(
        policy: Policy,
        classifier: C,
        limiter: Arc<dyn Limiter + Send + Sync>,
    ) -> Self
    where
        C: for<'r> Fn(&'r Result<Res, E>) -> Option<Failure<'r>>,
    {
        Self {
            limiter: OneLimiter(Some(limiter)),
            policy,
            classifier,
        }
    }

    /// Does the same with a limiter that `choose` returns for each request. Give the same function
    /// to [`RetryPolicy::limiter_for`](super::RetryPolicy::limiter_for).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use keyfob_backoff::limit::{KeyedLimit, Limiter, ProbingLimiter};
    /// use keyfob_backoff::tower::{LimitLayer, RetryPolicy, classify_response};
    /// use keyfob_backoff::Policy;
    /// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// # let send = async |_: http::Request<String>| {
    /// #     Ok::<_, std::io::Error>(http::Response::new(String::new()))
    /// # };
    /// // One limiter for each API: the services of the JSON protocols name it in this header.
    /// let limits = Arc::new(KeyedLimit::new(ProbingLimiter::new()));
    /// let choose = move |request: &http::Request<String>| -> Arc<dyn Limiter + Send + Sync> {
    ///     limits.shared_key(request.headers().get("x-amz-target").cloned())
    /// };
    /// let policy = Policy::aws();
    /// let mut service = ServiceBuilder::new()
    ///     .retry(RetryPolicy::new(policy, classify_response).limiter_for(choose.clone()))
    ///     .layer(LimitLayer::new_for(policy, classify_response, choose))
    ///     .service(service_fn(send));
    /// let answer = service.ready().await.unwrap().call(http::Request::new(String::new())).await;
    /// assert_eq!(answer.unwrap().status(), 200);
    /// # }
    /// ```
    pub fn new_for<Req, Res, E, L>(policy: Policy, classifier: C, choose: L) -> LimitLayer<C, L>
    where
        C: for<'r> Fn(&'r Result<Res, E>) -> Option<Failure<'r>>,
        L: Fn(&Req) -> Arc<dyn Limiter + Send + Sync>,
    {
        LimitLayer {
            limiter: choose,
            policy,
            classifier,
        }
    }
}

impl<S, C: Clone, L: Clone> Layer<S> for LimitLayer<C, L> {
    type Service = Limit<S, C, L>;

    fn layer(&self, inner: S) -> Limit<S, C, L> {
        Limit {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service of a [`LimitLayer`].
#[derive(Clone)]
pub struct Limit<S, C, L = OneLimiter> {
    inner: S,
    layer: LimitLayer<C, L>,
}

impl<Req, Res, S, C, L> Service<Req> for Limit<S, C, L>
where
    S: Service<Req, Response = Res> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    Req: Send + 'static,
    Res: Send,
    L: LimiterFor<Req>,
    C: for<'r> Fn(&'r Result<Res, S::Error>) -> Option<Failure<'r>> + Clone + Send + Sync + 'static,
{
    type Response = Res;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Res, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        // The service that is ready goes along; its clone must be asked first.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let limiter = self.layer.limiter.limiter(&request);
        let (policy, classifier) = (self.layer.policy, self.layer.classifier.clone());
        Box::pin(async move {
            let mut permit = Permit::new(limiter.as_deref());
            if let Some(limiter) = permit.copied() {
                let most = |_| Ok::<_, Infallible>(Duration::MAX);
                let Ok(()) = Line::new(limiter).pass(&DefaultTimer, most).await;
            }
            permit.granted();
            let result = inner.call(request).await;
            let failure = classifier(&result);
            permit.settle(failure.as_ref(), &policy, || DefaultTimer.now());
            result
        })
    }
}

impl<C, L> fmt::Debug for LimitLayer<C, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitLayer")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl<S, C, L> fmt::Debug for Limit<S, C, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("layer", &self.layer)
            .finish_non_exhaustive()
    }
}

use core::{
    fmt, mem,
    pin::Pin,
    task::{Context, Poll},
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
#[derive(Clone)]
pub struct LimitLayer<C> {
    limiter: Arc<dyn Limiter + Send + Sync>,
    policy: Policy,
    classifier: C,
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
            limiter,
            policy,
            classifier,
        }
    }
}

impl<S, C: Clone> Layer<S> for LimitLayer<C> {
    type Service = Limit<S, C>;

    fn layer(&self, inner: S) -> Limit<S, C> {
        Limit {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service of a [`LimitLayer`].
#[derive(Clone)]
pub struct Limit<S, C> {
    inner: S,
    layer: LimitLayer<C>,
}

impl<Req, Res, S, C> Service<Req> for Limit<S, C>
where
    S: Service<Req, Response = Res> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    Req: Send + 'static,
    Res: Send,
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
        let layer = self.layer.clone();
        Box::pin(async move {
            let mut permit = Permit::new(Some(&*layer.limiter));
            layer.wait_in_line().await;
            permit.granted();
            let result = inner.call(request).await;
            let failure = (layer.classifier)(&result);
            permit.settle(failure.as_ref(), &layer.policy, || DefaultTimer.now());
            result
        })
    }
}

impl<C> LimitLayer<C> {
    async fn wait_in_line(&self) {
        let mut line = Line::new(&*self.limiter);
        while let Err(wait) = line.ask(DefaultTimer.now().unwrap_or_default()).await {
            line.wait(&DefaultTimer, line.patience(wait)).await;
        }
    }
}

impl<C> fmt::Debug for LimitLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitLayer")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl<S, C> fmt::Debug for Limit<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("layer", &self.layer)
            .finish_non_exhaustive()
    }
}

//! A retry middleware for [`reqwest_middleware`] clients.
//!
//! This module has the name of the crate. Import its items by name: a glob import of this crate
//! would hide the other one.

use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{Extensions, Method, StatusCode};
use http_body::{Frame, SizeHint};
use reqwest::{Body, Request, Response, ResponseBuilderExt};
use reqwest_middleware::{Error, Middleware, Next, Result};
use tokio::time::{Instant, sleep, timeout};

use crate::budget::{Budget, Tokens};
use crate::call::{Call, Decision, Stop};
use crate::error_code::{BODY_LIMIT, s3_status};
use crate::fault::Failure;
use crate::hooks::{DefaultTimer, Timer};
use crate::limit::{Limiter, Line, Permit};
use crate::policy::Policy;
use crate::random::Entropy;
use crate::trace;

/// Retries the requests of a `reqwest_middleware` client under a [`Policy`], and waits as long as
/// the service asks.
///
/// ```no_run
/// use std::{sync::Arc, time::Duration};
/// use keyfob_backoff::{Budget, Policy, reqwest_middleware::RetryMiddleware};
///
/// # async fn example() -> Result<(), reqwest_middleware::Error> {
/// let retry = RetryMiddleware::new(Policy::aws())
///     .budget(Arc::new(Budget::aws()))
///     .deadline(Duration::from_secs(30));
/// let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
///     .with(retry)
///     // .with(a middleware that signs: every attempt needs its own signature)
///     .build();
/// let response = client.get("https://sts.us-east-1.amazonaws.com/").send().await?;
/// # Ok(())
/// # }
/// ```
///
/// To find the error code, it reads the body of an error before it passes the response on: up to
/// [`BODY_LIMIT`] bytes, for two seconds at most. The response still has its whole body; if the
/// body breaks off, reading it gives that error. A request whose body cannot be sent twice, such as
/// a stream, is sent once. Errors are returned as the client made them, and classified by
/// [`classify_error`].
///
/// # What it leaves to others
///
/// - It does not measure [`ClockSkew`](crate::ClockSkew), so
///   [`Policy::retry_clock_skew`] has no effect here. Correct the clock in the middleware that
///   signs.
/// - A `reqwest::Client` of its own sends a request up to three times, without a pause, if an
///   HTTP/2 server refuses it unprocessed; only then does this middleware see the refusal. To leave
///   all retries to the policy, build the client with
///   `reqwest::Client::builder().retry(reqwest::retry::never())` and use
///   [`Policy::retry_connect_failures`].
#[derive(Clone)]
pub struct RetryMiddleware {
    policy: Policy,
    budget: Option<Arc<Budget>>,
    limiter: Option<Arc<LimiterOf>>,
    deadline: Option<Duration>,
    s3: bool,
}

/// Chooses the limiter of a request.
type LimiterOf = dyn Fn(&Request) -> Arc<dyn Limiter + Send + Sync> + Send + Sync;

/// How long to wait for the body of an error, which usually comes together with the head.
const BODY_TIME: Duration = Duration::from_secs(2);

impl RetryMiddleware {
    /// Creates a middleware that retries what `policy` says.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            budget: None,
            limiter: None,
            deadline: None,
            s3: false,
        }
    }

    /// Takes the tokens for retries from this budget, which all requests share.
    ///
    /// If too few are left, the request fails at once with what it got, without a pause. Dropping
    /// the future of a request during a wait gives the tokens of that retry back.
    #[must_use]
    pub fn budget(mut self, budget: Arc<Budget>) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Asks this limiter before each attempt, stands in its line until it is granted, and tells the
    /// limiter of each answer.
    ///
    /// If the limiter [knows the rate](Limiter::paces), a throttled request goes to the end of the
    /// line and does not sleep the delay of the policy. A request that was answered with an error
    /// is returned with it if the wait for the limiter would end after the deadline.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use keyfob_backoff::Policy;
    /// use keyfob_backoff::limit::{ProbingLimiter, Shared};
    /// use keyfob_backoff::reqwest_middleware::RetryMiddleware;
    ///
    /// let limiter = Arc::new(Shared::new(ProbingLimiter::new()));
    /// let retry = RetryMiddleware::new(Policy::aws()).limiter(limiter);
    /// ```
    #[must_use]
    pub fn limiter(self, limiter: Arc<dyn Limiter + Send + Sync>) -> Self {
        self.limiter_for(move |_| limiter.clone())
    }

    /// Does the same with a limiter that `choose` returns for each request, such as that of the S3
    /// prefix or the API it is for.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use keyfob_backoff::Policy;
    /// use keyfob_backoff::limit::{KeyedLimit, ProbingLimiter};
    /// use keyfob_backoff::reqwest_middleware::RetryMiddleware;
    ///
    /// // One limiter for each host and folder: a bucket and a prefix.
    /// let limits = Arc::new(KeyedLimit::new(ProbingLimiter::new()));
    /// let retry = RetryMiddleware::new(Policy::aws()).limiter_for(move |request| {
    ///     let url = request.url();
    ///     let prefix = url.path().rsplit_once('/').map_or("", |(prefix, _)| prefix);
    ///     limits.shared_key(format!("{}{prefix}", url.authority()))
    /// });
    /// ```
    #[must_use]
    pub fn limiter_for(
        mut self,
        choose: impl Fn(&Request) -> Arc<dyn Limiter + Send + Sync> + Send + Sync + 'static,
    ) -> Self {
        self.limiter = Some(Arc::new(choose));
        self
    }

    /// Sets how long each request may take, all attempts and waits together.
    ///
    /// A wait that would end after the deadline does not start. An attempt under way is not
    /// interrupted; that is for the client's own timeout.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Looks for errors in the 200s of the three S3 operations that hide them there: `CopyObject`,
    /// `UploadPartCopy` and `CompleteMultipartUpload`.
    ///
    /// Such an answer is retried as a 500. If it is the last, it is returned as it came.
    #[must_use]
    pub const fn s3(mut self) -> Self {
        self.s3 = true;
        self
    }

    fn start(&self) -> Call {
        let call = self.policy.start();
        self.deadline
            .map_or(call, |deadline| call.with_deadline(deadline))
    }
}

#[async_trait::async_trait]
impl Middleware for RetryMiddleware {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let mut tokens = Tokens::new(self.budget.as_deref());
        let limiter = self.limiter.as_ref().map(|choose| choose(&request));
        let mut permit = Permit::new(limiter.as_deref());
        let hides_errors = self.s3 && hides_errors(&request);
        let (mut call, mut random, started) = (self.start(), Entropy::new(), Instant::now());
        let mut request = request;
        let mut last = None;
        loop {
            if let Some(limiter) = permit.copied() {
                let time_left = || call.time_left(started.elapsed());
                let granted = wait_in_line(limiter, last.is_some(), time_left).await;
                // Dropped here otherwise, so that its connection can be used again.
                if let Some(result) = last.take()
                    && !granted
                {
                    return result;
                }
                permit.granted();
            }
            let again = request.try_clone();
            tokens.sent();
            let result = next.clone().run(request, extensions).await;
            let time_left = call.time_left(started.elapsed());
            let answer = Answer::read(result, hides_errors, time_left).await;
            let failure = answer.failure();
            permit.settle(failure.as_ref(), &self.policy, || DefaultTimer.now());
            let Some(failure) = failure else {
                call.on_success(tokens.budget());
                return answer.result;
            };
            call.set_paced(permit.paces());
            // The body is a stream, which cannot be sent twice.
            let Some(again) = again else {
                return answer.result;
            };
            let attempt = call.attempt();
            let elapsed = started.elapsed();
            let decision = call.on_failure(&failure, elapsed, tokens.budget(), &mut random);
            trace::decided(attempt, &failure, decision);
            match decision {
                Decision::Wait(delay) => {
                    tokens.keep(call.paid());
                    // Zero if a limiter paces: the timer would make a millisecond of it.
                    if !delay.is_zero() {
                        sleep(delay).await;
                    }
                }
                Decision::Stop(Stop::Budget { wait }) => {
                    sleep(wait).await;
                    return answer.result;
                }
                Decision::Stop(_) => return answer.result,
            }
            request = again;
            last = permit.limiter().map(|_| answer.result);
        }
    }
}

/// Waits until the limiter grants a request. Returns false if the request has a `result` to return,
/// and would have to wait longer than `time_left`.
async fn wait_in_line(
    limiter: &(dyn Limiter + Send + Sync),
    has_result: bool,
    time_left: impl Fn() -> Duration,
) -> bool {
    let most = |certain| {
        let left = if has_result {
            time_left()
        } else {
            Duration::MAX
        };
        if certain < left { Ok(left) } else { Err(()) }
    };
    Line::new(limiter).pass(&DefaultTimer, most).await.is_ok()
}

impl fmt::Debug for RetryMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryMiddleware")
            .field("policy", &self.policy)
            .field("budget", &self.budget)
            .field("deadline", &self.deadline)
            .field("s3", &self.s3)
            .finish_non_exhaustive()
    }
}

/// Reads how far a request without a response got.
///
/// A request counts as never sent if there was no connection, or if an HTTP/2 server
/// [refused it](Failure::refused_by_http2) before it looked at it. It also classifies calls of
/// [`retry`](crate::retry()) on a plain client, and the timeouts that are set on the client or the
/// request:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use keyfob_backoff::reqwest_middleware::classify_error;
/// use keyfob_backoff::{Failure, Policy, retry};
///
/// # // If another crate has enabled rustls, reqwest wants a provider, also for `http`.
/// # drop(rustls::crypto::ring::default_provider().install_default());
/// let client = reqwest::Client::builder().no_proxy().build().expect("no TLS is needed");
/// let answer = retry(Policy::aws(), async || client.get("http://127.0.0.1:1/").send().await)
///     .classify_with(|error: &reqwest::Error| classify_error(error))
///     .run()
///     .await;
/// assert_eq!(answer.map_err(|error| classify_error(&error)).err(), Some(Failure::connect()));
/// # }
/// ```
#[must_use]
pub fn classify_error(error: &reqwest::Error) -> Failure<'static> {
    if error.is_connect() {
        Failure::connect()
    } else if let Some(refused) = Failure::refused_by_http2(error) {
        refused
    } else if error.is_timeout() {
        Failure::timeout()
    } else if error.is_request() || error.is_body() {
        Failure::no_response()
    } else {
        Failure::local()
    }
}

/// Returns true for the S3 operations that may report an error with a 200.
///
/// `CopyObject` and `UploadPartCopy` name their source in a header; `CompleteMultipartUpload` is a
/// POST with an upload id.
fn hides_errors(request: &Request) -> bool {
    let is_copy =
        request.method() == Method::PUT && request.headers().contains_key("x-amz-copy-source");
    let completes = || {
        let query = request.url().query().unwrap_or_default();
        query.split('&').any(|pair| pair.starts_with("uploadId="))
    };
    is_copy || (request.method() == Method::POST && completes())
}

/// The result of an attempt, and the beginning of its body if that is needed to classify it.
struct Answer {
    result: Result<Response>,
    /// The status to classify it by.
    status: Option<StatusCode>,
    body: Bytes,
}

impl Answer {
    async fn read(result: Result<Response>, hides_errors: bool, time_left: Duration) -> Self {
        match result {
            Ok(response) if is_error(response.status()) => {
                Self::peek(response, time_left.min(BODY_TIME)).await
            }
            // The body is complete only when S3 is done with the copy.
            Ok(response) if hides_errors && response.status() == StatusCode::OK => {
                Self::peek(response, time_left).await
            }
            result => Self {
                status: result.as_ref().ok().map(Response::status),
                result,
                body: Bytes::new(),
            },
        }
    }

    /// Reads the beginning of the body, for no longer than `limit`, and puts it back.
    async fn peek(mut response: Response, limit: Duration) -> Self {
        let status = response.status();
        let mut body = BytesMut::new();
        let reading = timeout(limit, read_start(&mut response, &mut body)).await;
        let body = body.freeze();
        let effective = match &reading {
            Ok(Ok(())) => s3_status(status.as_u16(), &body),
            Ok(Err(_)) if status == StatusCode::OK => 500,
            // A body that is still on its way has not failed.
            Ok(Err(_)) | Err(_) => status.as_u16(),
        };
        let broken = reading.ok().and_then(core::result::Result::err);
        Self {
            result: Ok(with_body_start(response, body.clone(), broken)),
            status: StatusCode::from_u16(effective).ok(),
            body,
        }
    }

    /// Returns the facts of the failure; `None` if it is a success.
    fn failure(&self) -> Option<Failure<'_>> {
        match (&self.result, self.status) {
            (Ok(_), Some(status)) if !is_error(status) => None,
            (Ok(response), Some(status)) => {
                Some(Failure::from_http(status, response.headers(), &self.body))
            }
            (Err(Error::Reqwest(error)), _) => Some(classify_error(error)),
            _ => Some(Failure::local()),
        }
    }
}

/// Reads the body until it ends or is longer than that of an error.
async fn read_start(
    response: &mut Response,
    body: &mut BytesMut,
) -> core::result::Result<(), reqwest::Error> {
    while body.len() <= BODY_LIMIT {
        let Some(chunk) = response.chunk().await? else {
            break;
        };
        body.extend_from_slice(&chunk);
    }
    Ok(())
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// Puts the bytes that were read, and the error that ended them, back before the rest of the body.
fn with_body_start(response: Response, start: Bytes, broken: Option<reqwest::Error>) -> Response {
    let url = response.url().clone();
    let (parts, rest) = http::Response::<Body>::from(response).into_parts();
    let mut whole = http::Response::new(Body::wrap(Joined {
        start,
        broken,
        rest,
    }));
    *whole.status_mut() = parts.status;
    *whole.version_mut() = parts.version;
    *whole.headers_mut() = parts.headers;
    *whole.extensions_mut() = parts.extensions;
    // `reqwest` keeps the URL in a private extension, which only this builder can make.
    if let Ok(marked) = http::Response::builder().url(url).body(()) {
        whole
            .extensions_mut()
            .extend(marked.into_parts().0.extensions);
    }
    whole.into()
}

/// A body whose beginning was read already.
struct Joined {
    start: Bytes,
    broken: Option<reqwest::Error>,
    rest: Body,
}

impl http_body::Body for Joined {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<core::result::Result<Frame<Bytes>, reqwest::Error>>> {
        if !self.start.is_empty() {
            let start = core::mem::take(&mut self.start);
            return Poll::Ready(Some(Ok(Frame::data(start))));
        }
        match self.broken.take() {
            Some(error) => Poll::Ready(Some(Err(error))),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.start.is_empty() && self.broken.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (start, rest) = (self.start.len() as u64, self.rest.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(start));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(start));
        }
        hint
    }
}

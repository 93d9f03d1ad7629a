//! Sends what may pass to its upstream, and passes the answer on as it comes.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, Either, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use keyfob_chain::{Chain, RequestSigner, files};
use keyfob_sigv4::{Payload, Secret, Timestamp};
use tokio::time::timeout;

use super::{
    action,
    log::{Entry, Log},
    own::{self, Metrics},
    rules::{self, Forward, Plan, Refusal, Rules, TOO_LONG, remove_hop_by_hop},
    upstream::{Passing, Pool, Received, Sent, Silence},
};
use crate::{
    failure::chained,
    terminal::{Console, printable},
};

/// How long a caller may take to send a body that is read first.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the token of the callers is.
pub(super) enum Token {
    None,
    Own(Secret),
    /// It is read for each request, so that it can be replaced.
    File(PathBuf),
}

/// What all requests share.
pub(super) struct Proxy {
    pub(super) rules: Rules,
    pub(super) token: Token,
    pub(super) signer: RequestSigner<Chain>,
    pub(super) pool: Arc<Pool>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) console: Console,
    pub(super) log: Log,
}

impl Proxy {
    /// Answers a request, and writes a line about it to stderr.
    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Received> {
        let start = Instant::now();
        let (head, body) = request.into_parts();
        let is_own = head.uri.authority().is_none() && head.uri.path().starts_with(own::PATHS);
        let in_flight = self.metrics.start();
        let mut entry = Entry {
            method: Some(head.method.clone()),
            caller: head.extensions.get().copied(),
            ..Entry::default()
        };
        let result = if is_own {
            match self.own_page(&head) {
                // Neither counted nor logged: it is called each few seconds.
                Ok(text) => return page(text),
                Err(refusal) => Err(refusal),
            }
        } else {
            self.pass(&head, body, &mut entry).await
        };
        let elapsed = start.elapsed();
        let reason = result.as_ref().err().map(|refusal| refusal.reason);
        let mut answer = result.unwrap_or_else(refused);
        self.metrics.took(elapsed);
        self.metrics.answered(answer.status());
        if let Some(reason) = reason {
            self.metrics.refused(reason);
        }
        self.log.write(&entry, answer.status(), elapsed, reason);
        if let Either::Right(body) = answer.body_mut() {
            body.count_until_its_end(in_flight);
        }
        answer
    }

    /// Returns the text of a page of the proxy itself.
    fn own_page(&self, head: &Parts) -> Result<String, Refusal> {
        let refusal = |status, reason| Err(Refusal { status, reason });
        rules::check_own_host(&head.headers)?;
        if !matches!(head.method, Method::GET | Method::HEAD) {
            let reason = "the pages of the proxy itself are read with GET";
            return refusal(StatusCode::METHOD_NOT_ALLOWED, reason);
        }
        if head.uri.path() == own::HEALTH {
            return Ok("ok\n".to_owned());
        }
        self.with_token(|token| self.rules.admit(&head.headers, token))?;
        if head.uri.path() == own::METRICS {
            return Ok(self.metrics.text());
        }
        let reason = "paths under /-/ are not sent on: there are /-/health and /-/metrics";
        refusal(StatusCode::NOT_FOUND, reason)
    }

    async fn pass(
        &self,
        head: &Parts,
        body: Incoming,
        entry: &mut Entry,
    ) -> Result<Response<Received>, Refusal> {
        let length = body.size_hint().exact();
        let forward = self.with_token(|token| self.rules.decide(head, length, token))?;
        entry.host = forward
            .head
            .uri
            .host()
            .map(|host| printable(host).into_owned());
        entry.service = Some(forward.service.clone());
        entry.action = forward
            .actions
            .first()
            .map(|name| printable(name).into_owned());
        self.forward(forward, body, &mut entry.action).await
    }

    /// Calls a function with the token that callers must send, if they must.
    fn with_token<T>(
        &self,
        check: impl FnOnce(Option<&Secret>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        match &self.token {
            Token::None => check(None),
            Token::Own(token) => check(Some(token)),
            Token::File(path) => {
                let token = files::read_secret(path).unwrap_or_else(|_| Secret::from(""));
                let token = Secret::from(token.expose().trim());
                if token.is_empty() {
                    return Err(Refusal {
                        status: StatusCode::INTERNAL_SERVER_ERROR,
                        reason: "the file of --token-file has no token",
                    });
                }
                check(Some(&token))
            }
        }
    }

    /// Sends a request on. `action` becomes the one of its form, if it has one.
    async fn forward(
        &self,
        forward: Forward,
        body: Incoming,
        action: &mut Option<String>,
    ) -> Result<Response<Received>, Refusal> {
        let bytes;
        let (body, hash) = match forward.plan {
            Plan::Empty => (Either::Left(Full::default()), Payload::Empty),
            Plan::Unsigned => (Either::Right(Passing::new(body)), Payload::Unsigned),
            Plan::Declared => (Either::Right(Passing::new(body)), Payload::Declared),
            Plan::Hashed => {
                bytes = self.read(body).await?;
                if action::is_form(&forward.head.headers)
                    && let Some(named) = action::in_form(&bytes).next()
                {
                    *action = Some(printable(&named).into_owned());
                }
                self.rules.check_body(&forward.head.headers, &bytes)?;
                let body = Full::new(bytes.clone());
                (Either::Left(body), Payload::Bytes(&bytes))
            }
        };
        let signed = self.sign(forward.head, hash).await?;
        self.send(signed, body).await
    }

    async fn read(&self, body: Incoming) -> Result<Bytes, Refusal> {
        let max = usize::try_from(self.rules.max_body).unwrap_or(usize::MAX);
        match timeout(BODY_TIMEOUT, Limited::new(body, max).collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(TOO_LONG),
            Ok(Err(_)) => Err(Refusal {
                status: StatusCode::BAD_REQUEST,
                reason: "the body of the request is incomplete",
            }),
            Err(_) => Err(Refusal {
                status: StatusCode::REQUEST_TIMEOUT,
                reason: "the body of the request did not arrive in time",
            }),
        }
    }

    async fn sign(&self, head: Parts, payload: Payload<'_>) -> Result<Request<()>, Refusal> {
        let mut request = Request::from_parts(head, ());
        match self.signer.sign(&mut request, payload).await {
            Ok(()) => Ok(request),
            Err(error) => {
                self.console.warn(&chained(&error));
                Err(Refusal {
                    status: StatusCode::BAD_GATEWAY,
                    reason: "the request cannot be signed: see what the proxy prints",
                })
            }
        }
    }

    async fn send(&self, head: Request<()>, body: Sent) -> Result<Response<Received>, Refusal> {
        let connector = self.pool.connector();
        let sent = Timestamp::now();
        let dated = connector.service_time(sent);
        let answer = self.pool.send(head.map(|()| body)).await;
        let mut answer = answer.map_err(|silence| match silence {
            Silence::Broken(failure) => {
                self.console.warn(failure.message());
                Refusal {
                    status: StatusCode::BAD_GATEWAY,
                    reason: "the server did not answer: see what the proxy prints",
                }
            }
            Silence::Timeout => Refusal {
                status: StatusCode::GATEWAY_TIMEOUT,
                reason: "the server did not answer in time",
            },
        })?;
        connector.learn_time(answer.headers(), sent, dated);
        remove_hop_by_hop(answer.headers_mut());
        Ok(answer)
    }
}

fn page(text: String) -> Response<Received> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(text))));
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

fn refused(refusal: Refusal) -> Response<Received> {
    let mut response = page(format!("keyfob: {}\n", refusal.reason));
    *response.status_mut() = refusal.status;
    let text = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    // The rest of a body that was not read must not be taken for a request.
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

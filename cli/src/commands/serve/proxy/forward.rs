//! Sends what may pass to its upstream, and passes the answer on as it comes.

use std::{path::PathBuf, sync::Arc, time::Duration, time::Instant};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, Either, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use keyfob_chain::{Chain, RequestSigner, files};
use keyfob_sigv4::{Payload, Secret, Timestamp};
use tokio::time::timeout;

use super::{
    action,
    rules::{Forward, Plan, Refusal, Rules, TOO_LONG, remove_hop_by_hop},
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
    pub(super) console: Console,
}

impl Proxy {
    /// Answers a request, and writes a line about it to stderr.
    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Received> {
        let start = Instant::now();
        let method = request.method().clone();
        let (head, body) = request.into_parts();
        let length = body.size_hint().exact();
        let decided = self.decide(&head, length);
        let place = decided.as_ref().map_or_else(
            |_| "-".to_owned(),
            |forward| {
                let host = forward.head.uri.host().unwrap_or_default();
                format!("{} {}", printable(host), forward.service)
            },
        );
        let mut action = String::new();
        let result = match decided {
            Ok(forward) => {
                if let Some(named) = forward.actions.first() {
                    action = format!(":{}", printable(named));
                }
                self.forward(forward, body, &mut action).await
            }
            Err(refusal) => Err(refusal),
        };
        let elapsed = start.elapsed().as_millis();
        let (answer, reason) = match result {
            Ok(answer) => (answer, String::new()),
            Err(refusal) => (refused(refusal), format!(": {}", refusal.reason)),
        };
        let status = answer.status().as_u16();
        self.console.write_stderr(&format!(
            "{method} {place}{action} {status} {elapsed} ms{reason}\n"
        ));
        answer
    }

    fn decide(&self, head: &Parts, length: Option<u64>) -> Result<Forward, Refusal> {
        match &self.token {
            Token::None => self.rules.decide(head, length, None),
            Token::Own(token) => self.rules.decide(head, length, Some(token)),
            Token::File(path) => {
                let token = files::read_secret(path).unwrap_or_else(|_| Secret::from(""));
                let token = Secret::from(token.expose().trim());
                if token.is_empty() {
                    return Err(Refusal {
                        status: StatusCode::INTERNAL_SERVER_ERROR,
                        reason: "the file of --token-file has no token",
                    });
                }
                self.rules.decide(head, length, Some(&token))
            }
        }
    }

    /// Sends a request on. `action` becomes the one of its form, if it has one.
    async fn forward(
        &self,
        forward: Forward,
        body: Incoming,
        action: &mut String,
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
                    *action = format!(":{}", printable(&named));
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

fn refused(refusal: Refusal) -> Response<Received> {
    let text = format!("keyfob: {}\n", refusal.reason);
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(text))));
    *response.status_mut() = refusal.status;
    let text = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    // The rest of a body that was not read must not be taken for a request.
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

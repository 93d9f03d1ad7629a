//! One request: signed for each attempt, sent, and sent again after throttling and 5xx.

use std::{
    cell::Cell,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, Uri};
use hyper::body::{Body, Incoming};
use keyfob_backoff::{self as backoff, BODY_LIMIT, Classify, ClockSkew, Pause, retry};
use keyfob_chain::{
    BoxFuture, Cached, Chain, Error, ErrorKind, Found, Origin, Outcome, Provider, RequestSigner,
};
use keyfob_sigv4::{Credentials, Payload, Secret, Signer, Timestamp, Ttl, chunked::Chunked};
use keyfob_sts::Connector;
use tokio::time::timeout;
use tracing::debug;

use super::{
    body::{Content, Upload},
    meter::Meter,
    refusal::request_id,
    target::{Target, uri, warn_of_clear_text},
    verbose::Verbose,
    wire::{self, broken},
};
use crate::{
    args::{RequestArgs, RequestAuth},
    context::Context,
    failure::{Failure, chained},
    syntax::authority,
    terminal::waiting_for_attempt,
};

/// How long to wait for the body of an error, which usually comes together with the head.
const BODY_TIME: Duration = Duration::from_secs(2);

pub(super) type Answer = Response<AnswerBody>;

/// The body of an answer. The start of that of an error has been read already.
pub(super) struct AnswerBody {
    start: Bytes,
    is_start_taken: bool,
    broken: Option<hyper::Error>,
    rest: Incoming,
    url: Uri,
}

impl AnswerBody {
    /// Returns the start of the body, if it is that of an error.
    pub(super) fn start(&self) -> &[u8] {
        &self.start
    }

    /// Returns the next bytes; `None` at the end.
    ///
    /// # Errors
    ///
    /// If the connection breaks before it.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if !self.is_start_taken {
            self.is_start_taken = true;
            if !self.start.is_empty() {
                return Ok(Some(self.start.clone()));
            }
        }
        let next = match self.broken.take() {
            Some(error) => Err(error),
            None => piece(&mut self.rest).await,
        };
        next.map_err(|error| broken(&self.url, &error))
    }
}

/// Returns the next bytes of a body; `None` at the end.
async fn piece(body: &mut Incoming) -> Result<Option<Bytes>, hyper::Error> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        match frame.transpose()? {
            None => return Ok(None),
            // What is not data are trailers.
            Some(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Sends requests with the credentials in use.
pub(super) struct Sender<'a> {
    context: &'a Context,
    auth: RequestAuth,
    ttl: Ttl,
    is_unsigned: bool,
    connector: Connector,
    credentials: Option<Arc<Cached<InUse>>>,
    key: Option<Credentials>,
    meter: &'a Arc<Meter>,
    verbose: Verbose,
    retries: Cell<u32>,
}

/// What is signed of a body.
enum Plan {
    Payload(Hash),
    Chunked(Chunked),
}

#[derive(Clone, Copy)]
enum Hash {
    Sha256([u8; 32]),
    Unsigned,
    /// The header that the user gives says it.
    Declared,
}

impl Hash {
    fn payload(self) -> Payload<'static> {
        match self {
            Self::Sha256(hash) => Payload::Sha256(hash),
            Self::Unsigned => Payload::Unsigned,
            Self::Declared => Payload::Declared,
        }
    }
}

impl<'a> Sender<'a> {
    /// Creates a sender that signs with these credentials, or not at all.
    ///
    /// # Errors
    ///
    /// If the lifetime of signatures is out of range.
    pub(super) fn new(
        context: &'a Context,
        args: &RequestArgs,
        connector: Connector,
        credentials: Option<(Credentials, Option<Origin>)>,
        meter: &'a Arc<Meter>,
    ) -> Result<Self, Failure> {
        let key = credentials.as_ref().map(|(key, _)| key.clone());
        let credentials = credentials
            .map(|(key, origin)| Arc::new(Cached::new(InUse::new(context.chain(), key, origin))));
        Ok(Self {
            context,
            auth: args.auth,
            ttl: args.ttl()?,
            is_unsigned: args.signature.unsigned_payload,
            connector,
            credentials,
            key,
            meter,
            verbose: Verbose::new(context.console(), args.verbose),
            retries: Cell::new(0),
        })
    }

    /// Returns how often the last request was sent again.
    pub(super) fn retries(&self) -> u32 {
        self.retries.get()
    }

    /// Returns the secrets that a service got with the signature, and could repeat.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let keys = self.key.iter();
        keys.flat_map(|key| {
            [key.secret_access_key()]
                .into_iter()
                .chain(key.session_token())
        })
    }

    /// Returns true if requests are signed.
    pub(super) fn signs(&self) -> bool {
        self.key.is_some()
    }

    /// Sends a request, and returns the last answer, whatever its status is.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    pub(super) async fn send(&self, target: &Target) -> Result<Answer, Failure> {
        self.retries.set(0);
        self.meter.tell(wire::origin(&target.uri));
        warn_of_clear_text(self.context, target);
        let plan = self.plan(target)?;
        let signer = self.signer(target);
        debug!(
            url = wire::origin(&target.uri),
            service = target
                .scope
                .as_ref()
                .map(|scope| scope.service().to_owned()),
            region = target.scope.as_ref().map(|scope| scope.region().to_owned()),
            "sending"
        );
        let policy = self.connector.policy().retry_clock_skew();
        let sent = retry(policy, async || {
            let result = self.attempt(target, &plan, signer.as_ref()).await;
            self.meter.stop();
            result
        })
        .notify(|error: &Unanswered, pause: &Pause| self.explain_pause(error, pause))
        .run()
        .await;
        self.meter.start();
        match sent {
            Ok(answer) => Ok(answer),
            Err(Unanswered::Refused(refused)) => Ok(refused.answer),
            Err(Unanswered::Failed(failure)) => Err(failure),
        }
    }

    fn signer(&self, target: &Target) -> Option<RequestSigner<InUse>> {
        let (credentials, scope) = (self.credentials.as_ref()?, target.scope.as_ref()?);
        let connector = self.connector.clone();
        let signer = RequestSigner::new(Arc::clone(credentials))
            .with_signer(Signer::new(scope.clone()))
            .with_clock(move || connector.service_time(Timestamp::now()));
        Some(signer)
    }

    /// Decides what is signed of the body. A file is read once for it.
    fn plan(&self, target: &Target) -> Result<Plan, Failure> {
        let is_declared = target.headers.contains_key("x-amz-content-sha256");
        // S3 does not look at the body of a signature in the query.
        let is_in_query = self.auth == RequestAuth::Query && target.is_s3();
        if target.scope.is_none() || self.is_unsigned || is_in_query && !is_declared {
            return Ok(Plan::Payload(Hash::Unsigned));
        }
        if is_declared {
            return Ok(Plan::Payload(Hash::Declared));
        }
        if let Content::File(stored) = &target.content
            && stored.is_piped
            && target.content.length() > 0
            && takes_chunks(target)
        {
            return Ok(Plan::Chunked(Chunked::signed(target.content.length())));
        }
        let hash = target.content.sha256().map_err(|error| {
            Failure::usage(format!("--data: cannot read the file of the body: {error}"))
        })?;
        Ok(Plan::Payload(Hash::Sha256(hash)))
    }

    /// Signs the request and sends it once.
    async fn attempt(
        &self,
        target: &Target,
        plan: &Plan,
        signer: Option<&RequestSigner<InUse>>,
    ) -> Result<Answer, Unanswered> {
        let mut head = Request::new(());
        *head.method_mut() = target.method.clone();
        *head.uri_mut() = target.uri.clone();
        *head.headers_mut() = target.headers.clone();
        let upload = target.content.upload(self.meter);
        let start = Instant::now();
        let (sent, answer) = match (signer, plan) {
            (None, _) => self.transmit(head.map(|()| upload)).await,
            (Some(signer), Plan::Chunked(plan)) => {
                let signed = signer.sign_chunked(head.map(|()| upload), plan).await;
                self.transmit(signed.map_err(unsigned)?).await
            }
            (Some(signer), Plan::Payload(hash)) => {
                let signed = self.sign(signer, head, *hash, upload).await?;
                self.transmit(signed).await
            }
        };
        let answer = answer.map_err(Unanswered::Failed)?;
        debug!(
            status = answer.status().as_u16(),
            request_id = request_id(answer.headers()),
            elapsed = ?start.elapsed(),
            "answered"
        );
        self.verbose.answer(&answer);
        let dated = self.connector.service_time(sent);
        let skew = self.connector.learn_time(answer.headers(), sent, dated);
        // A request without a time cannot be refused for it.
        let skew = skew.filter(|_| signer.is_some());
        self.read(target, answer, skew).await
    }

    async fn sign(
        &self,
        signer: &RequestSigner<InUse>,
        mut head: Request<()>,
        hash: Hash,
        upload: Upload,
    ) -> Result<Request<Upload>, Unanswered> {
        if self.auth != RequestAuth::Query {
            let signed = signer.sign(&mut head, hash.payload()).await;
            signed.map_err(unsigned)?;
            return Ok(head.map(|()| upload));
        }
        let (mut parts, ()) = head.into_parts();
        let presigned = signer.presign(&parts, hash.payload(), self.ttl).await;
        let presigned = presigned.map_err(unsigned)?;
        // A presigned URL has the host of the header `Host`; that of the request is the server.
        let url = presigned.as_str();
        let server = parts.uri.authority().map_or("", |server| server.as_str());
        let url = url.replacen(authority(url), server, 1);
        parts.uri = uri(&url, true).map_err(Unanswered::Failed)?;
        Ok(Request::from_parts(parts, upload))
    }

    /// Sends a request, and returns when that was.
    async fn transmit<B>(
        &self,
        request: Request<B>,
    ) -> (Timestamp, Result<Response<Incoming>, Failure>)
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.verbose.request(&request);
        let sent = Timestamp::now();
        self.meter.start();
        let request = request.map(wire::boxed);
        (sent, wire::send(&self.connector, request).await)
    }

    /// Returns an answer, or as an error that of a status of 400 or more, with the start of its
    /// body, where most services have the error code.
    async fn read(
        &self,
        target: &Target,
        answer: Response<Incoming>,
        skew: Option<ClockSkew>,
    ) -> Result<Answer, Unanswered> {
        let (parts, mut rest) = answer.into_parts();
        let mut start = BytesMut::new();
        let mut broken = None;
        let is_error = parts.status.as_u16() >= 400;
        while is_error && start.len() < BODY_LIMIT {
            match timeout(BODY_TIME, piece(&mut rest)).await {
                Ok(Ok(Some(bytes))) => start.extend_from_slice(&bytes),
                Ok(Err(error)) => {
                    broken = Some(error);
                    break;
                }
                Ok(Ok(None)) | Err(_) => break,
            }
        }
        let body = AnswerBody {
            start: start.freeze(),
            is_start_taken: false,
            broken,
            rest,
            url: target.uri.clone(),
        };
        let answer = Response::from_parts(parts, body);
        if is_error {
            return Err(Unanswered::Refused(Box::new(Refused { answer, skew })));
        }
        Ok(answer)
    }

    fn explain_pause(&self, error: &Unanswered, pause: &Pause) {
        self.retries.set(pause.attempt);
        let facts = error.failure();
        waiting_for_attempt(self.context.console(), pause, facts.status(), facts.code());
    }
}

/// Returns true if S3 takes the body of this request in signed chunks: to put an object or a part,
/// but not for what else can be put.
fn takes_chunks(target: &Target) -> bool {
    let query = target.uri.query().unwrap_or_default();
    let mut names = query
        .split('&')
        .map(|pair| pair.split('=').next().unwrap_or_default());
    let is_object = names.all(|name| matches!(name, "" | "partNumber" | "uploadId" | "x-id"));
    target.is_s3() && target.method == http::Method::PUT && is_object
}

/// Why an attempt has no answer that is a success.
enum Unanswered {
    Refused(Box<Refused>),
    Failed(Failure),
}

struct Refused {
    answer: Answer,
    skew: Option<ClockSkew>,
}

impl Classify for Unanswered {
    fn failure(&self) -> backoff::Failure<'_> {
        match self {
            Self::Refused(refused) => {
                let answer = &refused.answer;
                let header = |name: &str| text(answer.headers(), name);
                let start = answer.body().start();
                backoff::Failure::from_answer(answer.status().as_u16(), header, start)
                    .with_skew(refused.skew)
            }
            Self::Failed(_) => backoff::Failure::local(),
        }
    }
}

/// Returns the value of a header, if it is text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Returns the failure to sign. What is wrong with the request comes from the command line.
fn unsigned(error: Error) -> Unanswered {
    Unanswered::Failed(match error.kind() {
        ErrorKind::Request => Failure::usage(chained(&error)),
        _ => Failure::from(error),
    })
}

/// The credentials in use, which the chain is asked for again when they expire.
struct InUse {
    first: Mutex<Option<Found>>,
    chain: Chain,
}

impl InUse {
    fn new(chain: Chain, credentials: Credentials, origin: Option<Origin>) -> Self {
        let origin = origin.unwrap_or(Origin::Default);
        let first = Mutex::new(Some(Found::new(credentials, origin)));
        Self { first, chain }
    }
}

impl Provider for InUse {
    fn name(&self) -> &str {
        self.chain.name()
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        match first.take() {
            Some(found) => Box::pin(async { Ok(Outcome::Found(found)) }),
            None => self.chain.provide(now),
        }
    }
}

//! Sends what may pass to its upstream, and passes the answer on as it comes.

use std::{
    error::Error,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header, request::Parts,
};
use http_body_util::{BodyExt as _, Either, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use keyfob_chain::{Chain, RequestSigner};
use keyfob_imds::server::listen::Tls;
use keyfob_sigv4::{Credentials, Payload, Secret, Timestamp, verify::Dialect};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    action,
    body::{self, InMemory, Passing, Sent, Trouble},
    clocks::Clocks,
    log::{Entry, Log},
    own::{self, Metrics},
    record::Record,
    resign::Resign,
    rules::{
        self, CONTENT_SHA256, Forward, Plan, Refusal, Rules, SHORT, TOO_LONG, Upstream, is_hash,
        refusal, remove_hop_by_hop,
    },
    upstream::{Pool, Received, Silence},
    watch::Watch,
};
use crate::{
    commands::serve::read_token,
    failure::{Failure, chained},
    services::catalog,
    terminal::{Console, printable},
};

/// How old the token of a file may be.
const TOKEN_AGE: Duration = Duration::from_millis(200);
/// How long a caller may take to send a body that is read first.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// For how many bodies of `--max-body` there is room, beside the short ones.
const MAX_BODIES: u64 = 8;
/// The unit of that room, in bytes.
const PIECE: u64 = 1024;
/// The longest names of actions have 56 letters.
const MAX_ACTION: usize = 64;
const MAX_DIGITS: usize = 4;

const INCOMPLETE: Refusal = refusal(
    StatusCode::BAD_REQUEST,
    "the body of the request is incomplete",
);
const LATE: Refusal = refusal(StatusCode::REQUEST_TIMEOUT, body::LATE);

/// Where the token of the callers is.
pub(super) enum Token {
    None,
    Own(Secret),
    /// It can be replaced.
    File(TokenFile),
}

/// The token of a file, as it was read last.
pub(super) struct TokenFile(Arc<Mutex<Option<Secret>>>);

impl TokenFile {
    /// Reads the token of a file, which has at least so many bytes, now and again and again.
    /// Callers are refused while there is none.
    ///
    /// # Errors
    ///
    /// If the file has no such token, or no thread can be started.
    pub(super) fn watch(path: &Path, least: usize, console: Console) -> Result<Self, Failure> {
        let token = Arc::new(Mutex::new(Some(read_token(path, least)?)));
        let shared = Arc::downgrade(&token);
        let take = move |token| {
            let shared = shared.upgrade();
            if let Some(shared) = &shared {
                *shared.lock().unwrap_or_else(PoisonError::into_inner) = token;
            }
            shared.is_some()
        };
        let watch = Watch {
            name: "keyfob-token",
            age: TOKEN_AGE,
            meanwhile: "all callers are refused meanwhile",
            again: "the token of --token-file is read again",
            console,
        };
        let path = path.to_owned();
        let started = watch.start(move || read_token(&path, least), take);
        started.map_err(|error| Failure::other(format!("--token-file: {error}")))?;
        Ok(Self(token))
    }

    fn get(&self) -> Option<Secret> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// What all requests share.
pub(super) struct Proxy {
    pub(super) rules: Rules,
    /// Its certificate, whose names are those of its own pages, too.
    pub(super) tls: Option<Tls>,
    pub(super) token: Token,
    /// Whether the signatures of callers are their authorization, in place of the token.
    pub(super) resign: Option<Resign>,
    pub(super) signer: RequestSigner<Chain>,
    pub(super) clocks: Arc<Clocks>,
    pub(super) pool: Arc<Pool>,
    /// What is left of it for long bodies.
    pub(super) memory: Arc<Semaphore>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) console: Console,
    pub(super) log: Log,
}

impl Proxy {
    /// Answers a request, and writes a line about it to stderr when its answer has passed.
    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Received> {
        let (head, body) = request.into_parts();
        let mut record = Record::start(&self.metrics, self.log, &head);
        let is_own = head.uri.authority().is_none() && own::is_page(head.uri.path());
        let entry = &mut record.entry;
        let mut dialect = None;
        let result = if is_own {
            match self.own_page(&head) {
                Ok(text) => {
                    // Neither counted nor logged: it is called each few seconds.
                    record.forget();
                    return page(text);
                }
                Err(refusal) => Err(refusal),
            }
        } else if !is_plain_or_chunked(&head.headers) {
            Err(Refusal {
                code: Some("NotImplemented"),
                ..refusal(
                    StatusCode::NOT_IMPLEMENTED,
                    "the body has another transfer coding than chunked",
                )
            })
        } else if let Some(resign) = &self.resign {
            // Boxed, because the others would carry what it needs, too.
            Box::pin(self.pass_again(resign, &head, body, entry, &mut dialect)).await
        } else {
            self.pass(&head, body, entry).await
        };
        let reason = result.as_ref().err().map(|refusal| refusal.reason);
        let mut answer = result.unwrap_or_else(|refusal| refused(refusal, dialect));
        record.answered(answer.status(), reason);
        match answer.body_mut() {
            Either::Left(_) => record.end(),
            Either::Right(body) => body.record_its_end(record),
        }
        answer
    }

    /// Returns the text of a page of the proxy itself.
    fn own_page(&self, head: &Parts) -> Result<String, Refusal> {
        rules::check_own_host(&head.headers, &self.rules.own_hosts, self.tls.as_ref())?;
        if !matches!(head.method, Method::GET | Method::HEAD) {
            let reason = "the pages of the proxy itself are read with GET";
            return Err(refusal(StatusCode::METHOD_NOT_ALLOWED, reason));
        }
        if head.uri.path() == own::HEALTH {
            return Ok("ok\n".to_owned());
        }
        if self.resign.is_some() && matches!(self.token, Token::None) {
            let reason = "the counts are for those who have a token, and this proxy has none";
            return Err(refusal(StatusCode::UNAUTHORIZED, reason));
        }
        self.with_token(|token| self.rules.admit(&head.headers, token))?;
        Ok(self.metrics.text())
    }

    async fn pass(
        &self,
        head: &Parts,
        body: Incoming,
        entry: &mut Entry,
    ) -> Result<Response<Received>, Refusal> {
        let length = body.size_hint().exact();
        let decided = self.with_token(|token| self.rules.decide(head, length, token));
        let mut forward = decided.inspect_err(|refusal| {
            // Of a caller who may not use the proxy, nothing is told.
            if refusal.status != StatusCode::UNAUTHORIZED
                && let Ok(upstream) = self.rules.upstream(&head.headers)
            {
                describe_refused(&upstream, head, entry);
            }
        })?;
        pass_trailers(&head.headers, &mut forward.head.headers);
        describe(&forward, entry);
        self.forward(forward, body, &mut entry.action).await
    }

    /// Verifies the signature of a request, and sends it on with another one. `dialect` becomes the
    /// one in which the caller understands refusals.
    async fn pass_again(
        &self,
        resign: &Resign,
        head: &Parts,
        body: Incoming,
        entry: &mut Entry,
        dialect: &mut Option<Dialect>,
    ) -> Result<Response<Received>, Refusal> {
        self.rules.admit(&head.headers, None)?;
        let (target, inner) = resign.claim(head, dialect)?;
        let length = body.size_hint().exact();
        let decided = self.rules.decide_again(&inner, length, &target.upstream);
        let mut forward =
            decided.inspect_err(|_| describe_refused(&target.upstream, &inner, entry))?;
        pass_trailers(&head.headers, &mut forward.head.headers);
        describe(&forward, entry);
        let mut in_memory = Bytes::new();
        let (payload, unread) = match forward.plan {
            Plan::Empty => (Payload::Empty, None),
            Plan::Hashed => {
                // The signature is the authorization to fill the memory.
                if !is_short(length) {
                    resign.check_head(head, &target)?;
                }
                in_memory = self.read_checked(body, &forward, &mut entry.action).await?;
                (Payload::Bytes(&in_memory), None)
            }
            _ => (Payload::Declared, Some(body)),
        };
        let checked = resign.verify(head, payload, &target)?;
        let mut request = Request::from_parts(forward.head, ());
        let real = self.real_credentials().await?;
        let at = self.clocks.time(request.uri(), Timestamp::now());
        let signed = checked.sign_http(&mut request, payload, &target.signer, &real, at);
        let resigner = signed.map_err(|error| self.unsignable(&error))?;
        let body = match (unread, forward.plan) {
            (Some(body), Plan::Held(hash)) => Either::Right(Passing::held(body, hash)),
            (Some(body), _) if resigner.is_unchanged() => Either::Right(Passing::new(body)),
            (Some(body), _) => Either::Right(Passing::resigned(body, resigner)),
            (None, _) => Either::Left(InMemory::new(in_memory)),
        };
        self.send(request, body).await
    }

    /// Returns the credentials that requests are signed with.
    async fn real_credentials(&self) -> Result<Credentials, Refusal> {
        let now = Timestamp::now();
        let credentials = self.signer.credentials().credentials(now).await;
        let credentials = credentials.map_err(|error| self.unsignable(&error))?;
        Ok(credentials.into())
    }

    /// Calls a function with the token that callers must send, if they must.
    fn with_token<T>(
        &self,
        check: impl FnOnce(Option<&Secret>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        match &self.token {
            Token::None => check(None),
            Token::Own(token) => check(Some(token)),
            Token::File(file) => {
                let token = file.get().ok_or(refusal(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the file of --token-file has no token",
                ))?;
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
            Plan::Empty => (Either::Left(InMemory::default()), Payload::Empty),
            Plan::Unsigned => (Either::Right(Passing::new(body)), Payload::Unsigned),
            // The last two are planned for callers that sign.
            Plan::Declared | Plan::Held(_) | Plan::Pieces => {
                (Either::Right(Passing::new(body)), Payload::Declared)
            }
            Plan::Hashed => {
                bytes = Box::pin(self.read_checked(body, &forward, action)).await?;
                let declared = forward
                    .head
                    .headers
                    .get(CONTENT_SHA256)
                    .is_some_and(is_hash);
                let payload = if declared {
                    Payload::Declared
                } else {
                    Payload::Bytes(&bytes)
                };
                (Either::Left(InMemory::new(bytes.clone())), payload)
            }
        };
        let signed = self.sign(forward.head, hash).await?;
        self.send(signed, body).await
    }

    /// Reads a body that may pass. `action` becomes the one of its form, if it has one.
    async fn read_checked(
        &self,
        body: Incoming,
        forward: &Forward,
        action: &mut Option<String>,
    ) -> Result<Bytes, Refusal> {
        let room = self.room(body.size_hint().exact()).await?;
        let bytes = self.read(body).await?;
        let bytes = match room {
            Some(room) => Bytes::from_owner(Kept { bytes, _room: room }),
            None => bytes,
        };
        let headers = &forward.head.headers;
        if action::is_form(headers)
            && let Some(named) = action::in_body(&bytes)
                .ok()
                .and_then(|named| named.into_iter().next())
        {
            *action = shown_action(&forward.service, &named);
        }
        self.rules.check_body(forward, &bytes)?;
        Ok(bytes)
    }

    /// Waits until there is room in memory for a body that is read.
    async fn room(&self, length: Option<u64>) -> Result<Option<OwnedSemaphorePermit>, Refusal> {
        if is_short(length) {
            return Ok(None);
        }
        let pieces = pieces(length.unwrap_or(self.rules.max_body));
        let memory = Arc::clone(&self.memory);
        match timeout(BODY_TIMEOUT, memory.acquire_many_owned(pieces)).await {
            Ok(Ok(room)) => Ok(Some(room)),
            _ => Err(refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many long bodies are read at the same time: send it again later",
            )),
        }
    }

    async fn read(&self, body: Incoming) -> Result<Bytes, Refusal> {
        let max = usize::try_from(self.rules.max_body).unwrap_or(usize::MAX);
        match timeout(BODY_TIMEOUT, Limited::new(body, max).collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(TOO_LONG),
            Ok(Err(_)) => Err(INCOMPLETE),
            Err(_) => Err(LATE),
        }
    }

    async fn sign(&self, head: Parts, payload: Payload<'_>) -> Result<Request<()>, Refusal> {
        let mut request = Request::from_parts(head, ());
        let signed = if self.clocks.has_another(request.uri()) {
            let (clocks, server) = (Arc::clone(&self.clocks), request.uri().clone());
            let signer = self.signer.clone();
            let signer = signer.with_clock(move || clocks.time(&server, Timestamp::now()));
            signer.sign(&mut request, payload).await
        } else {
            self.signer.sign(&mut request, payload).await
        };
        match signed {
            Ok(()) => Ok(request),
            Err(error) => Err(self.unsignable(&error)),
        }
    }

    fn unsignable(&self, error: &(dyn Error + 'static)) -> Refusal {
        self.console.warn(&chained(error));
        refusal(
            StatusCode::BAD_GATEWAY,
            "the request cannot be signed: see what the proxy prints",
        )
    }

    async fn send(&self, head: Request<()>, body: Sent) -> Result<Response<Received>, Refusal> {
        let sent = Timestamp::now();
        let server = head.uri().clone();
        let takes_trailers = head.headers().contains_key(header::TE);
        let flow = match &body {
            Either::Left(in_memory) => in_memory.flow(),
            Either::Right(passing) => passing.flow(),
        };
        let answer = self.pool.send(head.map(|()| body)).await;
        let mut answer = answer.map_err(|silence| {
            let trouble = flow.trouble(&silence);
            trouble.map_or_else(|| self.silent(&silence), blame)
        })?;
        // 101 is for those who ask for another protocol, and nothing above 599 is a status.
        if !(200..600).contains(&answer.status().as_u16()) {
            let reason = "the server answered with a status that no request asks for";
            return Err(refusal(StatusCode::BAD_GATEWAY, reason));
        }
        // Any other answer may come from a cache, or from a server whose clock does not matter.
        let may_be_skew = [StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN];
        if may_be_skew.contains(&answer.status()) {
            self.clocks.learn(&server, answer.headers(), sent);
        }
        *answer.version_mut() = Version::HTTP_11;
        let names = answer.headers().get_all(header::TRAILER).iter().cloned();
        let names: Vec<_> = names.filter(|_| takes_trailers).collect();
        remove_hop_by_hop(answer.headers_mut());
        for names in names {
            answer.headers_mut().append(header::TRAILER, names);
        }
        Ok(answer)
    }

    fn silent(&self, silence: &Silence) -> Refusal {
        match silence {
            Silence::Broken(failure) => {
                self.console.warn(failure.message());
                refusal(
                    StatusCode::BAD_GATEWAY,
                    "the server did not answer: see what the proxy prints",
                )
            }
            Silence::Timeout => refusal(
                StatusCode::GATEWAY_TIMEOUT,
                "the server did not answer in time",
            ),
            Silence::Storm => refusal(
                StatusCode::BAD_GATEWAY,
                "the server sent more than 100 informational answers and no other",
            ),
        }
    }
}

/// A long body in memory. Its room is free when the last one who sends it is done with it.
struct Kept {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Returns the answer to a request whose body did not come as its caller announced it.
fn blame(trouble: Trouble) -> Refusal {
    match trouble {
        Trouble::Forged => Refusal {
            code: Some("XAmzContentSHA256Mismatch"),
            ..rules::forbidden("the body is not the one that was signed")
        },
        Trouble::Incomplete => INCOMPLETE,
        Trouble::Late => LATE,
    }
}

/// Returns true for a body without transfer codings but `chunked`: the name of another one would
/// not reach the server (RFC 9112, section 6.1).
fn is_plain_or_chunked(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    codings.next().is_none_or(is_chunked) && codings.next().is_none()
}

/// Tells the server that the caller takes trailers (RFC 9110, section 10.1.4).
fn pass_trailers(caller: &HeaderMap, server: &mut HeaderMap) {
    let mut codings = caller.get_all(header::TE).iter().flat_map(|codings| {
        let codings = codings.as_bytes().split(|byte| *byte == b',');
        codings.map(<[u8]>::trim_ascii)
    });
    if codings.any(|coding| coding.eq_ignore_ascii_case(b"trailers")) {
        server.insert(header::TE, HeaderValue::from_static("trailers"));
        server.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
}

/// Returns the room for the long bodies that are in memory at the same time.
pub(super) fn memory(max_body: u64) -> Arc<Semaphore> {
    let room = u64::from(pieces(max_body)) * MAX_BODIES;
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    Arc::new(Semaphore::new(room.min(Semaphore::MAX_PERMITS)))
}

/// Returns how many pieces of memory a body takes.
fn pieces(length: u64) -> u32 {
    // On 32 bits there are no more permits.
    let most = (Semaphore::MAX_PERMITS / 16).try_into();
    let pieces = length.div_ceil(PIECE).try_into().unwrap_or(u32::MAX);
    pieces.min(most.unwrap_or(u32::MAX))
}

fn is_short(length: Option<u64>) -> bool {
    length.is_some_and(|length| length <= SHORT)
}

fn page(text: String) -> Response<Received> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(text))));
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

/// Says in the log what a request asks for.
fn describe(forward: &Forward, entry: &mut Entry) {
    let host = forward.head.uri.host();
    tell(host, &forward.service, &forward.actions, entry);
}

fn describe_refused(upstream: &Upstream, head: &Parts, entry: &mut Entry) {
    let host = upstream.authority.host();
    let actions = action::in_head(head, &upstream.service);
    tell(Some(host), &upstream.service, &actions, entry);
}

fn tell(host: Option<&str>, service: &str, actions: &[String], entry: &mut Entry) {
    entry.host = host.map(|host| printable(host).into_owned());
    entry.service = Some(service.to_owned());
    let action = actions.first();
    entry.action = action.and_then(|name| shown_action(service, name));
}

/// Returns what the log says for an action: `?` for a text that cannot be the name of one, and
/// nothing if the service has no actions. Such a text may be a secret, or a whole body. Names begin
/// with a verb, and have few digits.
fn shown_action(service: &str, name: &str) -> Option<String> {
    let mut start = name.bytes();
    let is_verb = start.next().is_some_and(|byte| byte.is_ascii_uppercase())
        && start.next().is_some_and(|byte| byte.is_ascii_lowercase());
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let is_name = is_verb
        && digits <= MAX_DIGITS
        && name.len() <= MAX_ACTION
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let shown = if is_name { name } else { "?" };
    catalog::names_actions(service).then(|| shown.to_owned())
}

fn refused(refusal: Refusal, dialect: Option<Dialect>) -> Response<Received> {
    let text = format!("keyfob: {}", refusal.reason);
    let (text, form) = match dialect {
        None => (text + "\n", "text/plain"),
        Some(dialect) => {
            let code = refusal.code.unwrap_or(match refusal.status {
                StatusCode::FORBIDDEN => "AccessDenied",
                StatusCode::PAYLOAD_TOO_LARGE => "EntityTooLarge",
                status if status.is_server_error() => "ServiceUnavailable",
                _ => "InvalidRequest",
            });
            (dialect.body(code, &text, "keyfob"), dialect.content_type())
        }
    };
    let mut response = page(text);
    *response.status_mut() = refusal.status;
    let form = HeaderValue::from_static(form);
    response.headers_mut().insert(header::CONTENT_TYPE, form);
    // The rest of a body that was not read must not be taken for a request.
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_the_name_of_an_action_is_not_shown() {
        for (name, expected) in [
            ("ListQueues", "ListQueues"),
            ("GenerateAs2805KekValidation", "GenerateAs2805KekValidation"),
            ("AKIAIOSFODNN7EXAMPLE", "?"),
            ("d41d8cd98f00b204e9800998ecf8427e", "?"),
            ("Dd41d8cd98f00b204e9800998ecf8427", "?"),
            ("listQueues", "?"),
            ("", "?"),
        ] {
            assert_eq!(shown_action("sqs", name).as_deref(), Some(expected));
        }
        assert_eq!(shown_action("s3", "ListQueues"), None);
    }

    #[test]
    fn there_is_room_for_eight_long_bodies() {
        let memory = memory(1_000_000);
        let taken: Vec<_> = (0..9)
            .map_while(|_| memory.try_acquire_many(pieces(1_000_000)).ok())
            .collect();
        assert_eq!(taken.len(), 8);
        // No number is too large.
        assert!(super::memory(u64::MAX).available_permits() > 0);
        assert!(is_short(Some(SHORT)) && !is_short(Some(SHORT + 1)) && !is_short(None));
    }
}

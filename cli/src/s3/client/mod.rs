mod wire;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use http::{HeaderMap, HeaderName, Method, Request, StatusCode, Uri, header::USER_AGENT};
use keyfob_backoff::{
    Budget, ClockSkew, Hint, Pause, Policy, Report, error_code,
    limit::{KeyedLimit, Limiter, RateLimit},
    retry, s3_status,
};
use keyfob_sigv4::{Credentials, Payload, Secret, Signer, Timestamp, uri};
use keyfob_sts::Connector;
use tracing::debug;

pub(crate) use self::wire::Answer;
use self::wire::{Silence, Wire};
use crate::{
    failure::chained,
    s3::{
        Address, Algorithm, Call, Checksum, Composite, Content, Error,
        error::{Cause, Refusal},
        xml,
    },
    services::{Pace, SharedPace},
    terminal::{Console, waiting_for, waiting_for_attempt},
};

/// The length in bytes beyond which an error or a short answer is not read.
const MAX_ERROR: usize = 64 << 10;
/// How many requests a second S3, and any server like it, takes below a prefix, also when it is
/// busy.
const LEAST_RATE: f64 = 20.0;
/// The codes of S3's own faults, which are repeated.
const SERVER_ERRORS: [&str; 3] = ["InternalError", "InternalFailure", "ServiceUnavailable"];
/// How long nothing may happen while an answer is waited for, as in `aws`.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of S3: it signs requests, sends them, and repeats them after throttling, server errors
/// and broken connections. Clones share connections and what was learned: the regions of buckets,
/// and the clock.
#[derive(Clone)]
pub(crate) struct Client(Arc<Inner>);

/// The code and the message of the first refusal that is about the credentials.
pub(crate) type FirstRefusal = Arc<OnceLock<(String, String)>>;

struct Inner {
    wire: Arc<Wire>,
    policy: Policy,
    budget: Budget,
    connector: Connector,
    address: Address,
    /// `None` for requests without a signature.
    credentials: Option<Credentials>,
    console: Console,
    /// Whether the hash of a body is signed wherever it goes to.
    signs_payloads: bool,
    limits: Limits,
    /// What all requests keep to instead, if there is a `--rate`.
    pace: Option<SharedPace>,
    /// Where each bucket is, as far as it is known.
    places: Mutex<HashMap<Option<String>, Arc<Place>>>,
    /// Whether the lists that say that their keys are encoded have encoded keys, if that is known.
    encodes_lists: OnceLock<bool>,
    refused: FirstRefusal,
}

/// A bucket, and what is before the last `/` of a key.
type Prefix = (Option<String>, String);

/// What S3 grants below each prefix, which it limits alone.
struct Limits {
    reads: KeyedLimit<Prefix, Pace>,
    changes: KeyedLimit<Prefix, Pace>,
}

impl Limits {
    /// Begins with what S3 documents. What another server grants is learned from its answers.
    fn new(is_other: bool) -> Self {
        let of = |limit| {
            let pace = Pace::new(Some(limit).filter(|_| !is_other));
            KeyedLimit::new(pace.at_least(LEAST_RATE))
        };
        Self {
            reads: of(RateLimit::S3_READ),
            changes: of(RateLimit::S3_CHANGE),
        }
    }

    fn for_call(&self, call: &Call) -> &KeyedLimit<Prefix, Pace> {
        match call.method {
            Method::GET | Method::HEAD => &self.reads,
            _ => &self.changes,
        }
    }
}

/// Where the requests for a bucket go to.
struct Place {
    /// The URL of the bucket, without a `/` at its end.
    url: String,
    region: String,
    signer: Signer,
    has_tls: bool,
    /// Whether it is on this machine.
    is_local: bool,
}

impl Client {
    /// Creates a client. With `signs_payloads`, the hash of a body is signed also where it cannot
    /// be changed on the way: with TLS, and on this machine. A `pace` is for all requests; without
    /// it, each prefix has one.
    pub(crate) fn new(
        connector: Connector,
        address: Address,
        credentials: Option<Credentials>,
        signs_payloads: bool,
        pace: Option<SharedPace>,
        console: Console,
        refused: FirstRefusal,
    ) -> Self {
        // Each operation here can be repeated: it reads, or writes the same again.
        let policy = connector.policy().retry_unanswered().retry_clock_skew();
        let patience = connector.timeout().unwrap_or(PATIENCE);
        Self(Arc::new(Inner {
            wire: Arc::new(Wire::new(connector.clone(), patience)),
            policy,
            budget: Budget::aws(),
            connector,
            limits: Limits::new(address.is_custom()),
            encodes_lists: if address.is_custom() {
                OnceLock::new()
            } else {
                OnceLock::from(true)
            },
            address,
            credentials,
            console,
            signs_payloads,
            pace,
            places: Mutex::default(),
            refused,
        }))
    }

    /// Returns the region that requests for the account, and for buckets that are not known yet,
    /// are signed for.
    ///
    /// # Errors
    ///
    /// If the settings do not give an endpoint.
    pub(crate) fn region(&self) -> Result<String, Error> {
        let place = self.0.place("ListBuckets", None)?;
        Ok(place.region.clone())
    }

    /// Says in which region a bucket is, which is found out otherwise.
    ///
    /// # Errors
    ///
    /// If the settings do not give an endpoint there.
    pub(crate) fn locate(&self, bucket: &str, region: &str) -> Result<(), Error> {
        let call = Call::new("HeadBucket", Method::HEAD).bucket(bucket);
        self.0.relocate(&call, region)
    }

    /// Returns the number of bytes of objects that were sent, without those that failed. What reads
    /// objects adds to it.
    pub(crate) fn moved(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.0.wire.moved)
    }

    /// Sets the body of a call to bytes of an object, and the header with their checksum, which is
    /// returned. A file is read once for it and for the signature.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or if the settings do not give an endpoint.
    pub(crate) async fn checked(
        &self,
        call: Call,
        content: Content,
        algorithm: Option<Algorithm>,
    ) -> Result<(Call, Option<Checksum>), Error> {
        let call = Call {
            is_transfer: true,
            ..call
        };
        let Some(algorithm) = algorithm else {
            return Ok((call.content(content), None));
        };
        let place = self.0.place(call.operation, call.bucket.as_deref())?;
        let checksum = if self.0.hashes_payloads(&place, true) {
            content.checksum_and_payload(algorithm).await
        } else {
            content.checksum(algorithm).await
        };
        let checksum = checksum.map_err(|error| call.unreadable(&error))?;
        let call = call.text_header(algorithm.header(), &checksum.text())?;
        let call = Call {
            has_checksum: true,
            ..call.content(content)
        };
        Ok((call, Some(checksum)))
    }

    /// Returns what is known of lists that say that their keys are encoded: whether they are.
    pub(super) fn encodes_lists(&self) -> &OnceLock<bool> {
        &self.0.encodes_lists
    }

    /// Sends a request, and returns the answer as soon as its head is there. A request for a bucket
    /// in another region is sent there, and the region remembered.
    ///
    /// # Errors
    ///
    /// That of the last attempt.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        let refused = match self.0.send(call).await {
            Err(error) => error,
            answer => return answer,
        };
        match self.0.region_elsewhere(call, &refused).await {
            Some(region) => {
                debug!(
                    region,
                    "{}: the bucket is in another region", call.operation
                );
                self.0.relocate(call, &region)?;
                let answer = self.0.send(call).await;
                answer.map_err(|error| self.0.remember(error))
            }
            None => Err(self.0.remember(refused)),
        }
    }

    /// Sends a request, and returns its answer with the whole body, which has at most `max` bytes.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), or if the answer is longer.
    pub(crate) async fn fetch(
        &self,
        call: &Call,
        max: usize,
    ) -> Result<(Answer, bytes::Bytes), Error> {
        let mut answer = self.send(call).await?;
        let body = answer.bytes(max).await;
        let body = body.map_err(|silence| Error::new(call.operation, silence.into()))?;
        Ok((answer, body))
    }

    /// Sends a request once only, and returns the body of its answer: for what is of use if it
    /// succeeds, and not missed otherwise.
    ///
    /// # Errors
    ///
    /// If S3 refuses, or if the answer is longer than `max` bytes.
    pub(crate) async fn fetch_once(&self, call: &Call, max: usize) -> Result<bytes::Bytes, Error> {
        let mut answer = self.0.attempt(call).await?;
        let body = answer.bytes(max).await;
        body.map_err(|silence| Error::new(call.operation, silence.into()))
    }
}

impl Answer {
    /// Returns the length of the body, or that of the object if the answer is one to HEAD.
    pub(crate) fn length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// Returns the checksum of the whole object, which has that length, if S3 has one.
    pub(crate) fn checksum(&self, length: u64) -> Option<Checksum> {
        Checksum::from_headers(self.headers(), length)
    }

    /// Returns the checksum of the checksums of the object's parts, if S3 has that one.
    pub(crate) fn composite(&self) -> Option<Composite> {
        Composite::from_headers(self.headers())
    }

    /// Returns the next piece of the body of an object, or `None` at its end.
    ///
    /// # Errors
    ///
    /// If the connection breaks, or if nothing comes.
    pub(crate) async fn piece(&mut self) -> Result<Option<bytes::Bytes>, Error> {
        let piece = self.next().await;
        piece.map_err(|silence| Error::new("GetObject", silence.into()))
    }
}

impl Inner {
    /// Keeps what the end of the command tells about the credentials.
    fn remember(&self, error: Error) -> Error {
        let signed = error.refusal().filter(|_| self.credentials.is_some());
        if let Some(refusal) = signed
            && refusal.refused().is_of_credentials()
        {
            let said = (refusal.code.clone(), refusal.message.clone());
            // Only the first one counts.
            let _ = self.refused.set(said);
        }
        error
    }

    async fn send(&self, call: &Call) -> Result<Answer, Error> {
        let place = self.place(call.operation, call.bucket.as_deref())?;
        let _waiting = waiting_for(format!("s3 at {}", place.url));
        let mut report = Report::default();
        let of_prefix = self.limits.for_call(call).key(call.prefix());
        let limiter: &(dyn Limiter + Sync) = match &self.pace {
            Some(pace) => &**pace,
            None => &of_prefix,
        };
        let answer = retry(self.policy, || self.attempt(call))
            .budget(&self.budget)
            .limiter(limiter)
            .notify(|error: &Error, pause: &Pause| self.notify(error, pause))
            .report(&mut report)
            .run()
            .await;
        answer.map_err(|error| error.with_retries(report.attempts.saturating_sub(1)))
    }

    fn notify(&self, error: &Error, pause: &Pause) {
        debug!("{error}");
        waiting_for_attempt(self.console, pause, error.status(), error.code());
    }

    async fn attempt(&self, call: &Call) -> Result<Answer, Error> {
        let place = self.place(call.operation, call.bucket.as_deref())?;
        if !place.has_tls && !place.is_local && call.headers.keys().any(is_customer_key) {
            return Err(call.unusable(
                "the key of --sse-c would be sent without encryption: use an endpoint with https",
            ));
        }
        let mut request = call.request(&place)?;
        let sent = Timestamp::now();
        let dated = self.connector.service_time(sent);
        if let Some(credentials) = &self.credentials {
            let payload = if self.hashes_payloads(&place, call.has_checksum) {
                let payload = call.content.payload().await;
                payload.map_err(|error| call.unreadable(&error))?
            } else {
                Payload::Unsigned
            };
            place
                .signer
                .sign_http(&mut request, payload, credentials, dated)
                .map_err(|error| call.unusable(error.message()))?;
        }
        let answer = self.wire.send(&request, call).await;
        let mut answer = answer.map_err(|silence| Error::new(call.operation, silence.into()))?;
        debug!(
            status = answer.status().as_u16(),
            request_id = answer.header("x-amz-request-id"),
            "{} answered",
            call.operation
        );
        let skew = self.connector.learn_time(answer.headers(), sent, dated);
        if answer.status().is_success() && !call.answers_with_document {
            return Ok(answer);
        }
        if answer.status().is_success() {
            let body = answer.bytes(MAX_ERROR).await;
            let body = body.map_err(|silence| Error::new(call.operation, silence.into()))?;
            let status = s3_status(answer.status().as_u16(), &body);
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            if status.is_success() {
                answer.put_back(body);
                return Ok(answer);
            }
            // It would have had a status of its own, had S3 known it in time.
            let status = match error_code(|_| None, &body) {
                Some(code) if !SERVER_ERRORS.contains(&code) => StatusCode::BAD_REQUEST,
                _ => status,
            };
            return Err(self.refused(call, status, answer.headers(), &body, skew));
        }
        // The status and the headers say enough, should the body not come.
        let body = answer.bytes(MAX_ERROR).await.unwrap_or_default();
        Err(self.refused(call, answer.status(), answer.headers(), &body, skew))
    }

    /// Returns true if a request is signed by the hash of its body: if that may be changed on the
    /// way, or, on this machine, if there is no checksum which tells that it was.
    fn hashes_payloads(&self, place: &Place, has_checksum: bool) -> bool {
        let is_safe = place.has_tls || (place.is_local && has_checksum);
        self.credentials.is_some() && (self.signs_payloads || !is_safe)
    }

    /// Returns the error of an answer.
    fn refused(
        &self,
        call: &Call,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        skew: Option<ClockSkew>,
    ) -> Error {
        let mut refusal = Refusal::parse(status, headers, body);
        let secrets = self.credentials.iter().flat_map(|credentials| {
            let token = credentials.session_token();
            token.into_iter().chain([credentials.secret_access_key()])
        });
        let secrets: Vec<&Secret> = secrets.collect();
        refusal.message = Secret::redact(&refusal.message, &secrets);
        let skew = skew.filter(|_| self.credentials.is_some());
        Error::new(call.operation, Cause::Refused(refusal)).with_skew(skew)
    }

    /// Returns the region of the bucket if an error says that it is in another one than the
    /// request was sent to.
    async fn region_elsewhere(&self, call: &Call, error: &Error) -> Option<String> {
        let refusal = error.refusal()?;
        let bucket = call.bucket.as_deref();
        let here = self.place(call.operation, bucket).ok()?;
        let is_elsewhere = matches!(refusal.status, 301 | 307)
            || matches!(
                refusal.code.as_str(),
                "AuthorizationHeaderMalformed"
                    | "IllegalLocationConstraintException"
                    | "PermanentRedirect"
                    | "TemporaryRedirect"
            )
            // The answer to HEAD has no code.
            || (call.method == Method::HEAD && refusal.status == 400);
        if !is_elsewhere {
            return None;
        }
        let region = match (&refusal.region, bucket) {
            (Some(region), _) => region.clone(),
            (None, Some(bucket)) if call.operation != "CreateBucket" => {
                self.region_of(bucket).await?
            }
            _ => return None,
        };
        (region != here.region).then_some(region)
    }

    /// Asks S3 for the region of a bucket, which its answer names whatever its status is.
    async fn region_of(&self, bucket: &str) -> Option<String> {
        let head = Call::new("HeadBucket", Method::HEAD).bucket(bucket);
        match self.attempt(&head).await {
            Ok(answer) => answer.header(BUCKET_REGION).map(str::to_owned),
            Err(error) => error.refusal()?.region.clone(),
        }
    }

    /// Returns where the requests for a bucket go to.
    fn place(&self, operation: &'static str, bucket: Option<&str>) -> Result<Arc<Place>, Error> {
        let known = self.places().get(&bucket.map(str::to_owned)).cloned();
        match known {
            Some(place) => Ok(place),
            None => self.add_place(operation, bucket, None),
        }
    }

    fn relocate(&self, call: &Call, region: &str) -> Result<(), Error> {
        let bucket = call.bucket.as_deref();
        self.add_place(call.operation, bucket, Some(region))
            .map(drop)
    }

    fn add_place(
        &self,
        operation: &'static str,
        bucket: Option<&str>,
        region: Option<&str>,
    ) -> Result<Arc<Place>, Error> {
        let unusable = |failure| Error::new(operation, Cause::Setting(failure));
        let (url, endpoint) = self.address.resolve(bucket, region).map_err(unusable)?;
        let region = endpoint.signing_region().unwrap_or_default();
        let signer = Signer::s3(region).map_err(|error| unusable(error.into()))?;
        let place = Arc::new(Place {
            region: region.to_owned(),
            signer,
            has_tls: url.starts_with("https:"),
            is_local: endpoint.is_loopback(),
            url,
        });
        let bucket = bucket.map(str::to_owned);
        self.places().insert(bucket, Arc::clone(&place));
        Ok(place)
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Option<String>, Arc<Place>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns true for a header with a key that S3 encrypts or decrypts with, and does not keep.
fn is_customer_key(name: &HeaderName) -> bool {
    name.as_str()
        .ends_with("server-side-encryption-customer-key")
}

impl Call {
    /// Returns what S3 limits requests by.
    fn prefix(&self) -> Prefix {
        let key = self.key.as_deref().unwrap_or_default();
        let folder = key.rfind('/').map_or("", |slash| &key[..slash]);
        (self.bucket.clone(), folder.to_owned())
    }

    /// Returns the request, with its absolute URI, and without its signature.
    fn request(&self, place: &Place) -> Result<Request<()>, Error> {
        let mut url = place.url.clone();
        if let Some(key) = &self.key {
            url.push('/');
            url += &uri::encode_path(key);
        }
        url += &self.query;
        let url = Uri::try_from(url).map_err(|_| self.unusable("the key is too long for a URL"))?;
        let mut request = Request::new(());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = url;
        *request.headers_mut() = self.headers.clone();
        let agent = http::HeaderValue::from_static(concat!("keyfob/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        Ok(request)
    }
}

/// The header in which S3 names the region of a bucket.
const BUCKET_REGION: &str = "x-amz-bucket-region";

impl Refusal {
    fn parse(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut refusal = Self {
            status: status.as_u16(),
            code: status.as_str().to_owned(),
            message: status.canonical_reason().unwrap_or_default().to_owned(),
            request_id: header("x-amz-request-id").map(str::to_owned),
            region: header(BUCKET_REGION).map(str::to_owned),
            hint: Hint::from_headers(header),
        };
        let mut in_body = Self::default();
        let read = xml::read(body, |path, text| match (path, text) {
            ("Error/Code", Some(text)) => text.clone_into(&mut in_body.code),
            ("Error/Message", Some(text)) => text.clone_into(&mut in_body.message),
            ("Error/Region", Some(text)) => in_body.region = Some(text.to_owned()),
            ("Error/RequestId", Some(text)) => in_body.request_id = Some(text.to_owned()),
            _ => {}
        });
        // Pages of gateways are other documents.
        if read.is_ok() && !in_body.code.is_empty() {
            (refusal.code, refusal.message) = (in_body.code, in_body.message);
            refusal.region = refusal.region.or(in_body.region);
            refusal.request_id = refusal.request_id.or(in_body.request_id);
        }
        refusal
    }
}

impl From<Silence> for Cause {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Connect(error) => Self::Connect(error),
            Silence::Timeout(time) => Self::Timeout(time),
            Silence::Broken(error) => Self::Broken(chained(&error)),
            Silence::TooLong(max) => Self::Unreadable(format!("it has more than {max} bytes")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many requests pass below a prefix in a second, after as many as pass at once.
    fn passed(limits: &Limits, method: Method, key: &str) -> u32 {
        let mut call = Call::new("Test", method).bucket("b");
        call.key = Some(key.to_owned());
        let limiter = limits.for_call(&call).key(call.prefix());
        let mut counts = [0; 2];
        for (second, count) in counts.iter_mut().enumerate() {
            for milli in 0..1_000 {
                let now = Duration::from_millis(1_000 * (second as u64 + 1) + milli);
                while *count < 12_000 && limiter.acquire(now).is_ok() {
                    limiter.on_answer(false, now);
                    *count += 1;
                }
            }
        }
        counts[1]
    }

    #[test]
    fn each_prefix_has_the_limits_that_s3_documents_and_another_server_has_none() {
        let limits = Limits::new(false);
        for key in ["a/1", "b/1"] {
            assert_eq!(passed(&limits, Method::GET, key), 5_500, "{key}");
            assert_eq!(passed(&limits, Method::PUT, key), 3_500, "{key}");
        }
        let limits = Limits::new(true);
        assert_eq!(passed(&limits, Method::GET, "a/1"), 12_000);
        assert_eq!(passed(&limits, Method::PUT, "a/1"), 12_000);
    }
}

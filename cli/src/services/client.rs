use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Instant,
};

use keyfob_backoff::{Fault, classify, limit::RateLimit};
use keyfob_chain::Region;
use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::{
    self as sts, ClientBuilder, Endpoint, Error, ErrorKind,
    call::{Call, Service},
};
use tracing::debug;

use crate::{
    context::Context,
    failure::{Failure, Refused},
    services::Pace,
    terminal::{waiting_for, waiting_for_attempt},
};

/// The length of the longest answer of a service that lists: some pages are large.
const MAX_ANSWER: usize = 64 << 20;
/// The services that trade credentials, whose answers are short.
const TRADERS: [Service; 4] = [
    Service::STS,
    Service::SSO_OIDC,
    Service::SSO,
    Service::SIGNIN,
];

/// A client of one service, with the credentials in use, that counts the retries of a call for the
/// error message.
pub(crate) struct Client {
    client: sts::Client,
    service: &'static Service,
    /// `None` for calls that are not signed.
    credentials: Option<Credentials>,
    /// Whether the credentials are those in use.
    is_in_use: bool,
    latest: Arc<Latest>,
}

/// What is known of the attempts of the latest call.
#[derive(Default)]
struct Latest {
    /// How often it was sent again.
    retries: AtomicU32,
    may_have_run: AtomicBool,
}

impl Latest {
    fn reset(&self) {
        self.retries.store(0, Ordering::Relaxed);
        self.may_have_run.store(false, Ordering::Relaxed);
    }

    fn add_error(&self, error: &Error) {
        if may_have_run(error) {
            self.may_have_run.store(true, Ordering::Relaxed);
        }
    }
}

impl Client {
    /// Returns a client with the credentials in use, if the operation needs any and calls are
    /// signed.
    ///
    /// # Errors
    ///
    /// If there are none, or if the region or a setting is invalid.
    pub(crate) async fn new(
        context: &Context,
        service: &'static Service,
        needs_credentials: bool,
    ) -> Result<Self, Failure> {
        let credentials = if needs_credentials {
            context.credentials_to_sign().await?
        } else {
            None
        };
        Self::with_credentials(context, service, credentials).await
    }

    /// Returns a client for a list of many pages, which keeps to a limit of the service.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub(super) async fn for_pages(
        context: &Context,
        service: &'static Service,
        needs_credentials: bool,
        limit: Option<RateLimit>,
    ) -> Result<Self, Failure> {
        let credentials = if needs_credentials {
            context.credentials_to_sign().await?
        } else {
            None
        };
        let pace = context.pace().unwrap_or_else(|| Pace::new(limit).shared());
        let region = context.region().await?;
        Self::build(context, service, region, credentials, |builder| {
            builder.limiter(pace)
        })
    }

    /// Returns a client for the region and the endpoint URL in use.
    ///
    /// # Errors
    ///
    /// If either is invalid.
    pub(crate) async fn with_credentials(
        context: &Context,
        service: &'static Service,
        credentials: Option<Credentials>,
    ) -> Result<Self, Failure> {
        Self::in_region(context, service, context.region().await?, credentials)
    }

    /// Returns a client that signs with a key other than the one in use, of which its failures say
    /// nothing.
    ///
    /// # Errors
    ///
    /// If the region or a setting is invalid.
    pub(crate) async fn with_other_key(
        context: &Context,
        service: &'static Service,
        key: &Credentials,
    ) -> Result<Self, Failure> {
        let client = Self::with_credentials(context, service, Some(key.clone())).await?;
        Ok(Self {
            is_in_use: false,
            ..client
        })
    }

    /// Returns a client for a region and the endpoint URL in use.
    ///
    /// # Errors
    ///
    /// If a setting is invalid.
    pub(crate) fn in_region(
        context: &Context,
        service: &'static Service,
        region: &Region,
        credentials: Option<Credentials>,
    ) -> Result<Self, Failure> {
        Self::build(
            context,
            service,
            region,
            credentials,
            |builder| match context.pace() {
                Some(pace) => builder.limiter(pace),
                None => builder,
            },
        )
    }

    /// Returns a client that sends each call once.
    ///
    /// # Errors
    ///
    /// As [`in_region`](Self::in_region).
    pub(crate) fn once(
        context: &Context,
        service: &'static Service,
        region: &Region,
    ) -> Result<Self, Failure> {
        Self::build(context, service, region, None, |builder| {
            builder.attempts(1)
        })
    }

    fn build(
        context: &Context,
        service: &'static Service,
        region: &Region,
        credentials: Option<Credentials>,
        change: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, Failure> {
        let latest = Arc::<Latest>::default();
        let mut builder = change(context.client(*service, region)?);
        if !TRADERS.contains(service) {
            builder = builder.max_answer(MAX_ANSWER);
        }
        let client = with_notify(context, builder, &latest).build()?;
        debug!(
            endpoint = client.endpoint().url(),
            region = region.name(),
            "calling {}",
            service.id()
        );
        Ok(Self {
            client,
            service,
            credentials,
            is_in_use: true,
            latest,
        })
    }

    /// Returns the time by the clock of the service, as far as its answers have shown it.
    pub(crate) fn now(&self) -> Timestamp {
        self.client.now()
    }

    /// Returns true if the service may have done what an attempt of the latest call asked for,
    /// although it did not say so.
    pub(super) fn may_have_run(&self) -> bool {
        self.latest.may_have_run.load(Ordering::Relaxed)
    }

    /// Returns true if calls are signed.
    pub(crate) fn signs(&self) -> bool {
        self.credentials.is_some()
    }

    /// Returns the endpoint that requests are sent to.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.client.endpoint()
    }

    /// Returns the URL that requests are sent to.
    pub(crate) fn url(&self) -> String {
        self.client.endpoint().url()
    }

    /// Prints a hint if the role with that ARN is in another partition than this endpoint.
    pub(crate) fn hint_partition(&self, context: &Context, arn: &str) {
        context.hint_partition(self.client.endpoint(), arn);
    }

    /// Sends a call.
    ///
    /// # Errors
    ///
    /// If the service answers with an error, or not at all. A refusal of the credentials has hints
    /// about where they come from.
    pub(crate) async fn send<C: Call + Sync>(
        &self,
        context: &Context,
        call: &C,
    ) -> Result<C::Output, Failure> {
        match self.try_send(call).await {
            Ok(output) => Ok(output),
            Err(error) => {
                let failure = self.explain(context, &error).await.with_decoder(&error);
                Err(match error.hint() {
                    Some(hint) => failure.with_hint(hint),
                    None => failure,
                })
            }
        }
    }

    /// Sends a call, and returns the error as it is.
    pub(crate) async fn try_send<C: Call + Sync>(&self, call: &C) -> Result<C::Output, Error> {
        let _waiting = waiting_for(format!("{} at {}", self.service.id(), self.url()));
        let start = Instant::now();
        self.latest.reset();
        let answer = match &self.credentials {
            Some(credentials) => self.client.send(call, credentials).await,
            None => self.client.send_unsigned(call).await,
        };
        let error = answer.as_ref().err();
        if let Some(error) = error {
            self.latest.add_error(error);
        }
        debug!(
            elapsed = ?start.elapsed(),
            status = error.and_then(Error::status),
            code = error.and_then(Error::code),
            request_id = error.and_then(Error::request_id),
            "{} {}",
            self.service.id(),
            if error.is_some() { "failed" } else { "answered" }
        );
        answer
    }

    /// Returns the failure for the error of a call. A refusal of the credentials has hints about
    /// where they come from.
    pub(crate) async fn explain(&self, context: &Context, error: &Error) -> Failure {
        let endpoint = match context.endpoint_url(self.service.id()) {
            Ok(endpoint) => endpoint.map(|(_, origin)| origin),
            Err(failure) => return failure,
        };
        let name = self.service.id().to_ascii_uppercase();
        let refused = Refused::from(error);
        let mut failure =
            Failure::from(error).with_refusal_hint(refused, &name, endpoint.as_deref());
        failure = failure.with_passing_hint(error, &name, endpoint.as_deref());
        if self.credentials.is_some() {
            let profile = context.globals().profile.as_deref();
            failure = failure.with_denied_hints(refused, context.source_in_use(), profile);
        }
        // An error that is retried is returned only after the last retry.
        if classify(error.status(), error.code()).is_some() {
            failure = failure.with_retries(self.latest.retries.load(Ordering::Relaxed));
        }
        let key = self.credentials.as_ref().filter(|_| refused.is_of_key());
        if let Some(key) = key.filter(|_| !self.is_in_use) {
            let id = key.access_key_id();
            failure = failure.with_hint(format!(
                "the key that was refused is {id}, not the one in use"
            ));
        } else if key.is_some() {
            failure = context.with_key_origin(failure, refused).await;
        }
        failure
    }
}

/// Returns true if the service may have done what a request asks for, although it did not say so.
/// What it throttles, it has not done.
fn may_have_run(error: &Error) -> bool {
    match error.status() {
        Some(status) => {
            let fault = classify(Some(status), error.code());
            !(300..500).contains(&status) && !fault.is_some_and(Fault::is_throttling)
        }
        None => matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Transport),
    }
}

/// Keeps what is known of the attempts, and logs the waits.
fn with_notify(context: &Context, builder: ClientBuilder, latest: &Arc<Latest>) -> ClientBuilder {
    let (latest, console) = (Arc::clone(latest), context.console());
    builder.notify(move |error, pause| {
        latest.retries.fetch_add(1, Ordering::Relaxed);
        latest.add_error(error);
        waiting_for_attempt(console, pause, error.status(), error.code());
    })
}

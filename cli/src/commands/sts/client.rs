use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use keyfob_backoff::{Policy, classify};
use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::{
    Client, ClientBuilder, Error,
    call::{Authorization, Call, Operation, Reply},
};
use tracing::{debug, info};

use crate::{
    context::Context,
    failure::{Failure, is_key_refused},
};

/// A client that counts its retries, for the error message.
pub(in crate::commands) struct Sts {
    client: Client,
    retries: Arc<AtomicU32>,
}

impl Sts {
    /// Returns a client for the region and the endpoint URL in use.
    ///
    /// # Errors
    ///
    /// If either is invalid.
    pub(in crate::commands) async fn new(context: &Context) -> Result<Self, Failure> {
        let region = context.region().await?;
        let retries = Arc::new(AtomicU32::new(0));
        // One more attempt, after correcting a wrong clock.
        let builder = context.sts(region)?.retry(Policy::aws().retry_clock_skew());
        let client = with_notify(context, builder, &retries).build()?;
        debug!(
            endpoint = client.endpoint().url(),
            region = region.name(),
            "calling STS"
        );
        Ok(Self { client, retries })
    }

    /// Returns the URL that requests are sent to.
    pub(in crate::commands) fn url(&self) -> String {
        self.client.endpoint().url()
    }

    /// Prints a hint if the role with that ARN is in another partition than this endpoint.
    pub(in crate::commands) fn hint_partition(&self, context: &Context, arn: &str) {
        context.hint_partition(self.client.endpoint(), arn);
    }

    /// Sends an action, without credentials unsigned.
    ///
    /// # Errors
    ///
    /// If STS answers with an error, or not at all. A refusal of the credentials has hints about
    /// where they come from.
    pub(in crate::commands) async fn send<C: Call + Sync>(
        &self,
        context: &Context,
        action: &C,
        credentials: Option<&Credentials>,
    ) -> Result<C::Output, Failure> {
        let answer = match credentials {
            Some(credentials) => self.client.send(action, credentials).await,
            None => self.client.send_unsigned(&Unsigned::new(action)).await,
        };
        let error = match answer {
            Ok(output) => return Ok(output),
            Err(error) => error,
        };
        let endpoint = context.endpoint_url("sts")?.map(|(_, origin)| origin);
        let mut failure = Failure::from(&error).with_refusal_hint(&error, endpoint.as_deref());
        if let Some(hint) = error.hint() {
            failure = failure.with_hint(hint);
        }
        // An error that is retried is returned only after the last retry.
        if classify(error.status(), error.code()).is_some() {
            failure = failure.with_retries(self.retries.load(Ordering::Relaxed));
        }
        if credentials.is_some() && is_key_refused(&error) {
            let resolution = context.chain().explain(Timestamp::now()).await;
            let home = context.variables().home();
            failure = failure.with_key_origin(&resolution.explanation, home.as_deref());
        }
        Err(failure)
    }
}

/// A call that is sent without a signature.
struct Unsigned<'a, C> {
    call: &'a C,
    operation: Operation,
}

impl<'a, C: Call> Unsigned<'a, C> {
    fn new(call: &'a C) -> Self {
        let operation = call.operation().clone();
        Self {
            call,
            operation: operation.with_authorization(Authorization::None),
        }
    }
}

impl<C: Call> Call for Unsigned<'_, C> {
    type Output = C::Output;

    fn operation(&self) -> &Operation {
        &self.operation
    }

    fn output(&self, reply: &Reply<'_>) -> Result<C::Output, Error> {
        self.call.output(reply)
    }

    fn check(&self) -> Result<(), Error> {
        self.call.check()
    }
}

/// Counts the retries, and logs the waits.
fn with_notify(
    context: &Context,
    builder: ClientBuilder,
    retries: &Arc<AtomicU32>,
) -> ClientBuilder {
    let (count, console) = (Arc::clone(retries), context.console());
    builder.notify(move |error, pause| {
            count.fetch_add(1, Ordering::Relaxed);
            // Only a wrong clock is retried without being a server error or throttling.
            if classify(error.status(), error.code()).is_none() {
                console.warn("the clock of this machine is off: signing again with the service's time");
            }
            let code = error.code().unwrap_or("no answer");
            info!(attempt = pause.attempt, wait = ?pause.delay, "{code}: waiting before the next attempt");
        })
}

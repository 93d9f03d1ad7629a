use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use keyfob_sigv4::{Credentials, Timestamp};
use tokio::sync::Mutex as Gate;

use crate::{
    error::{Error, ErrorKind},
    origin::Origin,
    provider::{BoxFuture, Bypass, Found, Inspection, Outcome, Provider},
};

/// Keeps what a provider gave until it is time to ask again, for any number of tasks.
///
/// - One task asks, the others wait for its answer, or, while the old credentials are still good for a while, go on
///   with them.
/// - Credentials of a service that hands out new ones by itself (instance metadata, a container's agent, STS) are asked for again 5, 15 or 60
///   minutes before they end, the longer the more they lasted when they came, and at the latest 1 minute before.
///   While the service is away the old ones are served, even past their end, and it is asked again 5 to 10 minutes
///   later.
/// - Other credentials are asked for again 10 seconds before they end, and are not served past it. With a session
///   token but without an expiry they count for 15 minutes. Without both they are kept until
///   [`invalidate`](Self::invalidate).
/// - A failure is shared by the tasks that waited for it and is not kept.
///
/// The numbers are those of the AWS SDKs since 2026. The time is an argument, and so is chance:
/// [`with_random`](Self::with_random).
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Cached, Chain, Env, Order, Settings};
/// use keyfob_sigv4::Timestamp;
///
/// let env = Env::from_iter([("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret")]);
/// let cached = Cached::new(Chain::default_for(Order::Cli, &Settings::load(env)));
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let first = cached.credentials(Timestamp::now()).await?;
/// assert!(cached.credentials(Timestamp::now()).await?.is_same_snapshot(&first));
/// # Ok::<(), keyfob_chain::Error>(())
/// # }).unwrap();
/// ```
pub struct Cached<P> {
    provider: P,
    state: Mutex<State>,
    /// Held by the task that asks.
    gate: Gate<()>,
    random: Box<dyn Fn() -> u64 + Send + Sync>,
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    /// How many times the provider has answered, and whether its last answer was a failure.
    answers: u64,
    failure: Option<Error>,
}

#[derive(Clone)]
struct Kept {
    credentials: Credentials,
    origin: Origin,
    fetched: Timestamp,
    /// A service has refused them.
    invalidated: bool,
    /// After a failure the provider is left alone until then.
    not_before: Option<Timestamp>,
}

/// What to do with what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    /// Serve it.
    Serve,
    /// Ask for new ones, unless another task does already.
    Renew,
    /// New ones are needed.
    Replace,
}

impl<P: Provider> Cached<P> {
    /// Keeps what `provider` gives. Nothing is asked yet.
    pub fn new(provider: P) -> Self {
        Self {
            provider,
            state: Mutex::default(),
            gate: Gate::new(()),
            random: Box::new(|| RandomState::new().build_hasher().finish()),
        }
    }

    /// With numbers of one's own in place of random ones; they spread the tries of many machines after an outage.
    #[must_use]
    pub fn with_random(mut self, random: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.random = Box::new(random);
        self
    }

    /// The credentials at `now`: those that are kept, or new ones.
    ///
    /// # Errors
    ///
    /// What the provider says, if there is nothing left to serve; [`ErrorKind::NoCredentials`] when it is not
    /// configured; [`ErrorKind::Expired`] when it gives credentials that have ended.
    pub async fn credentials(&self, now: Timestamp) -> Result<Credentials, Error> {
        self.get(now).await.map(|found| found.credentials)
    }

    /// The same with where they come from.
    ///
    /// # Errors
    ///
    /// As [`credentials`](Self::credentials).
    pub async fn get(&self, now: Timestamp) -> Result<Found, Error> {
        let (kept, answers) = self.look();
        match kept.map(|kept| (kept.decide(now), kept)) {
            Some((Decision::Serve, kept)) => Ok(kept.found()),
            Some((Decision::Renew, kept)) => match self.gate.try_lock() {
                Ok(_gate) => self.ask_unless_answered(now, answers).await,
                Err(_) => Ok(kept.found()),
            },
            Some((Decision::Replace, _)) | None => {
                let _gate = self.gate.lock().await;
                self.ask_unless_answered(now, answers).await
            }
        }
    }

    /// Tells that a service has refused these credentials, so that the next call asks for new ones. Newer ones that
    /// have come in the meantime are left alone. Says whether it changed anything.
    pub fn invalidate(&self, refused: &Credentials) -> bool {
        let mut state = self.lock();
        let kept = state.kept.as_mut().filter(|kept| {
            !kept.invalidated && kept.credentials.access_key_id() == refused.access_key_id()
        });
        kept.map(|kept| kept.invalidated = true).is_some()
    }

    /// The provider.
    pub fn provider(&self) -> &P {
        &self.provider
    }

    /// With the gate held. Somebody may have asked since this task looked; then their answer is this task's too.
    async fn ask_unless_answered(&self, now: Timestamp, seen: u64) -> Result<Found, Error> {
        {
            let state = self.lock();
            if state.answers != seen {
                if let Some(error) = &state.failure {
                    return Err(error.clone());
                }
                if let Some(kept) = &state.kept
                    && kept.decide(now) != Decision::Replace
                {
                    return Ok(kept.found());
                }
            }
        }
        let answer = self.ask(now).await;
        let mut state = self.lock();
        let result = state.take_in(answer, now, &self.random);
        state.answers += 1;
        state.failure = result.as_ref().err().cloned();
        result
    }

    async fn ask(&self, now: Timestamp) -> Result<Found, Error> {
        match self.provider.provide(now).await? {
            Outcome::Found(found) => Ok(found),
            Outcome::NotConfigured(why) => Err(Error::new(ErrorKind::NoCredentials, why)),
        }
    }

    fn look(&self) -> (Option<Kept>, u64) {
        let state = self.lock();
        (state.kept.clone(), state.answers)
    }

    /// Nothing panics while it is held, so a poisoned state is a whole one.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Keeps a new answer, or decides what a failure means.
    fn take_in(
        &mut self,
        answer: Result<Found, Error>,
        now: Timestamp,
        random: impl Fn() -> u64,
    ) -> Result<Found, Error> {
        let retry = || now.plus_seconds(300 + (random() % 301) as i64);
        let error = match answer {
            Ok(found) if !found.credentials.is_expired_at(now) => {
                self.kept = Some(Kept::new(&found, now));
                return Ok(found);
            }
            // A service that hands out what has ended is in trouble itself; the first time there is nothing better.
            Ok(found) if self.kept.is_none() && survives_outages(&found.origin) => {
                let kept = self.kept.insert(Kept::new(&found, now));
                kept.not_before = Some(retry());
                return Ok(found);
            }
            Ok(found) => expired(&found),
            Err(error) => error,
        };
        match &mut self.kept {
            Some(kept) if survives_outages(&kept.origin) && may_pass(&error) => {
                kept.not_before = Some(retry());
                Ok(kept.found())
            }
            _ => Err(error),
        }
    }
}

impl Kept {
    fn new(found: &Found, now: Timestamp) -> Self {
        Self {
            credentials: found.credentials.clone(),
            origin: found.origin.clone(),
            fetched: now,
            invalidated: false,
            not_before: None,
        }
    }

    fn found(&self) -> Found {
        Found::new(self.credentials.clone(), self.origin.clone())
    }

    /// What to do at `now`.
    fn decide(&self, now: Timestamp) -> Decision {
        let (advisory, mandatory) = self.windows();
        let left = match self.end() {
            _ if self.invalidated => 0,
            Some(end) => end.seconds_since(now),
            None => i64::MAX,
        };
        if left > advisory || self.not_before.is_some_and(|retry| now < retry) {
            Decision::Serve
        } else if left > mandatory {
            Decision::Renew
        } else {
            Decision::Replace
        }
    }

    /// Temporary credentials that do not say when they end are not kept for ever.
    fn end(&self) -> Option<Timestamp> {
        let assumed = || {
            let token = self.credentials.session_token();
            token.map(|_| self.fetched.plus_seconds(15 * 60))
        };
        self.credentials.expiry().or_else(assumed)
    }

    /// How many seconds before their end new ones should, and must, be asked for.
    ///
    /// The first is by what was left when they came, and never more than half of that, so that a service that
    /// repeats itself is not asked for every request.
    fn windows(&self) -> (i64, i64) {
        const MINUTE: i64 = 60;
        if !survives_outages(&self.origin) {
            return (10, 10);
        }
        let lifetime = self.end().map_or(0, |end| end.seconds_since(self.fetched));
        let advisory = match lifetime {
            ..=1200 => 5 * MINUTE,
            1201..5400 => 15 * MINUTE,
            _ => 60 * MINUTE,
        };
        let advisory = advisory.min(lifetime / 2).max(0);
        (advisory, advisory.min(MINUTE))
    }
}

/// Whether the credentials come from a service that hands out new ones by itself, so that it is better to go on with
/// the old ones than to stop while it is away.
fn survives_outages(origin: &Origin) -> bool {
    matches!(
        origin,
        Origin::InstanceMetadata { .. } | Origin::Container { .. } | Origin::Role { .. }
    )
}

/// Whether waiting may help. A service that cannot be reached looks as if nobody had set it up.
fn may_pass(error: &Error) -> bool {
    error.is_transient() || matches!(error.kind(), ErrorKind::NoCredentials | ErrorKind::Expired)
}

fn expired(found: &Found) -> Error {
    let when = found.credentials.expiry().map(|at| format!(" at {at}"));
    Error::new(
        ErrorKind::Expired,
        format!(
            "the credentials from {} ended{}",
            found.origin,
            when.unwrap_or_default()
        ),
    )
}

/// So that a chain can hold one.
impl<P: Provider> Provider for Cached<P> {
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(async move {
            match self.get(now).await {
                Ok(found) => Ok(Outcome::Found(found)),
                Err(error) if error.kind() == ErrorKind::NoCredentials => {
                    Ok(Outcome::NotConfigured(error.to_string()))
                }
                Err(error) => Err(error),
            }
        })
    }

    fn inspect(&self, now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        self.provider.inspect(now)
    }

    fn bypass(&self) -> Option<Bypass> {
        self.provider.bypass()
    }

    fn warnings(&self) -> Vec<String> {
        self.provider.warnings()
    }
}

impl<P: fmt::Debug> fmt::Debug for Cached<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(NOW + seconds)
    }

    fn kept(origin: Origin, expiry: Option<i64>, token: bool) -> Kept {
        let mut credentials = Credentials::new("AKID", "secret").unwrap();
        if token {
            credentials = credentials.with_session_token("token").unwrap();
        }
        if let Some(expiry) = expiry {
            credentials = credentials.with_expiry(at(expiry));
        }
        Kept::new(&Found::new(credentials, origin), at(0))
    }

    fn instance(lifetime: i64) -> Kept {
        kept(
            Origin::InstanceMetadata { role: None },
            Some(lifetime),
            true,
        )
    }

    #[test]
    fn the_windows_follow_the_lifetime() {
        for (lifetime, advisory) in [
            (900, 300),
            (1200, 300),
            (1201, 600),
            (3600, 900),
            (5399, 900),
            (5400, 2700),
            (21_600, 3600),
        ] {
            let kept = instance(lifetime);
            assert_eq!(kept.windows(), (advisory, 60), "{lifetime}");
            assert_eq!(kept.decide(at(lifetime - advisory - 1)), Decision::Serve);
            assert_eq!(kept.decide(at(lifetime - advisory)), Decision::Renew);
            assert_eq!(kept.decide(at(lifetime - 61)), Decision::Renew);
            assert_eq!(kept.decide(at(lifetime - 60)), Decision::Replace);
            assert_eq!(kept.decide(at(lifetime + 10_000)), Decision::Replace);
        }
    }

    #[test]
    fn other_sources_have_ten_seconds_and_no_expiry_means_for_ever() {
        let environment = || Origin::environment(&["AWS_ACCESS_KEY_ID"]);
        let ending = kept(environment(), Some(3600), true);
        assert_eq!(ending.decide(at(3589)), Decision::Serve);
        assert_eq!(ending.decide(at(3590)), Decision::Replace);
        let key = kept(environment(), None, false);
        assert_eq!(key.decide(Timestamp::MAX), Decision::Serve);
        let token = kept(environment(), None, true);
        assert_eq!(token.decide(at(880)), Decision::Serve);
        assert_eq!(token.decide(at(890)), Decision::Replace);
    }

    #[test]
    fn what_was_refused_is_replaced_unless_the_source_is_left_alone() {
        let mut kept = instance(21_600);
        kept.invalidated = true;
        assert_eq!(kept.decide(at(1)), Decision::Replace);
        kept.not_before = Some(at(400));
        assert_eq!(kept.decide(at(399)), Decision::Serve);
        assert_eq!(kept.decide(at(400)), Decision::Replace);
    }
}

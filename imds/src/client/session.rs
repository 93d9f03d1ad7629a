use std::{future::Future, sync::Mutex, time::Duration};

use tokio::time::Instant;

use crate::{client::flight::Flight, error::Error, lock::lock, wire::Token};

/// How long before it expires a session token is refreshed, unless half its life is shorter.
const EARLY: Duration = Duration::from_secs(120);

/// How long after a failed refresh the old token is used without trying again.
const PAUSE: Duration = Duration::from_secs(10);

/// The session with the service: one token for all requests until shortly before it expires.
///
/// The token is `None` for a service that has none, if the user allows that (IMDSv1).
pub(crate) struct Session {
    cached: Mutex<Option<CachedToken>>,
    refresh: Flight<Option<Token>>,
}

#[derive(Clone)]
struct CachedToken {
    token: Option<Token>,
    /// `None` for IMDSv1, which does not expire.
    times: Option<Times>,
}

#[derive(Clone)]
struct Times {
    refresh: Instant,
    expiry: Instant,
}

impl Session {
    pub(crate) fn new() -> Self {
        Self {
            cached: Mutex::new(None),
            refresh: Flight::new(),
        }
    }

    /// Returns the token to use now. `fetch` gets a new one if there is none or if it is about to
    /// expire. If that fails before it expires, the old one is used for a while longer.
    pub(crate) async fn token<F>(&self, fetch: impl FnOnce() -> F) -> Result<Option<Token>, Error>
    where
        F: Future<Output = Result<Option<Token>, Error>>,
    {
        let cached = lock(&self.cached).clone();
        if let Some(cached) = &cached
            && cached.is_fresh()
        {
            return Ok(cached.token.clone());
        }
        let fetched = self.refresh.join(|| self.fetch(fetch)).await;
        match (fetched, cached) {
            (Err(_), Some(cached)) if cached.is_usable() => {
                self.postpone(&cached.token);
                Ok(cached.token)
            }
            (fetched, _) => fetched,
        }
    }

    /// Drops a rejected token, unless another task has already replaced it.
    pub(crate) fn forget(&self, rejected: Option<&Token>) {
        let mut cached = lock(&self.cached);
        if cached
            .as_ref()
            .is_some_and(|cached| is_same(cached.token.as_ref(), rejected))
        {
            *cached = None;
            self.refresh.forget();
        }
    }

    fn postpone(&self, token: &Option<Token>) {
        if let Some(cached) = lock(&self.cached).as_mut()
            && is_same(cached.token.as_ref(), token.as_ref())
            && let Some(times) = &mut cached.times
        {
            times.refresh = Instant::now() + PAUSE;
        }
    }

    async fn fetch<F>(&self, fetch: impl FnOnce() -> F) -> Result<Option<Token>, Error>
    where
        F: Future<Output = Result<Option<Token>, Error>>,
    {
        // The token's life began at the service, after this. Counting from here is on the safe
        // side.
        let began = Instant::now();
        let token = fetch().await?;
        *lock(&self.cached) = Some(CachedToken::new(token.clone(), began));
        Ok(token)
    }
}

impl CachedToken {
    fn new(token: Option<Token>, began: Instant) -> Self {
        let times = token.as_ref().map(|token| {
            let life = token.ttl().as_duration();
            Times {
                refresh: began + life - EARLY.min(life / 2),
                expiry: began + life,
            }
        });
        Self { token, times }
    }

    fn is_fresh(&self) -> bool {
        let now = Instant::now();
        let times = self.times.as_ref();
        // Both: `postpone` may have moved the refresh beyond the expiry.
        times.is_none_or(|times| now < times.refresh && now < times.expiry)
    }

    fn is_usable(&self) -> bool {
        let times = self.times.as_ref();
        times.is_none_or(|times| Instant::now() < times.expiry)
    }
}

fn is_same(one: Option<&Token>, other: Option<&Token>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is(other),
        (None, None) => true,
        _ => false,
    }
}

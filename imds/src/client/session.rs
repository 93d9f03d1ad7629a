use std::{
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{client::flight::Flight, error::Error, wire::Token};

/// How long before its end a session token is replaced, or half its life if that is shorter.
const EARLY: Duration = Duration::from_secs(120);

/// How long after a failed renewal the old token is used without trying again.
const PAUSE: Duration = Duration::from_secs(10);

/// How the next request authenticates itself: with a session token, or, where the service has none and the user allows
/// it, not at all (IMDSv1).
pub(crate) type Pass = Option<Token>;

/// The session with the service: one token for every request until shortly before its end.
pub(crate) struct Session {
    pass: Mutex<Option<Held>>,
    renewal: Flight<Pass>,
}

#[derive(Clone)]
struct Held {
    pass: Pass,
    /// When it stops being used, and when it would stop being usable. `None` for IMDSv1, which has no end.
    times: Option<(Instant, Instant)>,
}

impl Session {
    pub(crate) fn new() -> Self {
        Self {
            pass: Mutex::new(None),
            renewal: Flight::new(),
        }
    }

    /// The pass to use now; `fetch` gets a new one when there is none or when its end is near.
    ///
    /// When a renewal before the end fails, the old token is used on for a while.
    pub(crate) async fn pass<F>(&self, fetch: impl FnOnce() -> F) -> Result<Pass, Error>
    where
        F: Future<Output = Result<Pass, Error>>,
    {
        let held = self.held().clone();
        if let Some(held) = &held
            && held.is_fresh()
        {
            return Ok(held.pass.clone());
        }
        match (self.renewal.join(|| self.renew(fetch)).await, held) {
            (Ok(pass), _) => Ok(pass),
            (Err(_), Some(held)) if held.is_usable() => {
                self.postpone(&held.pass);
                Ok(held.pass)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Drops the pass that was refused, unless somebody has already replaced it.
    pub(crate) fn forget(&self, refused: &Pass) {
        let mut held = self.held();
        if held.as_ref().is_some_and(|held| same(&held.pass, refused)) {
            *held = None;
            self.renewal.forget();
        }
    }

    fn postpone(&self, pass: &Pass) {
        if let Some(held) = self.held().as_mut()
            && same(&held.pass, pass)
            && let Some((renew, _)) = &mut held.times
        {
            *renew = Instant::now() + PAUSE;
        }
    }

    async fn renew<F>(&self, fetch: impl FnOnce() -> F) -> Result<Pass, Error>
    where
        F: Future<Output = Result<Pass, Error>>,
    {
        // Its life began at the other end, at the latest, when the answer left; before the request is on the safe side.
        let began = Instant::now();
        let pass = fetch().await?;
        *self.held() = Some(Held::new(pass.clone(), began));
        Ok(pass)
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        // One value, replaced whole: in order after any panic.
        self.pass.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn new(pass: Pass, began: Instant) -> Self {
        let times = pass.as_ref().map(|token| {
            let life = token.ttl().as_duration();
            (began + life - EARLY.min(life / 2), began + life)
        });
        Self { pass, times }
    }

    fn is_fresh(&self) -> bool {
        let now = Instant::now();
        self.times
            .is_none_or(|(renew, end)| now < renew && now < end)
    }

    fn is_usable(&self) -> bool {
        self.times.is_none_or(|(_, end)| Instant::now() < end)
    }
}

fn same(one: &Pass, other: &Pass) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is(other),
        (None, None) => true,
        _ => false,
    }
}

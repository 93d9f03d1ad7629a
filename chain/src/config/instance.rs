use std::{
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use keyfob_imds::Client;

use super::region::Region;
use crate::error::Error;

/// For how long a service that did not answer is not asked again. It covers one command, which asks
/// for the region and for the role; a program that runs on finds a service that came up late.
const PAUSE: Duration = Duration::from_secs(5);

/// What is known about the instance. All clones of settings share it, so that one command asks with
/// one client, and waits once where there is no instance.
#[derive(Debug, Default)]
pub(crate) struct Instance {
    client: OnceLock<Result<Client, Error>>,
    region: OnceLock<Region>,
    absent: Mutex<Option<(Instant, String)>>,
}

impl Instance {
    /// Returns the client, which `build` creates the first time.
    pub(crate) fn client(
        &self,
        build: impl FnOnce() -> Result<Client, Error>,
    ) -> Result<&Client, Error> {
        self.client
            .get_or_init(build)
            .as_ref()
            .map_err(Error::clone)
    }

    /// Returns the region that was found before.
    pub(crate) fn region(&self) -> Option<Region> {
        self.region.get().cloned()
    }

    pub(crate) fn set_region(&self, region: &Region) {
        // Another task may have found it at the same time.
        _ = self.region.set(region.clone());
    }

    /// Returns why there is no instance, if that was found out a moment ago.
    pub(crate) fn absent(&self) -> Option<String> {
        let absent = self.lock();
        let (at, reason) = absent.as_ref()?;
        (at.elapsed() < PAUSE).then(|| reason.clone())
    }

    pub(crate) fn set_absent(&self, reason: &str) {
        *self.lock() = Some((Instant::now(), reason.to_owned()));
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Instant, String)>> {
        self.absent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

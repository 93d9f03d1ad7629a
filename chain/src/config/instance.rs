use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use keyfob_imds::Client;
use keyfob_sigv4::Timestamp;

use super::region::Region;
use crate::error::Error;

/// The seconds for which a service that did not answer is not asked again. They cover one command,
/// which asks for the region and for the role; a program that runs on finds a service that came up
/// late.
const PAUSE: i64 = 5;

/// What is known about the instance. All clones of settings share it, so that one command asks with
/// one client, and waits once where there is no instance.
#[derive(Debug, Default)]
pub(crate) struct Instance {
    client: OnceLock<Result<Client, Error>>,
    known: Arc<Known>,
}

#[derive(Debug, Default)]
struct Known {
    region: OnceLock<Region>,
    absent: Mutex<Option<(Timestamp, String)>>,
}

impl Instance {
    /// Returns the same instance for other rules, by which there may be another client.
    pub(crate) fn for_other_rules(&self) -> Self {
        Self {
            client: OnceLock::new(),
            known: Arc::clone(&self.known),
        }
    }

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
        self.known.region.get().cloned()
    }

    pub(crate) fn set_region(&self, region: &Region) {
        // Another task may have found it at the same time.
        _ = self.known.region.set(region.clone());
    }

    /// Returns why there is no instance, if that was found out a moment ago.
    pub(crate) fn absent(&self, now: Timestamp) -> Option<String> {
        let absent = self.lock();
        let (at, reason) = absent.as_ref()?;
        let seconds = now.seconds_since(*at);
        // A clock that was set back says nothing about the service.
        (0..PAUSE).contains(&seconds).then(|| reason.clone())
    }

    pub(crate) fn set_absent(&self, reason: &str, now: Timestamp) {
        *self.lock() = Some((now, reason.to_owned()));
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Timestamp, String)>> {
        self.known
            .absent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

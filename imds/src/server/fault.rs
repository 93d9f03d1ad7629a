use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::StatusCode;

/// Something that goes wrong on purpose, for tests of what a program does then.
///
/// # Examples
///
/// ```
/// use keyfob_imds::server::Fault;
///
/// // Two 503 for the session token, then all is well.
/// let busy = Fault::status(503).on("/latest/api/token").times(2);
/// // The container that is one hop too far away: connected, and then silence.
/// let too_far = Fault::silence().on("/latest/api/token");
/// // The fourth request for credentials, and all after it, get some that have expired.
/// let outage = Fault::expired().after(3);
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    kind: Kind,
    path: String,
    after: u64,
    times: u64,
}

/// What happens to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is answered later.
    Slow(Duration),
    /// It is answered with this status.
    Status(StatusCode),
    /// It is never answered.
    Silence,
    /// It is answered, but credentials in it have expired.
    Expired,
}

impl Fault {
    /// The answer comes that much later.
    pub fn slow(delay: Duration) -> Self {
        Self::new(Kind::Slow(delay))
    }

    /// That status instead of an answer: 401, 403, 404, 429, 503, …. What is no status counts as 500.
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(Kind::Status(status))
    }

    /// No answer at all, on an open connection.
    pub fn silence() -> Self {
        Self::new(Kind::Silence)
    }

    /// Credentials that expired an hour ago, as when AWS cannot renew them.
    pub fn expired() -> Self {
        Self::new(Kind::Expired)
    }

    /// Only for paths that begin so; for all paths unless set.
    #[must_use]
    pub fn on(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Only after that many such requests were answered well.
    #[must_use]
    pub fn after(mut self, requests: u64) -> Self {
        self.after = requests;
        self
    }

    /// Only that many times; for ever unless set.
    #[must_use]
    pub fn times(mut self, requests: u64) -> Self {
        self.times = requests;
        self
    }

    fn new(kind: Kind) -> Self {
        Self {
            kind,
            path: String::new(),
            after: 0,
            times: u64::MAX,
        }
    }

    /// Counts the request, and says whether it is one that fails.
    fn strikes(&mut self, path: &str) -> bool {
        if !path.starts_with(&self.path) {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        let strikes = self.times > 0;
        self.times = self.times.saturating_sub(1);
        strikes
    }
}

/// The faults of a running server, in the order in which they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self(Mutex::new(faults))
    }

    pub(crate) fn add(&self, fault: Fault) {
        self.list().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.list().clear();
    }

    /// What happens to a request for that path: the first fault that strikes.
    pub(crate) fn strike(&self, path: &str) -> Option<Kind> {
        let mut faults = self.list();
        faults.retain(|fault| fault.times > 0);
        faults
            .iter_mut()
            .find_map(|fault| fault.strikes(path).then_some(fault.kind))
    }

    fn list(&self) -> MutexGuard<'_, Vec<Fault>> {
        // A list of plain values: in order after any panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_its_path_after_and_for_as_often_as_it_says() {
        let faults = Faults::new(vec![
            Fault::status(503).on("/a").after(1).times(2),
            Fault::silence().on("/a/b"),
        ]);
        let strikes: Vec<_> = ["/a", "/c", "/a", "/a/b", "/a", "/a/b"]
            .into_iter()
            .map(|path| faults.strike(path))
            .collect();
        let busy = Some(Kind::Status(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(strikes, [None, None, busy, busy, None, Some(Kind::Silence)]);
    }
}

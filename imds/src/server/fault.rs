use std::{sync::Mutex, time::Duration};

use http::StatusCode;

use crate::lock::lock;

/// A failure on purpose, to test how a program handles it.
///
/// # Examples
///
/// ```
/// use keyfob_imds::server::Fault;
///
/// // The session token is refused twice with 503, then all is well.
/// let busy = Fault::status(503).on("/latest/api/token").times(2);
/// // A container one hop too far away: the connection succeeds, then nothing comes back.
/// let too_far = Fault::silence().on("/latest/api/token");
/// // The fourth request for credentials and all later ones get expired credentials.
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
enum Kind {
    /// It is answered later.
    Slow(Duration),
    /// It is answered with this status.
    Status(StatusCode),
    /// It is never answered.
    Silence,
    /// It is answered, but credentials in the answer have expired.
    Expired,
}

impl Fault {
    /// Delays the answer.
    pub fn slow(delay: Duration) -> Self {
        Self::new(Kind::Slow(delay))
    }

    /// Answers with this status, such as 401, 403, 404, 429 or 503. A number that is not an HTTP
    /// status counts as 500.
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(Kind::Status(status))
    }

    /// Never answers, but keeps the connection open.
    pub fn silence() -> Self {
        Self::new(Kind::Silence)
    }

    /// Serves credentials that expired an hour ago, as when AWS cannot renew them.
    pub fn expired() -> Self {
        Self::new(Kind::Expired)
    }

    /// Limits the fault to paths with this prefix. By default it applies to all paths.
    #[must_use]
    pub fn on(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Lets this many matching requests pass first.
    #[must_use]
    pub fn after(mut self, requests: u64) -> Self {
        self.after = requests;
        self
    }

    /// Limits how many requests it applies to. By default there is no limit.
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

    /// Counts the request and returns true if the fault applies to it.
    fn applies_to(&mut self, path: &str) -> bool {
        if !path.starts_with(&self.path) {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        let applies = self.times > 0;
        self.times = self.times.saturating_sub(1);
        applies
    }
}

/// The faults of a running server, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self(Mutex::new(faults))
    }

    pub(crate) fn add(&self, fault: Fault) {
        lock(&self.0).push(fault);
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// Applies the first fault for this path, which may take time. Returns the status to answer
    /// with, or whether credentials in the answer should have expired.
    pub(crate) async fn apply(&self, path: &str) -> Result<bool, StatusCode> {
        match self.next(path) {
            Some(Kind::Status(status)) => return Err(status),
            Some(Kind::Slow(delay)) => tokio::time::sleep(delay).await,
            Some(Kind::Silence) => std::future::pending().await,
            Some(Kind::Expired) => return Ok(true),
            None => {}
        }
        Ok(false)
    }

    fn next(&self, path: &str) -> Option<Kind> {
        let mut faults = lock(&self.0);
        faults.retain(|fault| fault.times > 0);
        faults
            .iter_mut()
            .find_map(|fault| fault.applies_to(path).then_some(fault.kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_applies_to_its_path_for_as_many_requests_as_it_says() {
        let faults = Faults::new(vec![
            Fault::status(503).on("/a").after(1).times(2),
            Fault::silence().on("/a/b"),
        ]);
        let applied: Vec<_> = ["/a", "/c", "/a", "/a/b", "/a", "/a/b"]
            .into_iter()
            .map(|path| faults.next(path))
            .collect();
        let busy = Some(Kind::Status(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(applied, [None, None, busy, busy, None, Some(Kind::Silence)]);
    }
}

//! What becomes of a request, in the log and in the counts, whatever ends it.

use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{StatusCode, request::Parts};

use super::{
    log::{Entry, Log},
    own::{InFlight, Metrics},
};

/// What nginx logs for a caller that does not wait for its answer. No server sends it.
const GONE: u16 = 499;
const NO_ANSWER: &str = "the connection to the caller ended before the answer";
const HALF_ANSWER: &str = "the connection to the caller ended in the middle of the answer";

/// A request until its answer has passed. If this is dropped before, the caller has gone away, and
/// the log and the counts have that.
pub(super) struct Record {
    pub(super) entry: Entry,
    start: Instant,
    metrics: Arc<Metrics>,
    log: Log,
    state: State,
    _in_flight: InFlight,
}

enum State {
    /// There is no answer.
    Waiting,
    /// The head of the answer has passed.
    Answered {
        status: StatusCode,
        elapsed: Duration,
        reason: Option<&'static str>,
    },
    /// There is nothing to say any more.
    Told,
}

impl Record {
    pub(super) fn start(metrics: &Arc<Metrics>, log: Log, head: &Parts) -> Self {
        Self {
            entry: Entry::new(Some(&head.method), &head.extensions),
            start: Instant::now(),
            metrics: Arc::clone(metrics),
            log,
            state: State::Waiting,
            _in_flight: metrics.start(),
        }
    }

    /// Counts an answer, and why the proxy made it itself, if it did.
    pub(super) fn answered(&mut self, status: StatusCode, reason: Option<&'static str>) {
        let elapsed = self.start.elapsed();
        self.metrics.took(elapsed);
        self.metrics.answered(status);
        if let Some(reason) = reason {
            self.metrics.refused(reason);
        }
        self.state = State::Answered {
            status,
            elapsed,
            reason,
        };
    }

    /// Says that the whole answer has passed.
    pub(super) fn end(mut self) {
        self.tell();
    }

    /// Says why the answer has no end.
    pub(super) fn break_off(mut self, why: &'static str) {
        self.tell_broken(why);
    }

    /// Says nothing.
    pub(super) fn forget(mut self) {
        self.state = State::Told;
    }

    fn tell_broken(&mut self, why: &'static str) {
        self.metrics.refused(why);
        if let State::Answered { reason, .. } = &mut self.state {
            *reason = Some(why);
        }
        self.tell();
    }

    fn tell(&mut self) {
        let told = mem::replace(&mut self.state, State::Told);
        if let State::Answered {
            status,
            elapsed,
            reason,
        } = told
        {
            self.log.write(&self.entry, status, elapsed, reason);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        match self.state {
            State::Waiting => {
                let gone = StatusCode::from_u16(GONE).unwrap_or(StatusCode::BAD_REQUEST);
                self.answered(gone, Some(NO_ANSWER));
                self.tell();
            }
            State::Answered { .. } => self.tell_broken(HALF_ANSWER),
            State::Told => {}
        }
    }
}

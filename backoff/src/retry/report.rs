use core::time::Duration;

use crate::call::Stop;

/// How a call went, written by [`Retry::report`](crate::Retry::report).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How often it was sent.
    pub attempts: u32,
    /// The sum of the waits between attempts.
    pub slept: Duration,
    /// Why it was not sent again; `None` after a success.
    pub stop: Option<Stop>,
}

/// A wait that is about to begin, as passed to [`Retry::notify`](crate::Retry::notify).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pause {
    /// The number of the attempt that failed, from 1.
    pub attempt: u32,
    /// How long until the next attempt.
    pub delay: Duration,
}

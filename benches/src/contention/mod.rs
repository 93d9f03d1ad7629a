//! Retry schedules in simulated time: what they do to a service that many clients want at once.
//!
//! Everything is a function of its seeds: no clock, no thread, no network. The generator only adds and
//! multiplies, so the numbers are the same on every machine.

pub mod chart;
pub mod report;
pub mod schedule;
pub mod study;
pub mod throttled;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use keyfob_backoff::{Random, SeededRandom};

/// A network whose one-way delay is normal with mean 10 ms and deviation 2 ms, cut off at zero.
#[derive(Debug)]
pub struct Network(SeededRandom);

impl Network {
    /// A network with delays of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Network(SeededRandom::new(seed))
    }

    /// How long the next message takes. The sum of twelve fractions is normal enough, and exact everywhere.
    pub fn delay(&mut self) -> Duration {
        let standard: f64 = (0..12).map(|_| self.0.fraction()).sum::<f64>() - 6.0;
        Duration::from_secs_f64((10.0 + 2.0 * standard).max(0.0) / 1e3)
    }
}

/// What will happen, in order of time; of two things at the same time the one planned first.
#[derive(Debug)]
pub struct Agenda<E> {
    events: BinaryHeap<Reverse<(Duration, u64, E)>>,
    planned: u64,
}

impl<E: Ord> Agenda<E> {
    /// Nothing planned.
    pub fn new() -> Self {
        Agenda {
            events: BinaryHeap::new(),
            planned: 0,
        }
    }

    /// Plans an event.
    pub fn plan(&mut self, at: Duration, event: E) {
        self.planned += 1;
        self.events.push(Reverse((at, self.planned, event)));
    }

    /// The next event and its time.
    pub fn pop(&mut self) -> Option<(Duration, E)> {
        let Reverse((at, _, event)) = self.events.pop()?;
        Some((at, event))
    }
}

impl<E: Ord> Default for Agenda<E> {
    fn default() -> Self {
        Self::new()
    }
}

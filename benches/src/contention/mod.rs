//! Simulates retry schedules: what they do to a service that many clients call at once.
//!
//! Results depend on the seeds alone: there is no clock, thread or network. The generator only adds
//! and multiplies, so the numbers are the same on every machine.

pub mod chart;
pub mod finding;
pub mod report;
pub mod schedule;
pub mod study;
pub mod throttled;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use keyfob_backoff::{Random, SeededRandom};

/// A network with a normal one-way delay: mean 10 ms, deviation 2 ms, never below zero.
#[derive(Debug)]
pub struct Network {
    random: SeededRandom,
    /// The mean of a one-way delay, in seconds.
    mean: f64,
}

impl Network {
    /// Creates a network whose delays depend on `seed`.
    pub fn new(seed: u64) -> Self {
        Network::with_round_trip(0.02, seed)
    }

    /// Creates a network with another round trip, in seconds, and a deviation of a fifth.
    pub fn with_round_trip(seconds: f64, seed: u64) -> Self {
        Network {
            random: SeededRandom::new(seed),
            mean: seconds / 2.0,
        }
    }

    /// Draws the delay of the next message.
    pub fn delay(&mut self) -> Duration {
        // The sum of twelve fractions is nearly normal, and the same on every machine.
        let standard: f64 = (0..12).map(|_| self.random.fraction()).sum::<f64>() - 6.0;
        Duration::from_secs_f64((self.mean * (1.0 + 0.2 * standard)).max(0.0))
    }
}

/// The events to come, in order of time, then in the order they were planned.
#[derive(Debug)]
pub struct Agenda<E> {
    events: BinaryHeap<Reverse<(Duration, u64, E)>>,
    planned: u64,
}

impl<E: Ord> Agenda<E> {
    /// Creates an agenda without events.
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

    /// Removes the next event, and returns it with its time.
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

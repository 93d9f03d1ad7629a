//! Clients contending for one row under optimistic concurrency: the setting of the well-known study
//! of backoff and jitter.
//!
//! Each client reads the row and writes it back if no other client did so in between. Otherwise it
//! backs off and starts again, until it has written. The one-way network delay is normal (10 ms, 2
//! ms), base 5 ms, cap 2 s.

use std::iter;
use std::time::Duration;

use keyfob_backoff::{Jitter, Policy, SeededRandom};

use super::{Agenda, Network};

/// The numbers of clients.
pub const CLIENTS: [usize; 11] = [10, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200];

/// The number of runs of which each result is the mean.
const RUNS: u64 = 100;

const POLICY: Policy = Policy::aws()
    .base(Duration::from_millis(5))
    .cap(Duration::from_millis(2_000))
    .attempts(u32::MAX);

/// How a client backs off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    /// Not at all.
    None,
    /// Doubling, without jitter.
    Exponential,
    /// Doubling, half of it drawn.
    Equal,
    /// From the base to three times the previous delay.
    Decorrelated,
    /// Doubling, all of it drawn.
    Full,
}

impl Backoff {
    /// All kinds, in the order of the report.
    pub const ALL: [Backoff; 5] = [
        Backoff::None,
        Backoff::Exponential,
        Backoff::Equal,
        Backoff::Decorrelated,
        Backoff::Full,
    ];

    /// Returns the name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Backoff::None => "none",
            Backoff::Exponential => "exponential",
            Backoff::Equal => "equal jitter",
            Backoff::Decorrelated => "decorrelated jitter",
            Backoff::Full => "full jitter",
        }
    }

    /// Returns the delays of one client, from keyfob's own iterator.
    fn delays(self, seed: u64) -> Box<dyn Iterator<Item = Duration>> {
        let jitter = match self {
            Backoff::None => return Box::new(iter::repeat(Duration::ZERO)),
            Backoff::Exponential => Jitter::None,
            Backoff::Equal => Jitter::Equal,
            Backoff::Decorrelated => Jitter::Decorrelated,
            Backoff::Full => Jitter::Full,
        };
        Box::new(POLICY.jitter(jitter).delays(SeededRandom::new(seed)))
    }
}

/// The cost until all clients had written, as means over the runs.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// The attempts to write of all clients.
    pub calls: f64,
    /// The time until the last client was done, in milliseconds.
    pub finish_ms: f64,
}

/// Runs the contest many times, and returns the means.
pub fn contest(backoff: Backoff, clients: usize) -> Outcome {
    let mut sum = Outcome {
        calls: 0.0,
        finish_ms: 0.0,
    };
    for run in 0..RUNS {
        let (calls, finish) = once(backoff, clients, run);
        sum.calls += calls as f64;
        sum.finish_ms += finish.as_secs_f64() * 1e3;
    }
    Outcome {
        calls: sum.calls / RUNS as f64,
        finish_ms: sum.finish_ms / RUNS as f64,
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Arrival {
    Read { client: usize },
    Write { client: usize, version: u64 },
}

/// Runs one contest: returns how many writes were tried, and when the last client knew of its
/// success.
fn once(backoff: Backoff, clients: usize, run: u64) -> (u64, Duration) {
    let mut network = Network::new(run);
    let mut agenda = Agenda::new();
    let mut delays: Vec<_> = (0..clients as u64)
        .map(|client| backoff.delays(run << 32 | client))
        .collect();
    for client in 0..clients {
        agenda.plan(network.delay(), Arrival::Read { client });
    }
    let (mut row, mut calls, mut finish) = (0, 0, Duration::ZERO);
    while let Some((now, arrival)) = agenda.pop() {
        match arrival {
            Arrival::Read { client } => {
                let write = Arrival::Write {
                    client,
                    version: row,
                };
                agenda.plan(now + network.delay() + network.delay(), write);
            }
            Arrival::Write { client, version } => {
                calls += 1;
                let answered = now + network.delay();
                if version == row {
                    row += 1;
                    finish = finish.max(answered);
                } else if let Some(delay) = delays[client].next() {
                    agenda.plan(answered + delay + network.delay(), Arrival::Read { client });
                }
            }
        }
    }
    (calls, finish)
}

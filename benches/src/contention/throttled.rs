//! A service that grants so many calls a second (from a token bucket that starts full) and
//! throttles the rest, with clients that all want one call at the same moment.

use std::time::Duration;

use super::schedule::Schedule;
use super::{Agenda, Network};

/// How a schedule did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The name of the schedule.
    pub name: &'static str,
    /// Whether the schedule is keyfob's.
    pub is_keyfob: bool,
    /// The number of clients whose call succeeded.
    pub done: usize,
    /// The number of clients that gave up.
    pub failed: usize,
    /// The time at which the last client was done or gave up.
    pub finish: Duration,
    /// The times at which calls reached the service, in order.
    pub arrivals: Vec<Duration>,
    /// The longest wait of a client, from an answer to the next call.
    pub longest_wait: Duration,
}

impl Outcome {
    /// Returns the number of calls that reached the service.
    pub fn calls(&self) -> usize {
        self.arrivals.len()
    }

    /// Returns the number of calls that were throttled.
    pub fn wasted(&self) -> usize {
        self.calls() - self.done
    }

    /// Returns the most calls in any second.
    pub fn peak_rate(&self) -> usize {
        let second = Duration::from_secs(1);
        let mut first = 0;
        let within = |(last, at): (usize, &Duration)| {
            while self.arrivals[first] + second <= *at {
                first += 1;
            }
            last + 1 - first
        };
        self.arrivals
            .iter()
            .enumerate()
            .map(within)
            .max()
            .unwrap_or(0)
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Send { client: usize },
    Arrive { client: usize },
    Answer { client: usize, throttled: bool },
}

/// Runs `clients` of one schedule against a service that grants `rate` calls a second.
pub fn run(mut schedule: Schedule, clients: usize, rate: u32) -> Outcome {
    let mut agenda = Agenda::new();
    let mut network = Network::new(1);
    let mut service = Service::new(rate);
    let mut delays: Vec<_> = (0..clients as u64)
        .map(|seed| schedule.client(seed))
        .collect();
    let mut waiting_since: Vec<Option<Duration>> = vec![None; clients];
    let mut outcome = Outcome::new(&schedule);
    for client in 0..clients {
        agenda.plan(Duration::ZERO, Event::Send { client });
    }
    while let Some((now, event)) = agenda.pop() {
        match event {
            Event::Send { client } => match schedule.gate.acquire(now) {
                Ok(()) => {
                    let waited = now - waiting_since[client].take().unwrap_or(now);
                    outcome.longest_wait = outcome.longest_wait.max(waited);
                    agenda.plan(now + network.delay(), Event::Arrive { client });
                }
                Err(wait) => {
                    waiting_since[client].get_or_insert(now);
                    agenda.plan(now + wait, Event::Send { client });
                }
            },
            Event::Arrive { client } => {
                outcome.arrivals.push(now);
                let throttled = !service.grants(now);
                agenda.plan(now + network.delay(), Event::Answer { client, throttled });
            }
            Event::Answer { client, throttled } => {
                let _ = schedule.gate.on_answer(throttled, now);
                outcome.finish = now;
                match throttled.then(|| delays[client]()) {
                    None => outcome.done += 1,
                    Some(None) => outcome.failed += 1,
                    Some(Some(delay)) => {
                        waiting_since[client] = Some(now);
                        agenda.plan(now + delay, Event::Send { client });
                    }
                }
            }
        }
    }
    outcome
}

impl Outcome {
    fn new(schedule: &Schedule) -> Self {
        Outcome {
            name: schedule.name,
            is_keyfob: schedule.is_keyfob,
            done: 0,
            failed: 0,
            finish: Duration::ZERO,
            arrivals: Vec::new(),
            longest_wait: Duration::ZERO,
        }
    }
}

/// A token bucket for one second's worth of tokens, full at first.
struct Service {
    rate: f64,
    tokens: f64,
    at: Duration,
}

impl Service {
    fn new(rate: u32) -> Self {
        Service {
            rate: rate.into(),
            tokens: rate.into(),
            at: Duration::ZERO,
        }
    }

    fn grants(&mut self, now: Duration) -> bool {
        let passed = (now - self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate).min(self.rate);
        self.at = now;
        let granted = self.tokens >= 1.0;
        if granted {
            self.tokens -= 1.0;
        }
        granted
    }
}

//! How well limiters find the rate of a service: clients of one process or several, whose calls
//! stand in the line of their process, against a service with a token bucket whose rate may change.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use super::schedule::{Delays, Schedule, finding};
use super::{Agenda, Network};

/// The number of runs of which each result is the median.
pub const SEEDS: u64 = 15;

/// A service and its clients.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The name in the report.
    pub name: &'static str,
    /// Calls granted a second, from the first moment on, and from a later one on.
    pub rate: (f64, Option<(f64, f64)>),
    /// The size of the bucket, which is full at first.
    pub bucket: f64,
    /// The mean round trip, in seconds.
    pub round_trip: f64,
    /// The number of processes, each with a limiter of its own.
    pub processes: usize,
    /// The clients of each process.
    pub clients: usize,
    /// The calls of all; `None` for clients that call for 40 s after the last process joined.
    pub calls: Option<usize>,
    /// When every second process joins, in seconds.
    pub late: f64,
}

const BASE: Case = Case {
    name: "100/s, bucket 100",
    rate: (100.0, None),
    bucket: 100.0,
    round_trip: 0.02,
    processes: 1,
    clients: 1_000,
    calls: Some(1_000),
    late: 0.0,
};

/// The cases with one process, whose calls have an end.
pub const SINGLE: [Case; 14] = [
    BASE,
    Case {
        name: "5,000 calls of 500 clients",
        clients: 500,
        calls: Some(5_000),
        ..BASE
    },
    Case {
        name: "rate halved at 5 s",
        rate: (100.0, Some((5.0, 50.0))),
        ..BASE
    },
    Case {
        name: "rate doubled at 5 s, 2,000 calls",
        rate: (100.0, Some((5.0, 200.0))),
        clients: 2_000,
        calls: Some(2_000),
        ..BASE
    },
    Case {
        name: "300 calls",
        clients: 300,
        calls: Some(300),
        ..BASE
    },
    Case {
        name: "EC2: 20/s, bucket 100, 500 calls",
        rate: (20.0, None),
        clients: 500,
        calls: Some(500),
        ..BASE
    },
    Case {
        name: "bucket 1,000, 2,000 calls",
        bucket: 1_000.0,
        clients: 2_000,
        calls: Some(2_000),
        ..BASE
    },
    Case {
        name: "S3: 5,500/s, 55,000 calls of 500 clients",
        rate: (5_500.0, None),
        bucket: 5_500.0,
        clients: 500,
        calls: Some(55_000),
        ..BASE
    },
    Case {
        name: "round trip 5 ms",
        round_trip: 0.005,
        ..BASE
    },
    Case {
        name: "round trip 100 ms",
        round_trip: 0.1,
        ..BASE
    },
    Case {
        name: "round trip 200 ms",
        round_trip: 0.2,
        ..BASE
    },
    Case {
        name: "round trip 500 ms",
        round_trip: 0.5,
        ..BASE
    },
    Case {
        name: "2/s, bucket 5, 60 calls",
        rate: (2.0, None),
        bucket: 5.0,
        clients: 60,
        calls: Some(60),
        ..BASE
    },
    Case {
        name: "no limit",
        rate: (1e9, None),
        bucket: 1e9,
        ..BASE
    },
];

/// The cases with several processes of 50 clients that call without end.
pub fn shared() -> Vec<Case> {
    let case = |name, processes, rate, late| Case {
        name,
        rate: (rate, None),
        bucket: rate,
        processes,
        clients: 50,
        calls: None,
        late,
        ..BASE
    };
    vec![
        case("2 processes, 100/s", 2, 100.0, 0.0),
        case("2, half join at 20 s", 2, 100.0, 20.0),
        case("10 processes, 100/s", 10, 100.0, 0.0),
        case("10, half join at 20 s", 10, 100.0, 20.0),
        case("100 processes, 1,000/s", 100, 1_000.0, 0.0),
        case("100, half join at 20 s", 100, 1_000.0, 20.0),
        case("100 processes, 100/s", 100, 100.0, 0.0),
        case("100 on 100/s, half join at 20 s", 100, 100.0, 20.0),
    ]
}

impl Case {
    /// Returns the best time possible, in seconds.
    pub fn best(&self) -> f64 {
        let wanted = self.calls.unwrap_or_default() as f64 - self.bucket;
        if wanted <= 0.0 {
            return self.round_trip;
        }
        let start = self.round_trip / 2.0;
        let (rate, change) = self.rate;
        match change {
            Some((at, later)) if (at - start) * rate < wanted => {
                at + (wanted - (at - start) * rate) / later + self.round_trip / 2.0
            }
            _ => wanted / rate + self.round_trip,
        }
    }

    /// Returns the name in the tables, with the best possible time if there is one.
    pub fn title(&self) -> String {
        match self.calls {
            Some(_) => format!("{} ({:.2} s)", self.name, self.best()),
            None => self.name.to_owned(),
        }
    }

    /// Makes the schedules under comparison.
    pub fn schedules(&self) -> Vec<Schedule> {
        finding(self.rate.0 as u32, self.bucket as u32)
    }
}

/// How a schedule did in one run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// When the last answer came, in seconds.
    pub finish: f64,
    /// When calls were granted, in seconds, by process.
    pub granted: Vec<Vec<f64>>,
    /// When calls were throttled.
    pub wasted: Vec<f64>,
    /// How often limiters were asked for each call that was sent.
    pub asks: f64,
}

impl Outcome {
    /// Returns the calls granted to each process between two times, in seconds.
    fn shares(&self, from: f64, to: f64) -> Vec<f64> {
        let within = |times: &Vec<f64>| times.iter().filter(|at| (from..to).contains(*at)).count();
        self.granted
            .iter()
            .map(|times| within(times) as f64)
            .collect()
    }

    /// Returns the wasted calls for each one granted between two times.
    fn waste(&self, from: f64, to: f64) -> f64 {
        let wasted = self.wasted.iter().filter(|at| (from..to).contains(*at));
        wasted.count() as f64 / self.shares(from, to).iter().sum::<f64>()
    }

    /// Returns Jain's index of the shares between two times: 1 if all are the same.
    fn fairness(&self, from: f64, to: f64) -> f64 {
        let shares = self.shares(from, to);
        let sum: f64 = shares.iter().sum();
        let squares: f64 = shares.iter().map(|share| share * share).sum();
        sum * sum / (squares * shares.len() as f64)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A client wants its next call.
    Next(usize),
    /// A client joins the line of its process.
    Join(usize),
    /// The wait of the first in the line of a process is over, if it still is that one.
    Turn(usize, u64),
    Arrive(usize),
    Answer(usize, bool),
}

/// One process: a limiter and a line.
struct Process {
    schedule: Schedule,
    line: VecDeque<usize>,
    turn: u64,
}

struct Run {
    agenda: Agenda<Event>,
    network: Network,
    processes: Vec<Process>,
    clients: usize,
    delays: Vec<Option<Delays>>,
    seed: u64,
    calls: u64,
    left: usize,
    asked: u64,
    outcome: Outcome,
}

/// Runs the schedule with this index in [`Case::schedules`].
pub fn run(case: &Case, index: usize, seed: u64) -> Outcome {
    let end = Duration::from_secs_f64(match case.calls {
        Some(_) => 1e6,
        None => 60.0 + case.late,
    });
    let mut service = Service::new(case);
    let mut run = Run::new(case, index, seed);
    while let Some((now, event)) = run.agenda.pop() {
        if now > end {
            break;
        }
        let seconds = now.as_secs_f64();
        match event {
            Event::Next(client) => run.next(client, now),
            Event::Join(client) => {
                let process = client / run.clients;
                run.processes[process].line.push_back(client);
                if run.processes[process].line.len() == 1 {
                    run.ask(process, now);
                }
            }
            Event::Turn(process, turn) => {
                if run.processes[process].turn == turn {
                    run.ask(process, now);
                }
            }
            Event::Arrive(client) => {
                let granted = service.grants(seconds);
                if granted {
                    run.outcome.granted[client / run.clients].push(seconds);
                } else {
                    run.outcome.wasted.push(seconds);
                }
                let at = now + run.network.delay();
                run.agenda.plan(at, Event::Answer(client, !granted));
            }
            Event::Answer(client, throttled) => run.answer(client, throttled, now),
        }
    }
    let sent = run.outcome.granted.iter().map(Vec::len).sum::<usize>() + run.outcome.wasted.len();
    run.outcome.asks = run.asked as f64 / sent as f64;
    run.outcome
}

impl Run {
    fn new(case: &Case, index: usize, seed: u64) -> Self {
        let mut agenda = Agenda::new();
        let process = |_| Process {
            schedule: case.schedules().swap_remove(index),
            line: VecDeque::new(),
            turn: 0,
        };
        let clients = case.clients * case.processes;
        for client in 0..clients {
            let is_late = client / case.clients % 2 == 1;
            let joins = if is_late { case.late } else { 0.0 };
            agenda.plan(Duration::from_secs_f64(joins), Event::Next(client));
        }
        Run {
            agenda,
            network: Network::with_round_trip(case.round_trip, seed),
            processes: (0..case.processes).map(process).collect(),
            clients: case.clients,
            delays: (0..clients).map(|_| None).collect(),
            seed,
            calls: 0,
            left: case.calls.unwrap_or(usize::MAX),
            asked: 0,
            outcome: Outcome {
                finish: 0.0,
                granted: vec![Vec::new(); case.processes],
                wasted: Vec::new(),
                asks: 0.0,
            },
        }
    }

    fn next(&mut self, client: usize, now: Duration) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        self.calls += 1;
        let schedule = &self.processes[client / self.clients].schedule;
        self.delays[client] = Some(schedule.client(self.seed << 32 | self.calls));
        self.agenda.plan(now, Event::Join(client));
    }

    fn ask(&mut self, process: usize, now: Duration) {
        let index = process;
        let process = &mut self.processes[index];
        while let Some(client) = process.line.front().copied() {
            self.asked += 1;
            match process.schedule.gate.acquire(now) {
                Ok(()) => {
                    process.line.pop_front();
                    let at = now + self.network.delay();
                    self.agenda.plan(at, Event::Arrive(client));
                }
                Err(wait) => {
                    process.turn += 1;
                    let turn = Event::Turn(index, process.turn);
                    self.agenda.plan(now + wait, turn);
                    return;
                }
            }
        }
    }

    fn answer(&mut self, client: usize, throttled: bool, now: Duration) {
        let process = client / self.clients;
        let gate = &mut self.processes[process].schedule.gate;
        let sooner = gate.on_answer(throttled, now);
        let paces = gate.paces();
        self.outcome.finish = now.as_secs_f64();
        if !throttled {
            self.agenda.plan(now, Event::Next(client));
        } else if let Some(delays) = &mut self.delays[client]
            && let Some(delay) = delays()
        {
            let delay = if paces { Duration::ZERO } else { delay };
            self.agenda.plan(now + delay, Event::Join(client));
        }
        if sooner {
            self.ask(process, now);
        }
    }
}

/// A token bucket that is full at first, and whose rate may change once.
struct Service {
    rate: (f64, Option<(f64, f64)>),
    bucket: f64,
    tokens: f64,
    at: f64,
}

impl Service {
    fn new(case: &Case) -> Self {
        Service {
            rate: case.rate,
            bucket: case.bucket,
            tokens: case.bucket,
            at: 0.0,
        }
    }

    fn grants(&mut self, now: f64) -> bool {
        if let Some((at, rate)) = self.rate.1
            && now >= at
        {
            self.refill(at);
            self.rate = (rate, None);
        }
        self.refill(now);
        let granted = self.tokens >= 1.0;
        if granted {
            self.tokens -= 1.0;
        }
        granted
    }

    fn refill(&mut self, now: f64) {
        self.tokens = (self.tokens + (now - self.at) * self.rate.0).min(self.bucket);
        self.at = now;
    }
}

/// The medians of all runs, and the worst finish.
#[derive(Debug, Clone, Copy)]
pub struct Summary {
    /// The finish divided by the best possible.
    pub finish: f64,
    /// The same in the worst run.
    pub worst: f64,
    /// Wasted calls.
    pub wasted: f64,
    /// How often limiters were asked for each call sent.
    pub asks: f64,
}

/// Runs a schedule in a case of one process with every seed.
pub fn summary(case: &Case, index: usize) -> Summary {
    let outcomes: Vec<_> = (1..=SEEDS).map(|seed| run(case, index, seed)).collect();
    let best = case.best();
    let finishes = || outcomes.iter().map(|outcome| outcome.finish / best);
    Summary {
        finish: median(finishes()),
        worst: finishes().fold(0.0, f64::max),
        wasted: median(outcomes.iter().map(|outcome| outcome.wasted.len() as f64)),
        asks: median(outcomes.iter().map(|outcome| outcome.asks)),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Formats the cases with one process as a Markdown table: finish divided by the best possible
/// (median and worst run), and wasted calls in percent of those wanted.
pub fn single_table() -> String {
    table("case (best possible)", &SINGLE, |case, index| {
        single_cell(case, &summary(case, index))
    })
}

/// Formats how a schedule does in a case of one process.
pub fn single_cell(case: &Case, summary: &Summary) -> String {
    let waste = 100.0 * summary.wasted / case.calls.unwrap_or(1) as f64;
    format!("{:.3}, {:.2}; {waste:.1} %", summary.finish, summary.worst)
}

/// The medians of the 40 seconds after the last process joined.
#[derive(Debug, Clone, Copy)]
pub struct Steady {
    /// The calls granted, divided by those that the service would have granted.
    pub throughput: f64,
    /// The wasted calls for each one granted, after ten seconds.
    pub waste: f64,
    /// Jain's index of the calls granted to each process, after ten seconds.
    pub fairness: f64,
}

/// Runs a schedule in a case of several processes with every seed.
pub fn steady(case: &Case, index: usize) -> Steady {
    let (from, to) = (case.late + 10.0, case.late + 40.0);
    let outcomes: Vec<_> = (1..=SEEDS).map(|seed| run(case, index, seed)).collect();
    let full = if case.late == 0.0 { case.bucket } else { 0.0 };
    let possible = full + (to - case.late) * case.rate.0;
    let throughput =
        |outcome: &Outcome| outcome.shares(case.late, to).iter().sum::<f64>() / possible;
    Steady {
        throughput: median(outcomes.iter().map(throughput)),
        waste: median(outcomes.iter().map(|outcome| outcome.waste(from, to))),
        fairness: median(outcomes.iter().map(|outcome| outcome.fairness(from, to))),
    }
}

/// Formats the cases with several processes as a Markdown table: throughput divided by the possible
/// one, wasted calls in percent of those granted, and Jain's index of fairness (both after ten
/// seconds); times count from when the last process joins.
pub fn shared_table() -> String {
    table("case", &shared(), |case, index| {
        shared_cell(steady(case, index))
    })
}

/// Formats how a schedule does in a case of several processes.
pub fn shared_cell(steady: Steady) -> String {
    let waste = 100.0 * steady.waste;
    format!(
        "{:.3}; {waste:.1} %; {:.2}",
        steady.throughput, steady.fairness
    )
}

/// Makes a table with a row for each case and a column for each schedule.
fn table(first: &str, cases: &[Case], cell: fn(&Case, usize) -> String) -> String {
    let schedules = cases[0].schedules();
    let mut table = format!("| {first} |");
    for schedule in &schedules {
        let _ = write!(table, " {} |", schedule.name);
    }
    table.push_str("\n|---|");
    table.push_str(&"---|".repeat(schedules.len()));
    table.push('\n');
    for case in cases {
        let _ = write!(table, "| {} |", case.title());
        for index in 0..schedules.len() {
            let _ = write!(table, " {} |", cell(case, index));
        }
        table.push('\n');
    }
    table
}

//! The tables and files of the simulation.

use std::fmt::Write;

use super::schedule::{Attempts, all};
use super::study::{self, Backoff, CLIENTS};
use super::throttled::{self, Outcome};

/// How many calls a second the throttled service grants.
pub const RATE: u32 = 100;

/// The numbers of clients that want one call each.
pub const CROWDS: [usize; 3] = [100, 300, 1_000];

/// One line of the study.
#[derive(Debug, Clone)]
pub struct StudyLine {
    /// The number of clients.
    pub clients: usize,
    /// The outcome of each kind of backoff, in the order of [`Backoff::ALL`].
    pub outcomes: Vec<study::Outcome>,
}

/// Runs the whole study.
pub fn study() -> Vec<StudyLine> {
    CLIENTS
        .iter()
        .map(|clients| {
            let contest = |backoff| study::contest(backoff, *clients);
            StudyLine {
                clients: *clients,
                outcomes: Backoff::ALL.into_iter().map(contest).collect(),
            }
        })
        .collect()
}

/// Runs every schedule on the throttled service.
pub fn throttled(attempts: Attempts, clients: usize) -> Vec<Outcome> {
    all(attempts, RATE)
        .into_iter()
        .map(|schedule| throttled::run(schedule, clients, RATE))
        .collect()
}

/// Formats the study as a Markdown table: calls, and seconds until the last client was done.
pub fn study_table(lines: &[StudyLine]) -> String {
    let mut table = String::from("| clients |");
    for backoff in Backoff::ALL {
        let _ = write!(table, " {} |", backoff.name());
    }
    table.push_str("\n|---|---|---|---|---|---|\n");
    for StudyLine { clients, outcomes } in lines {
        let _ = write!(table, "| {clients} |");
        for outcome in outcomes {
            let _ = write!(
                table,
                " {:.0} calls, {:.2} s |",
                outcome.calls,
                outcome.finish_ms / 1e3
            );
        }
        table.push('\n');
    }
    table
}

/// Formats the outcomes as a Markdown table.
pub fn throttled_table(outcomes: &[Outcome]) -> String {
    let mut table = String::from(
        "| schedule | done | gave up | time to finish | calls | wasted | longest wait | peak rate |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for outcome in outcomes {
        let _ = writeln!(
            table,
            "| {} | {} | {} | {:.2} s | {} | {} | {:.2} s | {}/s |",
            outcome.name,
            outcome.done,
            outcome.failed,
            outcome.finish.as_secs_f64(),
            outcome.calls(),
            outcome.wasted(),
            outcome.longest_wait.as_secs_f64(),
            outcome.peak_rate(),
        );
    }
    table
}

/// Formats the study as CSV.
pub fn study_csv(lines: &[StudyLine]) -> String {
    let mut csv = String::from("clients,backoff,calls,finish_ms\n");
    for StudyLine { clients, outcomes } in lines {
        for (backoff, outcome) in Backoff::ALL.iter().zip(outcomes) {
            let name = backoff.name();
            let _ = writeln!(
                csv,
                "{clients},{name},{:.2},{:.2}",
                outcome.calls, outcome.finish_ms
            );
        }
    }
    csv
}

/// Runs every schedule on the throttled service, for every number of clients, with the default
/// attempts and without a limit, and formats the outcomes as CSV.
pub fn throttled_csv() -> String {
    let mut csv = String::from(
        "attempts,clients,schedule,done,gave_up,finish_s,calls,wasted,longest_wait_s,peak_rate\n",
    );
    for (label, attempts) in [
        ("default", Attempts::Default),
        ("unlimited", Attempts::Unlimited),
    ] {
        for clients in CROWDS {
            for outcome in throttled(attempts, clients) {
                let _ = writeln!(
                    csv,
                    "{label},{clients},\"{}\",{},{},{:.3},{},{},{:.3},{}",
                    outcome.name,
                    outcome.done,
                    outcome.failed,
                    outcome.finish.as_secs_f64(),
                    outcome.calls(),
                    outcome.wasted(),
                    outcome.longest_wait.as_secs_f64(),
                    outcome.peak_rate(),
                );
            }
        }
    }
    csv
}

/// Formats the tables of finding the rate as CSV, a line for each case and schedule. In one process
/// the figures are the finish divided by the best possible (median and worst run) and the waste in
/// percent; in several, the throughput, the waste in percent and the fairness.
pub fn finding_csv(single: &str, shared: &str) -> String {
    let mut csv = String::from("case,schedule,finish,worst,waste_percent,throughput,fairness\n");
    for (table, is_single) in [(single, true), (shared, false)] {
        let mut rows = table.lines().map(cells);
        let schedules = rows.next().unwrap_or_default();
        for row in rows.skip(1) {
            for (schedule, cell) in schedules.iter().zip(&row).skip(1) {
                let (case, figures) = (row[0], numbers(cell));
                let (first, second, third) = (figures[0], figures[1], figures[2]);
                let _ = write!(csv, "\"{case}\",\"{schedule}\",");
                let _ = if is_single {
                    writeln!(csv, "{first},{second},{third},,")
                } else {
                    writeln!(csv, ",,{second},{first},{third}")
                };
            }
        }
    }
    csv
}

/// Returns the cells of a row of a Markdown table.
pub fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

/// Reads the figures of a cell.
pub fn numbers(cell: &str) -> Vec<f64> {
    let parts = cell.split([',', ';', '%']).map(str::trim);
    parts.filter_map(|part| part.parse().ok()).collect()
}

/// Names the schedule that wastes the fewest calls at equal work, and compares its time with the
/// fastest.
pub fn verdict(outcomes: &[Outcome]) -> Option<String> {
    let leanest = outcomes
        .iter()
        .min_by_key(|outcome| (outcome.wasted(), outcome.finish))?;
    let fastest = outcomes.iter().min_by_key(|outcome| outcome.finish)?;
    let ratio = leanest.finish.as_secs_f64() / fastest.finish.as_secs_f64();
    Some(format!(
        "fewest wasted calls: {} ({}), finished in {:.2} times the best time ({})",
        leanest.name,
        leanest.wasted(),
        ratio,
        fastest.name,
    ))
}

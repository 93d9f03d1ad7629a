//! Checks the tables of the simulation in the README against the code.

use std::sync::LazyLock;

use keyfob_benches::contention::finding::{
    Case, SINGLE, Steady, Summary, shared, shared_cell, single_cell, steady, summary,
};
use keyfob_benches::contention::report::{
    RATE, StudyLine, cells, numbers, study_table, throttled, throttled_table,
};
use keyfob_benches::contention::schedule::{Attempts, all};
use keyfob_benches::contention::study::{Backoff, contest};
use keyfob_benches::contention::throttled::run;

const README: &str = include_str!("../README.md");

#[test]
fn the_tables_of_the_throttled_service_are_current() {
    for attempts in [Attempts::Unlimited, Attempts::Default] {
        let table = throttled_table(&throttled(attempts, 1_000));
        assert!(README.contains(&table), "{attempts:?}:\n{table}");
    }
}

#[test]
fn the_study_is_current() {
    let outcomes = Backoff::ALL.into_iter().map(|backoff| contest(backoff, 10));
    let line = StudyLine {
        clients: 10,
        outcomes: outcomes.collect(),
    };
    let table = study_table(&[line]);
    let row = table.lines().last().unwrap();
    assert!(README.contains(row), "{row}");
}

#[test]
fn at_equal_work_keyfob_wastes_the_fewest_calls_within_a_tenth_of_the_best_time() {
    for clients in [300, 1_000] {
        let outcomes = throttled(Attempts::Unlimited, clients);
        assert!(outcomes.iter().all(|outcome| outcome.done == clients));
        let leanest = outcomes
            .iter()
            .min_by_key(|outcome| outcome.wasted())
            .unwrap();
        let fastest = outcomes.iter().map(|outcome| outcome.finish).min().unwrap();
        assert!(leanest.is_keyfob, "{}", leanest.name);
        assert!(
            leanest.finish <= fastest.mul_f64(1.1),
            "{:?} and {fastest:?}",
            leanest.finish
        );
    }
}

#[test]
fn a_run_can_be_repeated() {
    let arrivals = || {
        all(Attempts::Unlimited, RATE)
            .into_iter()
            .map(|schedule| run(schedule, 200, RATE).arrivals)
    };
    assert!(arrivals().eq(arrivals()));
}

/// The waste of the start of the two probing limiters: a share of the bucket.
const GAINS: [f64; 2] = [0.1, 0.25];

/// The results of the probing limiters, cautious and not, in the cases of one process.
static FOUND: LazyLock<Vec<[Summary; 2]>> = LazyLock::new(|| {
    SINGLE
        .iter()
        .map(|case| [0, 1].map(|index| summary(case, index)))
        .collect()
});

/// The same in the cases of several.
static SHARED: LazyLock<Vec<[Steady; 2]>> = LazyLock::new(|| {
    shared()
        .iter()
        .map(|case| [0, 1].map(|index| steady(case, index)))
        .collect()
});

/// Returns the row of a case in the README, without its name.
fn row(case: &Case) -> Vec<&'static str> {
    let title = format!("| {} |", case.title());
    let row = README.lines().find(|line| line.starts_with(&title));
    cells(row.unwrap_or_default()).split_off(1)
}

#[test]
fn the_tables_of_finding_the_rate_are_current() {
    for (case, found) in SINGLE.iter().zip(&*FOUND) {
        let cells = found.map(|summary| single_cell(case, &summary));
        assert_eq!(row(case)[..2], cells, "{}", case.name);
    }
    for (case, found) in shared().iter().zip(&*SHARED) {
        assert_eq!(row(case)[..2], found.map(shared_cell), "{}", case.name);
    }
    // The others change only with the simulation.
    let peers = 2..SINGLE[0].schedules().len();
    let cells = peers.map(|index| single_cell(&SINGLE[4], &summary(&SINGLE[4], index)));
    assert_eq!(row(&SINGLE[4])[2..], cells.collect::<Vec<_>>());
}

#[test]
fn no_peer_is_better_in_both_in_any_case() {
    // The documented limit knows what the others must find.
    let knows = |name: &str| name == "keyfob, documented limit";
    for case in &SINGLE {
        let (cells, schedules) = (row(case), case.schedules());
        for ours in &cells[..2] {
            let ours = numbers(ours);
            for (schedule, peer) in schedules.iter().zip(&cells).skip(2) {
                let peer = numbers(peer);
                let is_better = peer[0] < ours[0] && peer[2] < ours[2];
                assert!(
                    !is_better || knows(schedule.name),
                    "{}: {}",
                    case.name,
                    schedule.name
                );
            }
        }
    }
    for case in shared() {
        let (cells, schedules) = (row(&case), case.schedules());
        for ours in &cells[..2] {
            let ours = numbers(ours);
            for (schedule, peer) in schedules.iter().zip(&cells).skip(2) {
                let peer = numbers(peer);
                let is_better = peer[0] > ours[0] && peer[1] < ours[1];
                assert!(
                    !is_better || knows(schedule.name),
                    "{}: {}",
                    case.name,
                    schedule.name
                );
            }
        }
    }
}

#[test]
fn the_table_of_limiters_in_the_readme_of_backoff_is_current() {
    const BACKOFF: &str = include_str!("../../backoff/README.md");
    let case = SINGLE[0];
    for (schedule, name) in [
        (
            "keyfob, documented limit",
            "`RateLimit`, if you know the rate",
        ),
        ("keyfob, cautious", "`ProbingLimiter::cautious()`"),
        ("keyfob, probing", "`ProbingLimiter::new()`"),
        ("keyfob, adaptive", "`AdaptiveLimiter`, as the SDKs"),
        (
            "keyfob",
            "no limiter, `Policy::aws()` without a limit of attempts",
        ),
    ] {
        let schedules = case.schedules();
        let index = schedules.iter().position(|known| known.name == schedule);
        let summary = summary(&case, index.unwrap());
        let seconds = summary.finish * case.best();
        let row = format!("| {name} | {seconds:.2} s | {:.0} |", summary.wasted);
        // Numbers from 1,000 on have a comma.
        assert!(
            BACKOFF.replace(',', "").contains(&row.replace(',', "")),
            "{row}"
        );
    }
}

#[test]
fn the_probing_limiter_is_near_the_best_time_and_wastes_little() {
    for (case, found) in SINGLE.iter().zip(&*FOUND) {
        let is_slow = case.rate.0 < 20.0 || case.round_trip > 0.1;
        if is_slow || case.rate.0 > 1e6 {
            continue;
        }
        let most = if case.name.starts_with("S3") {
            1.15
        } else {
            1.05
        };
        for (summary, gain) in found.iter().zip(GAINS) {
            let bound = 1.3 * gain * case.bucket + 0.02 * case.calls.unwrap() as f64 + 15.0;
            assert!(summary.finish <= most, "{}: {summary:?}", case.name);
            assert!(summary.wasted <= bound, "{}: {summary:?}", case.name);
            assert!(summary.asks <= 3.0, "{}: {summary:?}", case.name);
        }
    }
}

#[test]
fn the_start_and_long_round_trips_cost_what_the_readme_says() {
    let found = |name| {
        let index = SINGLE.iter().position(|case| case.name == name);
        FOUND[index.unwrap()]
    };
    let [cautious, default] = FOUND[0];
    assert!(cautious.wasted <= 30.0, "{cautious:?}");
    assert!(default.wasted <= 50.0, "{default:?}");
    assert!(cautious.worst.max(default.worst) <= 1.10);
    for (name, careful, most) in [
        ("round trip 200 ms", 1.2, 1.10),
        ("round trip 500 ms", 1.95, 1.5),
        // In round trips.
        ("no limit", 34.0, 17.0),
    ] {
        let [cautious, default] = found(name);
        assert!(cautious.finish <= careful, "{name}: {cautious:?}");
        assert!(default.finish <= most, "{name}: {default:?}");
    }
}

#[test]
fn processes_that_find_the_rate_share_it() {
    for (case, found) in shared().iter().zip(&*SHARED) {
        for steady in found {
            assert!(steady.throughput >= 0.98, "{}: {steady:?}", case.name);
            // With one call a second for each process, throttling is too rare to learn from.
            let (waste, fairness) = match case.rate.0 / case.processes as f64 {
                ..=1.0 => (0.25, 0.6),
                _ => (0.1, 0.9),
            };
            assert!(steady.waste <= waste, "{}: {steady:?}", case.name);
            assert!(steady.fairness >= fairness, "{}: {steady:?}", case.name);
        }
    }
}

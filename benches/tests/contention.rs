//! Checks the tables of the simulation in the README against the code.

use keyfob_benches::contention::finding::{
    SINGLE, shared, shared_table, single_table, steady, summary,
};
use keyfob_benches::contention::report::{
    RATE, StudyLine, study_table, throttled, throttled_table,
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

#[test]
fn the_table_of_finding_the_rate_is_current() {
    // One row takes a second without optimization, and all of them some minutes.
    let table = single_table(&SINGLE[..1]);
    assert!(README.contains(&table), "{table}");
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

/// The waste of the start: a share of the bucket.
const GAINS: [f64; 2] = [0.1, 0.25];

#[test]
fn the_probing_limiter_is_near_the_best_time_and_wastes_little() {
    for case in &SINGLE {
        let calls = case.calls.unwrap();
        let is_slow = case.rate.0 < 20.0 || case.round_trip > 0.1;
        if is_slow || calls > 10_000 || case.rate.0 > 1e6 {
            continue;
        }
        for (index, gain) in GAINS.into_iter().enumerate() {
            let summary = summary(case, index);
            let bound = 1.3 * gain * case.bucket + 0.02 * calls as f64 + 15.0;
            assert!(summary.finish <= 1.05, "{}: {summary:?}", case.name);
            assert!(summary.wasted <= bound, "{}: {summary:?}", case.name);
            assert!(summary.asks <= 3.0, "{}: {summary:?}", case.name);
        }
    }
}

#[test]
fn no_peer_is_faster_and_wastes_less() {
    for case in [&SINGLE[0], &SINGLE[2], &SINGLE[4]] {
        let schedules = case.schedules();
        let all: Vec<_> = (0..schedules.len()).map(|n| summary(case, n)).collect();
        for (schedule, peer) in schedules.iter().zip(&all) {
            for ours in &all[..GAINS.len()] {
                let is_better = peer.finish < ours.finish && peer.wasted < ours.wasted;
                // The documented limit knows what the others must find.
                let knows = schedule.name == "keyfob, documented limit";
                assert!(!is_better || knows, "{}: {}", case.name, schedule.name);
            }
        }
    }
}

#[test]
fn the_start_and_long_round_trips_cost_what_the_readme_says() {
    let case = |name| SINGLE.iter().find(|case| case.name == name).unwrap();
    let [cautious, default] = [0, 1].map(|index| summary(&SINGLE[0], index));
    assert!(cautious.wasted <= 30.0, "{cautious:?}");
    assert!(default.wasted <= 50.0, "{default:?}");
    assert!(cautious.worst.max(default.worst) <= 1.10);
    for (name, most) in [
        ("round trip 200 ms", 1.10),
        ("round trip 500 ms", 1.5),
        // In round trips.
        ("no limit", 17.0),
    ] {
        let summary = summary(case(name), 1);
        assert!(summary.finish <= most, "{name}: {summary:?}");
    }
}

#[test]
fn processes_that_find_the_rate_share_it() {
    for case in shared() {
        for index in 0..GAINS.len() {
            let steady = steady(&case, index, 3);
            assert!(steady.throughput >= 0.98, "{}: {steady:?}", case.name);
            // With one call a second for each process, throttling is too rare to learn from.
            let (waste, fairness) = match case.rate.0 / case.processes as f64 {
                ..=1.0 => (0.25, 0.5),
                _ => (0.1, 0.9),
            };
            assert!(steady.waste <= waste, "{}: {steady:?}", case.name);
            assert!(steady.fairness >= fairness, "{}: {steady:?}", case.name);
        }
    }
}

#[test]
fn the_table_of_processes_is_current() {
    let table = shared_table(&shared()[..1]);
    assert!(README.contains(&table), "{table}");
}

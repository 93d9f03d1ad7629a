//! Checks the tables of the simulation in the README against the code.

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

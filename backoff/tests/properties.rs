//! Checks what holds for every policy, generator and sequence of faults, on thousands of random
//! ones.

#![allow(
    clippy::unwrap_used,
    reason = "the helpers of a test fail as the test does"
)]

use std::time::Duration;

use keyfob_backoff::{
    Budget, Decision, Failure, Fault, Hint, Jitter, Policy, Random, SeededRandom, Stop, classify,
    error_code, s3_status,
};

const JITTERS: [Jitter; 4] = [
    Jitter::Full,
    Jitter::Equal,
    Jitter::Decorrelated,
    Jitter::None,
];

fn server() -> Fault {
    classify(Some(500), None).unwrap()
}

fn throttling() -> Fault {
    classify(Some(429), None).unwrap()
}

/// Draws a number below `limit`.
fn below(random: &mut SeededRandom, limit: u64) -> u64 {
    (random.fraction() * limit as f64) as u64
}

fn any_duration(random: &mut SeededRandom) -> Duration {
    match below(random, 8) {
        0 => Duration::ZERO,
        1 => Duration::MAX,
        2 => Duration::from_nanos(below(random, u64::MAX)),
        _ => Duration::from_micros(below(random, 60_000_000)),
    }
}

fn any_policy(random: &mut SeededRandom) -> Policy {
    let mut policy = [Policy::aws(), Policy::aws_v2_0(), Policy::dynamodb()]
        [below(random, 3) as usize]
        .attempts(below(random, 40) as u32)
        .base(any_duration(random))
        .throttling_base(any_duration(random))
        .cap(any_duration(random))
        .jitter(JITTERS[below(random, 4) as usize]);
    for opt_in in [
        Policy::retry_connect_failures,
        Policy::retry_unanswered,
        Policy::retry_idp_communication_error,
        Policy::sdk_rules,
        Policy::non_idempotent,
        Policy::long_polling,
    ] {
        if below(random, 4) == 0 {
            policy = opt_in(policy);
        }
    }
    policy
}

fn any_failure(random: &mut SeededRandom) -> Failure<'static> {
    let code = [
        None,
        Some("Throttling"),
        Some("AccessDenied"),
        Some("IDPCommunicationError"),
    ][below(random, 4) as usize];
    let hint =
        [None, Some("0"), Some("1500"), Some("99999999999999999999")][below(random, 4) as usize];
    let failure = match below(random, 8) {
        0 => Failure::connect(),
        1 => Failure::no_response(),
        2 => Failure::timeout(),
        3 => Failure::local(),
        _ => Failure::response(below(random, 700) as u16).with_code(code),
    };
    failure.with_hint(hint.and_then(Hint::from_x_amz_retry_after))
}

/// Returns all decisions of one call.
fn decisions(
    policy: Policy,
    seed: u64,
    failures: &[Failure<'_>],
    budget: &Budget,
) -> Vec<Decision> {
    let (mut call, mut random) = (policy.start(), SeededRandom::new(seed));
    failures
        .iter()
        .map(|failure| call.on_failure(failure, call.slept(), Some(budget), &mut random))
        .collect()
}

#[test]
fn no_delay_exceeds_the_cap_for_a_million_attempts() {
    for jitter in JITTERS {
        let policy = Policy::aws().attempts(1_000_001).jitter(jitter);
        let delays = policy.delays(SeededRandom::new(1)).after(throttling());
        assert_eq!(delays.len(), 1_000_000);
        assert!(
            delays
                .into_iter()
                .all(|delay| delay <= Duration::from_secs(20)),
            "{jitter:?}"
        );
    }
}

#[test]
fn no_delay_exceeds_its_bound_whatever_the_policy_and_the_generator() {
    let mut random = SeededRandom::new(2);
    let wild = [
        0.0,
        1.0,
        0.999_999_999_999_999_9,
        -1.0,
        2.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    for _ in 0..20_000 {
        let policy = any_policy(&mut random).attempts(3).jitter(Jitter::Full);
        let fraction = wild
            .get(below(&mut random, 16) as usize)
            .copied()
            .unwrap_or_else(|| random.fraction());
        for (n, delay) in policy.delays(|| fraction).enumerate() {
            assert!(
                delay <= policy.bound(server(), n as u32 + 1),
                "{policy:?} {fraction}"
            );
        }
    }
}

#[test]
fn clients_at_the_cap_stay_spread_out() {
    let mut delays: Vec<f64> = (0..10_000)
        .filter_map(|seed| {
            Policy::aws()
                .attempts(30)
                .delays(SeededRandom::new(seed))
                .last()
        })
        .map(|delay| delay.as_secs_f64())
        .collect();
    delays.sort_by(f64::total_cmp);
    assert!(delays[0] < 0.02 && delays[9_999] > 19.98);
    for (n, second) in delays.chunks(500).enumerate() {
        let expected = n as f64 + 0.5;
        let mean = second.iter().sum::<f64>() / 500.0;
        assert!(
            (mean - expected).abs() < 0.5,
            "the {n}th 500 of 10,000 arrive around {mean} s"
        );
    }
}

#[test]
fn the_mean_delay_is_half_the_bound() {
    for fault in [server(), throttling()] {
        for attempt in 1..=12_u32 {
            let bound = Policy::aws().bound(fault, attempt).as_secs_f64();
            let total: f64 = (0..10_000)
                .filter_map(|seed| {
                    let policy = Policy::aws().attempts(attempt + 1);
                    policy.delays(SeededRandom::new(seed)).after(fault).last()
                })
                .map(|delay| delay.as_secs_f64())
                .sum();
            let mean = total / 10_000.0;
            assert!(
                (mean / (bound / 2.0) - 1.0).abs() < 0.03,
                "attempt {attempt}: {mean} of {bound}"
            );
        }
    }
}

#[test]
fn jitter_is_never_lost_and_never_degenerate() {
    for (jitter, attempt) in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated]
        .into_iter()
        .zip([1_u32, 31, 33])
    {
        let last = |seed| {
            Policy::aws()
                .attempts(attempt + 1)
                .jitter(jitter)
                .delays(SeededRandom::new(seed))
                .last()
        };
        let distinct: std::collections::HashSet<_> = (0..1_000).map(last).collect();
        assert!(
            distinct.len() > 990,
            "{jitter:?}: {} of 1000",
            distinct.len()
        );
    }
}

#[test]
fn the_same_policy_seed_and_faults_give_the_same_schedule() {
    let mut random = SeededRandom::new(3);
    for seed in 0..2_000 {
        let policy = any_policy(&mut random);
        let failures: Vec<_> = (0..20).map(|_| any_failure(&mut random)).collect();
        let run = || decisions(policy, seed, &failures, &Budget::aws());
        assert_eq!(run(), run(), "{policy:?}");
    }
}

#[test]
fn only_faults_are_retried_within_attempts_and_budget() {
    let mut random = SeededRandom::new(4);
    for seed in 0..5_000 {
        let policy = any_policy(&mut random);
        let failures: Vec<_> = (0..50).map(|_| any_failure(&mut random)).collect();
        let budget = Budget::aws().with_tokens(below(&mut random, 501) as u32);
        let mut left = budget.available();
        for (failure, decision) in failures
            .iter()
            .zip(decisions(policy, seed, &failures, &budget))
        {
            match decision {
                Decision::Wait(_) => {
                    let fault = policy.classify(failure);
                    assert!(fault.is_some(), "{failure:?}");
                    left -= if fault.is_some_and(Fault::is_throttling) {
                        5
                    } else {
                        14
                    };
                }
                Decision::Stop(Stop::NotRetryable) => assert_eq!(policy.classify(failure), None),
                Decision::Stop(_) => assert!(policy.classify(failure).is_some()),
            }
        }
        assert_eq!(budget.available(), left);
    }
}

#[test]
fn without_opt_ins_only_throttling_and_5xx_are_ever_retried() {
    let mut random = SeededRandom::new(5);
    for _ in 0..20_000 {
        let failure = any_failure(&mut random);
        let retried = matches!(
            Policy::aws()
                .start()
                .on_failure(&failure, Duration::ZERO, None, &mut random),
            Decision::Wait(_)
        );
        let is_5xx = matches!(failure.status(), Some(429 | 500..=599));
        assert_eq!(
            retried,
            is_5xx || failure.code() == Some("Throttling"),
            "{failure:?}"
        );
    }
}

#[test]
fn no_body_and_no_header_makes_the_readers_panic() {
    let mut random = SeededRandom::new(6);
    let alphabet =
        b"<>/!?-\"\\{}[]:,; \n#=&Error Code __type code Retry 0123456789\xff\xef\xbb\xbf";
    for _ in 0..50_000 {
        let length = below(&mut random, 60) as usize;
        let body: Vec<u8> = (0..length)
            .map(|_| alphabet[below(&mut random, alphabet.len() as u64) as usize])
            .collect();
        let text = String::from_utf8_lossy(&body);
        let header = |_: &str| Some(&*text);
        error_code(|_| None, &body);
        error_code(header, &body);
        assert!(matches!(s3_status(200, &body), 200 | 500));
        Hint::from_headers(header);
    }
}

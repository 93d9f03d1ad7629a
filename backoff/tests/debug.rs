//! Checks that `Debug` of no public type shows what services, requests or callers put into it.

#![cfg(feature = "std")]

use std::fmt::Debug;
use std::ops::ControlFlow;
use std::time::Duration;

use keyfob_backoff::hooks::{
    Blocking, BlockingSleep, ClassifyTrait, DefaultTimer, NoNotify, ThreadSleep,
};
use keyfob_backoff::limit::{
    AdaptiveLimiter, Cubic, KeyedLimit, Limiter, Place, ProbingLimiter, RateLimit, Shared,
};
use keyfob_backoff::{
    Budget, Call, ClockSkew, Decision, Delays, Entropy, Failure, Fault, FaultKind, Hint, Jitter,
    Pause, Policy, Random, Report, Retry, SdkRequest, SeededRandom, Stop, retry, retry_blocking,
};

const CANARY: &str = "CanaryOfTheService";

/// A value of the caller's that shows its secret.
#[derive(Clone, Debug)]
struct Leaky(#[allow(dead_code, reason = "read by Debug")] &'static str);

impl Random for Leaky {
    fn fraction(&mut self) -> f64 {
        0.5
    }
}

impl BlockingSleep for Leaky {
    fn sleep(&mut self, _: Duration) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// The names of the public types, and how each is shown with a canary where it can hold one.
#[derive(Default)]
struct Shown(Vec<(&'static str, String)>);

impl Shown {
    fn add<T: Debug>(&mut self, value: &T) {
        self.0
            .push((std::any::type_name::<T>(), format!("{value:?} {value:#?}")));
    }
}

/// A failure with a canary as its code.
fn failure() -> Failure<'static> {
    Failure::response(503)
        .with_code(CANARY)
        .with_hint(Hint::from_x_amz_retry_after("1"))
        .with_skew(ClockSkew::from_millis(1))
}

#[test]
fn debug_of_no_public_type_shows_a_code_a_key_or_a_value_of_the_callers() {
    let mut shown = Shown::default();
    shown.add::<Budget>(&Budget::aws());
    shown.add::<Call>(&Policy::aws().start());
    shown.add::<ClockSkew>(&ClockSkew::from_millis(1));
    shown.add::<Decision>(&Decision::Wait(Duration::ZERO));
    shown.add::<Delays<Leaky>>(&Policy::aws().delays(Leaky(CANARY)));
    shown.add::<Entropy>(&Entropy::new());
    shown.add::<Failure<'_>>(&failure());
    shown.add::<Option<Fault>>(&Policy::aws().classify(&failure()));
    shown.add::<FaultKind>(&FaultKind::Code);
    shown.add::<Option<Hint>>(&failure().hint());
    shown.add::<Jitter>(&Jitter::Full);
    shown.add::<Policy>(&Policy::aws());
    shown.add::<Report>(&Report::default());
    shown.add::<SdkRequest>(&Policy::aws().start().sdk_request());
    shown.add::<SeededRandom>(&SeededRandom::new(1));
    shown.add::<Stop>(&Stop::Attempts);
    shown.add::<AdaptiveLimiter>(&AdaptiveLimiter::new());
    shown.add::<Cubic>(&Cubic::new(1.0, Duration::ZERO));
    shown.add::<RateLimit>(&RateLimit::new(1, Duration::ZERO));
    shown.add::<ProbingLimiter>(&ProbingLimiter::new());
    shown.add::<Shared<ProbingLimiter>>(&Shared::new(ProbingLimiter::new()));
    shown.add::<Place>(&Place::default());
    shown.add::<ClassifyTrait>(&ClassifyTrait);
    shown.add::<DefaultTimer>(&DefaultTimer);
    shown.add::<NoNotify>(&NoNotify);
    shown.add::<ThreadSleep>(&ThreadSleep);

    let keyed = KeyedLimit::new(RateLimit::new(1, Duration::ZERO));
    assert_eq!(keyed.key(CANARY).acquire(Duration::ZERO), Ok(()));
    shown.add::<KeyedLimit<&str>>(&keyed);

    let mut pauses = Vec::new();
    let leaky = Leaky(CANARY);
    let call = retry_blocking(Policy::aws(), || match leaky.clone() {
        Leaky(CANARY) => Err(failure()),
        _ => Ok(()),
    });
    let call = call.random(Leaky(CANARY)).sleep_with(Leaky(CANARY));
    shown.add(&call);
    let call = call.notify(|_, pause| pauses.push(*pause));
    assert_eq!(call.run(), Err(failure()));
    shown.add::<Pause>(&pauses[0]);
    shown.add::<Retry<'_, _, _, _>>(&retry(Policy::aws(), async || Err::<(), _>(failure())));
    shown.add::<Option<Blocking<Leaky>>>(&None);

    #[cfg(feature = "tower")]
    {
        use keyfob_backoff::tower::{CloneTrait, Limit, LimitLayer, OneLimiter, RetryPolicy};
        fn classify(_: &Result<(), ()>) -> Option<Failure<'_>> {
            None
        }
        shown.add::<CloneTrait>(&CloneTrait);
        shown.add(&OneLimiter::default());
        shown.add(&RetryPolicy::new(Policy::aws(), classify));
        let limiter = std::sync::Arc::new(Shared::new(ProbingLimiter::new()));
        let layer = LimitLayer::new(Policy::aws(), classify, limiter);
        shown.add::<LimitLayer<_>>(&layer);
        shown.add::<Limit<_, _>>(&::tower::Layer::layer(&layer, Leaky(CANARY)));
    }
    #[cfg(feature = "reqwest-middleware")]
    shown.add(&keyfob_backoff::reqwest_middleware::RetryMiddleware::new(
        Policy::aws(),
    ));

    for (name, text) in &shown.0 {
        assert!(!text.contains(CANARY), "{name}: {text}");
    }
    #[cfg(all(feature = "tower", feature = "reqwest-middleware"))]
    for name in public_types() {
        let is_shown = |path: &str| {
            path.split(|char: char| !char.is_ascii_alphanumeric())
                .any(|word| word == name)
        };
        assert!(
            shown.0.iter().any(|(path, _)| is_shown(path)),
            "{name} is not in the list"
        );
    }
}

#[test]
fn a_code_that_is_known_is_shown_and_any_other_is_not() {
    let shown = |code| format!("{:?}", Failure::response(400).with_code(code));
    assert!(shown("Throttling").contains("Some(\"Throttling\")"));
    assert!(shown("throttlingException").contains("Some(\"ThrottlingException\")"));
    assert!(shown("AccessDenied").contains("Some(\"AccessDenied\")"));
    assert!(shown("AccessDenied\n").contains("Some(\"(other)\")"));
    assert!(format!("{:?}", Failure::connect()).contains("None"));
}

/// Returns the names of the public types in the sources of the crate.
#[cfg(all(feature = "tower", feature = "reqwest-middleware"))]
fn public_types() -> Vec<String> {
    let mut names = Vec::new();
    visit(
        concat!(env!("CARGO_MANIFEST_DIR"), "/src").as_ref(),
        &mut |source| {
            let declared = |line: &str| {
                let starts = ["pub struct ", "pub enum "];
                let rest = starts.iter().find_map(|start| line.strip_prefix(start))?;
                Some(
                    rest.chars()
                        .take_while(char::is_ascii_alphanumeric)
                        .collect(),
                )
            };
            names.extend(source.lines().filter_map(declared));
        },
    );
    assert!(names.len() > 20, "{names:?}");
    names
}

#[cfg(all(feature = "tower", feature = "reqwest-middleware"))]
fn visit(folder: &std::path::Path, check: &mut impl FnMut(&str)) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            visit(&path, check);
        } else if let Ok(source) = std::fs::read_to_string(&path) {
            check(&source);
        }
    }
}

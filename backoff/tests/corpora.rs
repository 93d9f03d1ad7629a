//! Plays the conformance corpus `retry`: published tables and traces of the retry modes of the AWS
//! SDKs.
//!
//! The corpus is not part of the repository. `KEYFOB_CORPORA` names its folder; by default it is
//! `../shared/corpora` beside the repository. Without it, the test says so and passes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use keyfob_backoff::limit::{AdaptiveLimiter, Cubic, RateLimit};
use keyfob_backoff::{
    Budget, Call, ClockSkew, Decision, Failure, Fault, FaultKind, Hint, Policy, Stop,
};
use serde_json::Value;

type Outcome = Result<(), String>;

/// Requests per second, by which all rates are compared if a case names no tolerance.
const TOLERANCE: f64 = 1e-6;

#[test]
fn the_retry_corpus_is_reproduced() {
    let path = corpora().join("retry/cases.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!(
            "corpus retry: not found at {}, nothing checked",
            path.display()
        );
        return;
    };
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| Some(format!("{}: {}", case["id"], play(case).err()?)))
        .collect();
    println!(
        "corpus retry: {} cases, {} passed, 0 skipped",
        cases.len(),
        cases.len() - failures.len()
    );
    assert!(
        !cases.is_empty() && failures.is_empty(),
        "\n{}",
        failures.join("\n")
    );
}

fn corpora() -> PathBuf {
    std::env::var_os("KEYFOB_CORPORA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora"),
        PathBuf::from,
    )
}

fn play(case: &Value) -> Outcome {
    let kind = string(&case["kind"])?;
    match kind.trim_end_matches("-gen") {
        "standard-v2.0" => standard(case, "v2.0"),
        "standard-v2.1" => standard(case, "v2.1"),
        "classify" => classification(case),
        "clock-skew" => clock_skew(case),
        "clock-skew-header" => clock_skew_header(case),
        "cubic" => cubic(case),
        "cubic-param" => cubic_param(case),
        "adaptive-e2e" => adaptive(case),
        "token-bucket" => token_bucket(case),
        "amz-sdk-request" => sdk_request(case),
        unknown => Err(format!("unknown kind {unknown}")),
    }
}

/// Plays one client with one quota: requests one after the other, each retried as the SDKs do.
fn standard(case: &Value, spec: &str) -> Outcome {
    let config = &case["config"];
    let policy = policy(config, spec)?;
    let mut budget = match spec {
        "v2.0" => Budget::aws_v2_0(),
        _ => Budget::aws(),
    };
    if let Some(tokens) = whole(&config["initial_tokens"])? {
        budget = budget.with_tokens(tokens);
    }
    let fraction = number(&config["random"]).unwrap_or(1.0);

    let mut call = policy.start();
    if let Some(max) = whole::<u32>(&config["effective_max_attempts"])? {
        let header = call.sdk_request().to_string();
        expect("attempts", header, format!("attempt=1; max={max}"))?;
    }
    for (n, step) in list(&case["steps"])?.iter().enumerate() {
        let at = |what: &str| format!("step {} {what}", n + 1);
        let expected = &step["expect"];
        let (outcome, wait) = advance(&mut call, &step["response"], &budget, fraction)?;
        if outcome != "retry" {
            call = policy.start();
        }
        expect(&at("outcome"), outcome, string(&expected["outcome"])?)?;
        if let Some(quota) = whole(&expected["quota"])? {
            expect(&at("quota"), budget.available(), quota)?;
        }
        // A retry whose delay is not given may wait; the other outcomes end without a wait.
        let delay = number(&expected["delay_ms"]).or((outcome != "retry").then_some(0.0));
        if let Some(delay) = delay {
            near(&at("delay in ms"), wait.as_secs_f64() * 1e3, delay, 1e-5)?;
        }
    }
    Ok(())
}

fn advance(
    call: &mut Call,
    response: &Value,
    budget: &Budget,
    fraction: f64,
) -> Result<(&'static str, Duration), String> {
    let failure = failure(response)?;
    if is_success(&failure) {
        call.on_success(Some(budget));
        return Ok(("success", Duration::ZERO));
    }
    match call.on_failure(&failure, Duration::ZERO, Some(budget), &mut || fraction) {
        Decision::Wait(delay) => Ok(("retry", delay)),
        Decision::Stop(Stop::NotRetryable) => Ok(("fail_request", Duration::ZERO)),
        Decision::Stop(Stop::Attempts) => Ok(("max_attempts_exceeded", Duration::ZERO)),
        Decision::Stop(Stop::Budget { wait }) => Ok(("retry_quota_exceeded", wait)),
        Decision::Stop(other) => Err(format!("stopped for {other:?}")),
    }
}

/// Creates the preset that a case configures, with the faults of the SDKs. `spec` is the default of
/// the config's.
fn policy(config: &Value, spec: &str) -> Result<Policy, String> {
    let service = config["service"].as_str().unwrap_or_default();
    let mut policy = match (config["spec"].as_str().unwrap_or(spec), service) {
        ("v2.0", _) => Policy::aws_v2_0(),
        ("v2.1", "dynamodb" | "dynamodbstreams" | "dynamodb-streams") => Policy::dynamodb(),
        ("v2.1", _) => Policy::aws(),
        (other, _) => return Err(format!("unknown spec {other}")),
    };
    if service == "sts" {
        policy = policy.retry_idp_communication_error();
    }
    if let Some(attempts) = whole(&config["max_attempts"])? {
        policy = policy.attempts(attempts);
    }
    if let Some(cap) = number(&config["max_backoff_ms"]) {
        policy = policy.cap(seconds(cap / 1e3)?);
    }
    if config["long_polling_operation"] == true {
        policy = policy.long_polling();
    }
    Ok(policy.sdk_rules())
}

fn failure(response: &Value) -> Result<Failure<'_>, String> {
    match (response["error"].as_str(), whole(&response["status"])?) {
        (Some("timeout"), _) => Ok(Failure::timeout()),
        (Some("connection"), _) => Ok(Failure::connect()),
        (Some(other), _) => Err(format!("unknown error {other}")),
        (None, Some(status)) => {
            let header = |name: &str| {
                let headers = response["headers"].as_object()?;
                headers
                    .iter()
                    .find(|(known, _)| known.eq_ignore_ascii_case(name))?
                    .1
                    .as_str()
            };
            Ok(Failure::response(status)
                .with_code(response["code"].as_str())
                .with_hint(Hint::from_headers(header)))
        }
        (None, None) => Err("neither status nor error".into()),
    }
}

fn is_success(failure: &Failure<'_>) -> bool {
    matches!(failure.status(), Some(200..=299))
}

/// Checks the decision of the SDKs under `sdk_rules`, and that without opt-ins only throttling and
/// 5xx are retried.
fn classification(case: &Value) -> Outcome {
    let failure = failure(case)?;
    let mut sdk = Policy::aws().sdk_rules();
    if case["service"] == "sts" {
        sdk = sdk.retry_idp_communication_error();
    }
    let fault = sdk.classify(&failure);
    expect("retryable", fault.is_some(), case["retryable"] == true)?;
    expect(
        "throttling",
        fault.is_some_and(Fault::is_throttling),
        case["throttling"] == true,
    )?;

    let is_5xx = matches!(failure.status(), Some(500..=599));
    let is_throttling = case["throttling"] == true || failure.status() == Some(429);
    expect(
        "retried by default",
        Policy::aws().classify(&failure).is_some(),
        is_5xx || is_throttling,
    )
}

/// Checks a refusal, with the skew if one is known.
fn clock_skew(case: &Value) -> Outcome {
    let skew =
        number(&case["observed_skew_s"]).map(|skew| ClockSkew::from_millis((skew * 1e3) as i64));
    let refused = Failure::response(403)
        .with_code(case["code"].as_str())
        .with_skew(skew);
    let fault = Policy::aws().retry_clock_skew().classify(&refused);
    expect(
        "retryable",
        fault.map(Fault::kind) == Some(FaultKind::ClockSkew),
        case["retryable"] == true,
    )?;
    expect("retried by default", Policy::aws().classify(&refused), None)
}

/// Measures the skew on a fixed date of the server, with a local clock that is off by as much as
/// the case says.
fn clock_skew_header(case: &Value) -> Outcome {
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AT: f64 = 784_111_777.0;
    let offset = number(&case["server_date_offset_s"]);
    let date = case["server_date_raw"].as_str().or(offset.map(|_| DATE));
    let now = seconds(AT - offset.unwrap_or(0.0))?;
    let skew = date
        .and_then(|date| ClockSkew::measure(date, None, now, now))
        .filter(|skew| skew.is_significant());
    expect("clock skewed", skew.is_some(), case["clock_skewed"] == true)?;
    near(
        "correction in s",
        skew.map_or(0.0, |skew| skew.as_millis() as f64 / 1e3),
        number(&case["expected_correction_s"]).unwrap_or(0.0),
        1e-3,
    )
}

/// Plays the curve alone: throttling lowers the rate that the step before calculated.
fn cubic(case: &Value) -> Outcome {
    let initial = &case["initial"];
    expect("beta", number(&initial["beta"]).unwrap_or(0.7), 0.7)?;
    expect("scale", number(&initial["scale"]).unwrap_or(0.4), SCALE)?;
    let mut rate = required(&initial["last_max_rate"])?;
    let at = number(&initial["last_throttle_time"]).unwrap_or(0.0);
    let mut curve = Cubic::new(rate, seconds(at)?);
    for (n, step) in list(&case["steps"])?.iter().enumerate() {
        let now = seconds(required(&step["timestamp"])?)?;
        rate = if is_throttle(step)? {
            curve.on_throttle(rate, now)
        } else {
            curve.on_success(now)
        };
        near(
            &format!("step {} rate", n + 1),
            rate,
            required(&step["calculated_rate"])?,
            tolerance(case),
        )?;
    }
    Ok(())
}

/// The scale of the curve in the SDKs.
const SCALE: f64 = 0.4;

/// Checks parameters of the curve, and its rate after a throttling. A member's name ends with the
/// rate at which the throttling came.
fn cubic_param(case: &Value) -> Outcome {
    let max_rate = required(&case["initial"]["last_max_rate"])?;
    let at = Duration::from_secs(5);
    // The curve starts at max − scale × k³, which gives its k.
    let k = |curve: &Cubic, max: f64| ((max - curve.on_success(at)) / SCALE).cbrt();
    let throttled = |rate: &str| {
        let rate = rate.parse().map_err(|_| format!("{rate} is not a rate"))?;
        let mut curve = Cubic::new(max_rate, at);
        let lowered = curve.on_throttle(rate, at);
        Ok::<_, String>((k(&curve, rate), lowered))
    };
    let members = case["expected"].as_object().into_iter().flatten();
    for (name, expected) in members.filter(|(_, value)| !value.is_null()) {
        let seen = if name == "k" {
            k(&Cubic::new(max_rate, at), max_rate)
        } else if let Some(rate) = name.strip_prefix("k_after_throttle_at_rate_") {
            throttled(rate)?.0
        } else if let Some(rate) = name.strip_prefix("rate_after_throttle_at_") {
            throttled(rate)?.1
        } else if name == "note" {
            continue;
        } else {
            return Err(format!("unknown member {name}"));
        };
        near(name, seen, required(expected)?, tolerance(case))?;
    }
    Ok(())
}

fn adaptive(case: &Value) -> Outcome {
    let start = number(&case["initial"]["last_tx_rate_bucket"]).unwrap_or(0.0);
    let mut limiter = AdaptiveLimiter::new().with_start(seconds(start)?);
    for (n, step) in list(&case["steps"])?.iter().enumerate() {
        let at = |what: &str| format!("step {} {what}", n + 1);
        let now = seconds(required(&step["timestamp"])?)?;
        limiter.on_answer(is_throttle(step)?, now);
        near(
            &at("measured rate"),
            limiter.measured_rate(),
            required(&step["measured_tx_rate"])?,
            tolerance(case),
        )?;
        near(
            &at("allowed rate"),
            limiter.rate(),
            required(&step["new_token_bucket_rate"])?,
            tolerance(case),
        )?;
    }
    Ok(())
}

/// Plays the trace that the case describes in its `note`, in units of the time that one token
/// takes.
fn token_bucket(case: &Value) -> Outcome {
    let token = seconds(1.0 / required(&case["initial"]["max_rate"])?)?;
    let mut bucket = RateLimit::new(1, token);
    // The described bucket begins empty, ours full.
    expect("the first token", bucket.acquire(Duration::ZERO), Ok(()))?;
    expect("a whole token", bucket.acquire(token), Ok(()))?;
    let (early, due) = (token * 3 / 2, token * 2);
    expect("half a token", bucket.acquire(early), Err(due - early))?;
    expect("after the wait", bucket.acquire(due), Ok(()))?;
    expect("the next token", bucket.acquire(token * 3), Ok(()))?;
    let burst = (0..100).filter(|_| bucket.acquire(token * 10).is_ok());
    expect("of 100 at once", burst.count(), 1)?;

    // The bounds of the rate and the capacity are those of the adaptive limiter.
    let mut limiter = AdaptiveLimiter::new();
    limiter.on_answer(true, Duration::ZERO);
    near("the lowest rate", limiter.rate(), 0.5, TOLERANCE)?;
    let burst = (0..100).filter(|_| limiter.acquire(Duration::from_secs(60)).is_ok());
    expect("the lowest capacity", burst.count(), 1)
}

/// Compares `attempt` and `max` of the header. A `ttl` depends on a read timeout, which the case
/// does not give.
fn sdk_request(case: &Value) -> Outcome {
    let mut call = policy(&case["config"], "v2.1")?.start();
    for (status, expected) in list(&case["responses"])?
        .iter()
        .zip(list(&case["expected"])?)
    {
        let expected = string(expected)?;
        let counted = expected
            .find("attempt=")
            .map_or(expected, |start| &expected[start..]);
        expect("header", call.sdk_request().to_string(), counted.to_owned())?;
        let status = whole(status)?.ok_or("a response without a status")?;
        let failure = Failure::response(status);
        if !is_success(&failure) {
            call.on_failure(&failure, Duration::ZERO, None, &mut || 0.0);
        }
    }
    Ok(())
}

fn is_throttle(step: &Value) -> Result<bool, String> {
    match string(&step["response"])? {
        "throttle" => Ok(true),
        "success" => Ok(false),
        other => Err(format!("unknown response {other}")),
    }
}

fn tolerance(case: &Value) -> f64 {
    number(&case["tolerance"]).unwrap_or(TOLERANCE)
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "a comparison reads better without ampersands"
)]
fn expect<T: PartialEq + std::fmt::Debug>(what: &str, seen: T, expected: T) -> Outcome {
    if seen == expected {
        Ok(())
    } else {
        Err(format!("{what}: {seen:?} instead of {expected:?}"))
    }
}

fn near(what: &str, seen: f64, expected: f64, tolerance: f64) -> Outcome {
    let close = (seen - expected).abs() <= tolerance * expected.abs().max(1.0);
    if close {
        Ok(())
    } else {
        Err(format!("{what}: {seen} instead of {expected}"))
    }
}

fn string(value: &Value) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("{value} is not a string"))
}

/// Reads a number, written `200` or `200.0`; `None` if the member is absent or null.
fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

fn required(value: &Value) -> Result<f64, String> {
    number(value).ok_or_else(|| format!("{value} is not a number"))
}

/// Reads a whole number, written `200` or `200.0`; `None` if the member is absent or null.
fn whole<T: TryFrom<u64>>(value: &Value) -> Result<Option<T>, String> {
    let Some(number) = number(value) else {
        return Ok(None);
    };
    let whole = number as u64;
    T::try_from(whole)
        .ok()
        .filter(|_| whole as f64 == number)
        .map(Some)
        .ok_or_else(|| format!("{value} is not a whole number in range"))
}

fn seconds(seconds: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(seconds).map_err(|e| format!("{seconds} s: {e}"))
}

/// Reads a list; one that is absent or null is empty.
fn list(value: &Value) -> Result<&[Value], String> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(list) => Ok(list),
        other => Err(format!("{other} is not a list")),
    }
}

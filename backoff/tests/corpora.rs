//! Plays the conformance corpus `retry`: published tables and traces of the AWS SDKs' retry modes.
//!
//! The corpus is not part of the repository. `KEYFOB_CORPORA` names its folder; without it,
//! `../shared/corpora` beside the repository is tried, and if there is none the test says so and passes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use keyfob_backoff::limit::{AdaptiveLimiter, Cubic};
use keyfob_backoff::{
    Budget, Call, ClockSkew, Decision, Failure, Fault, FaultKind, Hint, Policy, Stop,
};
use serde_json::Value;

type Outcome = Result<(), String>;

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
        "standard-v2.0" | "standard-v2.1" => standard(case),
        "classify" => classification(case),
        "clock-skew" => clock_skew(case),
        "clock-skew-header" => clock_skew_header(case),
        "cubic" => cubic(case),
        "adaptive-e2e" => adaptive(case),
        "amz-sdk-request" => sdk_request(case),
        unknown => Err(format!("unknown kind {unknown}")),
    }
}

/// One client, one quota: requests one after the other, each retried as the SDKs do.
fn standard(case: &Value) -> Outcome {
    let config = &case["config"];
    let policy = policy(config)?;
    let tokens =
        u32::try_from(number(&config["initial_tokens"])? as u64).map_err(|e| e.to_string())?;
    let budget = if string(&config["spec"])? == "v2.0" {
        Budget::aws_v2_0()
    } else {
        Budget::aws()
    }
    .with_tokens(tokens);
    let fraction = number(&config["random"])?;

    let mut call = policy.start();
    let max = number(&config["effective_max_attempts"])?;
    expect(
        "attempts",
        call.sdk_request().to_string(),
        format!("attempt=1; max={max}"),
    )?;
    for (n, step) in array(&case["steps"])?.iter().enumerate() {
        let (outcome, wait) = advance(&mut call, &step["response"], &budget, fraction)?;
        if outcome != "retry" {
            call = policy.start();
        }
        let at = |what: &str| format!("step {} {what}", n + 1);
        expect(&at("outcome"), outcome, string(&step["expect"]["outcome"])?)?;
        expect(
            &at("quota"),
            f64::from(budget.available()),
            number(&step["expect"]["quota"])?,
        )?;
        let delay = step["expect"]["delay_ms"].as_f64().unwrap_or(0.0);
        near(&at("delay in ms"), wait.as_secs_f64() * 1e3, delay, 1e-5)?;
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
    if failure
        .status()
        .is_some_and(|status| (200..300).contains(&status))
    {
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

/// The presets as the SDKs have them, their faults included.
fn policy(config: &Value) -> Result<Policy, String> {
    let service = config["service"].as_str().unwrap_or_default();
    let mut policy = match (string(&config["spec"])?, service) {
        ("v2.0", _) => Policy::aws_v2_0(),
        ("v2.1", "dynamodb" | "dynamodbstreams" | "dynamodb-streams") => Policy::dynamodb(),
        ("v2.1", _) => Policy::aws(),
        (other, _) => return Err(format!("unknown spec {other}")),
    };
    if service == "sts" {
        policy = policy.retry_idp_communication_error();
    }
    if let Some(attempts) = config["max_attempts"].as_u64() {
        policy = policy.attempts(u32::try_from(attempts).map_err(|e| e.to_string())?);
    }
    if let Some(cap) = config["max_backoff_ms"].as_u64() {
        policy = policy.cap(Duration::from_millis(cap));
    }
    if config["long_polling_operation"] == true {
        policy = policy.long_polling();
    }
    Ok(policy.sdk_rules())
}

fn failure(response: &Value) -> Result<Failure<'_>, String> {
    match (response["error"].as_str(), response["status"].as_u64()) {
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
            let status = u16::try_from(status).map_err(|e| e.to_string())?;
            Ok(Failure::response(status)
                .with_code(response["code"].as_str())
                .with_hint(Hint::from_headers(header)))
        }
        (None, None) => Err("neither status nor error".into()),
    }
}

/// The SDKs' judgement under `sdk_rules`; and whatever the case, ours without opt-ins: throttling and 5xx only.
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

    let is_5xx = failure
        .status()
        .is_some_and(|status| (500..600).contains(&status));
    let is_throttling = case["throttling"] == true || failure.status() == Some(429);
    expect(
        "retried by default",
        Policy::aws().classify(&failure).is_some(),
        is_5xx || is_throttling,
    )
}

fn clock_skew(case: &Value) -> Outcome {
    let skew = ClockSkew::from_millis((number(&case["observed_skew_s"])? * 1e3) as i64);
    let refused = Failure::response(403)
        .with_code(string(&case["code"])?)
        .with_skew(skew);
    let fault = Policy::aws().retry_clock_skew().classify(&refused);
    expect(
        "retryable",
        fault.map(Fault::kind) == Some(FaultKind::ClockSkew),
        case["retryable"] == true,
    )?;
    expect("retried by default", Policy::aws().classify(&refused), None)
}

/// The server's date is fixed and the local clock is off by as much as the case says.
fn clock_skew_header(case: &Value) -> Outcome {
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AT: f64 = 784_111_777.0;
    let offset = case["server_date_offset_s"].as_f64();
    let date = case["server_date_raw"].as_str().or(offset.map(|_| DATE));
    let now = Duration::from_secs_f64(AT - offset.unwrap_or(0.0));
    let skew = date
        .and_then(|date| ClockSkew::measure(date, None, now, now))
        .filter(|skew| skew.is_significant());
    expect("clock skewed", skew.is_some(), case["clock_skewed"] == true)?;
    let correction = skew.map_or(0.0, |skew| skew.as_millis() as f64 / 1e3);
    near(
        "correction in s",
        correction,
        number(&case["expected_correction_s"])?,
        1e-3,
    )
}

/// The curve alone: throttling lowers the rate calculated the step before.
fn cubic(case: &Value) -> Outcome {
    let initial = &case["initial"];
    let at = Duration::from_secs_f64(number(&initial["last_throttle_time"])?);
    let mut curve = Cubic::new(number(&initial["last_max_rate"])?, at);
    let mut rate = number(&initial["last_max_rate"])?;
    for (n, step) in array(&case["steps"])?.iter().enumerate() {
        let now = Duration::from_secs_f64(number(&step["timestamp"])?);
        rate = if is_throttle(step)? {
            curve.on_throttle(rate, now)
        } else {
            curve.on_success(now)
        };
        near(
            &format!("step {} rate", n + 1),
            rate,
            number(&step["calculated_rate"])?,
            tolerance(case),
        )?;
    }
    Ok(())
}

fn adaptive(case: &Value) -> Outcome {
    let mut limiter = AdaptiveLimiter::new().with_start(Duration::ZERO);
    for (n, step) in array(&case["steps"])?.iter().enumerate() {
        limiter.on_answer(
            is_throttle(step)?,
            Duration::from_secs_f64(number(&step["timestamp"])?),
        );
        let at = |what: &str| format!("step {} {what}", n + 1);
        near(
            &at("measured rate"),
            limiter.measured_rate(),
            number(&step["measured_tx_rate"])?,
            tolerance(case),
        )?;
        near(
            &at("allowed rate"),
            limiter.rate(),
            number(&step["new_token_bucket_rate"])?,
            tolerance(case),
        )?;
    }
    Ok(())
}

/// Only `attempt` and `max` are compared: a `ttl` depends on a read timeout, of which the case says nothing.
fn sdk_request(case: &Value) -> Outcome {
    let mut call = policy(&case["config"])?.start();
    for (status, expected) in array(&case["responses"])?
        .iter()
        .zip(array(&case["expected"])?)
    {
        let expected = string(expected)?;
        let counted = expected
            .find("attempt=")
            .map_or(expected, |start| &expected[start..]);
        expect("header", call.sdk_request().to_string(), counted.to_owned())?;
        let status = u16::try_from(number(status)? as u64).map_err(|e| e.to_string())?;
        call.on_failure(
            &Failure::response(status),
            Duration::ZERO,
            None,
            &mut || 0.0,
        );
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
    case["tolerance"].as_f64().unwrap_or(1e-6)
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

fn number(value: &Value) -> Result<f64, String> {
    value
        .as_f64()
        .ok_or_else(|| format!("{value} is not a number"))
}

fn array(value: &Value) -> Result<&Vec<Value>, String> {
    value
        .as_array()
        .ok_or_else(|| format!("{value} is not a list"))
}

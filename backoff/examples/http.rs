//! Reads an answer in the types of the `http` crate: its code, its hint, its fault under a policy,
//! and the clock skew.

#![allow(clippy::print_stdout, reason = "an example shows what it did")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyfob_backoff::{Classify, ClockSkew, Fault, Policy};

fn main() -> Result<(), http::Error> {
    let response = http::Response::builder()
        .status(400)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-retry-after", "1500")
        .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .body(r#"{"__type":"com.amazonaws.kms#ThrottlingException","message":"slow down"}"#)?;

    let failure = response.failure();
    println!(
        "code {:?}, hint {:?}",
        failure.code(),
        failure.hint().map(|hint| hint.wait())
    );
    println!(
        "fault {:?}",
        Policy::aws().classify(&failure).map(Fault::kind)
    );

    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let date = response
        .headers()
        .get("date")
        .and_then(|date| date.to_str().ok())
        .unwrap_or_default();
    if let Some(skew) = ClockSkew::measure(date, None, now, now) {
        println!("the service's clock is slow by {} ms", -skew.as_millis());
    }
    Ok(())
}

//! Retries a call that is throttled twice, on the tokio timer, with a budget, a deadline and a log
//! line for each wait.

#![allow(clippy::print_stdout, reason = "an example shows what it did")]

use std::cell::Cell;
use std::time::Duration;

use keyfob_backoff::{Budget, Classify, Failure, Policy, Report, retry};

static BUDGET: Budget = Budget::aws();

#[derive(Debug)]
struct ServiceError {
    status: u16,
    code: &'static str,
}

impl Classify for ServiceError {
    fn failure(&self) -> Failure<'_> {
        Failure::response(self.status).with_code(self.code)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), ServiceError> {
    let sent = Cell::new(0);
    let who_am_i = async || {
        sent.set(sent.get() + 1);
        if sent.get() < 3 {
            Err(ServiceError {
                status: 400,
                code: "Throttling",
            })
        } else {
            Ok("alice")
        }
    };

    let mut report = Report::default();
    let name = retry(Policy::aws(), async || who_am_i().await)
        .budget(&BUDGET)
        .deadline(Duration::from_secs(30))
        .notify(|error, pause| {
            println!(
                "{} in attempt {}, next attempt in {:?}",
                error.code, pause.attempt, pause.delay
            );
        })
        .report(&mut report)
        .run()
        .await?;
    println!(
        "{name}, after {} attempts and waits of {:?}",
        report.attempts, report.slept
    );
    Ok(())
}

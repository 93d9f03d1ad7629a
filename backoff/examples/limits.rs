//! Limits requests before the service throttles them: at the rate that it finds for a table, by
//! documented rates for EC2 and for S3 prefixes.

#![allow(clippy::print_stdout, reason = "an example shows what it did")]

use std::time::Duration;

use keyfob_backoff::limit::{KeyedLimit, ProbingLimiter, RateLimit, Shared};
use keyfob_backoff::{Failure, Policy, retry};

static ORDERS_TABLE: Shared<ProbingLimiter> = Shared::new(ProbingLimiter::new());
static INSTANCES: Shared<RateLimit> =
    Shared::new(RateLimit::new(20, Duration::from_secs(1)).burst(100));

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let outcome = retry(Policy::dynamodb(), async || Ok::<_, Failure<'_>>("item"))
        .limiter(&ORDERS_TABLE)
        .run()
        .await;
    println!("table: {outcome:?}, at {:.0} a second", ORDERS_TABLE.rate());

    let outcome = retry(Policy::aws(), async || Ok::<_, Failure<'_>>("instances"))
        .limiter(&INSTANCES)
        .run()
        .await;
    println!("EC2: {outcome:?}");

    // S3 allows 5,500 GETs a second for each prefix; here it is 2, and a call that comes too early
    // fails.
    let gets = KeyedLimit::new(RateLimit::new(2, Duration::from_secs(1)));
    for prefix in ["photos/", "photos/", "photos/", "invoices/"] {
        let limiter = gets.key(prefix);
        let get =
            retry(Policy::aws(), async || Ok("object")).limiter_fail_fast(&limiter, Failure::local);
        println!("{prefix}: {:?}", get.run().await);
    }
}

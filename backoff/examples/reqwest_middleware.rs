//! Retries the requests of a `reqwest` client:
//!
//! `cargo run --example reqwest_middleware --features reqwest-middleware -- URL`

#![allow(clippy::print_stdout, reason = "an example shows what it did")]

use std::sync::Arc;
use std::time::Duration;

use keyfob_backoff::{Budget, Policy, reqwest_middleware::RetryMiddleware};
use reqwest_middleware::ClientBuilder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), reqwest_middleware::Error> {
    let Some(url) = std::env::args().nth(1) else {
        println!("usage: reqwest_middleware URL");
        return Ok(());
    };
    let middleware = RetryMiddleware::new(Policy::aws().retry_connect_failures())
        .budget(Arc::new(Budget::aws()))
        .deadline(Duration::from_secs(30));
    // Add a middleware that signs after this one: every attempt needs its own signature.
    let client = ClientBuilder::new(reqwest::Client::new())
        .with(middleware)
        .build();
    println!("{}", client.get(url).send().await?.status());
    Ok(())
}

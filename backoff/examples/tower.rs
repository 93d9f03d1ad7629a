//! Retries the requests of a `tower` service. A layer that signs belongs inside the retry layer.

#![allow(clippy::print_stdout, reason = "an example shows what it did")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use http::{Request, Response};
use keyfob_backoff::{
    Budget, Policy,
    tower::{RetryPolicy, classify_response},
};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let sent = AtomicU32::new(0);
    let send = |_: Request<&'static str>| {
        let mut response = Response::new("alice");
        if sent.fetch_add(1, Relaxed) == 0 {
            *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        }
        std::future::ready(Ok::<_, io::Error>(response))
    };
    let policy = RetryPolicy::new(Policy::aws(), classify_response).budget(Arc::new(Budget::aws()));
    let mut service = ServiceBuilder::new()
        .retry(policy)
        .service(service_fn(send));
    let response = service
        .ready()
        .await?
        .call(Request::new("who am I"))
        .await?;
    println!("{} after {} attempts", response.body(), sent.load(Relaxed));
    Ok(())
}

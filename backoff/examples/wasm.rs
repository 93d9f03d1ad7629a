//! Retries on a timer and a generator of its own, as in a browser.
//!
//! In a browser, use `gloo_timers::future::sleep` and a seed from `crypto.getRandomValues`; here a
//! timer of three lines replaces it. For deadlines and limiters, implement `Timer` with a clock,
//! such as `performance.now()`. Builds for `wasm32-unknown-unknown` with `--no-default-features
//! --features std`.

#![allow(clippy::print_stdout, reason = "an example shows what it did")]

use core::future::{Future, ready};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::cell::Cell;
use std::time::Duration;

use keyfob_backoff::{Failure, Policy, SeededRandom, retry};

fn sleep(delay: Duration) -> impl Future {
    println!("sleep {delay:?}");
    ready(())
}

fn main() {
    let sent = Cell::new(0);
    let call = retry(Policy::aws(), async || {
        sent.set(sent.get() + 1);
        if sent.get() == 1 {
            Err(Failure::response(503))
        } else {
            Ok("alice")
        }
    });
    let call = pin!(call.timer(sleep).random(SeededRandom::new(42)).run());
    if let Poll::Ready(outcome) = call.poll(&mut Context::from_waker(Waker::noop())) {
        println!("{outcome:?}");
    }
}

//! Retries a blocking call whose waits another thread can cancel.

#![allow(clippy::print_stdout, reason = "an example shows what it did")]

use std::ops::ControlFlow;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use keyfob_backoff::{Failure, Policy, retry_blocking};

fn main() {
    let (cancel, cancelled) = channel::<()>();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        drop(cancel);
    });

    let outcome: Result<(), Failure<'_>> =
        retry_blocking(Policy::aws().attempts(20), || Err(Failure::response(503)))
            .sleep_with(|delay| match cancelled.recv_timeout(delay) {
                Err(RecvTimeoutError::Timeout) => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            })
            .run();
    println!("{outcome:?}");
}

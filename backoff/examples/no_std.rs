//! Uses the state machine alone, in a loop of its own: no timer, no runtime, only `core`.

#![allow(clippy::print_stdout, reason = "an example shows what it did")]

use core::time::Duration;

use keyfob_backoff::{Decision, Failure, Policy, SeededRandom};

fn main() {
    let mut answers = [503, 503, 200].into_iter();
    // On a device, take the seed from a hardware counter or the serial number.
    let mut random = SeededRandom::new(0x5EED);
    let mut call = Policy::aws().start();
    for status in &mut answers {
        if status < 400 {
            call.on_success(None);
            println!("done after waiting for {:?}", call.slept());
            break;
        }
        match call.on_failure(
            &Failure::response(status),
            Duration::ZERO,
            None,
            &mut random,
        ) {
            Decision::Wait(delay) => println!("set the timer to {delay:?}"),
            Decision::Stop(reason) => println!("gave up: {reason:?}"),
        }
    }
}

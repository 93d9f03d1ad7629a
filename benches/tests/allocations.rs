//! Checks that retrying allocates nothing: neither a decision nor a call that succeeds.

use std::alloc::System;

use alloc_counter::{AllocCounter, AllocCounterSystem};
use keyfob_benches::peers::backoff::{decisions, happy_path};

#[global_allocator]
static ALLOCATOR: AllocCounter<System> = AllocCounterSystem;

#[test]
fn neither_a_decision_nor_a_happy_call_allocates() {
    for contenders in [decisions(), happy_path()] {
        for mut contender in contenders {
            if contender.name == "keyfob" {
                assert_eq!(contender.allocations().unwrap(), 0);
            }
        }
    }
}

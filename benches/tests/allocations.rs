//! Checks that retrying allocates nothing: neither a decision nor a call that succeeds, nor a
//! limiter.

use std::alloc::System;

use alloc_counter::{AllocCounter, AllocCounterSystem};
use keyfob_benches::peers::backoff::CASES;

#[global_allocator]
static ALLOCATOR: AllocCounter<System> = AllocCounterSystem;

#[test]
fn neither_a_decision_nor_a_happy_call_nor_a_limiter_allocates() {
    for (case, contenders) in CASES {
        let mut checked = 0;
        for mut contender in contenders().unwrap() {
            if contender.name.starts_with("keyfob") {
                let name = contender.name;
                assert_eq!(contender.allocations().unwrap(), 0, "{case}: {name}");
                checked += 1;
            }
        }
        assert!(checked > 0, "{case}");
    }
}

//! Answers of IAM Identity Center, as the result of each call.
#![no_main]

#[allow(dead_code, reason = "each target uses its own check")]
#[path = "../../tests/smoke/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::sso_answer(input));

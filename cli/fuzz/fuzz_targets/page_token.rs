//! Reads any text as `--starting-token`.
#![no_main]

#[path = "../../tests/smoke/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::page_token(input));

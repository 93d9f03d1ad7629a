//! Splits any command, and reads any bytes as the answer of a `credential_process`.
#![no_main]

#[allow(dead_code, reason = "each target uses its own check")]
#[path = "../../tests/smoke/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::process(input));

//! Reads any text as the journal of a rotation of access keys.
#![no_main]

#[path = "../../tests/smoke/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::rotation_journal(input));

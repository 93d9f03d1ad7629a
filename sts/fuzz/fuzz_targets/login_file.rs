//! Files of logins, the keys in them, texts of the confirmation page, and answers of AWS Sign-In.
#![no_main]

#[allow(dead_code, reason = "each target uses its own check")]
#[path = "../../tests/smoke/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::login_file(input));

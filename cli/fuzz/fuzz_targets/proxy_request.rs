//! Decides about any request as `keyfob serve proxy` does.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| keyfob::fuzz_request(input));

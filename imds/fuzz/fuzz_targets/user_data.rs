//! Unpacks any user data: it never panics, keeps the limits, and no error repeats the data.
#![no_main]

use keyfob_imds::metadata::unpack_user_data;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: Vec<u8>| {
    match unpack_user_data(data) {
        Ok(parts) => {
            let bytes: usize = parts.iter().map(|part| part.body.len()).sum();
            assert!(parts.len() <= 1000 && bytes <= 5 * (16 << 20));
            let shown = format!("{parts:?}");
            assert!(!shown.contains("canary"));
        }
        Err(error) => assert!(!format!("{error:?}").contains("canary")),
    }
});

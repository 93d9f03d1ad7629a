//! Reads any text as a listing and each name as a path: a name never leaves its directory.
#![no_main]

use keyfob_imds::{Path, wire};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|listing: &str| {
    let directory = Path::new("/latest/meta-data/x/").unwrap();
    for name in wire::names(listing) {
        if let Ok(child) = directory.child(name) {
            let rest = child.as_str().strip_prefix(directory.as_str()).unwrap();
            assert!(!rest.contains('/') && Path::new(child.as_str()).is_ok());
        }
        let _ = Path::new(name).map(|path| path.is_secret());
    }
});

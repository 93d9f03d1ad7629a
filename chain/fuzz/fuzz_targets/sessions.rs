//! Reads any bytes as a session in the cache of the AWS CLI.
#![no_main]

use std::sync::LazyLock;

use tempfile::TempDir;

#[allow(dead_code, reason = "each target uses its own check")]
#[path = "../../tests/smoke/checks.rs"]
mod checks;

#[allow(clippy::unwrap_used, reason = "without a folder nothing can be tried")]
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::sessions(input, FOLDER.path()));

//! A Python that has moto and boto3, and what boto3 needs for `aws login`.

use std::path::PathBuf;

#[path = "../../../.ci/pytools.rs"]
mod pytools;

pub(crate) fn python() -> PathBuf {
    pytools::programs("login").join("python")
}

use std::path::PathBuf;

#[path = "../../../.ci/pytools.rs"]
mod pytools;

/// Returns the path of version 1 of the AWS CLI, on systems for which it is installed.
pub(crate) fn aws() -> Option<PathBuf> {
    cfg!(unix).then(|| pytools::programs("interop").join("aws"))
}

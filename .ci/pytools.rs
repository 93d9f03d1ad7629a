//! The packages of Python that tests run beside the crates. The script `pytools` names them.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::{Mutex, PoisonError},
};

/// Returns the folder of the programs of an environment, which is created on first use.
pub(crate) fn programs(environment: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("pytools");
    let programs = folder.join(environment).join("bin");
    static THERE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut there = THERE.lock().unwrap_or_else(PoisonError::into_inner);
    if there.contains(environment) {
        return programs;
    }
    let status = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../.ci/pytools"))
        .args([&folder, Path::new(environment)])
        .status();
    assert!(
        status.as_ref().is_ok_and(ExitStatus::success),
        "the tests need python3 with venv, and PyPI the first time: {status:?}"
    );
    there.insert(environment.to_owned());
    programs
}

//! A virtual environment that has moto and boto3, and what boto3 needs for `aws login`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

const PACKAGES: [&str; 4] = ["moto==5.2.1", "flask", "flask-cors", "awscrt"];

/// Returns the interpreter of a virtual environment that has moto.
pub(crate) fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("pytools").join("sts-moto");
    let installer = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/moto/install.py");
    let installed = Command::new("python3")
        .arg(installer)
        .arg(&folder)
        .args(PACKAGES)
        .status();
    assert!(
        installed.expect("python3 is needed").success(),
        "moto could not be installed"
    );
    folder.join("bin/python")
}

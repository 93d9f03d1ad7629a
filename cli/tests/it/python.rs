use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// What the tests take from PyPI: two servers that verify signatures, and the clients that everybody uses.
const PACKAGES: [&str; 7] = [
    "ministack>=1.5.33,<1.6",
    "moto>=5.2,<6",
    "flask",
    "flask-cors",
    "boto3",
    "awscli",
    "cryptography",
];

/// A program of the virtual environment under `target/pytools`, which is made when it is first needed.
pub(crate) fn tool(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .join("pytools");
    let maker = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tools.py");
    let status = Command::new("python3")
        .arg(maker)
        .arg(&folder)
        .args(PACKAGES)
        .status();
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "the tests need python3 with venv, and PyPI the first time: {status:?}"
    );
    folder.join("interop/bin").join(name)
}

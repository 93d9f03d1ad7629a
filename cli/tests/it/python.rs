use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The packages from PyPI that the tests use: two servers that verify signatures, and clients.
const PACKAGES: [&str; 7] = [
    "ministack>=1.5.33,<1.6",
    "moto>=5.2,<6",
    "flask",
    "flask-cors",
    "boto3",
    "awscli",
    "cryptography",
];

/// Returns the path of a program in `target/pytools`, a virtual environment created on first use.
pub(crate) fn tool(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .join("pytools");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tools.py");
    let status = Command::new("python3")
        .arg(script)
        .arg(&folder)
        .args(PACKAGES)
        .status();
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "the tests need python3 with venv, and PyPI the first time: {status:?}"
    );
    folder.join("interop/bin").join(name)
}

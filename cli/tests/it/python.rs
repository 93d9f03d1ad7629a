use std::path::PathBuf;

use crate::pytools::programs;

/// Returns the path of a program of the servers that verify signatures, and of clients.
pub(crate) fn tool(name: &str) -> PathBuf {
    programs("interop").join(name)
}

/// Returns the path of rclone, which is a server of S3, too.
pub(crate) fn rclone() -> PathBuf {
    programs("rclone").join("rclone")
}

/// Returns the path of s5cmd, a client of S3.
pub(crate) fn s5cmd() -> PathBuf {
    programs("s5cmd").join("s5cmd")
}

/// Returns the path of a Python with the botocore that the tables of `cli/models` are written from.
/// It is not the one of the other packages, which want an older one.
pub(crate) fn with_botocore() -> PathBuf {
    programs("models").join("python")
}

/// Returns the path of a Python with a boto3 that reads the credentials of `aws login`.
pub(crate) fn with_awscrt() -> PathBuf {
    programs("login").join("python")
}

//! A TLS server in Python, for the tests of this crate and of the command.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The server, which is killed on drop.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

impl Server {
    /// Starts it with the certificate in a file of this folder, such as `server.pem`.
    pub(crate) fn start(certificate: &str) -> Self {
        let mut process = Command::new("python3")
            .args(["server.py", certificate].map(file))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        lines.read_line(&mut port).unwrap();
        let url = format!("https://localhost:{}", port.trim());
        Self { process, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Returns a file of this folder. Both crates are beside each other.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../sts/tests/tls")
        .join(name)
}

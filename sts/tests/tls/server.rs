//! A TLS server in Python, and clients of it.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use keyfob_backoff::Policy;
use keyfob_sigv4::Credentials;
use keyfob_sts::{Client, ClientBuilder, Error, actions::GetCallerIdentity};

/// The server, which is killed on drop.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with_certificate("server.pem")
    }

    pub(crate) fn with_certificate(name: &str) -> Self {
        let mut process = Command::new("python3")
            .args(["server.py", name].map(file))
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

    /// Returns a builder of a client. Only without the feature `rustls` it needs a provider of
    /// cryptography for the whole process, which is installed then.
    pub(crate) fn client(&self) -> ClientBuilder {
        #[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = Client::builder().region("eu-west-1").unwrap();
        let policy = Policy::aws().attempts(1);
        builder.endpoint(&self.url).unwrap().retry(policy)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/tls")
        .join(name)
}

pub(crate) async fn whoami(client: ClientBuilder) -> Result<String, Error> {
    let keys = Credentials::new("AKIAIOSFODNN7EXAMPLE", "canary-secret").unwrap();
    let client = client.build()?;
    let identity = client.send(&GetCallerIdentity::new(), &keys).await?;
    Ok(identity.user_id)
}

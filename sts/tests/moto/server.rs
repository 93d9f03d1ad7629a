//! moto as a child process.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use keyfob_sigv4::{Credentials, Payload, Scope, Signer, Timestamp};
use tokio::{net::TcpStream, time::sleep};

pub(crate) const REGION: &str = "us-east-1";
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";

const ALLOW_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const TRUST_ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"}}]}"#;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Checks nothing.
    Open,
    /// Checks keys, signatures and policies.
    Strict,
}

/// A server with the user `alice` and the role `deploy`, which are allowed everything. It is killed
/// on drop.
pub(crate) struct Moto {
    process: Child,
    url: String,
    keys: Credentials,
}

impl Moto {
    pub(crate) async fn start(mode: Mode) -> Self {
        let port = free_port();
        let process = Command::new(crate::python::python())
            .args([
                "-m",
                "moto.server",
                "-H",
                "127.0.0.1",
                "-p",
                &port.to_string(),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut moto = Self {
            process,
            url: format!("http://localhost:{port}"),
            keys: Credentials::new("any", "any").unwrap(),
        };
        moto.wait(port).await;
        moto.keys = moto.prepare().await;
        if mode == Mode::Strict {
            moto.start_to_check().await;
        }
        moto
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the keys of `alice`.
    pub(crate) fn keys(&self) -> &Credentials {
        &self.keys
    }

    async fn wait(&mut self, port: u16) {
        for _ in 0..600 {
            assert!(self.process.try_wait().unwrap().is_none(), "moto exited");
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("moto did not start within a minute");
    }

    async fn prepare(&self) -> Credentials {
        self.iam(&[("Action", "CreateUser"), ("UserName", "alice")])
            .await;
        let policy = [("PolicyName", "all"), ("PolicyDocument", ALLOW_ALL)];
        let user = [
            ("Action", "PutUserPolicy"),
            ("UserName", "alice"),
            policy[0],
            policy[1],
        ];
        self.iam(&user).await;
        let role = [
            ("Action", "CreateRole"),
            ("RoleName", "deploy"),
            ("AssumeRolePolicyDocument", TRUST_ALL),
        ];
        self.iam(&role).await;
        let role = [
            ("Action", "PutRolePolicy"),
            ("RoleName", "deploy"),
            policy[0],
            policy[1],
        ];
        self.iam(&role).await;
        let key = self
            .iam(&[("Action", "CreateAccessKey"), ("UserName", "alice")])
            .await;
        Credentials::new(
            element(&key, "AccessKeyId"),
            element(&key, "SecretAccessKey"),
        )
        .unwrap()
    }

    /// Calls IAM. Moto does not check the signature yet, but takes the service from it.
    async fn iam(&self, parameters: &[(&str, &str)]) -> String {
        let url = format!("{}/", self.url);
        let parameters = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}&", escaped(value)));
        let body = parameters.collect::<String>() + "Version=2010-05-08";
        let request = http::Request::post(&url);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let mut request = request.body(()).unwrap();
        let signer = Signer::new(Scope::new(REGION, "iam").unwrap());
        let payload = Payload::Bytes(body.as_bytes());
        signer
            .sign_http(&mut request, payload, &self.keys, Timestamp::now())
            .unwrap();
        self.post(request.map(|()| body)).await
    }

    async fn start_to_check(&self) {
        let url = format!("{}/moto-api/reset-auth", self.url);
        let request = http::Request::post(url).header("content-type", "text/plain");
        self.post(request.body("0".to_owned()).unwrap()).await;
    }

    async fn post(&self, request: http::Request<String>) -> String {
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.execute(request.try_into().unwrap()).await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{status}: {text}");
        text
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let rest = xml.split_once(&format!("<{name}>")).unwrap().1;
    rest.split_once("</").unwrap().0
}

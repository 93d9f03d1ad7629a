use std::{
    ffi::OsStr,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    keyfob::{Home, Run},
    python,
};

const PATIENCE: Duration = Duration::from_secs(180);

/// A server in another process, which is killed on drop.
pub(crate) struct Server {
    process: Child,
    home: Home,
    pub(crate) url: String,
    /// The key of an IAM user. Signatures with the root key would not be verified.
    pub(crate) key_id: String,
    pub(crate) secret: String,
    pub(crate) role_arn: String,
}

impl Server {
    /// Starts MiniStack, which verifies header and query signatures, sessions and policies.
    pub(crate) fn ministack() -> Self {
        let awscrt = python::with_awscrt().with_file_name("../lib/python*/site-packages");
        Self::start(|command, port| {
            command
                .args([OsStr::new("-c"), MINISTACK.as_ref(), awscrt.as_os_str()])
                .env("AUTH", "true")
                .env("BIND_HOST", "127.0.0.1")
                .env("GATEWAY_PORT", port)
                .env("AWS_ACCESS_KEY_ID", "root")
                .env("AWS_SECRET_ACCESS_KEY", "root-secret")
                .env("MINISTACK_REGION", "us-east-1")
                .env("IOT_MTLS_ENABLED", "0")
                .env("SFTP_ENABLED", "0");
        })
        .with_user("/_ministack/health")
    }

    /// Starts moto, which verifies signatures with botocore's own code once that is switched on.
    pub(crate) fn moto() -> Self {
        let server = Self::start(|command, port| {
            command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", port]);
        })
        .with_user("/moto-api/");
        let answer = server.plain("POST", "/moto-api/reset-auth", "0");
        assert!(answer.contains("200 OK"), "{answer}");
        server
    }

    /// Starts rclone as a server of S3, which verifies header and query signatures.
    pub(crate) fn rclone(program: impl AsRef<OsStr>) -> Self {
        let mut server = Self::start_program(program, |command, port| {
            let address = format!("127.0.0.1:{port}");
            command.args([
                "serve",
                "s3",
                "--auth-key",
                "AKIDEXAMPLE,rclone-secret",
                "--addr",
            ]);
            command.args([&address, "."]);
        });
        wait_until(|| server.plain("GET", "/", "").starts_with("HTTP/1.1 "));
        (server.key_id, server.secret) = ("AKIDEXAMPLE".into(), "rclone-secret".into());
        server
    }

    /// Starts s3s-fs, which verifies header and query signatures, and keeps objects as files.
    pub(crate) fn s3s(program: impl AsRef<OsStr>) -> Self {
        let (id, secret) = ("AKIDEXAMPLE", "s3s-secret");
        let mut server = Self::start_program(program, |command, port| {
            command.args(["--host", "127.0.0.1", "--port", port]);
            command.args(["--access-key", id, "--secret-key", secret, "."]);
        });
        wait_until(|| server.plain("GET", "/", "").starts_with("HTTP/1.1 "));
        (server.key_id, server.secret) = (id.into(), secret.into());
        server
    }

    fn start(configure: impl Fn(&mut Command, &str)) -> Self {
        Self::start_program(python::tool("python"), configure)
    }

    fn start_program(program: impl AsRef<OsStr>, configure: impl Fn(&mut Command, &str)) -> Self {
        let home = Home::new();
        let port = free_port().to_string();
        let mut command = home.program(program);
        configure(&mut command, &port);
        let process = command
            .env("S3_DATA_DIR", home.path().join("s3"))
            .env("STATE_DIR", home.path().join("state"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            home,
            url: format!("http://127.0.0.1:{port}"),
            key_id: String::new(),
            secret: String::new(),
            role_arn: String::new(),
        }
    }

    fn with_user(mut self, health: &str) -> Self {
        wait_until(|| self.plain("GET", health, "").contains("200 OK"));
        let made: Value = serde_json::from_str(&self.python(MAKE_USER, &[]).ok()).unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (self.key_id, self.secret, self.role_arn) = (text("id"), text("secret"), text("role"));
        self
    }

    /// Creates a role, and returns its ARN.
    pub(crate) fn role(&self, name: &str, trust: &str) -> String {
        self.python(MAKE_ROLE, &[name, trust]).ok()
    }

    /// Returns the number of the account.
    pub(crate) fn account(&self) -> &str {
        self.role_arn.split(':').nth(4).unwrap()
    }

    /// Runs a Python program with the server's URL as its first argument.
    pub(crate) fn python(&self, program: &str, more: &[&str]) -> Run {
        let mut python = self.home.program(python::tool("python"));
        let python = python.args(["-c", program, &self.url]).args(more);
        Run::new(python.output().unwrap())
    }

    /// Returns the response to an unsigned request, or nothing while the server starts.
    pub(crate) fn plain(&self, method: &str, path: &str, body: &str) -> String {
        let address = self.url.trim_start_matches("http://");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        exchange(address, &request).unwrap_or_default()
    }

    /// Returns a home whose environment has the server's URL and the user's key.
    pub(crate) fn home(&self) -> Home {
        self.home_without_key().with_key(&self.key_id, &self.secret)
    }

    /// Returns a home whose profile `robot` has the user's key. It is the one in use.
    pub(crate) fn home_with_profile(&self) -> Home {
        let (id, secret) = (&self.key_id, &self.secret);
        let file = format!("[robot]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
        self.home_without_key()
            .with("AWS_PROFILE", "robot")
            .with_file("credentials", &file)
    }

    pub(crate) fn home_without_key(&self) -> Home {
        Home::new()
            .with("AWS_ENDPOINT_URL", &self.url)
            .with("AWS_REGION", "us-east-1")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs MiniStack with the checksums of awscrt. Its own, in Python, take a second for a few MiB.
const MINISTACK: &str = r#"
import glob, sys
from ministack import app
from ministack.services import s3

sys.path += glob.glob(sys.argv.pop())
from awscrt import checksums

s3._crc32c, s3._crc64nvme = checksums.crc32c, checksums.crc64nvme
app.main()
"#;

/// Creates a user with a key and all permissions, a role that trusts the user, and a bucket.
const MAKE_USER: &str = r#"
import boto3, json, sys

def client(name):
    return boto3.client(name, endpoint_url=sys.argv[1], region_name="us-east-1",
                        aws_access_key_id="root", aws_secret_access_key="root-secret")

def policy(**rest):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **rest}]})

iam = client("iam")
user = iam.create_user(UserName="robot")["User"]["Arn"]
iam.put_user_policy(UserName="robot", PolicyName="all", PolicyDocument=policy(Action="*", Resource="*"))
key = iam.create_access_key(UserName="robot")["AccessKey"]
role = iam.create_role(RoleName="app", AssumeRolePolicyDocument=policy(Action="sts:AssumeRole", Principal={"AWS": user}))
iam.put_role_policy(RoleName="app", PolicyName="all", PolicyDocument=policy(Action="*", Resource="*"))
client("s3").create_bucket(Bucket="bucket")
print(json.dumps({"id": key["AccessKeyId"], "secret": key["SecretAccessKey"], "role": role["Role"]["Arn"]}))
"#;

const MAKE_ROLE: &str = r#"
import boto3, sys
url, name, trust = sys.argv[1:]
iam = boto3.client("iam", endpoint_url=url, region_name="us-east-1",
                   aws_access_key_id="root", aws_secret_access_key="root-secret")
print(iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"], end="")
"#;

/// Returns a port that is free now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Waits until `ready` returns true, for three minutes at most: the machine may be busy.
#[track_caller]
pub(crate) fn wait_until(mut ready: impl FnMut() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < PATIENCE, "the server does not start");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Sends a request and reads the response until the connection closes.
pub(crate) fn exchange(address: &str, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Sends a request for a URL without signing it.
pub(crate) fn fetch(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let (address, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(address, &request).unwrap()
}

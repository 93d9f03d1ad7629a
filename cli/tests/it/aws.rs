//! Version 1 of aws, beside which many commands are tested.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::LazyLock,
};

use serde_json::{Value, json};

use crate::{
    keyfob::{Home, Run},
    python,
};

/// A process that has aws loaded, which takes longer than most commands. It ends with its stdin,
/// and so with the tests.
static SERVER: LazyLock<(SocketAddr, Child)> = LazyLock::new(|| {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/aws.py");
    let mut server = Command::new(python::tool("python"))
        .arg(script)
        .env_clear()
        // aws keeps some paths when it is loaded. The folder of each command is its home.
        .env("HOME", "/proc/self/cwd")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut port).unwrap();
    let address = (Ipv4Addr::LOCALHOST, port.trim().parse().unwrap()).into();
    (address, server)
});

impl Home {
    /// Runs version 1 of aws.
    pub(crate) fn aws(&self, words: &[&str]) -> Run {
        let mut aws = self.program(python::tool("aws"));
        if cfg!(not(target_os = "linux")) {
            return Run::new(aws.args(words).output().unwrap());
        }
        let variables: BTreeMap<_, _> = aws
            .get_envs()
            .filter_map(|(name, value)| value.map(|value| (text(name), text(value))))
            .collect();
        let folder = text(self.path().as_os_str());
        let request = json!({ "words": words, "variables": variables, "folder": folder });
        let stream = TcpStream::connect(SERVER.0).unwrap();
        serde_json::to_writer(&stream, &request).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let answer: Value = serde_json::from_reader(stream).unwrap();
        let output = |name: &str| answer[name].as_str().unwrap().to_owned();
        Run {
            code: i32::try_from(answer["code"].as_i64().unwrap()).unwrap(),
            stdout: output("stdout"),
            stderr: output("stderr"),
        }
    }
}

fn text(text: &OsStr) -> &str {
    text.to_str().unwrap()
}

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    sync::mpsc,
    thread,
};

use crate::{
    keyfob::{Home, Run},
    python,
};

/// A Python program that prints the ARN of its credentials.
pub(crate) const IDENTITY: &str =
    "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])";

/// Returns the memory in MiB that a process has.
pub(crate) fn resident(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse::<u64>().unwrap() / 1024
}

/// A running `keyfob` that serves, and the variables it exports.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) exports: Vec<(String, String)>,
    /// The lines of stderr after the note.
    pub(crate) lines: mpsc::Receiver<String>,
}

impl Running {
    /// Starts `keyfob`, and waits for its exports. The home must outlive it.
    pub(crate) fn start(home: &Home, words: &[&str]) -> Self {
        let mut child = home
            .program(env!("CARGO_BIN_EXE_keyfob"))
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The note comes after the exports.
        let mut note = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut note).unwrap();
        assert!(note.contains("until Ctrl-C"), "{note}");
        let (sender, lines) = mpsc::channel();
        // All of it is read, so that the program never waits for its reader.
        thread::spawn(move || {
            for line in stderr.lines() {
                let Ok(line) = line else { break };
                let _ = sender.send(line);
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let text = String::from_utf8(stdout.fill_buf().unwrap().to_vec()).unwrap();
        let exports = text.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=').unwrap();
            Some((name.to_owned(), value.to_owned()))
        });
        Self {
            child,
            exports: exports.collect(),
            lines,
        }
    }

    /// Starts `keyfob serve KIND` on any free port, with more arguments.
    pub(crate) fn serve(home: &Home, kind: &str, more: &[&str]) -> Self {
        let words = ["serve", kind, "--listen", "127.0.0.1:0"];
        Self::start(home, &[&words, more].concat())
    }

    /// Returns a home with the exported variables except for those in `without`.
    pub(crate) fn home(&self, without: &[&str]) -> Home {
        let is_kept = |(name, _): &&(String, String)| !without.contains(&name.as_str());
        let exports = self.exports.iter().filter(is_kept);
        let home = Home::new().with("AWS_EC2_METADATA_DISABLED", "");
        exports.fold(home, |home, (name, value)| home.with(name, value))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a Python program that may use boto3.
pub(crate) fn boto3(home: &Home, program: &str) -> Run {
    let mut python = home.program(python::tool("python"));
    Run::new(python.args(["-c", program]).output().unwrap())
}

use std::{
    ffi::OsStr,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// A new home folder, and an environment without the variables of this machine.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            // Tests do not wait for instance metadata.
            variables: vec![("AWS_EC2_METADATA_DISABLED".into(), "true".into())],
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    pub(crate) fn with_key(self, id: &str, secret: &str) -> Self {
        self.with("AWS_ACCESS_KEY_ID", id)
            .with("AWS_SECRET_ACCESS_KEY", secret)
    }

    /// Writes a file below `~/.aws`.
    pub(crate) fn with_file(self, name: &str, text: &str) -> Self {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(".aws").join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    /// Returns a command for a program with this home, these variables, and `PATH`.
    pub(crate) fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("TMPDIR", self.path())
            .current_dir(self.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn keyfob<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Run {
        self.keyfob_with_input(words, "")
    }

    pub(crate) fn keyfob_with_input<S: AsRef<OsStr>>(
        &self,
        words: impl IntoIterator<Item = S>,
        input: &str,
    ) -> Run {
        let mut child = self
            .program(env!("CARGO_BIN_EXE_keyfob"))
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input may have closed it already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Run::new(child.wait_with_output().unwrap())
    }
}

/// The result of a program.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn new(output: std::process::Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Returns the standard output of a program that exited with 0.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// Returns the standard error of a program that exited with this code and wrote no data.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.stdout, "", "data on stdout despite the failure");
        self.stderr
    }
}

/// Fails unless the text contains each of the pieces.
#[track_caller]
pub(crate) fn assert_has(text: &str, pieces: &[&str]) {
    for piece in pieces {
        assert!(text.contains(piece), "{piece:?} is not in:\n{text}");
    }
}

/// Fails if the text contains one of the pieces.
#[track_caller]
pub(crate) fn assert_lacks(text: &str, pieces: &[&str]) {
    for piece in pieces {
        assert!(!text.contains(piece), "{piece:?} is in:\n{text}");
    }
}

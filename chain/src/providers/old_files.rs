use std::path::{Path, PathBuf};

use keyfob_sigv4::Timestamp;

use crate::{
    config::table,
    error::{Error, shown_path},
    files,
    provider::{BoxFuture, Inspection, Outcome, Provider},
    variables::Variables,
};

/// A key in a file of boto 2, or of the first tools for EC2, which boto3 and the AWS CLI still read
/// before the container's. Only an explanation has it, so that people see why those use another
/// key.
///
/// Source: botocore, `OriginalEC2Provider` and `BotoProvider`.
#[derive(Debug)]
pub(crate) struct OldFiles {
    reason: String,
}

impl OldFiles {
    /// Returns the provider if there is such a file.
    pub(crate) fn configured(variables: &Variables) -> Option<Self> {
        let of_variable = [table::CREDENTIAL_FILE, table::BOTO_CONFIG].into_iter();
        let mut of_variable =
            of_variable.filter_map(|key| Some((variables.text(key.name())?, key.name())));
        let (file, variable) = match of_variable.next() {
            Some((file, variable)) => (PathBuf::from(file), Some(variable)),
            None => (Self::usual(variables)?, None),
        };
        let named = variable.map_or_else(String::new, |name| format!("{name}: "));
        let file = shown_path(&file);
        Some(Self {
            reason: format!("{named}{file} is not read by keyfob, but by aws and boto3"),
        })
    }

    /// Returns the usual file of boto 2, if it has a key. Other programs have settings there.
    fn usual(variables: &Variables) -> Option<PathBuf> {
        let home = variables.home().map(|home| home.join(".boto"));
        let files = [Some(PathBuf::from("/etc/boto.cfg")), home].into_iter();
        files.flatten().find(|file| has_key(file))
    }
}

fn has_key(file: &Path) -> bool {
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    let Some(bytes) = is_file.then(|| files::read(file).ok()).flatten() else {
        return false;
    };
    let text = String::from_utf8_lossy(&bytes);
    let id = table::ACCESS_KEY_ID.property();
    text.lines().any(|line| line.trim_start().starts_with(id))
}

impl Provider for OldFiles {
    fn name(&self) -> &str {
        "boto 2"
    }

    fn provide(&self, _now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        let outcome = Outcome::NotConfigured(self.reason.clone());
        Box::pin(std::future::ready(Ok(outcome)))
    }

    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        let inspection = Inspection::NotConfigured(self.reason.clone());
        Box::pin(std::future::ready(Ok(inspection)))
    }
}

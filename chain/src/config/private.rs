//! Files with secrets that other users can read.

use std::path::{Path, PathBuf};

use super::{settings::Settings, table};
use crate::{
    finding::{Finding, FindingKind},
    origin::Origin,
    profiles::Value,
    shell,
};

/// The folders of caches below `~/.aws`, all of which have secrets.
const CACHES: [&str; 3] = ["sso/cache", "login/cache", "cli/cache"];
/// The volume where Kubernetes keeps the tokens of a pod, with modes of its own.
const SECRETS: &str = "/var/run/secrets/";

impl Settings {
    /// Returns a warning for each token file and each cache that other users can read or change.
    pub(super) fn token_file_findings(&self) -> Vec<Finding> {
        let files = self.token_files().into_iter().filter_map(|(file, origin)| {
            let text = format!("other users can {} this token file", exposed(&file)?.0);
            let finding = Finding::warning(FindingKind::FileMode, text).with_origin(origin);
            Some(finding.with_cure(private(&file)))
        });
        let folders = self
            .variables()
            .home()
            .into_iter()
            .flat_map(|home| CACHES.map(|name| home.join(".aws").join(name)).into_iter());
        let caches = folders.filter_map(|folder| {
            let (count, what) = exposed_in(&folder)?;
            let files = if count == 1 { "file" } else { "files" };
            let text = format!(
                "other users can {what} {count} {files} with secrets in {}",
                folder.display()
            );
            let cure = format!("chmod -R go= {}", shell::path(&folder));
            Some(Finding::warning(FindingKind::FileMode, text).with_cure(cure))
        });
        files.chain(caches).collect()
    }

    /// Returns the files of tokens that variables or the profile name.
    fn token_files(&self) -> Vec<(PathBuf, Origin)> {
        let keys = [
            table::WEB_IDENTITY_TOKEN_FILE,
            table::CONTAINER_AUTHORIZATION_TOKEN_FILE,
        ];
        let variables = keys.iter().flat_map(|key| key.variables);
        let of_variables = variables.filter_map(|name| {
            let file = PathBuf::from(self.variables().text(name)?);
            Some((file, Origin::environment(&[name])))
        });
        let profile = self.profile().ok().flatten();
        let of_profile = profile.and_then(|profile| {
            let value = profile.get(table::WEB_IDENTITY_TOKEN_FILE.property())?;
            let file = Value::non_empty(value)?;
            let origin = Origin::file(value.location(), profile.name().name());
            Some((PathBuf::from(file), origin))
        });
        let is_own = |(file, _): &(PathBuf, Origin)| !file.starts_with(SECRETS);
        of_variables.chain(of_profile).filter(is_own).collect()
    }
}

/// Returns the command that makes a file readable for its owner only.
pub(crate) fn private(file: &Path) -> String {
    format!("chmod 600 {}", shell::path(file))
}

/// Returns what other users can do with a file, and its mode. Returns `None` if that is nothing.
#[cfg(unix)]
pub(crate) fn exposed(file: &Path) -> Option<(&'static str, u32)> {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    let mode = fs::metadata(file).ok()?.permissions().mode() & 0o777;
    match mode & 0o066 {
        0 => None,
        bits if bits & 0o022 != 0 => Some(("change", mode)),
        _ => Some(("read", mode)),
    }
}

#[cfg(not(unix))]
pub(crate) fn exposed(_file: &Path) -> Option<(&'static str, u32)> {
    None
}

/// Returns how many files of a folder other users can read or change, and which of both. Returns
/// `None` if there is none, or if they cannot enter the folder.
#[cfg(unix)]
fn exposed_in(folder: &Path) -> Option<(usize, &'static str)> {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    if fs::metadata(folder).ok()?.permissions().mode() & 0o011 == 0 {
        return None;
    }
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let files = entries.map(|entry| entry.path());
    let files = files.filter(|file| file.extension().is_some_and(|end| end == "json"));
    let exposed: Vec<_> = files.filter_map(|file| exposed(&file)).collect();
    let is_changeable = exposed.iter().any(|(what, _)| *what == "change");
    let what = if is_changeable { "change" } else { "read" };
    (!exposed.is_empty()).then_some((exposed.len(), what))
}

#[cfg(not(unix))]
fn exposed_in(_folder: &Path) -> Option<(usize, &'static str)> {
    None
}

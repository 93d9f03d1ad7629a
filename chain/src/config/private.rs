//! Files with secrets that other users can read, or that belong to them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{settings::Settings, table};
use crate::{
    files::{exposed, foreign_owner, own_copy, owner_of_mode},
    finding::{Finding, FindingKind},
    origin::Origin,
    profiles::{FileKind, Value},
    shell,
};

/// The folders of caches below `~/.aws`, all of which have secrets.
const CACHES: [&str; 3] = ["sso/cache", "login/cache", "cli/cache"];
/// The volume where Kubernetes keeps the tokens of a pod, with modes of its own.
const SECRETS: &str = "/var/run/secrets/";

impl Settings {
    /// Returns a warning for each configuration file and each cache of another user, and for each
    /// token file and each cache that other users can read or change.
    pub(super) fn private_file_findings(&self) -> Vec<Finding> {
        let home = self.variables().home();
        let folders = home.iter().flat_map(|home| {
            let path = |name| home.join(".aws").join(name);
            CACHES.map(path)
        });
        let folders: Vec<_> = folders.collect();
        let mut findings = self.foreign_findings(home.as_deref(), &folders);
        let files = self.token_files().into_iter().filter_map(|(file, origin)| {
            let text = format!("other users can {} this token file", exposed(&file)?.0);
            // A copy would not be renewed.
            Some(mode_finding(&file, text, None).with_origin(origin))
        });
        let caches = folders.iter().filter_map(|folder| {
            let (count, what) = exposed_in(folder)?;
            let files = if count == 1 { "file" } else { "files" };
            let text = format!(
                "other users can {what} {count} {files} with secrets in {}",
                folder.display()
            );
            let (finding, word) = (Finding::warning, shell::path(folder));
            let owner = cached_files(folder).find_map(|file| owner_of_mode(&file));
            if let Some(owner) = owner {
                let text = format!("{text}, where user {owner} has some");
                return Some(finding(FindingKind::FileMode, text));
            }
            // `chmod -R` does not follow links.
            let has_link =
                folder.is_symlink() || cached_files(folder).any(|file| file.is_symlink());
            let cure = if has_link || owner_of_mode(folder).is_some() {
                format!("find -L {word} -name '*.json' -exec chmod go= {{}} +")
            } else {
                format!("chmod -R go= {word}")
            };
            Some(finding(FindingKind::FileMode, text).with_cure(cure))
        });
        findings.extend(files.chain(caches));
        findings
    }

    /// Returns a warning for each file that belongs to another user, who can change it.
    fn foreign_findings(&self, home: Option<&Path>, folders: &[PathBuf]) -> Vec<Finding> {
        let variables = self.variables();
        let files = [FileKind::Config, FileKind::Credentials];
        let files = files.map(|kind| variables.file_for(self.order(), kind));
        let files = files.into_iter().flatten().filter_map(|file| {
            let owner = foreign_owner(&file, home)?;
            let text = format!(
                "{} belongs to user {owner}, who can read and change it",
                file.display()
            );
            let finding = Finding::warning(FindingKind::FileMode, text);
            Some(finding.with_cure_if(own_copy_if_possible(&file)))
        });
        let caches = folders.iter().filter_map(|folder| {
            let owners = cached_files(folder).filter_map(|file| foreign_owner(&file, home));
            let owner = owners.min()?;
            let text = format!(
                "files with credentials in {} belong to user {owner}, whose credentials they may be",
                folder.display()
            );
            let folder = shell::path(folder);
            // What is gone is issued again.
            let cure = format!("find -L {folder} -name '*.json' -user {owner} -exec rm -f {{}} +");
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

/// Returns a warning about the mode of a file, with the command that makes it readable for its
/// owner only. If this user may not change the mode, the cure is `otherwise`.
pub(crate) fn mode_finding(file: &Path, text: String, otherwise: Option<String>) -> Finding {
    let finding = |text| Finding::warning(FindingKind::FileMode, text);
    match owner_of_mode(file) {
        None => finding(text).with_cure(format!("chmod 600 {}", shell::path(file))),
        Some(owner) => {
            let text = format!("{text}, which belongs to user {owner}");
            finding(text).with_cure_if(otherwise)
        }
    }
}

/// Returns the command that replaces a file by a copy of this user's, if its folder is this user's.
pub(crate) fn own_copy_if_possible(file: &Path) -> Option<String> {
    let folder = file.parent()?;
    owner_of_mode(folder).is_none().then(|| own_copy(file))
}

/// Returns the files in the folder of a cache.
fn cached_files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    files.filter(|file| file.extension().is_some_and(|end| end == "json"))
}

/// Returns how many files of a folder other users can read or change, and which of both. Returns
/// `None` if there is none, or if they cannot enter the folder.
#[cfg(unix)]
fn exposed_in(folder: &Path) -> Option<(usize, &'static str)> {
    use std::os::unix::fs::PermissionsExt as _;

    if fs::metadata(folder).ok()?.permissions().mode() & 0o011 == 0 {
        return None;
    }
    let exposed: Vec<_> = cached_files(folder)
        .filter_map(|file| exposed(&file))
        .collect();
    let is_changeable = exposed.iter().any(|(what, _)| *what == "change");
    let what = if is_changeable { "change" } else { "read" };
    (!exposed.is_empty()).then_some((exposed.len(), what))
}

#[cfg(not(unix))]
fn exposed_in(_folder: &Path) -> Option<(usize, &'static str)> {
    None
}

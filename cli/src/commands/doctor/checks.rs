use std::{
    fs, io,
    path::{Path, PathBuf},
};

use keyfob_chain::{
    Attempt, Error, ErrorKind, Explanation, Finding, FindingKind, Region, Settings, Severity,
    Verdict, files,
    settings::{
        ALL_PROXY, CA_BUNDLE, CLI_ERROR_FORMAT, HTTP_PROXY, HTTPS_PROXY, OUTPUT, SettingKey,
    },
    shell,
};
use keyfob_sts::Client;

use super::network::AUTHORITIES;
use crate::{context::Context, failure::chained, services};

/// The proxies for the services, and the one for those that have none.
pub(super) const PROXIES: [SettingKey; 3] = [HTTPS_PROXY, HTTP_PROXY, ALL_PROXY];

/// Stands for what a profile sets that cannot be read.
const NOT_LOOKED_UP: &str = "not looked up, because the profile cannot be used";

/// What is checked, in the order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Files,
    Credentials,
    Region,
    Endpoint,
    Service,
    Clock,
    Instance,
    Container,
    Proxy,
    CaBundle,
    Settings,
}

impl Check {
    pub(super) const ALL: [Self; 11] = [
        Self::Files,
        Self::Credentials,
        Self::Region,
        Self::Endpoint,
        Self::Service,
        Self::Clock,
        Self::Instance,
        Self::Container,
        Self::Proxy,
        Self::CaBundle,
        Self::Settings,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Credentials => "credentials",
            Self::Region => "region",
            Self::Endpoint => "endpoint",
            Self::Service => "service",
            Self::Clock => "clock",
            Self::Instance => "instance",
            Self::Container => "container",
            Self::Proxy => "proxy",
            Self::CaBundle => "ca bundle",
            Self::Settings => "settings",
        }
    }

    /// Returns the check that a finding belongs to.
    pub(super) fn from_kind(kind: FindingKind) -> Self {
        match kind {
            FindingKind::File
            | FindingKind::FilePath
            | FindingKind::FileMode
            | FindingKind::UnknownProperty
            | FindingKind::Cache => Self::Files,
            FindingKind::MaskedRegion | FindingKind::UnknownRegion | FindingKind::DefaultRegion => {
                Self::Region
            }
            FindingKind::Endpoint | FindingKind::ClearText => Self::Endpoint,
            FindingKind::Service => Self::Service,
            FindingKind::Clock => Self::Clock,
            FindingKind::Instance => Self::Instance,
            FindingKind::Container => Self::Container,
            FindingKind::Proxy => Self::Proxy,
            FindingKind::CaBundle => Self::CaBundle,
            FindingKind::Flag | FindingKind::Setting | FindingKind::UnusedSetting => Self::Settings,
            _ => Self::Credentials,
        }
    }
}

/// Returns what is there, for the checks that find nothing wrong.
pub(super) fn facts(
    context: &Context,
    region: Result<&Region, &Error>,
    explanation: &Explanation,
) -> Vec<(Check, String)> {
    let mut facts = vec![
        (Check::Files, files(context)),
        (Check::Credentials, credentials(explanation)),
    ];
    let text = match region {
        Ok(region) => format!("{region} ({})", context.origin(region.origin())),
        Err(_) => NOT_LOOKED_UP.to_owned(),
    };
    facts.push((Check::Region, text));
    let of =
        |check, text: Option<String>, none: &str| (check, text.unwrap_or_else(|| none.to_owned()));
    let settings = context.settings();
    let set = |key: &SettingKey| {
        settings
            .find(key)
            .map(|found: keyfob_chain::Setting<'_>| found.name.to_string())
    };
    let proxy = PROXIES.iter().find_map(set);
    let endpoint = match settings.endpoint_url("sts") {
        Ok(_) => "no URL takes the place of the services' own",
        Err(_) => NOT_LOOKED_UP,
    };
    facts.extend([
        (Check::Endpoint, endpoint.to_owned()),
        of(Check::Proxy, proxy, "none"),
        of(
            Check::CaBundle,
            set(&CA_BUNDLE)
                .map(|name| format!("{name} can be read"))
                .or_else(|| authorities(context)),
            "the system's",
        ),
        (Check::Settings, "no setting is wrong".to_owned()),
    ]);
    facts
}

/// Returns the variables that name certificate authorities in the place of the system's.
fn authorities(context: &Context) -> Option<String> {
    let is_set = |name: &&str| context.variables().raw(name).is_some();
    let set: Vec<_> = AUTHORITIES.into_iter().filter(is_set).collect();
    (!set.is_empty()).then(|| format!("those of {}", set.join(" and ")))
}

/// Returns a problem if the file that is named in the place of the system's authorities has none.
pub(super) fn authority_finding(context: &Context) -> Option<Finding> {
    let [file, folder] = AUTHORITIES;
    let variables = context.variables();
    let is_filled = |folder| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    // A bundle takes the place of both, and a folder has authorities, too.
    if context.settings().find(&CA_BUNDLE).is_some() || variables.raw(folder).is_some_and(is_filled)
    {
        return None;
    }
    let path = Path::new(variables.raw(file)?);
    let reads = fs::metadata(path).map_or(true, |metadata| !is_pipe(&metadata));
    let error = reads.then(|| Client::builder().ca_bundle_file(path).err())??;
    let set = AUTHORITIES
        .into_iter()
        .filter(|name| variables.raw(name).is_some());
    let cure = format!("env -u {} COMMAND", set.collect::<Vec<_>>().join(" -u "));
    let text = format!("{file} cannot be used: {}", chained(&error));
    Some(Finding::problem(FindingKind::CaBundle, text).with_cure(cure))
}

/// Returns true for what would be waited for.
#[cfg(unix)]
fn is_pipe(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type())
}

#[cfg(not(unix))]
fn is_pipe(_metadata: &fs::Metadata) -> bool {
    false
}

/// Returns the files, with their modes and owners where the system has any.
fn files(context: &Context) -> String {
    let variables = context.variables();
    let files = [variables.config_file(), variables.credentials_file()];
    let files = files.into_iter().flatten().map(|file| {
        let name = file.display();
        match fs::metadata(&file) {
            Ok(metadata) => format!("{name}{}", rights(&metadata)),
            Err(_) => format!("{name} (not there)"),
        }
    });
    files.collect::<Vec<_>>().join(", ")
}

#[cfg(unix)]
fn rights(metadata: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;

    let owner = match metadata.uid() {
        uid if uid == rustix::process::geteuid().as_raw() => "yours".to_owned(),
        uid => format!("of user {uid}"),
    };
    format!(" ({:04o}, {owner})", metadata.mode() & 0o7777)
}

#[cfg(not(unix))]
fn rights(_metadata: &fs::Metadata) -> String {
    String::new()
}

fn credentials(explanation: &Explanation) -> String {
    match explanation.winner() {
        Some(winner) if winner.key_id.is_some() => winner.provider.clone(),
        Some(winner) => format!("{}, which this check does not ask", winner.provider),
        None => "none".to_owned(),
    }
}

/// Returns a problem for each source of credentials that is set up and fails.
pub(super) fn failures(settings: &Settings, explanation: &Explanation) -> Vec<Finding> {
    let file = settings.profile().err();
    let file = file.filter(|error| error.kind() == ErrorKind::ConfigFile);
    let file = file.map(|error| error.to_string());
    let variables = settings.variables();
    let edited = [variables.config_file(), variables.credentials_file()];
    let edited: Vec<_> = edited.into_iter().flatten().collect();
    let failed = explanation.attempts.iter();
    let failed = failed.filter(|attempt| attempt.verdict == Verdict::Failed);
    let finding = |attempt: &Attempt| {
        let reason = attempt.reason.as_deref().unwrap_or_default();
        let text = format!("{} fails: {reason}", attempt.provider);
        let kind = match &file {
            Some(error) if text.contains(error) => FindingKind::File,
            _ => FindingKind::Other,
        };
        let finding = Finding::problem(kind, text);
        // What comes after it is used without it. The way to one before it leaves it as it is.
        let later = |masked: &&Attempt| masked.number > attempt.number;
        let mut later = explanation.masked().filter(later);
        let next = later.find_map(|masked| explanation.cure(masked.number));
        let next = next.map(str::to_owned);
        let file = || {
            edited
                .iter()
                .find(|file| names(reason, &file.to_string_lossy()) && can_edit(file))
        };
        let file = || file().map(|file| shell::editor(file));
        let mend = || explanation.mend(attempt.number).map(str::to_owned);
        match next
            .or_else(mend)
            .or_else(file)
            .or_else(|| explanation.way_around(attempt.number))
        {
            Some(cure) => finding.with_cure(cure),
            None => finding,
        }
    };
    failed.map(finding).collect()
}

/// Returns true if a text has a name that is not a part of a longer word or path.
fn names(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "/_-".contains(c);
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

/// Returns the URLs that take the place of the services' own, and what no other command looks for:
/// settings with which no call can be sent.
pub(super) fn findings(
    context: &Context,
    settings: &Settings,
    region: Result<&Region, &Error>,
) -> Vec<Finding> {
    let endpoint = context.endpoint_argument();
    let clear_text = settings.clear_text_finding(endpoint).ok().flatten();
    let calls = settings.call_findings(region, endpoint);
    let is_unusable = calls
        .iter()
        .any(|finding| finding.kind == FindingKind::Endpoint);
    let url = settings.endpoint_url("sts").ok().flatten();
    let url = url.map(|url| url.origin).filter(|_| is_unusable);
    let mut notes = settings.endpoint_findings();
    // No call is sent to a URL that cannot be used.
    notes.retain(|note| url.is_none() || note.origin != url);
    let answers = answer_settings(settings);
    let found = notes.into_iter().chain(clear_text).chain(calls);
    let found = found.chain(answers);
    let found = found.chain(dangling_links(context));
    let found = found.chain(closed_cache(context));
    found.chain(not_folders(context)).collect()
}

/// Returns a problem for each setting with which no answer can be printed, and a warning for the
/// one of the form of errors, which then have their usual one.
fn answer_settings(settings: &Settings) -> Vec<Finding> {
    let problems = [
        settings.choice(&OUTPUT).err(),
        services::times(settings).err(),
    ];
    let problems = problems.into_iter().flatten();
    let problems = problems.map(|error| (error, Severity::Error));
    let warning = settings.choice(&CLI_ERROR_FORMAT).err();
    let warning = warning.map(|error| (error, Severity::Warning));
    let finding = |(error, severity): (Error, Severity)| {
        let text = chained(&error);
        let mut finding = match severity {
            Severity::Error => Finding::problem(FindingKind::Setting, text),
            _ => Finding::warning(FindingKind::Setting, text),
        };
        finding.cure = error.cure();
        finding
    };
    problems.chain(warning).map(finding).collect()
}

/// Returns a warning for each file that is a link to nothing, or below one, which is read as no
/// file at all.
fn dangling_links(context: &Context) -> Vec<Finding> {
    let variables = context.variables();
    let files = [variables.config_file(), variables.credentials_file()];
    let findings = files.into_iter().flatten().filter_map(|file| {
        let is_missing = |path: &&Path| {
            let error = fs::metadata(path).err();
            error.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        let above = file.ancestors().filter(|path| !path.as_os_str().is_empty());
        let missing = above.take_while(is_missing).last()?;
        let target = last_target(missing)?;
        let (name, target) = (missing.display(), target.display());
        let text = format!("{name} is a link to {target}, which is not there");
        let cure = with_rights(missing, format!("rm {}", shell::path(missing)));
        let finding = Finding::warning(FindingKind::File, text);
        Some(cure.into_iter().fold(finding, Finding::with_cure))
    });
    findings.collect()
}

/// Returns a warning for what has the place of a folder with configuration files, which are read as
/// no files at all.
fn not_folders(context: &Context) -> Vec<Finding> {
    let variables = context.variables();
    let files = [
        ("AWS_CONFIG_FILE", variables.config_file()),
        ("AWS_SHARED_CREDENTIALS_FILE", variables.credentials_file()),
    ];
    let mut findings = Vec::new();
    for (variable, file) in files {
        let is_no_folder =
            |path: &&Path| fs::metadata(path).is_ok_and(|metadata| !metadata.is_dir());
        let file = file.unwrap_or_default();
        let Some(place) = file.ancestors().skip(1).find(is_no_folder) else {
            continue;
        };
        let mut aside = place.to_owned();
        aside.as_mut_os_string().push(".old");
        let cure = if variables.raw(variable).is_some() {
            Some(format!("env -u {variable} COMMAND"))
        } else if fs::symlink_metadata(&aside).is_err() {
            let cure = format!("mv -n {} {}", shell::path(place), shell::path(&aside));
            with_rights(place, cure)
        } else {
            None
        };
        let name = place.display();
        let text = format!("{name} is not a folder, so that no configuration file is below it");
        let finding = Finding::warning(FindingKind::File, text);
        let finding = cure.into_iter().fold(finding, Finding::with_cure);
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

/// Returns a warning if the cache of sessions is there and this user cannot write to it. Where
/// files cannot be written at all, as in many a container, nothing is wrong.
#[cfg(unix)]
fn closed_cache(context: &Context) -> Option<Finding> {
    use std::os::unix::fs::MetadataExt as _;

    let home = context.variables().home()?;
    let folder = home.join(".aws/cli/cache");
    if !folder.is_dir() || files::can_write(folder.join("new")) || is_read_only(&folder) {
        return None;
    }
    let user = rustix::process::geteuid().as_raw();
    let owner = |path: &Path| fs::metadata(path).ok().map(|metadata| metadata.uid());
    let real = |path: &Path| fs::canonicalize(path).ok();
    // Of a link, `chown -R` would change the link alone; and in the home of another user, the files
    // are those of that user.
    let is_own_home = owner(&home) == Some(user)
        && real(&folder)
            .is_some_and(|folder| real(&home).is_some_and(|home| folder.starts_with(home)));
    let name = shell::path(&real(&folder)?);
    let cure = match owner(&folder) {
        Some(owner) if owner == user => Some(format!("chmod u+rwx {name}")),
        _ => is_own_home.then(|| format!("sudo chown -R {user} {name}")),
    };
    let name = folder.display();
    let text = format!("{name} takes no files of this user, so that no session is cached");
    let finding = Finding::warning(FindingKind::Cache, text);
    Some(cure.into_iter().fold(finding, Finding::with_cure))
}

/// Returns true for a folder in a file system that takes no changes.
#[cfg(unix)]
fn is_read_only(folder: &Path) -> bool {
    use rustix::{
        fs::{Access, access},
        io::Errno,
    };

    access(folder, Access::WRITE_OK) == Err(Errno::ROFS)
}

#[cfg(not(unix))]
fn is_read_only(_folder: &Path) -> bool {
    false
}

#[cfg(not(unix))]
fn closed_cache(_context: &Context) -> Option<Finding> {
    None
}

/// Returns a command that removes or renames what has this path, with the rights that it needs, or
/// `None` if it cannot work.
fn with_rights(path: &Path, command: String) -> Option<String> {
    let folder = path.parent()?;
    if is_read_only(folder) {
        return None;
    }
    Some(if lets_go(folder, path) {
        command
    } else {
        format!("sudo {command}")
    })
}

/// Returns true if this user may remove what is in a folder.
#[cfg(unix)]
fn lets_go(folder: &Path, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    use rustix::fs::{Access, access};

    const STICKY: u32 = 0o1000;
    let user = rustix::process::geteuid();
    let of = |path: &Path| fs::symlink_metadata(path).ok();
    let is_own = |path: &Path| of(path).is_some_and(|found| found.uid() == user.as_raw());
    let is_sticky = of(folder).is_some_and(|folder| folder.mode() & STICKY != 0);
    access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
        && (!is_sticky || user.is_root() || is_own(folder) || is_own(path))
}

#[cfg(not(unix))]
fn lets_go(_folder: &Path, path: &Path) -> bool {
    files::can_write(path)
}

/// Returns true if this user can save a change of a file that is there.
fn can_edit(file: &Path) -> bool {
    // Opening a pipe would wait for its other end.
    let is_file = fs::metadata(file).is_ok_and(|metadata| metadata.is_file());
    files::can_write(file) || is_file && fs::File::options().append(true).open(file).is_ok()
}

/// Returns what a link leads to in the end, or `None` if the path is not a link.
fn last_target(link: &Path) -> Option<PathBuf> {
    const MAX_LINKS: usize = 40;
    let mut target = fs::read_link(link).ok()?;
    let mut folder = link.parent()?.to_owned();
    for _ in 0..MAX_LINKS {
        let place = folder.join(&target);
        let Ok(next) = fs::read_link(&place) else {
            break;
        };
        folder = place.parent()?.to_owned();
        // In another folder, a relative one has another meaning.
        target = folder.join(next);
    }
    Some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_pipe_is_not_opened_to_know_whether_it_can_be_edited() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};

        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        // What has a second name is not replaced.
        fs::hard_link(&pipe, folder.path().join("second")).unwrap();
        assert!(!can_edit(&pipe));
        assert!(can_edit(&folder.path().join("config")));
    }

    #[test]
    #[cfg(unix)]
    fn in_a_sticky_folder_only_the_owner_of_a_file_removes_it() {
        use std::os::unix::fs::{PermissionsExt as _, chown};

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let cure = || with_rights(&file, "rm file".to_owned());
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(cure().as_deref(), Some("rm file"));
        if chown(&file, Some(1), None).is_ok() {
            // Root may.
            assert_eq!(cure().as_deref(), Some("rm file"));
        }
    }
}

use std::{cell::OnceCell, fs, path::PathBuf};

use clap::{Arg, ValueHint};
use keyfob_chain::{
    Variables,
    files::sessions::SessionCache,
    profiles::{ConfigFiles, Section, SectionName},
    settings::{self, SettingKind},
};
use keyfob_sts::trust::Caller;

use super::{Candidate, files};

/// The regions and their names.
const REGIONS: &str = include_str!("../../models/regions");

/// How values begin that are files, in the options of services.
const SCHEMES: [&str; 2] = ["file://", "fileb://"];

/// The values of options: those that the parser knows, and those of the user's files. The files are
/// read only for an option that needs them.
pub(super) struct Values {
    variables: Variables,
    files: OnceCell<ConfigFiles>,
}

impl Values {
    pub(super) fn from_process() -> Self {
        Self {
            variables: Variables::from_process(),
            files: OnceCell::new(),
        }
    }

    pub(super) fn home(&self) -> Option<PathBuf> {
        self.variables.home()
    }

    pub(super) fn programs(&self, word: &str) -> Vec<Candidate> {
        if word.contains('/') {
            return files::paths(word, self.home());
        }
        files::programs(word, self.variables.raw("PATH"))
    }

    /// Returns the values of an argument. `word` is the beginning of one.
    pub(super) fn for_argument(&self, argument: &Arg, word: &str) -> Vec<Candidate> {
        // As for curl, which reads the data from the file.
        let at = is_named(argument, &["DATA"]).then_some("@");
        for scheme in SCHEMES.into_iter().chain(at) {
            if let Some(path) = word.strip_prefix(scheme) {
                let paths = files::paths(path, self.home()).into_iter();
                let whole = paths.map(|path| Candidate {
                    value: format!("{scheme}{}", path.value),
                    ..path
                });
                return whole.collect();
            }
        }
        let possible = argument.get_possible_values();
        if !possible.is_empty() {
            let shown = possible.iter().filter(|value| !value.is_hide_set());
            let named = shown.map(|value| {
                let about = value.get_help().map(ToString::to_string);
                Candidate::new(value.get_name(), about.unwrap_or_default())
            });
            return named.collect();
        }
        if is_path(argument) {
            return files::paths(word, self.home());
        }
        self.named(argument.get_long().unwrap_or_default())
    }

    /// Returns the values of a property of the configuration files.
    pub(super) fn for_setting(&self, name: &str, word: &str) -> Vec<Candidate> {
        let mut keys = settings::ALL.iter();
        let kind = keys
            .find(|key| key.properties.contains(&name))
            .map(|key| key.kind);
        match kind {
            Some(SettingKind::Flag) => choices(&["true", "false"]),
            Some(SettingKind::Choice(names)) => choices(names),
            Some(SettingKind::Path) => files::paths(word, self.home()),
            _ => self.named(&name.replace('_', "-")),
        }
    }

    /// Returns the values that are in the user's files, by the name of the option: its last words
    /// say what it is.
    fn named(&self, name: &str) -> Vec<Candidate> {
        let is = |last: &str| match name.strip_suffix(last) {
            Some(first) => first.is_empty() || first.ends_with('-'),
            None => false,
        };
        if is("profile") {
            self.profiles()
        } else if is("region") {
            self.regions()
        } else if is("role-arn") || name == "as" {
            self.role_arns()
        } else if is("role-name") {
            self.role_names()
        } else if is("sso-session") {
            self.sections(|name| matches!(name, SectionName::SsoSession(_)))
        } else if name == "services" {
            self.sections(|name| matches!(name, SectionName::Services(_)))
        } else if is("serial-number") || is("mfa-serial") {
            self.properties("mfa_serial")
        } else if is("account-id") {
            self.properties("sso_account_id")
        } else {
            Vec::new()
        }
    }

    fn files(&self) -> &ConfigFiles {
        self.files
            .get_or_init(|| ConfigFiles::load(&self.without_pipes()))
    }

    /// Returns the variables without the configuration files that are pipes: reading one may wait
    /// for ever, and takes its contents from the command to come.
    fn without_pipes(&self) -> Variables {
        let variables = self.variables.clone();
        let files = [
            ("AWS_CONFIG_FILE", variables.config_file()),
            ("AWS_SHARED_CREDENTIALS_FILE", variables.credentials_file()),
        ];
        files
            .into_iter()
            .fold(variables, |variables, (name, file)| {
                let metadata = file.and_then(|file| fs::metadata(file).ok());
                if metadata.is_none_or(|metadata| metadata.is_file()) {
                    variables
                } else {
                    variables.with(name, if cfg!(windows) { "NUL" } else { "/dev/null" })
                }
            })
    }

    fn profiles(&self) -> Vec<Candidate> {
        let sections = self.files().sections();
        let profiles = sections.filter(|section| is_profile(section));
        let candidate = |profile: &Section| Candidate::new(profile.name().name(), about(profile));
        profiles.map(candidate).collect()
    }

    /// Returns the names of the sections of one kind.
    fn sections(&self, is_kind: impl Fn(&SectionName) -> bool) -> Vec<Candidate> {
        let names = self.files().sections().map(Section::name);
        let names = names.filter(|name| is_kind(name));
        names.map(|name| Candidate::new(name.name(), "")).collect()
    }

    /// Returns the regions that profiles name, then all others.
    fn regions(&self) -> Vec<Candidate> {
        let known = || REGIONS.lines().filter_map(|line| line.split_once(' '));
        let mut found = self.properties("region");
        for region in &mut found {
            if let Some((_, about)) = known().find(|(name, _)| *name == region.value) {
                region.about = about.to_owned();
            }
        }
        for (name, about) in known() {
            add(&mut found, name, about);
        }
        found
    }

    /// Returns the roles that profiles name, then those of cached sessions.
    fn role_arns(&self) -> Vec<Candidate> {
        let mut found = self.properties("role_arn");
        let folder = self.home().map(|home| home.join(".aws/cli/cache"));
        let cache = folder.and_then(|folder| SessionCache::read(folder).ok());
        for session in cache.unwrap_or_default().sessions {
            if let Some(Caller::Session { role_arn, .. }) =
                session.arn.as_deref().map(Caller::from_arn)
            {
                add(&mut found, &role_arn, "a cached session");
            }
        }
        found
    }

    fn role_names(&self) -> Vec<Candidate> {
        let mut found = self.properties("sso_role_name");
        for role in self.role_arns() {
            let name = role.value.rsplit('/').next().unwrap_or_default();
            add(&mut found, name, &role.about);
        }
        found
    }

    /// Returns the values that a property has in the profiles, with the profile of each.
    fn properties(&self, name: &str) -> Vec<Candidate> {
        let mut found = Vec::new();
        for section in self
            .files()
            .sections()
            .filter(|section| is_profile(section))
        {
            if let Some(value) = section.get(name).and_then(|value| value.non_empty()) {
                let about = format!("profile {}", section.name().name());
                add(&mut found, value, &about);
            }
        }
        found
    }
}

/// Returns the names of the settings in profiles.
pub(super) fn settings() -> Vec<Candidate> {
    let keys = settings::ALL.iter();
    let names = keys.flat_map(|key| key.properties.iter().map(|name| (*name, key.meaning)));
    names
        .map(|(name, meaning)| Candidate::new(name, meaning))
        .collect()
}

/// Says where the credentials of a profile come from.
fn about(profile: &Section) -> String {
    let has = |name: &str| profile.get(name)?.non_empty();
    let sso_role = has("sso_role_name").zip(has("sso_account_id"));
    if let Some(arn) = has("role_arn") {
        arn.to_owned()
    } else if let Some((role, account)) = sso_role {
        format!("SSO: {role} in {account}")
    } else if has("login_session").is_some() {
        "login".to_owned()
    } else if has("credential_process").is_some() {
        "process".to_owned()
    } else if has("aws_session_token").is_some() {
        "session".to_owned()
    } else if has("aws_access_key_id").is_some() {
        "keys".to_owned()
    } else {
        String::new()
    }
}

fn is_profile(section: &Section) -> bool {
    matches!(section.name(), SectionName::Profile(_))
}

fn is_path(argument: &Arg) -> bool {
    is_named(argument, &["FILE", "DIR", "FOLDER", "SOURCE", "TARGET"])
        || argument.get_value_hint() != ValueHint::Unknown
}

/// Returns true if a value of the argument has one of these names in the help.
fn is_named(argument: &Arg, names: &[&str]) -> bool {
    let mut own = argument.get_value_names().into_iter().flatten();
    own.any(|name| names.contains(&name.as_str()))
}

fn choices(names: &[&str]) -> Vec<Candidate> {
    names.iter().map(|name| Candidate::new(*name, "")).collect()
}

/// Adds a value that is not there yet.
fn add(found: &mut Vec<Candidate>, value: &str, about: &str) {
    if !found.iter().any(|known| known.value == value) {
        found.push(Candidate::new(value, about));
    }
}

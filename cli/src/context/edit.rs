use std::path::Path;

use keyfob_chain::{
    files::{Lock, Saved},
    profiles::{Editor, FileKind, Section, SectionName, Value},
    settings::{KEY_EXPIRATION, PRINCIPAL_ARN, SESSION_TOKEN},
    shell,
};
use keyfob_sigv4::{Credentials, Secret};
use keyfob_sts::KeyKind;

use crate::{
    context::Context,
    failure::Failure,
    private_folder::PrivateFolder,
    signals::finish_writing,
    terminal::{printable, telling, waiting_for},
};

/// What runs a command inside `keyfob exec --serve` with the files of the user.
pub(super) const OWN_FILES: &str =
    "`env -u AWS_CONFIG_FILE -u AWS_SHARED_CREDENTIALS_FILE keyfob …`";

/// The properties with which a profile has credentials, and the name of their kind in `aws`.
const KINDS: [(&str, &str); 8] = [
    ("web_identity_token_file", "Web Identity"),
    ("sso_role_name", "SSO"),
    ("sso_account_id", "SSO"),
    ("sso_session", "SSO"),
    ("aws_access_key_id", "Access Key"),
    ("role_arn", "Assume Role"),
    ("credential_process", "Credential Process"),
    ("login_session", "Login"),
];

/// Credentials that a profile has.
pub(crate) struct ProfileCredentials<'a> {
    /// The name of their kind in `aws`, such as `Assume Role`.
    pub(crate) kind: &'static str,
    pub(crate) property: &'static str,
    pub(crate) value: &'a Value,
}

impl<'a> ProfileCredentials<'a> {
    /// Returns credentials of the profile that none of the properties `own` gives. They could come
    /// before those.
    pub(crate) fn besides(own: &[&str], profile: &'a Section) -> Option<Self> {
        let mut kinds = KINDS.iter().filter(|(name, _)| !own.contains(name));
        kinds.find_map(|&(property, kind)| {
            let value = profile.get(property)?;
            value.non_empty()?;
            Some(Self {
                kind,
                property,
                value,
            })
        })
    }
}

impl Context {
    /// Returns an editor of one of the configuration files.
    ///
    /// # Errors
    ///
    /// If there is no home folder for the file.
    pub(crate) fn editor(&self, kind: FileKind) -> Result<Editor, Failure> {
        let path = match kind {
            FileKind::Config => self.variables().config_file(),
            FileKind::Credentials => self.variables().credentials_file(),
        };
        match path {
            Some(path) => Ok(Editor::new(kind, path)),
            None => Err(Failure::configuration(
                "there is no home folder for the configuration files",
            )
            .with_hint("set HOME, or AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE")),
        }
    }

    /// Saves the changes of an editor, and prints its warnings.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(crate) fn save(&self, editor: &Editor) -> Result<(), Failure> {
        let saved = self.told_of_lock(editor.path(), || editor.save())?;
        self.tell_saved(&saved);
        Ok(())
    }

    /// Changes a configuration file as [`Lock::update`] does, and prints its warnings.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, and the errors of `edit`.
    pub(crate) fn update(
        &self,
        path: &Path,
        edit: impl FnMut(&[u8]) -> Result<Vec<u8>, keyfob_chain::Error>,
    ) -> Result<(), Failure> {
        let save = || Lock::acquire(path, Lock::PATIENCE)?.update(edit);
        let saved = self.told_of_lock(path, save)?;
        self.tell_saved(&saved);
        Ok(())
    }

    /// Replaces a file, and tells on a terminal that the lock of another program is waited for.
    pub(crate) fn told_of_lock<T>(&self, path: &Path, save: impl FnOnce() -> T) -> T {
        let _guard = finish_writing();
        let _waiting = waiting_for(format!(
            "the lock of {}",
            self.shown(&path.to_string_lossy())
        ));
        let _telling = telling(self.console());
        save()
    }

    fn tell_saved(&self, saved: &Saved) {
        if PrivateFolder::is_of_exec(&saved.path) {
            self.console().warn(&format!(
                "{} is a file of `keyfob exec --serve`, which removes it at its end: {OWN_FILES} \
                 changes your own",
                self.shown(&saved.path.to_string_lossy())
            ));
        }
        for warning in &saved.warnings {
            self.console().warn(&self.shown(warning));
        }
        if saved.open_to_others && saved.path.ends_with("credentials") {
            let path = self.shown(&saved.path.to_string_lossy());
            let word = shell::path(&saved.path);
            self.console().warn(&format!(
                "other users can read {path}: run chmod 600 {word}"
            ));
        }
    }

    /// Fails if a session cannot be stored under a profile. It is called before the session is
    /// issued, which would be lost.
    ///
    /// # Errors
    ///
    /// If the credentials file cannot have the profile, if the profile has a long-term key, which
    /// would be lost, or if it has credentials of another kind, which would be used in place of the
    /// session. The message begins with `argument`, which names the profile.
    pub(crate) fn check_session_profile(
        &self,
        argument: &str,
        profile: &str,
    ) -> Result<(), Failure> {
        let section = SectionName::profile(profile);
        let mut editor = self.editor(FileKind::Credentials)?;
        editor.set(&section, "aws_access_key_id", "")?;
        let known = self.settings().files().find(&section)?;
        let get = |name: &str| known.and_then(|section| section.get(name)?.non_empty());
        let has_token = SESSION_TOKEN
            .properties
            .iter()
            .any(|name| get(name).is_some());
        let is_long_term = |id| !has_token || KeyKind::from_access_key_id(id) == KeyKind::LongTerm;
        if get("aws_access_key_id").is_some_and(is_long_term) {
            return Err(Failure::usage(format!(
                "{argument}: this profile has a long-term key, which the session would replace: \
                 name another one"
            )));
        }
        let own = ["aws_access_key_id"];
        if let Some(other) = known.and_then(|known| ProfileCredentials::besides(&own, known)) {
            let place = self.shown(&other.value.location().to_string());
            let ProfileCredentials { kind, property, .. } = other;
            return Err(Failure::usage(format!(
                "{argument}: this profile has {kind} credentials ({property} in {place}), which \
                 may come before the session: name another profile, or remove that line"
            )));
        }
        Ok(())
    }

    /// Says on stderr that a profile has a session. `of` is such as ` of ARN`, or nothing.
    pub(crate) fn note_session(&self, profile: &str, session: &Credentials, of: &str) {
        let expiry = session.expiry();
        let until = expiry.map_or_else(String::new, |expiry| format!(", valid until {expiry}"));
        let (profile, of) = (printable(profile), printable(of));
        let text = format!("profile \"{profile}\" has a session{of}{until}");
        self.console().note(&text);
    }

    /// Stores a session under a profile of the credentials file: keys, token, expiry and, if it is
    /// given, the ARN of its role. Comments and other settings stay.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(crate) fn store_session(
        &self,
        profile: &str,
        session: &Credentials,
        role_arn: Option<&str>,
    ) -> Result<(), Failure> {
        let section = SectionName::profile(profile);
        let mut editor = self.editor(FileKind::Credentials)?;
        let token = session.session_token().map(Secret::expose);
        let expiry = session.expiry().map(|expiry| expiry.to_string());
        for (name, value) in [
            ("aws_access_key_id", Some(session.access_key_id())),
            (
                "aws_secret_access_key",
                Some(session.secret_access_key().expose()),
            ),
            (SESSION_TOKEN.properties[0], token),
            (KEY_EXPIRATION.properties[0], expiry.as_deref()),
            (PRINCIPAL_ARN.properties[0], role_arn),
        ] {
            match value {
                Some(value) => editor.set(&section, name, value)?,
                None => editor.remove(&section, name)?,
            };
        }
        // Other names of the same would be those of the session before.
        let others = [SESSION_TOKEN.properties, KEY_EXPIRATION.properties];
        for name in others.iter().flat_map(|names| &names[1..]) {
            editor.remove(&section, name)?;
        }
        self.save(&editor)
    }
}

use std::{
    env,
    ffi::{OsStr, OsString},
};

use keyfob_sigv4::Credentials;

use super::served::Served;
use crate::args::EXEC_PROFILE;

/// Taken from the command, because they would lead it to other credentials.
const CLEARED: [&str; 13] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_SESSION_NAME",
];
/// With what follows, the variables of a container.
const CONTAINER: &str = "AWS_CONTAINER_";

/// How the command's environment differs from that of this process.
#[derive(Debug, Default)]
pub(super) struct Changes {
    set: Vec<(&'static str, OsString)>,
}

impl Changes {
    /// Sets the profile and the region, and leaves no credentials.
    pub(super) fn new(profile: &str, region: &str) -> Self {
        let mut changes = Self::default();
        changes.set(EXEC_PROFILE, profile);
        changes.set("AWS_REGION", region);
        changes.set("AWS_DEFAULT_REGION", region);
        changes
    }

    /// Sets a variable. The last value counts.
    pub(super) fn set(&mut self, name: &'static str, value: impl AsRef<OsStr>) {
        self.set.push((name, value.as_ref().to_owned()));
    }

    /// Sets the credentials.
    pub(super) fn give(&mut self, credentials: &Credentials) {
        self.set("AWS_ACCESS_KEY_ID", credentials.access_key_id());
        let secret = credentials.secret_access_key();
        self.set("AWS_SECRET_ACCESS_KEY", secret.expose());
        if let Some(token) = credentials.session_token() {
            self.set("AWS_SESSION_TOKEN", token.expose());
        }
        if let Some(expiry) = credentials.expiry() {
            self.set("AWS_CREDENTIAL_EXPIRATION", expiry.to_string());
        }
    }

    /// Points the command at the served credentials. Every SDK asks the files before a container,
    /// so that the command gets files without credentials.
    pub(super) fn serve(&mut self, served: &Served) {
        self.set("AWS_CONFIG_FILE", served.config());
        self.set("AWS_SHARED_CREDENTIALS_FILE", served.credentials());
        self.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", served.url());
        let token = served.token().expose();
        self.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", token);
    }

    /// Calls `change` for each variable, with `None` for one that is taken away.
    pub(super) fn apply(&self, mut change: impl FnMut(&OsStr, Option<&OsStr>)) {
        for name in CLEARED {
            change(name.as_ref(), None);
        }
        for (name, _) in env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with(CONTAINER))
            {
                change(&name, None);
            }
        }
        for (name, value) in &self.set {
            change(name.as_ref(), Some(value));
        }
    }
}

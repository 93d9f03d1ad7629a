//! The environment of a program that uses the credentials in use, and no others.

use std::{
    env,
    ffi::{OsStr, OsString},
};

use keyfob_sigv4::Credentials;
use tracing::debug;

/// What credentials and a region set.
pub(super) const NAMES: [&str; 6] = [
    ID,
    SECRET,
    TOKEN,
    EXPIRATION,
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
];
const ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";
const EXPIRATION: &str = "AWS_CREDENTIAL_EXPIRATION";
/// Taken from the program, because they would lead it to other credentials.
const CLEARED: [&str; 20] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    ID,
    "AWS_ACCESS_KEY",
    SECRET,
    "AWS_SECRET_KEY",
    "SECRET_ACCESS_KEY",
    TOKEN,
    "AWS_SECURITY_TOKEN",
    EXPIRATION,
    // SDKs take it for the account of the keys, and call hosts of that account.
    "AWS_ACCOUNT_ID",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_SESSION_NAME",
    // A file with a key, which botocore reads before it asks a container.
    "AWS_CREDENTIAL_FILE",
    // Those of boto and of older tools.
    "AMAZON_ACCESS_KEY_ID",
    "AMAZON_SECRET_ACCESS_KEY",
    "EC2_ACCESS_KEY",
    "EC2_SECRET_KEY",
    // That of another proxy.
    "KEYFOB_PROXY_TOKEN",
];
/// With what follows, the variables of a container, and of the keys of single services (as
/// `AWS_BEARER_TOKEN_BEDROCK`), which SDKs prefer to all others.
const CLEARED_ALL: [&str; 2] = ["AWS_CONTAINER_", "AWS_BEARER_TOKEN_"];

/// How the program's environment differs from that of this process.
#[derive(Debug, Default)]
pub(super) struct Changes {
    set: Vec<(&'static str, OsString)>,
    /// How the names of more variables begin that are taken away.
    cleared: Vec<&'static str>,
}

impl Changes {
    /// Sets the region, and leaves no credentials.
    pub(super) fn new(region: &str) -> Self {
        let mut changes = Self::default();
        changes.set("AWS_REGION", region);
        changes.set("AWS_DEFAULT_REGION", region);
        changes
    }

    /// Sets a variable. The last value counts.
    pub(super) fn set(&mut self, name: &'static str, value: impl AsRef<OsStr>) {
        self.set.retain(|(other, _)| *other != name);
        self.set.push((name, value.as_ref().to_owned()));
    }

    /// Takes all variables away whose names begin so, unless they are set here.
    pub(super) fn clear_all(&mut self, prefix: &'static str) {
        self.cleared.push(prefix);
    }

    /// Sets the credentials.
    pub(super) fn give(&mut self, credentials: &Credentials) {
        self.set(ID, credentials.access_key_id());
        self.set(SECRET, credentials.secret_access_key().expose());
        if let Some(token) = credentials.session_token() {
            self.set(TOKEN, token.expose());
        }
        if let Some(expiry) = credentials.expiry() {
            self.set(EXPIRATION, expiry.to_string());
        }
    }

    /// Logs the names of the variables that differ.
    pub(super) fn log(&self) {
        let (mut set, mut cleared) = (Vec::new(), Vec::new());
        for (name, value) in self.list() {
            let names = if value.is_some() {
                &mut set
            } else {
                &mut cleared
            };
            names.push(name.to_string_lossy().into_owned());
        }
        debug!(
            set = set.join(" "),
            cleared = cleared.join(" "),
            "environment"
        );
    }

    /// Returns each variable with its new value, or with `None` if this process has it and it is to
    /// be taken away.
    pub(super) fn list(&self) -> Vec<(OsString, Option<&OsStr>)> {
        let is_set = |name: &OsStr| self.set.iter().any(|(other, _)| *other == name);
        let leads_elsewhere = |name: &OsStr| {
            let name = name.to_str();
            name.is_some_and(|name| {
                let mut prefixes = self.cleared.iter().chain(&CLEARED_ALL);
                CLEARED.contains(&name) || prefixes.any(|prefix| name.starts_with(prefix))
            })
        };
        let mut gone: Vec<_> = env::vars_os().map(|(name, _)| name).collect();
        gone.retain(|name| leads_elsewhere(name) && !is_set(name));
        gone.sort_unstable();
        let gone = gone.into_iter().map(|name| (name, None));
        let set = self.set.iter();
        let set = set.map(|(name, value)| (OsString::from(name), Some(&**value)));
        gone.chain(set).collect()
    }
}

//! Commands that are printed as what to do next.

use keyfob_chain::shell;

use super::Globals;

impl Globals {
    /// Returns a command to print, with the options of this one that say which account and which
    /// service it is about, so that it can be run as it is.
    pub(crate) fn follow_up(&self, words: impl IntoIterator<Item = String>) -> String {
        self.follow_up_with(self.profile.as_deref(), words)
    }

    /// Returns a command to print, for a profile instead of the one in use.
    pub(crate) fn follow_up_with(
        &self,
        profile: Option<&str>,
        words: impl IntoIterator<Item = String>,
    ) -> String {
        let mut words: Vec<String> = words.into_iter().collect();
        let connection = &self.connection;
        for (name, value) in [
            ("--profile", profile),
            ("--region", self.region.as_deref()),
            ("--endpoint-url", self.endpoint_url.as_deref()),
            ("--ca-bundle", connection.ca_bundle.as_deref()),
        ] {
            words.extend(value.map(|value| shell::option(name, value)));
        }
        for (name, is_given) in [
            ("--no-verify-ssl", connection.no_verify_ssl),
            ("--no-default-region", connection.no_default_region),
            ("--sandbox", self.sandbox),
        ] {
            words.extend(is_given.then(|| name.to_owned()));
        }
        words.join(" ")
    }
}

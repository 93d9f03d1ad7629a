use keyfob_sigv4::Timestamp;

use crate::{
    error::{Error, ErrorKind},
    provider::{BoxFuture, Inspection, Outcome, Provider},
    settings::Settings,
};

/// The place of a source that this version does not speak. Where nobody configured it, it is passed over; where
/// somebody did, the chain stops, so that a pod with a role of its own never works as the node it runs on.
#[derive(Clone, Debug)]
pub(crate) struct Unsupported {
    name: &'static str,
    /// Any of these configures the source.
    variables: &'static [&'static str],
    /// Whether a profile that was asked for takes its place, as with the environment's keys.
    yields_to_profile: bool,
    settings: Settings,
}

impl Unsupported {
    pub(crate) fn web_identity(settings: Settings) -> Self {
        Self {
            name: "web identity",
            variables: &["AWS_WEB_IDENTITY_TOKEN_FILE"],
            yields_to_profile: true,
            settings,
        }
    }

    pub(crate) fn container(settings: Settings) -> Self {
        Self {
            name: "container",
            variables: &[
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            ],
            yields_to_profile: false,
            settings,
        }
    }

    fn find(&self) -> Result<Outcome, Error> {
        let env = self.settings.env();
        let set = self.variables.iter().find(|name| env.text(name).is_some());
        let yields = self.yields_to_profile && self.settings.is_profile_explicit();
        match set {
            Some(name) if !yields => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{name} is set, which this version cannot follow: unset it to use another source"
                ),
            )),
            _ => Ok(Outcome::NotConfigured(format!(
                "{} is not set",
                self.variables[0]
            ))),
        }
    }
}

impl Provider for Unsupported {
    fn name(&self) -> &str {
        self.name
    }

    fn provide(&self, _now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(std::future::ready(self.find()))
    }

    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(std::future::ready(self.find().map(Into::into)))
    }
}

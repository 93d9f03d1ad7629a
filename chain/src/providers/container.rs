use keyfob_sigv4::Timestamp;

use crate::{
    error::{Error, ErrorKind},
    provider::{BoxFuture, Inspection, Outcome, Provider},
    settings::Settings,
};

/// The place of the container's credentials, which this version cannot get. Where nobody configured them, it is passed
/// over; where somebody did, the chain stops, so that a task with a role of its own never works as the instance it
/// runs on.
#[derive(Clone, Debug)]
pub(crate) struct Container(Settings);

impl Container {
    pub(crate) fn new(settings: Settings) -> Self {
        Self(settings)
    }

    fn find(&self) -> Result<Outcome, Error> {
        const VARIABLES: [&str; 2] = [
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ];
        let env = self.0.env();
        match VARIABLES.iter().find(|name| env.text(name).is_some()) {
            Some(name) => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{name} is set, which this version cannot follow: unset it to use another source"
                ),
            )),
            None => Ok(Outcome::NotConfigured(format!(
                "{} is not set",
                VARIABLES[0]
            ))),
        }
    }
}

impl Provider for Container {
    fn name(&self) -> &str {
        "container"
    }

    fn provide(&self, _now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(std::future::ready(self.find()))
    }

    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(std::future::ready(self.find().map(Into::into)))
    }
}

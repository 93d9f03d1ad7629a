use keyfob_sigv4::Timestamp;

use crate::{
    error::Error,
    origin::Origin,
    provider::{BoxFuture, Bypass, Inspection, Outcome, Provider},
    settings::Settings,
};

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

/// The role of an ECS task or an EKS pod, from the agent beside the container.
///
/// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` comes before `AWS_CONTAINER_CREDENTIALS_FULL_URI`, and the token in the file
/// of `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`, which is read anew for each request, before that of
/// `AWS_CONTAINER_AUTHORIZATION_TOKEN`. Plain `http` is spoken to the machine itself and to AWS's agents only. Without the
/// feature `imds` a variable that is set is an error.
#[derive(Clone, Debug)]
pub struct Container {
    settings: Settings,
}

impl Container {
    /// What the environment says. Nothing is sent.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// The variable that counts.
    fn variable(&self) -> Option<&'static str> {
        let is_set = |name: &&str| self.settings.env().text(name).is_some();
        [RELATIVE, FULL].into_iter().find(is_set)
    }

    fn origin(variable: &str) -> Origin {
        Origin::Container {
            variable: variable.to_owned(),
        }
    }

    async fn find(&self) -> Result<Outcome, Error> {
        match self.variable() {
            Some(variable) => fetch(&self.settings, variable).await,
            None => Ok(Outcome::NotConfigured(not_set())),
        }
    }
}

impl Provider for Container {
    fn name(&self) -> &str {
        "container"
    }

    fn provide(&self, _now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(self.find())
    }

    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        let inspection = match self.variable() {
            Some(variable) => Inspection::Available {
                origin: Self::origin(variable),
                credentials: None,
            },
            None => Inspection::NotConfigured(not_set()),
        };
        Box::pin(std::future::ready(Ok(inspection)))
    }

    fn bypass(&self) -> Option<Bypass> {
        Some(Bypass::unset([RELATIVE, FULL]))
    }
}

fn not_set() -> String {
    format!("{RELATIVE} is not set")
}

#[cfg(not(feature = "imds"))]
async fn fetch(_settings: &Settings, variable: &str) -> Result<Outcome, Error> {
    Err(Error::new(
        crate::ErrorKind::Unsupported,
        format!("{variable} is set, and needs the feature imds of this build"),
    ))
}

#[cfg(feature = "imds")]
async fn fetch(settings: &Settings, variable: &str) -> Result<Outcome, Error> {
    use crate::{error::ErrorKind, provider::Found};

    let failed = |error: keyfob_imds::Error| {
        let kind = match error.kind() {
            keyfob_imds::ErrorKind::Setting => ErrorKind::InvalidSetting,
            _ => ErrorKind::Provider,
        };
        let message = format!("no credentials from the container's agent ({variable})");
        Error::with_source(kind, message, error)
    };
    let credentials = match client(settings).map_err(failed)? {
        Some(client) => client.credentials().await.map_err(failed)?,
        None => return Ok(Outcome::NotConfigured(not_set())),
    };
    let origin = Container::origin(variable);
    Ok(Outcome::Found(Found::new(credentials, origin)))
}

#[cfg(feature = "imds")]
fn client(
    settings: &Settings,
) -> Result<Option<keyfob_imds::container::Client>, keyfob_imds::Error> {
    use keyfob_imds::container::{Client, Location};

    let env = settings.env();
    let Some(location) = Location::from_settings(env.text(RELATIVE), env.text(FULL))? else {
        return Ok(None);
    };
    let mut builder = Client::builder(location);
    if let Some(file) = env.text("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        builder = builder.token_file(file);
    } else if let Some(token) = env.text("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
        builder = builder.token(token);
    }
    builder.build().map(Some)
}

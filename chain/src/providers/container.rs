#[cfg(feature = "imds")]
use std::path::PathBuf;

#[cfg(feature = "imds")]
use keyfob_sigv4::Secret;
use keyfob_sigv4::Timestamp;

#[cfg(feature = "imds")]
use crate::files::read_secret_file;
use crate::{
    config::{Settings, table},
    cure::Skip,
    error::{Error, ErrorKind},
    order::Agent,
    origin::Origin,
    provider::{BoxFuture, Inspection, Outcome, Provider},
};

const RELATIVE: &str = table::CONTAINER_CREDENTIALS_RELATIVE_URI.name();
const FULL: &str = table::CONTAINER_CREDENTIALS_FULL_URI.name();
#[cfg(feature = "imds")]
const TOKEN_FILE: &str = table::CONTAINER_AUTHORIZATION_TOKEN_FILE.name();
#[cfg(feature = "imds")]
const TOKEN: &str = table::CONTAINER_AUTHORIZATION_TOKEN.name();

/// The role of an ECS task or an EKS pod, from the container's credential agent.
///
/// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` comes before `AWS_CONTAINER_CREDENTIALS_FULL_URI`,
/// except by the rules of the SDK for Go. The token in the file
/// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`, which is read for each request, comes before
/// `AWS_CONTAINER_AUTHORIZATION_TOKEN`. Plain `http` is used only with loopback addresses and AWS's
/// agents. An agent that does not answer is asked three times, a second apart. Without the feature
/// `imds`, a set variable is an error.
#[derive(Clone, Debug)]
pub struct ContainerProvider {
    settings: Settings,
    is_asked_once: bool,
}

impl ContainerProvider {
    /// Creates the provider from the environment. Sends nothing.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            is_asked_once: false,
        }
    }

    /// Sets that the agent is asked once, for a program that checks whether it answers.
    #[must_use]
    pub fn with_one_attempt(mut self) -> Self {
        self.is_asked_once = true;
        self
    }

    /// Returns the variable that counts.
    fn variable(&self) -> Option<&'static str> {
        // ECS sets the relative URI. Only the SDK for Go reads the full one first.
        let names = if self.settings.rules().full_uri_first {
            [FULL, RELATIVE]
        } else {
            [RELATIVE, FULL]
        };
        let variables = self.settings.variables();
        let is_set = |name: &&str| match self.settings.rules().agent {
            Agent::Python => variables.raw(name).is_some(),
            Agent::Checked | Agent::JavaScript => variables.text(name).is_some(),
        };
        names.into_iter().find(is_set)
    }

    fn origin(variable: &str) -> Origin {
        Origin::Container {
            variable: variable.to_owned(),
        }
    }

    async fn find(&self) -> Result<Outcome, Error> {
        match self.variable() {
            Some(variable) => fetch(&self.settings, variable, self.is_asked_once).await,
            None => Ok(Outcome::NotConfigured(not_set())),
        }
    }
}

impl Provider for ContainerProvider {
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

    fn skip(&self) -> Option<Skip> {
        Some(Skip::unset([RELATIVE, FULL]))
    }
}

fn not_set() -> String {
    format!("{RELATIVE} is not set")
}

#[cfg(not(feature = "imds"))]
async fn fetch(_settings: &Settings, variable: &str, _once: bool) -> Result<Outcome, Error> {
    let message = format!("{variable} is set, and needs the feature imds of this build");
    Err(Error::new(ErrorKind::Unsupported, message))
}

#[cfg(feature = "imds")]
async fn fetch(settings: &Settings, variable: &str, is_asked_once: bool) -> Result<Outcome, Error> {
    use crate::{
        error::{check_exists, shown_path},
        provider::{Found, Renewal},
    };

    if let Some(setting) = settings.offline() {
        let message =
            format!("the container's agent ({variable}) is not asked, because of {setting}");
        return Err(Error::new(ErrorKind::Setting, message));
    }
    if settings.variables().text(variable).is_none() {
        let message = format!("{variable} is empty, and so not a URL: unset it");
        return Err(Error::new(ErrorKind::Setting, message));
    }
    let file = settings.variables().text(TOKEN_FILE);
    let failed = |error: keyfob_imds::Error| {
        use keyfob_imds::ErrorKind as ImdsErrorKind;

        let kind = match error.kind() {
            ImdsErrorKind::Setting => ErrorKind::Setting,
            _ => ErrorKind::Provider,
        };
        let message = match (error.kind(), file) {
            (ImdsErrorKind::BadToken, Some(file)) => {
                format!(
                    "{TOKEN_FILE} ({}) cannot be used",
                    shown_path(file.as_ref())
                )
            }
            (ImdsErrorKind::BadToken, None) => format!("{TOKEN} cannot be used"),
            (ImdsErrorKind::Unauthorized, _) => {
                let token = file.map_or(TOKEN, |_| TOKEN_FILE);
                format!("no credentials from the container's agent ({variable}, {token})")
            }
            _ => format!("no credentials from the container's agent ({variable})"),
        };
        Error::with_source(kind, message, error)
    };
    if let Some(file) = file {
        check_exists(file).map_err(|error| {
            let message = format!("{TOKEN_FILE} cannot be used");
            Error::with_source(ErrorKind::Provider, message, error)
        })?;
    }
    let token = token(settings)?;
    let builder = client(settings, variable, token).map_err(failed)?;
    let Some(mut builder) = builder else {
        return Ok(Outcome::NotConfigured(not_set()));
    };
    if is_asked_once {
        builder = builder.attempts(1);
    }
    let client = builder.build().map_err(failed)?;
    let credentials = if is_asked_once {
        client.issue().await
    } else {
        ask(&client).await
    };
    let issued = credentials.map_err(failed)?;
    let origin = ContainerProvider::origin(variable);
    let found = Found::new(issued.credentials, origin).with_renewal(Renewal::Service);
    Ok(Outcome::Found(found.with_expired(issued.expired)))
}

/// Asks the agent up to three times, a second apart. The variable says that there is one, so it may
/// only be late to start or slow to answer.
///
/// Source: botocore, `ContainerMetadataFetcher` (`RETRY_ATTEMPTS`, `SLEEP_TIME`).
#[cfg(feature = "imds")]
async fn ask(
    client: &keyfob_imds::container::Client,
) -> Result<keyfob_imds::container::ContainerCredentials, keyfob_imds::Error> {
    use keyfob_imds::ErrorKind::{Connect, Response, Timeout, Transport};

    for _ in 1..ATTEMPTS {
        match client.issue().await {
            // The client itself repeats what is answered with 429 or 5xx.
            Err(error) if matches!(error.kind(), Connect | Timeout | Transport | Response) => {}
            answer => return answer,
        }
        tokio::time::sleep(PAUSE).await;
    }
    client.issue().await
}

#[cfg(feature = "imds")]
const ATTEMPTS: u32 = 3;
#[cfg(feature = "imds")]
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// What tells the agent which container is asking.
#[cfg(feature = "imds")]
enum Token {
    None,
    Text(Secret),
    File(PathBuf),
}

/// Reads the token, but for a file that the client itself reads for each request.
#[cfg(feature = "imds")]
fn token(settings: &Settings) -> Result<Token, Error> {
    let (variables, agent) = (settings.variables(), settings.rules().agent);
    let (name, text) = match (variables.text(TOKEN_FILE), agent) {
        (Some(file), Agent::Checked) => return Ok(Token::File(file.into())),
        (Some(file), _) => {
            let text = read_secret_file(file).map_err(|error| {
                let message = format!("{TOKEN_FILE} cannot be used");
                Error::with_source(ErrorKind::Provider, message, error)
            })?;
            (TOKEN_FILE, text)
        }
        (None, Agent::Python) => {
            let text = variables.untrimmed(TOKEN).unwrap_or_default();
            (TOKEN, Secret::new(text))
        }
        (None, _) => (
            TOKEN,
            Secret::new(variables.text(TOKEN).unwrap_or_default()),
        ),
    };
    if agent == Agent::Python && text.expose().contains(['\r', '\n']) {
        let tool = settings.order().tool();
        let message = format!("the token of {name} has a line end, and {tool} does not send it");
        return Err(Error::new(ErrorKind::Provider, message));
    }
    match text.expose().trim() {
        "" => Ok(Token::None),
        text => Ok(Token::Text(Secret::new(text))),
    }
}

/// Returns a URL without the user in it.
#[cfg(feature = "imds")]
fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(feature = "imds")]
fn client(
    settings: &Settings,
    variable: &str,
    token: Token,
) -> Result<Option<keyfob_imds::container::ClientBuilder>, keyfob_imds::Error> {
    use keyfob_imds::container::{Client, Location};

    let variables = settings.variables();
    // Only the variable that counts.
    let [relative, full] =
        [RELATIVE, FULL].map(|name| variables.text(name).filter(|_| name == variable));
    let full = full.map(|url| match settings.rules().agent {
        Agent::Checked => url.to_owned(),
        Agent::Python | Agent::JavaScript => without_user(url),
    });
    let Some(location) = Location::from_settings(relative, full.as_deref())? else {
        return Ok(None);
    };
    let builder = Client::builder(location);
    Ok(Some(match token {
        Token::None => builder,
        Token::Text(text) => builder.token(text),
        Token::File(file) => builder.token_file(file),
    }))
}

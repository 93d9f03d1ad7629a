use std::{str::FromStr, time::Duration};

use keyfob_imds::{Client, Endpoint, ErrorKind as Imds, Mode, RoleCredentials};
use keyfob_sigv4::Timestamp;

use crate::{
    error::{Error, ErrorKind},
    origin::Origin,
    provider::{BoxFuture, Bypass, Found, Inspection, Outcome, Provider},
    region::Region,
    settings::Settings,
};

const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";

/// The role of the EC2 instance, from the instance metadata service, always by a session (IMDSv2).
///
/// Off EC2 it is not configured, which takes a second at most to find out. What it goes by, each variable before its
/// property in the profile: `AWS_EC2_METADATA_DISABLED` (`true` in any case, blanks around it cut off as everywhere:
/// no socket is opened),
/// `AWS_EC2_METADATA_SERVICE_ENDPOINT`, `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE`, `AWS_EC2_INSTANCE_PROFILE_NAME`,
/// `AWS_METADATA_SERVICE_TIMEOUT` (seconds for one request) and `AWS_METADATA_SERVICE_NUM_ATTEMPTS`.
///
/// Clones share the session. Needs a tokio runtime with I/O and time enabled.
#[derive(Clone, Debug)]
pub struct InstanceMetadata {
    /// A setting that cannot be used is an error when it is asked for something, not before.
    client: Result<Client, Error>,
}

impl InstanceMetadata {
    /// What the settings say. Nothing is sent.
    pub fn new(settings: &Settings) -> Self {
        Self {
            client: client(settings),
        }
    }

    /// The region of the instance; nothing where there is no instance metadata.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] when a setting cannot be used; [`ErrorKind::Provider`] when the service is there
    /// and fails.
    pub async fn region(&self) -> Result<Option<Region>, Error> {
        let client = self.client.as_ref().map_err(Error::clone)?;
        match client.region().await {
            Ok(region) => Region::new(&region, Origin::InstanceMetadata { role: None }).map(Some),
            Err(error) => absent(&error).map_or(Err(failed("no region", error)), |_| Ok(None)),
        }
    }

    async fn find(&self) -> Result<Outcome, Error> {
        let client = self.client.as_ref().map_err(Error::clone)?;
        match client.credentials().await {
            Ok(RoleCredentials {
                name, credentials, ..
            }) => {
                let origin = Origin::InstanceMetadata { role: Some(name) };
                Ok(Outcome::Found(Found::new(credentials, origin)))
            }
            Err(error) => match absent(&error) {
                Some(why) => Ok(Outcome::NotConfigured(why)),
                None => Err(failed("no credentials", error)),
            },
        }
    }

    /// The name of the role says that there are credentials without making the service issue any.
    async fn look(&self) -> Result<Inspection, Error> {
        let client = self.client.as_ref().map_err(Error::clone)?;
        match client.role_name().await {
            Ok(role) => Ok(Inspection::Available {
                origin: Origin::InstanceMetadata { role: Some(role) },
                credentials: None,
            }),
            Err(error) => match absent(&error) {
                Some(why) => Ok(Inspection::NotConfigured(why)),
                None => Err(failed("no name of a role", error)),
            },
        }
    }
}

impl Provider for InstanceMetadata {
    fn name(&self) -> &str {
        "instance metadata"
    }

    fn provide(&self, _now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(self.find())
    }

    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(self.look())
    }

    fn bypass(&self) -> Option<Bypass> {
        Some(Bypass::set(DISABLED, "true"))
    }
}

/// Why there is simply none here: no EC2, no role, or switched off. Everything else is a failure.
fn absent(error: &keyfob_imds::Error) -> Option<String> {
    match error.kind() {
        Imds::Disabled => Some(format!("{DISABLED} is true")),
        Imds::NotFound => Some("the instance has no role".to_owned()),
        Imds::Forbidden => Some("it is switched off for this instance (HTTP 403)".to_owned()),
        // These say what to do about it, should this be an instance.
        Imds::Connect | Imds::Timeout | Imds::TokenUnsupported => Some(error.to_string()),
        _ => None,
    }
}

fn failed(what: &str, error: keyfob_imds::Error) -> Error {
    let message = format!("{what} from instance metadata");
    Error::with_source(ErrorKind::Provider, message, error)
}

fn client(settings: &Settings) -> Result<Client, Error> {
    let disabled = settings.env().text(DISABLED);
    let disabled = disabled.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let mut builder = Client::builder().disabled(disabled);
    if let Some(endpoint) = find(settings, "AWS_EC2_METADATA_SERVICE_ENDPOINT", Endpoint::new)? {
        builder = builder.endpoint(endpoint);
    } else if let Some(mode) = find(
        settings,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        Mode::from_str,
    )? {
        builder = builder.endpoint(Endpoint::from(mode));
    }
    if let Some(name) = find(settings, "AWS_EC2_INSTANCE_PROFILE_NAME", String::from_str)? {
        builder = builder.profile_name(name);
    }
    if let Some(seconds) = find(settings, "AWS_METADATA_SERVICE_TIMEOUT", u64::from_str)? {
        builder = builder.attempt_timeout(Duration::from_secs(seconds));
    }
    if let Some(attempts) = find(settings, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", u32::from_str)? {
        builder = builder.attempts(attempts);
    }
    builder.build().map_err(|error| {
        let message = "instance metadata cannot be asked";
        Error::with_source(ErrorKind::InvalidSetting, message, error)
    })
}

/// A setting by its variable. Its property in the profile has the same name in lower case, without `AWS_`.
fn find<T, E>(
    settings: &Settings,
    variable: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, Error>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let property = variable.trim_start_matches("AWS_").to_ascii_lowercase();
    let Some(setting) = settings.find(variable, &property) else {
        return Ok(None);
    };
    parse(setting.text).map(Some).map_err(|error| {
        let message = format!("{property} from {} cannot be used", setting.origin);
        Error::with_source(ErrorKind::InvalidSetting, message, error)
    })
}

use std::sync::Arc;

use keyfob_imds::{Client, ErrorKind as ImdsErrorKind, RoleCredentials};
use keyfob_sigv4::Timestamp;

use crate::{
    config::{DISABLED, Instance, Region, Settings, table},
    cure::Skip,
    error::{Error, ErrorKind},
    origin::Origin,
    provider::{BoxFuture, Found, Inspection, Outcome, Provider, Renewal},
};

/// The role of the EC2 instance, from the instance metadata service. Uses IMDSv2 only.
///
/// Outside EC2 it is not configured, which takes up to 1 s to find out. [`Settings::imds`] lists
/// the settings.
///
/// Clones share the session token. Needs a tokio runtime with I/O and time enabled.
#[derive(Clone, Debug)]
pub struct InstanceMetadataProvider {
    settings: Settings,
    instance: Arc<Instance>,
    /// Whether the variable that disables it does not count.
    is_always_on: bool,
}

impl InstanceMetadataProvider {
    /// Creates the provider. The settings are read when it is asked, and an invalid one is an error
    /// then.
    pub fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            instance: Arc::clone(settings.instance()),
            is_always_on: false,
        }
    }

    /// Creates the provider for a profile that names the instance as its source.
    pub(super) fn as_source(settings: &Settings) -> Self {
        let provider = Self::new(settings);
        if settings.rules().switches_off_source || !settings.is_imds_disabled() {
            return provider;
        }
        Self {
            instance: Arc::new(provider.instance.for_other_rules()),
            is_always_on: true,
            ..provider
        }
    }

    fn client(&self) -> Result<&Client, Error> {
        self.instance
            .client(|| client(&self.settings, self.is_always_on))
    }

    /// Returns why the service is not asked, if that is known before.
    fn unasked(&self, now: Timestamp) -> Option<String> {
        if self.settings.has_no_imds_attempt() {
            let name = table::METADATA_SERVICE_NUM_ATTEMPTS.name();
            return Some(format!("{name} is 0"));
        }
        self.instance.absent(now)
    }

    /// Returns the region of the instance, or `None` if there is no instance metadata.
    ///
    /// Within 5 s of `now`, a service that did not answer is not asked again.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Setting`] if a setting cannot be used.
    /// - [`ErrorKind::Provider`] if the service is there but fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{InstanceMetadataProvider, Settings, Variables};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_chain::Error> {
    /// let variables = Variables::from_iter([("AWS_EC2_METADATA_DISABLED", "true")]);
    /// let instance = InstanceMetadataProvider::new(&Settings::load(variables));
    /// assert_eq!(instance.region(Timestamp::now()).await?, None);
    /// # Ok(()) }
    /// ```
    pub async fn region(&self, now: Timestamp) -> Result<Option<Region>, Error> {
        let client = self.client()?;
        if let Some(region) = self.instance.region() {
            return Ok(Some(region));
        }
        if self.instance.absent(now).is_some() {
            return Ok(None);
        }
        match client.region().await {
            Ok(region) => {
                let region = Region::new(&region, Origin::InstanceMetadata { role: None })?;
                self.instance.set_region(&region);
                Ok(Some(region))
            }
            Err(error) => match self.absent(&error, now) {
                Some(_) => Ok(None),
                None => Err(failed("no region", error)),
            },
        }
    }

    async fn find(&self, now: Timestamp) -> Result<Outcome, Error> {
        let client = self.client()?;
        if let Some(reason) = self.unasked(now) {
            return Ok(Outcome::NotConfigured(reason));
        }
        let is_asked = self.is_always_on || !self.settings.is_imds_disabled();
        if is_asked && let Some(finding) = self.settings.proxied_instance_finding() {
            self.settings.notify(&finding);
        }
        match client.credentials().await {
            Ok(RoleCredentials {
                name,
                credentials,
                expired,
                ..
            }) => {
                let origin = Origin::InstanceMetadata { role: Some(name) };
                let found = Found::new(credentials, origin).with_renewal(Renewal::Service);
                Ok(Outcome::Found(found.with_expired(expired)))
            }
            Err(error) => match self.absent(&error, now) {
                Some(reason) => Ok(Outcome::NotConfigured(reason)),
                None => Err(failed("no credentials", error)),
            },
        }
    }

    /// Asks only for the name of the role, so that the service issues no credentials.
    async fn look(&self, now: Timestamp) -> Result<Inspection, Error> {
        let client = self.client()?;
        if let Some(reason) = self.unasked(now) {
            return Ok(Inspection::NotConfigured(reason));
        }
        match client.role_name().await {
            Ok(role) => Ok(Inspection::Available {
                origin: Origin::InstanceMetadata { role: Some(role) },
                credentials: None,
            }),
            Err(error) => match self.absent(&error, now) {
                Some(reason) => Ok(Inspection::NotConfigured(reason)),
                None => Err(failed("no role name", error)),
            },
        }
    }

    /// Returns why there are no credentials here: no EC2, no role, or disabled. Returns `None` if
    /// the error is a failure.
    fn absent(&self, error: &keyfob_imds::Error, now: Timestamp) -> Option<String> {
        if error.is_no_instance() {
            // The message says what to do if this is an instance.
            let reason = error.to_string();
            self.instance.set_absent(&reason, now);
            return Some(reason);
        }
        match error.kind() {
            ImdsErrorKind::Disabled => Some(match self.settings.offline() {
                Some(setting) => format!("not asked, because of {setting}"),
                None if self.settings.flag(&table::EC2_METADATA_DISABLED) => {
                    format!("{DISABLED} is true")
                }
                None => format!("{DISABLED} is set and not false"),
            }),
            ImdsErrorKind::NotFound => Some("the instance has no role".to_owned()),
            ImdsErrorKind::Forbidden => {
                Some("it is switched off for this instance (HTTP 403)".to_owned())
            }
            _ => None,
        }
    }
}

impl Provider for InstanceMetadataProvider {
    fn name(&self) -> &str {
        "instance metadata"
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(self.find(now))
    }

    fn inspect(&self, now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(self.look(now))
    }

    fn skip(&self) -> Option<Skip> {
        Some(Skip::set(DISABLED, "true"))
    }
}

fn failed(what: &str, error: keyfob_imds::Error) -> Error {
    let message = format!("{what} from instance metadata");
    Error::with_source(ErrorKind::Provider, message, error)
}

fn client(settings: &Settings, is_always_on: bool) -> Result<Client, Error> {
    let builder = if is_always_on {
        settings.enabled_imds(None)
    } else {
        settings.imds(None)
    };
    builder?.build().map_err(|error| {
        let message = "instance metadata cannot be used with these settings";
        Error::with_source(ErrorKind::Setting, message, error)
    })
}

use keyfob_sigv4::Timestamp;

use super::{
    container::ContainerProvider,
    environment::EnvironmentProvider,
    role::{Base, Plan, Sts},
};
use crate::{
    config::Settings,
    cure::Skip,
    error::{Error, ErrorKind, shown},
    profiles::{FileKind, SectionName},
    provider::{BoxFuture, Found, Inspection, Outcome, Provider},
};

/// A profile of the configuration files: its role, its web identity, or its access key, in this
/// order.
///
/// `role_arn` is assumed with the credentials of `source_profile`, which may have a role itself, or
/// of `credential_source`. `role_session_name`, `external_id` and `duration_seconds` are sent to
/// STS.
///
/// The access key comes from the credentials file, or else from the config file. Id, secret, token
/// and account come from one file, so that an old token in one file never ends up beside a new key
/// in the other.
///
/// SSO, a login, a process or MFA in the profile is an error, so that no other identity is used in
/// its place.
#[derive(Clone, Debug)]
pub struct ProfileProvider {
    settings: Settings,
    name: String,
    sts: Sts,
}

impl ProfileProvider {
    /// Creates the provider for the profile of the settings.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, ProfileProvider, Settings, Variables};
    ///
    /// // One profile, whatever else is configured.
    /// let settings = Settings::load(Variables::from_process()).with_profile("dev");
    /// let chain = Chain::new().then(ProfileProvider::new(settings));
    /// ```
    pub fn new(settings: Settings) -> Self {
        Self {
            name: format!("profile \"{}\"", shown(settings.profile_name())),
            sts: Sts::new(settings.clone()),
            settings,
        }
    }

    async fn find(&self, now: Timestamp) -> Result<Outcome, Error> {
        let Some(plan) = Plan::from_settings(&self.settings)? else {
            return self.missing_reason().map(Outcome::NotConfigured);
        };
        let mut found = self.base(plan.base, now).await?;
        for role in &plan.roles {
            found = self.sts.assume(role, &found.credentials, now).await?;
        }
        Ok(Outcome::Found(found))
    }

    async fn base(&self, base: Base, now: Timestamp) -> Result<Found, Error> {
        match base {
            Base::Key(found) => Ok(found),
            Base::WebIdentity { role, token_file } => {
                self.sts.assume_with_token(&role, &token_file, now).await
            }
            Base::Environment => {
                let environment = EnvironmentProvider::new(self.settings.clone());
                source(&environment, "Environment", now).await
            }
            Base::Container => {
                let container = ContainerProvider::new(self.settings.clone());
                source(&container, "EcsContainer", now).await
            }
            #[cfg(feature = "imds")]
            Base::InstanceMetadata => {
                let instance = super::instance::InstanceMetadataProvider::new(&self.settings);
                source(&instance, "Ec2InstanceMetadata", now).await
            }
            #[cfg(not(feature = "imds"))]
            Base::InstanceMetadata => Err(Error::new(
                ErrorKind::Unsupported,
                "credential_source Ec2InstanceMetadata needs the feature imds of this build",
            )),
        }
    }

    /// Looks without contacting a service.
    fn look(&self) -> Result<Inspection, Error> {
        let Some(plan) = Plan::from_settings(&self.settings)? else {
            return self.missing_reason().map(Inspection::NotConfigured);
        };
        let origin = plan.origin();
        let credentials = match plan.base {
            Base::Key(found) if plan.roles.is_empty() => Some(found.credentials),
            _ => None,
        };
        Ok(Inspection::Available {
            origin,
            credentials,
        })
    }

    /// Returns why the profile has no credentials. That is an error if an unreadable file or
    /// section might define the profile.
    fn missing_reason(&self) -> Result<String, Error> {
        let problems = self.settings.files().problems();
        if let Some(problem) = problems.iter().find(|problem| problem.hides_sections()) {
            return Err(Error::new(ErrorKind::ConfigFile, problem.to_string()));
        }
        let reason = match self.settings.profile()? {
            Some(_) => "it says nothing about credentials".to_owned(),
            None => {
                let name = SectionName::profile(self.settings.profile_name());
                let slip = self.settings.files().slip(&name);
                slip.map_or_else(
                    || "no file has it".to_owned(),
                    |slip| format!("no file has it: {slip}"),
                )
            }
        };
        Ok(reason)
    }
}

impl Provider for ProfileProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(self.find(now))
    }

    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(std::future::ready(self.look()))
    }

    fn skip(&self) -> Option<Skip> {
        let variable = match Plan::from_settings(&self.settings).ok()??.file {
            FileKind::Credentials => "AWS_SHARED_CREDENTIALS_FILE",
            FileKind::Config => "AWS_CONFIG_FILE",
        };
        // Without the file that decides, the profile says nothing, and the other file still counts.
        let empty_file = if cfg!(windows) { "NUL" } else { "/dev/null" };
        Some(Skip::set(variable, empty_file))
    }

    fn warnings(&self) -> Vec<String> {
        let name = SectionName::profile(self.settings.profile_name());
        let problems = self.settings.files().problems().iter();
        problems
            .filter(|problem| problem.concerns(&name))
            .map(ToString::to_string)
            .collect()
    }
}

/// Asks a provider that `credential_source` names. Not being configured is an error here.
async fn source(provider: &impl Provider, name: &str, now: Timestamp) -> Result<Found, Error> {
    match provider.provide(now).await? {
        Outcome::Found(found) => Ok(found),
        Outcome::NotConfigured(reason) => Err(Error::new(
            ErrorKind::NoCredentials,
            format!("credential_source {name} has no credentials: {reason}"),
        )),
    }
}

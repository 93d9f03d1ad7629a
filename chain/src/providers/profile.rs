use keyfob_sigv4::Timestamp;

use super::{
    Container, Environment,
    plan::{Base, Plan},
    role::Sts,
};
use crate::{
    error::{Error, ErrorKind},
    profiles::{FileKind, SectionName},
    provider::{BoxFuture, Bypass, Found, Inspection, Outcome, Provider},
    settings::Settings,
};

/// The profile: its role, its web identity, or its access key, in this order.
///
/// `role_arn` is assumed with the credentials of `source_profile`, which may be a role itself, or of
/// `credential_source`; `role_session_name`, `external_id` and `duration_seconds` are passed on. A key is that of the
/// credentials file, or failing that of the config file; id, secret, token and account come from one file, never from
/// both, so that a token that is left over in the one does not end up beside a new key in the other.
///
/// What a profile asks for and this version does not speak (SSO, a login, a process, MFA) is an error,
/// not a reason to use another identity.
#[derive(Clone, Debug)]
pub struct Profile {
    settings: Settings,
    name: String,
    sts: Sts,
}

impl Profile {
    /// The profile that the settings name.
    pub fn new(settings: Settings) -> Self {
        Self {
            name: format!("profile \"{}\"", settings.profile_name().escape_debug()),
            sts: Sts::new(settings.clone()),
            settings,
        }
    }

    async fn find(&self, now: Timestamp) -> Result<Outcome, Error> {
        let Some(plan) = Plan::of(&self.settings)? else {
            return self.nothing().map(Outcome::NotConfigured);
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
                let environment = Environment::new(self.settings.clone());
                source(&environment, "Environment", now).await
            }
            Base::Container => {
                let container = Container::new(self.settings.clone());
                source(&container, "EcsContainer", now).await
            }
            #[cfg(feature = "imds")]
            Base::InstanceMetadata => {
                let instance = super::InstanceMetadata::new(&self.settings);
                source(&instance, "Ec2InstanceMetadata", now).await
            }
            #[cfg(not(feature = "imds"))]
            Base::InstanceMetadata => Err(Error::new(
                ErrorKind::Unsupported,
                "credential_source Ec2InstanceMetadata needs the feature imds of this build",
            )),
        }
    }

    /// What can be seen without asking anybody.
    fn look(&self) -> Result<Inspection, Error> {
        let Some(plan) = Plan::of(&self.settings)? else {
            return self.nothing().map(Inspection::NotConfigured);
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

    /// Why there is nothing. Where a file, or a part of it that nobody can place, cannot be read, nobody knows.
    fn nothing(&self) -> Result<String, Error> {
        let profiles = self.settings.profiles();
        if let Some(problem) = profiles.problems().iter().find(|problem| problem.hides()) {
            return Err(Error::new(ErrorKind::ConfigFile, problem.to_string()));
        }
        let there = self.settings.profile()?.is_some();
        Ok(match there {
            true => "it says nothing about credentials",
            false => "no file has it",
        }
        .to_owned())
    }
}

impl Provider for Profile {
    fn name(&self) -> &str {
        &self.name
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(self.find(now))
    }

    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(std::future::ready(self.look()))
    }

    fn bypass(&self) -> Option<Bypass> {
        let variable = match Plan::of(&self.settings).ok()??.file {
            FileKind::Credentials => "AWS_SHARED_CREDENTIALS_FILE",
            FileKind::Config => "AWS_CONFIG_FILE",
        };
        let nothing = if cfg!(windows) { "NUL" } else { "/dev/null" };
        Some(Bypass::set(variable, nothing))
    }

    fn warnings(&self) -> Vec<String> {
        let name = SectionName::profile(self.settings.profile_name());
        let problems = self.settings.profiles().problems().iter();
        let problems = problems.filter(|problem| problem.concerns(&name));
        problems.map(ToString::to_string).collect()
    }
}

/// A provider that a `credential_source` names, and that has to have credentials therefore.
async fn source(provider: &impl Provider, name: &str, now: Timestamp) -> Result<Found, Error> {
    match provider.provide(now).await? {
        Outcome::Found(found) => Ok(found),
        Outcome::NotConfigured(why) => Err(Error::new(
            ErrorKind::NoCredentials,
            format!("credential_source {name} has no credentials: {why}"),
        )),
    }
}

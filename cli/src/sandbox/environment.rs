use std::path::Path;

use keyfob_chain::Variables;
use keyfob_sigv4::Credentials;

use crate::terminal::exports;

/// The variables that point a program at the sandbox.
///
/// Other variables keep their values, so keys in the environment mask the role of the sandbox's
/// instance, as on a real instance.
#[derive(Debug)]
pub(crate) struct Environment {
    services: String,
    imds: String,
    config: String,
    credentials: String,
    logins: String,
    user: Credentials,
}

/// Variables that are emptied in the sandbox, because they point elsewhere.
const CLEARED: [&str; 5] = [
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
];

/// The variables for the endpoints of the services that the sandbox has.
const ENDPOINTS: [&str; 7] = [
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_ENDPOINT_URL_EC2",
    "AWS_ENDPOINT_URL_SERVICE_QUOTAS",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_ENDPOINT_URL_SIGNIN",
];

/// The variable for all services, so that no program reaches the real AWS by mistake.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// The variables that name the configuration files.
const FILES: [&str; 2] = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];
/// The variable for the folder of the credentials of logins.
const LOGINS: &str = "AWS_LOGIN_CACHE_DIRECTORY";

impl Environment {
    pub(super) fn new(services: &str, imds: &str, files: &Path, user: &Credentials) -> Self {
        let file = |name| files.join(name).to_string_lossy().into_owned();
        Self {
            services: services.to_owned(),
            imds: imds.to_owned(),
            config: file("config"),
            credentials: file("credentials"),
            logins: file("logins"),
            user: user.clone(),
        }
    }

    /// Returns true if variables name both files, so that the sandbox's own are not used.
    pub(crate) fn has_own_files(variables: &Variables) -> bool {
        FILES.iter().all(|name| variables.raw(name).is_some())
    }

    /// Returns true if the sandbox has a service, by its id in the SDKs.
    pub(crate) fn has_service(id: &str) -> bool {
        let name = id.to_ascii_uppercase().replace(' ', "_");
        let mut variables = ENDPOINTS.into_iter();
        variables.any(|variable| variable.strip_prefix("AWS_ENDPOINT_URL_") == Some(&name))
    }

    /// Points an environment at the sandbox. The sandbox's files replace those in the home folder,
    /// but not files that a variable names.
    pub(crate) fn apply(&self, variables: Variables) -> Variables {
        let changes = self.changes(&variables);
        changes
            .into_iter()
            .fold(variables, |variables, (name, value)| {
                variables.with(name, value)
            })
    }

    /// Returns the variables that point a program of Keyfob at the sandbox, whose own are
    /// `variables`.
    fn changes<'a>(&'a self, variables: &Variables) -> Vec<(&'static str, &'a str)> {
        let names = FILES.into_iter().chain([LOGINS]);
        let files = names.zip([&*self.config, &*self.credentials, &*self.logins]);
        let mut changes: Vec<_> = CLEARED.into_iter().map(|name| (name, "")).collect();
        changes.extend(files.filter(|(name, _)| variables.raw(name).is_none()));
        changes.extend(ENDPOINTS.into_iter().map(|name| (name, &*self.services)));
        changes.push(("AWS_EC2_METADATA_SERVICE_ENDPOINT", &self.imds));
        changes
    }

    /// Returns the same for any program. It takes variables away, because some SDKs read an empty
    /// one as a wrong value.
    pub(crate) fn changes_for_others<'a>(
        &'a self,
        variables: &Variables,
    ) -> Vec<(&'static str, Option<&'a str>)> {
        let changes = self.changes(variables).into_iter();
        let mut changes: Vec<_> = changes
            .map(|(name, value)| (name, Some(value).filter(|value| !value.is_empty())))
            .collect();
        if variables.raw(ENDPOINT).is_none() {
            changes.push((ENDPOINT, Some(&self.services)));
        }
        changes
    }

    /// Returns lines for a POSIX shell that point other programs at the sandbox, with the key of
    /// its user.
    pub(crate) fn exports(&self) -> String {
        let user = &self.user;
        let variables = [
            (ENDPOINT, self.services.as_str()),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.imds.as_str()),
            ("AWS_CONFIG_FILE", self.config.as_str()),
            ("AWS_SHARED_CREDENTIALS_FILE", self.credentials.as_str()),
            (LOGINS, self.logins.as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", user.access_key_id()),
            ("AWS_SECRET_ACCESS_KEY", user.secret_access_key().expose()),
        ];
        let lines = exports(&variables);
        format!(
            "{lines}unset AWS_SESSION_TOKEN AWS_PROFILE {}\n",
            CLEARED.join(" ")
        )
    }
}

use std::{fmt, sync::Arc};

use keyfob_sigv4::{Credentials, Timestamp};

use super::role::{Role, Sessions};
use crate::{
    config::Settings,
    error::{Error, ErrorKind},
    finding::{Finding, FindingKind},
    origin::Origin,
    provider::{BoxFuture, Found, Inspection, Outcome, Provider},
};

/// A role that the program names, assumed with the credentials of another provider.
///
/// The settings decide which endpoint of STS is called. The session is cached and shared as that of
/// a profile's role is: in memory, and on the disk of the [`Sources`](crate::Sources) if they have
/// one. A role that needs a code asks for it through them, too.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{AssumeRoleProvider, Cached, Chain, Order, Settings, Variables};
///
/// let settings = Settings::load(Variables::from_process());
/// let source = Chain::default_for(Order::Cli, &settings);
/// let role = "arn:aws:iam::123456789012:role/deploy";
/// let deploy = AssumeRoleProvider::new(settings, source, role)
///     .session_name("release-42")
///     .external_id("partner-42")
///     .duration_seconds(900);
/// let credentials = Cached::new(deploy);
/// ```
#[derive(Clone)]
pub struct AssumeRoleProvider {
    settings: Settings,
    source: Arc<dyn Provider>,
    role: Role,
    sessions: Sessions,
}

impl AssumeRoleProvider {
    /// Creates the provider of a role by its ARN. STS is not contacted yet.
    pub fn new(
        settings: Settings,
        source: impl Provider + 'static,
        role_arn: impl Into<String>,
    ) -> Self {
        let role = Role {
            arn: role_arn.into(),
            session_name: None,
            external_id: None,
            duration_seconds: None,
            mfa_serial: None,
            source_profile: None,
            region: None,
            named_in: Origin::Default,
            places: Vec::new(),
            step: None,
        };
        Self {
            sessions: Sessions::new(settings.clone()),
            settings,
            source: Arc::new(source),
            role,
        }
        .named_by("the program")
    }

    /// Sets the name of the session, which its ARN and the logs of CloudTrail end in. The default
    /// is `keyfob-` and the time.
    #[must_use]
    pub fn session_name(mut self, name: impl Into<String>) -> Self {
        self.role.session_name = Some(name.into());
        self
    }

    /// Sets the ID that the owner of the role in another account has asked for.
    #[must_use]
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.role.external_id = Some(id.into());
        self
    }

    /// Sets how long a session is valid, in seconds. The default is 3600.
    ///
    /// At least 900, and at most what the role allows, or 3600 if it is assumed with the session of
    /// another role.
    #[must_use]
    pub fn duration_seconds(mut self, seconds: u32) -> Self {
        self.role.duration_seconds = Some(seconds);
        self
    }

    /// Sets the serial number or ARN of the MFA device whose code the role needs. The prompt of the
    /// [`Sources`](crate::Sources) is asked for the code.
    #[must_use]
    pub fn mfa_serial(mut self, serial: impl Into<String>) -> Self {
        self.role.mfa_serial = Some(serial.into());
        self
    }

    /// Sets the name of the profile that the source is, for errors and questions. The default is
    /// that it is none.
    #[must_use]
    pub fn source_profile(mut self, name: impl Into<String>) -> Self {
        self.role.source_profile = Some(name.into());
        self
    }

    /// Sets what the origin of the credentials names as the place of the role, such as
    /// `--role-arn`. The default is `the program`.
    #[must_use]
    pub fn named_by(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.role.set_place("RoleArn", name.clone());
        self.role.named_in = Origin::Argument { name };
        self
    }

    /// Returns the provider with other settings.
    fn with(&self, settings: Settings) -> Self {
        Self {
            sessions: self.sessions.with(&settings),
            settings,
            source: Arc::clone(&self.source),
            role: self.role.clone(),
        }
    }

    async fn find(&self, now: Timestamp) -> Result<Found, Error> {
        let source = match self.source.provide(now).await? {
            Outcome::Found(found) => found,
            Outcome::NotConfigured(reason) => return Err(self.without_source(&reason)),
        };
        if let Some(end) = source.end().filter(|end| *end <= now) {
            let role = &self.role.arn;
            let text = format!(
                "the key that role {role} is assumed with expired at {end}: its source gives old \
                 ones, or the clock of this machine is ahead"
            );
            let finding = Finding::warning(FindingKind::Expiry, text);
            let finding = finding.with_origin(source.origin.clone()).with_own_cure();
            self.settings.notify(&finding);
        }
        // Other credentials of the source have sessions of their own.
        let base = source.credentials.access_key_id();
        let source = async || Ok(source.clone());
        self.sessions
            .assume(&self.role, &[], base, source, now)
            .await
    }

    /// Another identity must not take the place of the role.
    fn without_source(&self, reason: &str) -> Error {
        let (role, source) = (self.role.origin().raw(), self.source.name());
        let message = format!("no session of role {role}: no credentials from {source}: {reason}");
        Error::new(ErrorKind::NoCredentials, message)
    }
}

impl Provider for AssumeRoleProvider {
    fn name(&self) -> &str {
        "role"
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(async move {
            let this = self.with(self.settings.current(now));
            this.find(now).await.map(Outcome::Found)
        })
    }

    fn inspect(&self, now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(async move {
            match self.source.inspect(now).await? {
                Inspection::NotConfigured(reason) => Err(self.without_source(&reason)),
                _ => Ok(Inspection::Available {
                    origin: self.role.origin(),
                    credentials: None,
                }),
            }
        })
    }

    fn revision(&self, now: Timestamp) -> u64 {
        self.settings.revision(now) + self.source.revision(now)
    }

    fn findings(&self, now: Timestamp) -> Vec<Finding> {
        let mut findings = self.source.findings(now);
        findings.extend(self.role.finding());
        findings
    }

    fn invalidate(&self, refused: &Credentials) {
        self.settings.sources().invalidate(refused);
        self.source.invalidate(refused);
    }
}

impl fmt::Debug for AssumeRoleProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumeRoleProvider")
            .field("source", &self.source.name())
            .field("role", &self.role.origin())
            .finish_non_exhaustive()
    }
}

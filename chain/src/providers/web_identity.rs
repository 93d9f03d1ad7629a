use keyfob_sigv4::{Credentials, Timestamp};

use super::{
    role::{Role, Sessions, TokenFile, property},
    without_profile::{profile_name, without_profile},
};
use crate::{
    config::{Settings, table},
    cure::Skip,
    error::{Error, ErrorKind, shown},
    finding::Finding,
    order::NamedProfile,
    origin::Origin,
    profiles::Value,
    provider::{Aside, BoxFuture, Inspection, Outcome, Provider},
};

const TOKEN_FILE: &str = table::WEB_IDENTITY_TOKEN_FILE.name();
const ROLE: &str = table::ROLE_ARN.name();
const SESSION_NAME: &str = table::ROLE_SESSION_NAME.name();

/// A role by web identity, as of a Kubernetes pod, from environment variables.
///
/// Assumes `AWS_ROLE_ARN` with the token in the file `AWS_WEB_IDENTITY_TOKEN_FILE`, with the
/// session name `AWS_ROLE_SESSION_NAME`. Reads the file for each session, because its writer
/// replaces the token.
///
/// By the rules of the AWS CLI, the variables do not count if the program chose the profile
/// ([`Settings::with_profile`]), if the profile has a `role_arn` without a
/// `web_identity_token_file`, or if the profile that a variable names does not exist.
#[derive(Clone, Debug)]
pub struct WebIdentityProvider {
    settings: Settings,
    sessions: Sessions,
}

impl WebIdentityProvider {
    /// Creates the provider.
    pub fn new(settings: Settings) -> Self {
        Self {
            sessions: Sessions::new(settings.clone()),
            settings,
        }
    }

    /// Returns the provider with other settings.
    fn with(&self, settings: Settings) -> Self {
        Self {
            sessions: self.sessions.with(&settings),
            settings,
        }
    }

    /// Returns the role and the token file; `None` if the variables do not count.
    fn role(&self) -> Result<Option<(Role, TokenFile)>, Error> {
        let variables = self.settings.variables();
        let Some(token_file) = variables.text(TOKEN_FILE).filter(|_| !self.yields()) else {
            return Ok(None);
        };
        let of_variable = variables.text(ROLE);
        let of_profile = || Some(self.profile_role()?.as_str());
        let Some(arn) = of_variable.or_else(of_profile) else {
            if !self.settings.rules().refuses_half_web_identity {
                return Ok(None);
            }
            return Err(Error::new(
                ErrorKind::SourceProfile,
                format!(
                    "{TOKEN_FILE} is set and {ROLE} is {}: set both or neither",
                    variables.missing_reason(ROLE)
                ),
            ));
        };
        let mut role = Role {
            arn: arn.to_owned(),
            session_name: variables.text(SESSION_NAME).map(ToOwned::to_owned),
            external_id: None,
            duration_seconds: None,
            mfa_serial: None,
            source_profile: None,
            region: None,
            named_in: Origin::environment(&[ROLE, TOKEN_FILE]),
            places: Vec::new(),
            step: None,
        };
        match self.profile_role().filter(|_| of_variable.is_none()) {
            Some(arn) => {
                let name = self.settings.profile_name();
                role.named_in = Origin::file(arn.location(), name);
                role.set_place("RoleArn", format!("{}: role_arn", arn.location()));
            }
            None => role.set_place("RoleArn", ROLE.to_owned()),
        }
        role.set_place("RoleSessionName", SESSION_NAME.to_owned());
        let token_file = TokenFile {
            path: token_file.into(),
            setting: TOKEN_FILE.to_owned(),
        };
        Ok(Some((role, token_file)))
    }

    /// Returns the role of a profile that has a token file of its own. As in botocore, each of the
    /// two settings comes from the environment, or else from the profile.
    fn profile_role(&self) -> Option<&Value> {
        let profile = self.settings.profile().ok()??;
        let get = |name| property(profile, name);
        get("web_identity_token_file")?;
        get("role_arn").filter(|_| self.settings.rules().shares_web_identity)
    }

    fn yields(&self) -> bool {
        let has_role = || match self.settings.profile() {
            Ok(profile) => {
                let has = |name| profile.is_some_and(|profile| profile.get(name).is_some());
                has("role_arn") && !has("web_identity_token_file")
            }
            // The error is that of the profile's own provider. A profile that no file has may
            // have had a role; a damaged one stops only what comes from it.
            Err(error) => error.kind() == ErrorKind::ProfileNotFound,
        };
        let rules = self.settings.rules();
        let is_switched_off = rules.named_profile == NamedProfile::EnvironmentByProgram
            && self.settings.is_profile_explicit();
        is_switched_off || rules.shares_web_identity && has_role()
    }

    fn missing_reason(&self) -> String {
        let variables = self.settings.variables();
        match variables.text(TOKEN_FILE) {
            None => format!("{TOKEN_FILE} is {}", variables.missing_reason(TOKEN_FILE)),
            Some(_) if !self.yields() => {
                let reason = variables.missing_reason(ROLE);
                format!("{TOKEN_FILE} is set and {ROLE} is {reason}")
            }
            Some(_) => {
                let name = shown(self.settings.profile_name());
                format!("{TOKEN_FILE} is set, and does not count beside profile \"{name}\"")
            }
        }
    }

    fn look(&self) -> Result<Inspection, Error> {
        Ok(match self.role()? {
            None => Inspection::NotConfigured(self.missing_reason()),
            Some((role, _)) => Inspection::Available {
                origin: role.origin(),
                credentials: None,
            },
        })
    }

    async fn find(&self, now: Timestamp) -> Result<Outcome, Error> {
        match self.role()? {
            None => Ok(Outcome::NotConfigured(self.missing_reason())),
            Some((role, file)) => {
                let found = self.sessions.assume_with_token(&role, &file, now).await;
                found.map(Outcome::Found)
            }
        }
    }
}

impl Provider for WebIdentityProvider {
    fn name(&self) -> &str {
        "web identity"
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(async move { self.with(self.settings.current(now)).find(now).await })
    }

    fn inspect(&self, now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        let this = self.with(self.settings.current(now));
        Box::pin(std::future::ready(this.look()))
    }

    fn revision(&self, now: Timestamp) -> u64 {
        self.settings.revision(now)
    }

    fn findings(&self, now: Timestamp) -> Vec<Finding> {
        match self.with(self.settings.current(now)).role() {
            Ok(Some((role, _))) => role.finding().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn invalidate(&self, refused: &Credentials) {
        self.settings.sources().invalidate(refused);
    }

    fn skip(&self) -> Option<Skip> {
        // A profile with a token file takes the role of the environment, even beside its own.
        let settings = self.settings.latest();
        let profile = settings.profile().ok().flatten();
        let has = |name| profile.is_some_and(|profile| profile.get(name).is_some());
        if settings.rules().shares_web_identity && has("web_identity_token_file") {
            return Some(Skip::unset([TOKEN_FILE]));
        }
        Some(Skip::unset([TOKEN_FILE, ROLE]))
    }

    fn aside(&self, now: Timestamp) -> Option<Aside> {
        self.settings.variables().text(TOKEN_FILE)?;
        let this = self.with(self.settings.current(now));
        if !this.yields() {
            return None;
        }
        let counts = |settings: &Settings| !self.with(settings.clone()).yields();
        let beside = profile_name(&this.settings);
        let Some((change, settings)) = without_profile(&this.settings, counts) else {
            let reason = Inspection::NotConfigured(this.missing_reason());
            return Some(Aside::new(beside, reason, None));
        };
        let inspection = self.with(settings).look();
        let inspection =
            inspection.unwrap_or_else(|error| Inspection::NotConfigured(error.chain()));
        Some(Aside::new(beside, inspection, Some(change)))
    }
}

use keyfob_sigv4::Timestamp;

use super::{plan::Role, role::Sts};
use crate::{
    error::{Error, ErrorKind},
    origin::Origin,
    provider::{BoxFuture, Bypass, Inspection, Outcome, Provider},
    settings::Settings,
};

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE: &str = "AWS_ROLE_ARN";

/// The role of a pod: `AWS_ROLE_ARN` with the token in the file of `AWS_WEB_IDENTITY_TOKEN_FILE`, under the name of
/// `AWS_ROLE_SESSION_NAME`. The file is read anew for each session, since its writer replaces the token.
#[derive(Clone, Debug)]
pub struct WebIdentity {
    settings: Settings,
    yields_to_profile: bool,
    sts: Sts,
}

impl WebIdentity {
    /// The variables always count.
    pub fn new(settings: Settings) -> Self {
        Self {
            sts: Sts::new(settings.clone()),
            settings,
            yields_to_profile: false,
        }
    }

    /// As in the AWS CLI, the variables do not count when the program was told which profile to use
    /// ([`Settings::with_profile`]), nor beside a profile with a `role_arn`
    /// that is not a web identity itself.
    #[must_use]
    pub fn yielding_to_profile(mut self) -> Self {
        self.yields_to_profile = true;
        self
    }

    /// What the variables ask for, with the file of the token; nothing when they do not count.
    fn role(&self) -> Result<Option<(Role, &str)>, Error> {
        let env = self.settings.env();
        let Some(token_file) = env.text(TOKEN_FILE).filter(|_| !self.yields()) else {
            return Ok(None);
        };
        let Some(arn) = env.text(ROLE) else {
            return Err(Error::new(
                ErrorKind::Source,
                format!(
                    "{TOKEN_FILE} is set and {ROLE} is {}: set both or neither",
                    env.lack(ROLE)
                ),
            ));
        };
        let role = Role {
            arn: arn.to_owned(),
            session_name: env.text("AWS_ROLE_SESSION_NAME").map(ToOwned::to_owned),
            external_id: None,
            duration_seconds: None,
            named_in: Origin::environment(&[ROLE, TOKEN_FILE]),
        };
        Ok(Some((role, token_file)))
    }

    fn yields(&self) -> bool {
        let has_role = || {
            let profile = self.settings.profile().ok().flatten();
            let has = |name| profile.is_some_and(|profile| profile.get(name).is_some());
            has("role_arn") && !has("web_identity_token_file")
        };
        self.yields_to_profile && (self.settings.is_profile_explicit() || has_role())
    }

    fn why_not(&self) -> String {
        match self.settings.env().text(TOKEN_FILE) {
            None => format!("{TOKEN_FILE} is {}", self.settings.env().lack(TOKEN_FILE)),
            Some(_) => {
                let name = self.settings.profile_name().escape_debug();
                format!("{TOKEN_FILE} is set, and does not count beside profile \"{name}\"")
            }
        }
    }

    async fn find(&self, now: Timestamp) -> Result<Outcome, Error> {
        match self.role()? {
            None => Ok(Outcome::NotConfigured(self.why_not())),
            Some((role, file)) => {
                let found = self.sts.assume_with_token(&role, file.as_ref(), now).await;
                found.map(Outcome::Found)
            }
        }
    }
}

impl Provider for WebIdentity {
    fn name(&self) -> &str {
        "web identity"
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(self.find(now))
    }

    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(std::future::ready(self.role().map(|role| match role {
            None => Inspection::NotConfigured(self.why_not()),
            Some((role, _)) => Inspection::Available {
                origin: role.origin(),
                credentials: None,
            },
        })))
    }

    fn bypass(&self) -> Option<Bypass> {
        Some(Bypass::unset([TOKEN_FILE, ROLE]))
    }
}

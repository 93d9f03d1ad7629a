use std::sync::Arc;

use keyfob_sigv4::{Credentials, Secret, Timestamp};
use keyfob_sts::{
    Client, ErrorKind as StsErrorKind,
    actions::{
        AssumeRole, AssumeRoleWithWebIdentity, AssumedRole, AssumedRoleUser, WebIdentityRole,
    },
    mfa::{SentCodes, is_code_refused},
};
use tokio::sync::OnceCell;

use super::{Role, TokenFile};
use crate::{
    config::{Region, Settings},
    error::{Error, ErrorKind, shown_path},
    files::{
        self, Lock,
        sessions::{Session, SessionUser},
    },
    finding::{Finding, FindingKind},
    origin::Origin,
    provider::Found,
};

/// How many codes a person may try.
const CODES: u32 = 3;

impl From<AssumedRole> for Session {
    fn from(answer: AssumedRole) -> Self {
        issued(answer.credentials, answer.user)
    }
}

impl From<WebIdentityRole> for Session {
    fn from(answer: WebIdentityRole) -> Self {
        issued(answer.credentials, answer.user)
    }
}

fn issued(credentials: Credentials, user: Option<AssumedRoleUser>) -> Session {
    Session {
        credentials,
        user: user.map(|user| SessionUser {
            id: user.assumed_role_id,
            arn: user.arn,
        }),
        provider: None,
        profile: None,
    }
}

/// STS, at the endpoint that the settings lead to. The client is created for the first role.
#[derive(Clone, Debug)]
pub(super) struct Sts {
    settings: Settings,
    client: Arc<OnceCell<Client>>,
}

impl Sts {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            client: Arc::default(),
        }
    }

    /// Returns STS by other settings. The client is kept if their profile is the same.
    pub(super) fn with(&self, settings: &Settings) -> Self {
        if settings.has_profile_of(&self.settings) {
            self.clone()
        } else {
            Self::new(settings.clone())
        }
    }

    /// Assumes a role. Asks for a code if the role needs one, and again if that one is wrong.
    pub(super) async fn assume(
        &self,
        role: &Role,
        source: &Found,
        now: Timestamp,
    ) -> Result<Session, Error> {
        self.check_region(now).await?;
        let client = self.client(role, now).await?;
        let mut action = assume_role(role, now).map_err(|error| failed(role, error))?;
        // Of the credentials of containers and instances it is not known: any server may imitate
        // those endpoints.
        if matches!(source.origin, Origin::Role { .. }) {
            action = action.chained();
        }
        let Some(serial) = &role.mfa_serial else {
            let answer = client.send(&action, &source.credentials).await;
            return session(role, answer).map_err(|error| from_source(role, source, error));
        };
        let mut refused = None;
        let mut sent = SentCodes::default();
        let watch = self.settings.sources().watch(now);
        let mut asked = 0;
        loop {
            asked += 1;
            let code = self.ask_for_code(role, serial, refused).await?;
            let read_at = watch.now();
            let answer = match action.clone().mfa(serial, code.clone()) {
                Ok(action) => client.send(&action, &source.credentials).await,
                Err(error) => Err(error),
            };
            match answer {
                Err(error) if asked < CODES && is_code_refused(&error) => {
                    let refusal = sent.refusal(&error, &code, read_at, watch.now());
                    refused = refusal.map(|refusal| refusal.to_string());
                }
                answer => {
                    return session(role, answer).map_err(|error| from_source(role, source, error));
                }
            }
        }
    }

    /// Fails if the rules need a region that is set.
    async fn check_region(&self, now: Timestamp) -> Result<(), Error> {
        let settings = &self.settings;
        if !settings.rules().refuses_role_without_region {
            return Ok(());
        }
        let region = settings.resolve_region(None, now).await?;
        let Some(url) = settings
            .endpoint_url("sts")?
            .filter(|_| *region.origin() == Origin::Default)
        else {
            return Ok(());
        };
        let message = format!(
            "no region is set, which {} needs to sign for the URL of {}: set {} or region in the \
             profile",
            settings.order().tool(),
            url.name,
            settings.rules().region_variables[0]
        );
        Err(Error::new(ErrorKind::Setting, message))
    }

    async fn ask_for_code(
        &self,
        role: &Role,
        serial: &str,
        refused: Option<String>,
    ) -> Result<Secret, Error> {
        let question = role.question(serial, refused);
        match self.settings.sources().ask_for_code(question) {
            Some(code) => code.await,
            None => Err(Error::new(ErrorKind::MfaCode, "there is no prompt")),
        }
    }

    pub(super) async fn assume_with_token(
        &self,
        role: &Role,
        token_file: &TokenFile,
        token: &Secret,
        now: Timestamp,
    ) -> Result<Session, Error> {
        let client = self.client(role, now).await?;
        // Many writers put a line end after it.
        let token = Secret::from(token.expose().trim());
        let action = assume_role_with_token(role, token, now).map_err(|error| {
            let TokenFile { path, setting } = token_file;
            let mut role = role.clone();
            let setting = format!("{setting}: the token in {}", shown_path(path));
            role.set_place("WebIdentityToken", setting);
            failed(&role, error)
        })?;
        let answer = client.send_unsigned(&action).await;
        session(role, answer)
    }

    /// Returns the client, and tells the program what it should say before the call.
    async fn client(&self, role: &Role, now: Timestamp) -> Result<Client, Error> {
        let client = match &role.region {
            Some((region, origin)) if self.settings.rules().region_beside_role => {
                build(&self.settings, &Region::new(region, origin.clone())?)?
            }
            _ => self
                .client
                .get_or_try_init(|| client(&self.settings, now))
                .await?
                .clone(),
        };
        if let Some(hint) = client.endpoint().partition_hint(&role.arn) {
            let finding = Finding::warning(FindingKind::Partition, hint);
            self.settings
                .notify(&finding.with_origin(role.named_in.clone()));
        }
        Ok(client)
    }
}

/// Creates a client for the region in use and the endpoint that is configured for `sts`.
async fn client(settings: &Settings, now: Timestamp) -> Result<Client, Error> {
    let region = settings.resolve_region(None, now).await?;
    // Other tools have no region by default.
    if *region.origin() == Origin::Default && !settings.is_exact() {
        settings.notify(&settings.default_region_finding());
    }
    build(settings, &region)
}

fn build(settings: &Settings, region: &Region) -> Result<Client, Error> {
    let client = settings.sts(region, settings.role_endpoint())?;
    client.build().map_err(|error| {
        let message = "STS cannot be used with these settings";
        Error::with_source(ErrorKind::Setting, message, error)
    })
}

fn assume_role(role: &Role, now: Timestamp) -> Result<AssumeRole, keyfob_sts::Error> {
    let mut action = AssumeRole::new(&role.arn, session_name(role, now))?;
    if let Some(seconds) = role.duration_seconds {
        action = action.duration_seconds(seconds)?;
    }
    if let Some(id) = &role.external_id {
        action = action.external_id(id)?;
    }
    Ok(action)
}

fn assume_role_with_token(
    role: &Role,
    token: Secret,
    now: Timestamp,
) -> Result<AssumeRoleWithWebIdentity, keyfob_sts::Error> {
    let action = AssumeRoleWithWebIdentity::new(&role.arn, session_name(role, now), token)?;
    match role.duration_seconds {
        Some(seconds) => action.duration_seconds(seconds),
        None => Ok(action),
    }
}

fn session_name(role: &Role, now: Timestamp) -> String {
    let default = || format!("keyfob-{}", now.unix_seconds());
    role.session_name.clone().unwrap_or_else(default)
}

/// Reads the token as it is, which the name of its session in the cache depends on.
pub(super) async fn read_token(settings: &Settings, file: &TokenFile) -> Result<Secret, Error> {
    let TokenFile { path, setting } = file;
    let patience = settings.patience().unwrap_or(Lock::PATIENCE);
    let token = files::read_secret_async(path, patience).await;
    token.map_err(|error| {
        // No AWS tool expands it in this setting.
        let hint = if path.starts_with("~") {
            " (~ is not expanded here: write the whole path)"
        } else {
            ""
        };
        let message = format!("{setting}: cannot read {}{hint}", shown_path(path));
        Error::with_source(ErrorKind::Provider, message, error)
    })
}

fn session(
    role: &Role,
    answer: Result<impl Into<Session>, keyfob_sts::Error>,
) -> Result<Session, Error> {
    answer.map(Into::into).map_err(|error| failed(role, error))
}

/// Adds whose credentials were refused. A wrong code says nothing about them.
fn from_source(role: &Role, source: &Found, error: Error) -> Error {
    match error.kind() {
        ErrorKind::MfaCode => error,
        _ => error.with_role_source(role.source(source)),
    }
}

fn failed(role: &Role, error: keyfob_sts::Error) -> Error {
    if is_code_refused(&error) {
        let message = format!("no session of role {}", role.origin().raw());
        return Error::with_source(ErrorKind::MfaCode, message, error);
    }
    if let Some(parameter) = error.parameter()
        && let Some(place) = role.place(parameter)
    {
        // The messages of STS begin with its own name of the parameter.
        let text = error.to_string();
        let text = text.strip_prefix(parameter).unwrap_or(&text);
        return Error::new(ErrorKind::Setting, format!("{place}{text}"));
    }
    let kind = match (error.kind(), error.code()) {
        (StsErrorKind::Input | StsErrorKind::Setting, _) => ErrorKind::Setting,
        (_, Some(code)) if is_final(code) => ErrorKind::Refused,
        _ => ErrorKind::Provider,
    };
    let mut message = format!("no session of role {}", role.origin().raw());
    if let Some(step) = &role.step {
        message.push_str(&format!(" ({step})"));
    }
    Error::with_source(kind, message, error)
}

/// Returns true for a refusal that lasts until a policy, a role or a token changes.
fn is_final(code: &str) -> bool {
    matches!(
        code.strip_suffix("Exception").unwrap_or(code),
        "AccessDenied"
            | "IDPRejectedClaim"
            | "InvalidIdentityToken"
            | "MalformedPolicyDocument"
            | "PackedPolicyTooLarge"
            | "RegionDisabled"
            | "ExpiredToken"
            | "InvalidContextAssertion"
            | "InsufficientSessionLifetime"
            | "InvalidSubjectCredentials"
            | "InvalidClientTokenId"
            | "SignatureDoesNotMatch"
            | "ValidationError"
    )
}

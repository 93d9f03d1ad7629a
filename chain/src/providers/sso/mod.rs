mod session;
mod sign_out;

use keyfob_sigv4::{Credentials, Secret, Timestamp};
use keyfob_sts::{
    Error as StsError, ErrorKind as StsErrorKind,
    call::{Call, Service},
    sso::{CreateToken, GetRoleCredentials, TokenFile},
};
use serde_json::json;

pub use self::{session::SsoSession, sign_out::SsoToken};
use super::{
    role::{DEFAULT_DURATION, error_at, missing, property},
    session::{SessionFile, SharedSession},
    shared_token::{SharedToken, Token, client, is_refusal},
};
use crate::{
    config::{Region, Settings},
    error::{Error, ErrorKind},
    files::{names, sessions::Session},
    finding::Finding,
    json::SecretObject,
    order::Rules,
    origin::Origin,
    profiles::{Section, SectionName, Value},
    provider::{Found, Renewal},
};

const SESSION: &str = "sso_session";
const START_URL: &str = "sso_start_url";
const REGION: &str = "sso_region";
const ACCOUNT_ID: &str = "sso_account_id";
const ROLE_NAME: &str = "sso_role_name";

/// The length of the longest name of a permission set, in characters.
///
/// Source: IAM Identity Center API Reference, `PermissionSetName`.
const MAX_NAME: usize = 32;

/// The role of IAM Identity Center that a profile has.
#[derive(Debug)]
pub(super) struct SsoRole {
    account_id: String,
    role_name: String,
    profile: String,
    session: SsoSession,
    named_in: Origin,
    /// The file and the line.
    place: String,
}

impl SsoRole {
    /// Reads the profile and its SSO session. `first` is a property with which the profile is one
    /// of SSO, and its value.
    ///
    /// Source: SDKs and Tools Reference Guide, "IAM Identity Center credential provider".
    pub(super) fn from_section(
        settings: &Settings,
        section: &Section,
        first: (&str, &Value),
    ) -> Result<Self, Error> {
        let session = property(section, SESSION);
        let rules = settings.rules();
        let value = |name| property(section, name).ok_or_else(|| incomplete(section, first, rules));
        let (account_id, role_name) = (value(ACCOUNT_ID)?, value(ROLE_NAME)?);
        let (start_url, region) = match session {
            Some(name) => session_settings(settings, section, name)?,
            None => {
                let region = value(REGION)?;
                (value(START_URL)?, (region, section))
            }
        };
        let (region, region_section) = region;
        let region_origin = Origin::file(region.location(), region_section.name().name());
        let named_by = session.unwrap_or(start_url);
        Ok(Self {
            account_id: account_id.as_str().to_owned(),
            role_name: role_name.as_str().to_owned(),
            profile: section.name().name().to_owned(),
            session: SsoSession::new(
                session.map(|name| name.as_str().to_owned()),
                start_url.as_str(),
                Region::new(region.as_str(), region_origin)?,
                Vec::new(),
            ),
            named_in: Origin::file(named_by.location(), section.name().name()),
            place: named_by.location().to_string(),
        })
    }

    pub(super) fn origin(&self) -> Origin {
        // A longer text may be a secret in the wrong place.
        let shown = |text: &str| match text.chars().count() {
            ..=MAX_NAME => text.to_owned(),
            _ => "…".to_owned(),
        };
        Origin::Sso {
            account_id: shown(&self.account_id),
            role_name: shown(&self.role_name),
            named_in: Box::new(self.named_in.clone()),
        }
    }

    /// Returns what tells the credentials of this role from others.
    pub(super) fn key(&self, settings: &Settings) -> String {
        let endpoint = settings.endpoint_url(Service::SSO.id()).ok().flatten();
        let endpoint = endpoint.map(|setting| setting.text);
        let session = &self.session;
        let from = (session.name(), session.start_url(), session.region().name());
        json!(["sso", endpoint, from, self.account_id, self.role_name]).to_string()
    }

    /// Returns the credentials in memory or on disk. If they are about to expire, asks the portal
    /// for new ones with the token of the user, which is refreshed before if that is necessary.
    pub(super) async fn credentials(
        &self,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Found, Error> {
        let found =
            |credentials| Found::new(credentials, self.origin()).with_renewal(Renewal::Service);
        let slot = settings.sources().slot(self.key(settings), now);
        let ask = async || {
            let credentials = self.fetch(settings, slot.refused(), now).await;
            credentials.map(found)
        };
        // The origin is that of this profile, whichever one asked for the credentials.
        let cached = slot.credentials(now, 0, ask).await;
        cached.map(|cached| found(cached.into()))
    }

    /// Returns when the token expires, or that the user must sign in.
    pub(super) fn finding(&self, settings: &Settings, now: Timestamp) -> Option<Finding> {
        let token = self.token(settings).ok()?;
        Some(token.finding::<TokenFile>(now))
    }

    async fn fetch(
        &self,
        settings: &Settings,
        refused: Option<Credentials>,
        now: Timestamp,
    ) -> Result<Credentials, Error> {
        let shared = SharedSession {
            settings,
            file: self.file(settings, refused),
            renewal: Renewal::Service,
            lifetime: DEFAULT_DURATION,
            asks: None,
            named_in: &self.named_in,
        };
        let token = self.token(settings)?;
        let fetch = async || {
            if !settings.rules().reads_utc && self.session.name().is_some() {
                check_expiry(&token)?;
            }
            token.get::<TokenFile>(None, now).await
        };
        let issue = async |file: TokenFile, _| {
            let access_token = file.access_token().clone();
            let call = GetRoleCredentials::new(access_token, &self.account_id, &self.role_name);
            let call = call.map_err(|error| self.failed(&token, error))?;
            let portal = client(settings, Service::SSO, self.session.region())?;
            let answer = portal.send_unsigned(&call).await;
            let answer = answer.map_err(|error| self.failed(&token, error))?;
            Ok(Session {
                credentials: answer.credentials,
                user: None,
                provider: Some("sso".to_owned()),
                profile: None,
            })
        };
        shared.get(now, fetch, issue).await
    }

    /// Returns the file of the session on the disk.
    pub(super) fn file(
        &self,
        settings: &Settings,
        refused: Option<Credentials>,
    ) -> Option<SessionFile> {
        let (session, url) = (self.session.name(), self.session.start_url());
        let name = names::sso_role_session(session, url, &self.role_name, &self.account_id);
        Some(SessionFile::new(
            settings.session_disk()?,
            name.ok(),
            refused,
        ))
    }

    fn token<'a>(&'a self, settings: &'a Settings) -> Result<SharedToken<'a>, Error> {
        let place = self.place.clone();
        self.session
            .token(settings, &self.profile, &self.named_in, place)
    }

    fn failed(&self, token: &SharedToken<'_>, error: StsError) -> Error {
        let kind = match error.kind() {
            StsErrorKind::Service if error.status() == Some(401) => {
                let text = format!("the portal does not accept the {}", token.what);
                return token.sign_in(&text, Some(error));
            }
            _ if is_refusal(&error) => ErrorKind::Refused,
            StsErrorKind::Setting | StsErrorKind::Input => ErrorKind::Setting,
            _ => ErrorKind::Provider,
        };
        let message = format!("no credentials of {}", self.origin().raw());
        Error::with_source(kind, message, error)
    }
}

/// Fails if the expiry of a token ends in `UTC` and nothing is there to refresh it with.
fn check_expiry(token: &SharedToken<'_>) -> Result<(), Error> {
    let text = token.text()?;
    let members = SecretObject::parse(text.expose()).unwrap_or_default();
    let member = |name: &str| {
        let text = members.get(name).and_then(serde_json::Value::as_str);
        text.unwrap_or_default()
    };
    let has = |name: &&str| !member(name).is_empty();
    let refreshes = ["clientId", "clientSecret", "refreshToken"].iter().all(has);
    if refreshes || !member("expiresAt").ends_with("UTC") {
        return Ok(());
    }
    let tool = token.settings.order().tool();
    let text = format!(
        "the expiry of the {} ends in UTC, which {tool} cannot read",
        token.what
    );
    Err(token.sign_in(&text, None))
}

/// Creates the error for a profile that lacks a part of SSO, with all that it lacks.
fn incomplete(section: &Section, (first, value): (&str, &Value), rules: &Rules) -> Error {
    let required: &[_] = match property(section, SESSION) {
        Some(_) => &[ACCOUNT_ID, ROLE_NAME],
        None => &[ACCOUNT_ID, ROLE_NAME, START_URL, REGION],
    };
    let missing_names: Vec<_> = required
        .iter()
        .copied()
        .filter(|name| property(section, name).is_none())
        .collect();
    let missing_names = match missing_names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => missing_names.concat(),
    };
    let text = format!("{first} needs {missing_names} beside it");
    let [account, role] = [ACCOUNT_ID, ROLE_NAME].map(|name| section.get(name).is_some());
    let mut empty = required.iter().filter_map(|name| section.get(name));
    let kind = if account == role && empty.all(|value| value.non_empty().is_some()) {
        missing(rules, ErrorKind::Setting)
    } else {
        ErrorKind::Setting
    };
    error_at(kind, value, &text)
}

/// Returns the start URL and the region of an SSO session, with the section that has the region. A
/// profile may repeat them.
fn session_settings<'a>(
    settings: &'a Settings,
    profile: &'a Section,
    name: &Value,
) -> Result<(&'a Value, (&'a Value, &'a Section)), Error> {
    let section_name = SectionName::SsoSession(name.as_str().to_owned());
    let (kind, rules) = (ErrorKind::Setting, settings.rules());
    let section = settings
        .files()
        .section_of(name, SESSION, &section_name, kind)?;
    let value = |property_name| {
        let value = property(section, property_name).ok_or_else(|| {
            let text = format!("{SESSION}: {section_name} has no {property_name}");
            let kind = match section.get(property_name) {
                Some(_) => kind,
                None => missing(rules, kind),
            };
            error_at(kind, name, &text)
        })?;
        match property(profile, property_name) {
            Some(other) if rules.refuses_repeated_sso => {
                let text = format!("{property_name} is that of {section_name}: remove the line");
                Err(error_at(kind, other, &text))
            }
            Some(other) if rules.compares_sso && other.as_str() != value.as_str() => {
                let text = format!(
                    "{property_name} is not that of {section_name} ({}): remove one of the two",
                    value.location()
                );
                Err(error_at(ErrorKind::Setting, other, &text))
            }
            _ => Ok(value),
        }
    };
    Ok((value(START_URL)?, (value(REGION)?, section)))
}

impl Token for TokenFile {
    const SERVICE: Service = Service::SSO_OIDC;
    type Refresh = CreateToken;

    fn parse(text: &str) -> Result<Self, StsError> {
        Self::parse(text)
    }

    fn expiry(&self) -> Timestamp {
        self.expiry()
    }

    fn needs_refresh(&self, now: Timestamp) -> bool {
        self.needs_refresh(now)
    }

    fn refresh(&self, now: Timestamp) -> Result<CreateToken, StsError> {
        self.refresh(now)
    }

    fn with_answer(
        self,
        answer: &<CreateToken as Call>::Output,
        now: Timestamp,
    ) -> Result<Self, StsError> {
        Ok(self.with_token(answer, now))
    }

    fn to_text(&self) -> Secret {
        self.to_text()
    }
}

use std::{
    error::Error as _,
    hash::{BuildHasher as _, Hasher as _, RandomState},
};

use keyfob_sigv4::{Credentials, Secret, Timestamp};
use keyfob_sts::{
    Error as StsError, ErrorKind as StsErrorKind,
    call::{Call, Service},
    signin::{CreateOAuth2Token, LoginFile},
};
use serde_json::json;

use super::shared_token::{SharedToken, Token, at};
use crate::{
    config::Settings,
    error::{Error, shown},
    finding::Finding,
    origin::Origin,
    profiles::{Section, Value},
    provider::{Found, Renewal},
    shell,
    token_folder::TokenFolder,
};

/// The console session that a profile has, from `aws login`.
#[derive(Debug)]
pub(super) struct Login {
    session: String,
    profile: String,
    named_in: Origin,
    /// The file and the line.
    place: String,
}

impl Login {
    pub(super) fn new(section: &Section, session: &Value) -> Self {
        let profile = section.name().name();
        Self {
            session: session.as_str().to_owned(),
            profile: profile.to_owned(),
            named_in: Origin::file(session.location(), profile),
            place: session.location().to_string(),
        }
    }

    pub(super) fn origin(&self) -> Origin {
        // Anything else may be a secret in the wrong place.
        let session = if self.session.starts_with("arn:") {
            self.session.clone()
        } else {
            "a session that is not an ARN".to_owned()
        };
        Origin::Login {
            session,
            named_in: Box::new(self.named_in.clone()),
        }
    }

    /// Returns what tells the credentials of this login from others.
    pub(super) fn key(&self) -> String {
        json!(["login", self.session]).to_string()
    }

    /// Returns the credentials in memory or in the file. If they are about to expire, refreshes
    /// them.
    pub(super) async fn credentials(
        &self,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Found, Error> {
        let found =
            |credentials| Found::new(credentials, self.origin()).with_renewal(Renewal::Rotating);
        let slot = settings.sources().slot(self.key(), now);
        let ask = async || {
            let refused = slot.refused();
            let token = self.token(settings)?;
            let file = token.get::<LoginFile>(refused.as_ref(), now).await?;
            Ok(found(file.credentials().clone()))
        };
        // The origin is that of this profile, whichever one asked for the credentials.
        let cached = slot.credentials(now, 0, ask).await;
        cached.map(|cached| found(cached.into()))
    }

    /// Returns the credentials of the file, if they have not expired.
    pub(super) fn look(&self, settings: &Settings, now: Timestamp) -> Option<Credentials> {
        let file = self.token(settings).ok()?.peek::<LoginFile>()?;
        (!file.is_expired(now)).then(|| file.credentials().clone())
    }

    /// Returns when the credentials expire, or that the user must sign in.
    pub(super) fn finding(&self, settings: &Settings, now: Timestamp) -> Option<Finding> {
        let token = self.token(settings).ok()?;
        Some(token.finding::<LoginFile>(now))
    }

    /// Returns true if the credentials could not be refreshed, but not because they must not be:
    /// the SDK for JavaScript asks the next source then.
    pub(super) fn is_passed_over(error: &Error) -> bool {
        let source = error
            .source()
            .and_then(|source| source.downcast_ref::<StsError>());
        source.is_some_and(|source| match source.kind() {
            StsErrorKind::Input | StsErrorKind::Setting => false,
            _ => source.code() != Some("AccessDeniedException"),
        })
    }

    fn token<'a>(&'a self, settings: &'a Settings) -> Result<SharedToken<'a>, Error> {
        let folder = TokenFolder::login(settings).map_err(at(&self.place))?;
        let profile = shown(&self.profile);
        Ok(SharedToken {
            path: folder.path().join(LoginFile::name(&self.session)),
            settings,
            region: None,
            is_refreshed: true,
            what: format!("login of profile \"{profile}\""),
            origin: &self.named_in,
            place: self.place.clone(),
            cure: shell::option("keyfob login --profile", &self.profile),
        })
    }
}

impl Token for LoginFile {
    const SERVICE: Service = Service::SIGNIN;
    type Refresh = CreateOAuth2Token;

    fn parse(text: &str) -> Result<Self, StsError> {
        Self::parse(text)
    }

    fn expiry(&self) -> Timestamp {
        let expiry = self.credentials().expiry();
        expiry.unwrap_or(Timestamp::MAX)
    }

    fn needs_refresh(&self, now: Timestamp) -> bool {
        self.needs_refresh(now)
    }

    fn refresh(&self, _now: Timestamp) -> Result<CreateOAuth2Token, StsError> {
        self.refresh(random)
    }

    fn with_answer(
        self,
        answer: &<CreateOAuth2Token as Call>::Output,
        now: Timestamp,
    ) -> Result<Self, StsError> {
        self.with_token(answer, now)
    }

    fn to_text(&self) -> Secret {
        self.to_text()
    }

    fn region(&self) -> Option<&str> {
        self.sign_in_region()
    }

    fn has(&self, credentials: &Credentials) -> bool {
        self.credentials().access_key_id() == credentials.access_key_id()
    }
}

/// Returns bytes that tell one proof from all others: hashes with keys of the system's random
/// generator.
fn random() -> [u8; 16] {
    let half = || u128::from(RandomState::new().build_hasher().finish());
    (half() << 64 | half()).to_be_bytes()
}

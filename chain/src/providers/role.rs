//! Roles from STS. Without the feature `sts` they are an error, so that a role that is asked for is never passed
//! over.

use std::path::Path;

use keyfob_sigv4::{Credentials, Timestamp};

use super::plan::Role;
use crate::{error::Error, provider::Found, settings::Settings};

#[cfg(not(feature = "sts"))]
#[derive(Clone, Debug)]
pub(super) struct Sts;

#[cfg(not(feature = "sts"))]
impl Sts {
    pub(super) fn new(_settings: Settings) -> Self {
        Self
    }

    pub(super) async fn assume(
        &self,
        role: &Role,
        _credentials: &Credentials,
        _now: Timestamp,
    ) -> Result<Found, Error> {
        Err(unsupported(role))
    }

    pub(super) async fn assume_with_token(
        &self,
        role: &Role,
        _token_file: &Path,
        _now: Timestamp,
    ) -> Result<Found, Error> {
        Err(unsupported(role))
    }
}

#[cfg(not(feature = "sts"))]
fn unsupported(role: &Role) -> Error {
    Error::new(
        crate::ErrorKind::Unsupported,
        format!(
            "the role of {} needs the feature sts of this build",
            role.named_in
        ),
    )
}

#[cfg(feature = "sts")]
pub(super) use with_sts::Sts;

#[cfg(feature = "sts")]
mod with_sts {
    use std::{
        fs,
        sync::{Arc, OnceLock},
    };

    use keyfob_sigv4::Secret;
    use keyfob_sts::{
        Client, ErrorKind as StsKind,
        actions::{AssumeRole, AssumeRoleWithWebIdentity, AssumedRole},
    };

    use super::{Credentials, Error, Found, Path, Role, Settings, Timestamp};
    use crate::{error::ErrorKind, region::Region};

    /// STS where the settings say. The client is made when the first role is asked for.
    #[derive(Clone, Debug)]
    pub(in crate::providers) struct Sts {
        settings: Settings,
        client: Arc<OnceLock<Result<Client, Error>>>,
    }

    impl Sts {
        pub(in crate::providers) fn new(settings: Settings) -> Self {
            Self {
                settings,
                client: Arc::default(),
            }
        }

        pub(in crate::providers) async fn assume(
            &self,
            role: &Role,
            credentials: &Credentials,
            now: Timestamp,
        ) -> Result<Found, Error> {
            let client = self.client()?;
            let action = assume_role(role, now).map_err(|error| failed(role, error))?;
            let answer = client.send(&action, credentials).await;
            session(role, answer.map(|answer: AssumedRole| answer.credentials))
        }

        pub(in crate::providers) async fn assume_with_token(
            &self,
            role: &Role,
            token_file: &Path,
            now: Timestamp,
        ) -> Result<Found, Error> {
            let client = self.client()?;
            let action = assume_with_token(role, token(role, token_file)?, now);
            let action = action.map_err(|error| failed(role, error))?;
            let answer = client.send_unsigned(&action).await;
            session(role, answer.map(|answer| answer.credentials))
        }

        fn client(&self) -> Result<&Client, Error> {
            let made = self.client.get_or_init(|| client(&self.settings));
            made.as_ref().map_err(Error::clone)
        }
    }

    /// The region of the settings, the default one where they say none, and the endpoint that is configured for `sts`.
    fn client(settings: &Settings) -> Result<Client, Error> {
        let region = settings.region(None)?.unwrap_or_else(Region::us_east_1);
        let endpoint = settings.endpoint_url("sts")?;
        let make = || {
            let mut builder = Client::builder().region(region.name())?;
            if let Some(endpoint) = &endpoint {
                builder = builder.endpoint(endpoint.text)?;
            }
            builder
                .fips(is_true(
                    settings,
                    "AWS_USE_FIPS_ENDPOINT",
                    "use_fips_endpoint",
                ))
                .dual_stack(is_true(
                    settings,
                    "AWS_USE_DUALSTACK_ENDPOINT",
                    "use_dualstack_endpoint",
                ))
                .build()
        };
        make().map_err(|error| {
            let message = "STS cannot be asked with these settings";
            Error::with_source(ErrorKind::InvalidSetting, message, error)
        })
    }

    fn is_true(settings: &Settings, variable: &str, property: &str) -> bool {
        let setting = settings.find(variable, property);
        setting.is_some_and(|setting| setting.text.eq_ignore_ascii_case("true"))
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

    fn assume_with_token(
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

    /// The token, without the line end that many writers put behind it.
    fn token(role: &Role, file: &Path) -> Result<Secret, Error> {
        let text = fs::read_to_string(file).map_err(|error| {
            let message = format!(
                "no token for {}: cannot read {}",
                role.named_in,
                file.display()
            );
            Error::with_source(ErrorKind::Provider, message, error)
        })?;
        let text = Secret::new(text);
        Ok(Secret::from(text.expose().trim()))
    }

    fn session(
        role: &Role,
        answer: Result<Credentials, keyfob_sts::Error>,
    ) -> Result<Found, Error> {
        match answer {
            Ok(credentials) => Ok(Found::new(credentials, role.origin())),
            Err(error) => Err(failed(role, error)),
        }
    }

    fn failed(role: &Role, error: keyfob_sts::Error) -> Error {
        let kind = match (error.kind(), error.code()) {
            (StsKind::Input | StsKind::Setting, _) => ErrorKind::InvalidSetting,
            (_, Some(code)) if is_final(code) => ErrorKind::Refused,
            _ => ErrorKind::Provider,
        };
        let message = format!("no session of role {}", role.origin());
        Error::with_source(kind, message, error)
    }

    /// Refusals that last until somebody changes a policy, a role or a token.
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
                | "InvalidClientTokenId"
                | "SignatureDoesNotMatch"
                | "ValidationError"
        )
    }
}

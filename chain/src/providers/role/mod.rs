//! Roles: what a profile or the environment asks for, and the sessions that STS issues for them.

use std::path::PathBuf;

use crate::{
    cure::for_origin,
    error::quotable,
    finding::{Finding, FindingKind},
    origin::Origin,
};
#[cfg(feature = "sts")]
use crate::{
    explain::shown_key_id,
    provider::Found,
    sources::{MfaQuestion, RoleSource},
};

#[cfg(not(feature = "sts"))]
mod disabled;
mod masks;
mod plan;
#[cfg(feature = "sts")]
mod sessions;
#[cfg(feature = "sts")]
mod sts;

#[cfg(not(feature = "sts"))]
pub(super) use disabled::Sessions;
pub(super) use masks::{masks, masks_of_sources};
pub(super) use plan::{Base, CredentialSource, MISSING, Plan, property};
#[cfg(feature = "sso")]
pub(super) use plan::{error_at, missing};
#[cfg(feature = "sts")]
pub(super) use sessions::Sessions;

/// How long a session is valid, in seconds, if the configuration does not say.
#[cfg(feature = "sts")]
pub(super) const DEFAULT_DURATION: u32 = 3600;

/// A role to request from STS.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(feature = "sts"),
    expect(dead_code, reason = "only STS uses all of it")
)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session_name: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) duration_seconds: Option<u32>,
    /// The serial number or ARN of the MFA device whose code the role needs.
    pub(super) mfa_serial: Option<String>,
    /// The profile whose credentials assume the role, if it is another one.
    pub(super) source_profile: Option<String>,
    /// The region beside the role in its profile, which some SDKs call STS in.
    pub(super) region: Option<(String, Origin)>,
    /// Where the role is configured.
    pub(super) named_in: Origin,
    /// Where its parts are configured, for errors.
    pub(super) places: Vec<Place>,
    /// Which step this is on the way to a profile, if there are several, such as `step 1 of 2 to
    /// profile "prod"`.
    pub(super) step: Option<String>,
}

/// Where a parameter of the call to STS is configured.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The name that STS has for it, such as `RoleSessionName`.
    pub(super) parameter: &'static str,
    /// The variable, or the file, the line and the property.
    pub(super) setting: String,
}

/// The file that has the token of a web identity.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "sts"),
    expect(dead_code, reason = "only STS needs a token")
)]
pub(super) struct TokenFile {
    pub(super) path: PathBuf,
    /// The variable, or the file, the line and the property that names it.
    pub(super) setting: String,
}

impl Role {
    pub(super) fn origin(&self) -> Origin {
        let arn = match quotable(&self.arn) {
            None if !self.is_arn() => "a role that is not an ARN".to_owned(),
            _ => self.arn.clone(),
        };
        Origin::Role {
            arn,
            named_in: Box::new(self.named_in.clone()),
        }
    }

    /// Returns the role in the words of a message.
    #[cfg(feature = "sts")]
    fn described(&self) -> String {
        match &self.named_in {
            Origin::File { section, .. } => format!("the role of profile \"{section}\""),
            _ => "the role".to_owned(),
        }
    }

    /// Returns the parameters of the call to STS that the configuration sets, all but the code.
    /// Two roles with the same parameters have the same sessions.
    #[cfg(feature = "sts")]
    fn parameters(&self) -> serde_json::Map<String, serde_json::Value> {
        let text = |value: &Option<String>| value.as_deref().map(Into::into);
        let parameters = [
            ("RoleArn", Some(self.arn.as_str().into())),
            ("RoleSessionName", text(&self.session_name)),
            ("ExternalId", text(&self.external_id)),
            ("DurationSeconds", self.duration_seconds.map(Into::into)),
            ("SerialNumber", text(&self.mfa_serial)),
        ];
        let set = parameters
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        set.collect()
    }

    /// Returns the question for the code of a device. `refused` is why the code before was refused.
    #[cfg(feature = "sts")]
    fn question(&self, serial: &str, refused: Option<String>) -> MfaQuestion {
        let profile = match &self.named_in {
            Origin::File { section, .. } => section.clone(),
            _ => String::new(),
        };
        MfaQuestion {
            profile,
            role_arn: self.arn.clone(),
            serial_number: serial.to_owned(),
            source_profile: self.source_profile.clone(),
            session_name: self.session_name.clone(),
            external_id: self.external_id.clone(),
            duration_seconds: self.duration_seconds,
            refused,
        }
    }

    /// Returns the credentials that it is assumed with, for an error.
    #[cfg(feature = "sts")]
    fn source(&self, source: &Found) -> RoleSource {
        RoleSource {
            role_arn: self.arn.clone(),
            access_key_id: shown_key_id(source.credentials.access_key_id()),
            origin: source.origin.clone(),
            profile: self.source_profile.clone(),
            is_of_program: matches!(self.named_in, Origin::Argument { .. }),
        }
    }

    /// Sets where a parameter is configured.
    pub(super) fn set_place(&mut self, parameter: &'static str, setting: String) {
        self.places.retain(|place| place.parameter != parameter);
        self.places.push(Place { parameter, setting });
    }

    /// Returns where a parameter is configured.
    fn place(&self, parameter: &str) -> Option<&str> {
        let mut places = self.places.iter();
        let place = places.find(|place| place.parameter == parameter)?;
        Some(&place.setting)
    }

    /// Returns true if it begins as every ARN. What does not may be a secret in its place.
    fn is_arn(&self) -> bool {
        self.arn.starts_with("arn:")
    }

    /// Returns a warning if STS will refuse the role, because it is not an ARN.
    pub(super) fn finding(&self) -> Option<Finding> {
        if self.is_arn() {
            return None;
        }
        let text = format!(
            "{} is not an ARN: write it as arn:aws:iam::123456789012:role/NAME",
            self.place("RoleArn")?
        );
        Some(Finding::warning(FindingKind::RoleArn, text).with_cure_if(for_origin(&self.named_in)))
    }
}

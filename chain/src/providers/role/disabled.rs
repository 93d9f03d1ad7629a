use std::path::PathBuf;

use keyfob_sigv4::Timestamp;

use super::{Role, TokenFile};
use crate::{
    config::Settings,
    error::{Error, ErrorKind},
    provider::Found,
};

/// A stand-in for STS without the feature `sts`. A role that is configured is an error, so that no
/// other identity is used in its place.
#[derive(Clone, Debug)]
pub(in crate::providers) struct Sessions;

impl Sessions {
    pub(in crate::providers) fn new(_settings: Settings) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "as with the feature sts")]
    pub(in crate::providers) fn with(&self, _settings: &Settings) -> Self {
        Self
    }

    pub(in crate::providers) async fn assume<R>(
        &self,
        role: &Role,
        _earlier: &[Role],
        _base: &str,
        _source: impl FnOnce() -> R,
        _now: Timestamp,
    ) -> Result<Found, Error> {
        Err(unsupported(role))
    }

    #[expect(clippy::unused_self, reason = "as with the feature sts")]
    pub(in crate::providers) fn paths(
        &self,
        _role: &Role,
        _token_file: Option<&TokenFile>,
    ) -> Vec<PathBuf> {
        Vec::new()
    }

    pub(in crate::providers) async fn assume_with_token(
        &self,
        role: &Role,
        _token_file: &TokenFile,
        _now: Timestamp,
    ) -> Result<Found, Error> {
        Err(unsupported(role))
    }
}

fn unsupported(role: &Role) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "the role of {} needs the feature sts of this build",
            role.named_in
        ),
    )
}

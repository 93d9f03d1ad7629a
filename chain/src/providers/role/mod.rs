//! Roles: what a profile or the environment asks for, and the sessions that STS issues for them.

use crate::origin::Origin;

#[cfg(not(feature = "sts"))]
mod disabled;
mod masks;
mod plan;
#[cfg(feature = "sts")]
mod sts;

#[cfg(not(feature = "sts"))]
pub(super) use disabled::Sts;
pub(super) use masks::{masks, masks_of_sources};
pub(super) use plan::{Base, CredentialSource, Plan};
#[cfg(feature = "sts")]
pub(super) use sts::Sts;

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
    /// The region beside the role in its profile, which some SDKs call STS in.
    pub(super) region: Option<(String, Origin)>,
    /// Where the role is configured.
    pub(super) named_in: Origin,
}

impl Role {
    pub(super) fn origin(&self) -> Origin {
        Origin::Role {
            arn: self.arn.clone(),
            named_in: Box::new(self.named_in.clone()),
        }
    }
}

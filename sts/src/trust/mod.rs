//! Trust policies of roles: parses one and decides whether it lets a caller assume the role.
//!
//! The decision says which statement made it, or what each statement was missing, so it can also
//! explain why a call was refused. Everything here is pure: time, addresses and all else that
//! conditions ask for is part of the [`Request`].
//!
//! A trust policy is one of the policies that must allow the call. If the role is in another
//! account, or if the policy names the caller's account instead of the caller (see
//! [`Decision::needs_own_permission`]), the caller's own policies must allow it too.
//!
//! ```
//! use keyfob_sts::trust::{Caller, Request, TrustPolicy};
//!
//! let policy = TrustPolicy::parse(
//!     r#"{
//!         "Version": "2012-10-17",
//!         "Statement": {
//!             "Effect": "Allow",
//!             "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
//!             "Action": "sts:AssumeRole",
//!             "Condition": {"StringEquals": {"sts:ExternalId": "partner-42"}}
//!         }
//!     }"#,
//! )?;
//! let caller = Caller::from_arn("arn:aws:iam::111122223333:user/alice");
//! let request = Request::new(caller, "sts:AssumeRole");
//! let decision = policy.decide(&request);
//! assert!(!decision.is_allowed());
//! assert_eq!(
//!     decision.to_string(),
//!     "not allowed: statement 1 wants sts:ExternalId with StringEquals \"partner-42\", and the \
//!      request has none",
//! );
//! assert!(policy.decide(&request.with("sts:ExternalId", ["partner-42"])).is_allowed());
//! # Ok::<(), keyfob_sts::trust::PolicyError>(())
//! ```
//!
//! Sources: IAM user guide, "IAM JSON policy elements: Principal", "NotPrincipal", "Condition
//! operators", "Set operators for multi-valued context keys" and "Policy evaluation logic".

mod condition;
mod decision;
mod document;
mod error;
mod glob;
mod json;
mod operator;
#[cfg(feature = "server")]
mod permissions;
mod policy;
mod principal;
mod request;
mod statement;
#[cfg(test)]
mod tests;

pub use self::{
    decision::{ConditionReport, Decision, Mismatch, StatementReport, Verdict},
    document::{Trusted, document},
    error::PolicyError,
    policy::TrustPolicy,
    request::{Caller, Request},
};
#[cfg(feature = "server")]
pub(crate) use self::{
    glob::Glob,
    permissions::{Match as PermissionsMatch, Permissions, Place},
};

use std::fmt;

use crate::call::Reply;

/// The context of trusted identity propagation that an identity provider asserted: for whom a
/// session acts.
///
/// `Debug` does not show the members, which are about a person.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdentityContext {
    /// The person or program for whom the session acts.
    pub origin: Option<OriginIdentity>,
    /// What else the provider asserted: names and values.
    pub claims: Vec<(String, String)>,
}

/// The person or program for whom a session acts.
///
/// `Debug` does not show the members, which are about a person.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OriginIdentity {
    /// The id that the provider has for it.
    pub subject: Option<String>,
    /// `user` for a person, `workload` for a program.
    pub subject_type: Option<String>,
    /// The issuer of the token, without `https://`, or a hash of the key that signed the assertion.
    pub issuer: Option<String>,
    /// The ARN of the provider in IAM.
    pub federated_provider_arn: Option<String>,
}

impl IdentityContext {
    pub(super) fn from_reply(reply: &Reply<'_>) -> Option<Self> {
        let context = reply.at("TrustedIdentityPropagationContext")?;
        let origin = context.at("OriginIdentity").map(|origin| OriginIdentity {
            subject: origin.optional("Subject"),
            subject_type: origin.optional("SubjectType"),
            issuer: origin.optional("Issuer"),
            federated_provider_arn: origin.optional("FederatedProviderArn"),
        });
        let claims = context.map("TransactionContext/IdentityProvider");
        Some(Self { origin, claims })
    }
}

impl fmt::Debug for IdentityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityContext").finish_non_exhaustive()
    }
}

impl fmt::Debug for OriginIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginIdentity").finish_non_exhaustive()
    }
}

use crate::{
    call::{Action, Parameters, Reply, SignedAction},
    error::Error,
    principal::Principal,
};

/// Who the credentials belong to. It needs no permission and cannot be denied by any policy.
///
/// # Examples
///
/// ```
/// # use keyfob_sts::{Error, Principal, actions::GetCallerIdentity, call::Action};
/// # fn f(answer: http::Response<Vec<u8>>) -> Result<(), Error> {
/// let identity = GetCallerIdentity::new().parse(&answer)?;
/// if identity.principal() == Principal::Root {
///     // Better not.
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct GetCallerIdentity(Parameters);

impl GetCallerIdentity {
    /// The request; it has no parameters.
    pub const fn new() -> Self {
        Self(Parameters::new())
    }
}

/// The account and the user, role session or root user that made a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallerIdentity {
    /// The account, twelve digits.
    pub account: String,
    /// Such as `arn:aws:iam::123456789012:user/Alice` or
    /// `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`; [`principal`](Self::principal) takes it apart.
    pub arn: String,
    /// The unique id: `AIDA…` for a user, `AROA…:SESSION` for a role session, the account for root,
    /// `ACCOUNT:NAME` for a federated user.
    pub user_id: String,
    /// The id under which the service knows the request.
    pub request_id: Option<String>,
}

impl CallerIdentity {
    /// What kind of caller it is, and its name.
    pub fn principal(&self) -> Principal<'_> {
        Principal::from_arn(&self.arn)
    }
}

impl Action for GetCallerIdentity {
    type Output = CallerIdentity;
    const NAME: &'static str = "GetCallerIdentity";

    fn parameters(&self) -> &Parameters {
        &self.0
    }

    fn output(reply: &Reply) -> Result<CallerIdentity, Error> {
        Ok(CallerIdentity {
            account: reply.required("Account")?,
            arn: reply.required("Arn")?,
            user_id: reply.required("UserId")?,
            request_id: reply.request_id(),
        })
    }
}

impl SignedAction for GetCallerIdentity {}

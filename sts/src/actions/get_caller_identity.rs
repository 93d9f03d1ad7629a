use crate::{
    call::{Call, Operation, Reply, Service},
    error::Error,
    principal::Principal,
};

/// Finds whose credentials signed the request. It needs no permission, and policies cannot deny it.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{Principal, actions::GetCallerIdentity, call::Call};
///
/// let answer = http::Response::new(
///     "<GetCallerIdentityResponse><GetCallerIdentityResult>
///        <Arn>arn:aws:iam::123456789012:user/Alice</Arn>
///        <UserId>AIDACKCEVSQ6C2EXAMPLE</UserId><Account>123456789012</Account>
///      </GetCallerIdentityResult></GetCallerIdentityResponse>",
/// );
/// let identity = GetCallerIdentity::new().parse(&answer)?;
/// assert_eq!(identity.account, "123456789012");
/// assert_eq!(identity.principal(), Principal::User { path: "/", name: "Alice" });
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GetCallerIdentity(Operation);

impl GetCallerIdentity {
    /// Creates the request, which has no parameters.
    pub const fn new() -> Self {
        Self(Operation::new(&Service::STS, "GetCallerIdentity"))
    }
}

impl Default for GetCallerIdentity {
    fn default() -> Self {
        Self::new()
    }
}

/// The output of [`GetCallerIdentity`]: the user, role session or root user that signed the
/// request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallerIdentity {
    /// The account id, twelve digits.
    pub account: String,
    /// The ARN, such as `arn:aws:iam::123456789012:user/Alice` or
    /// `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`. [`principal`](Self::principal)
    /// returns its parts.
    pub arn: String,
    /// The unique id: `AIDA…` for a user, `AROA…:SESSION` for a role session, the account id for
    /// the root user, `ACCOUNT:NAME` for a federated user.
    pub user_id: String,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl CallerIdentity {
    /// Returns the kind of the caller, with its name.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Principal, actions::CallerIdentity};
    ///
    /// fn greeting(caller: &CallerIdentity) -> String {
    ///     match caller.principal() {
    ///         Principal::User { name, .. } => format!("user {name}"),
    ///         Principal::AssumedRole { role, session } => format!("{session} as {role}"),
    ///         _ => caller.arn.clone(),
    ///     }
    /// }
    /// ```
    pub fn principal(&self) -> Principal<'_> {
        Principal::from_arn(&self.arn)
    }
}

impl Call for GetCallerIdentity {
    type Output = CallerIdentity;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<CallerIdentity, Error> {
        Ok(CallerIdentity {
            account: reply.required("Account")?,
            arn: reply.required("Arn")?,
            user_id: reply.required("UserId")?,
            request_id: reply.request_id(),
        })
    }
}

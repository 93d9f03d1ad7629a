use keyfob_sigv4::{Credentials, Secret};

use crate::{
    call::{Call, Operation, Reply, Service},
    error::Error,
};

/// Gets temporary credentials for a trade-in token, by which the owner of an account delegated
/// access to it.
///
/// # Examples
///
/// ```
/// use keyfob_sts::actions::GetDelegatedAccessToken;
///
/// let action = GetDelegatedAccessToken::new("dHJhZGUtaW4")?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GetDelegatedAccessToken(Operation);

impl GetDelegatedAccessToken {
    /// Creates a request for a token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the token is empty.
    pub fn new(trade_in_token: impl Into<Secret>) -> Result<Self, Error> {
        Operation::new(&Service::STS, "GetDelegatedAccessToken")
            .secret("TradeInToken", trade_in_token, 1..=usize::MAX)
            .map(Self)
    }
}

/// The output of [`GetDelegatedAccessToken`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DelegatedAccess {
    /// The temporary credentials, with session token, expiry and account.
    pub credentials: Credentials,
    /// The ARN of the principal that the credentials are for.
    pub assumed_principal: Option<String>,
    /// The share of the size limit that session policies and tags use, in percent. `None` if none
    /// were passed.
    pub packed_policy_size: Option<u32>,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Call for GetDelegatedAccessToken {
    type Output = DelegatedAccess;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<DelegatedAccess, Error> {
        Ok(DelegatedAccess {
            credentials: reply.credentials()?,
            assumed_principal: reply.optional("AssumedPrincipal"),
            packed_policy_size: reply.number("PackedPolicySize")?,
            request_id: reply.request_id(),
        })
    }
}

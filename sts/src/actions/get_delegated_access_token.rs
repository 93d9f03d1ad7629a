use keyfob_sigv4::{Credentials, Secret};

use crate::{
    call::{Action, Parameters, Reply, SignedAction},
    error::Error,
};

/// Temporary credentials for a trade-in token: access to an account that its owner granted for a while.
///
/// # Examples
///
/// ```
/// # use keyfob_sts::actions::GetDelegatedAccessToken;
/// # let token = "dHJhZGUtaW4";
/// let request = GetDelegatedAccessToken::new(token)?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GetDelegatedAccessToken(Parameters);

impl GetDelegatedAccessToken {
    /// The request for one token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when it is empty.
    pub fn new(trade_in_token: impl Into<Secret>) -> Result<Self, Error> {
        let parameters = Parameters::new();
        parameters
            .secret("TradeInToken", trade_in_token, 1..=usize::MAX)
            .map(Self)
    }
}

/// Delegated access to an account.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DelegatedAccess {
    /// With their session token, expiry and account.
    pub credentials: Credentials,
    /// The ARN of the principal that the credentials are.
    pub assumed_principal: Option<String>,
    /// How much of the room for session policies and tags is used, in percent. `None` when none were passed.
    pub packed_policy_size: Option<u32>,
    /// The id under which the service knows the request.
    pub request_id: Option<String>,
}

impl Action for GetDelegatedAccessToken {
    type Output = DelegatedAccess;
    const NAME: &'static str = "GetDelegatedAccessToken";

    fn parameters(&self) -> &Parameters {
        &self.0
    }

    fn output(reply: &Reply) -> Result<DelegatedAccess, Error> {
        Ok(DelegatedAccess {
            credentials: reply.credentials()?,
            assumed_principal: reply.optional("AssumedPrincipal"),
            packed_policy_size: reply.number("PackedPolicySize")?,
            request_id: reply.request_id(),
        })
    }
}

impl SignedAction for GetDelegatedAccessToken {}

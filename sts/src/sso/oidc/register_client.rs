use keyfob_sigv4::{Secret, Timestamp};

use super::operation;
use crate::{
    call::{Call, Operation, Reply},
    error::Error,
};

/// Registers a program as a client of the authorization server. A registration holds for 90 days.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{call::{Call, Service}, sso::RegisterClient};
///
/// let call = RegisterClient::new("keyfob-corp")?.scope("sso:account:access")?;
/// let endpoint = Service::SSO_OIDC.endpoint().region("eu-west-1")?.build()?;
/// let request = call.request(&endpoint)?;
/// assert_eq!(request.uri(), "https://oidc.eu-west-1.amazonaws.com/client/register");
/// assert_eq!(
///     request.body().expose(),
///     r#"{"clientName":"keyfob-corp","clientType":"public","scopes":["sso:account:access"]}"#,
/// );
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RegisterClient(Operation);

impl RegisterClient {
    /// Creates a request with the name that the user is shown.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the name is empty.
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        operation("RegisterClient", &["client", "register"])
            .text("clientName", name, 1..=usize::MAX)?
            .text("clientType", "public", 1..=usize::MAX)
            .map(Self)
    }

    /// Adds a scope, such as `sso:account:access`. Without one, tokens cannot be refreshed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is empty.
    pub fn scope(self, scope: impl Into<String>) -> Result<Self, Error> {
        self.member("scopes", scope.into())
    }

    /// Registers for the authorization code grant: with the start URL, and with the URL that the
    /// browser is sent back to. The port is left out of that, because it may be another one each
    /// time.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if one of them is empty.
    pub fn code_grant(
        self,
        start_url: impl Into<String>,
        redirect_uri: impl Into<String>,
    ) -> Result<Self, Error> {
        let mut this = self.member("redirectUris", redirect_uri.into())?;
        for grant in ["authorization_code", "refresh_token"] {
            this = this.member("grantTypes", grant.to_owned())?;
        }
        this.0
            .text("issuerUrl", start_url, 1..=usize::MAX)
            .map(Self)
    }

    fn member(self, list: &str, value: String) -> Result<Self, Error> {
        let mut operation = self.0;
        let name = operation.next_member(list, usize::MAX);
        operation.text(name, value, 1..=usize::MAX).map(Self)
    }
}

/// The output of [`RegisterClient`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientRegistration {
    /// The id of the client.
    pub client_id: String,
    /// The secret of the client.
    pub client_secret: Secret,
    /// When the registration expires.
    pub expiry: Timestamp,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Call for RegisterClient {
    type Output = ClientRegistration;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<ClientRegistration, Error> {
        Ok(ClientRegistration {
            client_id: reply.required("clientId")?,
            client_secret: reply.secret("clientSecret")?,
            expiry: reply.unix_seconds("clientSecretExpiresAt")?,
            request_id: reply.request_id(),
        })
    }
}

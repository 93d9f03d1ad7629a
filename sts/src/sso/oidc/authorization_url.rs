use crate::{
    endpoint::Endpoint,
    pkce::{CodeVerifier, page_url},
};

/// The URL for the browser of a user who signs in on this machine.
///
/// The browser comes back to the redirect URL with `code` and `state` in the query, or with
/// `error`. Trust it only if the state is the same.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{CodeVerifier, call::Service, sso::AuthorizationUrl};
///
/// let endpoint = Service::SSO_OIDC.endpoint().region("eu-west-1")?.build()?;
/// let verifier = CodeVerifier::from_random([7; 48]);
/// let url = AuthorizationUrl {
///     client_id: "client id",
///     redirect_uri: "http://127.0.0.1:4711/oauth/callback",
///     state: "d2f3",
///     scopes: &["sso:account:access"],
/// };
/// assert_eq!(
///     url.build(&endpoint, &verifier),
///     "https://oidc.eu-west-1.amazonaws.com/authorize?response_type=code&client_id=client%20id\
///      &redirect_uri=http%3A%2F%2F127.0.0.1%3A4711%2Foauth%2Fcallback&state=d2f3\
///      &code_challenge_method=S256&scopes=sso%3Aaccount%3Aaccess\
///      &code_challenge=".to_owned() + &verifier.challenge(),
/// );
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationUrl<'a> {
    /// The id of the registered client.
    pub client_id: &'a str,
    /// The URL that the browser is sent back to, with its port.
    pub redirect_uri: &'a str,
    /// A random text, which comes back.
    pub state: &'a str,
    /// The scopes, with which the client is registered.
    pub scopes: &'a [&'a str],
}

impl AuthorizationUrl<'_> {
    /// Returns the URL at the endpoint of the authorization server.
    pub fn build(&self, endpoint: &Endpoint, verifier: &CodeVerifier) -> String {
        let scopes = self.scopes.join(" ");
        let challenge = verifier.challenge();
        let parameters = [
            ("response_type", "code"),
            ("client_id", self.client_id),
            ("redirect_uri", self.redirect_uri),
            ("state", self.state),
            ("code_challenge_method", "S256"),
            ("scopes", &scopes),
            ("code_challenge", &challenge),
        ];
        page_url(endpoint, "/authorize", &parameters)
    }
}

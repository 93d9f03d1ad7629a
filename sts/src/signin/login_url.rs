use crate::{
    endpoint::Endpoint,
    pkce::{CodeVerifier, page_url},
};

/// The URL for the browser of a user who signs in.
///
/// The browser comes back to the redirect URL with `code` and `state` in the query, or with
/// `error`. Trust it only if the state is the same.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{CodeVerifier, call::Service, signin::LoginUrl};
///
/// let endpoint = Service::SIGNIN.endpoint().region("eu-west-1")?.build()?;
/// let url = LoginUrl {
///     client_id: LoginUrl::SAME_DEVICE,
///     redirect_uri: "http://127.0.0.1:4711/oauth/callback",
///     state: "d2f3",
/// };
/// let url = url.build(&endpoint, &CodeVerifier::from_random([7; 48]));
/// assert!(url.starts_with("https://eu-west-1.signin.aws.amazon.com/v1/authorize?response_type=code&"));
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LoginUrl<'a> {
    /// [`SAME_DEVICE`](Self::SAME_DEVICE) or [`CROSS_DEVICE`](Self::CROSS_DEVICE).
    pub client_id: &'a str,
    /// The URL that the browser is sent back to.
    pub redirect_uri: &'a str,
    /// A random text, which comes back.
    pub state: &'a str,
}

impl LoginUrl<'_> {
    /// The client if the browser is on this machine, and comes back to a port of it.
    pub const SAME_DEVICE: &'static str = "arn:aws:signin:::devtools/same-device";

    /// The client if the browser is elsewhere, and the user copies a text from it.
    pub const CROSS_DEVICE: &'static str = "arn:aws:signin:::devtools/cross-device";

    /// Returns the redirect URL for a browser elsewhere: a page that shows the Base64 of
    /// `state=…&code=…`.
    pub fn confirmation_page(endpoint: &Endpoint) -> String {
        let base = endpoint.url();
        format!("{}/v1/sessions/confirmation", base.trim_end_matches('/'))
    }

    /// Returns the URL at the endpoint of AWS Sign-In.
    pub fn build(&self, endpoint: &Endpoint, verifier: &CodeVerifier) -> String {
        let challenge = verifier.challenge();
        let parameters = [
            ("response_type", "code"),
            ("client_id", self.client_id),
            ("state", self.state),
            // What RFC 7636 calls S256.
            ("code_challenge_method", "SHA-256"),
            ("scope", "openid"),
            ("redirect_uri", self.redirect_uri),
            ("code_challenge", &challenge),
        ];
        page_url(endpoint, "/v1/authorize", &parameters)
    }
}

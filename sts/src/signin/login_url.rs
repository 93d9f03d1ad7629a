use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};
use keyfob_sigv4::Secret;
use zeroize::Zeroizing;

use crate::{
    endpoint::Endpoint,
    error::{Error, ErrorKind},
    pkce::{CodeVerifier, page_url},
    saml::unescaped,
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

    /// Returns the code in the text that the user copied from the
    /// [confirmation page](Self::confirmation_page).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] if it is not such a text, or if it belongs to another login: if its
    /// state is not the one of this URL. The text is not in the message.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::signin::LoginUrl;
    ///
    /// let url = LoginUrl {
    ///     client_id: LoginUrl::CROSS_DEVICE,
    ///     redirect_uri: "https://eu-west-1.signin.aws.amazon.com/v1/sessions/confirmation",
    ///     state: "d2f3",
    /// };
    /// // The Base64 of `state=d2f3&code=the-code`.
    /// let code = url.code_from("c3RhdGU9ZDJmMyZjb2RlPXRoZS1jb2Rl")?;
    /// assert_eq!(code.expose(), "the-code");
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn code_from(&self, copied: &str) -> Result<Secret, Error> {
        let refused = |message| Error::new(ErrorKind::Input, message);
        let malformed = || refused("this is not the text of the page: copy all of it");
        let mut text = Zeroizing::new(String::with_capacity(copied.len()));
        text.extend(copied.split_ascii_whitespace());
        let decoded = BASE64_STANDARD_NO_PAD.decode(text.trim_end_matches('='));
        let decoded = Zeroizing::new(decoded.map_err(|_| malformed())?);
        let query = str::from_utf8(&decoded).map_err(|_| malformed())?;
        let get = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let (_, value) = pairs.find(|(known, _)| *known == name)?;
            Some(Secret::from(unescaped(value))).filter(|value| !value.expose().is_empty())
        };
        let (state, code) = get("state").zip(get("code")).ok_or_else(malformed)?;
        if state.expose() != self.state {
            return Err(refused(
                "this text belongs to another login: open the URL of this one",
            ));
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    const URL: LoginUrl<'_> = LoginUrl {
        client_id: LoginUrl::CROSS_DEVICE,
        redirect_uri: "https://example.com/",
        state: "d2f3",
    };

    #[test]
    fn the_code_is_read_as_it_is_shown_and_as_terminals_paste_it() {
        for (text, code) in [
            ("state=d2f3&code=a", "a"),
            ("code=a%2Fb%2B%3D&state=d2f3", "a/b+="),
            ("state=d2f3&code=a/b+&more=1", "a/b+"),
        ] {
            let copied = BASE64_STANDARD.encode(text);
            for copied in [
                copied.clone(),
                copied.replace('=', ""),
                format!(" {}\n{}\r\n", &copied[..9], &copied[9..]),
            ] {
                assert_eq!(URL.code_from(&copied).unwrap().expose(), code, "{copied}");
            }
        }
    }

    #[test]
    fn another_text_is_refused_without_repeating_it() {
        for (text, reason) in [
            ("", "not the text of the page"),
            ("code=canary", "not the text of the page"),
            ("state=d2f3&code=", "not the text of the page"),
            ("state=canary&code=canary", "belongs to another login"),
        ] {
            let copied = BASE64_STANDARD.encode(text);
            let error = URL.code_from(&copied).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
            assert!(!format!("{error:?}").contains("canary"));
        }
        for copied in ["canary!", "é", "/////w"] {
            assert!(URL.code_from(copied).is_err());
        }
    }
}

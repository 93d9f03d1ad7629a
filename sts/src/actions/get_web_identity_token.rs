use keyfob_sigv4::{Secret, Timestamp};

use crate::{
    call::{Call, Operation, Reply, Service},
    error::Error,
};

/// Gets a signed JSON Web Token, which proves the caller's identity to a service outside AWS.
///
/// # Examples
///
/// ```
/// use keyfob_sts::actions::GetWebIdentityToken;
///
/// let action = GetWebIdentityToken::new("https://api.example.com", "ES384")?
///     .duration_seconds(60)?
///     .tag("team", "blue")?;
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GetWebIdentityToken(Operation);

impl GetWebIdentityToken {
    /// Creates a request for a token for `audience`. The algorithm is `RS256` or `ES384`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the audience is empty, or the name of the
    /// algorithm shorter than five characters.
    pub fn new(
        audience: impl Into<String>,
        signing_algorithm: impl Into<String>,
    ) -> Result<Self, Error> {
        Self(Operation::new(&Service::STS, "GetWebIdentityToken"))
            .audience(audience)?
            .0
            .text("SigningAlgorithm", signing_algorithm, 5..=5)
            .map(Self)
    }

    /// Adds an audience, one of at most ten.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::actions::GetWebIdentityToken;
    ///
    /// let action = GetWebIdentityToken::new("https://api.example.com", "ES384")?
    ///     .audience("https://admin.example.com")?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn audience(mut self, audience: impl Into<String>) -> Result<Self, Error> {
        let member = self.0.next_member("Audience", 10);
        self.0.text(member, audience, 1..=1000).map(Self)
    }

    /// Sets how long the token is valid: 60 to 3600 seconds. Default: 300.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is less than 60.
    pub fn duration_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.0
            .number("DurationSeconds", seconds, 60..=3600)
            .map(Self)
    }

    /// Sets the OAuth scopes of the token, with spaces between them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the text is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::actions::GetWebIdentityToken;
    ///
    /// let action = GetWebIdentityToken::new("https://api.example.com", "ES384")?
    ///     .scope("orders:read orders:write")?;
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn scope(self, scopes: impl Into<String>) -> Result<Self, Error> {
        self.0.text("Scope", scopes, 1..=256).map(Self)
    }

    /// Sets whose identity the token proves: `AWSIdentity`, that of the caller, or
    /// `OriginIdentity`, that of the person or program for whom the caller acts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the text is empty.
    pub fn subject_mode(self, mode: impl Into<String>) -> Result<Self, Error> {
        self.0.text("SubjectMode", mode, 1..=usize::MAX).map(Self)
    }

    /// Adds a claim about the caller to the token, one of at most fifty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the key is empty, or if it was set before:
    /// case does not count.
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Result<Self, Error> {
        self.0.tag(key.into(), value.into()).map(Self)
    }
}

/// The output of [`GetWebIdentityToken`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebIdentityToken {
    /// The token.
    pub token: Secret,
    /// The time when the token expires. AWS always names it; services that imitate AWS may not.
    pub expiry: Option<Timestamp>,
    /// The request id, by which AWS support can find the request.
    pub request_id: Option<String>,
}

impl Call for GetWebIdentityToken {
    type Output = WebIdentityToken;

    fn operation(&self) -> &Operation {
        &self.0
    }

    fn output(&self, reply: &Reply<'_>) -> Result<WebIdentityToken, Error> {
        Ok(WebIdentityToken {
            token: reply.required("WebIdentityToken")?.into(),
            expiry: reply.optional_time("Expiration")?,
            request_id: reply.request_id(),
        })
    }
}

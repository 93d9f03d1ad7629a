use crate::header_names::{S3_SESSION_TOKEN, SECURITY_TOKEN};

/// The rules of signing that differ between services.
///
/// [`Signer::new`](crate::Signer::new) uses [`GENERAL`](Self::GENERAL) and
/// [`Signer::s3`](crate::Signer::s3) uses [`S3`](Self::S3). For a service with other rules, adapt
/// one of these and pass it to [`Signer::with_rules`](crate::Signer::with_rules).
///
/// Source: Signature Version 4, "Create a canonical request", its notes on S3; S3, "Authenticating
/// requests".
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Rules, Scope, Signer};
/// // OpenSearch Serverless also wants `x-amz-content-sha256`.
/// let rules = Rules::GENERAL.content_sha256_header(true);
/// let signer = Signer::with_rules(Scope::new("us-east-1", "aoss")?, rules);
/// assert_eq!(signer.rules(), rules);
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    normalize: bool,
    encode_twice: bool,
    content_sha256: bool,
    unsigned_presign: bool,
    token: TokenRule,
}

/// How the session token of temporary credentials is sent and signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenRule {
    /// Sent as `x-amz-security-token` and signed. Nearly every service.
    Signed,
    /// Sent as `x-amz-security-token` but not signed: IoT Core's MQTT over websockets.
    Unsigned,
    /// Sent as `x-amz-s3session-token` and signed: the data plane of S3 Express One Zone.
    S3Express,
}

impl Rules {
    /// The rules of all services outside the S3 family: the path is normalized and encoded once
    /// more than it is sent, and presigned URLs sign the body.
    pub const GENERAL: Self = Self {
        normalize: true,
        encode_twice: true,
        content_sha256: false,
        unsigned_presign: false,
        token: TokenRule::Signed,
    };

    /// The rules of `s3`, `s3express`, `s3-outposts` and `s3-object-lambda`.
    ///
    /// The path is not normalized, because a key may hold `//` and `..`, and not encoded once more;
    /// reserved bytes sent bare, such as `@`, are signed escaped. `x-amz-content-sha256` is sent.
    /// Presigned URLs sign the body only if the request has that header.
    pub const S3: Self = Self {
        normalize: false,
        encode_twice: false,
        content_sha256: true,
        unsigned_presign: true,
        token: TokenRule::Signed,
    };

    /// The rules of the data plane of S3 Express One Zone, service `s3express`, with credentials
    /// from `CreateSession`: those of [`S3`](Self::S3), with [`TokenRule::S3Express`]. Sign
    /// `CreateSession` itself by [`S3`](Self::S3).
    pub const S3_EXPRESS: Self = Self::S3.session_token(TokenRule::S3Express);

    /// Sets whether empty and dot segments are removed from the path.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Rules;
    /// let rules = Rules::GENERAL.normalize_path(false).encode_path_twice(false);
    /// assert_ne!(rules, Rules::GENERAL);
    /// ```
    #[must_use]
    pub const fn normalize_path(mut self, yes: bool) -> Self {
        self.normalize = yes;
        self
    }

    /// Sets whether the path is encoded once more than it is sent. If not, escapes are kept and
    /// bytes that are neither unreserved nor escaped are signed escaped.
    #[must_use]
    pub const fn encode_path_twice(mut self, yes: bool) -> Self {
        self.encode_twice = yes;
        self
    }

    /// Sets whether the header `x-amz-content-sha256` is sent. S3, Glacier and OpenSearch
    /// Serverless want it.
    #[must_use]
    pub const fn content_sha256_header(mut self, yes: bool) -> Self {
        self.content_sha256 = yes;
        self
    }

    /// Sets how the session token is sent and signed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Rules, Scope, Signer, TokenRule, Ttl};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?.with_session_token("token")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let rules = Rules::GENERAL.session_token(TokenRule::Unsigned);
    /// let signer = Signer::with_rules(Scope::new("us-east-1", "iotdevicegateway")?, rules);
    /// let request = Request::new("GET", "wss://example-ats.iot.us-east-1.amazonaws.com/mqtt")?;
    /// let url = signer.presign(&request, &credentials, now, Ttl::MAX)?;
    /// // An unsigned token comes after the signed parameters.
    /// assert!(url.as_str().contains("&X-Amz-Security-Token=token&X-Amz-Signature="));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub const fn session_token(mut self, token: TokenRule) -> Self {
        self.token = token;
        self
    }

    pub(crate) const fn normalizes(self) -> bool {
        self.normalize
    }

    pub(crate) const fn encodes_twice(self) -> bool {
        self.encode_twice
    }

    pub(crate) const fn sends_content_sha256(self) -> bool {
        self.content_sha256
    }

    pub(crate) const fn presigns_unsigned(self) -> bool {
        self.unsigned_presign
    }

    pub(crate) const fn signs_token(self) -> bool {
        !matches!(self.token, TokenRule::Unsigned)
    }

    /// Returns the name of the token's header.
    pub(crate) const fn token_header(self) -> &'static str {
        match self.token {
            TokenRule::Signed | TokenRule::Unsigned => SECURITY_TOKEN,
            TokenRule::S3Express => S3_SESSION_TOKEN,
        }
    }

    /// Returns the name of the token's query parameter.
    pub(crate) const fn token_parameter(self) -> &'static str {
        match self.token {
            TokenRule::Signed | TokenRule::Unsigned => "X-Amz-Security-Token",
            TokenRule::S3Express => "X-Amz-S3session-Token",
        }
    }
}

use super::headers::{Base, HeaderRules, NeverSigned};
use crate::header_names::{S3_SESSION_TOKEN, SECURITY_TOKEN};

/// The rules of signing that differ between services.
///
/// [`Signer::new`](crate::Signer::new) and [`Verifier::new`](crate::verify::Verifier::new) choose
/// those of the service, see [`for_service`](Self::for_service). To sign otherwise, adapt them and
/// pass them to [`Signer::with_rules`](crate::Signer::with_rules).
///
/// Source: Signature Version 4, "Create a canonical request", its notes on S3; S3, "Authenticating
/// requests".
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Rules, Scope, Signer};
/// // A server that wants `x-amz-content-sha256`, behind a proxy that rewrites `Accept`.
/// let rules = Rules::GENERAL.content_sha256_header(true).unsigned_headers(&["accept"]);
/// let signer = Signer::with_rules(Scope::new("us-east-1", "execute-api")?, rules);
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
    headers: HeaderRules,
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
        headers: HeaderRules::TABLE,
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
        headers: HeaderRules::TABLE,
    };

    /// The rules of the data plane of S3 Express One Zone, service `s3express`, with credentials
    /// from `CreateSession`: those of [`S3`](Self::S3), with [`TokenRule::S3Express`]. Sign
    /// `CreateSession` itself by [`S3`](Self::S3).
    pub const S3_EXPRESS: Self = Self::S3.session_token(TokenRule::S3Express);

    /// Returns the rules of a service, by its signing name.
    ///
    /// | service | rules |
    /// |---|---|
    /// | `s3`, `s3express`, `s3-outposts`, `s3-object-lambda` | [`S3`](Self::S3) |
    /// | `aoss`, `glacier`, `vpc-lattice-svcs` | [`GENERAL`](Self::GENERAL), and `x-amz-content-sha256` is sent |
    /// | `iotdevicegateway` | [`GENERAL`](Self::GENERAL), with [`TokenRule::Unsigned`] |
    /// | any other | [`GENERAL`](Self::GENERAL) |
    ///
    /// The credentials of an `s3express` session need [`S3_EXPRESS`](Self::S3_EXPRESS), which
    /// [`Signer::s3_express`](crate::Signer::s3_express) uses: they look like any others.
    ///
    /// Source: the auth traits and endpoint rules of the service models; S3, Glacier, OpenSearch
    /// Serverless, VPC Lattice and IoT Core guides, signing requests.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Rules;
    /// assert_eq!(Rules::for_service("s3-outposts"), Rules::S3);
    /// assert_eq!(Rules::for_service("aoss"), Rules::GENERAL.content_sha256_header(true));
    /// assert_eq!(Rules::for_service("execute-api"), Rules::GENERAL);
    /// ```
    pub fn for_service(service: &str) -> Self {
        match service {
            "s3" | "s3express" | "s3-outposts" | "s3-object-lambda" => Self::S3,
            "aoss" | "glacier" | "vpc-lattice-svcs" => Self::GENERAL.content_sha256_header(true),
            "iotdevicegateway" => Self::GENERAL.session_token(TokenRule::Unsigned),
            _ => Self::GENERAL,
        }
    }

    /// Leaves more headers unsigned, such as one that a proxy of yours rewrites. They replace those
    /// of an earlier call.
    ///
    /// Names are in any case; a `*` at the end stands for any rest. `host` and the headers that
    /// signing adds are signed nevertheless. Most services refuse an `x-amz-*` that is not signed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Rules, Scope, Signer};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let rules = Rules::GENERAL.unsigned_headers(&["x-team-*"]);
    /// let signer = Signer::with_rules(Scope::new("us-east-1", "execute-api")?, rules);
    /// let request = Request::new("GET", "https://api.example.com/")?.header("x-team-build", "7")?;
    /// let signature = signer.sign(&request, &credentials, now)?;
    /// assert!(signature.authorization().contains("SignedHeaders=host;x-amz-date,"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub const fn unsigned_headers(mut self, names: &'static [&'static str]) -> Self {
        self.headers.except = names;
        self
    }

    /// Signs headers that are otherwise not signed, such as `content-length`. They replace those of
    /// an earlier call. Names are as in [`unsigned_headers`](Self::unsigned_headers), which wins.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Rules, Scope, Signer};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// // A presigned upload of exactly five bytes.
    /// let rules = Rules::S3.also_signed_headers(&["content-length"]);
    /// let signer = Signer::with_rules(Scope::new("us-east-1", "s3")?, rules);
    /// let request = Request::new("PUT", "https://examplebucket.s3.amazonaws.com/key")?
    ///     .header("content-length", "5")?;
    /// let url = signer.presign(&request, &credentials, now, keyfob_sigv4::Ttl::MAX)?;
    /// assert_eq!(url.signed_headers(), "content-length;host");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub const fn also_signed_headers(mut self, names: &'static [&'static str]) -> Self {
        self.headers.also = names;
        self
    }

    /// Signs only these headers, `host`, `x-amz-*` and those that signing adds. Names are as in
    /// [`unsigned_headers`](Self::unsigned_headers).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Rules, Scope, Signer};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let rules = Rules::S3.only_signed_headers(&["content-type", "content-md5", "range"]);
    /// let signer = Signer::with_rules(Scope::new("us-east-1", "s3")?, rules);
    /// let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?
    ///     .header("range", "bytes=0-9")?
    ///     .header("accept", "*/*")?;
    /// let signed = signer.explain(&request, &credentials, now)?;
    /// assert_eq!(signed.signed_headers(), "host;range;x-amz-content-sha256;x-amz-date");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub const fn only_signed_headers(mut self, names: &'static [&'static str]) -> Self {
        self.headers.base = Base::Only(names);
        self
    }

    /// Signs every header of the request but those that no signer of AWS signs: `authorization`,
    /// `connection`, `expect`, `sec-websocket-*`, `transfer-encoding`, `upgrade`, `user-agent` and
    /// `x-amzn-trace-id`.
    ///
    /// It is for requests whose headers were chosen one by one, and that pass no proxy.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Rules, Scope, Signer};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let rules = Rules::GENERAL.every_header();
    /// let signer = Signer::with_rules(Scope::new("us-east-1", "execute-api")?, rules);
    /// let request = Request::new("GET", "https://api.example.com/")?.header("via", "1.1 proxy")?;
    /// let signed = signer.explain(&request, &credentials, now)?;
    /// assert_eq!(signed.signed_headers(), "host;via;x-amz-date");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub const fn every_header(mut self) -> Self {
        self.headers.base = Base::Every;
        self
    }

    /// Returns why a header is not signed by default, with the source; `None` if it is signed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Rules;
    /// let reason = Rules::why_unsigned("X-Forwarded-For").unwrap();
    /// assert!(reason.starts_with("proxies add to it"));
    /// assert_eq!(Rules::why_unsigned("Content-Type"), None);
    /// ```
    pub fn why_unsigned(name: &str) -> Option<&'static str> {
        NeverSigned::find_name(name.as_bytes()).map(NeverSigned::reason)
    }

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

    pub(super) const fn headers(self) -> HeaderRules {
        self.headers
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

    /// Returns true if a presigned URL must state its lifetime, as by the rules of S3.
    pub(crate) const fn requires_lifetime(self) -> bool {
        self.unsigned_presign && !self.encode_twice
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

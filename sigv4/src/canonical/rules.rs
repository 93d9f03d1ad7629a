use crate::header_names::{S3_SESSION_TOKEN, SECURITY_TOKEN};

/// How requests for one service are signed where services differ.
///
/// [`Signer::new`](crate::Signer::new) takes [`GENERAL`](Self::GENERAL) and [`Signer::s3`](crate::Signer::s3) takes
/// [`S3`](Self::S3); the rest is for services with habits of their own.
///
/// Source: Signature Version 4, "Create a canonical request", its notes on S3; S3, "Authenticating requests".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    normalize: bool,
    encode_twice: bool,
    content_sha256: bool,
    unsigned_presign: bool,
    token: TokenRule,
}

/// What becomes of the session token of temporary credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenRule {
    /// It is sent as `x-amz-security-token` and signed. Nearly every service.
    Signed,
    /// It is sent as `x-amz-security-token` but not signed: IoT Core's MQTT over websockets.
    Unsigned,
    /// It is sent as `x-amz-s3session-token` and signed: the data plane of S3 Express One Zone.
    S3Express,
}

impl Rules {
    /// The path is normalised and encoded once more than on the wire; presigned URLs sign the body.
    pub const GENERAL: Self = Self {
        normalize: true,
        encode_twice: true,
        content_sha256: false,
        unsigned_presign: false,
        token: TokenRule::Signed,
    };

    /// The path is neither normalised, because a key may hold `//` and `..`, nor encoded once more; what the wire leaves
    /// bare, such as `@`, is signed encoded. `x-amz-content-sha256` is sent; presigned URLs do not sign the body, unless the
    /// request says what it is in that header. For `s3`, `s3express`, `s3-outposts` and `s3-object-lambda`.
    pub const S3: Self = Self {
        normalize: false,
        encode_twice: false,
        content_sha256: true,
        unsigned_presign: true,
        token: TokenRule::Signed,
    };

    /// The data plane of S3 Express One Zone, with credentials from `CreateSession`: as [`S3`](Self::S3), and the token goes
    /// by a name of its own. `CreateSession` itself is signed by [`S3`](Self::S3). The service is `s3express`.
    pub const S3_EXPRESS: Self = Self::S3.session_token(TokenRule::S3Express);

    /// With or without taking empty and dot segments out of the path.
    #[must_use]
    pub const fn normalize_path(mut self, yes: bool) -> Self {
        self.normalize = yes;
        self
    }

    /// With or without encoding the path once more than it is on the wire. Without, escapes stay as they are, and characters
    /// that are neither unreserved nor escaped are signed escaped.
    #[must_use]
    pub const fn encode_path_twice(mut self, yes: bool) -> Self {
        self.encode_twice = yes;
        self
    }

    /// With or without the header `x-amz-content-sha256`, which S3, Glacier and OpenSearch Serverless want.
    #[must_use]
    pub const fn content_sha256_header(mut self, yes: bool) -> Self {
        self.content_sha256 = yes;
        self
    }

    /// With another treatment of the session token.
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

    /// The header of the token.
    pub(crate) const fn token_header(self) -> &'static str {
        match self.token {
            TokenRule::Signed | TokenRule::Unsigned => SECURITY_TOKEN,
            TokenRule::S3Express => S3_SESSION_TOKEN,
        }
    }

    /// The query parameter of the token.
    pub(crate) const fn token_parameter(self) -> &'static str {
        match self.token {
            TokenRule::Signed | TokenRule::Unsigned => "X-Amz-Security-Token",
            TokenRule::S3Express => "X-Amz-S3session-Token",
        }
    }
}

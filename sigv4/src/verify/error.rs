use alloc::{borrow::Cow, format, string::String};
use core::fmt;

use crate::{presign::Ttl, timestamp::Timestamp};

/// Why a request was refused, as AWS would say it: [`code`](Self::code), [`status`](Self::status), and the message as `Display`.
///
/// It is meant to be sent to the caller, so it holds nothing that the caller did not send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    /// In place of the kind's own message.
    text: Option<String>,
    /// S3 has codes and messages of its own.
    is_s3: bool,
    /// The region that the request should have been signed for.
    region: Option<String>,
}

/// What was wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is none: the request is anonymous.
    NoSignature,
    /// It cannot be read, or lacks a part.
    Malformed,
    /// A parameter of a presigned URL is missing, there twice, or out of range.
    BadParameters,
    /// It was made for another date, region or service.
    Scope,
    /// It was made too long ago, or in the future, by more than the tolerated skew.
    Skew,
    /// The time of a presigned URL is over.
    UrlExpired,
    /// `host` is not among the signed headers.
    HostUnsigned,
    /// A header that can change what the request does is not signed.
    HeaderUnsigned,
    /// The access key id is not known.
    UnknownKey,
    /// The session token is missing, not needed, or another one.
    Token,
    /// The credentials have ended.
    TokenExpired,
    /// `x-amz-content-sha256` is neither a SHA-256 in hex nor one of the names that stand for other bodies.
    ContentHash,
    /// The body is not the one that was signed.
    ContentMismatch,
    /// All is well-formed, and the signature is another.
    Mismatch,
}

impl Error {
    pub(super) fn new(kind: ErrorKind) -> Self {
        Self {
            kind,
            text: None,
            is_s3: false,
            region: None,
        }
    }

    pub(super) fn saying(kind: ErrorKind, text: String) -> Self {
        Self {
            text: Some(text),
            ..Self::new(kind)
        }
    }

    pub(super) fn region(got: &str, right: &str) -> Self {
        Self {
            region: Some(right.into()),
            ..Self::saying(
                ErrorKind::Scope,
                format!("Credential should be scoped to a valid region, not '{got}'. "),
            )
        }
    }

    pub(super) fn too_late(at: Timestamp, now: Timestamp, skew: i64) -> Self {
        let (at, now, limit) = (
            at.amz_date(),
            now.amz_date(),
            now.plus_seconds(-skew).amz_date(),
        );
        let minutes = skew / 60;
        let text =
            format!("Signature expired: {at} is now earlier than {limit} ({now} - {minutes} min.)");
        Self::saying(ErrorKind::Skew, text)
    }

    pub(super) fn too_early(at: Timestamp, now: Timestamp, skew: i64) -> Self {
        let (at, now, limit) = (
            at.amz_date(),
            now.amz_date(),
            now.plus_seconds(skew).amz_date(),
        );
        let minutes = skew / 60;
        let text = format!(
            "Signature not yet current: {at} is still later than {limit} ({now} + {minutes} min.)"
        );
        Self::saying(ErrorKind::Skew, text)
    }

    pub(super) fn too_long(longest: Ttl) -> Self {
        let text = if longest == Ttl::MAX {
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds".into()
        } else {
            format!(
                "X-Amz-Expires must not be more than {} seconds",
                longest.as_secs()
            )
        };
        Self::saying(ErrorKind::BadParameters, text)
    }

    pub(super) fn unsigned(name: &str) -> Self {
        let text =
            format!("There were headers present in the request which were not signed: {name}");
        Self::saying(ErrorKind::HeaderUnsigned, text)
    }

    pub(super) fn of_s3(mut self, is_s3: bool) -> Self {
        self.is_s3 = is_s3;
        self
    }

    /// What was wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// AWS's code: that of the query services, or that of S3.
    pub fn code(&self) -> &'static str {
        if self.is_s3 {
            self.s3().1
        } else {
            self.query().1
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        if self.is_s3 {
            self.s3().0
        } else {
            self.query().0
        }
    }

    /// The region that the request should have been signed for, when that is what was wrong; S3 sends it in `<Region>`.
    pub fn expected_region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Source: common errors of the query services, as STS answers.
    fn query(&self) -> (u16, &'static str) {
        match self.kind {
            ErrorKind::NoSignature => (403, "MissingAuthenticationToken"),
            ErrorKind::Malformed | ErrorKind::BadParameters | ErrorKind::ContentHash => {
                (400, "IncompleteSignature")
            }
            ErrorKind::UnknownKey | ErrorKind::Token => (403, "InvalidClientTokenId"),
            ErrorKind::TokenExpired => (403, "ExpiredToken"),
            ErrorKind::Scope
            | ErrorKind::Skew
            | ErrorKind::UrlExpired
            | ErrorKind::HostUnsigned
            | ErrorKind::HeaderUnsigned
            | ErrorKind::ContentMismatch
            | ErrorKind::Mismatch => (403, "SignatureDoesNotMatch"),
        }
    }

    /// Source: S3, "Error responses", list of error codes.
    fn s3(&self) -> (u16, &'static str) {
        match self.kind {
            ErrorKind::NoSignature
            | ErrorKind::UrlExpired
            | ErrorKind::HostUnsigned
            | ErrorKind::HeaderUnsigned => (403, "AccessDenied"),
            ErrorKind::Malformed | ErrorKind::Scope => (400, "AuthorizationHeaderMalformed"),
            ErrorKind::BadParameters => (400, "AuthorizationQueryParametersError"),
            ErrorKind::Skew => (403, "RequestTimeTooSkewed"),
            ErrorKind::UnknownKey => (403, "InvalidAccessKeyId"),
            ErrorKind::Token => (400, "InvalidToken"),
            ErrorKind::TokenExpired => (400, "ExpiredToken"),
            ErrorKind::ContentHash => (400, "InvalidArgument"),
            ErrorKind::ContentMismatch => (400, "XAmzContentSHA256Mismatch"),
            ErrorKind::Mismatch => (403, "SignatureDoesNotMatch"),
        }
    }

    fn message(&self) -> Cow<'_, str> {
        if self.is_s3 {
            self.s3_message()
        } else {
            self.query_message()
        }
    }

    fn query_message(&self) -> Cow<'_, str> {
        if let Some(text) = &self.text {
            return text.into();
        }
        Cow::Borrowed(match self.kind {
            ErrorKind::NoSignature => "Request is missing Authentication Token",
            ErrorKind::UnknownKey | ErrorKind::Token => {
                "The security token included in the request is invalid."
            }
            ErrorKind::TokenExpired => "The security token included in the request is expired",
            ErrorKind::UrlExpired => "Signature expired: the time of the presigned URL is over",
            ErrorKind::HostUnsigned => {
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
            }
            ErrorKind::ContentHash => CONTENT_HASH,
            ErrorKind::Malformed | ErrorKind::BadParameters => {
                "The request signature does not conform to AWS standards."
            }
            _ => {
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
            }
        })
    }

    fn s3_message(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self.kind {
            ErrorKind::NoSignature => "Access Denied",
            ErrorKind::UrlExpired => "Request has expired",
            ErrorKind::HeaderUnsigned => {
                "There were headers present in the request which were not signed"
            }
            ErrorKind::Skew => {
                "The difference between the request time and the current time is too large."
            }
            ErrorKind::UnknownKey => {
                "The AWS Access Key Id you provided does not exist in our records."
            }
            ErrorKind::Token => "The provided token is malformed or otherwise invalid.",
            ErrorKind::TokenExpired => "The provided token has expired.",
            ErrorKind::ContentHash => CONTENT_HASH,
            ErrorKind::ContentMismatch => {
                "The provided 'x-amz-content-sha256' header does not match what was computed."
            }
            ErrorKind::Mismatch => {
                "The request signature we calculated does not match the signature you provided. Check your key and signing method."
            }
            _ => {
                return match (&self.text, &self.region) {
                    (_, Some(right)) => {
                        format!("The authorization header is malformed; the region is wrong; expecting '{right}'").into()
                    }
                    (Some(text), None) => text.into(),
                    (None, None) => "The authorization header that you provided is not valid.".into(),
                };
            }
        })
    }
}

const CONTENT_HASH: &str = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, the name of a streaming payload or a valid sha256 value.";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl core::error::Error for Error {}

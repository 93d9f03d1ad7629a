use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use super::scope::WrongScope;
use crate::{
    header_names::CONTENT_SHA256,
    sign::{Explanation, Ttl},
    timestamp::Timestamp,
};

/// What was wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request has no signature: it is anonymous.
    NoSignature,
    /// The request is authorized by another mechanism than the verifier accepts, such as Signature
    /// Version 2 or a bearer token.
    Mechanism,
    /// The request has a signature in the header and one in the query.
    TwoSignatures,
    /// The request has two `Host` headers, or another authority in its target than in `Host`.
    Host,
    /// The signature cannot be read, or lacks a part.
    Malformed,
    /// A parameter of a presigned URL is missing, appears twice, or is out of range.
    BadParameters,
    /// The signature was made for another date, region or service.
    Scope,
    /// The signature was made too long ago, or too far in the future.
    Skew,
    /// The presigned URL has expired.
    UrlExpired,
    /// `host` is not a signed header.
    HostUnsigned,
    /// A header that can change what the request does is not signed.
    HeaderUnsigned,
    /// The access key id is unknown.
    UnknownKey,
    /// The session token is missing, unexpected, or wrong.
    Token,
    /// The credentials have expired.
    TokenExpired,
    /// `x-amz-content-sha256` is neither a SHA-256 in hex nor a known name such as
    /// `UNSIGNED-PAYLOAD`.
    ContentHash,
    /// The body is encoded as `aws-chunked`, but declared `UNSIGNED-PAYLOAD`.
    ContentEncoding,
    /// The body is encoded as `aws-chunked`, but `x-amz-decoded-content-length` is missing.
    MissingLength,
    /// The body is not the one that was signed.
    ContentMismatch,
    /// A form has a field of its signature not at all, or twice.
    PostField,
    /// The policy of a form cannot be read.
    PolicyDocument,
    /// A form does not meet its policy, or the policy has expired.
    Policy,
    /// The policy of a form allows longer files only.
    PolicyMinLength,
    /// The policy of a form allows shorter files only.
    PolicyMaxLength,
    /// The request is well-formed, but its signature is not the expected one.
    Mismatch,
}

/// Why a request is refused, before a [`Dialect`](super::Dialect) words it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) kind: ErrorKind,
    /// Says more than the dialect's message for the kind; used where the dialect has none.
    pub(super) text: Option<String>,
    pub(super) wrong_scope: Option<Box<WrongScope>>,
    /// Elements of the body, which S3 alone sends.
    pub(super) details: Vec<(&'static str, String)>,
    /// The steps of the signature, if the request is well-formed but its signature does not match.
    pub(super) steps: Option<Box<Explanation>>,
    /// True if the signature was in the query: S3 has other codes for those.
    pub(super) is_presigned: bool,
}

/// The element of S3 that lists the headers that should have been signed.
pub(super) const HEADERS_NOT_SIGNED: &str = "HeadersNotSigned";

impl Refusal {
    pub(super) fn new(kind: ErrorKind) -> Self {
        Self {
            kind,
            text: None,
            wrong_scope: None,
            details: Vec::new(),
            steps: None,
            is_presigned: false,
        }
    }

    pub(super) fn with_text(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self {
            text: Some(text.into()),
            ..Self::new(kind)
        }
    }

    pub(super) fn wrong_scope(wrong: WrongScope) -> Self {
        Self {
            wrong_scope: Some(Box::new(wrong)),
            ..Self::new(ErrorKind::Scope)
        }
    }

    fn with(mut self, element: &'static str, text: &(impl ToString + ?Sized)) -> Self {
        self.details.push((element, text.to_string()));
        self
    }

    pub(super) fn detail(&self, element: &str) -> Option<&str> {
        let mut details = self.details.iter();
        details.find_map(|(name, text)| (*name == element).then_some(&**text))
    }

    pub(super) fn presigned(self, is_presigned: bool) -> Self {
        Self {
            is_presigned,
            ..self
        }
    }

    pub(super) fn too_late(at: Timestamp, now: Timestamp, skew: i64) -> Self {
        let limit = now.plus_seconds(-skew).amz_date();
        let text = format!(
            "Signature expired: {} is now earlier than {limit} ({} - {})",
            at.amz_date(),
            now.amz_date(),
            skew_text(skew)
        );
        Self::skewed(text, at, now, skew)
    }

    pub(super) fn too_early(at: Timestamp, now: Timestamp, skew: i64) -> Self {
        let limit = now.plus_seconds(skew).amz_date();
        let text = format!(
            "Signature not yet current: {} is still later than {limit} ({} + {})",
            at.amz_date(),
            now.amz_date(),
            skew_text(skew)
        );
        Self::skewed(text, at, now, skew)
    }

    fn skewed(text: String, at: Timestamp, now: Timestamp, skew: i64) -> Self {
        Self::with_text(ErrorKind::Skew, text)
            .with("RequestTime", &at.amz_date())
            .with("ServerTime", &whole_second(now))
            .with("MaxAllowedSkewMilliseconds", &(skew * 1000))
    }

    pub(super) fn url_expired(at: Timestamp, ttl: u32, now: Timestamp) -> Self {
        Self::new(ErrorKind::UrlExpired)
            .with("X-Amz-Expires", &ttl)
            .with("Expires", &at.plus_seconds(i64::from(ttl)))
            .with("ServerTime", &whole_second(now))
    }

    pub(super) fn unknown_key(access_key_id: &str) -> Self {
        Self::new(ErrorKind::UnknownKey).with("AWSAccessKeyId", access_key_id)
    }

    pub(super) fn mismatch(access_key_id: &str, provided: &str, steps: Box<Explanation>) -> Self {
        let refusal = Self::new(ErrorKind::Mismatch)
            .with("AWSAccessKeyId", access_key_id)
            .with("StringToSign", steps.string_to_sign())
            .with("SignatureProvided", provided)
            .with("CanonicalRequest", steps.canonical_request());
        Self {
            steps: Some(steps),
            ..refusal
        }
    }

    pub(super) fn content_hash(declared: &[u8]) -> Self {
        Self::new(ErrorKind::ContentHash)
            .with("ArgumentName", CONTENT_SHA256)
            .with("ArgumentValue", &String::from_utf8_lossy(declared))
    }

    pub(super) fn content_mismatch(declared: &[u8], computed: &[u8]) -> Self {
        Self::new(ErrorKind::ContentMismatch)
            .with(
                "ClientComputedContentSHA256",
                &String::from_utf8_lossy(declared),
            )
            .with(
                "S3ComputedContentSHA256",
                &String::from_utf8_lossy(computed),
            )
    }

    pub(super) fn lifetime_too_long(longest: Ttl) -> Self {
        let text = if longest == Ttl::MAX {
            // The text of S3.
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds".to_string()
        } else {
            format!(
                "X-Amz-Expires must not be more than {} seconds",
                longest.as_secs()
            )
        };
        Self::with_text(ErrorKind::BadParameters, text)
    }

    pub(super) fn too_short(bytes: u64, least: u64) -> Self {
        Self::new(ErrorKind::PolicyMinLength)
            .with("ProposedSize", &bytes)
            .with("MinSizeAllowed", &least)
    }

    pub(super) fn too_long(bytes: u64, most: u64) -> Self {
        Self::new(ErrorKind::PolicyMaxLength)
            .with("ProposedSize", &bytes)
            .with("MaxSizeAllowed", &most)
    }

    /// `names` are joined by `, `.
    pub(super) fn unsigned_headers(kind: ErrorKind, names: &str) -> Self {
        let text =
            format!("There were headers present in the request which were not signed: {names}");
        Self::with_text(kind, text).with(HEADERS_NOT_SIGNED, names)
    }
}

impl fmt::Debug for Refusal {
    /// Shows no value that the client sent: the canonical request may hold a session token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("kind", &self.kind)
            .field("wrong_scope", &self.wrong_scope)
            .field("is_presigned", &self.is_presigned)
            .finish_non_exhaustive()
    }
}

/// Drops the milliseconds, which S3 does not show.
fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_unix_seconds(time.unix_seconds())
}

/// Writes a skew as AWS does, in minutes, or in seconds if it is not a whole number of minutes.
fn skew_text(seconds: i64) -> String {
    match seconds % 60 {
        0 => format!("{} min.", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

use alloc::{
    format,
    string::{String, ToString},
};

use super::scope::WrongScope;
use crate::{sign::Ttl, timestamp::Timestamp};

/// What was wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request has no signature: it is anonymous.
    NoSignature,
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
    /// The body is not the one that was signed.
    ContentMismatch,
    /// The request is well-formed, but its signature is not the expected one.
    Mismatch,
}

/// Why a request is refused, before a [`Dialect`](super::Dialect) words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) kind: ErrorKind,
    /// Says more than the dialect's message for the kind; used where the dialect has none.
    pub(super) text: Option<String>,
    pub(super) wrong_scope: Option<WrongScope>,
    /// True if the signature was in the query: S3 has other codes for those.
    pub(super) is_presigned: bool,
}

impl Refusal {
    pub(super) fn new(kind: ErrorKind) -> Self {
        Self {
            kind,
            text: None,
            wrong_scope: None,
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
            wrong_scope: Some(wrong),
            ..Self::new(ErrorKind::Scope)
        }
    }

    pub(super) fn presigned(self, is_presigned: bool) -> Self {
        Self {
            is_presigned,
            ..self
        }
    }

    pub(super) fn too_late(at: Timestamp, now: Timestamp, skew: i64) -> Self {
        let limit = now.plus_seconds(-skew).amz_date();
        let (at, now, skew) = (at.amz_date(), now.amz_date(), skew_text(skew));
        let text = format!("Signature expired: {at} is now earlier than {limit} ({now} - {skew})");
        Self::with_text(ErrorKind::Skew, text)
    }

    pub(super) fn too_early(at: Timestamp, now: Timestamp, skew: i64) -> Self {
        let limit = now.plus_seconds(skew).amz_date();
        let (at, now, skew) = (at.amz_date(), now.amz_date(), skew_text(skew));
        let text =
            format!("Signature not yet current: {at} is still later than {limit} ({now} + {skew})");
        Self::with_text(ErrorKind::Skew, text)
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

    pub(super) fn unsigned_header(name: &str) -> Self {
        let text =
            format!("There were headers present in the request which were not signed: {name}");
        Self::with_text(ErrorKind::HeaderUnsigned, text)
    }
}

/// Writes a skew as AWS does, in minutes, or in seconds if it is not a whole number of minutes.
fn skew_text(seconds: i64) -> String {
    match seconds % 60 {
        0 => format!("{} min.", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

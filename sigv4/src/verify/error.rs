use alloc::{borrow::Cow, format, string::String};
use core::fmt;

use super::{
    dialect::{Answer, Dialect},
    scope::WrongScope,
};
use crate::{sign::Ttl, timestamp::Timestamp};

/// Why a request was refused, as AWS would say it: [`code`](Self::code), [`status`](Self::status), the message as `Display`, and
/// all of it as the [`body`](Self::body) of an answer, in the verifier's [`Dialect`].
///
/// It is meant to be sent to the caller, so it holds nothing that the caller did not send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    /// In place of the kind's own message.
    text: Option<String>,
    dialect: Dialect,
    wrong_scope: Option<WrongScope>,
    /// Whether the signature was in the query.
    in_query: bool,
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
            dialect: Dialect::Query,
            wrong_scope: None,
            in_query: false,
        }
    }

    pub(super) fn saying(kind: ErrorKind, text: String) -> Self {
        Self {
            text: Some(text),
            ..Self::new(kind)
        }
    }

    pub(super) fn scope(wrong: WrongScope) -> Self {
        Self {
            wrong_scope: Some(wrong),
            ..Self::new(ErrorKind::Scope)
        }
    }

    /// Of a presigned URL.
    pub(super) fn of_query(self) -> Self {
        Self {
            in_query: true,
            ..self
        }
    }

    pub(super) fn too_late(at: Timestamp, now: Timestamp, skew: i64) -> Self {
        let (at, now, limit) = (
            at.amz_date(),
            now.amz_date(),
            now.plus_seconds(-skew).amz_date(),
        );
        let skew = span(skew);
        let text = format!("Signature expired: {at} is now earlier than {limit} ({now} - {skew})");
        Self::saying(ErrorKind::Skew, text)
    }

    pub(super) fn too_early(at: Timestamp, now: Timestamp, skew: i64) -> Self {
        let (at, now, limit) = (
            at.amz_date(),
            now.amz_date(),
            now.plus_seconds(skew).amz_date(),
        );
        let skew = span(skew);
        let text =
            format!("Signature not yet current: {at} is still later than {limit} ({now} + {skew})");
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

    pub(super) fn within(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// What was wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// AWS's code.
    pub fn code(&self) -> &'static str {
        self.answer().1
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.answer().0
    }

    /// The body of the answer, with the id that the server gave the request. Its type is [`Dialect::content_type`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Request, Scope, Timestamp, verify::{Dialect, Verifier}};
    /// let verifier = Verifier::new(Scope::new("us-east-1", "dynamodb")?).dialect(Dialect::Json);
    /// let request = Request::new("POST", "https://dynamodb.us-east-1.amazonaws.com/")?;
    /// let error = verifier.verify(&request, Timestamp::MIN, |_| None).unwrap_err();
    /// assert_eq!(error.status(), 400);
    /// assert_eq!(
    ///     error.body("4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG"),
    ///     r#"{"__type":"MissingAuthenticationTokenException","message":"Request is missing Authentication Token"}"#
    /// );
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn body(&self, request_id: &str) -> String {
        let region = self.expected_region();
        self.dialect
            .body_with(self.code(), &self.message(), region, request_id)
    }

    /// The dialect of the verifier.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The region that the request should have been signed for, when that is what was wrong; S3 sends it in `<Region>`.
    pub fn expected_region(&self) -> Option<&str> {
        self.wrong_scope.as_ref()?.right_region()
    }

    /// S3 has another code for what is wrong with a signature when it is in the query.
    fn answer(&self) -> Answer {
        let kind = match (self.dialect, self.kind) {
            (Dialect::S3, ErrorKind::Malformed | ErrorKind::Scope) if self.in_query => {
                ErrorKind::BadParameters
            }
            (_, kind) => kind,
        };
        self.dialect.answer(kind)
    }

    fn message(&self) -> Cow<'_, str> {
        match (self.answer().2, &self.text, &self.wrong_scope) {
            ("", _, Some(wrong)) if self.dialect == Dialect::S3 => {
                wrong.in_s3(self.in_query).into()
            }
            ("", _, Some(wrong)) => wrong.in_general().into(),
            ("", Some(text), _) => text.into(),
            ("", None, _) => "The request signature does not conform to AWS standards.".into(),
            (message, ..) => message.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl core::error::Error for Error {}

/// AWS counts in minutes.
fn span(seconds: i64) -> String {
    match seconds % 60 {
        0 => format!("{} min.", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

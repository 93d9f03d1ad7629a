use alloc::{borrow::Cow, string::String};
use core::fmt;

use super::{
    dialect::Dialect,
    refusal::{ErrorKind, HEADERS_NOT_SIGNED, Refusal},
};
use crate::sign::Explanation;

/// Why a request was refused, worded as AWS does in the verifier's [`Dialect`].
///
/// `Display` gives the message. [`status`](Self::status), [`code`](Self::code) and
/// [`body`](Self::body) make up the answer to the client. The text is meant to be sent: it holds
/// nothing that the client did not send itself, except the scope that the server expects and the
/// server's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    refusal: Refusal,
    dialect: Dialect,
}

impl Error {
    pub(super) fn new(refusal: Refusal, dialect: Dialect) -> Self {
        Self { refusal, dialect }
    }

    /// Returns what was wrong, independent of the dialect.
    pub fn kind(&self) -> ErrorKind {
        self.refusal.kind
    }

    /// Returns AWS's error code, such as `SignatureDoesNotMatch`.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sigv4::{
    ///     Request, Scope, Timestamp,
    ///     verify::{Dialect, ErrorKind, Verifier},
    /// };
    ///
    /// let verifier = Verifier::new(Scope::new("us-east-1", "dynamodb")?).dialect(Dialect::Json);
    /// let anonymous = Request::new("POST", "https://dynamodb.us-east-1.amazonaws.com/")?;
    /// let error = verifier.verify(&anonymous, Timestamp::MIN, |_| None).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NoSignature);
    /// assert_eq!(error.code(), "MissingAuthenticationTokenException");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn code(&self) -> &'static str {
        self.dialect.answer_to(&self.refusal).code
    }

    /// Returns the HTTP status of the answer.
    pub fn status(&self) -> u16 {
        self.dialect.answer_to(&self.refusal).status
    }

    /// Returns the body of the answer, of the type [`Dialect::content_type`].
    ///
    /// `request_id` is the id that the server gave the request.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Request, Scope, Timestamp, verify::{Dialect, Verifier}};
    /// let verifier = Verifier::new(Scope::new("us-east-1", "dynamodb")?).dialect(Dialect::Json);
    /// let anonymous = Request::new("POST", "https://dynamodb.us-east-1.amazonaws.com/")?;
    /// let error = verifier.verify(&anonymous, Timestamp::MIN, |_| None).unwrap_err();
    /// assert_eq!(error.status(), 400);
    /// assert_eq!(
    ///     error.body("4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG"),
    ///     "{\"__type\":\"MissingAuthenticationTokenException\",\
    ///      \"message\":\"Request is missing Authentication Token\"}"
    /// );
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn body(&self, request_id: &str) -> String {
        let region = self.expected_region().map(|region| ("Region", region));
        let others = &self.refusal.details;
        let others = others.iter().map(|(name, text)| (*name, &**text));
        let details = region.into_iter().chain(others);
        self.dialect
            .body_with_details(self.code(), &self.message(), details, request_id)
    }

    /// Returns the dialect of the verifier.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns the region that the request should have been signed for, if that is what was wrong.
    ///
    /// S3 sends it in `<Region>`, from which clients learn where to send the request.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Timestamp, Ttl, verify::Verifier};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// # let to_sign = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
    /// # let url = Signer::s3("us-east-1")?.presign(&to_sign, &credentials, now, Ttl::MAX)?;
    /// // `url` was presigned for us-east-1.
    /// let request = Request::new("GET", url.as_str())?;
    /// let error = Verifier::s3("eu-west-1")?
    ///     .verify(&request, now, |_| Some(credentials.clone()))
    ///     .unwrap_err();
    /// assert_eq!(error.expected_region(), Some("eu-west-1"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn expected_region(&self) -> Option<&str> {
        self.refusal.wrong_scope.as_ref()?.expected_region()
    }

    /// Returns the names of the headers that the request has and should have signed, joined by
    /// `, `, if that is what was wrong.
    ///
    /// S3 sends them in `<HeadersNotSigned>`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Timestamp, Ttl, verify::Verifier};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// # let to_sign = Request::new("PUT", "https://examplebucket.s3.amazonaws.com/key")?;
    /// # let url = Signer::s3("us-east-1")?.presign(&to_sign, &credentials, now, Ttl::MAX)?;
    /// // `url` was presigned without the header.
    /// let request = Request::new("PUT", url.as_str())?.header("x-amz-acl", "public-read")?;
    /// let error = Verifier::s3("us-east-1")?
    ///     .verify(&request, now, |_| Some(credentials.clone()))
    ///     .unwrap_err();
    /// assert_eq!(error.unsigned_headers(), Some("x-amz-acl"));
    /// assert!(error.body("id").contains("<HeadersNotSigned>x-amz-acl</HeadersNotSigned>"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn unsigned_headers(&self) -> Option<&str> {
        self.refusal.detail(HEADERS_NOT_SIGNED)
    }

    /// Returns the canonical request and the string to sign as the verifier sees them, if the
    /// request is well-formed but its signature does not match.
    ///
    /// S3 sends them; a server of another dialect can log them. The canonical request may hold the
    /// session token of the client.
    pub fn explanation(&self) -> Option<&Explanation> {
        self.refusal.steps.as_deref()
    }

    fn message(&self) -> Cow<'_, str> {
        self.dialect.message(&self.refusal)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl core::error::Error for Error {}

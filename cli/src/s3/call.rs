use std::io;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use keyfob_sigv4::uri;

use crate::s3::{Content, Error, error::Cause};

/// A request to S3, without its address and its signature, which the client adds.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The name of the operation, for messages.
    pub(super) operation: &'static str,
    pub(super) method: Method,
    /// `None` for the operations of an account.
    pub(super) bucket: Option<String>,
    /// `None` for the operations of a bucket.
    pub(super) key: Option<String>,
    /// The query string with its `?`, or nothing.
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) content: Content,
    /// Whether the content is bytes of an object.
    pub(super) is_transfer: bool,
    /// Whether a header has the checksum of the content.
    pub(super) has_checksum: bool,
    /// Whether an answer of success is a document, which may turn out to be an error.
    pub(super) answers_with_document: bool,
}

impl Call {
    /// Returns a call of this operation, for the account until a bucket is set.
    pub(crate) fn new(operation: &'static str, method: Method) -> Self {
        Self {
            operation,
            method,
            bucket: None,
            key: None,
            query: String::new(),
            headers: HeaderMap::new(),
            content: Content::default(),
            is_transfer: false,
            has_checksum: false,
            answers_with_document: false,
        }
    }

    /// Sets the bucket.
    pub(crate) fn bucket(mut self, bucket: &str) -> Self {
        self.bucket = Some(bucket.to_owned());
        self
    }

    /// Sets the bucket and the key of an object.
    pub(crate) fn object(mut self, bucket: &str, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self.bucket(bucket)
    }

    /// Adds a parameter to the query string.
    pub(crate) fn parameter(mut self, name: &str, value: &str) -> Self {
        self.query
            .push(if self.query.is_empty() { '?' } else { '&' });
        self.query += name;
        self.query.push('=');
        self.query += &uri::encode_component(value);
        self
    }

    /// Adds a parameter without a value, which names a part of a bucket or an object.
    pub(crate) fn part(mut self, name: &str) -> Self {
        self.query
            .push(if self.query.is_empty() { '?' } else { '&' });
        self.query += name;
        self
    }

    /// Adds a parameter, if it is set.
    pub(crate) fn optional(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.parameter(name, value),
            None => self,
        }
    }

    /// Sets a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets a header to a text.
    ///
    /// # Errors
    ///
    /// If the text cannot be the value of a header.
    pub(crate) fn text_header(self, name: &'static str, text: &str) -> Result<Self, Error> {
        match HeaderValue::try_from(text) {
            Ok(value) => Ok(self.header(HeaderName::from_static(name), value)),
            Err(_) => Err(self.unusable(&format!("a value cannot be in the header {name}"))),
        }
    }

    /// Adds headers, in place of those with the same names.
    pub(crate) fn headers(mut self, headers: &HeaderMap) -> Self {
        self.headers.extend(headers.clone());
        self
    }

    /// Says that the answer of success is a document that may be an error: S3 sends the status
    /// before it knows the outcome of what takes long.
    pub(crate) fn answers_with_document(mut self) -> Self {
        self.answers_with_document = true;
        self
    }

    /// Says who pays for the request, if it is not the owner of the bucket.
    pub(crate) fn request_payer(self, payer: Option<&'static str>) -> Self {
        match payer {
            Some(payer) => self.header(
                HeaderName::from_static("x-amz-request-payer"),
                HeaderValue::from_static(payer),
            ),
            None => self,
        }
    }

    /// Sets the body.
    pub(crate) fn content(mut self, content: impl Into<Content>) -> Self {
        self.content = content.into();
        self
    }

    /// Returns the error that the content cannot be read.
    pub(super) fn unreadable(&self, error: &io::Error) -> Error {
        self.unusable(&format!("cannot read the file: {error}"))
    }

    /// Returns the error that the request cannot be made.
    pub(super) fn unusable(&self, reason: &str) -> Error {
        Error::new(self.operation, Cause::Usage(reason.to_owned()))
    }
}

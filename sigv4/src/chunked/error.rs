use core::fmt;

/// Why an `aws-chunked` body, or an event stream that is signed again, was refused.
///
/// [`status`](Self::status) and [`code`](Self::code) make up the answer to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkError {
    kind: ChunkErrorKind,
}

/// What was wrong with a body in chunks or messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChunkErrorKind {
    /// The framing is malformed, or data follows the end.
    Malformed,
    /// A chunk or a message is larger than the limit.
    TooLarge,
    /// A chunk that is not the last one is smaller than the limit.
    TooSmall,
    /// The signature of a chunk, a message or the trailer is not the expected one.
    SignatureMismatch,
    /// The body is longer or shorter than `x-amz-decoded-content-length` says.
    Length,
    /// The trailer is malformed, or not the one that `x-amz-trailer` announces.
    Trailer,
    /// A checksum in the trailer does not match the body.
    Checksum,
    /// The body ended too early.
    Incomplete,
}

impl ChunkError {
    /// Returns what was wrong.
    pub fn kind(&self) -> ChunkErrorKind {
        self.kind
    }

    /// Returns the error code of S3.
    ///
    /// Source: S3, "Error responses", list of error codes. S3 has no code for malformed framing:
    /// what it cannot read ends the body for it.
    pub fn code(&self) -> &'static str {
        self.answer().1
    }

    /// Returns the HTTP status of the answer.
    pub fn status(&self) -> u16 {
        self.answer().0
    }

    /// Returns the message of S3. `Display` says more.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{chunked::ChunkDecoder, verify::Dialect};
    /// let error = ChunkDecoder::unsigned().finish().unwrap_err();
    /// assert_eq!(
    ///     Dialect::S3.body(error.code(), error.message(), "4442587FB7D0A2F9"),
    ///     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    ///      <Error><Code>IncompleteBody</Code>\
    ///      <Message>The request body terminated unexpectedly</Message>\
    ///      <RequestId>4442587FB7D0A2F9</RequestId></Error>"
    /// );
    /// ```
    pub fn message(&self) -> &'static str {
        self.answer().2
    }

    /// Returns status, code and message of S3.
    fn answer(&self) -> (u16, &'static str, &'static str) {
        match self.kind {
            ChunkErrorKind::Malformed | ChunkErrorKind::Incomplete => (
                400,
                "IncompleteBody",
                "The request body terminated unexpectedly",
            ),
            ChunkErrorKind::Length => (
                400,
                "IncompleteBody",
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
            ),
            ChunkErrorKind::TooLarge => (
                400,
                "EntityTooLarge",
                "Your proposed upload exceeds the maximum allowed size",
            ),
            ChunkErrorKind::TooSmall => (
                403,
                "InvalidChunkSizeError",
                "Only the last chunk is allowed to have a size less than 8192 bytes",
            ),
            ChunkErrorKind::SignatureMismatch => (
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
            ),
            ChunkErrorKind::Trailer => (
                400,
                "MalformedTrailerError",
                "The request contained trailing data that was not well-formed or did not conform to our published schema.",
            ),
            ChunkErrorKind::Checksum => (
                400,
                "BadDigest",
                "The checksum you specified did not match the calculated checksum.",
            ),
        }
    }
}

impl From<ChunkErrorKind> for ChunkError {
    fn from(kind: ChunkErrorKind) -> Self {
        Self { kind }
    }
}

impl fmt::Display for ChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ChunkErrorKind::Malformed => "the body is not in the form that x-amz-content-sha256 announces",
            ChunkErrorKind::TooLarge => "a chunk or a message is larger than the server accepts",
            ChunkErrorKind::TooSmall => {
                "a chunk that is not the last one is smaller than the server accepts"
            }
            ChunkErrorKind::SignatureMismatch => {
                "the signature of a chunk, a message or the trailer does not match; it was changed in transit or signed with another key"
            }
            ChunkErrorKind::Length => {
                "the length of the body differs from x-amz-decoded-content-length"
            }
            ChunkErrorKind::Trailer => {
                "the trailer is malformed or not the one that x-amz-trailer announces"
            }
            ChunkErrorKind::Checksum => "the checksum in the trailer does not match the body",
            ChunkErrorKind::Incomplete => "the body ended before its last chunk or message",
        })
    }
}

impl core::error::Error for ChunkError {}

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
    pub fn code(&self) -> &'static str {
        match self.kind {
            ChunkErrorKind::Malformed => "InvalidRequest",
            ChunkErrorKind::TooLarge => "EntityTooLarge",
            ChunkErrorKind::SignatureMismatch => "SignatureDoesNotMatch",
            ChunkErrorKind::Length | ChunkErrorKind::Incomplete => "IncompleteBody",
            ChunkErrorKind::Trailer => "MalformedTrailerError",
            ChunkErrorKind::Checksum => "BadDigest",
        }
    }

    /// Returns the HTTP status of the answer.
    pub fn status(&self) -> u16 {
        match self.kind {
            ChunkErrorKind::SignatureMismatch => 403,
            _ => 400,
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

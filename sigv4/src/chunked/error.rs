use core::fmt;

/// Why an `aws-chunked` body was refused, or an event stream on its way through a [`BodyResigner`](crate::resign::BodyResigner), and what to
/// answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkError {
    kind: ChunkErrorKind,
}

/// What was wrong with a body in signed pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChunkErrorKind {
    /// The framing is broken, or something follows its end.
    Malformed,
    /// A chunk or a message is larger than the limit.
    TooLarge,
    /// A chunk's, a message's or the trailer's signature is not the one that the key gives.
    SignatureMismatch,
    /// The body is longer or shorter than `x-amz-decoded-content-length` says.
    Length,
    /// The trailer is broken, or is not the one that `x-amz-trailer` announces.
    Trailer,
    /// A checksum in the trailer is not that of the body.
    Checksum,
    /// The body ended too early.
    Incomplete,
}

impl ChunkError {
    /// What was wrong.
    pub fn kind(&self) -> ChunkErrorKind {
        self.kind
    }

    /// The error code of S3.
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

    /// The HTTP status that goes with the code.
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
            ChunkErrorKind::Malformed => "the body has not the form that x-amz-content-sha256 announces",
            ChunkErrorKind::TooLarge => "a chunk or a message is larger than the server takes",
            ChunkErrorKind::SignatureMismatch => {
                "the signature of a chunk, a message or the trailer does not match; it was changed on the way or signed with another key"
            }
            ChunkErrorKind::Length => {
                "the body has another length than x-amz-decoded-content-length says"
            }
            ChunkErrorKind::Trailer => {
                "the trailer is malformed or not the one that x-amz-trailer announces"
            }
            ChunkErrorKind::Checksum => "the checksum in the trailer is not that of the body",
            ChunkErrorKind::Incomplete => "the body ended before its last chunk or message",
        })
    }
}

impl core::error::Error for ChunkError {}

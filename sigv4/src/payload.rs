use core::fmt;

use crate::{
    codec::{hex, sha256::Sha256},
    error::{Error, ErrorKind},
    key::{ALGORITHM, V4A_ALGORITHM},
};

/// The body of a request, or the part of it that is known when signing.
///
/// It decides the last line of the canonical request.
///
/// Source: Signature Version 4, "Create a canonical request", the hashed payload; S3,
/// "Authenticating requests: using the Authorization header", `x-amz-content-sha256`.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub enum Payload<'a> {
    /// No body.
    #[default]
    Empty,
    /// The body itself, which is hashed.
    Bytes(&'a [u8]),
    /// The SHA-256 of the body.
    Sha256([u8; 32]),
    /// A body that is not signed: `UNSIGNED-PAYLOAD`. S3 accepts it over TLS; few other services
    /// do.
    Unsigned,
    /// The value of the request's own `x-amz-content-sha256` header, or no body if there is none.
    ///
    /// A server that verifies the signature before it has the body uses this, and later compares
    /// the body with [`Verified::content_sha256`](crate::verify::Verified::content_sha256).
    Declared,
    /// A body that is sent in signed pieces.
    Streaming(Streaming),
}

/// How the pieces of a body are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Streaming {
    /// `aws-chunked`, each chunk signed.
    Signed,
    /// `aws-chunked`, each chunk and the trailing headers signed.
    SignedTrailer,
    /// `aws-chunked`, not signed, with trailing headers such as a checksum.
    UnsignedTrailer,
    /// `aws-chunked`, each chunk signed with SigV4a.
    SignedV4a,
    /// `aws-chunked`, each chunk and the trailing headers signed with SigV4a.
    SignedTrailerV4a,
    /// Event-stream messages, each signed.
    Events,
}

impl Payload<'_> {
    /// Returns the payload of a body that is not borrowed.
    #[cfg(feature = "http")]
    pub(crate) fn digest(body: &[u8]) -> Payload<'static> {
        if body.is_empty() {
            Payload::Empty
        } else {
            Payload::Sha256(Sha256::digest(body))
        }
    }

    /// Returns true if only `x-amz-content-sha256` can tell the server what is signed: a name, and
    /// not the hash of the body.
    pub(crate) const fn is_announced(self) -> bool {
        matches!(self, Self::Unsigned | Self::Streaming(_))
    }
}

impl Streaming {
    const ALL: [Self; 6] = [
        Self::Signed,
        Self::SignedTrailer,
        Self::UnsignedTrailer,
        Self::SignedV4a,
        Self::SignedTrailerV4a,
        Self::Events,
    ];

    /// Returns the form with this name.
    pub(crate) fn parse(name: &[u8]) -> Option<Self> {
        let is_name = |form: &Self| form.as_str().as_bytes() == name;
        Self::ALL.into_iter().find(is_name)
    }

    /// Returns the algorithm that signs the pieces, if any does.
    const fn algorithm(self) -> Option<&'static str> {
        match self {
            Self::Signed | Self::SignedTrailer | Self::Events => Some(ALGORITHM),
            Self::SignedV4a | Self::SignedTrailerV4a => Some(V4A_ALGORITHM),
            Self::UnsignedTrailer => None,
        }
    }

    /// Refuses pieces that are signed with another algorithm than the request.
    pub(crate) fn check_algorithm(self, algorithm: &str) -> Result<(), Error> {
        if self.algorithm().is_some_and(|name| name != algorithm) {
            return Err(Error::new(ErrorKind::Payload, self.as_str()));
        }
        Ok(())
    }

    /// Returns true if headers follow the body.
    pub(crate) const fn has_trailer(self) -> bool {
        matches!(
            self,
            Self::SignedTrailer | Self::UnsignedTrailer | Self::SignedTrailerV4a
        )
    }

    /// Returns the name, which is the value of `x-amz-content-sha256` and the last line of the
    /// canonical request.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::chunked::Streaming;
    /// assert_eq!(Streaming::Signed.as_str(), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signed => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Self::SignedTrailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            Self::UnsignedTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            Self::SignedV4a => "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
            Self::SignedTrailerV4a => "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
            Self::Events => "STREAMING-AWS4-HMAC-SHA256-EVENTS",
        }
    }
}

/// The SHA-256 of an empty body.
pub(crate) const EMPTY_SHA256: &str =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// The name that stands for the hash of a body that is not signed.
pub(crate) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Returns true if the text is a name that stands for a body that is not signed, or signed in
/// pieces.
pub(crate) fn is_name(text: &[u8]) -> bool {
    text == UNSIGNED_PAYLOAD.as_bytes() || Streaming::parse(text).is_some()
}

/// Returns true if the text can be the last line of a canonical request: a hash, or a
/// [name](is_name).
pub(crate) fn stands_for_body(text: &[u8]) -> bool {
    hex::decode(text).is_some() || is_name(text)
}

/// The last line of a canonical request.
#[derive(Clone, Copy)]
pub(crate) enum ContentHash<'a> {
    Hex([u8; 64]),
    Static(&'static str),
    Declared(&'a [u8]),
}

impl<'a> ContentHash<'a> {
    /// Returns the last line for a body. `declared` is the trimmed value of the request's
    /// `x-amz-content-sha256` header.
    pub(crate) fn new(payload: Payload<'a>, declared: Option<&'a [u8]>) -> Self {
        match payload {
            Payload::Empty | Payload::Bytes([]) => Self::Static(EMPTY_SHA256),
            Payload::Bytes(body) => Self::Hex(hex::encode(&Sha256::digest(body))),
            Payload::Sha256(hash) => Self::Hex(hex::encode(&hash)),
            Payload::Unsigned => Self::Static(UNSIGNED_PAYLOAD),
            Payload::Streaming(streaming) => Self::Static(streaming.as_str()),
            Payload::Declared => declared.map_or(Self::Static(EMPTY_SHA256), Self::Declared),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Hex(digits) => digits,
            Self::Static(text) => text.as_bytes(),
            Self::Declared(text) => text,
        }
    }

    /// Returns the line if it is a [name](is_name), which only a header can tell the server.
    pub(crate) fn name(&self) -> Option<&'a [u8]> {
        let text = match self {
            Self::Hex(_) => return None,
            Self::Static(text) => text.as_bytes(),
            Self::Declared(text) => text,
        };
        is_name(text).then_some(text)
    }

    /// Returns `None` for the borrowed form, which the request has in a header already.
    pub(crate) fn to_static(self) -> Option<ContentHash<'static>> {
        match self {
            Self::Hex(digits) => Some(ContentHash::Hex(digits)),
            Self::Static(text) => Some(ContentHash::Static(text)),
            Self::Declared(_) => None,
        }
    }
}

impl ContentHash<'static> {
    pub(crate) fn as_str(&self) -> &str {
        // Digits or a constant, so the fallback is never used.
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Debug for Payload<'_> {
    /// Never shows the body, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(body) => write!(f, "Bytes({} bytes)", body.len()),
            Self::Sha256(_) => f.write_str("Sha256"),
            Self::Unsigned => f.write_str("Unsigned"),
            Self::Declared => f.write_str("Declared"),
            Self::Streaming(streaming) => write!(f, "Streaming({streaming:?})"),
        }
    }
}

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::checksum::Checksum;
use crate::{
    error::{Error, ErrorKind},
    payload::Streaming,
};

/// The plan of an `aws-chunked` body: how it is signed, how long it is, how it is cut, what its trailer holds.
///
/// Everything that must be known before the first byte is sent follows from it: the
/// [payload](Self::streaming) that is signed in place of a hash, the [headers](Self::headers) that go with it,
/// and the exact [`Content-Length`](Self::content_length).
///
/// Source: S3, "Signature calculations: transferring payload in multiple chunks" and its part on trailing headers.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::chunked::Chunked;
/// // The published example: 65 KiB in chunks of 64 KiB.
/// let body = Chunked::signed(66_560);
/// assert_eq!(body.content_length(), 66_824);
/// assert_eq!(body.streaming().as_str(), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunked {
    signing: Signing,
    decoded_length: u64,
    chunk_size: usize,
    content_encoding: Option<String>,
    checksum: Option<Checksum>,
    trailers: Vec<(String, String)>,
}

/// What stands behind each chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signing {
    None,
    V4,
    #[cfg(feature = "v4a")]
    V4a,
}

impl Chunked {
    /// The smallest chunk, but for the last one, that S3 takes: 8 KiB.
    pub const MIN_CHUNK_SIZE: usize = 8 * 1024;
    /// The size of chunks if nothing else is said: 64 KiB.
    pub const DEFAULT_CHUNK_SIZE: usize = 64 * 1024;

    /// A body of `decoded_length` bytes whose chunks, and trailer if there is one, are signed.
    pub fn signed(decoded_length: u64) -> Self {
        Self::new(Signing::V4, decoded_length)
    }

    /// A body of `decoded_length` bytes whose chunks are signed with SigV4a.
    #[cfg(feature = "v4a")]
    pub fn signed_v4a(decoded_length: u64) -> Self {
        Self::new(Signing::V4a, decoded_length)
    }

    /// A body of `decoded_length` bytes whose chunks are not signed, for TLS only. Its point is a trailer: give it a
    /// [checksum](Self::checksum), as the service expects one.
    pub fn unsigned(decoded_length: u64) -> Self {
        Self::new(Signing::None, decoded_length)
    }

    fn new(signing: Signing, decoded_length: u64) -> Self {
        Self {
            signing,
            decoded_length,
            chunk_size: Self::DEFAULT_CHUNK_SIZE,
            content_encoding: None,
            checksum: None,
            trailers: Vec::new(),
        }
    }

    /// Cut into chunks of this many bytes; the last one is what remains.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ChunkSize`] below [`MIN_CHUNK_SIZE`](Self::MIN_CHUNK_SIZE) or above 1 GiB.
    pub fn chunk_size(mut self, bytes: usize) -> Result<Self, Error> {
        if !(Self::MIN_CHUNK_SIZE..=1 << 30).contains(&bytes) {
            return Err(Error::new(ErrorKind::ChunkSize, &bytes.to_string()));
        }
        self.chunk_size = bytes;
        Ok(self)
    }

    /// With the encoding that the body has before it is cut, such as `gzip`: it goes into `Content-Encoding` behind
    /// `aws-chunked`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Trailer`] when it cannot stand in a header.
    pub fn content_encoding(mut self, encoding: &str) -> Result<Self, Error> {
        self.content_encoding = Some(trailer_value(encoding)?);
        Ok(self)
    }

    /// With a checksum in the trailer, computed while the body passes.
    #[must_use]
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// With a trailer whose value is known beforehand. The name is lower-cased, the value trimmed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Trailer`] when one of them cannot stand in a header or the name is there already.
    pub fn trailer(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let name = trailer_name(name)?;
        if self.trailer_names().any(|known| known == name) {
            return Err(Error::new(ErrorKind::Trailer, &name));
        }
        self.trailers.push((name, trailer_value(value)?));
        Ok(self)
    }

    /// What is signed in place of the payload's hash, and sent as `x-amz-content-sha256`: give it to the request as
    /// [`Payload::Streaming`](crate::Payload::Streaming).
    ///
    /// Without signatures there is one name only, trailer or not.
    pub fn streaming(&self) -> Streaming {
        match (self.signing, self.has_trailer()) {
            (Signing::None, _) => Streaming::UnsignedTrailer,
            (Signing::V4, false) => Streaming::Signed,
            (Signing::V4, true) => Streaming::SignedTrailer,
            #[cfg(feature = "v4a")]
            (Signing::V4a, false) => Streaming::SignedV4a,
            #[cfg(feature = "v4a")]
            (Signing::V4a, true) => Streaming::SignedTrailerV4a,
        }
    }

    /// The headers that the request must carry and sign, besides `x-amz-content-sha256`, which the signer adds:
    /// `content-encoding`, `x-amz-decoded-content-length` and, with a trailer, `x-amz-trailer`.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let encoding = match &self.content_encoding {
            Some(encoding) => format!("aws-chunked,{encoding}"),
            None => "aws-chunked".to_string(),
        };
        let mut headers = alloc::vec![
            ("content-encoding", encoding),
            (
                "x-amz-decoded-content-length",
                self.decoded_length.to_string(),
            ),
        ];
        if self.has_trailer() {
            let names: Vec<&str> = self.trailer_names().collect();
            headers.push(("x-amz-trailer", names.join(",")));
        }
        headers
    }

    /// The bytes of the body before it is cut.
    pub fn decoded_length(&self) -> u64 {
        self.decoded_length
    }

    /// The bytes of the whole body on the wire, exactly: the value of `Content-Length`.
    ///
    /// A chunk of n bytes costs its length in hex, `;chunk-signature=` and the signature where there is one, n, and
    /// two line ends; the last chunk is empty and followed by the trailer's lines and an empty one. Saturates at
    /// `u64::MAX`.
    pub fn content_length(&self) -> u64 {
        let size = self.chunk_size as u64;
        let rest = match self.decoded_length % size {
            0 => 0,
            rest => self.chunk_length(rest),
        };
        (self.decoded_length / size)
            .saturating_mul(self.chunk_length(size))
            .saturating_add(rest)
            .saturating_add(self.end_length())
    }

    /// The bytes on the wire of one chunk of `decoded` bytes, for those who cut the body themselves.
    pub fn chunk_length(&self, decoded: u64) -> u64 {
        decoded.saturating_add(self.head_length(decoded) + 2)
    }

    /// The bytes on the wire of all that follows the data: the empty chunk, the trailer and the last empty line.
    pub fn end_length(&self) -> u64 {
        let line = |(name, value): (&str, usize)| (name.len() + 1 + value + 2) as u64;
        let mut length = self.head_length(0) + 2;
        length += self.trailer_lengths().map(line).sum::<u64>();
        if self.has_trailer() && self.signature_length() > 0 {
            length += line((TRAILER_SIGNATURE, self.signature_length()));
        }
        length
    }

    /// `400;chunk-signature=…` and the line end.
    fn head_length(&self, decoded: u64) -> u64 {
        let digits = (64 - decoded.leading_zeros()).div_ceil(4).max(1);
        let extension = match self.signature_length() {
            0 => 0,
            length => CHUNK_SIGNATURE.len() + length,
        };
        u64::from(digits) + extension as u64 + 2
    }

    /// SigV4a signatures differ in length and are filled up to the longest.
    fn signature_length(&self) -> usize {
        match self.signing {
            Signing::None => 0,
            Signing::V4 => 64,
            #[cfg(feature = "v4a")]
            Signing::V4a => super::signature::MAX_LENGTH,
        }
    }

    fn has_trailer(&self) -> bool {
        self.checksum.is_some() || !self.trailers.is_empty()
    }

    fn trailer_names(&self) -> impl Iterator<Item = &str> {
        self.trailer_lengths().map(|(name, _)| name)
    }

    fn trailer_lengths(&self) -> impl Iterator<Item = (&str, usize)> {
        let known = self.trailers.iter().map(|(n, v)| (&**n, v.len()));
        let computed = self.checksum.map(|c| (c.name(), c.value_length()));
        known.chain(computed)
    }

    #[cfg(feature = "http-body")]
    pub(super) fn is_signed(&self) -> bool {
        self.signing != Signing::None
    }

    pub(super) fn signing(&self) -> Signing {
        self.signing
    }

    pub(super) fn size_of_chunks(&self) -> usize {
        self.chunk_size
    }

    pub(super) fn trailing_checksum(&self) -> Option<Checksum> {
        self.checksum
    }

    pub(super) fn known_trailers(&self) -> &[(String, String)] {
        &self.trailers
    }
}

pub(super) const CHUNK_SIGNATURE: &str = ";chunk-signature=";
pub(super) const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// RFC 9110, section 5.6.2, lower-cased as it is signed. The signature's own name is taken.
fn trailer_name(name: &str) -> Result<String, Error> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || !name.bytes().all(token) || lower == TRAILER_SIGNATURE {
        return Err(Error::new(ErrorKind::Trailer, name));
    }
    Ok(lower)
}

/// One line of visible characters and single blanks: what every server signs as it came.
fn trailer_value(value: &str) -> Result<String, Error> {
    let value = value.trim_matches([' ', '\t']);
    if value.chars().any(char::is_control) || value.contains("  ") {
        return Err(Error::new(ErrorKind::Trailer, value));
    }
    Ok(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_lengths_come_out() {
        assert_eq!(Chunked::signed(66_560).content_length(), 66_824);
        let trailer = Chunked::signed(66_560).checksum(Checksum::Crc32c);
        assert_eq!(trailer.content_length(), 66_946);
        let unsigned = Chunked::unsigned(11).checksum(Checksum::Crc32);
        assert_eq!(unsigned.content_length(), 52);
        assert_eq!(Chunked::signed(0).content_length(), 86);
    }

    #[test]
    fn no_length_overflows() {
        for length in [u64::MAX, u64::MAX - 1, u64::MAX - (1 << 50)] {
            assert_eq!(Chunked::signed(length).content_length(), u64::MAX);
            assert_eq!(Chunked::signed(0).chunk_length(u64::MAX), u64::MAX);
        }
    }

    #[test]
    fn headers_name_the_encodings_and_the_trailers_in_order() {
        let body = Chunked::signed(5)
            .content_encoding("gzip")
            .unwrap()
            .trailer("X-First", " 1 ")
            .unwrap()
            .checksum(Checksum::Sha256);
        assert_eq!(
            body.headers(),
            [
                ("content-encoding", "aws-chunked,gzip".into()),
                ("x-amz-decoded-content-length", "5".into()),
                ("x-amz-trailer", "x-first,x-amz-checksum-sha256".into()),
            ]
        );
        assert_eq!(
            body.streaming().as_str(),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
        );
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        for size in [0, 8191, (1 << 30) + 1] {
            let error = Chunked::signed(1).chunk_size(size).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ChunkSize);
        }
        for (name, value) in [
            ("", "v"),
            ("a b", "v"),
            ("a:b", "v"),
            ("X-Amz-Trailer-Signature", "v"),
            ("a", "v\r\nb: c"),
            ("a", "b  c"),
        ] {
            let error = Chunked::signed(1).trailer(name, value).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Trailer, "{name} {value}");
        }
        let twice = Chunked::signed(1)
            .trailer("a", "1")
            .unwrap()
            .trailer("A", "2");
        assert_eq!(twice.unwrap_err().kind(), ErrorKind::Trailer);
    }
}

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{checksum::Checksum, content_encoding::add_others};
use crate::{
    error::{Error, ErrorKind},
    header_names::{DECODED_LENGTH, TRAILER},
    payload::Streaming,
};

/// The plan of an `aws-chunked` body: its signatures, its length, the size of its chunks, and its
/// trailer.
///
/// It gives everything that is needed before the first byte is sent: the [payload](Self::streaming)
/// that is signed instead of a hash, the [headers](Self::headers) that announce the body, and the
/// exact [`Content-Length`](Self::content_length).
///
/// Source: S3, "Signature calculations: transferring payload in multiple chunks" and its part on
/// trailing headers.
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

/// How each chunk is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signing {
    None,
    V4,
    #[cfg(feature = "v4a")]
    V4a,
}

impl Chunked {
    /// The smallest size of chunks that S3 accepts, except for the last one: 8 KiB.
    pub const MIN_CHUNK_SIZE: usize = 8 * 1024;
    /// The default size of chunks: 64 KiB.
    pub const DEFAULT_CHUNK_SIZE: usize = 64 * 1024;

    /// Plans a body of `decoded_length` bytes whose chunks are signed, and its trailer if it has
    /// one.
    pub fn signed(decoded_length: u64) -> Self {
        Self::new(Signing::V4, decoded_length)
    }

    /// Plans a body of `decoded_length` bytes whose chunks and trailer are signed with SigV4a.
    #[cfg(feature = "v4a")]
    pub fn signed_v4a(decoded_length: u64) -> Self {
        Self::new(Signing::V4a, decoded_length)
    }

    /// Plans a body of `decoded_length` bytes whose chunks are not signed, for TLS only.
    ///
    /// Add a [checksum](Self::checksum): the service expects one in the trailer.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::chunked::{Checksum, Chunked};
    /// let body = Chunked::unsigned(11).checksum(Checksum::Crc32);
    /// assert_eq!(body.content_length(), 52);
    /// assert_eq!(body.streaming().as_str(), "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    /// ```
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

    /// Sets the size of chunks in bytes. The last chunk may be smaller.
    ///
    /// The default is [`DEFAULT_CHUNK_SIZE`](Self::DEFAULT_CHUNK_SIZE).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ChunkSize`] if it is below [`MIN_CHUNK_SIZE`](Self::MIN_CHUNK_SIZE) or above 1
    /// GiB.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::chunked::Chunked;
    /// let body = Chunked::signed(100 * 1024 * 1024).chunk_size(1024 * 1024)?;
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn chunk_size(mut self, bytes: usize) -> Result<Self, Error> {
        if !(Self::MIN_CHUNK_SIZE..=1 << 30).contains(&bytes) {
            return Err(Error::new(ErrorKind::ChunkSize, &bytes.to_string()));
        }
        self.chunk_size = bytes;
        Ok(self)
    }

    /// Sets the encodings that the body has before it is cut, such as `gzip`. They follow
    /// `aws-chunked` in `Content-Encoding`; one that is `aws-chunked` itself is left out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Trailer`] if it cannot stand in a header.
    pub fn content_encoding(mut self, encoding: &str) -> Result<Self, Error> {
        let mut others = String::new();
        add_others(&mut others, &trailer_value(encoding)?);
        self.content_encoding = Some(others).filter(|others| !others.is_empty());
        Ok(self)
    }

    /// Returns the encodings that the body has before it is cut.
    #[cfg(feature = "http-body")]
    pub(super) fn encodings(&self) -> impl Iterator<Item = &str> {
        let list = self.content_encoding.as_deref();
        list.into_iter().flat_map(|list| list.split(','))
    }

    /// Adds a checksum to the trailer. It is computed while the body is encoded.
    #[must_use]
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// Adds a header of known value to the trailer. The name is lower-cased, the value trimmed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Trailer`] if name or value cannot stand in a header, or the name was added
    /// already.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::chunked::{ChunkEncoder, Chunked};
    /// // A checksum of a kind that `Checksum` lacks, computed before.
    /// let (name, value) = ("x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=");
    /// let plan = Chunked::unsigned(5).trailer(name, value)?;
    /// let mut body = Vec::new();
    /// let mut encoder = ChunkEncoder::unsigned(&plan)?;
    /// encoder.chunk(b"hello", &mut body);
    /// encoder.end(&mut body);
    /// assert!(body.ends_with(b"0\r\nx-amz-checksum-sha1:qvTGHdzF6KLavt4PO0gs2a6pQ00=\r\n\r\n"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn trailer(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let name = trailer_name(name)?;
        if self.trailer_names().any(|known| known == name) {
            return Err(Error::new(ErrorKind::Trailer, &name));
        }
        self.trailers.push((name, trailer_value(value)?));
        Ok(self)
    }

    /// Returns the payload to sign, for [`Payload::Streaming`](crate::Payload::Streaming).
    ///
    /// Its name is signed instead of a hash, and sent as `x-amz-content-sha256`.
    pub fn streaming(&self) -> Streaming {
        match (self.signing, self.has_trailer()) {
            // Without signatures there is only this name, with or without a trailer.
            (Signing::None, _) => Streaming::UnsignedTrailer,
            (Signing::V4, false) => Streaming::Signed,
            (Signing::V4, true) => Streaming::SignedTrailer,
            #[cfg(feature = "v4a")]
            (Signing::V4a, false) => Streaming::SignedV4a,
            #[cfg(feature = "v4a")]
            (Signing::V4a, true) => Streaming::SignedTrailerV4a,
        }
    }

    /// Returns the headers that the request must send and sign: `content-encoding`,
    /// `x-amz-decoded-content-length` and, with a trailer, `x-amz-trailer`.
    ///
    /// The signer adds `x-amz-content-sha256`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::chunked::{Checksum, Chunked};
    /// let headers = Chunked::signed(66_560).checksum(Checksum::Crc32c).headers();
    /// assert_eq!(headers[0], ("content-encoding", "aws-chunked".into()));
    /// assert_eq!(headers[1], ("x-amz-decoded-content-length", "66560".into()));
    /// assert_eq!(headers[2], ("x-amz-trailer", "x-amz-checksum-crc32c".into()));
    /// ```
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let encoding = match &self.content_encoding {
            Some(encoding) => format!("aws-chunked,{encoding}"),
            None => "aws-chunked".to_string(),
        };
        let mut headers = alloc::vec![
            ("content-encoding", encoding),
            (DECODED_LENGTH, self.decoded_length.to_string()),
        ];
        if self.has_trailer() {
            let names: Vec<&str> = self.trailer_names().collect();
            headers.push((TRAILER, names.join(",")));
        }
        headers
    }

    /// Returns the length of the body before encoding, in bytes.
    pub fn decoded_length(&self) -> u64 {
        self.decoded_length
    }

    /// Returns the exact length of the encoded body in bytes, for `Content-Length`.
    ///
    /// A chunk of n bytes takes n, the digits of n in hex, `;chunk-signature=` and the signature if
    /// chunks are signed, and two line ends. The last chunk is empty; the lines of the trailer and
    /// an empty line follow it. Saturates at `u64::MAX`.
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

    /// Returns the encoded length of one chunk of `decoded` bytes, for callers that cut the body.
    pub fn chunk_length(&self, decoded: u64) -> u64 {
        decoded.saturating_add(self.head_length(decoded) + 2)
    }

    /// Returns the length of everything after the data: the empty chunk, the trailer and the last
    /// empty line.
    pub fn end_length(&self) -> u64 {
        let line = |(name, value): (&str, usize)| (name.len() + 1 + value + 2) as u64;
        let mut length = self.head_length(0) + 2;
        length += self.trailer_lengths().map(line).sum::<u64>();
        if self.has_trailer() && self.signature_length() > 0 {
            length += line((TRAILER_SIGNATURE, self.signature_length()));
        }
        length
    }

    /// Returns the length of `400;chunk-signature=…` and the line end.
    fn head_length(&self, decoded: u64) -> u64 {
        let digits = (64 - decoded.leading_zeros()).div_ceil(4).max(1);
        let extension = match self.signature_length() {
            0 => 0,
            length => CHUNK_SIGNATURE.len() + length,
        };
        u64::from(digits) + extension as u64 + 2
    }

    /// Returns the length of each signature. Those of SigV4a are padded to the longest.
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

/// Checks the name of a trailer and lower-cases it, as it is signed (RFC 9110, section 5.6.2). The
/// name of the trailer's signature is reserved.
fn trailer_name(name: &str) -> Result<String, Error> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || !name.bytes().all(token) || lower == TRAILER_SIGNATURE {
        return Err(Error::new(ErrorKind::Trailer, name));
    }
    Ok(lower)
}

/// Checks and trims the value of a trailer: one line without repeated spaces, which all servers
/// sign as received.
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
    fn lengths_equal_the_published_ones() {
        assert_eq!(Chunked::signed(66_560).content_length(), 66_824);
        let trailer = Chunked::signed(66_560).checksum(Checksum::Crc32c);
        assert_eq!(trailer.content_length(), 66_946);
        let unsigned = Chunked::unsigned(11).checksum(Checksum::Crc32);
        assert_eq!(unsigned.content_length(), 52);
        assert_eq!(Chunked::signed(0).content_length(), 86);
    }

    #[test]
    fn lengths_saturate() {
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
    fn trailers_and_sizes_that_cannot_be_sent_are_refused() {
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

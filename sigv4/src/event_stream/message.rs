use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::{
    codec::crc::crc32,
    error::{Error, ErrorKind},
};

/// The most bytes that the headers of a message may have.
pub(super) const MAX_HEADERS: usize = 128 * 1024;
/// The most bytes that a message may have, including its frame.
pub(super) const MAX_MESSAGE: usize = 24 * 1024 * 1024;
/// The bytes before the headers: total length, length of the headers, checksum of both.
const PRELUDE: usize = 12;
/// The bytes of a message besides headers and payload: prelude and final checksum.
const FRAME: usize = PRELUDE + 4;

/// One message of an `application/vnd.amazon.eventstream`: typed headers and a payload.
///
/// Encoded, with all numbers big-endian, it is: total length and length of the headers (32 bits
/// each), CRC-32 of these eight bytes, headers, payload, CRC-32 of everything before. The headers
/// have at most 128 KiB, the whole message 24 MiB.
///
/// `Debug` shows only the names of the headers and the length of the payload.
///
/// Source: Amazon Transcribe, "Event stream encoding".
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::event_stream::{HeaderValue, Message};
/// let message = Message::new(*b"audio")?
///     .header(":event-type", HeaderValue::String("AudioEvent".into()))?;
/// let bytes = message.encode();
/// let (read, length) = Message::decode(&bytes)?.expect("a whole message");
/// assert_eq!((read, length), (message, bytes.len()));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    headers: Vec<(String, HeaderValue)>,
    payload: Vec<u8>,
}

impl Message {
    /// Creates a message without headers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EventLength`] if payload and frame have more than 24 MiB together.
    pub fn new(payload: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let payload = payload.into();
        if payload.len() > MAX_MESSAGE - FRAME {
            return Err(Error::secret(ErrorKind::EventLength));
        }
        Ok(Self {
            headers: Vec::new(),
            payload,
        })
    }

    /// Adds a header after those already added.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EventHeader`] if the name is not 1 to 255 bytes long or the value has more than
    /// 32,767 bytes; [`ErrorKind::EventLength`] if the message gets too long.
    pub fn header(mut self, name: impl Into<String>, value: HeaderValue) -> Result<Self, Error> {
        let name = name.into();
        if !(1..=255).contains(&name.len()) || value.length() > MAX_VALUE {
            return Err(Error::new(ErrorKind::EventHeader, &name));
        }
        self.headers.push((name, value));
        let headers = self.headers_length();
        if headers > MAX_HEADERS || headers + self.payload.len() > MAX_MESSAGE - FRAME {
            return Err(Error::secret(ErrorKind::EventLength));
        }
        Ok(self)
    }

    /// Returns the headers in order.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, &HeaderValue)> {
        self.headers.iter().map(|(name, value)| (&**name, value))
    }

    /// Returns the value of the first header of this name. Names are case-sensitive in this format.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::event_stream::{HeaderValue, Message};
    /// let message = Message::new(*b"{}")?
    ///     .header(":event-type", HeaderValue::String("TranscriptEvent".into()))?;
    /// let kind = message.get(":event-type").and_then(HeaderValue::as_str);
    /// assert_eq!(kind, Some("TranscriptEvent"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn get(&self, name: &str) -> Option<&HeaderValue> {
        self.headers()
            .find_map(|(n, value)| (n == name).then_some(value))
    }

    /// Returns the payload.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Encodes the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut headers = Vec::with_capacity(self.headers_length());
        for (name, value) in self.headers() {
            put_header(&mut headers, name, value);
        }
        frame(&headers, &self.payload)
    }

    /// Decodes the message at the start of `bytes`, and returns it with its encoded length.
    ///
    /// `None` if there is only a part of a message. Lengths that are too large are refused at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EventLength`], [`ErrorKind::EventChecksum`] or [`ErrorKind::EventHeader`] if
    /// the stream is malformed. It cannot be read any further then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::event_stream::Message;
    /// # let received = [Message::new(*b"a")?.encode(), Message::new(*b"b")?.encode()].concat();
    /// let mut rest = &received[..];
    /// let mut messages = Vec::new();
    /// while let Some((message, length)) = Message::decode(rest)? {
    ///     messages.push(message);
    ///     rest = &rest[length..];
    /// }
    /// assert_eq!(messages.len(), 2);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        let Some(prelude) = bytes.first_chunk::<PRELUDE>() else {
            return Ok(None);
        };
        let mut reader = Reader(prelude);
        let (total, headers_length) = reader.lengths()?;
        // Checked before waiting for the rest, because a corrupt length could ask for too much.
        if crc32(&bytes[..PRELUDE - 4]) != reader.u32()? {
            return Err(Error::secret(ErrorKind::EventChecksum));
        }
        let Some(framed) = bytes.get(..total) else {
            return Ok(None);
        };
        let (body, checksum) = framed.split_at(total - 4);
        if crc32(body) != Reader(checksum).u32()? {
            return Err(Error::secret(ErrorKind::EventChecksum));
        }
        let (headers, payload) = body[PRELUDE..].split_at(headers_length);
        let message = Self {
            headers: read_headers(headers)?,
            payload: payload.into(),
        };
        Ok(Some((message, total)))
    }

    fn headers_length(&self) -> usize {
        let length = |(name, value): &(String, HeaderValue)| {
            2 + name.len() + value.prefix_length() + value.length()
        };
        self.headers.iter().map(length).sum()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers().map(|(name, _)| name).collect();
        f.debug_struct("Message")
            .field("headers", &names)
            .field("payload_length", &self.payload.len())
            .finish()
    }
}

/// The longest string or byte value of a header.
const MAX_VALUE: usize = 32_767;

/// The value of a header, in one of the nine types of the format.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is named after its type")]
pub enum HeaderValue {
    Bool(bool),
    Byte(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    Bytes(Vec<u8>),
    String(String),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    Uuid([u8; 16]),
}

impl HeaderValue {
    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the length of the value, without its type and its prefix.
    fn length(&self) -> usize {
        match self {
            Self::Bool(_) => 0,
            Self::Byte(_) => 1,
            Self::Int16(_) => 2,
            Self::Int32(_) => 4,
            Self::Int64(_) | Self::Timestamp(_) => 8,
            Self::Bytes(bytes) => bytes.len(),
            Self::String(text) => text.len(),
            Self::Uuid(_) => 16,
        }
    }

    /// Returns the length of the prefix, which is the length of a string or of bytes.
    fn prefix_length(&self) -> usize {
        match self {
            Self::Bytes(_) | Self::String(_) => 2,
            _ => 0,
        }
    }
}

/// Appends a header: length of the name (one byte), name, type (one byte), value. Strings and bytes
/// are prefixed with a length of 16 bits.
pub(super) fn put_header(to: &mut Vec<u8>, name: &str, value: &HeaderValue) {
    // The casts cannot truncate: `Message::header` limits names to 255 bytes, values to 32,767.
    to.push(name.len() as u8);
    to.extend_from_slice(name.as_bytes());
    match value {
        HeaderValue::Bool(true) => to.push(0),
        HeaderValue::Bool(false) => to.push(1),
        HeaderValue::Byte(n) => put(to, 2, &n.to_be_bytes()),
        HeaderValue::Int16(n) => put(to, 3, &n.to_be_bytes()),
        HeaderValue::Int32(n) => put(to, 4, &n.to_be_bytes()),
        HeaderValue::Int64(n) => put(to, 5, &n.to_be_bytes()),
        HeaderValue::Bytes(bytes) => {
            put(to, 6, &(bytes.len() as u16).to_be_bytes());
            to.extend_from_slice(bytes);
        }
        HeaderValue::String(text) => {
            put(to, 7, &(text.len() as u16).to_be_bytes());
            to.extend_from_slice(text.as_bytes());
        }
        HeaderValue::Timestamp(millis) => put(to, 8, &millis.to_be_bytes()),
        HeaderValue::Uuid(bytes) => put(to, 9, bytes),
    }
}

fn put(to: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    to.push(kind);
    to.extend_from_slice(bytes);
}

/// Frames encoded headers and a payload, both within the limits.
pub(super) fn frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = FRAME + headers.len() + payload.len();
    let mut message = Vec::with_capacity(total);
    message.extend_from_slice(&(total as u32).to_be_bytes());
    message.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    message.extend_from_slice(&crc32(&message).to_be_bytes());
    message.extend_from_slice(headers);
    message.extend_from_slice(payload);
    message.extend_from_slice(&crc32(&message).to_be_bytes());
    message
}

/// Reads values from the front. Too few bytes are a malformed header.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(malformed_header)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(malformed_header)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads bytes that are prefixed with a length of 16 bits.
    fn sized(&mut self) -> Result<&'a [u8], Error> {
        let length = u16::from_be_bytes(self.array()?).into();
        if length > MAX_VALUE {
            return Err(malformed_header());
        }
        self.take(length)
    }

    /// Reads the total length and that of the headers, and checks both.
    fn lengths(&mut self) -> Result<(usize, usize), Error> {
        let (total, headers) = (self.u32()? as usize, self.u32()? as usize);
        if total > MAX_MESSAGE || headers > MAX_HEADERS || headers + FRAME > total {
            return Err(Error::secret(ErrorKind::EventLength));
        }
        Ok((total, headers))
    }

    fn header(&mut self) -> Result<(String, HeaderValue), Error> {
        let [length] = self.array()?;
        if length == 0 {
            return Err(malformed_header());
        }
        Ok((text(self.take(length.into())?)?, self.value()?))
    }

    fn value(&mut self) -> Result<HeaderValue, Error> {
        let [kind] = self.array()?;
        Ok(match kind {
            0 => HeaderValue::Bool(true),
            1 => HeaderValue::Bool(false),
            2 => HeaderValue::Byte(i8::from_be_bytes(self.array()?)),
            3 => HeaderValue::Int16(i16::from_be_bytes(self.array()?)),
            4 => HeaderValue::Int32(i32::from_be_bytes(self.array()?)),
            5 => HeaderValue::Int64(i64::from_be_bytes(self.array()?)),
            6 => HeaderValue::Bytes(self.sized()?.into()),
            7 => HeaderValue::String(text(self.sized()?)?),
            8 => HeaderValue::Timestamp(i64::from_be_bytes(self.array()?)),
            9 => HeaderValue::Uuid(self.array()?),
            _ => return Err(malformed_header()),
        })
    }
}

fn read_headers(bytes: &[u8]) -> Result<Vec<(String, HeaderValue)>, Error> {
    let mut reader = Reader(bytes);
    let mut headers = Vec::new();
    while !reader.0.is_empty() {
        headers.push(reader.header()?);
    }
    Ok(headers)
}

fn text(bytes: &[u8]) -> Result<String, Error> {
    core::str::from_utf8(bytes)
        .map(Into::into)
        .map_err(|_| malformed_header())
}

fn malformed_header() -> Error {
    Error::secret(ErrorKind::EventHeader)
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec};

    use super::*;

    fn every_type() -> Message {
        [
            HeaderValue::Bool(true),
            HeaderValue::Bool(false),
            HeaderValue::Byte(-1),
            HeaderValue::Int16(-2),
            HeaderValue::Int32(i32::MIN),
            HeaderValue::Int64(i64::MAX),
            HeaderValue::Bytes(vec![0, 255]),
            HeaderValue::String("é".into()),
            HeaderValue::Timestamp(1_767_225_600_000),
            HeaderValue::Uuid([7; 16]),
        ]
        .into_iter()
        .enumerate()
        .fold(Message::new(*b"payload").unwrap(), |message, (i, value)| {
            message.header(format!("h{i}"), value).unwrap()
        })
    }

    #[test]
    fn a_published_message_is_encoded_byte_for_byte() {
        let message = Message::new(*b"test payload")
            .unwrap()
            .header("some-header", HeaderValue::String("value".into()))
            .unwrap();
        let expected = b"\0\0\0\x30\0\0\0\x14\xde\xd9\xb3\x92\x0bsome-header\x07\0\x05valuetest payload\x3e\x89\xb9\x24";
        assert_eq!(message.encode(), expected);
    }

    #[test]
    fn every_type_survives_the_round_trip() {
        let message = every_type();
        let mut bytes = message.encode();
        let length = bytes.len();
        bytes.extend_from_slice(b"next");
        let (read, taken) = Message::decode(&bytes).unwrap().unwrap();
        assert_eq!((&read, taken), (&message, length));
        assert_eq!(read.get("h7").and_then(HeaderValue::as_str), Some("é"));
        assert_eq!(read.get("H7"), None);
    }

    #[test]
    fn a_part_of_a_message_is_neither_a_message_nor_an_error() {
        let bytes = every_type().encode();
        for length in 0..bytes.len() {
            assert_eq!(Message::decode(&bytes[..length]), Ok(None), "{length}");
        }
    }

    #[test]
    fn each_changed_byte_is_found() {
        let bytes = every_type().encode();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(
                !matches!(Message::decode(&changed), Ok(Some(_))),
                "byte {at}"
            );
        }
    }

    #[test]
    fn impossible_lengths_are_refused_at_once() {
        for (total, headers) in [(15, 0), (u32::MAX, 0), (100, 85), (16, 1), (0, 0)] {
            let mut bytes = [u32::to_be_bytes(total), u32::to_be_bytes(headers)].concat();
            bytes.extend_from_slice(&crc32(&bytes).to_be_bytes());
            let error = Message::decode(&bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::EventLength, "{total} {headers}");
        }
    }

    #[test]
    fn malformed_headers_with_valid_checksums_are_refused() {
        for headers in [
            &b"\x00\x00"[..],         // empty name
            b"\x01a\x0a",             // unknown type
            b"\x01a\x03\x00",         // a truncated number
            b"\x01a\x07\x00\x05a",    // a truncated string
            b"\x01a\x07\x00\x01\xff", // not UTF-8
            b"\x01\xff\x00",          // name not UTF-8
            b"\x05a",                 // a truncated name
            b"\x01a\x06\xff\xff",     // too long
        ] {
            let error = Message::decode(&frame(headers, b"")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::EventHeader, "{headers:?}");
        }
    }

    #[test]
    fn headers_and_messages_that_are_too_long_are_refused() {
        let message = || Message::new(Vec::new()).unwrap();
        for (name, value) in [
            (String::new(), HeaderValue::Bool(true)),
            ("a".repeat(256), HeaderValue::Bool(true)),
            ("a".into(), HeaderValue::Bytes(vec![0; 32_768])),
        ] {
            let error = message().header(name, value).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::EventHeader);
        }
        let full = (0..3).fold(message(), |message, _| {
            message
                .header("a", HeaderValue::Bytes(vec![0; 32_767]))
                .unwrap()
        });
        let error = full
            .header("a".repeat(255), HeaderValue::Bytes(vec![0; 32_767]))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EventLength);
        let error = Message::new(vec![0; MAX_MESSAGE]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EventLength);
    }
}

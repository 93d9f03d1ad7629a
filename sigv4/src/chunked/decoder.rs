use alloc::{string::String, vec::Vec};
use core::fmt;

use super::{
    checksum::{Checksum, Running},
    error::{ChunkError, ChunkErrorKind},
    plan::{CHUNK_SIGNATURE, TRAILER_SIGNATURE},
    verifier::ChunkVerifier,
};
use crate::codec::accumulator::Accumulator;

/// The longest line before a chunk: 16 digits, `;chunk-signature=`, a SigV4a signature of 144
/// characters and the line end make 179 bytes; this leaves room.
const MAX_HEAD: usize = 256;
/// The longest line of a trailer.
const MAX_TRAILER: usize = 16 * 1024;

/// Decodes an `aws-chunked` body as it is received, and gives out only verified bytes.
///
/// It is the receiving side of [`ChunkEncoder`](super::ChunkEncoder). Tell it what the verified
/// headers of the request announce, or let
/// [`Verifier::chunk_decoder`](crate::verify::Verifier::chunk_decoder) do so. It checks the
/// signature of each chunk, the length, the names in the trailer, its signature, and its
/// [checksums](Checksum). A checksum of another kind, such as `x-amz-checksum-sha1`, is not
/// computed: [`finish`](Self::finish) returns its value unchecked.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::chunked::ChunkDecoder;
/// let mut decoder = ChunkDecoder::unsigned()
///     .decoded_length(11)
///     .trailer("x-amz-checksum-crc32");
/// let mut body = Vec::new();
/// decoder.feed(b"b\r\nhello wor", &mut body)?;
/// decoder.feed(b"ld\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n", &mut body)?;
/// let trailer = decoder.finish()?;
/// assert_eq!(body, b"hello world");
/// assert_eq!(trailer[0].1, "DUoRhQ==");
/// # Ok::<(), keyfob_sigv4::chunked::ChunkError>(())
/// ```
pub struct ChunkDecoder {
    verifier: Option<ChunkVerifier>,
    /// Decoded bytes still to come, if the length was announced.
    left: Option<u64>,
    max_chunk: usize,
    announced: Vec<String>,
    checksums: Vec<(Checksum, Running)>,
    state: State,
    pending: Accumulator,
    trailer: Vec<(String, String)>,
    /// True after an empty line before the trailer's signature.
    has_gap: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Head,
    /// In a chunk of this length, whose signature was read but not checked yet.
    Data(usize),
    Trailer,
    /// After the valid signature of the trailer; an empty line must follow.
    LastLine,
    Done,
    /// Each further call returns the same error.
    Failed(ChunkError),
}

impl ChunkDecoder {
    /// Creates a decoder for signed chunks, with a verifier that starts from the request's
    /// signature.
    pub fn signed(verifier: impl Into<ChunkVerifier>) -> Self {
        Self::new(Some(verifier.into()))
    }

    /// Creates a decoder for unsigned chunks.
    pub fn unsigned() -> Self {
        Self::new(None)
    }

    fn new(verifier: Option<ChunkVerifier>) -> Self {
        Self {
            verifier,
            left: None,
            max_chunk: 16 * 1024 * 1024,
            announced: Vec::new(),
            checksums: Vec::new(),
            state: State::Head,
            pending: Accumulator::default(),
            trailer: Vec::new(),
            has_gap: false,
        }
    }

    /// Sets the value of `x-amz-decoded-content-length`. A body of another length is an error.
    #[must_use]
    pub fn decoded_length(mut self, bytes: u64) -> Self {
        self.left = Some(bytes);
        self
    }

    /// Sets the value of `x-amz-trailer`. The trailer must have exactly these names.
    ///
    /// The value of a [`Checksum`] is checked; others, such as `x-amz-checksum-sha1`, are returned
    /// as received.
    #[must_use]
    pub fn trailer(mut self, names: &str) -> Self {
        self.announced = names
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty())
            .collect();
        self.checksums = Checksum::ALL
            .into_iter()
            .filter(|checksum| self.announced.iter().any(|name| name == checksum.name()))
            .map(|checksum| (checksum, Running::new(checksum)))
            .collect();
        self
    }

    /// Sets the largest chunk in bytes. The default is 16 MiB.
    ///
    /// A chunk is held in memory until its signature is checked.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::chunked::{ChunkDecoder, ChunkErrorKind};
    /// let mut decoder = ChunkDecoder::unsigned().max_chunk(1024 * 1024);
    /// let error = decoder.feed(b"100001\r\n", &mut Vec::new()).unwrap_err();
    /// assert_eq!(error.kind(), ChunkErrorKind::TooLarge);
    /// ```
    #[must_use]
    pub fn max_chunk(mut self, bytes: usize) -> Self {
        self.max_chunk = bytes;
        self
    }

    /// Takes received bytes, and appends to `out` the data of the chunks that are complete and
    /// valid.
    ///
    /// # Errors
    ///
    /// [`ChunkError`], with the code and the status of the answer. Discard the body then, including
    /// the output of earlier calls. All later calls fail.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::chunked::ChunkDecoder;
    /// let mut decoder = ChunkDecoder::unsigned().decoded_length(5);
    /// let mut body = Vec::new();
    /// decoder.feed(b"5\r\nhello\r\n", &mut body)?;
    /// let error = decoder.feed(b"6\r\n", &mut body).unwrap_err();
    /// assert_eq!((error.status(), error.code()), (400, "IncompleteBody"));
    /// # Ok::<(), keyfob_sigv4::chunked::ChunkError>(())
    /// ```
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), ChunkError> {
        self.for_each_part(input, |_, before, part| {
            if let State::Data(length) = before {
                out.extend_from_slice(&part[..length]);
            }
        })
    }

    /// Takes received bytes and calls `take` with each valid part: a line, or a chunk and its line
    /// end.
    ///
    /// `take` also gets the decoder after the part, and the state before it.
    pub(super) fn for_each_part(
        &mut self,
        input: &[u8],
        mut take: impl FnMut(&Self, State, &[u8]),
    ) -> Result<(), ChunkError> {
        let mut pending = core::mem::take(&mut self.pending);
        let fed = pending.feed(input, |rest| {
            let before = self.state;
            let Some(after) = self.step(rest)? else {
                return Ok(None);
            };
            let length = rest.len() - after.len();
            take(self, before, &rest[..length]);
            Ok(Some(length))
        });
        self.pending = pending;
        if let Err(error) = fed {
            self.state = State::Failed(error);
        }
        fed
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Returns the lines of the trailer received so far, names in lower case.
    pub(super) fn trailer_so_far(&self) -> &[(String, String)] {
        &self.trailer
    }

    pub(crate) fn is_signed(&self) -> bool {
        self.verifier.is_some()
    }

    /// Ends the body, and returns the trailer with names in lower case.
    ///
    /// # Errors
    ///
    /// [`ChunkError`] if the body is incomplete, a checksum in the trailer does not match, or an
    /// earlier call failed.
    pub fn finish(self) -> Result<Vec<(String, String)>, ChunkError> {
        if let State::Failed(error) = self.state {
            return Err(error);
        }
        if self.state != State::Done || !self.pending.is_empty() {
            return Err(ChunkErrorKind::Incomplete.into());
        }
        for (checksum, running) in &self.checksums {
            let received = self
                .trailer
                .iter()
                .find(|(name, _)| name == checksum.name());
            if received.is_none_or(|(_, value)| *value != running.value()) {
                return Err(ChunkErrorKind::Checksum.into());
            }
        }
        Ok(self.trailer)
    }

    /// Consumes the part at the front and returns the rest; `None` if the part is incomplete.
    fn step<'i>(&mut self, input: &'i [u8]) -> Result<Option<&'i [u8]>, ChunkError> {
        match self.state {
            State::Data(length) => self.data(length, input),
            State::Head => self.line(input, MAX_HEAD, Self::head),
            State::Trailer => self.line(input, MAX_TRAILER, Self::trailer_line),
            State::LastLine => self.line(input, 2, Self::last_line),
            State::Done if input.is_empty() => Ok(None),
            State::Done => Err(ChunkErrorKind::Malformed.into()),
            State::Failed(error) => Err(error),
        }
    }

    /// Passes one line, without its end, to `take`.
    fn line<'i>(
        &mut self,
        input: &'i [u8],
        longest: usize,
        take: fn(&mut Self, &str) -> Result<(), ChunkError>,
    ) -> Result<Option<&'i [u8]>, ChunkError> {
        let window = &input[..input.len().min(longest)];
        let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
            if window.len() == longest {
                return Err(ChunkErrorKind::Malformed.into());
            }
            return Ok(None);
        };
        let bytes = window[..end].strip_suffix(b"\r").unwrap_or(&window[..end]);
        let line = core::str::from_utf8(bytes).map_err(|_| ChunkErrorKind::Malformed)?;
        take(self, line)?;
        Ok(Some(&input[end + 1..]))
    }

    /// Reads `400;chunk-signature=…`, or `400` alone if chunks are not signed.
    fn head(&mut self, line: &str) -> Result<(), ChunkError> {
        let (digits, signature) = match line.split_once(CHUNK_SIGNATURE) {
            Some((digits, signature)) => (digits, Some(signature)),
            None => (line, None),
        };
        let length = parse_length(digits).ok_or(ChunkErrorKind::Malformed)?;
        // Before a byte of the chunk is held in memory.
        if length > self.max_chunk {
            return Err(ChunkErrorKind::TooLarge.into());
        }
        match (&mut self.verifier, signature) {
            (Some(verifier), Some(signature)) => verifier.present(signature)?,
            (None, None) => {}
            _ => return Err(ChunkErrorKind::Malformed.into()),
        }
        if length > 0 {
            self.state = State::Data(length);
            return self.count(length);
        }
        self.last_chunk()
    }

    fn last_chunk(&mut self) -> Result<(), ChunkError> {
        if self.left.is_some_and(|left| left > 0) {
            return Err(ChunkErrorKind::Length.into());
        }
        if let Some(verifier) = &mut self.verifier {
            verifier.check_chunk(b"")?;
        }
        self.state = State::Trailer;
        Ok(())
    }

    fn count(&mut self, length: usize) -> Result<(), ChunkError> {
        if let Some(left) = &mut self.left {
            *left = left
                .checked_sub(length as u64)
                .ok_or(ChunkErrorKind::Length)?;
        }
        Ok(())
    }

    fn data<'i>(&mut self, length: usize, input: &'i [u8]) -> Result<Option<&'i [u8]>, ChunkError> {
        let Some((data, after)) = input.split_at_checked(length) else {
            return Ok(None);
        };
        let rest = match after {
            [b'\r', b'\n', rest @ ..] => rest,
            [] | [b'\r'] => return Ok(None),
            _ => return Err(ChunkErrorKind::Malformed.into()),
        };
        if let Some(verifier) = &mut self.verifier {
            verifier.check_chunk(data)?;
        }
        for (_, running) in &mut self.checksums {
            running.update(data);
        }
        self.state = State::Head;
        Ok(Some(rest))
    }

    /// Reads `name:value`, the trailer's signature, or the empty line at the end.
    fn trailer_line(&mut self, line: &str) -> Result<(), ChunkError> {
        let awaits_signature = self.verifier.is_some() && !self.announced.is_empty();
        if line.is_empty() {
            if !awaits_signature {
                self.check_names()?;
                self.state = State::Done;
            // Some clients send one empty line before the signature.
            } else if core::mem::replace(&mut self.has_gap, true) {
                return Err(ChunkErrorKind::Malformed.into());
            }
            return Ok(());
        }
        let (name, value) = line.split_once(':').ok_or(ChunkErrorKind::Trailer)?;
        let (name, value) = (name.to_ascii_lowercase(), value.trim_matches([' ', '\t']));
        if name == TRAILER_SIGNATURE && awaits_signature {
            return self.trailer_signature(value);
        }
        if !self.announced.contains(&name) || self.trailer.iter().any(|(n, _)| *n == name) {
            return Err(ChunkErrorKind::Trailer.into());
        }
        self.trailer.push((name, value.into()));
        Ok(())
    }

    fn trailer_signature(&mut self, signature: &str) -> Result<(), ChunkError> {
        self.check_names()?;
        if let Some(verifier) = &mut self.verifier {
            verifier.present(signature)?;
            verifier.check_trailer(&self.trailer)?;
        }
        self.state = State::LastLine;
        Ok(())
    }

    fn last_line(&mut self, line: &str) -> Result<(), ChunkError> {
        if !line.is_empty() {
            return Err(ChunkErrorKind::Malformed.into());
        }
        self.state = State::Done;
        Ok(())
    }

    /// Checks that the trailer is complete.
    fn check_names(&self) -> Result<(), ChunkError> {
        // No name is repeated or unannounced, so the counts are enough.
        if self.trailer.len() != self.announced.len() {
            return Err(ChunkErrorKind::Trailer.into());
        }
        Ok(())
    }
}

impl fmt::Debug for ChunkDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkDecoder").finish_non_exhaustive()
    }
}

/// Parses up to 16 hex digits of either case.
fn parse_length(digits: &str) -> Option<usize> {
    // `from_str_radix` would accept a sign.
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || !(1..=16).contains(&digits.len()) {
        return None;
    }
    usize::try_from(u64::from_str_radix(digits, 16).ok()?).ok()
}

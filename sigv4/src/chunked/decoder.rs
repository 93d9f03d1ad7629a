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
/// The bytes of a chunk that is not signed are given out as they come, however large the chunk is.
///
/// It reads what the clients in use write: lines of the trailer that end with `\n`, with
/// `\n\r\n` (minio-go) or with `\r\n`, and spaces around their colons.
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
    /// `None` if a chunk may have any length.
    max_chunk: Option<u64>,
    /// The smallest length of a chunk that is not the last one.
    min_chunk: u64,
    /// True after a chunk that is too small unless it is the last one.
    had_small_chunk: bool,
    announced: Vec<String>,
    checksums: Vec<(Checksum, Running)>,
    state: State,
    pending: Accumulator,
    trailer: Vec<(String, String)>,
    /// True after a line of the trailer that ended with a bare `\n`. One empty line may follow it
    /// as the other half of its end.
    may_have_gap: bool,
}

/// The largest signed chunk by default. It is held in memory until its signature is checked.
const MAX_SIGNED_CHUNK: u64 = 16 * 1024 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Head,
    /// Before this many bytes of a chunk. A signed chunk is taken as a whole, with its line end.
    Data(u64),
    /// After the data of an unsigned chunk; its line end must follow.
    DataEnd,
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
        Self::new(Some(verifier.into()), Some(MAX_SIGNED_CHUNK))
    }

    /// Creates a decoder for unsigned chunks.
    pub fn unsigned() -> Self {
        Self::new(None, None)
    }

    fn new(verifier: Option<ChunkVerifier>, max_chunk: Option<u64>) -> Self {
        Self {
            verifier,
            left: None,
            max_chunk,
            min_chunk: 0,
            had_small_chunk: false,
            announced: Vec::new(),
            checksums: Vec::new(),
            state: State::Head,
            pending: Accumulator::default(),
            trailer: Vec::new(),
            may_have_gap: false,
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
        let names = names.split(',').map(str::trim);
        let mut announced: Vec<_> = names.map(str::to_ascii_lowercase).collect();
        announced.sort_unstable();
        announced.dedup();
        announced.retain(|name| !name.is_empty());
        self.announced = announced;
        self.checksums = Checksum::ALL
            .into_iter()
            .filter(|checksum| self.announced.iter().any(|name| name == checksum.name()))
            .map(|checksum| (checksum, Running::new(checksum)))
            .collect();
        self
    }

    /// Sets the largest chunk in bytes. The default is 16 MiB for signed chunks, and no limit for
    /// unsigned ones.
    ///
    /// A signed chunk is held in memory until its signature is checked. An unsigned one is not: the
    /// AWS SDK for Go sends a whole object as one.
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
        self.max_chunk = Some(bytes as u64);
        self
    }

    /// Sets the smallest chunk in bytes, which the last one may be below. The default is 0.
    ///
    /// S3 requires [8 KiB](super::Chunked::MIN_CHUNK_SIZE).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::chunked::{ChunkDecoder, Chunked};
    /// let mut decoder = ChunkDecoder::unsigned().min_chunk(Chunked::MIN_CHUNK_SIZE);
    /// let error = decoder.feed(b"3\r\none\r\n3\r\ntwo\r\n", &mut Vec::new()).unwrap_err();
    /// assert_eq!((error.status(), error.code()), (403, "InvalidChunkSizeError"));
    /// ```
    #[must_use]
    pub fn min_chunk(mut self, bytes: usize) -> Self {
        self.min_chunk = bytes as u64;
        self
    }

    /// Takes received bytes, and appends to `out` the data of the signed chunks that are complete
    /// and valid, or all data of unsigned chunks.
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
            out.extend_from_slice(data_of(before, part));
        })
    }

    /// Takes received bytes and calls `take` with each valid part: a line, a signed chunk and its
    /// line end, or some data of an unsigned chunk.
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
            State::Data(length) if self.is_signed() => self.signed_data(length, input),
            State::Data(left) => Ok(self.unsigned_data(left, input)),
            State::DataEnd => {
                let rest = after_line_end(input)?;
                self.state = rest.map_or(State::DataEnd, |_| State::Head);
                Ok(rest)
            }
            State::Head => self.line(input, MAX_HEAD, Self::head),
            State::Trailer => self.line(input, MAX_TRAILER, Self::trailer_line),
            State::LastLine => self.line(input, 2, Self::last_line),
            State::Done if input.is_empty() => Ok(None),
            State::Done if self.may_have_gap => {
                let rest = after_line_end(input)?;
                self.may_have_gap = rest.is_none();
                Ok(rest)
            }
            State::Done => Err(ChunkErrorKind::Malformed.into()),
            State::Failed(error) => Err(error),
        }
    }

    /// Passes one line, without its end, to `take`.
    fn line<'i>(
        &mut self,
        input: &'i [u8],
        longest: usize,
        take: fn(&mut Self, Line<'_>) -> Result<(), ChunkError>,
    ) -> Result<Option<&'i [u8]>, ChunkError> {
        let window = &input[..input.len().min(longest)];
        let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
            if window.len() == longest {
                return Err(ChunkErrorKind::Malformed.into());
            }
            return Ok(None);
        };
        let (bytes, is_bare) = match &window[..end] {
            [bytes @ .., b'\r'] => (bytes, false),
            bytes => (bytes, true),
        };
        let text = core::str::from_utf8(bytes).map_err(|_| ChunkErrorKind::Malformed)?;
        take(self, Line { text, is_bare })?;
        Ok(Some(&input[end + 1..]))
    }

    /// Reads `400;chunk-signature=…`, or `400` alone if chunks are not signed.
    fn head(&mut self, line: Line<'_>) -> Result<(), ChunkError> {
        let (digits, signature) = match line.text.split_once(CHUNK_SIGNATURE) {
            Some((digits, signature)) => (digits, Some(signature)),
            None => (line.text, None),
        };
        let length = parse_length(digits).ok_or(ChunkErrorKind::Malformed)?;
        // Before a byte of the chunk is held in memory.
        if self.max_chunk.is_some_and(|most| length > most) {
            return Err(ChunkErrorKind::TooLarge.into());
        }
        if length > 0 && self.had_small_chunk {
            return Err(ChunkErrorKind::TooSmall.into());
        }
        self.had_small_chunk = length < self.min_chunk;
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

    fn count(&mut self, length: u64) -> Result<(), ChunkError> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(length).ok_or(ChunkErrorKind::Length)?;
        }
        Ok(())
    }

    /// Consumes a chunk and its line end, once all of it is there.
    fn signed_data<'i>(
        &mut self,
        length: u64,
        input: &'i [u8],
    ) -> Result<Option<&'i [u8]>, ChunkError> {
        let length = usize::try_from(length).ok();
        let Some((data, after)) = length.and_then(|length| input.split_at_checked(length)) else {
            return Ok(None);
        };
        let rest = after_line_end(after)?;
        if rest.is_some() {
            if let Some(verifier) = &mut self.verifier {
                verifier.check_chunk(data)?;
            }
            self.sum(data);
            self.state = State::Head;
        }
        Ok(rest)
    }

    /// Consumes what is there of a chunk: nothing has to be verified first.
    fn unsigned_data<'i>(&mut self, left: u64, input: &'i [u8]) -> Option<&'i [u8]> {
        let length = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
        if length == 0 {
            return None;
        }
        let (data, rest) = input.split_at(length);
        self.sum(data);
        self.state = match left - length as u64 {
            0 => State::DataEnd,
            left => State::Data(left),
        };
        Some(rest)
    }

    fn sum(&mut self, data: &[u8]) {
        for (_, running) in &mut self.checksums {
            running.update(data);
        }
    }

    /// Reads `name:value`, the trailer's signature, or the empty line at the end.
    fn trailer_line(&mut self, line: Line<'_>) -> Result<(), ChunkError> {
        if line.text.is_empty() {
            return self.empty_line();
        }
        let (name, value) = line.text.split_once(':').ok_or(ChunkErrorKind::Trailer)?;
        let (name, value) = (name.trim_matches(BLANKS), value.trim_matches(BLANKS));
        let name = name.to_ascii_lowercase();
        let is_signature = name == TRAILER_SIGNATURE && self.awaits_signature();
        // Some clients send an empty line before the signature, whatever the line before ends with.
        self.may_have_gap = line.is_bare || self.awaits_signature() && !is_signature;
        if is_signature {
            return self.trailer_signature(value);
        }
        if !self.announced.contains(&name) || self.trailer.iter().any(|(n, _)| *n == name) {
            return Err(ChunkErrorKind::Trailer.into());
        }
        self.trailer.push((name, value.into()));
        Ok(())
    }

    /// Ends the trailer, or the line before if that ended with a bare `\n`.
    ///
    /// Whether another line follows is known from the announced names. If none does, the end of the
    /// trailer may still follow the end of the line: see [`step`](Self::step).
    fn empty_line(&mut self) -> Result<(), ChunkError> {
        let expects_more = self.awaits_signature() || self.trailer.len() < self.announced.len();
        if !expects_more {
            self.state = State::Done;
            return Ok(());
        }
        if core::mem::replace(&mut self.may_have_gap, false) {
            return Ok(());
        }
        // Without the announced lines the trailer is incomplete; without the signature, malformed.
        self.check_names()?;
        Err(ChunkErrorKind::Malformed.into())
    }

    fn awaits_signature(&self) -> bool {
        self.verifier.is_some() && !self.announced.is_empty()
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

    fn last_line(&mut self, line: Line<'_>) -> Result<(), ChunkError> {
        if !line.text.is_empty() {
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

/// A line without its end.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    /// True if it ended with `\n` alone.
    is_bare: bool,
}

/// What may stand around the name and the value of a header.
const BLANKS: [char; 2] = [' ', '\t'];

/// Returns the data in a part that was consumed in the given state.
pub(super) fn data_of(before: State, part: &[u8]) -> &[u8] {
    let State::Data(left) = before else {
        return &[];
    };
    let length = usize::try_from(left).map_or(part.len(), |left| left.min(part.len()));
    &part[..length]
}

/// Returns what follows the `\r\n` at the front; `None` if it is incomplete.
fn after_line_end(input: &[u8]) -> Result<Option<&[u8]>, ChunkError> {
    match input {
        [b'\r', b'\n', rest @ ..] => Ok(Some(rest)),
        [] | [b'\r'] => Ok(None),
        _ => Err(ChunkErrorKind::Malformed.into()),
    }
}

/// Parses up to 16 hex digits of either case.
fn parse_length(digits: &str) -> Option<u64> {
    // `from_str_radix` would accept a sign.
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || !(1..=16).contains(&digits.len()) {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}

use alloc::{string::String, vec::Vec};
use core::fmt;

use super::{
    checksum::{Checksum, Running},
    error::{ChunkError, ChunkErrorKind},
    layout::{CHUNK_SIGNATURE, TRAILER_SIGNATURE},
    verifier::ChunkVerifier,
};
use crate::codec::pending::Pending;

/// The longest line before a chunk's data: 16 digits, the name, a SigV4a signature and the line end, with room.
const MAX_HEAD: usize = 256;
/// The longest trailer.
const MAX_TRAILER: usize = 16 * 1024;

/// Reads an `aws-chunked` body as it comes, and gives out no byte that has not been verified.
///
/// The receiving side of [`ChunkEncoder`](super::ChunkEncoder). It needs to be told what the verified headers of the
/// request announced, and checks all of it: every chunk's signature, the length, the names of the trailer, its
/// signature, and its [checksums](Checksum). A checksum of another kind, such as `x-amz-checksum-sha1`, is not computed:
/// [`finish`](Self::finish) gives its value unchecked.
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
    /// Bytes still to come, if that was announced.
    left: Option<u64>,
    max_chunk: usize,
    announced: Vec<String>,
    checksums: Vec<(Checksum, Running)>,
    state: State,
    pending: Pending,
    trailer: Vec<(String, String)>,
    /// Whether there was an empty line before the trailer's signature.
    has_gap: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Head,
    /// Within a chunk of this length, whose claimed signature is still to be checked.
    Data(usize),
    Trailer,
    /// The trailer's signature was right; an empty line must follow.
    LastLine,
    Done,
    /// What failed once never goes on.
    Failed(ChunkError),
}

impl ChunkDecoder {
    /// For a body whose chunks are signed, with the verifier that the request's signature began.
    pub fn signed(verifier: impl Into<ChunkVerifier>) -> Self {
        Self::new(Some(verifier.into()))
    }

    /// For a body whose chunks are not signed.
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
            pending: Pending::default(),
            trailer: Vec::new(),
            has_gap: false,
        }
    }

    /// With the value of `x-amz-decoded-content-length`, which must turn out true.
    #[must_use]
    pub fn decoded_length(mut self, bytes: u64) -> Self {
        self.left = Some(bytes);
        self
    }

    /// With the value of `x-amz-trailer`: these names must come, and no other. Of their values, those of a [`Checksum`] are
    /// checked; all others, such as `x-amz-checksum-sha1`, are given out as they came.
    #[must_use]
    pub fn trailer(mut self, names: &str) -> Self {
        let names = names
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase());
        self.announced = names.filter(|name| !name.is_empty()).collect();
        let known = Checksum::ALL.into_iter();
        let named = known.filter(|checksum| self.announced.iter().any(|n| n == checksum.name()));
        self.checksums = named
            .map(|checksum| (checksum, Running::new(checksum)))
            .collect();
        self
    }

    /// With another limit for a chunk, which is held in memory until its signature is checked. 16 MiB if nothing is
    /// said.
    #[must_use]
    pub fn max_chunk(mut self, bytes: usize) -> Self {
        self.max_chunk = bytes;
        self
    }

    /// Takes what has come, and appends to `out` the data of the chunks that are complete and right.
    ///
    /// # Errors
    ///
    /// [`ChunkError`], with the code and the status to answer with. The body must be thrown away then, what was given
    /// out before included.
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), ChunkError> {
        self.parts(input, |_, before, part| {
            if let State::Data(length) = before {
                out.extend_from_slice(&part[..length]);
            }
        })
    }

    /// Takes what has come, and hands on its parts as they came, each when it is complete and right: lines, and chunks with the line
    /// end behind them. With each goes the state before it; that after it is in the decoder.
    pub(super) fn parts(
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

    /// What has come of the trailer, names in lower case.
    pub(super) fn trailer_so_far(&self) -> &[(String, String)] {
        &self.trailer
    }

    pub(crate) fn is_signed(&self) -> bool {
        self.verifier.is_some()
    }

    /// Ends the body and gives the trailer, names in lower case.
    ///
    /// # Errors
    ///
    /// [`ChunkError`] when the body is not complete, or a checksum in the trailer is wrong.
    pub fn finish(self) -> Result<Vec<(String, String)>, ChunkError> {
        if let State::Failed(error) = self.state {
            return Err(error);
        }
        if self.state != State::Done || !self.pending.is_empty() {
            return Err(ChunkErrorKind::Incomplete.into());
        }
        for (checksum, running) in &self.checksums {
            let claimed = self
                .trailer
                .iter()
                .find(|(name, _)| name == checksum.name());
            if claimed.is_none_or(|(_, value)| *value != running.value()) {
                return Err(ChunkErrorKind::Checksum.into());
            }
        }
        Ok(self.trailer)
    }

    /// Takes the next part off the front and gives the rest, or nothing when the part is not whole yet.
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

    /// Hands one line, without its end, to `take`.
    fn line<'i>(
        &mut self,
        input: &'i [u8],
        longest: usize,
        take: fn(&mut Self, &str) -> Result<(), ChunkError>,
    ) -> Result<Option<&'i [u8]>, ChunkError> {
        let window = &input[..input.len().min(longest)];
        let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
            return match window.len() == longest {
                true => Err(ChunkErrorKind::Malformed.into()),
                false => Ok(None),
            };
        };
        let line = window[..end].strip_suffix(b"\r").unwrap_or(&window[..end]);
        let line = core::str::from_utf8(line).map_err(|_| ChunkErrorKind::Malformed)?;
        take(self, line)?;
        Ok(Some(&input[end + 1..]))
    }

    /// `400;chunk-signature=…`, or `400` alone when nothing is signed.
    fn head(&mut self, line: &str) -> Result<(), ChunkError> {
        let (digits, signature) = match line.split_once(CHUNK_SIGNATURE) {
            Some((digits, signature)) => (digits, Some(signature)),
            None => (line, None),
        };
        let length = hex_length(digits).ok_or(ChunkErrorKind::Malformed)?;
        if length > self.max_chunk {
            return Err(ChunkErrorKind::TooLarge.into());
        }
        match (&mut self.verifier, signature) {
            (Some(verifier), Some(signature)) => verifier.claim(signature)?,
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
            let rest = left.checked_sub(length as u64);
            *left = rest.ok_or(ChunkErrorKind::Length)?;
        }
        Ok(())
    }

    fn data<'i>(&mut self, length: usize, input: &'i [u8]) -> Result<Option<&'i [u8]>, ChunkError> {
        let Some((data, rest)) = input.split_at_checked(length) else {
            return Ok(None);
        };
        let rest = match rest {
            [b'\r', b'\n', rest @ ..] => rest,
            [] | [b'\r'] => return Ok(None),
            _ => return Err(ChunkErrorKind::Malformed.into()),
        };
        if let Some(verifier) = &mut self.verifier {
            verifier.check_chunk(data)?;
        }
        self.checksums
            .iter_mut()
            .for_each(|(_, sum)| sum.update(data));
        self.state = State::Head;
        Ok(Some(rest))
    }

    /// `name:value`, the trailer's signature, or the empty line that ends it all.
    ///
    /// Some clients put one empty line before the signature, so with a signature to come it is not the end.
    fn trailer_line(&mut self, line: &str) -> Result<(), ChunkError> {
        let awaits_signature = self.verifier.is_some() && !self.announced.is_empty();
        if line.is_empty() {
            if !awaits_signature {
                self.check_names()?;
                self.state = State::Done;
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
            verifier.claim(signature)?;
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

    /// No name comes twice or unannounced, so all have come when there are as many.
    fn check_names(&self) -> Result<(), ChunkError> {
        match self.trailer.len() == self.announced.len() {
            true => Ok(()),
            false => Err(ChunkErrorKind::Trailer.into()),
        }
    }
}

impl fmt::Debug for ChunkDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkDecoder").finish_non_exhaustive()
    }
}

/// Digits of either case, leading zeros allowed, and no sign, which the standard library would take.
fn hex_length(digits: &str) -> Option<usize> {
    let plain = (1..=16).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let length = plain.then(|| u64::from_str_radix(digits, 16).ok())??;
    usize::try_from(length).ok()
}

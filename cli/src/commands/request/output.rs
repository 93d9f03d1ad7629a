//! Where the answer goes: standard output, or a file that a complete answer replaces.

use std::{
    fs::{self, File},
    io::{self, IsTerminal as _, Write},
    path::Path,
    sync::Arc,
};

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{Version, header};
use keyfob_chain::files::Replacement;

use super::{
    meter::Meter,
    send::{Answer, text},
};
use crate::{
    args::RequestArgs,
    failure::{Failure, chained},
    signals::{Undo, finish_writing, undo_on_signal},
    terminal::printable_path,
};

/// Where bytes are written to.
pub(super) enum Output {
    Stdout,
    /// A regular file, which stays as it is until the answer is complete.
    File {
        new: Replacement,
        _undo: Undo,
    },
    /// Something else, such as `/dev/null`.
    Other(File),
}

impl Output {
    /// Returns true if the answer goes to a terminal.
    pub(super) fn is_on_terminal(&self) -> bool {
        matches!(self, Self::Stdout) && io::stdout().is_terminal()
    }

    /// Returns true if the answer goes to a file.
    fn is_file(args: &RequestArgs) -> bool {
        args.output_file
            .as_deref()
            .is_some_and(|path| path != Path::new("-"))
    }

    /// Opens the output of `-o`. The file with that name is not touched.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(super) fn new(args: &RequestArgs) -> Result<Self, Failure> {
        let Some(path) = args.output_file.as_deref().filter(|_| Self::is_file(args)) else {
            return Ok(Self::Stdout);
        };
        let failed = |error: io::Error| {
            Failure::usage(format!(
                "-o: cannot write {}: {error}",
                printable_path(path)
            ))
        };
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
            }
            Ok(metadata) if !metadata.is_file() => {
                let opened = fs::OpenOptions::new().write(true).open(path);
                return Ok(Self::Other(opened.map_err(failed)?));
            }
            _ => {}
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(failed(io::Error::other("there is no such folder")));
        }
        let new = Replacement::new(path).map_err(|error| not_replaced(&error))?;
        let temporary = new.temporary().to_owned();
        let undo = undo_on_signal(move || {
            let _ = fs::remove_file(temporary);
        });
        Ok(Self::File { new, _undo: undo })
    }

    /// Writes the status and the headers of an answer.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub(super) fn write_head(&mut self, answer: &Answer) -> Result<(), Failure> {
        let version = match answer.version() {
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            _ => "1.1",
        };
        let status = answer.status();
        let reason = status.canonical_reason().unwrap_or_default();
        let mut head = format!("HTTP/{version} {} {reason}\r\n", status.as_u16()).into_bytes();
        for (name, value) in answer.headers() {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        self.write_all(&head).map_err(|error| self.failed(&error))
    }

    /// Writes the body as it comes, and at its end puts the file in its place.
    ///
    /// # Errors
    ///
    /// If the body breaks off, cannot be decompressed, or cannot be written. The file is as it was
    /// then.
    pub(super) async fn receive(
        mut self,
        mut answer: Answer,
        decompresses: bool,
        meter: &Arc<Meter>,
    ) -> Result<(), Failure> {
        let encoding = text(answer.headers(), header::CONTENT_ENCODING.as_str());
        let encoding = encoding.unwrap_or_default().trim().to_ascii_lowercase();
        let mut decoder = match &encoding[..] {
            "gzip" | "x-gzip" if decompresses => Decoder::Gzip,
            "deflate" if decompresses => Decoder::Deflate,
            "" | "identity" => Decoder::None,
            _ if decompresses => {
                return Err(Failure::other(format!(
                    "the answer has the encoding {}, which --compressed does not know: leave it \
                     out to get the answer as it is",
                    crate::terminal::printable(&encoding)
                )));
            }
            _ => Decoder::None,
        };
        loop {
            let next = answer.body_mut().next().await;
            let Some(bytes) = next? else {
                break;
            };
            meter.received(bytes.len());
            // What is printed there shows itself.
            if self.is_on_terminal() {
                meter.clear();
            }
            decoder.decode(&bytes, &mut self)?;
            // What is printed may be watched.
            self.flush().map_err(|error| self.failed(&error))?;
        }
        decoder.finish(&mut self)?;
        meter.stop();
        meter.clear();
        self.finish()
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::File { new, .. } => {
                let _guard = finish_writing();
                new.finish().map_err(|error| not_replaced(&error))
            }
            mut output => output.flush().map_err(|error| output.failed(&error)),
        }
    }

    fn failed(&self, error: &io::Error) -> Failure {
        match self {
            Self::Stdout => Failure::stdout(error),
            Self::File { .. } | Self::Other(_) => {
                Failure::other(format!("-o: cannot write the file: {error}"))
            }
        }
    }
}

fn not_replaced(error: &keyfob_chain::Error) -> Failure {
    Failure::other(format!("-o: {}", chained(error)))
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout => io::stdout().write(bytes),
            Self::File { new, .. } => new.write(bytes),
            Self::Other(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout => io::stdout().flush(),
            Self::File { new, .. } => new.flush(),
            Self::Other(file) => file.flush(),
        }
    }
}

/// Undoes the compression of a body, piece by piece.
enum Decoder {
    None,
    /// Before the first byte: an answer to HEAD has none.
    Gzip,
    Members(MultiGzDecoder<Vec<u8>>),
    /// Before the first byte, which tells its two forms apart.
    Deflate,
    Zlib(ZlibDecoder<Vec<u8>>),
    Raw(DeflateDecoder<Vec<u8>>),
}

impl Decoder {
    fn decode(&mut self, bytes: &[u8], output: &mut Output) -> Result<(), Failure> {
        match (&*self, bytes.first()) {
            (Self::Gzip, Some(_)) => *self = Self::Members(MultiGzDecoder::new(Vec::new())),
            // Some servers leave out the frame of zlib, whose first byte has this form.
            (Self::Deflate, Some(first)) if first & 0x0f == 8 => {
                *self = Self::Zlib(ZlibDecoder::new(Vec::new()));
            }
            (Self::Deflate, Some(_)) => *self = Self::Raw(DeflateDecoder::new(Vec::new())),
            _ => {}
        }
        // In parts, because what comes out may be a thousand times as long.
        for part in bytes.chunks(4096) {
            let decoded = match self {
                Self::None | Self::Gzip | Self::Deflate => {
                    let written = output.write_all(part);
                    written.map_err(|error| output.failed(&error))?;
                    continue;
                }
                Self::Members(decoder) => decode(decoder, part, |decoder| decoder.get_mut()),
                Self::Zlib(decoder) => decode(decoder, part, |decoder| decoder.get_mut()),
                Self::Raw(decoder) => decode(decoder, part, |decoder| decoder.get_mut()),
            };
            let decoded = decoded.map_err(|error| undecodable(&error))?;
            let written = output.write_all(&decoded);
            written.map_err(|error| output.failed(&error))?;
        }
        Ok(())
    }

    fn finish(self, output: &mut Output) -> Result<(), Failure> {
        let rest = match self {
            Self::None | Self::Gzip | Self::Deflate => return Ok(()),
            Self::Members(decoder) => decoder.finish(),
            Self::Zlib(decoder) => decoder.finish(),
            Self::Raw(decoder) => decoder.finish(),
        };
        let rest = rest.map_err(|error| undecodable(&error))?;
        output
            .write_all(&rest)
            .map_err(|error| output.failed(&error))
    }
}

fn decode<D: Write>(
    decoder: &mut D,
    bytes: &[u8],
    decoded: impl Fn(&mut D) -> &mut Vec<u8>,
) -> io::Result<Vec<u8>> {
    decoder.write_all(bytes)?;
    Ok(std::mem::take(decoded(decoder)))
}

fn undecodable(error: &io::Error) -> Failure {
    Failure::other(format!(
        "the answer cannot be decompressed: {error}; leave out --compressed to get it as it is"
    ))
}

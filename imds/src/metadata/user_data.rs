use std::{fmt, io::Read};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use crate::error::Error;

/// The most bytes that user data may unpack to. Packed, it has at most 16 KiB.
const MAX_UNPACKED: u64 = 16 << 20;
/// The deepest nesting of archives.
const MAX_DEPTH: usize = 4;
/// The most parts.
const MAX_PARTS: usize = 1000;

/// A part of unpacked user data: a script, a cloud-config, ….
///
/// `Debug` shows its length but not its content, because user data often contains passwords.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserDataPart {
    /// The type in its header, or else the one of its first line, in lower case and without
    /// parameters.
    pub content_type: String,
    /// The file name in its header.
    pub filename: Option<String>,
    /// The content, unpacked.
    pub body: Bytes,
}

/// Unpacks user data as cloud-init does: gzip at any level, MIME multi-part archives, Base64 and
/// quoted-printable parts. Data that is not an archive is returned as one part.
///
/// # Errors
///
/// [`ErrorKind::Response`](crate::ErrorKind::Response) if a gzip stream or an encoding is broken,
/// or if there are more than 16 MiB, 4 levels or 1,000 parts. No message repeats any of the data.
///
/// # Examples
///
/// ```
/// use keyfob_imds::metadata::unpack_user_data;
///
/// let parts = unpack_user_data("#!/bin/sh\necho hello\n")?;
/// assert_eq!(parts[0].content_type, "text/x-shellscript");
/// assert_eq!(parts[0].body, "#!/bin/sh\necho hello\n");
/// # Ok::<(), keyfob_imds::Error>(())
/// ```
pub fn unpack_user_data(data: impl Into<Bytes>) -> Result<Vec<UserDataPart>, Error> {
    let mut unpacker = Unpacker {
        parts: Vec::new(),
        left: MAX_UNPACKED,
    };
    unpacker.unpack(data.into(), &Headers::default(), 0)?;
    Ok(unpacker.parts)
}

struct Unpacker {
    parts: Vec<UserDataPart>,
    /// How many more bytes may come out of gzip streams.
    left: u64,
}

impl Unpacker {
    /// Adds the parts of a body that came with these headers.
    fn unpack(&mut self, body: Bytes, headers: &Headers, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH || self.parts.len() >= MAX_PARTS {
            return Err(bad(
                "archives are nested too deeply, or there are too many parts",
            ));
        }
        if body.starts_with(b"\x1f\x8b") {
            let body = self.gunzip(&body)?;
            return self.unpack(body, headers, depth + 1);
        }
        // A complete message, as it is in user data, has its own headers at the top.
        if headers.is_empty() && looks_like_message(&body) {
            let (inner, start) = Headers::read(&body);
            let body = inner.decode(body.slice(start..))?;
            return self.unpack(body, &inner, depth + 1);
        }
        let Some(boundary) = headers.boundary() else {
            self.parts.push(UserDataPart {
                content_type: headers.content_type(&body),
                filename: headers.parameter("content-disposition", "filename"),
                body,
            });
            return Ok(());
        };
        for part in split(&body, &boundary) {
            let (inner, start) = Headers::read(part);
            let inner_body = inner.decode(body.slice_ref(&part[start..]))?;
            self.unpack(inner_body, &inner.or_plain(), depth + 1)?;
        }
        Ok(())
    }

    /// Unpacks a gzip stream, which may have several members (RFC 1952 section 2.2).
    fn gunzip(&mut self, packed: &[u8]) -> Result<Bytes, Error> {
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(packed)
            // One more than allowed, to notice that there is more.
            .take(self.left + 1)
            .read_to_end(&mut unpacked)
            .map_err(|source| bad("a gzip stream is broken").with_source(source))?;
        let left = self.left.checked_sub(unpacked.len() as u64);
        self.left = left.ok_or_else(|| bad("there are more than 16 MiB"))?;
        Ok(unpacked.into())
    }
}

/// Returns true if the body begins with the headers of a multi-part message. A script does not,
/// even if it writes such headers further down.
fn looks_like_message(body: &[u8]) -> bool {
    let top = &body[..body.len().min(2048)];
    let first = top
        .split(|byte| *byte == b'\n')
        .find(|line| !line.trim_ascii().is_empty());
    let is_header = |name: &[u8]| {
        first.is_some_and(|line| {
            line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name)
        })
    };
    is_header(b"content-type:") || is_header(b"mime-version:") || is_header(b"from ")
}

/// Returns the bodies between the delimiter lines (RFC 2046 section 5.1.1). If the last delimiter
/// is missing, the last body ends with the data.
fn split<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let (mut begin, mut at) = (None, 0);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let end = at;
        at += line.len();
        let Some(rest) = line.strip_prefix(delimiter.as_bytes()) else {
            continue;
        };
        let rest = rest.trim_ascii();
        if !rest.is_empty() && rest != b"--" {
            continue;
        }
        if let Some(begin) = begin.take() {
            parts.push(without_line_end(&body[begin..end]));
        }
        if rest == b"--" {
            return parts;
        }
        begin = Some(at);
    }
    parts.extend(begin.map(|begin| &body[begin..]));
    parts
}

/// Drops the line end before a delimiter, which is part of the delimiter.
fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

/// The headers of a message or a part. Names are in lower case, folded lines are joined.
#[derive(Default)]
struct Headers(Vec<(String, String)>);

impl Headers {
    /// Reads the headers at the top. Returns where the body begins, too.
    fn read(message: &[u8]) -> (Self, usize) {
        let (mut headers, mut at) = (Vec::<(String, String)>::new(), 0);
        for line in message.split_inclusive(|byte| *byte == b'\n') {
            at += line.len();
            let text = String::from_utf8_lossy(line);
            if text.trim().is_empty() {
                return (Self(headers), at);
            }
            let is_folded = text.starts_with([' ', '\t']);
            if let Some((_, value)) = headers.last_mut().filter(|_| is_folded) {
                *value = format!("{value} {}", text.trim());
            } else if let Some((name, value)) = text.split_once(':') {
                headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        (Self(headers), at)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes a part without headers plain text (RFC 2046 section 5.1), so that it is not read as a
    /// message with headers of its own.
    fn or_plain(self) -> Self {
        if self.is_empty() {
            return Self(vec![("content-type".to_owned(), "text/plain".to_owned())]);
        }
        self
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    fn boundary(&self) -> Option<String> {
        let is_archive = self
            .get("content-type")?
            .get(..10)?
            .eq_ignore_ascii_case("multipart/");
        self.parameter("content-type", "boundary")
            .filter(|_| is_archive)
    }

    /// Returns a parameter: `name="value"` or `name=value` after the first `;` (RFC 2045 section
    /// 5.1).
    fn parameter(&self, header: &str, name: &str) -> Option<String> {
        let parameters = self.get(header)?.split(';').skip(1);
        let (_, value) = parameters
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(own, _)| own.trim().eq_ignore_ascii_case(name))?;
        Some(value.trim().trim_matches('"').to_owned()).filter(|value| !value.is_empty())
    }

    /// Returns the type in the header, unless that is only "some text": then the one of the first
    /// line.
    fn content_type(&self, body: &[u8]) -> String {
        let header = self.get("content-type").unwrap_or_default();
        let stated = header.split(';').next().unwrap_or_default().trim();
        match stated.to_ascii_lowercase().as_str() {
            "" | "text/plain" | "text/x-not-multipart" => first_line_type(body).to_owned(),
            stated => stated.to_owned(),
        }
    }

    /// Undoes the transfer encoding (RFC 2045 section 6).
    fn decode(&self, body: Bytes) -> Result<Bytes, Error> {
        let encoding = self.get("content-transfer-encoding").unwrap_or_default();
        match encoding.to_ascii_lowercase().as_str() {
            "base64" => {
                let text: Vec<u8> = body
                    .iter()
                    .copied()
                    .filter(|b| !b.is_ascii_whitespace())
                    .collect();
                let decoded = STANDARD.decode(text);
                Ok(decoded
                    .map_err(|_| bad("a part is not Base64, as its header says"))?
                    .into())
            }
            "quoted-printable" => Ok(unquote(&body).into()),
            _ => Ok(body),
        }
    }
}

/// Decodes quoted-printable (RFC 2045 section 6.7). Invalid escapes are kept.
fn unquote(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'=', [b'\r', b'\n', after @ ..] | [b'\n', after @ ..]) => rest = after,
            (b'=', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                plain.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            _ => plain.push(*byte),
        }
    }
    plain
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.to_ascii_lowercase() - b'a' + 10,
    }
}

/// Returns the type by which cloud-init treats a body with this first line.
fn first_line_type(body: &[u8]) -> &'static str {
    const STARTS: [(&str, &str); 8] = [
        ("#!", "text/x-shellscript"),
        ("## template: jinja", "text/jinja2"),
        ("#cloud-boothook", "text/cloud-boothook"),
        ("#cloud-config-archive", "text/cloud-config-archive"),
        ("#cloud-config", "text/cloud-config"),
        ("#include-once", "text/x-include-once-url"),
        ("#include", "text/x-include-url"),
        ("#part-handler", "text/part-handler"),
    ];
    let start = body.trim_ascii_start();
    STARTS
        .iter()
        .find(|(prefix, _)| start.starts_with(prefix.as_bytes()))
        .map_or_else(
            || match std::str::from_utf8(body) {
                Ok(_) => "text/plain",
                Err(_) => "application/octet-stream",
            },
            |(_, name)| name,
        )
}

fn bad(what: &str) -> Error {
    Error::response(format!("the user data cannot be unpacked: {what}"))
}

impl fmt::Debug for UserDataPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserDataPart")
            .field("content_type", &self.content_type)
            .field("filename", &self.filename)
            .field("length", &self.body.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    const ARCHIVE: &str = "Content-Type: multipart/mixed;\r\n boundary=\"==B==\"\r\nMIME-Version: 1.0\r\n\r\npreamble\r\n\
        --==B==\r\nContent-Type: text/cloud-config; charset=\"us-ascii\"\r\nContent-Disposition: attachment; filename=\"a.yaml\"\r\n\
        \r\n#cloud-config\r\nruncmd: []\r\n--==B==\r\nContent-Type: text/x-shellscript\r\nContent-Transfer-Encoding: base64\r\n\
        \r\nIyEvYmlu\r\nL3NoCg==\r\n--==B==\r\n\r\n#include\r\n--==B==--\r\nepilogue\r\n";

    fn zipped(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn an_archive_is_split_decoded_and_named() {
        for data in [ARCHIVE.as_bytes().to_vec(), zipped(ARCHIVE.as_bytes())] {
            let parts = unpack_user_data(data).unwrap();
            let seen: Vec<_> = parts
                .iter()
                .map(|part| (part.content_type.as_str(), &part.body[..]))
                .collect();
            assert_eq!(
                seen,
                [
                    ("text/cloud-config", &b"#cloud-config\r\nruncmd: []"[..]),
                    ("text/x-shellscript", b"#!/bin/sh\n"),
                    ("text/x-include-url", b"#include"),
                ]
            );
            assert_eq!(parts[0].filename.as_deref(), Some("a.yaml"));
        }
    }

    #[test]
    fn data_that_is_not_an_archive_is_one_part_byte_for_byte() {
        for (data, content_type) in [
            (&b""[..], "text/plain"),
            (b"hello", "text/plain"),
            (b"#cloud-config\na: 1", "text/cloud-config"),
            (b"\0\xff\n", "application/octet-stream"),
            (
                b"#!/bin/sh\necho 'Content-Type: multipart/mixed; boundary=x'\n--x\n",
                "text/x-shellscript",
            ),
        ] {
            let parts = unpack_user_data(data).unwrap();
            assert_eq!((parts.len(), &parts[0].body[..]), (1, data));
            assert_eq!(parts[0].content_type, content_type);
        }
    }

    #[test]
    fn a_part_may_be_compressed_itself() {
        let script = STANDARD.encode(zipped(b"#!/bin/sh\n"));
        let data = format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/gzip\n\
            Content-Transfer-Encoding: base64\n\n{script}\n--b--\n"
        );
        let parts = unpack_user_data(data).unwrap();
        assert_eq!(&parts[0].body[..], b"#!/bin/sh\n");
    }

    #[test]
    fn quoted_printable_is_decoded() {
        assert_eq!(unquote(b"a=3Db=\r\nc=\nd=zz="), b"a=bcd=zz=");
    }

    #[test]
    fn broken_data_and_bombs_are_errors() {
        let mut cut = zipped(b"#!/bin/sh\n");
        cut.truncate(15);
        assert!(unpack_user_data(cut).is_err());
        assert!(unpack_user_data(zipped(&vec![0; (MAX_UNPACKED + 1) as usize])).is_err());
        let nested = (0..8).fold(b"x".to_vec(), |data, _| zipped(&data));
        assert!(unpack_user_data(nested).is_err());
        let many = format!(
            "Content-Type: multipart/mixed; boundary=b\n\n{}",
            "--b\n\nx\n".repeat(MAX_PARTS + 1)
        );
        assert!(unpack_user_data(many).is_err());
        assert!(
            unpack_user_data("MIME-Version: 1\nContent-Transfer-Encoding: base64\n\n*").is_err()
        );
    }

    #[test]
    fn debug_shows_no_content() {
        let parts = unpack_user_data("canary").unwrap();
        assert!(!format!("{parts:?}").contains("canary"));
    }
}

use std::{collections::BTreeMap, fmt, io::Read, iter};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use flate2::bufread::GzDecoder;

use crate::error::Error;

/// The most bytes that user data may have, packed and unpacked. On EC2 it has at most 16 KiB.
const MAX_BYTES: usize = 16 << 20;
/// The deepest nesting of archives.
const MAX_DEPTH: usize = 4;
/// The most parts, archives among them included.
const MAX_PARTS: usize = 1000;
/// The most members of one gzip stream. Programs that compress in parallel make one for each block.
const MAX_MEMBERS: usize = 1000;
/// The most bytes in the headers of one part.
const MAX_HEADERS: usize = 64 << 10;
/// How far from the start cloud-init looks for the header that makes user data a message.
const MESSAGE_WINDOW: usize = 4096;

/// A part of unpacked user data: a script, a cloud-config, ….
///
/// `Debug` shows only the length of the content, because user data often contains passwords.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserDataPart {
    /// The type in its header, or else the one of its first line, in lower case and without
    /// parameters.
    pub content_type: String,
    /// The file name in its header, decoded if it is extended (RFC 2231).
    pub filename: Option<String>,
    /// The content, unpacked.
    pub body: Bytes,
}

/// Unpacks user data as cloud-init does: gzip at any level, MIME multi-part archives, Base64 and
/// quoted-printable parts. Data that is not an archive is returned as one part.
///
/// User data is a MIME message if `MIME-Version:`, in any case, is in its first 4,096 bytes. An
/// archive without it is one part, because an instance would not unpack it either.
///
/// The time it takes grows with the size of the data, whatever the data is.
///
/// # Errors
///
/// [`ErrorKind::Response`](crate::ErrorKind::Response) if a gzip stream or an encoding is broken,
/// or if there are more than 16 MiB before or after unpacking, 4 levels, 1,000 parts, 1,000 members
/// of a gzip stream, or 64 KiB of headers in a part. No message repeats any of the data.
///
/// Base64 is read as Python reads it: other characters and missing padding are no reason to lose
/// the rest. Parts in uuencode are returned as they are.
///
/// Source: cloud-init, `cloudinit/user_data.py`, and Python's `email` package, which reads the
/// message for it.
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
    let data = data.into();
    if data.len() > MAX_BYTES {
        return Err(bad("there are more than 16 MiB"));
    }
    let mut unpacker = Unpacker {
        parts: Vec::new(),
        seen: 0,
        left: MAX_BYTES,
    };
    unpacker.unpack_message(data)?;
    Ok(unpacker.parts)
}

struct Unpacker {
    parts: Vec<UserDataPart>,
    /// How many parts were seen, archives included.
    seen: usize,
    /// How many more bytes may come out of gzip streams.
    left: usize,
}

impl Unpacker {
    /// Adds the parts of complete user data, which has its own headers at the top if it is a
    /// message.
    fn unpack_message(&mut self, mut data: Bytes) -> Result<(), Error> {
        let mut depth = 0;
        while is_gzip(&data) && depth < MAX_DEPTH {
            data = self.gunzip(&data)?;
            depth += 1;
        }
        if !is_message(&data) {
            return self.unpack(data, &Headers::default(), depth);
        }
        let (headers, start) = Headers::read(&data)?;
        let body = headers.decode(data.slice(start..));
        self.unpack(body, &headers, depth)
    }

    /// Adds the parts of a body that came with these headers.
    fn unpack(&mut self, body: Bytes, headers: &Headers, depth: usize) -> Result<(), Error> {
        self.seen += 1;
        if depth > MAX_DEPTH {
            return Err(bad("archives are nested more than 4 levels deep"));
        }
        if self.seen > MAX_PARTS {
            return Err(bad("there are more than 1,000 parts"));
        }
        if is_gzip(&body) {
            let body = self.gunzip(&body)?;
            return self.unpack(body, headers, depth + 1);
        }
        if headers.is_message() {
            let (inner, start) = Headers::read(&body)?;
            let inner_body = inner.decode(body.slice(start..));
            return self.unpack(inner_body, &inner, depth + 1);
        }
        let Some(boundary) = headers.boundary() else {
            self.parts.push(UserDataPart {
                content_type: headers.content_type(&body),
                filename: headers.filename(),
                body,
            });
            return Ok(());
        };
        for part in bodies(&body, &boundary) {
            let (mut inner, start) = Headers::read(part)?;
            if headers.is_digest() {
                inner.set_default_type("message/rfc822");
            }
            let inner_body = inner.decode(body.slice_ref(&part[start..]));
            self.unpack(inner_body, &inner, depth + 1)?;
        }
        Ok(())
    }

    /// Unpacks a gzip stream, which may have several members (RFC 1952 section 2.2). Zero bytes
    /// after a member are padding, as for Python and gzip.
    fn gunzip(&mut self, mut packed: &[u8]) -> Result<Bytes, Error> {
        let mut unpacked = Vec::new();
        for _ in 0..MAX_MEMBERS {
            let mut member = GzDecoder::new(packed);
            let before = unpacked.len();
            member
                .by_ref()
                // One more than allowed, to notice that there is more.
                .take(self.left as u64 + 1)
                .read_to_end(&mut unpacked)
                .map_err(|source| bad("a gzip stream is broken").with_source(source))?;
            let left = self.left.checked_sub(unpacked.len() - before);
            self.left = left.ok_or_else(|| bad("there are more than 16 MiB"))?;
            let rest = member.into_inner();
            let padding = rest.iter().take_while(|byte| **byte == 0).count();
            packed = &rest[padding..];
            if packed.is_empty() {
                return Ok(unpacked.into());
            }
        }
        Err(bad("a gzip stream has more than 1,000 members"))
    }
}

fn is_gzip(body: &[u8]) -> bool {
    body.starts_with(b"\x1f\x8b")
}

/// Returns true if cloud-init reads the data as a message: the header may be anywhere at the start,
/// also in a script, which then is a message without headers.
fn is_message(data: &[u8]) -> bool {
    const HEADER: &[u8] = b"mime-version:";
    data[..data.len().min(MESSAGE_WINDOW)]
        .windows(HEADER.len())
        .any(|window| window.eq_ignore_ascii_case(HEADER))
}

/// Returns the bodies between the delimiter lines (RFC 2046 section 5.1.1). If the last delimiter
/// is missing, the last body ends with the data.
fn bodies<'a>(body: &'a [u8], boundary: &str) -> impl Iterator<Item = &'a [u8]> {
    let delimiter = format!("--{boundary}");
    let mut lines = body.split_inclusive(|byte| *byte == b'\n');
    let mut at = 0;
    // Returns where the next delimiter line begins and ends, and whether it is the last one.
    let mut next = move || {
        lines.find_map(|line| {
            let begin = at;
            at += line.len();
            let rest = line.strip_prefix(delimiter.as_bytes())?.trim_ascii();
            let is_last = rest == b"--";
            (rest.is_empty() || is_last).then_some((begin, at, is_last))
        })
    };
    let after = |(_, end, is_last): (usize, usize, bool)| (!is_last).then_some(end);
    let mut begin = next().and_then(after);
    iter::from_fn(move || {
        let start = begin?;
        let found = next();
        begin = found.and_then(after);
        Some(match found {
            Some((end, ..)) => without_line_end(&body[start..end]),
            None => &body[start..],
        })
    })
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
    ///
    /// The first line that is not a header begins the body; an empty one before it is left out.
    fn read(message: &[u8]) -> Result<(Self, usize), Error> {
        let (mut headers, mut at) = (Vec::<(String, String)>::new(), 0);
        for line in message.split_inclusive(|byte| *byte == b'\n') {
            if matches!(line, b"\n" | b"\r\n") {
                at += line.len();
                break;
            }
            let is_folded = line.starts_with(b" ") || line.starts_with(b"\t");
            let name = header_name(line);
            if !is_folded && name.is_none() && !line.starts_with(b"From ") {
                break;
            }
            at += line.len();
            if at > MAX_HEADERS {
                return Err(bad("a part has more than 64 KiB of headers"));
            }
            match (name, headers.last_mut()) {
                (Some(name), _) if !is_folded => {
                    let value = &line[name.len() + 1..];
                    headers.push((text(name).to_ascii_lowercase(), text(value)));
                }
                // Appended in place: a copy for each folded line would take quadratic time.
                (_, Some((_, value))) if is_folded => {
                    value.push(' ');
                    value.push_str(&text(line));
                }
                // `From …` of a mailbox, or a folded line that continues nothing.
                _ => {}
            }
        }
        Ok((Self(headers), at))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    fn boundary(&self) -> Option<String> {
        let content_type = self.get("content-type")?;
        let is_archive = content_type.get(..10)?.eq_ignore_ascii_case("multipart/");
        // For Python, an empty boundary is one too.
        let is_empty =
            |(name, value): (&str, &str)| name.eq_ignore_ascii_case("boundary") && value == "\"\"";
        let boundary = parameter(content_type, "boundary")
            .or_else(|| parameters(content_type).any(is_empty).then(String::default));
        boundary.filter(|_| is_archive)
    }

    /// Returns true if the body is another message, which Python's parser walks into.
    fn is_message(&self) -> bool {
        let stated = self.get("content-type").unwrap_or_default();
        stated
            .get(..8)
            .is_some_and(|start| start.eq_ignore_ascii_case("message/"))
    }

    /// Returns true if the parts without a type are messages (RFC 2046 section 5.1.5).
    fn is_digest(&self) -> bool {
        let stated = self.get("content-type").unwrap_or_default();
        stated
            .get(..16)
            .is_some_and(|start| start.eq_ignore_ascii_case("multipart/digest"))
    }

    fn set_default_type(&mut self, default: &str) {
        if self.get("content-type").is_none() {
            self.0.push(("content-type".to_owned(), default.to_owned()));
        }
    }

    /// Returns the file name: `filename` of `Content-Disposition`, or else `name` of
    /// `Content-Type`.
    fn filename(&self) -> Option<String> {
        let own = |header, name| parameter(self.get(header)?, name);
        own("content-disposition", "filename").or_else(|| own("content-type", "name"))
    }

    /// Returns the type in the header, unless that says too little: then the one of the first line.
    fn content_type(&self, body: &[u8]) -> String {
        let header = self.get("content-type").unwrap_or_default();
        let stated = header.split(';').next().unwrap_or_default().trim();
        let stated = stated.to_ascii_lowercase();
        match stated.as_str() {
            "" | "text/plain" | "text/x-not-multipart" => first_line_type(body)
                .unwrap_or_else(|| plain_type(body))
                .to_owned(),
            // Scripts are often announced as something that they are not, and the other way round.
            "application/octet-stream" | "text/x-shellscript" => {
                first_line_type(body).map_or(stated.clone(), str::to_owned)
            }
            // What was compressed has no other type than that of its content.
            "application/gzip" | "application/x-gzip" | "application/x-compress" => {
                first_line_type(body)
                    .unwrap_or_else(|| plain_type(body))
                    .to_owned()
            }
            _ => stated,
        }
    }

    /// Undoes the transfer encoding (RFC 2045 section 6).
    fn decode(&self, body: Bytes) -> Bytes {
        let encoding = self.get("content-transfer-encoding").unwrap_or_default();
        match encoding.to_ascii_lowercase().as_str() {
            "base64" => decode_base64(&body).map_or(body, Into::into),
            "quoted-printable" => unquote(&body).into(),
            "x-uuencode" | "uuencode" | "uue" | "x-uue" => {
                decode_uuencoded(&body).map_or(body, Into::into)
            }
            _ => body,
        }
    }
}

/// Decodes Base64 as Python's `email` does: other characters are skipped, padding that completes a
/// group ends the text, and padding may be missing. Returns `None` for one digit too many.
fn decode_base64(body: &[u8]) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireNone)
            .with_decode_allow_trailing_bits(true),
    );
    let (mut digits, mut padding) = (Vec::with_capacity(body.len()), 0);
    for byte in body {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                digits.push(*byte);
                padding = 0;
            }
            b'=' if digits.len() % 4 >= 2 => {
                padding += 1;
                if digits.len() % 4 + padding == 4 {
                    break;
                }
            }
            _ => {}
        }
    }
    LENIENT.decode(digits).ok()
}

/// Decodes the lines between `begin` and `end`, as Python's `email` does. Returns `None` if they
/// are not whole.
///
/// A line has the number of its bytes as one digit, then four digits for each three bytes. A digit
/// is a character from space, which writers often leave out at the end of a line, to `` ` ``.
///
/// Source: POSIX.1, `uuencode`, historical algorithm.
fn decode_uuencoded(body: &[u8]) -> Option<Vec<u8>> {
    let mut lines = body.split(|byte| *byte == b'\n');
    lines.find(|line| {
        let mut words = line.splitn(3, |byte| *byte == b' ');
        let (begin, mode) = (words.next(), words.next().unwrap_or_default());
        begin == Some(b"begin") && mode.iter().all(u8::is_ascii_digit) && words.next().is_some()
    })?;
    let digit = |byte: u8| (b' '..=b'`').contains(&byte).then(|| (byte - b' ') & 63);
    let mut decoded = Vec::with_capacity(body.len() * 3 / 4);
    for line in lines {
        let line = line.trim_ascii_end();
        if line == b"end" {
            return Some(decoded);
        }
        let Some((length, digits)) = line.split_first() else {
            continue;
        };
        let end = decoded.len() + usize::from(digit(*length)?);
        for group in digits.chunks(4) {
            let mut bits = 0;
            for at in 0..4 {
                bits = bits << 6 | u32::from(digit(*group.get(at).unwrap_or(&b' '))?);
            }
            decoded.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
        decoded.resize(end, 0);
    }
    None
}

/// Returns the name of a header in its line: visible ASCII up to a colon (RFC 5322 section 2.2).
fn header_name(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = &line[..colon];
    name.iter().all(u8::is_ascii_graphic).then_some(name)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// Returns a parameter of a header: `name=value` or `name="value"` after a `;` (RFC 2045 section
/// 5.1), else its extended form, `name*=charset'language'value`, or its pieces, `name*0=`,
/// `name*1*=`, … (RFC 2231 sections 3 and 4).
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut pieces = BTreeMap::new();
    let mut charset = Charset::Utf8;
    for (own, value) in parameters(header) {
        let Some(suffix) = own
            .get(..name.len())
            .filter(|start| start.eq_ignore_ascii_case(name))
            .map(|_| &own[name.len()..])
        else {
            continue;
        };
        let value = unquoted(value);
        let Some(index) = suffix.strip_prefix('*') else {
            if suffix.is_empty() && !value.is_empty() {
                return Some(value);
            }
            continue;
        };
        let number = index.strip_suffix('*').unwrap_or(index);
        let is_encoded = index.is_empty() || index.ends_with('*');
        let Ok(number) = (if number.is_empty() {
            Ok(0)
        } else {
            number.parse::<u32>()
        }) else {
            continue;
        };
        let mut rest = value.as_str();
        // Only the first piece names the character set and the language.
        if let Some((named, after)) = rest.split_once('\'').filter(|_| is_encoded && number == 0) {
            charset = Charset::from_name(named);
            rest = after.split_once('\'').map_or(after, |(_, text)| text);
        }
        let bytes = if is_encoded {
            percent_decoded(rest)
        } else {
            rest.as_bytes().to_vec()
        };
        pieces.entry(number).or_insert(bytes);
    }
    let bytes: Vec<u8> = pieces.into_values().flatten().collect();
    Some(charset.decode(&bytes).trim().to_owned()).filter(|value| !value.is_empty())
}

/// Returns the names and values of the parameters in a header. A `;` inside quotes does not end a
/// value.
fn parameters(header: &str) -> impl Iterator<Item = (&str, &str)> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let ends = move |char: char| {
        let escapes = char == '\\' && !is_escaped;
        is_quoted ^= char == '"' && !is_escaped;
        is_escaped = escapes;
        char == ';' && !is_quoted
    };
    let fields = header.split(ends).skip(1);
    fields
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim()))
}

/// Drops the quotes around a value and the backslashes in it.
fn unquoted(value: &str) -> String {
    let inner = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let Some(inner) = inner else {
        return value.trim_matches('"').to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => plain.extend(chars.next()),
            char => plain.push(char),
        }
    }
    plain
}

/// The character sets of extended parameters. All others are read as UTF-8.
#[derive(Clone, Copy)]
enum Charset {
    Utf8,
    Latin1,
}

impl Charset {
    fn from_name(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "iso-8859-1" | "latin1" | "latin-1" => Self::Latin1,
            _ => Self::Utf8,
        }
    }

    fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
        }
    }
}

/// Decodes `%20` and the like. Invalid escapes are kept.
fn percent_decoded(text: &str) -> Vec<u8> {
    unescaped(text.as_bytes(), b'%')
}

/// Decodes quoted-printable (RFC 2045 section 6.7). Invalid escapes are kept.
fn unquote(body: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            // A soft line break.
            (b'=', [b'\r', b'\n', after @ ..] | [b'\n', after @ ..]) => after,
            _ => {
                joined.push(*byte);
                after
            }
        };
    }
    unescaped(&joined, b'=')
}

/// Decodes bytes that are written as `escape` and two hexadecimal digits. Invalid escapes are kept.
fn unescaped(text: &[u8], escape: u8) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match after {
            [high, low, after @ ..]
                if *byte == escape && high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
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
fn first_line_type(body: &[u8]) -> Option<&'static str> {
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
    let is_start = |(prefix, _): &&(&str, _)| start.starts_with(prefix.as_bytes());
    STARTS.iter().find(is_start).map(|(_, name)| *name)
}

fn plain_type(body: &[u8]) -> &'static str {
    match std::str::from_utf8(body) {
        Ok(_) => "text/plain",
        Err(_) => "application/octet-stream",
    }
}

fn bad(what: &str) -> Error {
    Error::response(format!("the user data cannot be unpacked: {what}"))
}

impl fmt::Debug for UserDataPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserDataPart")
            .field("length", &self.body.len())
            .finish_non_exhaustive()
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
        let script = base64::engine::general_purpose::STANDARD.encode(zipped(b"#!/bin/sh\n"));
        let data = format!(
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/gzip\n\
            Content-Transfer-Encoding: base64\n\n{script}\n--b--\n"
        );
        let parts = unpack_user_data(data).unwrap();
        assert_eq!(&parts[0].body[..], b"#!/bin/sh\n");
    }

    #[test]
    fn a_gzip_stream_may_have_members_and_padding() {
        let padded = [zipped(b"a"), vec![0; 3], zipped(b"b"), vec![0; 512]].concat();
        assert_eq!(&unpack_user_data(padded).unwrap()[0].body[..], b"ab");
    }

    /// What Python 3.11 gives for each.
    #[test]
    fn base64_is_read_as_leniently_as_an_instance_reads_it() {
        for (text, plain) in [
            ("IyEvYmluL3NoCg==", &b"#!/bin/sh\n"[..]),
            ("IyEvYmluL3NoCg", b"#!/bin/sh\n"),
            ("IyEv!YmluL3\r\nNoCg==", b"#!/bin/sh\n"),
            ("IyEvYmluL3NoCg==IyEv", b"#!/bin/sh\n"),
            ("*", b""),
            ("IyEvY", b"IyEvY"),
        ] {
            let data = format!("MIME-Version: 1\nContent-Transfer-Encoding: base64\n\n{text}");
            assert_eq!(
                &unpack_user_data(data).unwrap()[0].body[..],
                plain,
                "{text}"
            );
        }
    }

    #[test]
    fn uuencoded_parts_are_decoded_as_an_instance_decodes_them() {
        let part = |encoding: &str, body: &str| {
            let data = format!(
                "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"\"\n\n--\n\
                 Content-Transfer-Encoding: {encoding}\n\n{body}\n----\n"
            );
            let parts = unpack_user_data(data).unwrap();
            assert_eq!(parts.len(), 1);
            String::from_utf8(parts[0].body.to_vec()).unwrap()
        };
        for encoding in ["x-uuencode", "uuencode", "UUE"] {
            let body = "begin 666 a b\n*(R$O8FEN+W-H\"@``\n`\nend";
            assert_eq!(part(encoding, body), "#!/bin/sh\n");
        }
        // Spaces at the end of a line are often lost.
        assert_eq!(part("uue", "x\nbegin 644 f\n\"80\r\nend\r\n"), "a\0");
        for broken in [
            "begin 666 a\n*(R$O8FEN+W-H\"@``",
            "end",
            "begin 6 a\n\u{7f}\nend",
        ] {
            assert_eq!(part("uue", broken), broken);
        }
    }

    #[test]
    fn messages_within_the_message_are_unpacked() {
        let inner = "Content-Type: text/cloud-config\n\n#cloud-config\n";
        for part in [
            format!("--B\nContent-Type: message/rfc822\n\n{inner}--B--\n"),
            format!("--B\n\n{inner}--B--\n"),
        ] {
            let data =
                format!("MIME-Version: 1\nContent-Type: multipart/digest; boundary=B\n\n{part}");
            let parts = unpack_user_data(data).unwrap();
            assert_eq!(parts[0].content_type, "text/cloud-config");
            assert_eq!(&parts[0].body[..], b"#cloud-config");
        }
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
        assert!(unpack_user_data(zipped(&vec![0; MAX_BYTES + 1])).is_err());
        let nested = (0..8).fold(b"x".to_vec(), |data, _| zipped(&data));
        assert!(unpack_user_data(nested).is_err());
        let many = format!(
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n{}",
            "--b\n\nx\n".repeat(MAX_PARTS + 1)
        );
        assert!(unpack_user_data(many).is_err());
        // Empty members, which cost time and no bytes.
        assert!(unpack_user_data(zipped(b"").repeat(MAX_MEMBERS + 1)).is_err());
        assert!(unpack_user_data([zipped(b"x"), b"junk".to_vec()].concat()).is_err());
    }

    /// Returns the types of the parts and the names of their files.
    fn seen(data: &str) -> Vec<(String, Option<String>)> {
        let parts = unpack_user_data(data.to_owned()).unwrap();
        let seen = |part: UserDataPart| (part.content_type, part.filename);
        parts.into_iter().map(seen).collect()
    }

    const BODY: &str =
        "--B\r\nContent-Type: text/x-shellscript\r\n\r\n#!/bin/sh\necho 1\r\n--B--\r\n";
    const TYPE: &str = "Content-Type: multipart/mixed; boundary=B\n";

    #[test]
    fn an_archive_may_begin_with_any_header() {
        let script = [("text/x-shellscript".to_owned(), None)];
        for head in [
            format!("Number-Attachments: 1\n{TYPE}MIME-Version: 1.0\n\n"),
            format!("X-Any: {}\n{TYPE}mime-VERSION: 1.0\n\n", "x".repeat(4000)),
            format!("From someone Mon Jan  1\n{TYPE}MIME-Version: 1.0\n\n"),
            format!("MIME-Version: 1.0\r\n{TYPE}\r\n"),
        ] {
            assert_eq!(seen(&format!("{head}{BODY}")), script, "{head}");
        }
    }

    #[test]
    fn an_archive_without_mime_version_is_not_unpacked_because_an_instance_does_not_either() {
        let plain = [("text/plain".to_owned(), None)];
        let far = format!(
            "X-Any: {}\n{TYPE}MIME-Version: 1.0\n\n{BODY}",
            "x".repeat(4096)
        );
        for data in [format!("{TYPE}\n{BODY}"), far] {
            assert_eq!(seen(&data), plain);
            assert_eq!(unpack_user_data(data.clone()).unwrap()[0].body, data);
        }
    }

    #[test]
    fn a_script_that_writes_a_message_is_a_script() {
        let script = format!("#!/bin/sh\ncat <<EOF\nMIME-Version: 1.0\n{TYPE}\n{BODY}EOF\n");
        let parts = unpack_user_data(script.clone()).unwrap();
        assert_eq!((parts.len(), &parts[0].body[..]), (1, script.as_bytes()));
        assert_eq!(parts[0].content_type, "text/x-shellscript");
    }

    #[test]
    fn a_file_name_may_be_encoded_in_pieces_and_contain_semicolons() {
        for (disposition, name) in [
            ("filename=a.cfg", Some("a.cfg")),
            (
                "filename=\"a;b \\\"c\\\".cfg\"; size=1",
                Some("a;b \"c\".cfg"),
            ),
            ("filename*=utf-8''a%20b.cfg", Some("a b.cfg")),
            ("filename*=UTF-8'en'%c3%a9.cfg", Some("é.cfg")),
            ("filename*=iso-8859-1''%E9.cfg", Some("é.cfg")),
            (
                "filename*1=\"b.cfg\"; filename*0*=utf-8''a%20",
                Some("a b.cfg"),
            ),
            ("filename*0=a; filename*1=b.cfg", Some("ab.cfg")),
            ("filename*=utf-8''x; filename=plain", Some("plain")),
            ("filename=\"\"", None),
            ("filename*x=a", None),
        ] {
            let part = format!(
                "--B\nContent-Type: text/plain\nContent-Disposition: attachment; {disposition}\n\nx\n"
            );
            let data = format!("{TYPE}MIME-Version: 1.0\n\n{part}--B--\n");
            assert_eq!(seen(&data)[0].1.as_deref(), name, "{disposition}");
        }
        let named = "--B\nContent-Type: text/plain; name=\"a.cfg\"\n\nx\n--B--\n";
        let data = format!("{TYPE}MIME-Version: 1.0\n\n{named}");
        assert_eq!(seen(&data)[0].1.as_deref(), Some("a.cfg"));
    }

    #[test]
    fn hostile_data_takes_linear_time_and_hits_a_limit() {
        let began = std::time::Instant::now();
        let message = |body: &str| format!("MIME-Version: 1.0\n{TYPE}\n{body}").into_bytes();
        let folded = format!("--B\nX: y\n{}", " folded\n".repeat(200_000));
        let nested = "--B\nContent-Type: multipart/mixed; boundary=C\n\n".repeat(20_000);
        let quotes = format!(
            "--B\nContent-Type: a/b; {}\n\nx\n--B--",
            "x=\"".repeat(20_000)
        );
        let pieces = (0..6000).map(|at| format!(" ; filename*{at}=a\n"));
        let pieces = format!(
            "--B\nContent-Disposition: a\n{}\nx",
            pieces.collect::<String>()
        );
        for (body, is_error) in [
            (folded, true),
            (nested, true),
            (quotes, false),
            (pieces, true),
        ] {
            for data in [message(&body), zipped(&message(&body))] {
                assert_eq!(unpack_user_data(data).is_err(), is_error);
            }
        }
        assert!(unpack_user_data(vec![b'x'; MAX_BYTES + 1]).is_err());
        // It takes much less, but not on every machine; quadratic time would take hours.
        assert!(began.elapsed().as_secs() < 30);
    }

    #[test]
    fn debug_shows_no_content() {
        let data = "MIME-Version: 1.0\nContent-Type: x/canary; name=canary\n\ncanary";
        let parts = unpack_user_data(data).unwrap();
        assert_eq!(parts[0].filename.as_deref(), Some("canary"));
        assert!(!format!("{parts:?}").contains("canary"));
    }
}

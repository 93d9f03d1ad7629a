use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use super::data;
use crate::{
    args::{Auth, SigningArgs},
    failure::Failure,
    syntax::url::{authority, wire_form},
};

/// The type that curl gives a body unless told otherwise, and that is signed because it is sent.
const FORM: &str = "application/x-www-form-urlencoded";

/// The request to sign, as it will be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) source: Source,
    /// The headers that were given and are left out, because the signature makes its own.
    pub(super) replaced: Vec<String>,
    /// How many of the headers, from the end, curl adds by itself and other clients do not.
    pub(super) implied: usize,
}

/// How curl is told the body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    Nowhere,
    /// The text itself.
    Words,
    /// The file again, as it is.
    File(String),
}

impl Input {
    /// From the arguments, or from the file they name.
    ///
    /// # Errors
    ///
    /// When there is neither a URL nor a file, or when either cannot be read.
    pub(super) fn read(args: &SigningArgs) -> Result<Self, Failure> {
        if args.expires_in.is_some() && args.auth != Auth::Query {
            return Err(Failure::usage("--expires-in needs --auth query"));
        }
        let mut input = match &args.request_file {
            Some(path) => parse(&read(path)?)
                .map_err(|reason| Failure::usage(format!("{}: {reason}", path.display())))?,
            None => Self::of_words(args)?,
        };
        input.check_authority()?;
        input.drop_replaced();
        Ok(input)
    }

    fn of_words(args: &SigningArgs) -> Result<Self, Failure> {
        let url = args.url.as_deref().ok_or_else(|| {
            Failure::usage("the following arguments are required: URL")
                .with_hint("give the URL to sign, or --request-file")
        })?;
        let (data, source) = data::read(&args.data.0)?;
        let (url, body, source) = match args.get {
            true => (data::appended(url, data)?, Vec::new(), Source::Nowhere),
            false => (url.to_owned(), data, source),
        };
        let has_body = source != Source::Nowhere;
        let given = data::headers(&args.headers)?;
        let names_type = given
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let with_value = |(name, value)| Some((name, value?));
        let mut headers: Vec<_> = given.into_iter().filter_map(with_value).collect();
        let implied = usize::from(has_body && !names_type);
        if implied == 1 {
            headers.push(("content-type".to_owned(), FORM.to_owned()));
        }
        let default = if has_body { "POST" } else { "GET" };
        Ok(Self {
            method: args.method.clone().unwrap_or_else(|| default.to_owned()),
            url: wire_form(&url),
            headers,
            body,
            source,
            replaced: Vec::new(),
            implied,
        })
    }

    /// A password in the URL would be signed over in silence, and shown.
    fn check_authority(&self) -> Result<(), Failure> {
        let hosts = [Some(authority(&self.url)), self.host()];
        if hosts.into_iter().flatten().any(|host| host.contains('@')) {
            return Err(Failure::usage(
                "the URL holds a user name or a password, which no signature covers: leave it out",
            ));
        }
        Ok(())
    }

    /// What an earlier signature left in the request. A token or a set of regions is one's own unless there is a signature.
    fn drop_replaced(&mut self) {
        let is_authorization =
            |(name, _): &(String, String)| name.trim().eq_ignore_ascii_case("authorization");
        let is_signed = self.headers.iter().any(is_authorization);
        let replaced = &mut self.replaced;
        self.headers.retain(|(name, _)| {
            let name = name.trim().to_ascii_lowercase();
            let is_replaced = match name.as_str() {
                "authorization" | "x-amz-date" => true,
                "x-amz-security-token" | "x-amz-s3session-token" | "x-amz-region-set" => is_signed,
                _ => false,
            };
            if is_replaced {
                replaced.push(name);
            }
            !is_replaced
        });
    }

    /// The headers that were given.
    pub(super) fn own_headers(&self) -> &[(String, String)] {
        &self.headers[..self.headers.len() - self.implied]
    }

    /// The headers that curl adds.
    pub(super) fn implied_headers(&self) -> &[(String, String)] {
        &self.headers[self.headers.len() - self.implied..]
    }

    /// The `Host` that a header names: it is sent instead of the one in the URL.
    pub(super) fn host(&self) -> Option<&str> {
        find(&self.headers, "host").map(str::trim)
    }

    /// The scheme of the URL, and its path and query.
    pub(super) fn split_url(&self) -> Option<(&str, &str)> {
        let (scheme, rest) = self.url.split_once("://")?;
        let target = rest.find(['/', '?']).map_or("", |at| &rest[at..]);
        Some((scheme, target))
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// The bytes of a file, or of standard input for `-`.
///
/// # Errors
///
/// When it cannot be read.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    bytes.map_err(|error| Failure::other(format!("cannot read {}: {error}", path.display())))
}

/// Reads a request as HTTP/1.1 writes it. The line ends may be bare, the version may be missing.
fn parse(bytes: &[u8]) -> Result<Input, &'static str> {
    let (head, body) = split_head(bytes);
    let head = std::str::from_utf8(head).map_err(|_| "the head of the request is not UTF-8")?;
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let (method, target) = first
        .split_once(' ')
        .ok_or("the first line has the form METHOD TARGET HTTP/1.1")?;
    let target = target
        .rsplit_once(" HTTP/")
        .map_or(target, |(path, _)| path);
    let headers = headers_of(lines)?;
    let host = find(&headers, "host").map(str::trim);
    let url = if target.contains("://") {
        target.to_owned()
    } else {
        format!("https://{}{target}", host.ok_or("there is no Host header")?)
    };
    let url = url.split('#').next().unwrap_or_default().to_owned();
    let source = match body.is_empty() {
        true => Source::Nowhere,
        false => Source::Words,
    };
    Ok(Input {
        method: method.to_owned(),
        url,
        headers,
        body: body.to_vec(),
        source,
        replaced: Vec::new(),
        implied: 0,
    })
}

/// The head ends at the first empty line; without one there is no body.
fn split_head(bytes: &[u8]) -> (&[u8], &[u8]) {
    let ends: [&[u8]; 2] = [b"\r\n\r\n", b"\n\n"];
    let end = ends
        .iter()
        .filter_map(|end| {
            let at = bytes.windows(end.len()).position(|window| window == *end)?;
            Some((at, at + end.len()))
        })
        .min();
    match end {
        Some((head, body)) => (&bytes[..head], &bytes[body..]),
        None => (bytes, &[]),
    }
}

/// A line that begins with a blank goes on with the value before it.
fn headers_of<'a>(
    lines: impl Iterator<Item = &'a str>,
) -> Result<Vec<(String, String)>, &'static str> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            let (_, value) = headers
                .last_mut()
                .ok_or("the first header begins with a blank")?;
            value.push(' ');
            value.push_str(line.trim());
        } else {
            let (name, value) = line.split_once(':').ok_or("a header has no colon")?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_request_is_read_with_either_line_end() {
        let text = "POST /a?b=c HTTP/1.1\nHost: example.com\nX-A:  1\n 2\n\nbody\n";
        for text in [
            text.to_owned(),
            text.replace("\n\nbody\n", "\r\n\r\nbody\n"),
        ] {
            let input = parse(text.as_bytes()).unwrap();
            assert_eq!(input.method, "POST");
            assert_eq!(input.url, "https://example.com/a?b=c");
            assert_eq!(input.headers[1], ("X-A".into(), "1 2".into()));
            assert_eq!(input.body, b"body\n");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for text in [
            "",
            "GET",
            "GET / HTTP/1.1\nno colon\n",
            "GET / HTTP/1.1\n",
            " \n x",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(parse(b"GET /\xff HTTP/1.1\n").is_err());
    }
}

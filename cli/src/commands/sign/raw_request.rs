use super::headers;

/// A request as HTTP/1.1 text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawRequest {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl RawRequest {
    /// Parses a request. Line ends may be LF alone, and the version may be missing. A target
    /// without a host gets that of the header `Host`, with `https`.
    ///
    /// # Errors
    ///
    /// The reason, if the request is malformed.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let (head, body) = split_head(bytes);
        let head = std::str::from_utf8(head).map_err(|_| "the head of the request is not UTF-8")?;
        let mut lines = head.lines();
        let (method, rest) = lines
            .next()
            .and_then(|first| first.split_once(' '))
            .ok_or("the first line must be METHOD TARGET HTTP/1.1")?;
        let target = rest
            .rsplit_once(" HTTP/")
            .map_or(rest, |(target, _)| target);
        let headers = parse_headers(lines)?;
        let host = headers::find(&headers, "host").map(str::trim);
        let url = if target.starts_with('/') {
            format!("https://{}{target}", host.ok_or("there is no Host header")?)
        } else if is_absolute(target) {
            target.to_owned()
        } else {
            return Err("the target must be a path that starts with / or a URL");
        };
        Ok(Self {
            method: method.to_owned(),
            url: url.split('#').next().unwrap_or_default().to_owned(),
            headers,
            body: body.to_vec(),
        })
    }
}

/// Returns true for `SCHEME://…`. A path may have a URL in its query.
fn is_absolute(target: &str) -> bool {
    target
        .split_once("://")
        .is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

/// Splits a request at its first empty line. Without one there is no body.
fn split_head(bytes: &[u8]) -> (&[u8], &[u8]) {
    let ends: [&[u8]; 2] = [b"\r\n\r\n", b"\n\n"];
    let first = ends
        .iter()
        .filter_map(|end| {
            let at = bytes.windows(end.len()).position(|window| window == *end)?;
            Some((at, at + end.len()))
        })
        .min();
    match first {
        Some((head, body)) => (&bytes[..head], &bytes[body..]),
        None => (bytes, &[]),
    }
}

/// Parses header lines. A line that starts with whitespace continues the value before it.
fn parse_headers<'a>(
    lines: impl Iterator<Item = &'a str>,
) -> Result<Vec<(String, String)>, &'static str> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            let (_, value) = headers
                .last_mut()
                .ok_or("the first header starts with whitespace")?;
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
    use crate::generator::{Generator, LONG, SHORT};

    const PIECES: [&str; 20] = [
        "GET ",
        "POST",
        " ",
        "/",
        "http://",
        "https://a",
        " HTTP/1.1",
        "\r\n",
        "\n",
        "\r",
        "Host: a",
        "host:",
        ":",
        "#",
        "?",
        "X-A: 1",
        "\t",
        "\r\n\r\n",
        "\n\n",
        "é",
    ];

    fn check_all(count: u64) {
        Generator::each(count, |generator| {
            let bytes = generator.bytes(&PIECES);
            let Ok(request) = RawRequest::parse(&bytes) else {
                return;
            };
            assert!(!request.method.contains([' ', '\n']), "{bytes:?}");
            assert!(!request.url.contains(['#', '\n']), "{bytes:?}");
            assert!(request.url.contains("://"), "{bytes:?}");
            assert!(bytes.ends_with(&request.body), "{bytes:?}");
            let is_one_line = |text: &String| !text.contains('\n');
            let mut headers = request.headers.iter();
            assert!(
                headers.all(|(name, value)| is_one_line(name) && is_one_line(value)),
                "{bytes:?}"
            );
        });
    }

    #[test]
    fn no_input_breaks_the_reader_of_requests() {
        check_all(SHORT);
    }

    #[test]
    #[ignore = "long"]
    fn no_input_breaks_the_reader_of_requests_long() {
        check_all(LONG);
    }

    #[test]
    fn a_request_is_parsed_with_either_line_end() {
        let text = "POST /a?b=c HTTP/1.1\nHost: example.com\nX-A:  1\n 2\n\nbody\n";
        for text in [
            text.to_owned(),
            text.replace("\n\nbody\n", "\r\n\r\nbody\n"),
        ] {
            let request = RawRequest::parse(text.as_bytes()).unwrap();
            assert_eq!(request.method, "POST");
            assert_eq!(request.url, "https://example.com/a?b=c");
            assert_eq!(request.headers[1], ("X-A".into(), "1 2".into()));
            assert_eq!(request.body, b"body\n");
        }
    }

    #[test]
    fn a_path_may_have_a_url_in_its_query() {
        let text = b"GET /a?next=https://b/ HTTP/1.1\nHost: example.com\n";
        let request = RawRequest::parse(text).unwrap();
        assert_eq!(request.url, "https://example.com/a?next=https://b/");
    }

    #[test]
    fn a_malformed_request_is_refused() {
        for text in [
            "",
            "GET",
            "GET / HTTP/1.1\nno colon\n",
            "GET / HTTP/1.1\n",
            "GET a HTTP/1.1\nHost: b\n",
            "OPTIONS * HTTP/1.1\nHost: b\n",
            " \n x",
        ] {
            assert!(RawRequest::parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(RawRequest::parse(b"GET /\xff HTTP/1.1\n").is_err());
    }
}

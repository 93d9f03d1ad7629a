//! The data of a request, as curl reads it from its options.

use std::path::Path;

use keyfob_sigv4::uri;

use super::body::{Body, into_text, read, read_text};
use crate::{args::Data, failure::Failure};

/// Returns the body that the options give together: their data, joined with `&`.
///
/// # Errors
///
/// If a file cannot be read, or if one to encode is not UTF-8.
pub(in crate::commands) fn to_body(options: &[Data]) -> Result<Body, Failure> {
    if let [only] = options {
        return read_option(only);
    }
    let mut joined = Vec::new();
    for option in options {
        if !joined.is_empty() {
            joined.push(b'&');
        }
        joined.extend(read_option(option)?.bytes());
    }
    if options.is_empty() {
        return Ok(Body::None);
    }
    Ok(Body::Text(joined))
}

fn read_option(option: &Data) -> Result<Body, Failure> {
    match option {
        Data::Raw(text) => Ok(Body::Text(text.clone().into_bytes())),
        Data::UrlEncode(text) => Ok(Body::Text(url_encode(text)?.into_bytes())),
        Data::Plain(text) | Data::Binary(text) => match text.strip_prefix('@') {
            None => Ok(Body::Text(text.clone().into_bytes())),
            Some(path) => read_file(path, matches!(option, Data::Plain(_))),
        },
    }
}

/// Reads a file; `-d` removes its line ends and NUL bytes.
fn read_file(path: &str, is_plain: bool) -> Result<Body, Failure> {
    let mut bytes = read("--data", Path::new(path))?;
    let length = bytes.len();
    if is_plain {
        bytes.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
    }
    // Standard input cannot be read twice, and versions of curl differ in what they remove.
    if path == "-" || bytes.len() != length {
        return Ok(Body::Text(bytes));
    }
    Ok(Body::File {
        path: path.to_owned(),
        bytes,
    })
}

/// Encodes the content of `CONTENT`, `=CONTENT`, `NAME=CONTENT`, `@FILE` or `NAME@FILE`.
fn url_encode(text: &str) -> Result<String, Failure> {
    let Some(at) = text.find('=').or_else(|| text.find('@')) else {
        return Ok(uri::encode_component(text));
    };
    let (name, content) = (&text[..at], &text[at + 1..]);
    let encoded = if text[at..].starts_with('@') {
        uri::encode_component(&read_text("--data-urlencode", Path::new(content))?)
    } else {
        uri::encode_component(content)
    };
    let equals = if name.is_empty() { "" } else { "=" };
    Ok(format!("{name}{equals}{encoded}"))
}

/// Appends data to the query of a URL.
///
/// # Errors
///
/// If the data is not UTF-8.
pub(in crate::commands) fn append_to_url(url: &str, data: &Body) -> Result<String, Failure> {
    let without_fragment = url.split('#').next().unwrap_or_default();
    let text = into_text(data.bytes().to_vec())?;
    let separator = match (text.is_empty(), without_fragment.contains('?')) {
        (true, _) => "",
        (_, true) => "&",
        (_, false) => "?",
    };
    Ok(format!("{without_fragment}{separator}{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_encoded_and_its_name_is_not() {
        for (text, encoded) in [
            ("a b&c", "a%20b%26c"),
            ("=a b=c", "a%20b%3Dc"),
            ("na%me=\u{e9}/~", "na%me=%C3%A9%2F~"),
            ("a=b@c", "a=b%40c"),
            ("", ""),
        ] {
            assert_eq!(url_encode(text).unwrap(), encoded, "{text}");
        }
    }

    #[test]
    fn data_is_appended_to_the_query_of_the_url() {
        let appended = |url, data: &[u8]| append_to_url(url, &Body::Text(data.to_vec()));
        for (url, expected) in [
            ("https://a", "https://a?x=1"),
            ("https://a/b?c", "https://a/b?c&x=1"),
            ("https://a/b#frag", "https://a/b?x=1"),
        ] {
            assert_eq!(appended(url, b"x=1").unwrap(), expected);
        }
        assert_eq!(appended("https://a/", b"").unwrap(), "https://a/");
        assert!(appended("https://a/", &[0xff]).is_err());
    }
}

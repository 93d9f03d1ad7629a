//! Bodies and headers as curl takes them on its command line.

use std::path::Path;

use keyfob_sigv4::uri;

use super::input::{Source, read as read_file};
use crate::{args::Data, failure::Failure, syntax::header_of};

/// The body, its parts joined by `&`, and how curl is told it.
///
/// # Errors
///
/// When a file cannot be read.
pub(super) fn read(parts: &[Data]) -> Result<(Vec<u8>, Source), Failure> {
    let (mut body, mut source) = (Vec::new(), Source::Nowhere);
    for part in parts {
        let (bytes, of_part) = read_part(part)?;
        if !body.is_empty() {
            body.push(b'&');
        }
        body.extend(bytes);
        source = of_part;
    }
    if parts.len() > 1 {
        source = Source::Words;
    }
    Ok((body, source))
}

fn read_part(part: &Data) -> Result<(Vec<u8>, Source), Failure> {
    let words = |bytes: Vec<u8>| Ok((bytes, Source::Words));
    match part {
        Data::Raw(text) => words(text.clone().into_bytes()),
        Data::UrlEncode(text) => words(url_encoded(text)?.into_bytes()),
        Data::Plain(text) | Data::Binary(text) => match text.strip_prefix('@') {
            Some(path) => read_named(path, matches!(part, Data::Plain(_))),
            None => words(text.clone().into_bytes()),
        },
    }
}

/// `-d` takes the line ends out of a file.
fn read_named(path: &str, is_plain: bool) -> Result<(Vec<u8>, Source), Failure> {
    let mut bytes = read_file(Path::new(path))?;
    let length = bytes.len();
    if is_plain {
        bytes.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
    }
    // Standard input is gone; and versions of curl differ in what they take out of a file.
    let source = match path != "-" && bytes.len() == length {
        true => Source::File(path.to_owned()),
        false => Source::Words,
    };
    Ok((bytes, source))
}

/// `CONTENT`, `=CONTENT`, `NAME=CONTENT`, `@FILE` or `NAME@FILE`, of which the content is encoded.
fn url_encoded(text: &str) -> Result<String, Failure> {
    let Some(at) = text.find('=').or_else(|| text.find('@')) else {
        return Ok(uri::encode_component(text));
    };
    let (name, content) = (&text[..at], &text[at + 1..]);
    let content = match text[at..].starts_with('@') {
        true => text_of(read_file(Path::new(content))?)?,
        false => content.to_owned(),
    };
    let equals = if name.is_empty() { "" } else { "=" };
    Ok(format!("{name}{equals}{}", uri::encode_component(&content)))
}

/// The URL with the data in its query.
///
/// # Errors
///
/// When the data is no text.
pub(super) fn appended(url: &str, data: Vec<u8>) -> Result<String, Failure> {
    let url = url.split('#').next().unwrap_or_default();
    let data = text_of(data)?;
    let separator = match (data.is_empty(), url.contains('?')) {
        (true, _) => "",
        (_, true) => "&",
        (_, false) => "?",
    };
    Ok(format!("{url}{separator}{data}"))
}

fn text_of(bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_| {
        Failure::usage("data that is encoded or appended to the URL must be UTF-8 text")
    })
}

/// All headers, those of files among them.
///
/// # Errors
///
/// As [`header_of`], and when a file cannot be read.
pub(super) fn headers(words: &[String]) -> Result<Vec<(String, Option<String>)>, Failure> {
    let mut headers = Vec::new();
    for word in words {
        match word.strip_prefix('@') {
            None => headers.push(header_of(word)?),
            Some(path) => {
                let text = text_of(read_file(Path::new(path))?)?;
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    headers.push(header_of(line)?);
                }
            }
        }
    }
    Ok(headers)
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
            assert_eq!(url_encoded(text).unwrap(), encoded, "{text}");
        }
    }

    #[test]
    fn data_goes_behind_the_query_that_is_there() {
        for (url, whole) in [
            ("https://a", "https://a?x=1"),
            ("https://a/b?c", "https://a/b?c&x=1"),
            ("https://a/b#frag", "https://a/b?x=1"),
        ] {
            assert_eq!(appended(url, b"x=1".to_vec()).unwrap(), whole);
        }
        assert_eq!(appended("https://a/", Vec::new()).unwrap(), "https://a/");
        assert!(appended("https://a/", vec![0xff]).is_err());
    }
}

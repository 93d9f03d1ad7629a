use super::{
    input::{Input, Source},
    print::{Form, Signed},
};
use crate::{
    failure::Failure,
    syntax::url::{authority, has_dot_segments},
    terminal::quoted,
};

/// A command for a POSIX shell that sends the request, byte for byte as it was signed.
///
/// # Errors
///
/// When no command line can hold the body, or no client sends the URL as it is.
pub(super) fn command(input: &Input, signed: &Signed) -> Result<String, Failure> {
    let url = url(input, signed)?;
    let body = body(input)?;
    let mut words = vec!["curl".to_owned()];
    // curl knows that an answer to HEAD has no body only by its own flag, which goes with no body of the request.
    if input.method == "HEAD" && body.is_none() {
        words.push("--head".to_owned());
    } else if input.method != "GET" || body.is_some() {
        words.push(format!("--request {}", quoted(&input.method)));
    }
    if has_dot_segments(&url) {
        words.push("--path-as-is".to_owned());
    }
    if url.contains(['[', ']', '{', '}']) {
        words.push("--globoff".to_owned());
    }
    words.extend(headers(input, signed));
    words.extend(body);
    words.push(quoted(&url));
    Ok(words.join(" ") + "\n")
}

/// The URL in the query's form names the host that is signed; a `Host` header tells that of the server it is sent to.
fn url(input: &Input, signed: &Signed) -> Result<String, Failure> {
    let url = signed.url(input);
    let is_sendable = |byte: u8| byte.is_ascii_graphic();
    if !url.bytes().all(is_sendable) {
        return Err(Failure::usage(
            "the URL holds a blank or a character that is not ASCII, as no client sends it",
        )
        .with_hint("write it percent-encoded"));
    }
    match (&signed.form, input.host()) {
        (Form::Query(_), Some(_)) => Ok(url.replacen(authority(url), authority(&input.url), 1)),
        _ => Ok(url.to_owned()),
    }
}

fn headers(input: &Input, signed: &Signed) -> Vec<String> {
    let mut words = Vec::new();
    let made = signed.headers(input);
    let own = input.own_headers().iter();
    let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
    let own = own.filter(|(name, _)| is_sent(name, &made, signed));
    let headers: Vec<(&str, &str)> = own.chain(made.iter().copied()).collect();
    for (name, value) in &headers {
        // `NAME:` would take one of curl's own headers out.
        let header = match value.is_empty() {
            true => format!("{name};"),
            false => format!("{name}: {value}"),
        };
        words.push(format!("--header {}", quoted(&header)));
    }
    let has_type = headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if input.source != Source::Nowhere && !has_type {
        words.push("--header content-type:".to_owned());
    }
    words
}

/// What the signature puts in the place of a header, there or in the query, is not sent twice.
fn is_sent(name: &str, made: &[(&str, &str)], signed: &Signed) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let is_signed = || signed.explanation.signed_headers().split(';').any(is);
    let is_amz = name.to_ascii_lowercase().starts_with("x-amz-");
    !made.iter().any(|(other, _)| is(other)) && (!is_amz || is_signed())
}

/// The file where one was named; else the text, of which curl reads nothing but the text.
fn body(input: &Input) -> Result<Option<String>, Failure> {
    match &input.source {
        Source::Nowhere => Ok(None),
        Source::File(path) => Ok(Some(format!(
            "--data-binary {}",
            quoted(&format!("@{path}"))
        ))),
        Source::Words => match std::str::from_utf8(&input.body) {
            Ok(text) if !text.contains('\0') && text.len() < MAX_WORD => {
                Ok(Some(format!("--data-raw {}", quoted(text))))
            }
            _ => Err(
                Failure::usage("the body is no text that a command line can hold")
                    .with_hint("put it in a file and sign it with --data-binary @FILE"),
            ),
        },
    }
}

/// Linux takes no longer word on a command line.
const MAX_WORD: usize = 128 * 1024;

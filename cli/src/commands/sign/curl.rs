use super::{
    body::Body,
    input::Input,
    print::{Form, Signed},
};
use crate::{
    failure::Failure,
    syntax::{authority, has_dot_segments},
    terminal::quoted,
};

/// The length in bytes of the longest word that Linux takes on a command line.
const MAX_WORD: usize = 128 * 1024;

/// Returns a command for a POSIX shell that sends the request, byte for byte as it was signed.
///
/// # Errors
///
/// If a command line cannot hold the body, or if clients would not send the URL unchanged.
pub(super) fn command(input: &Input, signed: &Signed) -> Result<String, Failure> {
    let url = url(input, signed)?;
    let body = body(input)?;
    let mut words = vec!["curl".to_owned()];
    // Only with --head does curl know that the response to HEAD has no body; --head allows none in
    // the request.
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

/// Returns the URL to connect to.
fn url(input: &Input, signed: &Signed) -> Result<String, Failure> {
    let url = signed.url(input);
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::usage(
            "the URL contains whitespace or a character that is not ASCII, which no client sends",
        )
        .with_hint("write it percent-encoded"));
    }
    match (&signed.form, input.host()) {
        // A presigned URL has the host of the header `Host`; the given URL has the server to use.
        (Form::Query(_), Some(_)) => Ok(url.replacen(authority(url), authority(&input.url), 1)),
        _ => Ok(url.to_owned()),
    }
}

fn headers(input: &Input, signed: &Signed) -> Vec<String> {
    let added = signed.headers(input);
    let given = input.own_headers().iter();
    let headers: Vec<(&str, &str)> = given
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| is_sent(name, &added, signed))
        .chain(added.iter().copied())
        .collect();
    let mut words = Vec::new();
    for (name, value) in &headers {
        // curl takes `NAME:` as an order to leave out a header of its own.
        let header = if value.is_empty() {
            format!("{name};")
        } else {
            format!("{name}: {value}")
        };
        words.push(format!("--header {}", quoted(&header)));
    }
    let has_type = headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if !input.body.is_none() && !has_type {
        words.push("--header content-type:".to_owned());
    }
    words
}

/// Returns true unless the signature puts something else in the header's place, as a header or in
/// the query.
fn is_sent(name: &str, added: &[(&str, &str)], signed: &Signed) -> bool {
    let is_name = |other: &str| name.eq_ignore_ascii_case(other);
    let is_signed = || {
        let mut names = signed.explanation.signed_headers().split(';');
        names.any(is_name)
    };
    let is_amz = name.to_ascii_lowercase().starts_with("x-amz-");
    !added.iter().any(|(other, _)| is_name(other)) && (!is_amz || is_signed())
}

/// Returns the option for the body. `--data-raw` never takes text for the name of a file.
fn body(input: &Input) -> Result<Option<String>, Failure> {
    match &input.body {
        Body::None => Ok(None),
        Body::File { path, .. } => {
            let file = quoted(&format!("@{path}"));
            Ok(Some(format!("--data-binary {file}")))
        }
        Body::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') && text.len() < MAX_WORD => {
                Ok(Some(format!("--data-raw {}", quoted(text))))
            }
            _ => Err(Failure::usage(
                "the body does not fit on a command line: it is too long, or not text",
            )
            .with_hint("put it in a file and sign it with --data-binary @FILE")),
        },
    }
}

//! The errors of all protocols.

use http::{HeaderMap, Response};

use crate::{
    call::answer::{
        element::{Element, Tree},
        format::Format,
    },
    error::{Answer, Error, ErrorKind},
};

/// How many members of an error are kept, beside code and message. Real ones have one or two.
const MAX_MEMBERS: usize = 16;

/// Returns what is known about an answer before it is known to be an error. `root` is that of XML:
/// JSON has the request id in a header only.
pub(super) fn facts<B>(root: Option<Element<'_>>, response: &Response<B>) -> Answer {
    let headers = response.headers();
    Answer {
        status: Some(response.status()),
        request_id: request_id(root, headers),
        #[cfg(feature = "client")]
        backoff: keyfob_backoff::Hint::from_headers(|name| text_header(headers, name)),
        ..Answer::default()
    }
}

/// Returns the request id from the body, or else from the headers, because the body of a gateway's
/// answer has none, and that of JSON protocols neither.
fn request_id(root: Option<Element<'_>>, headers: &HeaderMap) -> Option<String> {
    // EC2 writes `RequestID` in errors and `requestId` in results.
    let in_body = ["RequestId", "RequestID", "requestId"]
        .iter()
        .find_map(|name| root?.find(name)?.text());
    let in_header = || {
        let mut names = ["x-amzn-requestid", "x-amz-request-id"].iter();
        names.find_map(|name| text_header(headers, name))
    };
    let id = in_body.or_else(in_header).map(str::trim);
    id.filter(|id| !id.is_empty()).map(str::to_owned)
}

fn text_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Returns the error that the service reports. A code or a message is enough. An answer with
/// neither came from a gateway or proxy, so only its status is used.
pub(super) fn service_error(
    format: Format,
    document: Result<&Tree, &'static str>,
    headers: &HeaderMap,
    mut answer: Answer,
) -> Error {
    let root = document.ok().map(Tree::root);
    let found = match format {
        Format::Xml => root.and_then(in_xml),
        Format::Json => root.map(in_json),
    };
    let Reported {
        code,
        message,
        members,
    } = found.unwrap_or_default();
    answer.code = in_headers(headers).or(code).map(str::to_owned);
    let message = message.map(str::to_owned);
    answer.members = members;
    if answer.code.is_none() && message.is_none() {
        let reason = document.err().unwrap_or("it has no error code");
        let message = format!(
            "the answer is not from the service: {reason}; check the endpoint and any proxy"
        );
        return Error::new(ErrorKind::Service, message).with_answer(answer);
    }
    Error::new(ErrorKind::Service, message.unwrap_or_default()).with_answer(answer)
}

/// What a body says about an error.
#[derive(Default)]
struct Reported<'a> {
    code: Option<&'a str>,
    message: Option<&'a str>,
    members: Vec<(String, String)>,
}

/// Returns the code in the headers, which comes before the one in the body.
///
/// Source: AWS query-compatible protocol, and AWS REST-JSON protocol, errors.
fn in_headers(headers: &HeaderMap) -> Option<&str> {
    let query = text_header(headers, "x-amzn-query-error");
    let query = query
        .and_then(|value| value.split_once(';'))
        .map(|(code, _)| code.trim());
    let typed = || text_header(headers, "x-amzn-errortype").and_then(without_namespace);
    query.filter(|code| !code.is_empty()).or_else(typed)
}

/// Reads `<Error><Code/><Message/></Error>`, at whatever depth: STS puts it in `<ErrorResponse>`,
/// EC2 in `<Response><Errors>`, and S3 has it as the root.
///
/// Source: AWS Query protocol and EC2 Query protocol, errors.
fn in_xml(root: Element<'_>) -> Option<Reported<'_>> {
    let error = root.find("Error")?;
    // Empty members count as present if the element has one: the error is the service's all the
    // same.
    let member = |name: &str| error.text_of(name).map(str::trim);
    Some(Reported {
        code: member("Code"),
        message: member("Message").or_else(|| member("message")),
        members: members(error, &["Code", "Message", "message"]),
    })
}

/// Reads the members of an object.
///
/// | what | members |
/// |---|---|
/// | code | `__type`, `code`, `Code`, or else the `error` of OAuth |
/// | message | `message`, `Message`, `errorMessage`, or else `error_description` |
///
/// Source: AWS JSON 1.0, 1.1 and REST-JSON protocols, errors; RFC 6749, section 5.2.
fn in_json(root: Element<'_>) -> Reported<'_> {
    let first = |names: &[&str]| names.iter().find_map(|name| root.text_of(name));
    // A number is a status, not a code.
    let is_code = |code: &&str| !code.starts_with(|first: char| first.is_ascii_digit());
    let typed = ["__type", "code", "Code"].iter().find_map(|name| {
        root.text_of(name)
            .and_then(without_namespace)
            .filter(is_code)
    });
    Reported {
        code: typed.or_else(|| root.text_of("error").map(str::trim)),
        message: first(&["message", "Message", "errorMessage", "error_description"]).map(str::trim),
        members: members(root, &["__type", "code", "Code", "message", "Message"]),
    }
}

/// Returns the other members that are text, by name.
fn members(error: Element<'_>, known: &[&str]) -> Vec<(String, String)> {
    let others = error
        .children()
        .filter(|child| !known.contains(&child.name()));
    let texts =
        others.filter_map(|child| Some((child.name().to_owned(), child.text()?.to_owned())));
    texts.take(MAX_MEMBERS).collect()
}

/// Returns `FooError` of `aws.protocoltests#FooError:http://internal.amazon.com/`.
fn without_namespace(value: &str) -> Option<&str> {
    let value = value.split(':').next()?;
    let code = value.rsplit('#').next()?.trim();
    (!code.is_empty()).then_some(code)
}

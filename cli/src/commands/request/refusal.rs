//! The failure for an answer that is an error, whichever protocol it is written in.

use http::HeaderMap;
use keyfob_backoff::{classify, error_code};
use keyfob_sigv4::Secret;
use keyfob_sts::{
    Error,
    call::{Call, Operation, Protocol, Service},
};

use super::{
    send::{Answer, Sender, text},
    target::Target,
    verbose::is_secret,
};
use crate::{
    context::Context,
    failure::{Failure, Refused},
};

/// How the errors of services are read that answer in XML or in JSON.
static XML: Service = Service::new("request", Protocol::Query, "");
static JSON: Service = Service::new("request", Protocol::Json11 { target: "" }, "");

/// Returns the failure for an answer with a status of 400 or more: its code, its message and its
/// request id, and what to do if the credentials are refused. It exits with the code of curl.
pub(super) async fn failure(
    context: &Context,
    target: &Target,
    sender: &Sender<'_>,
    answer: &Answer,
) -> Failure {
    let status = answer.status().as_u16();
    let body = answer.body().start();
    let error = read(answer);
    let code = error_code(|name| text(answer.headers(), name), body)
        .or(error.as_ref().and_then(Error::code))
        .map(str::to_owned);
    let own: Vec<Secret> = target
        .headers
        .iter()
        .filter(|(name, _)| is_secret(name.as_str()))
        .filter_map(|(_, value)| value.to_str().ok().map(Secret::from))
        .collect();
    let secrets: Vec<&Secret> = sender.secrets().chain(&own).collect();
    let said = error
        .as_ref()
        .filter(|_| code.is_some())
        .map(Error::message);
    let message = match said {
        Some(message) if !message.is_empty() => {
            format!("{} (HTTP {status})", Secret::redact(message, &secrets))
        }
        _ => {
            let reason = answer.status().canonical_reason().unwrap_or("an error");
            format!("HTTP {status} {reason}")
        }
    };
    let code = code.map(|code| Secret::redact(&code, &secrets));
    let shown = code.clone().unwrap_or_else(|| status.to_string());
    let mut failure = Failure::service(&shown, &target.name(), message).with_exit_of_curl();
    let in_body = error.as_ref().and_then(Error::request_id);
    if let Some(id) = in_body.or_else(|| request_id(answer.headers())) {
        failure = failure
            .with_detail(format!("request id: {id}"))
            .with_request_id(id);
    }
    if classify(Some(status), code.as_deref()).is_some() {
        failure = failure.with_retries(sender.retries());
    }
    let Some(error) = error.filter(|_| sender.signs()) else {
        return failure;
    };
    let service = target.scope.as_ref().map_or("", |scope| scope.service());
    context
        .explain_refusal(failure, Refused::from(&error), service)
        .await
}

/// Reads the error of a service in XML or in JSON.
fn read(answer: &Answer) -> Option<Error> {
    let body = answer.body().start();
    let service = match body.trim_ascii_start().first()? {
        b'<' => &XML,
        b'{' => &JSON,
        _ => return None,
    };
    let mut response = http::Response::new(body);
    *response.status_mut() = answer.status();
    response.headers_mut().clone_from(answer.headers());
    let call = Operation::new(service, "request").with_output(|_| Ok(()));
    call.parse(&response).err()
}

/// Returns the id that the service gave the request, from the headers of its answer.
pub(super) fn request_id(headers: &HeaderMap) -> Option<&str> {
    let names = [
        "x-amzn-requestid",
        "x-amz-request-id",
        "x-amzn-request-id",
        "x-amz-cf-id",
    ];
    names.iter().find_map(|name| text(headers, name))
}

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

/// What goes back to the client.
pub(crate) type Answer = Response<Full<Bytes>>;

/// A value, as plain text, which is what the real service says of JSON too.
pub(crate) fn value(body: impl Into<Bytes>) -> Answer {
    typed(StatusCode::OK, "text/plain", body)
}

/// An error. Like the real service's: a short page, nothing to parse.
pub(crate) fn refusal(status: StatusCode) -> Answer {
    let reason = status.canonical_reason().unwrap_or("Error");
    let title = format!("{} - {reason}", status.as_u16());
    let page = format!(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n\
         <html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title>{title}</title></head>\
         <body><h1>{title}</h1></body></html>\n"
    );
    typed(status, "text/html", page)
}

/// The method is none that the path has.
pub(crate) fn method_not_allowed(allowed: &'static str) -> Answer {
    let mut answer = refusal(StatusCode::METHOD_NOT_ALLOWED);
    answer
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(allowed));
    answer
}

pub(crate) fn typed(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

/// Returns a value as plain text, the type that the real service gives JSON, too.
pub(crate) fn value(body: impl Into<Bytes>) -> Response<Bytes> {
    typed(StatusCode::OK, "text/plain", body)
}

/// Returns an error: a short page like the real service's, not meant to be parsed.
pub(crate) fn refusal(status: StatusCode) -> Response<Bytes> {
    let reason = status.canonical_reason().unwrap_or("Error");
    let title = format!("{} - {reason}", status.as_u16());
    let page = format!(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n\
         <html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title>{title}</title></head>\
         <body><h1>{title}</h1></body></html>\n"
    );
    typed(status, "text/html", page)
}

/// Returns the error for a method that the path does not have.
pub(crate) fn method_not_allowed(allowed: &'static str) -> Response<Bytes> {
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
) -> Response<Bytes> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

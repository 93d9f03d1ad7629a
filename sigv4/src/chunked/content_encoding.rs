//! `Content-Encoding`, in which `aws-chunked` stands beside the encodings of the object.

use alloc::string::String;

use crate::request::Request;

const AWS_CHUNKED: &str = "aws-chunked";

/// Returns the encodings of the object itself, as S3 stores them: those of the request without
/// `aws-chunked`. `None` if there are no others.
///
/// Source: RFC 9110, section 8.4: a list that may be spread over several headers, whose names have
/// no case.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Request, chunked};
/// let headers = [
///     ("host", "examplebucket.s3.amazonaws.com"),
///     ("content-encoding", "gzip, AWS-Chunked"),
///     ("content-encoding", "br"),
/// ];
/// let request = Request::from_wire("PUT", "/key", &headers)?;
/// assert_eq!(chunked::stored_encoding(&request).as_deref(), Some("gzip,br"));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
pub fn stored_encoding(request: &Request<'_>) -> Option<String> {
    let mut others = String::new();
    request.for_each_header(|name, value| {
        if name.eq_ignore_ascii_case(b"content-encoding") {
            add_others(&mut others, &String::from_utf8_lossy(value));
        }
    });
    (!others.is_empty()).then_some(others)
}

/// Returns true if `aws-chunked` is one of the encodings of the request.
pub(crate) fn is_aws_chunked(request: &Request<'_>) -> bool {
    let mut found = false;
    request.for_each_header(|name, value| {
        found |= name.eq_ignore_ascii_case(b"content-encoding")
            && value.split(|byte| *byte == b',').any(|item| {
                item.trim_ascii()
                    .eq_ignore_ascii_case(AWS_CHUNKED.as_bytes())
            });
    });
    found
}

/// Adds the encodings of one header, except for `aws-chunked`.
pub(super) fn add_others(others: &mut String, value: &str) {
    let items = value.split(',').map(str::trim);
    for item in items.filter(|item| !item.is_empty() && !item.eq_ignore_ascii_case(AWS_CHUNKED)) {
        if !others.is_empty() {
            others.push(',');
        }
        others.push_str(item);
    }
}

mod cbor;
mod json;
mod xml;

use core::str::from_utf8;

use crate::fault::Failure;
use crate::hint::Hint;

/// How much of a body is looked at. An error document is a few hundred bytes; whatever is longer is not one.
pub const BODY_LIMIT: usize = 64 * 1024;

impl<'a> Failure<'a> {
    /// Reads an HTTP answer: its error code and its hint. `header` looks a value up by its lower-case name.
    ///
    /// `body` may be cut off at [`BODY_LIMIT`], and empty if it was not read: then only the headers speak.
    /// See [`error_code`] for where the code is looked for.
    ///
    /// ```
    /// use keyfob_backoff::{Failure, Policy};
    ///
    /// let body = b"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code></Error></ErrorResponse>";
    /// let failure = Failure::from_answer(400, |_| None, body);
    /// assert!(Policy::aws().classify(&failure).is_some_and(|fault| fault.is_throttling()));
    /// ```
    pub fn from_answer(
        status: u16,
        header: impl Fn(&str) -> Option<&'a str>,
        body: &'a [u8],
    ) -> Self {
        let code = error_code(&header, body);
        Self::response(status)
            .with_code(code)
            .with_hint(Hint::from_headers(header))
    }

    /// As [`from_answer`](Failure::from_answer), for the S3 operations that may report failure with a 200:
    /// `CopyObject`, `UploadPartCopy`, `CompleteMultipartUpload`. A 200 whose body is an error, or is cut
    /// off, counts as a 500; `None` means it was a success.
    pub fn from_s3_answer(
        status: u16,
        header: impl Fn(&str) -> Option<&'a str>,
        body: &'a [u8],
    ) -> Option<Self> {
        match s3_status(status, body) {
            200..=299 => None,
            status => Some(Self::from_answer(status, header, body)),
        }
    }
}

/// Finds the error code of an AWS answer, whichever protocol it speaks. `header` looks a value up by its
/// lower-case name.
///
/// | protocol | where |
/// |---|---|
/// | query compatible | header `x-amzn-query-error`, the part before `;` |
/// | REST-JSON | header `x-amzn-errortype`, else `code`, `Code` or `__type` in the body |
/// | JSON 1.0, 1.1 | `__type` in the body, else `code` or `Code` |
/// | query, REST-XML | `<Code>` in `<ErrorResponse><Error>` |
/// | EC2 | `<Code>` in `<Response><Errors><Error>` |
/// | S3 | `<Code>` in the root `<Error>` |
/// | RPC v2 CBOR | `__type` in the body |
///
/// Of a JSON or CBOR code only what stands after `#` and before `:` counts. `None` if there is no code: an HTML page
/// of a proxy, an empty or foreign body. Only the first [`BODY_LIMIT`] bytes are looked at; nothing is
/// allocated.
pub fn error_code<'a>(header: impl Fn(&str) -> Option<&'a str>, body: &'a [u8]) -> Option<&'a str> {
    query_compatible(header("x-amzn-query-error"))
        .or_else(|| header("x-amzn-errortype").and_then(bare))
        .or_else(|| body_code(header("content-type"), &body[..body.len().min(BODY_LIMIT)]))
}

/// The status an S3 answer should have had: 500 for a 200 that carries an error or was cut off, otherwise the
/// one it has.
///
/// S3 sends the status of a long copy before it knows the outcome, then blanks to keep the connection alive.
/// For operations that answer with XML only: the body of `GetObject` is not S3's to fail with. No body at all
/// is a success; of a body longer than [`BODY_LIMIT`] only the root counts.
#[must_use]
pub fn s3_status(status: u16, body: &[u8]) -> u16 {
    let is_sound = || {
        let document = trim(&body[..body.len().min(BODY_LIMIT)]);
        xml::root(document).is_some_and(|root| root != b"Error")
            && (body.len() > BODY_LIMIT || xml::is_complete(document))
    };
    if status == 200 && !body.is_empty() && !is_sound() {
        500
    } else {
        status
    }
}

fn body_code<'a>(content_type: Option<&str>, body: &'a [u8]) -> Option<&'a str> {
    let document = trim(body);
    match document.first()? {
        b'{' => json_code(content_type, document),
        b'<' => text(xml::error_code(document)?),
        // A map; no text begins with such a byte.
        0xa0..=0xbf => bare(from_utf8(cbor::text_member(body, b"__type")?).ok()?),
        _ => None,
    }
}

/// JSON 1.0 and 1.1 name the error in `__type`, where REST-JSON may have something else, so the order depends
/// on the protocol.
fn json_code<'a>(content_type: Option<&str>, body: &'a [u8]) -> Option<&'a str> {
    let is_rpc = content_type.is_some_and(|value| {
        value
            .trim_ascii_start()
            .starts_with("application/x-amz-json")
    });
    let names: [&[u8]; 3] = if is_rpc {
        [b"__type", b"code", b"Code"]
    } else {
        [b"code", b"Code", b"__type"]
    };
    let value = names
        .iter()
        .find_map(|name| json::string_member(body, name))?;
    bare(from_utf8(value).ok()?)
}

/// `AWS.SimpleQueueService.NonExistentQueue;Sender`: exactly two parts, the first is the code.
fn query_compatible(value: Option<&str>) -> Option<&str> {
    let (code, fault) = value?.split_once(';')?;
    if fault.contains(';') {
        None
    } else {
        text(code.as_bytes())
    }
}

/// `aws.protocoltests#FooError:http://internal.amazon.com/` is `FooError`.
fn bare(value: &str) -> Option<&str> {
    let value = value.split(':').next()?;
    text(value.rsplit('#').next()?.as_bytes())
}

fn text(bytes: &[u8]) -> Option<&str> {
    from_utf8(bytes)
        .ok()
        .map(str::trim_ascii)
        .filter(|code| !code.is_empty())
}

/// Without byte order mark and surrounding blanks.
fn trim(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(body)
        .trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<'a>(headers: &'a [(&'a str, &'a str)], body: &'a str) -> Option<&'a str> {
        let header = |name: &str| {
            headers
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| *value)
        };
        error_code(header, body.as_bytes())
    }

    #[test]
    fn query_and_rest_xml_errors_have_a_code() {
        let body = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    \
                    <Type>Sender</Type>\n    <Code>Throttling</Code>\n    <Message>Rate exceeded</Message>\n  \
                    </Error>\n  <RequestId>1</RequestId>\n</ErrorResponse>";
        assert_eq!(code(&[], body), Some("Throttling"));
    }

    #[test]
    fn ec2_errors_have_a_code() {
        let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>RequestLimitExceeded\
                    </Code><Message>x</Message></Error></Errors><RequestID>1</RequestID></Response>";
        assert_eq!(code(&[], body), Some("RequestLimitExceeded"));
    }

    #[test]
    fn s3_errors_have_a_code_whatever_stands_before_them() {
        let body = "\u{feff}\n  <?xml version=\"1.0\"?><!-- <Error><Code>No</Code></Error> --><s3:Error>\
                    <s3:Code> SlowDown </s3:Code><Message>x</Message></s3:Error>";
        assert_eq!(code(&[], body), Some("SlowDown"));
    }

    #[test]
    fn a_code_elsewhere_in_a_document_is_not_the_errors() {
        assert_eq!(code(&[], "<Result><Code>Throttling</Code></Result>"), None);
        assert_eq!(
            code(
                &[],
                "<Error><Detail><Code>Throttling</Code></Detail></Error>"
            ),
            None
        );
        assert_eq!(
            code(
                &[],
                "<a><b><c><d><e><Error><Code>Deep</Code></Error></e></d></c></b></a>"
            ),
            None
        );
        assert_eq!(
            code(
                &[],
                "{\"detail\":{\"code\":\"Throttling\"},\"text\":\"\\\"code\\\":\\\"Throttling\\\"\"}"
            ),
            None
        );
    }

    #[test]
    fn json_errors_have_a_code_without_namespace_and_uri() {
        let rpc = [("content-type", "application/x-amz-json-1.1")];
        let body = r#"{"Message": "a \"b\" {", "list": [1, {"__type": "No"}], "__type": "com.amazon#SlowDown:http://x"}"#;
        assert_eq!(code(&rpc, body), Some("SlowDown"));
        assert_eq!(code(&[], r#"{"code":"A","__type":"B"}"#), Some("A"));
        assert_eq!(code(&rpc, r#"{"code":"A","__type":"B"}"#), Some("B"));
        assert_eq!(code(&[], r#"{"Code":"A"}"#), Some("A"));
        assert_eq!(code(&[], r#"{"code":429,"__type":"B"}"#), Some("B"));
    }

    /// `{"message": "slow down", "retryable": [true, {"__type": "No"}, 1.5], "__type": "com.amazonaws.x#SlowDown"}`,
    /// each length definite.
    const CBOR: &[u8] = b"\xa3\x67message\x69slow down\x69retryable\x83\xf5\xa1\x66__type\x62No\xfb\x3f\xf8\0\0\0\0\0\0\
                          \x66__type\x78\x18com.amazonaws.x#SlowDown";

    #[test]
    fn cbor_errors_have_a_code_whatever_the_form_of_their_lengths() {
        let indefinite = b"\xbf\x67message\x7f\x64slow\x65 down\xff\x69retryable\x9f\xf5\xbf\x66__type\x62No\xff\xff\
                           \x7f\x66__type\xff\x7f\x6aThrottling\xff\xff";
        let tagged = b"\xa3\x61a\xc1\x1a\0\0\0\x01\x66__type\x01\x66__type\x79\0\x08SlowDown";
        let code = |body| error_code(|_| None, body);
        assert_eq!(code(CBOR), Some("SlowDown"));
        assert_eq!(code(indefinite), Some("Throttling"));
        assert_eq!(code(tagged), Some("SlowDown"));
        assert_eq!(code(b"\xa1\x66__type\x62A\n"), Some("A"));
    }

    #[test]
    fn a_throttled_400_in_cbor_is_retried() {
        let failure = Failure::from_answer(400, |_| None, CBOR);
        let fault = crate::policy::Policy::aws().classify(&failure);
        assert!(fault.is_some_and(crate::fault::Fault::is_throttling));
    }

    #[test]
    fn cbor_that_is_cut_off_or_garbage_has_no_code() {
        let code = |body| error_code(|_| None, body);
        for end in 0..CBOR.len() {
            assert_eq!(code(&CBOR[..end]), None, "{end}");
        }
        let deep = [
            &b"\xa2\x61a"[..],
            &[0x81; BODY_LIMIT / 2],
            b"\x01\x66__type\x61A",
        ]
        .concat();
        for garbage in [
            &deep[..],
            b"\xa0",
            b"\xbf\xff",
            b"\xa1\xff\xff",
            b"\xa1\x46__type\x61A",
            b"\xa1\x66__type\x41A",
            b"\xa1\x66__type\x61\xff",
            b"\xa1\x66__type\x7f\x41A\xff",
            b"\xa1\x66__type\x7f\x61A\x61B\xff",
            b"\xa1\x66__type\x7f\x7f\x61A\xff\xff",
            b"\xa1\x66__type\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xa1\x1f\x66__type\x61A",
            b"\xa1\x1c\x66__type\x61A",
        ] {
            assert_eq!(
                code(garbage),
                None,
                "{:x?}",
                &garbage[..garbage.len().min(40)]
            );
        }
    }

    #[test]
    fn no_byte_changed_in_a_cbor_error_makes_it_panic() {
        for at in 0..CBOR.len() {
            for byte in 0..=u8::MAX {
                let mut body = CBOR.to_vec();
                body[at] = byte;
                let _ = error_code(|_| None, &body);
            }
        }
    }

    #[test]
    fn headers_go_before_the_body() {
        let body = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}"#;
        let error_type = (
            "x-amzn-errortype",
            "ThrottlingException:http://internal.amazon.com/",
        );
        assert_eq!(code(&[error_type], body), Some("ThrottlingException"));
        let query = (
            "x-amzn-query-error",
            "AWS.SimpleQueueService.NonExistentQueue;Sender",
        );
        assert_eq!(
            code(&[query, error_type], body),
            Some("AWS.SimpleQueueService.NonExistentQueue")
        );
        assert_eq!(
            code(&[("x-amzn-query-error", "A;B;C")], body),
            Some("QueueDoesNotExist")
        );
    }

    #[test]
    fn a_page_of_a_proxy_has_no_code() {
        for body in [
            "",
            " \n",
            "Service Unavailable",
            "<html><body><h1>503 Service Unavailable</h1></body></html>",
            "<Error><Code></Code></Error>",
            "<Error><Code>Cut",
            "<",
            "<>",
            "</>",
            "{",
            "{\"",
            "{\"code\"",
            "{\"code\":\"Cut",
            "{\"code\":\"Esc\\u0061ped\"}",
            "[\"code\"]",
            "{]",
        ] {
            assert_eq!(code(&[], body), None, "{body:?}");
        }
    }

    #[test]
    fn a_code_beyond_the_limit_is_not_looked_for() {
        let late = [
            &b"{\"m\":\""[..],
            &[b'x'; BODY_LIMIT],
            b"\",\"code\":\"Throttling\"}",
        ]
        .concat();
        assert_eq!(error_code(|_| None, &late), None);
    }

    #[test]
    fn a_long_s3_document_is_not_mistaken_for_one_cut_off() {
        let long = [&b"<List>"[..], &[b'x'; BODY_LIMIT], b"</List>"].concat();
        assert_eq!(s3_status(200, &long), 200);
        assert_eq!(s3_status(200, &long[..BODY_LIMIT]), 500);
    }

    #[test]
    fn an_error_in_an_s3_success_is_a_500() {
        let keep_alive =
            b"<?xml version=\"1.0\"?>\n   \n <Error><Code>InternalError</Code></Error>";
        assert_eq!(s3_status(200, keep_alive), 500);
        assert_eq!(s3_status(200, b"<CopyObjectResult><ETag>x</ETag>"), 500);
        assert_eq!(s3_status(200, b"<?xml version=\"1.0\"?>"), 500);
        assert_eq!(s3_status(200, b"  \n"), 500);
        assert_eq!(s3_status(200, b"<CopyObjectResult/>"), 200);
        assert_eq!(
            s3_status(200, b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>"),
            200
        );
        assert_eq!(s3_status(200, b""), 200);
        assert_eq!(s3_status(404, keep_alive), 404);

        let failure = Failure::from_s3_answer(200, |_| None, keep_alive).unwrap();
        assert_eq!(
            (failure.status(), failure.code()),
            (Some(500), Some("InternalError"))
        );
        assert_eq!(Failure::from_s3_answer(204, |_| None, b""), None);
    }
}

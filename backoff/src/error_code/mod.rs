mod cbor;
mod json;
mod xml;

use core::str::from_utf8;

use crate::fault::Failure;
use crate::hint::Hint;

/// How many bytes of a body are read. An error document has a few hundred bytes; a longer body is
/// not one.
pub const BODY_LIMIT: usize = 64 * 1024;

impl<'a> Failure<'a> {
    /// Reads the error code and the hint of an HTTP answer.
    ///
    /// `header` looks a value up by its lower-case name. `body` may be cut off at [`BODY_LIMIT`];
    /// if it was not read, pass an empty one, and only the headers are used. See [`error_code`] for
    /// where the code is found.
    ///
    /// ```
    /// use keyfob_backoff::{Failure, Policy};
    ///
    /// let body = b"<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>";
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

    /// Reads an HTTP answer as [`from_answer`](Failure::from_answer) does, for the S3 operations
    /// that may report failure with a 200: `CopyObject`, `UploadPartCopy` and
    /// `CompleteMultipartUpload`.
    ///
    /// A 200 whose body is an error or is cut off counts as a 500. `None` means that the answer is
    /// a success.
    ///
    /// ```
    /// use keyfob_backoff::Failure;
    ///
    /// let body = b"<Error><Code>InternalError</Code></Error>";
    /// let failure = Failure::from_s3_answer(200, |_| None, body);
    /// assert_eq!(failure.and_then(|failure| failure.status()), Some(500));
    ///
    /// let copied = b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>";
    /// assert_eq!(Failure::from_s3_answer(200, |_| None, copied), None);
    /// ```
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

/// Finds the error code of an AWS answer in any of the AWS protocols.
///
/// `header` looks a value up by its lower-case name.
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
/// | a message of an event stream | header `:exception-type` or `:error-code` |
///
/// Of a JSON or CBOR code, only the part after `#` and before `:` is returned. `None` means that
/// there is no code: the body is the HTML page of a proxy, is empty, or is in another format. Only
/// the first [`BODY_LIMIT`] bytes are read, and nothing is allocated.
///
/// ```
/// use keyfob_backoff::error_code;
///
/// let header = |name: &str| (name == "content-type").then_some("application/x-amz-json-1.1");
/// let body = br#"{"__type":"com.amazonaws.kms#ThrottlingException","message":"Rate exceeded"}"#;
/// assert_eq!(error_code(header, body), Some("ThrottlingException"));
/// ```
pub fn error_code<'a>(header: impl Fn(&str) -> Option<&'a str>, body: &'a [u8]) -> Option<&'a str> {
    query_compatible(header("x-amzn-query-error"))
        .or_else(|| header("x-amzn-errortype").and_then(without_namespace))
        .or_else(|| header(":exception-type").and_then(non_empty))
        .or_else(|| header(":error-code").and_then(non_empty))
        .or_else(|| body_code(header("content-type"), &body[..body.len().min(BODY_LIMIT)]))
}

/// Returns the status that an S3 answer should have had: 500 for a 200 whose body is an error or is
/// cut off, otherwise the status it has.
///
/// S3 sends the status of a long copy before it knows the outcome, and then spaces to keep the
/// connection open. Use this only for operations that answer with XML: the body of `GetObject` is
/// the user's. An empty body is a success. Of a body longer than [`BODY_LIMIT`], only the root
/// element is checked.
///
/// ```
/// use keyfob_backoff::s3_status;
///
/// assert_eq!(s3_status(200, b"<Error><Code>InternalError</Code></Error>"), 500);
/// assert_eq!(s3_status(200, b"<CopyObjectResult><ETag>x</ETag>"), 500);
/// assert_eq!(s3_status(200, b"<CopyObjectResult/>"), 200);
/// ```
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
        // A CBOR map: no UTF-8 text begins with such a byte.
        0xa0..=0xbf => without_namespace(from_utf8(cbor::text_member(body, b"__type")?).ok()?),
        _ => None,
    }
}

fn json_code<'a>(content_type: Option<&str>, body: &'a [u8]) -> Option<&'a str> {
    let is_rpc = content_type.is_some_and(|value| {
        value
            .trim_ascii_start()
            .starts_with("application/x-amz-json")
    });
    // JSON 1.0 and 1.1 name the error in `__type`; in REST-JSON that member may mean something
    // else.
    let names: [&[u8]; 3] = if is_rpc {
        [b"__type", b"code", b"Code"]
    } else {
        [b"code", b"Code", b"__type"]
    };
    let value = names
        .iter()
        .find_map(|name| json::string_member(body, name))?;
    without_namespace(from_utf8(value).ok()?)
}

/// Reads `AWS.SimpleQueueService.NonExistentQueue;Sender`: exactly two parts, of which the first is
/// the code.
fn query_compatible(value: Option<&str>) -> Option<&str> {
    let (code, fault) = value?.split_once(';')?;
    if fault.contains(';') {
        None
    } else {
        text(code.as_bytes())
    }
}

fn non_empty(value: &str) -> Option<&str> {
    text(value.as_bytes())
}

/// Returns `FooError` of `aws.protocoltests#FooError:http://internal.amazon.com/`.
fn without_namespace(value: &str) -> Option<&str> {
    let value = value.split(':').next()?;
    text(value.rsplit('#').next()?.as_bytes())
}

/// Returns the code without surrounding whitespace; `None` if it is empty or not UTF-8.
fn text(bytes: &[u8]) -> Option<&str> {
    from_utf8(bytes)
        .ok()
        .map(str::trim_ascii)
        .filter(|code| !code.is_empty())
}

/// Removes a byte order mark and surrounding whitespace.
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
    fn a_message_of_an_event_stream_names_its_error_in_its_headers() {
        let exception = [
            (":message-type", "exception"),
            (":exception-type", "throttlingException"),
        ];
        assert_eq!(
            code(&exception, "{\"message\":\"x\",\"code\":\"B\"}"),
            Some("throttlingException")
        );
        let error = [
            (":message-type", "error"),
            (":error-code", "SlowDown"),
            (":error-message", "x"),
        ];
        assert_eq!(code(&error, ""), Some("SlowDown"));
        assert_eq!(code(&[(":exception-type", " ")], ""), None);
    }

    #[test]
    fn a_throttling_exception_is_throttling_in_each_form_that_names_it() {
        let small = "throttlingException";
        let header =
            |name| Failure::from_answer(400, move |known| (known == name).then_some(small), b"");
        let body = |body: &'static [u8]| Failure::from_answer(400, |_| None, body);
        let pair = Failure::from_answer(
            400,
            |name| (name == "x-amzn-query-error").then_some("throttlingException;Sender"),
            b"",
        );
        for failure in [
            header("x-amzn-errortype"),
            header(":exception-type"),
            header(":error-code"),
            pair,
            body(b"{\"__type\":\"a.b#throttlingException:http://x\"}"),
            body(b"{\"code\":\"throttlingException\"}"),
            body(b"<Error><Code>throttlingException</Code></Error>"),
            body(b"\xa1\x66__type\x73throttlingException"),
        ] {
            assert_eq!(failure.code(), Some(small));
            let fault = crate::policy::Policy::aws().classify(&failure);
            assert!(fault.is_some_and(crate::fault::Fault::is_throttling));
        }
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

use alloc::{borrow::Cow, string::String};

use super::refusal::{ErrorKind, Refusal};
use crate::codec::json;

/// How a family of services words a refusal: its codes, statuses and messages, and the form of the
/// body.
///
/// # Examples
///
/// The body of any error, about a signature or not:
///
/// ```
/// # use keyfob_sigv4::verify::Dialect;
/// assert_eq!(
///     Dialect::S3.body("NoSuchKey", "no object \"a<b\"", "4442587FB7D0A2F9"),
///     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
///      <Error><Code>NoSuchKey</Code><Message>no object &quot;a&lt;b&quot;</Message>\
///      <RequestId>4442587FB7D0A2F9</RequestId></Error>"
/// );
/// assert_eq!(Dialect::S3.content_type(), "application/xml");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// The query services, such as STS and IAM: `<ErrorResponse>`. The request id is in the body.
    Query,
    /// The JSON services, such as DynamoDB and Kinesis: `{"__type":…}`, always with status 400. The
    /// request id belongs in the header `x-amzn-requestid`. REST services of the protocol
    /// `restJson1`, such as Lambda, have the same codes with status 403.
    Json,
    /// S3: `<Error>`. The request id is in the body, and in the header `x-amz-request-id`.
    S3,
    /// EC2: `<Response><Errors>`, with few codes. The request id is in the body.
    Ec2,
}

impl Dialect {
    /// Returns the body of an answer with this code and message.
    ///
    /// The message is escaped. Characters that XML cannot hold become U+FFFD.
    ///
    /// Source: Smithy, "AWS query protocol", "AWS EC2 query protocol" and "AWS JSON 1.0 protocol",
    /// on errors; S3, "Error responses".
    pub fn body(self, code: &str, message: &str, request_id: &str) -> String {
        self.body_with_details(code, message, [], request_id)
    }

    /// Returns the body. That of S3 also has the details, an element each.
    pub(super) fn body_with_details<'d>(
        self,
        code: &str,
        message: &str,
        details: impl IntoIterator<Item = (&'static str, &'d str)>,
        request_id: &str,
    ) -> String {
        let mut out = String::new();
        let (before, after, id, end) = match self {
            Self::Json => {
                json::put_object(&mut out, [("__type", code), ("message", message)]);
                return out;
            }
            Self::Query => (
                "<ErrorResponse><Error><Type>Sender</Type>",
                "</Error>",
                "RequestId",
                "</ErrorResponse>",
            ),
            Self::S3 => ("<Error>", "", "RequestId", "</Error>"),
            Self::Ec2 => (
                "<Response><Errors><Error>",
                "</Error></Errors>",
                "RequestID",
                "</Response>",
            ),
        };
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        out.push_str(before);
        put_element(&mut out, "Code", code);
        put_element(&mut out, "Message", message);
        out.push_str(after);
        if self == Self::S3 {
            for (name, text) in details {
                put_element(&mut out, name, text);
            }
        }
        put_element(&mut out, id, request_id);
        out.push_str(end);
        out
    }

    /// Returns the `content-type` of [`body`](Self::body).
    ///
    /// For JSON it is `application/x-amz-json-1.1`. Services of version 1.0, such as DynamoDB, send
    /// `application/x-amz-json-1.0` instead.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-amz-json-1.1",
            Self::S3 => "application/xml",
            Self::Query | Self::Ec2 => "text/xml",
        }
    }

    /// Returns status, code and message for a refusal.
    pub(super) fn answer_to(self, refusal: &Refusal) -> Answer {
        let kind = refusal.kind;
        if self == Self::S3 {
            return s3(kind, refusal.is_presigned);
        }
        let (codes, message) = general(kind);
        match self {
            Self::Json => Answer {
                status: 400,
                code: codes.json,
                message,
            },
            Self::Ec2 => Answer {
                message: codes.ec2.message.or(message),
                ..codes.ec2
            },
            Self::Query | Self::S3 => Answer {
                status: codes.query_status,
                code: codes.query,
                message,
            },
        }
    }

    /// Returns the message for a refusal: the dialect's own, or else the text of the refusal.
    pub(super) fn message(self, refusal: &Refusal) -> Cow<'_, str> {
        if let Some(message) = self.answer_to(refusal).message {
            return message.into();
        }
        match (&refusal.wrong_scope, &refusal.text) {
            (Some(wrong), _) if self == Self::S3 => {
                wrong.message_of_s3(refusal.is_presigned).into()
            }
            (Some(wrong), _) => wrong.general_message().into(),
            (None, Some(text)) => text.into(),
            (None, None) => "The request signature does not conform to AWS standards.".into(),
        }
    }
}

/// What is sent for a refusal.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) code: &'static str,
    /// `None` if the refusal's own text says more.
    message: Option<&'static str>,
}

/// One error in the codes of the services outside the S3 family.
struct Codes {
    query_status: u16,
    query: &'static str,
    json: &'static str,
    /// Its message, if any, replaces the general one.
    ec2: Answer,
}

// Source of the codes: "Common errors" in the API references of STS and of EC2 ("Error codes for
// the Amazon EC2 API"), and answers of STS, DynamoDB, Kinesis and EC2.

const UNSIGNED: Codes = Codes {
    query_status: 403,
    query: "MissingAuthenticationToken",
    json: "MissingAuthenticationTokenException",
    ec2: Answer {
        status: 403,
        code: "MissingAuthenticationToken",
        message: None,
    },
};
const INCOMPLETE: Codes = Codes {
    query_status: 400,
    query: "IncompleteSignature",
    json: "IncompleteSignatureException",
    ec2: Answer {
        status: 400,
        code: "IncompleteSignature",
        message: None,
    },
};
const UNKNOWN: Codes = Codes {
    query_status: 403,
    query: "InvalidClientTokenId",
    json: "UnrecognizedClientException",
    ec2: AUTH_FAILURE,
};
const EXPIRED: Codes = Codes {
    query_status: 403,
    query: "ExpiredToken",
    json: "ExpiredTokenException",
    ec2: REQUEST_EXPIRED,
};
const LATE: Codes = Codes {
    query_status: 403,
    query: "SignatureDoesNotMatch",
    json: "InvalidSignatureException",
    ec2: REQUEST_EXPIRED,
};
const WRONG: Codes = Codes {
    query_status: 403,
    query: "SignatureDoesNotMatch",
    json: "InvalidSignatureException",
    ec2: AUTH_FAILURE,
};

const AUTH_FAILURE: Answer = Answer {
    status: 401,
    code: "AuthFailure",
    message: Some("AWS was not able to validate the provided access credentials"),
};
const REQUEST_EXPIRED: Answer = Answer {
    status: 400,
    code: "RequestExpired",
    message: Some("Request has expired."),
};

fn general(kind: ErrorKind) -> (Codes, Option<&'static str>) {
    match kind {
        ErrorKind::NoSignature => (UNSIGNED, Some("Request is missing Authentication Token")),
        ErrorKind::Malformed | ErrorKind::BadParameters | ErrorKind::Host => (INCOMPLETE, None),
        ErrorKind::Mechanism => (
            INCOMPLETE,
            Some("Unsupported AWS 'algorithm': only AWS4-HMAC-SHA256 is supported."),
        ),
        ErrorKind::TwoSignatures => (INCOMPLETE, Some(TWO_SIGNATURES)),
        ErrorKind::PostField | ErrorKind::PolicyDocument => (INCOMPLETE, None),
        ErrorKind::Policy => (WRONG, None),
        ErrorKind::PolicyMinLength => (INCOMPLETE, Some(TOO_SHORT)),
        ErrorKind::PolicyMaxLength => (INCOMPLETE, Some(TOO_LONG)),
        ErrorKind::ContentHash => (INCOMPLETE, Some(CONTENT_HASH)),
        ErrorKind::ContentEncoding => (INCOMPLETE, Some(CONTENT_ENCODING)),
        ErrorKind::MissingLength => (INCOMPLETE, Some(DECODED_LENGTH)),
        ErrorKind::UnknownKey | ErrorKind::Token => (
            UNKNOWN,
            Some("The security token included in the request is invalid."),
        ),
        ErrorKind::TokenExpired => (
            EXPIRED,
            Some("The security token included in the request is expired"),
        ),
        ErrorKind::Skew => (LATE, None),
        ErrorKind::UrlExpired => (
            LATE,
            Some("Signature expired: the time of the presigned URL is over"),
        ),
        ErrorKind::Scope | ErrorKind::HeaderUnsigned => (WRONG, None),
        ErrorKind::HostUnsigned => (
            WRONG,
            Some("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
        ),
        ErrorKind::ContentMismatch | ErrorKind::Mismatch => (
            WRONG,
            Some(
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
            ),
        ),
    }
}

/// Source: S3, "Error responses", list of error codes.
fn s3(kind: ErrorKind, is_presigned: bool) -> Answer {
    let (status, code, message) = match kind {
        ErrorKind::NoSignature => (403, "AccessDenied", Some("Access Denied")),
        ErrorKind::Mechanism => (400, "InvalidRequest", Some(MECHANISM)),
        ErrorKind::TwoSignatures => (400, "InvalidArgument", Some(TWO_SIGNATURES)),
        ErrorKind::Host => (400, "InvalidRequest", None),
        ErrorKind::UrlExpired => (403, "AccessDenied", Some("Request has expired")),
        ErrorKind::HostUnsigned | ErrorKind::HeaderUnsigned => (
            403,
            "AccessDenied",
            Some("There were headers present in the request which were not signed"),
        ),
        ErrorKind::Malformed | ErrorKind::Scope if !is_presigned => {
            (400, "AuthorizationHeaderMalformed", None)
        }
        ErrorKind::Malformed | ErrorKind::Scope | ErrorKind::BadParameters => {
            (400, "AuthorizationQueryParametersError", None)
        }
        ErrorKind::Skew => (
            403,
            "RequestTimeTooSkewed",
            Some("The difference between the request time and the current time is too large."),
        ),
        ErrorKind::UnknownKey => (
            403,
            "InvalidAccessKeyId",
            Some("The AWS Access Key Id you provided does not exist in our records."),
        ),
        ErrorKind::Token => (
            400,
            "InvalidToken",
            Some("The provided token is malformed or otherwise invalid."),
        ),
        ErrorKind::TokenExpired => (400, "ExpiredToken", Some("The provided token has expired.")),
        ErrorKind::ContentHash => (400, "InvalidArgument", Some(CONTENT_HASH)),
        ErrorKind::PostField => (400, "InvalidArgument", None),
        ErrorKind::PolicyDocument => (400, "InvalidPolicyDocument", None),
        ErrorKind::Policy => (403, "AccessDenied", None),
        ErrorKind::PolicyMinLength => (400, "EntityTooSmall", Some(TOO_SHORT)),
        ErrorKind::PolicyMaxLength => (400, "EntityTooLarge", Some(TOO_LONG)),
        ErrorKind::ContentEncoding => (400, "InvalidArgument", Some(CONTENT_ENCODING)),
        ErrorKind::MissingLength => (411, "MissingContentLength", Some(CONTENT_LENGTH)),
        ErrorKind::ContentMismatch => (
            400,
            "XAmzContentSHA256Mismatch",
            Some("The provided 'x-amz-content-sha256' header does not match what was computed."),
        ),
        ErrorKind::Mismatch => (403, "SignatureDoesNotMatch", Some(MISMATCH)),
    };
    Answer {
        status,
        code,
        message,
    }
}

const TWO_SIGNATURES: &str = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified";

const MECHANISM: &str =
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your key and signing method.";

const TOO_SHORT: &str = "Your proposed upload is smaller than the minimum allowed size";
const TOO_LONG: &str = "Your proposed upload exceeds the maximum allowed size";

const CONTENT_HASH: &str = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, the name of a streaming payload or a valid sha256 value.";

const CONTENT_ENCODING: &str =
    "aws-chunked encoding is not supported when x-amz-content-sha256 UNSIGNED-PAYLOAD is supplied";

const CONTENT_LENGTH: &str = "You must provide the Content-Length HTTP header.";
const DECODED_LENGTH: &str =
    "An aws-chunked body requires the header x-amz-decoded-content-length.";

fn put_element(out: &mut String, name: &str, text: &str) {
    for part in ["<", name, ">"] {
        out.push_str(part);
    }
    put_escaped(out, text);
    for part in ["</", name, ">"] {
        out.push_str(part);
    }
}

/// Escapes a message, which may repeat input of the client.
fn put_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\r' => out.push_str("&#xD;"),
            // XML 1.0 cannot hold these even as references (section 2.2).
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                out.push('\u{fffd}');
            }
            c => out.push(c),
        }
    }
}

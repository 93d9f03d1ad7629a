use alloc::string::String;

use super::error::ErrorKind;
use crate::codec::json;

/// How a family of services says that a request was refused: its codes, statuses and messages, and the form of the body.
///
/// # Examples
///
/// The body of any error, be it of a signature or not:
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
    /// The query services, such as STS and IAM: `<ErrorResponse>`. The request's id is in the body.
    Query,
    /// The services that speak JSON, such as DynamoDB and Kinesis: `{"__type":…}`, always with status 400. The request's id belongs
    /// in the header `x-amzn-requestid`. Those with paths (`restJson1`, such as Lambda) have the same codes with status 403.
    Json,
    /// S3: `<Error>`. The request's id is in the body, and in the header `x-amz-request-id`.
    S3,
    /// EC2: `<Response><Errors>`, and few codes. The request's id is in the body.
    Ec2,
}

impl Dialect {
    /// The body of an answer with this code and message. The message is escaped; in XML, characters that cannot be there are
    /// replaced.
    ///
    /// Source: Smithy, "AWS query protocol", "AWS EC2 query protocol" and "AWS JSON 1.0 protocol", their parts on errors; S3,
    /// "Error responses".
    pub fn body(self, code: &str, message: &str, request_id: &str) -> String {
        self.body_with(code, message, None, request_id)
    }

    /// S3 names the region that the request should have been signed for.
    pub(super) fn body_with(
        self,
        code: &str,
        message: &str,
        region: Option<&str>,
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
        if let Some(region) = region.filter(|_| self == Self::S3) {
            put_element(&mut out, "Region", region);
        }
        put_element(&mut out, id, request_id);
        out.push_str(end);
        out
    }

    /// The `content-type` of [`body`](Self::body). JSON services of version 1.0, such as DynamoDB, say so in theirs:
    /// `application/x-amz-json-1.0`; here it is 1.1.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-amz-json-1.1",
            Self::S3 => "application/xml",
            Self::Query | Self::Ec2 => "text/xml",
        }
    }

    /// What is said of an error of this kind.
    pub(super) fn answer(self, kind: ErrorKind) -> Answer {
        if self == Self::S3 {
            return s3(kind);
        }
        let (class, message) = general(kind);
        let (status, code, own) = match self {
            Self::Json => (400, class.json, ""),
            Self::Ec2 => class.ec2,
            Self::Query | Self::S3 => (class.query.0, class.query.1, ""),
        };
        (status, code, if own.is_empty() { message } else { own })
    }
}

/// Status, code and message. With an empty message the error's own text is sent, which knows more.
pub(super) type Answer = (u16, &'static str, &'static str);

/// What is the same in the eyes of the services outside the S3 family.
struct Class {
    query: (u16, &'static str),
    json: &'static str,
    /// With a message of its own, or none.
    ec2: Answer,
}

/// Source: "Common errors" in the API references of STS and of EC2 ("Error codes for the Amazon EC2 API"), and what STS,
/// DynamoDB, Kinesis and EC2 answer.
const UNSIGNED: Class = Class {
    query: (403, "MissingAuthenticationToken"),
    json: "MissingAuthenticationTokenException",
    ec2: (403, "MissingAuthenticationToken", ""),
};
const INCOMPLETE: Class = Class {
    query: (400, "IncompleteSignature"),
    json: "IncompleteSignatureException",
    ec2: (400, "IncompleteSignature", ""),
};
const UNKNOWN: Class = Class {
    query: (403, "InvalidClientTokenId"),
    json: "UnrecognizedClientException",
    ec2: AUTH_FAILURE,
};
const ENDED: Class = Class {
    query: (403, "ExpiredToken"),
    json: "ExpiredTokenException",
    ec2: REQUEST_EXPIRED,
};
const LATE: Class = Class {
    query: (403, "SignatureDoesNotMatch"),
    json: "InvalidSignatureException",
    ec2: REQUEST_EXPIRED,
};
const WRONG: Class = Class {
    query: (403, "SignatureDoesNotMatch"),
    json: "InvalidSignatureException",
    ec2: AUTH_FAILURE,
};

const AUTH_FAILURE: Answer = (
    401,
    "AuthFailure",
    "AWS was not able to validate the provided access credentials",
);
const REQUEST_EXPIRED: Answer = (400, "RequestExpired", "Request has expired.");

fn general(kind: ErrorKind) -> (Class, &'static str) {
    match kind {
        ErrorKind::NoSignature => (UNSIGNED, "Request is missing Authentication Token"),
        ErrorKind::Malformed | ErrorKind::BadParameters => (INCOMPLETE, ""),
        ErrorKind::ContentHash => (INCOMPLETE, CONTENT_HASH),
        ErrorKind::UnknownKey | ErrorKind::Token => (
            UNKNOWN,
            "The security token included in the request is invalid.",
        ),
        ErrorKind::TokenExpired => (
            ENDED,
            "The security token included in the request is expired",
        ),
        ErrorKind::Skew => (LATE, ""),
        ErrorKind::UrlExpired => (
            LATE,
            "Signature expired: the time of the presigned URL is over",
        ),
        ErrorKind::Scope | ErrorKind::HeaderUnsigned => (WRONG, ""),
        ErrorKind::HostUnsigned => (
            WRONG,
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        ),
        ErrorKind::ContentMismatch | ErrorKind::Mismatch => (
            WRONG,
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        ),
    }
}

/// Source: S3, "Error responses", list of error codes.
fn s3(kind: ErrorKind) -> Answer {
    match kind {
        ErrorKind::NoSignature => (403, "AccessDenied", "Access Denied"),
        ErrorKind::UrlExpired => (403, "AccessDenied", "Request has expired"),
        ErrorKind::HostUnsigned | ErrorKind::HeaderUnsigned => (
            403,
            "AccessDenied",
            "There were headers present in the request which were not signed",
        ),
        ErrorKind::Malformed | ErrorKind::Scope => (400, "AuthorizationHeaderMalformed", ""),
        ErrorKind::BadParameters => (400, "AuthorizationQueryParametersError", ""),
        ErrorKind::Skew => (
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        ErrorKind::UnknownKey => (
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        ErrorKind::Token => (
            400,
            "InvalidToken",
            "The provided token is malformed or otherwise invalid.",
        ),
        ErrorKind::TokenExpired => (400, "ExpiredToken", "The provided token has expired."),
        ErrorKind::ContentHash => (400, "InvalidArgument", CONTENT_HASH),
        ErrorKind::ContentMismatch => (
            400,
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
        ErrorKind::Mismatch => (
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        ),
    }
}

const CONTENT_HASH: &str = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, the name of a streaming payload or a valid sha256 value.";

fn put_element(out: &mut String, name: &str, text: &str) {
    for part in ["<", name, ">"] {
        out.push_str(part);
    }
    put_escaped(out, text);
    for part in ["</", name, ">"] {
        out.push_str(part);
    }
}

/// A message may repeat what the client sent. XML 1.0 has no way at all to write most control characters (section 2.2).
fn put_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\r' => out.push_str("&#xD;"),
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                out.push('\u{fffd}');
            }
            c => out.push(c),
        }
    }
}

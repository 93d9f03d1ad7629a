//! The requests to sign: the same input for every contender.

use std::sync::{Arc, LazyLock};

use keyfob_sigv4::{Credentials, Timestamp};

use crate::BoxError;

/// The number of requests in a case. They differ, so that no contender can cache signatures.
const VARIANTS: usize = 64;

/// How many requests are signed before the time of signing advances by a second, as in a busy
/// client.
const PER_SECOND: u64 = 64;

/// 2026-03-01T09:00:00Z. A run advances by hours from here, so derived keys stay valid as long as
/// in production.
pub const START: i64 = 1_772_355_600;

/// The region every case signs for.
pub const REGION: &str = "us-east-1";
/// The bucket of the S3 cases.
pub const BUCKET: &str = "examplebucket";
/// How long a presigned URL of the cases is valid, in seconds.
pub const EXPIRES_IN: u64 = 3600;

/// The access key id of every case.
pub const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
/// The secret access key of every case: the published example.
pub const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The canonicalization rules that a request is signed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// The general rules, for the service named.
    General(&'static str),
    /// The rules of S3.
    S3,
}

impl Rules {
    /// Returns the service in the credential scope.
    pub fn service(self) -> &'static str {
        match self {
            Rules::General(service) => service,
            Rules::S3 => "s3",
        }
    }
}

/// Where the signature goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In the `Authorization` header.
    Header,
    /// In the query: a presigned URL.
    Query,
}

/// How the canonical request represents the body.
#[derive(Debug, Clone)]
pub enum Body {
    /// By the hash of these bytes, computed while signing.
    Signed(Arc<[u8]>),
    /// As `UNSIGNED-PAYLOAD`.
    Unsigned,
}

/// A request to sign.
#[derive(Debug, Clone)]
pub struct Input {
    /// The HTTP method.
    pub method: &'static str,
    /// The absolute URL, as sent.
    pub url: String,
    /// For S3, the object's decoded key, from which rusty-s3 builds the URL.
    pub key: String,
    /// The headers set before signing.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Body,
}

impl Input {
    /// Creates the unsigned request.
    ///
    /// The header map has room for the headers that a signer adds, so that its growth is not
    /// measured.
    ///
    /// # Errors
    ///
    /// If the case is malformed.
    pub fn to_http(&self) -> Result<http::Request<()>, BoxError> {
        let mut request = http::Request::builder()
            .method(self.method)
            .uri(&self.url)
            .body(())?;
        let headers = request.headers_mut();
        headers.reserve(self.headers.len() + 8);
        for (name, value) in &self.headers {
            headers.append(*name, value.parse()?);
        }
        Ok(request)
    }
}

/// A named set of requests, with the credentials and rules to sign them.
#[derive(Debug, Clone)]
pub struct Case {
    /// The name in the report.
    pub name: &'static str,
    /// The canonicalization rules.
    pub rules: Rules,
    /// Where the signature goes.
    pub form: Form,
    /// The session token, if the credentials are temporary.
    pub token: Option<String>,
    inputs: Vec<Input>,
}

/// Returns the time at which request number `n` is signed.
pub fn at(n: u64) -> Timestamp {
    Timestamp::from_unix_seconds(START).plus_seconds((n / PER_SECOND).cast_signed())
}

impl Case {
    fn new(name: &'static str, rules: Rules, form: Form, input: impl Fn(usize) -> Input) -> Self {
        let inputs = (0..VARIANTS).map(input).collect();
        Case {
            name,
            rules,
            form,
            token: None,
            inputs,
        }
    }

    /// Returns request number `n` of an endless sequence.
    pub fn input(&self, n: u64) -> &Input {
        let index = usize::try_from(n % self.inputs.len() as u64).unwrap_or_default();
        &self.inputs[index]
    }

    /// Returns the key pair and token as `Credentials` of keyfob.
    ///
    /// # Errors
    ///
    /// If the case is malformed.
    pub fn credentials(&self) -> Result<Credentials, BoxError> {
        let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY)?;
        Ok(match &self.token {
            Some(token) => credentials.with_session_token(token.as_str())?,
            None => credentials,
        })
    }
}

/// Returns the cases of header signing and presigning, in the order of the report.
pub fn all() -> &'static [Case] {
    static ALL: LazyLock<[Case; 6]> = LazyLock::new(|| {
        [
            small_get(),
            post_1k_token(),
            s3_get(),
            presign_s3_get(),
            headers_and_params(),
            body_1mib(),
        ]
    });
    &*ALL
}

/// Returns the cases that are also verified.
pub fn verified() -> impl Iterator<Item = &'static Case> {
    let names = ["small-get", "post-1k-token", "20-headers-20-params"];
    all().iter().filter(move |case| names.contains(&case.name))
}

/// Creates a REST call: two headers, one query parameter, no body.
pub fn small_get() -> Case {
    let rules = Rules::General("execute-api");
    Case::new("small-get", rules, Form::Header, |n| Input {
        method: "GET",
        url: format!(
            "https://abc123.execute-api.us-east-1.amazonaws.com/prod/items/{n:04}?limit=25"
        ),
        key: String::new(),
        headers: vec![
            ("accept", "application/json".into()),
            ("content-type", "application/json".into()),
        ],
        body: Body::Signed(Arc::new([])),
    })
}

/// Creates a JSON call with a 1 KiB body, eight headers and a session token of 700 bytes.
pub fn post_1k_token() -> Case {
    let rules = Rules::General("dynamodb");
    let mut case = Case::new("post-1k-token", rules, Form::Header, |n| Input {
        method: "POST",
        url: "https://dynamodb.us-east-1.amazonaws.com/".into(),
        key: String::new(),
        headers: json_headers(n),
        body: Body::Signed(filler(1024, n).into()),
    });
    case.token = Some(
        "FwoGZXIvYXdzEBYaDEXAMPLETOKENabcdef0123456789+/="
            .chars()
            .cycle()
            .take(700)
            .collect(),
    );
    case
}

fn json_headers(n: usize) -> Vec<(&'static str, String)> {
    vec![
        ("accept", "application/json".into()),
        ("accept-language", "en".into()),
        ("cache-control", "no-cache".into()),
        ("content-language", "en".into()),
        ("content-type", "application/x-amz-json-1.0".into()),
        ("x-amz-meta-request", format!("request-{n:04}")),
        ("x-amz-target", "DynamoDB_20120810.BatchGetItem".into()),
        (
            "x-amz-client-token",
            format!("6d1f7a4e-0000-4000-8000-{n:012}"),
        ),
    ]
}

/// Creates the download of an object with an awkward key, with an unsigned payload.
pub fn s3_get() -> Case {
    Case::new("s3-get", Rules::S3, Form::Header, |n| {
        let mut input = object(n);
        input.headers.push(("range", "bytes=0-1048575".into()));
        input
    })
}

/// Creates a presigned URL of the same object.
pub fn presign_s3_get() -> Case {
    Case::new("presign-s3-get", Rules::S3, Form::Query, object)
}

fn object(n: usize) -> Input {
    let key = format!("reports/2026/Q3 (final)/r\u{e9}sum\u{e9} & notes+v{n:02}=b@c,d.txt");
    Input {
        method: "GET",
        url: format!(
            "https://{BUCKET}.s3.us-east-1.amazonaws.com/{}",
            encode_key(&key)
        ),
        key,
        headers: Vec::new(),
        body: Body::Unsigned,
    }
}

/// Creates a wide request: twenty headers and twenty query parameters, out of order, some of them
/// with characters to encode.
pub fn headers_and_params() -> Case {
    let rules = Rules::General("execute-api");
    Case::new("20-headers-20-params", rules, Form::Header, |n| Input {
        method: "GET",
        url: format!(
            "https://abc123.execute-api.us-east-1.amazonaws.com/prod/search/{n:04}?{}",
            twenty_params(n).join("&")
        ),
        key: String::new(),
        headers: twenty_headers(n),
        body: Body::Signed(Arc::new([])),
    })
}

fn twenty_params(n: usize) -> Vec<String> {
    (0..20)
        .map(|i| {
            format!(
                "filter-{:02}=value%20{i:02}%2Fof%20{n:04}",
                (i * 7 + n) % 20
            )
        })
        .collect()
}

const HEADER_NAMES: [&str; 20] = [
    "x-app-alpha",
    "x-app-kilo",
    "x-app-bravo",
    "x-app-lima",
    "x-app-charlie",
    "x-app-mike",
    "x-app-delta",
    "x-app-november",
    "x-app-echo",
    "x-app-oscar",
    "x-app-foxtrot",
    "x-app-papa",
    "x-app-golf",
    "x-app-quebec",
    "x-app-hotel",
    "x-app-romeo",
    "x-app-india",
    "x-app-sierra",
    "x-app-juliett",
    "x-app-tango",
];

fn twenty_headers(n: usize) -> Vec<(&'static str, String)> {
    HEADER_NAMES
        .iter()
        .enumerate()
        .map(|(i, name)| (*name, format!("value {i:02} of request {n:04}")))
        .collect()
}

/// Creates an upload with a signed payload of 1 MiB.
pub fn body_1mib() -> Case {
    let body: Arc<[u8]> = filler(1 << 20, 0).into();
    Case::new("body-1mib", Rules::S3, Form::Header, move |n| Input {
        method: "PUT",
        headers: vec![("content-type", "application/octet-stream".into())],
        body: Body::Signed(Arc::clone(&body)),
        ..object(n)
    })
}

fn filler(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|i| b' ' + u8::try_from((i * 31 + seed * 17) % 90).unwrap_or_default())
        .collect()
}

/// Percent-encodes an S3 key, except unreserved characters and `/`.
fn encode_key(key: &str) -> String {
    key.bytes().fold(String::new(), |mut wire, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                wire.push(char::from(byte));
            }
            _ => wire.push_str(&format!("%{byte:02X}")),
        }
        wire
    })
}

//! Signs the same generated requests with keyfob and aws-sigv4.
//!
//! The two must agree, except for the classes of difference listed in [`DIFFERENCES`], each with
//! the rule that decides it. Once these are removed from a request, they must agree on it too.

#![allow(clippy::unwrap_used, reason = "the generated requests are well-formed")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use keyfob_sigv4::{Credentials, Payload, Request, Rules, Scope, Signer, Timestamp, Ttl};

const REQUESTS: u64 = 120_000;
const REGION: &str = "eu-central-1";
const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ+token=";

/// A way in which the two differ on purpose.
struct Difference {
    name: &'static str,
    /// Why keyfob signs as it does.
    rule: &'static str,
    applies: fn(&Generated) -> bool,
    /// Changes the request so that the difference no longer applies.
    remove: fn(&mut Generated),
}

const DIFFERENCES: [Difference; 9] = [
    Difference {
        name: "headers that clients, proxies and tracing change",
        rule: "whoever changes a header on the way would break the signature, so keyfob signs none of its table \
               (Rules::why_unsigned names the reason of each), content-length among them; aws-sigv4 leaves out \
               authorization, transfer-encoding, user-agent and x-amzn-trace-id",
        applies: |request| request.headers.iter().any(is_changed_by_proxies),
        remove: |request| {
            request
                .headers
                .retain(|header| !is_changed_by_proxies(header));
        },
    },
    Difference {
        name: "tabs in header values",
        rule: "a tab is whitespace to the signers in Python, Java and JavaScript, so it is trimmed and folded as a space is; \
               aws-sigv4 folds only spaces",
        applies: |request| {
            request
                .headers
                .iter()
                .any(|(_, value)| value.contains('\t'))
        },
        remove: |request| {
            for (_, value) in &mut request.headers {
                *value = value.replace('\t', " ");
            }
        },
    },
    Difference {
        name: "upper-case host",
        rule: "host names are case-insensitive, and clients send them in lower case (RFC 3986 section 6.2.2.1); aws-sigv4 \
               signs them as the URL has them",
        applies: |request| request.authority != request.authority.to_ascii_lowercase(),
        remove: |request| request.authority = request.authority.to_ascii_lowercase(),
    },
    Difference {
        name: "path that ends in a dot segment",
        rule: "botocore and the C and JavaScript signers keep a slash at the end only if there was one; aws-sigv4 adds one",
        applies: |request| !request.s3 && ends_in_dots(&request.path),
        remove: |request| request.path.push('/'),
    },
    Difference {
        name: "bare characters in S3 paths",
        rule: "S3 encodes the decoded key again, as its answers show (aws/aws-sdk-js#853, envoyproxy/envoy#42165), so a bare \
               `@` is signed as `%40`; aws-sigv4 signs the path as it is sent, and S3 rejects the request",
        applies: |request| request.s3 && request.path.bytes().any(is_bare),
        remove: |request| request.path = encoded(&request.path),
    },
    Difference {
        name: "needless and lower-case escapes in S3 paths",
        rule: "S3 encodes the decoded key again, as radosgw, Swift, s3s, rclone and MinIO do, so `%2e` is signed as `.`; \
               aws-sigv4 signs the path as it is sent",
        applies: |request| request.s3 && request.path.contains("%2e"),
        remove: |request| request.path = request.path.replace("%2e", "."),
    },
    Difference {
        name: "unsigned payload that is announced",
        rule: "only x-amz-content-sha256 can tell the server that the body is not signed, so keyfob sends it whatever the \
               service; aws-sigv4 leaves it out",
        applies: |request| !request.s3 && request.body.is_none(),
        remove: |request| request.body = Some(Vec::new()),
    },
    Difference {
        name: "query that is not UTF-8",
        rule: "keyfob signs the bytes as they are sent; aws-sigv4 decodes them, with U+FFFD where that fails",
        applies: |request| request.query.contains("%FF"),
        remove: |request| request.query = request.query.replace("%FF", "%C3%BF"),
    },
    Difference {
        name: "headers left out of presigned URLs",
        rule: "every x-amz-* header of a request must be signed; aws-sigv4 leaves x-amz-user-agent and x-amz-checksum-mode \
               out of presigned URLs",
        applies: |request| request.presign && request.headers.iter().any(is_left_out),
        remove: |request| request.headers.retain(|header| !is_left_out(header)),
    },
];

fn is_changed_by_proxies((name, _): &(String, String)) -> bool {
    Rules::why_unsigned(name).is_some()
}

fn is_left_out((name, _): &(String, String)) -> bool {
    ["x-amz-user-agent", "x-amz-checksum-mode"].contains(&name.as_str())
}

fn is_bare(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric() && !b"-._~/%".contains(&byte)
}

/// Encodes a path as clients of S3 do.
fn encoded(path: &str) -> String {
    path.bytes()
        .map(|byte| {
            if is_bare(byte) {
                format!("%{byte:02X}")
            } else {
                char::from(byte).to_string()
            }
        })
        .collect()
}

fn ends_in_dots(path: &str) -> bool {
    path.ends_with("/.") || path.ends_with("/..")
}

const CHANGED_BY_PROXIES: [&str; 22] = [
    "accept-encoding",
    "connection",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "sec-websocket-key",
    "te",
    "trailer",
    "upgrade",
    "b3",
    "content-length",
    "cookie",
    "cdn-loop",
    "cf-ray",
    "forwarded",
    "sec-fetch-mode",
    "traceparent",
    "via",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-real-ip",
];

#[test]
fn aws_sigv4_agrees_on_all_but_the_listed_differences() {
    let workers = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let tally = thread::scope(|scope| {
        let share = |worker| move || run((worker..REQUESTS).step_by(workers as usize));
        let handles: Vec<_> = (0..workers)
            .map(|worker| scope.spawn(share(worker)))
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap())
            .fold(Tally::default(), Tally::add)
    });
    println!(
        "agreement: {REQUESTS} requests, {} signed alike, {} not:",
        tally.alike,
        REQUESTS - tally.alike
    );
    for difference in &DIFFERENCES {
        let count = tally.differ.get(difference.name).copied().unwrap_or(0);
        println!("  {count:6} {}: {}", difference.name, difference.rule);
        assert!(
            count > 0,
            "no request shows the difference {:?}",
            difference.name
        );
    }
    assert!(
        tally.alike >= 100_000,
        "too few requests are signed alike for the test to mean anything"
    );
}

/// How many requests were signed alike, and how many show each difference.
#[derive(Default)]
struct Tally {
    alike: u64,
    differ: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn add(mut self, other: Tally) -> Tally {
        self.alike += other.alike;
        for (name, count) in other.differ {
            *self.differ.entry(name).or_default() += count;
        }
        self
    }
}

fn run(seeds: impl Iterator<Item = u64>) -> Tally {
    let signers = Signers::new();
    let mut tally = Tally::default();
    for seed in seeds {
        let mut request = Generated::new(seed);
        if signers.keyfob(&request) == signers.aws(&request) {
            tally.alike += 1;
            continue;
        }
        let before = format!("{request:?}");
        for difference in &DIFFERENCES {
            if (difference.applies)(&request) {
                *tally.differ.entry(difference.name).or_default() += 1;
                (difference.remove)(&mut request);
            }
        }
        let (ours, theirs) = (signers.keyfob(&request), signers.aws(&request));
        assert_eq!(
            ours, theirs,
            "seed {seed}: no listed difference explains {before}; without them: {request:?}"
        );
    }
    tally
}

/// Both signers, created once.
struct Signers {
    general: Signer,
    s3: Signer,
    plain: Credentials,
    temporary: Credentials,
    aws_plain: Identity,
    aws_temporary: Identity,
}

impl Signers {
    fn new() -> Self {
        let plain = Credentials::new(ID, SECRET).unwrap();
        let aws = |token: Option<&str>| {
            AwsCredentials::new(ID, SECRET, token.map(Into::into), None, "test").into()
        };
        Signers {
            general: Signer::new(Scope::new(REGION, "service").unwrap()),
            s3: Signer::s3(REGION).unwrap(),
            temporary: plain.clone().with_session_token(TOKEN).unwrap(),
            plain,
            aws_plain: aws(None),
            aws_temporary: aws(Some(TOKEN)),
        }
    }

    fn keyfob(&self, request: &Generated) -> String {
        let url = request.url();
        let headers: Vec<_> = request.header_refs().collect();
        let payload = match &request.body {
            Some(body) => Payload::Bytes(body),
            None => Payload::Unsigned,
        };
        let signable = Request::new(request.method, &url)
            .unwrap()
            .headers(&headers)
            .unwrap()
            .payload(payload);
        let signer = if request.s3 { &self.s3 } else { &self.general };
        let credentials = if request.token {
            &self.temporary
        } else {
            &self.plain
        };
        let at = Timestamp::from_unix_seconds(request.at.cast_signed());
        if request.presign {
            let ttl = Ttl::from_secs(request.ttl).unwrap();
            signer
                .presign(&signable, credentials, at, ttl)
                .unwrap()
                .signature()
                .into()
        } else {
            signer
                .sign(&signable, credentials, at)
                .unwrap()
                .signature()
                .into()
        }
    }

    fn aws(&self, request: &Generated) -> String {
        let params = SigningParams::builder()
            .identity(if request.token {
                &self.aws_temporary
            } else {
                &self.aws_plain
            })
            .region(REGION)
            .name(if request.s3 { "s3" } else { "service" })
            .time(request.time())
            .settings(request.aws_settings())
            .build()
            .unwrap()
            .into();
        let body = match &request.body {
            Some(body) => SignableBody::Bytes(body),
            None => SignableBody::UnsignedPayload,
        };
        let signable =
            SignableRequest::new(request.method, request.url(), request.header_refs(), body)
                .unwrap();
        sign(signable, &params).unwrap().into_parts().1
    }
}

/// A request generated from a seed.
#[derive(Debug)]
struct Generated {
    method: &'static str,
    scheme: &'static str,
    authority: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    /// `None`: the payload is not signed.
    body: Option<Vec<u8>>,
    at: u64,
    ttl: u64,
    s3: bool,
    presign: bool,
    token: bool,
}

impl Generated {
    fn new(seed: u64) -> Self {
        let random = &mut Random(seed);
        let s3 = random.chance(50);
        let presign = random.chance(40);
        Generated {
            method: random.pick(&["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS"]),
            scheme: random.pick(&["https", "https", "http"]),
            authority: authority(random),
            path: if s3 && random.chance(95) {
                encoded(&path(random)).replace("%2e", ".")
            } else {
                path(random)
            },
            query: query(random),
            headers: headers(random),
            body: (!(s3 && (presign || random.chance(50)) || random.chance(2)))
                .then(|| random.bytes()),
            at: 946_684_800 + random.below(3_155_760_000),
            ttl: 1 + random.below(604_800),
            s3,
            presign,
            token: random.chance(30),
        }
    }

    fn url(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!(
            "{}://{}{}{mark}{}",
            self.scheme, self.authority, self.path, self.query
        )
    }

    fn header_refs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.at)
    }

    fn aws_settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if self.s3 {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        if self.presign {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(self.ttl));
        }
        settings
    }
}

fn authority(random: &mut Random) -> String {
    if random.chance(2) {
        return random
            .pick(&["Example.amazonaws.com", "BUCKET.s3.amazonaws.com:9000"])
            .into();
    }
    let hosts = [
        "service.eu-central-1.amazonaws.com",
        "bucket.s3.eu-central-1.amazonaws.com",
        "example.com:443",
        "example.com:80",
        "example.com:8443",
        "127.0.0.1:9000",
        "[::1]:9000",
        "[2001:db8::1]",
    ];
    random.pick(&hosts).into()
}

fn path(random: &mut Random) -> String {
    let usual = [
        "a",
        "items",
        "2026-03-01",
        "a%20b",
        "caf%C3%A9",
        "%E2%82%AC",
        "a%2Fb",
        "%2e%2e",
        "file.txt",
        "...",
        "~tilde",
        "a_b",
        "a@b:c",
        "a+b",
        "a!'()*b",
        "a;b=c,d",
        "$&",
        "%25",
        "a%2Bb",
        "1",
    ];
    let mut path = String::new();
    for _ in 0..random.below(6) {
        path.push('/');
        path.push_str(if random.chance(6) {
            random.pick(&["", ".", ".."])
        } else {
            random.pick(&usual)
        });
    }
    if path.is_empty() || random.chance(20) {
        path.push('/');
    }
    path
}

fn query(random: &mut Random) -> String {
    let names = [
        "a",
        "a1",
        "a-",
        "A",
        "b",
        "list-type",
        "prefix",
        "Param",
        "Param-3",
        "%E1%88%B4",
        "x%20y",
        "uploads",
        "",
        "a%3Db",
    ];
    let values = [
        "", "1", "a", "b", "a%20b", "a+b", "a%2Bb", "a%2fb", "a/b?c", "a=b", "%C3%A9", "~-._",
        "a,b:c@d", "*", "%zz", "%", "%4", "!'()",
    ];
    let mut query = String::new();
    for _ in 0..random.below(7) {
        let (name, value) = (random.pick(&names), random.pick(&values));
        let _ = match random.below(20) {
            0 => write!(query, "&"),
            1 => write!(query, "{name}&"),
            2 if random.chance(20) => write!(query, "{name}=%FF{value}&"),
            _ => write!(query, "{name}={value}&"),
        };
    }
    if random.chance(80) && query.ends_with('&') {
        query.pop();
    }
    query
}

fn headers(random: &mut Random) -> Vec<(String, String)> {
    let names = [
        "content-type",
        "Content-MD5",
        "X-Amz-Target",
        "x-amz-meta-a",
        "x-amz-meta-b",
        "X-Mixed-Case",
        "my-header",
        "my-header",
        "date",
        "range",
        "cache-control",
        "x-amz-acl",
        "user-agent",
        "x-amzn-trace-id",
        "transfer-encoding",
        "if-match",
    ];
    let values = [
        "",
        "a",
        "text/plain; charset=utf-8",
        "  padded  ",
        "a   b    c",
        "\"quoted   spaces\"",
        "a,b",
        "1",
        "Mon, 09 Sep 2011 23:36:00 GMT",
        "=?UTF-8?B?w6k=?=",
        "a;b:c=d",
        "trailing ",
    ];
    let mut headers: Vec<(String, String)> = (0..random.below(6))
        .map(|_| (random.pick(&names).into(), random.pick(&values).into()))
        .collect();
    if random.chance(3) {
        headers.push((random.pick(&CHANGED_BY_PROXIES).into(), "trailers".into()));
    }
    if random.chance(3) {
        headers.push((
            "x-tabbed".into(),
            random.pick(&["a\tb", "a \t b", "\ta", "b\t"]).into(),
        ));
    }
    if random.chance(3) {
        headers.push((
            random
                .pick(&["x-amz-checksum-mode", "x-amz-user-agent"])
                .into(),
            "ENABLED".into(),
        ));
    }
    if random.chance(5) {
        headers.push((
            "Host".into(),
            random
                .pick(&["other.example.com", "other.example.com:8443"])
                .into(),
        ));
    }
    headers
}

/// A SplitMix64 generator: the same requests on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(200)).map(|_| self.next() as u8).collect()
    }
}

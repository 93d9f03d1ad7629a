//! Which headers of a request are signed.
//!
//! All are, except those of [`ROWS`]: whoever changes a header on the way would break the
//! signature. What `Connection` names is left out too. [`HeaderRules`] are the caller's own wishes.

/// A header that is not signed by default.
struct Row {
    /// The name in lower case. At the end, `*` stands for any rest.
    name: &'static str,
    /// Why, and the source.
    reason: &'static str,
    /// Whether it is left out even by [`Rules::every_header`](super::Rules::every_header).
    ///
    /// Source: aws-c-auth, `aws_signing.c`, and botocore, the headers that they never sign.
    always: bool,
    /// Whether it ends at the next hop: a proxy consumes or removes it, so that it never reaches
    /// the service, even if it was signed.
    ends_at_hop: bool,
}

impl Row {
    const fn at_hop(mut self) -> Self {
        self.ends_at_hop = true;
        self
    }
}

const fn row(name: &'static str, reason: &'static str) -> Row {
    Row {
        name,
        reason,
        always: false,
        ends_at_hop: false,
    }
}

const fn always(name: &'static str, reason: &'static str) -> Row {
    Row {
        name,
        reason,
        always: true,
        ends_at_hop: false,
    }
}

const SIGNATURE: &str = "it holds the signature itself (Signature Version 4)";
const HOP: &str = "it belongs to one connection, and proxies remove it (RFC 9110, section 7.6.1)";
const LENGTH: &str = "proxies that send the body in other pieces change it (RFC 9112, section 6); sign it on request";
const EXPECT: &str = "proxies answer it and remove it (RFC 9110, section 10.1.1; botocore)";
const PROXY: &str = "it is meant for a proxy, which removes it (RFC 9110, section 11.7)";
const FORWARDING: &str =
    "proxies add to it (RFC 7239; RFC 9110, section 7.6; AWS SDK for Java, #6369)";
const ADDRESS: &str =
    "proxies set it to the address of the client (nginx, Apache and Envoy manuals)";
const CDN: &str = "the content delivery network sets it (RFC 8586; manuals of the vendor)";
const CERTIFICATE: &str =
    "proxies set it to the certificate of the client (RFC 9440; nginx and Apache manuals)";
const QUEUE: &str = "proxies set it to the time of arrival (Heroku and nginx manuals)";
const HINT: &str = "browsers set it by themselves (Client Hints; HTML, server-sent events)";
const BALANCER: &str = "load balancers and gateways of the vendor set it (its manuals)";
const TRACE: &str = "tracing sets it again for each hop (W3C Trace Context and Baggage; botocore)";
const TRACE_OF_VENDOR: &str = "tracing sets it again for each hop (manuals of the vendor)";
const XRAY: &str =
    "load balancers and X-Ray set it (Elastic Load Balancing, request tracing; botocore)";
const CLIENT: &str = "HTTP clients set it by themselves (botocore; AWS SDK for JavaScript)";
const BROWSER: &str =
    "browsers set it by themselves (Fetch, forbidden request-headers; AWS SDK for JavaScript)";
const ENCODING: &str =
    "HTTP clients and caches set it to what they can decode (RFC 9110, section 12.5.3)";
const COOKIE: &str = "HTTP/2 splits and joins it (RFC 9113, section 8.2.3)";

/// The headers that are not signed by default.
const ROWS: &[Row] = &[
    always("authorization", SIGNATURE),
    // Hop by hop. botocore leaves them out from 1.43.127 on.
    always("connection", HOP).at_hop(),
    row("http2-settings", HOP).at_hop(),
    row("keep-alive", HOP).at_hop(),
    row("te", HOP).at_hop(),
    row("trailer", HOP).at_hop(),
    always("transfer-encoding", HOP).at_hop(),
    always("upgrade", HOP).at_hop(),
    row("content-length", LENGTH),
    always("expect", EXPECT).at_hop(),
    row("proxy-*", PROXY).at_hop(),
    // Forwarding.
    row("forwarded", FORWARDING),
    row("max-forwards", FORWARDING),
    row("via", FORWARDING),
    row("x-forwarded", FORWARDING),
    row("x-forwarded-*", FORWARDING),
    row("x-original-*", FORWARDING),
    row("x-proxyuser-ip", ADDRESS),
    row("client-ip", ADDRESS),
    row("true-client-ip", ADDRESS),
    row("x-client-ip", ADDRESS),
    row("x-cluster-client-ip", ADDRESS),
    row("x-originating-ip", ADDRESS),
    row("x-real-ip", ADDRESS),
    row("x-remote-addr", ADDRESS),
    row("x-remote-ip", ADDRESS),
    row("do-connecting-ip", ADDRESS),
    row("http-client-ip", ADDRESS),
    row("wl-proxy-client-ip", ADDRESS),
    row("x-proxy-user", ADDRESS),
    row("early-data", FORWARDING),
    row("front-end-https", FORWARDING),
    row("x-host", FORWARDING),
    row("x-rewrite-url", FORWARDING),
    row("x-scheme", FORWARDING),
    row("x-url-scheme", FORWARDING),
    row("x-request-start", QUEUE),
    row("x-queue-start", QUEUE),
    row("client-cert", CERTIFICATE),
    row("client-cert-chain", CERTIFICATE),
    row("ssl-client-*", CERTIFICATE),
    row("x-client-cert*", CERTIFICATE),
    row("x-ssl-client-*", CERTIFICATE),
    row("akamai-*", CDN),
    row("cdn-loop", CDN),
    row("cf-*", CDN),
    row("cloudfront-*", CDN),
    row("fastly-*", CDN),
    row("fly-*", CDN),
    row("x-akamai-*", CDN),
    row("x-varnish", CDN),
    row("x-cache", CDN),
    row("x-fd-*", CDN),
    row("x-nf-*", CDN),
    row("x-served-by", CDN),
    row("x-timer", CDN),
    row("x-vercel-*", CDN),
    row("x-amzn-apigateway-*", BALANCER),
    row("x-amzn-mtls-*", BALANCER),
    row("x-amzn-oidc-*", BALANCER),
    row("x-amzn-tls-*", BALANCER),
    row("x-appengine-*", BALANCER),
    row("x-arr-*", BALANCER),
    row("x-azure-*", BALANCER),
    row("x-envoy-*", BALANCER),
    row("x-goog-iap-*", BALANCER),
    row("x-istio-*", BALANCER),
    row("x-kong-*", BALANCER),
    row("l5d-*", BALANCER),
    // Tracing.
    row("baggage", TRACE),
    row("traceparent", TRACE),
    row("tracestate", TRACE),
    always("x-amzn-trace-id", XRAY),
    row("b3", TRACE_OF_VENDOR),
    row("correlation-context", TRACE_OF_VENDOR),
    row("elastic-apm-*", TRACE_OF_VENDOR),
    row("grpc-trace-bin", TRACE_OF_VENDOR),
    row("jaeger-*", TRACE_OF_VENDOR),
    row("lightstep-*", TRACE_OF_VENDOR),
    row("newrelic", TRACE_OF_VENDOR),
    row("ot-tracer-*", TRACE_OF_VENDOR),
    row("request-id", TRACE_OF_VENDOR),
    row("request-context", TRACE_OF_VENDOR),
    row("sentry-trace", TRACE_OF_VENDOR),
    row("traceresponse", TRACE_OF_VENDOR),
    row("uber-trace-id", TRACE_OF_VENDOR),
    row("uberctx-*", TRACE_OF_VENDOR),
    row("x-b3-*", TRACE_OF_VENDOR),
    row("x-b3", TRACE_OF_VENDOR),
    row("x-cloud-trace-*", TRACE_OF_VENDOR),
    row("x-correlation-id", TRACE_OF_VENDOR),
    row("x-datadog-*", TRACE_OF_VENDOR),
    row("x-dynatrace*", TRACE_OF_VENDOR),
    row("x-honeycomb-trace", TRACE_OF_VENDOR),
    row("x-instana-*", TRACE_OF_VENDOR),
    row("x-ms-request-id", TRACE_OF_VENDOR),
    row("x-newrelic-*", TRACE_OF_VENDOR),
    row("x-ot-span-*", TRACE_OF_VENDOR),
    row("x-request-id", TRACE_OF_VENDOR),
    row("x-trace-id", TRACE_OF_VENDOR),
    // Clients.
    always("user-agent", CLIENT),
    row("accept-encoding", ENCODING),
    row("accept-charset", BROWSER),
    row("access-control-request-*", BROWSER),
    row("alt-used", CLIENT),
    row("cookie", COOKIE),
    row("cookie2", BROWSER),
    row("device-memory", HINT),
    row("downlink", HINT),
    row("dpr", HINT),
    row("ect", HINT),
    row("last-event-id", HINT),
    row("rtt", HINT),
    row("viewport-width", HINT),
    row("width", HINT),
    row("dnt", BROWSER),
    row("from", CLIENT),
    row("origin", BROWSER),
    row("pragma", CLIENT),
    row("priority", "proxies may change it (RFC 9218, section 8)"),
    row("referer", BROWSER),
    row("save-data", BROWSER),
    always("sec-websocket-*", BROWSER),
    row("sec-*", BROWSER),
    row("upgrade-insecure-requests", BROWSER),
];

impl Row {
    /// Returns the name without its `*`, and whether it has one.
    const fn pattern(&self) -> (&'static [u8], bool) {
        match self.name.as_bytes() {
            [start @ .., b'*'] => (start, true),
            name => (name, false),
        }
    }
}

/// The caller's wishes, beside the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeaderRules {
    pub(super) base: Base,
    /// Signed though the table has them.
    pub(super) also: &'static [&'static str],
    /// Not signed though the table does not have them.
    pub(super) except: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// All headers but those of the table.
    Table,
    /// These, `host` and `x-amz-*`.
    Only(&'static [&'static str]),
    /// All but those that no signer of AWS signs.
    Every,
}

impl HeaderRules {
    pub(super) const TABLE: Self = Self {
        base: Base::Table,
        also: &[],
        except: &[],
    };

    /// Returns true if the table alone decides.
    pub(super) fn is_table(&self) -> bool {
        matches!(self.base, Base::Table) && self.also.is_empty() && self.except.is_empty()
    }

    /// Returns true if a header that `Connection` names is left out.
    pub(super) fn follows_connection(&self, name: &[u8]) -> bool {
        matches!(self.base, Base::Table) && !is_listed(self.also, name)
    }

    /// Returns true if a header is signed, for rules that say more than the table. `row` is its row
    /// in the table.
    pub(super) fn signs(&self, name: &[u8], row: Option<NeverSigned>) -> bool {
        if name.eq_ignore_ascii_case(b"authorization") || is_listed(self.except, name) {
            return false;
        }
        is_listed(self.also, name)
            || match self.base {
                Base::Table => row.is_none(),
                Base::Only(names) => {
                    is_listed(names, name)
                        || row.is_none() && (begins(name, b"x-amz-") || is_pattern("host", name))
                }
                Base::Every => !row.is_some_and(NeverSigned::always),
            }
    }
}

/// The row of a header in the table.
#[derive(Clone, Copy)]
pub(super) struct NeverSigned(&'static Row);

impl NeverSigned {
    /// Finds a header by its name and by [`prefix`](small_vec::prefix) of the name in lower case.
    #[inline]
    pub(super) fn find(prefix: u128, name: &[u8]) -> Option<Self> {
        let start = (prefix >> 64) as u64;
        let bucket = bucket(start);
        let (from, to) = (INDEX.starts[bucket], INDEX.starts[bucket + 1]);
        let found = INDEX.keys[usize::from(from)..usize::from(to)]
            .iter()
            .find(|key| start & key.mask == key.start && key.matches_rest(name))?;
        Some(Self(&ROWS[usize::from(found.row)]))
    }

    /// Finds a header by its name.
    pub(super) fn find_name(name: &[u8]) -> Option<Self> {
        let mut start = [0; 16];
        for (lower, byte) in start.iter_mut().zip(name) {
            *lower = byte.to_ascii_lowercase();
        }
        Self::find(u128::from_be_bytes(start), name)
    }

    pub(super) fn is_connection(self) -> bool {
        self.0.name == "connection"
    }

    pub(super) fn ends_at_hop(self) -> bool {
        self.0.ends_at_hop
    }

    pub(super) fn reason(self) -> &'static str {
        self.0.reason
    }

    fn always(self) -> bool {
        self.0.always
    }
}

/// The table, made for the search: all rows of a bucket stand together.
struct Index {
    keys: [Key; ROWS.len()],
    /// Where each bucket starts.
    starts: [u8; BUCKETS + 1],
}

#[derive(Clone, Copy)]
struct Key {
    /// The first 8 bytes of the name, filled up with zeros.
    start: u64,
    /// The bits of the start that are compared.
    mask: u64,
    length: u8,
    is_family: bool,
    row: u8,
}

impl Key {
    const fn new(row: usize) -> Self {
        let (name, is_family) = ROWS[row].pattern();
        let (mut start, mut mask, mut at) = (0, 0, 0);
        while at < 8 {
            let byte = if at < name.len() { name[at] } else { 0 };
            // The zeros after a whole name are compared too: the name must end there.
            let is_compared = at < name.len() || !is_family;
            start = start << 8 | byte as u64;
            mask = mask << 8 | if is_compared { 0xff } else { 0 };
            at += 1;
        }
        Self {
            start,
            mask,
            length: name.len() as u8,
            is_family,
            row: row as u8,
        }
    }

    /// Compares what comes after the start.
    #[inline]
    fn matches_rest(&self, name: &[u8]) -> bool {
        (self.is_family || name.len() == usize::from(self.length))
            && is_pattern(ROWS[usize::from(self.row)].name, name)
    }
}

static INDEX: Index = {
    let mut index = Index {
        keys: [Key::new(0); ROWS.len()],
        starts: [0; BUCKETS + 1],
    };
    // Counts the rows of each bucket, adds the counts up, and puts each row in its place.
    let mut row = 0;
    while row < ROWS.len() {
        index.starts[bucket(Key::new(row).start) + 1] += 1;
        row += 1;
    }
    let mut at = 0;
    while at < BUCKETS {
        index.starts[at + 1] += index.starts[at];
        at += 1;
    }
    let mut next = index.starts;
    row = 0;
    while row < ROWS.len() {
        let key = Key::new(row);
        let place = &mut next[bucket(key.start)];
        index.keys[*place as usize] = key;
        *place += 1;
        row += 1;
    }
    assert!(ROWS.len() < 256);
    index
};

/// Eight for each first letter, eight for each letter after `x-`, and one for the rest.
const BUCKETS: usize = 2 * LETTERS + 1;
const LETTERS: usize = 26 * 8;

/// Returns the bucket of a name by its first 8 bytes in lower case: two of them are enough, so that
/// few rows are compared with a name. No family ends before them.
#[inline]
const fn bucket(start: u64) -> usize {
    let (first, second, offset) = match start.to_be_bytes() {
        [b'x', b'-', first, second, ..] => (first, second, LETTERS),
        [first, second, ..] => (first, second, 0),
    };
    if first.is_ascii_lowercase() {
        offset + 8 * (first - b'a') as usize + (second & 7) as usize
    } else {
        BUCKETS - 1
    }
}

fn is_listed(patterns: &[&str], name: &[u8]) -> bool {
    patterns.iter().any(|pattern| is_pattern(pattern, name))
}

/// Returns true if the name is the pattern, in any case. A `*` at the end of the pattern stands for
/// any rest.
fn is_pattern(pattern: &str, name: &[u8]) -> bool {
    match pattern.as_bytes() {
        [start @ .., b'*'] => begins(name, start),
        pattern => name.eq_ignore_ascii_case(pattern),
    }
}

pub(crate) fn begins(name: &[u8], prefix: &[u8]) -> bool {
    name.len() >= prefix.len() && name[..prefix.len()].eq_ignore_ascii_case(prefix)
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use super::*;
    use crate::codec::small_vec;

    fn find(name: &str) -> Option<&'static str> {
        let lower = name.to_ascii_lowercase();
        let prefix = small_vec::prefix(lower.as_bytes());
        NeverSigned::find(prefix, name.as_bytes()).map(|found| found.0.name)
    }

    #[test]
    fn every_row_is_found_by_its_name_and_only_by_it() {
        for row in ROWS {
            let (start, is_family) = row.pattern();
            let name = core::str::from_utf8(start).unwrap();
            let longer = format!("{name}any-rest-that-is-long");
            let shorter = &name[..name.len() - 1];
            if is_family {
                assert!(find(&longer).is_some(), "{name}");
                assert!(find(&longer.to_ascii_uppercase()).is_some(), "{name}");
            } else {
                assert_eq!(find(name), Some(row.name));
                assert_eq!(find(&name.to_ascii_uppercase()), Some(row.name));
                assert_ne!(find(&longer), Some(row.name));
            }
            assert_ne!(find(shorter), Some(row.name));
            assert_eq!(String::from(row.name), row.name.to_ascii_lowercase());
        }
    }

    #[test]
    fn headers_between_client_and_service_are_in_no_row() {
        for name in [
            "host",
            "accept",
            "accept-language",
            "cache-control",
            "content-type",
            "content-md5",
            "content-encoding",
            "date",
            "if-match",
            "if-none-match",
            "if-modified-since",
            "range",
            "x-amz-date",
            "x-amz-meta-via",
            "x-amz-target",
            "x-amzn-bedrock-trace",
            "x-api-key",
            "x-forward",
            "viable",
            "",
        ] {
            assert_eq!(find(name), None, "{name}");
        }
    }
}

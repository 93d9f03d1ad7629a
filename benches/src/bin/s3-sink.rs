//! A server for measuring clients of S3: it takes every upload and keeps nothing, and its objects
//! and lists follow from their names. What a client costs is all that is left.
//!
//! - An object has as many bytes as the number after the last `-` of its key says, or 4096.
//! - A list has as many keys as the number at the start of its prefix says, in pages of 1000.
//!
//! Prints its URL. Signatures are not looked at.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, LAST_MODIFIED, RANGE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, response};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use keyfob_benches::BoxError;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};

const PAGE: u64 = 1000;
const SMALL: u64 = 4096;
const TIME: &str = "Sun, 22 Nov 2026 02:42:50 GMT";
const TAG: &str = "\"d41d8cd98f00b204e9800998ecf8427e-1\"";

/// The bytes that every object repeats. An odd length, so that no two parts of an object are alike.
static PATTERN: [u8; 65_521] = pattern();

const fn pattern() -> [u8; 65_521] {
    let mut bytes = [0; 65_521];
    let (mut at, mut state) = (0, 1_u32);
    while at < bytes.len() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes[at] = (state >> 24) as u8;
        at += 1;
    }
    bytes
}

/// The checksums of objects, by their length.
type Sums = Rc<RefCell<HashMap<u64, String>>>;

fn main() -> Result<(), BoxError> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}\n", listener.local_addr()?);
        io::stdout().write_all(url.as_bytes())?;
        let sums = Sums::default();
        loop {
            let (stream, _) = listener.accept().await?;
            spawn_local(serve(stream, Rc::clone(&sums)));
        }
    })
}

async fn serve(stream: TcpStream, sums: Sums) {
    let service = service_fn(move |request| answer(request, Rc::clone(&sums)));
    // A client that goes away is none of the server's business.
    let _ = stream.set_nodelay(true);
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(request: Request<Incoming>, sums: Sums) -> Result<Response<Pieces>, Infallible> {
    let (head, mut body) = request.into_parts();
    // One that breaks is answered, too: its connection is gone.
    while let Some(Ok(_)) = body.frame().await {}
    let query = head.uri.query().unwrap_or_default();
    let key = head.uri.path().splitn(3, '/').nth(2).unwrap_or_default();
    let response = match (&head.method, key.is_empty()) {
        (&Method::GET, true) => listing(query),
        (&Method::GET | &Method::HEAD, false) => object(&head, key, &sums),
        (&Method::POST, false) if query.contains("uploadId=") => {
            let result = format!("<ETag>{TAG}</ETag><Key>{key}</Key>");
            xml("CompleteMultipartUploadResult", &result)
        }
        (&Method::POST, false) => xml(
            "InitiateMultipartUploadResult",
            "<UploadId>upload</UploadId>",
        ),
        _ => stored(&head.headers),
    };
    Ok(response)
}

/// Answers an upload, with the checksums that it said.
fn stored(headers: &HeaderMap) -> Response<Pieces> {
    let mut response = started().header(ETAG, TAG);
    for (name, value) in headers {
        if name.as_str().starts_with("x-amz-checksum-") {
            response = response.header(name, value);
        }
    }
    finished(response, Pieces::default())
}

fn object(head: &Parts, key: &str, sums: &Sums) -> Response<Pieces> {
    let length = key.rsplit('-').next().and_then(|end| end.parse().ok());
    let length: u64 = length.unwrap_or(SMALL);
    let range = head
        .headers
        .get(RANGE)
        .and_then(|value| value.to_str().ok());
    let range = range.and_then(|text| part(text, length));
    let mut response = started()
        .header(ETAG, TAG)
        .header(LAST_MODIFIED, TIME)
        .header(ACCEPT_RANGES, "bytes");
    match &range {
        Some(part) => {
            let (first, last) = (part.start, part.end - 1);
            response = response
                .status(StatusCode::PARTIAL_CONTENT)
                .header(CONTENT_RANGE, format!("bytes {first}-{last}/{length}"));
        }
        None => {
            let mut sums = sums.borrow_mut();
            let sum = sums.entry(length).or_insert_with(|| checksum(length));
            response = response
                .header("x-amz-checksum-crc64nvme", &*sum)
                .header("x-amz-checksum-type", "FULL_OBJECT");
        }
    }
    let range = range.unwrap_or(0..length);
    response = response.header(CONTENT_LENGTH, range.end - range.start);
    if head.method == Method::HEAD {
        return finished(response, Pieces::default());
    }
    finished(response, Pieces { range, text: None })
}

/// Reads `bytes=FIRST-LAST`.
fn part(text: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let first: u64 = first.parse().ok()?;
    let end = last
        .parse()
        .map_or(length, |last: u64| length.min(last + 1));
    (first < end).then_some(first..end)
}

/// Returns the checksum of an object in Base64.
fn checksum(length: u64) -> String {
    let mut digest = crc64fast_nvme::Digest::new();
    let mut range = 0..length;
    while let Some(piece) = next(&mut range) {
        digest.write(piece);
    }
    BASE64_STANDARD.encode(digest.sum64().to_be_bytes())
}

/// Takes the next piece of an object off the front of the range.
fn next(range: &mut Range<u64>) -> Option<&'static [u8]> {
    let from = (range.start % PATTERN.len() as u64) as usize;
    let left = range.end.saturating_sub(range.start);
    let count = (PATTERN.len() - from).min(left.try_into().unwrap_or(usize::MAX));
    range.start += count as u64;
    (count > 0).then(|| &PATTERN[from..from + count])
}

/// Answers `ListObjectsV2` and what else asks for a bucket. The token is the number of the key.
fn listing(query: &str) -> Response<Pieces> {
    let pairs = || url::form_urlencoded::parse(query.as_bytes());
    let value = |wanted: &str| {
        pairs()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value)
    };
    let prefix = value("prefix").unwrap_or_default();
    let digits = prefix.split(|c: char| !c.is_ascii_digit()).next();
    let count: u64 = digits.and_then(|text| text.parse().ok()).unwrap_or(0);
    let token = value("continuation-token").and_then(|token| token.parse().ok());
    let start: u64 = token.unwrap_or(0);
    let end = count.min(start + PAGE);
    let mut members = String::with_capacity(256 * PAGE as usize);
    for number in start..end {
        // Writing to a text does not fail.
        let _ = write!(
            members,
            "<Contents><Key>{prefix}{number:07}-{SMALL}</Key>\
             <LastModified>2026-11-22T02:42:50.000Z</LastModified><ETag>{TAG}</ETag>\
             <Size>{SMALL}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        );
    }
    let is_truncated = end < count;
    let _ = write!(members, "<IsTruncated>{is_truncated}</IsTruncated>");
    if is_truncated {
        let _ = write!(
            members,
            "<NextContinuationToken>{end}</NextContinuationToken>"
        );
    }
    xml("ListBucketResult", &members)
}

fn xml(name: &str, members: &str) -> Response<Pieces> {
    let namespace = "http://s3.amazonaws.com/doc/2006-03-01/";
    let text = format!("<{name} xmlns=\"{namespace}\">{members}</{name}>");
    let response = started().header(CONTENT_LENGTH, text.len());
    let text = Some(Bytes::from(text));
    finished(response, Pieces { range: 0..0, text })
}

fn started() -> response::Builder {
    Response::builder().header("x-amz-request-id", "SINK")
}

/// Every header here is a valid one.
fn finished(response: response::Builder, body: Pieces) -> Response<Pieces> {
    response.body(body).unwrap_or_default()
}

/// A text, or a part of an object, in pieces that are not copied.
#[derive(Default)]
struct Pieces {
    range: Range<u64>,
    text: Option<Bytes>,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let text = self.text.take();
        let piece = text.or_else(|| next(&mut self.range).map(Bytes::from_static));
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        let text = self.text.as_ref().map_or(0, |text| text.len() as u64);
        SizeHint::with_exact(text + self.range.end - self.range.start)
    }
}

//! A server that accepts only signed requests, as S3 does: by `Authorization` header or presigned
//! URL.
//!
//! ```text
//! cargo run -p keyfob-sigv4 --features http --example verifying_server
//! AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=secret aws s3api get-object \
//!     --endpoint-url http://127.0.0.1:8014 --bucket b --key k /dev/stdout
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the example has no other log"
)]

use std::{
    convert::Infallible,
    error::Error,
    io, pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, body::Body, body::Bytes, body::Incoming, header,
    http::request::Parts, server::conn::http1, service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use keyfob_sigv4::{
    Credentials, Payload, Timestamp,
    verify::{Dialect, Verifier},
};
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpListener, sync::Semaphore, time};

/// Bodies are held in memory, so their length is limited.
const MAX_BODY: usize = 16 << 20;
/// A connection holds a descriptor, so their number is limited.
const MAX_CONNECTIONS: usize = 256;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to send more of a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

struct Server {
    verifier: Verifier,
    key: Credentials,
    requests: AtomicU64,
}

/// The status and the body of a refusal.
type Refusal = (u16, String);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Arc::new(Server {
        verifier: Verifier::s3("us-east-1")?,
        key: Credentials::new("AKIDEXAMPLE", "secret")?,
        requests: AtomicU64::new(1),
    });
    let listener = TcpListener::bind("127.0.0.1:8014").await?;
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let permit = Arc::clone(&connections).acquire_owned().await?;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // The client has gone already.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            // Without free descriptors `accept` fails at once, again and again, until a connection
            // is closed.
            Err(error) => {
                eprintln!("cannot accept a connection: {error}");
                time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&server), request));
            // A broken connection must not stop the server.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            drop(permit);
        });
    }
}

async fn answer(
    server: Arc<Server>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let id = format!("{:016X}", server.requests.fetch_add(1, Ordering::Relaxed));
    let (head, body) = request.into_parts();
    let (status, text) = match server.receive(&head, body, &id).await {
        Ok(text) => (200, text),
        Err(refusal) => refusal,
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    if status != 200 {
        // A refused body may not have been read to its end.
        let close = header::HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    Ok(response)
}

impl Server {
    /// Verifies the head of a request before it reads its body, then the body while it comes.
    async fn receive(&self, head: &Parts, body: Incoming, id: &str) -> Result<String, Refusal> {
        let refuse =
            |status, code: &str, message: &str| (status, Dialect::S3.body(code, message, id));
        let request = keyfob_sigv4::Request::from_http(head)
            .map_err(|error| refuse(400, "InvalidRequest", &error.to_string()))?
            .payload(Payload::Declared);
        let refused = |error: keyfob_sigv4::verify::Error| (error.status(), error.body(id));
        // A claim is enough to look up the key, in a database for instance.
        let claim = self.verifier.claim(&request).map_err(refused)?;
        let known = Some(&self.key).filter(|key| key.access_key_id() == claim.access_key_id());
        let verified = claim.verify(known, Timestamp::now()).map_err(refused)?;
        let decoder = self.verifier.chunk_decoder(&verified, &request);
        let mut decoder = decoder.map_err(refused)?;

        let too_large = || {
            let message = "Your proposed upload exceeds the maximum allowed size";
            refuse(400, "EntityTooLarge", message)
        };
        if body.size_hint().lower() > MAX_BODY as u64 {
            return Err(too_large());
        }
        let mut body = pin::pin!(body);
        let mut received = Vec::new();
        while let Some(piece) = next_piece(body.as_mut()).await {
            let message = "The request body terminated unexpectedly";
            let piece = piece.map_err(|_| refuse(400, "IncompleteBody", message))?;
            if let Some(decoder) = &mut decoder {
                let fed = decoder.feed(&piece, &mut received);
                fed.map_err(|error| refuse(error.status(), error.code(), error.message()))?;
            } else {
                received.extend_from_slice(&piece);
            }
            if received.len() > MAX_BODY {
                return Err(too_large());
            }
        }
        if let Some(decoder) = decoder {
            let ended = decoder.finish();
            ended.map_err(|error| refuse(error.status(), error.code(), error.message()))?;
        }
        // A hash was signed in place of the body.
        let signed_hash = verified.content_sha256();
        if signed_hash.is_some_and(|hash| hash != *Sha256::digest(&received)) {
            let message =
                "The provided 'x-amz-content-sha256' header does not match what was computed.";
            return Err(refuse(400, "XAmzContentSHA256Mismatch", message));
        }
        let name = verified.access_key_id();
        println!("{name} sent {} bytes", received.len());
        // Clients expect no body in the answer to a PUT.
        Ok(match head.method {
            Method::GET => format!("hello, {name}\n"),
            _ => String::new(),
        })
    }
}

/// Returns the next piece of a body; an error if it is broken or late.
async fn next_piece(mut body: pin::Pin<&mut Incoming>) -> Option<Result<Bytes, ()>> {
    loop {
        let frame = time::timeout(BODY_TIMEOUT, body.frame()).await;
        let frame = match frame {
            Ok(None) => return None,
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) | Err(_) => return Some(Err(())),
        };
        // Trailers of the transfer coding have no data.
        if let Ok(data) = frame.into_data() {
            return Some(Ok(data));
        }
    }
}

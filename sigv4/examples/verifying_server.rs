//! A server that accepts only signed requests, as S3 does: by `Authorization` header or presigned
//! URL.
//!
//! ```text
//! cargo run -p keyfob-sigv4 --features http --example verifying_server
//! AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=secret aws s3api get-object \
//!     --endpoint-url http://127.0.0.1:8014 --bucket b --key k /dev/stdout
//! ```

use std::{
    convert::Infallible,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::request::Parts;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, body::Bytes, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use keyfob_sigv4::{
    Credentials, Payload, Timestamp,
    chunked::{ChunkDecoder, ChunkError},
    verify::{self, Dialect, Verified, Verifier},
};
use tokio::net::TcpListener;

/// Bodies are held in memory, so their length is limited.
const MAX_BODY: usize = 16 << 20;

struct Server {
    verifier: Verifier,
    key: Credentials,
    requests: AtomicU64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Arc::new(Server {
        verifier: Verifier::s3("us-east-1")?,
        key: Credentials::new("AKIDEXAMPLE", "secret")?,
        requests: AtomicU64::new(1),
    });
    let listener = TcpListener::bind("127.0.0.1:8014").await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&server), request));
            // A broken connection must not stop the server.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    server: Arc<Server>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let id = format!("{:016X}", server.requests.fetch_add(1, Ordering::Relaxed));
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        let error = Dialect::S3.body("EntityTooLarge", "the body is larger than 16 MiB", &id);
        return Ok(text(400, error));
    };
    Ok(match server.verify(&head, body.to_bytes(), &id) {
        Ok((verified, body)) => {
            let (name, length) = (verified.access_key_id(), body.len());
            text(200, format!("hello, {name}, {length} bytes received\n"))
        }
        Err((status, error)) => text(status, error),
    })
}

impl Server {
    /// Returns who signed the request and its body, or the status and body of the refusal.
    fn verify(
        &self,
        head: &Parts,
        body: Bytes,
        id: &str,
    ) -> Result<(Verified, Bytes), (u16, String)> {
        let request = keyfob_sigv4::Request::from_http(head).map_err(|error| {
            let message = error.to_string();
            (400, Dialect::S3.body("InvalidRequest", &message, id))
        })?;
        let request = request.payload(Payload::Bytes(&body));
        let lookup = |id: &str| (id == self.key.access_key_id()).then(|| self.key.clone());
        let refusal = |error: verify::Error| (error.status(), error.body(id));
        let verified = self.verifier.verify(&request, Timestamp::now(), lookup);
        let verified = verified.map_err(refusal)?;
        // A body in pieces is not verified yet.
        let decoder = self.verifier.chunk_decoder(&verified, &request);
        let body = match decoder.map_err(refusal)? {
            Some(decoder) => decoded(decoder, &body).map_err(|error| {
                let body = Dialect::S3.body(error.code(), &error.to_string(), id);
                (error.status(), body)
            })?,
            None => body,
        };
        Ok((verified, body))
    }
}

fn decoded(mut decoder: ChunkDecoder, body: &[u8]) -> Result<Bytes, ChunkError> {
    let mut decoded = Vec::new();
    decoder.feed(body, &mut decoded)?;
    decoder.finish()?;
    Ok(decoded.into())
}

fn text(status: u16, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response
}

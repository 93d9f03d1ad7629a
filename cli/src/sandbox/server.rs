use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// No request to the sandbox is longer than this.
const MAX_BODY: usize = 1 << 20;

/// What a server does with a request.
pub(crate) type Handler = Arc<dyn Fn(&Parts, &[u8]) -> Response<Bytes> + Send + Sync>;

/// An HTTP server on the loopback interface, which ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens on 127.0.0.1; port 0 takes any free one.
    ///
    /// # Errors
    ///
    /// When the port is taken.
    pub(crate) async fn bind(port: u16, handler: Handler) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, handler));
        Ok(Self { address, task })
    }

    /// The URL it answers at.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, handler: Handler) {
    loop {
        // An accept fails for one connection (it was reset) or for want of descriptors: neither is the end.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&handler)));
        } else {
            tokio::task::yield_now().await;
        }
    }
}

async fn serve(stream: TcpStream, handler: Handler) {
    let service = service_fn(move |request| answer(request, Arc::clone(&handler)));
    // A client that breaks off concerns nobody but itself.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    handler: Handler,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let response = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => handler(&head, &body.to_bytes()),
        Err(_) => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            response
        }
    };
    Ok(response.map(Full::new))
}

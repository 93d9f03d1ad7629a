use std::{
    convert::Infallible,
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};

use crate::{
    error::Error,
    server::{answer::Answer, counters::Tally, host::Hosts},
};

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A listening socket and the task that serves it; both end with it, and so do the connections.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    task: AbortHandle,
}

/// Where to listen, and for whom.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Port 0 is any free port.
    pub(crate) address: SocketAddr,
    /// Whether other machines may reach it.
    pub(crate) remote: bool,
    /// Host names to answer to, beyond the usual.
    pub(crate) hosts: Vec<String>,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            remote: false,
            hosts: Vec::new(),
        }
    }
}

impl Place {
    /// The names that a request may call the server by.
    pub(crate) fn own_names(&self) -> Hosts {
        let mut more = self.hosts.clone();
        more.push(self.address.ip().to_string());
        let any_address = self.address.ip().is_unspecified();
        Hosts { more, any_address }
    }
}

/// What a server does with a request.
pub(crate) trait Handler: Send + Sync + 'static {
    fn tally(&self) -> &Tally;
    fn handle(&self, request: Request<Incoming>) -> impl Future<Output = Answer> + Send;
}

impl Listener {
    pub(crate) async fn start(place: &Place, handler: Arc<impl Handler>) -> Result<Self, Error> {
        let address = place.address;
        if !place.remote && !address.ip().is_loopback() {
            return Err(Error::setting(format!(
                "{address} is not a loopback address: credentials would be served to other machines; allow it expressly"
            )));
        }
        let unusable =
            |source| Error::setting(format!("could not listen on {address}")).with_source(source);
        let socket = TcpListener::bind(address).await.map_err(unusable)?;
        let address = socket.local_addr().map_err(unusable)?;
        let task = tokio::spawn(accept(socket, handler)).abort_handle();
        Ok(Self { address, task })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(socket: TcpListener, handler: Arc<impl Handler>) {
    // Dropping the set aborts the connections in it.
    let mut connections = JoinSet::new();
    loop {
        match socket.accept().await {
            Ok((stream, _)) => {
                handler.tally().connections.add();
                connections.spawn(serve(stream, Arc::clone(&handler)));
            }
            // Out of file descriptors, most likely: leave time for some to be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, handler: Arc<impl Handler>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let handler = Arc::clone(&handler);
        async move {
            handler.tally().requests.add();
            let answer = handler.handle(request).await;
            if answer.status().as_u16() >= 400 {
                handler.tally().refused.add();
            }
            Ok::<_, Infallible>(answer)
        }
    });
    // A client that goes away in the middle is no concern of the others.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

//! TLS in front of the recorded services, which speak none themselves.

use std::{net::SocketAddr, sync::Arc, sync::mpsc, thread};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// The authority that signed the certificate below, for `AWS_CA_BUNDLE`.
pub(crate) const CA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sts/tests/tls/ca.pem");

/// A certificate for 127.0.0.1, and its key, which protects nothing.
const SERVER: &[u8] = include_bytes!("../../../sts/tests/tls/server.pem");

/// Returns the `https` URL of what is at an `http` URL with an address of this machine.
pub(crate) fn in_front_of(url: &str) -> String {
    let plain: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
    let (sender, started) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            let acceptor = acceptor();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that gives up, or a service that closes, ends the connection.
                    let Ok(mut client) = acceptor.accept(client).await else {
                        return;
                    };
                    let mut service = TcpStream::connect(plain).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut service).await;
                });
            }
        });
    });
    format!("https://{}", started.recv().unwrap())
}

fn acceptor() -> TlsAcceptor {
    let certificates = CertificateDer::pem_slice_iter(SERVER).map(Result::unwrap);
    let key = PrivateKeyDer::from_pem_slice(SERVER).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates.collect(), key);
    TlsAcceptor::from(Arc::new(config.unwrap()))
}

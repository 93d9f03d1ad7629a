//! What is signed is what a client sends: over loopback, by the names of hosts, with hyper, reqwest
//! and ureq, over HTTP/1.1 and HTTP/2.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::{convert::Infallible, future::Future, io, iter, net::SocketAddr, sync::Arc, sync::mpsc};

use http_body_util::{BodyExt as _, Empty, Full};
use hyper::{
    body::Bytes,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use keyfob_sigv4::{
    Credentials, Payload, Request, Rules, Scope, Signer, Timestamp, Ttl, verify::Verifier,
};
use ureq::unversioned::{
    resolver::{ResolvedSocketAddrs, Resolver},
    transport::{DefaultConnector, NextTimeout},
};

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap()
}

fn now() -> Timestamp {
    "20150830T123600Z".parse().unwrap()
}

fn scope(service: &str) -> Scope {
    Scope::new("us-east-1", service).unwrap()
}

/// Receives one request over HTTP/1.1 or HTTP/2 and verifies it. Returns the host and the target
/// that arrived.
async fn receive(
    listener: tokio::net::TcpListener,
    version: http::Version,
    service: &'static str,
) -> (String, String) {
    let (sender, arrived) = mpsc::channel();
    let verify = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let sender = sender.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let view = Request::from_http(&head)
                .unwrap()
                .payload(Payload::Bytes(&body));
            Verifier::new(scope(service))
                .verify(&view, now(), |_| Some(credentials()))
                .unwrap();
            assert_eq!((head.version, &*body), (version, &b"hello"[..]));
            let host = match head.headers.get("host") {
                Some(host) => host.to_str().unwrap().to_owned(),
                None => head.uri.authority().unwrap().to_string(),
            };
            let target = head.uri.path_and_query().unwrap().to_string();
            sender.send((host, target)).unwrap();
            Ok::<_, Infallible>(http::Response::new(Empty::<Bytes>::new()))
        }
    });
    let (stream, _) = listener.accept().await.unwrap();
    let stream = TokioIo::new(stream);
    // The connection ends when the client drops it, which may be in the middle of a frame.
    let _ = if version == http::Version::HTTP_2 {
        let connection = http2::Builder::new(TokioExecutor::new());
        connection.serve_connection(stream, verify).await
    } else {
        let connection = http1::Builder::new();
        connection.serve_connection(stream, verify).await
    };
    arrived.try_recv().unwrap()
}

/// Starts the server, and lets the client send to it. `PORT` stands for its port in the URL and in
/// the host that arrives.
async fn send<F: Future<Output = u16>>(
    (url, service, version): (&str, &'static str, http::Version),
    client: impl FnOnce(String, SocketAddr) -> F,
) -> (String, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let port = address.port().to_string();
    let server = receive(listener, version, service);
    let client = client(url.replace("PORT", &port), address);
    let ((host, target), status) = tokio::join!(server, client);
    assert_eq!(status, 200, "{url}");
    (host.replace(&port, "PORT"), target)
}

fn request(url: &str, service: &str, version: http::Version) -> http::Request<Vec<u8>> {
    let request = http::Request::post(url).version(version);
    let mut request = request.body(b"hello".to_vec()).unwrap();
    Signer::new(scope(service))
        .sign_http_body(&mut request, &credentials(), now())
        .unwrap();
    request
}

async fn by_hyper(request: http::Request<Vec<u8>>, address: SocketAddr) -> u16 {
    // Every name is this server. It keeps its port if the URL has none.
    let names = tower::service_fn(move |_| async move { Ok::<_, io::Error>(iter::once(address)) });
    let client = Client::builder(TokioExecutor::new())
        .http2_only(request.version() == http::Version::HTTP_2)
        .build(HttpConnector::new_with_resolver(names));
    let answer = client.request(request.map(|body| Full::new(Bytes::from(body))));
    answer.await.unwrap().status().as_u16()
}

struct Names(SocketAddr);

impl reqwest::dns::Resolve for Names {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let addresses: reqwest::dns::Addrs = Box::new(iter::once(self.0));
        Box::pin(async { Ok(addresses) })
    }
}

fn reqwest_client(version: http::Version, address: SocketAddr) -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().dns_resolver(Arc::new(Names(address)));
    let client = match version {
        http::Version::HTTP_2 => client.http2_prior_knowledge(),
        _ => client,
    };
    client.build().unwrap()
}

/// The request is built first, and the URL that it has then is signed.
async fn by_reqwest(
    url: String,
    service: &str,
    version: http::Version,
    address: SocketAddr,
) -> u16 {
    let client = reqwest_client(version, address);
    let mut request = client.post(url).body("hello").build().unwrap();
    let signer = Signer::new(scope(service));
    let view = Request::new(request.method().as_str(), request.url().as_str()).unwrap();
    let body = request.body().unwrap().as_bytes().unwrap();
    let signature = signer
        .sign(&view.payload(Payload::Bytes(body)), &credentials(), now())
        .unwrap();
    for (name, value) in signature.headers() {
        let value = reqwest::header::HeaderValue::from_str(value).unwrap();
        request.headers_mut().insert(name, value);
    }
    client.execute(request).await.unwrap().status().as_u16()
}

#[derive(Debug)]
struct Blocking(SocketAddr);

impl Resolver for Blocking {
    fn resolve(
        &self,
        _: &http::Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(self.0);
        Ok(addresses)
    }
}

async fn by_ureq(request: http::Request<Vec<u8>>, address: SocketAddr) -> u16 {
    let send = move || {
        let agent = ureq::Agent::with_parts(
            ureq::Agent::config_builder().build(),
            DefaultConnector::default(),
            Blocking(address),
        );
        agent.run(request).unwrap().status().as_u16()
    };
    tokio::task::spawn_blocking(send).await.unwrap()
}

/// A URL, its service, and the host and the target that arrive.
const SENT: &[(&str, &str, &str, &str)] = &[
    (
        "http://LocalHost:PORT/a%20b",
        "execute-api",
        "localhost:PORT",
        "/a%20b",
    ),
    (
        "http://LOCALHOST:PORT/%7euser?b=2&a",
        "execute-api",
        "localhost:PORT",
        "/%7euser?b=2&a",
    ),
    (
        "http://API.Example.com/a//b?c=%2f",
        "execute-api",
        "api.example.com",
        "/a//b?c=%2f",
    ),
    (
        "http://API.Example.com:80/",
        "execute-api",
        "api.example.com",
        "/",
    ),
    (
        "http://LocalHost:PORT/bkt/%C3%BC~user?b=2&a",
        "s3",
        "localhost:PORT",
        "/bkt/%C3%BC~user?b=2&a",
    ),
    (
        "http://API.Example.com:80/mac%402x.png?acl",
        "s3",
        "api.example.com",
        "/mac%402x.png?acl",
    ),
    ("http://localhost:PORT", "s3", "localhost:PORT", "/"),
];

const VERSIONS: [http::Version; 2] = [http::Version::HTTP_11, http::Version::HTTP_2];

#[tokio::test]
async fn hyper_sends_the_host_and_the_path_that_were_signed() {
    // `sign_http` writes the path of S3 as it signs it.
    let written = [
        (
            "http://LocalHost:PORT/bkt/%7euser?b=2&a",
            "s3",
            "localhost:PORT",
            "/bkt/~user?b=2&a",
        ),
        (
            "http://localhost:PORT/bkt/%c3%bc",
            "s3",
            "localhost:PORT",
            "/bkt/%C3%BC",
        ),
        (
            "http://localhost:PORT/mac@2x.png",
            "s3",
            "localhost:PORT",
            "/mac%402x.png",
        ),
    ];
    for version in VERSIONS {
        for &(url, service, host, target) in SENT.iter().chain(&written) {
            let arrived = send((url, service, version), |url, address| {
                by_hyper(request(&url, service, version), address)
            });
            assert_eq!(arrived.await, (host.into(), target.into()), "{url}");
        }
    }
}

#[tokio::test]
async fn ureq_sends_the_host_and_the_path_that_were_signed() {
    let version = http::Version::HTTP_11;
    for &(url, service, host, target) in SENT {
        let arrived = send((url, service, version), |url, address| {
            by_ureq(request(&url, service, version), address)
        });
        assert_eq!(arrived.await, (host.into(), target.into()), "{url}");
    }
}

#[tokio::test]
async fn reqwest_sends_what_was_signed_of_the_request_that_it_built() {
    // It writes some URLs again before they are signed.
    let written = [
        (
            "http://localhost:PORT/items/{id}",
            "execute-api",
            "localhost:PORT",
            "/items/%7Bid%7D",
        ),
        (
            "http://localhost:PORT/a/../b/./c",
            "s3",
            "localhost:PORT",
            "/b/c",
        ),
        (
            "http://localhost:PORT/é?ü",
            "execute-api",
            "localhost:PORT",
            "/%C3%A9?%C3%BC",
        ),
    ];
    for version in VERSIONS {
        for &(url, service, host, target) in SENT.iter().chain(&written) {
            let arrived = send((url, service, version), |url, address| {
                by_reqwest(url, service, version, address)
            });
            assert_eq!(arrived.await, (host.into(), target.into()), "{url}");
        }
    }
}

/// Returns a URL that allows to send `hello` there.
fn presigned(url: &str, service: &str) -> String {
    let request = Request::new("POST", url).unwrap();
    let request = request.payload(Payload::Bytes(b"hello"));
    let signer = Signer::new(scope(service));
    let url = signer.presign(&request, &credentials(), now(), Ttl::MAX);
    url.unwrap().into_string()
}

#[tokio::test]
async fn presigned_urls_are_sent_as_they_were_signed() {
    for version in VERSIONS {
        for &(url, service, host, _) in SENT {
            let unsigned = (url, service, version);
            let post = |url: String| {
                let request = http::Request::post(url).version(version);
                request.body(b"hello".to_vec()).unwrap()
            };
            let mut arrivals = vec![
                send(unsigned, |url, address| {
                    by_hyper(post(presigned(&url, service)), address)
                })
                .await,
                send(unsigned, |url, address| async move {
                    let client = reqwest_client(version, address);
                    let request = client.post(presigned(&url, service)).body("hello");
                    request.send().await.unwrap().status().as_u16()
                })
                .await,
            ];
            if version == http::Version::HTTP_11 {
                let arrived = send(unsigned, |url, address| {
                    by_ureq(post(presigned(&url, service)), address)
                });
                arrivals.push(arrived.await);
            }
            for (arrived, target) in arrivals {
                assert_eq!(arrived, host, "{url}");
                assert!(target.contains("X-Amz-Signature="), "{target}");
            }
        }
    }
}

/// Returns the URI and the `Host` header after signing.
fn signed(url: &str, host: Option<&str>, version: http::Version) -> (String, Option<String>) {
    let mut request = http::Request::get(url).version(version);
    if let Some(host) = host {
        request = request.header("host", host);
    }
    let mut request = request.body(()).unwrap();
    let signer = Signer::with_rules(scope("s3"), Rules::S3);
    signer
        .sign_http(&mut request, Payload::Unsigned, &credentials(), now())
        .unwrap();
    let host = request.headers().get("host");
    (
        request.uri().to_string(),
        host.map(|host| host.to_str().unwrap().to_owned()),
    )
}

#[test]
fn the_authority_of_the_uri_is_the_one_that_is_signed() {
    for version in [http::Version::HTTP_11, http::Version::HTTP_2] {
        for (url, host, expected) in [
            ("http://LocalHost:80/a", None, ("http://localhost/a", None)),
            ("https://NAME.corp:443/", None, ("https://name.corp/", None)),
            ("http://[::1]:9000/", None, ("http://[::1]:9000/", None)),
            (
                "http://LocalHost:80/",
                Some("LOCALHOST:80"),
                ("http://localhost/", Some("localhost")),
            ),
            // Another host is meant: the URI says only where to connect to.
            (
                "http://127.0.0.1:9000/",
                Some("Minio.corp"),
                ("http://127.0.0.1:9000/", Some("Minio.corp")),
            ),
            ("/a%7e", Some("Minio.corp"), ("/a~", Some("Minio.corp"))),
        ] {
            let expected = (expected.0.to_owned(), expected.1.map(str::to_owned));
            assert_eq!(signed(url, host, version), expected, "{url}");
        }
    }
}

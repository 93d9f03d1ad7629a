//! What `sign_http` signs is what a client sends: over loopback, by the names of hosts.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::{convert::Infallible, sync::mpsc};

use http_body_util::{BodyExt as _, Empty, Full};
use hyper::{body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use keyfob_sigv4::{
    Credentials, Payload, Request, Rules, Scope, Signer, Timestamp, verify::Verifier,
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

/// Sends a signed request to a server that verifies it. Returns the `Host` and the target that
/// arrived.
async fn send(url: &str, service: &'static str) -> (String, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, arrived) = mpsc::channel();
    let server = async move {
        let (stream, _) = listener.accept().await.unwrap();
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
                let host = head.headers["host"].to_str().unwrap().to_owned();
                sender.send((host, head.uri.to_string())).unwrap();
                Ok::<_, Infallible>(http::Response::new(Empty::<Bytes>::new()))
            }
        });
        let connection = http1::Builder::new();
        let served = connection.serve_connection(TokioIo::new(stream), verify);
        served.await.unwrap();
    };
    let client = async {
        let url = url.replace("PORT", &port.to_string());
        let mut request = http::Request::post(url).body(b"hello".to_vec()).unwrap();
        Signer::new(scope(service))
            .sign_http_body(&mut request, &credentials(), now())
            .unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(request.map(|body| Full::new(Bytes::from(body))));
        assert_eq!(answer.await.unwrap().status(), 200);
    };
    tokio::join!(server, client);
    let (host, target) = arrived.try_recv().unwrap();
    (host.replace(&port.to_string(), "PORT"), target)
}

#[tokio::test]
async fn hyper_sends_the_host_and_the_path_that_were_signed() {
    for (url, service, target) in [
        ("http://LocalHost:PORT/a%20b", "execute-api", "/a%20b"),
        (
            "http://LOCALHOST:PORT/%7euser?b=2&a",
            "execute-api",
            "/%7euser?b=2&a",
        ),
        (
            "http://LocalHost:PORT/bkt/%7euser?b=2&a",
            "s3",
            "/bkt/~user?b=2&a",
        ),
        ("http://localhost:PORT/bkt/%c3%bc", "s3", "/bkt/%C3%BC"),
        ("http://localhost:PORT/mac@2x.png", "s3", "/mac%402x.png"),
        ("http://localhost:PORT", "s3", "/"),
    ] {
        let arrived = send(url, service).await;
        assert_eq!(arrived, ("localhost:PORT".into(), target.into()), "{url}");
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

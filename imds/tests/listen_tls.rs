//! The listener with TLS, by the certificates of the tests of `sts`.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that unwraps fails the test that called it"
)]

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use keyfob_imds::{
    ErrorKind,
    server::listen::{Listener, Tls},
};
use keyfob_sigv4::{Secret, Timestamp};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, HandshakeKind, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

const PATIENCE: Duration = Duration::from_secs(60);
const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
/// The certificate of `server.pem` is for `localhost` and 127.0.0.1.
const REQUEST: &str = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody";

fn read(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sts/tests/tls");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// Reads a certificate and its key, which are in the same file.
fn identity(name: &str) -> Result<Tls, keyfob_imds::Error> {
    // Without the feature `rustls` of this crate it has no provider of its own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pem = read(name);
    Tls::from_pem(&pem, &Secret::new(pem.as_str()))
}

async fn echo(request: Request<Bytes>) -> Response<Bytes> {
    Response::new(request.into_body())
}

async fn start(tls: &Tls) -> Listener {
    let builder = Listener::builder().tls(tls.clone());
    builder.start(echo).await.unwrap()
}

fn trusting(ca: &str, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(read(ca).as_bytes());
    roots.add(certificate.unwrap()).unwrap();
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Returns a configuration that trusts every certificate.
fn trusting_any() -> ClientConfig {
    #[derive(Debug)]
    struct Any;

    impl ServerCertVerifier for Any {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            let provider = rustls::crypto::ring::default_provider();
            provider
                .signature_verification_algorithms
                .supported_schemes()
        }
    }

    let mut config = trusting("ca.pem", BOTH);
    config.dangerous().set_certificate_verifier(Arc::new(Any));
    config
}

async fn connect(
    listener: &Listener,
    config: impl Into<Arc<ClientConfig>>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(listener.address()).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(config.into())
        .connect(name, stream)
        .await
}

/// Sends a request, and returns true if its body comes back.
async fn is_echoed(stream: &mut TlsStream<TcpStream>) -> bool {
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    while !answer.ends_with(b"\r\n\r\nbody") {
        let read = timeout(PATIENCE, stream.read(&mut buffer)).await.unwrap();
        match read {
            Ok(length) if length > 0 => answer.extend_from_slice(&buffer[..length]),
            _ => return false,
        }
    }
    true
}

#[tokio::test]
async fn requests_come_over_both_versions_of_tls() {
    let listener = start(&identity("server.pem").unwrap()).await;
    assert_eq!(listener.url(), format!("https://{}", listener.address()));
    for version in [&TLS12, &TLS13] {
        let mut config = trusting("ca.pem", &[version]);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut stream = connect(&listener, config).await.unwrap();
        assert!(is_echoed(&mut stream).await && is_echoed(&mut stream).await);
        let (_, session) = stream.get_ref();
        assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(session.protocol_version(), Some(version.version));
    }
    assert_eq!(listener.counters().requests, 4);
    let mut only_h2 = trusting("ca.pem", BOTH);
    only_h2.alpn_protocols = vec![b"h2".to_vec()];
    assert!(connect(&listener, only_h2).await.is_err());
    let other = trusting("other.pem", BOTH);
    assert!(connect(&listener, other).await.is_err());
    // The others are not concerned.
    let mut stream = connect(&listener, trusting("ca.pem", BOTH)).await.unwrap();
    assert!(is_echoed(&mut stream).await);
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_a_bad_one_for_none() {
    let tls = identity("server.pem").unwrap();
    let listener = start(&tls).await;
    let mut open = connect(&listener, trusting("ca.pem", BOTH)).await.unwrap();
    assert!(is_echoed(&mut open).await);
    let shown = async || {
        let stream = connect(&listener, trusting_any()).await.unwrap();
        let certificates = stream.get_ref().1.peer_certificates().unwrap();
        certificates.first().unwrap().clone().into_owned()
    };
    let first = shown().await;
    for (certificate, key) in [
        ("server.pem", "self-signed.pem"),
        ("ca.pem", "server.pem"),
        ("server.pem", "ca.pem"),
    ] {
        let key = Secret::new(read(key));
        let error = tls.replace(read(certificate), &key).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting);
        assert_eq!(shown().await, first);
    }
    let pem = read("self-signed.pem");
    tls.replace(&pem, &Secret::new(pem.as_str())).unwrap();
    assert_ne!(shown().await, first);
    assert!(is_echoed(&mut open).await);
    // A session is not resumed with a certificate that is not there any more.
    let config = Arc::new(trusting_any());
    for (name, expected) in [
        (None, HandshakeKind::Full),
        (None, HandshakeKind::Resumed),
        (Some("server.pem"), HandshakeKind::Full),
    ] {
        if let Some(name) = name {
            let pem = read(name);
            tls.replace(&pem, &Secret::new(pem.as_str())).unwrap();
        }
        let mut stream = connect(&listener, Arc::clone(&config)).await.unwrap();
        assert!(is_echoed(&mut stream).await);
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(expected));
    }
}

#[test]
fn a_certificate_is_for_its_names_and_addresses_only() {
    let tls = identity("server.pem").unwrap();
    for (name, expected) in [
        ("localhost", true),
        ("127.0.0.1", true),
        ("127.0.0.2", false),
        ("other.example", false),
        ("", false),
        ("*", false),
    ] {
        assert_eq!(tls.is_for(name), expected, "{name}");
    }
}

#[tokio::test]
async fn requests_for_the_names_of_the_certificate_reach_the_handler_and_those_of_web_pages_do_not()
{
    let listener = start(&identity("named.pem").unwrap()).await;
    for (head, expected) in [
        ("Host: proxy.example:9913", "200"),
        ("Host: PROXY.example", "200"),
        ("Host: a.wild.example", "200"),
        ("Host: 192.0.2.1", "200"),
        ("Host: localhost", "200"),
        ("Host: 192.0.2.2", "403"),
        ("Host: evil.proxy.example", "403"),
        ("Host: a.b.wild.example", "403"),
        ("Host: *.wild.example", "403"),
        ("Host: user@proxy.example", "403"),
        ("Host: [proxy.example]", "403"),
        ("Host: proxy.example\r\nHost: proxy.example", "403"),
        (
            "Host: proxy.example\r\nOrigin: https://proxy.example",
            "403",
        ),
        ("Host: proxy.example\r\nX-Forwarded-For: 10.0.0.1", "403"),
    ] {
        let mut stream = connect(&listener, trusting_any()).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\n{head}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        timeout(PATIENCE, read).await.unwrap().unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(expected), "{head}");
    }
}

#[tokio::test]
async fn a_request_in_clear_text_is_told_to_use_https() {
    let refusals = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&refusals);
    let listener = Listener::builder()
        .tls(identity("server.pem").unwrap())
        .refusal(move |refused| {
            assert_eq!(refused.method, Some(&Method::POST));
            assert!(refused.extensions.get::<std::net::SocketAddr>().is_some());
            counted.fetch_add(1, Relaxed);
            let mut response = Response::new(Bytes::from(refused.reason));
            *response.status_mut() = refused.status;
            response
        })
        .start(echo)
        .await
        .unwrap();
    let mut stream = TcpStream::connect(listener.address()).await.unwrap();
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(PATIENCE, read).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("begin the URL with https://"), "{answer}");
    assert_eq!(refusals.load(Relaxed), 1);
    let counters = listener.counters();
    assert_eq!((counters.requests, counters.refused), (1, 1));
}

#[tokio::test]
async fn a_handshake_that_fails_is_told_and_a_connection_without_one_is_not() {
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let builder = Listener::builder().tls(identity("server.pem").unwrap());
    let builder = builder.failed_handshake(move |error| sender.send(error.to_string()).unwrap());
    let listener = builder.start(echo).await.unwrap();
    drop(TcpStream::connect(listener.address()).await.unwrap());
    let stream = TcpStream::connect(listener.address()).await.unwrap();
    let connector = TlsConnector::from(Arc::new(trusting("other.pem", BOTH)));
    let name = ServerName::try_from("localhost").unwrap();
    assert!(connector.connect(name, stream).await.is_err());
    let mut stream = TcpStream::connect(listener.address()).await.unwrap();
    stream.write_all(&[22; 100]).await.unwrap();
    let mut errors = String::new();
    for _ in 0..2 {
        errors += &timeout(PATIENCE, told.recv()).await.unwrap().unwrap();
    }
    assert!(
        errors.contains("UnknownCA") && errors.contains("corrupt message"),
        "{errors}"
    );
    drop(listener);
    assert_eq!(told.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_stalls_ends_after_a_time_and_with_the_listener() {
    let tls = identity("server.pem").unwrap();
    // One byte of a handshake, and nothing at all.
    for start_of in [&[22][..], &[]] {
        let listener = start(&tls).await;
        let mut stalled = TcpStream::connect(listener.address()).await.unwrap();
        stalled.write_all(start_of).await.unwrap();
        let end = timeout(PATIENCE, stalled.read(&mut [0])).await;
        assert!(end.is_ok_and(|read| read.is_err() || read.is_ok_and(|length| length == 0)));
    }
    let listener = start(&tls).await;
    let mut stalled = TcpStream::connect(listener.address()).await.unwrap();
    stalled.write_all(&[22]).await.unwrap();
    while listener.counters().connections == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    let before = tokio::time::Instant::now();
    listener.stop().await;
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_certificate_or_a_key_that_cannot_be_used_is_an_error_without_either() {
    let server = read("server.pem");
    let start = server.find("-----BEGIN CERTIFICATE").unwrap();
    let key_start = server.find("-----BEGIN PRIVATE").unwrap();
    let (certificate, key) = if start < key_start {
        (&server[start..key_start], &server[key_start..])
    } else {
        (&server[start..], &server[key_start..start])
    };
    let shown = format!("{:?}", identity("server.pem").unwrap());
    assert_eq!(shown, "Tls { .. }");
    let damaged = key.replacen("\n", "\n!", 1);
    let cut = &key[..key.len() / 2];
    let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let old = format!("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{key}");
    let empty = "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n";
    let not_der = "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n";
    let expired = read("expired.pem");
    let trusted = certificate.replace("CERTIFICATE", "TRUSTED CERTIFICATE");
    for (certificate, key, reason) in [
        ("", key, "there is no certificate"),
        ("canary", key, "there is no certificate"),
        (key, key, "there is no certificate"),
        (&trusted, key, "the certificate is in the form of OpenSSL"),
        (not_der, key, "the certificate cannot be read"),
        (
            &certificate[..certificate.len() / 2],
            key,
            "the certificate is damaged",
        ),
        (certificate, "", "there is no private key"),
        (certificate, certificate, "there is no private key"),
        (certificate, &damaged, "the private key is damaged"),
        (certificate, cut, "the private key is damaged"),
        (certificate, empty, "the private key cannot be used"),
        (certificate, &encrypted, "the private key is encrypted"),
        (certificate, &old, "the private key is encrypted"),
        (
            certificate,
            &expired,
            "the private key is not that of the certificate",
        ),
    ] {
        let error = Tls::from_pem(certificate, &Secret::new(key)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting);
        let message = error.to_string();
        assert!(message.starts_with(reason), "{reason}: {message}");
        let all = format!("{message} {error:?}");
        let lines = server.lines().filter(|line| line.len() > 16);
        for line in lines
            .filter(|line| !line.starts_with("-----"))
            .chain(["Y2FuYXJ5"])
        {
            assert!(!all.contains(line), "{all}");
        }
    }
}

#[test]
fn a_mark_of_an_editor_before_the_pem_is_left_out() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pem = format!("\u{feff}{}", read("server.pem"));
    let tls = Tls::from_pem(&pem, &Secret::new(pem.as_str())).unwrap();
    assert!(tls.is_for("localhost"));
    let certificate = pem.find("-----BEGIN CERTIFICATE").unwrap();
    let key = pem.find("-----BEGIN PRIVATE").unwrap();
    let (first, second) = pem.split_at(certificate.max(key));
    let with_mark = |part: &str| format!("\u{feff}{}", part.trim_start_matches('\u{feff}'));
    let (first, second) = (with_mark(first), with_mark(second));
    let (certificate, key) = if certificate < key {
        (first, second)
    } else {
        (second, first)
    };
    assert!(tls.replace(certificate, &Secret::new(key)).is_ok());
}

#[test]
fn a_certificate_that_clients_refuse_for_its_time_is_known() {
    let now = Timestamp::from_unix_seconds(1_800_000_000);
    let (valid, expired) = ("server.pem", "expired.pem");
    assert!(identity(valid).unwrap().check_time(now).is_ok());
    // One of an authority, which is not for servers otherwise.
    assert!(identity("self-signed.pem").unwrap().check_time(now).is_ok());
    let error = identity(expired).unwrap().check_time(now).unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("the certificate has expired at 20"),
        "{message}"
    );
    let before = Timestamp::from_unix_seconds(0);
    let error = identity(valid).unwrap().check_time(before).unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("the certificate is not valid before 20"),
        "{message}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_has_no_tls() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tls.sock");
    let builder = Listener::builder().bind_unix(&path);
    let builder = builder.tls(identity("server.pem").unwrap());
    let error = builder.start(echo).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Setting);
    assert!(!path.exists());
}

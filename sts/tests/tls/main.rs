//! The certificate authorities of the client, against a TLS server in Python.
//!
//! `ca.pem` signed the certificate in `server.pem`, which is for `localhost` and 127.0.0.1;
//! `other.pem` signed nothing. `self-signed.pem` is a certificate for `localhost` as most guides
//! make one (`openssl req -x509`), and `expired.pem` one whose time is over. `named.pem` is for
//! `proxy.example`, `*.wild.example` and 192.0.2.1, in the tests of `imds`. The keys in these files
//! protect nothing, and the keys of the authorities were deleted.
#![cfg(all(
    feature = "client",
    any(feature = "rustls-no-provider", feature = "native-tls")
))]
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

mod client;
mod server;

use std::{
    error::Error as _,
    fs,
    path::{Path, PathBuf},
};

use client::{client, whoami};
use keyfob_sts::{Client, ClientBuilder, ErrorKind};
use server::{Server, file};

/// Writes a file of that name to the folder for files of tests.
fn temporary(name: &str, content: &[u8]) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&file, content).unwrap();
    file
}

#[tokio::test]
async fn a_server_of_a_private_authority_is_trusted_with_its_bundle_from_a_file_or_from_memory() {
    let server = Server::start("server.pem");
    let from_file = client(&server).ca_bundle_file(file("ca.pem")).unwrap();
    assert_eq!(whoami(from_file).await.unwrap(), "AIDA");
    // Bundles have comments and several certificates, as `/etc/ssl/certs/ca-certificates.crt` has.
    let [ca, other] = ["ca.pem", "other.pem"].map(|name| fs::read_to_string(file(name)).unwrap());
    let pem = format!("# Corporate root\n{other}\n# Another\n{ca}");
    let from_memory = client(&server).ca_bundle(pem).unwrap();
    assert_eq!(whoami(from_memory).await.unwrap(), "AIDA");
}

#[tokio::test]
async fn without_its_authority_the_server_is_refused_and_the_first_cause_names_the_certificate() {
    let server = Server::start("server.pem");
    let other = client(&server).ca_bundle_file(file("other.pem")).unwrap();
    for client in [client(&server), other] {
        let error = whoami(client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains("certificate"), "{cause}");
        assert!(error.to_string().ends_with("any CA bundle"), "{error}");
    }
}

#[tokio::test]
async fn every_certificate_is_accepted_only_if_asked_for() {
    for name in ["server.pem", "self-signed.pem", "expired.pem"] {
        let server = Server::start(name);
        let client = || client(&server).ca_bundle_file(file("other.pem")).unwrap();
        assert_eq!(
            whoami(client().accept_any_certificate()).await.unwrap(),
            "AIDA"
        );
        assert_eq!(
            whoami(client()).await.unwrap_err().kind(),
            ErrorKind::Connect
        );
    }
}

#[tokio::test]
async fn a_server_whose_own_certificate_is_in_the_bundle_is_trusted_as_by_openssl() {
    let server = Server::start("self-signed.pem");
    let bundle = fs::read_to_string(file("self-signed.pem")).unwrap();
    let other = fs::read_to_string(file("other.pem")).unwrap();
    for bundle in [bundle.clone(), format!("{other}{bundle}")] {
        let client = client(&server).ca_bundle(bundle).unwrap();
        assert_eq!(whoami(client).await.unwrap(), "AIDA");
    }
    // Not by another bundle, and not for another host.
    let by_other = client(&server).ca_bundle(other).unwrap();
    let by_address = server.url.replace("localhost", "127.0.0.1");
    let by_address = client(&server).endpoint(&by_address).unwrap();
    let by_address = by_address.ca_bundle(bundle).unwrap();
    for client in [by_other, by_address] {
        let error = whoami(client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused_even_if_it_is_in_the_bundle() {
    let server = Server::start("expired.pem");
    let client = client(&server).ca_bundle_file(file("expired.pem")).unwrap();
    let error = whoami(client).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
}

/// The TLS library shows names of its own types.
#[cfg(feature = "rustls-no-provider")]
#[tokio::test]
async fn a_failure_of_tls_is_said_in_words() {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        thread,
    };

    let expired = Server::start("expired.pem");
    let signed = Server::start("server.pem");
    let itself = Server::start("self-signed.pem");
    let by_address = itself.url.replace("localhost", "127.0.0.1");
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain_url = format!("https://{}", plain.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = plain.accept().unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
        drop(stream.read(&mut [0; 512]));
    });
    for (url, bundle, words) in [
        (
            &expired.url,
            "expired.pem",
            "the server's certificate has expired",
        ),
        (
            &signed.url,
            "other.pem",
            "the server's certificate is not signed by an authority that is trusted",
        ),
        (
            &itself.url,
            "other.pem",
            "the server's certificate is one of an authority (CA:TRUE): if the server is yours",
        ),
        (
            &by_address,
            "self-signed.pem",
            "the server's certificate is for another host",
        ),
        (
            &plain_url,
            "ca.pem",
            "the server does not speak TLS at this port",
        ),
    ] {
        let client = client(&signed).endpoint(url).unwrap();
        let client = client.ca_bundle_file(file(bundle)).unwrap();
        let error = whoami(client).await.unwrap_err();
        let cause = error.source().unwrap().to_string();
        assert!(cause.starts_with(words), "{cause}");
    }
}

#[test]
fn the_authorities_of_the_system_are_a_bundle_too() {
    let systems = ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"];
    for system in systems.iter().filter(|file| Path::new(file).exists()) {
        let builder = Client::builder().region("eu-west-1").unwrap();
        let client = builder
            .ca_bundle_file(system)
            .and_then(ClientBuilder::build);
        assert!(client.is_ok(), "{system}: {:?}", client.err());
    }
}

#[test]
fn a_bundle_that_cannot_be_read_is_an_error_that_names_the_file() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let empty = temporary("sts-empty.pem", b"");
    let key = fs::read_to_string(file("server.pem")).unwrap();
    let key = temporary(
        "sts-key.pem",
        &key.as_bytes()[key.find("-----BEGIN PRIVATE").unwrap()..],
    );
    let cut = temporary("sts-cut.pem", b"-----BEGIN CERTIFICATE-----\nMIIB");
    let not_der = b"-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n";
    let not_der = temporary("sts-not-der.pem", not_der);
    let endless = Path::new("/dev/zero");
    for (path, reason) in [
        (Path::new("/no/such.pem"), "cannot read the CA bundle"),
        (Path::new(folder), "cannot read the CA bundle"),
        (endless, "is longer than 16777216 bytes"),
        (&empty, "has no certificate"),
        (&key, "has no certificate"),
        (&cut, "has an invalid certificate"),
        (&not_der, "has an invalid certificate"),
    ] {
        let builder = Client::builder().region("eu-west-1").unwrap();
        let client = builder.ca_bundle_file(path).and_then(ClientBuilder::build);
        let error = client.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting);
        let message = error.to_string();
        assert!(message.contains(reason), "{message}");
        assert!(message.contains(&path.display().to_string()), "{message}");
        assert!(
            message.ends_with("set a file of certificates in PEM"),
            "{message}"
        );
        assert!(!format!("{error:?}").contains("Y2FuYXJ5"));
    }
    let error = Client::builder().ca_bundle("").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the CA bundle has no certificate")
    );
}

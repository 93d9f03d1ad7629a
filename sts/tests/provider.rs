//! The provider of cryptography for rustls, of which a process has at most one as its default. Each
//! test has a process of its own for that.
#![cfg(all(feature = "client", feature = "rustls-no-provider"))]
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

#[path = "tls/client.rs"]
mod client;
#[path = "tls/server.rs"]
mod server;
#[expect(dead_code, reason = "only one of its answers is needed")]
mod stub;

use std::{
    env,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use client::{client, whoami};
use keyfob_sts::Client;
#[cfg(not(feature = "rustls"))]
use keyfob_sts::ErrorKind;
use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom, ring};
use server::{Server, file};
use stub::{Answer, Stub};

/// Runs a test that is ignored otherwise in a process of its own.
fn run_alone(name: &str) {
    let mut test = Command::new(env::current_exe().unwrap());
    let output = test.args([name, "--exact", "--ignored"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn http_needs_no_provider_and_none_is_installed() {
    run_alone("http");
}

#[tokio::test]
#[ignore = "runs in a process of its own"]
async fn http() {
    let stub = Stub::start([Answer::identity()]).await;
    let builder = || Client::builder().region("eu-west-1").unwrap();
    let client = builder().endpoint(stub.url()).unwrap();
    assert_eq!(whoami(client).await.unwrap(), "AIDA");
    let client = builder().endpoint(stub.url()).unwrap();
    let client = client.ca_bundle_file(file("ca.pem")).unwrap();
    assert_eq!(whoami(client).await.unwrap(), "AIDA");
    let client = builder().endpoint(stub.url()).unwrap();
    assert_eq!(
        whoami(client.accept_any_certificate()).await.unwrap(),
        "AIDA"
    );
    assert!(CryptoProvider::get_default().is_none());
}

#[cfg(feature = "rustls")]
#[test]
fn https_needs_no_provider_and_none_is_installed() {
    run_alone("https");
}

#[cfg(feature = "rustls")]
#[tokio::test]
#[ignore = "runs in a process of its own"]
async fn https() {
    let server = Server::start("server.pem");
    let client = client(&server).ca_bundle_file(file("ca.pem")).unwrap();
    assert_eq!(whoami(client).await.unwrap(), "AIDA");
    assert!(CryptoProvider::get_default().is_none());
}

#[cfg(not(feature = "rustls"))]
#[test]
fn https_without_a_provider_is_an_error_that_tells_how_to_install_one() {
    run_alone("https_without");
}

#[cfg(not(feature = "rustls"))]
#[tokio::test]
#[ignore = "runs in a process of its own"]
async fn https_without() {
    let builder = || {
        let builder = Client::builder().region("eu-west-1").unwrap();
        builder.endpoint("https://localhost:9").unwrap()
    };
    let stub = Stub::start([Answer::identity()]).await;
    let url = stub.url().replace("http:", "https:");
    for builder in [
        builder(),
        builder().ca_bundle_file(file("ca.pem")).unwrap(),
        builder().accept_any_certificate(),
    ] {
        let error = whoami(builder.endpoint(&url).unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting);
        let cure = "call `rustls::crypto::CryptoProvider::install_default` before the client is \
                    built, or enable the feature `rustls`";
        assert!(error.to_string().ends_with(cure), "{error}");
    }
    // Nothing was sent, not even the start of a handshake.
    assert_eq!(stub.requests().concat(), "");

    ring::default_provider().install_default().unwrap();
    let server = Server::start("server.pem");
    let client = client(&server).ca_bundle_file(file("ca.pem")).unwrap();
    assert_eq!(whoami(client).await.unwrap(), "AIDA");
}

#[test]
fn a_provider_that_the_program_installed_is_used() {
    run_alone("installed");
}

#[tokio::test]
#[ignore = "runs in a process of its own"]
async fn installed() {
    static FILLED: AtomicUsize = AtomicUsize::new(0);

    #[derive(Debug)]
    struct Counting;

    impl SecureRandom for Counting {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
            FILLED.fetch_add(1, Ordering::Relaxed);
            ring::default_provider().secure_random.fill(buffer)
        }
    }

    let provider = CryptoProvider {
        secure_random: &Counting,
        ..ring::default_provider()
    };
    provider.install_default().unwrap();
    let server = Server::start("server.pem");
    let client = client(&server).ca_bundle_file(file("ca.pem")).unwrap();
    assert_eq!(whoami(client).await.unwrap(), "AIDA");
    assert!(FILLED.load(Ordering::Relaxed) > 0);
}

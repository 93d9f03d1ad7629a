//! Signatures of instance identity documents, made with OpenSSL in the forms that EC2 serves.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that unwraps fails the test that called it"
)]

use keyfob_imds::{
    ErrorKind,
    metadata::{Certificate, IdentityDocument},
};

const DOCUMENT: &str = include_str!("data/identity/document.json");
const CERTIFICATE: &str = include_str!("data/identity/certificate.pem");
const OTHER: &str = include_str!("data/identity/other.pem");
const SIGNATURE: &str = include_str!("data/identity/signature");
/// Encoded with indefinite lengths and the content in pieces, as EC2's are.
const PKCS7: &str = include_str!("data/identity/rsa2048");
const DETACHED: &str = include_str!("data/identity/rsa2048-detached");
const NO_ATTRIBUTES: &str = include_str!("data/identity/rsa2048-no-attributes");
const SHA1: &str = include_str!("data/identity/rsa2048-sha1");

fn document(text: &'static str) -> IdentityDocument {
    IdentityDocument::parse(text).unwrap()
}

#[test]
fn good_signatures_of_every_form_are_accepted() {
    let certificate = Certificate::from_pem(CERTIFICATE).unwrap();
    certificate.verify(&document(DOCUMENT), SIGNATURE).unwrap();
    for pkcs7 in [PKCS7, DETACHED, NO_ATTRIBUTES] {
        certificate
            .verify_pkcs7(&document(DOCUMENT), pkcs7)
            .unwrap();
    }
}

#[test]
fn another_document_or_another_key_is_a_mismatch() {
    let changed = document(DOCUMENT.replace("123456789012", "210987654321").leak());
    let (own, other) = (
        Certificate::from_pem(CERTIFICATE).unwrap(),
        Certificate::from_pem(OTHER).unwrap(),
    );
    for (certificate, document) in [(&own, &changed), (&other, &document(DOCUMENT))] {
        let error = certificate.verify(document, SIGNATURE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Signature);
        for pkcs7 in [PKCS7, DETACHED, NO_ATTRIBUTES] {
            let error = certificate.verify_pkcs7(document, pkcs7).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Signature);
        }
    }
}

#[test]
fn the_document_must_be_the_bytes_that_were_signed() {
    let certificate = Certificate::from_pem(CERTIFICATE).unwrap();
    let reformatted = document(DOCUMENT.replace(" : ", ": ").leak());
    assert!(certificate.verify(&reformatted, SIGNATURE).is_err());
    assert!(certificate.verify_pkcs7(&reformatted, PKCS7).is_err());
}

#[test]
fn weak_digests_and_other_data_are_rejected() {
    let certificate = Certificate::from_pem(CERTIFICATE).unwrap();
    for wrong in [SHA1, "", "*", "AAAA", SIGNATURE] {
        let error = certificate
            .verify_pkcs7(&document(DOCUMENT), wrong)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Response);
    }
    assert!(certificate.verify(&document(DOCUMENT), "AAAA").is_err());
    for wrong in [
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ] {
        assert!(Certificate::from_pem(wrong).is_err());
    }
}

/// With any byte of a signed message changed, or the rest cut off, there is no panic, and another
/// document is never accepted.
#[test]
fn a_damaged_signature_never_passes_for_another_document() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let certificate = Certificate::from_pem(CERTIFICATE).unwrap();
    let changed = document(DOCUMENT.replace("123456789012", "210987654321").leak());
    let message = STANDARD.decode(PKCS7.replace('\n', "")).unwrap();
    for at in 0..message.len() {
        for value in [0x00, 0x80, 0xff, message[at] ^ 1] {
            let mut damaged = message.clone();
            damaged[at] = value;
            assert!(
                certificate
                    .verify_pkcs7(&changed, &STANDARD.encode(&damaged))
                    .is_err()
            );
        }
        assert!(
            certificate
                .verify_pkcs7(&changed, &STANDARD.encode(&message[..at]))
                .is_err()
        );
    }
}

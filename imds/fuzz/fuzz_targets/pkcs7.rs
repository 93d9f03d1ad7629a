//! Reads any bytes as a certificate and as a signed message (BER): it never panics, and verifies
//! nothing that EC2 did not sign.
#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD};
use keyfob_imds::metadata::{Certificate, IdentityDocument};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = STANDARD.encode(bytes);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    let _ = Certificate::from_pem(&pem);
    let own = include_str!("../../tests/data/identity/certificate.pem");
    let certificate = Certificate::from_pem(own).unwrap();
    let document = IdentityDocument::parse(r#"{"region": "eu-west-1"}"#).unwrap();
    assert!(certificate.verify_pkcs7(&document, &text).is_err());
    assert!(certificate.verify(&document, &text).is_err());
});

//! Signs every request that is accepted: it never panics, and no part of the request can add a line
//! to the canonical request.
#![no_main]

use keyfob_sigv4::{Credentials, Payload, Request, Signer, Timestamp, Ttl};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, &str, &str, i64)| {
    let (method, url, name, value, seconds) = input;
    let Ok(request) = Request::new(method, url).and_then(|request| request.header(name, value))
    else {
        return;
    };
    let request = request.payload(Payload::Bytes(value.as_bytes()));
    let credentials = Credentials::new("AKIDEXAMPLE", "secret").unwrap();
    let at = Timestamp::from_unix_seconds(seconds);
    let signer = Signer::s3("us-east-1").unwrap();
    signer.sign(&request, &credentials, at).unwrap();
    let url = signer.presign(&request, &credentials, at, Ttl::MAX).unwrap();
    let parts = url.signed_headers();
    let explained = signer.explain_presign(&request, &credentials, at, Ttl::MAX).unwrap();
    assert_eq!(explained.signature(), url.signature());
    let names = explained.signed_headers().split(';').count();
    assert_eq!(
        explained.canonical_request().split('\n').count(),
        6 + names,
        "{parts}"
    );
});

//! Verifies any request: it never panics, and accepts none without the secret.
#![no_main]

use keyfob_sigv4::{Credentials, Payload, Request, Scope, Timestamp, verify::Verifier};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, &str, &str)| {
    let (target, authorization, date, token) = input;
    let headers = [
        ("Host", "example.com"),
        ("Authorization", authorization),
        ("X-Amz-Date", date),
        ("X-Amz-Security-Token", token),
    ];
    let now = Timestamp::from_unix_seconds(1_440_938_160);
    let general = Verifier::new(Scope::new("us-east-1", "service").unwrap()).accept_v4a();
    for (verifier, count) in [(general, 4), (Verifier::s3("us-east-1").unwrap(), 1)] {
        let Ok(request) = Request::from_wire("GET", target, &headers[..count]) else {
            return;
        };
        let request = request.payload(Payload::Bytes(token.as_bytes()));
        let lookup = |id: &str| Credentials::new(id, "canary-secret").ok();
        let error = verifier.verify(&request, now, lookup).unwrap_err();
        assert!(error.status() >= 400 && !error.body("id").contains("canary"));
        // Whatever is claimed can be explained or is refused, and the host cannot differ.
        if let Ok(claim) = verifier.claim(&request) {
            assert_eq!(request.host(), "example.com");
            assert!(claim.scope().ends_with(claim.service()) || claim.scope().contains('/'));
            let _ = claim.explain();
        }
    }
});

//! Verifies forms with any policy that was signed: it never panics, and accepts no form of which a
//! field has no condition.
#![no_main]

use base64::prelude::{BASE64_STANDARD, Engine as _};
use keyfob_sigv4::{Credentials, Scope, SigningKey, Timestamp, verify::Verifier};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, &str, &str)| {
    let (policy, bucket, name, value) = input;
    let key = Credentials::new("AKIDEXAMPLE", "canary-secret").unwrap();
    let now = Timestamp::from_unix_seconds(1_440_938_160);
    let encoded = BASE64_STANDARD.encode(policy);
    let scope = Scope::new("us-east-1", "s3").unwrap();
    let signature = SigningKey::derive(&key, &scope, now).sign(encoded.as_bytes());
    let fields = [
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", "AKIDEXAMPLE/20150830/us-east-1/s3/aws4_request"),
        ("x-amz-date", "20150830T123600Z"),
        ("policy", &*encoded),
        ("x-amz-signature", &*signature),
        (name, value),
    ];
    let verifier = Verifier::s3("us-east-1").unwrap();
    let verified = verifier
        .claim_post(bucket, &fields)
        .and_then(|claim| claim.verify(&key, now));
    match verified {
        Ok(verified) => {
            assert!(policy.to_ascii_lowercase().contains("bucket"));
            let _ = verified.check_length(1);
        }
        Err(error) => assert!(error.status() >= 400 && !error.body("id").contains("canary")),
    }
});

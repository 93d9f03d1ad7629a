//! Compares a signature with any answer of a server: it never panics, and never shows the secret or
//! the session token.
#![no_main]

use keyfob_sigv4::{Credentials, Request, Signer, Timestamp, diagnose::ServerView};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|answer: &str| {
    let credentials = Credentials::new("AKIDEXAMPLE", "canary-secret").unwrap();
    let credentials = credentials.with_session_token("canary-token").unwrap();
    let request = Request::new("GET", "https://example.com/a%20b?c=d").unwrap();
    let at = Timestamp::from_unix_seconds(1_440_938_160);
    let ours = Signer::s3("us-east-1")
        .unwrap()
        .explain(&request, &credentials, at).unwrap();
    let shown = format!("{:?}", ours.compare(&ServerView::parse(answer)));
    assert!(
        answer.contains("canary") || !shown.contains("canary"),
        "{shown}"
    );
});

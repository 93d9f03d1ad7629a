//! The options that every command takes.

use crate::keyfob::{Home, assert_has};

/// Half of a key, so that a provider that is asked fails.
fn half_a_key() -> Home {
    Home::new()
        .with("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .with("AWS_REGION", "eu-west-1")
}

#[test]
fn a_request_without_a_signature_asks_no_provider() {
    let home = half_a_key();
    let stderr = home
        .keyfob([
            "--sandbox",
            "--no-sign-request",
            "sts",
            "get-caller-identity",
        ])
        .fails(254);
    assert_has(
        &stderr,
        &["(MissingAuthenticationToken) when calling the GetCallerIdentity operation"],
    );
    // As `aws` writes it, apart from the region in the host.
    for (words, url) in [
        (
            &["s3://bu-ck/a%20b/ü"][..],
            "https://bu-ck.s3.eu-west-1.amazonaws.com/a%2520b/%C3%BC\n",
        ),
        (
            &[
                "s3://bu-ck/a",
                "--expires-in",
                "5",
                "--endpoint-url",
                "http://localhost:9000",
            ],
            "http://localhost:9000/bu-ck/a\n",
        ),
    ] {
        let presign = ["s3", "presign", "--no-sign-request"];
        assert_eq!(home.keyfob(presign.iter().chain(words)).ok(), url);
        home.keyfob(["s3", "presign"].iter().chain(words))
            .fails(253);
    }
}

#[test]
fn a_command_that_needs_credentials_refuses_to_do_without() {
    for words in [
        &["sign", "https://sts.amazonaws.com/"][..],
        &["whoami"],
        &["why"],
        &["serve", "container"],
    ] {
        let line = words.iter().chain(&["--no-sign-request"]);
        let stderr = half_a_key().keyfob(line).fails(252);
        assert_has(
            &stderr,
            &["--no-sign-request: this command needs credentials"],
        );
    }
}

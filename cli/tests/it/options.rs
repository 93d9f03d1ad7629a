//! The options that every command takes.

use crate::keyfob::{Home, assert_has, assert_lacks};

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

#[test]
fn why_explains_on_stderr_the_credentials_that_the_command_uses() {
    let home = Home::new();
    for (words, before, after) in [
        (
            &["whoami"][..],
            "metadata: role \"app\" (IMDSv2), key ",
            "\n",
        ),
        (&["whoami", "--json"], "\"key_id\": \"", "\""),
        (&["s3", "presign", "s3://b/k"], "X-Amz-Credential=", "%2F"),
        (&["sign", "https://sts.amazonaws.com/"], "Credential=", "/"),
    ] {
        let run = home.keyfob(["--sandbox", "--why"].iter().chain(words));
        let (_, rest) = run.stdout.split_once(before).unwrap();
        let (key, _) = rest.split_once(after).unwrap();
        // Each session has a key of its own, so a second one would show.
        let table = [
            &format!("credentials: instance metadata (key {key}, ")[..],
            "> 5 instance metadata      used  role \"app\" (IMDSv2)",
        ];
        assert_has(&run.stderr, &table);
        run.ok();
    }
}

#[test]
fn why_prints_the_text_of_the_command_why_and_nothing_else() {
    let masking = |home: Home| {
        let file = "[default]\naws_access_key_id = AKIAFILEEXAMPLE\naws_secret_access_key = s\n";
        home.with_file("credentials", file)
    };
    for home in [
        masking(Home::new().with_key("AKIAEXAMPLE", "canary")),
        masking(half_a_key()),
        half_a_key().with("AWS_PROFILE", "absent"),
        Home::new(),
    ] {
        let why = home.keyfob(["why"]);
        let presign = ["s3", "presign", "s3://b/k"];
        let plain = home.keyfob(presign);
        let told = home.keyfob(presign.iter().chain(&["--why"]));
        assert!(told.stderr.starts_with(&why.stdout), "{told:?}");
        assert_eq!(told.code, plain.code);
        assert_eq!(told.stdout.is_empty(), plain.stdout.is_empty());
    }
}

#[test]
fn why_says_nothing_for_a_command_that_takes_no_credentials() {
    let home = Home::new().with_file("config", "[profile a]\nregion = eu-west-1\n");
    for words in [
        &["configure", "list-profiles"][..],
        &["configure", "get", "region", "--profile", "a"],
        &["s3", "presign", "s3://b/k", "--no-sign-request"],
    ] {
        let run = home.keyfob(words.iter().chain(&["--why", "--region", "eu-west-1"]));
        assert_eq!(run.stderr, "", "{words:?}");
        run.ok();
    }
    let why = home.keyfob(["--sandbox", "why", "--why"]);
    assert_lacks(&why.stderr, &["credentials: "]);
    why.ok();
}

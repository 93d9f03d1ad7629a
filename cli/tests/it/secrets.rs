use crate::keyfob::{Home, assert_lacks};

const SECRET: &str = "canary/secret+0123456789+access/key";
const TOKEN: &str = "canary/token+0123456789";

/// Runs every command with `--debug`: no output contains the secret or the token unless asked for.
#[test]
fn no_command_shows_a_secret() {
    let file = format!(
        "[default]\naws_access_key_id = ASIAEXAMPLE\naws_secret_access_key = {SECRET}\naws_session_token = {TOKEN}\n"
    );
    let from_env = Home::new()
        .with_key("ASIAEXAMPLE", SECRET)
        .with("AWS_SESSION_TOKEN", TOKEN);
    let from_file = Home::new().with_file("credentials", &file);
    let commands: &[&[&str]] = &[
        &["--sandbox", "whoami"],
        &["--sandbox", "why"],
        &["--sandbox", "why", "--json"],
        &["--sandbox", "sts", "get-caller-identity"],
        &["--sandbox", "sts", "get-session-token"],
        &["--sandbox", "imds", "credentials"],
        &["--sandbox", "--sandbox-throttle", "1", "whoami"],
        &["--endpoint-url", "http://127.0.0.1:9", "whoami"],
        &[
            "--endpoint-url",
            "http://127.0.0.1:9",
            "sts",
            "get-caller-identity",
        ],
        &["why"],
        &["configure"],
        &["configure", "list"],
        &["configure", "list-profiles"],
        &["configure", "get", "region"],
        &[
            "configure",
            "set",
            "aws_secret_access_key",
            "canary value # with a comment",
        ],
        &["sts", "assume-role"],
        &["sign", "nonsense"],
        &[
            "sign",
            "-H",
            "authorization canary",
            "https://iam.amazonaws.com",
        ],
        &["sign", "--print", "url", "https://iam.amazonaws.com"],
        &["sign", "--print", "sts", "https://iam.amazonaws.com"],
        &["s3", "presign", "nonsense"],
        &["sign", "compare", "/dev/null", "https://iam.amazonaws.com"],
        &["--sandbox", "imds", "tree", "/latest/"],
        &["--sandbox", "imds", "document"],
        &["--sandbox", "imds", "token"],
        &["--sandbox", "--profile", "admin", "whoami"],
        &["serve", "imds", "--listen", "0.0.0.0:0"],
        &["serve", "container", "--token-file", "missing"],
    ];
    for home in [&from_env, &from_file] {
        for command in commands {
            let run = home.keyfob(command.iter().chain(&["--debug"]));
            assert_lacks(&run.stdout, &["canary"]);
            assert_lacks(&run.stderr, &["canary"]);
        }
    }
}

/// A presigned URL and signed headers must contain the token, but never the secret.
#[test]
fn signed_output_contains_the_token_but_not_the_secret() {
    let home = Home::new()
        .with_key("ASIAEXAMPLE", SECRET)
        .with("AWS_SESSION_TOKEN", TOKEN);
    for command in [
        vec!["s3", "presign", "s3://bucket/key"],
        vec!["sign", "https://iam.amazonaws.com/"],
        vec!["sign", "--print", "json", "https://iam.amazonaws.com/"],
        vec!["sign", "--print", "curl", "https://iam.amazonaws.com/"],
        vec!["sign", "--auth", "query", "https://iam.amazonaws.com/"],
    ] {
        let run = home.keyfob(command.iter().chain(&["--debug"]));
        assert_lacks(&run.stderr, &["canary"]);
        assert_lacks(&run.ok(), &[SECRET, "secret"]);
    }
}

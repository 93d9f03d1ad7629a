//! `--debug` says each decision and where it comes from, and no secret.

use crate::{
    keyfob::{Home, assert_has, assert_lacks},
    lab::Lab,
};

#[test]
fn each_decision_is_logged_with_where_it_comes_from() {
    let lab = Lab::start();
    let home = lab.home().with("AWS_RETRY_MODE", "standard").with_file(
        "config",
        "[profile alice]\nregion = eu-west-1\nmax_attempts = 7\n",
    );
    let secret = lab.alice.secret_access_key().expose().to_owned();
    let url = format!("{}/?Action=GetCallerIdentity&Version=2011-06-15", lab.url);
    let chosen = [
        "DEBUG credentials source=\"profile \\\"alice\\\"",
        "[alice] in ~/.aws/credentials:3",
        "profile=\"alice\" profile_from=\"AWS_PROFILE\"",
    ];
    let region = "DEBUG region name=\"us-east-1\" from=\"AWS_REGION\"";
    let settings = [
        "endpoint_from=\"AWS_ENDPOINT_URL\"",
        "max_attempts=\"7 ([alice] in ~/.aws/config:3)\"",
        "retry_mode=\"standard (AWS_RETRY_MODE)\"",
    ];
    for (words, more) in [
        (
            &["sts", "get-caller-identity"][..],
            &[
                "DEBUG sts answered elapsed=",
                region,
                settings[0],
                settings[1],
                settings[2],
            ][..],
        ),
        (&["whoami"], &["DEBUG sts answered elapsed=", region]),
        (
            &["request", "--service", "sts", &url],
            &["DEBUG answered status=200 request_id=", region],
        ),
        (
            &["s3", "presign", "s3://b/k"],
            &[
                "DEBUG signing for s3 endpoint=\"http://",
                settings[0],
                region,
            ],
        ),
        (
            &["exec", "true"],
            &[
                "DEBUG environment set=\"AWS_REGION ",
                " cleared=\"AWS_PROFILE\"",
                region,
            ],
        ),
        (
            &["exec", "--serve", "true"],
            &[
                "DEBUG serving url=\"http://127.0.0.1:",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            ],
        ),
        (&["env"], &["DEBUG environment set=\"AWS_REGION "]),
    ] {
        let run = home.keyfob([&["--debug"], words].concat());
        assert_has(&run.stderr, &chosen);
        assert_has(&run.stderr, more);
        assert_lacks(&run.stderr, &[&secret]);
        run.ok();
    }
}

#[test]
fn a_refusal_is_logged_with_its_status_and_no_password_of_a_url_is() {
    let lab = Lab::start();
    let url = lab.url.replace("http://", "http://user:canary@");
    let home = Home::new()
        .with_key("AKIAIOSFODNN7EXAMPLE", "canary")
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_ENDPOINT_URL_STS", &url);
    let run = home.keyfob(["sts", "get-caller-identity", "--debug"]);
    assert_lacks(&run.stderr, &["canary"]);
    let home = home.with("AWS_ENDPOINT_URL_STS", &lab.url);
    let run = home.keyfob(["sts", "get-caller-identity", "--debug"]);
    assert_has(
        &run.stderr,
        &[
            "DEBUG sts failed elapsed=",
            "status=403 code=\"InvalidClientTokenId\" request_id=",
        ],
    );
    assert_lacks(&run.stderr, &["canary"]);
    assert_eq!(run.code, 254);
}

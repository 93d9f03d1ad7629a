//! Which STS is called: the same one by every command, with the same settings.

#[path = "../../../sts/tests/tls/server.rs"]
pub(crate) mod tls;

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use self::tls::{Server, file};
use crate::keyfob::{Home, assert_has, assert_lacks};

/// A key, and a role that is assumed with it.
const CREDENTIALS: &str = "[default]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = canary
[ops]
role_arn = arn:aws:iam::123456789012:role/ops
source_profile = default
";

/// A proxy that refuses every connection and reports the host that was asked for. No name is
/// resolved, so hosts of AWS can be tested here.
fn proxy() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, hosts) = mpsc::channel();
    // It ends with the test program.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let length = stream.read(&mut head).unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let host = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let _ = sender.send(host);
            let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
        }
    });
    (url, hosts)
}

#[test]
fn sts_whoami_and_the_role_of_a_profile_call_one_endpoint() {
    for (settings, host) in [
        (
            &[("AWS_REGION", "us-west-2")][..],
            "sts.us-west-2.amazonaws.com:443",
        ),
        (
            &[
                ("AWS_REGION", "us-west-2"),
                ("AWS_USE_FIPS_ENDPOINT", "true"),
            ],
            "sts-fips.us-west-2.amazonaws.com:443",
        ),
        (
            &[
                ("AWS_REGION", "eu-west-1"),
                ("AWS_USE_DUALSTACK_ENDPOINT", "TRUE"),
            ],
            "sts.eu-west-1.api.aws:443",
        ),
        (
            &[("AWS_REGION", "cn-north-1")],
            "sts.cn-north-1.amazonaws.com.cn:443",
        ),
        (
            &[("AWS_DEFAULT_REGION", "us-gov-west-1")],
            "sts.us-gov-west-1.amazonaws.com:443",
        ),
        (&[], "sts.us-east-1.amazonaws.com:443"),
    ] {
        let (url, hosts) = proxy();
        let mut home = Home::new()
            .with_file("credentials", CREDENTIALS)
            .with("HTTPS_PROXY", &url)
            .with("AWS_EC2_METADATA_DISABLED", "true")
            .with("AWS_MAX_ATTEMPTS", "1");
        for (name, value) in settings {
            home = home.with(name, value);
        }
        for words in [
            &["sts", "get-caller-identity"][..],
            &["whoami"],
            // This one assumes the role, and gets no further.
            &["--profile", "ops", "whoami"],
        ] {
            let stderr = home.keyfob(words.iter()).fails(255);
            assert_eq!(
                hosts.recv().unwrap(),
                host,
                "{words:?} with {settings:?}\n{stderr}"
            );
            assert!(
                hosts.try_recv().is_err(),
                "{words:?}: one attempt, one call"
            );
        }
    }
}

#[test]
fn hosts_in_no_proxy_are_called_without_the_proxy() {
    let (url, hosts) = proxy();
    let home = Home::new()
        .with_file("credentials", CREDENTIALS)
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_MAX_ATTEMPTS", "1")
        .with("AWS_ENDPOINT_URL_STS", "https://sts.invalid")
        .with("HTTPS_PROXY", &url);
    home.keyfob(["sts", "get-caller-identity"]).fails(255);
    assert_eq!(hosts.recv().unwrap(), "sts.invalid:443");
    let home = home.with("NO_PROXY", "example.com,.invalid");
    home.keyfob(["sts", "get-caller-identity"]).fails(255);
    assert!(hosts.try_recv().is_err());
}

#[test]
fn a_proxy_that_cannot_be_used_stops_the_call_and_is_named_without_its_value() {
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        for value in [
            "\"http://u:secret@127.0.0.1:1\"",
            " http://u:secret@127.0.0.1:1",
            "htp://secret",
            "http://secret[",
            "http://u:secret@127.0.0.1:99999",
            "socks5://secret:1080",
            "secret",
        ] {
            let home = Home::new()
                .with_file("credentials", CREDENTIALS)
                .with("AWS_REGION", "eu-west-1")
                .with(name, value);
            for words in [
                &["sts", "get-session-token"][..],
                &["whoami"],
                // By the endpoint of the role.
                &["--profile", "ops", "s3", "presign", "s3://bucket/key"],
            ] {
                let stderr = home.keyfob(words).fails(253);
                assert_has(&stderr, &["(Configuration)", name, "http://HOST:PORT"]);
                assert_lacks(&stderr, &["secret"]);
            }
            // Signing sends nothing, and a host may be exempt.
            home.keyfob(["s3", "presign", "s3://bucket/key"]).ok();
            let home = home
                .with("NO_PROXY", ".invalid")
                .with("AWS_MAX_ATTEMPTS", "1");
            let url = ["--endpoint-url", "https://sts.invalid", "whoami"];
            let stderr = home.keyfob(url).fails(255);
            assert_has(&stderr, &["(EndpointConnection)"]);
        }
    }
}

#[test]
fn each_command_that_calls_sts_without_encryption_warns_before_the_call() {
    let (url, hosts) = proxy();
    let home = Home::new()
        .with_file("credentials", CREDENTIALS)
        .with("HTTP_PROXY", &url)
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with("AWS_MAX_ATTEMPTS", "1");
    let remote = "http://sts.invalid:8080";
    let role = "arn:aws:iam::123456789012:role/ops";
    for words in [
        &["whoami"][..],
        &["sts", "get-caller-identity"],
        &["sts", "get-session-token"],
        &[
            "sts",
            "assume-role",
            "--role-arn",
            role,
            "--role-session-name",
            "me",
        ],
    ] {
        let argument = ["--endpoint-url", remote];
        let stderr = home.keyfob(argument.iter().chain(words)).fails(254);
        let warning =
            format!("warning: STS is called without encryption at {remote} (--endpoint-url)");
        assert!(stderr.starts_with(&warning), "{words:?}: {stderr}");
        assert_eq!(stderr.matches("without encryption").count(), 1);
        assert_eq!(hosts.recv().unwrap(), "http://sts.invalid:8080/");
    }
    let why = home.keyfob(["why", "--endpoint-url", remote]).ok();
    assert_has(&why, &["warning: STS is called without encryption"]);
    let local = home.keyfob(["--sandbox", "whoami"]);
    assert_lacks(&local.stderr, &["without encryption"]);
    // A role is assumed at the endpoint of the settings.
    let configured = home.with("AWS_ENDPOINT_URL_STS", remote);
    for words in [
        &["s3", "presign", "s3://bucket/key"][..],
        &["serve", "container"],
        &["whoami"],
    ] {
        let run = configured.keyfob(["--profile", "ops"].iter().chain(words));
        let stderr = run.fails(254);
        let warning =
            format!("warning: STS is called without encryption at {remote} (AWS_ENDPOINT_URL_STS)");
        assert!(stderr.starts_with(&warning), "{words:?}: {stderr}");
    }
    let why = configured.keyfob(["why", "--output", "json"]).ok();
    assert_has(&why, &["\"clear_text\"", "without encryption"]);
    // Nothing is called.
    let presign = configured.keyfob(["s3", "presign", "s3://bucket/key"]);
    assert_lacks(&presign.stderr, &["without encryption"]);
}

#[test]
fn settings_of_endpoints_that_have_no_effect_are_named() {
    let (url, _hosts) = proxy();
    let home = Home::new()
        .with_file("credentials", CREDENTIALS)
        .with("HTTPS_PROXY", &url)
        .with("AWS_REGION", "us-east-2")
        .with("AWS_MAX_ATTEMPTS", "1")
        .with("AWS_USE_FIPS_ENDPOINT", "yes")
        .with("AWS_STS_REGIONAL_ENDPOINTS", "legacy");
    let warning = "warning: AWS_USE_FIPS_ENDPOINT is neither true nor false, so it is off";
    for words in [
        &["sts", "get-session-token"][..],
        &["whoami"],
        &["--profile", "ops", "s3", "presign", "s3://bucket/key"],
    ] {
        let stderr = home.keyfob(words).fails(255);
        assert!(stderr.starts_with(warning), "{stderr}");
    }
    let why = home.keyfob(["why"]).ok();
    let note = "AWS_STS_REGIONAL_ENDPOINTS is legacy, which is not used";
    assert_has(&why, &[warning, note]);

    let home = home.with("AWS_USE_FIPS_ENDPOINT", "true");
    let stderr = home
        .keyfob(["--endpoint-url", "https://sts.invalid", "whoami"])
        .fails(253);
    let text = "AWS_USE_FIPS_ENDPOINT does not work with a custom endpoint (--endpoint-url)";
    assert_has(&stderr, &["(Configuration)", text]);
}

#[test]
fn a_ca_bundle_is_used_by_sts_whoami_and_the_role_of_a_profile() {
    let server = Server::start("server.pem");
    let home = || {
        Home::new()
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_MAX_ATTEMPTS", "1")
            .with("AWS_ENDPOINT_URL_STS", &server.url)
    };
    let bundle = file("ca.pem");
    let bundle = bundle.to_str().unwrap();
    let property = format!("{CREDENTIALS}ca_bundle = {bundle}\n")
        .replace("[ops]", &format!("ca_bundle = {bundle}\n[ops]"));
    let commands = [
        &["sts", "get-caller-identity"][..],
        &["whoami"],
        &["--profile", "ops", "whoami"],
    ];
    for words in commands {
        let by_variable = home()
            .with_file("credentials", CREDENTIALS)
            .with("AWS_CA_BUNDLE", bundle);
        assert_has(&by_variable.keyfob(words).ok(), &["AIDA"]);
        let by_property = home().with_file("credentials", &property);
        assert_has(&by_property.keyfob(words).ok(), &["AIDA"]);
        let without = home().with_file("credentials", CREDENTIALS);
        assert_has(&without.keyfob(words).fails(255), &["certificate"]);
        let unreadable = home()
            .with_file("credentials", CREDENTIALS)
            .with("AWS_CA_BUNDLE", "/no/such.pem");
        let stderr = unreadable.keyfob(words).fails(253);
        assert_has(&stderr, &["AWS_CA_BUNDLE cannot be used", "/no/such.pem"]);
    }
}

#[test]
fn the_authorities_of_the_system_are_needed_only_for_https_and_without_a_bundle() {
    let server = Server::start("server.pem");
    let home = |authorities: &str| {
        Home::new()
            .with_file("credentials", CREDENTIALS)
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_MAX_ATTEMPTS", "1")
            .with("AWS_ENDPOINT_URL_STS", &server.url)
            .with("SSL_CERT_FILE", authorities)
    };
    let bundle = file("ca.pem").display().to_string();
    let words = ["sts", "get-caller-identity"];
    assert_has(&home(&bundle).keyfob(words).ok(), &["AIDA"]);

    let home = home("/no/such.pem");
    let stderr = home.keyfob(words).fails(255);
    let text = "no certificate authority can be read from SSL_CERT_FILE: unset it, or set a CA";
    assert_has(&stderr, &[text]);
    let with_bundle = home.keyfob(words.iter().chain(&["--ca-bundle", &bundle]));
    assert_has(&with_bundle.ok(), &["AIDA"]);
    let sandbox = home.keyfob(["--sandbox", "sts", "get-caller-identity"]);
    assert_has(&sandbox.ok(), &["Arn"]);
}

#[test]
fn the_options_of_tls_come_before_variables_for_every_call() {
    let server = Server::start("server.pem");
    let home = Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_MAX_ATTEMPTS", "1")
        .with("AWS_ENDPOINT_URL_STS", &server.url)
        .with("AWS_CA_BUNDLE", file("other.pem").to_str().unwrap())
        .with_file("credentials", CREDENTIALS);
    let bundle = file("ca.pem").display().to_string();
    for words in [
        &["sts", "get-caller-identity"][..],
        &["whoami"],
        &["--profile", "ops", "whoami"],
    ] {
        assert_has(&home.keyfob(words).fails(255), &["certificate"]);
        let by_option = home.keyfob(words.iter().chain(&["--ca-bundle", &bundle]));
        assert_has(&by_option.ok(), &["AIDA"]);
        let unchecked = home.keyfob(words.iter().chain(&["--no-verify-ssl"]));
        assert_has(
            &unchecked.stderr,
            &["warning: certificates are not checked"],
        );
        assert_has(&unchecked.ok(), &["AIDA"]);
    }
}

/// The certificates are signed by themselves, by an authority that no system knows, and expired.
#[test]
fn the_certificates_that_a_request_accepts_are_those_of_authorities_that_are_known() {
    let home = Home::new()
        .with_key("AKIAEXAMPLE", "canary")
        .with("AWS_REGION", "eu-west-1");
    let bundle = file("ca.pem").display().to_string();
    for certificate in ["self-signed.pem", "server.pem", "expired.pem"] {
        let server = Server::start(certificate);
        let words = [
            "request",
            "--service",
            "sts",
            "-d",
            "Action=GetCallerIdentity",
            &server.url,
        ];
        let stderr = home.keyfob(words).fails(255);
        assert_has(
            &stderr,
            &["(EndpointConnection)", "certificate", "keyfob doctor"],
        );
        for option in ["-k", "--no-verify-ssl"] {
            let run = home.keyfob(words.iter().chain(&[option]));
            assert_has(&run.stderr, &["warning: ", "not checked", option]);
            assert_has(&run.ok(), &["AIDA"]);
        }
        let by_bundle = home.keyfob(words.iter().chain(&["--ca-bundle", &*bundle]));
        assert_eq!(
            by_bundle.code == 0,
            certificate == "server.pem",
            "{by_bundle:?}"
        );
    }
}

/// `https` waits for the server while it connects, `http` while it reads.
#[test]
fn the_options_of_timeouts_end_a_call_to_a_server_that_does_not_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let home = Home::new()
        .with_key("AKIAEXAMPLE", "canary")
        .with("AWS_REGION", "eu-west-1");
    for (scheme, option, code) in [
        ("http", "--cli-read-timeout", "ReadTimeout"),
        ("https", "--cli-connect-timeout", "EndpointConnection"),
    ] {
        let url = format!("{scheme}://{address}");
        let started = Instant::now();
        let run = home.keyfob([
            "--endpoint-url",
            &url,
            option,
            "1",
            "--max-attempts",
            "1",
            "sts",
            "get-caller-identity",
        ]);
        assert_has(&run.fails(255), &[code]);
        let elapsed = started.elapsed();
        assert!(
            elapsed < Duration::from_millis(2900),
            "{option}: {elapsed:?}"
        );
    }
}

#[test]
fn the_options_of_retries_come_before_variables() {
    let home = Home::new()
        .with("AWS_MAX_ATTEMPTS", "1")
        .with("AWS_RETRY_MODE", "nonsense");
    let call = [
        "--sandbox",
        "--sandbox-throttle",
        "9",
        "sts",
        "get-caller-identity",
    ];
    let stderr = home.keyfob(call).fails(253);
    assert_has(&stderr, &["AWS_RETRY_MODE is \"nonsense\""]);
    let options = ["--retry-mode", "standard", "--max-attempts", "2"];
    let stderr = home.keyfob(call.iter().chain(&options)).fails(254);
    assert_has(&stderr, &["(reached max retries: 1)"]);
    let wrong = [["--retry-mode", "fast"], ["--max-attempts", "0"]];
    for option in wrong {
        home.keyfob(call.iter().chain(&option)).fails(252);
    }
}

#[test]
fn each_command_that_uses_the_default_region_says_so() {
    let home = Home::new()
        .with("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .with("AWS_MAX_ATTEMPTS", "1")
        .with_file("credentials", CREDENTIALS);
    for words in [
        &["whoami"][..],
        &["why"],
        &["--why", "whoami"],
        &["sts", "get-caller-identity"],
        &["iam", "get-user"],
        &["ec2", "describe-instances"],
        &[
            "service-quotas",
            "list-service-quotas",
            "--service-code",
            "ec2",
        ],
        &["sign", "--service", "execute-api", "http://localhost/"],
        &["s3", "presign", "s3://b/k"],
        // It stops at the file, after the region.
        &["serve", "imds", "--metadata", "missing"],
        // The region of the call for the role.
        &["serve", "container", "--profile", "ops"],
    ] {
        let run = home.keyfob(words);
        let text = format!("{}{}", run.stdout, run.stderr);
        let note = "no region is set, so us-east-1 is used";
        assert_eq!(text.matches(note).count(), 1, "{words:?}: {text}");
    }
    let list = home.keyfob(["configure", "list"]).ok();
    let region = list.lines().find(|line| line.starts_with("region"));
    assert_has(region.unwrap(), &["us-east-1", "default", "built in"]);
}

#[test]
fn no_default_region_is_used_if_an_option_or_a_variable_forbids_it() {
    let home = || Home::new().with_key("AKIAEXAMPLE", "canary");
    let forbidden = home().with("KEYFOB_NO_DEFAULT_REGION", "true");
    for words in [
        &["sts", "get-caller-identity"][..],
        &["whoami"],
        &["s3", "presign", "s3://b/k"],
    ] {
        let by_option = home().keyfob(words.iter().chain(&["--no-default-region"]));
        for run in [by_option, forbidden.keyfob(words)] {
            assert_has(&run.fails(253), &["no region is set: set AWS_REGION"]);
        }
    }
    let presign = ["s3", "presign", "s3://b/k", "--region", "eu-west-1"];
    assert_has(&forbidden.keyfob(presign).ok(), &["eu-west-1"]);
}

//! Tokens and passwords that services accept instead of a signed request.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
};

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use keyfob_sigv4::{
    Credentials, Timestamp, Ttl,
    token::{self, AppSync, CacheKind},
};
use serde_json::{Value, json};

use crate::{
    answers::{answer, start_server},
    keyfob::{Home, Run, assert_has, assert_lacks},
    lab::Lab,
    python,
    servers::fetch,
};

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn home() -> Home {
    Home::new()
        .with_key(ID, SECRET)
        .with("AWS_DEFAULT_REGION", "us-east-1")
}

fn keys() -> Credentials {
    Credentials::new(ID, SECRET).unwrap()
}

fn decoded(text: &str) -> String {
    String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// Returns the URL in a token of EKS.
fn eks_url(credential: &Value) -> String {
    let token = credential["status"]["token"].as_str().unwrap();
    decoded(token.strip_prefix("k8s-aws-v1.").unwrap())
}

/// Returns the time at which a URL was signed.
fn date(url: &str) -> String {
    url.split_once("X-Amz-Date=").unwrap().1[..16].to_owned()
}

/// Returns the time of a token, in whichever form it is.
fn time_of(printed: &str) -> String {
    if let Some((_, password)) = printed.split_once("password=") {
        return password[..16].to_owned();
    }
    if printed.contains("X-Amz-Date=") {
        return date(printed);
    }
    let start = printed.find("k8s-aws-v1.").unwrap() + "k8s-aws-v1.".len();
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    let length = printed.as_bytes()[start..]
        .iter()
        .take_while(|byte| is_base64(byte));
    date(&decoded(&printed[start..start + length.count()]))
}

const GIT: &str = "protocol=https\nhost=git-codecommit.eu-west-1.amazonaws.com\npath=v1/repos/my\n";

#[test]
fn the_tokens_of_aws_have_its_bytes() {
    let rds = [
        "rds",
        "generate-db-auth-token",
        "--port",
        "5432",
        "--hostname",
    ];
    let connect = ["dsql", "generate-db-connect-auth-token", "--hostname"];
    let admin = ["dsql", "generate-db-connect-admin-auth-token", "--hostname"];
    let eks = ["eks", "get-token"];
    let host = "db.abc.us-east-1.rds.amazonaws.com";
    let cluster = "abc.dsql.us-east-1.on.aws";
    let lines: Vec<(Vec<&str>, &str)> = vec![
        ([&eks[..], &["--cluster-name", "my cluster"]].concat(), ""),
        ([&eks[..], &["--cluster-id", "a-b"]].concat(), ""),
        (
            [&eks[..], &["--cluster-name", "c", "--output", "text"]].concat(),
            "",
        ),
        (
            [&eks[..], &["--cluster-name", "c", "--output", "table"]].concat(),
            "",
        ),
        (
            [&eks[..], &["--cluster-name", "c", "--query", "status"]].concat(),
            "",
        ),
        (
            [&eks[..], &["--cluster-name", "c", "--region", "cn-north-1"]].concat(),
            "",
        ),
        ([&rds[..], &[host, "--username", "app"]].concat(), ""),
        (
            [&rds[..], &[host, "--username", "a user+x/ü@%"]].concat(),
            "",
        ),
        (
            [&rds[..], &["DB.Example.com", "--username", "app"]].concat(),
            "",
        ),
        (
            [
                &rds[..],
                &["localhost", "--username", "app", "--port", "443"],
            ]
            .concat(),
            "",
        ),
        ([&rds[..], &["[::1]", "--username", "app"]].concat(), ""),
        ([&connect[..], &[cluster]].concat(), ""),
        (
            [&admin[..], &[cluster, "--expires-in", "604800"]].concat(),
            "",
        ),
        (vec!["codecommit", "credential-helper", "get"], GIT),
        (vec!["codecommit", "credential-helper", "store"], GIT),
        (vec!["codecommit", "credential-helper", "erase"], GIT),
    ];
    for session in ["", "IQoJb3JpZ2lu//SESSION+TOKEN=="] {
        let home = home().with("AWS_SESSION_TOKEN", session);
        let mut cases = String::new();
        let mut printed = Vec::new();
        for (words, input) in &lines {
            let text = home.keyfob_with_input(words, input).ok();
            let is_empty = text.is_empty();
            let time = if is_empty {
                "20260101T000000Z".to_owned()
            } else {
                time_of(&text)
            };
            cases += &format!("{}\n", json!([time, words, input]));
            printed.push(text);
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tokens_beside_aws.py");
        let mut python = home.program(python::tool("python"));
        python.arg(script).stdin(Stdio::piped());
        python.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut python = python.spawn().unwrap();
        python
            .stdin
            .take()
            .unwrap()
            .write_all(cases.as_bytes())
            .unwrap();
        let expected = Run::new(python.wait_with_output().unwrap()).ok();
        assert_eq!(expected.lines().count(), lines.len());
        for ((line, ours), (words, _)) in expected.lines().zip(&printed).zip(&lines) {
            let theirs: String = serde_json::from_str(line).unwrap();
            assert_eq!(*ours, theirs, "{words:?}");
        }
    }
}

#[test]
fn kubectl_gets_the_version_that_it_asks_for_and_an_old_one_is_warned_about() {
    let get = |info: &str| {
        let home = home().with("KUBERNETES_EXEC_INFO", info);
        let run = home.keyfob(["eks", "get-token", "--cluster-name", "c"]);
        let version = serde_json::from_str::<Value>(&run.stdout).unwrap()["apiVersion"].clone();
        (version.as_str().unwrap().to_owned(), run.stderr)
    };
    let name = |version: &str| format!("client.authentication.k8s.io/{version}");
    let info = |version: &str| json!({"apiVersion": name(version), "spec": {}}).to_string();
    for (info, version, warning) in [
        (String::new(), "v1beta1", ""),
        (info("v1"), "v1", ""),
        (info("v1beta1"), "v1beta1", ""),
        (
            info("v1alpha1"),
            "v1alpha1",
            "write client.authentication.k8s.io/v1beta1 there",
        ),
        (
            info("v2"),
            "v1beta1",
            "has an API version that is not known",
        ),
        (
            "{}".to_owned(),
            "v1beta1",
            "has an API version that is not known",
        ),
        (
            "[1]".to_owned(),
            "v1beta1",
            "has an API version that is not known",
        ),
        (
            "{canary".to_owned(),
            "v1beta1",
            "KUBERNETES_EXEC_INFO is not JSON",
        ),
    ] {
        let (printed, stderr) = get(&info);
        assert_eq!(printed, name(version), "{info}");
        assert_eq!(stderr.is_empty(), warning.is_empty(), "{stderr}");
        assert_has(&stderr, &[warning]);
        assert_lacks(&stderr, &["canary"]);
    }
}

/// A process that is killed on drop.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A real client, with both versions and with the arguments that `aws eks update-kubeconfig`
/// writes.
#[test]
fn kubectl_sends_the_token() {
    let is_there = Command::new("kubectl")
        .args(["version", "--client"])
        .output();
    if !is_there.is_ok_and(|run| run.status.success()) {
        println!("not checked: there is no kubectl");
        return;
    }
    let lab = Lab::start();
    let role = keyfob_sts::server::Role::new("k8s").unwrap();
    lab.account.add_role(role);
    let arn = "arn:aws:iam::123456789012:role/k8s";
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/kubernetes_api.py");
    for version in ["v1", "v1beta1"] {
        for more in [&[][..], &["--output", "json", "--role", arn]] {
            let mut server = Command::new(python::tool("python"));
            let server = server.arg(script).stdout(Stdio::piped());
            let mut server = Ended(server.spawn().unwrap());
            let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
            let url = format!("https://127.0.0.1:{}", lines.next().unwrap().unwrap());
            let words = [
                "--region",
                "us-east-1",
                "eks",
                "get-token",
                "--cluster-name",
                "c",
            ];
            let words = [&words[..], more].concat();
            let cluster = json!({"server": url, "insecure-skip-tls-verify": true});
            let config = json!({
                "apiVersion": "v1", "kind": "Config", "current-context": "c",
                "clusters": [{"name": "c", "cluster": cluster}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "users": [{"name": "u", "user": {"exec": {
                    "apiVersion": format!("client.authentication.k8s.io/{version}"),
                    "command": env!("CARGO_BIN_EXE_keyfob"), "args": words,
                    "interactiveMode": "IfAvailable",
                }}}],
            });
            let home = lab.home();
            fs::write(home.path().join("kubeconfig"), config.to_string()).unwrap();
            let mut kubectl = home.program("kubectl");
            kubectl.args(["--kubeconfig", "kubeconfig", "get", "--raw", "/version"]);
            assert_has(&Run::new(kubectl.output().unwrap()).ok(), &["v1.32.0"]);
            let header = lines.next().unwrap().unwrap();
            let token = header.strip_prefix("Bearer k8s-aws-v1.").unwrap();
            let url = decoded(token);
            assert_eq!(
                url.contains("X-Amz-Security-Token"),
                !more.is_empty(),
                "{url}"
            );
            // The cluster sends the request to STS, which says who signed it.
            let who = fetch("GET", &url, &[("x-k8s-aws-id", "c")], "");
            let expected = if more.is_empty() {
                ":user/alice"
            } else {
                ":assumed-role/k8s/EKSGetTokenAuth"
            };
            assert_has(&who, &["HTTP/1.1 200", expected]);
            let other = fetch("GET", &url, &[("x-k8s-aws-id", "d")], "");
            assert_has(&other, &["HTTP/1.1 403"]);
        }
    }
}

#[test]
fn a_token_of_eks_is_for_the_endpoint_of_sts_in_use_and_ends_with_the_session() {
    let get = |home: &Home, more: &[&str]| {
        let words = ["eks", "get-token", "--cluster-name", "c"];
        home.keyfob(words.iter().chain(more)).json()
    };
    for (variable, value, expected) in [
        (
            "AWS_REGION",
            "eu-west-1",
            "https://sts.eu-west-1.amazonaws.com/?",
        ),
        (
            "AWS_USE_FIPS_ENDPOINT",
            "true",
            "https://sts-fips.us-east-1.amazonaws.com/?",
        ),
        (
            "AWS_ENDPOINT_URL_STS",
            "http://[::1]:9/",
            "http://[::1]:9/?",
        ),
    ] {
        let url = eks_url(&get(&home().with(variable, value), &[]));
        assert!(url.starts_with(expected), "{url}");
    }
    // As in aws, the option is not for STS.
    let url = eks_url(&get(&home(), &["--endpoint-url", "http://127.0.0.1:1"]));
    assert!(
        url.starts_with("https://sts.us-east-1.amazonaws.com/?"),
        "{url}"
    );
    let soon = Timestamp::now().plus_seconds(300);
    let soon = Timestamp::from_unix_seconds(soon.unix_seconds()).to_string();
    let home = home().with("AWS_CREDENTIAL_EXPIRATION", &soon);
    assert_eq!(get(&home, &[])["status"]["expirationTimestamp"], *soon);
}

#[test]
fn git_logs_in_by_the_helper() {
    let home = home()
        .with("GIT_CONFIG_NOSYSTEM", "1")
        .with("GIT_TERMINAL_PROMPT", "0");
    let helper = format!(
        "!{} codecommit credential-helper $@",
        env!("CARGO_BIN_EXE_keyfob")
    );
    let git = |words: &[&str]| Run::new(home.program("git").args(words).output().unwrap());
    git(&["config", "--global", "credential.helper", &helper]).ok();
    let fill = |lines: &str| {
        let mut git = home.program("git");
        git.args(["credential", "fill"]).stdin(Stdio::piped());
        let mut git = git
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        git.stdin
            .take()
            .unwrap()
            .write_all(lines.as_bytes())
            .unwrap();
        Run::new(git.wait_with_output().unwrap())
    };
    // Without the setting, git does not pass the path. The error names it.
    let url = "url=https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/my\n\n";
    let run = fill(url);
    assert_ne!(run.code, 0);
    let (_, cure) = run.stderr.split_once("hint: git ").unwrap();
    let cure: Vec<&str> = cure.lines().next().unwrap().split(' ').collect();
    git(&cure).ok();
    let filled = fill(url).ok();
    let value = |name: &str| {
        let line = filled.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().to_owned()
    };
    assert_eq!(value("username="), ID);
    let password = value("password=");
    let at = password[..16].parse().unwrap();
    let host = "git-codecommit.eu-west-1.amazonaws.com";
    let login = token::codecommit(host, "v1/repos/my", "eu-west-1", &keys(), at).unwrap();
    assert_eq!(password, login.password());
}

#[test]
fn the_helper_of_git_answers_for_hosts_of_aws_and_says_what_is_missing() {
    let get = |input: &str, more: &[&str]| {
        let words = ["codecommit", "credential-helper", "get"];
        home().keyfob_with_input(words.iter().chain(more), input)
    };
    for host in [
        "example.com",
        "git-codecommit.eu-west-1.amazonaws.com.example.com",
        "[::1]",
    ] {
        let input = format!("protocol=https\nhost={host}\npath=v1/repos/my\n");
        assert_eq!(get(&input, &[]).ok(), "");
        assert_has(
            &get(&input, &["--ignore-host-check"]).ok(),
            &["username=AKIDEXAMPLE\n"],
        );
    }
    for host in [
        "git-codecommit-fips.us-gov-west-1.amazonaws.com",
        "git-codecommit.cn-north-1.amazonaws.com.cn",
        "vpce-1-abc.git-codecommit.eu-west-1.vpce.amazonaws.com",
        "git-codecommit.eu-west-1.amazonaws.com:443",
    ] {
        let input = format!("host={host}\r\npath=/v1/repos/my\n\n");
        assert_has(
            &get(&input, &[]).ok(),
            &["username=AKIDEXAMPLE\npassword=20"],
        );
    }
    for (input, text) in [
        ("", "no line host=HOST"),
        ("canary\nhost=\n", "no line host=HOST"),
        (
            "host=git-codecommit.eu-west-1.amazonaws.com\n",
            "no line path=PATH",
        ),
    ] {
        let stderr = get(input, &[]).fails(252);
        assert_has(&stderr, &[text]);
        assert_lacks(&stderr, &["canary"]);
    }
}

#[test]
fn the_password_of_a_registry_is_in_the_authorization_as_for_aws() {
    let token = BASE64_STANDARD.encode("AWS:pass:word=");
    let data = json!({"authorizationToken": token, "expiresAt": 1_790_000_000});
    for (service, body) in [
        ("ecr", json!({"authorizationData": [data]})),
        ("ecr-public", json!({"authorizationData": data})),
    ] {
        let (url, sent) = start_server(&answer("200 OK", &body.to_string()));
        let words = [service, "get-login-password", "--endpoint-url", &url];
        assert_eq!(home().keyfob(words).ok(), "pass:word=\n");
        assert_eq!(sent.recv().unwrap(), "{}");
        // Whatever the format of answers is, as for aws.
        let words = [&words[..], &["--output", "json", "--query", "x"]].concat();
        assert_eq!(home().keyfob(words).ok(), "pass:word=\n");
    }
    // aws cannot read a password with a colon.
    let token = BASE64_STANDARD.encode("AWS:password");
    let body = json!({"authorizationData": [{"authorizationToken": token}]});
    let (url, _sent) = start_server(&answer("200 OK", &body.to_string()));
    let words = ["ecr", "get-login-password", "--endpoint-url", &url];
    let home = home();
    assert_eq!(home.keyfob(words).ok(), home.aws(&words).ok());
    for body in [
        json!({}),
        json!({"authorizationData": []}),
        json!({"authorizationData": [{"authorizationToken": "canary"}]}),
        json!({"authorizationData": [{"authorizationToken": BASE64_STANDARD.encode("canary")}]}),
    ] {
        let (url, _sent) = start_server(&answer("200 OK", &body.to_string()));
        let words = ["ecr", "get-login-password", "--endpoint-url", &url];
        let stderr = home.keyfob(words).fails(255);
        assert_has(&stderr, &["the answer has no token that can be read"]);
        assert_lacks(&stderr, &["canary"]);
    }
    let stderr = home.keyfob(["ecr", "get-login"]).fails(252);
    assert_has(&stderr, &["did you mean `keyfob ecr get-login-password`?"]);
}

#[test]
fn what_a_token_cannot_be_made_of_is_refused_with_its_option() {
    let rds = ["rds", "generate-db-auth-token"];
    let rds = |host, port, user| {
        let line = ["--hostname", host, "--port", port, "--username", user];
        [&rds[..], &line].concat()
    };
    let dsql = ["dsql", "generate-db-connect-auth-token", "--hostname"];
    let eks = ["eks", "get-token"];
    let session = home().with("AWS_SESSION_TOKEN", "t");
    for (words, code, text) in [
        (
            rds("db:5432", "5432", "app"),
            252,
            "--hostname: write the host alone",
        ),
        (
            rds("https://db", "5432", "app"),
            252,
            "--hostname: write the host alone",
        ),
        (rds("", "5432", "app"), 252, "--hostname: invalid host"),
        (rds("a b", "5432", "app"), 252, "--hostname: invalid host"),
        (
            rds("db", "5432", " "),
            252,
            "--username: the user name is empty",
        ),
        (
            rds("db", "0", "app"),
            252,
            "--port: 0 is not in the range 1 to 65535",
        ),
        (
            rds("db", "-1", "app"),
            252,
            "--port: -1 is not in the range",
        ),
        (rds("db", "99999999999999999999", "app"), 252, "--port: "),
        (
            rds("db", "http", "app"),
            255,
            "--port: it is not a whole number",
        ),
        (
            [&dsql[..], &["h", "--expires-in", "604801"]].concat(),
            252,
            "--expires-in: 604801 is",
        ),
        (
            [&dsql[..], &["h", "--expires-in", "0"]].concat(),
            252,
            "--expires-in: 0 is",
        ),
        (
            [&dsql[..], &["h/x"]].concat(),
            252,
            "--hostname: invalid host",
        ),
        (
            eks.to_vec(),
            252,
            "required: --cluster-name, or --cluster-id",
        ),
        (
            [&eks[..], &["--cluster-name", ""]].concat(),
            252,
            "--cluster-name: the cluster name is",
        ),
        (
            [&eks[..], &["--cluster-id", "a\nb"]].concat(),
            252,
            "--cluster-id: invalid header value",
        ),
        (
            [&eks[..], &["--cluster-id", "a", "--cluster-name", "b"]].concat(),
            252,
            "cannot be used with",
        ),
        (
            [&eks[..], &["--cluster-name", "b", "--external-id", "x"]].concat(),
            252,
            "--role-arn",
        ),
        (
            vec!["token", "iot", "--hostname", "a/b"],
            252,
            "--hostname: invalid host",
        ),
        (
            vec!["token", "bedrock", "--expires-in", "43201"],
            252,
            "--expires-in: 43201 is not in",
        ),
        (
            vec!["token", "transcribe", "--param", "canary"],
            252,
            "--param: write NAME=VALUE",
        ),
        (
            vec![
                "token",
                "elasticache",
                "--cache-name",
                "",
                "--username",
                "u",
            ],
            252,
            "--cache-name: invalid host",
        ),
        (
            vec!["token", "ses-smtp"],
            253,
            "use the access key of a user",
        ),
        (
            vec!["token", "msk", "--no-sign-request"],
            252,
            "--no-sign-request: ",
        ),
    ] {
        let stderr = session.keyfob(&words).fails(code);
        assert_has(&stderr, &[text]);
        assert_lacks(&stderr, &["canary"]);
    }
}

#[test]
fn a_host_in_another_region_is_warned_about_with_a_cure_that_works() {
    let host = "db.abc.eu-west-1.rds.amazonaws.com";
    let rds = [
        "rds",
        "generate-db-auth-token",
        "--port",
        "1",
        "--username",
        "u",
    ];
    let rds = [&rds[..], &["--hostname", host]].concat();
    let cluster = "abc.dsql.eu-west-1.on.aws";
    let dsql = vec![
        "dsql",
        "generate-db-connect-auth-token",
        "--hostname",
        cluster,
    ];
    let iot = vec![
        "token",
        "iot",
        "--hostname",
        "a-ats.iot.eu-west-1.amazonaws.com",
    ];
    let appsync = "a.appsync-api.eu-west-1.amazonaws.com";
    let appsync = vec!["token", "appsync", "--hostname", appsync];
    for words in [rds, dsql, iot, appsync] {
        let run = home().keyfob(&words);
        let (_, cure) = run.stderr.split_once("add ").unwrap();
        assert_has(&run.stderr, &["warning: the host is in eu-west-1"]);
        let cured = home().keyfob(words.iter().copied().chain(cure.trim().split(' ')));
        assert_eq!(cured.stderr, "", "{words:?}");
        cured.ok();
    }
}

#[test]
fn a_token_that_ends_with_the_credentials_is_warned_about() {
    let soon = Timestamp::now().plus_seconds(300).to_string();
    let home = home().with("AWS_CREDENTIAL_EXPIRATION", &soon);
    let host = ["--hostname", "abc.dsql.us-east-1.on.aws"];
    let dsql = ["dsql", "generate-db-connect-auth-token"];
    for words in [
        [&dsql[..], &host].concat(),
        vec!["token", "msk"],
        vec!["token", "bedrock", "--output", "json"],
    ] {
        let run = home.keyfob(&words);
        assert_has(
            &run.stderr,
            &["warning: the token stops working at ", "credentials expire"],
        );
        run.ok();
    }
    assert_eq!(
        home.keyfob(["token", "bedrock", "--expires-in", "60"])
            .stderr,
        ""
    );
}

/// The library makes the same tokens at the same time. Its tests compare them with others.
#[test]
fn the_tokens_that_aws_has_no_command_for_are_those_of_the_library() {
    let region = "us-east-1";
    let at = |url: &str| date(url).parse::<Timestamp>().unwrap();
    let run = |words: &str| home().keyfob(words.split(' ')).ok();
    let line = |words: &str| run(words).trim_end().to_owned();

    let password = line("token elasticache --cache-name My-Cache --username app --serverless");
    let kind = CacheKind::Serverless;
    let expected = token::elasticache("my-cache", "app", kind, region, &keys(), at(&password));
    assert_eq!(password, expected.unwrap().expose());
    let password = line("token elasticache --cache-name c --username app");
    let kind = CacheKind::Nodes;
    let expected = token::elasticache("c", "app", kind, region, &keys(), at(&password));
    assert_eq!(password, expected.unwrap().expose());
    let password = line("token memorydb --cluster-name c --username app");
    let expected = token::memorydb("c", "app", region, &keys(), at(&password));
    assert_eq!(password, expected.unwrap().expose());

    let msk: Value =
        serde_json::from_str(&run("token msk --user-agent a/1 --output json")).unwrap();
    let text = msk["token"].as_str().unwrap();
    let expected = token::msk(region, "a/1", &keys(), at(&decoded(text))).unwrap();
    assert_eq!(text, expected.expose());
    assert_eq!(msk["expiry"], expected.expiry().to_string());

    let key = line("token bedrock --expires-in 60");
    let url = BASE64_STANDARD
        .decode(key.strip_prefix("bedrock-api-key-").unwrap())
        .unwrap();
    let ttl = Ttl::from_secs(60).unwrap();
    let at_time = at(&String::from_utf8(url).unwrap());
    let expected = token::bedrock(region, ttl, &keys(), at_time).unwrap();
    assert_eq!(key, expected.expose());

    let host = "a-ats.iot.us-east-1.amazonaws.com";
    let url = line(&format!("token iot --hostname {host} --expires-in 60"));
    let expected = token::iot_websocket(host, region, ttl, &keys(), at(&url)).unwrap();
    assert_eq!(url, expected.expose());

    let url = line("token transcribe --param language-code=en-US --param x=a=b --expires-in 60");
    let parameters = [("language-code", "en-US"), ("x", "a=b")];
    let expected = token::transcribe_websocket(&parameters, region, ttl, &keys(), at(&url));
    assert_eq!(url, expected.unwrap().as_str());

    assert_eq!(
        line("token ses-smtp"),
        token::ses_smtp_password(keys().secret_access_key(), region)
            .unwrap()
            .expose()
    );
    let login: Value = serde_json::from_str(&run("token ses-smtp --output json")).unwrap();
    assert_eq!(login["username"], ID);
}

#[test]
fn a_connection_and_a_subscription_of_appsync_are_authorized() {
    let host = "a.appsync-api.us-east-1.amazonaws.com";
    let line = ["token", "appsync", "--hostname", host];
    let run = |more: &[&str], input: &str| {
        home()
            .keyfob_with_input([&line[..], more].concat(), input)
            .ok()
    };
    let url = run(&[], "");
    assert_has(
        &url,
        &["wss://a.appsync-realtime-api.us-east-1.amazonaws.com/graphql?header="],
    );
    let events = run(&["--events"], "");
    assert_has(
        &events,
        &["wss://a.appsync-realtime-api.us-east-1.amazonaws.com/event/realtime?"],
    );
    let data = r#"{"query":"subscription { a { id } }","variables":{}}"#;
    let directory = home();
    fs::write(directory.path().join("data"), data).unwrap();
    let from_file = directory
        .keyfob([&line[..], &["--data", "file://data"]].concat())
        .ok();
    for text in [
        run(&["--data", data], ""),
        run(&["--data", "-"], data),
        from_file,
    ] {
        let headers: Value = serde_json::from_str(&text).unwrap();
        let at = headers["x-amz-date"].as_str().unwrap().parse().unwrap();
        let api = AppSync::graphql(host, "us-east-1").unwrap();
        let expected = api.authorize(data, &keys(), at).unwrap();
        assert_eq!(text.trim_end(), expected.expose());
    }
}

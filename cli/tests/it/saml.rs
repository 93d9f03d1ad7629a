use std::fs;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use keyfob_sigv4::Timestamp;
use keyfob_sts::server::Role;

use crate::{
    configure::on_terminal,
    keyfob::{Home, Run, assert_has, assert_lacks},
    lab::Lab,
    readme::transcript,
};

const DEV: &str = "arn:aws:iam::123456789012:role/dev";
const OPS: &str = "arn:aws:iam::123456789012:role/ops";

const ENCRYPTED: &str = "<p:Response xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol' \
    xmlns='urn:oasis:names:tc:SAML:2.0:assertion'><EncryptedAssertion/></p:Response>";

struct Idp {
    lab: Lab,
    home: Home,
    provider: String,
}

impl Idp {
    fn start() -> Self {
        let lab = Lab::start();
        let provider = lab
            .account
            .add_saml_provider("corp", "https://idp.example.com");
        let trust = format!(
            r#"{{"Statement": {{"Effect": "Allow", "Action": "sts:AssumeRoleWithSAML",
                "Principal": {{"Federated": "{provider}"}}}}}}"#
        );
        for name in ["dev", "ops"] {
            let role = Role::new(name).unwrap().trust(trust.parse().unwrap());
            lab.account.add_role(role);
        }
        let home = Home::new()
            .with("AWS_ENDPOINT_URL", &lab.url)
            .with("AWS_REGION", "us-east-1")
            .with_file(
                "credentials",
                "# mine\n[corp] # by hand\nregion = eu-west-1\n",
            );
        Self {
            lab,
            home,
            provider,
        }
    }

    /// Returns a response that offers these roles, which was issued some seconds ago.
    fn response(&self, roles: &[&str], age: i64) -> String {
        let at = Timestamp::now().plus_seconds(-age);
        let response = self
            .lab
            .account
            .saml_assertion(&self.provider, roles[0], "ada", at);
        let xml = BASE64_STANDARD.decode(response.expose()).unwrap();
        let xml = String::from_utf8(xml).unwrap();
        let values: String = roles[1..]
            .iter()
            .map(|role| format!("<AttributeValue>{},{role}</AttributeValue>", self.provider))
            .collect();
        let end = "</AttributeValue></Attribute></AttributeStatement>";
        xml.replace(
            end,
            &end.replacen("</Attribute>", &format!("{values}</Attribute>"), 1),
        )
    }

    fn login(&self, more: &[&str], response: &str) -> Run {
        let words = ["saml", "login", "--assertion", "-", "--profile", "corp"];
        self.home
            .keyfob_with_input([&words, more].concat(), response)
    }

    fn whoami(&self) -> String {
        let words = ["sts", "get-caller-identity", "--profile", "corp"];
        let more = ["--query", "Arn", "--output", "text"];
        self.home.keyfob(words.iter().chain(&more)).ok()
    }
}

#[test]
fn a_response_is_traded_for_a_session_that_is_stored_with_its_expiry() {
    let idp = Idp::start();
    let response = idp.response(&[DEV], 0);
    for (response, more) in [
        (response.clone(), &[][..]),
        (BASE64_STANDARD.encode(&response), &["--force"]),
        (
            format!(
                "SAMLResponse={}",
                BASE64_STANDARD.encode(&response).replace('+', "%2B")
            ),
            &["--force", "--role-arn", DEV, "--duration-seconds", "900"],
        ),
    ] {
        let run = idp.login(more, &response);
        assert_has(
            &run.stderr,
            &["note: profile \"corp\" has a session of ", DEV],
        );
        assert_eq!(run.ok(), "");
        assert_eq!(
            idp.whoami(),
            "arn:aws:sts::123456789012:assumed-role/dev/ada\n"
        );
    }
    let file = idp.home.read("credentials");
    assert!(
        file.starts_with("# mine\n[corp] # by hand\nregion = eu-west-1\n"),
        "{file}"
    );
    assert_has(
        &file,
        &[
            "\nx_security_token_expires = 2",
            &format!("\nx_principal_arn = {DEV}\n"),
        ],
    );
}

#[test]
fn the_profile_may_be_new() {
    let idp = Idp::start();
    let home = Home::new();
    let words = ["saml", "login", "--assertion", "-", "--profile", "new"];
    let line = [&words[..], &["--endpoint-url", &idp.lab.url]].concat();
    home.keyfob_with_input(line, &idp.response(&[DEV], 0)).ok();
    let file = home.read("credentials");
    assert_has(&file, &["[new]\naws_access_key_id = ASIA"]);
}

#[test]
fn a_session_that_is_valid_is_kept_unless_another_role_or_force_is_asked_for() {
    let idp = Idp::start();
    let response = idp.response(&[DEV, OPS], 0);
    idp.login(&["--role-arn", DEV], &response).ok();
    let calls = || idp.lab.services.calls("AssumeRoleWithSAML");
    for more in [&[][..], &["--role-arn", DEV]] {
        let run = idp.login(more, "not read");
        assert_has(&run.stderr, &["is valid until", "--force gets another one"]);
        assert_eq!((run.ok().as_str(), calls()), ("", 1));
    }
    idp.login(&["--role-arn", OPS], &response).ok();
    assert_eq!(
        idp.whoami(),
        "arn:aws:sts::123456789012:assumed-role/ops/ada\n"
    );
    idp.login(&["--role-arn", OPS, "--force"], &response).ok();
    assert_eq!(calls(), 3);
    let expired = idp
        .home
        .read("credentials")
        .replace("_expires = 2", "_expires = 1");
    fs::write(idp.home.file("credentials"), expired).unwrap();
    idp.login(&["--role-arn", OPS], &response).ok();
    assert_eq!(calls(), 4);
}

#[test]
fn a_session_that_is_not_of_saml_is_not_taken_for_the_one_that_is_asked_for() {
    let idp = Idp::start();
    let other = "[corp]\naws_access_key_id = ASIAOTHER\naws_secret_access_key = s\n\
        aws_session_token = t\nx_security_token_expires = 2099-01-01T00:00:00Z\n";
    fs::write(idp.home.file("credentials"), other).unwrap();
    let stderr = idp.login(&[], "<x/>").fails(252);
    assert_has(&stderr, &["--assertion: "]);
    idp.login(&[], &idp.response(&[DEV], 0)).ok();
    assert_eq!(
        idp.whoami(),
        "arn:aws:sts::123456789012:assumed-role/dev/ada\n"
    );
}

#[test]
fn a_profile_whose_other_credentials_come_first_is_refused_before_a_session_is_issued() {
    let idp = Idp::start();
    let config = format!("[profile corp]\nrole_arn = {OPS}\nsource_profile = base\n");
    fs::write(idp.home.file("config"), config).unwrap();
    let stderr = idp.login(&[], &idp.response(&[DEV], 0)).fails(252);
    assert_has(
        &stderr,
        &["--profile: this profile has Assume Role credentials (role_arn in "],
    );
    assert_eq!(idp.lab.services.counters().requests, 0);
}

#[test]
fn several_roles_are_listed_without_a_terminal_and_asked_about_at_one() {
    let idp = Idp::start();
    let response = idp.response(&[DEV, OPS], 0);
    let stderr = idp.login(&[], &response).fails(252);
    assert_has(
        &stderr,
        &["offers 2 roles: choose one with --role-arn", DEV, OPS],
    );
    let stderr = idp
        .login(&["--role-arn", &DEV.replace("dev", "x")], &response)
        .fails(252);
    assert_has(
        &stderr,
        &["--role-arn: the response does not offer this role", DEV],
    );
    assert_eq!(
        idp.login(&["--list-roles"], &response).ok(),
        format!("{DEV}\n{OPS}\n")
    );
    let listed = idp.login(&["--list-roles", "--json"], &response).json();
    assert_eq!(listed["roles"][1]["provider_arn"], idp.provider.as_str());
    assert_eq!(idp.lab.services.counters().requests, 0);
    let file = idp.home.path().join("response");
    fs::write(&file, response).unwrap();
    let words = [
        "saml",
        "login",
        "--profile",
        "corp",
        "--assertion",
        "response",
    ];
    let question = "Number of the role [1]: ";
    let run = on_terminal(&idp.home, &words, &[(question, "3\n"), (question, "2\n")]);
    assert_eq!(run["code"], 0, "{run}");
    assert_has(
        run["shown"].as_str().unwrap(),
        &["type a number from 1 to 2"],
    );
    assert_eq!(
        idp.whoami(),
        "arn:aws:sts::123456789012:assumed-role/ops/ada\n"
    );
}

#[test]
fn an_encrypted_response_needs_the_role_and_the_provider() {
    let idp = Idp::start();
    for more in [&[][..], &["--role-arn", DEV]] {
        let stderr = idp.login(more, ENCRYPTED).fails(252);
        assert_has(&stderr, &["is encrypted", "--role-arn and --principal-arn"]);
    }
    let both = ["--role-arn", DEV, "--principal-arn", &idp.provider];
    // The test server cannot decrypt it, but it is asked.
    idp.login(&both, ENCRYPTED).fails(254);
    assert_eq!(idp.lab.services.calls("AssumeRoleWithSAML"), 1);
}

#[test]
fn what_is_no_response_and_one_that_has_expired_are_refused_without_repeating_them() {
    let idp = Idp::start();
    for response in [
        "canary",
        "<canary/>",
        "<!DOCTYPE canary [<!ENTITY a 'canary'>]><a/>",
        "",
    ] {
        let stderr = idp.login(&[], response).fails(252);
        assert_has(&stderr, &["--assertion: "]);
        assert_lacks(&stderr, &["canary"]);
    }
    let old = idp.response(&[DEV], 3600);
    let stderr = idp.login(&["--debug"], &old).fails(254);
    assert_has(
        &stderr,
        &["(ExpiredTokenException)", "hint: the response expired at "],
    );
    assert_lacks(
        &stderr,
        &[&BASE64_STANDARD.encode(&old), "AttributeStatement"],
    );
}

#[test]
fn a_response_in_the_place_of_its_file_is_not_repeated() {
    let idp = Idp::start();
    let xml = idp.response(&[DEV], 0);
    let encoded = BASE64_STANDARD.encode(&xml);
    // A path through a file is another error than a long name.
    fs::write(idp.home.path().join("file"), "").unwrap();
    for response in [
        &xml,
        &encoded,
        "canary",
        "file/canary",
        &"canary/".repeat(900),
    ] {
        let words = ["saml", "login", "--assertion", response];
        let stderr = idp.home.keyfob(words).fails(252);
        assert_has(&stderr, &["--assertion: "]);
        assert_lacks(&stderr, &[&encoded[..20], "AttributeStatement", "canary"]);
    }
    let stderr = idp.home.keyfob(["saml", "login", "--assertion", &encoded]);
    assert_has(&stderr.fails(252), &["there is no file with this name"]);
}

#[test]
fn the_transcript_of_the_readme_logs_in() {
    let idp = Idp::start();
    let response = idp.response(&[DEV, OPS], 0);
    for (line, output) in transcript("keyfob saml login") {
        let words = line.split(' ').skip(1);
        let run = idp.home.keyfob_with_input(words, &response);
        assert_eq!(run.stdout, output, "{run:?}");
        run.ok();
    }
    assert_eq!(
        idp.whoami(),
        "arn:aws:sts::123456789012:assumed-role/ops/ada\n"
    );
}

/// Responses that an identity provider lets a browser post. The browser is the opener in `PATH`.
#[cfg(target_os = "linux")]
mod identity_provider {
    use std::{
        net::TcpListener,
        path::Path,
        process::{Child, Command, Stdio},
    };

    use serde_json::json;

    use super::*;
    use crate::{
        browser::{printed_url, with_opener},
        javascript,
        servers::{fetch, free_port, wait_until},
    };

    const ISSUER: &str = "https://idp.example.com";

    /// Signs in at the page, and posts the form that it answers, as a browser does: with `Origin`.
    const BROWSER: &str = r#"python3 -c 'import html, re, sys, urllib.parse as p, urllib.request as u
page = u.urlopen(sys.argv[1] + "/signin", b"").read().decode()
field = lambda name: html.unescape(re.search(name + "=\"([^\"]*)\"", page)[1])
form = {"SAMLResponse": field("name=\"SAMLResponse\"\\s+value"), "RelayState": ""}
request = u.Request(field("action"), p.urlencode(form).encode(), {"Origin": sys.argv[1]})
print(u.urlopen(request).read().decode())' "$1" > page 2>&1 &"#;

    /// `saml-idp`, an identity provider that signs its responses.
    struct Server {
        process: Child,
        url: String,
    }

    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }

    impl Server {
        /// Starts it in a home folder, with a person who has these roles.
        fn start(packages: &Path, home: &Home, consumer: &str, roles: &[String]) -> Self {
            let folder = home.path();
            let key = Command::new("openssl")
                .args(["req", "-x509", "-new", "-newkey", "rsa:2048", "-nodes"])
                .args(["-subj", "/CN=idp", "-keyout", "key.pem", "-out", "cert.pem"])
                .current_dir(folder)
                .output()
                .unwrap();
            assert!(key.status.success(), "{key:?}");
            let attribute = |name: &str| format!("https://aws.amazon.com/SAML/Attributes/{name}");
            let names = [attribute("Role"), attribute("RoleSessionName")];
            let metadata = names.iter().map(|id| json!({"id": id, "optional": false}));
            let config = json!({
                "user": {
                    "userName": "ada",
                    "nameIdFormat": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
                    &names[0]: roles,
                    &names[1]: "ada",
                },
                "metadata": metadata.collect::<Vec<_>>(),
            });
            let file = folder.join("idp.js");
            fs::write(&file, format!("module.exports = {config}")).unwrap();
            let port = free_port().to_string();
            let process = home
                .program("node")
                .arg(packages.join("node_modules/saml-idp/bin/run.js"))
                .args(["--host", "127.0.0.1", "--port", &port, "--issuer", ISSUER])
                .args(["--cert", "cert.pem", "--key", "key.pem"])
                .args(["--acsUrl", consumer, "--audience", "urn:amazon:webservices"])
                .arg("--configFile")
                .arg(file)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let url = format!("http://127.0.0.1:{port}");
            wait_until(|| std::net::TcpStream::connect(&url["http://".len()..]).is_ok());
            Self { process, url }
        }
    }

    fn words(port: &str) -> [&str; 6] {
        ["saml", "login", "--profile", "corp", "--port", port]
    }

    #[test]
    fn a_signed_response_of_a_real_identity_provider_is_traded_for_a_session() {
        let Some(packages) = javascript::packages() else {
            println!("not run: npm is not installed");
            return;
        };
        let idp = Idp::start();
        let port = free_port().to_string();
        let consumer = format!("http://127.0.0.1:{port}/saml");
        // In either order.
        let roles = [
            format!("{},{DEV}", idp.provider),
            format!("{OPS},{}", idp.provider),
        ];
        let server = Server::start(packages, &idp.home, &consumer, &roles);
        let Idp {
            lab,
            home,
            provider,
        } = idp;
        let home = with_opener(home.with("DISPLAY", ":0"), BROWSER);
        let idp = Idp {
            lab,
            home,
            provider,
        };
        let login = |more: &[&str]| {
            let url = ["--idp-url", &server.url, "--debug"];
            idp.home.keyfob([&words(&port)[..], &url, more].concat())
        };
        let stderr = login(&[]);
        assert_eq!(stderr.code, 252, "{stderr:?}");
        assert_has(&stderr.stderr, &["offers 2 roles", DEV, OPS]);
        let run = login(&["--role-arn", OPS]);
        let page = fs::read_to_string(idp.home.path().join("page")).unwrap_or_default();
        assert_has(&run.stderr, &["note: profile \"corp\" has a session of "]);
        assert_lacks(&run.stderr, &["PHNhbWxw", "AttributeStatement"]);
        assert_has(
            &run.ok(),
            &["Attempting to open your default browser.", &server.url],
        );
        assert_lacks(&page, &["Error"]);
        let ops = "arn:aws:sts::123456789012:assumed-role/ops/ada\n";
        assert_eq!(idp.whoami(), ops);

        // The same by hand: the page of the form, saved as it is.
        let page = fetch("POST", &format!("{}/signin", server.url), &[], "");
        let (_, value) = page.split_once("name=\"SAMLResponse\"").unwrap();
        let value = value.split('"').nth(1).unwrap().replace("&#x3D;", "=");
        let listed = idp.login(&["--list-roles"], &value).ok();
        assert_eq!(listed, format!("{DEV}\n{OPS}\n"));
        // As some identity providers wrap it.
        let lines: Vec<_> = value.as_bytes().chunks(76).collect();
        let wrapped = String::from_utf8(lines.join(&b"\r\n"[..])).unwrap();
        idp.login(&["--role-arn", DEV, "--force"], &wrapped).ok();
        assert_eq!(idp.whoami(), ops.replace("ops", "dev"));
    }

    /// Starts a login, and waits until it listens.
    fn waiting(idp: &Idp, port: &str, more: &[&str]) -> Child {
        let mut child = idp
            .home
            .program(env!("CARGO_BIN_EXE_keyfob"))
            .args(words(port))
            .args(["--no-browser", "--idp-url", "https://idp.example.com/aws"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        assert_eq!(printed_url(&mut child), "https://idp.example.com/aws");
        child
    }

    fn form(response: &str) -> String {
        let encoded = BASE64_STANDARD.encode(response);
        let encoded = encoded.replace('+', "%2B").replace('=', "%3D");
        format!("SAMLResponse={encoded}&RelayState=")
    }

    fn post(url: &str, body: &str) -> String {
        let origin = ("Origin", "https://idp.example.com");
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        fetch("POST", url, &[origin, form], body)
    }

    #[test]
    fn a_response_that_cannot_be_the_one_asked_for_does_not_end_the_wait() {
        let idp = Idp::start();
        let dev = idp.response(&[DEV], 0);
        let without_role = dev.replace("Attributes/Role\"", "Attributes/Other\"");
        assert_ne!(without_role, dev);
        for (more, refused, right, name) in [
            (
                &["--role-arn", DEV][..],
                &[&without_role, ENCRYPTED][..],
                &dev,
                "dev",
            ),
            (
                &["--role-arn", OPS],
                &[&without_role, ENCRYPTED, &dev],
                &idp.response(&[DEV, OPS], 0),
                "ops",
            ),
            (
                &[
                    "--role-arn",
                    OPS,
                    "--principal-arn",
                    &idp.provider,
                    "--force",
                ],
                &[&without_role, &dev],
                &idp.response(&[OPS], 0),
                "ops",
            ),
        ] {
            let port = free_port().to_string();
            let child = waiting(&idp, &port, more);
            let url = format!("http://127.0.0.1:{port}/saml");
            for response in refused {
                assert_has(&post(&url, &form(response)), &[" 400 "]);
            }
            assert_has(&post(&url, &form(right)), &[" 200 "]);
            let run = Run::new(child.wait_with_output().unwrap());
            assert_eq!(run.code, 0, "{more:?} {run:?}");
            let arn = format!("arn:aws:sts::123456789012:assumed-role/{name}/ada\n");
            assert_eq!(idp.whoami(), arn);
        }
    }

    /// Any page in the browser can post a response of its own.
    #[test]
    fn a_posted_role_that_the_profile_has_not_had_is_asked_about() {
        let idp = Idp::start();
        for (more, role, code) in [
            (&[][..], DEV, 252),
            (&["--role-arn", DEV], DEV, 0),
            (&["--force"], DEV, 0),
            (&["--force"], OPS, 252),
        ] {
            let port = free_port().to_string();
            let child = waiting(&idp, &port, more);
            let url = format!("http://127.0.0.1:{port}/saml");
            assert_has(&post(&url, &form(&idp.response(&[role], 0))), &[" 200 "]);
            let run = Run::new(child.wait_with_output().unwrap());
            assert_eq!(run.code, code, "{more:?} {run:?}");
            if code != 0 {
                let text = "the response offers 1 role: choose one with --role-arn";
                assert_has(&run.stderr, &[text, role]);
            }
        }
        let dev = "arn:aws:sts::123456789012:assumed-role/dev/ada\n";
        assert_eq!(idp.whoami(), dev);
    }

    #[test]
    fn only_a_response_at_the_right_place_ends_the_wait() {
        let idp = Idp::start();
        let port = free_port().to_string();
        let child = waiting(&idp, &port, &["--role-arn", DEV]);
        let url = |path: &str| format!("http://127.0.0.1:{port}{path}");
        let post = |path: &str, body: &str| post(&url(path), body);
        let good = form(&idp.response(&[DEV], 0));
        for (path, body, status) in [
            ("/", good.clone(), " 404 "),
            ("/saml", "RelayState=x".to_owned(), " 400 "),
            ("/saml", form("<canary/>"), " 400 "),
            ("/saml", form(&idp.response(&[DEV], 3600)), " 400 "),
            ("/saml", "x".repeat(2 << 20), " 413 "),
        ] {
            let answer = post(path, &body);
            assert_has(&answer, &[status]);
            assert_lacks(&answer, &["canary"]);
        }
        assert_has(&fetch("GET", &url("/saml"), &[], ""), &[" 405 "]);
        assert_eq!(idp.lab.services.counters().requests, 0);
        assert_has(&post("/saml", &good), &[" 200 ", "You are logged in."]);
        let run = Run::new(child.wait_with_output().unwrap());
        assert_eq!(run.code, 0, "{run:?}");
        assert_eq!(
            idp.whoami(),
            "arn:aws:sts::123456789012:assumed-role/dev/ada\n"
        );
    }

    #[test]
    fn what_cannot_be_opened_or_listened_at_is_refused() {
        let idp = Idp::start();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = listener.local_addr().unwrap().port().to_string();
        for (url, port, code, text) in [
            ("file:///canary", "0", 252, "--idp-url: write a URL"),
            ("-canary", "0", 252, "--idp-url"),
            (
                "https://a b\u{1b}[31mcanary",
                "0",
                252,
                "--idp-url: write a URL",
            ),
            (
                "https://ada:canary@idp.example.com",
                "0",
                252,
                "--idp-url: ",
            ),
            (
                "https://idp.example.com",
                &taken,
                255,
                "could not listen on",
            ),
        ] {
            let line = [&words(port)[..], &["--no-browser", "--idp-url", url]].concat();
            let stderr = idp.home.keyfob(line).fails(code);
            assert_has(&stderr, &[text]);
            assert_lacks(&stderr, &["canary"]);
        }
        let both = ["--assertion", "-", "--idp-url", "https://idp.example.com"];
        for more in [&[][..], &both] {
            idp.home.keyfob([&words("0")[..], more].concat()).fails(252);
        }
    }
}

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
    let response = "<p:Response xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol' \
        xmlns='urn:oasis:names:tc:SAML:2.0:assertion'><EncryptedAssertion/></p:Response>";
    for more in [&[][..], &["--role-arn", DEV]] {
        let stderr = idp.login(more, response).fails(252);
        assert_has(&stderr, &["is encrypted", "--role-arn and --principal-arn"]);
    }
    let both = ["--role-arn", DEV, "--principal-arn", &idp.provider];
    // The test server cannot decrypt it, but it is asked.
    idp.login(&both, response).fails(254);
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

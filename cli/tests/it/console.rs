use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::server::Identity;

use crate::{
    keyfob::{Home, Run, assert_has, assert_lacks},
    lab::Lab,
    servers::fetch,
};

fn home_with(lab: &Lab, key: &Credentials) -> Home {
    let token = key.session_token().map_or("", |token| token.expose());
    Home::new()
        .with("AWS_ENDPOINT_URL", &lab.url)
        .with("AWS_REGION", "eu-west-1")
        .with_key(key.access_key_id(), key.secret_access_key().expose())
        .with("AWS_SESSION_TOKEN", token)
}

fn session(lab: &Lab, identity: Identity) -> Home {
    let expiry = Timestamp::now().plus_seconds(3600);
    home_with(lab, &lab.account.issue(identity, expiry).unwrap())
}

fn role(lab: &Lab) -> Home {
    session(lab, Identity::session("dev", "ada"))
}

fn console(home: &Home, more: &[&str]) -> Run {
    home.keyfob([&["console"], more].concat())
}

#[test]
fn the_link_signs_in_and_leads_to_the_destination() {
    let lab = Lab::start();
    for identity in [
        Identity::session("dev", "ada"),
        Identity::FederatedUser {
            name: "bob".to_owned(),
        },
    ] {
        let arn = identity.arn("123456789012");
        let home = session(&lab, identity);
        for (more, page) in [
            (&[][..], "https://console.aws.amazon.com/"),
            (
                &["--destination", "/s3/home?region=eu-west-1"],
                "https://console.aws.amazon.com/s3/home?region=eu-west-1",
            ),
            (
                &["--destination", "/s3", "--region", "cn-north-1"],
                "https://console.amazonaws.cn/s3",
            ),
            (
                &["--destination", "https://a.example/?b&c"],
                "https://a.example/?b&amp;c",
            ),
        ] {
            let link = console(&home, &[&["--no-browser"], more].concat()).ok();
            let link = link.trim_end();
            assert!(
                link.starts_with(&format!("{}/federation?Action=login&", lab.url)),
                "{link}"
            );
            let answer = fetch("GET", link, &[], "");
            assert_has(&answer, &[" 200 ", &arn, &format!("href=\"{page}\"")]);
            // A link works once.
            assert_has(&fetch("GET", link, &[], ""), &[" 400 "]);
        }
    }
    let json = console(&role(&lab), &["--json", "--duration-seconds", "900"]).json();
    assert_has(json["url"].as_str().unwrap(), &["&SigninToken="]);
}

#[test]
fn credentials_that_the_console_does_not_take_have_a_cure_that_works() {
    let lab = Lab::start();
    let trusted = keyfob_sts::server::Role::new("dev").unwrap();
    lab.account.add_role(trusted);
    let home = lab.home();
    let stderr = console(&home, &["--no-browser"]).fails(253);
    assert_has(&stderr, &["does not take long-term keys"]);
    assert_eq!(lab.services.counters().requests, 0);
    let cures = stderr.lines().filter_map(|line| line.split_once("keyfob "));
    let cures: Vec<_> = cures.map(|(_, cure)| cure.to_owned()).collect();
    assert_eq!(cures.len(), 2, "{stderr}");
    for cure in cures {
        let cure = cure
            .replace("ROLE_ARN", "arn:aws:iam::123456789012:role/dev")
            .replace("NAME", "ada");
        let run = home.keyfob(cure.split(' ').chain(["--why"]));
        assert_eq!(run.code, 0, "{cure}: {run:?}");
    }
    // A session of a user, as get-session-token gives it.
    let user = session(&lab, Identity::user("alice"));
    let stderr = console(&user, &[]).fails(254);
    assert_has(
        &stderr,
        &["hint: the console takes sessions of roles and of federated users"],
    );
    let federated = session(
        &lab,
        Identity::FederatedUser {
            name: "bob".to_owned(),
        },
    );
    let stderr = console(&federated, &["--duration-seconds", "900"]).fails(254);
    assert_has(
        &stderr,
        &["hint: --duration-seconds does not work for federated users"],
    );
}

#[test]
fn a_destination_that_is_neither_a_url_nor_a_path_is_refused_before_any_call() {
    let lab = Lab::start();
    for destination in ["canary", "http://canary/", "javascript:canary"] {
        let stderr = console(&role(&lab), &["--destination", destination]).fails(252);
        assert_has(&stderr, &["--destination: write a URL"]);
        assert_lacks(&stderr, &["canary"]);
    }
    assert_eq!(lab.services.counters().requests, 0);
}

#[test]
fn the_sandbox_has_a_console() {
    let home = Home::new();
    let link = home.keyfob(["--sandbox", "console", "--no-browser"]).ok();
    assert_has(&link, &["http://127.0.0.1:", "/federation?Action=login&"]);
}

#[cfg(target_os = "linux")]
mod browser {
    use super::*;
    use crate::browser::{opened, with_opener};

    #[test]
    fn the_browser_gets_the_link_and_nothing_else_shows_it() {
        let lab = Lab::start();
        let home = with_opener(role(&lab), "printf '%s' \"$*\" > opened");
        let home = home.with("DISPLAY", ":0");
        let run = console(&home, &["--debug"]);
        let link = opened(&home);
        let (_, token) = link.split_once("SigninToken=").unwrap();
        assert_has(&run.stderr, &["note: the console opens in the browser"]);
        assert_lacks(&run.stderr, &[token, &link]);
        assert_eq!(run.ok(), "");
        assert_has(&fetch("GET", &link, &[], ""), &["assumed-role/dev/ada"]);
    }

    #[test]
    fn without_a_display_or_an_opener_that_works_the_link_is_printed() {
        let lab = Lab::start();
        let no_display = with_opener(role(&lab), "exit 0");
        let failing = with_opener(role(&lab), "exit 3").with("DISPLAY", ":0");
        let absent = role(&lab).with("DISPLAY", ":0").with("PATH", "/nowhere");
        for (home, reason) in [
            (no_display, "there is no display"),
            (failing, "xdg-open failed"),
            (absent, "xdg-open is not there"),
        ] {
            let run = console(&home, &[]);
            assert_has(&run.stderr, &[&format!("note: no browser opens ({reason}")]);
            assert_has(&run.ok(), &["/federation?Action=login&"]);
        }
    }
}

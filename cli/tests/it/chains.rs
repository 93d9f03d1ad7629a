//! Every combination of sources: each cure that `why` prints uses the provider that it names.

use crate::{
    cures::{ENVIRONMENT, FILES, KEY, Scenario, token_file},
    keyfob::Home,
    running::Running,
};

/// What the profile has, in config and in credentials.
const PROFILES: [(&str, &str, &str); 10] = [
    ("a key", "", KEY),
    ("a session", "", SESSION),
    (
        "a role by a key",
        "role_arn = ARN\nsource_profile = base\n",
        "",
    ),
    (
        "a role by variables",
        "role_arn = ARN\ncredential_source = Environment\n",
        "",
    ),
    (
        "a role by a container",
        "role_arn = ARN\ncredential_source = EcsContainer\n",
        "",
    ),
    (
        "a role by an instance",
        "role_arn = ARN\ncredential_source = Ec2InstanceMetadata\n",
        "",
    ),
    (
        "a role by a token",
        "role_arn = ARN\nweb_identity_token_file = token\n",
        "",
    ),
    ("a role by nothing", "role_arn = ARN\n", ""),
    ("nothing", "region = us-east-1\n", ""),
    ("sso", "sso_session = corp\n", ""),
];

const SESSION: &str = "aws_access_key_id = ASIAFILEEXAMPLE00001
aws_secret_access_key = secret
aws_session_token = token
";
const ARN: &str = "arn:aws:iam::123456789012:role/profile";

/// How the profile is named.
const NAMES: [&str; 5] = [
    "",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "--profile",
    "missing",
];

/// What `default` has beside a profile that is named.
const DEFAULTS: [&str; 3] = [
    "",
    "[default]\naws_access_key_id = AKIADEFAULTEXAMPLE01\naws_secret_access_key = secret\n",
    "[default]\nrole_arn = arn:aws:iam::123456789012:role/default\nsource_profile = base\n",
];

/// What the environment has: nothing, a key, a session, half a key, web identity, half of that.
#[derive(Clone, Copy)]
struct Variables {
    key: &'static str,
    web_identity: &'static str,
}

const VARIABLES: [Variables; 7] = {
    const fn set(key: &'static str, web_identity: &'static str) -> Variables {
        Variables { key, web_identity }
    }
    [
        set("", ""),
        set("key", ""),
        set("session", ""),
        set("half", ""),
        set("", "whole"),
        set("key", "whole"),
        set("half", "half"),
    ]
};

/// Starts what the scenarios need, and follows the cures of each one whose number is a multiple of
/// `step`. Returns the number of cures.
fn follow_every(step: usize) -> usize {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let key_home = Home::new().with_key("AKIAAGENTEXAMPLE0001", "secret");
    let agent = Running::serve(&key_home, "container", &[]);
    let mut number = 0;
    let mut cures = 0;
    for profile in PROFILES {
        for name in NAMES {
            for default in DEFAULTS {
                for variables in VARIABLES {
                    for has_agent in [false, true] {
                        for has_instance in [false, true] {
                            number += 1;
                            if number % step != 0 || name.is_empty() && !default.is_empty() {
                                continue;
                            }
                            let agent = Some(&agent).filter(|_| has_agent);
                            let home = home(&sandbox, agent, has_instance, variables);
                            let scenario = scenario(home, profile, name, default);
                            cures += scenario.follow_all().len();
                        }
                    }
                }
            }
        }
    }
    cures
}

fn home(sandbox: &Running, agent: Option<&Running>, has_instance: bool, set: Variables) -> Home {
    let mut home = match set.key {
        "" => sandbox.home(&[&ENVIRONMENT[..], &FILES].concat()),
        "half" => sandbox.home(&[&ENVIRONMENT[1..], &FILES].concat()),
        _ => sandbox.home(&FILES),
    };
    if set.key == "session" {
        home = home.with("AWS_SESSION_TOKEN", "token");
    }
    let token = token_file(home.path());
    if !set.web_identity.is_empty() {
        home = home.with("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap());
    }
    if set.web_identity == "whole" {
        home = home.with("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod");
    }
    if !has_instance {
        home = home.with("AWS_EC2_METADATA_DISABLED", "true");
    }
    let exports = agent.iter().flat_map(|agent| &agent.exports);
    exports.fold(home, |home, (name, value)| home.with(name, value))
}

fn scenario(
    home: Home,
    (kind, config, credentials): (&str, &str, &str),
    name: &str,
    default: &str,
) -> Scenario {
    let profile = if name.is_empty() { "default" } else { "p" };
    let header = if name.is_empty() {
        "[default]"
    } else {
        "[profile p]"
    };
    let config = config.replace("ARN", ARN);
    let config = format!("{header}\n{config}{default}");
    let credentials = match credentials {
        "" => format!("[base]\n{KEY}"),
        key => format!("[{profile}]\n{key}"),
    };
    let home = home
        .with_file("config", &config)
        .with_file("credentials", &credentials);
    let (home, arguments) = match name {
        "" => (home, Vec::new()),
        "--profile" => (home, vec!["--profile", "p"]),
        "missing" => (home.with("AWS_PROFILE", "gone"), Vec::new()),
        variable => (home.with(variable, "p"), Vec::new()),
    };
    let name = format!("{kind}, named by {name:?}, beside {default:?}");
    Scenario::new(name, home, arguments)
}

#[test]
fn every_cure_uses_the_provider_that_it_names_in_some_combinations() {
    let cures = follow_every(61);
    assert!(cures > 50, "{cures}");
}

#[test]
#[ignore = "long"]
fn every_cure_uses_the_provider_that_it_names_in_all_combinations() {
    let cures = follow_every(1);
    println!("{cures} cures");
    assert!(cures > 2000, "{cures}");
}

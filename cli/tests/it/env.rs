use crate::keyfob::{Home, Run, assert_has, assert_lacks};

/// A secret with every character that a shell could take for its own. None has a blank.
const SECRET: &str = r#"canary$HOME`id`"q"'a'\!&|<>^*~#;%(){}[]?"#;

fn home() -> Home {
    Home::new()
        .with_key("AKIAENVEXAMPLE000000", SECRET)
        .with("AWS_REGION", "eu-west-1")
}

/// Runs lines in a shell that has `keyfob` in its path.
fn shell(home: &Home, program: &str, lines: &str) -> Run {
    let keyfob = env!("CARGO_BIN_EXE_keyfob");
    let lines = lines.replace("keyfob ", &format!("'{keyfob}' "));
    Run::new(home.program(program).args(["-c", &lines]).output().unwrap())
}

#[test]
#[cfg(unix)]
fn a_shell_gets_every_value_as_it_is_and_nothing_that_leads_elsewhere() {
    let home = home()
        .with("AWS_SECURITY_TOKEN", "")
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/")
        .with("AWS_ROLE_SESSION_NAME", "other");
    let lines = "lines=$(keyfob env --shell sh) && eval \"$lines\" && env";
    for program in ["sh", "bash"] {
        let printed = shell(&home, program, lines).ok();
        assert_has(
            &printed,
            &[
                "AWS_ACCESS_KEY_ID=AKIAENVEXAMPLE000000\n",
                &format!("AWS_SECRET_ACCESS_KEY={SECRET}\n"),
                "AWS_REGION=eu-west-1\n",
                "AWS_DEFAULT_REGION=eu-west-1\n",
            ],
        );
        let elsewhere = ["AWS_CONTAINER", "AWS_ROLE", "AWS_SECURITY_TOKEN", "KEYFOB_"];
        assert_lacks(&printed, &elsewhere);
    }
}

/// Others may choose such a name: sshd and runtimes of containers pass on what they are told.
#[test]
#[cfg(unix)]
fn the_name_of_a_variable_is_no_code() {
    let home = home()
        .with("AWS_CONTAINER_X;touch pwned;", "1")
        .with("AWS_CONTAINER_X\ntouch pwned\n", "1")
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/");
    // That of Windows cannot have this secret at all.
    for name in ["sh", "fish", "powershell", "nu"] {
        let printed = home.keyfob(["env", "--shell", name]).ok();
        assert_has(&printed, &["AWS_CONTAINER_CREDENTIALS_FULL_URI"]);
        assert_lacks(&printed, &["touch", "AWS_CONTAINER_X"]);
    }
    let lines = "lines=$(keyfob env --shell sh) && eval \"$lines\"";
    shell(&home, "sh", lines).ok();
    assert!(!home.path().join("pwned").exists());
    // A command gets none of them.
    let printed = home.keyfob(["exec", "env"]).ok();
    assert_lacks(&printed, &["touch", "AWS_CONTAINER"]);
}

#[test]
#[cfg(unix)]
fn what_it_sets_can_be_taken_away_again() {
    let home = home()
        .with("AWS_SESSION_TOKEN", "canary-token")
        .with("AWS_CREDENTIAL_EXPIRATION", "2099-01-01T00:00:00Z");
    let set = "eval \"$(keyfob env --shell sh)\"; env";
    let printed = shell(&home, "sh", set).ok();
    assert_has(
        &printed,
        &[
            "AWS_SESSION_TOKEN=canary-token\n",
            "AWS_CREDENTIAL_EXPIRATION=2099-01-01T00:00:00Z\n",
        ],
    );
    let unset = "eval \"$(keyfob env --shell sh)\"; eval \"$(keyfob env --unset)\"; env";
    let printed = shell(&home.with("SHELL", "/bin/bash"), "sh", unset).ok();
    assert_lacks(
        &printed,
        &["canary", "AWS_REGION", "AWS_DEFAULT_REGION", "AKIA"],
    );
}

#[test]
fn each_shell_has_its_own_lines() {
    let home = Home::new()
        .with_key("AKIAENVEXAMPLE000000", "se/cr+et")
        .with("AWS_ROLE_SESSION_NAME", "other")
        .with("AWS_REGION", "eu-west-1");
    let lines = |shell: &str| home.keyfob(["env", "--shell", shell]).ok();
    assert_eq!(
        lines("fish"),
        "set -e AWS_ROLE_SESSION_NAME\n\
         set -gx AWS_REGION \"eu-west-1\"\n\
         set -gx AWS_DEFAULT_REGION \"eu-west-1\"\n\
         set -gx AWS_ACCESS_KEY_ID \"AKIAENVEXAMPLE000000\"\n\
         set -gx AWS_SECRET_ACCESS_KEY \"se/cr+et\"\n"
    );
    assert_eq!(
        lines("powershell"),
        "Remove-Item Env:AWS_ROLE_SESSION_NAME -ErrorAction SilentlyContinue\n\
         $Env:AWS_REGION=\"eu-west-1\"\n\
         $Env:AWS_DEFAULT_REGION=\"eu-west-1\"\n\
         $Env:AWS_ACCESS_KEY_ID=\"AKIAENVEXAMPLE000000\"\n\
         $Env:AWS_SECRET_ACCESS_KEY=\"se/cr+et\"\n"
    );
    assert_eq!(
        lines("cmd"),
        "set AWS_ROLE_SESSION_NAME=\n\
         set AWS_REGION=eu-west-1\n\
         set AWS_DEFAULT_REGION=eu-west-1\n\
         set AWS_ACCESS_KEY_ID=AKIAENVEXAMPLE000000\n\
         set AWS_SECRET_ACCESS_KEY=se/cr+et\n"
    );
    assert_eq!(
        lines("nu"),
        "hide-env -i AWS_ROLE_SESSION_NAME\n\
         $env.AWS_REGION = \"eu-west-1\"\n\
         $env.AWS_DEFAULT_REGION = \"eu-west-1\"\n\
         $env.AWS_ACCESS_KEY_ID = \"AKIAENVEXAMPLE000000\"\n\
         $env.AWS_SECRET_ACCESS_KEY = \"se/cr+et\"\n"
    );
    assert_eq!(
        home.with("SHELL", "/usr/bin/fish")
            .keyfob(["env", "--unset"])
            .ok(),
        "set -e AWS_ACCESS_KEY_ID\nset -e AWS_SECRET_ACCESS_KEY\nset -e AWS_SESSION_TOKEN\n\
         set -e AWS_CREDENTIAL_EXPIRATION\nset -e AWS_REGION\nset -e AWS_DEFAULT_REGION\n"
    );
}

#[test]
fn a_value_that_a_shell_cannot_have_is_an_error_that_does_not_show_it() {
    let run = home().keyfob(["env", "--shell", "cmd"]);
    let error = run.fails(253);
    assert_has(
        &error,
        &["AWS_SECRET_ACCESS_KEY has a character that this shell cannot have"],
    );
    assert_lacks(&error, &["canary"]);
}

#[test]
fn a_role_without_a_profile_is_taken_by_env_and_export_credentials() {
    let home = Home::new();
    let role = ["--role-arn", "arn:aws:iam::123456789012:role/deploy"];
    let env = [
        "--sandbox",
        "env",
        "--shell",
        "sh",
        "--role-session-name",
        "ci",
    ];
    let printed = home.keyfob([&env[..], &role].concat()).ok();
    assert_has(
        &printed,
        &["export AWS_ACCESS_KEY_ID=ASIA", "export AWS_SESSION_TOKEN="],
    );
    let export = [
        "--sandbox",
        "configure",
        "export-credentials",
        "--duration-seconds",
        "900",
    ];
    let printed = home.keyfob([&export[..], &role].concat()).ok();
    assert_has(&printed, &["\"AccessKeyId\": \"ASIA", "\"Expiration\""]);
    let usage = home
        .keyfob(["env", "--unset", "--role-arn", role[1]])
        .fails(252);
    assert_has(&usage, &["--role-arn"]);
}

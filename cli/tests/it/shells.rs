//! The scripts for completion in real shells, on a terminal: what is typed, with a tab, is run, and
//! the configuration file shows what it was.

use std::{env, fs, path::Path};

use crate::{
    completion::home,
    configure::program_on_terminal,
    javascript,
    keyfob::{Home, Run, assert_has},
};

/// The shell types the lines, with a tab where the dots are, and runs them.
fn types_in(shell: &[&str], home: &Home) {
    fs::create_dir_all(home.path().join("certs")).unwrap();
    fs::write(home.path().join("certs/ca.pem"), "").unwrap();
    let ready = "READY> ";
    let run = program_on_terminal(
        home,
        shell,
        &[
            // A value with colons.
            (ready, "keyfob configure set role_arn arn:aws:iam::11\t"),
            ("team/dev", "--profile other\n"),
            // A value that needs quotes, after a sign at which words are split.
            (ready, "keyfob configure set cli_pager one --profile=sp\t"),
            // elvish asks whether it may add the quotes.
            ("out", if shell[0] == "elvish" { "\n\n" } else { "\n" }),
            // A folder, and a file in it.
            (ready, "keyfob configure set ca_bundle ./ce\t"),
            ("rts/", "\t"),
            ("ca.pem", "--profile other\n"),
            (ready, "exit\n"),
        ],
    );
    let get = |name: &str, profile: &str| {
        let words = ["configure", "get", name, "--profile", profile];
        home.keyfob(words).stdout.trim_end().to_owned()
    };
    let role = "arn:aws:iam::111122223333:role/team/dev";
    assert_eq!(get("role_arn", "other"), role, "{run}");
    assert_eq!(get("cli_pager", "spaced out"), "one", "{run}");
    assert_eq!(get("ca_bundle", "other"), "./certs/ca.pem", "{run}");
}

fn is_there(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| folder.join(program).exists())
}

const BASH: &str = "PS1='READY> '\nsource <(keyfob completion bash)\n";
const ZSH: &str =
    "PS1='READY> '\nautoload -U compinit\ncompinit -u\nsource <(keyfob completion zsh)\n";
const FISH: &str = "function fish_prompt; echo -n 'READY> '; end\nset -g fish_greeting\n";
const ELVISH: &str =
    "set edit:prompt = { print 'READY> ' }\neval (keyfob completion elvish | slurp)\n";

/// A home whose programs are this keyfob and those of the system.
fn terminal_home() -> Home {
    let keyfob = Path::new(env!("CARGO_BIN_EXE_keyfob")).parent().unwrap();
    let path = env::var("PATH").unwrap();
    let path = format!("{}:{path}", keyfob.display());
    home().with("PATH", &path).with("TERM", "xterm")
}

fn write(home: &Home, name: &str, text: &str) -> String {
    let path = home.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn bash_completes() {
    let home = terminal_home();
    let rc = write(&home, "rc", BASH);
    let bash = ["bash", "--noprofile", "--rcfile", &rc, "-i"];
    types_in(&bash, &home);
    // Bash has a meaning of its own for this sign.
    let answers = [
        ("READY> ", "keyfob request -d @ce\t"),
        ("@certs/", "\t"),
        ("ca.pem", "\u{3}"),
        ("READY> ", "exit\n"),
    ];
    let run = program_on_terminal(&home, &bash, &answers);
    assert_has(run["shown"].as_str().unwrap(), &["-d @certs/ca.pem"]);
}

#[test]
fn zsh_completes() {
    if !is_there("zsh") {
        println!("not run: zsh is not installed");
        return;
    }
    let home = terminal_home();
    write(&home, ".zshrc", ZSH);
    types_in(&["zsh", "-i"], &home);
}

#[test]
fn fish_completes() {
    if !is_there("fish") {
        println!("not run: fish is not installed");
        return;
    }
    let home = terminal_home();
    write_fish(&home);
    types_in(&["fish", "-i"], &home);
}

fn write_fish(home: &Home) {
    write(home, ".config/fish/config.fish", FISH);
    let script = home.keyfob(["completion", "fish"]).ok();
    write(home, ".config/fish/completions/keyfob.fish", &script);
}

#[test]
fn elvish_completes() {
    if !is_there("elvish") {
        println!("not run: elvish is not installed");
        return;
    }
    let home = terminal_home();
    let rc = write(&home, "rc.elv", ELVISH);
    types_in(&["elvish", "-rc", &rc], &home);
}

/// Names that would be commands in a line without quotes.
const HOSTILE: [&str; 4] = [
    ":command x[$(touch ran)]",
    "a$(touch ran)b",
    "c`touch ran`\"d",
    "e'$(touch ran)'f",
];

/// Bash runs this in place of a terminal, with the line in `$1`: it prints what each candidate is
/// when the line with it is run.
const BASH_LINE: &str = r#"
source <(keyfob completion bash)
_command_offset() { echo "offset $1"; }
COMP_LINE=$1 COMP_POINT=${#1} word=${1##* }
COMP_WORDS=(keyfob configure set ca_bundle "$word") COMP_CWORD=4
_keyfob
quote=; case $word in [\'\"]*) quote=${word:0:1} ;; esac
for reply in "${COMPREPLY[@]}"; do eval "printf '%s\n' $quote$reply$quote"; done
"#;

#[test]
fn bash_runs_nothing_that_a_name_says() {
    let home = terminal_home();
    for name in HOSTILE {
        fs::write(home.path().join(name), "").unwrap();
    }
    for (word, expected) in [
        // The colon, at which words are split, stays in the line.
        (":", &HOSTILE[0][1..]),
        ("a", HOSTILE[1]),
        ("\"a", HOSTILE[1]),
        ("'a", HOSTILE[1]),
        ("\"c", HOSTILE[2]),
        ("'c", HOSTILE[2]),
        ("\"e", HOSTILE[3]),
        ("'e", HOSTILE[3]),
    ] {
        let line = format!("keyfob configure set ca_bundle {word}");
        let mut bash = home.program("bash");
        bash.args(["--noprofile", "--norc", "-c", BASH_LINE, "bash", &line]);
        let out = Run::new(bash.current_dir(home.path()).output().unwrap()).ok();
        assert_eq!(out, format!("{expected}\n"), "{word}");
        assert!(!home.path().join("ran").exists(), "{word}");
    }
}

#[test]
fn zsh_runs_nothing_that_a_name_says() {
    if !is_there("zsh") {
        println!("not run: zsh is not installed");
        return;
    }
    let home = terminal_home();
    write(&home, ".zshrc", ZSH);
    for name in [":command words[$(touch ran)]", "a$(touch ran)b"] {
        fs::write(home.path().join(name), "").unwrap();
    }
    let answers = [
        ("READY> ", "keyfob configure set ca_bundle ~/a\t"),
        ("b", "--profile other\n"),
        ("READY> ", "keyfob configure set ca_bundle :\t"),
        ("words", "--profile colon\n"),
        ("READY> ", "exit\n"),
    ];
    let run = program_on_terminal(&home, &["zsh", "-i"], &answers);
    assert!(!home.path().join("ran").exists(), "{run}");
    let get = |profile: &str| {
        let words = ["configure", "get", "ca_bundle", "--profile", profile];
        home.keyfob(words).stdout.trim_end().to_owned()
    };
    let path = home.path().join("a$(touch ran)b");
    assert_eq!(get("other"), path.to_str().unwrap(), "{run}");
    assert_eq!(get("colon"), ":command words[$(touch ran)]", "{run}");
}

/// The words after `--` are the line of another program, here one more keyfob.
#[test]
fn a_shell_completes_the_line_of_the_program_that_exec_runs() {
    for shell in ["zsh", "fish"].into_iter().filter(|shell| is_there(shell)) {
        let home = terminal_home().with_key("AKIAEXAMPLE", "secret");
        let home = home.with_file("config", "[profile other]\n");
        write_fish(&home);
        write(&home, ".zshrc", ZSH);
        let line =
            "keyfob exec --region eu-west-1 -- keyfob configure set cli_pager x --profile ot\t";
        let answers = [("READY> ", line), ("other", "\n"), ("READY> ", "exit\n")];
        let run = program_on_terminal(&home, &[shell, "-i"], &answers);
        let config = home.read("config");
        assert_eq!(config, "[profile other]\ncli_pager = x\n", "{shell}: {run}");
    }
}

/// Nushell calls a completer of the user's own for all other programs.
#[test]
fn nushell_completes() {
    let Some(nu) = javascript::nushell() else {
        println!("not run: npm has no Nushell for this machine");
        return;
    };
    let home = terminal_home();
    let script = home.keyfob(["completion", "nushell"]).ok();
    write(&home, "keyfob.nu", &script);
    let complete = |before: &str, words: &str| {
        let line = format!(
            "{before} source keyfob.nu; do $env.config.completions.external.completer {words} \
             | to json --raw"
        );
        run_program(&home, &nu, &["-n", "-c", &line])
    };
    for (words, expected) in [
        (
            "[keyfob sts get-c]",
            r#"[{"value":"get-caller-identity","description":"Print the account, user id and ARN of the credentials in use"}]"#,
        ),
        (
            "[keyfob whoami '--profile=sp']",
            r#"[{"value":"\"--profile=spaced out\"","description":"SSO: Admin in 111122223333"}]"#,
        ),
        (
            "[keyfob configure set role_arn 'arn:aws:iam::11']",
            r#"[{"value":"arn:aws:iam::111122223333:role/team/dev","description":"profile dev"}]"#,
        ),
        ("[git '']", "null"),
    ] {
        assert_eq!(complete("", words).trim_end(), expected, "{words}");
    }
    let others = "$env.config.completions.external.completer = {|spans| $spans };";
    assert_eq!(complete(others, "[git x]").trim_end(), r#"["git","x"]"#);
}

fn run_program(home: &Home, program: &Path, args: &[&str]) -> String {
    let output = home.program(program).args(args).output().unwrap();
    Run::new(output).ok()
}

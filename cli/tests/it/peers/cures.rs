//! Every cure that `why` and `doctor` print in random environments is followed as it stands.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::Value;

use super::{cases::Random, compare::World, world_with_login};
use crate::{
    cures::FILES,
    keyfob::{Home, Run},
};

/// How many environments a test of every run has, and its long form.
const SHORT: u64 = 30;
const LONG: u64 = 400;

/// What is wrong with a variable besides, and the regions that mask each other.
const MORE: [(&str, &str); 16] = [
    ("AWS_CONFIG_FILE", "/nowhere/config"),
    ("AWS_SHARED_CREDENTIALS_FILE", ""),
    ("AWS_REGION", "eu-west-2"),
    ("AWS_REGION", "us-gov-west-1"),
    ("AWS_DEFAULT_REGION", "eu-west1"),
    ("AWS_DEFAULT_REGION", ""),
    ("AWS_SECURITY_TOKEN", "old"),
    ("AWS_ACCESS_KEY", "AKIAOLD"),
    ("AWS_SECRET_KEY", "old"),
    ("AWS_ACCESS_KEY_ID", "'AKIAIOSFODNN7EXAMPLE'"),
    ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE "),
    ("AWS_PROFILE", "a "),
    ("AWS_USE_FIPS_ENDPOINT", "yes"),
    ("AWS_MAX_ATTEMPTS", "many"),
    ("AWS_ENDPOINT_URL_S3", "http://localhost:9"),
    ("JDK_JAVA_OPTIONS", "-Daws.region=eu-west-3"),
];

/// The kinds of findings whose cure uses another source, which may have faults of its own.
const OTHER_SOURCE: [&str; 6] = [
    "masked",
    "other",
    "other_sdk",
    "long_lived_key",
    "file_path",
    "profile_name",
];

/// An environment, and the arguments before the command.
struct Situation<'a> {
    world: &'a World,
    seed: u64,
    home: Home,
    arguments: String,
    about: String,
}

impl<'a> Situation<'a> {
    fn new(world: &'a World, seed: u64) -> Self {
        let (case, input) = world.case(seed);
        let program = Path::new(env!("CARGO_BIN_EXE_keyfob")).parent().unwrap();
        let mut random = Random(seed ^ 0x5eed);
        let mut home = Home::new();
        let mut about = format!("#{seed}: {case:?}");
        for (name, value) in input["variables"].as_object().unwrap() {
            if !FILES.contains(&&**name) {
                home = home.with(name, value.as_str().unwrap());
            }
        }
        let path = std::env::var("PATH").unwrap_or_default();
        home = home.with("PATH", &format!("{}:{path}", program.display()));
        for (name, value) in MORE {
            if random.percent(5) {
                home = home.with(name, value);
                about.push_str(&format!("\n{name}={value}"));
            }
        }
        let arguments = case
            .profile
            .map_or_else(String::new, |profile| format!("--profile {profile}"));
        let this = Self {
            world,
            seed,
            home,
            arguments,
            about,
        };
        this.restore();
        this
    }

    /// Writes the files as they were. Some can be read by others.
    fn restore(&self) {
        let (case, _) = self.world.case(self.seed);
        let mut random = Random(self.seed);
        for (name, file) in [("config", case.config), ("credentials", case.credentials)] {
            let mode = if random.percent(20) { 0o644 } else { 0o600 };
            let path = self.world.path().join(".aws").join(name);
            fs::write(&path, file.to_string()).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    fn shell(&self, line: &str) -> Run {
        let mut shell = self.home.program("sh");
        Run::new(shell.args(["-c", line]).output().unwrap())
    }

    fn look(&self, arguments: &str, command: &str) -> String {
        format!("keyfob {arguments} {command} --json")
    }

    fn before(&self, command: &str) -> Value {
        self.json(&self.shell(&self.look(&self.arguments, command)))
    }

    /// Follows a cure to the letter, and returns what the command says then.
    fn follow(&self, cure: &str, command: &str) -> Value {
        let mut parts = cure.split("  # without ");
        let line = parts.next().unwrap();
        let arguments = parts.fold(self.arguments.clone(), |arguments, left_out| {
            assert!(arguments.contains(left_out), "{cure}\n{}", self.about);
            arguments.replace(left_out, "")
        });
        let look = self.look(&arguments, command);
        if line.contains("COMMAND") {
            return self.json(&self.shell(&line.replace("COMMAND", &look)));
        }
        let run = self.shell(line);
        assert_eq!(run.code, 0, "{cure}: {run:?}\n{}", self.about);
        self.json(&self.shell(&look))
    }

    fn json(&self, run: &Run) -> Value {
        let parsed = serde_json::from_str(&run.stdout);
        assert!(parsed.is_ok(), "{run:?}\n{}", self.about);
        parsed.unwrap()
    }
}

/// Returns the findings of `why`, or the checks of `doctor`.
fn findings(data: &Value) -> &[Value] {
    let findings = data["findings"].as_array().or(data["checks"].as_array());
    findings.unwrap()
}

/// Returns what stops commands: findings and checks that say so, and the sources that fail. Numbers
/// of lines are left out, because a cure may remove a line.
fn errors(data: &Value) -> BTreeSet<String> {
    let is_error =
        |finding: &&Value| finding["severity"] == "error" || finding["status"] == "problem";
    let of_findings = findings(data).iter().filter(is_error);
    let of_findings =
        of_findings.map(|finding| format!("{}: {}", finding["kind"], finding["text"]));
    let rows = data["rows"].as_array().into_iter().flatten();
    let failed = rows.filter(|row| row["verdict"] == "failed");
    let all = of_findings.chain(failed.map(|row| row["provider"].to_string()));
    all.map(|text| text.replace(|c: char| c.is_ascii_digit(), ""))
        .collect()
}

/// Returns what is wrong after a cure was followed, if something is.
fn fault(finding: &Value, before: &Value, after: &Value) -> Option<String> {
    let kind = finding["kind"].as_str().unwrap();
    if kind == "masked" && before["rows"].is_array() {
        let number = usize::try_from(finding["number"].as_u64().unwrap()).unwrap();
        let promised = &before["rows"][number - 1];
        let mut rows = after["rows"].as_array().unwrap().iter();
        let answer = rows.find(|row| row["verdict"] == "used" || row["verdict"] == "failed");
        let is_promised = answer.is_some_and(|row| {
            row["provider"] == promised["provider"]
                && (row["verdict"] == "failed" || row["origin"] == promised["origin"])
        });
        return (!is_promised).then(|| "another source answers".to_owned());
    }
    let same = |other: &&Value| {
        ["kind", "text", "origin"]
            .iter()
            .all(|name| other[name] == finding[name])
    };
    let is_left = |other: &&Value| same(other) || is_of_same_tool(finding, other);
    if findings(after).iter().any(|other| is_left(&other)) {
        return Some("it is still there".to_owned());
    }
    let known = errors(before);
    let errors = errors(after);
    let mut new: Vec<_> = errors.difference(&known).collect();
    if OTHER_SOURCE.contains(&kind) {
        new.retain(|error| kind == "profile_name" && error.contains("not found"));
    }
    (!new.is_empty()).then(|| format!("there are new errors: {new:?}"))
}

/// Returns true if two findings say the same of a tool. The reason may be another one.
fn is_of_same_tool(finding: &Value, other: &Value) -> bool {
    let parts = |finding: &Value| {
        let (tools, what) = finding["text"].as_str()?.split_once(" would ")?;
        let tools = tools.replace(" and ", ", ");
        let tools: BTreeSet<_> = tools.split(", ").map(str::to_owned).collect();
        Some((tools, what.split(": ").next()?.to_owned()))
    };
    match (parts(finding), parts(other)) {
        (Some((tools, what)), Some((others, other_what))) => {
            what == other_what && !tools.is_disjoint(&others)
        }
        _ => false,
    }
}

fn follow_all(count: u64) {
    let world = world_with_login().with_python();
    let (mut followed, mut faults) = (0, Vec::new());
    for seed in 0..count {
        let situation = Situation::new(&world, seed);
        for command in ["why", "doctor --offline"] {
            let before = situation.before(command);
            for finding in findings(&before) {
                // Only a person can sign in, or edit a file.
                let by_person = |cure: &&str| cure.contains(" login") || cure.contains("EDITOR");
                let cure = finding["cure"].as_str();
                let Some(cure) = cure.filter(|cure| !by_person(cure)) else {
                    continue;
                };
                let after = situation.follow(cure, command);
                followed += 1;
                if let Some(fault) = fault(finding, &before, &after) {
                    let about = &situation.about;
                    let fault = format!("\n{command}: {fault}\n{finding:#}\n{after:#}\n{about}");
                    faults.push(fault);
                }
                situation.restore();
            }
        }
    }
    println!("{count} environments, {followed} cures followed");
    assert!(followed > count, "the environments lead to nothing");
    let number = faults.len();
    faults.truncate(5);
    assert!(
        number == 0,
        "{number} cures do not help: {}",
        faults.concat()
    );
}

#[test]
fn cures_in_random_environments_end_their_finding_and_break_nothing() {
    follow_all(SHORT);
}

#[test]
#[ignore = "long"]
fn cures_in_four_hundred_random_environments_end_their_finding_and_break_nothing() {
    follow_all(LONG);
}

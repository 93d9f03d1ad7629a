//! The tables of `cli/models` beside the model of botocore.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use crate::{
    answers::{answer, start_server},
    keyfob::{Home, Run, assert_has, assert_lacks},
    python,
};

/// The folder of the tables.
fn models() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/models"))
}

fn run(program: &Path, args: &[&str], home: &Home) -> String {
    Run::new(home.program(program).args(args).output().unwrap()).ok()
}

/// The most bytes that all tables together may have in the program.
const MAX_SIZE: u64 = 62_000;

#[test]
fn the_tables_are_what_their_script_writes() {
    let home = Home::new();
    let script = models().join("generate.py");
    let words = [script.to_str().unwrap(), home.path().to_str().unwrap()];
    run(&python::with_botocore(), &words, &home);
    let (mut names, mut size) = (Vec::new(), 0);
    for file in fs::read_dir(models()).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        if name.ends_with(".model") {
            size += file.metadata().unwrap().len();
        }
        let is_table = [
            "endpoints",
            "hosts",
            "prefixes",
            "regions",
            "rest",
            "services",
        ]
        .contains(&name.as_str());
        if name.ends_with(".model") || is_table {
            let read = |folder: &Path| fs::read_to_string(folder.join(&name)).unwrap();
            assert_eq!(
                read(models()),
                read(home.path()),
                "run cli/models/generate.py"
            );
            names.push(name);
        }
    }
    assert_eq!(names.len(), 12, "{names:?}");
    assert!(size <= MAX_SIZE, "{size} bytes");
}

/// By the loaded model of botocore, and not by the script: names, order and required members of
/// parameters and answers, as the commands print them.
#[test]
fn the_members_of_each_operation_are_those_of_botocore() {
    let home = Home::new();
    let names = models().join("*.txt");
    let lines = run(
        &python::with_botocore(),
        &["-c", SKELETONS, names.to_str().unwrap()],
        &home,
    );
    let mut count = 0;
    for line in lines.lines() {
        let [service, command, required, valid, input, output]: [Value; 6] =
            serde_json::from_str(line).unwrap();
        let command = [service.as_str().unwrap(), command.as_str().unwrap()];
        let valid = valid.to_string();
        // As text, because the order counts.
        for (kind, expected) in [("input", input), ("output", output)] {
            let words = ["--generate-cli-skeleton", kind, "--cli-input-json", &valid];
            let printed = home.keyfob(command.iter().chain(&words));
            // As aws, an answer without members is not printed.
            if kind == "output" && expected == json!({}) {
                assert_eq!(printed.ok(), "", "{command:?}");
                continue;
            }
            let printed = printed.json();
            assert_eq!(printed.to_string(), expected.to_string(), "{command:?}");
        }
        let required = required.as_array().unwrap();
        if !required.is_empty() {
            let names: Vec<_> = required.iter().filter_map(Value::as_str).collect();
            let line = format!("arguments are required: {}\n", names.join(", "));
            assert_has(&home.keyfob(command).fails(252), &[&line]);
        }
        count += 1;
    }
    assert!(count >= 41, "{count}");
}

const SESSION: &str = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>\
    <Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
    <SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00.5Z</Expiration></Credentials>\
    </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";

#[test]
fn parameters_may_be_json_or_a_file_options_come_first_and_no_key_is_needed_without_a_signature() {
    let home = Home::new().with("AWS_REGION", "eu-west-1");
    let role = "arn:aws:iam::123456789012:role/app";
    let json = format!(
        r#"{{"RoleArn": "{role}", "RoleSessionName": "json", "WebIdentityToken": "token"}}"#
    );
    fs::write(home.path().join("input"), &json).unwrap();
    for input in [json.as_str(), "file://input"] {
        let (url, bodies) = start_server(&answer("200 OK", SESSION));
        let words = [
            "sts",
            "assume-role-with-web-identity",
            "--cli-input-json",
            input,
            "--role-session-name",
            "option",
            "--endpoint-url",
            &url,
        ];
        let session = home.keyfob(words).json();
        // As version 2 of aws prints a fraction.
        let expiry = &session["Credentials"]["Expiration"];
        assert_eq!(expiry, "2099-01-01T00:00:00.500000+00:00");
        let body = bodies.recv().unwrap();
        assert_has(&body, &["&RoleSessionName=option&WebIdentityToken=token"]);
    }
}

#[test]
fn a_number_may_stand_in_a_file_and_a_value_that_no_table_has_is_sent() {
    let home = Home::new().with_key("AKIAIOSFODNN7EXAMPLE", "secret");
    fs::write(home.path().join("number"), "900\n").unwrap();
    fs::write(home.path().join("word"), "canary").unwrap();
    let session = ["sts", "get-session-token", "--duration-seconds"];
    let quota = ["service-quotas", "list-service-quotas", "--service-code"];
    let level = [&quota[..], &["ec2", "--quota-applied-at-level", "NEW"]].concat();
    for (words, sent) in [
        (
            [&session[..], &["file://number"]].concat(),
            "&DurationSeconds=900",
        ),
        (level, "\"QuotaAppliedAtLevel\":\"NEW\""),
    ] {
        let (url, bodies) = start_server(&answer("403 Forbidden", ""));
        home.keyfob([&words[..], &["--endpoint-url", &url]].concat())
            .fails(254);
        assert_has(&bodies.recv().unwrap(), &[sent]);
    }
    let presign = ["s3", "presign", "s3://bucket/k", "--expires-in"];
    let url = home
        .keyfob([&presign[..], &["file://number"]].concat())
        .ok();
    assert_has(&url, &["X-Amz-Expires=900&"]);
    for words in [&session[..], &presign] {
        for (file, code, text) in [
            ("file://word", 255, ": it is not a whole number"),
            ("file://missing", 252, ": cannot read missing"),
        ] {
            let stderr = home.keyfob([words, &[file]].concat()).fails(code);
            assert_has(&stderr, &[words[words.len() - 1], text]);
            assert_lacks(&stderr, &["canary"]);
        }
    }
}

#[test]
fn wrong_parameters_are_refused_before_anything_is_sent() {
    let home = Home::new().with_key("AKIAIOSFODNN7EXAMPLE", "secret");
    let quota = [
        "service-quotas",
        "list-service-quotas",
        "--service-code",
        "ec2",
    ];
    let role = ["sts", "assume-role", "--cli-input-json"];
    for (words, text) in [
        (
            [&role[..], &["{}"]].concat(),
            "Missing required parameter in input: \"RoleArn\"",
        ),
        (
            [&role[..], &["{\"canary\": 1}"]].concat(),
            "Unknown parameter in input, must be one of: ",
        ),
        (
            [&role[..], &["canary"]].concat(),
            "--cli-input-json: it is not a JSON object",
        ),
        (
            [&quota[..], &["--page-size", "0"]].concat(),
            "MaxResults must be at least 1, but is 0",
        ),
    ] {
        let words = [&["--endpoint-url", "http://127.0.0.1:1"][..], &words].concat();
        let stderr = home.keyfob(words).fails(252);
        assert_has(&stderr, &[text]);
        assert!(!stderr.contains("canary"), "{stderr}");
    }
}

/// Version 1 of aws and the commands print the same bytes for the same answers.
#[test]
fn the_answers_of_all_operations_are_printed_as_by_aws() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/beside_aws.py");
    let home = Home::new()
        .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_DEFAULT_REGION", "eu-west-1")
        .with("TZ", "UTC")
        .with_file("config", "");
    let words = [script.to_str().unwrap(), models().to_str().unwrap()];
    let mut commands = BTreeSet::new();
    for line in run(&python::tool("python"), &words, &home).lines() {
        let case: [String; 7] = serde_json::from_str(line).unwrap();
        let [service, command, parameters, body, output, times, expected] = case;
        let (url, _) = start_server(&answer("200 OK", &body));
        let config = format!("[default]\ncli_timestamp_format = {times}\n");
        fs::write(home.file("config"), config).unwrap();
        let words = [
            &service,
            &command,
            "--cli-input-json",
            &parameters,
            "--output",
            &output,
            "--endpoint-url",
            &url,
        ];
        assert_eq!(
            home.keyfob(words).ok(),
            expected,
            "{service} {command} {output} {body}"
        );
        commands.insert(command);
    }
    let lacking: Vec<String> = listed()
        .into_iter()
        .filter(|command| !commands.contains(command))
        .collect();
    assert_eq!(
        lacking,
        ["get-scoped-credentials"],
        "not in version 1 of aws"
    );
}

/// Returns the commands of all tables.
fn listed() -> BTreeSet<String> {
    let files = fs::read_dir(models()).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let lists = files.filter(|path| path.extension().is_some_and(|end| end == "txt"));
    let text: String = lists
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let names = text.lines().filter_map(|line| line.split_once(':'));
    let names = names.filter(|(name, _)| !name.starts_with([' ', '#']));
    names.map(|(name, _)| name.to_owned()).collect()
}

/// Prints for each operation of the lists: service, command, required options, valid parameters,
/// and what `--generate-cli-skeleton` of aws prints.
const SKELETONS: &str = r#"
import glob, json, pathlib, random, re, sys
import botocore.session
from botocore import xform_name
from botocore.utils import ArgumentGenerator

# aws takes any value of an enumeration. The tables have short ones only.
random.choice = lambda values: values[0] if len(values) <= 12 else ""
encode = lambda value: value.isoformat()

def valid(shape):
    if shape is None:
        return {}
    least = shape.metadata.get("min", 0)
    if shape.type_name == "structure":
        return {name: valid(member) for name, member in shape.members.items()}
    if shape.type_name == "list":
        return [valid(shape.member)]
    if shape.type_name == "string":
        return (shape.enum or ["0" * max(least, 1)])[0]
    return True if shape.type_name == "boolean" else least

session = botocore.session.Session()
for path in map(pathlib.Path, sorted(glob.glob(sys.argv[1]))):
    if path.stem == "requirements":
        continue
    model = session.get_service_model(path.stem)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    for command in re.findall(r"^([a-z][a-z0-9-]*):", path.read_text(), re.M):
        operation = model.operation_model(names[command])
        inputs, outputs = operation.input_shape, operation.output_shape
        # aws has --count for these two, and a default.
        required = [name for name in inputs.required_members if name not in ("MinCount", "MaxCount")] if inputs else []
        required = ["--" + xform_name(name, "-") for name in required]
        skeletons = [
            ArgumentGenerator(use_member_names=is_output).generate_skeleton(shape) if shape else {}
            for shape, is_output in ((inputs, False), (outputs, True))
        ]
        print(json.dumps([path.stem, command, required, valid(inputs), *skeletons], default=encode))
"#;

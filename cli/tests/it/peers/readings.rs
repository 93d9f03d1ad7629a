//! Which profiles botocore finds below random headers, and which keys in random files of boto 2 and
//! of the first tools for EC2.

use std::fs;

use keyfob_chain::Order;
use serde_json::{Value, json};

use super::{
    cases::Random,
    compare::{Answer, World, ours},
};

/// Returns a text of one of each of these, and an ID.
fn one_of_each(random: &mut Random, parts: &[&[&'static str]]) -> String {
    parts.iter().map(|part| random.one_of(part)).collect()
}

/// A header with whatever botocore and its `configparser` may make of it.
fn header(random: &mut Random, is_config: bool) -> String {
    const PREFIXES: &[&str] = &[
        "profile", "profile", "profile", "profilex", " profile", "Profile", "services", "",
    ];
    const GAPS: &[&str] = &[" ", " ", "  ", "\t", "", "\u{a0}", " '' "];
    const NAMES: &[&str] = &[
        "a", "a", "'a'", "\"a b\"", "a b", "a\\ b", "'a", "a]", "x\"a\"", "''", "default", " a",
        "\" a\"", "a#b",
    ];
    const ENDS: &[&str] = &["", "", "", " ", "\t", "\r"];
    match random.below(10) {
        0 => "default".to_owned(),
        1 => "DEFAULT".to_owned(),
        _ if is_config => one_of_each(random, &[PREFIXES, GAPS, NAMES, ENDS]),
        _ => one_of_each(random, &[NAMES, ENDS]),
    }
}

fn sections(random: &mut Random, is_config: bool) -> String {
    let count = 1 + random.below(3);
    let section = |number: usize| {
        let header = header(random, is_config);
        let kind = if is_config { "CONFIG" } else { "CREDENTIALS" };
        let id = format!("aws_access_key_id = AKIA{kind}{number}\n");
        let secret = random.one_of(&[
            "aws_secret_access_key = s\n",
            "AWS_secret_access_key: s\n",
            "",
        ]);
        format!(
            "[{header}]{}\n{id}{secret}",
            random.one_of(&["", "", "", "]", " # ]", " x"])
        )
    };
    (0..count).map(section).collect()
}

/// A file of boto 2.
fn boto_file(random: &mut Random) -> String {
    const HEADERS: &[&str] = &[
        "[Credentials]\n",
        "[Credentials]\n",
        "[Credentials]\n",
        "[credentials]\n",
        "[Credentials ]\n",
        "[DEFAULT]\n",
        "[DEFAULT]\naws_secret_access_key = t\n[Credentials]\n",
        "",
    ];
    const IDS: &[&str] = &[
        "aws_access_key_id = AKIABOTO\n",
        "AWS_ACCESS_KEY_ID: AKIACOLON\n",
        "aws_access_key_id =\n",
        "",
    ];
    const SECRETS: &[&str] = &[
        "aws_secret_access_key = s\n",
        "aws_secret_access_key = s\n",
        "aws_secret_access_key: s;t\r",
        "",
    ];
    one_of_each(random, &[HEADERS, IDS, SECRETS])
}

/// A file of the first tools.
fn first_file(random: &mut Random) -> String {
    const IDS: &[&str] = &[
        "AWSAccessKeyId=AKIAFIRST\n",
        " AWSAccessKeyId = AKIASPACE\r",
        "x\u{2028}AWSAccessKeyId=AKIALINE\u{85}",
        "# AWSAccessKeyId=AKIACOMMENT\n",
        "AWSAccessKeyId\n",
        "",
    ];
    const SECRETS: &[&str] = &[
        "AWSSecretKey=s\n",
        "AWSSecretKey=s\n",
        "AWSSecretKey: s=t\n",
        "AWSSecretKey=s=\nAWSSecretKey = t\n",
        "",
    ];
    one_of_each(random, &[IDS, SECRETS, IDS])
}

/// Fails if a program with botocore gets other keys than its rules lead to here.
pub(super) fn compare_readings(order: Order, count: u64, theirs: impl Fn(&[Value]) -> Vec<Answer>) {
    let world = World::start();
    let mut cases = Vec::new();
    for seed in 0..count {
        let mut random = Random(seed);
        let mut variables = json!({"HOME": world.path(), "AWS_EC2_METADATA_DISABLED": "true"});
        let mut texts = String::new();
        let mut set = |name: &str, text: String| {
            let path = world.path().join(format!("{name}-{seed}"));
            fs::write(&path, &text).unwrap();
            texts += &format!("\n--- {name}\n{text}");
            variables[name] = path.to_str().into();
        };
        let is_old = seed % 2 == 0;
        if is_old {
            if random.percent(50) {
                set("AWS_CREDENTIAL_FILE", first_file(&mut random));
            }
            set("BOTO_CONFIG", boto_file(&mut random));
        } else {
            set("AWS_CONFIG_FILE", sections(&mut random, true));
            set("AWS_SHARED_CREDENTIALS_FILE", sections(&mut random, false));
            let names = [
                "a", "a", "a", " a", "a b", "default", "x", "a]", "a ", "xa", "DEFAULT", "'a'",
            ];
            variables["AWS_PROFILE"] = random.one_of(&names).into();
        }
        cases.push((json!({"variables": variables, "profile": null}), texts));
    }
    let inputs: Vec<_> = cases.iter().map(|(case, _)| case.clone()).collect();
    let answers = theirs(&inputs);
    assert_eq!(answers.len(), cases.len());
    let (mut found, mut different) = (0, Vec::new());
    for (seed, ((case, texts), theirs)) in cases.iter().zip(&answers).enumerate() {
        let ours = ours(order, case);
        found += u64::from(ours.id().is_some());
        // No service accepts an empty ID, which is an error before here.
        let is_empty = theirs.id() == Some("") && ours.says("is empty beside");
        if ours != *theirs && !is_empty {
            let name = &case["variables"]["AWS_PROFILE"];
            different.push(format!(
                "\n#{seed} {name}: ours {ours:?}, theirs {theirs:?}{texts:?}"
            ));
        }
    }
    println!("{order:?}: {count} readings, {found} with credentials");
    let number = different.len();
    different.truncate(10);
    assert!(number == 0, "{number} differ: {}", different.concat());
    assert!(found > count / 8, "the files lead to nothing");
}

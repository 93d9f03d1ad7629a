//! The table of settings: what the sources of the workspace read, and the documentation of it.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use keyfob_chain::settings::{ALL, SettingKind};

const TABLE: &str = "config/table.rs";

/// Where a word in small letters is the name of a property.
const PROPERTIES: [&str; 4] = [
    "chain/src/config",
    "chain/src/providers",
    "cli/src/context",
    "cli/src/commands/s3.rs",
];

/// What looks like a setting and is none: names of Cargo's, where programs are, a code of AWS, a
/// prefix that is shown, the prefix of variables that are options of the command, what only a
/// command beside a proxy reads, and arguments that no file sets.
const NOT_READ: [&str; 14] = [
    "AWS_BEARER_TOKEN_",
    "AWS_CONTAINER_",
    "AWS_DISABLE_HOST_PREFIX_INJECTION",
    "KEYFOB_",
    "CARGO_MANIFEST_DIR",
    "CARGO_PKG_VERSION",
    "PATH",
    "TOKEN_EXPIRED",
    "cli_connect_timeout",
    "cli_read_timeout",
    "ghp_",
    "github_pat_",
    "role_endpoint_url",
    "verify_ssl",
];

#[test]
fn the_documentation_is_that_of_the_table() {
    let mut text = "| variable | property | value | default | read by | meaning |\n\
                    |---|---|---|---|---|---|\n"
        .to_owned();
    for key in ALL {
        let [variables, properties] = [key.variables, key.properties].map(|names| {
            let names = names.iter().map(|name| format!("`{name}`"));
            names.collect::<Vec<_>>().join(", ")
        });
        let (kind, default, reader) = (key.kind, key.default, key.reader);
        let meaning = key.meaning.replace('<', "\\<");
        text.push_str(&format!(
            "| {variables} | {properties} | {kind} | {default} | {reader} | {meaning} |\n"
        ));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    if env::var_os("KEYFOB_WRITE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap();
    assert!(
        written == text,
        "docs/settings.md is not that of the table: write it with\n\
         KEYFOB_WRITE_DOCS=1 cargo test -p keyfob-chain --test settings"
    );
}

#[test]
fn no_name_stands_twice_and_each_row_is_whole() {
    let variables = ALL.iter().flat_map(|key| key.variables);
    let properties = ALL.iter().flat_map(|key| key.properties);
    let names: Vec<_> = variables.chain(properties).collect();
    let different: BTreeSet<_> = names.iter().collect();
    assert_eq!(names.len(), different.len());
    for key in ALL {
        assert!(!key.name().is_empty());
        assert!(
            key.meaning.ends_with('.') && !key.reader.is_empty(),
            "{key:?}"
        );
        if let SettingKind::Choice(names) = key.kind {
            assert!(
                key.default.is_empty() || names.contains(&key.default),
                "{key:?}"
            );
        }
    }
}

/// The crates are published alone, without their siblings.
#[test]
fn every_variable_and_property_that_the_workspace_reads_is_in_the_table_and_the_other_way_round() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    if !root.join("cli/src").is_dir() {
        return;
    }
    let mut sources = Vec::new();
    for name in ["backoff", "chain", "cli", "imds", "sigv4", "sts"] {
        collect(&root.join(name).join("src"), &mut sources);
    }
    let known: BTreeSet<_> = ALL
        .iter()
        .flat_map(|key| key.variables.iter().chain(key.properties))
        .copied()
        .collect();
    let mut code = String::new();
    // The module `corpora` is a test.
    let is_code = |path: &&PathBuf| !path.ends_with(TABLE) && !path.ends_with("corpora.rs");
    for path in sources.iter().filter(is_code) {
        let text = without_comments_and_tests(&fs::read_to_string(path).unwrap());
        for name in looked_up(&text, path.strip_prefix(root).unwrap()) {
            // The service of `AWS_ENDPOINT_URL_STS` may be any.
            let is_known = known.contains(name) || name.starts_with("AWS_ENDPOINT_URL_");
            assert!(
                is_known || NOT_READ.contains(&name),
                "{} reads {name}: add it to chain/src/config/table.rs",
                path.display()
            );
        }
        code.push_str(&text);
    }
    let words: BTreeSet<_> = code.split(|char| !is_word(char)).collect();
    let table = fs::read_to_string(root.join("chain/src").join(TABLE)).unwrap();
    let rows = table.split_once("\ntable! {").unwrap().1;
    let constants = rows
        .lines()
        .filter_map(|line| line.split_once(": [")?.0.trim().into());
    let constants: Vec<&str> = constants.collect();
    assert_eq!(constants.len(), ALL.len());
    for (key, constant) in ALL.iter().zip(constants) {
        let names = key.variables.iter().chain(key.properties);
        // `KEYFOB_<OPTION>` is put together from its prefix.
        let starts = names.filter_map(|name| name.split('<').next());
        let mut literals = starts.map(|name| format!("\"{name}\""));
        assert!(
            words.contains(constant) || literals.any(|literal| code.contains(&literal)),
            "nothing reads {constant}: remove it from chain/src/config/table.rs"
        );
    }
}

fn collect(folder: &Path, sources: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
}

/// Tests of one file stand at its end. Those in a file of their own may be declared anywhere.
fn without_comments_and_tests(text: &str) -> String {
    let mut parts = text.split("#[cfg(test)]\n");
    let mut code = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('\n') {
            Some((declaration, rest)) if declaration.ends_with(';') => code.push_str(rest),
            _ => break,
        }
    }
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Returns the names of variables in the code, and those of properties if it looks some up.
fn looked_up<'a>(code: &'a str, path: &Path) -> impl Iterator<Item = &'a str> {
    let has_properties = PROPERTIES.iter().any(|start| path.starts_with(start));
    let parts: Vec<_> = code.split('"').collect();
    let literals: Vec<_> = parts.windows(2).map(|pair| (pair[0], pair[1])).collect();
    literals.into_iter().filter_map(move |(before, word)| {
        let is = |opener: &&str| before.ends_with(opener);
        let is_plain = !word.is_empty() && word.chars().all(is_word);
        let is_name = word.contains('_') && !word.starts_with('_') && word.len() > 3;
        let has = |check: fn(char) -> bool| word.chars().any(check);
        // Other words in capitals are codes of protocols.
        let is_of_aws = ["AWS_", "KEYFOB_"]
            .iter()
            .any(|start| word.starts_with(start));
        let openers = ["raw(", "text(", "variable(", "var(", "var_os("];
        let is_variable = !has(|char| char.is_ascii_lowercase())
            && (is_name && is_of_aws || openers.iter().any(is));
        let is_property = !has(|char| char.is_ascii_uppercase())
            && has_properties
            && (is_name || ["get(", "nested(", "property(section, "].iter().any(is));
        (is_plain && (is_variable || is_property)).then_some(word)
    })
}

fn is_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

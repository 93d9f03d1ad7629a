//! The manual pages.

use std::{collections::BTreeMap, fs, path::Path, process::Stdio};

use crate::{
    completion::commands,
    keyfob::{Home, Run, assert_has, assert_lacks},
};

/// Writes all pages to a folder, and returns them by the names of their files.
fn pages(home: &Home, folder: &Path) -> BTreeMap<String, String> {
    let folder_name = folder.to_str().unwrap();
    let run = home.keyfob(["man", "--out", folder_name]);
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        pages.insert(name, fs::read_to_string(path).unwrap());
    }
    assert_has(
        &run.stderr,
        &[&format!("note: {} pages are in", pages.len())],
    );
    assert_eq!(run.ok(), "");
    pages
}

#[test]
fn every_command_has_a_page_that_is_the_same_each_time() {
    let home = Home::new();
    let first = pages(&home, &home.path().join("new/folder"));
    let names: Vec<String> = commands(&home)
        .into_iter()
        .map(|words| [&["keyfob".to_owned()][..], &words].concat().join("-") + ".1")
        .collect();
    assert_eq!(first.len(), names.len());
    for name in &names {
        let page = &first[name];
        assert!(page.is_ascii(), "{name}");
        assert_has(
            page,
            &[".SH NAME\n", ".SH SYNOPSIS\n", ".SH \"EXIT STATUS\"\n"],
        );
    }
    // A second time over the same files.
    assert_eq!(pages(&home, &home.path().join("new/folder")), first);
}

#[test]
fn a_page_says_what_the_help_says() {
    let home = Home::new();
    let page = home.keyfob(["man", "sts", "assume-role"]).ok();
    assert_has(
        &page,
        &[
            ".TH keyfob-sts-assume-role 1 ",
            "keyfob\\-sts\\-assume\\-role \\- Get temporary credentials of a role\n",
            "\\-\\-role\\-arn <ARN>",
            ".SH EXAMPLES\n",
            "  $ keyfob sts assume\\-role \\-\\-role\\-arn ARN",
            "keyfob(1), keyfob\\-sts(1)",
        ],
    );
    let root = home.keyfob(["man"]).ok();
    assert_has(&root, &["keyfob\\-trust\\-policy", "\\-\\-profile <NAME>"]);
    assert_has(&root, &["KEYFOB_OFFLINE", ".SH REGION"]);
    // Aliases and words for completion are not for people.
    assert_lacks(&home.keyfob(["man", "completion"]).ok(), &["\\-\\-word"]);
}

#[test]
fn a_page_that_cannot_be_had_is_an_error_with_a_cure() {
    let home = Home::new();
    let stderr = home.keyfob(["man", "sts", "canary"]).fails(252);
    assert_has(&stderr, &["COMMAND: ", "`keyfob sts --help`"]);
    assert_lacks(&stderr, &["canary"]);
    fs::write(home.path().join("file"), "").unwrap();
    let stderr = home.keyfob(["man", "--out", "file/below"]).fails(255);
    assert_has(&stderr, &["--out: cannot write file/below: ", "hint: "]);
    let both = home.keyfob(["man", "sts", "--out", "x"]).fails(252);
    assert_has(&both, &["--out"]);
}

#[test]
fn man_and_groff_read_the_pages_without_a_warning() {
    let home = Home::new();
    let folder = home.path().join("man1");
    let names: Vec<_> = pages(&home, &folder).into_keys().collect();
    for (program, options) in [
        ("mandoc", &["-T", "lint", "-W", "error"][..]),
        ("groff", &["-k", "-man", "-ww", "-z", "-Tutf8"]),
        ("man", &["--local-file"]),
    ] {
        let mut command = home.program(program);
        command.args(options).args(&names).current_dir(&folder);
        let command = command.env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80");
        let Ok(output) = command.stdin(Stdio::null()).output() else {
            println!("not run: {program} is not installed");
            continue;
        };
        let run = Run::new(output);
        // A name is longer than a line.
        let warnings = run
            .stderr
            .lines()
            .filter(|line| !line.ends_with("break line"));
        assert_eq!(warnings.collect::<Vec<_>>(), [""; 0], "{program}");
        if program == "man" {
            assert_has(&run.ok(), &["keyfob-sts-assume-role - Get temporary"]);
        }
    }
}

//! The transcripts of the READMEs, which tests run.
//!
//! `KEYFOB_WRITE_DOCS=1 cargo test -p keyfob --test it the_transcripts` writes the output of this
//! version into those that run in the sandbox, and the picture of a terminal.

use crate::keyfob::Home;

#[cfg(target_os = "linux")]
use std::{env, fs, path::Path};

/// Returns the commands of the README that start with `prefix`, each with the output below it.
pub(crate) fn transcript(prefix: &str) -> Vec<(String, String)> {
    let mut commands = blocks(include_str!("../../README.md"), "console");
    commands.retain(|(command, _)| command.starts_with(prefix));
    assert!(!commands.is_empty(), "{prefix}");
    commands
}

/// Returns the first block of a language below a heading of the README, as it is.
pub(crate) fn block(heading: &str, language: &str) -> &'static str {
    let readme = include_str!("../../README.md");
    let (_, below) = readme.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, block) = below.split_once(&format!("\n```{language}\n")).unwrap();
    block.split_once("```").unwrap().0
}

/// Returns the commands in the blocks of a language, each with the output below it.
fn blocks(readme: &str, language: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut is_inside = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            is_inside = line.strip_prefix("```") == Some(language);
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| is_inside) {
            commands.push((command.to_owned(), String::new()));
        } else if let Some((_, output)) = commands.last_mut().filter(|_| is_inside) {
            *output += line;
            output.push('\n');
        }
    }
    assert!(!commands.is_empty(), "{language}");
    commands
}

/// Help wins over what is missing, and loses to a word that is not known.
#[test]
fn the_commands_in_place_of_other_tools_exist_with_their_options() {
    let readme = include_str!("../../README.md");
    let (_, below) = readme
        .split_once("\n## Moving from another tool\n")
        .unwrap();
    let (section, _) = below.split_once("\n## ").unwrap();
    let home = Home::new();
    let quoted = section.split('`').skip(1).step_by(2);
    let commands: Vec<_> = quoted
        .filter_map(|text| text.strip_prefix("keyfob "))
        .collect();
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        let words = command.replace("'NAME: VALUE'", "NAME:VALUE");
        let words = words.split(' ').take_while(|word| *word != "--");
        let help = home.keyfob(words.chain(["--help"])).ok();
        assert!(help.contains("Usage: keyfob "), "{command}");
    }
}

/// Runs the commands of a README in its blocks `shell-session`, and compares their output. What is
/// another one each time may differ.
#[cfg(target_os = "linux")]
pub(crate) fn check_sessions(path: &Path, run: impl Fn(&str) -> String) {
    let readme = fs::read_to_string(path).unwrap();
    let mut written = readme.clone();
    for (command, output) in blocks(&readme, "shell-session") {
        let new = run(&command);
        if constant(&new) != constant(&output) {
            let old = format!("$ {command}\n{output}");
            written = written.replacen(&old, &format!("$ {command}\n{new}"), 1);
        }
    }
    check_file(path, &readme, &written);
}

/// Compares a picture of the first command in the blocks `shell-session` with a file.
#[cfg(target_os = "linux")]
pub(crate) fn check_picture(readme: &Path, picture: &Path) {
    let readme = fs::read_to_string(readme).unwrap();
    let (command, output) = &blocks(&readme, "shell-session")[0];
    let old = fs::read_to_string(picture).unwrap_or_default();
    check_file(picture, &old, &drawn(&format!("$ {command}\n{output}")));
}

#[cfg(target_os = "linux")]
fn check_file(path: &Path, old: &str, new: &str) {
    if env::var_os("KEYFOB_WRITE_DOCS").is_some() {
        fs::write(path, new).unwrap();
    } else {
        assert_eq!(old, new, "{}: see the module of this test", path.display());
    }
}

/// Cuts what is another one each time.
#[cfg(target_os = "linux")]
fn constant(text: &str) -> Vec<&str> {
    let changing = ["http", "expire at ", "until ", "AKIA", "/tmp/"];
    let cut = |line| {
        let ends = changing.iter().filter_map(|start| str::find(line, start));
        &line[..ends.min().unwrap_or(line.len())]
    };
    text.lines().map(cut).collect()
}

/// Draws a terminal that shows a text.
#[cfg(target_os = "linux")]
fn drawn(text: &str) -> String {
    const COLUMNS: usize = 100;
    let mut lines = Vec::new();
    for line in text.lines() {
        let characters: Vec<char> = line.chars().collect();
        lines.extend(characters.chunks(COLUMNS).map(String::from_iter));
    }
    let (width, height) = (COLUMNS * 8 + 32, lines.len() * 18 + 32);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         font-family=\"monospace\" font-size=\"13\" fill=\"#ddd\">\n\
         <title>keyfob why: the chain, what is used, what it masks, and the cure</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#1b1b1b\"/>\n"
    );
    for (line, y) in lines.iter().zip((29..).step_by(18)) {
        let escaped = line
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        svg += &format!("<text x=\"16\" y=\"{y}\" xml:space=\"preserve\">{escaped}</text>\n");
    }
    svg + "</svg>\n"
}

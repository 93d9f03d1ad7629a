//! The transcripts of the README, which tests run.

/// Returns the commands of the README that start with `prefix`, each with the output below it.
pub(crate) fn transcript(prefix: &str) -> Vec<(String, String)> {
    let mut commands = blocks("console");
    commands.retain(|(command, _)| command.starts_with(prefix));
    assert!(!commands.is_empty(), "{prefix}");
    commands
}

/// Returns the commands in the blocks of a language, each with the output below it. Those of
/// `shell-session` are run by a shell in the sandbox.
pub(crate) fn blocks(language: &str) -> Vec<(String, String)> {
    let readme = include_str!("../../README.md");
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

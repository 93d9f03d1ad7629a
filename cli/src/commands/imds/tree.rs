use std::collections::BTreeMap;

use keyfob_imds::Client;

use super::secrets::{Masked, masked_document};
use crate::{
    context::Context,
    failure::Failure,
    terminal::{Console, Style, printable},
};

/// The most characters of a value that the tree shows; `imds get` prints all of it.
const MAX_SHOWN: usize = 60;

/// The values of everything below a folder, by path. Secrets are not requested: they are `None`.
type Items = BTreeMap<String, Option<String>>;

/// Prints the tree below a folder, with the values that are not secret.
///
/// # Errors
///
/// If the folder does not exist, or if the service fails.
pub(super) async fn run(context: &Context, client: &Client, folder: &str) -> Result<(), Failure> {
    let items = walk(client, folder).await?;
    let console = context.console();
    console.write_stdout(render(console, &items))
}

/// Prints the path of every item below a folder.
///
/// # Errors
///
/// As [`run`].
pub(super) async fn list(context: &Context, client: &Client, folder: &str) -> Result<(), Failure> {
    let items = walk(client, folder).await?;
    let lines: String = items
        .keys()
        .map(|path| format!("{}\n", printable(path)))
        .collect();
    context.console().write_stdout(lines)
}

async fn walk(client: &Client, folder: &str) -> Result<Items, Failure> {
    let failed = |error| Failure::from_imds(&error, folder);
    let mut walk = client.walk(folder).map_err(failed)?;
    let mut items = Items::new();
    while let Some(entry) = walk.next().await {
        let entry = entry.map_err(failed)?;
        let value = entry
            .value
            .map(|value| String::from_utf8_lossy(&value).into_owned());
        items.insert(entry.path, value);
    }
    if items.is_empty() {
        return Err(Failure::not_found(
            folder,
            "there is nothing in this folder",
        ));
    }
    Ok(items)
}

/// Formats each folder once, above its items, and the values as a column.
fn render(console: Console, items: &Items) -> String {
    let mut out = String::new();
    let mut previous: Vec<&str> = Vec::new();
    for (path, value) in items {
        let mut folders: Vec<&str> = path.trim_matches('/').split('/').collect();
        let name = folders.pop().unwrap_or_default();
        let shared = previous
            .iter()
            .zip(&folders)
            .take_while(|(a, b)| a == b)
            .count();
        for (depth, folder) in folders.iter().enumerate().skip(shared) {
            let folder = console.paint(Style::Strong, &format!("{}/", printable(folder)));
            out += &format!("{:1$}{folder}\n", "", 2 * depth);
        }
        let indent = 2 * folders.len();
        let value = match value.as_deref() {
            None => "(not asked for)".to_owned(),
            Some(value) if masked_document(value.as_bytes()) != Masked::Nothing => {
                "(contains a secret)".to_owned()
            }
            Some(value) => shorten(value),
        };
        let name = printable(name);
        out += format!("{:indent$}{name:<24}  {value}", "").trim_end();
        out.push('\n');
        previous = folders;
    }
    out
}

/// Returns the start of the first line, with `…` if there is more.
fn shorten(value: &str) -> String {
    let first = value.lines().next().unwrap_or_default();
    let start: String = first.chars().take(MAX_SHOWN).collect();
    let shown = printable(&start).into_owned();
    if start.len() < value.trim_end().len() {
        return shown + " …";
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Color;

    #[test]
    fn a_folder_is_printed_once_above_its_items() {
        let items = [
            ("/latest/a", Some("1")),
            ("/latest/b/c", Some("2\n3")),
            ("/latest/b/d", None),
            ("/latest/e/f/g", Some("")),
            (
                "/latest/e/h",
                Some(r#"{"x": {"TOKEN": "canary-0123456789"}}"#),
            ),
            ("/latest/i\u{1b}[2J", Some("\u{9b}2J")),
        ];
        let items = items
            .into_iter()
            .map(|(path, value)| (path.to_owned(), value.map(str::to_owned)))
            .collect();
        let expected = "\
latest/
  a                         1
  b/
    c                         2 …
    d                         (not asked for)
  e/
    f/
      g
    h                         (contains a secret)
  i\\u{1b}[2J                \\u{9b}2J
";
        assert_eq!(render(Console::new(Color::Off), &items), expected);
    }
}

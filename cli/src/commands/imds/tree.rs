use std::collections::BTreeMap;

use keyfob_imds::Client;

use super::failure;
use crate::{
    context::Context,
    failure::Failure,
    terminal::{Console, Style},
};

/// A value longer than this is cut in the tree; `imds get` has all of it.
const MAX_SHOWN: usize = 60;

/// Everything below a folder, by path; nothing for what is secret and was not asked for.
type Items = BTreeMap<String, Option<String>>;

/// Prints the tree below a folder, with the values that are no secrets.
///
/// # Errors
///
/// When the folder is not there, or the service fails.
pub(super) async fn run(context: &Context, client: &Client, folder: &str) -> Result<(), Failure> {
    let items = walk(client, folder).await?;
    context.console().data(&render(context.console(), &items))
}

/// Prints the path of every item below a folder.
///
/// # Errors
///
/// As [`run`].
pub(super) async fn list(context: &Context, client: &Client, folder: &str) -> Result<(), Failure> {
    let items = walk(client, folder).await?;
    let lines: String = items.keys().map(|path| format!("{path}\n")).collect();
    context.console().data(&lines)
}

async fn walk(client: &Client, folder: &str) -> Result<Items, Failure> {
    let mut walk = client
        .walk(folder)
        .map_err(|error| failure(&error, folder))?;
    let mut items = Items::new();
    while let Some(entry) = walk.next().await {
        let entry = entry.map_err(|error| failure(&error, folder))?;
        let value = entry
            .value
            .map(|value| String::from_utf8_lossy(&value).into_owned());
        items.insert(entry.path, value);
    }
    match items.is_empty() {
        true => Err(Failure::service(
            "NotFound",
            &format!("GET {folder}"),
            "there is nothing below it",
        )),
        false => Ok(items),
    }
}

/// Folders once, above what is in them; values in a column.
fn render(console: Console, items: &Items) -> String {
    let mut out = String::new();
    let mut above: Vec<&str> = Vec::new();
    for (path, value) in items {
        let mut folders: Vec<&str> = path.trim_matches('/').split('/').collect();
        let name = folders.pop().unwrap_or_default();
        let shared = above
            .iter()
            .zip(&folders)
            .take_while(|(a, b)| a == b)
            .count();
        for (depth, folder) in folders.iter().enumerate().skip(shared) {
            let folder = console.paint(Style::Strong, &format!("{folder}/"));
            out += &format!("{:1$}{folder}\n", "", 2 * depth);
        }
        let indent = 2 * folders.len();
        let value = value.as_deref().map_or_else(hidden, shown);
        out += format!("{:indent$}{name:<24}  {value}", "").trim_end();
        out.push('\n');
        above = folders;
    }
    out
}

fn hidden() -> String {
    "(not asked for)".to_owned()
}

/// The first line of a value, cut.
fn shown(value: &str) -> String {
    let line: String = value
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(MAX_SHOWN)
        .collect();
    match line.len() < value.trim_end().len() {
        true => line + " …",
        false => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Color;

    #[test]
    fn a_folder_stands_once_above_its_items() {
        let items = [
            ("/latest/a", Some("1")),
            ("/latest/b/c", Some("2\n3")),
            ("/latest/b/d", None),
            ("/latest/e/f/g", Some("")),
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
";
        assert_eq!(render(Console::new(Color::Off, true), &items), expected);
    }
}

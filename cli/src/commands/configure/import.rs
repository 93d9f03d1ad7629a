use keyfob_chain::{
    Error,
    profiles::{Editor, FileKind, SectionName},
};

use super::warn_of_old_token;
use crate::{args::ImportArgs, context::Context, failure::Failure, syntax::expand};

/// The headers of the columns that count, in the words of `aws`. Their case does not matter.
const HEADERS: [&str; 3] = ["User Name", "Access Key ID", "Secret Access key"];

/// Writes the keys of a CSV file to profiles with the names of its users. Without `--skip-invalid`,
/// nothing is written if an entry lacks something.
///
/// # Errors
///
/// If the file cannot be read, if it is not such a CSV, or if the credentials file cannot be
/// written. The messages are those of `aws`.
pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<(), Failure> {
    let csv = expand(&args.csv, context.variables())?;
    let prefix = &args.profile_prefix;
    let entries = entries(&csv, prefix, args.skip_invalid).map_err(Failure::other)?;
    let mut editor = context.editor(FileKind::Credentials)?;
    for entry in &entries {
        add(&mut editor, prefix, entry)?;
    }
    if !entries.is_empty() {
        context.save(&editor)?;
    }
    for [user, id, _] in &entries {
        let profile = profile(prefix, user);
        let old = context.settings().files().find(&profile).ok().flatten();
        warn_of_old_token(context, old, id);
    }
    let count = entries.len();
    let text = format!("Successfully imported {count} profile(s)\n");
    context.console().write_stdout(text)
}

fn profile(prefix: &str, user: &str) -> SectionName {
    SectionName::profile(format!("{prefix}{user}"))
}

fn add(editor: &mut Editor, prefix: &str, [user, id, secret]: &[&str; 3]) -> Result<(), Error> {
    let profile = profile(prefix, user);
    editor.set(&profile, "aws_access_key_id", *id)?;
    editor.set(&profile, "aws_secret_access_key", *secret)?;
    Ok(())
}

/// Returns the user, the access key ID and the secret access key of each entry. As in `aws`, commas
/// always separate, and quotes are part of a value.
fn entries<'a>(
    csv: &'a str,
    prefix: &str,
    skip_invalid: bool,
) -> Result<Vec<[&'a str; 3]>, String> {
    let csv = csv.trim_start_matches('\u{feff}');
    if csv.trim().is_empty() {
        return Err("Provided CSV contains no contents".to_owned());
    }
    let mut lines = csv.lines();
    let headers: Vec<_> = lines.next().unwrap_or_default().split(',').collect();
    let mut columns = [0; 3];
    for (column, header) in columns.iter_mut().zip(HEADERS) {
        let mut headers = headers.iter();
        let is_same = |found: &&str| found.trim().to_lowercase() == header.to_lowercase();
        *column = headers
            .position(is_same)
            .ok_or_else(|| format!("Expected header \"{header}\" not found"))?;
    }
    let mut entries = Vec::new();
    for (number, line) in (1..).zip(lines) {
        let entry = entry(line, columns).and_then(|entry| checked(prefix, entry));
        match entry {
            Ok(entry) => entries.push(entry),
            Err(_) if skip_invalid => {}
            Err(reason) => return Err(format!("Failed to parse entry #{number}: {reason}")),
        }
    }
    Ok(entries)
}

fn entry(line: &str, columns: [usize; 3]) -> Result<[&str; 3], String> {
    let values: Vec<_> = line.split(',').map(str::trim).collect();
    let mut entry = [""; 3];
    for ((value, column), header) in entry.iter_mut().zip(columns).zip(HEADERS) {
        *value = match values.get(column) {
            Some(value) if !value.is_empty() => *value,
            _ => return Err(format!("Row missing value for header \"{header}\"")),
        };
    }
    Ok(entry)
}

/// Fails if a profile cannot have the name or the key of an entry.
fn checked<'a>(prefix: &str, entry: [&'a str; 3]) -> Result<[&'a str; 3], String> {
    let mut trial = Editor::new(FileKind::Credentials, "");
    match add(&mut trial, prefix, &entry) {
        Ok(()) => Ok(entry),
        Err(error) if entry.iter().any(|value| value.contains('"')) => Err(format!(
            "{error}; quotes are taken as part of a value, as in aws: remove them from the CSV"
        )),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::{Generator, SHORT};

    #[test]
    fn no_csv_gives_an_entry_that_lacks_something() {
        const PIECES: [&str; 11] = [
            "User name",
            "ACCESS KEY ID",
            "Secret access key",
            ",",
            ",",
            ",",
            "\n",
            "\r\n",
            " ",
            "\u{feff}",
            "é",
        ];
        Generator::each(SHORT, |generator| {
            let text = generator.text(&PIECES);
            let head = "Secret Access Key,x,User Name,Access Key ID\n";
            for csv in [text.clone(), format!("{head}{text}")] {
                let read = entries(&csv, "", true);
                let is_whole = |entry: &[&str; 3]| entry.iter().all(|value| !value.is_empty());
                assert!(read.is_ok_and(|all| all.iter().all(is_whole)) || !csv.starts_with(head));
                let _ = entries(&csv, "", false);
            }
        });
    }

    #[test]
    fn columns_are_found_by_their_headers() {
        let csv =
            "\u{feff}secret access KEY,Password, User name ,Access key ID\r\ns,p, ada ,AKIA\r\n";
        assert_eq!(entries(csv, "", false).unwrap(), [["ada", "AKIA", "s"]]);
    }

    #[test]
    fn what_is_missing_is_named_in_the_words_of_aws() {
        let head = "User Name,Access key ID,Secret access key";
        for (csv, message) in [
            (" \n".to_owned(), "Provided CSV contains no contents"),
            (
                "credentials.csv".to_owned(),
                "Expected header \"User Name\" not found",
            ),
            (
                "User name,Access key ID".to_owned(),
                "Expected header \"Secret Access key\" not found",
            ),
            (
                format!("{head}\nada,AKIA,s\nbob,,\n"),
                "Failed to parse entry #2: Row missing value for header \"Access Key ID\"",
            ),
            (
                format!("{head}\nada,AKIA,s\n\"bob\",AKIA,s"),
                "Failed to parse entry #2: the name cannot be a profile of the credentials file: \
                 use letters, digits and _-/.%@:+; quotes are taken as part of a value, as in \
                 aws: remove them from the CSV",
            ),
            (
                format!("{head}\na]b,AKIA,s"),
                "Failed to parse entry #1: the name cannot be a profile of the credentials file: \
                 use letters, digits and _-/.%@:+",
            ),
            (
                format!("{head}\nada,AKIA"),
                "Failed to parse entry #1: Row missing value for header \"Secret Access key\"",
            ),
        ] {
            assert_eq!(entries(&csv, "", false).unwrap_err(), message);
        }
        let csv = format!("{head}\nbob,,\n\n\"eve\",AKIA,s\nada,AKIA,s\n");
        assert_eq!(entries(&csv, "", true).unwrap(), [["ada", "AKIA", "s"]]);
    }
}

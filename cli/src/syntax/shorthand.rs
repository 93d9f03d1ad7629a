use keyfob_chain::Variables;
use serde_json::Value;

use crate::{args::Text, failure::Failure, syntax::file_argument::expand};

/// Parses a list of structures whose members are the strings `names`, in this order: as shorthand
/// (`Key=K,Value=V`, one structure a word), or as JSON. A single word may be `file://PATH`.
///
/// # Errors
///
/// If a member is missing or unknown, or if a file cannot be read.
pub(crate) fn parse_structures<const N: usize>(
    words: &[Text],
    names: [&str; N],
    variables: &Variables,
) -> Result<Vec<[String; N]>, Failure> {
    let [only] = words else {
        return words
            .iter()
            .map(|word| from_shorthand(word, &word.written, names, variables))
            .collect();
    };
    let text = expand(only, variables)?;
    if !text.trim_start().starts_with(['[', '{']) {
        return Ok(vec![from_shorthand(only, &text, names, variables)?]);
    }
    let refused = || refused(only, names);
    let items = match serde_json::from_str(&text).map_err(|_| refused())? {
        Value::Array(items) => items,
        item => vec![item],
    };
    items
        .iter()
        .map(|item| from_json(item, names).ok_or_else(refused))
        .collect()
}

/// Parses a list of strings: one a word, or as JSON. A single word may be `file://PATH`.
///
/// # Errors
///
/// If the JSON is not a list of strings, or if a file cannot be read.
pub(crate) fn parse_strings(words: &[Text], variables: &Variables) -> Result<Vec<String>, Failure> {
    let [only] = words else {
        return Ok(words.iter().map(|word| word.written.clone()).collect());
    };
    let text = expand(only, variables)?;
    if !text.trim_start().starts_with('[') {
        return Ok(vec![text]);
    }
    serde_json::from_str(&text)
        .map_err(|_| Failure::usage(format!("{}: write words, or a JSON list", only.flag)))
}

fn refused<const N: usize>(word: &Text, names: [&str; N]) -> Failure {
    let form: Vec<String> = names.iter().map(|name| format!("{name}=…")).collect();
    let (flag, form) = (&word.flag, form.join(","));
    Failure::usage(format!("{flag}: write {form}, or JSON"))
        .with_hint("a value with commas, quotes or brackets stands in double quotes")
}

fn from_json<const N: usize>(item: &Value, names: [&str; N]) -> Option<[String; N]> {
    let object = item.as_object().filter(|object| object.len() == N)?;
    let mut values = [const { String::new() }; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = object.get(name)?.as_str()?.to_owned();
    }
    Some(values)
}

/// Parses `NAME=VALUE,…`, with the members in any order, as `aws` does. `NAME@=file://PATH` reads a
/// value from a file.
fn from_shorthand<const N: usize>(
    word: &Text,
    text: &str,
    names: [&str; N],
    variables: &Variables,
) -> Result<[String; N], Failure> {
    let members = parse_members(text, names).ok_or_else(|| refused(word, names))?;
    let mut values = [const { String::new() }; N];
    for (value, member) in values.iter_mut().zip(members) {
        *value = match member {
            Member::Plain(text) => text,
            Member::MayBeFile(written) => {
                let flag = word.flag.clone();
                expand(&Text { flag, written }, variables)?
            }
        };
    }
    Ok(values)
}

/// The value of one member.
enum Member {
    /// After `=`.
    Plain(String),
    /// After `@=`.
    MayBeFile(String),
}

/// Returns `None` if a member is missing, unknown or there twice, or if a value is malformed.
fn parse_members<const N: usize>(text: &str, names: [&str; N]) -> Option<[Member; N]> {
    let mut members = [const { None }; N];
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (index, may_be_file, text) = start_member(text, names)?;
        let (value, next) = split_value(text, names)?;
        let member = match may_be_file {
            Some(_) => Member::MayBeFile(value),
            None => Member::Plain(value),
        };
        if members.get_mut(index)?.replace(member).is_some() {
            return None;
        }
        rest = next;
    }
    let members: Option<Vec<Member>> = members.into_iter().collect();
    members?.try_into().ok()
}

/// Reads `NAME =` or `NAME @=`. Returns the place of the name among the names, the `@` if there is
/// one, and the text after it all.
fn start_member<'a, const N: usize>(
    text: &'a str,
    names: [&str; N],
) -> Option<(usize, Option<char>, &'a str)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.#/:".contains(c);
    let text = text.trim_start();
    let end = text.find(|c| !is_name(c))?;
    let index = names.iter().position(|name| *name == &text[..end])?;
    let text = text[end..].trim_start();
    let (at, text) = match text.strip_prefix('@') {
        Some(text) => (Some('@'), text.trim_start()),
        None => (None, text),
    };
    Some((index, at, text.strip_prefix('=')?.trim_start()))
}

/// Splits a value from the text after its comma, which is `None` at the end.
///
/// Only a comma before the next member ends a value without quotes: `aws` takes any other one for a
/// list, which none of the members is.
fn split_value<'a, const N: usize>(
    text: &'a str,
    names: [&str; N],
) -> Option<(String, Option<&'a str>)> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let (value, after) = split_quoted(&text[1..], quote)?;
        let after = after.trim_start();
        if after.is_empty() {
            return Some((value, None));
        }
        return Some((value, Some(after.strip_prefix(',')?)));
    }
    let starts_member = |at: &usize| start_member(&text[at + 1..], names).is_some();
    let mut commas = text.match_indices(',').map(|(at, _)| at);
    let end = commas.find(|at| !text[..*at].ends_with('\\') && starts_member(at));
    let value = &text[..end.unwrap_or(text.len())];
    if value.starts_with(['[', '{']) || value.contains(['"', '\'']) {
        return None;
    }
    let value = value.trim_end().replace("\\,", ",");
    Some((value, end.map(|end| &text[end + 1..])))
}

/// Splits at the closing quote. A backslash makes a quote part of the value.
fn split_quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let closes = |(at, _): &(usize, &str)| !text[..*at].ends_with('\\');
    let (end, _) = text.match_indices(quote).find(closes)?;
    let value = text[..end].replace(&format!("\\{quote}"), &quote.to_string());
    Some((value, &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(words: &[&str]) -> Option<Vec<[String; 2]>> {
        let text = |word: &&str| Text {
            flag: "--tags".to_owned(),
            written: (*word).to_owned(),
        };
        let words: Vec<Text> = words.iter().map(text).collect();
        parse_structures(&words, ["Key", "Value"], &Variables::default()).ok()
    }

    #[test]
    fn shorthand_and_json_mean_the_same() {
        let expected = Some(vec![
            ["a".to_owned(), "b,c=d".to_owned()],
            ["e".to_owned(), String::new()],
        ]);
        assert_eq!(tags(&["Key=a,Value=b,c=d", "Value=,Key=e"]), expected);
        let json = r#"[{"Key":"a","Value":"b,c=d"},{"Key":"e","Value":""}]"#;
        assert_eq!(tags(&[json]), expected);
    }

    /// Source: the requests of aws-cli 1.46.
    #[test]
    fn values_are_read_as_by_aws() {
        for (word, key, value) in [
            (r#"Key=a,Value="b,c""#, "a", "b,c"),
            ("Key=a,Value='b,c'", "a", "b,c"),
            (r#"Key=a,Value="b\"c""#, "a", "b\"c"),
            (r"Key=a,Value='it\'s'", "a", "it's"),
            (r#"Key=a,Value="b\c""#, "a", r"b\c"),
            (r"Key=a,Value=b\,c", "a", "b,c"),
            (r"Key=a,Value=b\c", "a", r"b\c"),
            (r#"Key = a , Value = "b c" "#, "a", "b c"),
            ("Key=a, Value=b ", "a", "b"),
            ("Key=a,Value=b  c", "a", "b  c"),
            (r#"Key="a=b",Value=c"#, "a=b", "c"),
            ("Key=a,Value=b=c", "a", "b=c"),
            (r#"Key='a',Value="x,Key=y""#, "a", "x,Key=y"),
            ("Key=a,Value=", "a", ""),
            ("Key=a,Value=file:///no/such", "a", "file:///no/such"),
        ] {
            let expected = [key.to_owned(), value.to_owned()];
            assert_eq!(tags(&[word]), Some(vec![expected]), "{word}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for word in [
            "a=b",
            "Key=a",
            "x,Key=a,Value=b",
            "[",
            r#"{"Key":"a"}"#,
            r#"{"Key":1,"Value":"b"}"#,
            r#"Key=a,Value="b"c"#,
            r#"Key=a,Value=b"c"#,
            r#"Key=a,Value="b"#,
            r#"Key=a,Value="b","#,
            "Key=a,Value=[b]",
            "Key=a,Value={b=c}",
            "Key=a,Key=b,Value=c",
            "Key=a,Value=b Key=c,Value=d",
            "Key=a,Value@=file:///no/such",
            "fileb:///no/such",
        ] {
            assert_eq!(tags(&[word]), None, "{word}");
        }
    }
}

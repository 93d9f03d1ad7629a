use serde_json::Value;

use crate::{failure::Failure, syntax::file_argument::file_or_text};

/// Parses a list of structures whose members are the strings `names`, in this order: as shorthand
/// (`Key=K,Value=V`, one structure a word), or as JSON in the first word or in the file it names.
///
/// # Errors
///
/// If a member is missing or unknown.
pub(crate) fn parse_structures<const N: usize>(
    flag: &str,
    words: &[String],
    names: [&str; N],
) -> Result<Vec<[String; N]>, Failure> {
    let refused = || {
        let form: Vec<String> = names.iter().map(|name| format!("{name}=…")).collect();
        Failure::usage(format!("{flag}: write {}, or JSON", form.join(",")))
    };
    let first = file_or_text(flag, words.first().map_or("", String::as_str))?;
    if first.trim_start().starts_with(['[', '{']) {
        let items = match serde_json::from_str(&first).map_err(|_| refused())? {
            Value::Array(items) => items,
            item => vec![item],
        };
        return items
            .iter()
            .map(|item| from_json(item, names).ok_or_else(refused))
            .collect();
    }
    words
        .iter()
        .map(|word| from_shorthand(word, names).ok_or_else(refused))
        .collect()
}

fn from_json<const N: usize>(item: &Value, names: [&str; N]) -> Option<[String; N]> {
    let object = item.as_object().filter(|object| object.len() == N)?;
    let mut values = [const { String::new() }; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = object.get(name)?.as_str()?.to_owned();
    }
    Some(values)
}

/// Parses `NAME=VALUE,…`, with the members in any order. Only a comma before the next member ends a
/// value, so values may contain commas.
fn from_shorthand<const N: usize>(word: &str, names: [&str; N]) -> Option<[String; N]> {
    // Where each member starts, where its value starts, and its place among the names.
    let mut starts = [(0, 0, 0); N];
    for (start, (index, name)) in starts.iter_mut().zip(names.iter().enumerate()) {
        let at = find_member(word, name)?;
        *start = (at, at + name.len() + 1, index);
    }
    starts.sort_unstable();
    if starts.first()?.0 != 0 {
        return None;
    }
    let mut values = [const { String::new() }; N];
    for (turn, (_, from, index)) in starts.iter().enumerate() {
        let to = starts.get(turn + 1).map_or(word.len(), |next| next.0 - 1);
        values[*index] = word.get(*from..to)?.to_owned();
    }
    Some(values)
}

/// Finds `NAME=` at the start or after a comma.
fn find_member(word: &str, name: &str) -> Option<usize> {
    let mut places = word.match_indices(name).filter(|(at, _)| {
        let before = word[..*at].chars().next_back();
        word[at + name.len()..].starts_with('=') && before.is_none_or(|c| c == ',')
    });
    places.next().map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(words: &[&str]) -> Option<Vec<[String; 2]>> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        parse_structures("--tags", &words, ["Key", "Value"]).ok()
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

    #[test]
    fn anything_else_is_refused() {
        for word in [
            "a=b",
            "Key=a",
            "x,Key=a,Value=b",
            "[",
            r#"{"Key":"a"}"#,
            r#"{"Key":1,"Value":"b"}"#,
        ] {
            assert_eq!(tags(&[word]), None, "{word}");
        }
    }
}

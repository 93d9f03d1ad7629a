use serde_json::Value;

use super::file_argument;
use crate::failure::Failure;

/// The members of each structure of a list: written `Key=K,Value=V`, one a word, or as JSON in one word.
///
/// # Errors
///
/// When a member is missing or unknown.
pub(crate) fn members<const N: usize>(
    flag: &str,
    words: &[String],
    names: [&str; N],
) -> Result<Vec<[String; N]>, Failure> {
    let refused = || {
        let form: Vec<String> = names.iter().map(|name| format!("{name}=…")).collect();
        Failure::usage(format!("{flag}: write {}, or JSON", form.join(",")))
    };
    let first = words.first().map_or("", |word| word.as_str());
    let first = file_argument::text(flag, first)?;
    if first.trim_start().starts_with(['[', '{']) {
        let json = serde_json::from_str(&first).map_err(|_| refused())?;
        let items = match json {
            Value::Array(items) => items,
            item => vec![item],
        };
        return items
            .iter()
            .map(|item| of_json(item, names).ok_or_else(refused))
            .collect();
    }
    words
        .iter()
        .map(|word| of_shorthand(word, names).ok_or_else(refused))
        .collect()
}

fn of_json<const N: usize>(item: &Value, names: [&str; N]) -> Option<[String; N]> {
    let object = item.as_object().filter(|object| object.len() == N)?;
    let mut values = [const { String::new() }; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = object.get(name)?.as_str()?.to_owned();
    }
    Some(values)
}

/// A value ends at the comma before the next member, so it may hold commas of its own.
fn of_shorthand<const N: usize>(word: &str, names: [&str; N]) -> Option<[String; N]> {
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

/// Where `NAME=` stands, at the beginning or behind a comma.
fn find_member(word: &str, name: &str) -> Option<usize> {
    let mut ends = word.match_indices(name).filter(|(at, _)| {
        let before = word[..*at].chars().next_back();
        word[at + name.len()..].starts_with('=') && before.is_none_or(|c| c == ',')
    });
    ends.next().map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(words: &[&str]) -> Option<Vec<[String; 2]>> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        members("--tags", &words, ["Key", "Value"]).ok()
    }

    #[test]
    fn shorthand_and_json_say_the_same() {
        let expected = Some(vec![
            ["a".to_owned(), "b,c=d".to_owned()],
            ["e".to_owned(), String::new()],
        ]);
        assert_eq!(tags(&["Key=a,Value=b,c=d", "Value=,Key=e"]), expected);
        let json = r#"[{"Key":"a","Value":"b,c=d"},{"Key":"e","Value":""}]"#;
        assert_eq!(tags(&[json]), expected);
    }

    #[test]
    fn what_is_neither_is_refused() {
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

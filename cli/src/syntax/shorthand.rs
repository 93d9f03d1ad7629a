use keyfob_chain::Variables;
use serde_json::{Map, Value};

use crate::{args::Text, failure::Failure, syntax::file_argument::expand};

/// The form of the value of an option.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    Text,
    Number,
    Flag,
    List(Box<Self>),
    /// The names of the members, and their forms.
    Structure(Vec<(&'static str, Self)>),
    /// Texts for keys, and values of this form.
    Map(Box<Self>),
    /// A list in brackets, a map in braces, or a text: what has no model.
    Any,
}

/// Parses the value of an option: a list has one item a word, or is one JSON list. Structures and
/// maps are written as shorthand (`Key=K,Values=[a,b],Nested={A=b}`) or JSON. A single word may be
/// `file://PATH`.
///
/// Whether members are missing, or unknown or of the wrong type in JSON, is not checked here.
///
/// # Errors
///
/// If the words do not have the form, or if a file cannot be read.
pub(crate) fn parse_value(
    words: &[Text],
    form: &Form,
    variables: &Variables,
) -> Result<Value, Failure> {
    // As in `aws`, an option for a list without a word is an empty one.
    let Some((first, others)) = words.split_first() else {
        return Ok(Value::Array(Vec::new()));
    };
    let (item, is_list) = match form {
        Form::List(item) => (&**item, true),
        other => (other, false),
    };
    let from_json =
        |word: &Text, text: &str| serde_json::from_str(text).map_err(|_| refused(word, form));
    let parse = |word: &Text, text: &str| {
        let is_object = text.trim_start().starts_with('{');
        if is_object && matches!(item, Form::Structure(_) | Form::Map(_)) {
            return from_json(word, text);
        }
        let mut parser = Parser {
            rest: text,
            word,
            variables,
            reads_files: false,
            member: String::new(),
        };
        let refused = || refused(word, form);
        parser
            .whole(item)
            .map_err(|error| error.unwrap_or_else(refused))
    };
    if !others.is_empty() {
        return words
            .iter()
            .map(|word| parse(word, &word.written))
            .collect();
    }
    let text = expand(first, variables)?;
    let is_scalar = matches!(form, Form::Text | Form::Number | Form::Flag);
    if !is_scalar && text.trim_start().starts_with('[') {
        return from_json(first, &text);
    }
    let value = parse(first, &text)?;
    Ok(if is_list { vec![value].into() } else { value })
}

/// How many brackets and braces a text without a model may open.
const MAX_BRACKETS: usize = 1000;

/// Parses a list in brackets or a map in braces, without a model: each value is a text, a list or a
/// map. Returns `None` for any other text, and for one with more than a thousand of them.
pub(crate) fn parse_brackets(text: &str) -> Option<Value> {
    // Each one may be in another one, and too many would end the stack.
    let brackets = text.matches(['[', '{']).count();
    if !text.starts_with(['[', '{']) || brackets > MAX_BRACKETS {
        return None;
    }
    let mut parser = Parser {
        rest: text,
        word: &Text {
            flag: String::new(),
            written: String::new(),
        },
        variables: &Variables::default(),
        reads_files: false,
        member: String::new(),
    };
    parser.whole(&Form::Any).ok()
}

fn refused(word: &Text, form: &Form) -> Failure {
    let flag = &word.flag;
    let item = match form {
        Form::List(item) => &**item,
        other => other,
    };
    let members = match item {
        Form::Structure(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, _)| format!("{name}=…"))
                .collect();
            members.join(",")
        }
        Form::Map(_) => "KEY=…,KEY=…".to_owned(),
        _ => return Failure::usage(format!("{flag}: write words, or a JSON list")),
    };
    Failure::usage(format!("{flag}: write {members}, or JSON")).with_hint(QUOTES)
}

const QUOTES: &str = "a value with commas, quotes or brackets stands in double quotes";

/// The reason, if it is another one than the form.
type Refused = Option<Failure>;

/// A reader of one word.
struct Parser<'a> {
    rest: &'a str,
    word: &'a Text,
    variables: &'a Variables,
    /// Whether texts may be files: after `@=`.
    reads_files: bool,
    /// The member whose value is read, such as `Ebs.VolumeSize`.
    member: String,
}

/// The bracket of the list or structure around a value, which ends it.
type Bracket = Option<char>;

impl Parser<'_> {
    /// Parses a whole word.
    fn whole(&mut self, form: &Form) -> Result<Value, Refused> {
        match form {
            Form::Text | Form::Number | Form::Flag => self.scalar(form, self.rest.to_owned()),
            Form::List(_) => Err(None),
            Form::Structure(_) | Form::Map(_) => {
                let members = self.members(form, None)?;
                self.nothing_left(members)
            }
            Form::Any => {
                let value = self.value(form, None)?;
                self.nothing_left(value)
            }
        }
    }

    fn nothing_left(&self, value: Value) -> Result<Value, Refused> {
        if self.rest.trim_start().is_empty() {
            return Ok(value);
        }
        Err(None)
    }

    /// Parses `NAME=VALUE,…`, with the members in any order, up to the bracket. As in `aws`, a
    /// comma may stand before the bracket, and without one a comma too many before a name.
    fn members(&mut self, form: &Form, bracket: Bracket) -> Result<Value, Refused> {
        let mut members = Map::new();
        let outer = self.member.len();
        while !bracket.is_some_and(|bracket| self.take(bracket)) {
            if bracket.is_some() && self.rest.trim_start().is_empty() {
                self.member.truncate(outer);
                return Err(self.wrong("has a brace that is not closed"));
            }
            let Some((name, inner)) = self.start_member(form, outer)? else {
                return Err(self.wrong(
                    "is followed by a comma, and not by NAME=VALUE: a text with a comma stands in \
                     double quotes",
                ));
            };
            let value = self.value(inner, bracket)?;
            if members.insert(name, value).is_some() {
                return Err(self.wrong("stands there twice"));
            }
            self.skip_space();
            if self.take(',') {
                if bracket.is_none() {
                    self.take(',');
                }
            } else if bracket.is_none() {
                break;
            } else if !self.rest.is_empty()
                && !bracket.is_some_and(|end| self.rest.starts_with(end))
            {
                return Err(self.wrong("is not followed by a comma or a closing brace"));
            }
        }
        self.member.truncate(outer);
        Ok(members.into())
    }

    /// Reads `NAME =` or `NAME @=`, whose texts may be files, and returns the name and the form of
    /// the member. Returns `None` for anything else after a member.
    fn start_member<'f>(
        &mut self,
        form: &'f Form,
        outer: usize,
    ) -> Result<Option<(String, &'f Form)>, Refused> {
        let is_first = self.member.len() == outer;
        let named = split_name(self.rest).filter(|(name, ..)| !name.is_empty());
        let Some((name, may_be_file, rest)) = named else {
            return if is_first { Err(None) } else { Ok(None) };
        };
        let inner = match form {
            Form::Map(value) => value,
            Form::Any => form,
            Form::Structure(members) => match members.iter().find(|known| known.0 == name) {
                Some((_, inner)) => inner,
                None => return Err(Some(self.unknown(name, members))),
            },
            _ => return Err(None),
        };
        let name = name.to_owned();
        (self.rest, self.reads_files) = (rest, may_be_file);
        self.member.truncate(outer);
        if outer > 0 {
            self.member.push('.');
        }
        self.member.push_str(&name);
        Ok(Some((name, inner)))
    }

    /// Returns what is wrong with the member, if a member is read.
    fn wrong(&self, what: &str) -> Refused {
        let (flag, member) = (&self.word.flag, &self.member);
        (!member.is_empty()).then(|| Failure::usage(format!("{flag}: {member} {what}")))
    }

    fn unknown(&self, name: &str, members: &[(&str, Form)]) -> Failure {
        let flag = &self.word.flag;
        let members: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        let members = members.join(", ");
        Failure::usage(format!("{flag}: {name} is none of the members {members}")).with_hint(QUOTES)
    }

    fn value(&mut self, form: &Form, bracket: Bracket) -> Result<Value, Refused> {
        match form {
            Form::Text | Form::Number | Form::Flag => {
                let text = self.text(bracket)?;
                self.scalar(form, text)
            }
            Form::Structure(_) | Form::Map(_) => {
                if !self.take('{') {
                    return Err(self.wrong("is a structure: write it in braces, as {NAME=VALUE,…}"));
                }
                self.members(form, Some('}'))
            }
            Form::Any if self.take('{') => self.members(form, Some('}')),
            Form::Any if self.take('[') => self.items_in_brackets(form),
            Form::Any => Ok(self.text(bracket)?.into()),
            Form::List(item) if self.take('[') => self.items_in_brackets(item),
            Form::List(item) => self.items(item, bracket),
        }
    }

    fn scalar(&self, form: &Form, text: String) -> Result<Value, Refused> {
        let value = match form {
            Form::Text => return Ok(text.into()),
            Form::Number => number(&text).ok_or("must be a number"),
            // As in `aws`, whose guides write `True`.
            Form::Flag => match text.to_ascii_lowercase().parse::<bool>() {
                Ok(yes) => Ok(yes.into()),
                Err(_) => Err("must be true or false"),
            },
            Form::List(_) | Form::Structure(_) | Form::Map(_) | Form::Any => return Err(None),
        };
        value.map_err(|what| self.wrong(what))
    }

    /// Reads items and the bracket. A comma may stand before the bracket.
    fn items_in_brackets(&mut self, item: &Form) -> Result<Value, Refused> {
        let mut items = Vec::new();
        while !self.take(']') {
            self.skip_space();
            if self.rest.is_empty() {
                return Err(self.wrong("has a bracket that is not closed"));
            }
            items.push(self.value(item, Some(']'))?);
            let rest = self.rest.trim_start();
            if !self.take(',') && !rest.is_empty() && !rest.starts_with(']') {
                return Err(self.wrong("has an item that is not followed by a comma or a bracket"));
            }
        }
        Ok(items.into())
    }

    /// Reads items without brackets, up to a comma before `NAME =`, or another end. Only the first
    /// one may be empty.
    fn items(&mut self, item: &Form, bracket: Bracket) -> Result<Value, Refused> {
        let mut items = Vec::new();
        loop {
            self.skip_space();
            let before = self.rest.len();
            items.push(self.value(item, bracket)?);
            if items.len() > 1 && self.rest.len() == before {
                return Err(self.wrong("has a comma with nothing after it"));
            }
            self.skip_space();
            let is_end = |rest: &str| {
                let rest = rest.trim_start();
                let is_bracket = bracket.is_some_and(|bracket| rest.starts_with(bracket));
                let next = rest.strip_prefix(',').unwrap_or(rest);
                is_bracket || split_name(next).is_some_and(|(name, ..)| !name.is_empty())
            };
            match self.rest.strip_prefix(',') {
                Some(rest) if !is_end(rest) => self.rest = rest,
                _ => return Ok(items.into()),
            }
        }
    }

    /// Reads a text, and the file for `file://PATH` after `@=`.
    fn text(&mut self, bracket: Bracket) -> Result<String, Refused> {
        let written = self.written(bracket)?;
        if !self.reads_files {
            return Ok(written);
        }
        let flag = self.word.flag.clone();
        Ok(expand(&Text { flag, written }, self.variables)?)
    }

    /// Reads a text as it is written, with or without quotes. A text without them ends before a
    /// comma without a backslash, and before the bracket.
    fn written(&mut self, bracket: Bracket) -> Result<String, Refused> {
        if let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let Some((value, after)) = split_quoted(&self.rest[1..], quote) else {
                return Err(self.wrong("has a quote that is not closed"));
            };
            let after = after.trim_start();
            let is_end = |c: char| c == ',' || Some(c) == bracket;
            if !after.is_empty() && !after.starts_with(is_end) {
                return Err(self.wrong("has more text after the closing quote"));
            }
            self.rest = after;
            return Ok(value);
        }
        let end = self.rest.char_indices().find(|(at, char)| match char {
            ',' => !self.rest[..*at].ends_with('\\'),
            char => Some(*char) == bracket,
        });
        let (value, rest) = self
            .rest
            .split_at(end.map_or(self.rest.len(), |(at, _)| at));
        if value.starts_with(['[', '{']) || value.contains(['"', '\'']) {
            return Err(
                self.wrong("is a text with quotes or brackets, which stands in double quotes")
            );
        }
        self.rest = rest;
        Ok(value.trim_end().replace("\\,", ","))
    }

    fn take(&mut self, char: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(char);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

/// Reads a number, which may have a plus sign, as in `aws`.
fn number(text: &str) -> Option<Value> {
    match text.parse::<i64>() {
        Ok(number) => Some(number.into()),
        Err(_) => serde_json::from_str(text).ok().filter(Value::is_number),
    }
}

/// Splits at `NAME =` or `NAME @=`. Returns the name, whether there is an `@`, and the text after
/// it all.
fn split_name(text: &str) -> Option<(&str, bool, &str)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.#/:".contains(c);
    let text = text.trim_start();
    let (name, text) = text.split_at(text.find(|c| !is_name(c))?);
    let text = text.trim_start();
    let (may_be_file, text) = match text.strip_prefix('@') {
        Some(text) => (true, text.trim_start()),
        None => (false, text),
    };
    Some((name, may_be_file, text.strip_prefix('=')?.trim_start()))
}

/// Splits at the closing quote: the first one without a backslash before it, or else the last one.
/// A backslash stands for itself, unless a quote or another one follows it.
///
/// Source: the regular expressions of the parser of shorthand of aws-cli.
fn split_quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let closes = |(at, _): &(usize, &str)| !text[..*at].ends_with('\\');
    let first = text.match_indices(quote).find(closes);
    let (end, _) = first.or_else(|| text.match_indices(quote).next_back())?;
    let value = text[..end].replace(&format!("\\{quote}"), &quote.to_string());
    Some((value.replace(r"\\", r"\"), &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(words: &[&str], form: &Form) -> Option<Value> {
        let text = |word: &&str| Text {
            flag: "--tags".to_owned(),
            written: (*word).to_owned(),
        };
        let words: Vec<Text> = words.iter().map(text).collect();
        parse_value(&words, form, &Variables::default()).ok()
    }

    fn list(item: Form) -> Form {
        Form::List(Box::new(item))
    }

    fn tags(words: &[&str]) -> Option<Value> {
        let tag = Form::Structure(vec![("Key", Form::Text), ("Value", Form::Text)]);
        read(words, &list(tag))
    }

    #[test]
    fn shorthand_and_json_mean_the_same() {
        let expected = Some(json!([{"Key": "a", "Value": "b,c=d"}, {"Value": "", "Key": "e"}]));
        assert_eq!(tags(&["Key=a,Value='b,c=d'", "Value=,Key=e"]), expected);
        let json = r#"[{"Key":"a","Value":"b,c=d"},{"Key":"e","Value":""}]"#;
        assert_eq!(tags(&[json]), expected);
    }

    #[test]
    fn each_word_of_a_list_of_structures_may_be_json() {
        let words = [r#"{"Key":"a","Value":"b"}"#, r#" {"Key":"c","Value":"d"}"#];
        let expected = json!([{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}]);
        assert_eq!(tags(&words), Some(expected));
        assert_eq!(tags(&[words[0], "{"]), None);
        assert_eq!(tags(&[words[0], "[]"]), None);
        let texts = Some(json!(["{a", "[b"]));
        assert_eq!(read(&["{a", "[b"], &list(Form::Text)), texts);
    }

    fn filter() -> Form {
        Form::Structure(vec![
            ("Name", Form::Text),
            ("Values", list(Form::Text)),
            ("In", Form::Structure(vec![("A", Form::Text)])),
        ])
    }

    /// Source: aws-cli 1.46, which ends a value there too, and then knows no such member.
    #[test]
    fn an_unknown_member_after_a_value_is_named_and_no_part_of_the_value() {
        for (word, name) in [
            ("Name=a,Values=x,Valeus=y", "Valeus"),
            ("Name=a,Values=x,y,NAME=z", "NAME"),
            ("Values=key=val,k2=v2", "k2"),
            ("Name=a,values=x", "values"),
            ("Name=\"a\" , c @= d", "c"),
            ("nAme=a", "nAme"),
            ("In={A=a,C=d}", "C"),
        ] {
            let members = if name == "C" { "A" } else { "Name, Values, In" };
            let word = Text {
                flag: "--filters".to_owned(),
                written: word.to_owned(),
            };
            let failure = parse_value(&[word], &filter(), &Variables::default()).unwrap_err();
            let message = format!("--filters: {name} is none of the members {members}");
            assert!(failure.to_string().contains(&message), "{failure}");
        }
        assert_eq!(tags(&["Key=a,Value=b,c=d"]), None);
        for word in [r"Values=x,'y=z'", "Values=[x,y=z]"] {
            let expected = Some(json!({"Values": ["x", "y=z"]}));
            assert_eq!(read(&[word], &filter()), expected, "{word}");
        }
        let escaped = Some(json!({"Name": "a,b=c"}));
        assert_eq!(read(&[r"Name=a\,b=c"], &filter()), escaped);
    }

    /// Source: the parser of shorthand of aws-cli 1.46.
    #[test]
    fn a_list_in_brackets_may_be_empty_or_end_with_a_comma_and_no_other_may() {
        for (word, expected) in [
            ("Values=[]", json!([])),
            ("Values=[ ]", json!([])),
            (r#"Values=[b,"c d",]"#, json!(["b", "c d"])),
            ("Values=[b , ]", json!(["b"])),
            ("Values=[b,,c]", json!(["b", "", "c"])),
            ("Values=[,]", json!([""])),
            ("Values=", json!([""])),
            ("Values=,a", json!(["", "a"])),
            (r#"Values=a,"""#, json!(["a", ""])),
        ] {
            let expected = json!({ "Values": expected });
            assert_eq!(read(&[word], &filter()), Some(expected), "{word}");
        }
        for word in [
            "Values=b,",
            "Values=b, ",
            "Values=b,,c",
            "Values=[b",
            "Values=[b,",
            "Values=[",
        ] {
            assert_eq!(read(&[word], &filter()), None, "{word}");
        }
    }

    /// Source: the parser of shorthand of aws-cli 1.46.
    #[test]
    fn a_comma_too_many_is_dropped_or_refused_and_never_part_of_a_text() {
        let both = json!({"Name": "a", "Values": ["b"]});
        for (word, expected) in [
            ("Name=a,,Values=b", both.clone()),
            ("Name=a, , Values=b", both.clone()),
            ("Values=b,,Name=a", both),
            ("In={A=x,}", json!({"In": {"A": "x"}})),
            ("In={A=x , }", json!({"In": {"A": "x"}})),
            ("In={}", json!({"In": {}})),
            (r"In={A=C:\}", json!({"In": {"A": r"C:\"}})),
            (r"Values=[C:\]", json!({"Values": [r"C:\"]})),
        ] {
            assert_eq!(read(&[word], &filter()), Some(expected), "{word}");
        }
        for word in [
            "Name=a,",
            "Name=a,b",
            "Name=a,,,Values=b",
            "Name=b c,file://x",
            "Name=a,Values",
            "In={A=x,,}",
            "In={A=x,y}",
            "In={,}",
        ] {
            assert_eq!(read(&[word], &filter()), None, "{word}");
        }
    }

    #[test]
    fn a_wrong_value_is_refused_with_its_member_and_without_the_value() {
        let ebs = Form::Structure(vec![("Size", Form::Number), ("On", Form::Flag)]);
        let form = Form::Structure(vec![
            ("Name", Form::Text),
            ("Values", list(Form::Text)),
            ("Ebs", ebs),
        ]);
        for (word, expected) in [
            ("Ebs={Size=canary}", "Ebs.Size must be a number"),
            ("Name=a,Ebs={On=canary}", "Ebs.On must be true or false"),
            ("Ebs=8", "Ebs is a structure: write it in braces"),
            ("Ebs={Size=8", "Ebs has a brace that is not closed"),
            ("Ebs={Size=8,", "Ebs has a brace that is not closed"),
            ("Name=canary,Name=b", "Name stands there twice"),
            (
                "Name=canary,b",
                "Name is followed by a comma, and not by NAME=VALUE",
            ),
            ("Name=canary,", "Name is followed by a comma"),
            ("Values=[canary", "Values has a bracket that is not closed"),
            ("Values=canary,", "Values has a comma with nothing after it"),
            ("Name=\"canary", "Name has a quote that is not closed"),
            (
                "Name=\"canary\"x",
                "Name has more text after the closing quote",
            ),
            ("Name=ca\"nary", "Name is a text with quotes or brackets"),
        ] {
            let word = Text {
                flag: "--map".to_owned(),
                written: word.to_owned(),
            };
            let failure = parse_value(&[word], &form, &Variables::default()).unwrap_err();
            let text = failure.to_string();
            assert!(text.contains(&format!("--map: {expected}")), "{text}");
            assert!(!text.contains("canary"), "{text}");
        }
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
            (r#"Key=a,Value="b\\c""#, "a", r"b\c"),
            (r"Key=a,Value='b\\c'", "a", r"b\c"),
            (r#"Key=a,Value="b\\""#, "a", r"b\"),
            (r#"Key=a,Value="b\\\"c""#, "a", r#"b\"c"#),
            (r"Key=a,Value=b\\c", "a", r"b\\c"),
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
            let expected = json!([{"Key": key, "Value": value}]);
            assert_eq!(tags(&[word]), Some(expected), "{word}");
        }
    }

    /// Source: the parser of shorthand of aws-cli 1.46.
    #[test]
    fn lists_structures_maps_numbers_and_flags_are_read_as_by_aws() {
        let nested = Form::Structure(vec![("A", Form::Text), ("B", list(Form::Text))]);
        let form = Form::Structure(vec![
            ("Name", Form::Text),
            ("Values", list(Form::Text)),
            ("In", nested),
            ("N", Form::Number),
            ("On", Form::Flag),
            ("Map", Form::Map(Box::new(Form::Text))),
        ]);
        for (word, expected) in [
            (
                "Name=a,Values=b,c",
                json!({"Name": "a", "Values": ["b", "c"]}),
            ),
            (
                "Values=b,c,Name=a",
                json!({"Name": "a", "Values": ["b", "c"]}),
            ),
            ("Values=b", json!({"Values": ["b"]})),
            ("Values=[b]", json!({"Values": ["b"]})),
            (
                "Values=[b, \"c,]\"],Name=a",
                json!({"Name": "a", "Values": ["b", "c,]"]}),
            ),
            (
                "In={A=x,B=[y,z]},N=7",
                json!({"In": {"A": "x", "B": ["y", "z"]}, "N": 7}),
            ),
            ("In={B=y,z,A=x}", json!({"In": {"A": "x", "B": ["y", "z"]}})),
            ("N=-1.5,On=true", json!({"N": -1.5, "On": true})),
            ("N=+2,On=True", json!({"N": 2, "On": true})),
            ("On=FALSE,N=7", json!({"N": 7, "On": false})),
            ("Map={k=v,l=w}", json!({"Map": {"k": "v", "l": "w"}})),
        ] {
            assert_eq!(read(&[word], &form), Some(expected), "{word}");
        }
        for word in [
            "In=x",
            "In={A=x",
            "N=x",
            "On=yes",
            "Values=[b",
            "Values=[b]x",
            "In={A=x}y",
            "In={C=x}",
        ] {
            assert_eq!(read(&[word], &form), None, "{word}");
        }
        assert_eq!(
            read(&["a", "b"], &list(Form::Text)),
            Some(json!(["a", "b"]))
        );
        assert_eq!(read(&["{a"], &list(Form::Text)), Some(json!(["{a"])));
        assert_eq!(read(&["1", "2"], &list(Form::Number)), Some(json!([1, 2])));
        let map = Form::Map(Box::new(Form::Text));
        assert_eq!(read(&["k=v,l=w"], &map), Some(json!({"k": "v", "l": "w"})));
    }

    #[test]
    fn a_text_of_a_list_may_be_a_file_after_the_sign_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v");
        std::fs::write(&path, "a,b\n").unwrap();
        let path = path.display();
        for (word, expected) in [
            (format!("Values@=file://{path}"), json!(["a,b\n"])),
            (format!("Values@=x,file://{path}"), json!(["x", "a,b\n"])),
            (format!("Values@=[file://{path}]"), json!(["a,b\n"])),
        ] {
            let expected = json!({ "Values": expected });
            assert_eq!(read(&[&word], &filter()), Some(expected), "{word}");
        }
        let word = format!("Name@=file://{path},Values=file://{path}");
        let expected = json!({"Name": "a,b\n", "Values": [format!("file://{path}")]});
        assert_eq!(read(&[&word], &filter()), Some(expected));
    }

    #[test]
    fn anything_else_is_refused() {
        for word in [
            "a=b",
            "x,Key=a,Value=b",
            "[",
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

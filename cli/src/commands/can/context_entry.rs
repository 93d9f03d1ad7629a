//! The context of a simulation: keys of conditions with their values and the type of these.

use std::net::IpAddr;

use keyfob_chain::Variables;
use keyfob_sigv4::Timestamp;
use serde_json::{Value, json};

use crate::{
    args::Text,
    failure::Failure,
    syntax::{Form, parse_value},
};

/// A key of conditions, and its values.
#[derive(Debug)]
pub(super) struct ContextEntry {
    key: String,
    values: Vec<String>,
    /// `None` for the one that the key or the values have.
    kind: Option<String>,
}

/// The global keys whose values have a type that does not depend on their form.
///
/// Source: IAM User Guide, "AWS global condition context keys".
const KINDS: [(&str, &[&str]); 6] = [
    ("date", &["aws:CurrentTime", "aws:TokenIssueTime"]),
    ("numeric", &["aws:EpochTime", "aws:MultiFactorAuthAge"]),
    (
        "boolean",
        &[
            "aws:MultiFactorAuthPresent",
            "aws:PrincipalIsAWSService",
            "aws:SecureTransport",
            "aws:ViaAWSService",
        ],
    ),
    ("ip", &["aws:SourceIp", "aws:VpcSourceIp"]),
    (
        "stringList",
        &[
            "aws:CalledVia",
            "aws:PrincipalOrgPaths",
            "aws:PrincipalServiceNamesList",
            "aws:ResourceOrgPaths",
            "aws:SourceOrgPaths",
            "aws:TagKeys",
        ],
    ),
    (
        "string",
        &[
            "aws:PrincipalAccount",
            "aws:ResourceAccount",
            "aws:SourceAccount",
            "aws:userid",
            "aws:username",
        ],
    ),
];

/// The keys of tags, whose values are texts, with what stands before the name of the tag.
const TAGS: [&str; 3] = ["aws:PrincipalTag/", "aws:RequestTag/", "aws:ResourceTag/"];

impl ContextEntry {
    /// Reads `KEY=VALUE`, where a key given twice has two values, or an entry as
    /// `--context-entries` of `aws` takes it.
    ///
    /// # Errors
    ///
    /// If a word is neither, or if its key is none of conditions.
    pub(super) fn read_all(words: &[Text], variables: &Variables) -> Result<Vec<Self>, Failure> {
        let mut entries: Vec<Self> = Vec::new();
        for (index, word) in words.iter().enumerate() {
            let word = Text {
                flag: word.place(index, words.len()),
                ..word.clone()
            };
            let new = Self::read(&word, variables)?;
            if !is_key(&new.key) {
                let flag = &word.flag;
                let text = "the key is none of conditions, such as aws:SourceIp";
                return Err(Failure::usage(format!("{flag}: {text}")));
            }
            let mut known = entries.iter_mut();
            match known.find(|known| known.key.eq_ignore_ascii_case(&new.key)) {
                Some(known) => {
                    known.values.extend(new.values);
                    known.kind = new.kind.or(known.kind.take());
                }
                None => entries.push(new),
            }
        }
        Ok(entries)
    }

    fn read(word: &Text, variables: &Variables) -> Result<Self, Failure> {
        let is_entry = word.written.starts_with("ContextKey") || word.written.starts_with('{');
        if is_entry {
            let form = Form::Structure(vec![
                ("ContextKeyName", Form::Text),
                ("ContextKeyValues", Form::List(Box::new(Form::Text))),
                ("ContextKeyType", Form::Text),
            ]);
            let entry = parse_value(std::slice::from_ref(word), &form, variables)?;
            return Self::from_parameter(&entry).ok_or_else(|| {
                let flag = &word.flag;
                let text = format!("{flag}: ContextKeyName and ContextKeyValues must be there");
                Failure::usage(text)
            });
        }
        match word.written.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self {
                key: key.to_owned(),
                values: vec![value.to_owned()],
                kind: None,
            }),
            _ => Err(Failure::usage(format!("{}: write KEY=VALUE", word.flag))),
        }
    }

    fn from_parameter(entry: &Value) -> Option<Self> {
        let values = entry["ContextKeyValues"].as_array()?.iter();
        let values = values.map(|value| value.as_str().map(str::to_owned));
        Some(Self {
            key: entry["ContextKeyName"].as_str()?.to_owned(),
            values: values.collect::<Option<_>>()?,
            kind: entry["ContextKeyType"].as_str().map(str::to_owned),
        })
    }

    /// Returns the entry as a parameter of the simulator.
    pub(super) fn parameter(&self) -> Value {
        json!({
            "ContextKeyName": self.key,
            "ContextKeyValues": self.values,
            "ContextKeyType": self.kind(),
        })
    }

    /// Returns the type that was given, that of the key, or else one by the form of all values.
    ///
    /// Source: IAM API reference, `ContextEntry`.
    fn kind(&self) -> String {
        if let Some(kind) = &self.kind {
            return kind.clone();
        }
        let kind = kind_of_key(&self.key).unwrap_or_else(|| kind_of_values(&self.values));
        let is_list = self.values.len() > 1 && !kind.ends_with("List");
        format!("{kind}{}", if is_list { "List" } else { "" })
    }
}

/// Returns true for a service or a provider with a name.
///
/// Source: IAM API reference, `ContextEntry`.
fn is_key(key: &str) -> bool {
    let is_long_enough = (5..=256).contains(&key.chars().count());
    is_long_enough
        && key
            .split_once(':')
            .is_some_and(|(of, name)| !of.is_empty() && !name.is_empty())
}

fn kind_of_key(key: &str) -> Option<&'static str> {
    let is_tag = |prefix: &&str| {
        let start = key.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if TAGS.iter().any(is_tag) {
        return Some("string");
    }
    let mut kinds = KINDS.iter();
    let (kind, _) =
        kinds.find(|(_, keys)| keys.iter().any(|known| known.eq_ignore_ascii_case(key)))?;
    Some(kind)
}

fn kind_of_values(values: &[String]) -> &'static str {
    let all = |is_kind: fn(&str) -> bool| values.iter().all(|value| is_kind(value));
    if all(|value| matches!(value, "true" | "false")) {
        "boolean"
    } else if all(is_address) {
        "ip"
    } else if all(is_number) {
        "numeric"
    } else if all(is_date) {
        "date"
    } else {
        "string"
    }
}

/// Returns true for an IP address, or a range of them, such as `192.0.2.0/24`.
fn is_address(value: &str) -> bool {
    let (address, bits) = value.split_once('/').unwrap_or((value, "0"));
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

/// Returns true for a whole or decimal number. One with a zero in front is a text, and so is the
/// number of an account.
fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let has_zero = whole.len() > 1 && whole.starts_with('0');
    let is_account = value.len() == 12 && is_digits(value);
    is_digits(whole) && is_digits(part) && !has_zero && !is_account
}

/// Returns true for a time, or a day.
fn is_date(value: &str) -> bool {
    let is_time = |text: &str| text.parse::<Timestamp>().is_ok();
    is_time(value) || is_time(&format!("{value}T00:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(words: &[&str]) -> Vec<String> {
        let words: Vec<Text> = words
            .iter()
            .map(|word| Text {
                flag: "--context".to_owned(),
                written: (*word).to_owned(),
            })
            .collect();
        let entries = ContextEntry::read_all(&words, &Variables::default()).unwrap();
        entries.iter().map(ContextEntry::kind).collect()
    }

    #[test]
    fn values_have_a_type_by_their_form() {
        for (values, expected) in [
            (&["true"][..], "boolean"),
            (&["true", "false"], "booleanList"),
            (&["192.0.2.1"], "ip"),
            (&["2001:db8::/32", "192.0.2.0/24"], "ipList"),
            (&["192.0.2.0/33"], "string"),
            (&["42"], "numeric"),
            (&["-1.50", "0"], "numericList"),
            (&["007"], "string"),
            (&["1e3"], "string"),
            (&["1."], "string"),
            (&["123456789012"], "string"),
            (&["2026-11-22T00:00:00Z"], "date"),
            (&["2026-11-22", "2026-11-22T00:00:00Z"], "dateList"),
            (&["2026-11-32"], "string"),
            (&["m5.large"], "string"),
            (&["42", "m5.large"], "stringList"),
            (&[""], "string"),
        ] {
            let words: Vec<String> = values
                .iter()
                .map(|value| format!("my:key={value}"))
                .collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            assert_eq!(kinds(&words), [expected], "{values:?}");
        }
    }

    #[test]
    fn a_global_key_has_its_type_whatever_the_value_looks_like() {
        for (word, expected) in [
            ("aws:PrincipalAccount=1", "string"),
            ("AWS:currenttime=2026", "date"),
            ("aws:TagKeys=team", "stringList"),
            ("aws:RequestTag/cost=42", "string"),
            ("aws:requesttag/since=2026-11-22", "string"),
            ("aws:MultiFactorAuthAge=60", "numeric"),
        ] {
            assert_eq!(kinds(&[word]), [expected], "{word}");
        }
    }

    #[test]
    fn a_key_is_one_of_conditions() {
        for key in ["aws:SourceIp", "saml:aud", "login.example.com:sub", "s3:x"] {
            assert_eq!(is_key(key), key != "s3:x", "{key}");
        }
        for key in ["SourceIp", ":SourceIp", "sources:", ""] {
            assert!(!is_key(key), "{key}");
        }
    }

    #[test]
    fn an_entry_as_for_aws_names_its_type() {
        let entry = "ContextKeyName=my:key,ContextKeyValues=1,2,ContextKeyType=stringList";
        assert_eq!(kinds(&[entry]), ["stringList"]);
        let json = r#"{"ContextKeyName": "my:key", "ContextKeyValues": ["AA=="], "ContextKeyType": "binary"}"#;
        assert_eq!(kinds(&[json]), ["binary"]);
        assert_eq!(
            kinds(&["ContextKeyName=my:key,ContextKeyValues=7"]),
            ["numeric"]
        );
        assert_eq!(kinds(&["my:key=7", "MY:key=a=b"]), ["stringList"]);
    }
}

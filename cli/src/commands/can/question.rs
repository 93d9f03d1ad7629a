use std::net::IpAddr;

use keyfob_sigv4::Timestamp;
use serde_json::{Map, Value, json};

use crate::{args::CanArgs, failure::Failure};

/// What is asked of each principal.
#[derive(Debug)]
pub(super) struct Question {
    actions: Vec<String>,
    resources: Vec<String>,
    /// Keys of conditions, and their values.
    context: Vec<(String, Vec<String>)>,
}

impl Question {
    /// Tells actions from resources: what has `arn:` in front is a resource.
    ///
    /// # Errors
    ///
    /// If a word is neither, if there is no action, or if a pair has no `=`.
    pub(super) fn new(args: &CanArgs) -> Result<Self, Failure> {
        let mut question = Self {
            actions: Vec::new(),
            resources: Vec::new(),
            context: Vec::new(),
        };
        for word in &args.words {
            if word.starts_with("arn:") {
                question.resources.push(word.clone());
            } else if is_action(word) {
                question.actions.push(word.clone());
            } else {
                return Err(Failure::usage(
                    "a word is neither an action, such as s3:GetObject, nor the ARN of a resource",
                ));
            }
        }
        if question.actions.is_empty() {
            let text = "no action is given: name one, such as s3:GetObject";
            return Err(Failure::usage(text));
        }
        for pair in &args.context {
            match pair.split_once('=') {
                Some((key, value)) if !key.is_empty() => question.add(key, value),
                _ => return Err(Failure::usage("--context: write KEY=VALUE")),
            }
        }
        Ok(question)
    }

    fn add(&mut self, key: &str, value: &str) {
        let mut known = self.context.iter_mut();
        match known.find(|(known, _)| known.eq_ignore_ascii_case(key)) {
            Some((_, values)) => values.push(value.to_owned()),
            None => self.context.push((key.to_owned(), vec![value.to_owned()])),
        }
    }

    /// Returns the parameters of `SimulatePrincipalPolicy`.
    pub(super) fn parameters(&self, principal: &str) -> Map<String, Value> {
        let mut parameters = Map::new();
        parameters.insert("PolicySourceArn".to_owned(), principal.into());
        parameters.insert("ActionNames".to_owned(), self.actions.clone().into());
        if !self.resources.is_empty() {
            parameters.insert("ResourceArns".to_owned(), self.resources.clone().into());
        }
        if !self.context.is_empty() {
            let entry = |(key, values): &(String, Vec<String>)| {
                json!({
                    "ContextKeyName": key,
                    "ContextKeyValues": values,
                    "ContextKeyType": kind(values),
                })
            };
            let entries: Value = self.context.iter().map(entry).collect();
            parameters.insert("ContextEntries".to_owned(), entries);
        }
        parameters
    }
}

/// Returns true for `service:Action`, where the action may have wildcards that IAM refuses by
/// itself.
fn is_action(word: &str) -> bool {
    let is_plain = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    word.split_once(':').is_some_and(|(service, action)| {
        let has_only = action.replace(['*', '?'], "");
        is_plain(service) && !action.is_empty() && (has_only.is_empty() || is_plain(&has_only))
    })
}

/// Returns the type of values by their form. The number of an account is a text.
///
/// Source: IAM API reference, `ContextEntry`.
fn kind(values: &[String]) -> String {
    let all = |is_kind: fn(&str) -> bool| values.iter().all(|value| is_kind(value));
    let kind = if all(|value| matches!(value, "true" | "false")) {
        "boolean"
    } else if all(is_address) {
        "ip"
    } else if all(|value| value.len() != 12 && value.parse::<i64>().is_ok()) {
        "numeric"
    } else if all(|value| value.parse::<Timestamp>().is_ok()) {
        "date"
    } else {
        "string"
    };
    let list = if values.len() > 1 { "List" } else { "" };
    format!("{kind}{list}")
}

/// Returns true for an IP address, or a range of them, such as `192.0.2.0/24`.
fn is_address(value: &str) -> bool {
    let (address, bits) = value.split_once('/').unwrap_or((value, "0"));
    address.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_a_type_by_their_form() {
        for (values, expected) in [
            (&["true"][..], "boolean"),
            (&["true", "false"], "booleanList"),
            (&["192.0.2.1"], "ip"),
            (&["2001:db8::/32", "192.0.2.0/24"], "ipList"),
            (&["42"], "numeric"),
            (&["123456789012"], "string"),
            (&["2026-11-22T00:00:00Z"], "date"),
            (&["m5.large"], "string"),
            (&["42", "m5.large"], "stringList"),
            (&[""], "string"),
        ] {
            let owned: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
            assert_eq!(kind(&owned), expected, "{values:?}");
        }
    }

    #[test]
    fn an_action_has_a_service_and_a_name() {
        for word in [
            "s3:GetObject",
            "execute-api:Invoke",
            "ec2:*",
            "iam:Get*User",
            "s3:?",
        ] {
            assert!(is_action(word), "{word}");
        }
        for word in [
            "s3",
            "s3:",
            ":Get",
            "*",
            "s3:Get Object",
            "s3:a:b",
            "bucket/key",
        ] {
            assert!(!is_action(word), "{word}");
        }
    }
}

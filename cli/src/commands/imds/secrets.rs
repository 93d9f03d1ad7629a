use serde_json::Value;

use crate::terminal::masked;

/// The names of members that hold a secret, in lower case and without `_` and `-`.
const SECRETS: [&str; 7] = [
    "secretaccesskey",
    "secretkey",
    "token",
    "sessiontoken",
    "securitytoken",
    "privatekey",
    "password",
];
/// The name that tells a credential document even if it is not JSON.
const MARK: &str = "secretaccesskey";

/// A document without its secrets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Masked {
    /// There is no secret in it.
    Nothing,
    /// It contains a secret, but its form is not known.
    Unreadable,
    Document(String),
}

/// Masks the members of a JSON document whose names say that they hold a secret, at any depth and
/// in any case.
pub(super) fn masked_document(bytes: &[u8]) -> Masked {
    let Ok(mut document) = serde_json::from_slice::<Value>(bytes) else {
        let text = normalized(&String::from_utf8_lossy(bytes));
        return if text.contains(MARK) {
            Masked::Unreadable
        } else {
            Masked::Nothing
        };
    };
    if mask_members(&mut document) {
        return Masked::Document(format!("{document:#}"));
    }
    Masked::Nothing
}

/// Returns true if a member was masked.
fn mask_members(value: &mut Value) -> bool {
    match value {
        Value::Object(members) => members.iter_mut().fold(false, |found, (name, member)| {
            let is_secret = SECRETS.contains(&normalized(name).as_str());
            let masked = if is_secret {
                mask_all(member)
            } else {
                mask_members(member)
            };
            found | masked
        }),
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |found, item| found | mask_members(item)),
        // A document within a document, as some tools write it.
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            match masked_document(text.as_bytes()) {
                Masked::Document(inner) => {
                    *text = inner;
                    true
                }
                Masked::Nothing | Masked::Unreadable => false,
            }
        }
        _ => false,
    }
}

/// Masks every text and number below a member that holds a secret.
fn mask_all(value: &mut Value) -> bool {
    match value {
        Value::Object(members) => members
            .values_mut()
            .fold(false, |found, member| found | mask_all(member)),
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |found, item| found | mask_all(item)),
        Value::String(text) if !text.is_empty() => {
            *text = masked(text);
            true
        }
        Value::Number(number) => {
            *value = masked(&number.to_string()).into();
            true
        }
        _ => false,
    }
}

fn normalized(name: &str) -> String {
    name.chars()
        .filter(|char| !matches!(char, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_by_name_at_any_depth_and_in_any_case() {
        for document in [
            r#"{"SecretAccessKey": "canary-0123456789"}"#,
            r#"{"secretaccesskey": "canary-0123456789"}"#,
            r#"{"a": [{"SECRET_ACCESS_KEY": "canary-0123456789"}]}"#,
            r#"{"a": {"b": {"session-token": ["canary-0123456789"]}}}"#,
            r#"{"Token": {"value": "canary-0123456789"}}"#,
            r#"[{"password": "canary"}]"#,
            r#"{"body": "{\"Token\": \"canary-0123456789\"}"}"#,
        ] {
            let Masked::Document(text) = masked_document(document.as_bytes()) else {
                unreachable!("{document}");
            };
            assert!(!text.contains("canary"), "{text}");
        }
        let other = br#"{"AccessKeyId": "AKIA", "Tokens": 1, "Token": null}"#;
        assert_eq!(masked_document(other), Masked::Nothing);
        assert_eq!(masked_document(b"plain text"), Masked::Nothing);
        assert_eq!(
            masked_document(b"{\"secretAccessKey\": \"canary"),
            Masked::Unreadable
        );
    }
}

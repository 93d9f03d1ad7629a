use std::borrow::Cow;

use keyfob_sigv4::{Credentials, Timestamp};
use serde_json::Value;

use crate::{json::SecretObject, order::Documents};

/// Reads what a process of `credential_process` has written.
///
/// Source: AWS CLI User Guide, "Sourcing credentials with an external process".
///
/// # Errors
///
/// What is wrong with it, without any of its values.
pub(super) fn read(output: &str, documents: Documents) -> Result<Credentials, String> {
    let output = match documents {
        // A byte order mark is whitespace there.
        Documents::JavaScript => output.trim_start_matches('\u{feff}'),
        _ => output,
    };
    let members = SecretObject::parse(output).map_err(|error| {
        // The message of a JSON error may have a part of the text.
        let (line, column) = (error.line(), error.column());
        format!("its output is not a JSON object (line {line}, column {column})")
    })?;
    let get = |name: &str| match documents {
        Documents::AnyCase | Documents::AnyCaseOrType => {
            let mut members = members.iter();
            let found = members.find(|(other, _)| other.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value)
        }
        _ => members.get(name),
    };
    match get("Version") {
        Some(Value::Number(version)) if version.as_f64() == Some(1.0) => {}
        Some(Value::Bool(true)) if documents == Documents::Python => {}
        Some(_) => return Err("Version in its output is not the number 1".to_owned()),
        None => return Err("its output has no Version, which is the number 1".to_owned()),
    }
    let text = |name: &str| match (get(name), documents) {
        (None | Some(Value::Null), _) => Ok(None),
        (Some(Value::String(text)), _) => Ok(Some(Cow::Borrowed(text.as_str()))),
        (Some(_), Documents::AnyCaseOrType) => Ok(None),
        (Some(Value::Number(number)), Documents::Python | Documents::JavaScript) => {
            Ok(Some(Cow::Owned(number.to_string())))
        }
        (Some(_), _) => Err(format!("{name} in its output is not text")),
    };
    let required = |name| {
        let text = text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| format!("its output has no {name}"))
    };
    let (id, secret) = (required("AccessKeyId")?, required("SecretAccessKey")?);
    let credentials = Credentials::new(&*id, &*secret);
    let mut credentials = credentials.map_err(|error| error.to_string())?;
    if let Some(token) = text("SessionToken")?.filter(|token| !token.is_empty()) {
        let with_token = credentials.with_session_token(&*token);
        credentials = with_token.map_err(|error| error.to_string())?;
    }
    if documents == Documents::JavaScript {
        if let Some(expiry) = get("Expiration").and_then(date) {
            credentials = credentials.with_expiry(expiry);
        }
    } else if let Some(expiry) = text("Expiration")? {
        let not_a_time = |_| {
            "Expiration in its output is not a time such as 2026-01-31T12:00:00Z; leave it out if \
             the key does not expire"
        };
        credentials = credentials.with_expiry(expiry.parse().map_err(not_a_time)?);
    }
    // Some programs write it as a number, without the zeros that it may begin with.
    if !matches!(
        documents,
        Documents::Text | Documents::AnyCase | Documents::AnyCaseOrType
    ) && let Some(id) = get("AccountId").and_then(Value::as_u64)
    {
        return Ok(credentials.with_account_id(format!("{id:012}")));
    }
    match text("AccountId")?.filter(|id| !id.is_empty()) {
        Some(id) => Ok(credentials.with_account_id(&*id)),
        None => Ok(credentials),
    }
}

/// Reads a time as `Date` of JavaScript does: also a number of milliseconds, a date alone, and a
/// time without a zone, which is taken for UTC here. What is not a time never passes.
fn date(value: &Value) -> Option<Timestamp> {
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => {
            return number.as_i64().map(Timestamp::from_unix_millis);
        }
        _ => return None,
    };
    let mut forms = ["", "Z", "T00:00:00Z"].into_iter();
    forms.find_map(|end| format!("{text}{end}").parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict(output: &str) -> Credentials {
        read(output, Documents::Strict).unwrap()
    }

    fn error(output: &str) -> String {
        read(output, Documents::Strict).unwrap_err()
    }

    #[test]
    fn a_key_without_a_session_is_read() {
        let key = strict(r#"{"Version": 1.0, "AccessKeyId": "a", "SecretAccessKey": "b"}"#);
        assert!(key.session_token().is_none() && key.expiry().is_none());
        let key = strict(
            r#"{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c",
                "Expiration": "2022-05-02T18:36:00.5+02:00", "AccountId": "1", "Other": [1]}"#,
        );
        assert_eq!(
            key.expiry().unwrap().to_string(),
            "2022-05-02T16:36:00.500Z"
        );
        assert_eq!(key.account_id(), Some("1"));
        let key = strict(
            r#"{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "AccountId": 12345678901}"#,
        );
        assert_eq!(key.account_id(), Some("012345678901"));
    }

    #[test]
    fn what_the_sdks_read_besides_is_read_by_their_rules() {
        use Documents::{AnyCase, AnyCaseOrType, JavaScript, Python, Strict, Text};

        let key = r#""AccessKeyId": "a", "SecretAccessKey": "b""#;
        let lower = r#"{"version": 1, "accesskeyid": "a", "secretaccesskey": "b"}"#.to_owned();
        let of_key = |members: &str| format!("{{\"Version\": 1, {key}{members}}}");
        let time = |time: &str| of_key(&format!(", \"Expiration\": {time}"));
        for (output, accepting) in [
            (lower, vec![AnyCase, AnyCaseOrType]),
            (
                of_key(", \"SessionToken\": 5"),
                vec![AnyCaseOrType, Python, JavaScript],
            ),
            (
                of_key(", \"AccountId\": 123"),
                vec![Strict, AnyCaseOrType, Python, JavaScript],
            ),
            (format!("{{\"Version\": true, {key}}}"), vec![Python]),
            (format!("\u{feff}{}", of_key("")), vec![JavaScript]),
            (time("\"\""), vec![JavaScript]),
            (time("\"x\""), vec![JavaScript]),
            (time("\"2099-01-01\""), vec![JavaScript]),
            (time("\"2099-01-01T00:00:00\""), vec![JavaScript]),
        ] {
            for documents in [Strict, Text, AnyCase, AnyCaseOrType, Python, JavaScript] {
                let is_read = read(&output, documents).is_ok();
                let is_accepting = accepting.contains(&documents);
                assert_eq!(is_read, is_accepting, "{documents:?}: {output}");
            }
        }
        let expiry = |text: &str| {
            let key = read(&time(text), JavaScript).unwrap();
            key.expiry().map(|expiry| expiry.to_string())
        };
        let new_year = Some("1999-01-01T00:00:00Z".to_owned());
        for text in ["\"1999-01-01\"", "\"1999-01-01T00:00:00\"", "915148800000"] {
            assert_eq!(expiry(text), new_year, "{text}");
        }
        assert_eq!(expiry("\"x\""), None);
    }

    #[test]
    fn what_is_wrong_is_named_and_no_value_is_shown() {
        let key = r#""AccessKeyId": "canary", "SecretAccessKey": "canary""#;
        for (members, named) in [
            ("canary".to_owned(), "not a JSON object"),
            (format!("{{\"Version\": 2, {key}}}"), "Version"),
            (format!("{{{key}}}"), "no Version"),
            (
                "{\"Version\": 1, \"SecretAccessKey\": \"canary\"}".to_owned(),
                "no AccessKeyId",
            ),
            (
                "{\"Version\": 1, \"AccessKeyId\": \"canary\"}".to_owned(),
                "no SecretAccessKey",
            ),
            (
                format!("{{\"Version\": 1, \"SessionToken\": 5, {key}}}"),
                "SessionToken",
            ),
            (
                format!("{{\"Version\": 1, \"Expiration\": \"\", {key}}}"),
                "Expiration",
            ),
            (
                format!("{{\"Version\": 1, \"Expiration\": \"canary\", {key}}}"),
                "Expiration",
            ),
            (
                format!("{{\"Version\": 1, \"Expiration\": \"2030-01-01T00:00:00\", {key}}}"),
                "Expiration",
            ),
        ] {
            let error = error(&members);
            assert!(
                error.contains(named) && !error.contains("canary"),
                "{error}"
            );
        }
    }
}

use keyfob_sigv4::Credentials;
use serde_json::{Map, Value};

/// Reads what a process of `credential_process` has written.
///
/// Source: AWS CLI User Guide, "Sourcing credentials with an external process".
///
/// # Errors
///
/// What is wrong with it, without any of its values.
pub(super) fn read(output: &str) -> Result<Credentials, String> {
    let members: Map<String, Value> = serde_json::from_str(output).map_err(|error| {
        // The message of a JSON error may have a part of the text.
        let (line, column) = (error.line(), error.column());
        format!("its output is not a JSON object (line {line}, column {column})")
    })?;
    match members.get("Version") {
        Some(Value::Number(version)) if version.as_f64() == Some(1.0) => {}
        Some(_) => return Err("Version in its output is not the number 1".to_owned()),
        None => return Err("its output has no Version, which is the number 1".to_owned()),
    }
    let text = |name: &str| match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(format!("{name} in its output is not text")),
    };
    let required = |name| {
        let text = text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| format!("its output has no {name}"))
    };
    let (id, secret) = (required("AccessKeyId")?, required("SecretAccessKey")?);
    let mut credentials = Credentials::new(id, secret).map_err(|error| error.to_string())?;
    if let Some(token) = text("SessionToken")?.filter(|token| !token.is_empty()) {
        let with_token = credentials.with_session_token(token);
        credentials = with_token.map_err(|error| error.to_string())?;
    }
    if let Some(expiry) = text("Expiration")? {
        let not_a_time = |_| {
            "Expiration in its output is not a time such as 2026-01-31T12:00:00Z; leave it out if \
             the key does not expire"
        };
        credentials = credentials.with_expiry(expiry.parse().map_err(not_a_time)?);
    }
    // Some programs write it as a number, without the zeros that it may begin with.
    if let Some(id) = members.get("AccountId").and_then(Value::as_u64) {
        return Ok(credentials.with_account_id(format!("{id:012}")));
    }
    match text("AccountId")?.filter(|id| !id.is_empty()) {
        Some(id) => Ok(credentials.with_account_id(id)),
        None => Ok(credentials),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(output: &str) -> String {
        read(output).unwrap_err()
    }

    #[test]
    fn a_key_without_a_session_is_read() {
        let key = read(r#"{"Version": 1.0, "AccessKeyId": "a", "SecretAccessKey": "b"}"#).unwrap();
        assert!(key.session_token().is_none() && key.expiry().is_none());
        let key = read(
            r#"{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c",
                "Expiration": "2022-05-02T18:36:00.5+02:00", "AccountId": "1", "Other": [1]}"#,
        );
        let key = key.unwrap();
        assert_eq!(
            key.expiry().unwrap().to_string(),
            "2022-05-02T16:36:00.500Z"
        );
        assert_eq!(key.account_id(), Some("1"));
        let key = read(
            r#"{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "AccountId": 12345678901}"#,
        );
        assert_eq!(key.unwrap().account_id(), Some("012345678901"));
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

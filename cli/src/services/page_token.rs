//! The token of `--starting-token`: where a list that was cut goes on.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

/// The member that a token of `aws` has beside that of the service: how many items of the page are
/// printed already.
const TRUNCATED: &str = "boto_truncate_amount";

/// Writes a token as botocore does, so that both programs read it.
pub(crate) fn encode(input: &str, token: Option<&str>, truncated: Option<usize>) -> String {
    let name = Value::from(input);
    let token = token.map_or(Value::Null, Value::from);
    let truncated = truncated.map(|count| format!(", \"{TRUNCATED}\": {count}"));
    let json = format!("{{{name}: {token}{}}}", truncated.unwrap_or_default());
    BASE64_STANDARD.encode(json)
}

/// Reads a token of [`encode`]: that of the service, and how many items of the page to skip. A text
/// that is not one has the older form `TOKEN___SKIP`, where `None` is for the first page, or is a
/// token of the service.
pub(crate) fn decode(input: &str, text: &str) -> Option<(Option<String>, usize)> {
    let json = BASE64_STANDARD.decode(text).ok();
    let token = json.and_then(|json| serde_json::from_slice::<Map<String, Value>>(&json).ok());
    let Some(mut token) = token else {
        let older = text.split_once("___");
        let older = older.and_then(|(token, skip)| Some((token, skip.parse().ok()?)));
        let (token, skip) = older.unwrap_or((text, 0));
        return Some(((token != "None").then(|| token.to_owned()), skip));
    };
    let skip = match token.remove(TRUNCATED) {
        None => 0,
        Some(count) => count.as_u64()?.try_into().ok()?,
    };
    match token.remove(input)? {
        _ if !token.is_empty() => None,
        Value::Null => Some((None, skip)),
        Value::String(token) => Some((Some(token), skip)),
        _ => None,
    }
}

use std::ops::Deref;

use serde_json::{Map, Value};
use zeroize::Zeroize as _;

/// A JSON object with secrets. Its texts are zeroed when it is dropped.
#[derive(Default)]
pub(crate) struct SecretObject(Map<String, Value>);

impl SecretObject {
    /// Parses an object. The message of an error may have a part of the text.
    pub(crate) fn parse(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text).map(Self)
    }
}

impl Deref for SecretObject {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for SecretObject {
    fn drop(&mut self) {
        self.0.values_mut().for_each(zero);
    }
}

fn zero(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(zero),
        Value::Object(members) => members.values_mut().for_each(zero),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_at_any_depth_are_zeroed() {
        let mut object =
            SecretObject::parse(r#"{"a": "x", "b": [1, {"c": ["y", null]}]}"#).unwrap();
        object.0.values_mut().for_each(zero);
        let zeroed = SecretObject::parse(r#"{"a": "", "b": [1, {"c": ["", null]}]}"#).unwrap();
        assert_eq!(*object, *zeroed);
    }
}

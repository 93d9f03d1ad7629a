use serde::Serialize as _;
use serde_json::{Serializer, Value, ser::PrettyFormatter};

/// Formats JSON with an indent of four spaces. Members keep their order, and text is not escaped
/// beyond what JSON requires.
pub(super) fn render(value: &Value) -> String {
    let mut out = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    let mut serializer = Serializer::with_formatter(&mut out, formatter);
    // Writing a `Value` into memory cannot fail: its keys are strings.
    let _ = value.serialize(&mut serializer);
    out.push(b'\n');
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_indent_is_four_and_members_keep_their_order() {
        let value = json!({"UserId": "é/\"", "Account": 1, "Empty": []});
        assert_eq!(
            render(&value),
            "{\n    \"UserId\": \"é/\\\"\",\n    \"Account\": 1,\n    \"Empty\": []\n}\n"
        );
    }
}

use serde_json::{Map, Value};

use crate::output::{Members, is_scalar, scalar};

/// Formats lines of tab-separated values, sorted by member name. The line of a nested object starts
/// with its name in capitals.
pub(super) fn render(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, "", value);
    out
}

fn write(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Object(object) => write_object(out, name, object),
        Value::Array(items) => write_list(out, name, items),
        other => write_line(out, name, [scalar(other)]),
    }
}

fn write_object(out: &mut String, name: &str, object: &Map<String, Value>) {
    let members = Members::new(object);
    if !members.scalars.is_empty() {
        let values = members.scalars.iter().map(|(_, value)| scalar(value));
        write_line(out, name, values);
    }
    for (name, value) in members.others {
        write(out, &name.to_uppercase(), value);
    }
}

/// A list of scalars is one line, or, as the member of an object, a line for each.
fn write_list(out: &mut String, name: &str, items: &[Value]) {
    if !items.iter().all(is_scalar) {
        for item in items {
            write(out, name, item);
        }
    } else if name.is_empty() {
        write_line(out, name, items.iter().map(scalar));
    } else {
        for item in items {
            write_line(out, name, [scalar(item)]);
        }
    }
}

fn write_line(out: &mut String, name: &str, values: impl IntoIterator<Item = String>) {
    let first = (!name.is_empty()).then(|| name.to_owned());
    let cells: Vec<String> = first.into_iter().chain(values).collect();
    out.push_str(&cells.join("\t"));
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_sorted_and_nested_ones_are_named() {
        let value = json!({
            "Credentials": {"SecretAccessKey": "s", "AccessKeyId": "a"},
            "PackedPolicySize": 6,
            "Nothing": null,
            "Yes": true,
            "Names": ["x", "y"],
        });
        assert_eq!(
            render(&value),
            "None\t6\tTrue\nCREDENTIALS\ta\ts\nNAMES\tx\nNAMES\ty\n"
        );
    }
}

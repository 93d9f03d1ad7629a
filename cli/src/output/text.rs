use serde_json::{Map, Value};

use super::{is_scalar, parted, scalar};

/// Lines of TAB-separated values, sorted by member name; nested ones begin with the member's name in capitals.
pub(super) fn render(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, "", value);
    out
}

fn write(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Object(object) => write_object(out, name, object),
        Value::Array(items) => write_list(out, name, items),
        other => line(out, name, &[scalar(other)]),
    }
}

fn write_object(out: &mut String, name: &str, object: &Map<String, Value>) {
    let (scalars, nested) = parted(object);
    if !scalars.is_empty() {
        let values: Vec<_> = scalars.iter().map(|(_, value)| scalar(value)).collect();
        line(out, name, &values);
    }
    for (name, value) in nested {
        write(out, &name.to_uppercase(), value);
    }
}

/// A list of scalars under a name is a line each; without a name it is one line.
fn write_list(out: &mut String, name: &str, items: &[Value]) {
    if !items.iter().all(is_scalar) {
        for item in items {
            write(out, name, item);
        }
    } else if name.is_empty() {
        let values: Vec<_> = items.iter().map(scalar).collect();
        line(out, name, &values);
    } else {
        for item in items {
            line(out, name, &[scalar(item)]);
        }
    }
}

fn line(out: &mut String, name: &str, values: &[String]) {
    if !name.is_empty() {
        out.push_str(name);
        out.push('\t');
    }
    out.push_str(&values.join("\t"));
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

use serde_json::{Map, Value};

use crate::output::{Members, is_scalar, python, scalar_names, sorted};

/// Formats lines of tab-separated values, sorted by member name. The line of a nested object starts
/// with its name in capitals.
pub(super) fn render(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, None, value);
    out
}

/// Formats an object of the list in an answer, as [`render`] does the whole. The columns are the
/// names of the scalars that the objects of the list have.
pub(super) fn render_item(list: &str, columns: &[&str], item: &Map<String, Value>) -> String {
    let mut out = String::new();
    write_row(&mut out, Some(list), item, columns);
    out
}

fn write(out: &mut String, name: Option<&str>, value: &Value) {
    match value {
        Value::Object(object) => write_object(out, name, object),
        Value::Array(items) => write_list(out, name, items),
        // As in aws, without the name.
        other => write_line(out, None, [python::text(other)]),
    }
}

fn write_object(out: &mut String, name: Option<&str>, object: &Map<String, Value>) {
    let members = Members::new(object);
    if !members.scalars.is_empty() {
        let values = members.scalars.iter().map(|(_, value)| python::text(value));
        write_line(out, name, values);
    }
    for (name, value) in members.others {
        write(out, Some(name), value);
    }
}

/// The objects of a list have the same columns. Scalars beside lists come first.
fn write_list(out: &mut String, name: Option<&str>, items: &[Value]) {
    if items.iter().any(Value::is_object) {
        let columns = scalar_names(items);
        for item in items {
            match item {
                Value::Object(object) => write_row(out, name, object, &columns),
                other => write(out, name, other),
            }
        }
        return;
    }
    let (scalars, lists): (Vec<_>, Vec<_>) = items.iter().partition(|item| is_scalar(item));
    write_scalars(out, name, &scalars);
    for list in lists {
        write(out, name, list);
    }
}

/// Writes an object of a list. A member that another object of the list has, and this one has not,
/// is empty.
fn write_row(out: &mut String, name: Option<&str>, object: &Map<String, Value>, columns: &[&str]) {
    if !columns.is_empty() {
        let value = |column: &&str| object.get(*column).map(python::text).unwrap_or_default();
        write_line(out, name, columns.iter().map(value));
    }
    for (name, value) in sorted(object) {
        if !columns.contains(&name.as_str()) {
            write(out, Some(name), value);
        }
    }
}

/// Writes scalars in one line, or, as the member of an object, a line for each.
fn write_scalars(out: &mut String, name: Option<&str>, scalars: &[&Value]) {
    if name.is_some() {
        for value in scalars {
            write_line(out, name, [python::text(value)]);
        }
    } else if !scalars.is_empty() {
        write_line(out, name, scalars.iter().map(|value| python::text(value)));
    }
}

fn write_line(out: &mut String, name: Option<&str>, values: impl IntoIterator<Item = String>) {
    let first = name.map(str::to_uppercase);
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
    /// Source: the output of version 1 of `aws`.
    #[test]
    fn the_objects_of_a_list_have_the_same_columns() {
        let value = json!({"Tags": [{"Key": "a", "Value": "1"}, {"Value": "2", "On": true}]});
        let text = "TAGS\ta\t\t1\nTAGS\t\tTrue\t2\n";
        assert_eq!(render(&value), text);
        let items = value["Tags"].as_array().unwrap().iter();
        let items = items.filter_map(Value::as_object);
        let items = items.map(|item| render_item("Tags", &["Key", "On", "Value"], item));
        assert_eq!(items.collect::<String>(), text);
        let nested = json!([["a", "b"], "c", ["d"]]);
        assert_eq!(render(&nested), "c\na\tb\nd\n");
    }
}

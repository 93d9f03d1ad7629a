mod section;
mod width;

use std::borrow::Cow;

use serde_json::{Map, Value};

use self::section::Section;
pub(crate) use self::width::char_width;
use crate::output::{Members, is_scalar, python, scalar_names, sorted};

/// Formats the box of `aws`: a title, then rows. A nested object is a box within the box.
///
/// Of a scalar `aws` shows only the title. It shows nothing of an empty list or object.
pub(super) fn render(title: &str, value: &Value, width: usize) -> String {
    let mut table = Table::default();
    if is_scalar(value) {
        table.start(Some(title), 0);
    } else {
        table.add(Some(title), value, 0);
    }
    table.render(width)
}

/// Its texts are parts of the answer.
#[derive(Default)]
struct Table<'a> {
    sections: Vec<Section<'a>>,
}

impl<'a> Table<'a> {
    fn start(&mut self, title: Option<&'a str>, indent: usize) {
        self.sections.push(Section::new(title, indent));
    }

    /// Returns the section that rows are added to.
    fn section(&mut self) -> &mut Section<'a> {
        if self.sections.is_empty() {
            self.start(None, 0);
        }
        let last = self.sections.len() - 1;
        &mut self.sections[last]
    }

    /// Adds a list or an object that is not empty. Without a title it continues the section.
    fn add(&mut self, title: Option<&'a str>, value: &'a Value, indent: usize) {
        match value {
            Value::Object(object) if !object.is_empty() => {
                self.start_titled(title, indent);
                self.add_object(object, indent);
            }
            Value::Array(items) if !items.is_empty() => {
                self.start_titled(title, indent);
                if items[0].is_object() {
                    self.add_objects(items, indent, title);
                } else {
                    self.add_list(items);
                }
            }
            _ => {}
        }
    }

    fn start_titled(&mut self, title: Option<&'a str>, indent: usize) {
        if title.is_some() {
            self.start(title, indent);
        }
    }

    /// Adds an object's scalars: one row below their names, or a single one beside its name. Other
    /// members get sections of their own.
    fn add_object(&mut self, object: &'a Map<String, Value>, indent: usize) {
        let members = Members::new(object);
        match members.scalars.as_slice() {
            [] => {}
            [(name, value)] => {
                let row = vec![Cow::Borrowed(name.as_str()), cell(value)];
                self.section().add_row(row);
            }
            scalars => {
                let names = scalars.iter().map(|(name, _)| name.as_str()).collect();
                self.section().set_headers(names);
                let row = scalars.iter().map(|(_, value)| cell(value));
                self.section().add_row(row.collect());
            }
        }
        for (name, value) in members.others {
            self.add(Some(name), value, indent + 1);
        }
    }

    /// Adds a row for each object, below the names of all their scalars. If one of them has other
    /// members, each object gets a section of its own.
    fn add_objects(&mut self, items: &'a [Value], indent: usize, title: Option<&'a str>) {
        let columns = scalar_names(items);
        let objects = || items.iter().filter_map(Value::as_object);
        let nested = objects().any(|object| object.values().any(|value| !is_scalar(value)));
        self.section().set_headers(columns.clone());
        for (index, object) in objects().enumerate() {
            if index > 0 && nested {
                self.start(title, indent);
                self.section().set_headers(columns.clone());
            }
            let cell = |column: &&str| object.get(*column).map(cell).unwrap_or_default();
            self.section().add_row(columns.iter().map(cell).collect());
            for (name, value) in sorted(object) {
                self.add(Some(name), value, indent + 1);
            }
        }
    }

    /// Adds a row for each scalar, and one for each list of scalars.
    fn add_list(&mut self, items: &'a [Value]) {
        for item in items {
            match item {
                Value::Array(cells) if cells.iter().all(is_scalar) => {
                    self.section().add_row(cells.iter().map(cell).collect());
                }
                Value::Array(_) | Value::Object(_) => self.add(None, item, 0),
                scalar => self.section().add_row(vec![cell(scalar)]),
            }
        }
    }

    fn render(mut self, screen: usize) -> String {
        if self.sections.is_empty() {
            return String::new();
        }
        if self.width() > screen {
            let sections = self.sections.into_iter();
            self.sections = sections.map(Section::into_name_value_rows).collect();
        }
        let width = self.width();
        let mut out = format!("{}\n", "-".repeat(width));
        for section in &self.sections {
            section.write(&mut out, width);
        }
        out
    }

    fn width(&self) -> usize {
        self.sections.iter().map(Section::width).max().unwrap_or(0)
    }
}

fn cell(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(python::text(other)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_that_is_too_wide_has_a_row_for_each_member() {
        let value = json!({
            "UserId": "AKIAIOSFODNN7EXAMPLE",
            "Account": "123456789012",
            "Arn": "arn:aws:sts::123456789012:user/moto",
        });
        let expected = "\
----------------------------------------------------
|                 GetCallerIdentity                |
+---------+----------------------------------------+
|  Account|  123456789012                          |
|  Arn    |  arn:aws:sts::123456789012:user/moto   |
|  UserId |  AKIAIOSFODNN7EXAMPLE                  |
+---------+----------------------------------------+
";
        assert_eq!(render("GetCallerIdentity", &value, 80), expected);
    }

    #[test]
    fn a_narrow_answer_is_one_row_below_its_headers() {
        let value = json!({"B": "two", "A": 1});
        let expected = "\
--------------
|      T     |
+----+-------+
|  A |   B   |
+----+-------+
|  1 |  two  |
+----+-------+
";
        assert_eq!(render("T", &value, 80), expected);
    }

    /// Source: the output of version 1 of `aws`.
    #[test]
    fn nested_objects_are_boxes_within_the_box() {
        let value = json!({
            "Name": "x",
            "Credentials": {"Key": "aaaaaaaaaaaaaaaaaaaa", "B": true, "N": null},
            "List": ["a", "bb"],
            "Items": [{"K": "1", "V": "2"}],
        });
        let expected = "\
--------------------------------------------
|                    Op                    |
+-------------------------+----------------+
|  Name                   |  x             |
+-------------------------+----------------+
||               Credentials              ||
|+------+------------------------+--------+|
||   B  |          Key           |   N    ||
|+------+------------------------+--------+|
||  True|  aaaaaaaaaaaaaaaaaaaa  |  None  ||
|+------+------------------------+--------+|
||                  Items                 ||
|+-------------------+--------------------+|
||         K         |         V          ||
|+-------------------+--------------------+|
||  1                |  2                 ||
|+-------------------+--------------------+|
||                  List                  ||
|+----------------------------------------+|
||  a                                     ||
||  bb                                    ||
|+----------------------------------------+|
";
        assert_eq!(render("Op", &value, 80), expected);
    }

    /// Source: the output of version 1 of `aws`.
    #[test]
    fn the_objects_of_a_list_are_rows_below_the_names_of_all() {
        let value = json!({"Tags": [{"Key": "a", "Value": "日本"}, {"Value": "2", "On": true}]});
        let expected = "\
----------------------------
|            Op            |
+--------------------------+
||          Tags          ||
|+-----+--------+---------+|
|| Key |  On    |  Value  ||
|+-----+--------+---------+|
||  a  |        |  日本   ||
||     |  True  |  2      ||
|+-----+--------+---------+|
";
        assert_eq!(render("Op", &value, 80), expected);
    }
}

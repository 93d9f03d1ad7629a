use serde_json::{Map, Value};

use crate::output::{Members, is_scalar, scalar};

/// The spaces and the border beside the text of a cell, in columns.
const PADDING: usize = 4;

/// Formats the box of `aws`: a title, then rows. A nested object is a box within the box.
pub(super) fn render(title: &str, value: &Value, width: usize) -> String {
    let mut sections = Vec::new();
    collect(&mut sections, title, value, 0);
    if is_scalar(value) {
        // aws shows no value then, only the title.
        sections.push(Section::new(title, 0));
    }
    if sections.is_empty() {
        return String::new();
    }
    if total_width(&sections) > width {
        sections = sections
            .into_iter()
            .map(Section::into_name_value_rows)
            .collect();
    }
    let width = total_width(&sections);
    let mut out = format!("{}\n", "-".repeat(width));
    for section in &sections {
        section.write(&mut out, width);
    }
    out
}

fn total_width(sections: &[Section]) -> usize {
    sections.iter().map(Section::width).max().unwrap_or(0)
}

fn collect(sections: &mut Vec<Section>, title: &str, value: &Value, indent: usize) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            collect_object(sections, title, object, indent);
        }
        Value::Array(items) if !items.is_empty() => collect_list(sections, title, items, indent),
        _ => {}
    }
}

/// Makes a section of an object's scalars: one row below their names, or a single one beside its
/// name. Other members get sections of their own.
fn collect_object(
    sections: &mut Vec<Section>,
    title: &str,
    object: &Map<String, Value>,
    indent: usize,
) {
    let members = Members::new(object);
    let mut section = Section::new(title, indent);
    match members.scalars.as_slice() {
        [] => {}
        [(name, value)] => section.rows.push(vec![(*name).clone(), scalar(value)]),
        scalars => {
            section.headers = scalars.iter().map(|(name, _)| (*name).clone()).collect();
            let values = scalars.iter().map(|(_, value)| scalar(value)).collect();
            section.rows.push(values);
        }
    }
    sections.push(section);
    for (name, value) in members.others {
        collect(sections, name, value, indent + 1);
    }
}

/// Makes one section of a list of scalars, with a row for each, and a section of each object.
fn collect_list(sections: &mut Vec<Section>, title: &str, items: &[Value], indent: usize) {
    if items.iter().all(is_scalar) {
        let mut section = Section::new(title, indent);
        section.rows = items.iter().map(|item| vec![scalar(item)]).collect();
        sections.push(section);
    } else {
        for item in items {
            collect(sections, title, item, indent);
        }
    }
}

struct Section {
    title: String,
    indent: usize,
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Section {
    fn new(title: &str, indent: usize) -> Self {
        Self {
            title: title.to_owned(),
            indent,
            headers: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Turns a single row below headers into a row for each name and value.
    fn into_name_value_rows(self) -> Self {
        if self.headers.is_empty() || self.rows.len() != 1 {
            return self;
        }
        let values = self.rows.into_iter().flatten();
        let rows = self
            .headers
            .into_iter()
            .zip(values)
            .map(|(name, value)| vec![name, value])
            .collect();
        Self {
            headers: Vec::new(),
            rows,
            ..self
        }
    }

    /// Returns the width of the text in each column.
    fn text_widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for row in self.rows.iter().chain(Some(&self.headers)) {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(text_width(cell));
            }
        }
        widths
    }

    fn width(&self) -> usize {
        let cells: usize = self.text_widths().iter().map(|width| width + PADDING).sum();
        (cells + 2).max(text_width(&self.title) + 2) + 2 * self.indent
    }

    fn write(&self, out: &mut String, width: usize) {
        let edge = "|".repeat(self.indent);
        let inside = width - 2 * self.indent;
        let mut lines = vec![centered(&self.title, inside, "|")];
        if self.rows.is_empty() {
            lines.push(format!("+{}+", "-".repeat(inside - 2)));
        } else {
            self.push_rows(&mut lines, &column_widths(&self.text_widths(), inside));
        }
        for line in lines {
            out.push_str(&format!("{edge}{line}{edge}\n"));
        }
    }

    fn push_rows(&self, lines: &mut Vec<String>, widths: &[usize]) {
        let rule = ruler(widths);
        if !self.headers.is_empty() {
            lines.push(rule.clone());
            lines.push(cells(&self.headers, widths, centered));
        }
        lines.push(rule.clone());
        lines.extend(self.rows.iter().map(|row| cells(row, widths, left_aligned)));
        lines.push(rule);
    }
}

/// Divides the width among the columns in proportion to their text.
fn column_widths(text_widths: &[usize], width: usize) -> Vec<usize> {
    let needed: usize = text_widths.iter().map(|text| text + PADDING).sum();
    let scale = width as f64 / needed as f64;
    // Python's round(), which aws uses, rounds halves to even.
    let mut widths: Vec<usize> = text_widths
        .iter()
        .map(|text| (scale * (text + PADDING) as f64).round_ties_even() as usize)
        .collect();
    // aws takes what rounding added from the first columns, and gives what is left to the last.
    let mut sum: usize = widths.iter().sum();
    let count = widths.len();
    let mut turn = 0;
    while sum != width {
        if sum > width {
            widths[turn % count] -= 1;
            sum -= 1;
        } else {
            widths[count - 1 - turn % count] += 1;
            sum += 1;
        }
        turn += 1;
    }
    widths
}

fn ruler(widths: &[usize]) -> String {
    let mut out = String::new();
    for (index, width) in widths.iter().enumerate() {
        if index == 0 {
            out.push('+');
        }
        out.push_str(&"-".repeat(inner(*width, index)));
        out.push('+');
    }
    out
}

/// Returns the width between the borders: two for the first column, one for the others.
fn inner(width: usize, index: usize) -> usize {
    width.saturating_sub(if index == 0 { 2 } else { 1 })
}

fn cells(row: &[String], widths: &[usize], place: fn(&str, usize, &str) -> String) -> String {
    row.iter()
        .zip(widths)
        .enumerate()
        .map(|(index, (cell, width))| place(cell, *width, if index == 0 { "|" } else { "" }))
        .collect()
}

fn centered(text: &str, width: usize, left_edge: &str) -> String {
    let spaces = width.saturating_sub(1 + left_edge.len() + text_width(text));
    // As in aws, a cell without a left edge is indented as if it had one.
    let left = (width / 2)
        .saturating_sub(text_width(text) / 2 + 1)
        .min(spaces);
    let right = spaces - left;
    format!("{left_edge}{:left$}{text}{:right$}|", "", "")
}

fn left_aligned(text: &str, width: usize, left_edge: &str) -> String {
    let right = width.saturating_sub(3 + left_edge.len() + text_width(text));
    format!("{left_edge}  {text}{:right$}|", "")
}

fn text_width(text: &str) -> usize {
    text.chars().count()
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
}

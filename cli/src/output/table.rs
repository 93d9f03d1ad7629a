use serde_json::{Map, Value};

use super::{is_scalar, parted, scalar};

/// Blanks and a border that a cell has beside its text.
const PADDING: usize = 4;

/// aws's box: a title, then rows; a nested object is a box in the box.
pub(super) fn render(title: &str, value: &Value, width: usize) -> String {
    let mut sections = Vec::new();
    collect(&mut sections, title, value, 0);
    if sections.is_empty() {
        return String::new();
    }
    if total_width(&sections) > width {
        sections.iter_mut().for_each(Section::stand_upright);
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

/// An object is its scalars in one row, under their names; a single one stands beside its name.
fn collect_object(
    sections: &mut Vec<Section>,
    title: &str,
    object: &Map<String, Value>,
    indent: usize,
) {
    let (scalars, nested) = parted(object);
    let mut section = Section::new(title, indent);
    let names: Vec<String> = scalars.iter().map(|(name, _)| (*name).clone()).collect();
    let values: Vec<String> = scalars.iter().map(|(_, value)| scalar(value)).collect();
    match (names.as_slice(), values.as_slice()) {
        ([], _) => {}
        ([name], [value]) => section.rows.push(vec![name.clone(), value.clone()]),
        _ => {
            section.headers = names;
            section.rows.push(values);
        }
    }
    sections.push(section);
    for (name, value) in nested {
        collect(sections, name, value, indent + 1);
    }
}

/// A list of scalars is a row each; of a list of objects each is a section.
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

    /// Turns the only row below its headers into a row for each name and value.
    fn stand_upright(&mut self) {
        if self.headers.is_empty() || self.rows.len() != 1 {
            return;
        }
        let values = self.rows.remove(0);
        let names = std::mem::take(&mut self.headers);
        self.rows = names
            .into_iter()
            .zip(values)
            .map(|(name, value)| vec![name, value])
            .collect();
    }

    /// The width of the text in each column.
    fn columns(&self) -> Vec<usize> {
        let mut columns = Vec::new();
        for row in self.rows.iter().chain(Some(&self.headers)) {
            columns.resize(columns.len().max(row.len()), 0);
            for (column, cell) in columns.iter_mut().zip(row) {
                *column = (*column).max(text_width(cell));
            }
        }
        columns
    }

    fn width(&self) -> usize {
        let cells: usize = self.columns().iter().map(|column| column + PADDING).sum();
        (cells + 2).max(text_width(&self.title) + 2) + 2 * self.indent
    }

    fn write(&self, out: &mut String, width: usize) {
        let edge = "|".repeat(self.indent);
        let width = width - 2 * self.indent;
        let mut lines = vec![centred(&self.title, width, "|")];
        if self.rows.is_empty() {
            lines.push(format!("+{}+", "-".repeat(width - 2)));
        } else {
            self.push_rows(&mut lines, &shares(&self.columns(), width));
        }
        for line in lines {
            out.push_str(&format!("{edge}{line}{edge}\n"));
        }
    }

    fn push_rows(&self, lines: &mut Vec<String>, widths: &[usize]) {
        let rule = ruler(widths);
        if !self.headers.is_empty() {
            lines.push(rule.clone());
            lines.push(cells(&self.headers, widths, centred));
        }
        lines.push(rule.clone());
        lines.extend(self.rows.iter().map(|row| cells(row, widths, to_the_left)));
        lines.push(rule);
    }
}

/// The columns' shares of the whole width, in proportion to their text; roundings go to the outer columns.
fn shares(columns: &[usize], width: usize) -> Vec<usize> {
    let needed: usize = columns.iter().map(|column| column + PADDING).sum();
    let scale = width as f64 / needed as f64;
    let mut shares: Vec<usize> = columns
        .iter()
        .map(|column| (scale * (column + PADDING) as f64).round_ties_even() as usize)
        .collect();
    let mut sum: usize = shares.iter().sum();
    let count = shares.len();
    let mut turn = 0;
    while sum != width {
        if sum > width {
            shares[turn % count] -= 1;
            sum -= 1;
        } else {
            shares[count - 1 - turn % count] += 1;
            sum += 1;
        }
        turn += 1;
    }
    shares
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

/// The room between the borders: the first column has two of them, the others share the one on their left.
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

/// The blanks on the left are those that a cell with both edges would have, also where the left edge is missing.
fn centred(text: &str, width: usize, left_edge: &str) -> String {
    let blanks = width.saturating_sub(1 + left_edge.len() + text_width(text));
    let left = (width / 2)
        .saturating_sub(text_width(text) / 2 + 1)
        .min(blanks);
    let right = blanks - left;
    format!("{left_edge}{:left$}{text}{:right$}|", "", "")
}

fn to_the_left(text: &str, width: usize, left_edge: &str) -> String {
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
    fn a_wide_answer_stands_upright() {
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
    fn a_narrow_answer_lies_under_its_headers() {
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

    /// The expected text is that of version 1 of `aws`.
    #[test]
    fn boxes_stand_in_boxes() {
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

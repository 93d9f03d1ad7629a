use std::borrow::Cow;

use crate::output::table::width::text_width;

/// The spaces and the border beside the text of a cell, in columns.
const PADDING: usize = 4;

/// A part of a table with columns of its own.
pub(super) struct Section<'a> {
    title: Option<&'a str>,
    indent: usize,
    headers: Vec<&'a str>,
    rows: Vec<Vec<Cow<'a, str>>>,
    /// The width of the text in each column.
    text_widths: Vec<usize>,
}

impl<'a> Section<'a> {
    pub(super) fn new(title: Option<&'a str>, indent: usize) -> Self {
        Self {
            title,
            indent,
            headers: Vec::new(),
            rows: Vec::new(),
            text_widths: Vec::new(),
        }
    }

    pub(super) fn set_headers(&mut self, names: Vec<&'a str>) {
        self.make_room(&names);
        self.headers = names;
    }

    pub(super) fn add_row(&mut self, cells: Vec<Cow<'a, str>>) {
        self.make_room(&cells);
        self.rows.push(cells);
    }

    /// Turns a single row below headers into a row for each name and value.
    pub(super) fn into_name_value_rows(self) -> Self {
        if self.headers.is_empty() || self.rows.len() != 1 {
            return self;
        }
        let mut section = Self::new(self.title, self.indent);
        let values = self.rows.into_iter().flatten();
        for (name, value) in self.headers.into_iter().zip(values) {
            section.add_row(vec![Cow::Borrowed(name), value]);
        }
        section
    }

    /// Returns the width of the section with its borders.
    pub(super) fn width(&self) -> usize {
        let cells: usize = self.text_widths.iter().map(|width| width + PADDING).sum();
        // aws measures the word "None" then.
        let title = self.title.map_or(4, text_width);
        cells.max(title) + 2 + 2 * self.indent
    }

    pub(super) fn write(&self, out: &mut String, width: usize) {
        let edge = "|".repeat(self.indent);
        let inside = width - 2 * self.indent;
        let mut lines = Vec::new();
        if let Some(title) = self.title.filter(|title| !title.is_empty()) {
            lines.push(centered(title, inside, "|"));
            if self.headers.is_empty() && self.rows.is_empty() {
                lines.push(format!("+{}+", "-".repeat(inside.saturating_sub(2))));
            }
        }
        if !self.text_widths.is_empty() {
            self.push_rows(&mut lines, &column_widths(&self.text_widths, inside));
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
        if !self.rows.is_empty() {
            lines.push(rule.clone());
            lines.extend(self.rows.iter().map(|row| cells(row, widths, left_aligned)));
            lines.push(rule);
        }
    }

    fn make_room(&mut self, cells: &[impl AsRef<str>]) {
        let columns = self.text_widths.len().max(cells.len());
        self.text_widths.resize(columns, 0);
        for (column, cell) in self.text_widths.iter_mut().zip(cells) {
            *column = (*column).max(text_width(cell.as_ref()));
        }
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

fn cells(
    row: &[impl AsRef<str>],
    widths: &[usize],
    place: fn(&str, usize, &str) -> String,
) -> String {
    row.iter()
        .zip(widths)
        .enumerate()
        .map(|(index, (cell, width))| {
            place(cell.as_ref(), *width, if index == 0 { "|" } else { "" })
        })
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

/// A cell that rounding made too narrow has no space on the left.
fn left_aligned(text: &str, width: usize, left_edge: &str) -> String {
    let rest = width.saturating_sub(1 + left_edge.len() + text_width(text));
    let left = if rest >= 2 { 2 } else { 0 };
    format!(
        "{left_edge}{:left$}{text}{:right$}|",
        "",
        "",
        right = rest - left
    )
}

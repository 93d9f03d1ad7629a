//! How strings are written: plain, in single or in double quotes, folded at 80 columns.

use crate::output::yaml::{
    Writer,
    plain::{is_plain, needs_escape},
};

/// The column after which a line is folded.
const WIDTH: usize = 80;

impl Writer {
    /// Writes a string. Lines after the first have the indent `fold`. Without one, as for a name,
    /// the text stays on one line.
    pub(super) fn text(&mut self, text: &str, fold: Option<usize>) {
        if is_plain(text) {
            self.plain(text, fold);
        } else if text.contains('\'') || text.contains(needs_escape) {
            self.double_quoted(text, fold);
        } else {
            self.single_quoted(text, fold);
        }
    }

    /// Writes words with their spaces. A word that would cross the last column starts a line, and a
    /// single space beyond it becomes the fold.
    pub(super) fn plain(&mut self, text: &str, fold: Option<usize>) {
        for run in runs(text) {
            let length = run.chars().count();
            let is_over = self.column + length > WIDTH;
            match fold {
                Some(_) if run == " " && !is_over => self.push(run),
                Some(indent) if run == " " => self.new_line(indent),
                Some(indent) if !run.starts_with(' ') && is_over && self.column > indent => {
                    self.new_line(indent);
                    self.push(run);
                }
                _ => self.push(run),
            }
        }
    }

    /// Writes a text in single quotes. A single space beyond the last column becomes a fold.
    fn single_quoted(&mut self, text: &str, fold: Option<usize>) {
        self.push("'");
        let mut start = 0;
        for run in runs(text) {
            let end = start + run.len();
            let is_over = self.column > WIDTH && start > 0 && end < text.len();
            match fold {
                Some(indent) if run == " " && is_over => self.new_line(indent),
                _ => self.push(run),
            }
            start = end;
        }
        self.push("'");
    }

    /// Writes a text in double quotes, with escapes. A fold at a space keeps the space by a
    /// backslash, unless the line end can stand for it.
    fn double_quoted(&mut self, text: &str, fold: Option<usize>) {
        let chars: Vec<char> = text.chars().collect();
        self.push("\"");
        let mut after_escape = false;
        for (index, &c) in chars.iter().enumerate() {
            let is_escape = needs_escape(c) || matches!(c, '"' | '\\');
            if is_escape {
                self.push(&escaped(c));
            }
            let is_within = index > 0 && index + 1 < chars.len();
            let is_over = self.column - usize::from(is_escape) > WIDTH;
            let may_fold = is_within && is_over && (c == ' ' || is_escape || after_escape);
            let mut is_written = is_escape;
            if let Some(indent) = fold.filter(|_| may_fold) {
                let is_plain = !is_escape && !after_escape && stands_for_space(&chars, index);
                let next = if is_escape { chars[index + 1] } else { c };
                self.push(if is_plain { "" } else { "\\" });
                self.new_line(indent);
                self.push(if next == ' ' && !is_plain { "\\" } else { "" });
                is_written |= is_plain;
            }
            if !is_written {
                self.push(c.encode_utf8(&mut [0; 4]));
            }
            after_escape = is_escape;
        }
        self.push("\"");
    }
}

/// Returns true if a line end may be written for the space at `index`: the word after it has no
/// quotes, and neither that word nor the space is beside another space or a line end.
fn stands_for_space(chars: &[char], index: usize) -> bool {
    let Some(space) = position(chars, ' ', index, chars.len()) else {
        return false;
    };
    let end = position(chars, '\n', index, space).unwrap_or(space);
    let Some(next) = chars.get(end + 1) else {
        return false;
    };
    if chars[end] == '\n' && *next != ' ' {
        return false;
    }
    let has_quote = chars[index..end].iter().any(|c| matches!(c, '"' | '\''));
    let is_double = chars[index - 1] == ' ' && chars[index] == ' ';
    !has_quote && !matches!(next, ' ' | '\n') && !is_double
}

fn position(chars: &[char], wanted: char, from: usize, to: usize) -> Option<usize> {
    let found = chars.get(from..to)?.iter().position(|&c| c == wanted)?;
    Some(from + found)
}

/// Splits a text into runs of spaces and of everything else.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_space = rest.chars().next()? == ' ';
        let end = rest.find(|c| (c == ' ') != is_space);
        let run;
        (run, rest) = rest.split_at(end.unwrap_or(rest.len()));
        Some(run)
    })
}

fn escaped(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' | '\\' => c,
        '\u{85}' => 'N',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = u32::from(c);
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}

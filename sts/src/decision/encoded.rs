use std::{borrow::Cow, collections::HashSet};

use keyfob_sigv4::is_printable;

use crate::text::percent_decoded;

/// The text before an encoded message, without its spaces: terminals break lines anywhere.
const MARK: &str = "encodedauthorizationfailuremessage";

/// The length in characters from which a word without the mark counts. Real messages have hundreds
/// of characters, and request ids and ARNs have fewer letters in a row.
const SHORTEST_UNMARKED: usize = 100;

/// The length in characters from which a line is no word of a language.
const LONGEST_WORD: usize = 16;

/// Finds the encoded messages in an error, in their order, each once.
///
/// The error may be pasted from anywhere: from an SDK, the AWS CLI, Terraform or a log, with text
/// around the message, in quotes, with bars at the side of each line, and with lines that a
/// terminal or a mail program broke. A message that stands alone is found too.
///
/// # Examples
///
/// ```
/// use keyfob_sts::decision::encoded_messages;
///
/// let error = "│ Error: UnauthorizedOperation: You are not authorized. Encoded authorization
///              │ failure message: E9Y8hKZz0qH-4GIOHlTkIaWHQD0Q0m_x
///              │ \tstatus code: 403, request id: 1550870c-6e0b-4fac-ba19-1da46fef7f17";
/// assert_eq!(encoded_messages(error), ["E9Y8hKZz0qH-4GIOHlTkIaWHQD0Q0m_x"]);
/// assert_eq!(encoded_messages("E9Y8hKZz0qH"), ["E9Y8hKZz0qH"]);
/// ```
pub fn encoded_messages(text: &str) -> Vec<String> {
    let text = with_line_ends(text);
    let lines = Line::all(&text);
    let mut messages = marked(&lines);
    if messages.is_empty() {
        messages = marked(&Line::all(&percent_decoded(&text)));
    }
    if messages.is_empty() {
        messages.extend(alone(&lines).or_else(|| longest(&lines)));
    }
    let mut known = HashSet::new();
    messages.retain(|message| known.insert(message.clone()));
    messages
}

/// A line without what terminals and mail programs put at its sides.
struct Line {
    text: String,
    /// The length in characters before anything was removed but line ends.
    width: usize,
}

impl Line {
    fn all(text: &str) -> Vec<Self> {
        text.lines().map(Self::new).collect()
    }

    fn new(line: &str) -> Self {
        let line = without_colors(line);
        let is_side = |char: char| char.is_whitespace() || "│┃║|>".contains(char);
        Self {
            text: line.trim_matches(is_side).to_owned(),
            width: line.trim_end().chars().count(),
        }
    }

    fn is_encoded(&self) -> bool {
        !self.text.is_empty() && self.text.bytes().all(is_encoded)
    }

    /// Returns true for what could be a word of a language, such as `Done`.
    fn is_word(&self) -> bool {
        let rest = self.text.get(1..).unwrap_or_default();
        self.text.len() < LONGEST_WORD
            && self
                .text
                .starts_with(|char: char| char.is_ascii_alphabetic())
            && rest.bytes().all(|byte| byte.is_ascii_lowercase())
    }
}

/// Replaces escaped line ends, as JSON has them, by line ends. In such a text, quotes end a line,
/// too.
fn with_line_ends(text: &str) -> Cow<'_, str> {
    if !text.contains(r"\n") {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '"', '\'']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        rest = found.trim_start_matches('\\');
        let Some(char) = rest.chars().next() else {
            break;
        };
        let is_escaped = rest.len() < found.len();
        out.push_str(match char {
            'n' if is_escaped => "\n",
            'r' if is_escaped => "\r",
            't' if is_escaped => "\t",
            '"' | '\'' => "\n",
            _ => {
                out.push('\\');
                continue;
            }
        });
        rest = &rest[1..];
    }
    out.push_str(rest);
    out.into()
}

/// Returns true for the characters of an encoded message, which is Base64 for URLs.
fn is_encoded(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Removes the sequences that color a terminal, and characters that are not shown.
fn without_colors(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' && chars.next_if_eq(&'[').is_some() {
            while chars.next().is_some_and(|char| !char.is_ascii_alphabetic()) {}
        } else if char == '\t' || is_printable(char) {
            shown.push(char);
        }
    }
    shown
}

/// Returns what follows each mark.
fn marked(lines: &[Line]) -> Vec<String> {
    let mut messages = Vec::new();
    let mut place = Some((0, 0));
    while let Some(after) = place.and_then(|place| after_mark(lines, place)) {
        let (message, end) = read(lines, after);
        messages.extend(message);
        place = Some(end);
    }
    messages
}

/// Returns the place after the next mark: the line, and the byte in it.
fn after_mark(lines: &[Line], (line, at): (usize, usize)) -> Option<(usize, usize)> {
    let mut matched = 0;
    for (number, Line { text, .. }) in lines.iter().enumerate().skip(line) {
        let start = if number == line { at } else { 0 };
        for (index, char) in text[start..].char_indices() {
            if char.is_whitespace() {
                continue;
            }
            let is_next = |matched: usize| {
                let expected = MARK.as_bytes().get(matched).copied().map(char::from);
                expected == Some(char.to_ascii_lowercase())
            };
            if is_next(matched) {
                matched += 1;
            } else {
                matched = usize::from(is_next(0));
            }
            if matched == MARK.len() {
                return Some((number, start + index + char.len_utf8()));
            }
        }
    }
    None
}

/// Reads the message after a mark. Returns it with the place after it.
fn read(lines: &[Line], (line, at): (usize, usize)) -> (Option<String>, (usize, usize)) {
    let is_between =
        |char: char| char.is_whitespace() || matches!(char, ':' | '=' | '"' | '\'' | '`' | '\\');
    let mut place = (line, at);
    loop {
        let Some(Line { text, .. }) = lines.get(place.0) else {
            return (None, place);
        };
        let rest = text[place.1..].trim_start_matches(is_between);
        if rest.is_empty() && place.0 <= line + 1 {
            place = (place.0 + 1, 0);
            continue;
        }
        let length = rest.bytes().take_while(|&byte| is_encoded(byte)).count();
        if length == 0 {
            return (None, (place.0, text.len() - rest.len()));
        }
        let mut message = rest[..length].to_owned();
        let end = (place.0, text.len() - rest.len() + length);
        if end.1 < text.len() {
            return (Some(message), end);
        }
        let next = append_broken(lines, place.0, &mut message);
        return (Some(message), (next, 0));
    }
}

/// Appends the lines that continue a message. Returns the number of the first line that does not.
fn append_broken(lines: &[Line], line: usize, message: &mut String) -> usize {
    let mut next = line + 1;
    while let (Some(previous), Some(current)) = (lines.get(next - 1), lines.get(next)) {
        // Lines are broken at one width, so only the last one is shorter.
        let is_broken = current.is_encoded() && current.width <= previous.width;
        let is_same_width = next >= 2 && lines[next - 2].width == previous.width;
        if !is_broken || (current.is_word() && !is_same_width) {
            break;
        }
        message.push_str(&current.text);
        next += 1;
    }
    next
}

/// Returns the text if it is nothing but a message.
fn alone(lines: &[Line]) -> Option<String> {
    let quotes = |char: char| matches!(char, '"' | '\'' | '`');
    let text: String = lines.iter().map(|line| line.text.as_str()).collect();
    let text = text.trim_matches(quotes);
    (!text.is_empty() && text.bytes().all(is_encoded)).then(|| text.to_owned())
}

/// Returns the longest message that no mark announces.
fn longest(lines: &[Line]) -> Option<String> {
    let mut longest = String::new();
    let mut number = 0;
    while let Some(line) = lines.get(number) {
        let mut words = line
            .text
            .split(|char: char| !char.is_ascii() || !is_encoded(char as u8));
        let last = words.next_back().unwrap_or_default();
        let mut message = last.to_owned();
        number = append_broken(lines, number, &mut message);
        for word in words.chain([message.as_str()]) {
            if word.len() > longest.len() {
                longest = word.to_owned();
            }
        }
    }
    (longest.len() >= SHORTEST_UNMARKED).then_some(longest)
}

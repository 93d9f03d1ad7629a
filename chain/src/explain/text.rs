use std::{fmt, fmt::Write as _, path::Path, time::Duration};

use keyfob_sigv4::{Timestamp, printable};

use super::{
    Explanation,
    attempt::{Attempt, Verdict},
};
use crate::{
    finding::{Finding, FindingKind, Severity},
    origin::Origin,
};

/// From here on, a row tells how long its provider took.
const SLOW: Duration = Duration::from_millis(500);

/// The least number of columns that text is wrapped at.
const LEAST_ROOM: usize = 20;

/// How [`Explanation::styled_text`] looks.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Chain, TextPart, TextStyle};
/// use keyfob_sigv4::Timestamp;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let now = Timestamp::now();
/// let explanation = Chain::new().explain(now).await.explanation;
/// let red = |part: TextPart, text: &str| match part {
///     TextPart::Failed => format!("\u{1b}[31m{text}\u{1b}[0m"),
///     _ => text.to_owned(),
/// };
/// let style = TextStyle::default().with_width(80).with_paint(&red);
/// assert_eq!(explanation.styled_text(now, &style), "credentials: none\n");
/// # });
/// ```
#[derive(Clone, Copy, Default)]
pub struct TextStyle<'a> {
    home: Option<&'a Path>,
    width: Option<usize>,
    paint: Option<&'a Paint<'a>>,
    has_error_below: bool,
}

type Paint<'a> = dyn Fn(TextPart, &str) -> String + 'a;

/// A part of the text that a program may color.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextPart {
    /// A line with no meaning of its own.
    Plain,
    /// The row of the credentials in use.
    Winner,
    /// The row of a provider that failed.
    Failed,
    /// The row of a masked provider, and warnings.
    Warning,
}

impl<'a> TextStyle<'a> {
    /// Writes paths below this folder with `~`.
    #[must_use]
    pub fn with_home(mut self, home: Option<&'a Path>) -> Self {
        self.home = home;
        self
    }

    /// Wraps long lines at this number of columns. Command lines are never wrapped, so that they
    /// can be copied. Without it, nothing is wrapped.
    #[must_use]
    pub fn with_width(mut self, columns: usize) -> Self {
        self.width = Some(columns);
        self
    }

    /// Colors the lines of the text. The function gets each line, without its end, and returns it
    /// with the codes around it.
    #[must_use]
    pub fn with_paint(mut self, paint: &'a dyn Fn(TextPart, &str) -> String) -> Self {
        self.paint = Some(paint);
        self
    }

    /// Leaves out the reason of the provider that failed if it is the error of the chain, which the
    /// program prints below.
    #[must_use]
    pub fn with_error_below(mut self) -> Self {
        self.has_error_below = true;
        self
    }

    /// Writes text after a start, wrapped at spaces; further lines are indented by the width of the
    /// start. Every line is colored by itself.
    fn write(&self, out: &mut String, start: &str, text: &str, part: Option<TextPart>) {
        let text = &printable(text);
        let indent = width(start);
        let room = self.width.map_or(usize::MAX, |width| {
            width.saturating_sub(indent).max(LEAST_ROOM)
        });
        let mut line = start.to_owned();
        let mut used = 0;
        for word in text.split(' ') {
            let length = width(word);
            if used > 0 && used + 1 + length > room {
                self.write_line(out, &line, part);
                line = " ".repeat(indent);
                used = 0;
            }
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
        }
        self.write_line(out, &line, part);
    }

    fn write_line(&self, out: &mut String, line: &str, part: Option<TextPart>) {
        let line = &printable(line);
        let line = line.trim_end();
        match self.paint {
            Some(paint) => out.push_str(&paint(part.unwrap_or(TextPart::Plain), line)),
            None => out.push_str(line),
        }
        out.push('\n');
    }
}

impl fmt::Debug for TextStyle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextStyle")
            .field("home", &self.home)
            .field("width", &self.width)
            .field("paint", &self.paint.is_some())
            .field("has_error_below", &self.has_error_below)
            .finish()
    }
}

impl Explanation {
    /// Renders the explanation for people, in a few lines.
    ///
    /// `now` is for the time left until the credentials expire. Paths below `home` start with `~`.
    ///
    /// ```text
    /// credentials: environment variables (key AKIDEXAMPLE, no expiry)   region: eu-west-1 (…)
    /// > 1 environment variables  used         AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
    ///   2 web identity                        AWS_WEB_IDENTITY_TOKEN_FILE is not set
    ///   3 profile "default"                   no file has it
    ///   4 container                           AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set
    ///   5 instance metadata      masked by 1  role "app-prod" answers (IMDSv2)
    /// why: the chain asks environment variables before the role "app-prod"
    /// to use the role "app-prod":  env -u AWS_ACCESS_KEY_ID … COMMAND
    /// ```
    pub fn text(&self, now: Timestamp, home: Option<&Path>) -> String {
        self.styled_text(now, &TextStyle::default().with_home(home))
    }

    /// Does the same as [`text`](Self::text), in a style.
    pub fn styled_text(&self, now: Timestamp, style: &TextStyle<'_>) -> String {
        let mut out = String::new();
        let headline = self.headline(now, style.home);
        style.write(&mut out, "credentials: ", &headline, None);
        if let Some((url, origin)) = &self.endpoint {
            let origin = origin.text(style.home);
            style.write(&mut out, "endpoint: ", &format!("{url} ({origin})"), None);
        }
        let attempts = || self.attempts.iter();
        let name_width = attempts()
            .map(|attempt| width(&printable(&attempt.provider)))
            .max();
        let name_width = name_width.unwrap_or_default();
        let results: Vec<_> = attempts().map(Attempt::result).collect();
        let result_width = results.iter().map(|result| width(result)).max();
        let result_width = result_width.unwrap_or_default();
        for (attempt, result) in attempts().zip(&results) {
            let (mark, part) = match attempt.verdict {
                Verdict::Used => ('>', Some(TextPart::Winner)),
                Verdict::Failed => (' ', Some(TextPart::Failed)),
                Verdict::Masked | Verdict::Ignored => (' ', Some(TextPart::Warning)),
                _ => (' ', None),
            };
            let provider = padded(&printable(&attempt.provider), name_width);
            let mut start = format!("{mark}{:>2} {provider}  ", attempt.number);
            if result_width > 0 {
                start += &format!("{result:<result_width$}  ");
            }
            let is_error = attempt.reason.is_some() && attempt.reason == self.error;
            let mut text = if style.has_error_below && is_error {
                "the error below says why".to_owned()
            } else {
                attempt.origin_or_reason(style.home)
            };
            if let Some(elapsed) = attempt.elapsed.filter(|elapsed| *elapsed >= SLOW) {
                // Writing to a string cannot fail.
                _ = write!(text, " (took {:.1} s)", elapsed.as_secs_f64());
            }
            // On a narrow terminal, the rest stands below.
            let longest = text.split(' ').map(width).max().unwrap_or_default();
            let least = width(&start) + longest.max(LEAST_ROOM);
            if style.width.is_some_and(|columns| columns < least) {
                style.write_line(&mut out, &start, part);
                start = " ".repeat(4);
            }
            style.write(&mut out, &start, &text, part);
        }
        self.write_findings(&mut out, style);
        out
    }

    fn headline(&self, now: Timestamp, home: Option<&Path>) -> String {
        let mut text = match self.winner() {
            Some(winner) => format!("{}{}", winner.provider, winner.key(now)),
            None => "none".to_owned(),
        };
        if let Some(region) = &self.region {
            let origin = region.origin().text(home);
            // Writing to a string cannot fail.
            _ = write!(text, "   region: {region} ({origin})");
        }
        text
    }

    fn write_findings(&self, out: &mut String, style: &TextStyle<'_>) {
        let is_mask = |finding: &&Finding| finding.kind == FindingKind::Masked;
        let masks = self.findings.iter().filter(is_mask);
        // The reason is the same for all of them, except for those whose row has one of its own.
        let mut reasons = masks.clone().filter(|mask| {
            let attempt = mask.number.and_then(|number| self.attempt(number));
            attempt.is_none_or(|attempt| attempt.reason.is_none())
        });
        if let Some(first) = reasons.next() {
            style.write(out, "why: ", &first.text, None);
        }
        for mask in masks {
            let attempt = mask.number.and_then(|number| self.attempt(number));
            if let (Some(attempt), Some(cure)) = (attempt, &mask.cure) {
                let line = format!("to use {}:  {cure}", attempt.subject());
                style.write_line(out, &line, None);
            }
        }
        for finding in &self.findings {
            let (start, part) = match finding.severity {
                _ if finding.kind == FindingKind::Masked => continue,
                Severity::Note => ("note: ", None),
                Severity::Warning => ("warning: ", Some(TextPart::Warning)),
                Severity::Error => ("error: ", Some(TextPart::Failed)),
            };
            style.write(out, start, &finding.line(style.home), part);
            if let Some(cure) = &finding.cure {
                style.write_line(out, &format!("  cure:  {cure}"), None);
            }
        }
    }
}

impl Attempt {
    /// Returns what the user would use instead: the role rather than the service it comes from.
    pub(super) fn subject(&self) -> String {
        match &self.origin {
            Some(Origin::InstanceMetadata { role: Some(role) }) => {
                format!("the role \"{role}\"")
            }
            _ => self.provider.clone(),
        }
    }

    /// Returns where the credentials come from, or why there are none.
    pub(super) fn origin_or_reason(&self, home: Option<&Path>) -> String {
        // What stands aside has both.
        let Some(origin) = self.origin.as_ref().filter(|_| self.reason.is_none()) else {
            return self.reason.clone().unwrap_or_default();
        };
        match (origin, &self.key_id) {
            (Origin::InstanceMetadata { role: Some(role) }, None) => {
                format!("role \"{role}\" answers (IMDSv2)")
            }
            (_, Some(key)) if self.is_passed_over() => {
                format!("{}, key {key}", origin.text(home))
            }
            _ => origin.text(home),
        }
    }

    pub(super) fn result(&self) -> String {
        match (self.verdict, self.masked_by) {
            (Verdict::Used, _) => "used".to_owned(),
            (Verdict::Masked, Some(by)) => format!("masked by {by}"),
            (Verdict::Masked, None) => "masked".to_owned(),
            (Verdict::Ignored, _) => "ignored".to_owned(),
            (Verdict::Failed, _) => "failed".to_owned(),
            (Verdict::NotAsked, _) => "not asked".to_owned(),
            (Verdict::NotConfigured, _) => String::new(),
        }
    }

    /// Returns ` (key AKIDEXAMPLE, 59 min left)`. A session always ends, so for one whose end is
    /// not known this never says that there is none.
    pub(super) fn key(&self, now: Timestamp) -> String {
        let Some(key) = &self.key_id else {
            return String::new();
        };
        let end = match self.time_left(now) {
            Some(_) if self.expiry <= Some(now) => "expired".to_owned(),
            Some(left) => format!("{left} left"),
            None if self.long_lived == Some(true) => "no expiry".to_owned(),
            None => "end unknown".to_owned(),
        };
        format!(" (key {key}, {end})")
    }
}

/// Returns the width of a text in columns.
fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// Returns the columns of a character on a terminal: the letters of East Asia and emoji have two,
/// and the marks that stand above another one have none.
///
/// Source: blocks of Unicode that are wide throughout in `EastAsianWidth.txt`.
fn columns(char: char) -> usize {
    match u32::from(char) {
        0x0300..=0x036f => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Adds spaces to this width.
fn padded(text: &str, columns: usize) -> String {
    let spaces = columns.saturating_sub(width(text));
    format!("{text}{:spaces$}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_take_two_columns() {
        for (text, columns) in [
            ("abc", 3),
            ("日本語", 6),
            ("e\u{301}", 1),
            ("한", 2),
            ("é", 1),
        ] {
            assert_eq!(width(text), columns, "{text}");
        }
        assert_eq!(padded("日本", 6), "日本  ");
        assert_eq!(padded("abc", 2), "abc");
    }
}

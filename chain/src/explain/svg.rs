use std::{fmt::Write as _, path::Path};

use keyfob_sigv4::{Timestamp, is_printable, printable};

use super::{Attempt, Explanation, Verdict};

/// The width of the picture, of the boxes, and of a character, in pixels.
const WIDTH: usize = 860;
const BOX: usize = 760;
const CHARACTER: usize = 8;
const LINE: usize = 18;
const MARGIN: usize = 16;
/// The characters of a line, and the lines of a text at most.
const COLUMNS: usize = (BOX - 3 * MARGIN) / CHARACTER;
const LINES: usize = 4;
/// The characters of a name.
const NAME: usize = 60;

/// The head of a picture. All looks are in attributes, so that no style of a page changes them.
const HEAD: &str = "\
<defs><marker id=\"head\" markerWidth=\"10\" markerHeight=\"8\" refX=\"9\" refY=\"4\" \
orient=\"auto\"><path d=\"M0,0 L10,4 L0,8 z\"/></marker></defs>
";

impl Explanation {
    /// Draws the explanation as a picture in SVG, for a ticket or a wiki.
    ///
    /// Each provider is a box, in the order of the chain, with what it answered. The box of the
    /// credentials in use has a thick border, and arrows lead from it to those that it masks; one
    /// that failed has a dotted border, and one that is masked a dashed one. So it can be read
    /// without colors. The profile, the region and the endpoint are above the boxes.
    ///
    /// The text has no script, no link and no font of its own, and everything in it is escaped.
    /// Long names and reasons are cut. `now` is for the time left; paths below `home` start with
    /// `~`.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, EnvironmentProvider, Settings, Variables};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let variables = Variables::from_iter([
    ///     ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ///     ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    /// ]);
    /// let now = Timestamp::now();
    /// let chain = Chain::new().then(EnvironmentProvider::new(Settings::load(variables)));
    /// let picture = chain.explain(now).await.explanation.svg(now, None);
    /// assert!(picture.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    /// assert!(picture.contains(">1 environment variables</text>"));
    /// # });
    /// ```
    pub fn svg(&self, now: Timestamp, home: Option<&Path>) -> String {
        let mut picture = Picture::default();
        let heads = self.heads(now, home);
        for (at, head) in heads.iter().enumerate() {
            picture.line(
                MARGIN,
                head,
                if at == 0 { Weight::Bold } else { Weight::Plain },
            );
        }
        picture.y += MARGIN / 2;
        let places: Vec<_> = self
            .attempts
            .iter()
            .map(|attempt| picture.attempt(attempt, home))
            .collect();
        for (attempt, place) in self.attempts.iter().zip(&places) {
            let by = attempt
                .masked_by
                .and_then(|by| places.get(by.checked_sub(1)?));
            if let (true, Some(by)) = (attempt.is_passed_over(), by) {
                picture.arrow(*by, *place, attempt.number);
            }
        }
        picture.finish(&heads.join("; "))
    }

    /// Returns the lines above the boxes.
    fn heads(&self, now: Timestamp, home: Option<&Path>) -> Vec<String> {
        let mut heads = vec![match self.winner() {
            Some(winner) => format!("credentials: {}{}", winner.provider, winner.key(now)),
            None => "credentials: none".to_owned(),
        }];
        if let Some((name, origin)) = &self.profile {
            heads.push(format!("profile: {name} ({})", origin.text(home)));
        }
        if let Some(region) = &self.region {
            heads.push(format!("region: {region} ({})", region.origin().text(home)));
        }
        if let Some((url, origin)) = &self.endpoint {
            heads.push(format!("endpoint: {url} ({})", origin.text(home)));
        }
        heads
    }
}

#[derive(Clone, Copy)]
enum Weight {
    Plain,
    Bold,
}

/// The elements so far, and the place for the next one.
#[derive(Default)]
struct Picture {
    elements: String,
    y: usize,
}

impl Picture {
    /// Writes a text in as many lines as it needs.
    fn line(&mut self, x: usize, text: &str, weight: Weight) {
        for line in wrapped(&printable(text)) {
            self.y += LINE;
            self.text(x, self.y, &line, weight, "start");
        }
    }

    fn text(&mut self, x: usize, y: usize, text: &str, weight: Weight, anchor: &str) {
        let weight = match weight {
            Weight::Plain => "normal",
            Weight::Bold => "bold",
        };
        // Writing to a string cannot fail.
        _ = writeln!(
            self.elements,
            "<text x=\"{x}\" y=\"{y}\" font-weight=\"{weight}\" text-anchor=\"{anchor}\">{}</text>",
            escaped(text)
        );
    }

    /// Draws the box of a provider. Returns the place of its middle.
    fn attempt(&mut self, attempt: &Attempt, home: Option<&Path>) -> usize {
        let top = self.y;
        let weight = match attempt.verdict {
            Verdict::Used | Verdict::Failed => Weight::Bold,
            _ => Weight::Plain,
        };
        self.y += LINE + 4;
        let (name, result) = (cut(&printable(&attempt.provider), NAME), attempt.result());
        let name = format!("{} {name}", attempt.number);
        self.text(2 * MARGIN, self.y, &name, weight, "start");
        if !result.is_empty() {
            self.text(BOX, self.y, &result, weight, "end");
        }
        let text = attempt.origin_or_reason(home);
        if !text.is_empty() {
            self.line(2 * MARGIN, &text, Weight::Plain);
        }
        self.y += 10;
        let height = self.y - top;
        let border = match attempt.verdict {
            Verdict::Used => "stroke-width=\"4\"",
            Verdict::Failed => "stroke-width=\"3\" stroke-dasharray=\"2 4\"",
            Verdict::Masked | Verdict::Ignored => "stroke-width=\"2\" stroke-dasharray=\"8 4\"",
            _ => "stroke-width=\"1\" stroke-opacity=\"0.5\"",
        };
        _ = writeln!(
            self.elements,
            "<rect x=\"{MARGIN}\" y=\"{top}\" width=\"{BOX}\" height=\"{height}\" rx=\"6\" \
             fill=\"none\" stroke=\"#000\" {border}/>"
        );
        self.y += MARGIN;
        top + height / 2
    }

    /// Draws an arrow beside the boxes. Each has a line of its own.
    fn arrow(&mut self, from: usize, to: usize, number: usize) {
        let edge = MARGIN + BOX;
        let out = (edge + MARGIN + number * 6).min(WIDTH - 4);
        _ = writeln!(
            self.elements,
            "<path d=\"M{edge},{from} H{out} V{to} H{}\" fill=\"none\" stroke=\"#000\" \
             stroke-width=\"1.5\" marker-end=\"url(#head)\"/>",
            edge + 2
        );
    }

    fn finish(self, title: &str) -> String {
        let height = self.y + MARGIN;
        let title = escaped(&cut(title, NAME * 4));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" font-family=\"monospace\" \
             font-size=\"13\" fill=\"#000\">\n\
             <title>{title}</title>\n{HEAD}\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n{}</svg>\n",
            self.elements
        )
    }
}

/// Returns the lines of a text, the last of which ends with `…` if there are too many.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    // More than this is cut in any case.
    for word in cut(text, COLUMNS * LINES).split(' ') {
        let length: usize = word.chars().map(columns).sum();
        if used > 0 && used + 1 + length > COLUMNS {
            lines.push(String::new());
            used = 0;
        }
        let separator = if used > 0 { " " } else { "" };
        for char in separator.chars().chain(word.chars()) {
            if used + columns(char) > COLUMNS {
                lines.push(String::new());
                used = 0;
            }
            used += columns(char);
            if let Some(line) = lines.last_mut() {
                line.push(char);
            }
        }
    }
    if lines.len() > LINES {
        lines.truncate(LINES);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    lines
}

/// Returns at most that number of characters, the last one `…` if some are left out.
fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns how many places of a line a character may need.
fn columns(char: char) -> usize {
    match char {
        '\u{0}'..='\u{10ff}' => 1,
        _ => 2,
    }
}

/// Escapes a text for XML. A character that a document cannot have, or that steers how others are
/// shown, is written as `\u{1b}`; so no text can end an element early.
///
/// Source: XML 1.0, section 2.2.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => _ = write!(out, "{}", char.escape_unicode()),
            char if is_printable(char) => out.push(char),
            char => _ = write!(out, "{}", char.escape_unicode()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_wide_as_the_box_and_not_too_many() {
        let long = "x".repeat(10_000);
        for text in [long.as_str(), &"word ".repeat(2_000), &"漢".repeat(500)] {
            let lines = wrapped(text);
            assert_eq!(lines.len(), LINES);
            let width = |line: &String| line.chars().map(columns).sum::<usize>();
            assert!(lines.iter().all(|line| width(line) <= COLUMNS + 2));
            assert!(lines[LINES - 1].ends_with('…'), "{lines:?}");
        }
        assert_eq!(wrapped("a  b"), ["a  b"]);
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(
            escaped("<a b=\"&\">\u{1b}\u{202e}\u{ffff}"),
            "&lt;a b=&quot;&amp;&quot;&gt;\\u{1b}\\u{202e}\\u{ffff}"
        );
    }
}

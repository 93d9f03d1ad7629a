//! The explanation as people read it on a terminal.

use std::{fmt::Write as _, path::Path};

use keyfob_sigv4::Timestamp;

use crate::{
    explanation::{Explanation, Row, Verdict},
    origin::Origin,
};

impl Explanation {
    /// The explanation for people, a few lines that end with a line end.
    ///
    /// `now` says how long the credentials still last; paths below `home` are written with `~`.
    ///
    /// ```text
    /// credentials: environment variables (key …MPLE, no expiry)   region: eu-west-1 (AWS_REGION)
    /// > 1 environment variables  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY  used
    ///   2 web identity           AWS_WEB_IDENTITY_TOKEN_FILE is not set
    ///   3 profile "default"      no file has it
    ///   4 container              AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set
    ///   5 instance metadata      role "app-prod" answers (IMDSv2)          masked by 1
    /// why: the chain asks environment variables before the role "app-prod"
    /// to use the role "app-prod":  env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN COMMAND
    /// ```
    pub fn text(&self, now: Timestamp, home: Option<&Path>) -> String {
        let mut text = self.headline(now, home);
        let facts: Vec<_> = self.rows.iter().map(|row| row.fact(home)).collect();
        let name_width = width(self.rows.iter().map(|row| row.provider.as_str()));
        let with_verdict = self.rows.iter().zip(&facts);
        let with_verdict = with_verdict.filter(|(row, _)| !row.result().is_empty());
        let fact_width = width(with_verdict.map(|(_, fact)| fact.as_str()));
        for (row, fact) in self.rows.iter().zip(&facts) {
            let mark = if row.verdict == Verdict::Used {
                '>'
            } else {
                ' '
            };
            let line = format!(
                "{mark}{:>2} {:<name_width$}  {fact:<fact_width$}  {}",
                row.number,
                row.provider,
                row.result(),
            );
            text.push_str(line.trim_end());
            text.push('\n');
        }
        self.write_advice(&mut text);
        text
    }

    fn headline(&self, now: Timestamp, home: Option<&Path>) -> String {
        let mut text = match self.winner() {
            Some(row) => format!("credentials: {} ({})", row.provider, row.key(now)),
            None => "credentials: none".to_owned(),
        };
        if let Some(region) = &self.region {
            let origin = short(region.origin(), home);
            // Writing to a string cannot fail.
            _ = write!(text, "   region: {region} ({origin})");
        }
        text + "\n"
    }

    fn write_advice(&self, text: &mut String) {
        let first = self.masked().next();
        let by = first.and_then(|row| self.rows.get(row.masked_by?.checked_sub(1)?));
        if let (Some(first), Some(by)) = (first, by) {
            let (first, name) = (first.subject(), &by.provider);
            _ = match by.verdict {
                Verdict::Failed => writeln!(
                    text,
                    "why: {name} failed, and a source that is configured is not replaced by {first}"
                ),
                _ => writeln!(text, "why: the chain asks {name} before {first}"),
            };
        }
        for cure in &self.cures {
            if let Some(row) = self.rows.get(cure.number - 1) {
                _ = writeln!(text, "to use {}:  {}", row.subject(), cure.command);
            }
        }
        for warning in &self.warnings {
            _ = writeln!(text, "warning: {warning}");
        }
    }
}

impl Row {
    /// What one would use instead: the role itself rather than the service it comes from.
    fn subject(&self) -> String {
        match &self.origin {
            Some(Origin::InstanceMetadata { role: Some(role) }) => {
                format!("the role \"{}\"", role.escape_debug())
            }
            _ => self.provider.clone(),
        }
    }

    /// Where the credentials come from, or why there are none.
    fn fact(&self, home: Option<&Path>) -> String {
        let Some(origin) = &self.origin else {
            return self.reason.clone().unwrap_or_default();
        };
        match (origin, &self.key_id) {
            (Origin::InstanceMetadata { role: Some(role) }, None) => {
                format!("role \"{}\" answers (IMDSv2)", role.escape_debug())
            }
            (_, Some(key)) if self.verdict == Verdict::Masked => {
                format!("{}, key {key}", short(origin, home))
            }
            _ => short(origin, home),
        }
    }

    fn result(&self) -> String {
        match (self.verdict, self.masked_by) {
            (Verdict::Used, _) => "used".to_owned(),
            (Verdict::Masked, Some(by)) => format!("masked by {by}"),
            (Verdict::Masked, None) => "masked".to_owned(),
            (Verdict::Failed, _) => "failed".to_owned(),
            (Verdict::NotAsked, _) => "not asked".to_owned(),
            (Verdict::NotConfigured, _) => String::new(),
        }
    }

    /// `key …MPLE, 59 min left`.
    fn key(&self, now: Timestamp) -> String {
        let key = self.key_id.as_deref().unwrap_or("…");
        match self.expiry {
            Some(expiry) => format!("key {key}, {}", time_left(expiry.seconds_since(now))),
            None => format!("key {key}, no expiry"),
        }
    }
}

fn time_left(seconds: i64) -> String {
    match seconds {
        ..=0 => "ended".to_owned(),
        1..60 => format!("{seconds} s left"),
        60..5400 => format!("{} min left", seconds / 60),
        _ => format!("{} h {} min left", seconds / 3600, seconds / 60 % 60),
    }
}

/// The origin with `~` for the home folder.
fn short(origin: &Origin, home: Option<&Path>) -> String {
    let mut origin = origin.clone();
    if let (Origin::File { file, .. }, Some(home)) = (&mut origin, home)
        && let Ok(rest) = file.strip_prefix(home)
    {
        *file = Path::new("~").join(rest);
    }
    origin.to_string()
}

fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

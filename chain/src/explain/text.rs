use std::{fmt::Write as _, path::Path};

use keyfob_sigv4::Timestamp;

use super::{
    Explanation,
    attempt::{Attempt, Verdict},
};
use crate::origin::Origin;

impl Explanation {
    /// Renders the explanation for people, in a few lines.
    ///
    /// `now` is for the time left until the credentials expire. Paths below `home` start with `~`.
    ///
    /// ```text
    /// credentials: environment variables (key AKIDEXAMPLE, no expiry)   region: eu-west-1 (…)
    /// > 1 environment variables  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY  used
    ///   2 web identity           AWS_WEB_IDENTITY_TOKEN_FILE is not set
    ///   3 profile "default"      no file has it
    ///   4 container              AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set
    ///   5 instance metadata      role "app-prod" answers (IMDSv2)          masked by 1
    /// why: the chain asks environment variables before the role "app-prod"
    /// to use the role "app-prod":  env -u AWS_ACCESS_KEY_ID … COMMAND
    /// ```
    pub fn text(&self, now: Timestamp, home: Option<&Path>) -> String {
        let mut text = self.headline(now, home);
        let origins: Vec<_> = self
            .attempts
            .iter()
            .map(|attempt| attempt.origin_or_reason(home))
            .collect();
        let rows = || self.attempts.iter().zip(&origins);
        let name_width = width(
            self.attempts
                .iter()
                .map(|attempt| attempt.provider.as_str()),
        );
        // Rows without a result do not widen the column before it.
        let origin_width = width(
            rows()
                .filter(|(attempt, _)| !attempt.result().is_empty())
                .map(|(_, origin)| origin.as_str()),
        );
        for (attempt, origin) in rows() {
            let mark = match attempt.verdict {
                Verdict::Used => '>',
                _ => ' ',
            };
            let line = format!(
                "{mark}{:>2} {:<name_width$}  {origin:<origin_width$}  {}",
                attempt.number,
                attempt.provider,
                attempt.result(),
            );
            text.push_str(line.trim_end());
            text.push('\n');
        }
        self.write_advice(&mut text);
        text
    }

    fn headline(&self, now: Timestamp, home: Option<&Path>) -> String {
        let mut text = match self.winner() {
            Some(winner) => format!("credentials: {} ({})", winner.provider, winner.key(now)),
            None => "credentials: none".to_owned(),
        };
        if let Some(region) = &self.region {
            let origin = region.origin().text(home);
            // Writing to a string cannot fail.
            _ = write!(text, "   region: {region} ({origin})");
        }
        text + "\n"
    }

    fn write_advice(&self, text: &mut String) {
        if let Some(first) = self.masked().next()
            && let Some(number) = first.masked_by
            && let Some(by) = self.attempt(number)
        {
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
            if let Some(attempt) = self.attempt(cure.number) {
                _ = writeln!(text, "to use {}:  {}", attempt.subject(), cure.command);
            }
        }
        for warning in &self.warnings {
            _ = writeln!(text, "warning: {warning}");
        }
    }

    fn attempt(&self, number: usize) -> Option<&Attempt> {
        self.attempts.get(number.checked_sub(1)?)
    }
}

impl Attempt {
    /// Returns what the user would use instead: the role rather than the service it comes from.
    fn subject(&self) -> String {
        match &self.origin {
            Some(Origin::InstanceMetadata { role: Some(role) }) => {
                format!("the role \"{}\"", role.escape_debug())
            }
            _ => self.provider.clone(),
        }
    }

    /// Returns where the credentials come from, or why there are none.
    fn origin_or_reason(&self, home: Option<&Path>) -> String {
        let Some(origin) = &self.origin else {
            return self.reason.clone().unwrap_or_default();
        };
        match (origin, &self.key_id) {
            (Origin::InstanceMetadata { role: Some(role) }, None) => {
                format!("role \"{}\" answers (IMDSv2)", role.escape_debug())
            }
            (_, Some(key)) if self.verdict == Verdict::Masked => {
                format!("{}, key {key}", origin.text(home))
            }
            _ => origin.text(home),
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

    /// Returns `key AKIAIOSFODNN7EXAMPLE, 59 min left`.
    fn key(&self, now: Timestamp) -> String {
        let key = self.key_id.as_deref().unwrap_or("…");
        match self.time_left(now) {
            Some(_) if self.expiry <= Some(now) => format!("key {key}, expired"),
            Some(left) => format!("key {key}, {left} left"),
            None => format!("key {key}, no expiry"),
        }
    }
}

fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

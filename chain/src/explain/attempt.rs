use std::time::Duration;

use keyfob_sigv4::{Credentials, Timestamp};
use serde::{Serialize, Serializer};

use crate::{
    cure::{Selection, Skip},
    error::{Error, ErrorKind},
    finding::{Finding, FindingKind},
    origin::Origin,
    provider::{Aside, Found, Inspection, Provider},
};

/// How the access key ID of a session begins.
const SESSION_KEY: &str = "ASIA";
/// How that of a long-term key begins.
const LONG_TERM_KEY: &str = "AKIA";

/// The result of one provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Attempt {
    /// The position in the chain, counted from 1.
    pub number: usize,
    /// The provider's name.
    pub provider: String,
    /// What the provider answered.
    pub verdict: Verdict,
    /// Why the provider is not configured or does not count, or how it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The number of the attempt that keeps this one from being used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masked_by: Option<usize>,
    /// Where the credentials come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The access key id, if the key was seen. Only the end, as `…MPLE`, of text that does not look
    /// like an id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// When the credentials expire, if that is known.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub expiry: Option<Timestamp>,
    /// Whether the credentials are a long-lived key, one without a session token. `None` if they
    /// were not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long_lived: Option<bool>,
    /// How long the provider took to answer. `None` if it was not asked. Serialized as
    /// `elapsed_ms`, a number of milliseconds.
    #[serde(
        rename = "elapsed_ms",
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_milliseconds"
    )]
    pub elapsed: Option<Duration>,
    /// Whether the key has a session token; `None` as for `long_lived`.
    #[serde(skip)]
    pub(super) has_token: Option<bool>,
    #[serde(skip)]
    pub(super) way: Way,
}

/// How this attempt, and the ones after it, can be used instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    /// What makes the chain skip it, if that is possible.
    pub(super) skip: Option<Skip>,
    /// What mends the configuration file because of which it failed.
    pub(super) mend: Option<String>,
    pub(super) selection: Selection,
    /// The provider beside which it does not count, and what makes it count.
    pub(super) aside: Option<(String, Option<Skip>)>,
}

/// What a provider answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// Its credentials are used.
    Used,
    /// It has credentials, but another provider comes first.
    Masked,
    /// It is configured and does not count, because of a later provider that is configured too: as
    /// variables beside a profile that the program names.
    Ignored,
    /// It is not configured.
    NotConfigured,
    /// It is configured and failed.
    Failed,
    /// It was not asked.
    NotAsked,
}

impl Attempt {
    /// Returns how long the credentials are still valid, in words: `59 min`, `1 h 30 min`, or
    /// `none` if they have expired. Returns `None` if the expiry is not known.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, EnvironmentProvider, Settings, Variables};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_chain::Error> {
    /// let variables = Variables::from_iter([
    ///     ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
    ///     ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ///     ("AWS_SESSION_TOKEN", "token"),
    ///     ("AWS_CREDENTIAL_EXPIRATION", "2030-01-01T01:30:00Z"),
    /// ]);
    /// let settings = Settings::load(variables);
    /// let chain = Chain::new().then(EnvironmentProvider::new(settings));
    /// let now = "20300101T000000Z".parse::<Timestamp>().unwrap();
    /// let explanation = chain.explain(now).await.explanation;
    /// assert_eq!(explanation.attempts[0].time_left(now).as_deref(), Some("1 h 30 min"));
    /// # Ok(()) }
    /// ```
    pub fn time_left(&self, now: Timestamp) -> Option<String> {
        self.expiry
            .map(|expiry| in_words(expiry.seconds_since(now)))
    }

    /// Creates an attempt without details. [`Explanation`](crate::Explanation) numbers it.
    pub(crate) fn new(provider: &str, verdict: Verdict) -> Self {
        Self {
            number: 0,
            provider: provider.to_owned(),
            verdict,
            reason: None,
            masked_by: None,
            origin: None,
            key_id: None,
            expiry: None,
            long_lived: None,
            elapsed: None,
            has_token: None,
            way: Way::default(),
        }
    }

    pub(crate) fn found(provider: &str, found: &Found) -> Self {
        Self {
            expiry: found.end(),
            ..Self::new(provider, Verdict::Used).seen(&found.origin, Some(&found.credentials))
        }
    }

    pub(crate) fn not_configured(provider: &str, reason: String) -> Self {
        Self {
            reason: Some(reason),
            ..Self::new(provider, Verdict::NotConfigured)
        }
    }

    pub(crate) fn failed(provider: &str, error: &Error) -> Self {
        let mut attempt = Self::new(provider, Verdict::Failed);
        attempt.reason = Some(error.chain());
        if error.kind() == ErrorKind::ConfigFile {
            attempt.way.mend = error.cure();
        }
        attempt
    }

    /// Creates the attempt of a provider that comes after the one whose credentials are used.
    pub(crate) fn inspected(provider: &str, inspection: &Inspection) -> Self {
        match inspection {
            Inspection::Available {
                origin,
                credentials,
            } => Self::new(provider, Verdict::Masked).seen(origin, credentials.as_ref()),
            Inspection::NotConfigured(reason) => Self::not_configured(provider, reason.clone()),
            Inspection::NotLooked => Self::new(provider, Verdict::NotAsked),
        }
    }

    /// Adds how long the provider took.
    pub(crate) fn after(mut self, elapsed: Duration) -> Self {
        self.elapsed = Some(elapsed);
        self
    }

    /// Returns true if it has credentials which are not used.
    pub(super) fn is_passed_over(&self) -> bool {
        matches!(self.verdict, Verdict::Masked | Verdict::Ignored)
    }

    /// Adds how it can be used instead of others, and what it has that does not count.
    pub(crate) fn with_way(mut self, provider: &dyn Provider, now: Timestamp) -> Self {
        self.way.skip = provider.skip();
        self.way.selection = provider.selection();
        if self.verdict == Verdict::NotConfigured
            && let Some(aside) = provider.aside(now)
        {
            let Aside {
                beside,
                inspection,
                change,
            } = aside;
            self.way.aside = Some((beside, change));
            if let Inspection::Available {
                origin,
                credentials,
            } = &inspection
            {
                self.verdict = Verdict::Ignored;
                return self.seen(origin, credentials.as_ref());
            }
        }
        self
    }

    fn seen(mut self, origin: &Origin, credentials: Option<&Credentials>) -> Self {
        self.origin = Some(origin.clone());
        if let Some(credentials) = credentials {
            self.key_id = Some(shown_key_id(credentials.access_key_id()));
            self.expiry = credentials.expiry();
            self.has_token = Some(credentials.session_token().is_some());
            let is_session = credentials.access_key_id().starts_with(SESSION_KEY);
            self.long_lived = Some(self.has_token == Some(false) && !is_session);
        }
        self
    }

    /// Returns that the credentials have expired although their source has just given them.
    pub(super) fn expired_finding(&self, now: Timestamp) -> Option<Finding> {
        let expiry = self.expiry.filter(|expiry| *expiry <= now)?;
        let text = format!(
            "the key in use expired at {expiry}: its source gives old ones, or the clock of this \
             machine is ahead"
        );
        Some(Finding::warning(FindingKind::Expiry, text))
    }

    /// Returns what is wrong with the key and its session token: the first four characters of an
    /// access key ID tell whether it needs one.
    ///
    /// Source: IAM User Guide, "Understanding unique ID prefixes".
    pub(super) fn token_finding(&self) -> Option<Finding> {
        let key = self.key_id.as_deref()?;
        let has_token = self.has_token?;
        if is_long_term(key) && has_token {
            let (what, cure) = match &self.origin {
                Some(Origin::Environment { variables }) => {
                    let token = variables.iter().find(|name| name.ends_with("_TOKEN"));
                    // Without the newer of the two names, the older one counts.
                    let change = Skip::unset(["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"]);
                    let name = token.map_or("AWS_SESSION_TOKEN", String::as_str);
                    (format!("unset {name}"), Some(change.command()))
                }
                _ => ("remove the token".to_owned(), None),
            };
            return Some(unneeded(key, &what).with_cure_if(cure));
        }
        if key.starts_with(SESSION_KEY) && !has_token {
            let text = format!(
                "{key} is the key of a session, and services refuse it without its session token: \
                 set that too"
            );
            let mut finding = Finding::warning(FindingKind::MissingToken, text);
            finding.origin.clone_from(&self.origin);
            return Some(finding);
        }
        None
    }
}

/// Returns true for the ID of a key that needs no session token.
pub(crate) fn is_long_term(key_id: &str) -> bool {
    key_id.starts_with(LONG_TERM_KEY)
}

/// Returns that such a key has a session token, and what to do.
pub(crate) fn unneeded(key_id: &str, what: &str) -> Finding {
    let key = shown_key_id(key_id);
    let text = format!(
        "{key} is a long-term key, and the session token beside it makes services refuse it: {what}"
    );
    Finding::warning(FindingKind::UnneededToken, text)
}

/// Returns an access key id in full: it is not a secret. Text that does not look like one, which
/// may be a secret in the wrong place, is shown as `…` and its last four characters.
pub(crate) fn shown_key_id(key_id: &str) -> String {
    let is_id = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if key_id.len() > 4 && key_id.bytes().all(is_id) {
        return key_id.to_owned();
    }
    let start = key_id.len().checked_sub(4).filter(|start| *start > 0);
    let end = start.and_then(|start| key_id.get(start..));
    format!("…{}", end.unwrap_or_default())
}

fn as_text<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

fn as_milliseconds<S: Serializer>(
    elapsed: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match elapsed {
        // Microseconds are enough, and further digits would be noise.
        Some(elapsed) => serializer.serialize_f64((elapsed.as_secs_f64() * 1e6).round() / 1e3),
        None => serializer.serialize_none(),
    }
}

/// Formats a remaining time. The unit grows with the time.
fn in_words(seconds: i64) -> String {
    match seconds {
        ..=0 => "none".to_owned(),
        1..60 => format!("{seconds} s"),
        60..5400 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_grows_with_the_time() {
        for (seconds, expected) in [
            (-1, "none"),
            (59, "59 s"),
            (119, "1 min"),
            (5399, "89 min"),
            (5400, "1 h 30 min"),
        ] {
            assert_eq!(in_words(seconds), expected);
        }
    }
}

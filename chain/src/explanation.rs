use keyfob_sigv4::{Credentials, Timestamp};
use serde::{Serialize, Serializer};

use crate::{
    error::Error,
    origin::Origin,
    provider::{Bypass, Found, Inspection},
    region::Region,
};

/// Which credentials are used, why, and what they keep from being used. Data: it serializes, and
/// [`text`](Self::text) is a view of it for people. No secret is in it; of a key id it has the last four characters.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Chain, Env, Order, Settings};
/// use keyfob_sigv4::Timestamp;
///
/// let env = Env::from_iter([("AWS_EC2_METADATA_DISABLED", "true")]);
/// let chain = Chain::default_for(Order::Cli, &Settings::load(env));
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let explanation = chain.explain(Timestamp::now()).await.explanation;
/// assert!(explanation.winner().is_none());
/// assert_eq!(explanation.rows[0].reason.as_deref(), Some("AWS_ACCESS_KEY_ID is not set"));
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Every provider in order, numbered from 1.
    pub rows: Vec<Row>,
    /// The region and who said so, once [`with_region`](Self::with_region) has put it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// How to use what is masked, where variables can do it.
    pub cures: Vec<Cure>,
    /// What is worth changing although it works: a key where a role would do, a line of a configuration file that was
    /// not used, with its file, line and reason.
    pub warnings: Vec<String>,
}

/// What one provider said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// Its place, counted from 1.
    pub number: usize,
    /// Its name.
    pub provider: String,
    /// What came of it.
    pub verdict: Verdict,
    /// Why it is not configured, or how it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The number of the provider that keeps this one from being used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masked_by: Option<usize>,
    /// Where its credentials come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The end of its key id, where it was seen: `…MPLE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// When its credentials end, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub expiry: Option<Timestamp>,
    /// Whether its credentials are a long-lived key, which has no session token; nothing where they were not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long_lived: Option<bool>,
}

/// What came of asking a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// It has the credentials that are used.
    Used,
    /// It has credentials, and another provider comes before it.
    Masked,
    /// Nobody set it up.
    NotConfigured,
    /// It is set up and failed.
    Failed,
    /// Nobody looked.
    NotAsked,
}

/// How to use a provider that is masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Cure {
    /// The number of the provider's row.
    pub number: usize,
    /// The command, with `COMMAND` for the program that is to run.
    pub command: String,
}

impl Explanation {
    /// `bypass` says how to make the provider of that index stand aside; `warnings` are those of the providers.
    pub(crate) fn new(
        mut rows: Vec<Row>,
        bypass: impl Fn(usize) -> Option<Bypass>,
        mut warnings: Vec<String>,
    ) -> Self {
        for (number, row) in (1..).zip(&mut rows) {
            row.number = number;
        }
        // What made a provider fail is said there.
        warnings.retain(|warning| rows.iter().all(|row| row.reason.as_ref() != Some(warning)));
        let mut explanation = Self {
            rows,
            region: None,
            cures: Vec::new(),
            warnings: Vec::new(),
        };
        explanation.cures = explanation.find_cures(bypass);
        explanation.warnings = explanation.find_warnings();
        explanation.warnings.append(&mut warnings);
        explanation
    }

    /// With the region that is used.
    #[must_use]
    pub fn with_region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// The provider whose credentials are used.
    pub fn winner(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.verdict == Verdict::Used)
    }

    /// The providers that have credentials and do not come to use.
    pub fn masked(&self) -> impl Iterator<Item = &Row> {
        self.rows
            .iter()
            .filter(|row| row.verdict == Verdict::Masked)
    }

    /// To get at a provider, the one that masks it must stand aside, and every masked one before it.
    fn find_cures(&self, bypass: impl Fn(usize) -> Option<Bypass>) -> Vec<Cure> {
        let mut aside: Option<Bypass> = None;
        let mut cures = Vec::new();
        for row in &self.rows {
            if row.verdict == Verdict::Masked
                && let Some(aside) = &aside
            {
                cures.push(Cure {
                    number: row.number,
                    command: aside.command(),
                });
            }
            if matches!(
                row.verdict,
                Verdict::Used | Verdict::Masked | Verdict::Failed
            ) {
                let Some(more) = bypass(row.number - 1) else {
                    break;
                };
                aside = Some(aside.unwrap_or_default().and(more));
            }
        }
        cures
    }

    fn find_warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let Some(winner) = self.winner() else {
            return warnings;
        };
        let role = self.masked().find_map(|row| match &row.origin {
            Some(Origin::InstanceMetadata { role: Some(role) }) => Some(role),
            _ => None,
        });
        if let (Some(role), Some(true), Some(key)) = (role, winner.long_lived, &winner.key_id) {
            warnings.push(format!(
                "a long-lived key ({key}) is used on an instance that has the role \"{role}\": the role's keys change by themselves and cannot be left behind"
            ));
        }
        if let Some(Origin::Environment { variables }) = &winner.origin
            && variables.iter().any(|name| name == "AWS_SECURITY_TOKEN")
        {
            warnings.push(
                "AWS_SECURITY_TOKEN is the old name of AWS_SESSION_TOKEN: newer tools do not read it".to_owned(),
            );
        }
        warnings
    }
}

impl Row {
    pub(crate) fn of(provider: &str, verdict: Verdict) -> Self {
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
        }
    }

    pub(crate) fn found(provider: &str, found: &Found) -> Self {
        Self::of(provider, Verdict::Used).seen(&found.origin, Some(&found.credentials))
    }

    pub(crate) fn not_configured(provider: &str, why: String) -> Self {
        Self {
            reason: Some(why),
            ..Self::of(provider, Verdict::NotConfigured)
        }
    }

    pub(crate) fn failed(provider: &str, error: &Error) -> Self {
        Self {
            reason: Some(error.chain()),
            ..Self::of(provider, Verdict::Failed)
        }
    }

    /// A provider behind the one that answered.
    pub(crate) fn inspected(provider: &str, inspection: &Inspection) -> Self {
        match inspection {
            Inspection::Available {
                origin,
                credentials,
            } => Self::of(provider, Verdict::Masked).seen(origin, credentials.as_ref()),
            Inspection::NotConfigured(why) => Self::not_configured(provider, why.clone()),
            Inspection::NotLooked => Self::of(provider, Verdict::NotAsked),
        }
    }

    fn seen(mut self, origin: &Origin, credentials: Option<&Credentials>) -> Self {
        self.origin = Some(origin.clone());
        if let Some(credentials) = credentials {
            self.key_id = Some(end_of(credentials.access_key_id()));
            self.expiry = credentials.expiry();
            self.long_lived = Some(credentials.session_token().is_none());
        }
        self
    }
}

/// The last four characters tell keys apart; of a shorter id nothing is shown.
fn end_of(key_id: &str) -> String {
    let end = key_id.len().checked_sub(4).filter(|start| *start > 0);
    format!(
        "…{}",
        end.and_then(|start| key_id.get(start..))
            .unwrap_or_default()
    )
}

fn as_text<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

mod attempt;
mod text;

use serde::Serialize;

pub use self::attempt::{Attempt, Verdict};
use crate::{
    config::Region,
    cure::{Cure, Skip},
    origin::Origin,
};

/// Which credentials are used, why, and which others they mask.
///
/// This is data: it serializes, and [`text`](Self::text) renders it for people. It contains no
/// secret. An access key id is none and stands in full.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Chain, Order, Settings, Variables};
/// use keyfob_sigv4::Timestamp;
///
/// let variables = Variables::from_iter([("AWS_EC2_METADATA_DISABLED", "true")]);
/// let chain = Chain::default_for(Order::Cli, &Settings::load(variables));
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let explanation = chain.explain(Timestamp::now()).await.explanation;
/// assert!(explanation.winner().is_none());
/// let first = &explanation.attempts[0];
/// assert_eq!(first.reason.as_deref(), Some("AWS_ACCESS_KEY_ID is not set"));
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The result of every provider, in the order of the chain. Serialized as `rows`.
    #[serde(rename = "rows")]
    pub attempts: Vec<Attempt>,
    /// The region, if [`with_region`](Self::with_region) added it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// How to use the masked providers, where changing variables is enough.
    pub cures: Vec<Cure>,
    /// What is worth changing although it works: a long-lived key where a role is available, or a
    /// line of a configuration file that was ignored, with file, line and reason.
    pub warnings: Vec<String>,
}

impl Explanation {
    /// Creates an explanation from the attempts and the warnings of the providers. `skip` returns
    /// how to skip the provider at an index.
    pub(crate) fn new(
        mut attempts: Vec<Attempt>,
        skip: impl Fn(usize) -> Option<Skip>,
        mut warnings: Vec<String>,
    ) -> Self {
        for (number, attempt) in (1..).zip(&mut attempts) {
            attempt.number = number;
        }
        // A problem that made a provider fail is already that attempt's reason.
        warnings.retain(|warning| {
            attempts
                .iter()
                .all(|attempt| attempt.reason.as_ref() != Some(warning))
        });
        let mut explanation = Self {
            attempts,
            region: None,
            cures: Vec::new(),
            warnings: Vec::new(),
        };
        explanation.cures = explanation.find_cures(skip);
        explanation.warnings = explanation.find_warnings();
        explanation.warnings.append(&mut warnings);
        explanation
    }

    /// Adds the region that is used.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, Region};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let now = Timestamp::now();
    /// let explanation = Chain::new().explain(now).await.explanation;
    /// let text = explanation.with_region(Region::us_east_1()).text(now, None);
    /// assert_eq!(text, "credentials: none   region: us-east-1 (default)\n");
    /// # });
    /// ```
    #[must_use]
    pub fn with_region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// Returns the attempt whose credentials are used.
    pub fn winner(&self) -> Option<&Attempt> {
        self.attempts
            .iter()
            .find(|attempt| attempt.verdict == Verdict::Used)
    }

    /// Returns the attempts that have credentials which are not used.
    pub fn masked(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts
            .iter()
            .filter(|attempt| attempt.verdict == Verdict::Masked)
    }

    /// Finds a command for each masked provider. The command skips the provider that masks this
    /// one, and every masked provider in between.
    fn find_cures(&self, skip: impl Fn(usize) -> Option<Skip>) -> Vec<Cure> {
        let mut skips: Option<Skip> = None;
        let mut cures = Vec::new();
        for attempt in &self.attempts {
            if attempt.verdict == Verdict::Masked
                && let Some(skips) = &skips
            {
                cures.push(Cure::new(attempt.number, skips));
            }
            if matches!(
                attempt.verdict,
                Verdict::Used | Verdict::Masked | Verdict::Failed
            ) {
                // A provider that cannot be skipped keeps all later ones masked.
                let Some(more) = skip(attempt.number - 1) else {
                    break;
                };
                skips = Some(skips.unwrap_or_default().and(more));
            }
        }
        cures
    }

    fn find_warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let Some(winner) = self.winner() else {
            return warnings;
        };
        let role = self.masked().find_map(|attempt| match &attempt.origin {
            Some(Origin::InstanceMetadata { role: Some(role) }) => Some(role),
            _ => None,
        });
        if let (Some(role), Some(true), Some(key)) = (role, winner.long_lived, &winner.key_id) {
            warnings.push(format!(
                "a long-lived key ({key}) is used on an instance that has the role \"{role}\": the \
                 role's keys change by themselves and cannot be left behind"
            ));
        }
        if let Some(Origin::Environment { variables }) = &winner.origin
            && variables.iter().any(|name| name == "AWS_SECURITY_TOKEN")
        {
            warnings.push(
                "AWS_SECURITY_TOKEN is the old name of AWS_SESSION_TOKEN: newer tools do not read it"
                    .to_owned(),
            );
        }
        warnings
    }
}

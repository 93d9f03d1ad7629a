mod attempt;
mod others;
mod svg;
mod text;

use keyfob_sigv4::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

#[cfg(feature = "sts")]
pub(crate) use self::attempt::shown_key_id;
pub(crate) use self::attempt::{is_long_term, unneeded};
pub use self::{
    attempt::{Attempt, Verdict},
    text::{TextPart, TextStyle},
};
use crate::{
    config::Region,
    cure::{Selection, Skip},
    error::Error,
    finding::{Finding, FindingKind, Severity},
    origin::Origin,
};

/// Which credentials are used, why, and which others they mask.
///
/// This is data: it serializes, [`text`](Self::text) renders it for people, and [`svg`](Self::svg)
/// draws it. It contains no secret; an access key ID is not one.
///
/// The serialized members are `winner` (the row of the credentials in use, or `null`), `error` (why
/// there are none, or `null`), `rows`, `profile`, `region`, `endpoint` and `findings`.
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
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The result of every provider, in the order of the chain. Serialized as `rows`.
    pub attempts: Vec<Attempt>,
    /// Why there are no credentials, in one line.
    pub error: Option<String>,
    /// The name of the profile and what chose it, if [`with_profile`](Self::with_profile) added it.
    pub profile: Option<(String, Origin)>,
    /// The region, if [`with_region`](Self::with_region) added it.
    pub region: Option<Region>,
    /// The URL in place of the services' own endpoints and where it comes from, if
    /// [`with_endpoint`](Self::with_endpoint) added it.
    pub endpoint: Option<(String, Origin)>,
    /// Everything worth knowing: what is masked and the cure, what is wrong although it works, and
    /// lines of a configuration file that were ignored.
    pub findings: Vec<Finding>,
}

impl Explanation {
    /// Creates an explanation from the attempts, and from the findings of the providers.
    pub(crate) fn new(
        mut attempts: Vec<Attempt>,
        mut findings: Vec<Finding>,
        now: Timestamp,
    ) -> Self {
        for (number, attempt) in (1..).zip(&mut attempts) {
            attempt.number = number;
        }
        name_maskers(&mut attempts);
        // A problem that made a provider fail is already that attempt's reason.
        findings.retain(|finding| {
            let line = finding.raw_line();
            let mut reasons = attempts.iter().map(|attempt| attempt.reason.as_ref());
            let is_same = |reason: &String| {
                let rest = reason.strip_prefix(&line);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(": "))
            };
            !reasons.any(|reason| reason.is_some_and(is_same))
        });
        let mut explanation = Self {
            attempts,
            error: None,
            profile: None,
            region: None,
            endpoint: None,
            findings: Vec::new(),
        };
        explanation.findings = explanation.masks();
        let key_findings = explanation.key_findings(&mut findings, now);
        explanation
            .with_findings(key_findings)
            .with_findings(findings)
    }

    /// Adds the name of the profile, and what chose it.
    #[must_use]
    pub fn with_profile(mut self, name: &str, origin: &Origin) -> Self {
        self.profile = Some((name.to_owned(), origin.clone()));
        self
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

    /// Adds the URL that takes the place of the services' own endpoints, without a password or a
    /// query in it.
    #[must_use]
    pub fn with_endpoint(mut self, url: &str, origin: Origin) -> Self {
        self.endpoint = Some((plain_url(url), origin));
        self
    }

    /// Adds findings, such as those of [`Settings::findings`](crate::Settings::findings). What is
    /// there already is not added again.
    #[must_use]
    pub fn with_findings(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        for finding in findings.into_iter().map(Finding::with_own_cure) {
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
        self
    }

    /// Marks the credentials as not used, because of an error: a program that is told to use a
    /// profile that does not exist should use no other credentials. If it is the error of one of
    /// the attempts, that one masks the others, and their cures skip it.
    #[must_use]
    pub fn with_error(mut self, error: &Error) -> Self {
        let text = error.chain();
        let is_failed = |attempt: &Attempt| attempt.reason.as_ref() == Some(&text);
        let failed = self.attempts.iter().position(is_failed);
        self.error = Some(text);
        // Other cures do not change what this error is about.
        self.findings
            .retain(|finding| finding.kind != FindingKind::Masked);
        if let Some(failed) = failed {
            self.stand_aside(failed);
            let masks = self.masks();
            self.findings.splice(..0, masks);
        } else {
            let used = |attempt: &&mut Attempt| attempt.verdict == Verdict::Used;
            for attempt in self.attempts.iter_mut().filter(used) {
                attempt.verdict = Verdict::NotAsked;
            }
        }
        self
    }

    /// Lets no credentials count beside an attempt that failed.
    fn stand_aside(&mut self, failed: usize) {
        let (earlier, rest) = self.attempts.split_at_mut(failed);
        let Some((failed, later)) = rest.split_first_mut() else {
            return;
        };
        // The files of a profile that fails matter only to what the chain asks after it.
        let change = failed.way.skip.clone().map(|skip| Skip {
            set: Vec::new(),
            ..skip
        });
        let has_credentials =
            |attempt: &&mut Attempt| attempt.verdict == Verdict::Used || attempt.is_passed_over();
        for attempt in earlier.iter_mut().filter(has_credentials) {
            if attempt.verdict == Verdict::Used {
                attempt.verdict = Verdict::Masked;
            }
            attempt.masked_by = Some(failed.number);
            let aside = || (failed.provider.clone(), change.clone());
            attempt.way.aside.get_or_insert_with(aside);
        }
        for attempt in later.iter_mut().filter(has_credentials) {
            attempt.masked_by = Some(failed.number);
        }
    }

    /// Returns the attempt whose credentials are used.
    pub fn winner(&self) -> Option<&Attempt> {
        self.attempts
            .iter()
            .find(|attempt| attempt.verdict == Verdict::Used)
    }

    /// Returns the command line that leaves out the attempt with that number, if there is one.
    /// `COMMAND` stands for the program to run.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, Order, Settings, Variables};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// let set = [("AWS_PROFILE", "gone"), ("AWS_EC2_METADATA_DISABLED", "true")];
    /// let variables = Variables::from_iter(set);
    /// let chain = Chain::default_for(Order::Cli, &Settings::load(variables));
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let explanation = chain.look(Timestamp::now()).await;
    /// assert_eq!(explanation.way_around(3).unwrap(), "env -u AWS_PROFILE COMMAND");
    /// # });
    /// ```
    pub fn way_around(&self, number: usize) -> Option<String> {
        let mut skip = self.attempt(number)?.way.skip.clone()?;
        // Without the profile that someone has named, the files may have another that is right.
        if !skip.unset.is_empty() || !skip.without.is_empty() {
            skip.set.clear();
        }
        Some(skip.command())
    }

    /// Returns the command line that mends the configuration file because of which the attempt with
    /// that number failed. It is run once.
    pub fn mend(&self, number: usize) -> Option<&str> {
        self.attempt(number)?.way.mend.as_deref()
    }

    /// Returns the attempts that have credentials which are not used.
    pub fn masked(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts
            .iter()
            .filter(|attempt| attempt.is_passed_over())
    }

    /// Returns the command line that uses the masked attempt with that number, if there is one.
    /// `COMMAND` stands for the program to run.
    pub fn cure(&self, number: usize) -> Option<&str> {
        let mut masks = self
            .findings
            .iter()
            .filter(|finding| finding.kind == FindingKind::Masked);
        masks
            .find(|finding| finding.number == Some(number))?
            .cure
            .as_deref()
    }

    /// Returns the findings about something that is probably wrong.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity >= Severity::Warning)
    }

    pub(super) fn attempt(&self, number: usize) -> Option<&Attempt> {
        self.attempts.get(number.checked_sub(1)?)
    }

    /// Returns a finding for each masked provider, with the command that uses it.
    fn masks(&self) -> Vec<Finding> {
        let masks = self.masked().map(|attempt| {
            let mut finding = self.mask(attempt);
            finding.cure = match &attempt.way.selection {
                Selection::ByArgument(argument) => Some(format!("COMMAND {argument}")),
                Selection::BySkipping => self.way_to(attempt).map(|skip| skip.command()),
                Selection::Impossible => None,
            };
            finding
        });
        masks.collect()
    }

    /// Returns the changes that make the chain use a masked attempt: they skip every one before it
    /// that answers, and what does not count beside one of those, because it counts then. One that
    /// cannot be skipped keeps all later ones masked.
    pub(super) fn way_to(&self, attempt: &Attempt) -> Option<Skip> {
        let earlier = self.attempts.get(..attempt.number.checked_sub(1)?)?;
        // One that failed before the one in use was passed over.
        let used = self.winner().map_or(0, |winner| winner.number);
        let answers = |other: &&Attempt| {
            let has_answer = match other.verdict {
                Verdict::Used | Verdict::Masked => true,
                Verdict::Failed => other.number > used,
                _ => false,
            };
            has_answer && other.way.aside.is_none()
        };
        let skipped = earlier.iter().filter(answers);
        let mut gone: Vec<&str> = skipped.map(|other| other.provider.as_str()).collect();
        gone.extend(attempt.way.aside.iter().map(|(beside, _)| beside.as_str()));
        let counts_then = |other: &Attempt| match &other.way.aside {
            Some((beside, _)) => gone.contains(&beside.as_str()),
            None => false,
        };
        let mut way = Skip::default();
        for other in earlier {
            if answers(&other) || counts_then(other) {
                way = way.and(other.way.skip.clone()?);
            }
        }
        match &attempt.way.aside {
            Some((_, change)) => Some(way.and(change.clone()?)),
            None => Some(way),
        }
    }

    fn mask(&self, attempt: &Attempt) -> Finding {
        let subject = attempt.subject();
        let by = attempt.masked_by.and_then(|number| self.attempt(number));
        let text = match by {
            Some(by) if by.verdict == Verdict::Failed => format!(
                "{} failed, and a source that is configured is not replaced by {subject}",
                by.provider
            ),
            Some(by) if by.number > attempt.number => {
                format!("{subject} does not count beside {}", by.provider)
            }
            Some(by) => format!("the chain asks {} before {subject}", by.provider),
            None => format!("{subject} is not used"),
        };
        let mut finding = Finding::note(FindingKind::Masked, text).with_number(attempt.number);
        finding.origin.clone_from(&attempt.origin);
        finding
    }

    /// Returns what the key in use tells about itself. What a profile found about the token of its
    /// key is taken out of `given`: it is of no matter for a key that is not used.
    fn key_findings(&self, given: &mut Vec<Finding>, now: Timestamp) -> Vec<Finding> {
        let is_of_token = |finding: &mut Finding| finding.kind == FindingKind::UnneededToken;
        let of_token: Vec<_> = given.extract_if(.., is_of_token).collect();
        let Some(winner) = self.winner() else {
            return Vec::new();
        };
        let mut of_token = of_token.into_iter();
        let of_token = of_token.find(|finding| finding.origin == winner.origin);
        let mut findings = Vec::new();
        let role = self.masked().find_map(|attempt| match &attempt.origin {
            Some(Origin::InstanceMetadata { role: Some(role) }) => Some((
                attempt,
                format!("on an instance that has the role \"{role}\""),
            )),
            Some(Origin::Container { .. }) => {
                Some((attempt, "in a container that has a role".to_owned()))
            }
            _ => None,
        });
        if let (Some((attempt, place)), Some(true), Some(key)) =
            (role, winner.long_lived, &winner.key_id)
        {
            let text = format!(
                "a long-lived key ({key}) is used {place}: the role's keys change by themselves \
                 and cannot be left behind"
            );
            let mut finding = Finding::warning(FindingKind::LongLivedKey, text);
            finding.cure = self.cure(attempt.number).map(str::to_owned);
            findings.push(finding);
        }
        findings.extend(of_token.or_else(|| winner.token_finding()));
        findings.extend(winner.expired_finding(now));
        if let Some(Origin::Environment { variables }) = &winner.origin
            && variables.iter().any(|name| name == "AWS_SECURITY_TOKEN")
        {
            let finding = Finding::warning(
                FindingKind::OldVariable,
                "AWS_SECURITY_TOKEN is the old name of AWS_SESSION_TOKEN: newer tools do not read \
                 it",
            );
            // The shell puts in the value, so that no secret becomes an argument.
            findings.push(finding.with_cure(
                "AWS_SESSION_TOKEN=\"$AWS_SECURITY_TOKEN\" env -u AWS_SECURITY_TOKEN COMMAND",
            ));
        }
        for finding in &mut findings {
            finding.number = Some(winner.number);
            if finding.origin.is_none() {
                finding.origin.clone_from(&winner.origin);
            }
        }
        findings
    }
}

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Profile<'a> {
            name: &'a str,
            origin: &'a Origin,
        }
        #[derive(Serialize)]
        struct Endpoint<'a> {
            url: &'a str,
            origin: &'a Origin,
        }
        let profile = self.profile.as_ref();
        let endpoint = self.endpoint.as_ref();
        let mut members = serializer.serialize_struct("Explanation", 7)?;
        members.serialize_field("winner", &self.winner())?;
        members.serialize_field("error", &self.error)?;
        members.serialize_field("rows", &self.attempts)?;
        let profile = profile.map(|(name, origin)| Profile { name, origin });
        members.serialize_field("profile", &profile)?;
        members.serialize_field("region", &self.region)?;
        let endpoint = endpoint.map(|(url, origin)| Endpoint { url, origin });
        members.serialize_field("endpoint", &endpoint)?;
        members.serialize_field("findings", &self.findings)?;
        members.end()
    }
}

/// Names what masks each attempt that does not count beside a later one: the one that is used or
/// failed, if that is an earlier one, or else that later one.
fn name_maskers(attempts: &mut [Attempt]) {
    let first = |verdict| {
        let mut attempts = attempts.iter();
        let attempt = attempts.find(|attempt| attempt.verdict == verdict);
        attempt.map(|attempt| attempt.number)
    };
    let answer = first(Verdict::Used).or_else(|| first(Verdict::Failed));
    let numbers: Vec<_> = attempts
        .iter()
        .map(|attempt| (attempt.provider.clone(), attempt.number))
        .collect();
    for attempt in attempts {
        let Some((beside, _)) = &attempt.way.aside else {
            continue;
        };
        if attempt.verdict == Verdict::Ignored {
            let named = || Some(numbers.iter().find(|(name, _)| name == beside)?.1);
            let earlier = answer.filter(|answer| *answer < attempt.number);
            attempt.masked_by = earlier.or_else(named);
        }
    }
}

/// Returns the scheme, the host and the path of a URL. A user, a password or a query may be a
/// secret, and so may a text that is not a URL. A password may hold any character, so what is
/// before the last `@` is not shown.
pub(crate) fn plain_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "not a URL".to_owned();
    };
    let user = rest.rfind('@').map_or(0, |at| at + 1);
    let rest = rest[user..].split(['?', '#']).next().unwrap_or_default();
    format!("{scheme}://{rest}")
}

#[cfg(test)]
mod tests {
    use super::plain_url;

    #[test]
    fn a_url_is_shown_without_what_may_be_secret() {
        for (url, plain) in [
            ("https://h.example:8443/base", "https://h.example:8443/base"),
            ("https://user:pass@h.example/x", "https://h.example/x"),
            ("https://user:pa/ss?w@h.example/x", "https://h.example/x"),
            ("https://h.example?t=CANARY", "https://h.example"),
            ("CANARY", "not a URL"),
        ] {
            assert_eq!(plain_url(url), plain);
        }
    }
}

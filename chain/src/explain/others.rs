//! What other SDKs would use, with the same variables and files.

use keyfob_sigv4::Timestamp;

use super::{Attempt, Explanation, Verdict};
use crate::{
    chain::Chain,
    config::{Region, Settings},
    cure::{Selection, Skip},
    error::ErrorKind,
    finding::{Finding, FindingKind},
    order::Order,
    origin::Origin,
    profiles::{FileKind, SectionName},
    providers::OLD_FILES,
    shell,
};

/// The variables of all SDKs that name a profile.
const PROFILE_VARIABLES: [&str; 2] = ["AWS_DEFAULT_PROFILE", "AWS_PROFILE"];
/// The variables of all SDKs that set the region.
const REGION_VARIABLES: [&str; 2] = ["AWS_DEFAULT_REGION", "AWS_REGION"];

impl Explanation {
    /// Adds a note for each answer that other SDKs would come to with the same variables and files:
    /// other credentials, or another region. It names the SDKs, what they would use and why, and
    /// mostly a change after which all agree.
    ///
    /// The providers are only [inspected](crate::Provider::inspect), and the instance is not asked,
    /// because it comes last in all SDKs.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, FindingKind, Order, Settings, Variables};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// let variables = Variables::from_iter([
    ///     ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ///     ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/app"),
    ///     ("AWS_EC2_METADATA_DISABLED", "true"),
    /// ]);
    /// let settings = Settings::load(variables);
    /// let chain = Chain::default_for(Order::Cli, &settings);
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let now = Timestamp::now();
    /// let explanation = chain.explain(now).await.explanation;
    /// let explanation = explanation.with_other_sdks(&settings, now).await;
    /// let mut findings = explanation.findings.iter();
    /// let other = findings.find(|finding| finding.kind == FindingKind::OtherSdk).unwrap();
    /// assert!(other.text.contains("would use container (agent of AWS_CONTAINER_CREDENTIALS_"));
    /// # });
    /// ```
    #[must_use]
    pub async fn with_other_sdks(self, settings: &Settings, now: Timestamp) -> Self {
        // What the others would tell on their way is not about this program.
        let settings = settings.clone().with_notify(|_| {});
        let ours = View::new(settings.order(), &settings, now).await;
        let mut answers: Vec<(Vec<Order>, Finding)> = Vec::new();
        // Our own rules are not exactly those of the AWS CLI.
        let settings = settings.with_exact_rules();
        let is_other = |order: &&Order| **order != ours.order || !ours.settings.is_exact();
        for order in Order::ALL.iter().filter(is_other) {
            let theirs = View::new(*order, &settings, now).await;
            for finding in [ours.credentials(&theirs, now).await, ours.region(&theirs)] {
                let Some(finding) = finding else { continue };
                match answers.iter_mut().find(|(_, known)| *known == finding) {
                    Some((orders, _)) => orders.push(*order),
                    None => answers.push((vec![*order], finding)),
                }
            }
        }
        let findings = answers.into_iter().map(|(orders, mut finding)| {
            finding.text = format!("{} {}", tools(&orders), finding.text);
            finding
        });
        self.with_findings(findings)
    }
}

/// What the rules of one SDK lead to.
struct View {
    order: Order,
    settings: Settings,
    explanation: Explanation,
}

impl View {
    async fn new(order: Order, settings: &Settings, now: Timestamp) -> Self {
        let settings = settings.clone().with_order(order);
        let chain = Chain::without_instance(order, &settings);
        Self {
            order,
            explanation: chain.look(now).await,
            settings,
        }
    }

    /// Returns the attempt that decides: the one in use, or the one whose failure stops the chain.
    fn answer(&self) -> Option<&Attempt> {
        let mut attempts = self.explanation.attempts.iter();
        let stops = |attempt: &&Attempt| {
            attempt.verdict == Verdict::Failed && !self.settings.rules().passes_over_failures
        };
        self.explanation.winner().or_else(|| attempts.find(stops))
    }

    fn row(&self, provider: &str) -> Option<&Attempt> {
        let mut attempts = self.explanation.attempts.iter();
        attempts.find(|attempt| attempt.provider == provider)
    }

    /// Returns the row with the same credentials as another SDK's one.
    fn same(&self, other: &Attempt) -> Option<&Attempt> {
        other.origin.as_ref()?;
        let mut attempts = self.explanation.attempts.iter();
        attempts.find(|attempt| attempt.origin == other.origin)
    }

    /// Returns what another SDK would use, without its name at the start, if that is not the same.
    async fn credentials(&self, theirs: &Self, now: Timestamp) -> Option<Finding> {
        let (ours, other) = (self.answer(), theirs.answer());
        if is_same(ours, other) {
            return None;
        }
        let what = match other {
            Some(other) if other.verdict == Verdict::Used => {
                let origin = other.origin.as_ref().map(Origin::raw).unwrap_or_default();
                format!("would use {} ({origin})", other.provider)
            }
            Some(_) => "would stop".to_owned(),
            None if theirs.settings.is_imds_disabled() => "would have no credentials".to_owned(),
            None => "would ask the instance".to_owned(),
        };
        let why = self.why(theirs, ours, other);
        let finding = Finding::note(FindingKind::OtherSdk, format!("{what}: {why}"));
        let cure = self.cure(theirs, ours, other, now).await;
        // Without a change the answers stay as they are.
        let cure = cure.filter(|cure| *cure != Skip::default().command());
        Some(finding.with_cure_if(cure))
    }

    /// Returns why the other SDK comes to its answer.
    fn why(&self, theirs: &Self, ours: Option<&Attempt>, other: Option<&Attempt>) -> String {
        let name = |attempt: Option<&Attempt>| {
            attempt
                .map_or("the instance", |attempt| attempt.provider.as_str())
                .to_owned()
        };
        if let Some(other) = other.filter(|other| other.verdict == Verdict::Failed) {
            let reason = other.reason.clone().unwrap_or_default();
            return format!("there, {} failed ({reason})", other.provider);
        }
        if let Some(ours) = ours.filter(|ours| ours.verdict == Verdict::Failed) {
            return format!("there, what failed here ({}) is passed over", ours.provider);
        }
        if self.settings.profile_name() != theirs.settings.profile_name()
            && other.is_none_or(|other| self.row(&other.provider).is_none())
        {
            let (name, origin) = (
                theirs.settings.profile_name(),
                theirs.settings.profile_origin(),
            );
            return format!("the profile there is \"{name}\" ({})", origin.raw());
        }
        let Some(other) = other else {
            let reason = ours.and_then(|ours| theirs.row(&ours.provider)?.reason.clone());
            let reason = reason.unwrap_or_else(|| "it does not count".to_owned());
            return format!("{} there: {reason}", name(ours));
        };
        match self.row(&other.provider) {
            None => format!("{} do not count here", other.provider),
            Some(row) if Some(row.number) == ours.map(|ours| ours.number) => {
                let origin = row.origin.as_ref().map(Origin::raw).unwrap_or_default();
                format!("here, it is {origin}")
            }
            Some(row) if matches!(row.verdict, Verdict::Masked) => {
                format!("there, {} is asked before {}", other.provider, name(ours))
            }
            Some(row) => {
                let reason = row.reason.as_deref().unwrap_or("it does not count");
                format!("here, {reason}")
            }
        }
    }

    /// Returns a command line with which both use the same.
    async fn cure(
        &self,
        theirs: &Self,
        ours: Option<&Attempt>,
        other: Option<&Attempt>,
        now: Timestamp,
    ) -> Option<String> {
        let theirs_of_ours = ours.and_then(|ours| theirs.same(ours));
        if let Some(cure) = self.tried(theirs, theirs, theirs_of_ours, now).await {
            return Some(cure);
        }
        let has_name = !self.settings.profile_name().is_empty();
        if self.lacks_profile() {
            // Not all tools refuse a name that no file has.
            return self.without_profile(theirs, now).await;
        }
        if has_name && self.settings.profile_name() != theirs.settings.profile_name() {
            let settings = theirs.settings.clone().with_same_profile(&self.settings);
            let changed = Self::new(theirs.order, &settings, now).await;
            if is_same(ours, changed.answer()) {
                return Some(self.name_profile().command());
            }
        }
        let ours_of_theirs = other.and_then(|other| self.same(other));
        if let Some(cure) = self.tried(theirs, self, ours_of_theirs, now).await {
            return Some(cure);
        }
        let is_failed = |attempt: &&Attempt| attempt.verdict == Verdict::Failed;
        if ours.is_some_and(|ours| is_failed(&ours)) {
            let failed = self.explanation.attempts.iter().filter(is_failed);
            let changes = failed.filter_map(|attempt| attempt.way.skip.clone());
            let change = changes.fold(Skip::default(), Skip::and);
            if change.hides_files() {
                return self.without_profile(theirs, now).await;
            }
            // Without its profile, a program may come to variables with faults of their own.
            let is_whole = change.without.is_empty();
            return (is_whole && self.is_same_after(&change, theirs, now).await)
                .then(|| change.command());
        }
        let change = match (ours.and_then(|ours| ours.origin.as_ref()), &other?.origin) {
            (
                Some(Origin::Environment { variables: ours }),
                Some(Origin::Environment { variables: theirs }),
            ) => {
                let others = theirs.iter().filter(|name| !ours.contains(name));
                Skip::unset(others.map(String::as_str))
            }
            // What does not count here has to go there.
            _ if other?.provider == OLD_FILES => other?.way.skip.clone()?,
            _ => return None,
        };
        let is_same = self.is_same_after(&change, theirs, now).await;
        is_same.then(|| change.command())
    }

    /// Returns the command line with which an attempt of `side` counts, if both use the same then.
    async fn tried(
        &self,
        theirs: &Self,
        side: &Self,
        attempt: Option<&Attempt>,
        now: Timestamp,
    ) -> Option<String> {
        let attempt = attempt?;
        let cure = side.explanation.cure(attempt.number)?;
        let way = side.explanation.way_to(attempt);
        let is_same = match (&attempt.way.selection, way) {
            (Selection::ByArgument(argument), _) if cure.ends_with(argument) => {
                let name = side.settings.profile_name();
                let (ours, other) = (
                    self.with_option(name, now).await,
                    theirs.with_option(name, now).await,
                );
                is_same(ours.answer(), other.answer())
            }
            (_, Some(way)) if way.command() == cure => self.is_same_after(&way, theirs, now).await,
            // It mends a file.
            _ => true,
        };
        is_same.then(|| cure.to_owned())
    }

    /// Returns what it leads to with the argument `--profile`, if the tool takes that.
    async fn with_option(&self, name: &str, now: Timestamp) -> Self {
        let mut settings = self.settings.clone();
        if settings.rules().has_profile_option {
            settings = settings.with_profile(name);
        }
        Self::new(self.order, &settings, now).await
    }

    /// Returns true if both use the same after a change of variables.
    async fn is_same_after(&self, change: &Skip, theirs: &Self, now: Timestamp) -> bool {
        let (ours, other) = (
            self.after(change, now).await,
            theirs.after(change, now).await,
        );
        is_same(ours.answer(), other.answer())
    }

    async fn after(&self, change: &Skip, now: Timestamp) -> Self {
        let mut settings = self.settings.with_change(change);
        if change.hides_files() || !change.without.is_empty() {
            let is_set =
                |kind: &FileKind| change.set.iter().any(|(name, _)| name == kind.variable());
            let hidden = [FileKind::Config, FileKind::Credentials].into_iter();
            let hidden: Vec<_> = hidden.filter(is_set).collect();
            settings = settings.with_default_profile(&hidden);
        }
        Self::new(self.order, &settings, now).await
    }

    /// Returns true if a variable or the program names a profile that no file has.
    fn lacks_profile(&self) -> bool {
        let name = SectionName::profile(self.settings.profile_name());
        *self.settings.profile_origin() != Origin::Default
            && matches!(self.settings.files().find(&name), Ok(None))
    }

    /// Returns a command line in which both use the same without the profile of this one: with the
    /// profile of the other, or else with none that a variable names.
    async fn without_profile(&self, theirs: &Self, now: Timestamp) -> Option<String> {
        if !matches!(self.settings.profile_origin(), Origin::Environment { .. }) {
            return None;
        }
        let with_theirs = self.settings.clone().with_same_profile(&theirs.settings);
        let with_theirs = Self::new(self.order, &with_theirs, now).await;
        if !theirs.lacks_profile() && is_same(with_theirs.answer(), theirs.answer()) {
            return Some(theirs.name_profile().command());
        }
        let without = |view: &Self| (view.order, view.settings.with_default_profile(&[]));
        let ((our_order, ours), (their_order, theirs)) = (without(self), without(theirs));
        let ours = Self::new(our_order, &ours, now).await;
        let theirs = Self::new(their_order, &theirs, now).await;
        let change = Skip::unset(PROFILE_VARIABLES);
        is_same(ours.answer(), theirs.answer()).then(|| change.command())
    }

    /// Returns the change after which all SDKs use the profile of this one.
    fn name_profile(&self) -> Skip {
        match self.settings.profile_origin() {
            Origin::Default => Skip::unset(PROFILE_VARIABLES),
            _ => {
                let name = shell::quoted(self.settings.profile_name());
                let set = Skip::set(PROFILE_VARIABLES[1], name);
                set.and(Skip::unset([PROFILE_VARIABLES[0]]))
            }
        }
    }

    /// Returns the region that another SDK would use, if that is not the same.
    fn region(&self, theirs: &Self) -> Option<Finding> {
        // It does not come to a region.
        theirs.settings.check_files().ok()?;
        let ours = self.settings.region(None).ok()??;
        let other = match theirs.settings.region(None) {
            Ok(other) => other,
            Err(error) if error.kind() == ErrorKind::Setting => {
                let what = format!("would have no region ({})", error.chain());
                return Some(Self::region_note(&what, &ours, Skip::default()));
            }
            // The note about the credentials has it.
            Err(_) => return None,
        };
        let what = match &other {
            Some(other) if other.name() == ours.name() => return None,
            Some(other) => format!(
                "would use the region {} ({})",
                other.name(),
                other.origin().raw()
            ),
            None if theirs.settings.rules().region_of_instance => {
                "would ask the instance for the region".to_owned()
            }
            None => "would have no region".to_owned(),
        };
        let mut change = Skip::default();
        if let Some(Origin::SystemProperties {
            variable: Some(variable),
            ..
        }) = other.as_ref().map(Region::origin)
        {
            change = change.and(Skip::unset([variable]));
        }
        Some(Self::region_note(&what, &ours, change))
    }

    /// Returns a note, with a command line that has this change besides the region of this one.
    fn region_note(what: &str, ours: &Region, change: Skip) -> Finding {
        let text = format!("{what}, not {} ({})", ours.name(), ours.origin().raw());
        let set = REGION_VARIABLES.map(|name| Skip::set(name, ours.name()));
        let change = set.into_iter().fold(Skip::default(), Skip::and).and(change);
        Finding::note(FindingKind::OtherSdk, text).with_cure(change.command())
    }
}

/// Returns true if two SDKs use the same credentials, or stop at the same source.
fn is_same(ours: Option<&Attempt>, other: Option<&Attempt>) -> bool {
    match (ours, other) {
        (None, None) => true,
        (Some(ours), Some(other)) if ours.verdict != other.verdict => false,
        (Some(ours), Some(other)) if ours.verdict == Verdict::Used => ours.origin == other.origin,
        (Some(ours), Some(other)) => ours.provider == other.provider,
        _ => false,
    }
}

/// Returns `boto3, the SDK for Rust and the SDK for Go`.
fn tools(orders: &[Order]) -> String {
    let names: Vec<_> = orders.iter().map(|order| order.tool()).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

use std::sync::{Arc, Mutex, PoisonError};

use keyfob_chain::{
    Attempt, Chain, Error, ErrorKind, Explanation, Finding, FindingKind, Order, Origin, Region,
    Settings, TextPart, TextStyle, Verdict,
};
use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::Endpoint;

use crate::{
    context::Context,
    failure::chained,
    terminal::{Style, printable},
};

/// The result of one pass through the chain: the credentials, and why it is these.
pub(crate) struct Explained {
    /// What the chain answered.
    pub(crate) asked: Explanation,
    /// The same, with everything else that `keyfob why` shows.
    pub(crate) explanation: Explanation,
    pub(crate) credentials: Result<Credentials, Error>,
    /// An error if a profile was named that does not exist.
    pub(crate) profile: Result<(), Error>,
    /// An error if no call can be sent with the region, the endpoint and the other settings.
    pub(crate) call: Result<(), Error>,
    now: Timestamp,
}

impl Context {
    /// Asks the chain for credentials, by the rules of a tool in place of our own, and explains the
    /// answer.
    /// `has_call_below` leaves out why no call can be sent, unless there is a cure, for a program
    /// that prints that error below.
    pub(crate) async fn explain(&self, order: Option<Order>, has_call_below: bool) -> Explained {
        self.explain_with(self.settings(), order, has_call_below)
            .await
    }

    /// Explains as [`explain`](Self::explain) does, with these settings.
    pub(super) async fn explain_with(
        &self,
        settings: &Settings,
        order: Option<Order>,
        has_call_below: bool,
    ) -> Explained {
        let now = Timestamp::now();
        let _waiting = self.waiting_for_credentials();
        let told = Told::default();
        let mut settings = told.by(settings);
        if let Some(order) = order {
            settings = settings.with_order(order).with_exact_rules();
        }
        let resolution = Chain::default_for(settings.order(), &settings);
        let resolution = resolution.explain(now).await;
        let region = settings.resolve_region(None, now).await;
        // Of all tools, only this one has a region by default.
        let is_shown = |region: &&Region| order.is_none() || *region.origin() != Origin::Default;
        let shown_region = region.as_ref().ok().filter(is_shown);
        let call = check_call(self, &settings, &region);
        let profile = settings.check_profile();
        let asked = resolution.explanation;
        let explanation = asked.clone().with_other_sdks(&settings, now).await;
        let mut explanation = explanation
            .with_profile(settings.profile_name(), settings.profile_origin())
            .with_findings(settings.findings(shown_region))
            .with_findings(told.findings());
        match shown_region {
            Some(region) => explanation = explanation.with_region(region.clone()),
            None if region.is_ok() => {
                explanation = explanation.with_findings([settings.no_region_finding()]);
            }
            None => {}
        }
        explanation = with_endpoint(self, &settings, explanation, shown_region);
        // Only one error can stand below the table.
        let first = profile
            .as_ref()
            .err()
            .or(resolution.credentials.as_ref().err());
        if let Err(error) = &call {
            let mut findings = settings.call_findings(region.as_ref(), self.endpoint_argument());
            // A cure stands only here.
            if first.map_or(has_call_below, |first| {
                first.to_string() == error.to_string()
            }) {
                findings.retain(|finding| finding.cure.is_some());
            } else if findings.is_empty() {
                findings.push(Finding::warning(FindingKind::Setting, chained(error)));
            }
            explanation = explanation.with_findings(findings);
        }
        for finding in told.findings() {
            self.notes.set_printed(&finding);
        }
        self.notes
            .set_printed(&self.settings().default_region_finding());
        Explained {
            asked,
            explanation,
            credentials: resolution.credentials,
            profile,
            call,
            now,
        }
    }
}

impl Explained {
    /// Returns the table for people, wrapped at this number of columns.
    pub(crate) fn text(
        &self,
        context: &Context,
        width: Option<usize>,
        paint: &dyn Fn(Style, &str) -> String,
    ) -> String {
        // Each line may have words of a service or a file.
        let paint = |part: TextPart, line: &str| {
            let line = printable(line);
            let style = match part {
                TextPart::Winner => Style::Good,
                TextPart::Failed => Style::Bad,
                TextPart::Warning => Style::Warning,
                _ => return line.into_owned(),
            };
            paint(style, &line)
        };
        let home = context.variables().home();
        let mut style = TextStyle::default()
            .with_home(home.as_deref())
            .with_paint(&paint)
            .with_error_below();
        if let Some(columns) = width {
            style = style.with_width(columns);
        }
        self.explanation.styled_text(self.now, &style)
    }

    /// Returns the picture.
    pub(crate) fn svg(&self, context: &Context) -> String {
        let home = context.variables().home();
        self.explanation.svg(self.now, home.as_deref())
    }
}

/// What the chain has told on its way, which is for the table.
#[derive(Default)]
struct Told(Arc<Mutex<Vec<Finding>>>);

impl Told {
    /// Returns settings that tell their findings here.
    fn by(&self, settings: &Settings) -> Settings {
        let told = Arc::clone(&self.0);
        settings.clone().with_notify(move |finding| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.push(finding.clone());
        })
    }

    fn findings(&self) -> Vec<Finding> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.clone()
    }
}

/// Fails if no call can be sent with the region and the other settings.
fn check_call(
    context: &Context,
    settings: &Settings,
    region: &Result<Region, Error>,
) -> Result<(), Error> {
    let region = region.as_ref().map_err(Error::clone)?;
    // What the settings tell is in the table.
    let settings = settings.clone().with_notify(|_| {});
    let client = settings.sts(region, context.endpoint_argument())?;
    client.build().map_err(|error| {
        let message = "STS cannot be called with these settings";
        Error::with_source(ErrorKind::Setting, message, error)
    })?;
    Ok(())
}

/// Adds the URL in place of the services' own endpoints. One that cannot be used is an error.
fn with_endpoint(
    context: &Context,
    settings: &Settings,
    explanation: Explanation,
    region: Option<&Region>,
) -> Explanation {
    let argument = context.endpoint_argument();
    let clear_text = settings.clear_text_finding(argument).ok().flatten();
    let explanation = explanation.with_findings(clear_text);
    let is_usable = |url: &str| {
        let endpoint = Endpoint::builder().url(url);
        endpoint.is_ok_and(|endpoint| endpoint.build().is_ok())
    };
    // Without a profile that can be read there is no endpoint of it.
    let setting = settings.endpoint_url("sts").ok().flatten();
    match (argument, setting) {
        (Some(argument), _) if is_usable(argument.value) => {
            let finding = region.and_then(|region| role_endpoint(settings, &explanation, region));
            explanation
                .with_endpoint(argument.value, argument.origin())
                .with_findings(finding)
        }
        (None, Some(url)) if is_usable(url.text) => explanation.with_endpoint(url.text, url.origin),
        _ => explanation,
    }
}

/// Returns where the role in use is assumed: not at the URL of `--endpoint-url`, which is for the
/// calls of the command itself, as in `aws`.
fn role_endpoint(
    settings: &Settings,
    explanation: &Explanation,
    region: &Region,
) -> Option<Finding> {
    let is_role = |attempt: &&Attempt| {
        let is_tried = matches!(attempt.verdict, Verdict::Used | Verdict::Failed);
        is_tried && matches!(attempt.origin, Some(Origin::Role { .. }))
    };
    let attempt = explanation.attempts.iter().find(is_role)?;
    let settings = settings.clone().with_notify(|_| {});
    let client = settings.sts(region, None).ok()?.build().ok()?;
    let url = client.endpoint().url();
    let text = format!(
        "the role of {} is assumed at {url}, because --endpoint-url is only for the calls of the \
         command itself, as in aws",
        attempt.provider
    );
    Some(Finding::note(FindingKind::Endpoint, text))
}

//! `keyfob whoami`: everything about the identity in use, on one screen.

use std::path::Path;

use keyfob_chain::{Attempt, Explanation, FindingKind, Origin, Region, Severity};
use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::{
    actions::{CallerIdentity, GetCallerIdentity},
    call::Service,
};
use serde_json::{Value, json};

use crate::{
    context::Context,
    failure::Failure,
    services::Client,
    terminal::{Style, printable},
};

struct Report {
    /// What STS answered, and its URL. `None` for `--offline`.
    verified: Option<(CallerIdentity, String)>,
    explanation: Explanation,
    region: Region,
    expiry: Option<Timestamp>,
    is_temporary: bool,
    now: Timestamp,
}

/// Asks STS whose credentials these are, which also proves that they work.
///
/// # Errors
///
/// If there are no credentials, or if STS refuses them.
pub(super) async fn run(context: &Context, json: bool) -> Result<(), Failure> {
    let (credentials, explanation) = context.explained_credentials().await?;
    let verified = if context.is_offline() {
        None
    } else {
        let credentials = Some(credentials.clone());
        let sts = Client::with_credentials(context, &Service::STS, credentials).await?;
        let identity = sts.send(context, &GetCallerIdentity::new()).await?;
        Some((identity, sts.url()))
    };
    let report = Report::new(context, verified, &credentials, explanation).await?;
    match context.own_format(json) {
        Some(format) => context.print_as(format, "Whoami", &report.json(context)),
        None => context.console().write_stdout(report.text(context)),
    }
}

impl Report {
    async fn new(
        context: &Context,
        verified: Option<(CallerIdentity, String)>,
        credentials: &Credentials,
        explanation: Explanation,
    ) -> Result<Self, Failure> {
        let region = context.region().await?.clone();
        // What the source told, even if the credentials are used on.
        let winner = explanation.winner();
        let expiry = winner.map_or_else(|| credentials.expiry(), |winner| winner.expiry);
        Ok(Self {
            verified,
            explanation: explanation.with_findings(context.settings().findings(Some(&region))),
            region,
            expiry,
            is_temporary: credentials.session_token().is_some(),
            now: Timestamp::now(),
        })
    }

    fn text(&self, context: &Context) -> String {
        let console = context.console();
        let mut lines = Vec::new();
        if let Some((identity, _)) = &self.verified {
            let arn = console.paint(Style::Strong, &printable(&identity.arn));
            lines.push(("arn", arn));
            lines.push(("account", printable(&identity.account).into_owned()));
            lines.push(("user id", printable(&identity.user_id).into_owned()));
        }
        if let Some(winner) = self.explanation.winner() {
            lines.push(("credentials", describe(context, winner)));
        }
        lines.extend(self.masked(context));
        lines.extend(self.warnings(context));
        let origin = context.origin(self.region.origin());
        lines.push(("region", format!("{} ({origin})", self.region)));
        lines.push(("time left", self.time_left()));
        let signature = match &self.verified {
            Some((_, url)) => console.paint(Style::Good, &format!("verified by STS at {url}")),
            None => {
                let option = context.globals().name("offline");
                format!("not verified: STS is not asked, because of {option}")
            }
        };
        lines.push(("signature", signature));
        lines
            .iter()
            .map(|(name, value)| format!("{name:<11}  {value}\n"))
            .collect()
    }

    /// Lists the credentials that are not used, each with the command that uses them.
    fn masked(&self, context: &Context) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        for attempt in self.explanation.masked() {
            let text = describe(context, attempt);
            lines.push(("masked", context.console().paint(Style::Warning, &text)));
            if let Some(command) = self.explanation.cure(attempt.number) {
                lines.push(("to use it", command.to_owned()));
            }
        }
        if lines.is_empty() {
            lines.push(("masked", "nothing".to_owned()));
        }
        lines
    }

    /// Lists what is probably wrong although the credentials work.
    fn warnings(&self, context: &Context) -> Vec<(&'static str, String)> {
        let home = context.variables().home();
        let warnings = self.explanation.warnings();
        // What was printed before the call is on the screen.
        let lines = warnings
            .filter(|finding| !context.has_printed(finding))
            .flat_map(|finding| {
                let text = finding.line(home.as_deref());
                let warning = ("warning", context.console().paint(Style::Warning, &text));
                let cure = finding.cure.clone().map(|cure| ("cure", cure));
                [Some(warning), cure].into_iter().flatten()
            });
        lines.collect()
    }

    fn time_left(&self) -> String {
        let winner = self.explanation.winner();
        let left = winner.and_then(|attempt| attempt.time_left(self.now));
        match self.expiry.zip(left) {
            Some((expiry, left)) => format!("{left} (until {expiry})"),
            None if self.is_temporary => self.written_expiry(),
            None => "no expiry: long-term key".to_owned(),
        }
    }

    /// Returns what another tool wrote beside a session whose source does not say when it expires.
    fn written_expiry(&self) -> String {
        let winner = self.explanation.winner();
        let used = winner.and_then(|attempt| place(attempt.origin.as_ref()));
        let mut findings = self.explanation.findings.iter();
        let written = findings.find(|finding| {
            finding.kind == FindingKind::Expiry && place(finding.origin.as_ref()) == used
        });
        match written {
            None => "unknown: the source of this session does not say".to_owned(),
            // The warning says it.
            Some(finding) if finding.severity >= Severity::Warning => "unknown".to_owned(),
            Some(finding) => finding.text.clone(),
        }
    }

    fn json(&self, context: &Context) -> Value {
        let home = context.variables().home();
        let text = |origin: &Origin| origin.plain_text(home.as_deref());
        let source = |attempt: &Attempt| {
            json!({
                "provider": attempt.provider,
                "origin": attempt.origin.as_ref().map(text),
                "key_id": attempt.key_id,
                "unmask": self.explanation.cure(attempt.number),
            })
        };
        let masked: Vec<Value> = self.explanation.masked().map(source).collect();
        let identity = self.verified.as_ref().map(|(identity, _)| identity);
        let url = self.verified.as_ref().map(|(_, url)| url);
        json!({
            "user_id": identity.map(|identity| &identity.user_id),
            "account": identity.map(|identity| &identity.account),
            "arn": identity.map(|identity| &identity.arn),
            "credentials": self.explanation.winner().map(source),
            "masked": masked,
            "region": {
                "name": self.region.name(),
                "origin": text(self.region.origin()),
            },
            "expiry": self.expiry.map(|expiry| expiry.to_string()),
            "seconds_left": self.expiry.map(|expiry| expiry.seconds_since(self.now)),
            "signature_verified_by": url,
            "findings": self.explanation.findings,
        })
    }
}

/// Returns the file and the section of an origin.
fn place(origin: Option<&Origin>) -> Option<(&Path, &str)> {
    match origin? {
        Origin::File { file, section, .. } => Some((file, section)),
        _ => None,
    }
}

/// Describes a provider and its key: `instance metadata: role "app" (IMDSv2), key ASIA…`.
fn describe(context: &Context, attempt: &Attempt) -> String {
    let mut text = attempt.provider.clone();
    if let Some(origin) = &attempt.origin {
        text += &format!(": {}", context.origin(origin));
    }
    if let Some(key) = &attempt.key_id {
        text += &format!(", key {key}");
    }
    printable(&text).into_owned()
}

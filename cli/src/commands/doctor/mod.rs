//! `keyfob doctor`: whether files, clock, region, endpoints and the network are in order.

mod checks;
mod network;
mod unasked;

use std::{fs, io};

use keyfob_chain::{
    Chain, Finding, FindingKind, Order, Region, Severity, files,
    profiles::{FileKind, SectionName},
    settings::REGION,
    shell,
};
use keyfob_sigv4::{Timestamp, printable};
use serde_json::{Value, json};

use self::checks::Check;
use crate::{
    context::Context,
    failure::Failure,
    terminal::{Style, waiting_for},
};

/// Checks everything that does not need the right to call a service, and changes nothing.
///
/// # Errors
///
/// After the list: exits with 1 if there is a warning or a problem.
pub(super) async fn run(context: &Context, json: bool) -> Result<(), Failure> {
    let waiting = waiting_for("the checks of the network");
    let lines = lines(context).await;
    drop(waiting);
    let is_fine = lines.iter().all(|line| line.status == Status::Ok);
    match context.own_format(json) {
        Some(format) => {
            let checks: Vec<_> = lines.iter().map(Line::json).collect();
            context.print_as(format, "Doctor", &json!({"ok": is_fine, "checks": checks}))?;
        }
        None => context.console().write_stdout(text(context, &lines))?,
    }
    if is_fine {
        Ok(())
    } else {
        Err(Failure::negative())
    }
}

/// The result of a check, or one of several.
struct Line {
    check: Check,
    status: Status,
    text: String,
    finding: Option<Finding>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    Warning,
    Problem,
}

impl Line {
    fn json(&self) -> Value {
        let finding = self.finding.as_ref();
        json!({
            "check": self.check.name(),
            "status": self.status.name(),
            "text": self.text,
            "kind": finding.map(|finding| finding.kind),
            "origin": finding.and_then(|finding| finding.origin.as_ref()),
            "cure": finding.and_then(|finding| finding.cure.as_ref()),
        })
    }
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// Runs all checks. Those that use the network run beside each other.
async fn lines(context: &Context) -> Vec<Line> {
    let now = Timestamp::now();
    // What is told on the way is in the list.
    let settings = context.settings().clone().with_notify(|_| {});
    let chain = Chain::default_for(Order::Cli, &settings);
    let local = async {
        let region = settings.resolve_region(None, now).await;
        let explanation = chain.look(now).await.with_other_sdks(&settings, now).await;
        (region, explanation)
    };
    let ((region, explanation), network) = tokio::join!(local, network::check(context, &settings));
    let mut failures = checks::failures(&settings, &explanation);
    failures.extend(unasked::finding(&settings, &explanation));
    let is_told = |finding: &Finding| finding.kind == FindingKind::CaBundle;
    if !network.findings.iter().any(is_told) {
        failures.extend(checks::authority_finding(context));
    }
    let mut facts = network.facts;
    facts.extend(checks::facts(context, region.as_ref(), &explanation));
    let findings = explanation
        .with_findings(settings.findings(region.as_ref().ok()))
        .with_findings(checks::findings(context, &settings, region.as_ref()))
        .with_findings(failures)
        .with_findings(network.findings)
        .findings;
    let mut lines = Vec::new();
    for check in Check::ALL {
        let found = findings
            .iter()
            .filter(|finding| Check::from_kind(finding.kind) == check);
        let found: Vec<_> = found.map(|finding| line(context, check, finding)).collect();
        let is_fine = found.iter().all(|line| line.status == Status::Ok);
        let fact = facts.iter().find(|(of, _)| *of == check);
        // The notes say it all.
        let is_told = check == Check::Endpoint && !found.is_empty();
        if let Some((_, text)) = fact.filter(|_| is_fine && !is_told) {
            lines.push(Line {
                check,
                status: Status::Ok,
                text: text.clone(),
                finding: None,
            });
        }
        lines.extend(found);
    }
    lines
}

fn line(context: &Context, check: Check, finding: &Finding) -> Line {
    let mut finding = finding.clone();
    let mut status = match finding.severity {
        Severity::Note => Status::Ok,
        Severity::Error => Status::Problem,
        _ => Status::Warning,
    };
    // A region that nothing sets is mostly not the one that is meant.
    if finding.kind == FindingKind::DefaultRegion {
        status = Status::Warning;
        finding = finding.with_cure(region_cure(context));
    }
    Line {
        check,
        status,
        text: finding.line(context.variables().home().as_deref()),
        finding: Some(finding),
    }
}

/// Returns what sets a region: in the profile if its file can be changed, or else for one command.
fn region_cure(context: &Context) -> String {
    let region = Region::us_east_1();
    let profile = context.settings().profile_name();
    if can_set(
        context,
        &SectionName::profile(profile),
        "region",
        region.name(),
    ) {
        let option = shell::option("--profile", profile);
        return format!("keyfob configure set region {region} {option}");
    }
    format!("env {}={region} COMMAND", REGION.name())
}

/// Returns true if the config file can have the value. Changes nothing.
fn can_set(context: &Context, section: &SectionName, name: &str, value: &str) -> bool {
    let Ok(mut editor) = context.editor(FileKind::Config) else {
        return false;
    };
    if !files::can_write(editor.path()) {
        return false;
    }
    let text = match fs::metadata(editor.path()) {
        // A pipe would be waited for.
        Ok(metadata) if metadata.is_file() => files::read(editor.path()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        _ => return false,
    };
    let (Ok(text), Ok(editor)) = (text, editor.set(section, name, value)) else {
        return false;
    };
    editor.apply(&text).is_ok()
}

fn text(context: &Context, lines: &[Line]) -> String {
    let console = context.console();
    let mut out = String::new();
    for line in lines {
        let style = match line.status {
            Status::Ok => Style::Good,
            Status::Warning => Style::Warning,
            Status::Problem => Style::Bad,
        };
        let status = console.paint(style, &format!("{:<8}", line.status.name()));
        let text = context.shown(&line.text);
        out.push_str(&format!("{status} {:<12} {text}\n", line.check.name()));
        if let Some(cure) = line
            .finding
            .as_ref()
            .and_then(|finding| finding.cure.as_ref())
        {
            out.push_str(&format!("  cure:  {}\n", printable(cure)));
        }
    }
    out
}

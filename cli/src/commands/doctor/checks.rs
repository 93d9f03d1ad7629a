use std::fs;

use keyfob_chain::{
    Argument, Attempt, Error, ErrorKind, Explanation, Finding, FindingKind, Region, Settings,
    Verdict,
    settings::{self, ALL_PROXY, CA_BUNDLE, HTTP_PROXY, HTTPS_PROXY, SettingKey},
};
use keyfob_sts::{Client, ClientBuilder, call::Service};

use crate::{context::Context, failure::chained};

/// The proxies for the services, and the one for those that have none.
pub(super) const PROXIES: [SettingKey; 3] = [HTTPS_PROXY, HTTP_PROXY, ALL_PROXY];

/// What is checked, in the order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Files,
    Credentials,
    Region,
    Endpoint,
    Service,
    Clock,
    Instance,
    Container,
    Proxy,
    CaBundle,
    Settings,
}

impl Check {
    pub(super) const ALL: [Self; 11] = [
        Self::Files,
        Self::Credentials,
        Self::Region,
        Self::Endpoint,
        Self::Service,
        Self::Clock,
        Self::Instance,
        Self::Container,
        Self::Proxy,
        Self::CaBundle,
        Self::Settings,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Credentials => "credentials",
            Self::Region => "region",
            Self::Endpoint => "endpoint",
            Self::Service => "service",
            Self::Clock => "clock",
            Self::Instance => "instance",
            Self::Container => "container",
            Self::Proxy => "proxy",
            Self::CaBundle => "ca bundle",
            Self::Settings => "settings",
        }
    }

    /// Returns the check that a finding belongs to.
    pub(super) fn from_kind(kind: FindingKind) -> Self {
        match kind {
            FindingKind::File
            | FindingKind::FilePath
            | FindingKind::FileMode
            | FindingKind::UnknownProperty
            | FindingKind::Cache => Self::Files,
            FindingKind::MaskedRegion | FindingKind::UnknownRegion | FindingKind::DefaultRegion => {
                Self::Region
            }
            FindingKind::Endpoint | FindingKind::ClearText => Self::Endpoint,
            FindingKind::Service => Self::Service,
            FindingKind::Clock => Self::Clock,
            FindingKind::Instance => Self::Instance,
            FindingKind::Container => Self::Container,
            FindingKind::Proxy => Self::Proxy,
            FindingKind::CaBundle => Self::CaBundle,
            FindingKind::Flag | FindingKind::Setting | FindingKind::UnusedSetting => Self::Settings,
            _ => Self::Credentials,
        }
    }
}

/// Returns what is there, for the checks that find nothing wrong.
pub(super) fn facts(
    context: &Context,
    region: Result<&Region, &Error>,
    explanation: &Explanation,
) -> Vec<(Check, String)> {
    let mut facts = vec![
        (Check::Files, files(context)),
        (Check::Credentials, credentials(explanation)),
    ];
    if let Ok(region) = region {
        let text = format!("{region} ({})", context.origin(region.origin()));
        facts.push((Check::Region, text));
    }
    let of =
        |check, text: Option<String>, none: &str| (check, text.unwrap_or_else(|| none.to_owned()));
    let settings = context.settings();
    let set = |key: &SettingKey| {
        settings
            .find(key)
            .map(|found: keyfob_chain::Setting<'_>| found.name.to_string())
    };
    let proxy = PROXIES.iter().find_map(set);
    facts.extend([
        (
            Check::Endpoint,
            "no URL takes the place of the services' own".to_owned(),
        ),
        of(Check::Proxy, proxy, "none"),
        of(
            Check::CaBundle,
            set(&CA_BUNDLE).map(|name| format!("{name} can be read")),
            "the system's",
        ),
        (Check::Settings, "no setting is wrong".to_owned()),
    ]);
    facts
}

/// Returns the files, with their modes and owners where the system has any.
fn files(context: &Context) -> String {
    let variables = context.variables();
    let files = [variables.config_file(), variables.credentials_file()];
    let files = files.into_iter().flatten().map(|file| {
        let name = file.display();
        match fs::metadata(&file) {
            Ok(metadata) => format!("{name}{}", rights(&metadata)),
            Err(_) => format!("{name} (not there)"),
        }
    });
    files.collect::<Vec<_>>().join(", ")
}

#[cfg(unix)]
fn rights(metadata: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;

    let owner = match metadata.uid() {
        uid if uid == rustix::process::geteuid().as_raw() => "yours".to_owned(),
        uid => format!("of user {uid}"),
    };
    format!(" ({:04o}, {owner})", metadata.mode() & 0o7777)
}

#[cfg(not(unix))]
fn rights(_metadata: &fs::Metadata) -> String {
    String::new()
}

fn credentials(explanation: &Explanation) -> String {
    match explanation.winner() {
        Some(winner) => winner.provider.clone(),
        None => "none".to_owned(),
    }
}

/// Returns a problem for each source of credentials that is set up and fails.
pub(super) fn failures(settings: &Settings, explanation: &Explanation) -> Vec<Finding> {
    let file = settings.profile().err();
    let file = file.filter(|error| error.kind() == ErrorKind::ConfigFile);
    let file = file.map(|error| error.to_string());
    let failed = explanation.attempts.iter();
    let failed = failed.filter(|attempt| attempt.verdict == Verdict::Failed);
    let finding = |attempt: &Attempt| {
        let reason = attempt.reason.as_deref().unwrap_or_default();
        let text = format!("{} fails: {reason}", attempt.provider);
        let kind = match &file {
            Some(error) if text.contains(error) => FindingKind::File,
            _ => FindingKind::Other,
        };
        let finding = Finding::problem(kind, text);
        // What comes after it is used without it.
        let next = explanation
            .masked()
            .find_map(|masked| explanation.cure(masked.number));
        match next {
            Some(cure) => finding.with_cure(cure),
            None => finding,
        }
    };
    failed.map(finding).collect()
}

/// Returns what is wrong and no other command looks for: settings with which no call can be sent.
pub(super) fn findings(
    context: &Context,
    settings: &Settings,
    region: Result<&Region, &Error>,
) -> Vec<Finding> {
    let clear_text = settings.clear_text_finding(context.endpoint_argument());
    let mut findings: Vec<_> = clear_text.ok().flatten().into_iter().collect();
    let mut errors: Vec<_> = region.err().cloned().into_iter().collect();
    errors.extend(call_errors(context, settings, region.ok()));
    for error in errors {
        let finding = setting_finding(settings, &error);
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

/// Returns why no call can be sent. Each setting is checked beside right values of the others, so
/// that one that is wrong does not hide the next.
fn call_errors(context: &Context, settings: &Settings, region: Option<&Region>) -> Vec<Error> {
    let region = region.cloned().unwrap_or_else(Region::us_east_1);
    let argument = context.endpoint_argument();
    let unusable = |error| Error::with_source(ErrorKind::Setting, "no call can be sent", error);
    let with_right = |settings: &Settings, name: &str, value: &str| {
        let settings = settings.clone();
        settings.with_argument(name, Argument::new(name, value))
    };
    let mode = with_right(settings, "retry_mode", "standard");
    let attempts = with_right(settings, "max_attempts", "3");
    let certificates = with_right(&mode, "max_attempts", "3");
    let connections = [mode, attempts, certificates].map(|settings| settings.connections());
    let service = Service::STS;
    let endpoint = settings.endpoint(service.endpoint(), service.id(), &region, argument);
    let endpoint = endpoint.and_then(|endpoint| endpoint.build().map_err(unusable));
    // It has the proxies and nothing else of these settings.
    let proxies = Client::builder().region(Region::us_east_1().name());
    let proxies = proxies.and_then(ClientBuilder::build).map_err(unusable);
    let call = settings.sts(&region, argument);
    let call = call.and_then(|client| client.build().map_err(unusable));
    let results = [endpoint.map(drop), proxies.map(drop), call.map(drop)];
    let connections = connections.map(|builder| builder.map(drop));
    let all = connections.into_iter().chain(results);
    all.filter_map(Result::err).collect()
}

/// Returns the problem that stops all calls, with what sets it aside.
fn setting_finding(settings: &Settings, error: &Error) -> Finding {
    let text = chained(error);
    let bundle = settings.find(&CA_BUNDLE).filter(|bundle| {
        text.contains(&*bundle.name) || text.contains(&format!("CA bundle {}", bundle.text))
    });
    let proxies = PROXIES.iter().flat_map(|key| key.variables);
    let mut proxies = proxies.filter(|name| settings.variables().raw(name).is_some());
    let proxy = proxies.find(|name| text.contains(**name));
    let (kind, variable) = match (bundle, proxy) {
        (Some(bundle), _) => {
            let name = bundle.name.to_string();
            (FindingKind::CaBundle, Some(name))
        }
        (None, Some(proxy)) => (FindingKind::Proxy, Some((*proxy).to_owned())),
        _ => {
            let keys = settings::ALL.iter().filter(|key| **key != settings::HOME);
            let mut names = keys.flat_map(|key| key.variables);
            let name = names.find(|name| text.contains(**name));
            (FindingKind::Setting, name.map(|name| (*name).to_owned()))
        }
    };
    let finding = Finding::problem(kind, text);
    match variable.filter(|name| settings.variables().raw(name).is_some()) {
        Some(name) => finding.with_cure(format!("env -u {name} COMMAND")),
        None => finding,
    }
}

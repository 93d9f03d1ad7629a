use std::{future::Future, time::Duration};

use keyfob_chain::{
    ContainerProvider, Finding, FindingKind, Outcome, Provider as _, Settings,
    settings::{
        CONTAINER_AUTHORIZATION_TOKEN_FILE, CONTAINER_CREDENTIALS_FULL_URI,
        CONTAINER_CREDENTIALS_RELATIVE_URI, EC2_METADATA_DISABLED, EC2_METADATA_SERVICE_ENDPOINT,
    },
    shell,
};
use keyfob_imds::ErrorKind as ImdsErrorKind;
use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::{ErrorKind, actions::GetCallerIdentity};
use tokio::time::timeout;

use super::checks::{Check, PROXIES};
use crate::{context::Context, failure::chained};

/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The key of the request that asks for the time, which has no user. It is the one of AWS's own
/// examples.
const UNKNOWN: (&str, &str) = (
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
);

/// The variables that name certificate authorities if no CA bundle is set.
pub(super) const AUTHORITIES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// What the network has.
#[derive(Default)]
pub(super) struct Network {
    /// What is there, for the checks that find nothing wrong.
    pub(super) facts: Vec<(Check, String)>,
    pub(super) findings: Vec<Finding>,
}

/// Asks the service, the instance and the container's agent beside each other.
pub(super) async fn check(context: &Context, settings: &Settings) -> Network {
    if context.is_offline() {
        let checks = [
            Check::Service,
            Check::Clock,
            Check::Instance,
            Check::Container,
        ];
        let not_asked = |check| (check, "not asked, because of --offline".to_owned());
        return Network {
            facts: checks.map(not_asked).to_vec(),
            findings: Vec::new(),
        };
    }
    let (service, instance, container) = tokio::join!(
        service(context, settings),
        instance(settings),
        container(settings),
    );
    let mut network = Network::default();
    for part in [service, instance, container] {
        network.facts.extend(part.facts);
        network.findings.extend(part.findings);
    }
    network
}

impl Network {
    fn fact(check: Check, text: impl Into<String>) -> Self {
        Self {
            facts: vec![(check, text.into())],
            findings: Vec::new(),
        }
    }

    fn finding(finding: Finding) -> Self {
        Self {
            facts: Vec::new(),
            findings: vec![finding],
        }
    }
}

async fn in_time<T>(answer: impl Future<Output = T>) -> Result<T, String> {
    let answer = timeout(PATIENCE, answer).await;
    answer.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))
}

/// Asks STS for its time, with a key that has no user: every answer has the time.
async fn service(context: &Context, settings: &Settings) -> Network {
    let endpoint = context.endpoint_argument();
    let region = settings.resolve_region(None, Timestamp::now());
    let client = async {
        let region = region.await.ok()?;
        settings
            .sts(&region, endpoint)
            .ok()?
            .attempts(1)
            .build()
            .ok()
    };
    // The settings have a finding of their own.
    let Some(client) = client.await else {
        let not_asked = |check| (check, "not asked, because no call can be sent".to_owned());
        return Network {
            facts: [Check::Service, Check::Clock].map(not_asked).to_vec(),
            findings: Vec::new(),
        };
    };
    let Ok(unknown) = Credentials::new(UNKNOWN.0, UNKNOWN.1) else {
        return Network::default();
    };
    let url = client.endpoint().url().to_string();
    let answer = in_time(client.send(&GetCallerIdentity::new(), &unknown)).await;
    match answer {
        Err(reason) => return unreachable(context, settings, &url, &reason),
        Ok(Err(error)) if is_unanswered(error.kind()) => {
            return unreachable(context, settings, &url, &chained(&error));
        }
        Ok(_) => {}
    }
    let mut network = Network::fact(Check::Service, format!("{url} answers"));
    let mut fact = |text: &str| network.facts.push((Check::Clock, text.to_owned()));
    match client.clock_skew_seconds() {
        None => fact("not known: the answer of the service has no time"),
        Some(0) => fact("as that of the service"),
        Some(seconds) => {
            let direction = if seconds > 0 { "behind" } else { "ahead of" };
            let text = format!(
                "the clock of this machine is {} s {direction} that of {url}: services refuse \
                 requests from about 5 minutes on",
                seconds.abs()
            );
            let finding = Finding::problem(FindingKind::Clock, text);
            // It sets the clock by the service, and needs the right to do so.
            let cure = format!(
                "sudo date -s \"$(curl -sI {} | sed -n 's/^[Dd]ate: //p' | tr -d '\\r')\"",
                shell::quoted(&url)
            );
            network.findings.push(finding.with_cure(cure));
        }
    }
    network
}

fn is_unanswered(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Transport | ErrorKind::Setting
    )
}

/// Returns the problem, with what leads around an endpoint or a proxy that someone has set.
fn unreachable(context: &Context, settings: &Settings, url: &str, reason: &str) -> Network {
    let text = format!("{url} cannot be reached: {reason}");
    let named: Vec<_> = AUTHORITIES
        .into_iter()
        .filter(|name| reason.contains(name))
        .collect();
    if !named.is_empty() {
        let finding = Finding::problem(FindingKind::CaBundle, text);
        let cure = format!("env -u {} COMMAND", named.join(" -u "));
        return Network::finding(finding.with_cure(cure));
    }
    let finding = Finding::problem(FindingKind::Service, text);
    let cure = match (proxy_cure(reason), context.endpoint_argument()) {
        (Some(cure), _) => Some(cure),
        (None, Some(argument)) => {
            let option = shell::option("--endpoint-url", argument.value);
            Some(format!("COMMAND  # without {option}"))
        }
        (None, None) => settings
            .endpoint_findings()
            .into_iter()
            .find_map(|finding| finding.cure),
    };
    Network::finding(match cure {
        Some(cure) => finding.with_cure(cure),
        None => finding,
    })
}

/// Returns what goes around the proxy that the error names. It is named in small and in capital
/// letters, and the other one would take its place.
fn proxy_cure(reason: &str) -> Option<String> {
    let mut keys = PROXIES.iter().map(|key| key.variables);
    let names = keys.find(|names| {
        let mut texts = names.iter().map(|name| format!("the proxy of {name}"));
        texts.any(|text| reason.contains(&text))
    })?;
    Some(format!("env -u {} COMMAND", names.join(" -u ")))
}

/// Asks the instance for the credentials of its role, as a program does.
async fn instance(settings: &Settings) -> Network {
    let client = settings.imds(None).and_then(|builder| {
        let builder = builder.attempt_timeout(Duration::from_secs(1)).attempts(1);
        builder.build().map_err(|error| {
            let kind = keyfob_chain::ErrorKind::Setting;
            keyfob_chain::Error::with_source(kind, "instance metadata cannot be asked", error)
        })
    });
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            let mut finding = Finding::problem(FindingKind::Instance, chained(&error));
            finding.origin = error.origin().cloned();
            finding.cure = error.cure();
            return Network::finding(finding);
        }
    };
    let disabled = EC2_METADATA_DISABLED.name();
    match in_time(client.credentials()).await {
        Ok(Ok(role)) => match role.expired {
            Some(at) => Network::finding(expired(FindingKind::Instance, "instance metadata", at)),
            None => Network::fact(
                Check::Instance,
                format!("role \"{}\" answers (IMDSv2)", role.name),
            ),
        },
        Ok(Err(error)) if error.kind() == ImdsErrorKind::Disabled => {
            Network::fact(Check::Instance, format!("not asked: {disabled} is true"))
        }
        Ok(Err(error)) if error.kind() == ImdsErrorKind::NotFound => {
            Network::fact(Check::Instance, "it has no role")
        }
        Ok(Err(error)) if error.kind() == ImdsErrorKind::Forbidden => Network::fact(
            Check::Instance,
            "it is switched off for this instance (HTTP 403)",
        ),
        Ok(Err(error)) if error.is_no_instance() && is_on_ec2() => {
            Network::finding(no_answer(&chained(&error)))
        }
        // Only the usual address may be empty.
        Ok(Err(error))
            if error.is_no_instance()
                && settings.find(&EC2_METADATA_SERVICE_ENDPOINT).is_none() =>
        {
            Network::fact(Check::Instance, "this is not an EC2 instance")
        }
        Ok(Err(error)) => {
            let text = format!("instance metadata fails: {}", chained(&error));
            let finding = Finding::warning(FindingKind::Instance, text);
            Network::finding(finding.with_cure(format!("env {disabled}=true COMMAND")))
        }
        Err(reason) => Network::finding(no_answer(&reason)),
    }
}

/// Returns the finding of a source that gives credentials which have expired. They are used on.
fn expired(kind: FindingKind, source: &str, at: Timestamp) -> Finding {
    let text = format!(
        "{source} gives credentials that expired at {at}: services may refuse them, unless the \
         clock of this machine is ahead"
    );
    Finding::warning(kind, text)
}

/// Returns the finding of an instance whose metadata does not answer: mostly a container, which is
/// one hop further away than its answers reach.
fn no_answer(reason: &str) -> Finding {
    let text = format!(
        "instance metadata does not answer here ({reason}): in a container, the hop limit of the \
         instance must be 2"
    );
    let cure = "aws ec2 modify-instance-metadata-options --instance-id ID \
                --http-put-response-hop-limit 2";
    Finding::warning(FindingKind::Instance, text).with_cure(cure)
}

/// Returns true if the firmware says that the machine is one of EC2.
///
/// Source: EC2 User Guide, "Detect whether a host is an EC2 instance".
fn is_on_ec2() -> bool {
    let read = |name: &str| std::fs::read_to_string(format!("/sys/class/dmi/id/{name}"));
    let vendor = read("sys_vendor").or_else(|_| read("board_vendor"));
    vendor.is_ok_and(|vendor| vendor.trim() == "Amazon EC2")
}

/// Asks the container's agent for credentials, as a program does.
async fn container(settings: &Settings) -> Network {
    let provider = ContainerProvider::new(settings.clone()).with_one_attempt();
    let answer = in_time(provider.provide(Timestamp::now())).await;
    let reason = match answer {
        Ok(Ok(Outcome::NotConfigured(_))) => {
            return Network::fact(Check::Container, "no variable names an agent");
        }
        Ok(Ok(Outcome::Found(found))) => {
            return match found.expired {
                Some(at) => Network::finding(expired(FindingKind::Container, "the agent", at)),
                None => Network::fact(Check::Container, "its agent has credentials"),
            };
        }
        Ok(Err(error)) => chained(&error),
        Err(reason) => format!("the container's agent gives {reason}"),
    };
    let keys = [
        CONTAINER_CREDENTIALS_RELATIVE_URI,
        CONTAINER_CREDENTIALS_FULL_URI,
        CONTAINER_AUTHORIZATION_TOKEN_FILE,
    ];
    let names: Vec<_> = keys
        .iter()
        .map(|key| format!("-u {}", key.name()))
        .collect();
    let finding = Finding::problem(FindingKind::Container, reason);
    Network::finding(finding.with_cure(format!("env {} COMMAND", names.join(" "))))
}

//! Conversion of the errors of Keyfob's crates to failures: which kind of error has which exit code
//! and error code.

use std::{error::Error, io};

use keyfob_chain::{MfaQuestion, Settings, shell};
use tracing::debug;

use super::advice::{Refused, setting_hint};
use crate::failure::Failure;

impl From<&keyfob_chain::Error> for Failure {
    fn from(error: &keyfob_chain::Error) -> Self {
        use keyfob_chain::ErrorKind;

        let kind = error.kind();
        // If a provider failed because of STS, the failure is the answer of STS, with the role that
        // it is about. A request that cannot be sent is a fault of the configuration, which only
        // the error of the chain names.
        let is_answer = matches!(kind, ErrorKind::Provider | ErrorKind::Refused);
        if let Some(answer) = cause::<keyfob_sts::Error>(error).filter(|_| is_answer) {
            let failure = Self::from(answer).with_detail(error.to_string());
            let failure = failure.with_refusal_hint(answer.into(), "STS", None);
            return failure.with_passing_hint(answer, "STS", None);
        }
        let text = chained(error);
        if kind == ErrorKind::MfaCode {
            return Self::mfa(error, text);
        }
        match kind {
            ErrorKind::NoCredentials => Self::no_credentials(text),
            ErrorKind::ProfileNotFound => Self::other(text).with_code("ProfileNotFound"),
            ErrorKind::ConfigFile => Self::configuration(text).with_code("ConfigParseError"),
            ErrorKind::PartialCredentials => {
                Self::configuration(text).with_code("PartialCredentials")
            }
            ErrorKind::InvalidCredentials => {
                Self::configuration(text).with_code("InvalidCredentials")
            }
            ErrorKind::Expired => Self::configuration(text).with_code("ExpiredCredentials"),
            ErrorKind::Setting | ErrorKind::Unsupported | ErrorKind::SourceProfile => {
                Self::configuration(text)
            }
            ErrorKind::InvalidEdit => Self::usage(text),
            ErrorKind::Write => Self::other(text).with_code("ConfigWriteError"),
            _ => Self::other(text).with_code("CredentialRetrieval"),
        }
    }
}

impl From<keyfob_chain::Error> for Failure {
    fn from(error: keyfob_chain::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&keyfob_sts::Error> for Failure {
    fn from(error: &keyfob_sts::Error) -> Self {
        use keyfob_sts::ErrorKind;

        let failure = match error.kind() {
            ErrorKind::Service => Self::answered(error),
            ErrorKind::Input => Self::usage(chained(error)),
            ErrorKind::Setting => Self::configuration(chained(error)),
            ErrorKind::Connect => Self::connect(error),
            ErrorKind::Timeout => Self::other(chained(error)).with_code("ReadTimeout"),
            ErrorKind::Transport => Self::other(chained(error)).with_code("ConnectionClosed"),
            ErrorKind::Response => Self::unreadable(error),
            _ => Self::other(chained(error)),
        };
        let Some(id) = error.request_id() else {
            return failure;
        };
        debug!(request_id = id, "failed");
        failure.with_request_id(id)
    }
}

impl From<keyfob_sts::Error> for Failure {
    fn from(error: keyfob_sts::Error) -> Self {
        Self::from(&error)
    }
}

/// Errors of signing are usage errors: the request comes from the command line. They do not repeat
/// it, as a word in the wrong place may be a secret.
impl From<keyfob_sigv4::Error> for Failure {
    fn from(error: keyfob_sigv4::Error) -> Self {
        Self::usage(error.message())
    }
}

impl Failure {
    /// Converts an error from reading `path` of instance metadata.
    pub(crate) fn from_imds(error: &keyfob_imds::Error, path: &str) -> Self {
        use keyfob_imds::ErrorKind;

        match (error.kind(), error.status()) {
            // The path and the time to live are arguments.
            (ErrorKind::Setting, _) => Self::usage(chained(error)),
            (ErrorKind::Disabled, _) => {
                let failure = Self::configuration(chained(error));
                if !error.to_string().contains("AWS_EC2_METADATA_DISABLED") {
                    return failure;
                }
                failure.with_hint(
                    "unset AWS_EC2_METADATA_DISABLED, or try `keyfob --sandbox imds role`",
                )
            }
            (ErrorKind::NotFound, _) => Self::not_found(path, chained(error)),
            (_, Some(status)) => {
                Self::service(&status.to_string(), &format!("GET {path}"), chained(error))
            }
            // Outside EC2, the address refuses connections or does not answer.
            (ErrorKind::Connect | ErrorKind::Timeout, _) => Self::connect(error),
            _ => Self::other(chained(error)),
        }
    }

    /// Converts the error that is the answer of a service. Without an error code, which AWS always
    /// sends, the HTTP status takes its place, as in `aws`.
    fn answered(error: &keyfob_sts::Error) -> Self {
        let operation = error.action().unwrap_or("STS");
        match (error.code(), error.status()) {
            (Some(code), _) if !code.is_empty() => Self::service(code, operation, error.message()),
            (_, Some(status)) => {
                let message = format!("HTTP {status}: {}", error.message());
                Self::service(&status.to_string(), operation, message)
            }
            (_, None) => Self::service("Unknown", operation, error.message()),
        }
    }

    /// Converts the error that an answer of success cannot be read, with the code of `aws`.
    fn unreadable(error: &keyfob_sts::Error) -> Self {
        let failure = Self::other(error.message()).with_code("ResponseParser");
        match error.action() {
            Some(operation) => failure.with_operation(operation),
            None => failure,
        }
    }

    /// Creates the failure of a provider after the profile was found. A name that is not found then
    /// stands in the configuration. If a setting of a profile is wrong, a hint has the command that
    /// sets it.
    pub(crate) fn from_provider(error: &keyfob_chain::Error, settings: &Settings) -> Self {
        let failure = match error.kind() {
            keyfob_chain::ErrorKind::ProfileNotFound => Self::configuration(chained(error)),
            _ => Self::from(error),
        };
        let failure = with_endpoint_origin(failure, settings);
        if let (Some(source), Some(answer)) = (error.role_source(), cause(error)) {
            return failure.with_role_source(source, Refused::from(answer), settings);
        }
        // Without credentials, or a code, nothing is set wrong.
        let is_about_setting = !matches!(
            error.kind(),
            keyfob_chain::ErrorKind::NoCredentials | keyfob_chain::ErrorKind::MfaCode
        );
        if !failure.hints().is_empty() || !is_about_setting {
            return failure;
        }
        match setting_hint(settings, error) {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }

    /// Creates the failure of a role that needs a code. Ctrl-C at the prompt has no message.
    fn mfa(error: &keyfob_chain::Error, text: String) -> Self {
        match (cause::<keyfob_sts::Error>(error), cause::<io::Error>(error)) {
            (Some(answer), _) => Self::from(answer).with_detail(error.to_string()),
            (None, Some(cause)) if cause.kind() == io::ErrorKind::Interrupted => {
                Self::interrupted()
            }
            _ => {
                let failure = Self::configuration(text);
                match error.mfa_question().and_then(cure_with_code) {
                    Some(cure) => failure.with_hint(cure),
                    None => failure,
                }
            }
        }
    }

    /// Creates the failure for an endpoint that cannot be reached, whichever crate reports it.
    fn connect(error: &(dyn Error + 'static)) -> Self {
        let failure = Self::other(chained(error)).with_code("EndpointConnection");
        failure.with_hint("`keyfob doctor` checks the network, the proxy and the certificates")
    }
}

/// Adds the setting that the URL of a provider's service comes from, if that could not be reached.
fn with_endpoint_origin(failure: Failure, settings: &Settings) -> Failure {
    let services = ["sts", "sso", "sso oidc", "signin"].into_iter();
    let mut urls = services.filter_map(|service| settings.endpoint_url(service).ok()?);
    match urls.find(|url| failure.names_server(url.text)) {
        Some(url) => {
            let setting = url.origin.text(settings.variables().home().as_deref());
            failure.with_endpoint_origin(url.text, &setting)
        }
        None => failure,
    }
}

/// Returns the command that gets a session of the role with a code from standard input. `None` if
/// no option names the source of the role.
fn cure_with_code(question: &MfaQuestion) -> Option<String> {
    if question.profile.is_empty() {
        return Some(cure_with_session(question));
    }
    let source = question.source_profile.as_deref()?;
    let MfaQuestion { profile, .. } = question;
    // What the profile sets may be a secret in the wrong place, so the shell reads it.
    let set = |option: &str, name: &str| {
        let profile = shell::option("--profile", profile);
        format!("{option} \"$(keyfob configure get {name} {profile})\"")
    };
    let name = match &question.session_name {
        Some(_) => set("--role-session-name", "role_session_name"),
        None => "--role-session-name keyfob".to_owned(),
    };
    let mut words = vec![
        "keyfob sts assume-role".to_owned(),
        shell::option("--role-arn", &question.role_arn),
        name,
        shell::option("--serial-number", &question.serial_number),
        "--token-code -".to_owned(),
    ];
    if question.external_id.is_some() {
        words.push(set("--external-id", "external_id"));
    }
    if let Some(seconds) = question.duration_seconds {
        words.push(format!("--duration-seconds {seconds}"));
    }
    let session = format!("{profile}-session");
    words.push(shell::option("--profile", source));
    words.push(shell::option("--update-profile", &session));
    let profile = shell::option("--profile", &session);
    Some(format!(
        "`{}` reads the code from standard input; then use {profile}",
        words.join(" ")
    ))
}

/// Returns the command that gets a session with a code, which assumes a role that no profile has.
fn cure_with_session(question: &MfaQuestion) -> String {
    let serial = shell::option("--serial-number", &question.serial_number);
    let source = question.source_profile.as_deref();
    let source = source.map(|name| shell::option(" --profile", name));
    let source = source.unwrap_or_default();
    format!(
        "`keyfob configure mfa-login {serial} --token-code - --update-profile mfa-session{source}` \
         reads the code from standard input; then use --source-profile mfa-session in the place of \
         --serial-number"
    )
}

/// Returns the first error of this type among the error and its causes.
fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    with_causes(error).find_map(|error| error.downcast_ref())
}

/// Returns the messages of an error and its causes in one text, as they are: what shows it escapes
/// it.
///
/// Between Keyfob's own errors and the first cause of all, an HTTP client has several that say the
/// same in other words. Only `--debug` shows those.
pub(crate) fn chained(error: &(dyn Error + 'static)) -> String {
    let messages: Vec<String> = with_causes(error).map(message).collect();
    let own = with_causes(error)
        .take_while(|error| is_own(*error))
        .count();
    if own.max(1) + 1 < messages.len() {
        debug!(causes = messages.join(": "), "failed");
    }
    let own = own.max(1).min(messages.len());
    // The first cause of an error of sts has the last one in words.
    let is_in_words = with_causes(error)
        .nth(own - 1)
        .is_some_and(<dyn Error>::is::<keyfob_sts::Error>);
    let (own, others) = messages.split_at(own);
    let cause = if is_in_words {
        others.first()
    } else {
        others.last()
    };
    let shown: Vec<&str> = own.iter().chain(cause).map(String::as_str).collect();
    shown.join(": ")
}

/// Returns the message without escapes, if the error has it.
fn message(error: &(dyn Error + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<keyfob_chain::Error>() {
        return error.message().to_owned();
    }
    match error.downcast_ref::<keyfob_sts::Error>() {
        // An answer has a code and an action, too.
        Some(error) if error.action().is_none() => error.message().to_owned(),
        _ => error.to_string(),
    }
}

fn is_own(error: &(dyn Error + 'static)) -> bool {
    error.is::<keyfob_chain::Error>()
        || error.is::<keyfob_imds::Error>()
        || error.is::<keyfob_sigv4::Error>()
        || error.is::<keyfob_sts::Error>()
}

fn with_causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

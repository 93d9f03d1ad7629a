//! What to do about a failure.

use std::{borrow::Cow, path::Path};

use keyfob_backoff::classify;
use keyfob_chain::{
    Explanation, Origin, RoleSource, Settings,
    profiles::{SectionName, Value},
    settings, shell,
};
use keyfob_sts::{Error, ErrorKind};

use crate::{args::EXEC_PROFILE, failure::Failure};

/// How to get credentials if nothing names a profile.
const GET_CREDENTIALS: &str = "run `keyfob configure`, or set AWS_ACCESS_KEY_ID and \
                               AWS_SECRET_ACCESS_KEY; `keyfob --sandbox whoami` needs neither";

/// Adds each provider, and why it has no credentials.
pub(crate) fn with_reasons(mut failure: Failure, explanation: &Explanation) -> Failure {
    let names = explanation
        .attempts
        .iter()
        .map(|attempt| attempt.provider.len());
    let width = names.max().unwrap_or_default();
    for attempt in &explanation.attempts {
        let reason = attempt.reason.as_deref().unwrap_or("not asked");
        failure = failure.with_detail(format!("  {:width$}  {reason}", attempt.provider));
    }
    failure
}

/// What a service said when it refused a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused<'a> {
    /// Empty if the answer has none.
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
}

impl<'a> From<&'a Error> for Refused<'a> {
    fn from(error: &'a Error) -> Self {
        Self {
            code: error.code().unwrap_or_default(),
            message: error.message(),
        }
    }
}

/// What is most likely wrong with the credentials.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Clock,
    Scope,
    Secret,
    UnknownKey,
    UnknownKeyOrSecret,
    Expired,
}

impl Refused<'_> {
    /// Returns true if the key or its session was refused, and not only because of a wrong clock.
    pub(crate) fn is_of_key(self) -> bool {
        let fault = self.fault();
        fault.is_some_and(|fault| !matches!(fault, Fault::Clock | Fault::Scope))
    }

    /// Returns true if the session has expired.
    fn is_expired(self) -> bool {
        self.fault() == Some(Fault::Expired)
    }

    /// Returns true if other credentials may make the difference.
    pub(crate) fn is_of_credentials(self) -> bool {
        self.fault().is_some() || self.is_denied()
    }

    /// Returns true if the credentials are valid and may not do this.
    fn is_denied(self) -> bool {
        matches!(
            self.code,
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation"
        )
    }

    /// The codes are those of IAM and STS, of services with JSON, of S3 and of EC2.
    fn fault(self) -> Option<Fault> {
        // AWS has the same code for a wrong time and a wrong secret.
        let is_clock = ["Signature expired", "not yet current"]
            .iter()
            .any(|words| self.message.contains(words));
        Some(match self.code {
            "SignatureDoesNotMatch" | "InvalidSignatureException" if is_clock => Fault::Clock,
            "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => Fault::Clock,
            "SignatureDoesNotMatch" if self.message.contains("should be scoped to") => Fault::Scope,
            "SignatureDoesNotMatch" | "InvalidSignatureException" => Fault::Secret,
            "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "InvalidAccessKeyId"
            | "InvalidToken" => Fault::UnknownKey,
            "AuthFailure" => Fault::UnknownKeyOrSecret,
            "ExpiredToken" | "ExpiredTokenException" => Fault::Expired,
            _ => return None,
        })
    }

    /// Returns what a refusal most likely means. `endpoint` is the setting with the URL that was
    /// called, unless it was one of AWS.
    fn hint(self, service: &str, endpoint: Option<&str>) -> Option<Cow<'static, str>> {
        Some(Cow::from(match (self.fault()?, endpoint) {
            (Fault::Clock, _) => {
                "the clock of this machine differs from the service's: set it, then try again"
            }
            (Fault::Scope, _) => {
                "the server is one of another region or service than the request was signed for: \
                 check --region, and --endpoint-url if there is one"
            }
            (Fault::Secret, Some(endpoint)) => {
                return Some(Cow::from(format!(
                    "the secret access key does not belong to this access key id, or what answers \
                     at the URL of {endpoint} is not {service}: check both"
                )));
            }
            (Fault::Secret, None) => {
                "the secret access key does not belong to this access key id: copy both again"
            }
            (Fault::UnknownKey, _) => {
                "this service does not know the access key id, or the session token belongs to \
                 another key"
            }
            (Fault::UnknownKeyOrSecret, _) => {
                "this service does not know the access key id, or the secret access key or the \
                 session token belongs to another key"
            }
            (Fault::Expired, _) => "the session has expired: get a new one from the same source",
        }))
    }
}

/// Returns the command that sets what an error names with its file and line to something else.
pub(super) fn setting_hint(settings: &Settings, error: &keyfob_chain::Error) -> Option<String> {
    use keyfob_chain::ErrorKind::{Expired, Provider, SourceProfile};

    let message = error.message();
    let is_named = |value: &Value| {
        let place = value.location().to_string();
        let rest = message.split_once(&place).map(|(_, rest)| rest);
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
    };
    let mut sections = settings.files().sections();
    let (section, name, value) = sections.find_map(|section| {
        let (name, value) = section.iter().find(|(_, value)| is_named(value))?;
        Some((section.name(), name, value))
    })?;
    let SectionName::Profile(profile) = section else {
        return None;
    };
    let profile = shell::option("--profile", profile);
    Some(match name {
        "aws_access_key_id" | "aws_secret_access_key" | "aws_session_token" => {
            format!("`keyfob configure {profile}` asks for both parts of the key")
        }
        // Otherwise it did not run.
        "credential_process" if matches!(error.kind(), Provider | Expired) => {
            format!(
                "to see what it says{}",
                process_command(value.as_str(), &profile)
            )
        }
        // The message has the circle.
        "credential_process" if error.kind() == SourceProfile => return None,
        "login_session" => format!("`keyfob login {profile}` signs in"),
        "source_profile" => format!(
            "`keyfob configure set source_profile NAME {profile}` names another profile; \
             `keyfob configure list-profiles` lists them"
        ),
        "role_arn" if message.contains("needs source_profile") => format!(
            "`keyfob configure set source_profile NAME {profile}` names the profile with the key"
        ),
        "sso_session" if message.contains(" has no sso_") => {
            let (_, missing) = message.rsplit_once(' ')?;
            let session = shell::option("--sso-session", value.as_str());
            format!("`keyfob configure set {missing} VALUE {session}` sets it")
        }
        name if name.starts_with("sso_") => {
            format!("`keyfob configure sso {profile}` asks for all of it")
        }
        name => format!(
            "`keyfob configure set {name} VALUE {profile}` sets another value, and `keyfob \
             configure unset {name} {profile}` removes it"
        ),
    })
}

/// Returns the command line that runs the process of a profile in a terminal. It does not repeat
/// the command, which may have a secret. A shell would not leave all words as they are.
fn process_command(command: &str, profile: &str) -> String {
    let get = format!("keyfob configure get credential_process {profile}");
    if is_same_in_shell(command) {
        format!(": sh -c \"$({get})\"")
    } else {
        format!(
            ": run in a terminal what `{get}` prints, with each word in single quotes, because it \
             has signs that mean something to a shell"
        )
    }
}

/// Returns true if a shell makes the same words of a command as the chain does.
fn is_same_in_shell(command: &str) -> bool {
    let (mut quote, mut characters) = (None, command.chars());
    while let Some(c) = characters.next() {
        match (quote, c) {
            (None, '\\') => drop(characters.next()),
            (None, '\'' | '"') => quote = Some(c),
            (None, c) if "$`;&|<>()*?[#~{\n".contains(c) => return false,
            (Some(end), c) if c == end => quote = None,
            (Some('"'), '\\') if !matches!(characters.next(), Some('"' | '\\')) => return false,
            (Some('"'), '$' | '`') => return false,
            _ => {}
        }
    }
    true
}

/// Returns what to do about an error that may pass, or that a setting avoids. `endpoint` is the
/// setting with the URL that was called, unless it was one of AWS.
fn passing_hint(error: &Error, service: &str, endpoint: Option<&str>) -> Option<Cow<'static, str>> {
    let fault = || classify(error.status(), error.code());
    Some(match (error.kind(), endpoint) {
        (ErrorKind::Connect | ErrorKind::Transport, Some(endpoint)) => {
            Cow::from(format!("the URL comes from {endpoint}"))
        }
        (ErrorKind::Timeout, _) => {
            Cow::from("`--cli-read-timeout 60` waits longer; `keyfob doctor` checks the way there")
        }
        (ErrorKind::Response, Some(endpoint)) => Cow::from(format!(
            "what answers at the URL of {endpoint} is not {service}, or not the whole of it: \
             check the URL"
        )),
        (ErrorKind::Service, _) if fault()?.is_throttling() => Cow::from(
            "the service limits how often it is called: try again later, or with \
             --max-attempts 10",
        ),
        (ErrorKind::Service, _) => {
            fault()?;
            Cow::from("the service has a problem of its own, which mostly passes")
        }
        _ => return None,
    })
}

/// Returns the command that says which policy refused, for the words of IAM.
fn policy_hint(refused: Refused<'_>, profile: Option<&str>) -> Option<String> {
    let (_, rest) = refused
        .message
        .split_once(" is not authorized to perform: ")?;
    let (action, rest) = rest.split_once(' ')?;
    let (_, rest) = rest.split_once("on resource: ")?;
    let resource = rest.split(' ').next()?;
    let is_name = |text: &str| {
        let mut bytes = text.bytes();
        bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_'))
    };
    if !action.contains(':') || !is_name(action) || !resource.starts_with("arn:") {
        return None;
    }
    let resource = shell::quoted(resource);
    let profile = profile.map(|name| shell::option(" --profile", name));
    let profile = profile.unwrap_or_default();
    Some(format!(
        "to see which policy decides, as far as IAM may be asked: keyfob can {action} {resource}{profile}"
    ))
}

/// Returns how to get a new session in the place of one from here that has expired.
fn renewal(origin: &Origin, settings: &Settings) -> Option<String> {
    Some(match origin {
        Origin::File { section, .. } => {
            let option = shell::option("--profile", section);
            let profile = settings.files().find(&SectionName::profile(section));
            let profile = profile.ok().flatten()?;
            let mut tokens = settings::SESSION_TOKEN.properties.iter();
            tokens.find_map(|name| profile.get(name))?;
            // `saml login` writes the role of its session.
            if profile.get(settings::PRINCIPAL_ARN.properties[0]).is_some() {
                return Some(format!(
                    "`keyfob saml login {option} --idp-url URL` signs in again, at the page of \
                     your identity provider"
                ));
            }
            let update = shell::option("--update-profile", section);
            format!(
                "`keyfob configure mfa-login {update} --profile NAME` gets a session with the key \
                 of profile NAME; `keyfob configure {option}` asks for one that is copied"
            )
        }
        Origin::Sso { named_in, .. } => {
            format!("`keyfob sso login{}` signs in again", profile_of(named_in)?)
        }
        Origin::Login { named_in, .. } => {
            format!("`keyfob login{}` signs in again", profile_of(named_in)?)
        }
        Origin::Process { named_in } => {
            let Origin::File { section, .. } = &**named_in else {
                return None;
            };
            let profile = settings.files().find(&SectionName::profile(section));
            let command = profile.ok().flatten()?.get("credential_process")?;
            let profile = shell::option("--profile", section);
            let command = process_command(command.as_str(), &profile);
            format!("to see what the process of the profile says{command}")
        }
        Origin::Role { named_in, .. } => {
            let profile = profile_of(named_in).unwrap_or_default();
            format!("`keyfob cache clear{profile}` removes sessions that are kept in files")
        }
        Origin::Environment { .. } => {
            let outer = settings.variables().text(EXEC_PROFILE);
            let again = outer.map(|name| shell::option("keyfob exec --profile", name));
            match again {
                Some(again) => format!("leave this `keyfob exec`, and start it again: `{again}`"),
                None => "`unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN` takes \
                         it out of the environment, so that other sources count"
                    .to_owned(),
            }
        }
        _ => return None,
    })
}

/// Returns the option of the profile that has a setting.
fn profile_of(origin: &Origin) -> Option<String> {
    match origin {
        Origin::File { section, .. } => Some(shell::option(" --profile", section)),
        _ => None,
    }
}

/// Returns the command that asks IAM about the caller of a role, if an option can name that.
fn role_hint(source: &RoleSource) -> Option<String> {
    let profile = match (&source.profile, &source.origin) {
        (Some(name), _) => shell::option(" --profile", name),
        (None, Origin::Environment { .. }) => String::new(),
        (None, _) if source.is_of_program => String::new(),
        _ => return None,
    };
    let arn = &source.role_arn;
    let command = format!("keyfob can sts:AssumeRole {}{profile}", shell::quoted(arn));
    arn.starts_with("arn:").then(|| {
        format!(
            "the role's trust policy must trust the caller, and a policy of the caller allow it: \
             `{command}` tells that, as far as IAM may be asked"
        )
    })
}

impl Failure {
    /// Adds how to get a new session, if the one of this origin has expired.
    pub(crate) fn with_renewal(
        self,
        refused: Refused<'_>,
        origin: &Origin,
        settings: &Settings,
    ) -> Self {
        match renewal(origin, settings).filter(|_| refused.is_expired()) {
            Some(hint) => self.with_hint(hint),
            None => self,
        }
    }

    /// Adds whose credentials were refused when a role was to be assumed, and what to do about it.
    pub(crate) fn with_role_source(
        self,
        source: &RoleSource,
        refused: Refused<'_>,
        settings: &Settings,
    ) -> Self {
        if !refused.is_of_credentials() {
            return self;
        }
        let RoleSource {
            access_key_id,
            origin,
            ..
        } = source;
        let failure = self.with_hint(format!(
            "the role was to be assumed with the key {access_key_id} of {}",
            origin.text(settings.variables().home().as_deref())
        ));
        match role_hint(source).filter(|_| refused.is_denied()) {
            Some(hint) => failure.with_hint(hint),
            None => failure.with_renewal(refused, origin, settings),
        }
    }

    /// Adds a hint if a refusal has a known meaning. `endpoint` is the setting with
    /// the URL that was called, unless it was one of AWS.
    pub(crate) fn with_refusal_hint(
        self,
        refused: Refused<'_>,
        service: &str,
        endpoint: Option<&str>,
    ) -> Self {
        match refused.hint(service, endpoint) {
            Some(hint) => self.with_hint(hint),
            None => self,
        }
    }

    /// Adds a hint if the error may pass, or if a setting avoids it.
    pub(crate) fn with_passing_hint(
        self,
        error: &Error,
        service: &str,
        endpoint: Option<&str>,
    ) -> Self {
        match passing_hint(error, service, endpoint) {
            Some(hint) => self.with_hint(hint),
            None => self,
        }
    }

    /// Adds the setting that an endpoint's URL comes from, if that could not be reached.
    pub(crate) fn with_endpoint_origin(self, url: &str, setting: &str) -> Self {
        if self.code() != Some("EndpointConnection") || !self.names_server(url) {
            return self;
        }
        self.with_hint(format!("the URL comes from {setting}"))
    }

    /// Returns true if the message names the server of this URL.
    pub(super) fn names_server(&self, url: &str) -> bool {
        // The name of a bucket may stand before the host.
        let server = url.split_once("://").map_or(url, |(_, server)| server);
        let server = server.trim_end_matches('/');
        // Port 80 is not port 8080.
        let ends = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_alphanumeric());
        let mut found = self.message().match_indices(server);
        found.any(|(start, _)| ends(&self.message()[start + server.len()..]))
    }

    /// Adds hints if the credentials are valid and may not do this: where they are from, and how to
    /// see why. `profile` is that of `--profile`.
    pub(crate) fn with_denied_hints(
        self,
        refused: Refused<'_>,
        source: Option<&str>,
        profile: Option<&str>,
    ) -> Self {
        if !refused.is_denied() {
            return self;
        }
        let mut failure = self;
        if let Some(source) = source {
            failure = failure.with_hint(format!("the credentials come from {source}"));
        }
        match policy_hint(refused, profile) {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }

    /// Adds the command that decodes the details of a refusal, if the service sent them.
    pub(crate) fn with_decoder(self, error: &Error) -> Self {
        if !error
            .message()
            .contains("Encoded authorization failure message")
        {
            return self;
        }
        self.with_hint(
            "to see why: keyfob sts decode-authorization-message --encoded-message - --explain, \
             with this error on standard input",
        )
    }

    /// Adds hints about how to get credentials, as far as they count with these settings.
    pub(crate) fn with_ways_to_credentials(
        self,
        settings: &Settings,
        explanation: &Explanation,
    ) -> Self {
        let profile = shell::option("--profile", settings.profile_name());
        let failure = match settings.profile_origin() {
            Origin::Default => {
                let failure = self.with_hint(GET_CREDENTIALS);
                if settings.files().names().all(|name| name == "default") {
                    return failure;
                }
                return failure.with_hint(
                    "or use a profile that you have: `keyfob configure list-profiles` lists the \
                     names for --profile",
                );
            }
            Origin::Environment { .. } => self.with_hint(format!(
                "run `keyfob configure {profile}`, or set AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY"
            )),
            _ => self.with_hint(format!("run `keyfob configure {profile}`")),
        };
        let masked = explanation.masked();
        masked.fold(failure, |failure, masked| {
            match explanation.cure(masked.number) {
                Some(cure) => failure.with_hint(format!(
                    "to use {} instead: {}",
                    masked.provider,
                    cure.replace("COMMAND", "keyfob …")
                )),
                None => failure,
            }
        })
    }

    /// Adds hints about where the credentials in use come from, and what they mask.
    pub(crate) fn with_key_origin(
        mut self,
        explanation: &Explanation,
        home: Option<&Path>,
    ) -> Self {
        if let Some(winner) = explanation.winner() {
            let key = winner.key_id.as_deref().unwrap_or("?");
            let origin = winner.origin.as_ref().map(|origin| origin.text(home));
            self = self.with_hint(format!(
                "the key {key} comes from {} ({})",
                winner.provider,
                origin.unwrap_or_default()
            ));
        }
        for masked in explanation.masked() {
            if let Some(cure) = explanation.cure(masked.number) {
                self = self.with_hint(format!(
                    "it masks {}; to use that: {}",
                    masked.provider,
                    cure.replace("COMMAND", "keyfob …")
                ));
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_whose_words_a_shell_would_change_is_known() {
        for same in ["a b", "a 'b;$c'", "a \"b;c\\\"\" d\\;", "a=b"] {
            assert!(is_same_in_shell(same), "{same}");
        }
        for other in [
            "a $b",
            "a;b",
            "a \"$b\"",
            "a \"\\$b\"",
            "a *",
            "~/a",
            "a #b",
        ] {
            assert!(!is_same_in_shell(other), "{other}");
        }
    }

    #[test]
    fn refusals_of_every_service_have_a_meaning() {
        let late = "Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z";
        let scope = "Credential should be scoped to a valid region.";
        for (code, message, words, is_of_key) in [
            ("SignatureDoesNotMatch", "", "copy both again", true),
            ("SignatureDoesNotMatch", scope, "check --region", false),
            (
                "SignatureDoesNotMatch",
                late,
                "the clock of this machine",
                false,
            ),
            ("InvalidSignatureException", "", "copy both again", true),
            (
                "InvalidSignatureException",
                late,
                "the clock of this machine",
                false,
            ),
            (
                "RequestTimeTooSkewed",
                "",
                "the clock of this machine",
                false,
            ),
            ("RequestExpired", "", "the clock of this machine", false),
            (
                "InvalidClientTokenId",
                "",
                "does not know the access key id",
                true,
            ),
            (
                "UnrecognizedClientException",
                "",
                "does not know the access key id",
                true,
            ),
            (
                "InvalidAccessKeyId",
                "",
                "does not know the access key id",
                true,
            ),
            ("AuthFailure", "", "or the secret access key", true),
            ("ExpiredTokenException", "", "the session has expired", true),
        ] {
            let refused = Refused { code, message };
            let hint = refused.hint("S3", None).unwrap();
            assert!(hint.contains(words), "{code}: {hint}");
            assert_eq!(refused.is_of_key(), is_of_key, "{code}");
        }
        let denied = Refused {
            code: "AccessDenied",
            message: "",
        };
        assert_eq!(denied.hint("S3", None), None);
        assert!(denied.is_of_credentials() && !denied.is_of_key());
    }
}

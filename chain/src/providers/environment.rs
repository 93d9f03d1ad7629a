use keyfob_sigv4::Timestamp;

use super::{
    key::{Key, id_fault},
    without_profile::{profile_name, without_profile},
};
use crate::{
    config::{Settings, table},
    cure::Skip,
    error::{Error, ErrorKind, shown},
    finding::{Finding, FindingKind},
    order::{ExpiryVariable, NamedProfile},
    origin::Origin,
    profiles::is_quoted,
    provider::{Aside, BoxFuture, Inspection, Outcome, Provider},
    variables::Variables,
};

const ID: &str = table::ACCESS_KEY_ID.name();
const SECRET: &str = table::SECRET_ACCESS_KEY.name();
const TOKEN: &str = table::SESSION_TOKEN.name();
/// The names of the key in the SDK for Java 1 and in older tools of EC2.
const OLD_KEY: [&str; 2] = ["AWS_ACCESS_KEY", "AWS_SECRET_KEY"];
const ACCOUNT: &str = table::ACCOUNT_ID.name();
const EXPIRY: &str = table::CREDENTIAL_EXPIRATION.name();

/// An access key in environment variables.
///
/// Reads `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and optionally `AWS_SESSION_TOKEN` (or
/// else `AWS_SECURITY_TOKEN`), `AWS_ACCOUNT_ID` and `AWS_CREDENTIAL_EXPIRATION`. Some
/// [`Order`](crate::Order)s have other names for these, and do not read the last one.
///
/// Whitespace around a value is removed; an empty value counts as not set. By the rules of the AWS
/// CLI, an id without a secret, or a secret without an id, is an error, so that no other identity
/// is used in its place; and `--profile` ([`Settings::with_profile`]) switches the variables off,
/// while `AWS_PROFILE` does not.
#[derive(Clone, Debug)]
pub struct EnvironmentProvider {
    settings: Settings,
    /// Whether a role names the variables as its source, so that they count in any case.
    is_source: bool,
}

impl EnvironmentProvider {
    /// Creates the provider.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, EnvironmentProvider, Settings, Variables};
    ///
    /// // Only the environment, nothing else.
    /// let settings = Settings::load(Variables::from_process());
    /// let chain = Chain::new().then(EnvironmentProvider::new(settings));
    /// ```
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            is_source: false,
        }
    }

    /// Creates the provider for `credential_source = Environment` of a role.
    pub(super) fn as_source(settings: Settings) -> Self {
        Self {
            settings,
            is_source: true,
        }
    }

    /// Returns true if the name of a profile switches the variables off.
    fn yields(&self) -> bool {
        let settings = &self.settings;
        match settings.rules().named_profile {
            _ if self.is_source => false,
            NamedProfile::Nothing => false,
            NamedProfile::EnvironmentByProgram => settings.is_profile_explicit(),
            NamedProfile::Key => *settings.profile_origin() != Origin::Default,
        }
    }

    fn find(&self, now: Timestamp) -> Result<Outcome, Error> {
        let variables = self.settings.variables();
        let rules = self.settings.rules();
        if self.yields() {
            let name = match self.settings.profile_origin() {
                Origin::Environment { variables } => variables.join(""),
                origin => format!("{origin} \"{}\"", shown(self.settings.profile_name())),
            };
            let reason = match variables.raw(ID) {
                Some(_) => format!("{ID} is set, and does not count beside {name}"),
                None => format!("not asked, because of {name}"),
            };
            return Ok(Outcome::NotConfigured(reason));
        }
        let first = |names| first(variables, names, rules.blank_is_value);
        match (first(rules.id)?, first(rules.secret)?) {
            (Some((id_name, id)), Some((secret_name, secret))) => {
                let token = first(rules.token)?;
                let values = [Some((id_name, id)), Some((secret_name, secret)), token];
                if let Some((name, _)) = values.iter().flatten().find(|(_, value)| value.is_empty())
                {
                    return Err(blank(self.settings.order().tool(), name));
                }
                let key = Key {
                    id,
                    secret,
                    token: token.map(|(_, token)| token),
                    account_id: text(variables, ACCOUNT)?,
                    expiry: self.expiry(now)?,
                };
                let token_name = token.map(|(name, _)| name);
                let names: Vec<_> = [id_name, secret_name]
                    .into_iter()
                    .chain(token_name)
                    .collect();
                key.into_found(Origin::environment(&names))
                    .map(Outcome::Found)
            }
            (None, None) => {
                let mut reason = format!("{ID} is {}", variables.missing_reason(ID));
                // For a role, only a finding tells it: its error is the same without the old name.
                if let Some((_, old)) = self.old_names().first().filter(|_| !self.is_source) {
                    reason.push_str(&old_name(old));
                }
                Ok(Outcome::NotConfigured(reason))
            }
            (Some((id, _)), None) if rules.refuses_id_alone => Err(self.partial(id, SECRET)),
            (None, Some((secret, _))) if rules.refuses_secret_alone => {
                Err(self.partial(secret, ID))
            }
            (Some((id, _)), None) => Ok(Outcome::NotConfigured(halved(variables, id, SECRET))),
            (None, Some((secret, _))) => Ok(Outcome::NotConfigured(halved(variables, secret, ID))),
        }
    }

    /// Returns when the key expires, as far as the rules read that.
    fn expiry(&self, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let found = || expiry(self.settings.variables(), now);
        match self.settings.rules().expiry_variable {
            ExpiryVariable::Checked => found(),
            ExpiryVariable::Unchecked => Ok(found().ok().flatten()),
            ExpiryVariable::NotRead => Ok(None),
        }
    }

    /// Returns the variables of an access key that only older SDKs read, if they are set and the
    /// new ones are not, each after its new name.
    fn old_names(&self) -> Vec<(&'static str, &'static str)> {
        let rules = self.settings.rules();
        let is_read = |name: &str| rules.id.contains(&name) || rules.secret.contains(&name);
        let is_set = |name: &str| self.settings.variables().text(name).is_some();
        let names = [ID, SECRET].into_iter().zip(OLD_KEY);
        names
            .filter(|(new, old)| !is_read(old) && is_set(old) && !is_set(new))
            .collect()
    }

    fn partial(&self, set: &str, missing: &str) -> Error {
        let halved = halved(self.settings.variables(), set, missing);
        let olds = self.old_names();
        let old = olds.iter().find(|(new, _)| *new == missing);
        let old = old.map_or_else(String::new, |(_, old)| old_name(old));
        let message = format!("{halved}{old}: set both or neither");
        Error::new(ErrorKind::PartialCredentials, message)
    }

    fn old_name_finding(&self) -> Option<Finding> {
        let olds = self.old_names();
        let (new, old) = *olds.first()?;
        let text = format!("{old} is an old name of {new}: newer tools do not read it");
        let origin: Vec<_> = olds.iter().map(|(_, old)| *old).collect();
        let finding = Finding::warning(FindingKind::OldVariable, text)
            .with_origin(Origin::environment(&origin));
        let is_set = |name: &str| self.settings.variables().text(name).is_some();
        let counts = |name: &&str| is_set(name) || olds.iter().any(|(new, _)| new == name);
        if ![ID, SECRET].iter().all(counts) {
            return Some(finding);
        }
        // The shell puts in the values, so that no secret becomes an argument.
        let set = olds.iter().map(|(new, old)| format!("{new}=\"${old}\" "));
        Some(finding.with_cure(format!("{}COMMAND", set.collect::<String>())))
    }

    /// Returns a token with another name and another value than the one in use.
    fn masked_token_finding(&self) -> Option<Finding> {
        let variables = self.settings.variables();
        let tokens = self.settings.rules().token.iter();
        let tokens = tokens.filter_map(|name| Some((*name, variables.text(name)?)));
        let mut tokens = tokens.collect::<Vec<_>>().into_iter();
        let (first, value) = tokens.next()?;
        let (masked, _) = tokens.find(|(_, other)| *other != value)?;
        let text = format!("{masked} is masked by {first}");
        let finding = Finding::note(FindingKind::OldVariable, text);
        let finding = finding.with_origin(Origin::environment(&[masked]));
        Some(finding.with_cure(Skip::unset([masked]).command()))
    }

    fn value_findings(&self, name: &str) -> Vec<Finding> {
        let variables = self.settings.variables();
        let Some(value) = variables.text(name) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        if is_quoted(value) {
            let text = format!("{name} has quotes, which are part of it: remove them");
            // Typographic ones have more bytes than `tr` knows.
            let cure = value
                .starts_with(['"', '\''])
                .then(|| without_characters(name, "\"\\\"'\""));
            found.push((FindingKind::Quotes, text, cure));
        }
        let raw = variables.raw(name).and_then(|raw| raw.to_str());
        if raw.is_some_and(|raw| raw != value) {
            let text = format!(
                "{name} begins or ends with whitespace, which is removed here: aws and boto3 use it \
                 as it is"
            );
            let cure = without_characters(name, "'[:space:]'");
            found.push((FindingKind::Whitespace, text, Some(cure)));
        }
        if let Some(text) = id_fault(name, value).filter(|_| name == ID) {
            found.push((FindingKind::KeyId, text, None));
        }
        let origin = Origin::environment(&[name]);
        let finding = |(kind, text, cure): (_, _, Option<String>)| {
            let finding = Finding::warning(kind, text).with_origin(origin.clone());
            // Half a key would be left without one of its variables.
            finding.with_cure_if(cure.or_else(|| Some(self.skip()?.command())))
        };
        found.into_iter().map(finding).collect()
    }
}

impl Provider for EnvironmentProvider {
    fn name(&self) -> &str {
        "environment variables"
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(std::future::ready(self.find(now)))
    }

    fn inspect(&self, now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(std::future::ready(self.find(now).map(Into::into)))
    }

    fn skip(&self) -> Option<Skip> {
        let variables = self.settings.variables();
        let rules = self.settings.rules();
        let others = [rules.id, rules.secret, rules.token].concat();
        let is_set = |name: &&str| variables.text(name).is_some();
        let others = others.into_iter().filter(is_set);
        Some(Skip::unset([ID, SECRET, TOKEN].into_iter().chain(others)))
    }

    fn aside(&self, now: Timestamp) -> Option<Aside> {
        if !self.yields() {
            return None;
        }
        let inspection = match Self::as_source(self.settings.clone()).find(now) {
            Ok(Outcome::NotConfigured(_)) => return None,
            Ok(outcome) => outcome.into(),
            Err(error) => Inspection::NotConfigured(error.chain()),
        };
        let change = without_profile(&self.settings.latest(), |_| true).map(|(change, _)| change);
        Some(Aside::new(profile_name(&self.settings), inspection, change))
    }

    fn findings(&self, _now: Timestamp) -> Vec<Finding> {
        if self.yields() {
            return Vec::new();
        }
        let mut findings: Vec<_> = self.old_name_finding().into_iter().collect();
        let rules = self.settings.rules();
        for names in [rules.id, rules.secret, rules.token] {
            findings.extend(names.iter().flat_map(|name| self.value_findings(name)));
        }
        findings.extend(self.masked_token_finding());
        findings
    }
}

/// Returns the command line with a variable that has none of these characters. The shell puts in
/// the value, so that no secret becomes an argument.
fn without_characters(name: &str, characters: &str) -> String {
    format!("{name}=\"$(printf %s \"${name}\" | tr -d {characters})\" COMMAND")
}

/// Returns a variable that is set and not empty. A value that is not UTF-8 is an error, because the
/// replaced characters would make it a different key.
fn text<'a>(variables: &'a Variables, name: &str) -> Result<Option<&'a str>, Error> {
    match variables.raw(name) {
        Some(value) if value.to_str().is_none() => Err(Error::new(
            ErrorKind::InvalidCredentials,
            format!("{name} is not UTF-8: set it again"),
        )),
        _ => Ok(variables.text(name)),
    }
}

/// Returns the first of these variables that is set, and its value without whitespace around it. If
/// whitespace alone is a value, too, that is empty.
fn first<'a>(
    variables: &'a Variables,
    names: &'static [&'static str],
    blank_is_value: bool,
) -> Result<Option<(&'static str, &'a str)>, Error> {
    for name in names {
        let is_set = variables.raw(name).is_some_and(|raw| !raw.is_empty());
        let blank = (is_set && blank_is_value).then_some("");
        if let Some(value) = text(variables, name)?.or(blank) {
            return Ok(Some((name, value)));
        }
    }
    Ok(None)
}

fn blank(tool: &str, name: &str) -> Error {
    let message = format!("{name} is only whitespace, which {tool} uses as it is: set or unset it");
    Error::new(ErrorKind::InvalidCredentials, message)
}

fn expiry(variables: &Variables, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let Some(text) = text(variables, EXPIRY)? else {
        return Ok(None);
    };
    // The value may be a token in the wrong place, so the message does not repeat it.
    let at: Timestamp = text.parse().map_err(|_| {
        let message = format!("{EXPIRY} is not a time: write it as 2026-11-27T10:00:00Z");
        Error::new(ErrorKind::Setting, message)
    })?;
    if at <= now {
        let message = format!(
            "the key of {ID} expired at {at} ({EXPIRY}): get a new one, or unset the variables"
        );
        return Err(Error::new(ErrorKind::Expired, message));
    }
    Ok(Some(at))
}

fn old_name(old: &str) -> String {
    format!(" ({old} is an old name, which does not count)")
}

fn halved(variables: &Variables, set: &str, missing: &str) -> String {
    let reason = variables.missing_reason(missing);
    format!("{set} is set and {missing} is {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::ConfigFiles;

    /// The name of the token before 2015.
    const OLD_TOKEN: &str = "AWS_SECURITY_TOKEN";

    fn found(variables: &[(&str, &str)]) -> Result<Outcome, Error> {
        let settings = Settings::new(variables.iter().copied().collect(), ConfigFiles::default());
        EnvironmentProvider::new(settings).find(Timestamp::from_unix_seconds(1_000_000_000))
    }

    fn key(more: &[(&str, &str)]) -> Result<Outcome, Error> {
        let mut variables = vec![(ID, " AKIDEXAMPLE "), (SECRET, "secret\n")];
        variables.extend(more);
        found(&variables)
    }

    #[test]
    fn whitespace_is_removed_and_an_empty_value_is_not_set() {
        let Ok(Outcome::Found(found)) = key(&[(TOKEN, " "), (ACCOUNT, "123456789012")]) else {
            panic!("nothing found");
        };
        assert_eq!(found.credentials.access_key_id(), "AKIDEXAMPLE");
        assert_eq!(found.credentials.secret_access_key().expose(), "secret");
        assert!(found.credentials.session_token().is_none());
        assert_eq!(found.credentials.account_id(), Some("123456789012"));
        assert_eq!(
            found.origin.to_string(),
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"
        );
    }

    #[test]
    fn half_a_key_is_an_error_that_names_the_other_half() {
        for (given, missing) in [(ID, SECRET), (SECRET, ID)] {
            let error = found(&[(given, "x"), (missing, " ")]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PartialCredentials);
            let wanted = format!("{given} is set and {missing} is empty: set both or neither");
            assert_eq!(error.to_string(), wanted);
            let error = found(&[(given, "x")]).unwrap_err();
            let wanted = format!("{given} is set and {missing} is not set: set both or neither");
            assert_eq!(error.to_string(), wanted);
        }
        assert!(matches!(found(&[]), Ok(Outcome::NotConfigured(_))));
    }

    #[test]
    fn the_old_name_of_the_token_counts_only_without_the_new_one() {
        let token = |more: &[(&str, &str)]| match key(more) {
            Ok(Outcome::Found(found)) => found
                .credentials
                .session_token()
                .unwrap()
                .expose()
                .to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(token(&[(OLD_TOKEN, "old")]), "old");
        assert_eq!(token(&[(OLD_TOKEN, "old"), (TOKEN, "new")]), "new");
    }

    #[test]
    fn an_expiry_is_read_and_a_past_one_is_an_error() {
        let Ok(Outcome::Found(found)) = key(&[(EXPIRY, "2026-01-01T00:00:00+00:00")]) else {
            panic!("nothing found");
        };
        assert_eq!(
            found.credentials.expiry(),
            "2026-01-01T00:00:00Z".parse().ok()
        );
        let kind = |text| key(&[(EXPIRY, text)]).unwrap_err().kind();
        assert_eq!(kind("2001-01-01T00:00:00Z"), ErrorKind::Expired);
        let error = key(&[(EXPIRY, "tomorrow")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setting);
        assert_eq!(
            error.to_string(),
            "AWS_CREDENTIAL_EXPIRATION is not a time: write it as 2026-11-27T10:00:00Z"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf8_is_not_said_to_have_whitespace() {
        use std::os::unix::ffi::OsStrExt as _;

        let secret = std::ffi::OsStr::from_bytes(b"canary\xff");
        let variables = Variables::from_iter([(ID, "AKIDEXAMPLE")]).with(SECRET, secret);
        let settings = Settings::new(variables, ConfigFiles::default());
        let provider = EnvironmentProvider::new(settings);
        let now = Timestamp::from_unix_seconds(1_000_000_000);
        assert!(provider.findings(now).is_empty());
        let error = provider.find(now).unwrap_err().to_string();
        assert_eq!(error, "AWS_SECRET_ACCESS_KEY is not UTF-8: set it again");
    }

    #[test]
    fn no_error_repeats_a_secret() {
        let error = found(&[(ID, "AKID"), (SECRET, "can ary")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidCredentials);
        assert!(!format!("{error:?} {}", error.chain()).contains("can ary"));
    }
}

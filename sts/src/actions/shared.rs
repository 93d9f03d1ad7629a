use std::ops::RangeInclusive;

use keyfob_sigv4::Secret;

use crate::{call::Operation, error::Error};

/// The parameters that several actions share, with their limits and checks.
impl Operation {
    /// Sets how long a role session lasts.
    pub(super) fn role_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.number("DurationSeconds", seconds, 900..=43_200)
    }

    /// Sets how long the session of a user lasts.
    pub(super) fn user_seconds(self, seconds: u32) -> Result<Self, Error> {
        self.number("DurationSeconds", seconds, 900..=129_600)
    }

    /// Sets the inline session policy, for all actions but `AssumeRole`, where its length is not
    /// limited.
    pub(super) fn policy(self, json: String) -> Result<Self, Error> {
        self.text("Policy", json, 1..=2048)
    }

    /// Adds a managed session policy.
    pub(super) fn policy_arn(mut self, arn: String) -> Result<Self, Error> {
        let member = self.next_member("PolicyArns", 10);
        self.text(format!("{member}.arn"), arn, 20..=2048)
    }

    /// Adds a session tag.
    pub(super) fn tag(mut self, key: String, value: String) -> Result<Self, Error> {
        let member = self.next_member("Tags", 50);
        let tagged = self.text(format!("{member}.Key"), key, 1..=128)?.text(
            format!("{member}.Value"),
            value,
            0..=256,
        )?;
        tagged.check_tag_keys()?;
        Ok(tagged)
    }

    /// Checks that the keys of tags differ in more than case.
    ///
    /// Source: IAM user guide, "Passing session tags in AWS STS".
    pub(super) fn check_tag_keys(&self) -> Result<(), Error> {
        for (index, (name, key)) in self.tag_keys().enumerate() {
            let mut before = self.tag_keys().take(index);
            if let Some((first, _)) = before.find(|(_, known)| is_same_key(known, key)) {
                let message = format!("{name} is the same key as {first}: case does not count");
                return Err(Error::input(name, message));
            }
        }
        Ok(())
    }

    /// Checks that each transitive key is that of a tag.
    pub(super) fn check_transitive_tags(&self) -> Result<(), Error> {
        let transitive = self
            .names()
            .filter(|name| name.starts_with("TransitiveTagKeys."));
        for name in transitive {
            let key = self.value(name).unwrap_or_default();
            if !self.tag_keys().any(|(_, known)| is_same_key(known, key)) {
                let message = format!("{name} is not the key of a tag: set the tag, too");
                return Err(Error::input(name, message));
            }
        }
        Ok(())
    }

    /// Checks the duration of a role that is assumed with the credentials of a role.
    ///
    /// Source: API reference of STS, `AssumeRole`, "role chaining".
    pub(super) fn check_chained_seconds(&self) -> Result<(), Error> {
        const MAX: u32 = 3600;
        let seconds = self
            .value("DurationSeconds")
            .and_then(|text| text.parse::<u32>().ok());
        match seconds {
            Some(seconds) if seconds > MAX => {
                let message = format!(
                    "DurationSeconds must be at most {MAX} if a role assumes the role, \
                     but is {seconds}"
                );
                Err(Error::input("DurationSeconds", message))
            }
            _ => Ok(()),
        }
    }

    /// Fails if nothing narrows the scope of `GetScopedCredentials`.
    pub(super) fn check_scope(&self) -> Result<(), Error> {
        let has_scope = |name: &str| matches!(name, "Policy" | "DurationSeconds");
        if self.name() != "GetScopedCredentials" || self.names().any(has_scope) {
            return Ok(());
        }
        let message = "GetScopedCredentials needs Policy, DurationSeconds or both".to_owned();
        Err(Error::input("Policy", message))
    }

    /// Sets how many bytes the session token has at least.
    pub(super) fn token_size(self, bytes: u32) -> Self {
        const NAME: &str = "MinimumSessionTokenSize";
        self.at_most(NAME, bytes.into(), 4096)
    }

    /// Returns the names and values of the keys of tags.
    fn tag_keys(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_key = |name: &&str| name.starts_with("Tags.") && name.ends_with(".Key");
        let names = self.names().filter(is_key);
        names.filter_map(|name| Some((name, self.value(name)?)))
    }

    /// Sets a name that ARNs and logs show.
    pub(super) fn identifier(
        self,
        parameter: &str,
        name: String,
        length: RangeInclusive<usize>,
    ) -> Result<Self, Error> {
        check_identifier(parameter, &name)?;
        self.text(parameter, name, length)
    }

    /// Sets the MFA device and its code, six digits: neither works without the other.
    pub(super) fn mfa(self, serial_number: String, code: Secret) -> Result<Self, Error> {
        check_code(&code)?;
        self.text("SerialNumber", serial_number, 9..=256)?
            .one_time(TOKEN_CODE, code, 6..=6)
    }
}

/// The parameter with the code of an MFA device.
pub(crate) const TOKEN_CODE: &str = "TokenCode";

/// Checks a parameter of STS by its name, as the types of this module do when it is set. A program
/// that sets the parameters of an [`Operation`] by itself calls it for each one.
///
/// # Errors
///
/// [`ErrorKind::Input`](crate::ErrorKind::Input) if a session name, a source identity or the name
/// of a federated user has others than letters, digits and `_+=,.@-`, or if the code of an MFA
/// device is not six digits. The value is not in the message.
///
/// # Examples
///
/// ```
/// use keyfob_sigv4::Secret;
/// use keyfob_sts::actions;
///
/// let error = actions::check_parameter("RoleSessionName", &Secret::from("ci run")).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "RoleSessionName may have letters, digits and _+=,.@- only, but character 3 is ' '",
/// );
/// ```
pub fn check_parameter(name: &str, value: &Secret) -> Result<(), Error> {
    match name {
        "RoleSessionName" | "SourceIdentity" | "Name" => check_identifier(name, value.expose()),
        TOKEN_CODE => check_code(value),
        _ => Ok(()),
    }
}

/// Checks the parameters of an operation of STS against each other, as the types of this module do:
/// no key of a tag is there twice, each transitive key is that of a tag, and `GetScopedCredentials`
/// has a policy or a duration. For a program that sets the parameters of an [`Operation`] by
/// itself.
///
/// # Errors
///
/// [`ErrorKind::Input`](crate::ErrorKind::Input), with the name of the parameter.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{actions, call::{Operation, Service}};
///
/// let operation = Operation::new(&Service::STS, "AssumeRole")
///     .text("Tags.member.1.Key", "team", 1..=128)?
///     .text("TransitiveTagKeys.member.1", "unit", 1..=128)?;
/// let error = actions::check_call(&operation).unwrap_err();
/// assert_eq!(error.parameter(), Some("TransitiveTagKeys.member.1"));
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
pub fn check_call(operation: &Operation) -> Result<(), Error> {
    operation.check_tag_keys()?;
    operation.check_transitive_tags()?;
    operation.check_scope()
}

/// Checks an operation of STS that the session of a role signs: it may ask `AssumeRole` for one
/// hour at most. For a program that sets the parameters of an [`Operation`] by itself.
///
/// # Errors
///
/// [`ErrorKind::Input`](crate::ErrorKind::Input), with the name of the parameter.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{actions, call::{Operation, Service}};
///
/// let operation = Operation::new(&Service::STS, "AssumeRole")
///     .integer("DurationSeconds", 7200, 900..=43_200)?;
/// let error = actions::check_chained(&operation).unwrap_err();
/// assert_eq!(error.parameter(), Some("DurationSeconds"));
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
pub fn check_chained(operation: &Operation) -> Result<(), Error> {
    match operation.name() {
        "AssumeRole" => operation.check_chained_seconds(),
        _ => Ok(()),
    }
}

/// Checks a name that ARNs and logs show: ASCII letters, digits and `_+=,.@-`.
///
/// Source: API reference of STS, `RoleSessionName`, `SourceIdentity` and `Name`.
fn check_identifier(parameter: &str, name: &str) -> Result<(), Error> {
    let is_allowed = |char: char| char.is_ascii_alphanumeric() || "_+=,.@-".contains(char);
    // One character cannot give a secret away that was put here by mistake; the whole could.
    let mut characters = name.chars().enumerate();
    match characters.find(|(_, char)| !is_allowed(*char)) {
        None => Ok(()),
        Some((at, char)) => {
            let message = format!(
                "{parameter} may have letters, digits and _+=,.@- only, but character {} is \
                 '{char}'",
                at + 1,
            );
            Err(Error::input(parameter, message))
        }
    }
}

fn check_code(code: &Secret) -> Result<(), Error> {
    let digits = code.expose();
    if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(Error::input(
        TOKEN_CODE,
        format!("{TOKEN_CODE} must be six digits"),
    ))
}

fn is_same_key(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Service;

    const fn operation() -> Operation {
        Operation::new(&Service::STS, "AssumeRole")
    }

    #[test]
    fn a_name_with_another_character_is_an_error_that_does_not_repeat_the_name() {
        let name = |name: &str| operation().identifier("RoleSessionName", name.to_owned(), 2..=64);
        for good in ["ci", "a_B9+=,.@-", &"x".repeat(64)] {
            assert!(name(good).is_ok(), "{good}");
        }
        for (bad, character) in [
            ("ci run", "character 3 is ' '"),
            ("a/canary", "character 2 is '/'"),
            ("é1", "character 1 is 'é'"),
            ("canary\u{1b}[2J", "character 7 is '\\u{1b}'"),
        ] {
            let error = name(bad).unwrap_err();
            let expected = format!(
                "RoleSessionName may have letters, digits and _+=,.@- only, but {character}"
            );
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.parameter(), Some("RoleSessionName"));
        }
        let error = name("a").unwrap_err();
        assert_eq!(
            error.to_string(),
            "RoleSessionName must be at least 2 characters long, but has 1"
        );
    }

    #[test]
    fn a_tag_key_may_be_set_once_and_case_does_not_count() {
        let tagged = operation().tag("Team".into(), "blue".into()).unwrap();
        let error = tagged
            .clone()
            .tag("tEAM".into(), String::new())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "Tags.member.2.Key is the same key as Tags.member.1.Key: case does not count"
        );
        assert_eq!(error.parameter(), Some("Tags.member.2.Key"));
        let two = tagged.tag("Teams".into(), String::new()).unwrap();
        let names: Vec<&str> = two.names().collect();
        assert_eq!(names[2..], ["Tags.member.2.Key", "Tags.member.2.Value"]);
    }
}

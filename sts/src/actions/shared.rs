use std::ops::RangeInclusive;

use keyfob_sigv4::Secret;

use crate::{call::Parameters, error::Error};

/// The parameters that several actions share, with their limits.
impl Parameters {
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
    pub(super) fn policy_arn(self, arn: String) -> Result<Self, Error> {
        let member = self.next_member("PolicyArns", 10)?;
        self.text(format!("{member}.arn"), arn, 20..=2048)
    }

    /// Adds a session tag.
    pub(super) fn tag(self, key: String, value: String) -> Result<Self, Error> {
        let member = self.next_member("Tags", 50)?;
        self.text(format!("{member}.Key"), key, 1..=128)?.text(
            format!("{member}.Value"),
            value,
            0..=256,
        )
    }

    /// Sets a name that ARNs and logs show: ASCII letters, digits and `_+=,.@-`.
    ///
    /// Source: API reference of STS, `RoleSessionName`, `SourceIdentity` and `Name`.
    pub(super) fn name(
        self,
        parameter: &str,
        name: String,
        length: RangeInclusive<usize>,
    ) -> Result<Self, Error> {
        let is_allowed = |char: char| char.is_ascii_alphanumeric() || "_+=,.@-".contains(char);
        // One character cannot give a secret away that was put here by mistake; the whole could.
        let mut characters = name.chars().enumerate();
        if let Some((at, char)) = characters.find(|(_, char)| !is_allowed(*char)) {
            let message = format!(
                "{parameter} may have letters, digits and _+=,.@- only, but character {} is {char:?}",
                at + 1,
            );
            return Err(Error::input(parameter, message));
        }
        self.text(parameter, name, length)
    }

    /// Sets the MFA device and its code: neither works without the other.
    pub(super) fn mfa(self, serial_number: String, code: Secret) -> Result<Self, Error> {
        self.text("SerialNumber", serial_number, 9..=256)?
            .one_time("TokenCode", code, 6..=6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_another_character_is_an_error_that_does_not_repeat_the_name() {
        let name = |name: &str| Parameters::new().name("RoleSessionName", name.to_owned(), 2..=64);
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
            "RoleSessionName must be 2 to 64 characters long, but has 1"
        );
    }

    #[test]
    fn tags_are_numbered_from_one_and_at_most_fifty() {
        let mut parameters = Parameters::new();
        for _ in 0..50 {
            parameters = parameters.tag("k".into(), String::new()).unwrap();
        }
        let form = parameters.form("X", "1");
        assert!(
            form.expose()
                .contains("&Tags.member.1.Key=k&Tags.member.1.Value=&")
        );
        assert!(
            form.expose()
                .ends_with("&Tags.member.50.Key=k&Tags.member.50.Value=")
        );
        let error = parameters.tag("k".into(), String::new()).unwrap_err();
        assert_eq!(error.to_string(), "too many Tags: at most 50 are allowed");
    }
}

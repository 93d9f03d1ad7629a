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

use std::{fmt, ops::RangeInclusive};

use keyfob_sigv4::Secret;

use crate::{
    call::form::{Form, escape_into},
    error::Error,
};

/// The checked parameters of an action, in the order in which they were set.
///
/// Only what cannot change is checked here: that a value is there and its length. Patterns are left to the service,
/// whose messages are better and whose rules move. `Debug` shows every parameter; the values of secret ones are
/// redacted.
///
/// This is what an [`Action`](crate::call::Action) is made of. You need it only to write an action of your own.
///
/// # Examples
///
/// ```
/// # use keyfob_sts::call::Parameters;
/// let parameters = Parameters::new()
///     .text("SerialNumber", "arn:aws:iam::123456789012:mfa/alice", 9..=256)?
///     .one_time("TokenCode", "123456", 6..=6)?;
/// assert!(!format!("{parameters:?}").contains("123456\""));
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Parameters(Vec<(String, Value)>);

#[derive(Clone)]
enum Value {
    Plain(String),
    Secret(Secret),
    /// Secret, and used up by the first request that reaches the service.
    OneTime(Secret),
}

impl Parameters {
    /// No parameters.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets a text of so many characters (not bytes). Setting a name again replaces its value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input), naming the parameter, when the length is outside `length`.
    pub fn text(
        self,
        name: impl Into<String>,
        value: impl Into<String>,
        length: RangeInclusive<usize>,
    ) -> Result<Self, Error> {
        self.checked(name.into(), Value::Plain(value.into()), &length)
    }

    /// As [`text`](Self::text), for a value that must not be shown.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text); the value is not in the message.
    pub fn secret(
        self,
        name: impl Into<String>,
        value: impl Into<Secret>,
        length: RangeInclusive<usize>,
    ) -> Result<Self, Error> {
        self.checked(name.into(), Value::Secret(value.into()), &length)
    }

    /// As [`secret`](Self::secret), for a value that works once, such as the code of an MFA device. A request that
    /// holds one is repeated only when it was throttled, because only then the code was not looked at.
    ///
    /// # Errors
    ///
    /// As [`secret`](Self::secret).
    pub fn one_time(
        self,
        name: impl Into<String>,
        value: impl Into<Secret>,
        length: RangeInclusive<usize>,
    ) -> Result<Self, Error> {
        self.checked(name.into(), Value::OneTime(value.into()), &length)
    }

    /// Sets a whole number.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input), naming the parameter, when it is outside `range`.
    pub fn number(
        mut self,
        name: impl Into<String>,
        value: u32,
        range: RangeInclusive<u32>,
    ) -> Result<Self, Error> {
        let name = name.into();
        if !range.contains(&value) {
            let (min, max) = range.into_inner();
            return Err(Error::input(format!(
                "invalid {name}: {min} to {max} is allowed (got {value})"
            )));
        }
        self.set(name, Value::Plain(value.to_string()));
        Ok(self)
    }

    /// The name of the next member of a list, `Tags.member.3` after two; append `.Key` to it for a structure.
    ///
    /// Source: AWS Query protocol, lists are numbered from 1.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the list already has `limit` members.
    pub fn next_member(&self, list: &str, limit: usize) -> Result<String, Error> {
        let numbers = self
            .0
            .iter()
            .filter_map(|(name, _)| member_number(name, list));
        let last = numbers.max().unwrap_or(0);
        if last >= limit {
            let message = format!("too many {list}: at most {limit} are allowed");
            return Err(Error::input(message));
        }
        Ok(format!("{list}.member.{}", last + 1))
    }

    /// Whether there is something in it that works only once.
    pub fn is_one_time(&self) -> bool {
        let mut values = self.0.iter().map(|(_, value)| value);
        values.any(|value| matches!(value, Value::OneTime(_)))
    }

    /// The body of the request: `Action`, `Version`, then the parameters.
    pub(crate) fn form(&self, action: &str, version: &str) -> Form {
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in &self.0 {
            body.push('&');
            escape_into(&mut body, name);
            body.push('=');
            escape_into(&mut body, value.expose());
        }
        Form::new(body)
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter().filter_map(|(_, value)| match value {
            Value::Plain(_) => None,
            Value::Secret(secret) | Value::OneTime(secret) => Some(secret),
        })
    }

    fn checked(
        mut self,
        name: String,
        value: Value,
        length: &RangeInclusive<usize>,
    ) -> Result<Self, Error> {
        let count = value.expose().chars().count();
        if !length.contains(&count) {
            return Err(Error::input(format!(
                "invalid {name}: {} needed, this has {count}",
                characters(length)
            )));
        }
        self.set(name, value);
        Ok(self)
    }

    fn set(&mut self, name: String, value: Value) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }
}

impl Value {
    fn expose(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(secret) | Self::OneTime(secret) => secret.expose(),
        }
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.0.iter().map(|(name, value)| (name, value)))
            .finish()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => text.fmt(f),
            Self::Secret(secret) | Self::OneTime(secret) => secret.fmt(f),
        }
    }
}

/// 3 for `Tags.member.3.Key` in the list `Tags`.
fn member_number(name: &str, list: &str) -> Option<usize> {
    let rest = name.strip_prefix(list)?.strip_prefix(".member.")?;
    rest.split('.').next()?.parse().ok()
}

fn characters(length: &RangeInclusive<usize>) -> String {
    match (length.start(), length.end()) {
        (min, max) if min == max => format!("exactly {min} characters are"),
        (1, &usize::MAX) => "at least one character is".to_owned(),
        (min, &usize::MAX) => format!("at least {min} characters are"),
        (min, max) => format!("{min} to {max} characters are"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reserved_byte_is_escaped_once_and_a_space_is_not_a_plus() {
        let parameters = Parameters::new().text("A", "az09-_.~ +*/:@=&%é\n", 0..=99);
        let form = parameters.unwrap().form("X", "1");
        assert_eq!(
            form.expose(),
            "Action=X&Version=1&A=az09-_.~%20%2B%2A%2F%3A%40%3D%26%25%C3%A9%0A"
        );
    }

    #[test]
    fn length_is_counted_in_characters_and_the_error_names_the_parameter() {
        let length = |value: &str| Parameters::new().text("Name", value, 2..=4);
        assert!(length("éé").is_ok() && length("éééé").is_ok());
        assert_eq!(
            length("ééééé").unwrap_err().to_string(),
            "invalid Name: 2 to 4 characters are needed, this has 5"
        );
        assert_eq!(
            length("").unwrap_err().to_string(),
            "invalid Name: 2 to 4 characters are needed, this has 0"
        );
        let error = Parameters::new().number("N", 60, 900..=3600).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid N: 900 to 3600 is allowed (got 60)"
        );
    }

    #[test]
    fn a_value_set_again_replaces_the_first_one() {
        let parameters = Parameters::new().number("N", 1, 0..=9).unwrap();
        let parameters = parameters.number("N", 2, 0..=9).unwrap();
        assert_eq!(parameters.form("X", "1").expose(), "Action=X&Version=1&N=2");
    }

    #[test]
    fn no_debug_output_holds_a_secret() {
        let parameters = Parameters::new()
            .secret("Token", "canary1", 1..=9)
            .and_then(|p| p.one_time("TokenCode", "canary2", 1..=9))
            .unwrap();
        assert!(parameters.is_one_time());
        let form = parameters.form("X", "1");
        let shown = format!("{parameters:?} {parameters:#?} {form:?}");
        assert!(
            shown.contains("TokenCode") && !shown.contains("canary"),
            "{shown}"
        );
        let error = Parameters::new().secret("Token", "canary", 20..=30);
        assert!(!format!("{error:?}").contains("canary"));
    }
}

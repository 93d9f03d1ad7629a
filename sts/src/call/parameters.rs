use std::{fmt, ops::RangeInclusive};

use keyfob_sigv4::Secret;

use crate::{call::form::Form, error::Error};

/// The parameters of an action, in the order in which they were set.
///
/// A setter checks the length of a text and the range of a number, which are part of the API.
/// `Debug` shows the names and the values, but redacts secret values.
///
/// You need this type only to write an [`Action`](crate::call::Action) of your own.
///
/// # Examples
///
/// ```
/// use keyfob_sts::call::Parameters;
///
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
    /// Creates an empty list of parameters.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets a text. If the name was set before, its value is replaced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input), with the name, if the number of characters
    /// (not bytes) is outside `length`.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::call::Parameters;
    ///
    /// let error = Parameters::new().text("AccessKeyId", "AKIA", 16..=128).unwrap_err();
    /// assert_eq!(error.to_string(), "AccessKeyId must be 16 to 128 characters long, but has 4");
    /// ```
    pub fn text(
        self,
        name: impl Into<String>,
        value: impl Into<String>,
        length: RangeInclusive<usize>,
    ) -> Result<Self, Error> {
        self.checked(name.into(), Value::Plain(value.into()), &length)
    }

    /// Sets a text that must not be shown; otherwise as [`text`](Self::text).
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

    /// Sets a secret that works once, such as the code of an MFA device.
    ///
    /// A request with such a parameter is sent again only if it was throttled or never sent,
    /// because otherwise the service may have used up the value.
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

    /// Sets a whole number. If the name was set before, its value is replaced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input), with the name, if it is outside `range`.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::call::Parameters;
    ///
    /// let error = Parameters::new().number("DurationSeconds", 60, 900..=3600).unwrap_err();
    /// assert_eq!(error.to_string(), "DurationSeconds must be 900 to 3600, but is 60");
    /// ```
    pub fn number(
        mut self,
        name: impl Into<String>,
        value: u32,
        range: RangeInclusive<u32>,
    ) -> Result<Self, Error> {
        let name = name.into();
        if !range.contains(&value) {
            let (min, max) = range.into_inner();
            let message = format!("{name} must be {min} to {max}, but is {value}");
            return Err(Error::input(name, message));
        }
        self.set(name, Value::Plain(value.to_string()));
        Ok(self)
    }

    /// Returns the name of the next member of a list: after two members, `Tags.member.3`. Append
    /// `.Key` or the like to it if the members are structures.
    ///
    /// Source: AWS Query protocol, which numbers lists from 1.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the list already has `limit` members.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::call::Parameters;
    ///
    /// let mut parameters = Parameters::new();
    /// for audience in ["https://a.example", "https://b.example"] {
    ///     let name = parameters.next_member("Audience", 10)?;
    ///     parameters = parameters.text(name, audience, 1..=1000)?;
    /// }
    /// assert_eq!(parameters.next_member("Audience", 10)?, "Audience.member.3");
    /// assert!(parameters.next_member("Audience", 2).is_err());
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn next_member(&self, list: &str, limit: usize) -> Result<String, Error> {
        let names = self.0.iter().map(|(name, _)| name);
        let numbers = names.filter_map(|name| member_number(name, list));
        let last = numbers.max().unwrap_or(0);
        if last >= limit {
            let message = format!("too many {list}: at most {limit} are allowed");
            return Err(Error::input(list, message));
        }
        Ok(format!("{list}.member.{}", last + 1))
    }

    /// Returns true if a parameter was set with [`one_time`](Self::one_time).
    pub fn is_one_time(&self) -> bool {
        let mut values = self.0.iter().map(|(_, value)| value);
        values.any(|value| matches!(value, Value::OneTime(_)))
    }

    /// Writes the body of the request: `Action`, `Version`, then the parameters.
    pub(crate) fn form(&self, action: &str, version: &str) -> Form {
        let head = [("Action", action), ("Version", version)];
        let parameters = self.0.iter();
        let parameters = parameters.map(|(name, value)| (name.as_str(), value.expose()));
        Form::from_pairs(head.into_iter().chain(parameters))
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
            let length = characters(length);
            let message = format!("{name} must be {length} long, but has {count}");
            return Err(Error::input(name, message));
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

/// Returns 3 for `Tags.member.3.Key` and the list `Tags`.
fn member_number(name: &str, list: &str) -> Option<usize> {
    let rest = name.strip_prefix(list)?.strip_prefix(".member.")?;
    rest.split('.').next()?.parse().ok()
}

/// Says how long a text must be: "20 to 2048 characters".
fn characters(length: &RangeInclusive<usize>) -> String {
    match (length.start(), length.end()) {
        (min, max) if min == max => format!("exactly {min} characters"),
        (1, &usize::MAX) => "at least one character".to_owned(),
        (min, &usize::MAX) => format!("at least {min} characters"),
        (min, max) => format!("{min} to {max} characters"),
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
            "Name must be 2 to 4 characters long, but has 5"
        );
        assert_eq!(
            length("").unwrap_err().to_string(),
            "Name must be 2 to 4 characters long, but has 0"
        );
        let error = Parameters::new().number("N", 60, 900..=3600).unwrap_err();
        assert_eq!(error.to_string(), "N must be 900 to 3600, but is 60");
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

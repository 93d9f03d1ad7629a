use std::{fmt, time::Duration};

use crate::{
    config::table::SettingKind,
    error::{Error, ErrorKind, is_not, shown},
    origin::Origin,
    profiles::{Section, Value},
};

/// A setting and where it comes from. `Debug` does not show the value, which may be a secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting<'a> {
    /// The name of the variable, property or argument that set it.
    pub name: String,
    /// Its value, without surrounding whitespace. Never empty.
    pub text: &'a str,
    /// The variable, the argument, or the file and line.
    pub origin: Origin,
}

impl<'a> Setting<'a> {
    pub(super) fn from_variable(name: &str, text: &'a str) -> Self {
        Self {
            name: name.to_owned(),
            text,
            origin: Origin::environment(&[name]),
        }
    }

    pub(super) fn from_argument(argument: Argument<'a>) -> Self {
        Self {
            name: argument.flag.to_owned(),
            text: argument.value,
            origin: argument.origin(),
        }
    }

    /// Returns `None` if the value is empty.
    pub(crate) fn from_value(section: &Section, name: &str, value: &'a Value) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            text: value.non_empty()?,
            origin: Origin::file(value.location(), section.name().name()),
        })
    }

    /// Returns true if the value is `true`, in any case. Everything else is false, as in the AWS
    /// SDKs.
    pub fn is_true(&self) -> bool {
        self.text.eq_ignore_ascii_case("true")
    }

    /// Parses the value as a whole number. A number above [`u64::MAX`] becomes that.
    pub(super) fn number(&self) -> Result<u64, Error> {
        parse_number(self.text).ok_or_else(|| self.not_a_number("write a whole number, such as 3"))
    }

    /// Parses the value as a whole number of seconds.
    pub(crate) fn seconds(&self) -> Result<Duration, Error> {
        let cure = "write a whole number of seconds, such as 5";
        let seconds = parse_number(self.text).ok_or_else(|| self.not_a_number(cure))?;
        Ok(Duration::from_secs(seconds))
    }

    /// Parses the value as a number of bytes, with or without a unit.
    pub(super) fn bytes(&self) -> Result<u64, Error> {
        let text = self.text.to_ascii_lowercase();
        let units = [("k", 10), ("m", 20), ("g", 30), ("t", 40)];
        let unit = units.into_iter().find_map(|(unit, power)| {
            let number = text.strip_suffix(&format!("{unit}ib"));
            let number = number.or_else(|| text.strip_suffix(&format!("{unit}b")));
            Some((number?, power))
        });
        let (number, power) = unit.unwrap_or((&text, 0));
        let bytes = parse_number(number.trim_end()).and_then(|number| match number {
            0 => None,
            number => number.checked_mul(1 << power),
        });
        bytes.ok_or_else(|| self.invalid(&SettingKind::Bytes.to_string()))
    }

    fn not_a_number(&self, cure: &str) -> Error {
        // `2.5` and `-1` are numbers.
        let expected = match self.text.parse::<f64>() {
            Ok(_) => "a whole number of 0 or more",
            Err(_) => "a number",
        };
        self.invalid(&format!("{expected}: {cure}"))
    }

    /// Returns the name as the user wrote it, after the file and line of a property.
    #[cfg(feature = "sts")]
    pub(super) fn full_name(&self) -> impl fmt::Display {
        Name {
            name: &self.name,
            origin: &self.origin,
        }
    }

    /// Creates the error for a value that cannot be used. It names the setting, and what was
    /// `expected`. It quotes a value of up to 16 characters, and a number; anything else may be a
    /// secret in the wrong place.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables, settings::OUTPUT};
    ///
    /// let settings = Settings::load(Variables::from_iter([("AWS_DEFAULT_OUTPUT", "xml")]));
    /// let output = settings.find(&OUTPUT).unwrap();
    /// assert_eq!(
    ///     output.invalid("json or text").to_string(),
    ///     "AWS_DEFAULT_OUTPUT is \"xml\", which is not json or text",
    /// );
    /// ```
    pub fn invalid(&self, expected: &str) -> Error {
        let name = Name {
            name: &self.name,
            origin: &self.origin,
        };
        let what = match parse_number(self.text) {
            Some(_) => format!("is \"{}\", which is not {expected}", shown(self.text)),
            None => is_not(self.text, expected),
        };
        let error = Error::new(ErrorKind::Setting, format!("{name} {what}"));
        error.with_setting(&self.name, &self.origin)
    }

    /// Creates the error for a value that `source` rejects. `source` should name the value.
    #[cfg(any(feature = "imds", feature = "sts"))]
    pub(super) fn unusable(&self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        let name = Name {
            name: &self.name,
            origin: &self.origin,
        };
        let message = format!("{name} cannot be used");
        let error = Error::with_source(ErrorKind::Setting, message, source);
        error.with_setting(&self.name, &self.origin)
    }
}

impl fmt::Debug for Setting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting")
            .field("name", &self.name)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// An argument of the program, such as `--region eu-west-1`. It comes before all other sources.
/// `Debug` does not show the value.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Argument, Settings, Variables};
///
/// let settings = Settings::load(Variables::from_iter([("AWS_REGION", "eu-west-1")]));
/// let region = settings.region(Some(Argument::new("--region", "eu-north-1")))?.unwrap();
/// assert_eq!(region.name(), "eu-north-1");
/// assert_eq!(region.origin().to_string(), "--region");
/// # Ok::<(), keyfob_chain::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Argument<'a> {
    /// What the program calls it, such as `--region`. The name of a variable, in capitals, is that
    /// of one that only the program reads.
    pub flag: &'a str,
    /// What the user gave.
    pub value: &'a str,
}

impl<'a> Argument<'a> {
    /// Creates an argument from its flag and its value.
    pub fn new(flag: &'a str, value: &'a str) -> Self {
        Self { flag, value }
    }

    /// Returns the argument as an origin.
    pub fn origin(&self) -> Origin {
        let is_capital = |byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
        if self.flag.bytes().all(is_capital) {
            return Origin::environment(&[self.flag]);
        }
        Origin::Argument {
            name: self.flag.to_owned(),
        }
    }
}

impl fmt::Debug for Argument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argument")
            .field("flag", &self.flag)
            .finish_non_exhaustive()
    }
}

/// The name of a setting as the user wrote it: the variable, the argument, or the property after
/// its file and line.
pub(super) struct Name<'a> {
    pub(super) name: &'a str,
    pub(super) origin: &'a Origin,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match self.origin {
            Origin::Environment { .. } | Origin::Argument { .. } => self.origin.fmt(f),
            Origin::File { file, line, .. } => write!(f, "{}:{line}: {name}", file.display()),
            other => write!(f, "{name} from {other}"),
        }
    }
}

fn parse_number(text: &str) -> Option<u64> {
    let is_too_large = || text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .or_else(|| is_too_large().then_some(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_units_of_the_aws_cli() {
        let bytes = |text| {
            let setting = Setting::from_variable("SIZE", text);
            setting.bytes().map_err(|error| error.to_string())
        };
        for (text, number) in [
            ("1", 1),
            ("8388608", 8 << 20),
            ("64KB", 64 << 10),
            ("8 MB", 8 << 20),
            ("8mib", 8 << 20),
            ("1GB", 1 << 30),
            ("5TiB", 5 << 40),
        ] {
            assert_eq!(bytes(text), Ok(number), "{text}");
        }
        for text in ["0", "0MB", "-1", "1.5GB", "MB", "8M", "8MBs", "99999999TB"] {
            let message = bytes(text).unwrap_err();
            assert!(
                message.ends_with("not a number of bytes, such as 8MB"),
                "{message}"
            );
        }
    }

    #[test]
    fn numbers_of_any_size_are_numbers_and_other_texts_are_named_with_their_variable() {
        let setting = |text| Setting::from_variable("AWS_MAX_ATTEMPTS", text);
        for (text, number) in [
            ("0", 0),
            ("5000000000", 5_000_000_000),
            ("99999999999999999999999", u64::MAX),
        ] {
            assert_eq!(setting(text).number().unwrap(), number);
        }
        for (text, message) in [
            (
                "x",
                "AWS_MAX_ATTEMPTS is \"x\", which is not a number: write a whole number, such as 3",
            ),
            (
                "2.5",
                "AWS_MAX_ATTEMPTS is \"2.5\", which is not a whole number of 0 or more: write a whole number, such as 3",
            ),
        ] {
            let error = setting(text).number().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Setting);
            assert_eq!(error.to_string(), message);
        }
        assert_eq!(setting("7").seconds().unwrap(), Duration::from_secs(7));
    }

    #[test]
    fn only_true_is_true() {
        let is_true = |text| Setting::from_variable("AWS_USE_FIPS_ENDPOINT", text).is_true();
        assert!(is_true("true") && is_true("TRUE"));
        assert!(!is_true("1") && !is_true("yes") && !is_true("false"));
    }
}

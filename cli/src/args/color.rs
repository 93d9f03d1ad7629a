use std::ffi::OsStr;

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    On,
    Off,
    /// On a terminal, unless a variable says otherwise.
    Auto,
}

impl Color {
    /// Returns what a variable says instead of `Auto`. The first that counts is that of
    /// <https://no-color.org>, before those of <https://bixense.com/clicolors>.
    pub(crate) fn or_variables<'a>(self, read: impl Fn(&str) -> Option<&'a OsStr>) -> Self {
        let is_set = |name| read(name).is_some_and(|value| !value.is_empty());
        let is = |name, text: &str| read(name).is_some_and(|value| value == text);
        match self {
            Self::Auto if is_set("NO_COLOR") => Self::Off,
            Self::Auto if is_set("CLICOLOR_FORCE") && !is("CLICOLOR_FORCE", "0") => Self::On,
            Self::Auto if is("CLICOLOR", "0") || is("TERM", "dumb") => Self::Off,
            said => said,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_comes_before_the_variables_and_no_color_first_of_those() {
        let color = |option: Color, variables: &[(&str, &'static str)]| {
            option.or_variables(|name| {
                let mut set = variables.iter().filter(|(known, _)| *known == name);
                set.next().map(|(_, value)| OsStr::new(*value))
            })
        };
        let force = ("CLICOLOR_FORCE", "1");
        for (variables, expected) in [
            (&[][..], Color::Auto),
            (&[("NO_COLOR", "")], Color::Auto),
            (&[("NO_COLOR", "0")], Color::Off),
            (&[force], Color::On),
            (&[("CLICOLOR_FORCE", "0")], Color::Auto),
            (&[("CLICOLOR_FORCE", "")], Color::Auto),
            (&[force, ("NO_COLOR", "1")], Color::Off),
            (&[force, ("CLICOLOR", "0"), ("TERM", "dumb")], Color::On),
            (&[("CLICOLOR", "0")], Color::Off),
            (&[("CLICOLOR", "1")], Color::Auto),
            (&[("TERM", "dumb")], Color::Off),
        ] {
            assert_eq!(color(Color::Auto, variables), expected, "{variables:?}");
            assert_eq!(color(Color::On, variables), Color::On);
            assert_eq!(color(Color::Off, variables), Color::Off);
        }
    }
}

use std::fmt;

use super::table;
use crate::{origin::Origin, variables::Variables};

/// The variables with options of the Java virtual machine, the one that counts more first: a
/// launcher puts `JDK_JAVA_OPTIONS` before its own arguments, which come after `JAVA_TOOL_OPTIONS`.
const VARIABLES: &[&str] = table::JAVA_OPTIONS.variables;

/// A system property of the Java virtual machine.
#[derive(Clone)]
pub(crate) struct SystemProperty {
    name: String,
    /// Without surrounding whitespace, and never empty.
    pub(crate) value: String,
    /// The variable that sets it, or `None` if the program does.
    variable: Option<&'static str>,
}

impl SystemProperty {
    /// Returns `None` if the value is empty or only whitespace.
    pub(super) fn new(name: &str, value: &str, variable: Option<&'static str>) -> Option<Self> {
        let value = value.trim();
        (!value.is_empty()).then(|| Self {
            name: name.to_owned(),
            value: value.to_owned(),
            variable,
        })
    }

    /// Returns the properties `-DNAME=VALUE` in the variables, those that count more first.
    pub(super) fn in_variables(variables: &Variables) -> Vec<Self> {
        let mut properties = Vec::new();
        for variable in VARIABLES {
            let options = variables.text(variable).map(words).unwrap_or_default();
            // The last of the same name counts.
            for option in options.iter().rev() {
                let property = option.strip_prefix("-D").and_then(|rest| {
                    let (name, value) = rest.split_once('=')?;
                    Self::new(name, value, Some(variable))
                });
                properties.extend(property);
            }
        }
        properties
    }

    pub(super) fn has_name(&self, name: &str) -> bool {
        self.name == name
    }

    /// Returns the properties as an origin.
    pub(crate) fn origin(properties: &[&Self]) -> Origin {
        Origin::SystemProperties {
            names: properties.iter().map(|own| own.name.clone()).collect(),
            variable: properties
                .iter()
                .find_map(|own| own.variable)
                .map(str::to_owned),
        }
    }
}

/// Does not show the value, which may be a secret.
impl fmt::Debug for SystemProperty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemProperty")
            .field("name", &self.name)
            .field("variable", &self.variable)
            .finish_non_exhaustive()
    }
}

/// Splits options at whitespace that is not in quotes, single or double, as the Java launcher does.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for char in text.chars() {
        match quote {
            Some(open) if char == open => quote = None,
            None if char == '"' || char == '\'' => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            None if char.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_split_as_the_java_launcher_splits_them() {
        assert_eq!(
            words("-Xmx1g  -Da=\"b c\" '-Dd=e' -Df=\"it's\" \"\""),
            ["-Xmx1g", "-Da=b c", "-Dd=e", "-Df=it's", ""]
        );
        assert!(words(" ").is_empty());
    }

    #[test]
    fn the_last_option_of_a_variable_counts_and_the_launcher_before_the_tools() {
        let variables = Variables::from_iter([
            ("JAVA_TOOL_OPTIONS", "-Daws.region=tool -Dx=1"),
            ("JDK_JAVA_OPTIONS", "-Daws.region=first -Daws.region=last"),
        ]);
        let properties = SystemProperty::in_variables(&variables);
        let values: Vec<_> = properties.iter().map(|own| own.value.as_str()).collect();
        assert_eq!(values, ["last", "first", "1", "tool"]);
    }
}

use std::path::Path;

use clap::ValueEnum;
use keyfob_chain::Variables;
pub(crate) use keyfob_chain::shell::quoted;

/// A program that reads commands, for the variables of its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// sh, bash, zsh and other shells of POSIX
    Sh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
    /// The command prompt of Windows
    Cmd,
    /// Nushell
    Nu,
}

impl Shell {
    /// Returns the shell of the user.
    pub(crate) fn from_variables(variables: &Variables) -> Self {
        if cfg!(windows) {
            // Only PowerShell has it, and its children.
            let is_powershell = variables.raw("PSModulePath").is_some();
            return if is_powershell {
                Self::Powershell
            } else {
                Self::Cmd
            };
        }
        let program = variables.raw("SHELL").map(Path::new);
        match program
            .and_then(Path::file_stem)
            .and_then(|name| name.to_str())
        {
            Some("fish") => Self::Fish,
            Some("nu") => Self::Nu,
            Some("pwsh") => Self::Powershell,
            _ => Self::Sh,
        }
    }

    /// Returns the line that sets a variable, or `None` if this shell cannot have the value. Quotes
    /// and escapes are added only to a value that needs them.
    pub(crate) fn set(self, name: &str, value: &str) -> Option<String> {
        if value.contains(['\n', '\r', '\0']) {
            return None;
        }
        Some(match self {
            Self::Sh => format!("export {name}={}", quoted(value)),
            Self::Fish => format!(
                "set -gx {name} \"{}\"",
                escaped(value, &['\\', '"', '$'], '\\')
            ),
            Self::Powershell => {
                // PowerShell takes typographic quotes for the plain ones.
                let special = ['"', '`', '$', '\u{201c}', '\u{201d}', '\u{201e}'];
                format!("$Env:{name}=\"{}\"", escaped(value, &special, '`'))
            }
            // Nothing quotes these two there.
            Self::Cmd if value.contains(['"', '%']) => return None,
            Self::Cmd if value.contains(['&', '|', '<', '>', '^', '!', ' ']) => {
                format!("set \"{name}={value}\"")
            }
            Self::Cmd => format!("set {name}={value}"),
            Self::Nu => format!("$env.{name} = \"{}\"", escaped(value, &['\\', '"'], '\\')),
        })
    }

    /// Returns the line that takes a variable away, if it is there.
    pub(crate) fn unset(self, name: &str) -> String {
        match self {
            Self::Sh => format!("unset {name}"),
            Self::Fish => format!("set -e {name}"),
            Self::Powershell => format!("Remove-Item Env:{name} -ErrorAction SilentlyContinue"),
            Self::Cmd => format!("set {name}="),
            Self::Nu => format!("hide-env -i {name}"),
        }
    }
}

/// Returns a value with `escape` before each special character.
pub(crate) fn escaped(value: &str, special: &[char], escape: char) -> String {
    let mut out = String::with_capacity(value.len());
    for char in value.chars() {
        if special.contains(&char) {
            out.push(escape);
        }
        out.push(char);
    }
    out
}

/// Returns a line `export NAME=VALUE` for each variable.
pub(crate) fn exports(variables: &[(&str, &str)]) -> String {
    variables
        .iter()
        .map(|(name, value)| format!("export {name}={}\n", quoted(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_the_shell() {
        assert_eq!(exports(&[("A", "b c")]), "export A='b c'\n");
    }

    #[test]
    fn a_value_with_special_characters_is_quoted_for_each_shell() {
        let value = "a$b`c\"d\\e'f&g";
        for (shell, expected) in [
            (Shell::Sh, Some("export NAME='a$b`c\"d\\e'\\''f&g'")),
            (Shell::Powershell, Some("$Env:NAME=\"a`$b``c`\"d\\e'f&g\"")),
            (Shell::Cmd, None),
            (Shell::Fish, Some("set -gx NAME \"a\\$b`c\\\"d\\\\e'f&g\"")),
            (Shell::Nu, Some("$env.NAME = \"a$b`c\\\"d\\\\e'f&g\"")),
        ] {
            assert_eq!(shell.set("NAME", value).as_deref(), expected, "{shell:?}");
            assert_eq!(shell.set("NAME", "a\nb"), None);
        }
        let ampersand = Shell::Cmd.set("NAME", "a&b");
        assert_eq!(ampersand.as_deref(), Some("set \"NAME=a&b\""));
    }

    #[test]
    #[cfg(unix)]
    fn the_shell_is_that_of_the_user() {
        for (path, shell) in [
            ("/usr/bin/fish", Shell::Fish),
            ("/opt/nu", Shell::Nu),
            ("/bin/zsh", Shell::Sh),
            ("", Shell::Sh),
        ] {
            let variables = Variables::from_iter([("SHELL", path)]);
            assert_eq!(Shell::from_variables(&variables), shell, "{path}");
        }
        assert_eq!(Shell::from_variables(&Variables::default()), Shell::Sh);
    }
}

pub(crate) use keyfob_chain::shell::quoted;

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
}

//! The names of the services of AWS, and the rows of those whose calls need no model.

/// Written by `cli/models/generate.py`, which has the format.
const TABLE: &str = include_str!("../../models/services");

/// How the line begins that lists the services with other protocols.
const OTHERS: &str = "other ";

/// Returns the fields of a service that speaks query or JSON.
pub(crate) fn row(name: &str) -> Option<&'static str> {
    let lines = TABLE.lines();
    let mut rows = lines.filter(|line| !line.starts_with('#') && !line.starts_with(OTHERS));
    rows.find_map(|line| {
        let (known, fields) = line.split_once(' ')?;
        (known == name).then_some(fields)
    })
}

/// Returns true if a service that signatures name so speaks query or JSON, where each request names
/// its action.
pub(crate) fn names_actions(scope_name: &str) -> bool {
    let lines = TABLE.lines();
    let mut rows = lines.filter(|line| !line.starts_with('#') && !line.starts_with(OTHERS));
    rows.any(|line| {
        let mut fields = line.split(' ');
        let (name, field) = (fields.next(), fields.nth(4));
        let scoped = field.filter(|field| *field != "-").or(name);
        scoped == Some(scope_name)
    })
}

/// Returns true for a service with another protocol.
pub(crate) fn is_other(name: &str) -> bool {
    let mut lines = TABLE.lines().filter_map(|line| line.strip_prefix(OTHERS));
    lines.any(|names| names.split(' ').any(|known| known == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_a_row_or_another_protocol() {
        assert!(row("kms").is_some_and(|fields| fields.starts_with("json1.1 ")));
        assert!(is_other("lambda") && row("lambda").is_none());
        for name in ["", "#", "other", "km", "kms json1.1", "canary"] {
            assert!(row(name).is_none() && !is_other(name), "{name}");
        }
    }

    #[test]
    fn a_service_that_names_its_actions_is_found_by_the_name_in_signatures() {
        for name in ["sts", "monitoring", "ec2", "dynamodb", "secretsmanager"] {
            assert!(names_actions(name), "{name}");
        }
        for name in [
            "cloudwatch",
            "s3",
            "lambda",
            "execute-api",
            "es",
            "vpc-lattice-svcs",
            "",
        ] {
            assert!(!names_actions(name), "{name}");
        }
    }
}

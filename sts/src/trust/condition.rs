use super::{
    decision::ConditionReport,
    error::PolicyError,
    glob::{Glob, Piece},
    json::Node,
    operator::{self, Comparison},
    request::Request,
};

/// One key under one operator, with the values of the policy.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    /// The operator as written.
    operator: String,
    key: String,
    values: Vec<String>,
    test: Test,
    /// Whether `${…}` in values stands for a context key, by the version of the policy.
    has_variables: bool,
}

#[derive(Clone, Copy, Debug)]
enum Test {
    /// `Null`
    IsMissing,
    Compare {
        comparison: Comparison,
        is_negated: bool,
        if_exists: bool,
        set: Option<Set>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    All,
    Any,
}

/// Reads `Condition`.
pub(super) fn conditions(
    node: &Node<'_>,
    has_variables: bool,
) -> Result<Vec<Condition>, PolicyError> {
    let mut conditions = Vec::new();
    for (operator, keys) in node.members()? {
        let test = test(operator)
            .ok_or_else(|| keys.error(format!("\"{operator}\" is not a condition operator")))?;
        for (key, values) in keys.members()? {
            let condition = Condition {
                operator: operator.to_owned(),
                key: key.to_owned(),
                values: self::values(&values, test)?,
                test,
                has_variables,
            };
            conditions.push(condition);
        }
    }
    Ok(conditions)
}

fn test(operator: &str) -> Option<Test> {
    if operator == "Null" {
        return Some(Test::IsMissing);
    }
    let (set, name) = match operator.split_once(':') {
        None => (None, operator),
        Some(("ForAllValues", name)) => (Some(Set::All), name),
        Some(("ForAnyValue", name)) => (Some(Set::Any), name),
        Some(_) => return None,
    };
    let if_exists = name.ends_with("IfExists");
    let name = name.strip_suffix("IfExists").unwrap_or(name);
    let (comparison, is_negated) = operator::comparison(name)?;
    Some(Test::Compare {
        comparison,
        is_negated,
        if_exists,
        set,
    })
}

fn values(node: &Node<'_>, test: Test) -> Result<Vec<String>, PolicyError> {
    let comparison = match test {
        Test::IsMissing => Comparison::Bool,
        Test::Compare { comparison, .. } => comparison,
    };
    let values = node.texts()?.into_iter().map(|value| {
        let text = value.text()?;
        comparison
            .refusal(text)
            .map_or(Ok(text.to_owned()), |wanted| {
                Err(value.error(format!("\"{text}\" is not {wanted}")))
            })
    });
    values.collect()
}

impl Condition {
    /// Returns whether a request meets the condition, with what both say.
    pub(super) fn report(&self, request: &Request) -> (bool, ConditionReport) {
        let actual = request.context(&self.key);
        let report = ConditionReport {
            operator: self.operator.clone(),
            key: self.key.clone(),
            wanted: self.values.clone(),
            actual: actual.map(<[String]>::to_vec),
        };
        (self.is_met(request, actual.unwrap_or_default()), report)
    }

    /// Returns the keys whose values the condition compares: its own, and those of variables.
    #[cfg(feature = "server")]
    pub(super) fn keys(&self) -> Vec<&str> {
        let own = [self.key.as_str()].into_iter();
        let values = self.values.iter().filter(|_| self.has_variables);
        own.chain(values.flat_map(|value| variables(value)))
            .collect()
    }

    /// A key without a value counts as missing.
    ///
    /// A missing key meets negated operators, `…IfExists` and `ForAllValues`, and nothing else.
    fn is_met(&self, request: &Request, actual: &[String]) -> bool {
        let Test::Compare {
            comparison,
            is_negated,
            if_exists,
            set,
        } = self.test
        else {
            let word = if actual.is_empty() { "true" } else { "false" };
            return self
                .values
                .iter()
                .any(|value| value.eq_ignore_ascii_case(word));
        };
        if actual.is_empty() {
            return if_exists || set == Some(Set::All) || (is_negated && set.is_none());
        }
        let is_listed = |actual: &String| {
            let mut values = self.values.iter();
            values.any(|wanted| self.matches(request, comparison, actual, wanted))
        };
        let mut actual = actual.iter();
        match set {
            Some(Set::All) => actual.all(|value| is_listed(value) != is_negated),
            Some(Set::Any) => actual.any(|value| is_listed(value) != is_negated),
            None => actual.any(is_listed) != is_negated,
        }
    }

    fn matches(
        &self,
        request: &Request,
        comparison: Comparison,
        actual: &str,
        wanted: &str,
    ) -> bool {
        if !self.has_variables || !comparison.has_variables() || !wanted.contains("${") {
            return comparison.holds(actual, wanted);
        }
        let Some(pieces) = filled(wanted, request, comparison.has_wildcards()) else {
            return false;
        };
        if comparison.has_wildcards() {
            return comparison.is_like(actual, &Glob::from_iter(pieces));
        }
        let text: String = pieces.into_iter().filter_map(literal).collect();
        comparison.holds(actual, &text)
    }
}

fn literal(piece: Piece) -> Option<char> {
    match piece {
        Piece::Char(char) => Some(char),
        Piece::AnyChar | Piece::AnyText => None,
    }
}

/// Puts values in the place of policy variables: `${aws:username}`, `${key, 'default'}`, and
/// `${*}`, `${?}` and `${$}` for the characters themselves. What they stand for has no wildcards.
/// Returns `None` if a key without a default is missing, or has several values.
///
/// Source: IAM user guide, "IAM policy elements: Variables and tags".
pub(super) fn filled(text: &str, request: &Request, has_wildcards: bool) -> Option<Vec<Piece>> {
    let piece = |char| {
        if has_wildcards {
            Piece::from_pattern(char)
        } else {
            Piece::Char(char)
        }
    };
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        pieces.extend(before.chars().map(piece));
        pieces.extend(variable(name, request)?.chars().map(Piece::Char));
        rest = after;
    }
    pieces.extend(rest.chars().map(piece));
    Some(pieces)
}

/// Returns the keys of the variables in a text that have no default.
#[cfg(feature = "server")]
pub(super) fn variables(text: &str) -> impl Iterator<Item = &str> {
    let names = text.split("${").skip(1);
    let names = names.filter_map(|rest| Some(rest.split_once('}')?.0.trim()));
    names.filter(|name| !matches!(*name, "*" | "?" | "$") && !name.contains(','))
}

fn variable<'a>(name: &'a str, request: &'a Request) -> Option<&'a str> {
    if matches!(name, "*" | "?" | "$") {
        return Some(name);
    }
    let (key, default) = match name.split_once(',') {
        Some((key, default)) => (key, Some(default.trim())),
        None => (name, None),
    };
    match request.context(key.trim()) {
        Some([value]) => Some(value),
        _ => default?.strip_prefix('\'')?.strip_suffix('\''),
    }
}

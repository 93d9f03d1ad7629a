use super::{
    condition::{self, Condition},
    decision::{Mismatch, StatementReport},
    error::PolicyError,
    glob::Glob,
    json::Node,
    principal::{self, Coverage, Pattern},
    request::Request,
};

#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) sid: Option<String>,
    pub(super) is_deny: bool,
    principals: Listed<Pattern>,
    actions: Listed<Glob>,
    conditions: Vec<Condition>,
}

/// What an element lists: `Action` or `NotAction`, `Principal` or `NotPrincipal`.
#[derive(Clone, Debug)]
pub(super) enum Listed<T> {
    Only(Vec<T>),
    AllBut(Vec<T>),
}

impl Statement {
    pub(super) fn parse(node: &Node<'_>, has_variables: bool) -> Result<Self, PolicyError> {
        let (mut sid, mut is_deny) = (None, None);
        let (mut principals, mut actions) = (None, None);
        let mut conditions = Vec::new();
        for (name, member) in node.members()? {
            match name {
                "Sid" => sid = Some(member.text()?.to_owned()),
                "Effect" => is_deny = Some(parse_effect(&member)?),
                "Principal" | "NotPrincipal" => {
                    once(&principals, &member, "Principal")?;
                    let patterns = principal::patterns(&member)?;
                    principals = Some(Listed::new(name, patterns));
                }
                "Action" | "NotAction" => {
                    once(&actions, &member, "Action")?;
                    actions = Some(Listed::new(name, parse_actions(&member)?));
                }
                "Condition" => conditions = condition::conditions(&member, has_variables)?,
                "Resource" | "NotResource" => {
                    return Err(
                        member.error("a trust policy has no resources: the role is the resource")
                    );
                }
                _ => return Err(member.error("this is not an element of a statement")),
            }
        }
        Ok(Self {
            sid,
            is_deny: is_deny.ok_or_else(|| node.error("Effect is missing"))?,
            principals: principals.ok_or_else(|| node.error("Principal is missing"))?,
            actions: actions.ok_or_else(|| node.error("Action is missing"))?,
            conditions,
        })
    }

    /// Compares the statement with a request. `index` is its place in the policy.
    pub(super) fn report(&self, index: usize, request: &Request) -> StatementReport {
        let coverage = self.coverage(request);
        let mut met = Vec::new();
        let mismatch = if !self.has_action(request.action()) {
            Some(Mismatch::Action)
        } else if coverage.is_none() {
            Some(Mismatch::Principal)
        } else {
            let mut failed = Vec::new();
            for (is_met, report) in self.conditions.iter().map(|one| one.report(request)) {
                if is_met {
                    met.push(report);
                } else {
                    failed.push(report);
                }
            }
            (!failed.is_empty()).then_some(Mismatch::Conditions(failed))
        };
        StatementReport {
            index,
            sid: self.sid.clone(),
            is_deny: self.is_deny,
            mismatch,
            met,
            names_account: coverage == Some(Coverage::Account),
        }
    }

    /// If both the caller and its account are listed, the caller counts.
    fn coverage(&self, request: &Request) -> Option<Coverage> {
        match &self.principals {
            Listed::Only(patterns) => {
                let found: Vec<_> = patterns
                    .iter()
                    .filter_map(|one| one.covers(request))
                    .collect();
                let named = found.contains(&Coverage::Named).then_some(Coverage::Named);
                named.or_else(|| found.first().copied())
            }
            Listed::AllBut(patterns) => {
                (!principal::spares(patterns, request)).then_some(Coverage::Named)
            }
        }
    }

    fn has_action(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.actions.covers(|pattern| pattern.matches(&action))
    }
}

impl<T> Listed<T> {
    pub(super) fn new(element: &str, items: Vec<T>) -> Self {
        if element.starts_with("Not") {
            Self::AllBut(items)
        } else {
            Self::Only(items)
        }
    }

    /// Returns true if the element is about what the items are that match.
    pub(super) fn covers(&self, is_match: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Only(items) => items.iter().any(is_match),
            Self::AllBut(items) => !items.iter().any(is_match),
        }
    }
}

pub(super) fn once<T>(known: &Option<T>, node: &Node<'_>, name: &str) -> Result<(), PolicyError> {
    if known.is_none() {
        return Ok(());
    }
    Err(node.error(format!(
        "a statement has either {name} or Not{name}, not both"
    )))
}

pub(super) fn parse_effect(node: &Node<'_>) -> Result<bool, PolicyError> {
    match node.text()? {
        "Allow" => Ok(false),
        "Deny" => Ok(true),
        other => Err(node.error(format!("\"{other}\" is neither \"Allow\" nor \"Deny\""))),
    }
}

/// Reads actions. The case of actions does not matter; a trust policy has only those of STS.
fn parse_actions(node: &Node<'_>) -> Result<Vec<Glob>, PolicyError> {
    let actions = node.texts()?.into_iter().map(|action| {
        let text = action.text()?.to_ascii_lowercase();
        let is_sts = text == "*"
            || text
                .strip_prefix("sts:")
                .is_some_and(|name| !name.is_empty());
        if is_sts {
            return Ok(Glob::new(&text));
        }
        let text = action.text()?;
        Err(action.error(format!(
            "\"{text}\" is not an action of STS such as \"sts:AssumeRole\""
        )))
    });
    actions.collect()
}

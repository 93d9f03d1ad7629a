use std::collections::HashSet;

use serde_json::{Value, json};

use super::question::Question;
use crate::{
    context::Context,
    failure::Failure,
    terminal::{Style, printable},
};

/// What IAM says about each principal.
#[derive(Debug)]
pub(super) struct Report {
    answers: Vec<Answer>,
}

/// What IAM says about one principal.
#[derive(Debug)]
pub(super) struct Answer {
    principal: String,
    results: Vec<Outcome>,
}

/// What IAM says about one action on one resource.
#[derive(Debug)]
struct Outcome {
    action: String,
    resource: String,
    decision: Decision,
    statements: Vec<Value>,
    missing: Vec<String>,
    /// Whether a permissions boundary and the policies of the organization allow it, if they count.
    boundary: Option<bool>,
    organization: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Allowed,
    ExplicitDeny,
    ImplicitDeny,
}

impl Answer {
    /// Reads an answer of `SimulatePrincipalPolicy`.
    pub(super) fn new(principal: String, answer: &Value) -> Self {
        let results = answer["EvaluationResults"].as_array();
        Self {
            principal,
            results: results.into_iter().flatten().flat_map(outcomes).collect(),
        }
    }

    /// Checks that there is a result for each action on each resource.
    ///
    /// # Errors
    ///
    /// If there are fewer: what was not decided is neither allowed nor denied.
    pub(super) fn complete(self, question: &Question) -> Result<Self, Failure> {
        for (action, expected) in question.expected() {
            let results = self.results.iter();
            let results = results.filter(|one| one.action.eq_ignore_ascii_case(action));
            let count = results
                .map(|one| &one.resource)
                .collect::<HashSet<_>>()
                .len();
            if count < expected {
                return Err(Failure::other(format!(
                    "IAM answered {count} of {expected} questions about {action} of {}: nothing is \
                     known about the rest",
                    self.principal
                )));
            }
        }
        Ok(self)
    }

    /// Returns the decision about a call.
    fn decision(&self, call: &str) -> Option<Decision> {
        let mut results = self.results.iter();
        results
            .find(|one| one.call() == call)
            .map(|one| one.decision)
    }

    /// Returns true if everything is allowed.
    fn is_allowed(&self) -> bool {
        let mut results = self.results.iter();
        results.all(|one| one.decision == Decision::Allowed)
    }
}

/// Returns what IAM says about one action on each resource.
///
/// Source: IAM API Reference, `EvaluationResult`. For an action on resources that are named, the
/// result as a whole has the strictest decision and the name of the *kind* of resource; the
/// decision for each one is in `ResourceSpecificResults`. Some servers give each one a result of
/// its own.
fn outcomes(result: &Value) -> Vec<Outcome> {
    let specific = result["ResourceSpecificResults"].as_array();
    match specific.filter(|specific| !specific.is_empty()) {
        Some(specific) => {
            let one = |one| Outcome::new(result, one, "EvalResourceDecision");
            specific.iter().map(one).collect()
        }
        None => vec![Outcome::new(result, result, "EvalDecision")],
    }
}

impl Outcome {
    /// Reads the part of a result that is about one resource. It has its decision by this name.
    fn new(result: &Value, part: &Value, decision: &str) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |name: &str| part[name].as_array().into_iter().flatten();
        let decision = match part[decision].as_str() {
            Some("allowed") => Decision::Allowed,
            Some("explicitDeny") => Decision::ExplicitDeny,
            _ => Decision::ImplicitDeny,
        };
        let flag = |detail: &str, name: &str| {
            let own = part[detail][name].as_bool();
            // What limits the result as a whole does not limit a resource that is allowed.
            let whole = result[detail][name].as_bool();
            own.or(whole.filter(|is_allowed| *is_allowed || decision != Decision::Allowed))
        };
        let missing = list("MissingContextValues").filter_map(Value::as_str);
        Self {
            action: text(&result["EvalActionName"]),
            resource: text(&part["EvalResourceName"]),
            decision,
            statements: list("MatchedStatements").cloned().collect(),
            missing: missing.map(str::to_owned).collect(),
            boundary: flag(
                "PermissionsBoundaryDecisionDetail",
                "AllowedByPermissionsBoundary",
            ),
            organization: flag("OrganizationsDecisionDetail", "AllowedByOrganizations"),
        }
    }

    /// Returns the lines for people: the decision first, then its reasons.
    fn lines(&self, context: &Context) -> Vec<(&'static str, String)> {
        let style = match self.decision {
            Decision::Allowed => Style::Good,
            _ => Style::Bad,
        };
        let call = printable(&self.call()).into_owned();
        let mut lines = vec![(self.decision.word(), context.console().paint(style, &call))];
        let statements = self.statements.iter().map(describe);
        lines.extend(statements.map(|text| ("by", text)));
        if self.statements.is_empty() {
            // Some servers leave them out.
            let text = match self.decision {
                Decision::ImplicitDeny => "no statement matched",
                _ => "a statement that IAM does not name",
            };
            lines.push(("by", text.to_owned()));
        }
        for (is_allowed, limit) in [
            (self.boundary, "the permissions boundary"),
            (self.organization, "a policy of the organization"),
        ] {
            if is_allowed == Some(false) {
                lines.push(("limited", format!("{limit} does not allow it")));
            }
        }
        for key in &self.missing {
            let text = format!("conditions on {key}, which is not given with --context");
            lines.push(("not tried", printable(&text).into_owned()));
        }
        lines
    }

    fn call(&self) -> String {
        format!("{} on {}", self.action, self.resource)
    }

    fn json(&self) -> Value {
        json!({
            "action": self.action,
            "resource": self.resource,
            "decision": self.decision.name(),
            "statements": self.statements.iter().map(to_json).collect::<Value>(),
            "not_evaluated": self.missing,
            "allowed_by_boundary": self.boundary,
            "allowed_by_organization": self.organization,
        })
    }
}

impl Decision {
    fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ExplicitDeny | Self::ImplicitDeny => "denied",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ExplicitDeny => "explicit_deny",
            Self::ImplicitDeny => "implicit_deny",
        }
    }
}

impl Report {
    pub(super) fn new(answers: Vec<Answer>) -> Self {
        Self { answers }
    }

    /// Returns true if everything is allowed to all principals.
    pub(super) fn is_allowed(&self) -> bool {
        self.answers.iter().all(Answer::is_allowed)
    }

    /// Returns the calls about which the two principals differ, with the decision for each; `None`
    /// if IAM has none for it.
    fn differences(&self) -> Vec<(String, [Option<Decision>; 2])> {
        let [first, second] = &self.answers[..] else {
            return Vec::new();
        };
        let mut calls: Vec<String> = Vec::new();
        for call in first
            .results
            .iter()
            .chain(&second.results)
            .map(Outcome::call)
        {
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        let both = calls.into_iter().map(|call| {
            let decisions = [first, second].map(|answer| answer.decision(&call));
            (call, decisions)
        });
        both.filter(|(_, decisions)| {
            decisions[0].map(Decision::word) != decisions[1].map(Decision::word)
        })
        .collect()
    }

    pub(super) fn text(&self, context: &Context) -> String {
        let mut lines = Vec::new();
        for answer in &self.answers {
            lines.push(("principal", printable(&answer.principal).into_owned()));
            let results = answer.results.iter();
            lines.extend(results.flat_map(|result| result.lines(context)));
        }
        if let [first, second] = &self.answers[..] {
            let differences = self.differences();
            if differences.is_empty() {
                lines.push(("compared", "both may do the same of this".to_owned()));
            }
            for (call, decisions) in differences {
                let text = match decisions {
                    [Some(_), None] => {
                        format!("IAM says nothing about {} and {call}", second.principal)
                    }
                    [None, _] => format!("IAM says nothing about {} and {call}", first.principal),
                    [Some(Decision::Allowed), _] => {
                        format!("only {} may do {call}", first.principal)
                    }
                    _ => format!("only {} may do {call}", second.principal),
                };
                lines.push(("compared", printable(&text).into_owned()));
            }
        }
        let limit = "policies of resources and of sessions are not part of it";
        lines.push(("simulated", limit.to_owned()));
        lines
            .iter()
            .map(|(name, value)| format!("{name:<10}  {value}\n"))
            .collect()
    }

    pub(super) fn json(&self) -> Value {
        let principal = |answer: &Answer| {
            json!({
                "arn": answer.principal,
                "allowed": answer.is_allowed(),
                "results": answer.results.iter().map(Outcome::json).collect::<Value>(),
            })
        };
        let difference = |(call, decisions): (String, [Option<Decision>; 2])| {
            let names = decisions.map(|decision| decision.map(Decision::name));
            json!({"call": call, "decisions": names})
        };
        let differences = self.differences().into_iter();
        json!({
            "allowed": self.is_allowed(),
            "principals": self.answers.iter().map(principal).collect::<Value>(),
            "differences": differences.map(difference).collect::<Value>(),
        })
    }
}

/// Names the policy of a statement, and where the statement is in it.
fn describe(statement: &Value) -> String {
    let text = |name: &str| statement[name].as_str().unwrap_or_default();
    let place = |name: &str| {
        let number = |part: &str| statement[name][part].as_i64();
        Some(format!("{}:{}", number("Line")?, number("Column")?))
    };
    let mut line = format!("policy {}", text("SourcePolicyId"));
    let kind = text("SourcePolicyType");
    if !kind.is_empty() {
        line += &format!(" ({kind})");
    }
    if let (Some(start), Some(end)) = (place("StartPosition"), place("EndPosition")) {
        line += &format!(", statement at {start} to {end}");
    }
    printable(&line).into_owned()
}

fn to_json(statement: &Value) -> Value {
    let place = |name: &str| {
        let place = &statement[name];
        json!({"line": place["Line"], "column": place["Column"]})
    };
    json!({
        "policy": statement["SourcePolicyId"],
        "type": statement["SourcePolicyType"],
        "start": place("StartPosition"),
        "end": place("EndPosition"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer as IAM gives it for two resources.
    fn answer(first: &str, second: &str) -> Answer {
        let resource = |name: &str, decision: &str| {
            json!({
                "EvalResourceName": format!("arn:aws:s3:::{name}/k"),
                "EvalResourceDecision": decision,
                "MatchedStatements": [{"SourcePolicyId": name}],
                "MissingContextValues": [format!("aws:{name}")],
                "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": true},
            })
        };
        let answer = json!({"EvaluationResults": [{
            "EvalActionName": "s3:GetObject",
            "EvalResourceName": "arn:${Partition}:s3:::${BucketName}/${KeyName}",
            "EvalDecision": "implicitDeny",
            "MatchedStatements": [{"SourcePolicyId": "a"}, {"SourcePolicyId": "b"}],
            "MissingContextValues": [],
            "OrganizationsDecisionDetail": {"AllowedByOrganizations": true},
            "ResourceSpecificResults": [resource("a", first), resource("b", second)],
        }]});
        Answer::new(String::new(), &answer)
    }

    #[test]
    fn each_resource_has_the_decision_and_the_reasons_of_its_own() {
        let answer = answer("allowed", "explicitDeny");
        let [first, second] = &answer.results[..] else {
            panic!("{answer:?}");
        };
        assert_eq!(first.call(), "s3:GetObject on arn:aws:s3:::a/k");
        assert_eq!(first.decision, Decision::Allowed);
        assert_eq!(second.decision, Decision::ExplicitDeny);
        assert_eq!(second.statements, [json!({"SourcePolicyId": "b"})]);
        assert_eq!(second.missing, ["aws:b"]);
        assert_eq!(
            (second.boundary, second.organization),
            (Some(true), Some(true))
        );
        assert!(!answer.is_allowed());
    }

    #[test]
    fn two_principals_are_compared_for_each_resource() {
        let report = Report::new(vec![
            answer("allowed", "implicitDeny"),
            answer("implicitDeny", "allowed"),
        ]);
        assert_eq!(
            report.differences(),
            [
                (
                    "s3:GetObject on arn:aws:s3:::a/k".to_owned(),
                    [Some(Decision::Allowed), Some(Decision::ImplicitDeny)]
                ),
                (
                    "s3:GetObject on arn:aws:s3:::b/k".to_owned(),
                    [Some(Decision::ImplicitDeny), Some(Decision::Allowed)]
                ),
            ]
        );
        assert!(!report.is_allowed());

        let mut one = answer("allowed", "allowed");
        one.results.truncate(1);
        let report = Report::new(vec![one, answer("allowed", "allowed")]);
        let missing = "s3:GetObject on arn:aws:s3:::b/k".to_owned();
        let decisions = [None, Some(Decision::Allowed)];
        assert_eq!(report.differences(), [(missing, decisions)]);
    }

    #[test]
    fn what_limits_the_result_as_a_whole_does_not_limit_a_resource_that_is_allowed() {
        let resource =
            |decision: &str| json!({"EvalResourceName": "a", "EvalResourceDecision": decision});
        let result = json!({
            "EvalDecision": "implicitDeny",
            "OrganizationsDecisionDetail": {"AllowedByOrganizations": false},
            "ResourceSpecificResults": [resource("allowed"), resource("implicitDeny")],
        });
        let limits: Vec<_> = outcomes(&result)
            .iter()
            .map(|one| one.organization)
            .collect();
        assert_eq!(limits, [None, Some(false)]);
    }
}

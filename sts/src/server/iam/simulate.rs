//! The policy simulator: what the policies of a user or a role allow.

use std::collections::BTreeSet;

use super::{Call, missing, roles::no_role};
use crate::{
    server::{
        account::Policy,
        query::xml::{element, parent},
        refusal::Refusal,
    },
    trust::{Caller, Permissions, PermissionsMatch, Place, Request, Verdict},
};

/// The policies that count, and whose they are.
struct Source {
    caller: Caller,
    /// Each with its type, as answers name it.
    policies: Vec<(&'static str, Policy)>,
}

impl Call<'_> {
    pub(super) fn simulate_principal_policy(&self) -> Result<String, Refusal> {
        let mut source = self.source()?;
        source.policies.extend(self.given_policies()?);
        self.simulate(&source)
    }

    pub(super) fn simulate_custom_policy(&self) -> Result<String, Refusal> {
        self.parameters.required("PolicyInputList.member.1")?;
        self.simulate(&Source {
            caller: Caller::Anonymous,
            policies: self.given_policies()?,
        })
    }

    pub(super) fn get_context_keys_for_principal_policy(&self) -> Result<String, Refusal> {
        let mut policies = self.source()?.policies;
        policies.extend(self.given_policies()?);
        Ok(context_keys(&policies))
    }

    pub(super) fn get_context_keys_for_custom_policy(&self) -> Result<String, Refusal> {
        self.parameters.required("PolicyInputList.member.1")?;
        Ok(context_keys(&self.given_policies()?))
    }

    /// Finds the user or the role that the parameters name. There are no groups.
    fn source(&self) -> Result<Source, Refusal> {
        let arn = self.parameters.required("PolicySourceArn")?;
        let id = self.account.id();
        let entity = arn.strip_prefix(&format!("arn:aws:iam::{id}:"));
        let (kind, path) = entity
            .and_then(|entity| entity.split_once('/'))
            .unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let (kind, policies) = match kind {
            "user" => {
                let policies = self.account.user_policies(path);
                let refusal = || missing(format!("The user with name {name} cannot be found."));
                ("user", policies.ok_or_else(refusal)?)
            }
            "role" => {
                let role = self.account.role(name).filter(|role| role.arn(id) == arn);
                ("role", role.ok_or_else(|| no_role(name))?.policies)
            }
            "group" => {
                return Err(missing(format!(
                    "The group with name {name} cannot be found."
                )));
            }
            _ => {
                return Err(invalid(format!(
                    "Invalid Entity Arn: {arn} does not clearly define entity type and name."
                )));
            }
        };
        Ok(Source {
            caller: Caller::from_arn(arn),
            policies: policies.into_iter().map(|policy| (kind, policy)).collect(),
        })
    }

    /// Reads `PolicyInputList`.
    fn given_policies(&self) -> Result<Vec<(&'static str, Policy)>, Refusal> {
        let documents = self.parameters.list("PolicyInputList");
        let policies = documents.into_iter().enumerate().map(|(index, document)| {
            let name = format!("PolicyInputList.{}", index + 1);
            let permissions = Permissions::parse(document)
                .map_err(|error| invalid(format!("{name}: {error}")))?;
            Ok(("none", Policy { name, permissions }))
        });
        policies.collect()
    }

    fn simulate(&self, source: &Source) -> Result<String, Refusal> {
        for name in [
            "PermissionsBoundaryPolicyInputList.member.1",
            "ResourcePolicy",
        ] {
            if self.parameters.get(name).is_some() {
                return Err(invalid(format!("this server simulates no {name}")));
            }
        }
        self.parameters.required("ActionNames.member.1")?;
        let resources = self.parameters.list("ResourceArns");
        let mut results = String::new();
        for action in self.parameters.list("ActionNames") {
            if !action.contains(':') || action.contains(['*', '?']) {
                return Err(invalid(format!("Invalid Action: {action}")));
            }
            let request = self.request(source, action)?;
            results += &parent("member", &source.evaluate(&request, &resources));
        }
        Ok(parent("EvaluationResults", &results) + &element("IsTruncated", "false"))
    }

    /// Returns the call that is simulated, with the context that the parameters have.
    fn request(&self, source: &Source, action: &str) -> Result<Request, Refusal> {
        let mut request = Request::new(source.caller.clone(), action);
        if let Caller::User { arn } = &source.caller {
            let name = arn.rsplit('/').next().unwrap_or_default();
            request = request.with("aws:username", [name]);
        }
        for number in 1.. {
            let entry = format!("ContextEntries.member.{number}");
            let Some(key) = self.parameters.get(&format!("{entry}.ContextKeyName")) else {
                break;
            };
            let values = self.parameters.list(&format!("{entry}.ContextKeyValues"));
            let kind = self.parameters.get(&format!("{entry}.ContextKeyType"));
            if let Some(kind) = kind.filter(|kind| !is_type(kind)) {
                return Err(invalid(format!("Invalid ContextKeyType: {kind}")));
            }
            request = request.with(key, values);
        }
        Ok(request)
    }
}

/// Returns true for a type of values.
///
/// Source: IAM API reference, `ContextEntry`.
fn is_type(kind: &str) -> bool {
    let one = kind.strip_suffix("List").unwrap_or(kind);
    ["string", "numeric", "boolean", "ip", "binary", "date"].contains(&one)
}

/// What the policies say about a resource.
struct Evaluation<'a> {
    resource: &'a str,
    verdict: Verdict,
    /// The statements that decide, each with the type and the name of its policy.
    statements: Vec<(&'static str, &'a str, PermissionsMatch)>,
    lacking: BTreeSet<String>,
}

impl Source {
    /// Returns the content of the result of an action: the decision for each resource that is
    /// named, and the strictest of them for the whole.
    ///
    /// Source: IAM API reference, `EvaluationResult`.
    fn evaluate(&self, request: &Request, resources: &[&str]) -> String {
        let each: Vec<Evaluation<'_>> = resources
            .iter()
            .map(|resource| self.evaluate_one(request, resource))
            .collect();
        let whole = match &each[..] {
            [] => self.evaluate_one(request, "*"),
            _ => Evaluation::strictest(&each),
        };
        let specific = each
            .iter()
            .map(|one| parent("member", &one.xml("EvalResourceDecision")));
        let specific: String = specific.collect();
        let members = element("EvalActionName", request.action()) + &whole.xml("EvalDecision");
        if specific.is_empty() {
            return members;
        }
        members + &parent("ResourceSpecificResults", &specific)
    }

    /// A statement that denies wins. One whose conditions ask for keys that are not given does not
    /// count, and the keys are listed.
    fn evaluate_one<'a>(&'a self, request: &Request, resource: &'a str) -> Evaluation<'a> {
        let mut lacking = BTreeSet::new();
        let mut statements = Vec::new();
        for (kind, policy) in &self.policies {
            let found = policy.permissions.matches(request, resource, &mut lacking);
            statements.extend(found.into_iter().map(|one| (*kind, &*policy.name, one)));
        }
        let verdict = Verdict::from_matches(statements.iter().map(|(.., one)| one));
        statements.retain(|(.., one)| one.is_deny == (verdict == Verdict::Denied));
        Evaluation {
            resource,
            verdict,
            statements,
            lacking,
        }
    }
}

impl<'a> Evaluation<'a> {
    /// Returns the strictest decision, with the statements of all that have it. Its resource is the
    /// only one, or any: what kind of resource an action has is not known here.
    fn strictest(each: &[Self]) -> Self {
        let rank = |one: &&Self| match one.verdict {
            Verdict::Allowed => 0,
            Verdict::NotAllowed => 1,
            Verdict::Denied => 2,
        };
        let verdict = each.iter().max_by_key(rank).map(|one| one.verdict);
        let verdict = verdict.unwrap_or(Verdict::NotAllowed);
        let mut statements = Vec::new();
        for one in each.iter().filter(|one| one.verdict == verdict) {
            for statement in &one.statements {
                if !statements.contains(statement) {
                    statements.push(statement.clone());
                }
            }
        }
        Self {
            resource: match each {
                [one] => one.resource,
                _ => "*",
            },
            verdict,
            statements,
            lacking: each.iter().flat_map(|one| one.lacking.clone()).collect(),
        }
    }

    /// Writes the members, with this name for the decision.
    fn xml(&self, decision: &str) -> String {
        let verdict = match self.verdict {
            Verdict::Allowed => "allowed",
            Verdict::Denied => "explicitDeny",
            Verdict::NotAllowed => "implicitDeny",
        };
        let statements = self.statements.iter();
        let statements: String = statements
            .map(|(kind, name, one)| statement(kind, name, one))
            .collect();
        let lacking = self.lacking.iter().map(|key| element("member", key));
        element("EvalResourceName", self.resource)
            + &element(decision, verdict)
            + &parent("MatchedStatements", &statements)
            + &parent("MissingContextValues", &lacking.collect::<String>())
    }
}

fn statement(kind: &str, name: &str, found: &PermissionsMatch) -> String {
    let place = |name: &str, place: Place| {
        let members = element("Line", &place.line.to_string())
            + &element("Column", &place.column.to_string());
        parent(name, &members)
    };
    let [start, end] = found.places;
    let members = element("SourcePolicyId", name)
        + &element("SourcePolicyType", kind)
        + &place("StartPosition", start)
        + &place("EndPosition", end);
    parent("member", &members)
}

fn context_keys(policies: &[(&str, Policy)]) -> String {
    let keys = policies.iter();
    let keys: BTreeSet<&str> = keys
        .flat_map(|(_, policy)| policy.permissions.keys())
        .collect();
    let members: String = keys.into_iter().map(|key| element("member", key)).collect();
    parent("ContextKeyNames", &members)
}

fn invalid(message: String) -> Refusal {
    Refusal::bad("InvalidInput", message)
}

//! The policy simulator: what the policies of a user or a role allow.

use std::collections::BTreeSet;

use super::{Call, missing};
use crate::{
    server::{
        account::Policy,
        query::xml::{element, parent},
        refusal::Refusal,
    },
    trust::{Caller, Permissions, PermissionsMatch, Place, Request},
};

/// The policies that count, and whose they are.
struct Source {
    caller: Caller,
    /// Each with its type, as answers name it.
    policies: Vec<(&'static str, Policy)>,
}

impl Call<'_> {
    pub(super) fn get_role(&self) -> Result<String, Refusal> {
        let name = self.parameters.required("RoleName")?;
        let role = self.account.role(name).ok_or_else(|| no_role(name))?;
        let members = element("Path", role.path_name())
            + &element("RoleName", &role.name)
            + &element("Arn", &role.arn(self.account.id()))
            + &element("MaxSessionDuration", &role.max_session_seconds.to_string());
        Ok(parent("Role", &members))
    }

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
        let mut resources = self.parameters.list("ResourceArns");
        if resources.is_empty() {
            resources.push("*");
        }
        let mut results = String::new();
        for action in self.parameters.list("ActionNames") {
            if !action.contains(':') || action.contains(['*', '?']) {
                return Err(invalid(format!("Invalid Action: {action}")));
            }
            let request = self.request(source, action);
            for resource in &resources {
                results += &parent("member", &source.evaluate(&request, resource));
            }
        }
        Ok(parent("EvaluationResults", &results) + &element("IsTruncated", "false"))
    }

    /// Returns the call that is simulated, with the context that the parameters have.
    fn request(&self, source: &Source, action: &str) -> Request {
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
            request = request.with(key, values);
        }
        request
    }
}

impl Source {
    /// Returns the content of one result. A statement that denies wins. One whose conditions ask
    /// for keys that are not given does not count, and the keys are listed.
    fn evaluate(&self, request: &Request, resource: &str) -> String {
        let mut lacking = BTreeSet::new();
        let mut matches = Vec::new();
        for (kind, policy) in &self.policies {
            let found = policy.permissions.matches(request, resource, &mut lacking);
            matches.extend(found.into_iter().map(|one| (*kind, &policy.name, one)));
        }
        let is_denied = matches.iter().any(|(.., one)| one.is_deny);
        matches.retain(|(.., one)| one.is_deny == is_denied);
        let decision = match (is_denied, matches.is_empty()) {
            (true, _) => "explicitDeny",
            (false, false) => "allowed",
            (false, true) => "implicitDeny",
        };
        let statements = matches.iter();
        let statements: String = statements
            .map(|(kind, name, one)| statement(kind, name, one))
            .collect();
        let lacking = lacking.iter().map(|key| element("member", key));
        element("EvalActionName", request.action())
            + &element("EvalResourceName", resource)
            + &element("EvalDecision", decision)
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

fn no_role(name: &str) -> Refusal {
    missing(format!("The role with name {name} cannot be found."))
}

fn invalid(message: String) -> Refusal {
    Refusal::bad("InvalidInput", message)
}

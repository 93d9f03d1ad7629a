//! The policies of users and roles: what each statement allows or denies.

use std::collections::BTreeSet;

use super::{
    Verdict,
    condition::{self, Condition, filled, variables},
    error::PolicyError,
    glob::Glob,
    json::Node,
    policy::statements,
    request::Request,
    statement::{Listed, once, parse_effect},
};

/// A policy of a user or a role.
#[derive(Clone, Debug)]
pub(crate) struct Permissions {
    statements: Vec<Statement>,
    /// Where each statement begins and ends.
    places: Vec<[Place; 2]>,
}

/// A place in a document: line and column, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A statement that is about an action on a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) is_deny: bool,
    /// Where it begins and ends.
    pub(crate) places: [Place; 2],
}

#[derive(Clone, Debug)]
struct Statement {
    is_deny: bool,
    actions: Listed<Glob>,
    resources: Listed<String>,
    conditions: Vec<Condition>,
    has_variables: bool,
}

impl Permissions {
    /// Parses a document in JSON.
    ///
    /// # Errors
    ///
    /// If it is not JSON, or if an element is missing, unknown or has a value that is not valid.
    pub(crate) fn parse(document: &str) -> Result<Self, PolicyError> {
        Ok(Self {
            statements: statements(document, Statement::parse)?,
            places: places(document),
        })
    }

    /// Returns the keys that conditions and variables ask for.
    pub(crate) fn keys(&self) -> BTreeSet<&str> {
        self.statements.iter().flat_map(Statement::keys).collect()
    }

    /// Returns the statements that are about the action of a request on a resource, and whose
    /// conditions the request meets. A statement whose conditions ask for keys that the request
    /// does not have is not evaluated: the keys are added to `missing`.
    pub(crate) fn matches(
        &self,
        request: &Request,
        resource: &str,
        missing: &mut BTreeSet<String>,
    ) -> Vec<Match> {
        let mut matches = Vec::new();
        for (index, statement) in self.statements.iter().enumerate() {
            if !statement.is_about(request, resource) {
                continue;
            }
            let keys = statement.conditions.iter().flat_map(Condition::keys);
            let lacking: Vec<&str> = keys.filter(|key| request.context(key).is_none()).collect();
            let mut conditions = statement.conditions.iter();
            if !lacking.is_empty() {
                missing.extend(lacking.into_iter().map(str::to_owned));
            } else if conditions.all(|condition| condition.report(request).0) {
                matches.push(Match {
                    is_deny: statement.is_deny,
                    places: self.places.get(index).copied().unwrap_or_default(),
                });
            }
        }
        matches
    }
}

impl Verdict {
    /// Decides by the statements that match: one that denies wins, and none permits nothing.
    pub(crate) fn from_matches<'a>(matches: impl IntoIterator<Item = &'a Match>) -> Self {
        let mut verdict = Self::NotAllowed;
        for one in matches {
            if one.is_deny {
                return Self::Denied;
            }
            verdict = Self::Allowed;
        }
        verdict
    }
}

impl Statement {
    fn parse(node: &Node<'_>, has_variables: bool) -> Result<Self, PolicyError> {
        let (mut is_deny, mut actions, mut resources) = (None, None, None);
        let mut conditions = Vec::new();
        for (name, member) in node.members()? {
            match name {
                "Sid" => drop(member.text()?),
                "Effect" => is_deny = Some(parse_effect(&member)?),
                "Action" | "NotAction" => {
                    once(&actions, &member, "Action")?;
                    actions = Some(Listed::new(name, parse_actions(&member)?));
                }
                "Resource" | "NotResource" => {
                    once(&resources, &member, "Resource")?;
                    resources = Some(Listed::new(name, parse_resources(&member)?));
                }
                "Condition" => conditions = condition::conditions(&member, has_variables)?,
                "Principal" | "NotPrincipal" => {
                    return Err(member.error("a policy of a user or a role has no principals"));
                }
                _ => return Err(member.error("this is not an element of a statement")),
            }
        }
        Ok(Self {
            is_deny: is_deny.ok_or_else(|| node.error("Effect is missing"))?,
            actions: actions.ok_or_else(|| node.error("Action is missing"))?,
            resources: resources.ok_or_else(|| node.error("Resource is missing"))?,
            conditions,
            has_variables,
        })
    }

    fn is_about(&self, request: &Request, resource: &str) -> bool {
        let action = request.action().to_ascii_lowercase();
        let is_resource = |pattern: &String| {
            let glob = if self.has_variables {
                filled(pattern, request, true).map(Glob::from_iter)
            } else {
                Some(Glob::new(pattern))
            };
            glob.is_some_and(|glob| glob.matches(resource))
        };
        self.actions.covers(|pattern| pattern.matches(&action))
            && self.resources.covers(is_resource)
    }

    fn keys(&self) -> Vec<&str> {
        let (Listed::Only(resources) | Listed::AllBut(resources)) = &self.resources;
        let resources = resources.iter().filter(|_| self.has_variables);
        let conditions = self.conditions.iter().flat_map(Condition::keys);
        conditions
            .chain(resources.flat_map(|resource| variables(resource)))
            .collect()
    }
}

/// Reads actions of any service. Their case does not matter.
fn parse_actions(node: &Node<'_>) -> Result<Vec<Glob>, PolicyError> {
    let actions = node.texts()?.into_iter().map(|action| {
        let text = action.text()?;
        let parts = text.split_once(':');
        let is_action =
            parts.is_some_and(|(service, name)| !service.is_empty() && !name.is_empty());
        if is_action || text == "*" {
            return Ok(Glob::new(&text.to_ascii_lowercase()));
        }
        Err(action.error(format!(
            "\"{text}\" is not an action such as \"s3:GetObject\""
        )))
    });
    actions.collect()
}

fn parse_resources(node: &Node<'_>) -> Result<Vec<String>, PolicyError> {
    let resources = node.texts()?.into_iter().map(|resource| {
        let text = resource.text()?;
        if text == "*" || text.starts_with("arn:") {
            return Ok(text.to_owned());
        }
        Err(resource.error(format!("\"{text}\" is neither an ARN nor \"*\"")))
    });
    resources.collect()
}

/// Finds where each statement of a document begins and ends. The document is valid.
fn places(document: &str) -> Vec<[Place; 2]> {
    let mut places = Vec::new();
    let mut place = Place { line: 1, column: 0 };
    let mut depth = 0_usize;
    // The last text, and where it began, if it has not ended.
    let (mut text, mut text_start, mut is_escaped) = ("", None, false);
    // The element of the policy that a value belongs to, and the statement that is open.
    let (mut element, mut open) = ("", None);
    for (at, char) in document.char_indices() {
        place.column += 1;
        match char {
            '\n' => {
                place = Place {
                    line: place.line + 1,
                    column: 0,
                }
            }
            _ if text_start.is_some() => match char {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => text = text_start.take().map_or("", |start| &document[start..at]),
                _ => {}
            },
            '"' => text_start = Some(at + 1),
            ':' if depth == 1 => element = text,
            '{' | '[' => {
                depth += 1;
                if char == '{' && element == "Statement" && open.is_none() && depth > 1 {
                    open = Some((depth, place));
                }
            }
            '}' | ']' => {
                if let Some((_, start)) = open.take_if(|(own, _)| char == '}' && *own == depth) {
                    places.push([start, place]);
                }
                depth -= 1;
            }
            _ => {}
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::Caller;

    fn decide(document: &str, request: &Request, resource: &str) -> (Vec<bool>, Vec<String>) {
        let mut missing = BTreeSet::new();
        let policy = Permissions::parse(document).unwrap();
        let matches = policy.matches(request, resource, &mut missing);
        let effects = matches.iter().map(|one| one.is_deny).collect();
        (effects, missing.into_iter().collect())
    }

    #[test]
    fn a_deny_wins_and_nothing_is_no() {
        let one = |is_deny| Match {
            is_deny,
            places: [Place::default(); 2],
        };
        for (effects, verdict) in [
            (&[][..], Verdict::NotAllowed),
            (&[false], Verdict::Allowed),
            (&[false, true, false], Verdict::Denied),
        ] {
            let matches: Vec<Match> = effects.iter().copied().map(one).collect();
            assert_eq!(Verdict::from_matches(&matches), verdict, "{effects:?}");
        }
    }

    fn request(action: &str) -> Request {
        let caller = Caller::from_arn("arn:aws:iam::111122223333:user/ada");
        Request::new(caller, action).with("aws:username", ["ada"])
    }

    #[test]
    fn a_statement_is_about_actions_and_resources_by_their_wildcards() {
        let document = r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["s3:Get*", "S3:listbucket"], "Resource": "*"},
            {"Effect": "Deny", "NotAction": "s3:*", "NotResource": "arn:aws:ec2:*"},
            {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::home/${aws:username}/*"}
        ]}"#;
        for (action, resource, effects) in [
            ("s3:GetObject", "arn:aws:s3:::b/k", &[false][..]),
            ("s3:ListBucket", "arn:aws:s3:::b", &[false]),
            ("s3:PutObject", "arn:aws:s3:::b/k", &[]),
            ("s3:PutObject", "arn:aws:s3:::home/ada/k", &[false]),
            ("s3:PutObject", "arn:aws:s3:::home/eve/k", &[]),
            (
                "ec2:RunInstances",
                "arn:aws:ec2:eu-west-1:1:instance/*",
                &[],
            ),
            ("ec2:RunInstances", "*", &[true]),
        ] {
            let (found, missing) = decide(document, &request(action), resource);
            assert_eq!(found, effects, "{action} {resource}");
            assert!(missing.is_empty());
        }
    }

    #[test]
    fn a_condition_is_evaluated_only_if_its_keys_are_there() {
        let document = r#"{"Version": "2012-10-17", "Statement":
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*",
             "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"},
                           "StringEquals": {"s3:prefix": "${aws:userid}"}}}}"#;
        let keys = ["aws:SourceIp", "aws:userid", "s3:prefix"];
        let policy = Permissions::parse(document).unwrap();
        assert_eq!(policy.keys().into_iter().collect::<Vec<_>>(), keys);
        let request = request("s3:ListBucket");
        let (found, missing) = decide(document, &request, "*");
        assert_eq!((found, missing), (vec![], keys.map(str::to_owned).to_vec()));
        let request = request.with("s3:prefix", ["id"]).with("aws:userid", ["id"]);
        for (address, expected) in [("192.0.2.7", vec![false]), ("198.51.100.7", vec![])] {
            let request = request.clone().with("aws:SourceIp", [address]);
            let (found, missing) = decide(document, &request, "*");
            assert_eq!((found, missing), (expected, vec![]), "{address}");
        }
    }

    #[test]
    fn each_statement_has_its_place() {
        let of = |[start, end]: [Place; 2]| (start.line, start.column, end.line, end.column);
        let one =
            r#"{"Statement":{"Effect":"Deny","Action":"a:\"}","Resource":"*"},"Version":"x"}"#;
        assert_eq!(
            places(one).into_iter().map(of).collect::<Vec<_>>(),
            [(1, 14, 1, 62)]
        );
        let two = "{\"Id\": \"Statement\",\n \"Statement\": [{\"Condition\": {}},\n  {\"Action\": [\"é\"]\n }]}";
        let found: Vec<_> = places(two).into_iter().map(of).collect();
        assert_eq!(found, [(2, 16, 2, 32), (3, 3, 4, 2)]);
    }

    #[test]
    fn what_is_no_policy_of_a_user_is_refused_with_its_place() {
        for (statement, place) in [
            (
                r#""Effect": "Allow", "Action": "s3", "Resource": "*""#,
                "Statement.Action",
            ),
            (
                r#""Effect": "Allow", "Action": "*", "Resource": "bucket""#,
                "Statement.Resource",
            ),
            (
                r#""Effect": "Allow", "Action": "*", "Principal": "*""#,
                "Statement.Principal",
            ),
            (r#""Effect": "Allow", "Action": "*""#, "Statement"),
            (r#""Effect": "Allow", "Resource": "*""#, "Statement"),
        ] {
            let document = format!("{{\"Statement\": {{{statement}}}}}");
            let error = Permissions::parse(&document).unwrap_err();
            assert_eq!(error.place(), place, "{error}");
        }
    }
}

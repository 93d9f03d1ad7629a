//! Refusals of a service, decoded: finds the encoded message in an error, and reads what
//! [`DecodeAuthorizationMessage`](crate::actions::DecodeAuthorizationMessage) makes of it.
//!
//! ```
//! use keyfob_sts::decision::{Decision, Verdict};
//!
//! let decision = Decision::parse(
//!     r#"{
//!         "allowed": false,
//!         "explicitDeny": false,
//!         "matchedStatements": {"items": []},
//!         "context": {
//!             "principal": {"id": "AIDAEXAMPLE", "arn": "arn:aws:iam::111122223333:user/ada"},
//!             "action": "ec2:StopInstances",
//!             "resource": "arn:aws:ec2:eu-west-1:111122223333:instance/i-1"
//!         }
//!     }"#,
//! )?;
//! assert_eq!(decision.verdict, Verdict::ImplicitDeny);
//! assert_eq!(
//!     decision.to_string(),
//!     "arn:aws:iam::111122223333:user/ada may not ec2:StopInstances on \
//!      arn:aws:ec2:eu-west-1:111122223333:instance/i-1: no statement allows it",
//! );
//! # Ok::<(), keyfob_sts::Error>(())
//! ```

mod encoded;

use std::fmt;

use keyfob_sigv4::printable;
use serde_json::Value;

pub use self::encoded::encoded_messages;
use crate::error::Error;

/// What IAM decided about one request, and why.
///
/// `Display` writes it in one line. `Debug` shows the verdict and the action only: the statements
/// are the policies of an account.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Allowed, or which kind of deny.
    pub verdict: Verdict,
    /// Who made the request.
    pub principal: Principal,
    /// The action, such as `ec2:RunInstances`. Some services leave the prefix out.
    pub action: Option<String>,
    /// The ARN of the resource, or `*`.
    pub resource: Option<String>,
    /// The condition keys of the request, with their values.
    pub conditions: Vec<ConditionKey>,
    /// The statements that decided. For an implicit deny there are none.
    pub statements: Vec<Statement>,
}

/// The kinds of decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// A statement allows the request, and none denies it.
    Allowed,
    /// A statement denies the request. No other statement can allow it.
    ExplicitDeny,
    /// No statement allows the request.
    ImplicitDeny,
}

/// Who made a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Principal {
    /// The unique id, such as `AIDA…`, or `AROA…:SESSION` for a session of a role.
    pub id: Option<String>,
    /// The name of an IAM user.
    pub name: Option<String>,
    /// The ARN.
    pub arn: Option<String>,
}

/// A condition key with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConditionKey {
    /// The key, such as `aws:RequestedRegion`.
    pub key: String,
    /// The values. Empty if the request does not have the key.
    pub values: Vec<String>,
}

/// A statement that is about the request.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement {
    /// The `Sid`, if the statement has one.
    pub sid: Option<String>,
    /// Whether the effect is `Deny`.
    pub is_deny: bool,
    /// The actions, as the policy writes them.
    pub actions: Vec<String>,
    /// The resources, as the policy writes them.
    pub resources: Vec<String>,
    /// The conditions.
    pub conditions: Vec<ConditionKey>,
}

impl Decision {
    /// Reads the JSON of a decoded message. Members that are missing or unknown are no error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) if the text is not a JSON object with
    /// the member `allowed`. The error does not repeat the text.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::decision::{Decision, Verdict};
    ///
    /// let decision = Decision::parse(r#"{"allowed": false, "explicitDeny": true}"#)?;
    /// assert_eq!(decision.verdict, Verdict::ExplicitDeny);
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn parse(json: &str) -> Result<Self, Error> {
        let message: Value = serde_json::from_str(json)
            .map_err(|_| Error::response("the decoded message is not JSON"))?;
        let Some(allowed) = message["allowed"].as_bool() else {
            let reason = "the decoded message does not say whether the request was allowed";
            return Err(Error::response(reason));
        };
        let context = &message["context"];
        let principal = &context["principal"];
        Ok(Self {
            verdict: match (allowed, message["explicitDeny"].as_bool()) {
                (true, _) => Verdict::Allowed,
                (false, Some(true)) => Verdict::ExplicitDeny,
                (false, _) => Verdict::ImplicitDeny,
            },
            principal: Principal {
                id: text(&principal["id"]),
                name: text(&principal["name"]),
                arn: text(&principal["arn"]),
            },
            action: text(&context["action"]),
            resource: text(&context["resource"]),
            conditions: conditions(&context["conditions"]),
            statements: items(&message["matchedStatements"])
                .map(statement)
                .collect(),
        })
    }

    /// Returns the statement that denied the request, if one did.
    pub fn denying_statement(&self) -> Option<&Statement> {
        self.statements.iter().find(|statement| statement.is_deny)
    }
}

fn statement(statement: &Value) -> Statement {
    Statement {
        sid: text(&statement["statementId"]),
        is_deny: text(&statement["effect"])
            .is_some_and(|effect| effect.eq_ignore_ascii_case("deny")),
        actions: values(&statement["actions"]),
        resources: values(&statement["resources"]),
        conditions: conditions(&statement["conditions"]),
    }
}

fn conditions(list: &Value) -> Vec<ConditionKey> {
    let condition = |item: &Value| {
        Some(ConditionKey {
            key: text(&item["key"])?,
            values: values(&item["values"]),
        })
    };
    items(list).filter_map(condition).collect()
}

fn values(list: &Value) -> Vec<String> {
    items(list)
        .filter_map(|item| text(&item["value"]))
        .collect()
}

/// Returns the items of `{"items": […]}`.
fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().into_iter().flatten()
}

/// Returns a text that is not empty. Numbers and booleans are texts, too.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        _ => None,
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Principal { id, name, arn } = &self.principal;
        let who = arn.as_ref().or(name.as_ref()).or(id.as_ref());
        let who = who.map_or("the caller", String::as_str);
        let action = self.action.as_deref().unwrap_or("do this");
        let may = match self.verdict {
            Verdict::Allowed => "may",
            Verdict::ExplicitDeny | Verdict::ImplicitDeny => "may not",
        };
        write!(f, "{} {may} {}", printable(who), printable(action))?;
        if let Some(resource) = &self.resource {
            write!(f, " on {}", printable(resource))?;
        }
        match (self.verdict, self.denying_statement()) {
            (Verdict::Allowed, _) => Ok(()),
            (Verdict::ImplicitDeny, _) => f.write_str(": no statement allows it"),
            (Verdict::ExplicitDeny, Some(Statement { sid: Some(sid), .. })) => {
                write!(f, ": statement \"{}\" denies it", printable(sid))
            }
            (Verdict::ExplicitDeny, _) => f.write_str(": a statement denies it"),
        }
    }
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decision")
            .field("verdict", &self.verdict)
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("is_deny", &self.is_deny)
            .finish_non_exhaustive()
    }
}

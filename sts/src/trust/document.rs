use std::fmt::Write as _;

use super::{
    error::PolicyError,
    json::Node,
    principal::{is_account, patterns},
};
use crate::{endpoint::Partition, json::Value, principal::fields};

/// A principal that a role trusts, and under which conditions.
///
/// # Examples
///
/// ```
/// use keyfob_sts::trust::{Trusted, document};
///
/// // The role of an instance, which people of another account may take too, with MFA.
/// let ec2 = Trusted::service("ec2.amazonaws.com")?;
/// let partner = Trusted::arn("arn:aws:iam::111122223333:root")?;
/// let partner = partner.with_external_id("partner-42")?.with_mfa()?;
/// let json = document(&[ec2, partner]);
/// assert!(json.contains(r#""sts:ExternalId": "partner-42""#));
/// # Ok::<(), keyfob_sts::trust::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    kind: Kind,
    name: String,
    /// Operator, key and value of each condition.
    conditions: Vec<[String; 3]>,
}

/// The member of `Principal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Aws,
    Service,
    Saml,
    Oidc,
}

impl Trusted {
    /// Trusts an account: the account decides by its own policies which of its users and roles may
    /// assume the role.
    ///
    /// # Errors
    ///
    /// If the id does not have 12 digits.
    pub fn account(id: &str, partition: Partition) -> Result<Self, PolicyError> {
        if !is_account(id) {
            return Err(wrong("the id of an account has 12 digits"));
        }
        Self::arn(&format!("arn:{}:iam::{id}:root", partition.name()))
    }

    /// Trusts a user, a role, a session, or an account by the ARN of its root user.
    ///
    /// # Errors
    ///
    /// If it is not such an ARN. Wildcards are not allowed.
    pub fn arn(arn: &str) -> Result<Self, PolicyError> {
        if !arn.starts_with("arn:") {
            return Err(wrong(
                "this must be the ARN of a user, a role, a session or a root user",
            ));
        }
        Self::new(Kind::Aws, arn)
    }

    /// Trusts a service, such as `ec2.amazonaws.com`. Most services have this name in every
    /// partition.
    ///
    /// # Errors
    ///
    /// If it is not the name of a host.
    pub fn service(name: &str) -> Result<Self, PolicyError> {
        let is_part = |part: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !part.is_empty() && part.bytes().all(is_plain)
        };
        if !name.contains('.') || !name.split('.').all(is_part) {
            return Err(wrong("a service has a name such as ec2.amazonaws.com"));
        }
        Self::new(Kind::Service, name)
    }

    /// Trusts all users and roles of an organization, whose id begins with `o-`.
    ///
    /// # Errors
    ///
    /// If it is not the id of an organization.
    pub fn organization(id: &str) -> Result<Self, PolicyError> {
        Self::new(Kind::Aws, "*")?.with_organization(id)
    }

    /// Trusts the people that an identity provider signs in by SAML. It is named by its ARN in IAM.
    ///
    /// # Errors
    ///
    /// If it is not the ARN of a SAML provider.
    pub fn saml_provider(arn: &str) -> Result<Self, PolicyError> {
        let [partition, ..] = provider(arn, "saml-provider/")?;
        let trusted = Self::new(Kind::Saml, arn)?;
        Ok(trusted.with("StringEquals", "SAML:aud", saml_audience(partition)))
    }

    /// Trusts tokens that an OpenID Connect provider issues for an audience, such as
    /// `sts.amazonaws.com`. It is named by its ARN in IAM.
    ///
    /// Without a [subject](Self::with_subject), everybody whom the provider knows can assume the
    /// role. For a provider that is open to the public, such as GitHub's, that is everybody.
    ///
    /// # Errors
    ///
    /// If it is not the ARN of an OpenID Connect provider, or if the audience is empty.
    pub fn oidc_provider(arn: &str, audience: &str) -> Result<Self, PolicyError> {
        let [_, host] = provider(arn, "oidc-provider/")?;
        if audience.is_empty() {
            return Err(wrong("the audience must not be empty"));
        }
        let trusted = Self::new(Kind::Oidc, arn)?;
        Ok(trusted.with("StringEquals", &format!("{host}:aud"), audience))
    }

    fn new(kind: Kind, name: &str) -> Result<Self, PolicyError> {
        let trusted = Self {
            kind,
            name: name.to_owned(),
            conditions: Vec::new(),
        };
        // By the rules of those who read it, but without the text: it may be a secret.
        let is_valid = patterns(&Node {
            place: "Principal".to_owned(),
            value: &trusted.principal(),
        });
        is_valid.map_err(|_| {
            wrong(
                "this must be the ARN of a user, a role, a session or a root user, without \
                 wildcards",
            )
        })?;
        Ok(trusted)
    }

    /// Asks for an external id. A third party sends another one for each of its customers, so that
    /// one customer cannot make it use the role of another.
    ///
    /// # Errors
    ///
    /// If the principal is a service or an identity provider, which send none, or if the id does
    /// not have 2 to 1224 letters, digits or characters of `_+=,.@:/-`.
    pub fn with_external_id(self, id: &str) -> Result<Self, PolicyError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
        if !(2..=1224).contains(&id.len()) || !id.bytes().all(is_allowed) {
            return Err(wrong(
                "an external id has 2 to 1224 letters, digits or characters of _+=,.@:/-",
            ));
        }
        self.only_aws("an external id")?;
        Ok(self.with("StringEquals", "sts:ExternalId", id))
    }

    /// Asks for MFA. A caller with long-term keys and no MFA code is refused.
    ///
    /// # Errors
    ///
    /// If the principal is a service or an identity provider, which send no code.
    pub fn with_mfa(self) -> Result<Self, PolicyError> {
        self.only_aws("MFA")?;
        Ok(self.with("Bool", "aws:MultiFactorAuthPresent", "true"))
    }

    /// Asks that the caller belongs to an organization. For a service, asks that it acts for an
    /// account of the organization.
    ///
    /// # Errors
    ///
    /// If the id is not `o-` with 10 to 32 lower-case letters and digits, or if the principal is an
    /// identity provider, whose people belong to none.
    pub fn with_organization(self, id: &str) -> Result<Self, PolicyError> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_valid = |rest: &str| (10..=32).contains(&rest.len()) && rest.bytes().all(is_plain);
        if !id.strip_prefix("o-").is_some_and(is_valid) {
            return Err(wrong("the id of an organization is such as o-a1b2c3d4e5"));
        }
        match self.kind {
            Kind::Aws => Ok(self.with("StringEquals", "aws:PrincipalOrgID", id)),
            Kind::Service => Ok(self.with("StringEquals", "aws:SourceOrgID", id)),
            Kind::Saml | Kind::Oidc => Err(wrong("an identity provider has no organization")),
        }
    }

    /// Asks for the subject of an OpenID Connect token, such as
    /// `repo:octo/app:ref:refs/heads/main`. `*` and `?` in it stand for any characters and for one.
    ///
    /// # Errors
    ///
    /// If the principal is not an OpenID Connect provider, or if the subject is empty.
    pub fn with_subject(self, subject: &str) -> Result<Self, PolicyError> {
        if self.kind != Kind::Oidc {
            return Err(wrong("only tokens of OpenID Connect have such a subject"));
        }
        if subject.is_empty() {
            return Err(wrong("the subject must not be empty"));
        }
        let [_, host] = provider(&self.name, "oidc-provider/")?;
        let (key, operator) = (
            format!("{host}:sub"),
            if subject.contains(['*', '?']) {
                "StringLike"
            } else {
                "StringEquals"
            },
        );
        Ok(self.with(operator, &key, subject))
    }

    fn with(mut self, operator: &str, key: &str, value: impl Into<String>) -> Self {
        self.conditions
            .push([operator.to_owned(), key.to_owned(), value.into()]);
        self
    }

    fn only_aws(&self, what: &str) -> Result<(), PolicyError> {
        match self.kind {
            Kind::Aws => Ok(()),
            Kind::Service => Err(wrong(format!("a service cannot send {what}"))),
            Kind::Saml | Kind::Oidc => {
                Err(wrong(format!("an identity provider cannot send {what}")))
            }
        }
    }

    fn principal(&self) -> Value {
        let kind = match self.kind {
            Kind::Aws => "AWS",
            Kind::Service => "Service",
            Kind::Saml | Kind::Oidc => "Federated",
        };
        object([(kind, text(&self.name))])
    }

    fn statement(&self) -> Value {
        let action = match self.kind {
            Kind::Aws | Kind::Service => "sts:AssumeRole",
            Kind::Saml => "sts:AssumeRoleWithSAML",
            Kind::Oidc => "sts:AssumeRoleWithWebIdentity",
        };
        let mut members = vec![
            ("Effect", text("Allow")),
            ("Principal", self.principal()),
            ("Action", text(action)),
        ];
        let mut operators: Vec<(&str, Vec<(&str, Value)>)> = Vec::new();
        for [operator, key, value] in &self.conditions {
            let condition = (key.as_str(), text(value));
            match operators.iter_mut().find(|(known, _)| known == operator) {
                Some((_, conditions)) => conditions.push(condition),
                None => operators.push((operator, vec![condition])),
            }
        }
        if !operators.is_empty() {
            let operators = operators
                .into_iter()
                .map(|(operator, conditions)| (operator, object(conditions)));
            members.push(("Condition", object(operators)));
        }
        object(members)
    }
}

/// Writes the trust policy that lets each of them assume the role, as JSON in several lines.
///
/// # Examples
///
/// ```
/// use keyfob_sts::trust::{Trusted, document};
///
/// assert_eq!(
///     document(&[Trusted::service("ec2.amazonaws.com")?]),
///     r#"{
///     "Version": "2012-10-17",
///     "Statement": [
///         {
///             "Effect": "Allow",
///             "Principal": {
///                 "Service": "ec2.amazonaws.com"
///             },
///             "Action": "sts:AssumeRole"
///         }
///     ]
/// }"#,
/// );
/// # Ok::<(), keyfob_sts::trust::PolicyError>(())
/// ```
pub fn document(trusted: &[Trusted]) -> String {
    let statements = trusted.iter().map(Trusted::statement).collect();
    let document = object([
        ("Version", text("2012-10-17")),
        ("Statement", Value::Array(statements)),
    ]);
    let mut json = String::new();
    write(&mut json, &document, 0);
    json
}

/// Returns the partition of a provider's ARN, and its name after `prefix`.
fn provider<'a>(arn: &'a str, prefix: &str) -> Result<[&'a str; 2], PolicyError> {
    let parts = fields(arn).and_then(|[partition, service, _, _, resource]| {
        let name = resource
            .strip_prefix(prefix)
            .filter(|name| !name.is_empty())?;
        (service == "iam").then_some([partition, name])
    });
    parts.ok_or_else(|| wrong(format!("the ARN of such a provider ends in {prefix}NAME")))
}

/// Returns the page of AWS to which identity providers post SAML responses.
pub(super) fn saml_audience(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "https://signin.amazonaws.cn/saml",
        "aws-us-gov" => "https://signin.amazonaws-us-gov.com/saml",
        _ => "https://signin.aws.amazon.com/saml",
    }
}

fn wrong(reason: impl Into<String>) -> PolicyError {
    PolicyError::new("Principal", reason)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned().into())
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let members = members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Value::Object(members.collect())
}

/// Writes a value as `aws` prints JSON.
fn write(json: &mut String, value: &Value, depth: usize) {
    let indent = "    ".repeat(depth + 1);
    let mut separator = "";
    match value {
        Value::Null => json.push_str("null"),
        Value::Text(text) => write_text(json, text),
        Value::Literal(text) => json.push_str(text),
        Value::Array(items) => {
            json.push('[');
            for item in items {
                // Writing to a string cannot fail.
                _ = write!(json, "{separator}\n{indent}");
                write(json, item, depth + 1);
                separator = ",";
            }
            _ = write!(json, "\n{}]", "    ".repeat(depth));
        }
        Value::Object(members) => {
            json.push('{');
            for (name, value) in members {
                _ = write!(json, "{separator}\n{indent}");
                write_text(json, name);
                json.push_str(": ");
                write(json, value, depth + 1);
                separator = ",";
            }
            _ = write!(json, "\n{}}}", "    ".repeat(depth));
        }
    }
}

fn write_text(json: &mut String, text: &str) {
    json.push_str(&serde_json::Value::from(text).to_string());
}

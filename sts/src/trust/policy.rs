use std::str::FromStr;

use super::{
    decision::{Decision, StatementReport, Verdict},
    error::PolicyError,
    json::{self, Node},
    request::Request,
    statement::Statement,
};

/// The trust policy of a role: its `AssumeRolePolicyDocument`.
#[derive(Clone, Debug)]
pub struct TrustPolicy {
    statements: Vec<Statement>,
}

impl TrustPolicy {
    /// Parses a document in JSON, not URL-encoded as `GetRole` returns it.
    ///
    /// # Errors
    ///
    /// If the document is not JSON, or if an element is missing, unknown or has a value that is
    /// not valid for it. The error names the place.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::trust::TrustPolicy;
    ///
    /// let error = TrustPolicy::parse(
    ///     r#"{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
    ///                       "Principal": {"AWS": "bob"}}}"#,
    /// );
    /// assert_eq!(error.unwrap_err().place(), "Statement.Principal.AWS");
    /// ```
    pub fn parse(document: &str) -> Result<Self, PolicyError> {
        Ok(Self {
            statements: statements(document, Statement::parse)?,
        })
    }

    /// Decides whether the policy allows a request.
    ///
    /// A statement with `Deny` that matches wins over all that allow. Without a statement that
    /// matches, the request is not allowed.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::trust::{Caller, Request, TrustPolicy};
    ///
    /// let policy = TrustPolicy::parse(
    ///     r#"{"Statement": [
    ///         {"Sid": "All", "Effect": "Allow", "Action": "sts:*", "Principal": "*"},
    ///         {"Sid": "NotEve", "Effect": "Deny", "Action": "sts:*",
    ///          "Principal": {"AWS": "arn:aws:iam::111122223333:user/eve"}}
    ///     ]}"#,
    /// )?;
    /// let decide = |arn| policy.decide(&Request::new(Caller::from_arn(arn), "sts:AssumeRole"));
    /// let eve = decide("arn:aws:iam::111122223333:user/eve");
    /// assert_eq!(eve.to_string(), "denied by statement 2 (\"NotEve\")");
    /// assert!(decide("arn:aws:iam::111122223333:user/alice").is_allowed());
    /// # Ok::<(), keyfob_sts::trust::PolicyError>(())
    /// ```
    pub fn decide(&self, request: &Request) -> Decision {
        let statements = self.statements.iter().enumerate();
        let reports: Vec<_> = statements
            .map(|(index, statement)| statement.report(index, request))
            .collect();
        let mut in_order = reports.iter();
        let denying = in_order.position(|report| report.is_match() && report.is_deny);
        let (verdict, decisive) = match (denying, allowing(&reports)) {
            (Some(index), _) => (Verdict::Denied, Some(index)),
            (None, Some(index)) => (Verdict::Allowed, Some(index)),
            (None, None) => (Verdict::NotAllowed, None),
        };
        Decision {
            verdict,
            decisive,
            reports,
        }
    }
}

/// Parses a policy of any kind: the elements around its statements, and each statement by `parse`,
/// which is told whether the policy has variables.
pub(super) fn statements<T>(
    document: &str,
    parse: impl Fn(&Node<'_>, bool) -> Result<T, PolicyError>,
) -> Result<Vec<T>, PolicyError> {
    let document = json::parse(document)?;
    let (mut version, mut statements) = (None, None);
    for (name, member) in Node::root(&document).members()? {
        match name {
            "Version" => version = Some(member),
            "Statement" => statements = Some(member),
            "Id" => drop(member.text()?),
            _ => return Err(member.error("this is not an element of a policy")),
        }
    }
    let has_variables = version.as_ref().map_or(Ok(false), has_variables)?;
    let statements = statements
        .ok_or_else(|| PolicyError::new("", "the document has no Statement"))?
        .items();
    if statements.is_empty() {
        return Err(PolicyError::new("Statement", "this must not be empty"));
    }
    let statements = statements.iter();
    statements.map(|node| parse(node, has_variables)).collect()
}

/// Returns the statement that allows the request, preferably one that names the caller itself.
fn allowing(reports: &[StatementReport]) -> Option<usize> {
    let find = |names_account: bool| {
        reports.iter().position(|report| {
            report.is_match() && !report.is_deny && report.names_account == names_account
        })
    };
    find(false).or_else(|| find(true))
}

/// Variables came with the second version of the policy language.
fn has_variables(version: &Node<'_>) -> Result<bool, PolicyError> {
    match version.text()? {
        "2012-10-17" => Ok(true),
        "2008-10-17" => Ok(false),
        other => Err(version.error(format!(
            "\"{other}\" is neither \"2012-10-17\" nor \"2008-10-17\""
        ))),
    }
}

impl FromStr for TrustPolicy {
    type Err = PolicyError;

    fn from_str(document: &str) -> Result<Self, PolicyError> {
        Self::parse(document)
    }
}

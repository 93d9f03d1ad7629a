use std::fmt;

use keyfob_sigv4::printable;

/// What a trust policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// A statement allows the request, and none denies it.
    Allowed,
    /// A statement denies the request.
    Denied,
    /// No statement is about the request.
    NotAllowed,
}

/// The decision of a trust policy about a request, with its reasons.
///
/// `Display` writes them in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub(super) verdict: Verdict,
    pub(super) decisive: Option<usize>,
    pub(super) reports: Vec<StatementReport>,
}

impl Decision {
    /// Returns true if the policy allows the request.
    pub fn is_allowed(&self) -> bool {
        self.verdict == Verdict::Allowed
    }

    /// Returns the verdict.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Returns the statement that allowed or denied the request. `None` if none was about it.
    pub fn statement(&self) -> Option<&StatementReport> {
        self.reports.get(self.decisive?)
    }

    /// Returns what each statement had to say, in the order of the policy.
    pub fn statements(&self) -> &[StatementReport] {
        &self.reports
    }

    /// Returns true if the request is allowed for the caller's account only: a policy of the caller
    /// itself must allow it too.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::trust::{Caller, Request, TrustPolicy};
    ///
    /// let policy = TrustPolicy::parse(
    ///     r#"{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
    ///                       "Principal": {"AWS": "111122223333"}}}"#,
    /// )?;
    /// let alice = Caller::from_arn("arn:aws:iam::111122223333:user/alice");
    /// let decision = policy.decide(&Request::new(alice, "sts:AssumeRole"));
    /// assert!(decision.is_allowed() && decision.needs_own_permission());
    /// # Ok::<(), keyfob_sts::trust::PolicyError>(())
    /// ```
    pub fn needs_own_permission(&self) -> bool {
        self.is_allowed() && self.statement().is_some_and(|report| report.names_account)
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.verdict, self.statement()) {
            (Verdict::Allowed, Some(report)) => write!(f, "allowed by {}", report.label()),
            (Verdict::Denied, Some(report)) => {
                write!(f, "denied by {}", report.label())?;
                match report.conditions() {
                    [] => Ok(()),
                    met => write!(f, ", which is about {}", Listed(met)),
                }
            }
            _ => {
                f.write_str("not allowed: ")?;
                let mut allowing = self
                    .reports
                    .iter()
                    .filter(|report| !report.is_deny)
                    .peekable();
                if allowing.peek().is_none() {
                    f.write_str("no statement allows anything")?;
                }
                let mut separator = "";
                for report in allowing {
                    write!(f, "{separator}{report}")?;
                    separator = "; ";
                }
                Ok(())
            }
        }
    }
}

/// What one statement had to say about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementReport {
    pub(super) index: usize,
    pub(super) sid: Option<String>,
    pub(super) is_deny: bool,
    pub(super) mismatch: Option<Mismatch>,
    pub(super) met: Vec<ConditionReport>,
    pub(super) names_account: bool,
}

impl StatementReport {
    /// Returns the place in the policy, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns the `Sid`, if the statement has one.
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// Returns true if the effect is `Deny`.
    pub fn is_deny(&self) -> bool {
        self.is_deny
    }

    /// Returns true if the statement is about the request.
    pub fn is_match(&self) -> bool {
        self.mismatch.is_none()
    }

    /// Returns why the statement is not about the request.
    pub fn mismatch(&self) -> Option<&Mismatch> {
        self.mismatch.as_ref()
    }

    /// Returns the conditions that the request meets. None is compared if the action or the caller
    /// is not that of the statement.
    pub fn conditions(&self) -> &[ConditionReport] {
        &self.met
    }

    fn label(&self) -> String {
        let number = self.index + 1;
        match &self.sid {
            Some(sid) => format!("statement {number} (\"{}\")", printable(sid)),
            None => format!("statement {number}"),
        }
    }
}

impl fmt::Display for StatementReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.label();
        match &self.mismatch {
            None => write!(f, "{label} is about the request"),
            Some(Mismatch::Action) => write!(f, "{label} does not name the action"),
            Some(Mismatch::Principal) => write!(f, "{label} does not name the caller"),
            Some(Mismatch::Conditions(failed)) => write!(f, "{label} wants {}", Listed(failed)),
        }
    }
}

/// Why a statement is not about a request: the first reason of these three.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// The action is not among those of the statement.
    Action,
    /// The caller is not among its principals.
    Principal,
    /// These conditions are not met.
    Conditions(Vec<ConditionReport>),
}

/// A condition, and what a request has for its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConditionReport {
    /// The operator, such as `ForAnyValue:StringLike`.
    pub operator: String,
    /// The context key, as the policy writes it.
    pub key: String,
    /// The values of the policy.
    pub wanted: Vec<String>,
    /// The values of the request, if it has the key.
    pub actual: Option<Vec<String>>,
}

impl fmt::Display for ConditionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, operator) = (printable(&self.key), printable(&self.operator));
        let wanted = Quoted(&self.wanted, " or ");
        write!(f, "{key} with {operator} {wanted}, and the request has ")?;
        match self.actual.as_deref() {
            None | Some([]) => f.write_str("none"),
            Some(actual) => Quoted(actual, " and ").fmt(f),
        }
    }
}

/// Conditions in one line.
struct Listed<'a>(&'a [ConditionReport]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for condition in self.0 {
            write!(f, "{separator}{condition}")?;
            separator = ", and ";
        }
        Ok(())
    }
}

/// Texts in quotes, with a word between them.
struct Quoted<'a>(&'a [String], &'static str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for text in self.0 {
            write!(f, "{separator}\"{}\"", printable(text))?;
            separator = self.1;
        }
        Ok(())
    }
}

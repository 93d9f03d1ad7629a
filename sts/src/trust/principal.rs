use super::{
    error::PolicyError,
    json::Node,
    request::{Caller, Request},
};
use crate::principal::fields;

/// A caller, or a group of them, as `Principal` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// `*`
    Everyone,
    /// An account, by its 12 digits, or by the ARN of its root user, which has a partition.
    Account {
        partition: Option<String>,
        account: String,
    },
    /// The ARN of a user, a role or a session.
    Arn(String),
    /// The unique id of a user or role, which IAM puts in place of the ARN of a deleted one.
    UniqueId(String),
    /// An identity provider.
    Federated(String),
    /// A service.
    Service(String),
}

/// How a pattern covers a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage {
    /// The caller itself is named.
    Named,
    /// Its account is: the account decides by its own policies who may.
    Account,
}

/// Reads `Principal` or `NotPrincipal`.
pub(super) fn patterns(node: &Node<'_>) -> Result<Vec<Pattern>, PolicyError> {
    if let Ok(text) = node.text() {
        return match text {
            "*" => Ok(vec![Pattern::Everyone]),
            _ => Err(node.error("this must be an object such as {\"AWS\": \"ARN\"}, or \"*\"")),
        };
    }
    let mut patterns = Vec::new();
    for (kind, names) in node.members()? {
        for name in names.texts()? {
            patterns.push(pattern(kind, &name)?);
        }
    }
    if patterns.is_empty() {
        return Err(node.error("this must not be empty"));
    }
    Ok(patterns)
}

fn pattern(kind: &str, node: &Node<'_>) -> Result<Pattern, PolicyError> {
    let text = node.text()?;
    let own = text.to_owned();
    match kind {
        "AWS" if text == "*" => Ok(Pattern::Everyone),
        "AWS" => aws(text)
            .ok_or_else(|| node.error(format!("\"{text}\" is not an account or the ARN of a user, a role or a session; apart from a single *, wildcards are not allowed"))),
        "Federated" | "Service" if text.is_empty() || text.contains(['*', '?']) => {
            Err(node.error("a name without wildcards must stand here"))
        }
        "Federated" => Ok(Pattern::Federated(own)),
        "Service" => Ok(Pattern::Service(own)),
        _ => Err(node.error(format!(
            "\"{kind}\" is not a kind of principal that can assume a role: use AWS, Federated or Service"
        ))),
    }
}

fn aws(text: &str) -> Option<Pattern> {
    if text.contains(['*', '?']) {
        return None;
    }
    if is_account(text) {
        return Some(Pattern::Account {
            partition: None,
            account: text.to_owned(),
        });
    }
    let Some([partition, service, region, account, resource]) = fields(text) else {
        let prefixes = ["AIDA", "AROA"];
        let is_id = prefixes.iter().any(|prefix| text.starts_with(prefix))
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return is_id.then(|| Pattern::UniqueId(text.to_owned()));
    };
    if !region.is_empty() || !is_account(account) {
        return None;
    }
    let named = |kinds: &[&str]| {
        let name = kinds.iter().find_map(|kind| resource.strip_prefix(kind));
        name.is_some_and(|name| !name.is_empty())
    };
    match service {
        "iam" if resource == "root" => Some(Pattern::Account {
            partition: Some(partition.to_owned()),
            account: account.to_owned(),
        }),
        "iam" if named(&["user/", "role/"]) => Some(Pattern::Arn(text.to_owned())),
        "sts" if named(&["assumed-role/", "federated-user/"]) => {
            Some(Pattern::Arn(text.to_owned()))
        }
        _ => None,
    }
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Pattern {
    /// Returns how the pattern covers the caller of a request, if it does.
    pub(super) fn covers(&self, request: &Request) -> Option<Coverage> {
        let caller = request.caller();
        let is_named = match self {
            Self::Everyone => true,
            Self::Account { .. } => {
                if !self.is_account_of(caller) {
                    return None;
                }
                // To name an account is to name its root user.
                let is_root = matches!(caller, Caller::Root { .. });
                return Some(if is_root {
                    Coverage::Named
                } else {
                    Coverage::Account
                });
            }
            Self::Arn(arn) => arns(caller).contains(arn),
            Self::UniqueId(id) => request
                .context("aws:userid")
                .is_some_and(|ids| ids.iter().any(|own| own.split(':').next() == Some(id))),
            Self::Federated(name) => {
                matches!(caller, Caller::Federated { provider } if provider == name)
            }
            Self::Service(name) => matches!(caller, Caller::Service { name: own } if own == name),
        };
        is_named.then_some(Coverage::Named)
    }

    /// Returns true for the account of a caller. No account is in two partitions. That of a root
    /// user is not known here.
    fn is_account_of(&self, caller: &Caller) -> bool {
        let Self::Account { partition, account } = self else {
            return false;
        };
        let has_partition = match (partition, caller.partition()) {
            (Some(named), Some(own)) => named == own,
            _ => true,
        };
        caller.account() == Some(account) && has_partition
    }
}

/// Returns true if `NotPrincipal` spares the caller of a request.
///
/// It does if all identities that the caller consists of are listed: for a session these are the
/// account, the role and the session, for a user the account and the user. If one is missing, the
/// statement is about the caller.
pub(super) fn spares(patterns: &[Pattern], request: &Request) -> bool {
    let caller = request.caller();
    if patterns.contains(&Pattern::Everyone) {
        return true;
    }
    if caller.account().is_none() {
        return patterns
            .iter()
            .any(|pattern| pattern.covers(request).is_some());
    }
    let mut arns = arns(caller).into_iter();
    patterns.iter().any(|pattern| pattern.is_account_of(caller))
        && arns.all(|arn| patterns.contains(&Pattern::Arn(arn)))
}

/// Returns the ARNs by which a policy can name a caller.
fn arns(caller: &Caller) -> Vec<String> {
    match caller {
        Caller::User { arn } | Caller::FederatedUser { arn } => vec![arn.clone()],
        Caller::Session { role_arn, session } => {
            let of_session = session_arn(role_arn, session);
            std::iter::once(role_arn.clone())
                .chain(of_session)
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The ARN of a session lacks the path of the role.
pub(super) fn session_arn(role_arn: &str, session: &str) -> Option<String> {
    let [partition, _, _, account, resource] = fields(role_arn)?;
    let name = resource.rsplit('/').next()?;
    Some(format!(
        "arn:{partition}:sts::{account}:assumed-role/{name}/{session}"
    ))
}

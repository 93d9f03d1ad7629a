/// What kind of caller an ARN names.
///
/// The answer of [`GetCallerIdentity`](crate::actions::GetCallerIdentity) does not say whether the keys are temporary, since
/// those of `GetSessionToken` have the ARN of their user: ask [`KeyKind`] too.
///
/// # Examples
///
/// ```
/// # use keyfob_sts::Principal;
/// assert_eq!(
///     Principal::from_arn("arn:aws:sts::123456789012:assumed-role/deploy/alice"),
///     Principal::AssumedRole { role: "deploy", session: "alice" },
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Principal<'a> {
    /// The root user of the account.
    Root,
    /// An IAM user.
    User {
        /// `/` or the path with a slash at both ends.
        path: &'a str,
        /// The user's name.
        name: &'a str,
    },
    /// A session of a role. The role's path is not in the ARN, so the role's own ARN cannot be made from it.
    AssumedRole {
        /// The role's name.
        role: &'a str,
        /// The session's name.
        session: &'a str,
    },
    /// A session made by `GetFederationToken`.
    FederatedUser {
        /// The name given for it.
        name: &'a str,
    },
    /// Something else.
    Other,
}

impl<'a> Principal<'a> {
    /// Takes an ARN apart; [`Principal::Other`] when it is none of a known form.
    pub fn from_arn(arn: &'a str) -> Self {
        Self::parse(arn).unwrap_or(Self::Other)
    }

    fn parse(arn: &'a str) -> Option<Self> {
        let [service, resource] =
            fields(arn).map(|[service, _, _, resource]| [service, resource])?;
        match (service, resource.split_once('/')) {
            ("iam", None) if resource == "root" => Some(Self::Root),
            ("iam", Some(("user", rest))) => {
                let path_start = "user".len();
                let name_start = rest
                    .rfind('/')
                    .map_or(path_start + 1, |at| path_start + at + 2);
                Some(Self::User {
                    path: &resource[path_start..name_start],
                    name: &resource[name_start..],
                })
            }
            ("sts", Some(("assumed-role", rest))) => {
                let (role, session) = rest.split_once('/')?;
                Some(Self::AssumedRole { role, session })
            }
            ("sts", Some(("federated-user", name))) => Some(Self::FederatedUser { name }),
            _ => None,
        }
    }
}

/// The account in an ARN; empty when there is none.
pub(crate) fn account(arn: &str) -> &str {
    fields(arn).map_or("", |[_, _, account, _]| account)
}

/// Service, region, account and resource of `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
fn fields(arn: &str) -> Option<[&str; 4]> {
    let (_partition, rest) = arn.strip_prefix("arn:")?.split_once(':')?;
    let mut fields = rest.splitn(4, ':');
    Some([
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
    ])
}

/// Whether an access key is one to keep or one that ends by itself.
///
/// Source: IAM user guide, "Unique ID prefixes".
///
/// # Examples
///
/// ```
/// # use keyfob_sts::KeyKind;
/// assert_eq!(KeyKind::from_access_key_id("ASIAIOSFODNN7EXAMPLE"), KeyKind::Temporary);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// The key of a user or of root (`AKIA…`): valid until someone deletes it.
    LongTerm,
    /// A key made by STS (`ASIA…`): it needs its session token and ends by itself.
    Temporary,
    /// A key that is not one of AWS's own.
    Other,
}

impl KeyKind {
    /// Tells by the first four characters of an access key id.
    pub fn from_access_key_id(access_key_id: &str) -> Self {
        match access_key_id.get(..4) {
            Some("AKIA") => Self::LongTerm,
            Some("ASIA") => Self::Temporary,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_caller_is_recognised() {
        for (arn, principal) in [
            ("arn:aws:iam::1:root", Principal::Root),
            (
                "arn:aws:iam::1:user/A",
                Principal::User {
                    path: "/",
                    name: "A",
                },
            ),
            (
                "arn:aws-cn:iam::1:user/a/b/A",
                Principal::User {
                    path: "/a/b/",
                    name: "A",
                },
            ),
            (
                "arn:aws:sts::1:assumed-role/R/S",
                Principal::AssumedRole {
                    role: "R",
                    session: "S",
                },
            ),
            (
                "arn:aws:sts::1:federated-user/F",
                Principal::FederatedUser { name: "F" },
            ),
        ] {
            assert_eq!(Principal::from_arn(arn), principal, "{arn}");
            assert_eq!(account(arn), "1");
        }
    }

    #[test]
    fn anything_else_is_other() {
        for arn in [
            "",
            "arn",
            "arn:aws:iam",
            "arn:aws:iam::1:rooty",
            "arn:aws:s3:::b",
            "arn:aws:sts::1:assumed-role/R",
            "arn:aws:iam::1:userX/A",
            "ärn:é:",
        ] {
            assert_eq!(Principal::from_arn(arn), Principal::Other, "{arn}");
        }
        assert_eq!(account("arn:aws:s3:::bucket"), "");
    }

    #[test]
    fn the_prefix_of_a_key_tells_its_kind() {
        assert_eq!(
            KeyKind::from_access_key_id("AKIAIOSFODNN7EXAMPLE"),
            KeyKind::LongTerm
        );
        for other in ["", "ASI", "asia1234", "ÄÄÄÄ", "AÄÄ"] {
            assert_eq!(
                KeyKind::from_access_key_id(other),
                KeyKind::Other,
                "{other}"
            );
        }
    }
}

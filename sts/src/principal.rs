/// The kind of caller that an ARN names, with its parts.
///
/// The ARN does not tell whether the keys are temporary: keys from
/// [`GetSessionToken`](crate::actions::GetSessionToken) have the ARN of their user. [`KeyKind`]
/// does.
///
/// # Examples
///
/// ```
/// use keyfob_sts::Principal;
///
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
        /// The path with a slash at both ends, or `/`.
        path: &'a str,
        /// The user's name.
        name: &'a str,
    },
    /// A session of a role. The ARN lacks the role's path, so the ARN of the role cannot be
    /// derived.
    AssumedRole {
        /// The role's name.
        role: &'a str,
        /// The session's name.
        session: &'a str,
    },
    /// A session from `GetFederationToken`.
    FederatedUser {
        /// The name given to that action.
        name: &'a str,
    },
    /// Anything else.
    Other,
}

impl<'a> Principal<'a> {
    /// Reads an ARN. Returns [`Principal::Other`] if its form is not one of those above.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Principal;
    ///
    /// let principal = Principal::from_arn("arn:aws:iam::123456789012:user/ops/Alice");
    /// assert_eq!(principal, Principal::User { path: "/ops/", name: "Alice" });
    /// assert_eq!(Principal::from_arn("arn:aws:s3:::reports"), Principal::Other);
    /// ```
    pub fn from_arn(arn: &'a str) -> Self {
        Self::parse(arn).unwrap_or(Self::Other)
    }

    fn parse(arn: &'a str) -> Option<Self> {
        let [_, service, _, _, resource] = fields(arn)?;
        match (service, resource.split_once('/')) {
            ("iam", None) if resource == "root" => Some(Self::Root),
            ("iam", Some(("user", _))) => {
                // The path begins with the slash after `user` and ends with the last one.
                let path_and_name = resource.strip_prefix("user")?;
                let (path, name) = path_and_name.split_at(path_and_name.rfind('/')? + 1);
                Some(Self::User { path, name })
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

/// Returns the account in an ARN, or an empty text.
pub(crate) fn account(arn: &str) -> &str {
    fields(arn).map_or("", |[_, _, _, account, _]| account)
}

/// Splits `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE` from the partition on.
pub(crate) fn fields(arn: &str) -> Option<[&str; 5]> {
    let mut fields = arn.strip_prefix("arn:")?.splitn(5, ':');
    Some([
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
    ])
}

/// The kind of an access key: long-term or temporary.
///
/// Source: IAM user guide, "Unique ID prefixes".
///
/// # Examples
///
/// ```
/// use keyfob_sts::KeyKind;
///
/// assert_eq!(KeyKind::from_access_key_id("ASIAIOSFODNN7EXAMPLE"), KeyKind::Temporary);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// A key of a user or of the root user (`AKIA…`), valid until it is deleted.
    LongTerm,
    /// A key from STS (`ASIA…`), which needs its session token and expires.
    Temporary,
    /// Any other key, for example of a service that imitates AWS.
    Other,
}

impl KeyKind {
    /// Returns the kind, by the first four characters of the access key id.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::KeyKind;
    ///
    /// assert_eq!(KeyKind::from_access_key_id("AKIAIOSFODNN7EXAMPLE"), KeyKind::LongTerm);
    /// assert_eq!(KeyKind::from_access_key_id("minioadmin"), KeyKind::Other);
    /// ```
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
    fn each_form_of_caller_is_recognized() {
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

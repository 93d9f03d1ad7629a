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

/// Reads the account out of an access key id, without a request. `None` if it is not in it: keys
/// from before 2019 and those of other services do not have one.
///
/// AWS does not document the form. Use this to tell keys apart, and
/// [`GetAccessKeyInfo`](crate::actions::GetAccessKeyInfo) to be sure.
///
/// # Examples
///
/// ```
/// use keyfob_sts::account_from_access_key_id;
///
/// let account = account_from_access_key_id("ASIAQNZGKIQY56JQ7WML");
/// assert_eq!(account.as_deref(), Some("029608264753"));
/// assert_eq!(account_from_access_key_id("AKIAIOSFODNN7EXAMPLE"), None);
/// ```
pub fn account_from_access_key_id(access_key_id: &str) -> Option<String> {
    let digits = access_key_id.as_bytes();
    if KeyKind::from_access_key_id(access_key_id) == KeyKind::Other || digits.len() != 20 {
        return None;
    }
    let mut bits: u64 = 0;
    // Ten digits of Base32 have the 48 bits that count, and two more.
    for (index, digit) in digits[4..].iter().enumerate() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        if index < 10 {
            bits = bits << 5 | u64::from(value);
        }
    }
    let bits = bits >> 2;
    // The first bit marks the form, then come 40 bits of the account.
    let (has_account, account) = (bits >> 47 == 1, bits >> 7 & ((1 << 40) - 1));
    (has_account && account < 1_000_000_000_000).then(|| format!("{account:012}"))
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
    fn the_account_of_a_key_is_in_its_id() {
        // Source: "A short note on AWS KEY ID", Tal Be'ery, and answers to it.
        for (id, account) in [
            ("ASIAQNZGKIQY56JQ7WML", "029608264753"),
            ("ASIAY34FZKBOKMUTVV7A", "609629065308"),
            ("AKIASP2TPHJSQH3FJXYZ", "171436882533"),
        ] {
            assert_eq!(account_from_access_key_id(id).as_deref(), Some(account));
        }
        for id in [
            "",
            "AKIA",
            // Before 2019.
            "AKIAIOSFODNN7EXAMPLE",
            "ASIAIOSFODNN7EXAMPLE",
            // 13 digits.
            "AKIA7777777777777777",
            "AKIASP2TPHJSQH3FJXY",
            "AKIASP2TPHJSQH3FJXYZZ",
            "AKIASP2TPHJSQH3FJX1Z",
            "AKIASP2TPHJSQH3FJXÄ",
            "akiasp2tphjsqh3fjxyz",
            "minioadminminioadmin",
        ] {
            assert_eq!(account_from_access_key_id(id), None, "{id}");
        }
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

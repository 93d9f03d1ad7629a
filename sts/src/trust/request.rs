use std::fmt;

use super::document::saml_audience;
use crate::principal::{Principal, fields};

/// The caller as principals of policies name it.
///
/// # Examples
///
/// ```
/// use keyfob_sts::trust::Caller;
///
/// let alice = Caller::from_arn("arn:aws:iam::111122223333:user/alice");
/// assert_eq!(alice, Caller::User { arn: "arn:aws:iam::111122223333:user/alice".to_owned() });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Caller {
    /// The root user of an account, by its 12 digits.
    Root {
        /// The account.
        account: String,
    },
    /// An IAM user, with long-term or temporary keys.
    User {
        /// The ARN, such as `arn:aws:iam::111122223333:user/ops/alice`.
        arn: String,
    },
    /// A session of a role.
    Session {
        /// The ARN of the role, with its path.
        role_arn: String,
        /// The name of the session.
        session: String,
    },
    /// A session from `GetFederationToken`.
    FederatedUser {
        /// The ARN, such as `arn:aws:sts::111122223333:federated-user/bob`.
        arn: String,
    },
    /// A person or a program that an identity provider vouches for.
    Federated {
        /// The ARN of a SAML or OIDC provider, or a name such as `cognito-identity.amazonaws.com`.
        provider: String,
    },
    /// An AWS service.
    Service {
        /// The name, such as `ec2.amazonaws.com`.
        name: String,
    },
    /// Anyone, for requests without a signature.
    Anonymous,
}

impl Caller {
    /// Reads the ARN that `GetCallerIdentity` returns, or the one of a provider.
    ///
    /// The ARN of a session does not have the path of its role. If the role has one, build
    /// [`Caller::Session`] with the ARN of the role. The ARN of a role stands for a session of it
    /// with an empty name. Any other text is the name of a service if it looks like one, and
    /// otherwise [`Caller::Anonymous`].
    pub fn from_arn(arn: &str) -> Self {
        let Some([partition, service, _, account, resource]) = fields(arn) else {
            return if arn.contains('.') {
                Self::Service {
                    name: arn.to_owned(),
                }
            } else {
                Self::Anonymous
            };
        };
        let arn = arn.to_owned();
        match Principal::from_arn(&arn) {
            Principal::Root => Self::Root {
                account: account.to_owned(),
            },
            Principal::User { .. } => Self::User { arn },
            Principal::AssumedRole { role, session } => Self::Session {
                role_arn: format!("arn:{partition}:iam::{account}:role/{role}"),
                session: session.to_owned(),
            },
            Principal::FederatedUser { .. } => Self::FederatedUser { arn },
            Principal::Other => {
                let kinds = ["saml-provider/", "oidc-provider/"];
                let is_provider = kinds.iter().any(|kind| resource.starts_with(kind));
                if service == "iam" && is_provider {
                    Self::Federated { provider: arn }
                } else if service == "iam" && resource.starts_with("role/") {
                    Self::Session {
                        role_arn: arn,
                        session: String::new(),
                    }
                } else {
                    Self::Anonymous
                }
            }
        }
    }

    /// Returns the ARN that `aws:PrincipalArn` has, if the caller is a principal of an account.
    fn principal_arn(&self) -> Option<String> {
        match self {
            Self::Root { account } => Some(format!("arn:aws:iam::{account}:root")),
            Self::User { arn } | Self::FederatedUser { arn } => Some(arn.clone()),
            Self::Session { role_arn, .. } => Some(role_arn.clone()),
            Self::Federated { .. } | Self::Service { .. } | Self::Anonymous => None,
        }
    }

    /// Returns the value of `aws:PrincipalType`.
    fn kind(&self) -> &'static str {
        match self {
            Self::Root { .. } => "Account",
            Self::User { .. } => "User",
            Self::Session { .. } => "AssumedRole",
            Self::FederatedUser { .. } => "FederatedUser",
            Self::Federated { .. } | Self::Service { .. } | Self::Anonymous => "Anonymous",
        }
    }

    /// Returns the account that the caller belongs to, if it is a principal of one.
    pub(super) fn account(&self) -> Option<&str> {
        match self {
            Self::Root { account } => Some(account),
            _ => fields(self.own_arn()?).map(|[_, _, _, account, _]| account),
        }
    }

    /// Returns the partition of that account, if the caller has an ARN.
    pub(super) fn partition(&self) -> Option<&str> {
        fields(self.own_arn()?).map(|[partition, ..]| partition)
    }

    fn own_arn(&self) -> Option<&str> {
        match self {
            Self::User { arn } | Self::FederatedUser { arn } => Some(arn),
            Self::Session { role_arn, .. } => Some(role_arn),
            _ => None,
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root { account } => write!(f, "the root user of {account}"),
            Self::User { arn } | Self::FederatedUser { arn } => f.write_str(arn),
            Self::Session { role_arn, session } if session.is_empty() => {
                write!(f, "a session of {role_arn}")
            }
            Self::Session { role_arn, session } => write!(f, "session {session} of {role_arn}"),
            Self::Federated { provider } => f.write_str(provider),
            Self::Service { name } => f.write_str(name),
            Self::Anonymous => f.write_str("an anonymous caller"),
        }
    }
}

/// A call as a trust policy sees it: the caller, the action and the context keys.
///
/// # Examples
///
/// ```
/// use keyfob_sts::trust::{Caller, Request};
///
/// let caller = Caller::from_arn("arn:aws:iam::111122223333:user/alice");
/// let request = Request::new(caller, "sts:AssumeRole")
///     .with("sts:RoleSessionName", ["alice"])
///     .with("aws:MultiFactorAuthPresent", ["true"])
///     .with("aws:TagKeys", ["team", "project"]);
/// let keys = request.context("AWS:tagkeys").unwrap_or_default();
/// assert_eq!(keys, ["team", "project"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    caller: Caller,
    action: String,
    context: Vec<(String, Vec<String>)>,
}

impl Request {
    /// Creates a request without context keys. The action has its prefix, as in `sts:AssumeRole`.
    pub fn new(caller: Caller, action: impl Into<String>) -> Self {
        Self {
            caller,
            action: action.into(),
            context: Vec::new(),
        }
    }

    /// Creates the request of a caller that assumes a role, with the context keys that follow from
    /// who it is. All others are to be added.
    ///
    /// A user is taken for one with long-term keys, who sends no `aws:MultiFactorAuthPresent`. A
    /// SAML response is taken for one that was made for AWS, as its audience says.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::trust::{Caller, Request};
    ///
    /// let caller = Caller::from_arn("arn:aws:iam::111122223333:saml-provider/idp");
    /// let request = Request::assume_role(caller);
    /// assert_eq!(request.action(), "sts:AssumeRoleWithSAML");
    /// let audience = request.context("SAML:aud").unwrap_or_default();
    /// assert_eq!(audience, ["https://signin.aws.amazon.com/saml"]);
    /// ```
    ///
    /// Source: IAM user guide, "AWS global condition context keys", and "Available keys for AWS
    /// STS".
    pub fn assume_role(caller: Caller) -> Self {
        let (kind, account) = (caller.kind(), caller.account().map(str::to_owned));
        let is_service = matches!(caller, Caller::Service { .. }).to_string();
        let arn = caller.principal_arn();
        let has_session = matches!(
            caller,
            Caller::Session { .. } | Caller::FederatedUser { .. }
        );
        let action = match &caller {
            Caller::Federated { provider } if provider.contains(":saml-provider/") => {
                "sts:AssumeRoleWithSAML"
            }
            Caller::Federated { .. } => "sts:AssumeRoleWithWebIdentity",
            _ => "sts:AssumeRole",
        };
        let provider = match &caller {
            Caller::Federated { provider } => Some(provider.clone()),
            _ => None,
        };
        let username = match &caller {
            Caller::User { arn } => arn.rsplit('/').next().map(str::to_owned),
            _ => None,
        };
        let mut request = Self::new(caller, action)
            .with("aws:PrincipalType", [kind])
            .with("aws:PrincipalIsAWSService", [is_service]);
        if let Some(name) = username {
            request = request.with("aws:username", [name]);
        }
        if let (Some(arn), Some(account)) = (arn, account) {
            request = request.with("aws:PrincipalArn", [arn]);
            request = request.with("aws:PrincipalAccount", [account]);
        }
        if has_session {
            request = request.with("aws:MultiFactorAuthPresent", ["false"]);
        }
        if let Some(provider) = provider {
            if action == "sts:AssumeRoleWithSAML" {
                let partition = fields(&provider).map_or("aws", |[partition, ..]| partition);
                request = request.with("SAML:aud", [saml_audience(partition)]);
            }
            request = request.with("aws:FederatedProvider", [provider]);
        }
        request
    }

    /// Sets what the token of the caller's identity provider says, by the name of the claim, such
    /// as `aud` or `sub`. The context key has the name of the provider before it.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::trust::{Caller, Request};
    ///
    /// let caller = Caller::from_arn("arn:aws:iam::111122223333:oidc-provider/idp.example.com");
    /// let request = Request::assume_role(caller).with_claim("sub", "ada");
    /// assert_eq!(request.context("idp.example.com:sub").unwrap_or_default(), ["ada"]);
    /// ```
    #[must_use]
    pub fn with_claim(self, claim: &str, value: impl Into<String>) -> Self {
        let provider = match &self.caller {
            Caller::Federated { provider } => provider.as_str(),
            _ => "",
        };
        let name = match provider.split_once("-provider/") {
            Some((_, host)) if provider.contains(":oidc-") => host,
            Some(_) => "SAML",
            None => provider,
        };
        let key = format!("{name}:{claim}");
        self.with(key, [value])
    }

    /// Sets the organization that the caller belongs to, or for a service, the one that it acts
    /// for.
    #[must_use]
    pub fn with_organization(self, id: &str) -> Self {
        let key = match self.caller {
            Caller::Service { .. } => "aws:SourceOrgID",
            _ => "aws:PrincipalOrgID",
        };
        self.with(key, [id])
    }

    /// Sets a context key to one or more values, in place of those that it had.
    #[must_use]
    pub fn with<V: Into<String>>(
        mut self,
        key: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let key = key.into();
        self.context
            .retain(|(known, _)| !known.eq_ignore_ascii_case(&key));
        let values = values.into_iter().map(Into::into).collect();
        self.context.push((key, values));
        self
    }

    /// Sets the action, and keeps the rest.
    #[must_use]
    pub fn with_action(mut self, action: impl Into<String>) -> Self {
        self.action = action.into();
        self
    }

    /// Returns the caller.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Returns the action.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// Returns the values of a context key. The case of its name does not matter.
    pub fn context(&self, key: &str) -> Option<&[String]> {
        let mut entries = self.context.iter();
        let (_, values) = entries.find(|(known, _)| known.eq_ignore_ascii_case(key))?;
        Some(values)
    }
}

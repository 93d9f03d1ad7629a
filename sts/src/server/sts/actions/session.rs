use super::{Call, Issued, packed_size, whole};
use crate::server::{
    account::{Identity, Session},
    query::xml::{element, optional, parent},
    refusal::Refusal,
};

/// The policies that `AssumeRoot` takes.
const ROOT_TASKS: [&str; 5] = [
    "IAMAuditRootUserCredentials",
    "IAMCreateRootUserPassword",
    "IAMDeleteRootUserCredentials",
    "S3UnlockBucketPolicy",
    "SQSUnlockQueuePolicy",
];

/// How often credentials can be scoped, one layer on the other.
const MAX_SCOPES: u32 = 3;

impl Call<'_> {
    pub(super) fn get_session_token(&self) -> Result<String, Refusal> {
        self.require_long_term_key("GetSessionToken")?;
        let session = Session {
            mfa_at: self.check_mfa()?.then_some(self.now),
            ..Session::default()
        };
        let seconds = self.user_duration()?;
        let issued = self.issue(self.caller.identity.clone(), session, seconds)?;
        Ok(issued.credentials + &issued.sizes)
    }

    pub(super) fn get_federation_token(&self) -> Result<String, Refusal> {
        self.require_long_term_key("GetFederationToken")?;
        let name = self.parameters.name("Name", 32)?;
        let seconds = self.user_duration()?;
        let packed_size = packed_size(self.parameters)?;
        let session = Session {
            tags: self.parameters.tags()?,
            ..Session::default()
        };
        let identity = Identity::FederatedUser {
            name: name.to_owned(),
        };
        let user = element("FederatedUserId", &identity.user_id(self.account.id()))
            + &element("Arn", &identity.arn(self.account.id()));
        let issued = self.issue(identity, session, seconds)?;
        Ok(issued.credentials + &parent("FederatedUser", &user) + &packed_size + &issued.sizes)
    }

    /// Only members of the organization have a root user that this account can act as.
    pub(super) fn assume_root(&self) -> Result<String, Refusal> {
        let target = self.parameters.required("TargetPrincipal")?;
        let policy = self.parameters.required("TaskPolicyArn.arn")?;
        let seconds = self.parameters.number("DurationSeconds", 900, 0..=900)?;
        let account =
            crate::principal::fields(target).map_or(target, |[_, _, _, account, _]| account);
        let task = policy.strip_prefix("arn:aws:iam::aws:policy/root-task/");
        if !task.is_some_and(|task| ROOT_TASKS.contains(&task)) {
            return Err(Refusal::invalid(format!("{policy} is not a task policy")));
        }
        if !self.account.is_member(account) {
            return Err(Refusal::unauthorized(&self.arn(), "sts:AssumeRoot", target));
        }
        let identity = Identity::MemberRoot {
            account: account.to_owned(),
        };
        let session = Session {
            source_identity: self.caller.session.source_identity.clone(),
            ..Session::default()
        };
        let source_identity = optional("SourceIdentity", session.source_identity.as_deref());
        let issued = self.issue(identity, session, seconds)?;
        Ok(issued.credentials + &source_identity + &issued.sizes)
    }

    /// Source: STS API reference, `GetScopedCredentials`: the caller has temporary credentials, and
    /// the new ones do not outlive them.
    pub(super) fn get_scoped_credentials(&self) -> Result<String, Refusal> {
        let own = &self.caller;
        let is_root = matches!(own.identity, Identity::Root | Identity::MemberRoot { .. });
        let expiry = own.credentials.expiry().filter(|_| !is_root).ok_or_else(|| {
            let message = "Scoped credentials can be requested with the temporary credentials of a role or a user only.";
            Refusal::bad("InvalidSubjectCredentials", message)
        })?;
        let seconds = self.parameters.get("DurationSeconds");
        if seconds.is_none() && self.parameters.get("Policy").is_none() {
            return Err(Refusal::invalid(
                "Policy, DurationSeconds or both must be given",
            ));
        }
        packed_size(self.parameters)?;
        let seconds = seconds.map(|_| self.parameters.number("DurationSeconds", 0, 1..=129_600));
        let wanted = seconds
            .transpose()?
            .map(|seconds| whole(self.now).plus_seconds(seconds.into()));
        if wanted.is_some_and(|wanted| wanted > expiry) {
            let message = "The session of the caller ends before the requested credentials.";
            return Err(Refusal::bad("InsufficientSessionLifetime", message));
        }
        let mut session = own.session.clone();
        session.scopes += 1;
        if session.scopes > MAX_SCOPES {
            let message = format!("Credentials can be scoped {MAX_SCOPES} times.");
            return Err(Refusal::bad("InvalidSubjectCredentials", message));
        }
        let id = format!("{}-{}", own.credentials.access_key_id(), session.scopes);
        let info = element("ScopedSessionId", &id) + &element("Arn", &self.arn());
        let count = session.scopes.to_string();
        let source_identity = optional("SourceIdentity", session.source_identity.as_deref());
        let expiry = wanted.unwrap_or(expiry);
        let issued = Issued::new(
            self.account,
            self.parameters,
            own.identity.clone(),
            session,
            expiry,
        )?;
        Ok(issued.credentials
            + &parent("SessionInfo", &info)
            + &issued.sizes
            + &element("ScopedPoliciesCount", &count)
            + &source_identity)
    }

    pub(super) fn get_delegated_access_token(&self) -> Result<String, Refusal> {
        let token = self.parameters.required("TradeInToken")?;
        let traded = self.account.trade_in(token);
        let (identity, expiry) =
            traded
                .filter(|(_, expiry)| *expiry > self.now)
                .ok_or_else(|| {
                    let message = "The trade-in token provided in the request has expired.";
                    Refusal::bad("ExpiredTradeInTokenException", message)
                })?;
        let principal = element("AssumedPrincipal", &identity.arn(self.account.id()));
        let seconds = expiry.seconds_since(self.now).clamp(1, 3600);
        let issued = self.issue(
            identity,
            Session::default(),
            seconds.try_into().unwrap_or(3600),
        )?;
        Ok(issued.credentials + &principal)
    }

    /// Returns true if the call has an MFA code and it is right. A code without a device, and the
    /// other way round, is refused.
    pub(super) fn check_mfa(&self) -> Result<bool, Refusal> {
        let device = self.parameters.get("SerialNumber");
        let code = self.parameters.get("TokenCode");
        let (device, code) = match (device, code) {
            (None, None) => return Ok(false),
            (Some(device), Some(code)) => (device, code),
            _ => {
                return Err(Refusal::denied(
                    "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
                ));
            }
        };
        let user = match &self.caller.identity {
            Identity::User { name } => name,
            _ => "",
        };
        if !self.account.has_device(user, device) {
            return Err(Refusal::denied(
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
            ));
        }
        if !self.account.accept_code(device, code, self.now) {
            return Err(Refusal::denied(
                "MultiFactorAuthentication failed with invalid MFA one time pass code.",
            ));
        }
        Ok(true)
    }
}

use super::{Call, assumed_role_user, packed_size};
use crate::{
    principal,
    server::{
        account::{Account, Identity, Role, Session},
        query::{Parameters, check_name, xml::optional},
        refusal::Refusal,
    },
    trust::{Caller, Request, TrustPolicy, Verdict},
};

impl Call<'_> {
    /// The trust policy of the role decides. A role of another account trusts no caller here.
    pub(super) fn assume_role(&self) -> Result<String, Refusal> {
        let arn = self.parameters.required("RoleArn")?;
        let session_name = self.parameters.name("RoleSessionName", 64)?;
        if self.caller.identity == Identity::Root {
            return Err(Refusal::denied(
                "Roles may not be assumed by root accounts.",
            ));
        }
        let seconds = self.role_duration()?;
        let mut session = self.role_session()?;
        let role = find_role(self.account, arn)?
            .ok_or_else(|| Refusal::unauthorized(&self.arn(), "sts:AssumeRole", arn))?;
        session.mfa_at = self.check_mfa()?.then_some(self.now);
        self.check_trust(&role, session_name, &session)?;
        check_max_duration(&role, seconds)?;
        // The session of the role is not one with MFA, even if the call was.
        session.mfa_at = None;

        let identity = Identity::session(role.name, session_name);
        let user = assumed_role_user(self.account, &identity);
        let source_identity = optional("SourceIdentity", session.source_identity.as_deref());
        let packed_size = packed_size(self.parameters)?;
        let issued = self.issue(identity, session, seconds)?;
        Ok(issued.credentials + &user + &packed_size + &source_identity + &issued.sizes)
    }

    /// Returns the requested duration. A role that assumes a role gets at most an hour.
    fn role_duration(&self) -> Result<u32, Refusal> {
        let seconds = self.parameters.duration(3600, 43_200)?;
        if seconds > 3600 && self.caller.identity.is_role() {
            return Err(Refusal::invalid(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
            ));
        }
        Ok(seconds)
    }

    /// Returns the tags and the source identity of the new session: those of the call, and those
    /// that the caller's session passes on.
    fn role_session(&self) -> Result<Session, Refusal> {
        let mut tags = self.parameters.tags()?;
        let mut transitive_keys = self.parameters.list("TransitiveTagKeys");
        if let Some(key) = transitive_keys
            .iter()
            .find(|key| !tags.iter().any(|(known, _)| known == *key))
        {
            let message = format!("The transitive tag key {key} is not among the tags.");
            return Err(Refusal::bad("InvalidParameterValue", message));
        }
        let own = &self.caller.session;
        for (key, value) in &own.tags {
            let is_passed_on = own.transitive_keys.contains(key);
            if is_passed_on
                && !tags
                    .iter()
                    .any(|(known, _)| known.eq_ignore_ascii_case(key))
            {
                tags.push((key.clone(), value.clone()));
                transitive_keys.push(key);
            }
        }
        let requested = self.parameters.get("SourceIdentity").map(str::to_owned);
        if let Some(name) = &requested {
            check_name(name, "sourceIdentity", 256)?;
        }
        Ok(Session {
            transitive_keys: transitive_keys.into_iter().map(str::to_owned).collect(),
            tags,
            source_identity: own.source_identity.clone().or(requested),
            ..Session::default()
        })
    }

    /// Checks `sts:AssumeRole`, and the permissions that tags, a source identity and contexts need
    /// besides.
    fn check_trust(
        &self,
        role: &Role,
        session_name: &str,
        session: &Session,
    ) -> Result<(), Refusal> {
        let arn = role.arn(self.account.id());
        let request = self.trust_request(session_name, session);
        let has = |name| !self.parameters.list(name).is_empty();
        let has_context = self
            .parameters
            .get("ProvidedContexts.member.1.ProviderArn")
            .is_some();
        let sets_identity = self.parameters.get("SourceIdentity").is_some();
        if sets_identity
            && self.parameters.get("SourceIdentity") != session.source_identity.as_deref()
        {
            return Err(Refusal::unauthorized(
                &self.arn(),
                "sts:SetSourceIdentity",
                &arn,
            ));
        }
        for (is_needed, action) in [
            (true, "sts:AssumeRole"),
            (
                !session.tags.is_empty() || has("TransitiveTagKeys"),
                "sts:TagSession",
            ),
            (sets_identity, "sts:SetSourceIdentity"),
            (has_context, "sts:SetContext"),
        ] {
            if !is_needed {
                continue;
            }
            let request = request.clone().with_action(action);
            let verdict = verdict(self.account, role, &request);
            if verdict == Verdict::Allowed {
                continue;
            }
            let mut refusal = Refusal::unauthorized(&self.arn(), action, &arn);
            if verdict == Verdict::Denied {
                refusal.message += " with an explicit deny in a resource-based policy";
            }
            return Err(refusal);
        }
        Ok(())
    }

    /// Returns the call as trust policies see it.
    ///
    /// Source: IAM user guide, "AWS global condition context keys", and "Available keys for AWS
    /// STS".
    fn trust_request(&self, session_name: &str, session: &Session) -> Request {
        let (caller, account) = (&self.caller.identity, self.account.id());
        let own = &self.caller.session;
        let mut request = Request::assume_role(principal_of(self.account, caller))
            .with("sts:RoleSessionName", [session_name])
            .with("aws:userid", [caller.user_id(account)])
            .with("aws:CurrentTime", [self.now.to_string()])
            .with("aws:EpochTime", [self.now.unix_seconds().to_string()]);
        if let Identity::User { name } = caller {
            request = request.with("aws:username", [name]);
        }
        // Calls with long-term keys do not have the key at all unless they come with a code.
        let mfa_at = session.mfa_at.or(own.mfa_at);
        if mfa_at.is_some() || self.caller.credentials.session_token().is_some() {
            let is_present = mfa_at.is_some().to_string();
            request = request.with("aws:MultiFactorAuthPresent", [is_present]);
        }
        if let Some(at) = mfa_at {
            let age = self.now.seconds_since(at).to_string();
            request = request.with("aws:MultiFactorAuthAge", [age]);
        }
        for (key, value) in &own.tags {
            request = request.with(format!("aws:PrincipalTag/{key}"), [value]);
        }
        for (key, value) in &session.tags {
            request = request.with(format!("aws:RequestTag/{key}"), [value]);
        }
        let lists = [
            (
                "aws:TagKeys",
                session.tags.iter().map(|(key, _)| key.as_str()).collect(),
            ),
            (
                "sts:TransitiveTagKeys",
                session.transitive_keys.iter().map(String::as_str).collect(),
            ),
            (
                "sts:ExternalId",
                self.parameters.get("ExternalId").into_iter().collect(),
            ),
            (
                "aws:PrincipalOrgID",
                self.account.organization().into_iter().collect(),
            ),
            (
                "aws:SourceIdentity",
                own.source_identity.as_deref().into_iter().collect(),
            ),
            (
                "sts:SourceIdentity",
                session.source_identity.as_deref().into_iter().collect(),
            ),
        ];
        for (key, values) in lists {
            let values: Vec<&str> = values;
            if !values.is_empty() {
                request = request.with(key, values);
            }
        }
        request
    }
}

/// Returns the caller as policies name it.
fn principal_of(account: &Account, identity: &Identity) -> Caller {
    match identity {
        Identity::Session { session, .. } | Identity::PermissionSet { user: session, .. } => {
            Caller::Session {
                role_arn: account.role_arn(identity),
                session: session.clone(),
            }
        }
        _ => Caller::from_arn(&identity.arn(account.id())),
    }
}

/// Returns what the trust policy of a role decides. Without one, the role trusts its account.
pub(super) fn verdict(account: &Account, role: &Role, request: &Request) -> Verdict {
    let own = || {
        let document = format!(
            r#"{{"Statement": {{"Effect": "Allow", "Action": "sts:*", "Principal": {{"AWS": "{}"}}}}}}"#,
            account.id()
        );
        TrustPolicy::parse(&document).ok()
    };
    let policy = role.trust.clone().or_else(own);
    policy.map_or(Verdict::NotAllowed, |policy| {
        policy.decide(request).verdict()
    })
}

/// Returns the role of an ARN, or `None` if the account does not have it.
pub(super) fn find_role(account: &Account, arn: &str) -> Result<Option<Role>, Refusal> {
    let invalid = || Refusal::invalid(format!("{arn} is invalid"));
    let Some([_, "iam", "", of_account, resource]) = principal::fields(arn) else {
        return Err(invalid());
    };
    let name = resource
        .strip_prefix("role/")
        .and_then(|path| path.rsplit('/').next())
        .filter(|name| !name.is_empty())
        .ok_or_else(invalid)?;
    if of_account != account.id() {
        return Ok(None);
    }
    let role = account.role(name);
    // The path is part of the ARN, except that a role that was never added has any.
    Ok(role.filter(|role| role.arn(account.id()) == arn || !account.has_role(name)))
}

/// Checks the duration against the limit of the role.
pub(super) fn check_max_duration(role: &Role, seconds: u32) -> Result<(), Refusal> {
    if seconds <= role.max_session_seconds {
        return Ok(());
    }
    Err(Refusal::invalid(
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    ))
}

/// Returns the requested duration of a session of a role.
pub(super) fn duration(parameters: &Parameters, role: &Role) -> Result<u32, Refusal> {
    let seconds = parameters.duration(3600, 43_200)?;
    check_max_duration(role, seconds)?;
    Ok(seconds)
}

use keyfob_sigv4::{Credentials, Timestamp};

use super::{
    fault::Fault,
    parameters::Parameters,
    xml::{element, parent},
};
use crate::sandbox::account::{ACCOUNT_ID, Account, Key, Principal};

/// A call of an action: the account, the caller, the parameters, and the time.
pub(super) struct Call<'a> {
    pub(super) account: &'a Account,
    pub(super) caller: Key,
    pub(super) parameters: Parameters,
    pub(super) now: Timestamp,
}

impl Call<'_> {
    /// Runs an action and returns the content of its result element.
    pub(super) fn run(&self, action: &str) -> Result<String, Fault> {
        match action {
            "GetCallerIdentity" => Ok(self.get_caller_identity()),
            "GetSessionToken" => self.get_session_token(),
            "AssumeRole" => self.assume_role(),
            other => Err(Fault::new(
                http::StatusCode::BAD_REQUEST,
                "InvalidAction",
                format!("Could not find operation {other} for version 2011-06-15"),
            )),
        }
    }

    fn get_caller_identity(&self) -> String {
        let caller = &self.caller.principal;
        element("Arn", &caller.arn())
            + &element("UserId", &caller.user_id())
            + &element("Account", ACCOUNT_ID)
    }

    /// Only a long-term key may request a session of its user.
    fn get_session_token(&self) -> Result<String, Fault> {
        if self.caller.credentials.session_token().is_some() {
            return Err(Fault::denied(
                "Cannot call GetSessionToken with session credentials",
            ));
        }
        self.check_mfa()?;
        let seconds = self.parameters.duration(43_200, 129_600)?;
        self.issue(self.caller.principal.clone(), seconds)
    }

    /// Every role of this account trusts the account. A role of another one trusts no caller here.
    fn assume_role(&self) -> Result<String, Fault> {
        let arn = self.parameters.required("RoleArn")?;
        let session = self.parameters.required("RoleSessionName")?;
        check_session_name(session)?;
        let seconds = self.role_duration()?;
        let Some(name) = role_name(arn)? else {
            return Err(Fault::denied(format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}",
                self.caller.principal.arn()
            )));
        };
        self.check_mfa()?;
        let role = Principal::Role {
            name: name.to_owned(),
            session: session.to_owned(),
        };
        let user = element("AssumedRoleId", &role.user_id()) + &element("Arn", &role.arn());
        let mut result = self.issue(role, seconds)? + &parent("AssumedRoleUser", &user);
        if let Some(percent) = self.parameters.packed_size() {
            result += &element("PackedPolicySize", &percent.to_string());
        }
        if let Some(identity) = self.parameters.get("SourceIdentity") {
            result += &element("SourceIdentity", identity);
        }
        Ok(result)
    }

    /// Returns the requested duration. A role that assumes a role gets at most an hour.
    fn role_duration(&self) -> Result<u32, Fault> {
        let seconds = self.parameters.duration(3600, 43_200)?;
        if seconds > 3600 && matches!(self.caller.principal, Principal::Role { .. }) {
            return Err(Fault::invalid(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
            ));
        }
        Ok(seconds)
    }

    fn check_mfa(&self) -> Result<(), Fault> {
        let device = self.parameters.get("SerialNumber");
        let code = self.parameters.get("TokenCode");
        match (device, code) {
            (None, None) => Ok(()),
            (Some(_), Some(code)) if self.account.accept_code(code) => Ok(()),
            _ => Err(Fault::denied(
                "MultiFactorAuthentication failed with invalid MFA one time pass code.",
            )),
        }
    }

    fn issue(&self, principal: Principal, seconds: u32) -> Result<String, Fault> {
        // STS answers with whole seconds.
        let now = Timestamp::from_unix_seconds(self.now.unix_seconds());
        let expiry = now.plus_seconds(i64::from(seconds));
        let issued = self
            .account
            .issue(principal, expiry)
            .map_err(|_| Fault::internal())?;
        Ok(credentials(&issued, expiry))
    }
}

fn credentials(issued: &Credentials, expiry: Timestamp) -> String {
    let token = issued.session_token().map_or("", |token| token.expose());
    let members = element("AccessKeyId", issued.access_key_id())
        + &element("SecretAccessKey", issued.secret_access_key().expose())
        + &element("SessionToken", token)
        + &element("Expiration", &expiry.to_string());
    parent("Credentials", &members)
}

/// Returns the name in a role's ARN, or `None` if the role belongs to another account.
fn role_name(arn: &str) -> Result<Option<&str>, Fault> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "iam", "", account, resource] = parts[..] else {
        return Err(Fault::invalid(format!("{arn} is invalid")));
    };
    let name = resource
        .strip_prefix("role/")
        .and_then(|path| path.rsplit('/').next())
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Fault::invalid(format!("{arn} is invalid")))?;
    Ok((account == ACCOUNT_ID).then_some(name))
}

fn check_session_name(name: &str) -> Result<(), Fault> {
    let is_valid = (2..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
    if is_valid {
        return Ok(());
    }
    Err(Fault::invalid(format!(
        "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
    )))
}

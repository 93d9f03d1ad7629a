mod federated;
mod identity;
mod role;
mod session;
mod token;

use keyfob_sigv4::Timestamp;

use crate::server::{
    account::{Account, Identity, Key, Session},
    query::{
        Parameters, unknown_action,
        xml::{element, parent},
    },
    refusal::Refusal,
};

/// A signed call of an action: the account, the caller, the parameters, and the time.
pub(super) struct Call<'a> {
    account: &'a Account,
    caller: Key,
    parameters: &'a Parameters,
    now: Timestamp,
}

/// Returns true for the actions that take a token instead of a signature.
pub(super) fn is_unsigned(action: &str) -> bool {
    matches!(action, "AssumeRoleWithSAML" | "AssumeRoleWithWebIdentity")
}

/// Runs an action that [`is_unsigned`].
pub(super) fn run_unsigned(
    action: &str,
    account: &Account,
    parameters: &Parameters,
    now: Timestamp,
) -> Result<String, Refusal> {
    match action {
        "AssumeRoleWithSAML" => federated::with_saml(account, parameters, now),
        _ => federated::with_web_identity(account, parameters, now),
    }
}

impl<'a> Call<'a> {
    pub(super) fn new(
        account: &'a Account,
        caller: Key,
        parameters: &'a Parameters,
        now: Timestamp,
    ) -> Self {
        Self {
            account,
            caller,
            parameters,
            now,
        }
    }

    /// Runs an action and returns the content of its result element.
    pub(super) fn run(&self, action: &str) -> Result<String, Refusal> {
        match action {
            "AssumeRole" => self.assume_role(),
            "AssumeRoot" => self.assume_root(),
            "DecodeAuthorizationMessage" => self.decode_authorization_message(),
            "GetAccessKeyInfo" => self.get_access_key_info(),
            "GetCallerIdentity" => Ok(self.get_caller_identity()),
            "GetDelegatedAccessToken" => self.get_delegated_access_token(),
            "GetFederationToken" => self.get_federation_token(),
            "GetScopedCredentials" => self.get_scoped_credentials(),
            "GetSessionToken" => self.get_session_token(),
            "GetWebIdentityToken" => self.get_web_identity_token(),
            other => Err(unknown_action(other, "2011-06-15")),
        }
    }

    fn arn(&self) -> String {
        self.caller.identity.arn(self.account.id())
    }

    /// Only a long-term key may call some actions.
    fn require_long_term_key(&self, action: &str) -> Result<(), Refusal> {
        if self.caller.credentials.session_token().is_none() {
            return Ok(());
        }
        Err(Refusal::denied(format!(
            "Cannot call {action} with session credentials"
        )))
    }

    /// Returns the duration of a session of a user. The root user gets an hour at most.
    fn user_duration(&self) -> Result<u32, Refusal> {
        let seconds = self.parameters.duration(43_200, 129_600)?;
        let is_root = self.caller.identity == Identity::Root;
        Ok(if is_root { seconds.min(3600) } else { seconds })
    }

    fn issue(&self, identity: Identity, session: Session, seconds: u32) -> Result<Issued, Refusal> {
        let expiry = whole(self.now).plus_seconds(i64::from(seconds));
        Issued::new(self.account, self.parameters, identity, session, expiry)
    }
}

/// New credentials, as elements of a result: the credentials, and the members that come last.
struct Issued {
    credentials: String,
    sizes: String,
}

impl Issued {
    fn new(
        account: &Account,
        parameters: &Parameters,
        identity: Identity,
        mut session: Session,
        expiry: Timestamp,
    ) -> Result<Self, Refusal> {
        let size = parameters.number("MinimumSessionTokenSize", 0, 0..=MAX_TOKEN_SIZE)?;
        session.min_token_size = size as usize;
        let issued = account.issue_session(identity, session, expiry);
        let issued = issued.map_err(|_| Refusal::internal())?;
        let token = issued.session_token().map_or("", |token| token.expose());
        let members = element("AccessKeyId", issued.access_key_id())
            + &element("SecretAccessKey", issued.secret_access_key().expose())
            + &element("SessionToken", token)
            + &element("Expiration", &expiry.to_string());
        let percent = (token.len() * 100).div_ceil(MAX_TOKEN_SIZE as usize);
        Ok(Self {
            credentials: parent("Credentials", &members),
            sizes: element("SessionTokenUtilization", &percent.to_string())
                + &element("SessionTokenSize", &token.len().to_string()),
        })
    }
}

/// The most bytes that `MinimumSessionTokenSize` can ask for.
const MAX_TOKEN_SIZE: u32 = 4096;

/// STS answers with whole seconds.
fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_unix_seconds(time.unix_seconds())
}

/// Formats who a session is.
fn assumed_role_user(account: &Account, identity: &Identity) -> String {
    let user = element("AssumedRoleId", &identity.user_id(account.id()))
        + &element("Arn", &identity.arn(account.id()));
    parent("AssumedRoleUser", &user)
}

/// Formats the size of session policies and tags, if there are any.
fn packed_size(parameters: &Parameters) -> Result<String, Refusal> {
    let percent = parameters.packed_size()?;
    Ok(percent.map_or_else(String::new, |percent| {
        element("PackedPolicySize", &percent.to_string())
    }))
}

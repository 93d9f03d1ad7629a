mod access_key;
mod identity;
pub(super) mod identity_center;
pub(super) mod ids;
pub(super) mod login;
mod mfa;
mod policies;
mod providers;
mod role;

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use keyfob_sigv4::{Credentials, Secret, Timestamp};
use serde_json::Value;

pub(super) use self::policies::Policy;
pub(super) use self::providers::host;
use self::{
    access_key::Record, identity::reserved_role, identity_center::IdentityCenter, ids::random_text,
    login::Login, providers::Providers,
};
pub use self::{identity::Identity, mfa::MfaDevice, role::Role};
use crate::{
    error::Error,
    server::{code_grant::Code, ec2::Instance},
};

/// The length of a session token. Real ones have some hundred characters.
const TOKEN_LENGTH: usize = 356;

/// An AWS account in memory: users, roles, keys, MFA devices, identity providers, and the IAM
/// Identity Center of its organization.
///
/// It is shared between threads in an `Arc`, and can be changed while
/// [`Services`](super::Services) use it.
///
/// # Examples
///
/// ```
/// use keyfob_sts::server::{Account, Identity, Role};
///
/// let account = Account::new("123456789012")?;
/// let keys = account.add_user("alice")?;
/// account.add_role(Role::new("deploy")?);
/// assert_eq!(account.identity(keys.access_key_id()), Some(Identity::user("alice")));
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
pub struct Account {
    id: String,
    organization: Option<String>,
    has_any_role: bool,
    takes_any_code: bool,
    /// How many seconds services do not know a new key.
    key_delay: u32,
    pub(super) state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    keys: HashMap<String, Key>,
    /// The users, with when they were added, if that is known.
    users: HashMap<String, Option<Timestamp>>,
    user_policies: HashMap<String, Vec<Policy>>,
    /// The instances of EC2, if that was asked for any.
    instances: Option<Vec<Instance>>,
    /// The requests for higher quotas.
    quota_requests: Vec<Value>,
    roles: HashMap<String, Role>,
    devices: HashMap<String, MfaDevice>,
    /// The devices and codes, or steps of codes, that were used.
    used_codes: HashSet<(String, i64)>,
    members: HashSet<String>,
    trade_ins: HashMap<String, (Identity, Timestamp)>,
    messages: HashMap<String, String>,
    pub(super) providers: Providers,
    pub(super) center: IdentityCenter,
    /// The codes of the code grant, for any of the services that have it.
    pub(super) codes: HashMap<String, Code>,
    /// The logins of AWS Sign-In, by refresh token.
    pub(super) logins: HashMap<String, Login>,
    /// Who signs in to the console with a token, and until when.
    pub(super) console_tokens: HashMap<String, (Identity, Timestamp)>,
    /// The ids of the proofs that were used.
    pub(super) proofs: HashSet<String>,
}

/// An access key with its owner and what its session brought along.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) credentials: Credentials,
    pub(super) identity: Identity,
    pub(super) session: Session,
    pub(super) record: Record,
}

/// What a session has besides its owner.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    pub(super) mfa_at: Option<Timestamp>,
    pub(super) source_identity: Option<String>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) transitive_keys: Vec<String>,
    /// The layers of `GetScopedCredentials`.
    pub(super) scopes: u32,
    pub(super) min_token_size: usize,
}

impl Account {
    /// Creates an account without users.
    ///
    /// # Errors
    ///
    /// If the id is not 12 digits.
    pub fn new(id: impl Into<String>) -> Result<Self, Error> {
        Ok(Self {
            id: checked_account(id.into())?,
            organization: None,
            has_any_role: false,
            takes_any_code: false,
            key_delay: 0,
            state: Mutex::default(),
        })
    }

    /// Puts the account in an organization, such as `o-a1b2c3d4e5`, of which it is the management
    /// account.
    #[must_use]
    pub fn in_organization(mut self, id: impl Into<String>) -> Self {
        self.organization = Some(id.into());
        self
    }

    /// Makes each role that a caller names exist, with the account as its trusted principal and
    /// sessions of 12 hours at most.
    #[must_use]
    pub fn with_any_role(mut self) -> Self {
        self.has_any_role = true;
        self
    }

    /// Accepts any six digits, once, as the code of any MFA device.
    #[must_use]
    pub fn with_any_mfa_code(mut self) -> Self {
        self.takes_any_code = true;
        self
    }

    /// Returns the 12 digits of the account.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the organization of the account.
    pub fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    /// Adds a long-term key for a user, and the user if it is new.
    ///
    /// # Errors
    ///
    /// If IAM does not allow the name.
    pub fn add_user(&self, name: impl Into<String>) -> Result<Credentials, Error> {
        let name = checked_name(name.into())?;
        self.state().users.entry(name.clone()).or_default();
        self.add_long_term_key(Identity::User { name }, Record::default())
    }

    /// Adds a long-term key for the root user.
    ///
    /// # Errors
    ///
    /// None in practice, as the keys made here are well-formed.
    pub fn add_root_key(&self) -> Result<Credentials, Error> {
        self.add_long_term_key(Identity::Root, Record::default())
    }

    /// Adds a role, in place of one with the same name.
    pub fn add_role(&self, role: Role) {
        self.state().roles.insert(role.name.clone(), role);
    }

    /// Adds a role, and returns false if there is one with the same name.
    pub(super) fn create_role(&self, role: Role) -> bool {
        match self.state().roles.entry(role.name.clone()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(role);
                true
            }
        }
    }

    /// Adds a virtual MFA device for a user, in place of the one it had.
    ///
    /// # Errors
    ///
    /// If there is no such user.
    pub fn add_mfa_device(&self, user: &str) -> Result<MfaDevice, Error> {
        let mut state = self.state();
        if !state.users.contains_key(user) {
            return Err(Error::setting(format!(
                "there is no user {user:?}: add it first"
            )));
        }
        let serial_number = format!("arn:aws:iam::{}:mfa/{user}", self.id);
        let device = MfaDevice::new(serial_number.clone());
        state.devices.insert(serial_number, device.clone());
        Ok(device)
    }

    /// Adds a member account, whose root user `AssumeRoot` can act as.
    ///
    /// # Errors
    ///
    /// If the id is not 12 digits.
    pub fn add_member(&self, id: impl Into<String>) -> Result<(), Error> {
        let id = checked_account(id.into())?;
        self.state().members.insert(id);
        Ok(())
    }

    /// Returns the owner of a key.
    pub fn identity(&self, access_key_id: &str) -> Option<Identity> {
        self.key(access_key_id).map(|key| key.identity)
    }

    /// Deletes a key, and returns true if there was one.
    pub fn remove_key(&self, access_key_id: &str) -> bool {
        self.state().keys.remove(access_key_id).is_some()
    }

    /// Issues temporary credentials to an identity, without asking a trust policy.
    ///
    /// # Errors
    ///
    /// None in practice, as the keys made here are well-formed.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sigv4::Timestamp;
    /// use keyfob_sts::server::{Account, Identity};
    ///
    /// let account = Account::new("123456789012")?;
    /// let expiry = Timestamp::from_unix_seconds(1_795_780_800);
    /// let keys = account.issue(Identity::session("app", "i-0123456789abcdef0"), expiry)?;
    /// assert!(keys.access_key_id().starts_with("ASIA"));
    /// assert_eq!(keys.expiry(), Some(expiry));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn issue(&self, identity: Identity, expiry: Timestamp) -> Result<Credentials, Error> {
        self.issue_session(identity, Session::default(), expiry)
    }

    pub(super) fn issue_session(
        &self,
        identity: Identity,
        session: Session,
        expiry: Timestamp,
    ) -> Result<Credentials, Error> {
        let account = identity.account(&self.id).to_owned();
        let token = random_text(TOKEN_LENGTH.max(session.min_token_size));
        let credentials = new_key("ASIA", &account)?
            .with_session_token(token)
            .map_err(malformed)?
            .with_expiry(expiry)
            .with_account_id(account);
        self.insert_key(&credentials, identity, session, Record::default());
        Ok(credentials)
    }

    /// Returns a token that `GetDelegatedAccessToken` trades for credentials of an identity, until
    /// it expires.
    pub fn trade_in_token(&self, identity: Identity, expiry: Timestamp) -> Secret {
        let token = random_text(64);
        self.state()
            .trade_ins
            .insert(token.clone(), (identity, expiry));
        token.into()
    }

    /// Returns the encoded form of a message, which `DecodeAuthorizationMessage` decodes.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::server::Account;
    ///
    /// let account = Account::new("123456789012")?;
    /// let encoded = account.encode_message(r#"{"allowed":false}"#);
    /// assert!(!encoded.contains("allowed"));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn encode_message(&self, json: impl Into<String>) -> String {
        let encoded = ids::random_message();
        self.state().messages.insert(encoded.clone(), json.into());
        encoded
    }

    /// Reads or changes the instances.
    pub(super) fn with_instances<T>(
        &self,
        now: Timestamp,
        change: impl FnOnce(&mut Vec<Instance>) -> T,
    ) -> T {
        let mut state = self.state();
        change(state.instances.get_or_insert_with(|| Instance::first(now)))
    }

    pub(super) fn quota_requests(&self) -> Vec<Value> {
        self.state().quota_requests.clone()
    }

    pub(super) fn set_quota_requests(&self, requests: Vec<Value>) {
        self.state().quota_requests = requests;
    }

    pub(super) fn key(&self, access_key_id: &str) -> Option<Key> {
        self.state().keys.get(access_key_id).cloned()
    }

    pub(super) fn role(&self, name: &str) -> Option<Role> {
        let role = self.state().roles.get(name).cloned();
        let any = || Some(Role::new(name).ok()?.max_session_seconds(43_200));
        role.or_else(|| self.has_any_role.then(any).flatten())
    }

    /// Returns the ARN of the role that an identity is a session of. For one that is not, it is the
    /// identity's own.
    pub(super) fn role_arn(&self, identity: &Identity) -> String {
        let account = identity.account(&self.id);
        match identity {
            Identity::Session { role: name, .. } => self.role(name).map_or_else(
                || format!("arn:aws:iam::{account}:role/{name}"),
                |role| role.arn(account),
            ),
            Identity::PermissionSet { name, .. } => {
                let role = reserved_role(name);
                format!("arn:aws:iam::{account}:role/aws-reserved/sso.amazonaws.com/{role}")
            }
            _ => identity.arn(account),
        }
    }

    /// Returns true if the role was added.
    pub(super) fn has_role(&self, name: &str) -> bool {
        self.state().roles.contains_key(name)
    }

    pub(super) fn is_member(&self, account: &str) -> bool {
        self.state().members.contains(account)
    }

    pub(super) fn trade_in(&self, token: &str) -> Option<(Identity, Timestamp)> {
        self.state().trade_ins.get(token).cloned()
    }

    pub(super) fn message(&self, encoded: &str) -> Option<String> {
        self.state().messages.get(encoded).cloned()
    }

    /// Returns true if a user has this device.
    pub(super) fn has_device(&self, user: &str, serial_number: &str) -> bool {
        let own = format!("arn:aws:iam::{}:mfa/{user}", self.id);
        self.takes_any_code
            || (serial_number == own && self.state().devices.contains_key(serial_number))
    }

    /// Returns true if a code is right and was not used before, and marks it as used.
    pub(super) fn accept_code(&self, serial_number: &str, code: &str, now: Timestamp) -> bool {
        let is_code = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
        let mut state = self.state();
        let used = if self.takes_any_code {
            code.parse().ok().filter(|_| is_code)
        } else {
            let device = state.devices.get(serial_number);
            device.and_then(|device| device.step_of(code, now))
        };
        let device = if self.takes_any_code {
            ""
        } else {
            serial_number
        };
        used.is_some_and(|step| state.used_codes.insert((device.to_owned(), step)))
    }

    /// Locks the state, even after a panic: no change to it can stop halfway.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add_long_term_key(&self, identity: Identity, record: Record) -> Result<Credentials, Error> {
        let credentials = new_key("AKIA", &self.id)?;
        self.insert_key(&credentials, identity, Session::default(), record);
        Ok(credentials)
    }

    fn insert_key(
        &self,
        credentials: &Credentials,
        identity: Identity,
        session: Session,
        record: Record,
    ) {
        let key = Key {
            credentials: credentials.clone(),
            identity,
            session,
            record,
        };
        let id = credentials.access_key_id().to_owned();
        self.state().keys.insert(id, key);
    }
}

/// Shows no keys, seeds or tokens.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("organization", &self.organization)
            .finish_non_exhaustive()
    }
}

fn new_key(prefix: &str, account: &str) -> Result<Credentials, Error> {
    let id = ids::access_key_id(prefix, account);
    Credentials::new(id, random_text(40)).map_err(malformed)
}

fn malformed(error: keyfob_sigv4::Error) -> Error {
    Error::setting("the key that was made is malformed").with_source(error)
}

fn checked_account(id: String) -> Result<String, Error> {
    if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(id);
    }
    Err(Error::setting(format!(
        "the account id {id:?} is not 12 digits"
    )))
}

/// Checks the name of a user or a role.
///
/// Source: IAM API reference, `CreateUser` and `CreateRole`.
fn checked_name(name: String) -> Result<String, Error> {
    if (1..=64).contains(&name.len()) && name.bytes().all(is_name_byte) {
        return Ok(name);
    }
    Err(Error::setting(format!(
        "the name {name:?} must be 1 to 64 letters, digits or characters of _+=,.@-"
    )))
}

pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_the_account_are_known_until_they_are_removed() {
        let account = Account::new("123456789012").unwrap();
        let session = Identity::session("app", "s");
        let issued = account.issue(session.clone(), Timestamp::MAX).unwrap();
        let known = account.key(issued.access_key_id()).unwrap();
        assert_eq!(known.identity, session);
        assert!(known.credentials.is_same_snapshot(&issued));
        assert!(account.key("AKIAUNKNOWN").is_none());
        assert!(account.remove_key(issued.access_key_id()));
        assert!(!account.remove_key(issued.access_key_id()));
    }

    #[test]
    fn a_code_is_accepted_once_near_its_time_and_from_its_device() {
        let account = Account::new("123456789012").unwrap();
        account.add_user("alice").unwrap();
        let device = account.add_mfa_device("alice").unwrap();
        let serial = device.serial_number();
        let now = Timestamp::from_unix_seconds(1_795_780_800);
        let code = device.code(now.plus_seconds(-20));
        assert!(account.has_device("alice", serial) && !account.has_device("bob", serial));
        assert!(!account.accept_code(serial, code.expose(), now.plus_seconds(60)));
        assert!(!account.accept_code("other", code.expose(), now));
        assert!(account.accept_code(serial, code.expose(), now));
        assert!(!account.accept_code(serial, code.expose(), now));
        assert!(account.add_mfa_device("bob").is_err());
    }

    #[test]
    fn any_six_digits_are_a_code_once_if_the_account_takes_them() {
        let account = Account::new("123456789012").unwrap().with_any_mfa_code();
        assert!(account.accept_code("a", "123456", Timestamp::MIN));
        for code in ["123456", "12345", "1234567", "12345a", "+12345", ""] {
            assert!(!account.accept_code("b", code, Timestamp::MIN), "{code}");
        }
    }

    #[test]
    fn ids_and_names_are_checked() {
        for id in ["", "12345678901", "1234567890123", "12345678901a"] {
            assert!(Account::new(id).is_err(), "{id}");
        }
        let account = Account::new("123456789012").unwrap();
        assert!(account.add_user("a b").is_err() && Role::new("").is_err());
        assert!(Role::new("a").unwrap().path("ops").is_err());
        let role = Role::new("a").unwrap().path("/ops/").unwrap();
        assert_eq!(role.arn("1"), "arn:aws:iam::1:role/ops/a");
    }
}

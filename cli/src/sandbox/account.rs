use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, MutexGuard, PoisonError},
};

use keyfob_sigv4::{Credentials, Error, Timestamp};
use rand::RngExt as _;

/// The account of the examples in AWS's documentation.
pub(crate) const ACCOUNT_ID: &str = "123456789012";
/// The only user.
pub(crate) const USER: &str = "user";
/// The role of the sandbox's instance.
pub(crate) const INSTANCE_ROLE: &str = "app";
/// The id of the sandbox's instance.
pub(crate) const INSTANCE_ID: &str = "i-0123456789abcdef0";

/// The owner of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    /// The IAM user.
    User,
    /// A session of a role.
    Role { name: String, session: String },
}

impl Principal {
    pub(crate) fn arn(&self) -> String {
        match self {
            Self::User => format!("arn:aws:iam::{ACCOUNT_ID}:user/{USER}"),
            Self::Role { name, session } => {
                format!("arn:aws:sts::{ACCOUNT_ID}:assumed-role/{name}/{session}")
            }
        }
    }

    pub(crate) fn user_id(&self) -> String {
        match self {
            Self::User => unique_id("AIDA", USER),
            Self::Role { name, session } => format!("{}:{session}", unique_id("AROA", name)),
        }
    }
}

/// The state of IAM: every key with its owner, and the MFA codes that were used.
#[derive(Debug)]
pub(crate) struct Account {
    user: Credentials,
    keys: Mutex<HashMap<String, Key>>,
    used_codes: Mutex<HashSet<String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) credentials: Credentials,
    pub(crate) principal: Principal,
}

impl Account {
    /// Returns an account with one user, who has one long-term key.
    ///
    /// # Errors
    ///
    /// None in practice, as the keys made here are well-formed.
    pub(crate) fn new() -> Result<Self, Error> {
        // The lengths here and in `issue` are those of real keys and tokens.
        let user = Credentials::new(random_id("AKIA"), random_text(40))?;
        let account = Self {
            user: user.clone(),
            keys: Mutex::default(),
            used_codes: Mutex::default(),
        };
        account.add_key(&user, Principal::User);
        Ok(account)
    }

    /// Returns the user's long-term key.
    pub(crate) fn user(&self) -> &Credentials {
        &self.user
    }

    /// Returns the key with this id.
    pub(crate) fn key(&self, id: &str) -> Option<Key> {
        locked(&self.keys).get(id).cloned()
    }

    /// Issues temporary credentials to a principal.
    ///
    /// # Errors
    ///
    /// None in practice, as for [`new`](Self::new).
    pub(crate) fn issue(
        &self,
        principal: Principal,
        expiry: Timestamp,
    ) -> Result<Credentials, Error> {
        let credentials = Credentials::new(random_id("ASIA"), random_text(40))?
            .with_session_token(random_text(356))?
            .with_expiry(expiry)
            .with_account_id(ACCOUNT_ID);
        self.add_key(&credentials, principal);
        Ok(credentials)
    }

    /// Returns true if an MFA code has six digits and was not used before, and marks it as used.
    pub(crate) fn accept_code(&self, code: &str) -> bool {
        code.len() == 6
            && code.bytes().all(|byte| byte.is_ascii_digit())
            && locked(&self.used_codes).insert(code.to_owned())
    }

    fn add_key(&self, credentials: &Credentials, principal: Principal) {
        let id = credentials.access_key_id().to_owned();
        let key = Key {
            credentials: credentials.clone(),
            principal,
        };
        locked(&self.keys).insert(id, key);
    }
}

/// Locks a map, even after a panic: no change to it can stop halfway.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn random_id(prefix: &str) -> String {
    prefix.to_owned() + &random(BASE32, 16)
}

fn random_text(length: usize) -> String {
    random(BASE64, length)
}

fn random(alphabet: &[u8], length: usize) -> String {
    let mut rng = rand::rng();
    (0..length)
        .map(|_| char::from(alphabet[rng.random_range(..alphabet.len())]))
        .collect()
}

/// Returns the unique id of a name, the same each time: the prefix and 17 characters, as in IAM.
fn unique_id(prefix: &str, name: &str) -> String {
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, name).hash(&mut hasher);
        hasher.finish()
    };
    let bits = u128::from(hash(0)) << 64 | u128::from(hash(1));
    let text = (0..17).map(|index| char::from(BASE32[(bits >> (5 * index)) as usize % 32]));
    prefix.chars().chain(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_issued_keys_are_known() {
        let account = Account::new().unwrap();
        let role = Principal::Role {
            name: "app".into(),
            session: "s".into(),
        };
        let issued = account.issue(role.clone(), Timestamp::MAX).unwrap();
        let known = account.key(issued.access_key_id()).unwrap();
        assert_eq!(known.principal, role);
        assert!(known.credentials.is_same_snapshot(&issued));
        assert!(account.key("AKIAUNKNOWN").is_none());
    }

    #[test]
    fn ids_have_the_prefix_and_length_of_real_ones() {
        let id = Principal::User.user_id();
        assert!(id.starts_with("AIDA") && id.len() == 21, "{id}");
        assert_eq!(id, Principal::User.user_id());
        let account = Account::new().unwrap();
        assert_eq!(account.user().access_key_id().len(), 20);
    }

    #[test]
    fn a_code_is_accepted_once() {
        let account = Account::new().unwrap();
        assert!(account.accept_code("123456"));
        for code in ["123456", "12345", "1234567", "12345a", ""] {
            assert!(!account.accept_code(code), "{code}");
        }
    }
}

use std::collections::{BTreeMap, BTreeSet, HashMap};

use keyfob_sigv4::Timestamp;

use super::{Account, checked_account, checked_name, ids};
use crate::error::Error;

/// Characters of user codes: no vowels, and none that look like another.
const USER_CODE: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// The assignments of users, and what was issued to clients.
#[derive(Default)]
pub(in crate::server) struct IdentityCenter {
    /// By user, the accounts with the permission sets in each.
    users: BTreeMap<String, BTreeSet<(String, String)>>,
    pub(in crate::server) clients: HashMap<String, Client>,
    pub(in crate::server) devices: HashMap<String, Device>,
    pub(in crate::server) tokens: HashMap<String, Token>,
    pub(in crate::server) refresh_tokens: HashMap<String, Token>,
}

/// A client that registered itself.
#[derive(Clone)]
pub(in crate::server) struct Client {
    pub(in crate::server) secret: String,
    pub(in crate::server) expiry: Timestamp,
    pub(in crate::server) has_scopes: bool,
    pub(in crate::server) grants: Vec<String>,
    pub(in crate::server) redirects: Vec<String>,
}

/// A device that waits for its user.
#[derive(Clone)]
pub(in crate::server) struct Device {
    pub(in crate::server) client: String,
    pub(in crate::server) user_code: String,
    pub(in crate::server) expiry: Timestamp,
    pub(in crate::server) interval: i64,
    pub(in crate::server) asked: Option<Timestamp>,
    pub(in crate::server) decision: Decision,
}

/// What the user of a device decided.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::server) enum Decision {
    Pending,
    Approved(String),
    Denied,
}

/// An access token or a refresh token.
#[derive(Clone)]
pub(in crate::server) struct Token {
    pub(in crate::server) client: String,
    pub(in crate::server) user: String,
    pub(in crate::server) expiry: Timestamp,
}

impl Account {
    /// Lets a user of IAM Identity Center have the role of a permission set in an account, which
    /// may be another one than this. The user is added if it is new.
    ///
    /// # Errors
    ///
    /// If the account is not 12 digits, or if IAM does not allow one of the names.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::server::Account;
    ///
    /// let account = Account::new("123456789012")?;
    /// account.assign("carol", "123456789012", "Admin")?;
    /// account.assign("carol", "210987654321", "ReadOnly")?;
    /// assert!(account.assign("carol", "1234", "Admin").is_err());
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn assign(
        &self,
        user: impl Into<String>,
        account: impl Into<String>,
        permission_set: impl Into<String>,
    ) -> Result<(), Error> {
        let user = checked_name(user.into())?;
        let assignment = (
            checked_account(account.into())?,
            checked_name(permission_set.into())?,
        );
        let users = &mut self.state().center.users;
        users.entry(user).or_default().insert(assignment);
        Ok(())
    }

    /// Approves the request of a device in the name of a user, as the user does with a browser.
    ///
    /// # Errors
    ///
    /// If no device waits with this code, or if IAM Identity Center does not have the user.
    pub fn approve(&self, user_code: &str, user: &str) -> Result<(), Error> {
        if !self.sso_users().iter().any(|known| known == user) {
            let message = format!("there is no user {user:?} in IAM Identity Center: assign it");
            return Err(Error::setting(message));
        }
        self.decide(user_code, Decision::Approved(user.to_owned()))
    }

    /// Denies the request of a device.
    ///
    /// # Errors
    ///
    /// If no device waits with this code.
    pub fn deny(&self, user_code: &str) -> Result<(), Error> {
        self.decide(user_code, Decision::Denied)
    }

    fn decide(&self, user_code: &str, decision: Decision) -> Result<(), Error> {
        let devices = &mut self.state().center.devices;
        let mut waiting = devices.values_mut();
        let device = waiting
            .find(|known| known.user_code == user_code && known.decision == Decision::Pending)
            .ok_or_else(|| {
                Error::setting(format!("no device waits with the code {user_code:?}"))
            })?;
        device.decision = decision;
        Ok(())
    }

    /// Returns the names of the users of IAM Identity Center.
    pub(in crate::server) fn sso_users(&self) -> Vec<String> {
        self.state().center.users.keys().cloned().collect()
    }

    /// Returns the accounts of a user with the permission sets in each, in order.
    pub(in crate::server) fn assignments(&self, user: &str) -> BTreeSet<(String, String)> {
        let state = self.state();
        state.center.users.get(user).cloned().unwrap_or_default()
    }
}

/// Returns a code for a user to type, such as `BCDF-GHJK`.
pub(in crate::server) fn user_code() -> String {
    let letters = ids::random(USER_CODE, 8);
    let (one, other) = letters.split_at(4);
    format!("{one}-{other}")
}

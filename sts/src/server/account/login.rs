use keyfob_sigv4::Timestamp;

use super::{Account, Identity};

/// A session of a console, which a refresh token stands for.
pub(in crate::server) struct Login {
    pub(in crate::server) client: String,
    pub(in crate::server) identity: Identity,
    /// The thumbprint of the key that each request must prove.
    pub(in crate::server) thumbprint: String,
    pub(in crate::server) expiry: Timestamp,
}

impl Account {
    /// Returns the names of the IAM users, in order.
    pub(in crate::server) fn users(&self) -> Vec<String> {
        let mut users: Vec<String> = self.state().users.keys().cloned().collect();
        users.sort_unstable();
        users
    }

    /// Uses up a refresh token, if the login is the right one.
    pub(in crate::server) fn take_login(
        &self,
        token: &str,
        is_right: impl Fn(&Login) -> bool,
    ) -> Option<Login> {
        let logins = &mut self.state().logins;
        if !is_right(logins.get(token)?) {
            return None;
        }
        logins.remove(token)
    }
}

use keyfob_sigv4::{Credentials, Timestamp};

use super::{Account, Identity, Key, checked_name};
use crate::error::Error;

/// What IAM knows about a long-term key beside its owner.
#[derive(Clone, Debug, Default)]
pub(in crate::server) struct Record {
    pub(in crate::server) created: Option<Timestamp>,
    pub(in crate::server) is_inactive: bool,
    /// When services begin to accept it.
    accepted_from: Option<Timestamp>,
    pub(in crate::server) last_use: Option<LastUse>,
}

/// The last request that was signed with a key.
#[derive(Clone, Debug)]
pub(in crate::server) struct LastUse {
    pub(in crate::server) at: Timestamp,
    pub(in crate::server) service: String,
    pub(in crate::server) region: String,
}

impl Account {
    /// Makes services refuse each key that IAM creates for this many seconds, as the real ones may
    /// do until they have heard of it.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sigv4::Timestamp;
    /// use keyfob_sts::server::Account;
    ///
    /// let account = Account::new("123456789012")?.with_key_delay(8);
    /// let now = Timestamp::from_unix_seconds(1_795_780_800);
    /// let key = account.add_access_key("robot", now)?;
    /// assert!(!account.accepts_key(key.access_key_id(), now));
    /// assert!(account.accepts_key(key.access_key_id(), now.plus_seconds(8)));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    #[must_use]
    pub fn with_key_delay(mut self, seconds: u32) -> Self {
        self.key_delay = seconds;
        self
    }

    /// Adds a long-term key for a user, created at a time, and the user if it is new.
    ///
    /// # Errors
    ///
    /// If IAM does not allow the name.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sigv4::Timestamp;
    /// use keyfob_sts::server::Account;
    ///
    /// let account = Account::new("123456789012")?;
    /// let key = account.add_access_key("robot", Timestamp::from_unix_seconds(1_795_780_800))?;
    /// assert!(key.access_key_id().starts_with("AKIA"));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn add_access_key(
        &self,
        user: impl Into<String>,
        created: Timestamp,
    ) -> Result<Credentials, Error> {
        let name = checked_name(user.into())?;
        self.state()
            .users
            .entry(name.clone())
            .or_insert(Some(created));
        self.create_access_key(Identity::User { name }, created)
    }

    /// Returns true if services accept a key at a time: it exists, is active, has not expired and
    /// is known to them.
    pub fn accepts_key(&self, access_key_id: &str, now: Timestamp) -> bool {
        let key = self.key(access_key_id);
        key.is_some_and(|key| key.is_accepted_at(now) && !key.credentials.is_expired_at(now))
    }

    /// Activates or deactivates a key, and returns true if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sigv4::Timestamp;
    /// use keyfob_sts::server::Account;
    ///
    /// let account = Account::new("123456789012")?;
    /// let key = account.add_user("robot")?;
    /// assert!(account.set_key_active(key.access_key_id(), false));
    /// assert!(!account.accepts_key(key.access_key_id(), Timestamp::MIN));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn set_key_active(&self, access_key_id: &str, active: bool) -> bool {
        let mut state = self.state();
        let key = state.keys.get_mut(access_key_id);
        key.map(|key| key.record.is_inactive = !active).is_some()
    }

    /// Adds a long-term key, which services accept after the delay.
    pub(in crate::server) fn create_access_key(
        &self,
        owner: Identity,
        created: Timestamp,
    ) -> Result<Credentials, Error> {
        let record = Record {
            created: Some(created),
            accepted_from: Some(created.plus_seconds(self.key_delay.into())),
            ..Record::default()
        };
        self.add_long_term_key(owner, record)
    }

    /// Returns the long-term keys of a user or of the root user, the oldest first.
    pub(in crate::server) fn access_keys(&self, owner: &Identity) -> Vec<Key> {
        let state = self.state();
        let keys = state.keys.values();
        let keys =
            keys.filter(|key| key.identity == *owner && key.credentials.session_token().is_none());
        let mut keys: Vec<Key> = keys.cloned().collect();
        keys.sort_by(|a, b| {
            let key = |key: &Key| {
                (
                    key.record.created,
                    key.credentials.access_key_id().to_owned(),
                )
            };
            key(a).cmp(&key(b))
        });
        keys
    }

    pub(in crate::server) fn note_use(
        &self,
        access_key_id: &str,
        at: Timestamp,
        service: &str,
        region: &str,
    ) {
        if let Some(key) = self.state().keys.get_mut(access_key_id) {
            key.record.last_use = Some(LastUse {
                at,
                service: service.to_owned(),
                region: region.to_owned(),
            });
        }
    }

    /// Returns when a user was added, if that is known, or `None` if there is no such user.
    pub(in crate::server) fn user(&self, name: &str) -> Option<Option<Timestamp>> {
        self.state().users.get(name).copied()
    }

    /// Returns the serial number of the MFA device of a user.
    pub(in crate::server) fn device_of(&self, user: &str) -> Option<String> {
        let serial_number = format!("arn:aws:iam::{}:mfa/{user}", self.id);
        let state = self.state();
        state
            .devices
            .contains_key(&serial_number)
            .then_some(serial_number)
    }
}

impl Key {
    /// Returns true if the key is active and known to the services.
    pub(in crate::server) fn is_accepted_at(&self, now: Timestamp) -> bool {
        let record = &self.record;
        !record.is_inactive && record.accepted_from.is_none_or(|from| from <= now)
    }
}

use keyfob_sigv4::{Credentials, Timestamp};

use crate::{
    error::{Error, ErrorKind},
    origin::Origin,
    profiles::is_quoted,
    provider::Found,
};

/// An access key as its source wrote it.
pub(super) struct Key<'a> {
    pub(super) id: &'a str,
    pub(super) secret: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) account_id: Option<&'a str>,
    pub(super) expiry: Option<Timestamp>,
}

impl Key<'_> {
    /// Checks the key. The error says where a malformed one comes from.
    pub(super) fn into_found(self, origin: Origin) -> Result<Found, Error> {
        let mut credentials = Credentials::new(self.id, self.secret)
            .and_then(|credentials| match self.token {
                Some(token) => credentials.with_session_token(token),
                None => Ok(credentials),
            })
            .map_err(|error| match self.quoted() {
                Some(what) => {
                    let message = format!(
                        "the {what} from {} has quotes, which are part of it: remove them",
                        origin.raw()
                    );
                    Error::new(ErrorKind::InvalidCredentials, message)
                }
                None => {
                    let message = format!("the access key from {} is malformed", origin.raw());
                    Error::with_source(ErrorKind::InvalidCredentials, message, error)
                }
            })?;
        if let Some(account) = self.account_id {
            credentials = credentials.with_account_id(account);
        }
        if let Some(expiry) = self.expiry {
            credentials = credentials.with_expiry(expiry);
        }
        Ok(Found::new(credentials, origin))
    }

    /// Returns the first part with quotes.
    fn quoted(&self) -> Option<&'static str> {
        let parts = [
            ("access key id", Some(self.id)),
            ("secret access key", Some(self.secret)),
            ("session token", self.token),
        ];
        let mut parts = parts.into_iter();
        let part = parts.find(|(_, value)| value.is_some_and(is_quoted));
        part.map(|(what, _)| what)
    }
}

/// Returns why an access key ID that looks as if it were one of AWS is not one. Other services have
/// IDs of their own.
///
/// Source: IAM User Guide, "Understanding unique ID prefixes".
pub(super) fn id_fault(name: &str, id: &str) -> Option<String> {
    const KEYS: [&str; 2] = ["AKIA", "ASIA"];
    const OTHERS: [(&str, &str); 5] = [
        ("AIDA", "a user"),
        ("AROA", "a role"),
        ("AGPA", "a group"),
        ("AIPA", "an instance profile"),
        ("ANPA", "a policy"),
    ];
    if is_quoted(id) {
        return None;
    }
    if let Some((_, what)) = OTHERS.iter().find(|(prefix, _)| id.starts_with(prefix)) {
        return Some(format!("{name} is the ID of {what}, not of an access key"));
    }
    let start = id.get(..4)?.to_ascii_uppercase();
    let is_allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    (KEYS.contains(&start.as_str()) && !id.bytes().all(is_allowed)).then(|| {
        format!("{name} has a character other than A-Z and 0-9, which no access key of AWS has")
    })
}

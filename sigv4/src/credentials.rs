use alloc::{borrow::Cow, format, string::String, sync::Arc};
use core::fmt;

use crate::{
    error::{Error, ErrorKind},
    secret::Secret,
    timestamp::Timestamp,
};

/// An access key: its id, its secret, and the parts of temporary credentials.
///
/// An immutable snapshot with a reference count: cloning is cheap, and no reader ever sees the id
/// of one key with the secret of another.
///
/// `Debug` shows the id, which is not secret, and the expiry, but neither the secret nor the token.
/// It shows only the last four characters of an id longer than 24: AWS's ids have 20, so a longer
/// one may be a secret given by mistake.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::Credentials;
/// let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?
///     .with_session_token("AQoDYXdzEPT//////////wEXAMPLE")?
///     .with_expiry("2015-08-30T13:36:00Z".parse()?);
/// assert!(!format!("{credentials:?}").contains("wJalr"));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone)]
pub struct Credentials(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    access_key_id: String,
    secret_access_key: Secret,
    session_token: Option<Secret>,
    expiry: Option<Timestamp>,
    account_id: Option<String>,
    #[cfg(feature = "http")]
    token_header: TokenHeader,
}

/// The token as a header value, made when it is first needed and shared by all requests.
///
/// There is one for each shard, so that threads do not wait for each other at the reference count.
#[cfg(feature = "http")]
#[derive(Clone, Default)]
struct TokenHeader([std::sync::OnceLock<http::HeaderValue>; crate::codec::shard::SHARDS]);

impl Credentials {
    /// Returns an access key without a session token or an expiry. Nothing is trimmed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AccessKeyId`] if the id is not 1 to 128 printable ASCII characters without
    /// spaces, `/`, `,` and `=`, which separate it in a header and a credential scope.
    /// [`ErrorKind::SecretAccessKey`] if the secret is empty or has whitespace or a control
    /// character. No message repeats the secret, or an id that could be one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, ErrorKind};
    /// let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYKEY")?;
    /// assert_eq!(credentials.access_key_id(), "AKIDEXAMPLE");
    /// let error = Credentials::new("AKIDEXAMPLE", "pasted with its line end\n").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::SecretAccessKey);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn new(
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<Secret>,
    ) -> Result<Self, Error> {
        let (access_key_id, secret_access_key) = (access_key_id.into(), secret_access_key.into());
        if !is_access_key_id(&access_key_id) {
            let error = Error::new(ErrorKind::AccessKeyId, &repeatable(&access_key_id));
            return Err(error);
        }
        if secret_access_key.is_empty() || !is_one_line(&secret_access_key) {
            return Err(Error::secret(ErrorKind::SecretAccessKey));
        }
        Ok(Self::from_checked(access_key_id, secret_access_key))
    }

    /// Sets the session token of temporary credentials. An empty token counts as none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SessionToken`] if the token has whitespace, a control character or a character
    /// outside ASCII.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Timestamp};
    /// let temporary = Credentials::new("ASIAEXAMPLE", "secret")?
    ///     .with_session_token("AQoDYXdzEPT//////////wEXAMPLE")?
    ///     .with_expiry("2015-08-30T13:36:00Z".parse()?);
    /// assert!(temporary.session_token().is_some());
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn with_session_token(mut self, token: impl Into<Secret>) -> Result<Self, Error> {
        let token = token.into();
        if !is_one_line(&token) || !token.expose().is_ascii() {
            return Err(Error::secret(ErrorKind::SessionToken));
        }
        let parts = self.parts();
        parts.session_token = (!token.is_empty()).then_some(token);
        #[cfg(feature = "http")]
        {
            parts.token_header = TokenHeader::default();
        }
        Ok(self)
    }

    /// Sets the moment from which the service refuses the credentials.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Timestamp};
    /// let now: Timestamp = "2015-08-30T12:36:00Z".parse()?;
    /// let end = now.plus_seconds(60);
    /// let credentials = Credentials::new("ASIAEXAMPLE", "secret")?.with_expiry(end);
    /// assert!(!credentials.is_expired_at(now) && credentials.is_expired_at(end));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub fn with_expiry(mut self, at: Timestamp) -> Self {
        self.parts().expiry = Some(at);
        self
    }

    /// Sets the account that the credentials belong to. An id of whitespace only counts as none.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Credentials;
    /// let credentials = Credentials::new("AKIDEXAMPLE", "secret")?
    ///     .with_account_id("123456789012");
    /// assert_eq!(credentials.account_id(), Some("123456789012"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub fn with_account_id(mut self, id: impl Into<String>) -> Self {
        self.parts().account_id = Some(id.into()).filter(|id| !id.trim().is_empty());
        self
    }

    /// Returns the access key id, which is not secret.
    pub fn access_key_id(&self) -> &str {
        &self.0.access_key_id
    }

    /// Returns the secret access key.
    pub fn secret_access_key(&self) -> &Secret {
        &self.0.secret_access_key
    }

    /// Returns the session token of temporary credentials.
    pub fn session_token(&self) -> Option<&Secret> {
        self.0.session_token.as_ref()
    }

    /// Returns when the credentials expire, if that is known.
    ///
    /// `None` does not mean that they are long-term: check [`session_token`](Self::session_token)
    /// too.
    pub fn expiry(&self) -> Option<Timestamp> {
        self.0.expiry
    }

    /// Returns the account that the credentials belong to, if their source named it.
    pub fn account_id(&self) -> Option<&str> {
        self.0.account_id.as_deref()
    }

    /// Returns true if the credentials are expired at `now`.
    pub fn is_expired_at(&self, now: Timestamp) -> bool {
        self.0.expiry.is_some_and(|expiry| expiry <= now)
    }

    /// Returns true if both are one issue of the same key: the access key ID and the expiry are
    /// equal. A service that issues new credentials changes at least one of them.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Timestamp};
    /// let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// assert!(credentials.is_same_snapshot(&credentials.clone()));
    /// let later = credentials.clone().with_expiry(Timestamp::from_unix_seconds(1_900_000_000));
    /// assert!(!credentials.is_same_snapshot(&later));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn is_same_snapshot(&self, other: &Self) -> bool {
        self.access_key_id() == other.access_key_id() && self.expiry() == other.expiry()
    }

    /// Returns true if `other` is a clone of this value.
    #[cfg(feature = "std")]
    pub(crate) fn is_clone_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Returns true if both have the same id and secret, so that the same signing keys are derived
    /// from them.
    #[cfg(feature = "std")]
    pub(crate) fn is_same_key(&self, other: &Self) -> bool {
        let secret = self.secret_access_key();
        // Most calls have a clone, which a comparison of addresses recognizes.
        self.is_clone_of(other)
            || self.access_key_id() == other.access_key_id()
                && secret.is_same(other.secret_access_key())
    }

    /// Returns credentials that no request is signed with.
    pub(crate) fn dummy() -> Self {
        // A verifier uses them for an unknown key id, so that the time of its answer does not tell
        // which ids exist.
        Self::from_checked(String::new(), Secret::new("keyfob"))
    }

    /// Returns the session token as a header value that is marked sensitive.
    #[cfg(feature = "http")]
    pub(crate) fn session_token_header(&self) -> Result<Option<http::HeaderValue>, Error> {
        let Some(token) = self.session_token() else {
            return Ok(None);
        };
        let header = &self.0.token_header.0[crate::codec::shard::shard()];
        if let Some(value) = header.get() {
            return Ok(Some(value.clone()));
        }
        let mut value = http::HeaderValue::from_str(token.expose())
            .map_err(|_| Error::secret(ErrorKind::SessionToken))?;
        value.set_sensitive(true);
        Ok(Some(header.get_or_init(|| value).clone()))
    }

    fn from_checked(access_key_id: String, secret_access_key: Secret) -> Self {
        Self(Arc::new(Parts {
            access_key_id,
            secret_access_key,
            session_token: None,
            expiry: None,
            account_id: None,
            #[cfg(feature = "http")]
            token_header: TokenHeader::default(),
        }))
    }

    fn parts(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.0)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &shown(&self.0.access_key_id))
            .field("secret_access_key", &self.0.secret_access_key)
            .field("session_token", &self.0.session_token)
            .field("expiry", &self.0.expiry)
            .field("account_id", &self.0.account_id)
            .finish()
    }
}

/// Returns true if the id can stand in `Credential=ID/scope, …` and in a URL.
fn is_access_key_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b',' | b'='))
}

/// The largest number of characters of a text that is taken for an id and not for a secret. AWS's
/// ids have 20 characters, its secrets 40.
const PLAUSIBLE: usize = 24;

/// Returns the id for a log, or only its end if it is too long to be one of AWS's. Ids are ASCII.
fn shown(id: &str) -> Cow<'_, str> {
    if id.len() <= PLAUSIBLE {
        return id.into();
    }
    format!("…{}", &id[id.len() - 4..]).into()
}

/// Returns the part of a refused id that a message may repeat.
///
/// A user who swaps the two arguments gives the secret here, so the text must look like an id: at
/// most 24 capital letters and digits, not counting whitespace. Of an id of AWS followed by
/// something else, only the id is repeated, and `…` stands for the rest.
fn repeatable(id: &str) -> Cow<'_, str> {
    let is_whitespace = |c: char| c.is_control() || c.is_whitespace();
    let is_plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    let is_plausible = |text: &str| {
        let mut characters = text.chars().filter(|c| !is_whitespace(*c));
        characters.clone().count() <= PLAUSIBLE && characters.all(is_plain)
    };
    if is_plausible(id) {
        return id.into();
    }
    let rest = id
        .trim_start_matches(is_plain)
        .trim_start_matches(is_whitespace);
    let first = &id[..id.len() - rest.len()];
    let is_of_aws = first.starts_with("AKIA") || first.starts_with("ASIA");
    if is_of_aws && is_plausible(first) {
        format!("{first}…").into()
    } else {
        "".into()
    }
}

/// Returns true if the text has no whitespace and no control character.
#[inline]
fn is_one_line(secret: &Secret) -> bool {
    // A pasted line end or space is the most common cause of a wrong signature.
    !secret
        .expose()
        .chars()
        .any(|c| c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    #[test]
    fn an_error_repeats_a_bad_key_id_but_not_a_bad_secret() {
        for id in ["", "AKID\n", "AK ID", "AKID/x", "AKIDÉ", &"A".repeat(129)] {
            let error = Credentials::new(id, "secret").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AccessKeyId, "{id:?}");
        }
        assert!(
            Credentials::new("AKID\n", "secret")
                .unwrap_err()
                .to_string()
                .contains("AKID\\n")
        );
        for secret in ["", "canary\n", "can ary", "canary\u{7f}"] {
            let error = Credentials::new("AKID", secret).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SecretAccessKey);
            assert!(!format!("{error} {error:?}").contains("can"));
        }
        let key = Credentials::new("AKID", "secret").unwrap();
        for token in ["canary\r", "canary\u{e9}"] {
            let error = key.clone().with_session_token(token).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SessionToken);
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }

    #[test]
    fn a_secret_given_as_the_id_is_not_repeated() {
        for id in [
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "WJALRXUTNFEMI/K7MDENG",
            "AKIAIOSFODNN7EXAMPLE\nwJalrXUtnFEMI/K7MDENG",
            "AKIAIOSFODNN7EXAMPLE,wJalrXUtnFEMI/K7MDENG",
            "K7MDENGK7MDENGK7MDENGK7MDENG\n",
            "hunter2 ",
        ] {
            let error = Credentials::new(id, "AKIDEXAMPLE").unwrap_err();
            let shown = format!("{error} {error:?}");
            for part in ["Jalr", "JALR", "K7MDENG", "hunter2"] {
                assert!(!shown.contains(part), "{shown}");
            }
            assert!(shown.contains("swapped"), "{shown}");
        }
    }

    #[test]
    fn an_id_followed_by_something_else_is_repeated() {
        for (id, named) in [
            (
                "AKIAIOSFODNN7EXAMPLE\r\n",
                "(got \"AKIAIOSFODNN7EXAMPLE\\r\\n\")",
            ),
            (
                "AKIAIOSFODNN7EXAMPLE\nx: y",
                "(got \"AKIAIOSFODNN7EXAMPLE\\n…\")",
            ),
            (
                "AKIAIOSFODNN7EXAMPLE/scope",
                "(got \"AKIAIOSFODNN7EXAMPLE…\")",
            ),
        ] {
            let error = Credentials::new(id, "secret").unwrap_err();
            assert!(error.to_string().ends_with(named), "{error}");
        }
    }

    #[test]
    fn an_empty_token_and_an_empty_account_count_as_none() {
        let key = Credentials::new("AKID", "secret")
            .unwrap()
            .with_session_token("")
            .unwrap()
            .with_account_id(" ");
        assert!(key.session_token().is_none() && key.account_id().is_none());
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = Credentials::new("AKID", "canary1")
            .unwrap()
            .with_session_token("canary2")
            .unwrap();
        let shown = format!("{key:?}");
        assert!(
            shown.contains("AKID") && !shown.contains("canary"),
            "{shown}"
        );
    }

    #[test]
    fn debug_shows_short_ids_and_only_the_end_of_long_ones() {
        let shown = |id: &str| {
            let key = Credentials::new(id, "secret").unwrap();
            format!("{key:?}")
        };
        for id in ["AKIAIOSFODNN7EXAMPLE", "minioadmin", "k"] {
            assert!(shown(id).contains(&format!("\"{id}\"")));
        }
        let secret = "wJalrXUtnFEMI+K7MDENG+bPxRfiCYEXAMPLEKEY";
        assert!(shown(secret).contains("\"…EKEY\""));
        assert!(!shown(secret).contains("LEKEY"));
        assert!(!shown(&"7".repeat(25)).contains("77777"));
    }

    #[cfg(feature = "http")]
    #[test]
    fn the_token_header_is_made_once_and_threads_do_not_share_it() {
        let key = Credentials::new("AKID", "secret")
            .unwrap()
            .with_session_token("token")
            .unwrap();
        let place = || {
            let header = key.session_token_header().unwrap().unwrap();
            assert!(header == "token" && header.is_sensitive());
            header.as_bytes().as_ptr() as usize
        };
        assert_eq!(place(), place());
        // Not all of these threads can have the shard of this one.
        let others =
            [(); 3].map(|()| std::thread::scope(|scope| scope.spawn(place).join().unwrap()));
        assert!(others.iter().any(|other| *other != place()));
    }

    #[test]
    fn changing_a_clone_leaves_the_original() {
        let key = Credentials::new("AKID", "secret").unwrap();
        let later = key.clone().with_expiry(Timestamp::MAX);
        assert!(key.expiry().is_none() && later.expiry().is_some());
        assert!(key.is_same_snapshot(&key.clone()) && !key.is_same_snapshot(&later));
        assert!(later.is_expired_at(Timestamp::MAX) && !later.is_expired_at(Timestamp::MIN));
    }
}

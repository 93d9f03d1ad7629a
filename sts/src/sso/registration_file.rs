use std::fmt;

use keyfob_sigv4::{Secret, Timestamp};

use super::{ClientRegistration, token_file::name_of};
use crate::{error::Error, token_document::TokenDocument};

/// The seconds before its expiry from which on a registration is replaced.
const REFRESH_WINDOW: i64 = 15 * 60;

const WHAT: &str = "registration file";

/// The members that belong to one registration. Others are kept for the next one.
const MEMBERS: [&str; 5] = [
    "clientId",
    "clientSecret",
    "expiresAt",
    "scopes",
    "grantTypes",
];

/// The registration of a client: a file in `~/.aws/sso/cache`, beside those of tokens.
///
/// The authorization code grant and the device grant have one file and replace each other's
/// registration, which is of no use to the other.
///
/// Source: the AWS CLI version 2.
///
/// # Examples
///
/// ```
/// use keyfob_sts::sso::RegistrationFile;
///
/// let name = RegistrationFile::name(
///     "https://d-1.awsapps.com/start",
///     "eu-west-1",
///     Some("corp"),
///     &["sso:account:access"],
/// );
/// assert_eq!(name.len(), 45);
///
/// let file = RegistrationFile::parse(
///     r#"{"clientId": "id", "clientSecret": "secret", "expiresAt": "2027-01-01T00:00:00Z"}"#,
/// )?;
/// let now = "2026-11-22T03:00:00Z".parse()?;
/// assert!(file.is_usable(now, false) && !file.is_usable(now, true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RegistrationFile {
    document: TokenDocument,
    registration: ClientRegistration,
}

impl RegistrationFile {
    /// Returns the name of the file: for a start URL, a region, the name of the SSO session, if
    /// there is one, and the scopes that are configured.
    pub fn name(
        start_url: &str,
        region: &str,
        session: Option<&str>,
        scopes: &[impl AsRef<str>],
    ) -> String {
        let mut key = TokenDocument::new();
        key.set("region", region);
        match scopes {
            [] => key.set_null("scopes"),
            scopes => key.set_texts("scopes", scopes),
        }
        match session {
            Some(session) => key.set("session_name", session),
            None => key.set_null("session_name"),
        }
        key.set("startUrl", start_url);
        key.set("tool", "botocore");
        name_of(key.to_text().expose())
    }

    /// Creates the file for a new registration, with the scopes that were configured, and the
    /// grants that it was made for if it is not for a device.
    pub fn new(
        registration: ClientRegistration,
        scopes: &[impl AsRef<str>],
        grants: &[impl AsRef<str>],
    ) -> Self {
        let mut document = TokenDocument::new();
        document.set("clientId", &registration.client_id);
        document.set("clientSecret", registration.client_secret.expose());
        document.set_time("expiresAt", registration.expiry);
        if !scopes.is_empty() {
            document.set_texts("scopes", scopes);
        }
        if !grants.is_empty() {
            document.set_texts("grantTypes", grants);
        }
        Self {
            document,
            registration,
        }
    }

    /// Parses the text of a file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it is not a JSON object, or if one of
    /// `clientId`, `clientSecret` and `expiresAt` is missing or malformed. The text is not in the
    /// message.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let document = TokenDocument::parse(text, WHAT)?;
        let registration = ClientRegistration {
            client_id: document.required("clientId", WHAT)?.to_owned(),
            client_secret: document.required("clientSecret", WHAT)?.into(),
            expiry: document.required_time("expiresAt", WHAT)?,
            request_id: None,
        };
        Ok(Self {
            document,
            registration,
        })
    }

    /// Returns the registration.
    pub fn registration(&self) -> &ClientRegistration {
        &self.registration
    }

    /// Returns true if the registration holds for 15 minutes or more, and is for the authorization
    /// code grant or for devices.
    pub fn is_usable(&self, now: Timestamp, for_code_grant: bool) -> bool {
        let grants = self.document.texts("grantTypes").unwrap_or_default();
        let is_for_code_grant = grants.contains(&"authorization_code");
        let left = self.registration.expiry.seconds_since(now);
        is_for_code_grant == for_code_grant && left >= REFRESH_WINDOW
    }

    /// Returns the file after a new registration: it keeps the members of the old file that are not
    /// known, which other tools put there.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::sso::RegistrationFile;
    ///
    /// let old = r#"{"clientId": "a", "clientSecret": "b", "expiresAt": "2026-11-22T03:00:00Z",
    ///     "grantTypes": ["authorization_code"], "theirs": 1}"#;
    /// let new = r#"{"clientId": "c", "clientSecret": "d", "expiresAt": "2027-02-22T03:00:00Z"}"#;
    /// let file = RegistrationFile::parse(new)?.after(&RegistrationFile::parse(old)?);
    /// let expected = new.replace('}', ", \"theirs\": 1}");
    /// assert_eq!(file.to_text().expose(), expected);
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    #[must_use]
    pub fn after(mut self, old: &Self) -> Self {
        self.document.keep_others(&old.document, &MEMBERS);
        self
    }

    /// Returns the text of the file, in the form of the AWS CLI: one line, without a line end.
    pub fn to_text(&self) -> Secret {
        self.document.to_text()
    }
}

/// Does not show the secret.
impl fmt::Debug for RegistrationFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrationFile")
            .field("registration", &self.registration)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen: what version 2 of the AWS CLI writes.
    #[test]
    fn names_are_those_of_the_aws_cli() {
        let none: [&str; 0] = [];
        let url = "https://d-1.awsapps.com/start";
        assert_eq!(
            RegistrationFile::name(url, "eu-west-1", None, &none),
            "8da4b80b5d9b65ac135f58293730b6683603363f.json"
        );
        let scopes = ["sso:account:access"];
        assert_eq!(
            RegistrationFile::name(url, "eu-west-1", Some("corp"), &scopes),
            "51f9140ff43ba8121cfa4963513c707618bc070d.json"
        );
    }

    #[test]
    fn a_registration_is_written_in_the_order_of_the_aws_cli() {
        let registration = ClientRegistration {
            client_id: "id".to_owned(),
            client_secret: "canary".into(),
            expiry: "2027-01-01T00:00:00.5Z".parse().unwrap(),
            request_id: None,
        };
        let file = RegistrationFile::new(registration, &["s"], &["authorization_code"]);
        assert_eq!(
            file.to_text().expose(),
            r#"{"clientId": "id", "clientSecret": "canary", "expiresAt": "2027-01-01T00:00:00Z", "scopes": ["s"], "grantTypes": ["authorization_code"]}"#
        );
        let at = |text: &str| text.parse().unwrap();
        assert!(file.is_usable(at("2026-12-31T23:45:00Z"), true));
        assert!(!file.is_usable(at("2026-12-31T23:45:01Z"), true));
    }
}

use keyfob_sigv4::Timestamp;

use super::Key;
use crate::{
    error::{Error, ErrorKind},
    origin::Origin,
    profiles::{FileKind, Part, Section, Value},
    provider::{BoxFuture, Bypass, Inspection, Outcome, Provider},
    settings::Settings,
};

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";

/// The profile: the access key in the credentials file, or failing that in the config file.
///
/// Id, secret, token and account come from one file, never from both: a token that is left over in the config file
/// does not end up beside a new key in the credentials file. A profile that says where else to get credentials, such
/// as `role_arn`, is an error in this version, not a reason to use its keys or another provider.
#[derive(Clone, Debug)]
pub struct Profile {
    settings: Settings,
    name: String,
}

impl Profile {
    /// The profile that the settings name.
    pub fn new(settings: Settings) -> Self {
        Self {
            name: format!("profile \"{}\"", settings.profile_name().escape_debug()),
            settings,
        }
    }

    fn find(&self) -> Result<Outcome, Error> {
        let Some(section) = self.settings.profile()? else {
            return Ok(Outcome::NotConfigured("no file has it".to_owned()));
        };
        refuse_other_sources(section)?;
        let parts = [FileKind::Credentials, FileKind::Config].map(|kind| section.part(kind));
        let parts = parts.into_iter().flatten();
        match parts.clone().find(|part| set(part, ID).is_some()) {
            Some(part) => read_key(section, part),
            None => match parts.clone().find_map(|part| set(part, SECRET)) {
                Some(secret) => Err(partial(secret, SECRET, ID)),
                None => Ok(Outcome::NotConfigured("it has no access key".to_owned())),
            },
        }
    }

    /// The variable that names the file in which the key stands.
    fn file_variable(&self) -> Option<&'static str> {
        let section = self.settings.profile().ok()??;
        let has_key = |kind| {
            section
                .part(kind)
                .is_some_and(|part| set(part, ID).is_some())
        };
        if has_key(FileKind::Credentials) {
            Some("AWS_SHARED_CREDENTIALS_FILE")
        } else {
            has_key(FileKind::Config).then_some("AWS_CONFIG_FILE")
        }
    }
}

impl Provider for Profile {
    fn name(&self) -> &str {
        &self.name
    }

    fn provide(&self, _now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(std::future::ready(self.find()))
    }

    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(std::future::ready(self.find().map(Into::into)))
    }

    fn bypass(&self) -> Option<Bypass> {
        let nothing = if cfg!(windows) { "NUL" } else { "/dev/null" };
        Some(Bypass::set(self.file_variable()?, nothing))
    }
}

fn read_key(section: &Section, part: &Part) -> Result<Outcome, Error> {
    let text = |name| set(part, name).map(Value::as_str);
    let key = Key {
        id: text(ID),
        secret: text(SECRET),
        token: text("aws_session_token").or(text("aws_security_token")),
        account_id: text("aws_account_id"),
        expiry: None,
    };
    let Some(id) = set(part, ID) else {
        return Ok(Outcome::NotConfigured("it has no access key".to_owned()));
    };
    match key.secret {
        None => Err(partial(id, ID, SECRET)),
        Some(secret) => {
            let origin = Origin::file(id.location(), section.name().name());
            key.credentials(id.as_str(), secret, origin)
                .map(Outcome::Found)
        }
    }
}

/// Sources that come before the keys of a profile in the AWS CLI, and those that come before keys in the config
/// file only.
fn refuse_other_sources(section: &Section) -> Result<(), Error> {
    const FIRST: [&str; 6] = [
        "role_arn",
        "web_identity_token_file",
        "sso_session",
        "sso_start_url",
        "sso_account_id",
        "sso_role_name",
    ];
    const BEFORE_CONFIG: [&str; 2] = ["login_session", "credential_process"];
    let credentials = section.part(FileKind::Credentials);
    let has_key = credentials.is_some_and(|part| set(part, ID).is_some());
    let before_config = BEFORE_CONFIG.iter().filter(|_| !has_key);
    let other = FIRST.iter().chain(before_config).find_map(|name| {
        let value = section
            .get(name)
            .filter(|value| value.non_empty().is_some())?;
        Some((name, value.location()))
    });
    match other {
        None => Ok(()),
        Some((name, location)) => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "{} says {name} at {location}, which this version cannot follow",
                section.name()
            ),
        )),
    }
}

/// A property that is not empty.
fn set<'a>(part: &'a Part, name: &str) -> Option<&'a Value> {
    part.get(name).filter(|value| value.non_empty().is_some())
}

fn partial(value: &Value, there: &str, missing: &str) -> Error {
    Error::new(
        ErrorKind::PartialCredentials,
        format!(
            "{}: {there} without {missing}: the file needs both",
            value.location()
        ),
    )
}

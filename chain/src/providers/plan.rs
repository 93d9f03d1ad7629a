//! What a profile says about getting credentials, before anybody is asked.

use std::path::PathBuf;

use super::Key;
use crate::{
    error::{Error, ErrorKind},
    origin::Origin,
    profiles::{FileKind, Part, Section, Value},
    provider::Found,
    settings::Settings,
};

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const ROLE: &str = "role_arn";
const TOKEN_FILE: &str = "web_identity_token_file";

/// Where to begin, and the roles to assume one after the other from there.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) base: Base,
    pub(super) roles: Vec<Role>,
    /// The file in which the property stands that made this the plan.
    pub(super) file: FileKind,
}

#[derive(Debug)]
pub(super) enum Base {
    Key(Found),
    Environment,
    Container,
    InstanceMetadata,
    WebIdentity { role: Role, token_file: PathBuf },
}

/// What to ask STS for.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(feature = "sts"),
    expect(dead_code, reason = "only STS is told all of it")
)]
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) session_name: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) duration_seconds: Option<u32>,
    /// Where it is named.
    pub(crate) named_in: Origin,
}

impl Role {
    pub(crate) fn origin(&self) -> Origin {
        Origin::Role {
            arn: self.arn.clone(),
            named_in: Box::new(self.named_in.clone()),
        }
    }
}

impl Plan {
    /// Follows the profile that the settings name. Nothing when there is none, or when it says nothing about
    /// credentials.
    ///
    /// Source: AWS CLI User Guide, "Using an IAM role in the AWS CLI"; for a profile that another names as its source,
    /// its own key comes before its own role, as in the SDKs.
    pub(super) fn of(settings: &Settings) -> Result<Option<Self>, Error> {
        let Some(mut section) = settings.profile()? else {
            return Ok(None);
        };
        let mut roles: Vec<Role> = Vec::new();
        let mut passed = Vec::new();
        let file = deciding_file(section);
        let base = loop {
            passed.push(section.name().name());
            match Step::of(section, !roles.is_empty())? {
                Step::Base(base) => break base,
                Step::Nothing if roles.is_empty() => return Ok(None),
                Step::Nothing => return Err(no_source(section)),
                Step::Role(role, base) => {
                    roles.push(*role);
                    break base;
                }
                Step::Source(role, source) if source == section.name().name() => {
                    roles.push(*role);
                    break Base::Key(own_key(section)?.ok_or_else(|| no_source(section))?);
                }
                Step::Source(_, source) if passed.contains(&source) => {
                    passed.push(source);
                    return Err(circle(&passed));
                }
                Step::Source(role, source) => {
                    roles.push(*role);
                    section = settings.profiles().profile(source)?;
                }
            }
        };
        roles.reverse();
        Ok(Some(Self { base, roles, file }))
    }

    /// Where the credentials will come from; nothing where only the base knows.
    pub(super) fn origin(&self) -> Origin {
        match (self.roles.last(), &self.base) {
            (Some(role), _) | (None, Base::WebIdentity { role, .. }) => role.origin(),
            (None, Base::Key(found)) => found.origin.clone(),
            // Only a role names these.
            (None, Base::Environment | Base::Container | Base::InstanceMetadata) => Origin::Default,
        }
    }
}

/// What one profile says.
enum Step<'a> {
    Nothing,
    Base(Base),
    Role(Box<Role>, Base),
    Source(Box<Role>, &'a str),
}

impl<'a> Step<'a> {
    /// The order within a profile is that of the AWS CLI: role, web identity, SSO, key of the credentials file,
    /// login, process, key of the config file.
    fn of(section: &'a Section, is_source: bool) -> Result<Self, Error> {
        if is_source && let Some(key) = whole_key(section)? {
            return Ok(Self::Base(Base::Key(key)));
        }
        if let Some(token_file) = set(section, TOKEN_FILE) {
            let Some(arn) = set(section, ROLE) else {
                let text = format!("{TOKEN_FILE} without {ROLE}: it needs both");
                return Err(wrong(ErrorKind::Source, token_file, &text));
            };
            let role = role(section, arn)?;
            let token_file = token_file.as_str().into();
            return Ok(Self::Base(Base::WebIdentity { role, token_file }));
        }
        if let Some(arn) = set(section, ROLE) {
            return Self::with_role(section, arn);
        }
        refuse_unspoken(section)?;
        match (own_key(section)?, set(section, "credential_source")) {
            (Some(key), _) => Ok(Self::Base(Base::Key(key))),
            // The end of a chain may name a source without a role of its own, as in the SDKs.
            (None, Some(source)) if is_source => named_source(source).map(Self::Base),
            (None, _) => Ok(Self::Nothing),
        }
    }

    fn with_role(section: &'a Section, arn: &Value) -> Result<Self, Error> {
        let role = Box::new(role(section, arn)?);
        match (
            set(section, "source_profile"),
            set(section, "credential_source"),
        ) {
            (Some(source), None) => Ok(Self::Source(role, source.as_str())),
            (None, Some(source)) => Ok(Self::Role(role, named_source(source)?)),
            (Some(source), Some(_)) => {
                let text = "source_profile and credential_source exclude each other: remove one";
                Err(wrong(ErrorKind::Source, source, text))
            }
            (None, None) => {
                let text = "role_arn needs source_profile or credential_source";
                Err(wrong(ErrorKind::Source, arn, text))
            }
        }
    }
}

/// Names are compared in any case: not all SDKs do, but none has two that differ in nothing else.
fn named_source(source: &Value) -> Result<Base, Error> {
    match source.as_str().to_ascii_lowercase().as_str() {
        "environment" => Ok(Base::Environment),
        "ec2instancemetadata" => Ok(Base::InstanceMetadata),
        "ecscontainer" => Ok(Base::Container),
        _ => {
            let text = "credential_source is one of Environment, Ec2InstanceMetadata, EcsContainer";
            Err(wrong(ErrorKind::InvalidSetting, source, text))
        }
    }
}

fn role(section: &Section, arn: &Value) -> Result<Role, Error> {
    if let Some(serial) = set(section, "mfa_serial") {
        let text = "mfa_serial asks for a code, which this version cannot ask for: get a session with a code first";
        return Err(wrong(ErrorKind::Unsupported, serial, text));
    }
    let text = |name| set(section, name).map(|value| value.as_str().to_owned());
    let duration = set(section, "duration_seconds").map(|value| {
        let seconds = value.as_str().parse();
        seconds.map_err(|_| {
            wrong(
                ErrorKind::InvalidSetting,
                value,
                "duration_seconds is no number",
            )
        })
    });
    Ok(Role {
        arn: arn.as_str().to_owned(),
        session_name: text("role_session_name"),
        external_id: text("external_id"),
        duration_seconds: duration.transpose()?,
        named_in: Origin::file(arn.location(), section.name().name()),
    })
}

/// Sources that come before the profile's key in the AWS CLI, and that this version does not speak.
fn refuse_unspoken(section: &Section) -> Result<(), Error> {
    const BEFORE_ANY_KEY: [&str; 4] = [
        "sso_session",
        "sso_start_url",
        "sso_account_id",
        "sso_role_name",
    ];
    const BEFORE_CONFIG_KEY: [&str; 2] = ["login_session", "credential_process"];
    let credentials = section.part(FileKind::Credentials);
    let has_key = credentials.is_some_and(|part| set_in(part, ID).is_some());
    let before_config = BEFORE_CONFIG_KEY.iter().filter(|_| !has_key);
    let mut names = BEFORE_ANY_KEY.into_iter().chain(before_config.copied());
    match names.find_map(|name| Some((name, set(section, name)?))) {
        None => Ok(()),
        Some((name, value)) => {
            let text = format!(
                "{} says {name}, which this version cannot follow",
                section.name()
            );
            Err(wrong(ErrorKind::Unsupported, value, &text))
        }
    }
}

/// The key of a profile that is a source. One that is not whole is no key here if there is a role instead.
fn whole_key(section: &Section) -> Result<Option<Found>, Error> {
    match own_key(section) {
        Err(error) if error.kind() == ErrorKind::PartialCredentials => match set(section, ROLE) {
            Some(_) => Ok(None),
            None => Err(error),
        },
        key => key,
    }
}

/// Id, secret, token and account from one file, the credentials file first.
fn own_key(section: &Section) -> Result<Option<Found>, Error> {
    let parts = [FileKind::Credentials, FileKind::Config].map(|kind| section.part(kind));
    let parts = parts.into_iter().flatten();
    match parts
        .clone()
        .find_map(|part| Some((part, set_in(part, ID)?)))
    {
        Some((part, id)) => key_of(section, part, id).map(Some),
        None => match parts
            .clone()
            .find_map(|part| Some((part, set_in(part, SECRET)?)))
        {
            Some((part, secret)) => Err(partial(part, secret, SECRET, ID)),
            None => Ok(None),
        },
    }
}

fn key_of(section: &Section, part: &Part, id: &Value) -> Result<Found, Error> {
    let text = |name| set_in(part, name).map(Value::as_str);
    let Some(secret) = text(SECRET) else {
        return Err(partial(part, id, ID, SECRET));
    };
    let key = Key {
        token: text("aws_session_token").or(text("aws_security_token")),
        account_id: text("aws_account_id"),
        expiry: None,
    };
    let origin = Origin::file(id.location(), section.name().name());
    key.credentials(id.as_str(), secret, origin)
}

/// The file that holds the role, or the key that counts.
fn deciding_file(section: &Section) -> FileKind {
    let credentials = section.part(FileKind::Credentials);
    let decides = credentials.is_some_and(|part| {
        let role = set(section, ROLE).is_some();
        set_in(part, if role { ROLE } else { ID }).is_some()
    });
    match decides {
        true => FileKind::Credentials,
        false => FileKind::Config,
    }
}

/// A property that is not empty.
fn set<'a>(section: &'a Section, name: &str) -> Option<&'a Value> {
    section
        .get(name)
        .filter(|value| value.non_empty().is_some())
}

fn set_in<'a>(part: &'a Part, name: &str) -> Option<&'a Value> {
    part.get(name).filter(|value| value.non_empty().is_some())
}

fn wrong(kind: ErrorKind, value: &Value, text: &str) -> Error {
    Error::new(kind, format!("{}: {text}", value.location()))
}

/// A half that is there without a value is named by its own line.
fn partial(part: &Part, value: &Value, there: &str, missing: &str) -> Error {
    let (value, text) = match part.get(missing) {
        Some(empty) => (
            empty,
            format!("{missing} is empty beside {there}: the file needs both"),
        ),
        None => (
            value,
            format!("{there} without {missing}: the file needs both"),
        ),
    };
    wrong(ErrorKind::PartialCredentials, value, &text)
}

fn no_source(section: &Section) -> Error {
    let text = format!(
        "{} is a source_profile and has no credentials",
        section.name()
    );
    Error::new(ErrorKind::Source, text)
}

fn circle(names: &[&str]) -> Error {
    let names: Vec<_> = names
        .iter()
        .map(|name| name.escape_debug().to_string())
        .collect();
    let text = format!("source_profile leads in a circle: {}", names.join(" → "));
    Error::new(ErrorKind::Source, text)
}

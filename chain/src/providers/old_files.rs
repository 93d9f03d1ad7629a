use std::path::{Path, PathBuf};

use keyfob_sigv4::{Secret, Timestamp};

use super::key::Key;
use crate::{
    config::{Settings, table},
    cure::Skip,
    error::{Error, ErrorKind, shown_path},
    files,
    order::Order,
    origin::{Location, Origin},
    profiles::{ConfigFiles, FileKind, SectionName, Value},
    provider::{BoxFuture, Found, Inspection, Outcome, Provider},
    variables::Variables,
};

/// The name of the provider.
pub(crate) const OLD_FILES: &str = "boto 2";
const CREDENTIAL_FILE: &str = table::CREDENTIAL_FILE.name();
const BOTO_CONFIG: &str = table::BOTO_CONFIG.name();
const USUAL: &str = "/etc/boto.cfg";

/// A key in a file of the first tools for EC2, or else of boto 2, which boto3 and the AWS CLI still
/// read before they ask the container.
///
/// Source: botocore, `OriginalEC2Provider` and `BotoProvider`.
#[derive(Debug)]
pub(crate) struct OldFiles {
    settings: Settings,
}

impl OldFiles {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn find(&self) -> Result<Outcome, Error> {
        let variables = self.settings.variables();
        let found = match first_key(variables)? {
            None => boto_key(variables)?,
            found => found,
        };
        Ok(match found {
            Some(found) => Outcome::Found(found),
            None => Outcome::NotConfigured(match variables.raw(BOTO_CONFIG) {
                Some(_) => format!("{BOTO_CONFIG} names no file with a key"),
                None => format!("no key in {USUAL} or ~/.boto"),
            }),
        })
    }
}

impl Provider for OldFiles {
    fn name(&self) -> &str {
        OLD_FILES
    }

    fn provide(&self, _now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(std::future::ready(self.find()))
    }

    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(std::future::ready(self.find().map(Into::into)))
    }

    fn skip(&self) -> Option<Skip> {
        let variables = self.settings.variables();
        let set = [CREDENTIAL_FILE].into_iter();
        let skip = Skip::unset(set.filter(|name| variables.raw(name).is_some()));
        Some(match boto_key(variables) {
            Ok(None) => skip,
            _ => skip.and(Skip::set(BOTO_CONFIG, "/dev/null")),
        })
    }
}

/// Returns the key in the file of the first tools. That there is no such file is an error.
fn first_key(variables: &Variables) -> Result<Option<Found>, Error> {
    const ID: &str = "AWSAccessKeyId";
    const SECRET: &str = "AWSSecretKey";
    let Some(named) = variables.raw(CREDENTIAL_FILE) else {
        return Ok(None);
    };
    let path = variables.with_home(named);
    if path == Path::new("/dev/null") {
        return Ok(None);
    }
    // A pipe would give the key only once.
    let text = files::read_secret_file(&path).map_err(|error| {
        let shown = shown_path(&path);
        let message = format!("{CREDENTIAL_FILE}: cannot read {shown}: unset it, or name a file");
        Error::with_source(ErrorKind::ConfigFile, message, error)
    })?;
    let (mut id, mut secret) = (None, None);
    for (number, line) in (1..).zip(text.expose().split('\n')) {
        for line in line.split(ends_line) {
            let Some((name, value)) = line.split_once('=') else {
                continue;
            };
            match name.trim() {
                ID => id = Some((value.trim(), number)),
                SECRET => secret = Some(value.trim()),
                _ => {}
            }
        }
    }
    let Some((id, line)) = id else {
        return Ok(None);
    };
    let origin = Origin::file(&Location::new(path.into(), line), "");
    whole_key((ID, id), (SECRET, secret), origin).map(Some)
}

/// Returns true for what ends a line for Python, besides `\n`.
fn ends_line(c: char) -> bool {
    matches!(
        c,
        '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Returns the key in the first file of boto 2 that has one.
fn boto_key(variables: &Variables) -> Result<Option<Found>, Error> {
    let files = boto_files(variables).into_iter();
    let mut keys = files
        .map(|file| key_in(&file))
        .filter_map(Result::transpose);
    keys.next().transpose()
}

fn key_in(file: &Path) -> Result<Option<Found>, Error> {
    const ID: &str = table::ACCESS_KEY_ID.property();
    const SECRET: &str = table::SECRET_ACCESS_KEY.property();
    let Some(text) = regular(file)? else {
        return Ok(None);
    };
    let text = (FileKind::Credentials, file, text.expose().as_bytes());
    let contents = ConfigFiles::parse_for(Order::Boto3, [text]);
    contents.check_refusals()?;
    let Some(section) = contents.find(&SectionName::profile("Credentials"))? else {
        return Ok(None);
    };
    let Some(id) = section.get(ID) else {
        return Ok(None);
    };
    let secret = section.get(SECRET).map(Value::as_str);
    let origin = Origin::file(id.location(), section.name().name());
    whole_key((ID, id.as_str()), (SECRET, secret), origin).map(Some)
}

/// Returns the files that boto 2 has its settings in, the first one first.
fn boto_files(variables: &Variables) -> Vec<PathBuf> {
    match variables.raw(BOTO_CONFIG) {
        Some(named) => vec![variables.expanded(named)],
        None => {
            let home = variables.home().map(|home| home.join(".boto"));
            [Some(USUAL.into()), home].into_iter().flatten().collect()
        }
    }
}

/// Returns the text of a regular file. Others, and those that cannot be read, count as empty.
fn regular(file: &Path) -> Result<Option<Secret>, Error> {
    use std::io::ErrorKind::{FileTooLarge, InvalidData};

    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(None);
    }
    match files::read_secret(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), FileTooLarge | InvalidData) => {
            let message = format!("cannot read {}", file.display());
            Err(Error::with_source(ErrorKind::ConfigFile, message, error))
        }
        Err(_) => Ok(None),
    }
}

/// Returns a key, or an error if it has no secret or one of its parts is empty.
fn whole_key(
    (id_name, id): (&str, &str),
    (secret_name, secret): (&str, Option<&str>),
    origin: Origin,
) -> Result<Found, Error> {
    let partial = |missing, state| {
        let message = format!("{missing} is {state} beside {id_name} in {}", origin.raw());
        Error::new(ErrorKind::PartialCredentials, message)
    };
    let secret = secret.ok_or_else(|| partial(secret_name, "not set"))?;
    for (name, value) in [(id_name, id), (secret_name, secret)] {
        if value.is_empty() {
            return Err(partial(name, "empty"));
        }
    }
    let key = Key {
        id,
        secret,
        token: None,
        account_id: None,
        expiry: None,
    };
    key.into_found(origin)
}

/// The row of an explanation for such a file where the rules do not read it, so that people see why
/// boto3 and the AWS CLI use another key.
#[derive(Debug)]
pub(crate) struct UnreadOldFiles {
    reason: String,
}

impl UnreadOldFiles {
    /// Returns the provider if there is such a file.
    pub(crate) fn configured(variables: &Variables) -> Option<Self> {
        let of_variable = [CREDENTIAL_FILE, BOTO_CONFIG].into_iter();
        let mut of_variable = of_variable.filter_map(|name| Some((variables.text(name)?, name)));
        let (file, variable) = match of_variable.next() {
            Some((file, variable)) => (PathBuf::from(file), Some(variable)),
            // Other programs have settings in the usual ones.
            None => {
                let mut files = boto_files(variables).into_iter();
                let file = files.find(|file| !matches!(key_in(file), Ok(None)))?;
                (file, None)
            }
        };
        let named = variable.map_or_else(String::new, |name| format!("{name}: "));
        let file = shown_path(&file);
        Some(Self {
            reason: format!("{named}{file} is not read by keyfob, but by aws and boto3"),
        })
    }
}

impl Provider for UnreadOldFiles {
    fn name(&self) -> &str {
        OLD_FILES
    }

    fn provide(&self, _now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        let outcome = Outcome::NotConfigured(self.reason.clone());
        Box::pin(std::future::ready(Ok(outcome)))
    }

    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        let inspection = Inspection::NotConfigured(self.reason.clone());
        Box::pin(std::future::ready(Ok(inspection)))
    }
}

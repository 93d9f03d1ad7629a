//! How a profile gets its credentials, worked out before any service is contacted.

use super::{Place, Role, TokenFile};
#[cfg(feature = "login")]
use crate::providers::login::Login;
#[cfg(feature = "sso")]
use crate::providers::sso::SsoRole;
use crate::{
    config::{Setting, Settings, table},
    error::{Error, ErrorKind, is_not, shown},
    order::{OwnSource, PassedOver, ProfileSource, RoleAlone, Rules, SSO, SourceKey},
    origin::Origin,
    profiles::{FileKind, Part, Section, SectionName, Value},
    provider::Found,
    providers::{key::Key, process::Process},
};

/// The kind of the errors that [`PassedOver::Missing`] is about.
pub(in crate::providers) const MISSING: ErrorKind = ErrorKind::ProfileNotFound;
pub(super) const ID: &str = table::ACCESS_KEY_ID.property();
const TOKEN: &str = table::SESSION_TOKEN.property();
const SECRET: &str = table::SECRET_ACCESS_KEY.property();
pub(super) const ROLE: &str = table::ROLE_ARN.property();
const LOGIN: &str = table::LOGIN_SESSION.property();
const PROCESS: &str = table::CREDENTIAL_PROCESS.property();
pub(super) const TOKEN_FILE: &str = table::WEB_IDENTITY_TOKEN_FILE.property();
const SHARED_ROLE: &str = table::ROLE_ARN.name();
const SHARED_SESSION_NAME: &str = table::ROLE_SESSION_NAME.name();
/// How many roles may be assumed one after the other. Each takes some of the stack.
const MAX_ROLES: usize = 16;
/// The parameters of STS that properties set.
const PARAMETERS: [(&str, &str); 5] = [
    ("RoleArn", ROLE),
    ("RoleSessionName", "role_session_name"),
    ("ExternalId", "external_id"),
    ("DurationSeconds", "duration_seconds"),
    ("SerialNumber", "mfa_serial"),
];

/// The first credentials, and the roles to assume with them one after the other.
#[derive(Debug)]
pub(in crate::providers) struct Plan {
    pub(in crate::providers) base: Base,
    pub(in crate::providers) roles: Vec<Role>,
}

/// Where the first credentials come from.
#[derive(Debug)]
pub(in crate::providers) enum Base {
    Key(Found),
    Source(CredentialSource),
    Process(Process),
    #[cfg(feature = "sso")]
    Sso(Box<SsoRole>),
    #[cfg(feature = "login")]
    Login(Login),
    WebIdentity {
        role: Box<Role>,
        token_file: TokenFile,
        /// Whether the role is that of the environment.
        is_split: bool,
    },
}

impl Base {
    /// Returns true if the SDK for JavaScript asks the next source after this error.
    #[cfg_attr(
        not(feature = "login"),
        expect(unused_variables, reason = "only a login tells errors apart")
    )]
    pub(in crate::providers) fn is_passed_over(&self, error: &Error) -> bool {
        match self {
            Self::Process(_) => true,
            #[cfg(feature = "login")]
            Self::Login(_) => Login::is_passed_over(error),
            _ => false,
        }
    }
}

/// What `credential_source` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::providers) enum CredentialSource {
    Environment,
    Container,
    InstanceMetadata,
}

/// `AWS_ROLE_ARN` and `AWS_ROLE_SESSION_NAME`, if they count for a web identity of the profile.
#[derive(Clone, Copy, Debug, Default)]
struct Shared<'a> {
    arn: Option<&'a str>,
    session_name: Option<&'a str>,
}

impl<'a> Shared<'a> {
    /// As in botocore, the environment comes before the profile, unless the program chose the
    /// profile.
    fn from_settings(settings: &'a Settings) -> Self {
        if settings.is_profile_explicit() || !settings.rules().shares_web_identity {
            return Self::default();
        }
        Self {
            arn: settings.variables().text(SHARED_ROLE),
            session_name: settings.variables().text(SHARED_SESSION_NAME),
        }
    }
}

impl Plan {
    /// Follows the profile of the settings. Returns `None` if it does not exist or says nothing
    /// about credentials.
    ///
    /// Source: AWS CLI User Guide, "Using an IAM role in the AWS CLI".
    pub(in crate::providers) fn from_settings(settings: &Settings) -> Result<Option<Self>, Error> {
        let shared = Shared::from_settings(settings);
        let rules = settings.rules();
        let Some(mut section) = settings.profile()? else {
            return Ok(None);
        };
        let mut roles: Vec<Role> = Vec::new();
        let mut visited = Vec::new();
        // The property that named the section.
        let mut named_by: Option<&Value> = None;
        let base = loop {
            visited.push(section.name().name());
            match Step::from_section(settings, section, !roles.is_empty(), shared)? {
                Step::Base(base) => break base,
                Step::Nothing => match named_by {
                    Some(source) => {
                        return Err(no_source(ErrorKind::SourceProfile, source, section));
                    }
                    None => return Ok(None),
                },
                Step::Role(role, base) => {
                    roles.push(*role);
                    break base;
                }
                // A role may name its own profile as the source of its key.
                Step::Source(role, source)
                    if rules.own_source != OwnSource::Circle
                        && source.as_str() == section.name().name() =>
                {
                    roles.push(*role);
                    let base = Step::own_base(settings, section, shared)?;
                    let kind = missing(rules, ErrorKind::SourceProfile);
                    break base.ok_or_else(|| no_source(kind, source, section))?;
                }
                Step::Source(_, source) if visited.contains(&source.as_str()) => {
                    visited.push(source.as_str());
                    return Err(circle(source, &visited));
                }
                Step::Source(_, source) if roles.len() == MAX_ROLES => {
                    let tool = settings.order().tool();
                    let text = format!(
                        "source_profile: more than {MAX_ROLES} roles in a row, which {tool} would \
                         assume and this program does not: name a profile nearer to the key"
                    );
                    return Err(error_at(ErrorKind::SourceProfile, source, &text));
                }
                Step::Source(role, source) => {
                    roles.push(*role);
                    let name = SectionName::profile(source.as_str());
                    let kind = missing(rules, ErrorKind::SourceProfile);
                    let files = settings.files();
                    section = files.section_of(source, "source_profile", &name, kind)?;
                    named_by = Some(source);
                }
            }
        };
        roles.reverse();
        let count = roles.len();
        for (step, role) in (1..).zip(&mut roles).filter(|_| count > 1) {
            let profile = shown(settings.profile_name());
            role.step = Some(format!("step {step} of {count} to profile \"{profile}\""));
        }
        Ok(Some(Self { base, roles }))
    }

    /// Returns where the credentials will come from.
    pub(in crate::providers) fn origin(&self) -> Origin {
        match (self.roles.last(), &self.base) {
            (Some(role), _) => role.origin(),
            (None, Base::WebIdentity { role, .. }) => role.origin(),
            (None, Base::Key(found)) => found.origin.clone(),
            (None, Base::Process(process)) => process.origin(),
            #[cfg(feature = "sso")]
            (None, Base::Sso(role)) => role.origin(),
            #[cfg(feature = "login")]
            (None, Base::Login(login)) => login.origin(),
            // Whoever asks it gets its own origin.
            (None, Base::Source(_)) => Origin::Default,
        }
    }
}

impl Base {
    /// Returns what these credentials are made of. Sessions that are assumed with them are cached
    /// by it. It contains no secret, except what someone wrote into the command of a process.
    pub(in crate::providers) fn key(&self, settings: &Settings) -> String {
        match self {
            Self::Key(found) => found.credentials.access_key_id().to_owned(),
            Self::Source(source) => {
                let variables = source.variables(settings).iter();
                let values = variables.filter_map(|name| settings.variables().text(name));
                let values: Vec<_> = values.collect();
                format!("{} {}", source.name(), values.join(" "))
            }
            Self::Process(process) => process.key(),
            #[cfg(feature = "sso")]
            Self::Sso(role) => role.key(settings),
            #[cfg(feature = "login")]
            Self::Login(login) => login.key(),
            Self::WebIdentity {
                role, token_file, ..
            } => {
                let (path, session) = (token_file.path.display(), role.session_name.as_deref());
                format!("{path} {} {}", role.arn, session.unwrap_or_default())
            }
        }
    }
}

impl CredentialSource {
    /// Returns the variables that tell the credentials of this source from others, and that hold
    /// no secret.
    fn variables(self, settings: &Settings) -> &'static [&'static str] {
        match self {
            Self::Environment => settings.rules().id,
            Self::Container => &[
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            ],
            Self::InstanceMetadata => &["AWS_EC2_METADATA_SERVICE_ENDPOINT"],
        }
    }

    pub(in crate::providers) fn name(self) -> &'static str {
        match self {
            Self::Environment => "Environment",
            Self::Container => "EcsContainer",
            Self::InstanceMetadata => "Ec2InstanceMetadata",
        }
    }
}

/// What one profile contributes to the plan.
enum Step<'a> {
    Nothing,
    Base(Base),
    Role(Box<Role>, Base),
    Source(Box<Role>, &'a Value),
}

impl<'a> Step<'a> {
    /// Reads a profile. In one that is the source of a role, a key may come first, or keep it from
    /// being a role.
    fn from_section(
        settings: &Settings,
        section: &'a Section,
        is_source: bool,
        shared: Shared<'_>,
    ) -> Result<Self, Error> {
        let rules = settings.rules();
        if is_source
            && rules.source_key == SourceKey::First
            && let Some(key) = source_key(section, rules)?
        {
            return Ok(Self::Base(Base::Key(key)));
        }
        let is_kept = rules.source_key == SourceKey::NoRole && has_half_a_key(section);
        let may_be_role = !(is_source && is_kept);
        Self::first(settings, section, is_source, may_be_role, shared)
    }

    /// Returns the first source of a profile that it has.
    fn first(
        settings: &Settings,
        section: &'a Section,
        is_source: bool,
        may_be_role: bool,
        shared: Shared<'_>,
    ) -> Result<Self, Error> {
        let rules = settings.rules();
        refuse_empty_sources(section, &["credential_source"], rules)?;
        if let Some(source) = first_source(section, rules) {
            return named_source(source, rules).map(Self::Base);
        }
        for source in rules.in_profile {
            let step = match source {
                ProfileSource::WebIdentity => {
                    refuse_empty_sources(section, &[TOKEN_FILE], rules)?;
                    Self::with_token_file(section, rules, shared)?
                }
                ProfileSource::Role if may_be_role => Self::with_role(settings, section)?,
                ProfileSource::Role => None,
                ProfileSource::Key => match own_key(section, rules)? {
                    Some(key) => Some(Self::Base(Base::Key(key))),
                    None if rules.refuses_empty_id => {
                        refuse_empty(section, ID, rules).map(|()| None)?
                    }
                    None => {
                        refuse_token_alone(section, rules)?;
                        None
                    }
                },
                ProfileSource::CredentialsKey => key_of_credentials(section, rules)?,
                ProfileSource::Sso => {
                    refuse_empty_sources(section, rules.sso, rules)?;
                    with_sso(settings, section, rules.sso)?
                }
                ProfileSource::Login => with_login(section, rules)?,
                ProfileSource::Process => {
                    refuse_empty(section, PROCESS, rules)?;
                    let command = property(section, PROCESS);
                    command.map(|command| Self::Base(Base::Process(Process::new(section, command))))
                }
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
        match property(section, "credential_source") {
            // As in the SDKs, the last profile of a chain may name a source without a role.
            Some(source) if is_source => named_source(source, rules).map(Self::Base),
            _ if !rules.refuses_sso_alone => Ok(Self::Nothing),
            // Nothing else is configured: going on would use another identity.
            _ => Ok(with_sso(settings, section, SSO)?.unwrap_or(Self::Nothing)),
        }
    }

    /// Returns the credentials of a profile whose role names it as its own source.
    fn own_base(
        settings: &Settings,
        section: &Section,
        shared: Shared<'_>,
    ) -> Result<Option<Base>, Error> {
        let rules = settings.rules();
        match rules.own_source {
            OwnSource::Key => return Ok(own_key(section, rules)?.map(Base::Key)),
            OwnSource::AllIfKey if !has_half_a_key(section) => return Ok(None),
            OwnSource::All | OwnSource::AllIfKey | OwnSource::Circle => {}
        }
        match Step::first(settings, section, true, false, shared)? {
            Step::Base(base) => Ok(Some(base)),
            _ => Ok(None),
        }
    }

    fn with_token_file(
        section: &Section,
        rules: &Rules,
        shared: Shared<'_>,
    ) -> Result<Option<Self>, Error> {
        let Some(token_file) = property(section, TOKEN_FILE) else {
            return Ok(None);
        };
        let Some(arn) = property(section, ROLE).or(shared.arn.map(|_| token_file)) else {
            if rules.role_alone == RoleAlone::NoRole {
                return Ok(None);
            }
            let text = format!("{TOKEN_FILE} without {ROLE}: it needs both");
            return Err(error_at(ErrorKind::SourceProfile, token_file, &text));
        };
        let mut role = Box::new(role(section, arn)?);
        if let Some(arn) = shared.arn {
            arn.clone_into(&mut role.arn);
            role.named_in = Origin::environment(&[SHARED_ROLE]);
            role.set_place("RoleArn", SHARED_ROLE.to_owned());
        }
        if let Some(name) = shared.session_name {
            role.session_name = Some(name.to_owned());
            role.set_place("RoleSessionName", SHARED_SESSION_NAME.to_owned());
        }
        Ok(Some(Self::Base(Base::WebIdentity {
            role,
            token_file: TokenFile {
                path: token_file.as_str().into(),
                setting: format!("{}: {TOKEN_FILE}", token_file.location()),
            },
            is_split: shared.arn.is_some(),
        })))
    }

    /// A role with a token file is a web identity.
    fn with_role(settings: &Settings, section: &'a Section) -> Result<Option<Self>, Error> {
        let rules = settings.rules();
        let counts_empty = rules.counts_empty_token_file;
        let token_file = section
            .get(TOKEN_FILE)
            .filter(|_| !rules.role_beside_token_file);
        if token_file.is_some_and(|file| counts_empty || file.non_empty().is_some()) {
            return Ok(None);
        }
        refuse_empty(section, ROLE, rules)?;
        let Some(arn) = property(section, ROLE) else {
            return Ok(None);
        };
        let role = Box::new(role(section, arn)?);
        let sources = ["source_profile", "credential_source"].map(|name| property(section, name));
        match sources {
            [Some(source), None] => Ok(Some(Self::Source(role, source))),
            [None, Some(source)] => Ok(Some(Self::Role(role, named_source(source, rules)?))),
            [Some(_), Some(_)] if !rules.refuses_two_sources => Ok(None),
            [None, None] if rules.role_alone == RoleAlone::NoRole => Ok(None),
            [Some(source), Some(_)] => {
                let text = "source_profile and credential_source exclude each other: remove one";
                Err(error_at(ErrorKind::SourceProfile, source, text))
            }
            [None, None] if rules.role_alone == RoleAlone::OwnBase => {
                let base = base_of_role_alone(settings, section)?;
                Ok(Some(Self::Role(role, base)))
            }
            [None, None] => {
                let text = "role_arn needs source_profile or credential_source";
                let kind = match section.get("source_profile") {
                    // It names the profile "".
                    Some(_) => missing(rules, ErrorKind::SourceProfile),
                    None => ErrorKind::SourceProfile,
                };
                Err(error_at(kind, arn, text))
            }
        }
    }
}

/// Returns what a role without a source is assumed with, by [`RoleAlone::OwnBase`].
fn base_of_role_alone(settings: &Settings, section: &Section) -> Result<Base, Error> {
    let rules = settings.rules();
    if let Some(key) = own_key(section, rules)? {
        return Ok(Base::Key(key));
    }
    if let Some(Step::Base(base)) = with_sso(settings, section, rules.sso)? {
        return Ok(base);
    }
    if let Some(command) = property(section, PROCESS) {
        return Ok(Base::Process(Process::new(section, command)));
    }
    let mut variables = CredentialSource::Container.variables(settings).iter();
    let is_container = variables.any(|name| settings.variables().text(name).is_some());
    Ok(Base::Source(if is_container {
        CredentialSource::Container
    } else {
        CredentialSource::InstanceMetadata
    }))
}

/// Returns `credential_source` if it comes before all else.
fn first_source<'a>(section: &'a Section, rules: &Rules) -> Option<&'a Value> {
    let is_role = section.get(ROLE).is_some() && section.get(TOKEN_FILE).is_none();
    let source = property(section, "credential_source")?;
    (rules.named_source_first && !is_role).then_some(source)
}

/// Returns the kind of an error about something that is missing, after which some go on.
pub(in crate::providers) fn missing(rules: &Rules, kind: ErrorKind) -> ErrorKind {
    match rules.passes_over_profiles {
        PassedOver::Missing => MISSING,
        _ => kind,
    }
}

/// Parses `credential_source`.
fn named_source(source: &Value, rules: &Rules) -> Result<Base, Error> {
    let sources = [
        CredentialSource::Environment,
        CredentialSource::InstanceMetadata,
        CredentialSource::Container,
    ];
    let mut sources = sources.into_iter();
    let found = sources.find(|known| {
        let is_same = known.name().eq_ignore_ascii_case(source.as_str());
        is_same && (rules.credential_source_in_any_case || known.name() == source.as_str())
    });
    found.map(Base::Source).ok_or_else(|| {
        let expected = "Environment, Ec2InstanceMetadata or EcsContainer";
        let text = format!("credential_source {}", is_not(source.as_str(), expected));
        error_at(ErrorKind::SourceProfile, source, &text)
    })
}

fn role(section: &Section, arn: &Value) -> Result<Role, Error> {
    let text = |name| property(section, name).map(|value| value.as_str().to_owned());
    let place = |(parameter, name): &(&'static str, &str)| {
        let value = property(section, name)?;
        let setting = format!("{}: {name}", value.location());
        Some(Place { parameter, setting })
    };
    Ok(Role {
        places: PARAMETERS.iter().filter_map(place).collect(),
        arn: arn.as_str().to_owned(),
        session_name: text("role_session_name"),
        external_id: text("external_id"),
        duration_seconds: duration_seconds(section)?,
        mfa_serial: text("mfa_serial"),
        source_profile: text("source_profile").filter(|name| name != section.name().name()),
        region: property(section, "region").map(|value| {
            let origin = Origin::file(value.location(), section.name().name());
            (value.as_str().to_owned(), origin)
        }),
        named_in: Origin::file(arn.location(), section.name().name()),
        step: None,
    })
}

/// Returns the duration. STS checks its limits.
fn duration_seconds(section: &Section) -> Result<Option<u32>, Error> {
    let name = "duration_seconds";
    let value = section.get(name);
    let Some(setting) = value.and_then(|value| Setting::from_value(section, name, value)) else {
        return Ok(None);
    };
    match u32::try_from(setting.seconds()?.as_secs()) {
        Ok(seconds) => Ok(Some(seconds)),
        Err(_) => Err(setting.invalid("a number of seconds from 900 to 43200")),
    }
}

/// Refuses a property without a value, as botocore does: as if the line were not there, another
/// identity would be used.
fn refuse_empty(section: &Section, name: &str, rules: &Rules) -> Result<(), Error> {
    match section.get(name) {
        Some(value) if value.non_empty().is_none() && rules.refuses_empty_properties => {
            let text = format!("{name} is empty: set it, or remove the line");
            Err(error_at(ErrorKind::Setting, value, &text))
        }
        _ => Ok(()),
    }
}

/// Refuses one of these properties without a value, where that does not count as missing.
fn refuse_empty_sources(section: &Section, names: &[&str], rules: &Rules) -> Result<(), Error> {
    let mut names = names.iter().filter(|_| rules.refuses_empty_sources);
    names.try_for_each(|name| refuse_empty(section, name, rules))
}

fn refuse_token_alone(section: &Section, rules: &Rules) -> Result<(), Error> {
    match property(section, TOKEN) {
        Some(token) if rules.refuses_empty_sources => {
            let text = format!("{TOKEN} without {ID}: the file needs both");
            Err(error_at(ErrorKind::PartialCredentials, token, &text))
        }
        _ => Ok(()),
    }
}

/// Reads SSO, if the profile has one of these properties.
#[cfg(feature = "sso")]
fn with_sso<'a>(
    settings: &Settings,
    section: &Section,
    names: &[&str],
) -> Result<Option<Step<'a>>, Error> {
    let mut names = names.iter();
    let first = names.find_map(|name| Some((*name, property(section, name)?)));
    let role = first.map(|first| SsoRole::from_section(settings, section, first));
    Ok(role
        .transpose()?
        .map(|role| Step::Base(Base::Sso(Box::new(role)))))
}

#[cfg(not(feature = "sso"))]
fn with_sso<'a>(
    _settings: &Settings,
    section: &Section,
    names: &[&str],
) -> Result<Option<Step<'a>>, Error> {
    unsupported(section, names, "needs the feature sso of this build")
}

/// Reads the console session of `aws login`, if the profile has one.
#[cfg(feature = "login")]
fn with_login<'a>(section: &Section, rules: &Rules) -> Result<Option<Step<'a>>, Error> {
    refuse_empty(section, LOGIN, rules)?;
    let session = property(section, LOGIN);
    Ok(session.map(|session| Step::Base(Base::Login(Login::new(section, session)))))
}

#[cfg(not(feature = "login"))]
fn with_login<'a>(section: &Section, _rules: &Rules) -> Result<Option<Step<'a>>, Error> {
    unsupported(section, &[LOGIN], "needs the feature login of this build")
}

/// Refuses a source that this build does not support.
#[cfg(not(all(feature = "sso", feature = "login")))]
fn unsupported<'a>(
    section: &Section,
    names: &[&str],
    why: &str,
) -> Result<Option<Step<'a>>, Error> {
    match names
        .iter()
        .find_map(|name| Some((name, property(section, name)?)))
    {
        None => Ok(None),
        Some((name, value)) => {
            let text = format!("{} has {name}, which {why}", section.name());
            Err(error_at(ErrorKind::Unsupported, value, &text))
        }
    }
}

/// Returns the key if the credentials file has its ID.
fn key_of_credentials<'a>(section: &Section, rules: &Rules) -> Result<Option<Step<'a>>, Error> {
    let Some(part) = section.part(FileKind::Credentials) else {
        return Ok(None);
    };
    match part.get(ID) {
        Some(id) if id.non_empty().is_some() => {
            let key = read_key(section, part, &[], id, rules)?;
            Ok(Some(Step::Base(Base::Key(key))))
        }
        Some(_) if rules.refuses_empty_id => match property_in(part, SECRET) {
            Some(secret) => Err(partial(part, secret, SECRET, ID)),
            None => refuse_empty(section, ID, rules).map(|()| None),
        },
        _ => Ok(None),
    }
}

/// Returns true if a profile has a part of a key, even if that is empty.
fn has_half_a_key(section: &Section) -> bool {
    [ID, SECRET].iter().any(|name| section.get(name).is_some())
}

/// Returns the key of a profile that is a source. Half a key is ignored if the profile has a role.
fn source_key(section: &Section, rules: &Rules) -> Result<Option<Found>, Error> {
    match own_key(section, rules) {
        Err(error) if error.kind() == ErrorKind::PartialCredentials => {
            match property(section, ROLE) {
                Some(_) => Ok(None),
                None => Err(error),
            }
        }
        key => key,
    }
}

/// Returns the profile's key: id, secret, token and account from one file, the credentials file
/// first.
fn own_key(section: &Section, rules: &Rules) -> Result<Option<Found>, Error> {
    let parts = [FileKind::Credentials, FileKind::Config].map(|kind| section.part(kind));
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let find = |name| {
        let mut parts = parts.iter().copied();
        parts.find_map(|part| Some((part, property_in(part, name)?)))
    };
    match (find(ID), find(SECRET)) {
        (Some((part, id)), Some(_)) if rules.merges_files => {
            read_key(section, part, &parts, id, rules).map(Some)
        }
        (Some((part, id)), _)
            if rules.refuses_half_key_in_profile || property_in(part, SECRET).is_some() =>
        {
            read_key(section, part, &[], id, rules).map(Some)
        }
        (None, Some((part, secret)))
            if rules.refuses_half_key_in_profile
                && (rules.refuses_secret_alone_in_profile || part.get(ID).is_some()) =>
        {
            Err(partial(part, secret, SECRET, ID))
        }
        _ => Ok(None),
    }
}

/// Reads the key whose ID is in a part of a profile. What that part does not have is looked for in
/// `more`.
fn read_key(
    section: &Section,
    part: &Part,
    more: &[&Part],
    id: &Value,
    rules: &Rules,
) -> Result<Found, Error> {
    let text = |name: &str| {
        let mut more = more.iter();
        let value = property_in(part, name);
        let value = value.or_else(|| more.find_map(|part| property_in(part, name)));
        value.map(Value::as_str)
    };
    let Some(secret) = text(SECRET) else {
        return Err(partial(part, id, ID, SECRET));
    };
    let key = Key {
        id: id.as_str(),
        secret,
        token: rules
            .token
            .iter()
            .find_map(|name| text(&name.to_ascii_lowercase())),
        account_id: text("aws_account_id"),
        expiry: None,
    };
    let origin = Origin::file(id.location(), section.name().name());
    key.into_found(origin)
}

/// Returns a property of both files together that is not empty.
pub(in crate::providers) fn property<'a>(section: &'a Section, name: &str) -> Option<&'a Value> {
    section
        .get(name)
        .filter(|value| value.non_empty().is_some())
}

/// Returns a property of one file that is not empty.
pub(super) fn property_in<'a>(part: &'a Part, name: &str) -> Option<&'a Value> {
    part.get(name).filter(|value| value.non_empty().is_some())
}

/// Creates an error that starts with the file and line of a value.
pub(in crate::providers) fn error_at(kind: ErrorKind, value: &Value, text: &str) -> Error {
    Error::new(kind, format!("{}: {text}", value.location()))
}

/// Creates the error for half a key. If the other half is there but empty, the error names its
/// line.
fn partial(part: &Part, value: &Value, there: &str, missing: &str) -> Error {
    let (value, text) = match part.get(missing) {
        Some(empty) => (
            empty,
            format!("{missing} is empty beside {there}: the file needs both"),
        ),
        None => {
            let slip = slip(part, missing).map_or_else(String::new, |(name, slip)| {
                format!(
                    " (line {} has {name}, which does not count)",
                    slip.location().line()
                )
            });
            let text = format!("{there} without {missing}{slip}: the file needs both");
            (value, text)
        }
    };
    error_at(ErrorKind::PartialCredentials, value, &text)
}

/// Returns a property whose name is meant to be another: an old one, or one with other signs than
/// `_`.
fn slip<'a>(part: &'a Part, missing: &str) -> Option<(&'a str, &'a Value)> {
    let letters = |name: &str| {
        let letters = name.chars().filter(char::is_ascii_alphabetic);
        letters.collect::<String>()
    };
    let wanted: &[&str] = match missing {
        SECRET => &["awssecretaccesskey", "awssecretkey"],
        _ => &["awsaccesskeyid", "awsaccesskey"],
    };
    part.iter()
        .find(|(name, _)| *name != missing && wanted.contains(&letters(name).as_str()))
}

fn no_source(kind: ErrorKind, source: &Value, section: &Section) -> Error {
    let text = format!("source_profile: {} has no credentials", section.name());
    error_at(kind, source, &text)
}

fn circle(source: &Value, names: &[&str]) -> Error {
    let names: Vec<_> = names.iter().map(|name| shown(name)).collect();
    let text = format!("source_profile leads in a circle: {}", names.join(" → "));
    error_at(ErrorKind::SourceProfile, source, &text)
}

use keyfob_sigv4::{Secret, Timestamp};
use keyfob_sts::sso::{RegistrationFile, TokenFile};

use super::{REGION, SESSION, START_URL};
use crate::{
    config::{Region, Settings},
    error::{Error, ErrorKind, shown},
    files::{Lock, names},
    origin::Origin,
    profiles::{Section, SectionName},
    providers::{
        role::property,
        shared_token::{SharedToken, at},
    },
    shell,
    token_folder::TokenFolder,
};

const SCOPES: &str = "sso_registration_scopes";
/// What an error about the folder starts with.
const PLACE: &str = "sso/cache";

/// What a user signs in to at IAM Identity Center: a section `[sso-session NAME]`, or a profile
/// with a start URL only.
///
/// It owns the files that all tools share: the token, which the provider of the profile reads and
/// refreshes, and the registration of the client that gets it. Their texts are those of
/// [`TokenFile`] and [`RegistrationFile`].
///
/// Source: SDKs and Tools Reference Guide, "IAM Identity Center credential provider".
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Settings, SsoSession, Variables, profiles::{ConfigFiles, FileKind}};
///
/// let config = "[sso-session corp]
/// sso_start_url = https://d-1234567890.awsapps.com/start
/// sso_region = eu-west-1
/// sso_registration_scopes = sso:account:access, codewhisperer:completions
/// ";
/// let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
/// let settings = Settings::new(Variables::default(), files);
/// let session = SsoSession::named(&settings, "corp")?;
/// assert_eq!(session.region().name(), "eu-west-1");
/// assert_eq!(session.scopes(), ["sso:account:access", "codewhisperer:completions"]);
/// assert!(SsoSession::named(&settings, "other").is_err());
/// # Ok::<(), keyfob_chain::Error>(())
/// ```
///
/// [`TokenFile`]: https://docs.rs/keyfob-sts/latest/keyfob_sts/sso/struct.TokenFile.html
/// [`RegistrationFile`]: https://docs.rs/keyfob-sts/latest/keyfob_sts/sso/struct.RegistrationFile.html
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsoSession {
    name: Option<String>,
    start_url: String,
    region: Region,
    scopes: Vec<String>,
}

impl SsoSession {
    /// Creates a session from what a section would say. Without a name it is that of a profile.
    pub fn new(
        name: Option<String>,
        start_url: impl Into<String>,
        region: Region,
        scopes: Vec<String>,
    ) -> Self {
        let start_url = start_url.into();
        Self {
            name,
            start_url,
            region,
            scopes,
        }
    }

    /// Returns the session with a name.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Setting`](crate::ErrorKind::Setting) if there is no such section, or if it
    ///   lacks `sso_start_url` or `sso_region`.
    /// - [`ErrorKind::ConfigFile`](crate::ErrorKind::ConfigFile) if the section cannot be read.
    pub fn named(settings: &Settings, name: &str) -> Result<Self, Error> {
        const CURE: &str = "run `keyfob configure sso-session`";
        let section_name = SectionName::SsoSession(name.to_owned());
        let section = settings.files().find(&section_name)?.ok_or_else(|| {
            let name = shown(name);
            let message = format!("the SSO session \"{name}\" does not exist: {CURE}");
            Error::new(ErrorKind::Setting, message)
        })?;
        Self::read(Some(section), Some(name.to_owned()), CURE)
    }

    /// Returns that of the profile in use: the session that it names, or its own start URL and
    /// region. An account and a role are not needed.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::ProfileNotFound`](crate::ErrorKind::ProfileNotFound) if the profile that is
    ///   asked for does not exist.
    /// - The errors of [`named`](Self::named).
    pub fn from_profile(settings: &Settings) -> Result<Self, Error> {
        let profile = settings.profile()?;
        if let Some(name) = profile.and_then(|profile| property(profile, SESSION)) {
            return Self::named(settings, name.as_str());
        }
        let option = shell::option("--profile", settings.profile_name());
        Self::read(
            profile,
            None,
            &format!("run `keyfob configure sso {option}`"),
        )
    }

    fn read(section: Option<&Section>, name: Option<String>, cure: &str) -> Result<Self, Error> {
        let value = |name| section.and_then(|section| property(section, name));
        let (Some(start_url), Some(region)) = (value(START_URL), value(REGION)) else {
            let missing = [START_URL, REGION].into_iter();
            let missing: Vec<_> = missing.filter(|name| value(name).is_none()).collect();
            let message = format!("no {} to sign in with: {cure}", missing.join(" and no "));
            return Err(Error::new(ErrorKind::Setting, message));
        };
        let section_name = section.map_or("", |section| section.name().name());
        let origin = Origin::file(region.location(), section_name);
        let scopes = value(SCOPES).map(|scopes| Self::scopes_of(scopes.as_str()));
        Ok(Self {
            name,
            start_url: start_url.as_str().to_owned(),
            region: Region::new(region.as_str(), origin)?,
            scopes: scopes.unwrap_or_default(),
        })
    }

    /// Splits the value of `sso_registration_scopes` at its commas.
    pub fn scopes_of(value: &str) -> Vec<String> {
        let scopes = value.split(',').map(str::trim);
        let scopes = scopes.filter(|scope| !scope.is_empty());
        scopes.map(str::to_owned).collect()
    }

    /// Returns the name of the section, or `None` for the start URL of a profile.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the start URL, as it is written.
    pub fn start_url(&self) -> &str {
        &self.start_url
    }

    /// Returns the region of IAM Identity Center.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Returns the scopes that are configured.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Returns the session in another region. Its registration is another one; its token is not.
    #[must_use]
    pub fn with_region(self, region: Region) -> Self {
        Self { region, ..self }
    }

    /// Returns the token of the user, which is refreshed before if it is about to expire.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SignIn`](crate::ErrorKind::SignIn) if the user must sign in;
    /// [`ErrorKind::Provider`](crate::ErrorKind::Provider) if the token cannot be refreshed now.
    pub async fn access_token(&self, settings: &Settings, now: Timestamp) -> Result<Secret, Error> {
        let (profile, origin) = (settings.profile_name(), self.region.origin());
        let token = self.token(settings, profile, origin, PLACE.to_owned())?;
        let file = token.get::<TokenFile>(None, now).await?;
        Ok(file.access_token().clone())
    }

    /// Returns the file with the token. `profile` is one that has this session, and `place` is
    /// where it is named.
    pub(super) fn token<'a>(
        &'a self,
        settings: &'a Settings,
        profile: &str,
        origin: &'a Origin,
        place: String,
    ) -> Result<SharedToken<'a>, Error> {
        let (what, cure) = match &self.name {
            Some(name) => (
                format!("token of the SSO session \"{}\"", shown(name)),
                shell::option("keyfob sso login --sso-session", name),
            ),
            None => (
                format!("SSO token of profile \"{}\"", shown(profile)),
                shell::option("keyfob sso login --profile", profile),
            ),
        };
        let folder = TokenFolder::sso(settings).map_err(at(&place))?;
        Ok(SharedToken {
            path: folder.path().join(self.token_name()),
            settings,
            region: Some(self.region.clone()),
            is_refreshed: self.name.is_some() || settings.rules().refreshes_old_sso,
            what,
            origin,
            place,
            cure,
        })
    }

    /// Returns the name of the file with the token.
    fn token_name(&self) -> String {
        names::sso_token(self.name.as_ref().unwrap_or(&self.start_url))
    }

    /// Fails if a token could not be saved. It is called before the user signs in, which would be
    /// in vain.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`](crate::ErrorKind::Write) if the folder cannot be written.
    pub fn check_disk(&self, settings: &Settings) -> Result<(), Error> {
        let folder = TokenFolder::sso(settings)?;
        let path = folder.path().join(self.token_name());
        Lock::acquire(path, Lock::PATIENCE).map(drop)
    }

    /// Returns the text of the registration file, if it can be read.
    pub fn registration(&self, settings: &Settings) -> Option<Secret> {
        let folder = TokenFolder::sso(settings).ok()?;
        folder.read(&self.registration_name()).ok()?
    }

    /// Saves the text of a registration file. The members of the old file that are not known stay.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`](crate::ErrorKind::Write) if the file cannot be written.
    pub fn save_registration(&self, settings: &Settings, text: &Secret) -> Result<(), Error> {
        TokenFolder::sso(settings)?.write(&self.registration_name(), |old| {
            let old = old.and_then(|old| RegistrationFile::parse(old).ok());
            match (old, RegistrationFile::parse(text.expose())) {
                (Some(old), Ok(new)) => new.after(&old).to_text(),
                _ => text.clone(),
            }
        })
    }

    /// Saves the text of a token file after a login. The members of the old file that are not known
    /// stay.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Write`](crate::ErrorKind::Write) if the file cannot be written.
    pub fn save_token(&self, settings: &Settings, text: &Secret) -> Result<(), Error> {
        TokenFolder::sso(settings)?.write(&self.token_name(), |old| {
            let old = old.and_then(|old| TokenFile::parse(old).ok());
            match (old, TokenFile::parse(text.expose())) {
                (Some(old), Ok(new)) => new.after(&old).to_text(),
                _ => text.clone(),
            }
        })
    }

    fn registration_name(&self) -> String {
        let (region, name) = (self.region.name(), self.name.as_deref());
        RegistrationFile::name(&self.start_url, region, name, &self.scopes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Variables, profiles::ConfigFiles};

    #[test]
    fn a_registration_is_of_one_region_and_keeps_what_other_tools_wrote() {
        let home = tempfile::tempdir().unwrap();
        let variables = Variables::from_iter([("HOME", home.path().to_str().unwrap())]);
        let settings = Settings::new(variables, ConfigFiles::default());
        let region = |name: &str| {
            let description = "a test".to_owned();
            Region::new(name, Origin::Other { description }).unwrap()
        };
        let old = SsoSession::new(None, "https://sso.example.com", region("us-east-1"), vec![]);
        let moved = old.clone().with_region(region("eu-west-1"));
        let text = |id: &str, more: &str| {
            let time = "2027-02-22T03:00:00Z";
            format!(r#"{{"clientId": "{id}", "clientSecret": "s", "expiresAt": "{time}"{more}}}"#)
        };
        let theirs = r#", "theirs": 1"#;
        let save = |text: String| old.save_registration(&settings, &text.into()).unwrap();
        save(text("a", theirs));
        assert!(moved.registration(&settings).is_none());
        save(text("b", ""));
        let saved = old.registration(&settings).unwrap();
        assert_eq!(saved.expose(), text("b", theirs));
    }
}

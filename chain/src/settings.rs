use std::sync::Arc;

use crate::{
    env::Env,
    error::Error,
    origin::Origin,
    profiles::{Profiles, Section, SectionName, Value},
    region::Region,
};

/// A setting and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting<'a> {
    /// What it says.
    pub text: &'a str,
    /// The variable, or file and line.
    pub origin: Origin,
}

impl<'a> Setting<'a> {
    fn of(section: &Section, value: &'a Value) -> Option<Self> {
        Some(Self {
            text: value.non_empty()?,
            origin: Origin::file(value.location(), section.name().name()),
        })
    }
}

/// What a chain is built from: the environment, the configuration files, and the profile that was asked for.
///
/// Cloning is cheap.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Env, Settings};
///
/// // No home folder: no file is opened.
/// let settings = Settings::load(Env::from_iter([("AWS_DEFAULT_PROFILE", "ci")]));
/// assert_eq!(settings.profile_name(), "ci");
/// assert_eq!(settings.with_profile("dev").profile_name(), "dev");
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    env: Arc<Env>,
    profiles: Arc<Profiles>,
    profile: String,
    profile_origin: Origin,
    region: Option<Region>,
}

impl Settings {
    /// The environment and the files it names, which are read now.
    pub fn load(env: Env) -> Self {
        let profiles = Profiles::load(&env);
        Self::new(env, profiles)
    }

    /// The environment and files that have been read.
    ///
    /// The profile is the one of `AWS_PROFILE`, then `AWS_DEFAULT_PROFILE`, then `default`; a blank variable is not
    /// set.
    pub fn new(env: Env, profiles: Profiles) -> Self {
        let named = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]
            .into_iter()
            .find_map(|variable| Some((env.text(variable)?, Origin::environment(&[variable]))));
        let (profile, profile_origin) = named.unwrap_or(("default", Origin::Default));
        Self {
            profile: profile.to_owned(),
            profile_origin,
            region: None,
            env: Arc::new(env),
            profiles: Arc::new(profiles),
        }
    }

    /// With the profile that the program was told to use, as `--profile` does. It comes before the environment, and
    /// in the order of the AWS CLI it also switches the environment's keys off.
    #[must_use]
    pub fn with_profile(mut self, name: impl Into<String>) -> Self {
        self.profile = name.into();
        self.profile_origin = Origin::Argument {
            name: "--profile".to_owned(),
        };
        self
    }

    /// With the region that the program was told to use, as `--region` does. It comes before all others, also where a
    /// role is asked for.
    #[must_use]
    pub fn with_region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// The region of [`with_region`](Self::with_region).
    pub(crate) fn given_region(&self) -> Option<&Region> {
        self.region.as_ref()
    }

    /// The environment.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// The configuration files.
    pub fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    /// The name of the profile that is used, whether or not there is one.
    pub fn profile_name(&self) -> &str {
        &self.profile
    }

    /// Who chose the profile.
    pub fn profile_origin(&self) -> &Origin {
        &self.profile_origin
    }

    /// Whether the program itself was told which profile to use.
    pub(crate) fn is_profile_explicit(&self) -> bool {
        matches!(self.profile_origin, Origin::Argument { .. })
    }

    /// The profile that is used. Nothing when nobody named one and there is no default.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ProfileNotFound`](crate::ErrorKind::ProfileNotFound) when one was named and no file has it;
    /// [`ErrorKind::ConfigFile`](crate::ErrorKind::ConfigFile) as for [`Profiles::profile`].
    pub fn profile(&self) -> Result<Option<&Section>, Error> {
        match self.profile_origin {
            Origin::Default => self.profiles.find(&SectionName::profile(&self.profile)),
            _ => self.profiles.profile(&self.profile).map(Some),
        }
    }

    /// A setting that a variable or a property of the profile can hold; the variable comes first. What is blank is not
    /// set. A profile that cannot be used sets nothing here: [`profile`](Self::profile) says so.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Env, Settings};
    ///
    /// let settings = Settings::load(Env::from_iter([("AWS_MAX_ATTEMPTS", "5")]));
    /// let attempts = settings.find("AWS_MAX_ATTEMPTS", "max_attempts").unwrap();
    /// assert_eq!((attempts.text, attempts.origin.to_string().as_str()), ("5", "AWS_MAX_ATTEMPTS"));
    /// ```
    pub fn find(&self, variable: &str, property: &str) -> Option<Setting<'_>> {
        if let Some(text) = self.env.text(variable) {
            let origin = Origin::environment(&[variable]);
            return Some(Setting { text, origin });
        }
        let profile = self.profile().ok()??;
        Setting::of(profile, profile.get(property)?)
    }

    /// The URL that is configured for a service in place of its own endpoint, by its id: `sts`, `sso oidc`.
    ///
    /// The order is that of the AWS CLI: `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`, the section that the profile's
    /// `services` names, the profile's `endpoint_url`. None counts when `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` or the
    /// profile's property of that name is `true`. An argument of the program comes before all of these.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigFile`](crate::ErrorKind::ConfigFile) when the section cannot be read, and
    /// [`ErrorKind::ProfileNotFound`](crate::ErrorKind::ProfileNotFound) when there is none of that name.
    pub fn endpoint_url(&self, service: &str) -> Result<Option<Setting<'_>>, Error> {
        const IGNORE: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
        let ignore = self.find(IGNORE, "ignore_configured_endpoint_urls");
        if ignore.is_some_and(|setting| setting.text.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let id = service.replace([' ', '-'], "_");
        let own = format!("AWS_ENDPOINT_URL_{}", id.to_ascii_uppercase());
        for variable in [own.as_str(), "AWS_ENDPOINT_URL"] {
            if let Some(text) = self.env.text(variable) {
                let origin = Origin::environment(&[variable]);
                return Ok(Some(Setting { text, origin }));
            }
        }
        let Some(profile) = self.profile()? else {
            return Ok(None);
        };
        let services = profile.get("services").and_then(Value::non_empty);
        let services = services.map(|name| SectionName::Services(name.to_owned()));
        let services = services
            .map(|name| self.profiles.section(&name))
            .transpose()?;
        let of_service = services.and_then(|section| {
            let value = section
                .get(&id.to_ascii_lowercase())?
                .nested("endpoint_url")?;
            Setting::of(section, value)
        });
        let of_profile = || Setting::of(profile, profile.get("endpoint_url")?);
        Ok(of_service.or_else(of_profile))
    }

    /// The region that the program, the environment or the profile say, in this order.
    ///
    /// `argument` is what the program was told, with what it calls that: `("--region", "eu-west-1")`. Without it, the
    /// region of [`with_region`](Self::with_region) comes first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`](crate::ErrorKind::InvalidSetting) when the first that says something says no
    /// region; those of [`profile`](Self::profile) when it comes to the profile.
    pub fn region(&self, argument: Option<(&str, &str)>) -> Result<Option<Region>, Error> {
        Region::find(self, argument)
    }
}

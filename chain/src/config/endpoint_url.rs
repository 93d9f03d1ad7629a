use super::{setting::Setting, settings::Settings, table};
use crate::{
    error::{Error, ErrorKind},
    profiles::SectionName,
};

impl Settings {
    /// Returns the URL that replaces a service's own endpoint, by the service's id, such as `sts`
    /// or `sso oidc`.
    ///
    /// The order is that of the AWS CLI: `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`, the section
    /// that the profile's `services` names, the profile's `endpoint_url`. All of these are ignored
    /// if `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` or `ignore_configured_endpoint_urls` in the profile
    /// is `true`. An argument of the program, which this does not know, comes before them.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::ConfigFile`](crate::ErrorKind::ConfigFile) if the profile or the section
    ///   cannot be read. A damaged profile `default` that nothing named sets no URL.
    /// - [`ErrorKind::ProfileNotFound`](crate::ErrorKind::ProfileNotFound) if the profile is named
    ///   but does not exist.
    /// - [`ErrorKind::Setting`](crate::ErrorKind::Setting), with the line of `services`, if the
    ///   section is named but does not exist.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let url = ("AWS_ENDPOINT_URL_STS", "http://localhost:4566");
    /// let settings = Settings::load(Variables::from_iter([url]));
    /// assert_eq!(settings.endpoint_url("sts")?.unwrap().text, "http://localhost:4566");
    /// assert_eq!(settings.endpoint_url("s3")?, None);
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn endpoint_url(&self, service: &str) -> Result<Option<Setting<'_>>, Error> {
        if self.flag(&table::IGNORE_CONFIGURED_ENDPOINT_URLS) {
            return Ok(None);
        }
        let id = service.replace([' ', '-'], "_");
        let of_service = table::SERVICE_ENDPOINT_URL.name();
        let of_service = of_service.replace("<SERVICE>", &id.to_ascii_uppercase());
        for variable in [of_service.as_str(), table::ENDPOINT_URL.name()] {
            if let Some(text) = self.variables().text(variable) {
                return Ok(Some(Setting::from_variable(variable, text)));
            }
        }
        let Some(profile) = self.settings_profile()? else {
            return Ok(None);
        };
        let services = profile.get("services").and_then(|value| {
            let name = SectionName::Services(value.non_empty()?.to_owned());
            Some(
                self.files()
                    .section_of(value, "services", &name, ErrorKind::Setting),
            )
        });
        let services = services.transpose()?;
        let of_service = services.and_then(|section| {
            let service = section.get(&id.to_ascii_lowercase())?;
            Setting::from_value(section, "endpoint_url", service.nested("endpoint_url")?)
        });
        let of_profile = || {
            let url = profile.get("endpoint_url")?;
            Setting::from_value(profile, "endpoint_url", url)
        };
        Ok(of_service.or_else(of_profile))
    }
}

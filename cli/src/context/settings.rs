use crate::{context::Context, failure::Failure};

impl Context {
    /// Returns the URL to use instead of the service's own endpoint, with its origin. The argument
    /// comes before the settings.
    ///
    /// # Errors
    ///
    /// If the section that the profile names for services cannot be read.
    pub(crate) fn endpoint_url(&self, service: &str) -> Result<Option<(&str, String)>, Failure> {
        if let Some(url) = &self.globals.endpoint_url {
            return Ok(Some((url, "--endpoint-url".to_owned())));
        }
        let setting = self.settings.endpoint_url(service)?;
        Ok(setting.map(|setting| (setting.text, self.origin(&setting.origin))))
    }

    /// Returns the setting that the variable or, after it, the profile's property gives.
    pub(crate) fn setting(&self, variable: &str, property: &str) -> Option<&str> {
        let setting = self.settings.find(variable, property)?;
        Some(setting.text)
    }

    /// Returns the same setting as a number.
    ///
    /// # Errors
    ///
    /// If it is not a number from 0 to 4294967295.
    pub(crate) fn number(&self, variable: &str, property: &str) -> Result<Option<u32>, Failure> {
        let Some(setting) = self.settings.find(variable, property) else {
            return Ok(None);
        };
        setting.text.parse().map(Some).map_err(|_| {
            let origin = self.origin(&setting.origin);
            Failure::configuration(format!("{:?} from {origin} is not a number", setting.text))
        })
    }
}

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
}

use std::{fs, io};

use keyfob_chain::{
    Argument, Finding, FindingKind, Region,
    settings::{MAX_ATTEMPTS, RETRY_MODE},
};
use keyfob_sts::{ClientBuilder, Endpoint, call::Service};
use tracing::debug;

use crate::{context::Context, failure::Failure};

/// Checks the value of `--endpoint-url`, the same way for every command.
///
/// # Errors
///
/// If it is not a URL of a server. The message does not repeat it, as it may hold a password.
pub(super) fn check_endpoint_argument(url: Option<&str>) -> Result<(), Failure> {
    let checked = url.map(|url| Endpoint::builder().url(url)).transpose();
    checked
        .map(drop)
        .map_err(|error| Failure::usage(format!("--endpoint-url: {error}")))
}

/// Checks that there is a file for `--ca-bundle`. The client reads it.
///
/// # Errors
///
/// If there is none. The message does not repeat the name, as a secret may stand in its place.
pub(super) fn check_ca_bundle_argument(file: Option<&str>) -> Result<(), Failure> {
    let is_missing =
        |file| fs::metadata(file).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    if file.is_some_and(is_missing) {
        let message = "--ca-bundle: there is no file with this name";
        return Err(Failure::usage(message));
    }
    Ok(())
}

impl Context {
    /// Returns the builder of a client for a service, with the settings that the roles of profiles
    /// are assumed with, too. `--endpoint-url` comes before them.
    ///
    /// # Errors
    ///
    /// If one of the settings cannot be used.
    pub(crate) fn client(
        &self,
        service: Service,
        region: &Region,
    ) -> Result<ClientBuilder, Failure> {
        let endpoint = self.endpoint_argument();
        let builder = self.settings.client(service, region, endpoint)?;
        self.log_endpoint(service.id());
        Ok(builder)
    }

    /// Logs what decides on the endpoint of a service and on its retries.
    pub(crate) fn log_endpoint(&self, service: &str) {
        let endpoint = self.endpoint_url(service).ok().flatten();
        let setting = |key| {
            let setting = self.settings.find(key)?;
            Some(format!(
                "{} ({})",
                setting.text,
                self.origin(&setting.origin)
            ))
        };
        debug!(
            endpoint_from = endpoint.map_or("the region".to_owned(), |(_, origin)| origin),
            max_attempts = setting(&MAX_ATTEMPTS),
            retry_mode = setting(&RETRY_MODE),
            "settings of {service}"
        );
    }

    /// Returns true if `--offline` forbids requests.
    pub(crate) fn is_offline(&self) -> bool {
        self.globals.connection.offline
    }

    /// Returns the argument `--endpoint-url`.
    pub(crate) fn endpoint_argument(&self) -> Option<Argument<'_>> {
        let url = self.globals.endpoint_url.as_deref();
        url.map(|url| Argument::new("--endpoint-url", url))
    }

    /// Prints a hint if the role with that ARN is in another partition than the region of requests
    /// to this endpoint.
    pub(crate) fn hint_partition(&self, endpoint: &Endpoint, arn: &str) {
        if let Some(hint) = endpoint.partition_hint(arn) {
            self.notes
                .print(&Finding::warning(FindingKind::Partition, hint));
        }
    }

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

use std::time::Duration;

use keyfob_sts::{Client, ClientBuilder, Endpoint, EndpointBuilder, call::Service};

use super::{
    findings::ENDPOINT_FLAGS,
    region::Region,
    setting::{Argument, Setting},
    settings::Settings,
    table,
};
use crate::{
    cure::Skip,
    error::{Error, ErrorKind, shown},
    explain::plain_url,
    finding::{Finding, FindingKind},
    origin::Origin,
    shell,
};

/// Stands for no timeout. Clocks can still add it to the current time.
const ENDLESS: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

impl Settings {
    /// Returns the builder of a client for STS, configured by these settings.
    ///
    /// Each variable comes before the property in the profile:
    ///
    /// | variable | property | meaning |
    /// |---|---|---|
    /// | `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL` | `endpoint_url` | URL, as [`endpoint_url`](Self::endpoint_url) finds it; `endpoint` comes before it |
    /// | `AWS_USE_FIPS_ENDPOINT` | `use_fips_endpoint` | `true` in any case: the endpoint for FIPS |
    /// | `AWS_USE_DUALSTACK_ENDPOINT` | `use_dualstack_endpoint` | `true` in any case: the endpoint that has IPv6 addresses as well |
    /// | `AWS_STS_REGIONAL_ENDPOINTS` | `sts_regional_endpoints` | `regional` or `legacy`, the global endpoint in older regions; only by the rules of boto3 and Java 2 |
    /// | `AWS_CA_BUNDLE` | `ca_bundle` | file of the certificate authorities to trust, in PEM (with one of the TLS features) |
    /// | `AWS_MAX_ATTEMPTS` | `max_attempts` | how often a call is sent at most, 1 or more; default 3 |
    /// | `AWS_RETRY_MODE` | `retry_mode` | `standard`, `adaptive` (which is the same here: it limits the rate of many calls) or `legacy` (5 attempts by default) |
    ///
    /// Arguments of the program come before all of these, and can set timeouts; see
    /// [`with_argument`](Self::with_argument).
    ///
    /// The HTTP client reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` from the
    /// environment of the process, not from these settings; names in lower case come first. For a
    /// proxy that cannot be used, also one for SOCKS, building the client is an error. A proxy is
    /// never used for an endpoint on this machine.
    ///
    /// If the endpoint is on another machine and its URL begins with `http://`, the function of
    /// [`with_notify`](Self::with_notify) is told.
    ///
    /// If this machine's clock is wrong, a call that is refused for its time is sent once more with
    /// the service's time.
    ///
    /// The roles of profiles and of pods are assumed by a client of this builder, with the region
    /// of [`resolve_region`](Self::resolve_region). Use the same for calls of your own, so that
    /// all of them go to one endpoint.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Setting`] if a value cannot be used. The message names its variable, its
    ///   property or its argument.
    /// - The errors of [`endpoint_url`](Self::endpoint_url).
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let variables = Variables::from_iter([
    ///     ("AWS_REGION", "us-west-2"),
    ///     ("AWS_USE_FIPS_ENDPOINT", "true"),
    /// ]);
    /// let settings = Settings::load(variables);
    /// let region = settings.region(None)?.unwrap();
    /// let client = settings.sts(&region, None)?.build()?;
    /// assert_eq!(client.endpoint().url(), "https://sts-fips.us-west-2.amazonaws.com/");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sts(
        &self,
        region: &Region,
        endpoint: Option<Argument<'_>>,
    ) -> Result<ClientBuilder, Error> {
        self.client(Service::STS, region, endpoint)
    }

    /// Returns the builder of a client for a service, configured as [`sts`](Self::sts) says, with
    /// the URL that is set for this service.
    ///
    /// # Errors
    ///
    /// As [`sts`](Self::sts).
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    /// use keyfob_sts::call::Service;
    ///
    /// let variables = Variables::from_iter([
    ///     ("AWS_REGION", "us-west-2"),
    ///     ("AWS_ENDPOINT_URL_SSO_OIDC", "http://localhost:5000"),
    /// ]);
    /// let settings = Settings::load(variables);
    /// let region = settings.region(None)?.unwrap();
    /// let client = settings.client(Service::SSO_OIDC, &region, None)?.build()?;
    /// assert_eq!(client.endpoint().url(), "http://localhost:5000/");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn client(
        &self,
        service: Service,
        region: &Region,
        endpoint: Option<Argument<'_>>,
    ) -> Result<ClientBuilder, Error> {
        let url = self.custom_url(service.id(), endpoint)?;
        let clear_text = url
            .as_ref()
            .and_then(|url| clear_text_finding(service, url));
        if let Some(finding) = clear_text {
            self.notify(&finding);
        }
        let mut url = self.endpoint(service.endpoint(), service.id(), region, endpoint)?;
        if service == Service::STS {
            url = url.legacy_global(self.has_legacy_sts()?);
        }
        let builder = self.connections()?.service(service).with_endpoint(url);
        Ok(self.sources().finish_client(builder.retry_clock_skew()))
    }

    /// Returns a builder with the number of attempts, the time limits and the certificates of these
    /// settings, and without a region and an endpoint, to open connections for requests that do not
    /// go through a client. [`sts`](Self::sts) has the variables and properties.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`] if a value cannot be used.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::from_iter([("AWS_CA_BUNDLE", "/no/such.pem")]));
    /// let error = settings.connections().unwrap_err();
    /// assert!(error.to_string().starts_with("AWS_CA_BUNDLE cannot be used"));
    /// ```
    pub fn connections(&self) -> Result<ClientBuilder, Error> {
        let mut builder = Client::builder();
        let attempts = self.attempts()?;
        if let Some(attempts) = attempts {
            builder = builder.attempts(attempts);
        }
        if let Some(timeout) = self.timeout("cli_connect_timeout")? {
            builder = builder.connect_timeout(timeout);
        }
        if let Some(timeout) = self.timeout("cli_read_timeout")? {
            // Each attempt may take that long, and the waits between them a minute.
            let all = timeout.saturating_mul(attempts.unwrap_or(3));
            let deadline = all.saturating_add(Duration::from_secs(60)).min(ENDLESS);
            builder = builder.timeout(timeout).deadline(deadline);
        }
        if let Some(setting) = self.offline() {
            builder = builder.offline(setting);
        }
        self.with_certificates(builder)
    }

    /// Returns a number of seconds that an argument sets. 0 is as long as it takes, as in `aws`.
    pub(super) fn timeout(&self, property: &str) -> Result<Option<Duration>, Error> {
        let Some(setting) = self.argument(property) else {
            return Ok(None);
        };
        let timeout = setting.seconds()?.min(ENDLESS);
        Ok(Some(if timeout.is_zero() { ENDLESS } else { timeout }))
    }

    /// Configures the endpoint of a service by these settings: its region, its URL, FIPS and dual
    /// stack. [`sts`](Self::sts) has the variables and properties.
    ///
    /// `service` is the id that settings have for it, as for [`endpoint_url`](Self::endpoint_url).
    ///
    /// # Errors
    ///
    /// As [`sts`](Self::sts).
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    /// use keyfob_sts::{Endpoint, Hosts};
    ///
    /// let variables = Variables::from_iter([
    ///     ("AWS_REGION", "us-west-2"),
    ///     ("AWS_USE_FIPS_ENDPOINT", "true"),
    /// ]);
    /// let settings = Settings::load(variables);
    /// let region = settings.region(None)?.unwrap();
    /// let queues = Endpoint::builder().hosts(Hosts::new("sqs"));
    /// let endpoint = settings.endpoint(queues, "sqs", &region, None)?.build()?;
    /// assert_eq!(endpoint.url(), "https://sqs-fips.us-west-2.amazonaws.com/");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn endpoint(
        &self,
        builder: EndpointBuilder,
        service: &str,
        region: &Region,
        argument: Option<Argument<'_>>,
    ) -> Result<EndpointBuilder, Error> {
        let url = self.custom_url(service, argument)?;
        for finding in self.flag_findings() {
            self.notify(&finding);
        }
        let mut builder = builder.region(region.name()).map_err(|error| {
            let service = service.to_ascii_uppercase();
            let message = format!("{service} cannot be used with this region");
            Error::with_source(ErrorKind::Setting, message, error)
        })?;
        let [fips, dual_stack] = ENDPOINT_FLAGS.map(|key| {
            let flag = self.find(&key);
            flag.filter(Setting::is_true)
        });
        if let Some(url) = url {
            if let Some(flag) = fips.as_ref().or(dual_stack.as_ref()) {
                let message = format!(
                    "{} does not work with a custom endpoint ({}): drop one of the two",
                    flag.full_name(),
                    url.full_name()
                );
                return Err(Error::new(ErrorKind::Setting, message));
            }
            builder = builder.url(url.text).map_err(|error| url.unusable(error))?;
        }
        Ok(builder
            .fips(fips.is_some())
            .dual_stack(dual_stack.is_some()))
    }

    /// Returns a warning if STS is called over a network without encryption, at the URL of the
    /// argument or of [`endpoint_url`](Self::endpoint_url).
    ///
    /// # Errors
    ///
    /// As [`endpoint_url`](Self::endpoint_url).
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Argument, Settings, Variables};
    ///
    /// let url = ("AWS_ENDPOINT_URL", "http://sts.corp.example:9000");
    /// let settings = Settings::load(Variables::from_iter([url]));
    /// let finding = settings.clear_text_finding(None)?.unwrap();
    /// assert!(finding.text.starts_with(
    ///     "STS is called without encryption at http://sts.corp.example:9000 (AWS_ENDPOINT_URL)",
    /// ));
    /// let local = Argument::new("--endpoint-url", "http://localhost:4566");
    /// assert_eq!(settings.clear_text_finding(Some(local))?, None);
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn clear_text_finding(
        &self,
        endpoint: Option<Argument<'_>>,
    ) -> Result<Option<Finding>, Error> {
        let url = self.custom_url("sts", endpoint)?;
        Ok(url
            .as_ref()
            .and_then(|url| clear_text_finding(Service::STS, url)))
    }

    /// Returns the URL of the argument, or else of [`endpoint_url`](Self::endpoint_url).
    pub(super) fn custom_url<'a>(
        &'a self,
        service: &str,
        argument: Option<Argument<'a>>,
    ) -> Result<Option<Setting<'a>>, Error> {
        match argument {
            Some(argument) => Ok(Some(Setting::from_argument(argument))),
            None => self.endpoint_url(service),
        }
    }

    /// Source: SDKs and Tools Reference Guide, "AWS STS Regional endpoints".
    fn has_legacy_sts(&self) -> Result<bool, Error> {
        if !self.rules().sts_may_be_global {
            return Ok(false);
        }
        Ok(self.choice(&table::STS_REGIONAL_ENDPOINTS)? == Some("legacy"))
    }

    /// Returns how often a call is sent at most, if that is set.
    ///
    /// Source: SDKs and Tools Reference Guide, "Retry behavior".
    fn attempts(&self) -> Result<Option<u32>, Error> {
        let is_legacy = self.choice(&table::RETRY_MODE)? == Some("legacy");
        let attempts = self.number(&table::MAX_ATTEMPTS)?;
        let attempts = attempts.map(|attempts| u32::try_from(attempts).unwrap_or(u32::MAX));
        Ok(attempts.or(is_legacy.then_some(5)))
    }

    #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
    pub(super) fn with_certificates(&self, builder: ClientBuilder) -> Result<ClientBuilder, Error> {
        use std::{fs, path::Path};

        use crate::error::{check_exists, unreadable};

        let verify = self.argument("verify_ssl");
        if verify.is_some_and(|setting| setting.text == "false") {
            return Ok(builder.accept_any_certificate());
        }
        match self.find(&table::CA_BUNDLE) {
            Some(file) => {
                let path = Path::new(file.text);
                check_exists(path).map_err(|error| file.unusable(error))?;
                // It gives its certificates once, and there may be several clients.
                let is_pipe =
                    fs::metadata(path).is_ok_and(|entry| !entry.is_file() && !entry.is_dir());
                let builder = if is_pipe {
                    let pem = self.pipes().read(path);
                    builder.ca_bundle(pem.map_err(|error| file.unusable(unreadable(path, &error)))?)
                } else {
                    builder.ca_bundle_file(path)
                };
                builder.map_err(|error| file.unusable(error))
            }
            None => Ok(builder),
        }
    }

    /// Without TLS there is no certificate to check.
    #[cfg(not(any(feature = "rustls-no-provider", feature = "native-tls")))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as with TLS")]
    pub(super) fn with_certificates(&self, builder: ClientBuilder) -> Result<ClientBuilder, Error> {
        Ok(builder)
    }
}

fn clear_text_finding(service: Service, url: &Setting<'_>) -> Option<Finding> {
    let endpoint = Endpoint::builder().url(url.text);
    // A URL that cannot be used is an error of the client.
    let endpoint = endpoint.and_then(EndpointBuilder::build).ok()?;
    endpoint.is_clear_text().then(|| {
        let text = format!(
            "{} is called without encryption at {} ({}): session tokens, MFA codes and the \
             credentials in answers can be read on the way; use a URL with https",
            service.id().to_ascii_uppercase(),
            shown(url.text),
            url.name
        );
        let ignore = table::IGNORE_CONFIGURED_ENDPOINT_URLS.name();
        let change = match &url.origin {
            Origin::Environment { .. } | Origin::File { .. } => Some(Skip::set(ignore, "true")),
            // A password in it is not repeated.
            Origin::Argument { name } if plain_url(url.text) == url.text => {
                Some(Skip::without(shell::option(name, url.text)))
            }
            _ => None,
        };
        let cure = change.map(|change| change.command());
        let finding = Finding::warning(FindingKind::ClearText, text);
        finding.with_origin(url.origin.clone()).with_cure_if(cure)
    })
}

use keyfob_imds::{Client, ClientBuilder, Endpoint, Mode};

use super::{
    setting::{Argument, Setting},
    settings::Settings,
    table,
};
use crate::{
    error::Error,
    finding::{Finding, FindingKind},
    order::InstanceLimits,
    origin::Origin,
    shell,
};

/// The variable that disables instance metadata.
pub(crate) const DISABLED: &str = table::EC2_METADATA_DISABLED.name();

impl Settings {
    /// Returns the builder of a client for instance metadata, configured by these settings.
    ///
    /// Each variable comes before the property in the profile:
    ///
    /// | variable | property | meaning |
    /// |---|---|---|
    /// | `AWS_EC2_METADATA_DISABLED` | (none) | `true` in any case: every call fails, no socket is opened |
    /// | `AWS_EC2_METADATA_SERVICE_ENDPOINT` | `ec2_metadata_service_endpoint` | URL; `endpoint` comes before it |
    /// | `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE` | `ec2_metadata_service_endpoint_mode` | `IPv4` or `IPv6`, if no URL is set |
    /// | `AWS_EC2_INSTANCE_PROFILE_NAME` | `ec2_instance_profile_name` | the instance profile, instead of looking it up |
    /// | `AWS_METADATA_SERVICE_TIMEOUT` | `metadata_service_timeout` | seconds for one request |
    /// | `AWS_METADATA_SERVICE_NUM_ATTEMPTS` | `metadata_service_num_attempts` | attempts for one request |
    ///
    /// `AWS_EC2_METADATA_V1_DISABLED` is not read: the client never uses IMDSv1 unless the program
    /// calls `allow_v1`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if a value is invalid. The message names
    /// the variable or property.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let variables = Variables::from_iter([("AWS_METADATA_SERVICE_TIMEOUT", "x")]);
    /// let settings = Settings::load(variables);
    /// assert_eq!(
    ///     settings.imds(None).unwrap_err().to_string(),
    ///     "AWS_METADATA_SERVICE_TIMEOUT is \"x\", which is not a number: write a whole number of \
    ///      seconds, such as 5",
    /// );
    /// ```
    pub fn imds(&self, endpoint: Option<Argument<'_>>) -> Result<ClientBuilder, Error> {
        // The other settings do not matter then, even if they cannot be used.
        if self.is_imds_disabled() {
            return Ok(self.offline_imds().disabled(true));
        }
        self.enabled_imds(endpoint)
    }

    fn offline_imds(&self) -> ClientBuilder {
        let builder = Client::builder();
        match self.offline() {
            Some(setting) => builder.offline(setting),
            None => builder,
        }
    }

    /// Returns the builder as [`imds`](Self::imds) does, whatever the variable says that disables
    /// it.
    pub(crate) fn enabled_imds(
        &self,
        endpoint: Option<Argument<'_>>,
    ) -> Result<ClientBuilder, Error> {
        let mut builder = self.offline_imds();
        if let Some(endpoint) = self.imds_endpoint(endpoint)? {
            builder = builder.endpoint(endpoint);
        }
        if let Some(name) = self.find(&table::EC2_INSTANCE_PROFILE_NAME) {
            builder = builder.profile_name(name.text);
        }
        if self.rules().instance_limits == InstanceLimits::NotRead {
            return Ok(builder);
        }
        if let Some(timeout) = self.seconds(&table::METADATA_SERVICE_TIMEOUT)? {
            builder = builder.attempt_timeout(timeout);
        }
        if let Some(attempts) = self.number(&table::METADATA_SERVICE_NUM_ATTEMPTS)? {
            builder = builder.attempts(u32::try_from(attempts).unwrap_or(u32::MAX));
        }
        Ok(builder)
    }

    /// Returns whether no request may be sent, by rules for which no attempt is one of the numbers.
    pub(crate) fn has_no_imds_attempt(&self) -> bool {
        self.rules().instance_limits == InstanceLimits::MayBeZero
            && matches!(
                self.number(&table::METADATA_SERVICE_NUM_ATTEMPTS),
                Ok(Some(0))
            )
    }

    /// Returns a warning if the tool of these settings asks the instance through a proxy.
    ///
    /// Source: botocore, `get_environ_proxies`, and `urllib.request` of Python, which it calls.
    pub(crate) fn proxied_instance_finding(&self) -> Option<Finding> {
        if !self.rules().asks_instance_through_proxy {
            return None;
        }
        let endpoint = self.imds_endpoint(None).ok()?.unwrap_or_default();
        let (scheme, rest) = endpoint.as_str().split_once("://")?;
        let host = rest.split('/').next()?.to_ascii_lowercase();
        // The name in small letters counts first, even if it is empty.
        let find = |names: &[&'static str]| {
            let mut values = names.iter();
            values.find_map(|name| Some((*name, self.variables().raw(name)?.to_str()?)))
        };
        let names = match scheme {
            "https" => table::HTTPS_PROXY.variables,
            _ => table::HTTP_PROXY.variables,
        };
        let (proxy, _) = find(names).filter(|(_, url)| !url.is_empty())?;
        // In a CGI program, it comes from the client.
        if proxy == "HTTP_PROXY" && find(table::REQUEST_METHOD.variables).is_some() {
            return None;
        }
        let (name, hosts) = find(table::NO_PROXY.variables).unwrap_or(("NO_PROXY", ""));
        if is_exempt(&host, hosts) {
            return None;
        }
        let host = without_port(&host);
        let hosts = match hosts {
            "" => host.to_owned(),
            _ => format!("{hosts},{host}"),
        };
        let text = format!(
            "{} asks instance metadata through the proxy of {proxy}, which can hardly reach that \
             of this machine",
            self.order().tool()
        );
        let cure = format!("env {name}={} COMMAND", shell::quoted(&hosts));
        let finding = Finding::warning(FindingKind::Proxy, text).with_cure(cure);
        Some(finding.with_origin(Origin::environment(&[proxy])))
    }

    fn imds_endpoint(&self, argument: Option<Argument<'_>>) -> Result<Option<Endpoint>, Error> {
        let find = || self.find(&table::EC2_METADATA_SERVICE_ENDPOINT);
        if let Some(url) = argument.map(Setting::from_argument).or_else(find) {
            // The error of imds names the URL without its password.
            let endpoint = Endpoint::new(url.text);
            return endpoint.map(Some).map_err(|error| url.unusable(error));
        }
        let mode = self.choice(&table::EC2_METADATA_SERVICE_ENDPOINT_MODE)?;
        let mode = mode.and_then(|name| name.parse::<Mode>().ok());
        Ok(mode.map(Endpoint::from))
    }
}

/// Returns true if a list of hosts for which there is no proxy has this one, or a domain of it.
fn is_exempt(host: &str, hosts: &str) -> bool {
    let names = hosts
        .split(',')
        .map(|name| name.trim().trim_start_matches('.'));
    let mut names = names
        .filter(|name| !name.is_empty())
        .map(str::to_ascii_lowercase);
    let bare = without_port(host);
    let is_in = |host: &str, name: &str| {
        let rest = host.strip_suffix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    hosts.trim() == "*" || names.any(|name| is_in(host, &name) || is_in(bare, &name))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    }
}

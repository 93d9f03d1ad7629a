use std::net::IpAddr;

use keyfob_imds::{Client, ClientBuilder, Endpoint, Mode};

use super::{
    setting::{Argument, Setting},
    settings::Settings,
    table,
};
use crate::{
    error::Error,
    finding::{Finding, FindingKind},
    order::{InstanceLimits, InstanceProxy},
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
    /// Source: botocore, `get_environ_proxies`, and `urllib.request` of Python, which it calls; the
    /// SDK for Go v2, `defaultHTTPTransport`, and `http.ProxyFromEnvironment`.
    pub(crate) fn proxied_instance_finding(&self) -> Option<Finding> {
        let rules = self.rules().instance_proxy;
        if rules == InstanceProxy::None {
            return None;
        }
        let endpoint = self.imds_endpoint(None).ok()?.unwrap_or_default();
        let (scheme, rest) = endpoint.as_str().split_once("://")?;
        let host = rest.split('/').next()?.to_ascii_lowercase();
        // For Python, the name in small letters counts first, even if it is empty.
        let find = |names: &[&'static str]| {
            let mut values = names
                .iter()
                .filter_map(|name| Some((*name, self.variables().raw(name)?.to_str()?)));
            match rules {
                InstanceProxy::Go => values.rfind(|(_, value)| !value.is_empty()),
                _ => values.next(),
            }
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
        // Of a network, nothing is told.
        let is_direct_for_go = is_local(without_port(&host)) || hosts.contains('/');
        if is_exempt(&host, hosts) || rules == InstanceProxy::Go && is_direct_for_go {
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

fn is_local(host: &str) -> bool {
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{order::Order, variables::Variables};

    #[test]
    fn a_proxy_is_between_go_and_the_instance_unless_it_is_exempt() {
        let proxy = ("HTTP_PROXY", "http://p");
        let endpoint = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
        for (variables, expected) in [
            (&[proxy][..], Some("env NO_PROXY=169.254.169.254 COMMAND")),
            (
                &[proxy, ("NO_PROXY", ""), ("no_proxy", "a")],
                Some("env no_proxy=a,169.254.169.254 COMMAND"),
            ),
            (
                &[("http_proxy", "http://p"), ("HTTP_PROXY", "")],
                Some("env NO_PROXY=169.254.169.254 COMMAND"),
            ),
            (&[proxy, ("NO_PROXY", "169.254.0.0/16")], None),
            (&[proxy, ("NO_PROXY", "169.254.169.254")], None),
            (&[proxy, (endpoint, "http://localhost:1")], None),
            (&[proxy, (endpoint, "http://127.0.0.2:1")], None),
            (&[("HTTPS_PROXY", "http://p")], None),
        ] {
            let settings = |order| {
                let variables = Variables::from_iter(variables.iter().copied());
                Settings::load(variables).with_order(order)
            };
            let cure = |order| {
                let finding = settings(order).proxied_instance_finding();
                finding.and_then(|finding| finding.cure)
            };
            assert_eq!(cure(Order::Go).as_deref(), expected, "{variables:?}");
            assert_eq!(cure(Order::Rust), None, "{variables:?}");
        }
    }
}

mod hosts;
mod partition;

use std::net::IpAddr;

use http::{Uri, uri::Scheme};

use self::hosts::Variant;
pub use self::{
    hosts::{HostRule, Hosts},
    partition::Partition,
};
use crate::{error::Error, text};

/// The URL that requests are sent to, and the region they are signed for.
///
/// [`builder`](Self::builder) makes an endpoint of STS,
/// [`Service::endpoint`](crate::call::Service::endpoint) one of another service.
///
/// The default is the region's own endpoint: it is near, it does not depend on `us-east-1`, and its
/// session tokens are valid in every region.
///
/// Source: endpoint rule sets of the AWS SDKs.
///
/// # Examples
///
/// ```
/// use keyfob_sts::Endpoint;
///
/// let endpoint = Endpoint::builder().region("eu-west-1")?.fips(true).build()?;
/// assert_eq!(endpoint.url(), "https://sts-fips.eu-west-1.amazonaws.com/");
/// assert_eq!(endpoint.signing_region(), Some("eu-west-1"));
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    uri: Uri,
    signing_region: Option<String>,
}

impl Endpoint {
    /// Returns a builder of an endpoint of STS, which needs a region, a URL or both.
    pub fn builder() -> EndpointBuilder {
        EndpointBuilder::default()
    }

    /// Returns the URL that requests are posted to.
    pub fn url(&self) -> String {
        self.uri.to_string()
    }

    /// Returns the region of the credential scope: `us-east-1` for the global endpoint, otherwise
    /// the region that was set.
    ///
    /// `None` if only a URL was set. Such an endpoint serves only actions that are not signed.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Endpoint;
    ///
    /// let global = Endpoint::builder().region("aws-global")?.build()?;
    /// assert_eq!(global.url(), "https://sts.amazonaws.com/");
    /// assert_eq!(global.signing_region(), Some("us-east-1"));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn signing_region(&self) -> Option<&str> {
        self.signing_region.as_deref()
    }

    /// Replaces the URL by another way to write it.
    #[cfg(feature = "client")]
    pub(crate) fn with_url(self, url: &str) -> Result<Self, Error> {
        let uri = parse_url(url)?;
        Ok(Self { uri, ..self })
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns true if requests go over a network without encryption: the URL begins with
    /// `http://`, and the host is not this machine or a link-local address. Session tokens, web
    /// identity tokens, MFA codes and the credentials in answers can then be read on the way.
    ///
    /// Such an endpoint is used all the same; a program should tell its user.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Endpoint;
    ///
    /// let remote = Endpoint::builder().url("http://sts.corp.example:9000")?.build()?;
    /// assert!(remote.is_clear_text());
    /// let local = Endpoint::builder().url("http://localhost:5000")?.build()?;
    /// assert!(!local.is_clear_text());
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn is_clear_text(&self) -> bool {
        let is_link_local = match self.address() {
            Some(IpAddr::V4(address)) => address.is_link_local(),
            Some(IpAddr::V6(address)) => address.is_unicast_link_local(),
            None => false,
        };
        self.uri.scheme() == Some(&Scheme::HTTP) && !self.is_loopback() && !is_link_local
    }

    /// Returns why this endpoint cannot serve the principal or role with that ARN: it is in another
    /// partition than the region that requests are signed for. The text says which region to set.
    ///
    /// Credentials are not valid across partitions, and STS answers `InvalidClientTokenId`, from
    /// which the reason cannot be guessed. Show this hint beside such an answer, or before the
    /// call.
    ///
    /// `None` if the two fit, or if it cannot be told: no region is set, the text is not an ARN, or
    /// its partition is not one of AWS.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Endpoint;
    ///
    /// let endpoint = Endpoint::builder().region("us-east-1")?.build()?;
    /// assert_eq!(
    ///     endpoint.partition_hint("arn:aws-cn:iam::123456789012:role/t").as_deref(),
    ///     Some(
    ///         "the ARN is in partition aws-cn, the region us-east-1 in aws: \
    ///          set a region of aws-cn, such as cn-northwest-1"
    ///     ),
    /// );
    /// assert_eq!(endpoint.partition_hint("arn:aws:iam::123456789012:role/t"), None);
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn partition_hint(&self, arn: &str) -> Option<String> {
        let region = self.signing_region()?;
        let here = Partition::from_region(region).name();
        let partition = Partition::from_arn(arn)?;
        let name = partition.name();
        (name != here).then(|| {
            let example = partition.implicit_global_region();
            format!(
                "the ARN is in partition {name}, the region {region} in {here}: \
                 set a region of {name}, such as {example}"
            )
        })
    }

    /// Returns true if the endpoint is on this machine: `localhost`, a name below it, or an address
    /// of the loopback interface.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Endpoint;
    ///
    /// let local = Endpoint::builder().url("http://[::1]:5000")?.build()?;
    /// assert!(local.is_loopback());
    /// let remote = Endpoint::builder().region("us-east-1")?.build()?;
    /// assert!(!remote.is_loopback());
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn is_loopback(&self) -> bool {
        self.host().eq_ignore_ascii_case("localhost")
            || is_below_localhost(self.host())
            || self.address().is_some_and(|address| address.is_loopback())
    }

    fn address(&self) -> Option<IpAddr> {
        let address: IpAddr = self.host().trim_matches(['[', ']']).parse().ok()?;
        Some(address.to_canonical())
    }

    fn host(&self) -> &str {
        let host = self.uri.host().unwrap_or_default();
        host.strip_suffix('.').unwrap_or(host)
    }
}

/// Returns true for a name such as `bucket.localhost`, which stands for this machine.
///
/// Source: RFC 6761, section 6.3.
pub(crate) fn is_below_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host.ends_with(".localhost")
}

/// A builder of an [`Endpoint`].
#[derive(Clone, Debug)]
pub struct EndpointBuilder {
    hosts: Hosts,
    region: Option<String>,
    uri: Option<Uri>,
    variant: Variant,
}

impl Default for EndpointBuilder {
    fn default() -> Self {
        Self {
            hosts: Hosts::STS,
            region: None,
            uri: None,
            variant: Variant::default(),
        }
    }
}

impl EndpointBuilder {
    /// Sets the hosts of another service. Default: those of STS. For a service that this crate
    /// knows, [`Service::endpoint`](crate::call::Service::endpoint) does it.
    #[must_use]
    pub fn hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Sets the region, such as `eu-west-1`, or `aws-global` for the global endpoint of the
    /// partition `aws`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it cannot be part of a host name: 1 to
    /// 63 letters, digits and `-`, without a `-` at either end. Also for old names of the endpoints
    /// for FIPS, such as `us-east-1-fips`: set [`fips`](Self::fips).
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Endpoint, ErrorKind};
    ///
    /// let endpoint = Endpoint::builder().region("cn-north-1")?.build()?;
    /// assert_eq!(endpoint.url(), "https://sts.cn-north-1.amazonaws.com.cn/");
    /// let error = Endpoint::builder().region("evil.example/").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Setting);
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn region(mut self, region: &str) -> Result<Self, Error> {
        if !is_host_label(region) {
            let shown = text::cut(region, 80);
            return Err(Error::setting(format!(
                "invalid region \"{shown}\": set a name such as us-east-1 (letters, digits and `-`)"
            )));
        }
        let plain = region
            .strip_prefix("fips-")
            .or(region.strip_suffix("-fips"));
        if let Some(plain) = plain {
            return Err(Error::setting(format!(
                "invalid region \"{region}\", an old name of the endpoints for FIPS: set {plain} and \
                 the endpoint for FIPS"
            )));
        }
        self.region = Some(region.to_owned());
        Ok(self)
    }

    /// Sets a URL to use instead of an endpoint of AWS: `http` or `https`, a host, and optionally a
    /// port and a path. Requests are signed for the [`region`](Self::region), if one is set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) for any other URL, and for one with a user
    /// name, a query or a fragment.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Endpoint;
    ///
    /// let local = Endpoint::builder().region("eu-west-1")?.url("http://localhost:5000")?.build()?;
    /// assert_eq!(local.url(), "http://localhost:5000/");
    /// assert_eq!(local.signing_region(), Some("eu-west-1"));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn url(mut self, url: &str) -> Result<Self, Error> {
        self.uri = Some(parse_url(url)?);
        Ok(self)
    }

    /// Sets whether to use the endpoint whose cryptography is validated by FIPS 140. Default: no.
    #[must_use]
    pub fn fips(mut self, yes: bool) -> Self {
        self.variant.fips = yes;
        self
    }

    /// Sets whether to use the endpoint that has IPv6 addresses as well. Default: no.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Endpoint;
    ///
    /// let endpoint = Endpoint::builder().region("eu-west-1")?.dual_stack(true).build()?;
    /// assert_eq!(endpoint.url(), "https://sts.eu-west-1.api.aws/");
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    #[must_use]
    pub fn dual_stack(mut self, yes: bool) -> Self {
        self.variant.dual_stack = yes;
        self
    }

    /// Sets whether to use the global endpoint `sts.amazonaws.com` in the fifteen regions where
    /// SDKs once used it by default, such as `us-east-1` and `eu-west-1`. Default: no. It has no
    /// effect on other services.
    ///
    /// Session tokens of the global endpoint are not valid in regions that an account must opt in
    /// to.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Endpoint;
    ///
    /// let endpoint = Endpoint::builder().region("eu-west-1")?.legacy_global(true).build()?;
    /// assert_eq!(endpoint.url(), "https://sts.amazonaws.com/");
    /// assert_eq!(endpoint.signing_region(), Some("us-east-1"));
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    #[must_use]
    pub fn legacy_global(mut self, yes: bool) -> Self {
        self.variant.legacy_global = yes;
        self
    }

    /// Builds the endpoint.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if neither a region nor a URL is set, if
    /// FIPS or dual stack is combined with a URL, or if the service has no such endpoint.
    pub fn build(self) -> Result<Endpoint, Error> {
        let Some(uri) = self.uri else {
            return self.build_from_region();
        };
        if self.variant.fips || self.variant.dual_stack {
            let option = self.variant.name();
            return Err(Error::setting(format!(
                "{option} does not work with a custom endpoint: drop one of the two"
            )));
        }
        let signing_region = self.region.map(|region| signing_region(&region).to_owned());
        Ok(Endpoint {
            uri,
            signing_region,
        })
    }

    /// Returns the error for an endpoint that the service does not have.
    fn refused(&self, region: &str) -> Error {
        let message = match self.hosts.find(region, Variant::default()) {
            Some(_) => {
                let variant = self.variant.name();
                format!("the service has no {variant} endpoint in {region}: drop {variant}")
            }
            None => format!("the service has no endpoint in {region}: set another region"),
        };
        Error::setting(message)
    }

    fn build_from_region(self) -> Result<Endpoint, Error> {
        let region = self.region.as_deref().ok_or_else(|| {
            Error::setting("no region: set one, such as us-east-1, or a custom endpoint")
        })?;
        let found = self.hosts.find(region, self.variant);
        let (host, region) = found.ok_or_else(|| self.refused(region))?;
        Ok(Endpoint {
            uri: parse_url(&format!("https://{host}"))?,
            signing_region: Some(signing_region(region).to_owned()),
        })
    }
}

/// Returns the region for the credential scope, which cannot be the pseudo region `aws-global`.
fn signing_region(region: &str) -> &str {
    if region == "aws-global" {
        "us-east-1"
    } else {
        region
    }
}

/// Returns true if the text can be one label of a host name.
///
/// Anything else could turn the URL into one of another host: `x/../` or `evil.example#`.
fn is_host_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes
            .iter()
            .all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn parse_url(url: &str) -> Result<Uri, Error> {
    let uri = url.parse::<Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
            // `Uri` drops the fragment.
            && !url.contains('#')
            // A password may hold a `/`.
            && !url.contains('@')
    });
    uri.ok_or_else(invalid_url)
}

/// Returns an error that does not repeat the URL, which may hold a password.
pub(crate) fn invalid_url() -> Error {
    Error::setting(
        "invalid endpoint: set a URL such as https://sts.example.com or http://localhost:5000, \
         without user name, query and fragment",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_global_endpoint_is_signed_for_us_east_1() {
        for (region, legacy) in [
            ("aws-global", false),
            ("aws-global", true),
            ("eu-west-3", true),
        ] {
            let builder = Endpoint::builder().region(region).unwrap();
            let endpoint = builder.legacy_global(legacy).build().unwrap();
            assert_eq!(endpoint.url(), "https://sts.amazonaws.com/");
            assert_eq!(endpoint.signing_region(), Some("us-east-1"));
        }
        let builder = Endpoint::builder().region("me-south-1").unwrap();
        let endpoint = builder.legacy_global(true).build().unwrap();
        assert_eq!(endpoint.url(), "https://sts.me-south-1.amazonaws.com/");
        assert_eq!(endpoint.signing_region(), Some("me-south-1"));
    }

    #[test]
    fn a_region_that_would_change_the_host_is_refused_and_named() {
        for region in [
            "",
            "x/../",
            "a.b",
            "-a",
            "a-",
            "us east",
            "evil#",
            "é",
            "a\nb",
            &"a".repeat(64),
        ] {
            let error = Endpoint::builder().region(region).unwrap_err();
            let message = error.to_string();
            assert!(message.starts_with("invalid region"), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn an_old_region_name_for_fips_is_refused_with_what_to_set() {
        for region in ["fips-us-east-1", "us-east-1-fips"] {
            let error = Endpoint::builder().region(region).unwrap_err();
            let cure = "set us-east-1 and the endpoint for FIPS";
            assert!(error.to_string().ends_with(cure), "{error}");
        }
    }

    #[test]
    fn a_custom_endpoint_keeps_host_port_and_path() {
        for url in [
            "http://127.0.0.1:5000",
            "https://[::1]:8443/sts",
            "http://localhost:4566/a/b",
        ] {
            let endpoint = Endpoint::builder().url(url).unwrap().build().unwrap();
            assert_eq!(endpoint.url().trim_end_matches('/'), url);
            assert_eq!(endpoint.signing_region(), None);
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let is_loopback = |url| {
            Endpoint::builder()
                .url(url)
                .unwrap()
                .build()
                .unwrap()
                .is_loopback()
        };
        for url in [
            "http://127.0.0.1:5000",
            "http://127.9.9.9/x",
            "http://[::1]:80",
            "https://localhost",
            "http://LocalHost:5000",
            "http://localhost.:5000",
            "http://bucket.s3.LocalHost:5000",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://10.0.0.1:80",
            "http://[::2]",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://[::ffff:10.0.0.1]",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn http_to_another_machine_is_clear_text() {
        let is_clear_text = |url| {
            let builder = Endpoint::builder().url(url).unwrap();
            builder.build().unwrap().is_clear_text()
        };
        for url in [
            "http://sts.example.com",
            "HTTP://minio:9000",
            "http://10.0.0.1",
            "http://[fd00::1]",
        ] {
            assert!(is_clear_text(url), "{url}");
        }
        for url in [
            "https://sts.example.com",
            "http://localhost:1",
            "http://127.0.0.1",
            "http://[::1]:1",
            "http://169.254.170.2",
            "http://[fe80::1]",
        ] {
            assert!(!is_clear_text(url), "{url}");
        }
        let of_aws = Endpoint::builder().region("eu-west-1").unwrap();
        assert!(!of_aws.build().unwrap().is_clear_text());
    }

    #[test]
    fn a_role_of_another_partition_has_a_hint_that_names_a_region() {
        for (region, partition, example) in [
            ("us-east-1", "aws-cn", Some("cn-northwest-1")),
            ("aws-global", "aws-us-gov", Some("us-gov-west-1")),
            ("cn-north-1", "aws", Some("us-east-1")),
            ("us-iso-east-1", "aws-iso-b", Some("us-isob-east-1")),
            ("cn-north-1", "aws-cn", None),
            ("eu-new-9", "aws", None),
            ("us-east-1", "minio", None),
            ("us-east-1", "", None),
        ] {
            let endpoint = Endpoint::builder().region(region).unwrap().build().unwrap();
            let hint = endpoint.partition_hint(&format!("arn:{partition}:iam::1:role/r"));
            match (&hint, example) {
                (Some(hint), Some(example)) => {
                    assert!(
                        hint.ends_with(&format!(" {partition}, such as {example}")),
                        "{hint}"
                    );
                }
                (hint, example) => assert_eq!(hint.as_deref(), example),
            }
        }
        let unsigned = Endpoint::builder().url("http://localhost").unwrap();
        assert_eq!(
            unsigned
                .build()
                .unwrap()
                .partition_hint("arn:aws-cn:iam::1:role/r"),
            None
        );
    }

    #[test]
    fn a_custom_endpoint_that_is_not_a_plain_url_is_refused_without_repeating_it() {
        for url in [
            "",
            "sts.example.com",
            "ftp://h",
            "http://",
            "https://user:canary@h/",
            "http://user:pass/word@h/",
            "http://h/?canary",
            "http://h/#canary",
            "http:///canary",
            "http://h canary",
        ] {
            let error = Endpoint::builder().url(url).unwrap_err();
            assert!(error.to_string().starts_with("invalid endpoint"), "{url}");
            assert!(!format!("{error:?}").contains("canary"));
        }
    }

    #[test]
    fn nothing_chosen_and_contradictions_are_errors_that_say_what_to_do() {
        let error = Endpoint::builder().build().unwrap_err();
        assert!(error.to_string().contains("no region: set one"));
        let custom = Endpoint::builder().url("http://localhost").unwrap();
        for builder in [custom.clone().fips(true), custom.dual_stack(true)] {
            let error = builder.build().unwrap_err();
            assert!(error.to_string().contains("custom endpoint"));
        }
    }
}

use crate::endpoint::{Endpoint, EndpointBuilder, HostRule, Hosts};

/// An AWS service: its names, its protocol and its hosts.
///
/// The services that this crate calls are constants here. A program can make the row of another
/// one.
///
/// # Examples
///
/// ```
/// use keyfob_sts::call::{Protocol, Service};
///
/// const QUOTAS: Service = Service::new(
///     "servicequotas",
///     Protocol::Json11 { target: "ServiceQuotasV20190624" },
///     "2019-06-24",
/// )
/// .with_id("service quotas");
///
/// let endpoint = QUOTAS.endpoint().region("eu-west-1")?.build()?;
/// assert_eq!(endpoint.url(), "https://servicequotas.eu-west-1.amazonaws.com/");
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    id: &'static str,
    scope_name: &'static str,
    api_version: &'static str,
    protocol: Protocol,
    hosts: Hosts,
}

/// How a service writes requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// Forms, answered with XML: STS, IAM.
    Query,
    /// EC2's flavor of query: lists without `member`, and its own envelope for errors.
    Ec2Query,
    /// JSON 1.0, with the operation in the header `X-Amz-Target`.
    Json10 {
        /// What stands before the operation in that header.
        target: &'static str,
    },
    /// JSON 1.1, with the operation in the header `X-Amz-Target`.
    Json11 {
        /// What stands before the operation in that header.
        target: &'static str,
    },
    /// JSON, with the operation in the method and the path.
    RestJson,
}

impl Service {
    /// STS, the Security Token Service.
    pub const STS: Self = Self::new("sts", Protocol::Query, "2011-06-15").with_hosts(Hosts::STS);

    /// The portal of IAM Identity Center, which gives out the credentials of its roles.
    pub const SSO: Self = Self::new("sso", Protocol::RestJson, "2019-06-10")
        .with_scope_name("awsssoportal")
        .with_hosts(Hosts::new("portal.sso"));

    /// The authorization server of IAM Identity Center, which gives out the tokens for its portal.
    pub const SSO_OIDC: Self = Self::new("sso oidc", Protocol::RestJson, "2019-06-10")
        .with_scope_name("sso-oauth")
        .with_hosts(Hosts::new("oidc"));

    /// AWS Sign-In, which gives out and refreshes the credentials of a console session.
    pub const SIGNIN: Self = Self::new("signin", Protocol::RestJson, "2023-01-01")
        .with_hosts(Hosts::new("signin").with_rules(SIGNIN_RULES));

    /// The control plane of AWS Sign-In.
    pub const SIGNIN_CONTROL_PLANE: Self = Self::SIGNIN.with_hosts(
        Hosts::new("signin").with_rules(&[HostRule::new("signin.{region}.{dual_stack_suffix}")]),
    );

    /// The OAuth server of AWS Sign-In, which has no endpoints for FIPS. In other partitions than
    /// `aws` it has the hosts of [`SIGNIN`](Self::SIGNIN).
    pub const SIGNIN_OAUTH: Self =
        Self::SIGNIN.with_hosts(Hosts::new("signin").with_rules(SIGNIN_OAUTH_RULES));

    /// The service that gives out the credentials of pods in EKS.
    pub const EKS_AUTH: Self = Self::new("eks auth", Protocol::RestJson, "2023-11-26")
        .with_scope_name("eks-auth")
        .with_hosts(Hosts::new("eks-auth").with_rules(EKS_AUTH_RULES));

    /// Creates a service by its name, for which requests are signed, and with which the names of
    /// its hosts begin.
    pub const fn new(name: &'static str, protocol: Protocol, api_version: &'static str) -> Self {
        Self {
            id: name,
            scope_name: name,
            api_version,
            protocol,
            hosts: Hosts::new(name),
        }
    }

    /// Sets the id that settings have for the service, in lower case. Default: the name.
    pub const fn with_id(mut self, id: &'static str) -> Self {
        self.id = id;
        self
    }

    /// Sets the name in the credential scope. Default: the name.
    pub const fn with_scope_name(mut self, name: &'static str) -> Self {
        self.scope_name = name;
        self
    }

    /// Sets the hosts. Default: the pattern of [`Hosts::new`] with the name.
    pub const fn with_hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Returns the id that settings have for the service, in lower case, such as `sso oidc` for the
    /// variable `AWS_ENDPOINT_URL_SSO_OIDC`.
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// Returns the name in the credential scope, such as `sts`.
    pub const fn scope_name(&self) -> &'static str {
        self.scope_name
    }

    /// Returns the version of the API, such as `2011-06-15`.
    pub const fn api_version(&self) -> &'static str {
        self.api_version
    }

    /// Returns how requests and answers are written.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Returns the hosts.
    pub const fn hosts(&self) -> Hosts {
        self.hosts
    }

    /// Returns a builder of an endpoint of the service, which needs a region, a URL or both.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::call::Service;
    ///
    /// let portal = Service::SSO.endpoint().region("eu-west-1")?.build()?;
    /// assert_eq!(portal.url(), "https://portal.sso.eu-west-1.amazonaws.com/");
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn endpoint(&self) -> EndpointBuilder {
        Endpoint::builder().hosts(self.hosts)
    }
}

/// Plain endpoints are in the domains of the console. The variants follow the pattern, but for
/// `aws-us-gov`.
const SIGNIN_RULES: &[HostRule] = SIGNIN_OAUTH_RULES.split_at(2).1;

const SIGNIN_OAUTH_RULES: &[HostRule] = &[
    HostRule::refused().fips(true),
    HostRule::new("{region}.oauth.signin.aws").partition("aws"),
    // From here on, the rules of the other sign-in endpoints.
    plain("{region}.signin.aws.amazon.com").partition("aws"),
    plain("{region}.signin.amazonaws.cn").partition("aws-cn"),
    plain("{region}.signin.amazonaws-us-gov.com").partition("aws-us-gov"),
    plain("{region}.signin.c2shome.ic.gov").partition("aws-iso"),
    plain("{region}.signin.sc2shome.sgov.gov").partition("aws-iso-b"),
    plain("{region}.signin.csphome.adc-e.uk").partition("aws-iso-e"),
    plain("{region}.signin.csphome.hci.ic.gov").partition("aws-iso-f"),
    plain("{region}.signin.amazonaws-eusc.eu").partition("aws-eusc"),
    HostRule::new("signin-fips.amazonaws-us-gov.com")
        .regions(&["us-gov-west-1"])
        .fips(true)
        .dual_stack(false),
    HostRule::new("{region}.signin-fips.amazonaws-us-gov.com")
        .partition("aws-us-gov")
        .fips(true)
        .dual_stack(false),
];

const fn plain(host: &'static str) -> HostRule {
    HostRule::new(host).fips(false).dual_stack(false)
}

/// The service has only dual-stack endpoints.
const EKS_AUTH_RULES: &[HostRule] = &[
    HostRule::new("eks-auth-fips.{region}.{dual_stack_suffix}").fips(true),
    HostRule::new("eks-auth.{region}.{dual_stack_suffix}"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn url(service: Service, region: &str, fips: bool, dual_stack: bool) -> Option<String> {
        let builder = service.endpoint().region(region).unwrap();
        let endpoint = builder.fips(fips).dual_stack(dual_stack).build().ok()?;
        Some(endpoint.url())
    }

    #[test]
    fn sign_in_has_three_classes_of_endpoints() {
        let (data, control, oauth) = (
            Service::SIGNIN,
            Service::SIGNIN_CONTROL_PLANE,
            Service::SIGNIN_OAUTH,
        );
        for (service, region, fips, dual_stack, host) in [
            (
                data,
                "eu-west-1",
                false,
                false,
                "eu-west-1.signin.aws.amazon.com",
            ),
            (
                data,
                "eu-west-1",
                true,
                false,
                "signin-fips.eu-west-1.amazonaws.com",
            ),
            (
                data,
                "us-gov-west-1",
                true,
                false,
                "signin-fips.amazonaws-us-gov.com",
            ),
            (
                data,
                "us-gov-east-1",
                true,
                false,
                "us-gov-east-1.signin-fips.amazonaws-us-gov.com",
            ),
            (
                data,
                "us-gov-east-1",
                true,
                true,
                "signin-fips.us-gov-east-1.api.aws",
            ),
            (
                data,
                "eusc-de-east-1",
                false,
                false,
                "eusc-de-east-1.signin.amazonaws-eusc.eu",
            ),
            (
                control,
                "cn-north-1",
                false,
                false,
                "signin.cn-north-1.api.amazonwebservices.com.cn",
            ),
            (
                oauth,
                "eu-west-1",
                false,
                true,
                "eu-west-1.oauth.signin.aws",
            ),
            (
                oauth,
                "cn-north-1",
                false,
                false,
                "cn-north-1.signin.amazonaws.cn",
            ),
        ] {
            let expected = format!("https://{host}/");
            assert_eq!(url(service, region, fips, dual_stack), Some(expected));
        }
        assert_eq!(url(oauth, "eu-west-1", true, false), None);
    }
}

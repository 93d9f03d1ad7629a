use crate::endpoint::Partition;

/// The host names of a service, by partition, region and variant.
///
/// Most services follow one pattern, for which [`new`](Self::new) is enough. `P` is the prefix, and
/// the suffixes are those of the region's [`Partition`]:
///
/// | variant | host |
/// |---|---|
/// | plain | `P.REGION.SUFFIX` |
/// | FIPS | `P-fips.REGION.SUFFIX`; in `aws-us-gov` the plain host |
/// | dual stack | `P.REGION.DUAL_STACK_SUFFIX` |
/// | both | `P-fips.REGION.DUAL_STACK_SUFFIX` |
///
/// [`with_rules`](Self::with_rules) adds what differs.
///
/// Source: endpoint rule sets of the AWS SDKs.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{Endpoint, HostRule, Hosts};
///
/// const GLOBAL: HostRule = HostRule::new("iam.amazonaws.com")
///     .partition("aws")
///     .signed_for("us-east-1");
/// const IAM: Hosts = Hosts::new("iam").with_rules(&[GLOBAL]);
///
/// let endpoint = Endpoint::builder().hosts(IAM).region("eu-west-1")?.build()?;
/// assert_eq!(endpoint.url(), "https://iam.amazonaws.com/");
/// assert_eq!(endpoint.signing_region(), Some("us-east-1"));
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hosts {
    prefix: &'static str,
    rules: &'static [HostRule],
}

impl Hosts {
    /// The hosts of STS: the pattern and the global endpoint.
    pub(crate) const STS: Self = Self::new("sts").with_rules(STS_RULES);

    /// Creates the hosts of a service that follows the pattern, by the prefix of its names, such as
    /// `ec2` or `portal.sso`.
    pub const fn new(prefix: &'static str) -> Self {
        Self { prefix, rules: &[] }
    }

    /// Adds rules that come before the pattern. The first one that applies decides.
    pub const fn with_rules(mut self, rules: &'static [HostRule]) -> Self {
        self.rules = rules;
        self
    }

    /// Returns the host for the region and the variant, and the region of the credential scope.
    /// `None` if the service has no such endpoint.
    pub(super) fn find<'a>(&self, region: &'a str, variant: Variant) -> Option<(String, &'a str)> {
        let partition = Partition::from_region(region);
        let rule = self
            .rules
            .iter()
            .find(|rule| rule.applies(region, partition, variant));
        let Some(rule) = rule else {
            return Some((self.by_pattern(region, partition, variant), region));
        };
        let host = rule.host?.replace("{region}", region);
        let host = host
            .replace("{suffix}", partition.dns_suffix())
            .replace("{dual_stack_suffix}", partition.dual_stack_dns_suffix());
        Some((host, rule.signing_region.unwrap_or(region)))
    }

    fn by_pattern(&self, region: &str, partition: Partition, variant: Variant) -> String {
        // The plain endpoints of `aws-us-gov` are the ones for FIPS.
        let is_plain = !variant.fips || (partition.name() == "aws-us-gov" && !variant.dual_stack);
        let mark = if is_plain { "" } else { "-fips" };
        let suffix = if variant.dual_stack {
            partition.dual_stack_dns_suffix()
        } else {
            partition.dns_suffix()
        };
        format!("{}{mark}.{region}.{suffix}", self.prefix)
    }
}

/// What a program asks of an endpoint, beside its region.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Variant {
    pub(super) fips: bool,
    pub(super) dual_stack: bool,
    pub(super) legacy_global: bool,
}

impl Variant {
    /// Returns the words for the first of FIPS and dual stack that is asked for.
    pub(super) const fn name(self) -> &'static str {
        if self.fips { "FIPS" } else { "dual stack" }
    }
}

/// A host that differs from the pattern of [`Hosts`], and when it does.
///
/// Without conditions, a rule applies always. Each condition narrows it.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{Endpoint, HostRule, Hosts};
///
/// // A service that has only dual-stack endpoints.
/// const RULES: &[HostRule] = &[
///     HostRule::new("eks-auth-fips.{region}.{dual_stack_suffix}").fips(true),
///     HostRule::new("eks-auth.{region}.{dual_stack_suffix}"),
/// ];
/// const HOSTS: Hosts = Hosts::new("eks-auth").with_rules(RULES);
/// let endpoint = Endpoint::builder().hosts(HOSTS).region("eu-west-1")?.build()?;
/// assert_eq!(endpoint.url(), "https://eks-auth.eu-west-1.api.aws/");
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostRule {
    /// `None` if there is no such endpoint.
    host: Option<&'static str>,
    partition: Option<&'static str>,
    regions: Option<&'static [&'static str]>,
    fips: Option<bool>,
    dual_stack: Option<bool>,
    legacy_global: bool,
    signing_region: Option<&'static str>,
}

impl HostRule {
    /// Creates a rule that always applies. In the host, `{region}`, `{suffix}` and
    /// `{dual_stack_suffix}` are replaced.
    pub const fn new(host: &'static str) -> Self {
        Self {
            host: Some(host),
            ..Self::refused()
        }
    }

    /// Creates a rule for what the service does not have: building the endpoint fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Endpoint, HostRule, Hosts};
    ///
    /// const OAUTH: Hosts = Hosts::new("oauth").with_rules(&[HostRule::refused().fips(true)]);
    /// let builder = Endpoint::builder().hosts(OAUTH).region("eu-west-1")?;
    /// assert!(builder.clone().fips(true).build().is_err());
    /// assert!(builder.build().is_ok());
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub const fn refused() -> Self {
        Self {
            host: None,
            partition: None,
            regions: None,
            fips: None,
            dual_stack: None,
            legacy_global: false,
            signing_region: None,
        }
    }

    /// Limits the rule to a partition, by its name.
    pub const fn partition(mut self, name: &'static str) -> Self {
        self.partition = Some(name);
        self
    }

    /// Limits the rule to some regions.
    pub const fn regions(mut self, names: &'static [&'static str]) -> Self {
        self.regions = Some(names);
        self
    }

    /// Limits the rule to endpoints for FIPS, or to the others.
    pub const fn fips(mut self, yes: bool) -> Self {
        self.fips = Some(yes);
        self
    }

    /// Limits the rule to endpoints that have IPv6 addresses as well, or to the others.
    pub const fn dual_stack(mut self, yes: bool) -> Self {
        self.dual_stack = Some(yes);
        self
    }

    /// Limits the rule to programs that ask for the old global endpoint.
    pub const fn legacy_global(mut self) -> Self {
        self.legacy_global = true;
        self
    }

    /// Sets the region of the credential scope. Default: the region of the endpoint.
    pub const fn signed_for(mut self, region: &'static str) -> Self {
        self.signing_region = Some(region);
        self
    }

    fn applies(&self, region: &str, partition: Partition, variant: Variant) -> bool {
        self.partition.is_none_or(|name| name == partition.name())
            && self.regions.is_none_or(|names| names.contains(&region))
            && self.fips.is_none_or(|fips| fips == variant.fips)
            && self.dual_stack.is_none_or(|yes| yes == variant.dual_stack)
            && (!self.legacy_global || variant.legacy_global)
    }
}

const STS_RULES: &[HostRule] = &[
    STS_GLOBAL.regions(&["aws-global"]),
    STS_GLOBAL.regions(&LEGACY_GLOBAL_REGIONS).legacy_global(),
];

/// The global endpoint has no variants for FIPS and dual stack.
const STS_GLOBAL: HostRule = HostRule::new("sts.amazonaws.com")
    .fips(false)
    .dual_stack(false)
    .signed_for("us-east-1");

/// The regions in which SDKs once used the global endpoint by default.
const LEGACY_GLOBAL_REGIONS: [&str; 15] = [
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &[HostRule] = &[
        HostRule::new("global.example")
            .regions(&["eu-west-1"])
            .legacy_global()
            .signed_for("us-east-1"),
        HostRule::refused().partition("aws-cn").fips(true),
        HostRule::new("{region}.x.{suffix}")
            .partition("aws-cn")
            .dual_stack(false),
    ];

    fn find(
        region: &'static str,
        fips: bool,
        dual_stack: bool,
        legacy: bool,
    ) -> Option<(String, &'static str)> {
        let variant = Variant {
            fips,
            dual_stack,
            legacy_global: legacy,
        };
        Hosts::new("p").with_rules(RULES).find(region, variant)
    }

    #[test]
    fn the_first_rule_whose_conditions_all_hold_decides_and_without_one_the_pattern() {
        for (found, host, region) in [
            (
                find("eu-west-1", false, false, true),
                "global.example",
                "us-east-1",
            ),
            (
                find("eu-west-1", false, false, false),
                "p.eu-west-1.amazonaws.com",
                "eu-west-1",
            ),
            (
                find("eu-west-2", true, false, true),
                "p-fips.eu-west-2.amazonaws.com",
                "eu-west-2",
            ),
            (
                find("us-gov-west-1", true, false, false),
                "p.us-gov-west-1.amazonaws.com",
                "us-gov-west-1",
            ),
            (
                find("us-gov-west-1", true, true, false),
                "p-fips.us-gov-west-1.api.aws",
                "us-gov-west-1",
            ),
            (
                find("cn-north-1", false, false, false),
                "cn-north-1.x.amazonaws.com.cn",
                "cn-north-1",
            ),
            (
                find("cn-north-1", false, true, false),
                "p.cn-north-1.api.amazonwebservices.com.cn",
                "cn-north-1",
            ),
        ] {
            assert_eq!(found, Some((host.to_owned(), region)));
        }
        assert_eq!(find("cn-north-1", true, false, false), None);
    }
}

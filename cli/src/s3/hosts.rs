use keyfob_sts::{HostRule, Hosts};

/// The hosts of S3, which has a domain of its own for dual stack.
///
/// Source: endpoint rule set of S3 in the AWS SDKs.
pub(crate) const S3: Hosts = Hosts::new("s3").with_rules(&[
    HostRule::refused().partition("aws-cn").fips(true),
    global("s3.{suffix}").fips(false).dual_stack(false),
    global("s3-fips.us-east-1.{suffix}").dual_stack(false),
    global("s3.dualstack.us-east-1.{suffix}").fips(false),
    global("s3-fips.dualstack.us-east-1.{suffix}"),
    HostRule::new("s3.{suffix}")
        .regions(&["us-east-1"])
        .fips(false)
        .dual_stack(false)
        .legacy_global(),
    HostRule::new("s3.{region}.{suffix}")
        .fips(false)
        .dual_stack(false),
    HostRule::new("s3-fips.{region}.{suffix}").dual_stack(false),
    HostRule::new("s3.dualstack.{region}.{suffix}").fips(false),
    HostRule::new("s3-fips.dualstack.{region}.{suffix}"),
]);

/// The hosts of S3's transfer acceleration, the same ones for all regions of a partition.
///
/// Source: as for [`S3`].
pub(crate) const S3_ACCELERATE: Hosts = Hosts::new("s3-accelerate").with_rules(&[
    HostRule::refused().partition("aws-cn"),
    HostRule::refused().fips(true),
    global("s3-accelerate.dualstack.us-east-1.{suffix}").dual_stack(true),
    HostRule::new("s3-accelerate.dualstack.{suffix}").dual_stack(true),
    HostRule::new("s3-accelerate.{suffix}"),
]);

/// Returns a rule for the region `aws-global`, for which nothing can be signed.
const fn global(host: &'static str) -> HostRule {
    HostRule::new(host)
        .regions(&["aws-global"])
        .signed_for("us-east-1")
}

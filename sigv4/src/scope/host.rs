//! The service and the region that a host name tells.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::{Scope, is_part};
use crate::{
    error::{Error, ErrorKind},
    request::without_secrets,
};

/// The service and the region that a host name tells, as in `sts.eu-west-1.amazonaws.com`.
///
/// Source: AWS General Reference, service endpoints; the manuals of the other providers.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::HostScope;
/// let host = HostScope::parse("bucket.s3.amazonaws.com").unwrap();
/// assert_eq!((host.service(), host.region()), ("s3", None));
/// assert_eq!(HostScope::parse("minio.corp:9000"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostScope {
    service: String,
    region: Option<String>,
}

impl Scope {
    /// Returns the scope that a host name tells, with or without its port.
    ///
    /// It knows the endpoints of AWS in all partitions, with dual-stack, FIPS and VPC endpoints,
    /// and those of Cloudflare R2, Wasabi, Backblaze B2, DigitalOcean Spaces and Storj.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Service`] if the host tells no known service. [`ErrorKind::Region`] if it tells
    /// no region, as `s3.amazonaws.com`: see [`HostScope::parse`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Scope;
    /// let scope = Scope::from_host("id.execute-api.eu-west-1.amazonaws.com")?;
    /// assert_eq!(scope, Scope::new("eu-west-1", "execute-api")?);
    /// let scope = Scope::from_host("account.r2.cloudflarestorage.com")?;
    /// assert_eq!(scope, Scope::new("auto", "s3")?);
    /// assert!(Scope::from_host("localhost:9000").is_err());
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn from_host(host: &str) -> Result<Self, Error> {
        let told = HostScope::parse(host)
            .ok_or_else(|| Error::new(ErrorKind::Service, without_secrets(host)))?;
        let region = told
            .region()
            .ok_or_else(|| Error::new(ErrorKind::Region, without_secrets(host)))?;
        Self::new(region, told.service())
    }
}

impl HostScope {
    /// Returns what a host name tells, with or without its port; `None` if it tells no known
    /// service, or nothing that can stand in a [`Scope`].
    pub fn parse(host: &str) -> Option<Self> {
        let host = host.split(':').next()?.to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        // A label may hold anything, but a scope may not.
        compatible(host)
            .or_else(|| aws(host))
            .filter(|told| is_part(told.service()) && told.region().is_none_or(is_part))
    }

    /// Returns the service's name in the credential scope.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Returns the region, if the host name has one.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    fn new(service: &str, region: Option<&str>) -> Self {
        Self {
            service: service.to_string(),
            region: region.map(ToString::to_string),
        }
    }
}

/// The domains of the partitions. None ends with another, so their order does not matter.
const DOMAINS: [&str; 16] = [
    ".api.amazonwebservices.com.cn",
    ".amazonaws.com.cn",
    ".on.amazonwebservices.com.cn",
    ".amazonaws.com",
    ".amazonaws.eu",
    ".api.aws",
    ".on.aws",
    ".api.amazonwebservices.eu",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
    ".cloud.adc-e.uk",
    ".csp.hci.ic.gov",
    ".api.aws.ic.gov",
    ".api.aws.scloud",
    ".api.cloud-aws.adc-e.uk",
    ".api.aws.hci.ic.gov",
];

/// The services with a single endpoint in a partition.
const GLOBAL: [&str; 12] = [
    "iam",
    "sts",
    "route53",
    "cloudfront",
    "organizations",
    "waf",
    "shield",
    "budgets",
    "savingsplans",
    // From before the region had a label.
    "queue",
    "s3-external-1",
    "sdb",
];

/// The services whose host name before the region differs from their name in the credential scope.
/// A leading dot stands for further labels.
///
/// Source: the endpoint prefixes and signing names in the AWS service models.
const SIGNING_NAMES: [(&str, &str); 81] = [
    ("account-access-runtime", "account-access"),
    ("agent-registry-control", "agent-registry"),
    ("agreement-marketplace", "aws-marketplace"),
    ("aos", "es"),
    ("appconfigdata", "appconfig"),
    ("appstream2", "appstream"),
    ("appsync-api", "appsync"),
    ("appsync-realtime-api", "appsync"),
    ("aps-workspaces", "aps"),
    (
        "arc-recovery-control-config",
        "route53-recovery-control-config",
    ),
    ("backupstorage", "backup-storage"),
    ("bedrock-agent", "bedrock"),
    ("bedrock-agent-runtime", "bedrock"),
    ("bedrock-agentcore-control", "bedrock-agentcore"),
    ("bedrock-data-automation", "bedrock"),
    ("bedrock-data-automation-runtime", "bedrock"),
    ("bedrock-runtime", "bedrock"),
    ("cassandra-streams", "cassandra"),
    ("catalog-marketplace", "aws-marketplace"),
    ("cloudhsmv2", "cloudhsm"),
    ("cloudsearchdomain", "cloudsearch"),
    ("cloudwatch-omni", "cloudwatch"),
    ("contact-lens", "connect"),
    ("data-signer", "signer"),
    ("data.iotevents", "ioteventsdata"),
    ("data.jobs.iot", "iot-jobs-data"),
    ("ddb", "dynamodb"),
    ("deployment-marketplace", "aws-marketplace"),
    ("discovery-marketplace", "aws-marketplace"),
    ("efs", "elasticfilesystem"),
    ("email", "ses"),
    ("email-smtp", "ses"),
    ("entitlement-marketplace", "aws-marketplace"),
    ("eventsv2", "events"),
    ("fleethub.iot", "iotfleethub"),
    ("forecastquery", "forecast"),
    ("git-codecommit", "codecommit"),
    ("iam-toolbox", "iam"),
    ("identity-chime", "chime"),
    ("ivsrealtime", "ivs"),
    ("kafka-api", "kafka"),
    ("lambda-url", "lambda"),
    ("mail-manager", "ses"),
    ("maps.geo", "geo-maps"),
    ("marketplace", "aws-marketplace"),
    ("media-pipelines-chime", "chime"),
    ("meetings-chime", "chime"),
    ("memory-db", "memorydb"),
    ("messaging-chime", "chime"),
    ("metering-marketplace", "aws-marketplace"),
    ("migrationhub-config", "mgh"),
    ("models-v2-lex", "lex"),
    ("neptune", "neptune-db"),
    ("oidc", "sso-oauth"),
    ("participant.connect", "execute-api"),
    ("partnercentral-prm", "partnercentral"),
    ("personalize-events", "personalize"),
    ("personalize-runtime", "personalize"),
    ("places.geo", "geo-places"),
    ("portal.sso", "awsssoportal"),
    ("queue", "sqs"),
    ("reporting-marketplace", "aws-marketplace"),
    ("routes.geo", "geo-routes"),
    ("runtime-v2-lex", "lex"),
    ("s3-accelerate", "s3"),
    ("s3-accesspoint", "s3"),
    ("s3-control", "s3"),
    ("s3-external-1", "s3"),
    ("s3-global", "s3"),
    ("servicecatalog-appregistry", "servicecatalog"),
    ("sms-voice.pinpoint", "sms-voice"),
    ("streaming-logs", "logs"),
    ("streams-dynamodb", "dynamodb"),
    ("sync-states", "states"),
    ("timestream-ingest", "timestream"),
    ("timestream-query", "timestream"),
    ("transcribestreaming", "transcribe"),
    ("tunneling.iot", "IoTSecuredTunneling"),
    ("voice-chime", "chime"),
    // Last, because longer names above end with these.
    (".iot", "iotdata"),
    ("pinpoint", "mobiletargeting"),
];

/// Where a storage service that is compatible with S3 has its region.
enum CompatibleRegion {
    /// The same everywhere.
    Fixed(&'static str),
    /// The label before the domain; without one, the given region.
    Label { default: Option<&'static str> },
}

/// The storage services that are compatible with S3, by domain.
///
/// Source: Cloudflare R2, "S3 API compatibility" (region `auto`); Wasabi, "Service URLs"; Backblaze
/// B2, "Call the S3-compatible API"; DigitalOcean Spaces, "Use with AWS S3 SDKs"; Storj,
/// "S3-compatible gateway" (any region).
const COMPATIBLE: [(&str, CompatibleRegion); 5] = [
    (".r2.cloudflarestorage.com", CompatibleRegion::Fixed("auto")),
    (
        ".wasabisys.com",
        CompatibleRegion::Label {
            default: Some("us-east-1"),
        },
    ),
    (
        ".backblazeb2.com",
        CompatibleRegion::Label { default: None },
    ),
    (
        ".digitaloceanspaces.com",
        CompatibleRegion::Label { default: None },
    ),
    (".storjshare.io", CompatibleRegion::Fixed("us-east-1")),
];

fn compatible(host: &str) -> Option<HostScope> {
    let (front, region) = COMPATIBLE
        .iter()
        .find_map(|(domain, region)| Some((host.strip_suffix(domain)?, region)))
        .filter(|(front, _)| !front.is_empty())?;
    let region = match region {
        CompatibleRegion::Fixed(region) => Some(*region),
        CompatibleRegion::Label { default } => front
            .split('.')
            .rev()
            .find(|label| *label != "cdn")
            .filter(|label| *label != "s3")
            .or(*default),
    };
    Some(HostScope::new("s3", region))
}

/// Parses `SERVICE.REGION.amazonaws.com` and its variants: with a bucket or an API's id before it,
/// for dual-stack or FIPS, with `vpce` after the region, without a region or, for OpenSearch, with
/// the region before the service.
fn aws(host: &str) -> Option<HostScope> {
    let domain = DOMAINS.iter().find(|domain| host.ends_with(**domain))?;
    let mut labels: Vec<&str> = host
        .strip_suffix(domain)?
        .split('.')
        .filter(|label| *label != "dualstack" && *label != "vpce")
        .collect();
    let place = labels.pop_if(|label| matches!(*label, "global" | "us-gov"));
    let last = labels.pop()?;
    let (service_label, region_label) = match labels.pop() {
        Some(service) if is_region(last) => (service, Some(last)),
        Some(region) if is_region(region) => (last, Some(region)),
        _ if is_region(last) => return None,
        _ => (last, None),
    };
    // Websites take no signatures.
    if service_label.starts_with("s3-website") {
        return None;
    }
    // `s3-eu-west-1` has the region in the label of the service.
    let (service, legacy_region) = split_legacy_s3(service_label);
    let service = match service.strip_suffix("-fips").unwrap_or(service) {
        zonal if zonal.starts_with("s3express-") => "s3express",
        service => service,
    };
    let region = region_label
        .or(legacy_region)
        .map(|region| region.strip_prefix("fips-").unwrap_or(region))
        .or_else(|| global_region(service, place, domain));
    labels.push(service);
    let name = signing_name(&labels.join(".")).unwrap_or(service);
    (!name.is_empty()).then(|| HostScope::new(name, region))
}

/// Returns the region of a host that has none. `place` is the label that some have in its place.
fn global_region(service: &str, place: Option<&str>, domain: &str) -> Option<&'static str> {
    let is_global = place.is_some() || GLOBAL.contains(&service);
    match (place, service) {
        _ if !is_global => None,
        (Some("us-gov"), _) => Some("us-gov-west-1"),
        (_, "iam" | "sts") if domain.ends_with(".cn") => Some("cn-north-1"),
        _ if domain.ends_with(".cn") => Some("cn-northwest-1"),
        _ => Some("us-east-1"),
    }
}

/// Looks up a host name before the region in the table.
fn signing_name(host: &str) -> Option<&'static str> {
    let matches = |end: &str| match host.strip_suffix(end) {
        Some("") => true,
        Some(front) => end.starts_with('.') || front.ends_with('.'),
        None => false,
    };
    let (_, name) = SIGNING_NAMES.iter().find(|(end, _)| matches(end))?;
    Some(name)
}

/// Splits `s3-eu-west-1`, from before regions had a label of their own.
fn split_legacy_s3(service: &str) -> (&str, Option<&str>) {
    match service.strip_prefix("s3-") {
        Some(region) if is_region(region) => ("s3", Some(region)),
        _ => (service, None),
    }
}

/// Returns true for `eu-west-1`, `us-gov-east-1`, `us-iso-west-1`: words, then a number.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let Some((number, words)) = parts.split_last() else {
        return false;
    };
    words.len() >= 2
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words
            .iter()
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_name_their_service_and_region() {
        for (host, service, region) in [
            ("iam.amazonaws.com", "iam", Some("us-east-1")),
            ("sts.amazonaws.com", "sts", Some("us-east-1")),
            ("sts.eu-west-1.amazonaws.com", "sts", Some("eu-west-1")),
            ("iam.us-gov.amazonaws.com", "iam", Some("us-gov-west-1")),
            ("iam.global.api.aws", "iam", Some("us-east-1")),
            (
                "route53.amazonaws.com.cn",
                "route53",
                Some("cn-northwest-1"),
            ),
            ("iam-fips.amazonaws.com.cn", "iam", Some("cn-north-1")),
            ("sdb.amazonaws.com", "sdb", Some("us-east-1")),
            ("global.s3.amazonaws.com", "s3", None),
            (
                "routes.geo.us-gov-west-1.us-gov.amazonaws.com",
                "geo-routes",
                Some("us-gov-west-1"),
            ),
            (
                "mail-manager-fips.us-east-1.amazonaws.com",
                "ses",
                Some("us-east-1"),
            ),
            ("aos.eu-west-1.api.aws", "es", Some("eu-west-1")),
            ("s3.amazonaws.com", "s3", None),
            ("b.s3-accelerate.amazonaws.com", "s3", None),
            ("b.s3-accelerate.dualstack.amazonaws.com", "s3", None),
            ("b.s3-external-1.amazonaws.com", "s3", Some("us-east-1")),
            ("queue.amazonaws.com", "sqs", Some("us-east-1")),
            ("eu-west-1.queue.amazonaws.com", "sqs", Some("eu-west-1")),
            (
                "123456789012.ddb.us-east-1.amazonaws.com",
                "dynamodb",
                Some("us-east-1"),
            ),
            (
                "streaming-logs.us-east-1.amazonaws.com",
                "logs",
                Some("us-east-1"),
            ),
            (
                "sync-states.us-east-1.amazonaws.com",
                "states",
                Some("us-east-1"),
            ),
            (
                "x.appsync-realtime-api.us-east-1.amazonaws.com",
                "appsync",
                Some("us-east-1"),
            ),
            (
                "aps-workspaces.us-east-1.amazonaws.com",
                "aps",
                Some("us-east-1"),
            ),
            (
                "git-codecommit.us-east-1.amazonaws.com",
                "codecommit",
                Some("us-east-1"),
            ),
            (
                "my.bucket.s3.eu-west-1.amazonaws.com",
                "s3",
                Some("eu-west-1"),
            ),
            ("bucket.s3-eu-west-1.amazonaws.com", "s3", Some("eu-west-1")),
            (
                "bucket.s3.dualstack.us-west-2.amazonaws.com",
                "s3",
                Some("us-west-2"),
            ),
            (
                "id.execute-api.us-east-1.amazonaws.com",
                "execute-api",
                Some("us-east-1"),
            ),
            (
                "vpce-0abc-xyz.execute-api.us-east-1.vpce.amazonaws.com",
                "execute-api",
                Some("us-east-1"),
            ),
            (
                "bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com",
                "s3",
                Some("us-east-1"),
            ),
            (
                "vpce-0abc-xyz.sqs.cn-north-1.vpce.amazonaws.com.cn",
                "sqs",
                Some("cn-north-1"),
            ),
            (
                "search-x.us-east-1.es.amazonaws.com",
                "es",
                Some("us-east-1"),
            ),
            (
                "id.lambda-url.eu-west-1.on.aws",
                "lambda",
                Some("eu-west-1"),
            ),
            (
                "sts-fips.us-gov-west-1.amazonaws.com",
                "sts",
                Some("us-gov-west-1"),
            ),
            ("alias.mrap.accesspoint.s3-global.amazonaws.com", "s3", None),
            (
                "ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com",
                "s3",
                Some("us-west-2"),
            ),
            (
                "ap-123456789012.op-1.s3-outposts.us-west-2.amazonaws.com",
                "s3-outposts",
                Some("us-west-2"),
            ),
            (
                "b--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com",
                "s3express",
                Some("us-west-2"),
            ),
            (
                "bedrock-runtime.us-east-1.amazonaws.com",
                "bedrock",
                Some("us-east-1"),
            ),
            ("iot.us-east-1.amazonaws.com", "iot", Some("us-east-1")),
            (
                "a1b2-ats.iot.us-east-1.amazonaws.com",
                "iotdata",
                Some("us-east-1"),
            ),
            (
                "api.tunneling.iot.us-east-1.amazonaws.com",
                "IoTSecuredTunneling",
                Some("us-east-1"),
            ),
            (
                "runtime.lex.us-east-1.amazonaws.com",
                "lex",
                Some("us-east-1"),
            ),
            (
                "portal.sso.eu-west-1.amazonaws.com",
                "awsssoportal",
                Some("eu-west-1"),
            ),
            ("ec2.cn-north-1.amazonaws.com.cn", "ec2", Some("cn-north-1")),
            ("STS.us-east-1.amazonaws.com:443", "sts", Some("us-east-1")),
            ("sts.us-east-1.amazonaws.com.", "sts", Some("us-east-1")),
            ("id.us-east-1.aoss.amazonaws.com", "aoss", Some("us-east-1")),
            (
                "svc-0123.7d67968.vpc-lattice-svcs.us-east-1.on.aws",
                "vpc-lattice-svcs",
                Some("us-east-1"),
            ),
            ("sts.us-iso-east-1.c2s.ic.gov", "sts", Some("us-iso-east-1")),
            ("acc.r2.cloudflarestorage.com", "s3", Some("auto")),
            ("acc.eu.r2.cloudflarestorage.com", "s3", Some("auto")),
            ("b.acc.r2.cloudflarestorage.com", "s3", Some("auto")),
            ("s3.wasabisys.com", "s3", Some("us-east-1")),
            (
                "b.s3.eu-central-1.wasabisys.com",
                "s3",
                Some("eu-central-1"),
            ),
            (
                "b.s3.us-west-004.backblazeb2.com",
                "s3",
                Some("us-west-004"),
            ),
            ("b.nyc3.digitaloceanspaces.com", "s3", Some("nyc3")),
            ("b.nyc3.cdn.digitaloceanspaces.com", "s3", Some("nyc3")),
            ("gateway.storjshare.io", "s3", Some("us-east-1")),
            ("b.gateway.eu1.storjshare.io", "s3", Some("us-east-1")),
        ] {
            let expected = HostScope::new(service, region);
            assert_eq!(HostScope::parse(host), Some(expected), "{host}");
            let scope = Scope::from_host(host);
            match region {
                Some(region) => assert_eq!(scope, Scope::new(region, service), "{host}"),
                None => assert_eq!(scope.unwrap_err().kind(), ErrorKind::Region, "{host}"),
            }
        }
    }

    #[test]
    fn other_hosts_name_no_service() {
        for host in [
            "localhost",
            "127.0.0.1:4566",
            "example.com",
            "r2.cloudflarestorage.com.example.com",
            ".r2.cloudflarestorage.com",
            "amazonaws.com",
            "user@sts.us-east-1.amazonaws.com",
            "s t s.us-east-1.amazonaws.com",
            "s3.\u{e9}.wasabisys.com",
            "s3..wasabisys.com",
            "b.s3-website-us-east-1.amazonaws.com",
            "b.s3-website.eu-central-1.amazonaws.com",
            "",
        ] {
            assert_eq!(HostScope::parse(host), None, "{host}");
            let error = Scope::from_host(host).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Service, "{host}");
        }
    }
}

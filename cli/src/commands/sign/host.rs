/// What a host name says of the service behind it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The name of the service in a credential scope.
    pub(super) service: String,
    /// The region, if the name holds one.
    pub(super) region: Option<String>,
}

/// The domains of the partitions. None is the end of another, so the order does not matter.
const DOMAINS: [&str; 7] = [
    ".api.amazonwebservices.com.cn",
    ".amazonaws.com.cn",
    ".on.amazonwebservices.com.cn",
    ".amazonaws.com",
    ".amazonaws.eu",
    ".api.aws",
    ".on.aws",
];

/// Services whose one endpoint is in one region.
const GLOBAL: [&str; 8] = [
    "iam",
    "sts",
    "route53",
    "cloudfront",
    "organizations",
    "waf",
    "shield",
    "budgets",
];

/// Host names up to the region that differ from the name in the credential scope, as the service models have them. One
/// that begins with a dot has something in front.
const SIGNING_NAMES: [(&str, &str); 46] = [
    ("agreement-marketplace", "aws-marketplace"),
    ("appconfigdata", "appconfig"),
    ("appstream2", "appstream"),
    ("appsync-api", "appsync"),
    ("backupstorage", "backup-storage"),
    ("bedrock-agent", "bedrock"),
    ("bedrock-agent-runtime", "bedrock"),
    ("bedrock-runtime", "bedrock"),
    ("cloudhsmv2", "cloudhsm"),
    ("cloudsearchdomain", "cloudsearch"),
    ("contact-lens", "connect"),
    ("data.iotevents", "ioteventsdata"),
    ("data.jobs.iot", "iot-jobs-data"),
    ("deployment-marketplace", "aws-marketplace"),
    ("email", "ses"),
    ("email-smtp", "ses"),
    ("fleethub.iot", "iotfleethub"),
    ("forecastquery", "forecast"),
    ("identity-chime", "chime"),
    ("ivsrealtime", "ivs"),
    ("lambda-url", "lambda"),
    ("marketplace", "aws-marketplace"),
    ("media-pipelines-chime", "chime"),
    ("meetings-chime", "chime"),
    ("memory-db", "memorydb"),
    ("messaging-chime", "chime"),
    ("migrationhub-config", "mgh"),
    ("models-v2-lex", "lex"),
    ("neptune", "neptune-db"),
    ("oidc", "sso-oauth"),
    ("participant.connect", "execute-api"),
    ("personalize-events", "personalize"),
    ("personalize-runtime", "personalize"),
    ("portal.sso", "awsssoportal"),
    ("queue", "sqs"),
    ("runtime-v2-lex", "lex"),
    ("s3-accesspoint", "s3"),
    ("s3-control", "s3"),
    ("s3-global", "s3"),
    ("servicecatalog-appregistry", "servicecatalog"),
    ("sms-voice.pinpoint", "sms-voice"),
    ("transcribestreaming", "transcribe"),
    ("tunneling.iot", "IoTSecuredTunneling"),
    ("voice-chime", "chime"),
    // Behind the more telling ones.
    (".iot", "iotdata"),
    ("pinpoint", "mobiletargeting"),
];

/// Reads `SERVICE.REGION.amazonaws.com` and its kin: a bucket or an API's id in front, a dual-stack or FIPS endpoint,
/// `vpce` behind the region, the region left out or, for OpenSearch, in front of the service.
pub(super) fn target(host: &str) -> Option<Target> {
    let host = host.split(':').next()?.to_ascii_lowercase();
    let domain = DOMAINS.iter().find(|domain| host.ends_with(**domain))?;
    let name = host.strip_suffix(domain)?;
    let mut labels: Vec<&str> = name
        .split('.')
        .filter(|label| *label != "dualstack" && *label != "vpce")
        .collect();
    let last = labels.pop()?;
    let (service, region) = match labels.pop() {
        Some(service) if is_region(last) => (service, Some(last)),
        Some(region) if is_region(region) => (last, Some(region)),
        _ if is_region(last) => return None,
        _ => (last, None),
    };
    let (service, old_region) = s3_dash_region(service);
    let service = service.strip_suffix("-fips").unwrap_or(service);
    let region = region.or(old_region);
    let region = region.map(|region| region.strip_prefix("fips-").unwrap_or(region));
    let region = region.or_else(|| GLOBAL.contains(&service).then_some("us-east-1"));
    let service = match service.starts_with("s3express-") {
        true => "s3express",
        false => service,
    };
    labels.push(service);
    Some(Target {
        service: signing_name(&labels.join("."))
            .unwrap_or(service)
            .to_owned(),
        region: region.map(str::to_owned),
    })
}

/// The name in the credential scope of a host name up to its region, where it is not the last label.
fn signing_name(host: &str) -> Option<&'static str> {
    let is_of = |end: &str| match host.strip_suffix(end) {
        Some("") => true,
        Some(front) => end.starts_with('.') || front.ends_with('.'),
        None => false,
    };
    let (_, name) = SIGNING_NAMES.iter().find(|(end, _)| is_of(end))?;
    Some(name)
}

/// `s3-eu-west-1.amazonaws.com`, from before regions had a label of their own.
fn s3_dash_region(service: &str) -> (&str, Option<&str>) {
    match service.strip_prefix("s3-") {
        Some(region) if is_region(region) => ("s3", Some(region)),
        _ => (service, None),
    }
}

/// `eu-west-1`, `us-gov-east-1`, `us-iso-west-1`: words and then a number.
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
            ("s3.amazonaws.com", "s3", None),
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
        ] {
            let expected = Target {
                service: service.to_owned(),
                region: region.map(str::to_owned),
            };
            assert_eq!(target(host), Some(expected), "{host}");
        }
    }

    #[test]
    fn other_hosts_say_nothing() {
        for host in [
            "localhost",
            "127.0.0.1:4566",
            "example.com",
            "amazonaws.com",
            "",
        ] {
            assert_eq!(target(host), None, "{host}");
        }
    }
}

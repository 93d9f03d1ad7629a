//! Where a request goes that is signed for a service and a region.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use http::{
    Uri,
    request::Parts,
    uri::{Authority, PathAndQuery},
};
use keyfob_chain::{Argument, Origin, Region, Settings};
use keyfob_sigv4::{HostScope, Scope, Signer, resign::Resigner, verify::Dialect};
use keyfob_sts::{Endpoint, EndpointBuilder, Hosts, Partition};

use super::{
    host_prefix,
    rules::{Refusal, Upstream, forbidden},
};
use crate::{
    s3::Filters,
    services::catalog::{Row, is_host_of_service},
};

/// How many scopes are remembered. A program has a few.
const MAX_KNOWN: usize = 256;
/// The prefix of a path with the host that is meant, without its region and its domain.
const PREFIX: &str = "/-/";

/// Finds the server of a scope.
pub(super) struct Targets {
    reach: Reach,
    known: Mutex<HashMap<Key, Arc<Target>>>,
    /// Of all services, made once because they live as long as the program.
    services: Vec<(Row, Hosts)>,
}

/// Where requests may go to.
pub(super) enum Reach {
    /// To one server. It takes any service if it has no name of one.
    One {
        upstream: Upstream,
        any_service: bool,
    },
    /// To the hosts of services that these patterns match, as the settings have them.
    Allowed {
        patterns: Filters,
        settings: Box<Settings>,
        url: Option<String>,
    },
}

/// The scope of a request, and what tells the host of its service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    /// The beginning of the host, if the path has one.
    pub(super) prefix: Option<&'a str>,
    /// What stands before the host for the operation.
    pub(super) before: &'a str,
}

/// The same to remember.
type Key = (String, String, Option<String>, String);

/// The server of a scope, and the keys for it.
pub(super) struct Target {
    pub(super) upstream: Upstream,
    /// For the scope that the caller claims.
    pub(super) resigner: Resigner,
    /// For the scope that the server wants.
    pub(super) signer: Signer,
}

impl Targets {
    pub(super) fn new(reach: Reach) -> Self {
        Self {
            reach,
            known: Mutex::default(),
            services: Row::all().map(|row| (row, row.hosts())).collect(),
        }
    }

    /// Returns the target of a scope.
    ///
    /// # Errors
    ///
    /// If there is none, or if it may not be reached.
    pub(super) fn find(&self, wanted: Wanted<'_>) -> Result<Arc<Target>, Refusal> {
        let key = (
            wanted.service.to_owned(),
            wanted.region.to_owned(),
            wanted.prefix.map(str::to_owned),
            wanted.before.to_owned(),
        );
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = known().get(&key) {
            return Ok(Arc::clone(target));
        }
        let target = Arc::new(self.make(wanted)?);
        let mut known = known();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(key, Arc::clone(&target));
        Ok(target)
    }

    /// Returns what stands before the host of a service for a request. Nothing stands there before
    /// another server.
    ///
    /// # Errors
    ///
    /// If it cannot stand there.
    pub(super) fn before(
        &self,
        service: &str,
        prefix: Option<&str>,
        head: &Parts,
    ) -> Result<Cow<'static, str>, Refusal> {
        match &self.reach {
            Reach::One { .. } => Ok("".into()),
            Reach::Allowed { .. } => {
                let row = self.row(service, prefix);
                host_prefix::find(row.map_or(service, |(row, _)| row.name), head)
            }
        }
    }

    fn make(&self, wanted: Wanted<'_>) -> Result<Target, Refusal> {
        let Wanted {
            service,
            region,
            prefix,
            ..
        } = wanted;
        let claimed = Scope::new(region, service).map_err(|_| UNKNOWN)?;
        let (upstream, region) = match &self.reach {
            Reach::One {
                upstream,
                any_service,
            } => {
                if !any_service && upstream.service != service {
                    return Err(forbidden(
                        "the request is signed for another service than that of --to",
                    ));
                }
                let service = service.to_owned();
                let upstream = upstream.clone();
                (
                    Upstream {
                        service,
                        is_for_all: *any_service || upstream.is_for_all,
                        ..upstream
                    },
                    region.to_owned(),
                )
            }
            Reach::Allowed {
                patterns,
                settings,
                url,
            } => {
                let own = self.own_url((service, prefix), settings, url.as_deref())?;
                let endpoint = self.endpoint(wanted, patterns, settings, own.as_deref())?;
                let signed_for = endpoint.signing_region().unwrap_or(region).to_owned();
                let mut upstream = upstream(&endpoint, service)?;
                // Whatever the settings name it for, it may be the server of more services.
                upstream.is_for_all = own.is_some() && !is_of_aws(&upstream);
                let admits = |upstream: &Upstream| {
                    patterns.admit(&upstream.authority.host().to_ascii_lowercase())
                };
                let is_allowed = admits(&upstream);
                if own.is_none() && !wanted.before.is_empty() {
                    let whole = format!("{}{}", wanted.before, upstream.authority);
                    upstream.authority = whole.parse().map_err(|_| UNKNOWN)?;
                }
                // Both are hosts of the service.
                if !is_allowed && !admits(&upstream) {
                    return Err(forbidden(
                        "the host of the service is not one that --allow names",
                    ));
                }
                (upstream, signed_for)
            }
        };
        let scope = Scope::new(&region, service).map_err(|_| UNKNOWN)?;
        Ok(Target {
            upstream,
            resigner: Resigner::new(claimed).dialect(self.dialect(service, prefix)),
            signer: Signer::new(scope),
        })
    }

    /// Returns the form in which a service words its errors.
    pub(super) fn dialect(&self, service: &str, prefix: Option<&str>) -> Dialect {
        let row = self.row(service, prefix);
        match (service, row.map(|(row, _)| row.protocol)) {
            ("cloudfront" | "route53", _) | (_, Some("query")) => Dialect::Query,
            (_, Some("ec2")) => Dialect::Ec2,
            _ if service.starts_with("s3") => Dialect::S3,
            _ => Dialect::Json,
        }
    }

    /// Returns the row whose hosts begin so, or that has this name; without a prefix, the nearest
    /// one.
    fn row(&self, service: &str, prefix: Option<&str>) -> Option<&(Row, Hosts)> {
        let mut rows = self
            .services
            .iter()
            .filter(|(row, _)| row.scope_name == service);
        match prefix {
            Some(prefix) => rows
                .clone()
                .find(|(row, _)| row.host == prefix)
                .or_else(|| rows.find(|(row, _)| row.name == prefix)),
            None => rows.min_by_key(|(row, _)| row.distance()),
        }
    }

    /// Returns the id of a service in settings.
    fn id(&self, service: &str, prefix: Option<&str>) -> String {
        let row = self.row(service, prefix);
        row.map_or_else(|| service.to_owned(), |(row, _)| row.id())
    }

    /// Returns the endpoint URL that takes the place of the host of a service, if there is one.
    fn own_url(
        &self,
        (service, prefix): (&str, Option<&str>),
        settings: &Settings,
        url: Option<&str>,
    ) -> Result<Option<String>, Refusal> {
        if let Some(url) = url {
            return Ok(Some(url.to_owned()));
        }
        let id = self.id(service, prefix);
        let setting = settings.endpoint_url(&id).map_err(|_| UNUSABLE)?;
        Ok(setting.map(|setting| setting.text.to_owned()))
    }

    fn endpoint(
        &self,
        wanted: Wanted<'_>,
        patterns: &Filters,
        settings: &Settings,
        url: Option<&str>,
    ) -> Result<Endpoint, Refusal> {
        let Wanted {
            service,
            region,
            prefix,
            ..
        } = wanted;
        let row = self.row(service, prefix);
        let id = self.id(service, prefix);
        let builder = match row {
            Some((_, hosts)) => Endpoint::builder().hosts(*hosts),
            None => {
                let pattern = pattern(service, region, prefix, patterns)?;
                if url.is_none() {
                    let builder = Endpoint::builder().region(region);
                    let builder = builder.and_then(|builder| builder.url(&pattern));
                    return builder
                        .and_then(EndpointBuilder::build)
                        .map_err(|_| UNKNOWN);
                }
                Endpoint::builder()
            }
        };
        let name = "the scope of the request".to_owned();
        let region = Region::new(region, Origin::Argument { name }).map_err(|_| UNKNOWN)?;
        let argument = url.map(|url| Argument::new("--endpoint-url", url));
        let builder = settings.endpoint(builder, &id, &region, argument);
        let endpoint = builder.map(EndpointBuilder::build);
        endpoint.ok().and_then(Result::ok).ok_or(UNUSABLE)
    }
}

const UNKNOWN: Refusal =
    forbidden("the service or the region that the request is signed for has no host that is known");
const UNUSABLE: Refusal = forbidden(
    "the settings of the proxy have no endpoint for the service and the region of the request",
);

/// Returns true for a server at a host of AWS.
pub(super) fn is_of_aws(upstream: &Upstream) -> bool {
    let host = upstream.authority.host().to_ascii_lowercase();
    HostScope::parse(&host).is_some_and(|told| is_host_of_service(&host, &told))
}

/// Returns the URL of a host that follows the pattern, if it is one of the service.
fn pattern(
    service: &str,
    region: &str,
    prefix: Option<&str>,
    patterns: &Filters,
) -> Result<String, Refusal> {
    let suffix = Partition::from_region(region).dns_suffix();
    let host = format!("{}.{region}.{suffix}", prefix.unwrap_or(service));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let told = HostScope::parse(&host).filter(|_| host.bytes().all(is_name));
    // A host without a region that is known may be a customer's, such as that of an instance in
    // `compute-1`.
    let is_of_service = told.is_some_and(|told| {
        told.service() == service
            && told.region() == Some(region)
            && (is_host_of_service(&host, &told) || patterns.names(&host))
    });
    if !is_of_service {
        return Err(UNKNOWN);
    }
    Ok(format!("https://{host}"))
}

fn upstream(endpoint: &Endpoint, service: &str) -> Result<Upstream, Refusal> {
    let parts = endpoint.url().parse::<Uri>().map(Uri::into_parts);
    let parts = parts.map_err(|_| UNUSABLE)?;
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err(UNUSABLE);
    };
    let prefix = parts.path_and_query;
    let prefix = prefix.as_ref().map_or("", PathAndQuery::path);
    Ok(Upstream {
        scheme,
        authority: Authority::clone(&authority),
        prefix: prefix.trim_end_matches('/').to_owned(),
        service: service.to_owned(),
        is_for_all: false,
    })
}

/// Returns true for the name of a service in signatures that has several hosts.
pub(super) fn has_prefixes(service: &str) -> bool {
    Row::all()
        .filter(|row| row.scope_name == service)
        .nth(1)
        .is_some()
}

/// Splits the beginning of a host from a target, as in `/-/api.ecr/path`.
pub(super) fn split(target: &PathAndQuery) -> Option<(&str, PathAndQuery)> {
    let rest = target.as_str().strip_prefix(PREFIX)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (prefix, rest) = rest.split_at(end);
    let rest = if rest.starts_with('/') {
        rest.parse()
    } else {
        format!("/{rest}").parse()
    };
    Some((prefix, rest.ok()?))
}

/// Returns the services that share their name in signatures with another one, which is meant
/// without a path: the name of the variable for the endpoint URL, and the path, which has the
/// beginning of the host, or the name of the service if that is shared, too. With it, an endpoint
/// URL in the settings is for one service only. The names live as long as the program.
pub(in crate::commands) fn paths() -> Vec<(&'static str, String)> {
    let mut paths: Vec<(&'static str, String)> = Vec::new();
    let all: Vec<_> = Row::all().collect();
    for row in &all {
        let of_scope = all
            .iter()
            .filter(|other| other.scope_name == row.scope_name);
        let default = of_scope.clone().min_by_key(|other| other.distance());
        if default.is_some_and(|default| default != row) {
            let mut of_host = of_scope.filter(|other| other.host == row.host);
            let is_host = default.is_some_and(|default| default.host != row.host)
                && of_host.next() == Some(row);
            let prefix = if is_host { row.host } else { row.name };
            let id = row.id().replace(' ', "_").to_ascii_uppercase();
            let name = format!("AWS_ENDPOINT_URL_{id}");
            // Two models of one service have the same id.
            if !paths.iter().any(|(known, _)| *known == name) {
                paths.push((&*name.leak(), format!("{PREFIX}{prefix}")));
            }
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_chain::Variables;

    fn targets(pattern: &str, variables: &[(&str, &str)]) -> Targets {
        let settings = Settings::load(Variables::from_iter(variables.iter().copied()));
        Targets::new(Reach::Allowed {
            patterns: Filters::new([(false, "*"), (true, pattern)], &[""]),
            settings: Box::new(settings),
            url: None,
        })
    }

    fn wanted<'a>(service: &'a str, region: &'a str, prefix: Option<&'a str>) -> Wanted<'a> {
        Wanted {
            service,
            region,
            prefix,
            before: "",
        }
    }

    fn url(targets: &Targets, service: &str, region: &str, prefix: Option<&str>) -> Option<String> {
        url_of(targets, wanted(service, region, prefix))
    }

    fn url_of(targets: &Targets, wanted: Wanted<'_>) -> Option<String> {
        let target = targets.find(wanted).ok()?;
        let Upstream {
            scheme,
            authority,
            prefix,
            ..
        } = &target.upstream;
        let region = target.signer.scope().region();
        Some(format!("{scheme}://{authority}{prefix} {region}"))
    }

    #[test]
    fn a_scope_has_the_host_of_its_service_in_its_region() {
        let targets = targets("*", &[]);
        for (service, region, prefix, expected) in [
            (
                "sts",
                "eu-west-1",
                None,
                Some("https://sts.eu-west-1.amazonaws.com eu-west-1"),
            ),
            (
                "s3",
                "cn-north-1",
                None,
                Some("https://s3.cn-north-1.amazonaws.com.cn cn-north-1"),
            ),
            (
                "iam",
                "eu-west-1",
                None,
                Some("https://iam.amazonaws.com us-east-1"),
            ),
            (
                "ses",
                "eu-west-1",
                None,
                Some("https://email.eu-west-1.amazonaws.com eu-west-1"),
            ),
            (
                "lambda",
                "eu-west-1",
                None,
                Some("https://lambda.eu-west-1.amazonaws.com eu-west-1"),
            ),
            (
                "bedrock",
                "us-east-1",
                None,
                Some("https://bedrock.us-east-1.amazonaws.com us-east-1"),
            ),
            (
                "bedrock",
                "us-east-1",
                Some("bedrock-runtime"),
                Some("https://bedrock-runtime.us-east-1.amazonaws.com us-east-1"),
            ),
            (
                "execute-api",
                "eu-west-1",
                Some("a1b2.execute-api"),
                Some("https://a1b2.execute-api.eu-west-1.amazonaws.com eu-west-1"),
            ),
            ("sts", "eu-west-1", Some("iam"), None),
            ("compute-1", "compute-1", Some("ec2-192-0-2-1"), None),
            ("compute-1", "compute-1", None, None),
            // Of a balancer, and of a database.
            ("elb", "eu-west-1", Some("x-1.elb"), None),
            ("rds", "eu-west-1", Some("rds.abc.rds"), None),
            ("mq", "eu-west-1", Some("b-1.mq"), None),
            (
                "newservice",
                "eu-west-1",
                None,
                Some("https://newservice.eu-west-1.amazonaws.com eu-west-1"),
            ),
            ("sts", "eu-west-1", Some("evil.example/"), None),
            ("sts", "eu-west-1.evil.example/", None, None),
            ("evil.example/", "eu-west-1", None, None),
            ("", "eu-west-1", None, None),
        ] {
            let found = url(&targets, service, region, prefix);
            assert_eq!(found.as_deref(), expected, "{service} {region} {prefix:?}");
        }
    }

    /// Wherever the settings lead, the hosts are those that a proxy for `Host` lets pass, and it
    /// signs for the same service and region.
    #[test]
    fn the_hosts_of_all_services_tell_their_scopes() {
        let variants = [
            ("AWS_REGION", ""),
            ("AWS_USE_FIPS_ENDPOINT", "true"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ];
        let regions = ["us-east-1", "us-gov-west-1", "cn-north-1"];
        let each = |region| Row::all().map(move |row| (row, region));
        let mut wrong = Vec::new();
        for variant in variants {
            let targets = targets("*", &[variant]);
            for (row, region) in regions.into_iter().flat_map(each) {
                let wanted = wanted(row.scope_name, region, Some(row.host));
                let Ok(target) = targets.find(wanted) else {
                    continue;
                };
                let host = target.upstream.authority.host();
                let told = HostScope::parse(host).filter(|told| is_host_of_service(host, told));
                let told = told.map(|told| {
                    let region = told.region().unwrap_or_default().to_owned();
                    (told.service().to_owned(), region)
                });
                let expected = (row.scope_name, target.signer.scope().region());
                let is_right = told.as_ref().is_some_and(|(service, region)| {
                    let (of_service, of_region) = expected;
                    // A host may be for several partitions.
                    let is_of_region = host.contains(of_region);
                    service == of_service && (region == of_region || !is_of_region)
                });
                // Those of the console have domains of their own.
                if !is_right && row.name != "signin" {
                    wrong.push(format!("{host} {expected:?} {told:?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn the_settings_say_where_a_service_is() {
        let fips = [("AWS_USE_FIPS_ENDPOINT", "true")];
        assert_eq!(
            url(&targets("*", &fips), "sts", "us-west-2", None).as_deref(),
            Some("https://sts-fips.us-west-2.amazonaws.com us-west-2")
        );
        let own = [("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000/own/")];
        let all = targets("*", &own);
        assert_eq!(
            url(&all, "s3", "us-west-2", None).as_deref(),
            Some("http://127.0.0.1:9000/own us-west-2")
        );
        // Both have the same hosts, and the same name in signatures.
        let own = [("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:9000")];
        let of_one = targets("*", &own);
        for (prefix, expected) in [
            (None, "https://email.us-west-2.amazonaws.com us-west-2"),
            (Some("sesv2"), "http://127.0.0.1:9000 us-west-2"),
        ] {
            let found = url(&of_one, "ses", "us-west-2", prefix);
            assert_eq!(found.as_deref(), Some(expected), "{prefix:?}");
        }
        let own = [("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000/own/")];
        for (pattern, service, passes) in [
            ("sts.*", "sts", true),
            ("sts.*", "s3", false),
            ("*.amazonaws.com", "s3", false),
            ("127.0.0.1", "s3", true),
        ] {
            let found = url(&targets(pattern, &own), service, "us-west-2", None);
            assert_eq!(found.is_some(), passes, "{pattern} {service}");
        }
    }

    #[test]
    fn a_server_that_is_not_of_aws_may_answer_for_all_services() {
        let server = "http://127.0.0.1:4566";
        let endpoint = "https://vpce-1a2b-3c4d.dynamodb.us-west-2.vpce.amazonaws.com";
        for (variable, service, expected) in [
            (("AWS_ENDPOINT_URL", server), "newservice", true),
            (("AWS_ENDPOINT_URL", server), "dynamodb", true),
            (("AWS_ENDPOINT_URL_DYNAMODB", server), "dynamodb", true),
            (("AWS_ENDPOINT_URL_DYNAMODB", server), "sqs", false),
            (("AWS_ENDPOINT_URL_DYNAMODB", endpoint), "dynamodb", false),
        ] {
            let found = targets("*", &[variable]).find(wanted(service, "us-west-2", None));
            let is_for_all = found.ok().unwrap().upstream.is_for_all;
            assert_eq!(is_for_all, expected, "{variable:?} {service}");
        }
    }

    /// `--allow` names the host of the service with it or without it.
    #[test]
    fn what_stands_before_the_host_is_for_hosts_of_aws_only() {
        let sync = Wanted {
            before: "sync-",
            ..wanted("states", "us-west-2", None)
        };
        let whole = Some("https://sync-states.us-west-2.amazonaws.com us-west-2");
        for (pattern, expected) in [
            ("*", whole),
            ("states.*.amazonaws.com", whole),
            ("sync-states.us-west-2.amazonaws.com", whole),
            ("sync-s3.*", None),
        ] {
            let found = url_of(&targets(pattern, &[]), sync);
            assert_eq!(found.as_deref(), expected, "{pattern}");
        }
        let own = [("AWS_ENDPOINT_URL_SFN", "http://127.0.0.1:9000")];
        let found = url_of(&targets("*", &own), sync);
        assert_eq!(found.as_deref(), Some("http://127.0.0.1:9000 us-west-2"));
    }

    #[test]
    fn a_path_may_begin_with_the_beginning_of_the_host() {
        for (target, expected) in [
            ("/-/api.ecr/a?b", Some(("api.ecr", "/a?b"))),
            ("/-/api.ecr", Some(("api.ecr", "/"))),
            ("/-/api.ecr?a=/", Some(("api.ecr", "/?a=/"))),
            ("/a/-/b", None),
        ] {
            let target = target.parse::<PathAndQuery>().unwrap();
            let found = split(&target);
            let found = found
                .as_ref()
                .map(|(prefix, rest)| (*prefix, rest.as_str()));
            assert_eq!(found, expected);
        }
    }

    /// Each of them is known by its host alone, so that a request with such a path finds it.
    #[test]
    fn services_with_one_host_have_paths_of_their_own() {
        assert!(has_prefixes("s3"));
        // The account of the caller is `-` in its paths.
        assert!(!has_prefixes("glacier"));
    }

    #[test]
    fn services_that_share_a_name_in_signatures_are_told_apart_by_a_path() {
        let paths = paths();
        assert!(paths.len() > 30, "{}", paths.len());
        let path = |name: &str| {
            let mut found = paths.iter().filter(|(known, _)| *known == name);
            found.next().map(|(_, path)| path.as_str())
        };
        let runtime = path("AWS_ENDPOINT_URL_BEDROCK_RUNTIME");
        assert_eq!(runtime, Some("/-/bedrock-runtime"));
        assert_eq!(path("AWS_ENDPOINT_URL_S3_CONTROL"), Some("/-/s3-control"));
        assert_eq!(path("AWS_ENDPOINT_URL_SESV2"), Some("/-/sesv2"));
        let voice = path("AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE");
        assert_eq!(voice, Some("/-/sms-voice.pinpoint"));
        for name in ["S3", "STS", "BEDROCK", "SES", "EC2"] {
            assert_eq!(path(&format!("AWS_ENDPOINT_URL_{name}")), None);
        }
        let targets = targets("*", &[]);
        for row in Row::all() {
            let found = targets.find(wanted(row.scope_name, "us-east-1", Some(row.host)));
            assert!(found.is_ok(), "{row:?}");
            let id = row.id().replace(' ', "_").to_ascii_uppercase();
            let path = path(&format!("AWS_ENDPOINT_URL_{id}"));
            let prefix = path.map(|path| path.trim_start_matches(PREFIX));
            let (found, _) = targets.row(row.scope_name, prefix).unwrap();
            assert_eq!(found.id(), row.id(), "{path:?}");
        }
    }
}

//! The table of all services whose calls need no model.

use keyfob_sts::{
    HostRule, Hosts,
    call::{Protocol, Service},
};

use crate::{
    args::{ApiArgs, ApiProtocol},
    failure::Failure,
    services::catalog,
};

/// Returns the service that the arguments name or describe. It lives as long as the program.
///
/// # Errors
///
/// If the service is not in the table and not described, or if it has no such protocol.
pub(super) fn service(args: &ApiArgs) -> Result<&'static Service, Failure> {
    let name: &'static str = String::leak(args.service.clone());
    let is_label = |label: &str| {
        let mut bytes = label.bytes();
        let ends = label.starts_with('-') || label.ends_with('-');
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        !label.is_empty() && !ends && bytes.all(is_plain)
    };
    if !name.split('.').all(is_label) {
        return Err(Failure::usage(
            "SERVICE: write the name as `aws` has it, in small letters, such as kms",
        ));
    }
    let row = Row::find(name);
    if row.is_none() && args.protocol.is_none() {
        return Err(if catalog::is_other(&args.service) {
            Failure::usage(
                "this service speaks REST or CBOR, where each operation has a form of its own: \
                 `keyfob request URL` signs a request of any form and sends it",
            )
        } else {
            Failure::usage(
                "no service has this name: use the one that `aws` has, or describe the service \
                 with --protocol, and --api-version or --target-prefix",
            )
        });
    }
    let row = row.unwrap_or(Row {
        protocol: "",
        version: "",
        target: "",
        host: name,
        scope_name: name,
        id: name,
        rules: "",
    });
    let service = Service::new(row.scope_name, row.protocol(args)?, row.version(args))
        .with_id(row.id())
        .with_hosts(Hosts::new(row.host).with_rules(row.rules().leak()));
    Ok(Box::leak(Box::new(service)))
}

struct Row {
    protocol: &'static str,
    version: &'static str,
    target: &'static str,
    host: &'static str,
    scope_name: &'static str,
    id: &'static str,
    rules: &'static str,
}

impl Row {
    /// Returns the row of a service. It has the name where the table has none.
    fn find(name: &'static str) -> Option<Self> {
        let mut fields = catalog::row(name)?.splitn(7, ' ');
        let mut field = |default: &'static str| match fields.next() {
            None | Some("-") => default,
            Some(text) => text,
        };
        Some(Self {
            protocol: field(""),
            version: field(""),
            target: field(""),
            host: field(name),
            scope_name: field(name),
            id: field(name),
            rules: field(""),
        })
    }

    /// Returns the protocol, with what the arguments say instead.
    fn protocol(&self, args: &ApiArgs) -> Result<Protocol, Failure> {
        let target = match &args.target_prefix {
            Some(prefix) => String::leak(prefix.clone()),
            None => self.target,
        };
        let is_json10 = self.protocol == "json1.0";
        let protocol = match (args.protocol, self.protocol) {
            (Some(ApiProtocol::Query), _) | (None, "query") => Protocol::Query,
            (Some(ApiProtocol::Ec2), _) | (None, "ec2") => Protocol::Ec2Query,
            (..) if is_json10 => Protocol::Json10 { target },
            (..) => Protocol::Json11 { target },
        };
        let lacks = |option| {
            Err(Failure::usage(format!(
                "{option} is missing for this service"
            )))
        };
        match protocol {
            Protocol::Query | Protocol::Ec2Query if self.version(args).is_empty() => {
                lacks("--api-version")
            }
            Protocol::Json10 { target: "" } | Protocol::Json11 { target: "" } => {
                lacks("--target-prefix")
            }
            protocol => Ok(protocol),
        }
    }

    fn version(&self, args: &ApiArgs) -> &'static str {
        match &args.api_version {
            Some(version) => String::leak(version.clone()),
            None => self.version,
        }
    }

    /// The ids of settings have spaces.
    fn id(&self) -> &'static str {
        String::leak(self.id.replace('-', " "))
    }

    /// Reads `PARTITION,…/VARIANT:HOST@REGION …`, of which the variant and the region may be
    /// missing. The partition may be `*`.
    fn rules(&self) -> Vec<HostRule> {
        let mut rules = Vec::new();
        // Most services have other hosts for FIPS in this partition, too.
        let in_gov = "aws-us-gov/fips:{}-fips.{region}.{suffix}";
        for rule in self.rules.split(' ').chain([in_gov]) {
            let Some((place, host)) = rule.split_once(':') else {
                continue;
            };
            let (partitions, variant) = place.split_once('/').unwrap_or((place, ""));
            for partition in partitions.split(',') {
                for is_fips in [false, true] {
                    if variant.is_empty() || (variant == "fips") == is_fips {
                        let rule = self.rule(host, is_fips);
                        rules.push(match partition {
                            "*" => rule,
                            name => rule.partition(name),
                        });
                    }
                }
            }
        }
        rules
    }

    /// Reads `HOST@REGION`.
    fn rule(&self, host: &'static str, is_fips: bool) -> HostRule {
        let (host, region) = host.split_once('@').unwrap_or((host, ""));
        let mark = if is_fips { "-fips" } else { "" };
        let host = host.replace("{}", self.host).replace("{fips}", mark);
        let rule = HostRule::new(String::leak(host)).fips(is_fips);
        match region {
            "" => rule,
            region => rule.signed_for(region),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(service: &str) -> ApiArgs {
        ApiArgs {
            service: service.to_owned(),
            operation: "Get".to_owned(),
            param: Vec::new(),
            cli_input_json: None,
            protocol: None,
            api_version: None,
            target_prefix: None,
        }
    }

    /// Source: the endpoint rule sets of botocore.
    #[test]
    fn the_endpoints_of_all_services_are_those_of_botocore() {
        let mut count = 0;
        for line in include_str!("../../../models/hosts").lines().skip(1) {
            let words: Vec<&str> = line.split(' ').collect();
            let [name, region, fips, host, signed_for] = words[..] else {
                panic!("{line}");
            };
            let endpoint = service(&args(name)).unwrap().endpoint();
            let endpoint = endpoint.region(region).unwrap().fips(fips == "fips");
            let endpoint = endpoint.build().unwrap();
            assert_eq!(endpoint.url(), format!("https://{host}/"), "{line}");
            assert_eq!(endpoint.signing_region(), Some(signed_for), "{line}");
            count += 1;
        }
        assert!(count > 400, "{count}");
    }

    #[test]
    fn a_service_has_the_names_of_its_row_or_of_the_arguments() {
        let quotas = service(&args("service-quotas")).unwrap();
        assert_eq!(
            (quotas.id(), quotas.scope_name(), quotas.api_version()),
            ("service quotas", "servicequotas", "2019-06-24")
        );
        let target = "ServiceQuotasV20190624";
        assert_eq!(quotas.protocol(), Protocol::Json11 { target });
        let dynamodb = service(&args("dynamodb")).unwrap();
        let target = "DynamoDB_20120810";
        assert_eq!(dynamodb.protocol(), Protocol::Json10 { target });
        let own = ApiArgs {
            protocol: Some(ApiProtocol::Query),
            api_version: Some("2020-01-01".to_owned()),
            ..args("new-one")
        };
        let own = service(&own).unwrap();
        assert_eq!(
            (own.protocol(), own.api_version()),
            (Protocol::Query, "2020-01-01")
        );
        assert_eq!(own.scope_name(), "new-one");
    }

    #[test]
    fn a_service_that_cannot_be_called_has_a_reason() {
        let text = |args: ApiArgs| service(&args).unwrap_err().to_string();
        assert!(text(args("lambda")).contains("`keyfob request URL`"));
        assert!(text(args("canary")).contains("no service has this name"));
        for (protocol, option) in [
            (ApiProtocol::Json, "--target-prefix"),
            (ApiProtocol::Ec2, "--api-version"),
        ] {
            let args = ApiArgs {
                protocol: Some(protocol),
                ..args("canary")
            };
            assert!(text(args).contains(option));
        }
    }
}

//! The table of all services whose calls need no model.

use keyfob_sts::call::{Protocol, Service};

use crate::{
    args::{ApiArgs, ApiProtocol},
    failure::Failure,
    services::catalog::{self, Row},
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
    let row = row.unwrap_or(Row::new(name));
    let service = Service::new(row.scope_name, protocol(&row, args)?, version(&row, args))
        .with_id(row.id().leak())
        .with_hosts(row.hosts());
    Ok(Box::leak(Box::new(service)))
}

/// Returns the protocol of a row, with what the arguments say instead.
fn protocol(row: &Row, args: &ApiArgs) -> Result<Protocol, Failure> {
    let target = match &args.target_prefix {
        Some(prefix) => String::leak(prefix.clone()),
        None => row.target,
    };
    let is_json10 = row.protocol == "json1.0";
    let protocol = match (args.protocol, row.protocol) {
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
        Protocol::Query | Protocol::Ec2Query if version(row, args).is_empty() => {
            lacks("--api-version")
        }
        Protocol::Json10 { target: "" } | Protocol::Json11 { target: "" } => {
            lacks("--target-prefix")
        }
        protocol => Ok(protocol),
    }
}

fn version(row: &Row, args: &ApiArgs) -> &'static str {
    match &args.api_version {
        Some(version) => String::leak(version.clone()),
        None => row.version,
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

//! The names of the services of AWS, their hosts, and the rows of those whose calls need no model.

use std::sync::LazyLock;

use keyfob_sigv4::HostScope;
use keyfob_sts::{HostRule, Hosts};

/// Written by `cli/models/generate.py`, which has the format.
const TABLE: &str = include_str!("../../models/services");
/// Written by it, too: the services with other protocols, if they do not follow the pattern.
const REST: &str = include_str!("../../models/rest");

/// How the line begins that lists the services with other protocols.
const OTHERS: &str = "other ";

/// Returns the fields of a service that speaks query or JSON.
pub(crate) fn row(name: &str) -> Option<&'static str> {
    let lines = TABLE.lines();
    let mut rows = lines.filter(|line| !line.starts_with('#') && !line.starts_with(OTHERS));
    rows.find_map(|line| {
        let (known, fields) = line.split_once(' ')?;
        (known == name).then_some(fields)
    })
}

/// Returns true if a service that signatures name so speaks query or JSON, where each request names
/// its action.
pub(crate) fn names_actions(scope_name: &str) -> bool {
    let lines = TABLE.lines();
    let mut rows = lines.filter(|line| !line.starts_with('#') && !line.starts_with(OTHERS));
    rows.any(|line| {
        let mut fields = line.split(' ');
        let (name, field) = (fields.next(), fields.nth(4));
        let scoped = field.filter(|field| *field != "-").or(name);
        scoped == Some(scope_name)
    })
}

/// Returns true for a service with another protocol.
pub(crate) fn is_other(name: &str) -> bool {
    let mut lines = TABLE.lines().filter_map(|line| line.strip_prefix(OTHERS));
    lines.any(|names| names.split(' ').any(|known| known == name))
}

/// The services whose hosts begin with names of customers, as those of buckets and APIs do, though
/// AWS answers at each of them.
const WITH_CUSTOMERS: [&str; 17] = [
    "aoss",
    "appsync",
    "cloudsearch",
    "dynamodb",
    "es",
    "execute-api",
    "iotdata",
    "kinesisvideo",
    "lambda",
    "mediastore",
    "neptune-db",
    "s3",
    "s3-object-lambda",
    "s3-outposts",
    "s3express",
    "sqs",
    "timestream",
];

/// Returns true for a host at which AWS answers for a service, in lower case. Others have names of
/// AWS, too: those of instances, balancers and databases, where customers answer.
pub(crate) fn is_host_of_service(host: &str, told: &HostScope) -> bool {
    static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| Row::all().collect());
    let service = told.service();
    // An interface endpoint, whose id stands first.
    let id = |(label, rest): &(&str, &str)| label.starts_with("vpce-") && rest.contains(".vpce.");
    let inner = host.split_once('.').filter(id).map(|(_, inner)| inner);
    let plain = inner.unwrap_or(host).replace("-fips.", ".");
    // What follows the name of the service has a region at most.
    let is_named = |name: &str| {
        let rest = plain
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('.'));
        rest.is_some_and(|rest| HostScope::parse(rest).is_none())
    };
    // A service that is new has no row. Customers have no such hosts, except behind `vpce`.
    let is_new = told.region().is_some() && !host.contains(".vpce.") && is_named(service);
    let is_in_row = |row: &Row| row.scope_name == service && row.fronts().any(is_named);
    WITH_CUSTOMERS.contains(&service) || is_new || ROWS.iter().any(is_in_row)
}

/// A service: its names, its protocol and its hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) protocol: &'static str,
    pub(crate) version: &'static str,
    pub(crate) target: &'static str,
    /// With it the names of its hosts begin.
    pub(crate) host: &'static str,
    /// Its name in the scope of signatures.
    pub(crate) scope_name: &'static str,
    id: &'static str,
    rules: &'static str,
}

impl Row {
    /// Returns the row of a service that follows the pattern.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            protocol: "",
            version: "",
            target: "",
            host: name,
            scope_name: name,
            id: name,
            rules: "",
        }
    }

    /// Returns the row of a service that speaks query or JSON.
    pub(crate) fn find(name: &'static str) -> Option<Self> {
        Some(Self::with_fields(name, row(name)?))
    }

    /// Returns the rows of all services.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let lines = TABLE.lines().chain(REST.lines());
        let rows = lines.filter(|line| !line.starts_with('#') && !line.starts_with(OTHERS));
        let rows = rows.filter_map(|line| {
            let (name, fields) = line.split_once(' ')?;
            Some(Self::with_fields(name, fields))
        });
        let others = TABLE.lines().filter_map(|line| line.strip_prefix(OTHERS));
        let others = others.flat_map(|names| names.split(' '));
        let is_in_rest = |name: &str| {
            let mut lines = REST.lines();
            lines.any(|line| line.split(' ').next() == Some(name))
        };
        rows.chain(others.filter(move |name| !is_in_rest(name)).map(Self::new))
    }

    /// Reads the fields of a service. It has the name where they have none.
    fn with_fields(name: &'static str, fields: &'static str) -> Self {
        let mut fields = fields.splitn(7, ' ');
        let mut field = |default: &'static str| match fields.next() {
            None | Some("-") => default,
            Some(text) => text,
        };
        Self {
            name,
            protocol: field(""),
            version: field(""),
            target: field(""),
            host: field(name),
            scope_name: field(name),
            id: field(name),
            rules: field(""),
        }
    }

    /// Returns what is least for the service that is meant by a name in signatures alone.
    pub(crate) fn distance(&self) -> (bool, bool) {
        (self.host != self.scope_name, self.name != self.scope_name)
    }

    /// Returns the id of settings, which has spaces.
    pub(crate) fn id(&self) -> String {
        self.id.replace('-', " ")
    }

    /// Returns what its hosts have before their region.
    fn fronts(&self) -> impl Iterator<Item = &'static str> {
        let hosts = self
            .rules
            .split(' ')
            .filter_map(|rule| rule.split_once(':'));
        let fronts = hosts.filter_map(|(_, host)| host.split_once(".{region}"));
        let fronts = fronts.map(|(front, _)| front);
        let fronts = fronts.filter(|front| !front.contains('{'));
        [self.host].into_iter().chain(fronts)
    }

    /// Returns the hosts. They live as long as the program.
    pub(crate) fn hosts(&self) -> Hosts {
        Hosts::new(self.host).with_rules(self.rules().leak())
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

    #[test]
    fn a_service_has_a_row_or_another_protocol() {
        assert!(row("kms").is_some_and(|fields| fields.starts_with("json1.1 ")));
        assert!(is_other("lambda") && row("lambda").is_none());
        for name in ["", "#", "other", "km", "kms json1.1", "canary"] {
            assert!(row(name).is_none() && !is_other(name), "{name}");
        }
    }

    #[test]
    fn a_service_that_names_its_actions_is_found_by_the_name_in_signatures() {
        for name in ["sts", "monitoring", "ec2", "dynamodb", "secretsmanager"] {
            assert!(names_actions(name), "{name}");
        }
        for name in [
            "cloudwatch",
            "s3",
            "lambda",
            "execute-api",
            "es",
            "vpc-lattice-svcs",
            "",
        ] {
            assert!(!names_actions(name), "{name}");
        }
    }
}

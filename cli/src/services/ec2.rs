use std::sync::LazyLock;

use keyfob_sts::call::{self, Protocol};
use serde_json::{Map, Value};

use crate::{
    args::Text,
    failure::Failure,
    services::{
        Rules, Service,
        model::{Model, Operation},
    },
};

pub(super) static EC2: Service = Service {
    name: "ec2",
    about: "Call the Elastic Compute Cloud",
    examples: "",
    row: &ROW,
    rules: Rules {
        set_own: set_count,
        complete,
        ..Rules::NONE
    },
    model: LazyLock::new(|| Model::parse(include_str!("../../models/ec2.model"))),
};

static ROW: call::Service = call::Service::new("ec2", Protocol::Ec2Query, "2016-11-15");

/// Reads `--count N` or `--count MIN:MAX` of `run-instances`, which sets two members.
///
/// `aws` has three more such options, all for the first network interface, which are left out:
/// `--associate-public-ip-address`, `--secondary-private-ip-addresses` and
/// `--secondary-private-ip-address-count`. Here, `--network-interfaces` sets these.
fn set_count(
    option: &Text,
    text: &str,
    parameters: &mut Map<String, Value>,
) -> Result<(), Failure> {
    let (min, max) = text.split_once(':').unwrap_or((text, text));
    for (name, number) in [("MinCount", min), ("MaxCount", max)] {
        let number: i64 = number.trim().parse().map_err(|_| {
            let flag = &option.flag;
            Failure::usage(format!("{flag}: it is not N or MIN:MAX, such as 1 or 1:10"))
        })?;
        parameters.insert(name.to_owned(), number.into());
    }
    Ok(())
}

/// Adds the count of instances, which is one.
fn complete(operation: &Operation, parameters: &mut Map<String, Value>) {
    if operation.name == "RunInstances" {
        for name in ["MinCount", "MaxCount"] {
            parameters.entry(name).or_insert_with(|| 1.into());
        }
    }
}

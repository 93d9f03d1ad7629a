use std::sync::LazyLock;

use keyfob_backoff::limit::RateLimit;
use keyfob_sts::call::{self, Protocol};
use serde_json::{Map, Value, json};

use crate::{
    failure::Failure,
    services::{
        Rules, Service,
        command::{Given, Invocation},
        model::{Flag, Model, Operation},
    },
};

pub(super) static EC2: Service = Service {
    name: "ec2",
    about: "Call the Elastic Compute Cloud",
    examples: "",
    row: &ROW,
    rules: Rules {
        check_options,
        set_own,
        complete,
        // All that are asked for pages are such.
        limit: Some(RateLimit::EC2_READ),
        ..Rules::NONE
    },
    views: &[],
    model: LazyLock::new(|| Model::parse(include_str!("../../models/ec2.model"))),
};

static ROW: call::Service = call::Service::new("ec2", Protocol::Ec2Query, "2016-11-15");

/// The members of a network interface that only options of `run-instances` set in the first one.
const OF_INTERFACE: [&str; 3] = [
    "PrivateIpAddresses",
    "SecondaryPrivateIpAddressCount",
    "AssociatePublicIpAddress",
];

/// These options make the first network interface, so that no other one may be given.
fn check_options(invocation: &Invocation) -> Result<(), Failure> {
    let given = || invocation.given.iter();
    let has_interfaces = given().any(|(flag, _)| flag.member == "NetworkInterfaces");
    let simple = given().find(|(flag, given)| {
        let is_own = flag.own.is_some() && flag.member != "Count";
        is_own && !matches!(given, Given::Boolean(false))
    });
    match simple {
        Some((flag, _)) if has_interfaces => Err(Failure::usage(format!(
            "{} and --network-interfaces do not go together: say it in the latter",
            flag.name
        ))),
        _ => Ok(()),
    }
}

/// Sets what the options of `run-instances` set that are no members: the count, and parts of the
/// first network interface.
///
/// Source: `runinstances.py` and `addcount.py` of `aws`.
fn set_own(
    option: &Flag,
    value: Value,
    parameters: &mut Map<String, Value>,
) -> Result<(), Failure> {
    let (name, value) = match (option.member, value) {
        ("Count", value) => return set_count(option, &value, parameters),
        // As in `aws`, neither is there.
        (_, value) if value == json!([]) || value == json!(0) => return Ok(()),
        (_, Value::Array(addresses)) => {
            let addresses = addresses.into_iter();
            let secondary =
                addresses.map(|address| json!({"PrivateIpAddress": address, "Primary": false}));
            ("PrivateIpAddresses", secondary.collect())
        }
        (name, value) => (name, value),
    };
    let interfaces = parameters.entry("NetworkInterfaces");
    let interfaces = interfaces.or_insert_with(|| json!([{"DeviceIndex": 0}]));
    if let Some(first) = interfaces.get_mut(0).and_then(Value::as_object_mut) {
        first.insert(name.to_owned(), value);
    }
    Ok(())
}

/// Reads `--count N` or `--count MIN:MAX`.
fn set_count(
    option: &Flag,
    value: &Value,
    parameters: &mut Map<String, Value>,
) -> Result<(), Failure> {
    let text = value.as_str().unwrap_or_default();
    let (min, max) = text.split_once(':').unwrap_or((text, text));
    for (name, number) in [("MinCount", min), ("MaxCount", max)] {
        let number: i64 = number.trim().parse().map_err(|_| {
            let flag = option.name;
            Failure::usage(format!("{flag}: it is not N or MIN:MAX, such as 1 or 1:10"))
        })?;
        parameters.insert(name.to_owned(), number.into());
    }
    Ok(())
}

/// Adds the count of instances, which is one, and moves what the first network interface must have
/// into it.
fn complete(operation: &Operation, parameters: &mut Map<String, Value>) {
    if operation.name != "RunInstances" {
        return;
    }
    for name in ["MinCount", "MaxCount"] {
        parameters.entry(name).or_insert_with(|| 1.into());
    }
    let interfaces = parameters.get_mut("NetworkInterfaces");
    let first = interfaces.and_then(|interfaces| interfaces.get_mut(0));
    let Some(Value::Object(mut first)) = first.map(Value::take) else {
        return;
    };
    if OF_INTERFACE.iter().any(|name| first.contains_key(*name)) {
        for (name, own) in [
            ("SubnetId", "SubnetId"),
            ("SecurityGroupIds", "Groups"),
            ("Ipv6AddressCount", "Ipv6AddressCount"),
            ("Ipv6Addresses", "Ipv6Addresses"),
            ("EnablePrimaryIpv6", "PrimaryIpv6"),
        ] {
            if let Some(value) = parameters.remove(name) {
                first.insert(own.to_owned(), value);
            }
        }
        if let Some(address) = parameters.remove("PrivateIpAddress") {
            let primary = json!({"PrivateIpAddress": address, "Primary": true});
            let addresses = first.entry("PrivateIpAddresses");
            // `aws` drops the secondary addresses here.
            if let Value::Array(addresses) = addresses.or_insert_with(|| json!([])) {
                addresses.insert(0, primary);
            }
        }
    }
    parameters["NetworkInterfaces"][0] = first.into();
}

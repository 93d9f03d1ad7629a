use std::sync::LazyLock;

use keyfob_chain::shell;
use keyfob_sts::{
    HostRule, Hosts,
    call::{self, Protocol},
};
use serde_json::Value;

use crate::services::{FailedCall, Rules, Service, model::Model};

pub(super) static IAM: Service = Service {
    name: "iam",
    about: "Call Identity and Access Management",
    examples: "",
    row: &ROW,
    rules: Rules {
        hint,
        ..Rules::NONE
    },
    views: &[],
    model: LazyLock::new(|| Model::parse(include_str!("../../models/iam.model"))),
};

pub(crate) static ROW: call::Service = call::Service::new("iam", Protocol::Query, "2010-05-08")
    .with_hosts(Hosts::new("iam").with_rules(RULES.as_flattened()));

/// A key whose secret did not arrive is of no use, and there may be two at most.
fn hint(call: &FailedCall<'_>) -> Option<String> {
    if call.operation.name != "CreateAccessKey" || !call.may_have_run {
        return None;
    }
    let user = call.parameters.get("UserName").and_then(Value::as_str);
    let user = user.map(|name| shell::option("--user-name", name));
    let words = ["keyfob iam list-access-keys".to_owned()];
    let list = call.globals.follow_up(words.into_iter().chain(user));
    Some(format!(
        "IAM may have created a key, whose secret is lost: look for one to delete before you try \
         again: {list}"
    ))
}

/// A partition has one IAM, in one of its regions.
const RULES: &[[HostRule; 4]] = &[
    partition(
        "aws",
        "us-east-1",
        ["iam.{suffix}", "iam-fips.{suffix}", GLOBAL, GLOBAL_FIPS],
    ),
    partition(
        "aws-cn",
        "cn-north-1",
        ["iam.cn-north-1.{suffix}", "iam-fips.{suffix}", GLOBAL, FIPS],
    ),
    partition(
        "aws-eusc",
        "eusc-de-east-1",
        [
            "iam.eusc-de-east-1.{suffix}",
            "iam-fips.{suffix}",
            GLOBAL,
            FIPS,
        ],
    ),
    partition(
        "aws-iso",
        "us-iso-east-1",
        [
            "iam.us-iso-east-1.{suffix}",
            "iam-fips.us-iso-east-1.{suffix}",
            DUAL_STACK,
            FIPS,
        ],
    ),
    partition(
        "aws-iso-b",
        "us-isob-east-1",
        [
            "iam.us-isob-east-1.{suffix}",
            "iam-fips.us-isob-east-1.{suffix}",
            DUAL_STACK,
            FIPS,
        ],
    ),
    partition(
        "aws-iso-e",
        "eu-isoe-west-1",
        [
            "iam.eu-isoe-west-1.{suffix}",
            "iam-fips.{suffix}",
            DUAL_STACK,
            FIPS,
        ],
    ),
    partition(
        "aws-iso-f",
        "us-isof-south-1",
        [
            "iam.us-isof-south-1.{suffix}",
            "iam-fips.{suffix}",
            DUAL_STACK,
            FIPS,
        ],
    ),
    partition(
        "aws-us-gov",
        "us-gov-west-1",
        [
            GOV,
            GOV,
            "iam.us-gov.{dual_stack_suffix}",
            "iam.us-gov.{dual_stack_suffix}",
        ],
    ),
];

const GLOBAL: &str = "iam.global.{dual_stack_suffix}";
const GLOBAL_FIPS: &str = "iam-fips.global.{dual_stack_suffix}";
const DUAL_STACK: &str = "iam.{dual_stack_suffix}";
const FIPS: &str = "iam-fips.{dual_stack_suffix}";
const GOV: &str = "iam.us-gov.{suffix}";

/// Returns the rules for the hosts of a partition: plain, for FIPS, dual stack, and both.
const fn partition(
    name: &'static str,
    region: &'static str,
    [plain, fips, dual_stack, both]: [&'static str; 4],
) -> [HostRule; 4] {
    const fn rule(host: &'static str, fips: bool, dual_stack: bool) -> HostRule {
        HostRule::new(host).fips(fips).dual_stack(dual_stack)
    }
    [
        rule(plain, false, false).partition(name).signed_for(region),
        rule(fips, true, false).partition(name).signed_for(region),
        rule(dual_stack, false, true)
            .partition(name)
            .signed_for(region),
        rule(both, true, true).partition(name).signed_for(region),
    ]
}

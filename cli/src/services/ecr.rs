//! The registries of containers. Beside the operation, `aws` has a command that prints the password
//! in its answer.

use std::sync::LazyLock;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use keyfob_sts::{
    HostRule, Hosts,
    call::{self, Protocol},
};
use serde_json::Value;

use crate::{
    args::examples,
    services::{Rules, Service, View, model::Model},
};

pub(super) static ECR: Service = Service {
    name: "ecr",
    about: "Log in to the private registry of containers",
    examples: "",
    row: &ROW,
    rules: Rules::NONE,
    views: &[View {
        command: "get-login-password",
        about: "Print the password for `docker login` to the registry of the account, as user AWS",
        examples: examples::ECR,
        of: "get-authorization-token",
        text: |answer| password(&answer["authorizationData"][0]),
    }],
    model: LazyLock::new(|| Model::parse(include_str!("../../models/ecr.model"))),
};

pub(super) static ECR_PUBLIC: Service = Service {
    name: "ecr-public",
    about: "Log in to the public registry of containers",
    examples: "",
    row: &PUBLIC_ROW,
    rules: Rules::NONE,
    views: &[View {
        command: "get-login-password",
        about: "Print the password for `docker login` to public.ecr.aws, as user AWS",
        examples: examples::ECR_PUBLIC,
        of: "get-authorization-token",
        text: |answer| password(&answer["authorizationData"]),
    }],
    model: LazyLock::new(|| Model::parse(include_str!("../../models/ecr-public.model"))),
};

static ROW: call::Service = call::Service::new(
    "ecr",
    Protocol::Json11 {
        target: "AmazonEC2ContainerRegistry_V20150921",
    },
    "2015-09-21",
)
.with_hosts(Hosts::new("api.ecr").with_rules(RULES));

const RULES: &[HostRule] = &[
    HostRule::new("ecr-fips.{region}.{dual_stack_suffix}")
        .fips(true)
        .dual_stack(true),
    HostRule::new("api.ecr-fips.{region}.{suffix}").fips(true),
    HostRule::new("ecr.{region}.{dual_stack_suffix}").dual_stack(true),
];

static PUBLIC_ROW: call::Service = call::Service::new(
    "ecr-public",
    Protocol::Json11 {
        target: "SpencerFrontendService",
    },
    "2020-10-30",
)
.with_id("ecr public")
.with_hosts(Hosts::new("api.ecr-public").with_rules(PUBLIC_RULES));

const PUBLIC_RULES: &[HostRule] = &[
    HostRule::new("ecr-public.{region}.{dual_stack_suffix}")
        .partition("aws")
        .fips(false)
        .dual_stack(true),
    HostRule::new("api.ecr-public-fips.{region}.{dual_stack_suffix}")
        .fips(true)
        .dual_stack(true),
    HostRule::new("api.ecr-public-fips.{region}.{suffix}").fips(true),
];

/// Returns the password in authorization data, which is `USER:PASSWORD` in Base64.
fn password(data: &Value) -> Option<String> {
    let decoded = BASE64_STANDARD.decode(data["authorizationToken"].as_str()?);
    let text = String::from_utf8(decoded.ok()?).ok()?;
    let (_, password) = text.split_once(':')?;
    Some(password.to_owned())
}

use std::sync::LazyLock;

use keyfob_sts::{
    actions,
    call::{self, Reply},
};

use crate::{
    args::examples,
    failure::Failure,
    services::{Rules, Service, command::Invocation, model::Model},
};

pub(super) static STS: Service = Service {
    name: "sts",
    about: "Call the Security Token Service",
    examples: examples::STS,
    row: &call::Service::STS,
    rules: Rules {
        check_options,
        check_text: actions::check_parameter,
        check_call: actions::check_call,
        check_chained: actions::check_chained,
        check_answer,
        is_one_time: |name| name == "TokenCode",
        role: Some("RoleArn"),
        ..Rules::NONE
    },
    views: &[],
    model: LazyLock::new(|| Model::parse(include_str!("../../models/sts.model"))),
};

/// An MFA device and its code need each other.
fn check_options(invocation: &Invocation) -> Result<(), Failure> {
    let mut flags = invocation.operation.flags.iter();
    let is_given = |name| invocation.given.iter().any(|(flag, _)| flag.name == name);
    let takes_code = flags.any(|flag| flag.name == "--token-code");
    if !takes_code || invocation.input_json.is_some() {
        return Ok(());
    }
    let has_code = is_given("--token-code") || invocation.own.token_command.is_some();
    match (is_given("--serial-number"), has_code) {
        (true, false) => Err(Failure::usage(
            "--serial-number needs --token-code: the six digits that the device shows, or - to be \
             asked for them",
        )),
        (false, true) => Err(Failure::usage(
            "--token-code needs --serial-number: the device, such as arn:aws:iam::123456789012:mfa/NAME",
        )),
        _ => Ok(()),
    }
}

/// Credentials without one of their four members are of no use.
fn check_answer(reply: &Reply<'_>) -> Result<(), keyfob_sts::Error> {
    match reply.at("Credentials") {
        Some(_) => reply.credentials().map(drop),
        None => Ok(()),
    }
}

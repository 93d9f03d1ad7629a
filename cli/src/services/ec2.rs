use std::sync::LazyLock;

use keyfob_sts::call::{self, Protocol};

use crate::services::{Rules, Service, model::Model};

pub(super) static EC2: Service = Service {
    name: "ec2",
    about: "Call the Elastic Compute Cloud",
    examples: "",
    row: &ROW,
    rules: Rules::NONE,
    model: LazyLock::new(|| Model::parse(include_str!("../../models/ec2.model"))),
};

static ROW: call::Service = call::Service::new("ec2", Protocol::Ec2Query, "2016-11-15");

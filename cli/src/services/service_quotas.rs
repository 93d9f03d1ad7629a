use std::sync::LazyLock;

use keyfob_sts::call::{self, Protocol};

use crate::services::{Rules, Service, model::Model};

pub(super) static SERVICE_QUOTAS: Service = Service {
    name: "service-quotas",
    about: "Call Service Quotas",
    examples: "",
    row: &ROW,
    rules: Rules::NONE,
    model: LazyLock::new(|| Model::parse(include_str!("../../models/service-quotas.model"))),
};

static ROW: call::Service = call::Service::new(
    "servicequotas",
    Protocol::Json11 {
        target: "ServiceQuotasV20190624",
    },
    "2019-06-24",
)
.with_id("service quotas");

use std::sync::LazyLock;

use keyfob_chain::shell;
use keyfob_sts::{
    Error,
    call::{self, Protocol},
};
use serde_json::Value;

use crate::services::{
    FailedCall, Rules, Service,
    model::{Model, Operation},
};

pub(super) static SERVICE_QUOTAS: Service = Service {
    name: "service-quotas",
    about: "Call Service Quotas",
    examples: "",
    row: &ROW,
    rules: Rules {
        fallback,
        hint,
        ..Rules::NONE
    },
    views: &[],
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

/// A quota that was never changed has no value but the default one in some services.
fn fallback(operation: &Operation, error: &Error) -> Option<(&'static str, &'static str)> {
    let is_missing = error.code() == Some("NoSuchResourceException");
    (operation.name == "GetServiceQuota" && is_missing).then_some((
        "GetAWSDefaultServiceQuota",
        "the quota has no value of its own in this account: this is the default",
    ))
}

fn hint(call: &FailedCall<'_>) -> Option<String> {
    let (globals, parameters) = (call.globals, call.parameters);
    let history = || {
        let text = |name: &str| parameters.get(name).and_then(Value::as_str);
        Some(globals.follow_up([
            "keyfob service-quotas list-requested-service-quota-change-history-by-quota".to_owned(),
            shell::option("--service-code", text("ServiceCode")?),
            shell::option("--quota-code", text("QuotaCode")?),
        ]))
    };
    match call.error.code() {
        Some("ResourceAlreadyExistsException") => Some(format!(
            "a request for this quota is open already; it is shown by {}",
            history()?
        )),
        Some("QuotaExceededException") => {
            let words = "keyfob service-quotas list-requested-service-quota-change-history \
                         --status PENDING";
            let open = globals.follow_up([words.to_owned()]);
            Some(format!(
                "too many requests are open: wait until one is closed; they are shown by {open}"
            ))
        }
        _ if call.operation.name == "RequestServiceQuotaIncrease" && call.may_have_run => {
            Some(format!(
                "Service Quotas may have the request: look before you send it again: {}",
                history()?
            ))
        }
        _ => None,
    }
}

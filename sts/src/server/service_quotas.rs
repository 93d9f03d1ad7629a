//! Service Quotas: a few quotas, and requests for higher ones, which stay open.
//!
//! Source: Service Quotas API reference, version 2019-06-24.

use http::Response;
use serde_json::{Value, json};

use super::{
    api::{Api, Outcome, Request},
    json::{Members, answer, refuse},
    query,
    refusal::Refusal,
};

pub(super) const API: Api = Api {
    paths: &[],
    run,
    refuse: |refusal, _| {
        let error = json!({"__type": refusal.code, "Message": refusal.message});
        refuse(refusal, &error)
    },
    throttled: (400, "TooManyRequestsException", ""),
    failed: ("ServiceException", ""),
};

/// A quota, with its default value, and the one of the account if it was ever changed.
#[derive(Clone, Copy)]
struct Quota {
    service: (&'static str, &'static str),
    code: &'static str,
    name: &'static str,
    default: f64,
    applied: Option<f64>,
}

const EC2: (&str, &str) = ("ec2", "Amazon Elastic Compute Cloud (Amazon EC2)");
const VPC: (&str, &str) = ("vpc", "Amazon Virtual Private Cloud (Amazon VPC)");

const QUOTAS: [Quota; 3] = [
    Quota {
        service: EC2,
        code: "L-1216C47A",
        name: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        default: 5.0,
        applied: Some(32.0),
    },
    Quota {
        service: EC2,
        code: "L-0263D0A3",
        name: "EC2-VPC Elastic IPs",
        default: 5.0,
        applied: None,
    },
    Quota {
        service: VPC,
        code: "L-F678F1CE",
        name: "VPCs per Region",
        default: 5.0,
        applied: None,
    },
];

fn run(request: &Request<'_>) -> Outcome {
    if let Err(refusal) = query::caller(request, "servicequotas") {
        return (None, Err(refusal));
    }
    let target = request.head.headers.get("x-amz-target");
    let target = target.and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.strip_prefix("ServiceQuotasV20190624."));
    let Some(operation) = operation else {
        return (None, Err(unknown_operation()));
    };
    let result = carry_out(operation, request);
    (Some(operation.to_owned()), result)
}

fn carry_out(operation: &str, request: &Request<'_>) -> Result<Response<String>, Refusal> {
    let members = Members::parse(request.body);
    // Each list is one page, so that there is no token.
    if members.text("NextToken").is_some() {
        let message = "Invalid token was provided.";
        return Err(Refusal::bad("InvalidPaginationTokenException", message));
    }
    let service = members.text("ServiceCode");
    let of_service = |of: &Quota| service.is_none_or(|code| of.service.0 == code);
    let object = match operation {
        "ListServices" => {
            let service =
                |(code, name): (&str, &str)| json!({"ServiceCode": code, "ServiceName": name});
            json!({"Services": [service(EC2), service(VPC)]})
        }
        "ListServiceQuotas" | "ListAWSDefaultServiceQuotas" => {
            let is_default = operation == "ListAWSDefaultServiceQuotas";
            let quotas: Vec<Value> = QUOTAS
                .iter()
                .filter(|one| of_service(one))
                .map(|one| one.json(request, if is_default { one.default } else { one.value() }))
                .collect();
            if quotas.is_empty() {
                return Err(no_such("service"));
            }
            json!({"Quotas": quotas})
        }
        "GetServiceQuota" => {
            let quota = find(&members)?;
            let value = quota.applied.ok_or_else(|| no_such("quota"))?;
            json!({"Quota": quota.json(request, value)})
        }
        "GetAWSDefaultServiceQuota" => {
            let quota = find(&members)?;
            json!({"Quota": quota.json(request, quota.default)})
        }
        "RequestServiceQuotaIncrease" => json!({"RequestedQuota": increase(&members, request)?}),
        "ListRequestedServiceQuotaChangeHistory"
        | "ListRequestedServiceQuotaChangeHistoryByQuota" => {
            let code = members.text("QuotaCode");
            let has = |one: &Value, name: &str, text: Option<&str>| {
                text.is_none_or(|text| one[name] == text)
            };
            let status = members.text("Status");
            let mut requests = request.account.quota_requests();
            requests.retain(|one| {
                has(one, "ServiceCode", service)
                    && has(one, "QuotaCode", code)
                    && has(one, "Status", status)
            });
            json!({"RequestedQuotas": requests})
        }
        _ => return Err(unknown_operation()),
    };
    Ok(answer(&object))
}

/// Adds a request for a higher value. A quota has one open request at most.
fn increase(members: &Members, request: &Request<'_>) -> Result<Value, Refusal> {
    let quota = find(members)?;
    let desired = members.number("DesiredValue").unwrap_or_default();
    if desired <= quota.value() {
        let message = "You must provide a quota value greater than the current quota value.";
        return Err(Refusal::bad("IllegalArgumentException", message));
    }
    let mut requests = request.account.quota_requests();
    if requests.iter().any(|one| one["QuotaCode"] == quota.code) {
        let message = "Only one open service quota increase request is allowed per quota.";
        return Err(Refusal::bad("ResourceAlreadyExistsException", message));
    }
    let added = json!({
        "Id": format!("{:032x}", requests.len() + 1),
        "ServiceCode": quota.service.0,
        "ServiceName": quota.service.1,
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "DesiredValue": desired,
        "Status": "PENDING",
        "Created": request.now.unix_seconds(),
        "QuotaArn": quota.arn(request),
        "GlobalQuota": false,
        "Unit": "None",
    });
    requests.push(added.clone());
    request.account.set_quota_requests(requests);
    Ok(added)
}

impl Quota {
    fn value(&self) -> f64 {
        self.applied.unwrap_or(self.default)
    }

    fn arn(&self, request: &Request<'_>) -> String {
        let (account, service) = (request.account.id(), self.service.0);
        format!(
            "arn:aws:servicequotas:us-east-1:{account}:{service}/{}",
            self.code
        )
    }

    fn json(&self, request: &Request<'_>, value: f64) -> Value {
        json!({
            "ServiceCode": self.service.0,
            "ServiceName": self.service.1,
            "QuotaArn": self.arn(request),
            "QuotaCode": self.code,
            "QuotaName": self.name,
            "Value": value,
            "Unit": "None",
            "Adjustable": true,
            "GlobalQuota": false,
        })
    }
}

fn find(members: &Members) -> Result<Quota, Refusal> {
    let (service, code) = (members.text("ServiceCode"), members.text("QuotaCode"));
    let mut quotas = QUOTAS.into_iter();
    quotas
        .find(|one| Some(one.service.0) == service && Some(one.code) == code)
        .ok_or_else(|| {
            let is_known = QUOTAS.iter().any(|one| Some(one.service.0) == service);
            no_such(if is_known { "quota" } else { "service" })
        })
}

fn no_such(what: &str) -> Refusal {
    let message = format!("The request failed because the specified {what} does not exist.");
    Refusal::bad("NoSuchResourceException", message)
}

fn unknown_operation() -> Refusal {
    Refusal::bad("UnknownOperationException", "")
}

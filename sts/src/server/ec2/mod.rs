//! EC2: a few instances, and whether a call would be permitted.
//!
//! Source: EC2 API reference, version 2016-11-15.

mod catalog;
mod instances;
mod list;

use http::Response;
use serde_json::json;

pub(super) use self::instances::Instance;
use super::{
    account::{Identity, Key},
    api::{Api, Request},
    query::{
        Parameters, QueryService,
        xml::{element, parent},
    },
    refusal::Refusal,
    services::with_type,
};
use crate::trust::{Caller, Request as Call, Verdict};

pub(super) const API: Api = Api {
    paths: &[],
    run: |request| EC2.run(request),
    refuse,
    throttled: (503, "RequestLimitExceeded", ""),
    failed: ("InternalError", ""),
};

const EC2: QueryService = QueryService {
    name: "ec2",
    namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
    is_unsigned: |_| false,
    answer,
    run,
};

/// Carries out an action if the policies of the caller allow it on any resource.
fn run(
    action: &str,
    caller: Option<Key>,
    request: &Request<'_>,
    parameters: &Parameters,
) -> Result<String, Refusal> {
    let identity = caller.ok_or_else(Refusal::internal)?.identity;
    let permission = format!("ec2:{action}");
    let verdict = verdict(request, &identity, &permission);
    if verdict != Verdict::Allowed {
        return Err(denied(request, &identity, &permission, verdict));
    }
    if parameters.get("DryRun") == Some("true") {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(Refusal::with_status(412, "DryRunOperation", message));
    }
    match action {
        "DescribeImages" => catalog::describe_images(parameters),
        "DescribeInstanceTypes" => catalog::describe_instance_types(parameters),
        "DescribeRegions" => catalog::describe_regions(parameters),
        other => instances::run(other, request, parameters),
    }
}

/// Formats an answer, whose members have no element round them in this protocol.
fn answer(namespace: &str, action: &str, result: &str, request_id: &str) -> String {
    let id = element("requestId", request_id);
    format!("<{action}Response xmlns=\"{namespace}\">{id}{result}</{action}Response>\n")
}

/// Returns the refusal, with a message that can be decoded.
fn denied(request: &Request<'_>, identity: &Identity, action: &str, verdict: Verdict) -> Refusal {
    let arn = identity.arn(request.account.id());
    let decision = json!({
        "allowed": false,
        "explicitDeny": verdict == Verdict::Denied,
        "matchedStatements": {"items": []},
        "context": {
            "principal": {"id": identity.user_id(request.account.id()), "arn": arn},
            "action": action,
            "resource": "*",
            "conditions": {"items": []},
        },
    });
    let encoded = request.account.encode_message(decision.to_string());
    let message = format!(
        "You are not authorized to perform this operation. User: {arn} is not authorized to \
         perform: {action}. Encoded authorization failure message: {encoded}"
    );
    Refusal::with_status(403, "UnauthorizedOperation", message)
}

/// Decides by the policies of a user or of the role of a session. The root user may do anything.
fn verdict(request: &Request<'_>, identity: &Identity, action: &str) -> Verdict {
    let (account, arn) = (request.account, identity.arn(request.account.id()));
    let policies = match identity {
        Identity::Root => return Verdict::Allowed,
        Identity::User { name } => account.user_policies(name),
        Identity::Session { role, .. } => account.role(role).map(|role| role.policies),
        _ => None,
    };
    let call = Call::new(Caller::from_arn(&arn), action);
    let policies = policies.unwrap_or_default();
    let matches = policies.iter().flat_map(|policy| {
        let permissions = &policy.permissions;
        permissions.matches(&call, "*", &mut Default::default())
    });
    Verdict::from_matches(&matches.collect::<Vec<_>>())
}

fn refuse(refusal: &Refusal, id: &str) -> Response<String> {
    let members = element("Code", &refusal.code) + &element("Message", &refusal.message);
    let errors = parent("Errors", &parent("Error", &members));
    let body = parent("Response", &(errors + &element("RequestID", id)));
    let mut response = with_type("text/xml", body);
    *response.status_mut() = refusal.status;
    response
}

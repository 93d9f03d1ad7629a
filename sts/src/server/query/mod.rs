//! The query protocol: signed forms, with answers in XML.

mod parameters;
mod signature;
pub(super) mod xml;

use http::{Method, Response};

pub(super) use self::{
    parameters::{Parameters, check_name},
    signature::{caller, claimed_service},
    xml::escaped,
};
use super::{
    account::Key,
    api::{Outcome, Request},
    refusal::Refusal,
    services::with_type,
};

/// A service that speaks the query protocol.
pub(super) struct QueryService {
    /// Its name in the scope of signatures.
    pub(super) name: &'static str,
    pub(super) namespace: &'static str,
    /// Whether an action takes a token instead of a signature.
    pub(super) is_unsigned: fn(&str) -> bool,
    /// Formats an answer: namespace, action, content of the result element, id of the request.
    pub(super) answer: fn(&str, &str, &str, &str) -> String,
    /// Runs an action for a caller, who is not known if the action is not signed. Returns the
    /// content of the result element, or nothing for an action without a result.
    pub(super) run: fn(&str, Option<Key>, &Request<'_>, &Parameters) -> Result<String, Refusal>,
}

impl QueryService {
    /// Verifies the signature of a request, and carries it out.
    pub(super) fn run(&self, request: &Request<'_>) -> Outcome {
        let parameters = parameters(request);
        let action = parameters.get("Action").map(str::to_owned);
        let is_unsigned = action.as_deref().is_some_and(self.is_unsigned);
        let caller = (!is_unsigned)
            .then(|| caller(request, self.name))
            .transpose();
        let caller = match caller {
            Ok(caller) => caller,
            Err(refusal) => return (None, Err(refusal)),
        };
        let Some(action) = action else {
            let message = "The request is missing an action or a required parameter.";
            return (None, Err(Refusal::bad("MissingAction", message)));
        };
        let result = (self.run)(&action, caller, request, &parameters).map(|result| {
            let answer = (self.answer)(self.namespace, &action, &result, &request.id);
            with_type("text/xml", answer)
        });
        (Some(action), result)
    }

    /// Writes an error response, with the id of the request.
    pub(super) fn refuse(&self, refusal: &Refusal, id: &str) -> Response<String> {
        let mut response = with_type("text/xml", xml::error(self.namespace, refusal, id));
        *response.status_mut() = refusal.status;
        response
    }
}

/// Reads the parameters from the form in the body, or from the query of a GET.
fn parameters(request: &Request<'_>) -> Parameters {
    if request.head.method == Method::GET {
        return Parameters::parse(request.head.uri.query().unwrap_or_default().as_bytes());
    }
    Parameters::parse(request.body)
}

/// Returns the refusal of an action that a service does not have.
pub(super) fn unknown_action(action: &str, version: &str) -> Refusal {
    let message = format!("Could not find operation {action} for version {version}");
    Refusal::bad("InvalidAction", message)
}

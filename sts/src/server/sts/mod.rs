//! STS: the query protocol, signed, with answers in XML.

mod actions;
mod parameters;
mod signature;
#[cfg(test)]
mod tests;
mod xml;

use http::Method;

pub(super) use self::xml::escaped;
use self::{actions::Call, parameters::Parameters};
use super::{
    api::{Api, Outcome, Request},
    refusal::Refusal,
    services::with_type,
};

pub(super) const API: Api = Api {
    paths: &[],
    run,
    refuse: |refusal, id| {
        let mut response = with_type("text/xml", xml::error(refusal, id));
        *response.status_mut() = refusal.status;
        response
    },
    throttled: (400, "Throttling", ""),
    failed: ("InternalFailure", ""),
};

fn run(request: &Request<'_>) -> Outcome {
    let parameters = parameters(request);
    let action = parameters.get("Action").map(str::to_owned);
    let is_unsigned = action.as_deref().is_some_and(actions::is_unsigned);
    let caller = (!is_unsigned)
        .then(|| signature::caller(request))
        .transpose();
    let caller = match caller {
        Ok(caller) => caller,
        Err(refusal) => return (None, Err(refusal)),
    };
    let Some(action) = action else {
        let message = "The request is missing an action or a required parameter.";
        return (None, Err(Refusal::bad("MissingAction", message)));
    };
    let (account, now) = (request.account, request.now);
    let result = match caller {
        None => actions::run_unsigned(&action, account, &parameters, now),
        Some(caller) => Call::new(account, caller, &parameters, now).run(&action),
    };
    let result =
        result.map(|result| with_type("text/xml", xml::answer(&action, &result, &request.id)));
    (Some(action), result)
}

/// Reads the parameters from the form in the body, or from the query of a GET.
fn parameters(request: &Request<'_>) -> Parameters {
    if request.head.method == Method::GET {
        return Parameters::parse(request.head.uri.query().unwrap_or_default().as_bytes());
    }
    Parameters::parse(request.body)
}

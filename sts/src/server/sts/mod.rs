//! STS: the query protocol.

mod actions;
#[cfg(test)]
mod tests;

use self::actions::Call;
use super::{
    account::Key,
    api::{Api, Request},
    query::{Parameters, QueryService, xml},
    refusal::Refusal,
};

pub(super) const API: Api = Api {
    paths: &[],
    run: |request| STS.run(request),
    refuse: |refusal, id| STS.refuse(refusal, id),
    throttled: (400, "Throttling", ""),
    failed: ("InternalFailure", ""),
};

const STS: QueryService = QueryService {
    name: "sts",
    namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
    is_unsigned: actions::is_unsigned,
    answer: xml::answer,
    run,
};

fn run(
    action: &str,
    caller: Option<Key>,
    request: &Request<'_>,
    parameters: &Parameters,
) -> Result<String, Refusal> {
    let (account, now) = (request.account, request.now);
    match caller {
        None => actions::run_unsigned(action, account, parameters, now),
        Some(caller) => Call::new(account, caller, parameters, now).run(action),
    }
}

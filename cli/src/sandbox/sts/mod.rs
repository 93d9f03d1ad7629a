//! The Security Token Service, as a function from a request to its answer.

mod actions;
mod fault;
mod parameters;
mod signature;
#[cfg(test)]
mod tests;
mod xml;

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};
use keyfob_sigv4::Timestamp;

use self::{actions::Call, fault::Fault, parameters::Parameters};
use super::account::Account;

/// STS for one account.
#[derive(Debug)]
pub(crate) struct Sts {
    account: Arc<Account>,
    /// How many calls are still to be throttled.
    throttled: AtomicU32,
    answered: AtomicU64,
}

impl Sts {
    /// The service of `account`, which throttles its first `throttled` calls.
    pub(crate) fn new(account: Arc<Account>, throttled: u32) -> Self {
        Self {
            account,
            throttled: AtomicU32::new(throttled),
            answered: AtomicU64::new(0),
        }
    }

    /// The answer to a request that arrives at `now`.
    pub(crate) fn answer(&self, head: &Parts, body: &[u8], now: Timestamp) -> Response<Bytes> {
        let count = self.answered.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("00000000-0000-4000-8000-{count:012x}");
        let (status, body) = match self.run(head, body, now) {
            Ok((action, result)) => (StatusCode::OK, xml::answer(&action, &result, &request_id)),
            Err(fault) => (fault.status, xml::error(&fault, &request_id)),
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            headers.insert("x-amzn-requestid", value);
        }
        response
    }

    /// The name of the action and the inside of its result.
    fn run(&self, head: &Parts, body: &[u8], now: Timestamp) -> Result<(String, String), Fault> {
        if self.takes_one_throttled() {
            return Err(Fault::throttled());
        }
        let caller = signature::caller(&self.account, head, body, now)?;
        let parameters = parameters_of(head, body);
        let action = parameters.get("Action").map(str::to_owned);
        let action = action.ok_or_else(|| {
            Fault::new(
                StatusCode::BAD_REQUEST,
                "MissingAction",
                "The request is missing an action or a required parameter.",
            )
        })?;
        let call = Call {
            account: &self.account,
            caller,
            parameters,
            now,
        };
        let result = call.run(&action)?;
        Ok((action, result))
    }

    fn takes_one_throttled(&self) -> bool {
        let less = |left: u32| left.checked_sub(1);
        self.throttled
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }
}

/// The query protocol takes its parameters from the form, or from the query of a GET.
fn parameters_of(head: &Parts, body: &[u8]) -> Parameters {
    if head.method == Method::GET {
        return Parameters::parse(head.uri.query().unwrap_or_default());
    }
    Parameters::parse(&String::from_utf8_lossy(body))
}

//! The Security Token Service, as a function from a request to its response.

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
    /// The number of calls that are still to be throttled.
    throttled: AtomicU32,
    answered: AtomicU64,
}

impl Sts {
    /// Returns the service of an account. It throttles the first `throttled` calls.
    pub(crate) fn new(account: Arc<Account>, throttled: u32) -> Self {
        Self {
            account,
            throttled: AtomicU32::new(throttled),
            answered: AtomicU64::new(0),
        }
    }

    /// Returns the response to a request that arrives at `now`.
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

    /// Returns the name of the action and the content of its result element.
    fn run(&self, head: &Parts, body: &[u8], now: Timestamp) -> Result<(String, String), Fault> {
        // First, so that a call is throttled whatever else is wrong with it.
        if self.is_throttled() {
            return Err(Fault::throttled());
        }
        let caller = signature::caller(&self.account, head, body, now)?;
        let parameters = parameters(head, body);
        let Some(action) = parameters.get("Action").map(str::to_owned) else {
            return Err(Fault::new(
                StatusCode::BAD_REQUEST,
                "MissingAction",
                "The request is missing an action or a required parameter.",
            ));
        };
        let call = Call {
            account: &self.account,
            caller,
            parameters,
            now,
        };
        let result = call.run(&action)?;
        Ok((action, result))
    }

    /// Returns true for each call that is to be throttled, and counts it.
    fn is_throttled(&self) -> bool {
        let decrement = |left: u32| left.checked_sub(1);
        self.throttled
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, decrement)
            .is_ok()
    }
}

/// Reads the parameters from the form in the body, or from the query of a GET.
fn parameters(head: &Parts, body: &[u8]) -> Parameters {
    if head.method == Method::GET {
        return Parameters::parse(head.uri.query().unwrap_or_default().as_bytes());
    }
    Parameters::parse(body)
}

mod actions;
mod date;
mod fault;
mod parameters;
mod refusal;
mod signature;
#[cfg(test)]
mod tests;
mod xml;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};
use keyfob_sigv4::Timestamp;

pub use self::fault::Fault;
pub(super) use self::xml::escaped;
use self::{actions::Call, fault::Faults, parameters::Parameters, refusal::Refusal};
use super::account::Account;

const HTML: &str = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n";

/// STS for one account: a function from a request to a response.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use http::Request;
/// use keyfob_sigv4::{Payload, Scope, Signer, Timestamp};
/// use keyfob_sts::server::{Account, Fault, Sts};
///
/// let account = Arc::new(Account::new("123456789012")?);
/// let keys = account.add_user("alice")?;
/// let sts = Sts::new(account);
///
/// let form = "Action=GetCallerIdentity&Version=2011-06-15";
/// let mut request = Request::post("https://sts.eu-west-1.amazonaws.com/").body(())?;
/// let now = Timestamp::from_unix_seconds(1_795_780_800);
/// let signer = Signer::new(Scope::new("eu-west-1", "sts")?);
/// signer.sign_http(&mut request, Payload::Bytes(form.as_bytes()), &keys, now)?;
/// let (head, ()) = request.into_parts();
///
/// let answer = sts.answer(&head, form.as_bytes(), now);
/// let body = String::from_utf8_lossy(answer.body());
/// assert!(body.contains("arn:aws:iam::123456789012:user/alice"));
///
/// sts.fail(Fault::Throttling, 1);
/// assert_eq!(sts.answer(&head, form.as_bytes(), now).status(), 400);
/// assert_eq!(sts.counters().requests, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Sts {
    account: Arc<Account>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    counters: Counters,
    calls: BTreeMap<String, u64>,
}

/// What a service was asked since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Requests of any kind.
    pub requests: u64,
    /// Requests that met a [`Fault`].
    pub faults: u64,
    /// Requests that were refused for another reason.
    pub refused: u64,
}

impl Sts {
    /// Creates the service of an account.
    pub fn new(account: Arc<Account>) -> Self {
        Self {
            account,
            state: Mutex::default(),
        }
    }

    /// Returns the account.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Makes a number of requests meet a fault, after those that are already to meet one.
    pub fn fail(&self, fault: Fault, requests: u32) {
        self.state().faults.push(fault, requests);
    }

    /// Returns the counters.
    pub fn counters(&self) -> Counters {
        self.state().counters
    }

    /// Returns how often an action, such as `AssumeRole`, was carried out or refused. Requests with
    /// a wrong signature and those that were not carried out because of a fault do not count.
    pub fn calls(&self, action: &str) -> u64 {
        self.state().calls.get(action).copied().unwrap_or_default()
    }

    /// Returns the response to a request that arrives at `now`.
    pub fn answer(&self, head: &Parts, body: &[u8], now: Timestamp) -> Response<Bytes> {
        let (number, fault) = self.count();
        let request_id = format!("00000000-0000-4000-8000-{number:012x}");
        let now = match fault {
            Some(Fault::Clock { seconds }) => now.plus_seconds(seconds),
            _ => now,
        };
        let (status, mut text) = match self.run(head, body, now, fault) {
            Ok((action, result)) => (StatusCode::OK, xml::answer(&action, &result, &request_id)),
            Err(refusal) => (refusal.status, xml::error(&refusal, &request_id)),
        };
        if fault == Some(Fault::Truncated) {
            let half = text.char_indices().nth(text.chars().count() / 2);
            text.truncate(half.map_or(0, |(at, _)| at));
        }
        let mut response = match fault {
            Some(Fault::HtmlPage) => {
                response(StatusCode::BAD_GATEWAY, "text/html", HTML.to_owned())
            }
            Some(Fault::ContentType) => response(status, "application/json", text),
            _ => response(status, "text/xml", text),
        };
        let headers = response.headers_mut();
        if let Ok(date) = HeaderValue::try_from(date::http_date(now)) {
            headers.insert(header::DATE, date);
        }
        if let Ok(id) = HeaderValue::try_from(request_id) {
            headers.insert("x-amzn-requestid", id);
        }
        response
    }

    /// Counts a request, and returns its number and the fault that it meets.
    fn count(&self) -> (u64, Option<Fault>) {
        let mut state = self.state();
        let number = state.counters.requests;
        let fault = state.faults.next();
        state.counters.requests += 1;
        state.counters.faults += u64::from(fault.is_some());
        (number, fault)
    }

    /// Returns the name of the action and the content of its result element.
    fn run(
        &self,
        head: &Parts,
        body: &[u8],
        now: Timestamp,
        fault: Option<Fault>,
    ) -> Result<(String, String), Refusal> {
        // First, so that a request fails whatever else is wrong with it.
        match fault {
            Some(Fault::Throttling) => return Err(Refusal::throttled()),
            Some(Fault::InternalFailure) => return Err(Refusal::internal()),
            Some(Fault::Unavailable | Fault::HtmlPage) => return Err(Refusal::unavailable()),
            _ => (),
        }
        let result = self.run_action(head, body, now);
        self.state().counters.refused += u64::from(result.is_err());
        result
    }

    fn run_action(
        &self,
        head: &Parts,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(String, String), Refusal> {
        let parameters = parameters(head, body);
        let action = parameters.get("Action").map(str::to_owned);
        let caller = match action.as_deref() {
            Some(action) if actions::is_unsigned(action) => None,
            _ => Some(signature::caller(&self.account, head, body, now)?),
        };
        let action = action.ok_or_else(|| {
            let message = "The request is missing an action or a required parameter.";
            Refusal::bad("MissingAction", message)
        })?;
        *self.state().calls.entry(action.clone()).or_default() += 1;
        let result = match caller {
            None => actions::run_unsigned(&action, &self.account, &parameters, now),
            Some(caller) => Call::new(&self.account, caller, &parameters, now).run(&action),
        };
        Ok((action, result?))
    }

    /// Locks the state, even after a panic: no change to it can stop halfway.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

/// Reads the parameters from the form in the body, or from the query of a GET.
fn parameters(head: &Parts, body: &[u8]) -> Parameters {
    if head.method == Method::GET {
        return Parameters::parse(head.uri.query().unwrap_or_default().as_bytes());
    }
    Parameters::parse(body)
}

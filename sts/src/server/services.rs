use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header, request::Parts};
use keyfob_sigv4::Timestamp;

use crate::server::{
    account::Account,
    api::{Api, Request},
    date,
    fault::{Delay, Fault, Faults},
};

const HTML: &str = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n";

/// The services of one account: a function from a request to a response. The path of a request
/// tells which service it is for, or else the scope of its signature, so that all of them can have
/// one endpoint.
///
/// | service | requests |
/// |---|---|
/// | IAM Identity Center, OIDC | `POST /client/register`, `/device_authorization`, `/token`, and for a browser `GET /authorize`, `/device` |
/// | IAM Identity Center, portal | `GET /federation/credentials`, `/assignment/accounts`, `/assignment/roles`, `POST /logout` |
/// | AWS Sign-In | `POST /v1/token`, and for a browser `GET /v1/authorize`, `/v1/sessions/confirmation` |
/// | AWS Sign-In, console | `POST /federation`, and for a browser `GET /federation` |
/// | IAM, EC2, Service Quotas | those that are signed for it |
/// | STS | all others |
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use http::Request;
/// use keyfob_sigv4::{Payload, Scope, Signer, Timestamp};
/// use keyfob_sts::server::{Account, Fault, Services};
///
/// let account = Arc::new(Account::new("123456789012")?);
/// let keys = account.add_user("alice")?;
/// let services = Services::new(account);
///
/// let form = "Action=GetCallerIdentity&Version=2011-06-15";
/// let mut request = Request::post("https://sts.eu-west-1.amazonaws.com/").body(())?;
/// let now = Timestamp::from_unix_seconds(1_795_780_800);
/// let signer = Signer::new(Scope::new("eu-west-1", "sts")?);
/// signer.sign_http(&mut request, Payload::Bytes(form.as_bytes()), &keys, now)?;
/// let (head, ()) = request.into_parts();
///
/// let answer = services.answer(&head, form.as_bytes(), now);
/// let body = String::from_utf8_lossy(answer.body());
/// assert!(body.contains("arn:aws:iam::123456789012:user/alice"));
///
/// services.fail(Fault::Throttling, 1);
/// assert_eq!(services.answer(&head, form.as_bytes(), now).status(), 400);
/// assert_eq!(services.counters().requests, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Services {
    account: Arc<Account>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    counters: Counters,
    calls: BTreeMap<String, u64>,
}

/// What the services were asked since they were created.
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

impl Services {
    /// Creates the services of an account.
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

    /// Returns how often an operation, such as `AssumeRole` or `CreateToken`, was carried out or
    /// refused. Requests with a wrong signature and those that were not carried out because of a
    /// fault do not count.
    pub fn calls(&self, operation: &str) -> u64 {
        let state = self.state();
        state.calls.get(operation).copied().unwrap_or_default()
    }

    /// Returns the response to a request that arrives at `now`.
    pub fn answer(&self, head: &Parts, body: &[u8], now: Timestamp) -> Response<Bytes> {
        let (number, fault) = self.count();
        let now = match fault {
            Some(Fault::Clock { seconds }) => now.plus_seconds(seconds),
            _ => now,
        };
        let request = Request {
            account: &self.account,
            head,
            body,
            now,
            id: format!("00000000-0000-4000-8000-{number:012x}"),
        };
        let mut response = self.run(&request, fault);
        match fault {
            Some(Fault::Truncated) => {
                let text = response.body_mut();
                let half = text.char_indices().nth(text.chars().count() / 2);
                text.truncate(half.map_or(0, |(at, _)| at));
            }
            Some(Fault::HtmlPage) => {
                response = with_type("text/html", HTML.to_owned());
                *response.status_mut() = StatusCode::BAD_GATEWAY;
            }
            Some(Fault::Slow(delay)) => drop(response.extensions_mut().insert(Delay(delay))),
            Some(Fault::ContentType) => {
                let plain = HeaderValue::from_static("text/plain");
                response.headers_mut().insert(header::CONTENT_TYPE, plain);
            }
            _ => (),
        }
        let headers = response.headers_mut();
        if let Ok(date) = HeaderValue::try_from(date::http_date(now)) {
            headers.insert(header::DATE, date);
        }
        if let Ok(id) = HeaderValue::try_from(request.id) {
            headers.insert("x-amzn-requestid", id);
        }
        response.map(Bytes::from)
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

    fn run(&self, request: &Request<'_>, fault: Option<Fault>) -> Response<String> {
        let api = Api::for_request(request.head);
        // First, so that a request fails whatever else is wrong with it.
        if let Some(refusal) = fault.and_then(|fault| api.fault(fault)) {
            return (api.refuse)(&refusal, &request.id);
        }
        let (operation, result) = (api.run)(request);
        let mut state = self.state();
        if let Some(operation) = operation {
            *state.calls.entry(operation).or_default() += 1;
        }
        state.counters.refused += u64::from(result.is_err());
        result.unwrap_or_else(|refusal| (api.refuse)(&refusal, &request.id))
    }

    /// Locks the state, even after a panic: no change to it can stop halfway.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a response with status 200 and a body.
pub(super) fn with_type(content_type: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    let content_type = HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

//! Requests and errors of the services that speak JSON.

use http::{HeaderValue, Response};
use serde_json::Value;

use crate::server::{refusal::Refusal, services::with_type};

/// Returns a response with status 200 and an object.
pub(super) fn answer(object: &Value) -> Response<String> {
    with_type("application/json", object.to_string())
}

/// Returns an error response: the code in a header, and an object in the body.
pub(super) fn refuse(refusal: &Refusal, object: &Value) -> Response<String> {
    let mut response = answer(object);
    *response.status_mut() = refusal.status;
    if let Ok(code) = HeaderValue::try_from(&refusal.code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

/// The object in the body of a request.
pub(super) struct Members(Value);

impl Members {
    /// Reads a body. One that is not an object has no members.
    pub(super) fn parse(body: &[u8]) -> Self {
        Self(serde_json::from_slice(body).unwrap_or_default())
    }

    /// Returns a text. An empty one counts as missing.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// Returns a number.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }

    /// Returns the texts of a list.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.0.get(name).and_then(Value::as_array);
        let texts = items.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }
}

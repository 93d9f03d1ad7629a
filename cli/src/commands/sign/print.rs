use keyfob_sigv4::{Explanation, Presigned, Signature};
use serde_json::{Map, Value, json};

use super::input::Input;

/// A signed request, with the steps of its signature.
pub(super) struct Signed {
    pub(super) explanation: Explanation,
    pub(super) form: Form,
}

/// Where the signature is.
pub(super) enum Form {
    Header(Signature),
    Query(Presigned),
}

impl Signed {
    /// Returns the URL to call.
    pub(super) fn url<'a>(&'a self, input: &'a Input) -> &'a str {
        match &self.form {
            Form::Header(_) => &input.url,
            Form::Query(presigned) => presigned.as_str(),
        }
    }

    /// Returns the headers to add to the request: those of the signature, and those that curl adds
    /// for a body.
    pub(super) fn headers<'a>(&'a self, input: &'a Input) -> Vec<(&'a str, &'a str)> {
        let mut headers: Vec<(&'a str, &'a str)> = input
            .implied_headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        if let Form::Header(signature) = &self.form {
            for (name, value) in signature.headers() {
                headers.push((name, value));
            }
        }
        headers
    }

    /// Returns a line for each header.
    pub(super) fn header_lines(&self, input: &Input) -> String {
        self.headers(input)
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect()
    }

    /// Returns everything that can be printed, as JSON.
    pub(super) fn json(&self, input: &Input) -> Value {
        let headers: Map<String, Value> = self
            .headers(input)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        json!({
            "canonical_request": self.explanation.canonical_request(),
            "string_to_sign": self.explanation.string_to_sign(),
            "signature": self.explanation.signature(),
            "signed_headers": self.explanation.signed_headers(),
            "headers": headers,
            "url": self.url(input),
        })
    }
}

//! Pages of the sandbox: an identity provider that signs its user in, and a refusal to decode.

use std::{error::Error, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header, request::Parts};
use keyfob_sigv4::Timestamp;
use keyfob_sts::server::{Account, Role};
use serde_json::json;

use super::{ACCOUNT_ID, USER};

/// The only role that the identity provider offers.
const ROLE: &str = "dev";
/// Where `keyfob saml login` listens, unless `port=` in the query of the page names another port.
const PORT: &str = "35010";

/// The pages `/saml` and `/refusal`.
#[derive(Debug)]
pub(super) struct Pages {
    account: Arc<Account>,
    provider: String,
    role: String,
    refusal: String,
}

impl Pages {
    /// Adds the identity provider, and a role that trusts it, to the account.
    pub(super) fn new(account: Arc<Account>) -> Result<Self, Box<dyn Error>> {
        let provider = account.add_saml_provider("corp", "https://idp.example.com");
        let trust = json!({"Statement": {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithSAML",
            "Principal": {"Federated": provider},
        }});
        let role = Role::new(ROLE)?.trust(trust.to_string().parse()?);
        let arn = role.arn(ACCOUNT_ID);
        account.add_role(role);
        Ok(Self {
            refusal: refusal(&account),
            role: arn,
            provider,
            account,
        })
    }

    /// Returns the page that a request is for, or `None`.
    pub(super) fn answer(&self, head: &Parts, now: Timestamp) -> Option<Response<Bytes>> {
        if head.method != Method::GET {
            return None;
        }
        match head.uri.path() {
            "/saml" => Some(page("text/html; charset=utf-8", self.form(head, now))),
            "/refusal" => Some(page("text/plain; charset=utf-8", self.refusal.clone())),
            _ => None,
        }
    }

    /// Returns a form that posts a response to the program that waits for it.
    fn form(&self, head: &Parts, now: Timestamp) -> String {
        let port = head
            .uri
            .query()
            .and_then(|query| query.strip_prefix("port="));
        let port = port.filter(|port| port.parse::<u16>().is_ok());
        let port = port.unwrap_or(PORT);
        let response = self
            .account
            .saml_assertion(&self.provider, &self.role, USER, now);
        format!(
            "<!doctype html><title>Sandbox</title>\
             <form method=\"post\" action=\"http://127.0.0.1:{port}/saml\">\
             <input type=\"hidden\" name=\"SAMLResponse\" value=\"{}\">\
             <button>Sign in as {USER}</button></form>\n",
            response.expose()
        )
    }
}

fn page(content_type: &'static str, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static(content_type);
    headers.insert(header::CONTENT_TYPE, content_type);
    let no_store = HeaderValue::from_static("no-store");
    headers.insert(header::CACHE_CONTROL, no_store);
    response
}

/// Returns a refusal of EC2, as `aws` prints it.
fn refusal(account: &Account) -> String {
    let user = format!("arn:aws:iam::{ACCOUNT_ID}:user/{USER}");
    let resource = format!("arn:aws:ec2:us-east-1:{ACCOUNT_ID}:instance/*");
    let decision = json!({
        "allowed": false,
        "explicitDeny": false,
        "matchedStatements": {"items": []},
        "context": {
            "principal": {"id": "AIDAEXAMPLE", "arn": user},
            "action": "ec2:StopInstances",
            "resource": resource,
            "conditions": {"items": [
                {"key": "ec2:InstanceType", "values": {"items": [{"value": "m5.24xlarge"}]}},
            ]},
        },
    });
    let encoded = account.encode_message(decision.to_string());
    format!(
        "An error occurred (UnauthorizedOperation) when calling the StopInstances operation: You \
         are not authorized to perform this operation. User: {user} is not authorized to perform: \
         ec2:StopInstances on resource: {resource} because no identity-based policy allows the \
         ec2:StopInstances action. Encoded authorization failure message: {encoded}\n"
    )
}

use http::{Response, header, request::Parts, uri::Authority};
use keyfob_sigv4::Timestamp;

use crate::server::{
    account::Account, ec2, fault::Fault, federation, iam, oidc, portal, query, refusal::Refusal,
    service_quotas, signin, sts,
};

/// What is different from service to service.
pub(super) struct Api {
    /// The paths of its operations. One without paths has all those that no other has.
    pub(super) paths: &'static [&'static str],
    /// Carries out a request.
    pub(super) run: fn(&Request<'_>) -> Outcome,
    /// Writes an error response, with the id of the request.
    pub(super) refuse: fn(&Refusal, &str) -> Response<String>,
    /// The status, the code and the reason of an error for too many requests.
    pub(super) throttled: (u16, &'static str, &'static str),
    /// The code and the reason of an error with status 500.
    pub(super) failed: (&'static str, &'static str),
}

/// The name of the operation, if the request got that far, and the response.
pub(super) type Outcome = (Option<String>, Result<Response<String>, Refusal>);

/// A request to a service of an account.
pub(super) struct Request<'a> {
    pub(super) account: &'a Account,
    pub(super) head: &'a Parts,
    pub(super) body: &'a [u8],
    pub(super) now: Timestamp,
    pub(super) id: String,
}

impl Request<'_> {
    /// Returns the URL of a path of this server, as the client reaches it.
    pub(super) fn url(&self, path: &str) -> String {
        let host = self.head.headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok());
        let host = host.or_else(|| self.head.uri.authority().map(Authority::as_str));
        format!("http://{}{path}", host.unwrap_or("localhost"))
    }
}

impl Api {
    /// Returns the service that a request is for: the one of its path, or else the one that it is
    /// signed for.
    pub(super) fn for_request(head: &Parts) -> &'static Self {
        let path = head.uri.path();
        let mut apis = [&oidc::API, &portal::API, &signin::API, &federation::API].into_iter();
        if let Some(api) = apis.find(|api| api.paths.contains(&path)) {
            return api;
        }
        match query::claimed_service(head).as_deref() {
            Some("iam") => &iam::API,
            Some("ec2") => &ec2::API,
            Some("servicequotas") => &service_quotas::API,
            _ => &sts::API,
        }
    }

    /// Returns the error for a fault, if that is one.
    pub(super) fn fault(&self, fault: Fault) -> Option<Refusal> {
        let (status, code, reason) = self.throttled;
        let refusal = match fault {
            Fault::Throttling => Refusal::with_status(status, code, "Rate exceeded").reason(reason),
            Fault::InternalFailure => {
                let message = "The request processing has failed because of an unknown error, exception or failure.";
                Refusal::with_status(500, self.failed.0, message).reason(self.failed.1)
            }
            Fault::Unavailable | Fault::HtmlPage => {
                let message = "The request has failed due to a temporary failure of the server.";
                Refusal::with_status(503, "ServiceUnavailable", message).reason(self.failed.1)
            }
            Fault::Truncated | Fault::ContentType | Fault::Slow(_) | Fault::Clock { .. } => {
                return None;
            }
        };
        Some(refusal)
    }
}

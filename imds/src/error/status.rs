use http::StatusCode;

use crate::error::{Error, ErrorKind};

/// What an HTTP status other than 200 means.
///
/// Source: EC2 User Guide, "Retrieve instance metadata", section on errors.
impl Error {
    /// Returns the error for a request for a session token. `by_ec2` is true if EC2's own server
    /// sent the answer.
    pub(crate) fn from_token_status(status: StatusCode, by_ec2: bool) -> Self {
        let (kind, text) = match (status.as_u16(), by_ec2) {
            (400, _) => (
                ErrorKind::BadRequest,
                "the service does not accept the request for a session token",
            ),
            (403, true) => (
                ErrorKind::Forbidden,
                "no session token: instance metadata is turned off for this instance, or something \
                 on the way adds X-Forwarded-For; turn it on with `aws ec2 \
                 modify-instance-metadata-options --http-endpoint enabled`",
            ),
            // Other clouds answer this, too, so nothing is said of "this instance".
            (403, false) => (
                ErrorKind::Forbidden,
                "no session token: the service refuses it; if this is an EC2 instance, its metadata \
                 may be turned off, or something on the way adds X-Forwarded-For",
            ),
            (404 | 405, _) => (
                ErrorKind::TokenUnsupported,
                "the service has no session tokens (it does not support IMDSv2), and IMDSv1 is not \
                 allowed by the settings",
            ),
            _ => (other(status), "no session token"),
        };
        let is_busy = matches!(status.as_u16(), 429 | 503);
        Self::new(kind, format!("{text} (HTTP {})", status.as_u16()))
            .with_status(status)
            .with_no_instance(!is_busy && !by_ec2)
    }

    /// Returns the error for a request for the item at `path`.
    pub(crate) fn from_status(status: StatusCode, path: &str) -> Self {
        let (kind, text) = match status.as_u16() {
            400 => (ErrorKind::BadRequest, "the service does not accept"),
            401 => (
                ErrorKind::Unauthorized,
                "the service rejects its own session token for",
            ),
            403 => (
                ErrorKind::Forbidden,
                "metadata is turned off here, or not allowed for this caller:",
            ),
            404 => (ErrorKind::NotFound, "there is no"),
            _ => (other(status), "no answer for"),
        };
        let hint = match kind {
            ErrorKind::Status if status.is_redirection() && !path.ends_with('/') => {
                ": if it is a directory, ask for it with a slash at the end"
            }
            ErrorKind::NotFound if is_policy(path) => {
                ": a role's policies are not in the metadata, IAM has them: \
                 `aws iam list-attached-role-policies --role-name NAME`"
            }
            _ => "",
        };
        let text = format!("{text} {path} (HTTP {}){hint}", status.as_u16());
        Self::new(kind, text).with_status(status)
    }

    /// Returns the error for a request to a container's agent, with a token or without, which sends
    /// a document with the reason: `code` and `message`, both already fit to be shown.
    pub(crate) fn from_container_status(
        status: StatusCode,
        has_token: bool,
        code: Option<String>,
        message: Option<&str>,
    ) -> Self {
        let kind = match status.as_u16() {
            400 => ErrorKind::BadRequest,
            401 => ErrorKind::Unauthorized,
            403 => ErrorKind::Forbidden,
            404 => ErrorKind::NotFound,
            _ => other(status),
        };
        let what = match kind {
            ErrorKind::NotFound => "has no credentials for this container",
            ErrorKind::Unauthorized if has_token => "refuses the authorization token",
            ErrorKind::Unauthorized => "demands an authorization token",
            ErrorKind::Forbidden => "denies access",
            ErrorKind::BadRequest => "refuses the request",
            ErrorKind::Throttled => "has too many requests",
            ErrorKind::Server => "failed",
            _ => "answers without credentials",
        };
        let mut text = format!("the agent {what} (HTTP {})", status.as_u16());
        for reason in [code.as_deref(), message].into_iter().flatten() {
            text.push_str(": ");
            text.push_str(reason);
        }
        Self::new(kind, text).with_status(status).with_code(code)
    }
}

/// Returns the kind of a status that means the same for every request.
fn other(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        429 => ErrorKind::Throttled,
        500..=599 => ErrorKind::Server,
        _ => ErrorKind::Status,
    }
}

/// Returns true for the policies of a role, which many people expect below `iam/`.
fn is_policy(path: &str) -> bool {
    path.contains("/iam/") && path.to_ascii_lowercase().contains("polic")
}

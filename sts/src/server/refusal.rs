use http::StatusCode;

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: String,
    pub(super) message: String,
    /// The `error` of services that speak OAuth, or nothing.
    pub(super) reason: &'static str,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            reason: "",
        }
    }

    pub(super) fn with_status(status: u16, code: &str, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, code, message)
    }

    /// Returns an error with status 400 and a code of its own.
    pub(super) fn bad(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// Sets the `error` of OAuth.
    pub(super) fn reason(mut self, reason: &'static str) -> Self {
        self.reason = reason;
        self
    }

    pub(super) fn denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    /// Returns the refusal of a caller who may not do something.
    pub(super) fn unauthorized(arn: &str, action: &str, resource: &str) -> Self {
        Self::denied(format!(
            "User: {arn} is not authorized to perform: {action} on resource: {resource}"
        ))
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::bad("ValidationError", message)
    }

    /// Returns the refusal of a parameter that does not satisfy a constraint.
    pub(super) fn constraint(value: &str, member: &str, constraint: &str) -> Self {
        Self::invalid(format!(
            "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {constraint}"
        ))
    }

    /// Returns the refusal of something that the server itself cannot do.
    pub(super) fn internal() -> Self {
        let message =
            "The request processing has failed because of an unknown error, exception or failure.";
        Self::with_status(500, "InternalFailure", message)
    }

    /// Returns the value of `Type` in the response: who caused the error.
    pub(super) fn side(&self) -> &'static str {
        if self.status.is_server_error() {
            "Receiver"
        } else {
            "Sender"
        }
    }
}

use std::fmt;

use http::{HeaderMap, Response};
use keyfob_sigv4::{Credentials, Secret, Timestamp};

use crate::{
    call::xml::Element,
    error::{Answer, Error, ErrorKind},
    principal::account,
};

/// The result of a successful call, from which an action reads its output.
///
/// Elements are found by name: their order does not matter, and unknown ones are skipped. A path
/// such as `AssumedRoleUser/Arn` leads into structures. An element that is empty or has only
/// whitespace counts as missing.
///
/// You need this type only to write an [`Action`](crate::call::Action) of your own.
///
/// # Examples
///
/// ```
/// use keyfob_sigv4::Credentials;
/// use keyfob_sts::{Error, call::Reply};
///
/// struct Session {
///     credentials: Credentials,
///     user_arn: Option<String>,
///     packed_policy_size: Option<u32>,
/// }
///
/// fn output(reply: &Reply) -> Result<Session, Error> {
///     Ok(Session {
///         credentials: reply.credentials()?,
///         user_arn: reply.optional("AssumedRoleUser/Arn"),
///         packed_policy_size: reply.number("PackedPolicySize")?,
///     })
/// }
/// ```
pub struct Reply {
    result: Element,
    answer: Answer,
}

impl Reply {
    /// Finds the result of `action` in an answer.
    ///
    /// # Errors
    ///
    /// The error that the service reports, or [`ErrorKind::Response`] if there is no result.
    pub(crate) fn read<B: AsRef<[u8]>>(
        action: &'static str,
        response: &Response<B>,
    ) -> Result<Self, Error> {
        let document = Element::parse(response.body().as_ref());
        let answer = answer(document.as_ref().ok(), response);
        let is_error = |root: &Element| root.name() == "ErrorResponse";
        if !response.status().is_success() || document.as_ref().is_ok_and(is_error) {
            return Err(service_error(document, answer));
        }
        match document.map(|root| root.into_child(&format!("{action}Result"))) {
            Ok(Some(result)) => Ok(Self { result, answer }),
            Ok(None) => Err(unusable(&format!("{action}Result is missing"), answer)),
            Err(reason) => Err(unusable(reason, answer)),
        }
    }

    /// Returns the text at `path`, if there is one.
    pub fn optional(&self, path: &str) -> Option<String> {
        self.text(path).map(str::to_owned)
    }

    /// Returns the text at `path`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`], with the path, if there is none.
    pub fn required(&self, path: &str) -> Result<String, Error> {
        self.optional(path).ok_or_else(|| self.missing(path))
    }

    /// Returns the whole number at `path`, if there is one. Whitespace around it is skipped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`], with the path, if the text is not a number.
    pub fn number(&self, path: &str) -> Result<Option<u32>, Error> {
        let number = self.text(path).map(|text| text.trim().parse()).transpose();
        number.map_err(|_| self.unusable(&format!("{path} is not a number")))
    }

    /// Returns the time at `path`, in the form of RFC 3339, with or without a fraction of a second.
    /// Whitespace around it is skipped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`], with the path, if it is missing or malformed.
    pub fn time(&self, path: &str) -> Result<Timestamp, Error> {
        self.optional_time(path)?.ok_or_else(|| self.missing(path))
    }

    /// Returns the time at `path`, if there is one; otherwise as [`time`](Self::time).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`], with the path, if the text is not a time.
    pub fn optional_time(&self, path: &str) -> Result<Option<Timestamp>, Error> {
        let time = self.text(path).map(|text| text.trim().parse()).transpose();
        time.map_err(|_| self.unusable(&format!("{path} is not a time")))
    }

    /// Returns the temporary credentials in `Credentials`, with their expiry, and with the account
    /// of the principal if the result names one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`], with the path, if one of the four members is missing or malformed.
    pub fn credentials(&self) -> Result<Credentials, Error> {
        let id = self.required("Credentials/AccessKeyId")?;
        let secret = self
            .required("Credentials/SecretAccessKey")
            .map(Secret::from)?;
        let token = self
            .required("Credentials/SessionToken")
            .map(Secret::from)?;
        let expiry = self.time("Credentials/Expiration")?;
        // Where the results of the different actions say whose credentials they are.
        let principals = [
            "AssumedRoleUser/Arn",
            "FederatedUser/Arn",
            "AssumedPrincipal",
        ];
        let principal = principals.iter().find_map(|path| self.text(path));
        Credentials::new(id, secret)
            .and_then(|credentials| credentials.with_session_token(token))
            .map(|credentials| credentials.with_expiry(expiry))
            .map(|credentials| credentials.with_account_id(principal.map_or("", account)))
            .map_err(|error| {
                self.unusable("Credentials has a malformed member")
                    .with_source(error)
            })
    }

    /// Returns the request id, by which AWS support can find the request.
    pub fn request_id(&self) -> Option<String> {
        self.answer.request_id.clone()
    }

    fn text(&self, path: &str) -> Option<&str> {
        let mut names = path.split('/');
        let last = names.next_back()?;
        names
            .try_fold(&self.result, |element, name| element.child(name))?
            .text_of(last)
    }

    fn missing(&self, path: &str) -> Error {
        self.unusable(&format!("{path} is missing"))
    }

    fn unusable(&self, reason: &str) -> Error {
        unusable(reason, self.answer.clone())
    }
}

/// Does not show the text of the answer, which may be secret.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}

fn answer<B>(root: Option<&Element>, response: &Response<B>) -> Answer {
    let headers = response.headers();
    Answer {
        status: Some(response.status()),
        request_id: request_id(root, headers),
        #[cfg(feature = "client")]
        hint: keyfob_backoff::Hint::from_headers(|name| headers.get(name)?.to_str().ok()),
        ..Answer::default()
    }
}

/// Returns the request id from the body, or else from the headers, because the body of a gateway's
/// answer has none.
fn request_id(root: Option<&Element>, headers: &HeaderMap) -> Option<String> {
    // EC2 writes `RequestID`.
    let in_body = ["RequestId", "RequestID"]
        .iter()
        .find_map(|name| root?.find(name)?.text());
    let in_header = || {
        let mut names = ["x-amzn-requestid", "x-amz-request-id"].iter();
        names.find_map(|name| headers.get(*name)?.to_str().ok())
    };
    let id = in_body.or_else(in_header).map(str::trim);
    id.filter(|id| !id.is_empty()).map(str::to_owned)
}

/// Returns the error in `<Error><Code/><Message/></Error>`, at whatever depth; one of the two is
/// enough. An answer without it came from a gateway or proxy, so only its status is used.
///
/// Source: AWS Query protocol, errors.
fn service_error(document: Result<Element, &'static str>, mut answer: Answer) -> Error {
    let root = document.as_ref().ok();
    let error = root.and_then(|root| root.find("Error"));
    let member = |name| Some(error?.text_of(name)?.trim().to_owned());
    answer.code = member("Code");
    let message = member("Message").or_else(|| member("message"));
    if answer.code.is_none() && message.is_none() {
        let reason = document.err().unwrap_or("it has no error code");
        let message = format!(
            "the answer is not from the service: {reason}; check the endpoint and any proxy"
        );
        return Error::new(ErrorKind::Service, message).with_answer(answer);
    }
    Error::new(ErrorKind::Service, message.unwrap_or_default()).with_answer(answer)
}

fn unusable(reason: &str, answer: Answer) -> Error {
    let message = format!("the answer cannot be read: {reason}");
    Error::new(ErrorKind::Response, message).with_answer(answer)
}

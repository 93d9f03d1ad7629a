//! Answers of all protocols, read into one tree.

mod element;
mod error;
mod format;
mod json;
mod xml;

use std::fmt;

use http::Response;
use keyfob_sigv4::{Credentials, Secret, Timestamp};

use self::{
    element::{Element, Tree},
    error::{facts, service_error},
    format::Format,
};
use crate::{
    call::{operation::Operation, service::Protocol},
    error::{Answer, Error, ErrorKind, MAX_NAME},
    principal::account,
    text,
};

/// A successful answer, read whole.
pub(super) struct Document {
    tree: Tree,
    /// The index of the element that has the members of the result, if there are any.
    result: Option<usize>,
    answer: Answer,
}

impl Document {
    /// Finds the result of an operation in an answer.
    ///
    /// # Errors
    ///
    /// The error that the service reports, or [`ErrorKind::Response`] if there is no result.
    pub(super) fn read<B: AsRef<[u8]>>(
        operation: &Operation,
        response: &Response<B>,
    ) -> Result<Self, Error> {
        let body = response.body().as_ref();
        let expected = match operation.service().protocol() {
            Protocol::Query | Protocol::Ec2Query => Format::Xml,
            Protocol::Json10 { .. } | Protocol::Json11 { .. } | Protocol::RestJson => Format::Json,
        };
        let is_success = response.status().is_success();
        // A gateway may report an error in another format than the service.
        let format = if is_success {
            expected
        } else {
            Format::detect(body)
        };
        let document = format.parse(body);
        let root = document.as_ref().ok().map(Tree::root);
        let xml = root.filter(|_| format == Format::Xml);
        let answer = facts(xml, response);
        // Some services report an error with 200.
        let is_error = |root: Element<'_>| matches!(root.name(), "ErrorResponse" | "Response");
        if !is_success || xml.is_some_and(is_error) {
            let document = document.as_ref().map_err(|reason| *reason);
            return Err(service_error(format, document, response.headers(), answer));
        }
        let tree = document.map_err(|reason| unusable(reason, &answer))?;
        let result = result(operation, tree.root()).map(|found| found.map(Element::index));
        let result = result.map_err(|reason| unusable(&reason, &answer))?;
        Ok(Self {
            tree,
            result,
            answer,
        })
    }

    pub(super) fn reply<'a>(&'a self, body: &'a [u8]) -> Reply<'a> {
        Reply {
            element: self.result.map(|index| self.tree.element(index)),
            answer: &self.answer,
            body,
        }
    }
}

/// Returns the element that has the members of the result, if the operation returns any.
fn result<'a>(operation: &Operation, root: Element<'a>) -> Result<Option<Element<'a>>, String> {
    let name = operation.name();
    let is_response = root.name() == format!("{name}Response");
    match operation.service().protocol() {
        Protocol::Query => {
            let result = root.child(&format!("{name}Result"));
            if result.is_none() && !(is_response && root.children().all(is_metadata)) {
                return Err(format!("{name}Result is missing"));
            }
            Ok(result)
        }
        Protocol::Ec2Query if !is_response => Err(format!("{name}Response is missing")),
        Protocol::Ec2Query
        | Protocol::Json10 { .. }
        | Protocol::Json11 { .. }
        | Protocol::RestJson => Ok(Some(root)),
    }
}

fn is_metadata(element: Element<'_>) -> bool {
    element.name() == "ResponseMetadata"
}

/// The result of a successful call, or a part of it, from which a call reads its output.
///
/// Elements are found by name, in XML and JSON alike: their order does not matter, and unknown ones
/// are skipped. A path such as `AssumedRoleUser/Arn` leads into structures. An element that is
/// empty or has only whitespace counts as missing, and so does a `null`.
///
/// You need this type only to write a [`Call`](crate::call::Call) of your own.
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
/// fn output(reply: &Reply<'_>) -> Result<Session, Error> {
///     Ok(Session {
///         credentials: reply.credentials()?,
///         user_arn: reply.optional("AssumedRoleUser/Arn"),
///         packed_policy_size: reply.number("PackedPolicySize")?,
///     })
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Reply<'a> {
    /// `None` for a result without members.
    element: Option<Element<'a>>,
    answer: &'a Answer,
    body: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Returns the text at `path`, if there is one.
    pub fn optional(&self, path: &str) -> Option<String> {
        self.text_at(path).map(str::to_owned)
    }

    /// Returns the text at `path`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`], with the path, if there is none.
    pub fn required(&self, path: &str) -> Result<String, Error> {
        self.optional(path).ok_or_else(|| self.missing(path))
    }

    /// Returns the secret at `path`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`], with the path, if there is none.
    pub fn secret(&self, path: &str) -> Result<Secret, Error> {
        self.required(path).map(Secret::from)
    }

    /// Returns the whole number at `path`, if there is one. Whitespace around it is skipped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`], with the path, if the text is not a number.
    pub fn number(&self, path: &str) -> Result<Option<u32>, Error> {
        self.parsed(path, "a number")
    }

    /// Returns `true` or `false` at `path`, if there is one. Whitespace around it is skipped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`], with the path, if the text is neither.
    pub fn flag(&self, path: &str) -> Result<Option<bool>, Error> {
        self.parsed(path, "true or false")
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
        self.parsed(path, "a time")
    }

    /// Returns the time at `path`, if there is one, as a number of milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`], with the path, if the text is not a whole number.
    pub fn unix_millis(&self, path: &str) -> Result<Option<Timestamp>, Error> {
        let millis = self.parsed(path, "a number of milliseconds")?;
        Ok(millis.map(Timestamp::from_unix_millis))
    }

    /// Returns the time at `path`, as a number of seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`], with the path, if it is missing or not a whole number.
    pub fn unix_seconds(&self, path: &str) -> Result<Timestamp, Error> {
        let seconds = self.parsed(path, "a number of seconds")?;
        let seconds = seconds.ok_or_else(|| self.missing(path))?;
        Ok(Timestamp::from_unix_seconds(seconds))
    }

    /// Returns the temporary credentials in `Credentials`, with their expiry, and with the account
    /// of the principal if the result names one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`], with the path, if one of the four members is missing or malformed.
    pub fn credentials(&self) -> Result<Credentials, Error> {
        let names = ["AccessKeyId", "SecretAccessKey", "SessionToken"];
        let credentials = self.session_keys("Credentials", names)?;
        let expiry = self.time("Credentials/Expiration")?;
        // Where the results of the different actions say whose credentials they are.
        let principals = [
            "AssumedRoleUser/Arn",
            "FederatedUser/Arn",
            "AssumedPrincipal",
            "SessionInfo/Arn",
        ];
        let principal = principals.iter().find_map(|path| self.text_at(path));
        Ok(credentials
            .with_expiry(expiry)
            .with_account_id(principal.map_or("", account)))
    }

    /// Returns the credentials in `path`, from the members with the names of the access key id, the
    /// secret access key and the session token.
    pub(crate) fn session_keys(&self, path: &str, names: [&str; 3]) -> Result<Credentials, Error> {
        let [id, secret, token] = names.map(|name| format!("{path}/{name}"));
        let token = self.secret(&token)?;
        Credentials::new(self.required(&id)?, self.secret(&secret)?)
            .and_then(|credentials| credentials.with_session_token(token))
            .map_err(|error| {
                self.unusable(&format!("{path} has a malformed member"))
                    .with_source(error)
            })
    }

    /// Returns the part at `path`, if there is one.
    pub fn at(&self, path: &str) -> Option<Self> {
        let mut names = path.split('/');
        let element = names.try_fold(self.element?, Element::child)?;
        Some(self.part(element))
    }

    /// Returns the items of the list at `path`, in order: the elements `member` and `item` of XML,
    /// or the items of a JSON array. A list that is missing has none.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Error, call::Reply};
    ///
    /// fn accounts(reply: &Reply<'_>) -> Result<Vec<String>, Error> {
    ///     reply.items("accountList").map(|account| account.required("accountId")).collect()
    /// }
    /// ```
    pub fn items(&self, path: &str) -> impl Iterator<Item = Self> {
        let list = self.at(path);
        let parts = list.into_iter().flat_map(|list| list.members());
        parts
            .filter(|(name, _)| matches!(*name, "member" | "item"))
            .map(|(_, item)| item)
    }

    /// Returns the keys and values of the map at `path`, in order. A map that is missing has none.
    pub fn map(&self, path: &str) -> Vec<(String, String)> {
        let entries = self.at(path).into_iter().flat_map(|map| map.members());
        let pair = |(name, part): (&str, Self)| {
            // XML has `<entry><key/><value/></entry>`, JSON a member.
            let key = part.text_at("key").filter(|_| name == "entry");
            let value = key.map_or(part.text(), |_| {
                part.at("value").map_or("", |value| value.text())
            });
            (key.unwrap_or(name).to_owned(), value.to_owned())
        };
        entries.map(pair).collect()
    }

    /// Returns the parts in this one, with their names and in their order. An item of a JSON array
    /// is named `member`.
    pub fn members(&self) -> impl Iterator<Item = (&'a str, Self)> + use<'a> {
        let whole = *self;
        let children = self.element.into_iter().flat_map(Element::children);
        children.map(move |child| (child.name(), whole.part(child)))
    }

    /// Returns the text of this part, which may be empty. Numbers and booleans of JSON are text.
    pub fn text(&self) -> &'a str {
        self.element.map_or("", Element::whole_text)
    }

    /// Returns the whole body as it came.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Returns the request id, by which AWS support can find the request.
    pub fn request_id(&self) -> Option<String> {
        let id = self.answer.request_id.as_deref()?;
        Some(text::cut(id, MAX_NAME).to_owned())
    }

    /// Returns the error for an answer that cannot be used, with a reason such as `accountList has
    /// an account without an id`. The reason must not repeat what the service sent.
    pub fn unusable(&self, reason: &str) -> Error {
        unusable(reason, self.answer)
    }

    fn part(&self, element: Element<'a>) -> Self {
        Self {
            element: Some(element),
            ..*self
        }
    }

    fn text_at(&self, path: &str) -> Option<&'a str> {
        self.at(path)?.element?.text()
    }

    fn parsed<T: std::str::FromStr>(&self, path: &str, what: &str) -> Result<Option<T>, Error> {
        let value = self
            .text_at(path)
            .map(|text| text.trim().parse())
            .transpose();
        value.map_err(|_| self.unusable(&format!("{path} is not {what}")))
    }

    fn missing(&self, path: &str) -> Error {
        self.unusable(&format!("{path} is missing"))
    }
}

/// Does not show the text of the answer, which may be secret.
impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}

fn unusable(reason: &str, answer: &Answer) -> Error {
    let message = format!("the answer cannot be read: {reason}");
    Error::new(ErrorKind::Response, message).with_answer(answer.clone())
}

use std::{collections::BTreeMap, fmt, ops::RangeInclusive};

use http::{Method, Request};
use keyfob_sigv4::Secret;
use serde_core::de::IgnoredAny;

use crate::{
    call::{
        authorization::Authorization,
        body::Body,
        json, query,
        rest_json::{self, Route},
        service::{Protocol, Service},
        value::Value,
    },
    endpoint::Endpoint,
    error::Error,
    replay::Replay,
};

/// An operation of a service with its parameters, in the order in which they were set, and how it
/// is sent.
///
/// A setter checks the lower bound of a length or a number, which is part of the API. An upper
/// bound, which services raise now and then, is not checked: if the service refuses the request,
/// [`Error::hint`](crate::Error::hint) names it.
///
/// Names are those of the query protocol in all protocols: `Tags.member.1.Key` is the member `Key`
/// of the first item of the list `Tags`. `Debug` shows the names and the values, but redacts secret
/// values.
///
/// You need this type only to write a [`Call`](crate::call::Call) of your own.
///
/// # Examples
///
/// ```
/// use keyfob_sts::call::{Operation, Service};
///
/// let operation = Operation::new(&Service::STS, "GetSessionToken")
///     .text("SerialNumber", "arn:aws:iam::123456789012:mfa/alice", 9..=256)?
///     .one_time("TokenCode", "123456", 6..=6)?;
/// assert!(!format!("{operation:?}").contains("123456\""));
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone)]
pub struct Operation {
    service: &'static Service,
    name: &'static str,
    route: Route,
    authorization: Authorization,
    replay: Option<Replay>,
    parameters: Vec<(String, Value)>,
    /// By parameter, where it stands among the parameters.
    positions: BTreeMap<String, usize>,
    /// By list, the highest number of a member.
    last_members: BTreeMap<String, usize>,
    /// By parameter, what exceeds the limits that this version knows.
    excesses: Vec<(String, String)>,
}

impl Operation {
    /// Creates an operation without parameters, which is signed.
    pub const fn new(service: &'static Service, name: &'static str) -> Self {
        Self {
            service,
            name,
            route: Route::DEFAULT,
            authorization: Authorization::SigV4,
            replay: None,
            parameters: Vec::new(),
            positions: BTreeMap::new(),
            last_members: BTreeMap::new(),
            excesses: Vec::new(),
        }
    }

    /// Sets the method and the segments of the path, for [`Protocol::RestJson`]. Default: `POST`
    /// and `/`. The segments are encoded. The parameters of `GET` and `DELETE` go to the query,
    /// those of other methods to the body.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::Method;
    /// use keyfob_sts::call::{Operation, Service};
    ///
    /// let operation = Operation::new(&Service::SSO, "GetRoleCredentials")
    ///     .with_route(Method::GET, &["federation", "credentials"])
    ///     .text("role_name", "admin/x", 1..=usize::MAX)?;
    /// let endpoint = Service::SSO.endpoint().region("eu-west-1")?.build()?;
    /// assert_eq!(
    ///     operation.request(&endpoint)?.uri().path_and_query().unwrap(),
    ///     "/federation/credentials?role_name=admin%2Fx",
    /// );
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    #[must_use]
    pub fn with_route(mut self, method: Method, path: &[&str]) -> Self {
        self.route = Route::new(method, path);
        self
    }

    /// Sets how the operation proves who is calling. Default: [`Authorization::SigV4`].
    #[must_use]
    pub fn with_authorization(mut self, authorization: Authorization) -> Self {
        self.authorization = authorization;
        self
    }

    /// Sets whether the operation may be sent again. Default: [`Replay::Safe`], or
    /// [`Replay::OnlyIfNotReceived`] with a parameter that works [once](Self::one_time).
    #[must_use]
    pub fn with_replay(mut self, replay: Replay) -> Self {
        self.replay = Some(replay);
        self
    }

    /// Sets a text. If the name was set before, its value is replaced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input), with the name, if it has fewer characters
    /// (not bytes) than `length` begins with.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::call::{Operation, Service};
    ///
    /// let operation = Operation::new(&Service::STS, "GetAccessKeyInfo");
    /// let error = operation.text("AccessKeyId", "AKIA", 16..=128).unwrap_err();
    /// assert_eq!(error.to_string(), "AccessKeyId must be at least 16 characters long, but has 4");
    /// ```
    pub fn text(
        self,
        name: impl Into<String>,
        value: impl Into<String>,
        length: RangeInclusive<usize>,
    ) -> Result<Self, Error> {
        self.checked(name.into(), Value::Text(value.into()), &length)
    }

    /// Sets a text that must not be shown; otherwise as [`text`](Self::text).
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text); the value is not in the message.
    pub fn secret(
        self,
        name: impl Into<String>,
        value: impl Into<Secret>,
        length: RangeInclusive<usize>,
    ) -> Result<Self, Error> {
        self.checked(name.into(), Value::Secret(value.into()), &length)
    }

    /// Sets a secret that works once, such as the code of an MFA device.
    ///
    /// A request with such a parameter is sent again only if it was throttled or never sent,
    /// because otherwise the service may have used up the value.
    ///
    /// # Errors
    ///
    /// As [`secret`](Self::secret).
    pub fn one_time(
        self,
        name: impl Into<String>,
        value: impl Into<Secret>,
        length: RangeInclusive<usize>,
    ) -> Result<Self, Error> {
        self.checked(name.into(), Value::OneTime(value.into()), &length)
    }

    /// Sets a whole number. If the name was set before, its value is replaced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input), with the name, if it is less than `range`
    /// begins with.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::call::{Operation, Service};
    ///
    /// let operation = Operation::new(&Service::STS, "AssumeRole");
    /// let error = operation.number("DurationSeconds", 60, 900..=3600).unwrap_err();
    /// assert_eq!(error.to_string(), "DurationSeconds must be at least 900, but is 60");
    /// ```
    pub fn number(
        self,
        name: impl Into<String>,
        value: u32,
        range: RangeInclusive<u32>,
    ) -> Result<Self, Error> {
        let (min, max) = range.into_inner();
        self.integer(name, value.into(), min.into()..=max.into())
    }

    /// Sets a whole number that may be negative; otherwise as [`number`](Self::number).
    ///
    /// # Errors
    ///
    /// As [`number`](Self::number).
    pub fn integer(
        self,
        name: impl Into<String>,
        value: i64,
        range: RangeInclusive<i64>,
    ) -> Result<Self, Error> {
        let name = name.into();
        let (min, max) = range.into_inner();
        if value < min {
            let message = format!("{name} must be at least {min}, but is {value}");
            return Err(Error::input(name, message));
        }
        Ok(self.at_most(name, value, max))
    }

    /// Sets a whole number without a lower bound, with the upper limit that is known.
    pub(crate) fn at_most(mut self, name: impl Into<String>, value: i64, max: i64) -> Self {
        let name = name.into();
        let excess = (value > max).then(|| format!("{name} is {value}, and the limit was {max}"));
        self.set(name, Value::Literal(value.to_string()), excess);
        self
    }

    /// Sets a number with a fraction, or none. If the name was set before, its value is replaced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input), with the name, if it is infinite or not a
    /// number.
    pub fn float(mut self, name: impl Into<String>, value: f64) -> Result<Self, Error> {
        let name = name.into();
        if !value.is_finite() {
            let message = format!("{name} must be a finite number, but is {value}");
            return Err(Error::input(name, message));
        }
        self.set(name, Value::Literal(value.to_string()), None);
        Ok(self)
    }

    /// Sets `true` or `false`. If the name was set before, its value is replaced.
    #[must_use]
    pub fn flag(mut self, name: impl Into<String>, value: bool) -> Self {
        self.set(name.into(), Value::Literal(value.to_string()), None);
        self
    }

    /// Sets a value that is JSON already, of any type, for the JSON protocols. If the name was set
    /// before, its value is replaced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input), with the name, if it is not JSON.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::call::{Operation, Protocol, Service};
    ///
    /// const KMS: Service =
    ///     Service::new("kms", Protocol::Json11 { target: "TrentService" }, "2014-11-01");
    ///
    /// let operation = Operation::new(&KMS, "TagResource").json("Tags", r#"[{"TagKey":"a.b"}]"#)?;
    /// let endpoint = KMS.endpoint().region("eu-west-1")?.build()?;
    /// let body = operation.request(&endpoint)?.into_body();
    /// assert_eq!(body.expose(), r#"{"Tags":[{"TagKey":"a.b"}]}"#);
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn json(mut self, name: impl Into<String>, json: impl Into<String>) -> Result<Self, Error> {
        let (name, json) = (name.into(), json.into());
        if serde_json::from_str::<IgnoredAny>(&json).is_err() {
            let message = format!("{name} must be JSON");
            return Err(Error::input(name, message));
        }
        self.set(name, Value::Literal(json), None);
        Ok(self)
    }

    /// Returns the name of the next member of a list: after two members, `Tags.member.3`. Append
    /// `.Key` or the like to it if the members are structures. A list that gets longer than `limit`
    /// is named in the [`hint`](crate::Error::hint), if the service refuses it. Members are counted
    /// in up to 32 lists within each other.
    ///
    /// Source: AWS Query protocol, which numbers lists from 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::call::{Operation, Service};
    ///
    /// let mut operation = Operation::new(&Service::STS, "GetWebIdentityToken");
    /// for audience in ["https://a.example", "https://b.example"] {
    ///     let name = operation.next_member("Audience", 10);
    ///     operation = operation.text(name, audience, 1..=1000)?;
    /// }
    /// assert_eq!(operation.next_member("Audience", 10), "Audience.member.3");
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn next_member(&mut self, list: &str, limit: usize) -> String {
        let last = self.last_members.get(list).copied().unwrap_or(0);
        let next = last.saturating_add(1);
        if next > limit {
            let excess = format!("{list} has {next} members, and the limit was {limit}");
            self.note(list, Some(excess));
        }
        format!("{list}.member.{next}")
    }

    /// Returns the service.
    pub const fn service(&self) -> &'static Service {
        self.service
    }

    /// Returns the name on the wire, such as `AssumeRole`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns how the operation proves who is calling.
    pub const fn authorization(&self) -> &Authorization {
        &self.authorization
    }

    /// Returns whether the operation may be sent again.
    pub fn replay(&self) -> Replay {
        let is_one_time = |(_, value): &(String, Value)| matches!(value, Value::OneTime(_));
        match self.replay {
            Some(replay) => replay,
            None if self.parameters.iter().any(is_one_time) => Replay::OnlyIfNotReceived,
            None => Replay::Safe,
        }
    }

    /// Returns the names of the parameters, in the order in which they were set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the value of a parameter, if it is set and not secret.
    pub fn value(&self, name: &str) -> Option<&str> {
        match &self.parameters[*self.positions.get(name)?].1 {
            Value::Text(text) | Value::Literal(text) => Some(text),
            Value::Secret(_) | Value::OneTime(_) => None,
        }
    }

    /// Writes the request, without the authorization.
    ///
    /// Source: AWS Query, EC2 Query, AWS JSON 1.0 and 1.1, and AWS REST-JSON protocols.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if the URL would be too long, if a segment of
    /// the path is empty, `.` or `..`, or if the name of the operation cannot stand in a header.
    pub fn request(&self, endpoint: &Endpoint) -> Result<Request<Body>, Error> {
        match self.service.protocol() {
            Protocol::Query => Ok(self.form(endpoint, str::to_owned)),
            Protocol::Ec2Query => Ok(self.form(endpoint, query::ec2_name)),
            Protocol::Json10 { target } => self.object(endpoint, "1.0", target),
            Protocol::Json11 { target } => self.object(endpoint, "1.1", target),
            Protocol::RestJson => {
                rest_json::request(self.name, &self.route, self.parameters(), endpoint)
            }
        }
    }

    /// Posts a form with the action and the parameters, for a service without versions.
    pub(crate) fn form_without_version(&self, endpoint: &Endpoint) -> Request<Body> {
        let parameters = self
            .parameters()
            .map(|(name, value)| (name, value.expose()));
        query::request(
            std::iter::once(("Action", self.name)).chain(parameters),
            endpoint,
        )
    }

    /// Posts a form, with the names of the parameters that `rename` returns.
    fn form(&self, endpoint: &Endpoint, rename: impl Fn(&str) -> String + Clone) -> Request<Body> {
        let head = [
            ("Action", self.name),
            ("Version", self.service.api_version()),
        ];
        let parameters = self.parameters();
        let parameters = parameters.map(|(name, value)| (rename(name), value.expose()));
        let head = head.map(|(name, value)| (name.to_owned(), value));
        query::request(head.into_iter().chain(parameters), endpoint)
    }

    fn object(
        &self,
        endpoint: &Endpoint,
        version: &str,
        target: &str,
    ) -> Result<Request<Body>, Error> {
        let target = format!("{target}.{}", self.name);
        json::request(version, &target, self.parameters(), endpoint)
    }

    fn parameters(&self) -> impl Iterator<Item = (&str, &Value)> + Clone {
        let parameters = self.parameters.iter();
        parameters.map(|(name, value)| (name.as_str(), value))
    }

    /// Adds to an error which operation failed, whether it may be sent again and what may be the
    /// reason, and redacts the operation's secrets.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let values = self.parameters.iter().map(|(_, value)| value);
        let secrets = values.filter_map(|value| match value {
            Value::Text(_) | Value::Literal(_) => None,
            Value::Secret(secret) | Value::OneTime(secret) => Some(secret),
        });
        let excesses: Vec<&str> = self
            .excesses
            .iter()
            .map(|(_, text)| text.as_str())
            .collect();
        error
            .with_operation(self.name, self.replay())
            .with_excess(&excesses.join("; "))
            .redact(&secrets.collect::<Vec<_>>())
    }

    fn checked(
        mut self,
        name: String,
        value: Value,
        length: &RangeInclusive<usize>,
    ) -> Result<Self, Error> {
        let count = value.expose().chars().count();
        let (min, max) = (*length.start(), *length.end());
        if count < min {
            let length = characters(min);
            let message = format!("{name} must be at least {length} long, but has {count}");
            return Err(Error::input(name, message));
        }
        let excess = (count > max)
            .then(|| format!("{name} has {}, and the limit was {max}", characters(count)));
        self.set(name, value, excess);
        Ok(self)
    }

    fn set(&mut self, name: String, value: Value, excess: Option<String>) {
        self.note(&name, excess);
        if let Some(at) = self.positions.get(&name) {
            self.parameters[*at].1 = value;
            return;
        }
        // Each list is a copy of the start of the name: without a limit, a long name would need
        // gigabytes.
        for (list, number) in members(&name).take(json::MAX_DEPTH) {
            match self.last_members.get_mut(list) {
                Some(last) => *last = number.max(*last),
                None => drop(self.last_members.insert(list.to_owned(), number)),
            }
        }
        self.positions.insert(name.clone(), self.parameters.len());
        self.parameters.push((name, value));
    }

    /// Notes what exceeds a limit, or that nothing does any more.
    fn note(&mut self, name: &str, excess: Option<String>) {
        self.excesses.retain(|(known, _)| known != name);
        self.excesses
            .extend(excess.map(|text| (name.to_owned(), text)));
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(self.name)
            .field("service", &self.service.id())
            .field("authorization", &self.authorization)
            .field("replay", &self.replay())
            .field("parameters", &Parameters(&self.parameters))
            .finish_non_exhaustive()
    }
}

struct Parameters<'a>(&'a [(String, Value)]);

impl fmt::Debug for Parameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.iter().map(|(name, value)| (name, value));
        f.debug_map().entries(entries).finish()
    }
}

/// Returns the lists in a name, each with the number of the member: `Tags` and 3 for
/// `Tags.member.3.Key`.
fn members(name: &str) -> impl Iterator<Item = (&str, usize)> {
    const MARK: &str = ".member.";
    name.match_indices(MARK).filter_map(|(at, _)| {
        let number = name[at + MARK.len()..].split('.').next()?;
        Some((&name[..at], number.parse().ok()?))
    })
}

fn characters(count: usize) -> String {
    match count {
        1 => "one character".to_owned(),
        count => format!("{count} characters"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn sts() -> Operation {
        Operation::new(&Service::STS, "X")
    }

    fn body(operation: &Operation) -> String {
        let endpoint = operation.service().endpoint().region("eu-west-1").unwrap();
        let request = operation.request(&endpoint.build().unwrap()).unwrap();
        request.body().expose().to_owned()
    }

    #[test]
    fn every_reserved_byte_is_escaped_once_and_a_space_is_not_a_plus() {
        let operation = sts().text("A", "az09-_.~ +*/:@=&%é\n", 0..=99).unwrap();
        assert_eq!(
            body(&operation),
            "Action=X&Version=2011-06-15&A=az09-_.~%20%2B%2A%2F%3A%40%3D%26%25%C3%A9%0A"
        );
    }

    #[test]
    fn length_is_counted_in_characters_and_the_error_names_the_parameter() {
        let length = |value: &str| sts().text("Name", value, 2..=4);
        assert!(length("éé").is_ok());
        assert_eq!(
            length("é").unwrap_err().to_string(),
            "Name must be at least 2 characters long, but has 1"
        );
        let error = sts().number("N", 60, 900..=3600).unwrap_err();
        assert_eq!(error.to_string(), "N must be at least 900, but is 60");
        assert_eq!(error.parameter(), Some("N"));
        for value in [f64::NAN, f64::INFINITY] {
            assert_eq!(sts().float("F", value).unwrap_err().parameter(), Some("F"));
        }
    }

    #[test]
    fn what_exceeds_a_limit_is_sent_and_noted_until_it_is_set_again() {
        let notes = |operation: &Operation| {
            let texts = operation.excesses.iter().map(|(_, text)| text.clone());
            texts.collect::<Vec<_>>()
        };
        let operation = sts().text("Name", "éé", 1..=1).unwrap();
        let mut operation = operation.number("N", 10, 0..=9).unwrap();
        let member = operation.next_member("List", 0);
        assert_eq!(member, "List.member.1");
        assert_eq!(
            notes(&operation),
            [
                "Name has 2 characters, and the limit was 1",
                "N is 10, and the limit was 9",
                "List has 1 members, and the limit was 0"
            ]
        );
        let operation = operation.text("Name", "é", 1..=1).unwrap();
        assert_eq!(notes(&operation.number("N", 9, 0..=9).unwrap()).len(), 1);
    }

    #[test]
    fn the_next_member_of_a_list_follows_the_highest_one_that_is_set() {
        let mut operation = sts();
        for name in [
            "A.member.7.B.member.2.C",
            "A.member.3",
            "A.member.x",
            "AB.member.9",
        ] {
            operation = operation.flag(name, true);
        }
        for (list, next) in [
            ("A", "A.member.8"),
            ("A.member.7.B", "A.member.7.B.member.3"),
            ("A.member.3.B", "A.member.3.B.member.1"),
            // Nothing was set since.
            ("A", "A.member.8"),
        ] {
            assert_eq!(operation.next_member(list, 9), next);
        }
    }

    #[test]
    fn a_value_set_again_replaces_the_first_one() {
        let operation = sts().number("N", 1, 0..=9).unwrap();
        let operation = operation.number("N", 2, 0..=9).unwrap();
        assert_eq!(body(&operation), "Action=X&Version=2011-06-15&N=2");
    }

    #[test]
    fn no_debug_output_holds_a_secret() {
        let operation = sts()
            .secret("Token", "canary1", 1..=9)
            .and_then(|operation| operation.one_time("TokenCode", "canary2", 1..=9))
            .unwrap();
        assert_eq!(operation.replay(), Replay::OnlyIfNotReceived);
        let shown = format!("{operation:?} {operation:#?}");
        assert!(
            shown.contains("TokenCode") && !shown.contains("canary"),
            "{shown}"
        );
        let error = sts().secret("Token", "canary", 20..=30);
        assert!(!format!("{error:?}").contains("canary"));
    }
}

//! From parameters to a request.

use keyfob_sigv4::{Secret, Timestamp};
use keyfob_sts::{
    Error,
    call::{self, Protocol, Replay},
};
use serde_json::{Map, Value};

use crate::services::{
    Service,
    model::{Kind, Limits, Operation, Scalar, Shape},
    parameters::time,
};

/// Returns the call of an operation with these parameters, which have the form of its input.
///
/// # Errors
///
/// If a text or a number is less than its minimum, or if a rule of the service is broken.
pub(super) fn write(
    service: &'static Service,
    operation: &'static Operation,
    parameters: &Map<String, Value>,
) -> Result<call::Operation, Error> {
    let mut call = call::Operation::new(service.row, operation.name);
    let mut members = service.model.members(operation.input).iter();
    // By a token, the service knows a request that it gets again.
    if !is_repeatable(operation.name) && !members.any(|member| member.is_token) {
        call = call.with_replay(Replay::OnlyIfNotReceived);
    }
    let writer = Writer { service };
    call = writer.members(call, operation.input, parameters, "")?;
    (service.rules.check_call)(&call)?;
    Ok(call)
}

/// Returns true for an operation that may run twice: one that only reads, gives out credentials, or
/// sets what it says. What creates something is sent again only if the service did not get it.
fn is_repeatable(name: &str) -> bool {
    !["Create", "Request", "Run", "Start"]
        .iter()
        .any(|verb| name.starts_with(verb))
}

struct Writer {
    service: &'static Service,
}

impl Writer {
    fn members(
        &self,
        mut call: call::Operation,
        shape: &str,
        given: &Map<String, Value>,
        prefix: &str,
    ) -> Result<call::Operation, Error> {
        for member in self.service.model.members(shape) {
            if let Some(value) = given.get(member.name) {
                let name = format!("{prefix}{}", member.in_request);
                call = self.value(call, member.shape, value, name)?;
            }
        }
        Ok(call)
    }

    fn value(
        &self,
        mut call: call::Operation,
        shape: &str,
        value: &Value,
        name: String,
    ) -> Result<call::Operation, Error> {
        match (self.service.model.shape(shape), value) {
            (Shape::Structure(_), Value::Object(given)) => {
                self.members(call, shape, given, &format!("{name}."))
            }
            // As in botocore, which writes an empty list in this protocol only.
            (Shape::List { .. }, Value::Array(items))
                if items.is_empty() && matches!(self.service.row.protocol(), Protocol::Query) =>
            {
                call.text(name, "", 0..=usize::MAX)
            }
            (Shape::List { item, limits, .. }, Value::Array(items)) => {
                let most = limits.max.and_then(|max| max.try_into().ok());
                for value in items {
                    let name = call.next_member(&name, most.unwrap_or(usize::MAX));
                    call = self.value(call, item, value, name)?;
                }
                Ok(call)
            }
            (Shape::Scalar(scalar), value) => self.scalar(call, scalar, value, name),
            // Checked before; the script refuses maps.
            _ => Ok(call),
        }
    }

    fn scalar(
        &self,
        call: call::Operation,
        scalar: &Scalar,
        value: &Value,
        name: String,
    ) -> Result<call::Operation, Error> {
        let Limits { min, max } = scalar.limits;
        match (scalar.kind, value) {
            (_, Value::Bool(yes)) => Ok(call.flag(name, *yes)),
            (Kind::Timestamp, value) => match time(value) {
                Some(time) => write_time(call, self.service.row.protocol(), name, time),
                // Checked before.
                None => Ok(call),
            },
            (Kind::Float, value) => call.float(name, value.as_f64().unwrap_or_default()),
            (_, Value::Number(number)) => {
                let range = min.unwrap_or(i64::MIN)..=max.unwrap_or(i64::MAX);
                call.integer(name, number.as_i64().unwrap_or_default(), range)
            }
            (_, value) => {
                let length = |limit: Option<i64>| limit.and_then(|limit| limit.try_into().ok());
                let length = length(min).unwrap_or(0)..=length(max).unwrap_or(usize::MAX);
                let text = Secret::from(value.as_str().unwrap_or_default());
                (self.service.rules.check_text)(&name, &text)?;
                if (self.service.rules.is_one_time)(&name) {
                    call.one_time(name, text, length)
                } else if scalar.is_secret {
                    call.secret(name, text, length)
                } else {
                    call.text(name, text.expose(), length)
                }
            }
        }
    }
}

/// Adds a time: ISO 8601 for the query protocols, seconds since 1970 for JSON.
fn write_time(
    call: call::Operation,
    protocol: Protocol,
    name: String,
    time: Timestamp,
) -> Result<call::Operation, Error> {
    if matches!(protocol, Protocol::Query | Protocol::Ec2Query) {
        return call.text(name, time.to_string(), 0..=usize::MAX);
    }
    match (time.unix_millis() % 1000, time.unix_seconds()) {
        (0, seconds) => call.integer(name, seconds, i64::MIN..=i64::MAX),
        _ => call.float(name, time.unix_millis() as f64 / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_creates_something_is_not_sent_twice() {
        for (name, expected) in [
            ("AssumeRole", true),
            ("GetUser", true),
            ("DeleteAccessKey", true),
            ("CreateAccessKey", false),
            ("RunInstances", false),
            ("RequestServiceQuotaIncrease", false),
        ] {
            assert_eq!(is_repeatable(name), expected, "{name}");
        }
    }

    #[test]
    fn a_time_is_a_text_in_a_form_and_a_number_in_json() {
        let json = Protocol::Json11 { target: "T" };
        for (protocol, time, expected) in [
            (
                Protocol::Query,
                "2027-01-01T00:00:00Z",
                "2027-01-01T00:00:00Z",
            ),
            (
                Protocol::Ec2Query,
                "2027-01-01T00:00:00.5Z",
                "2027-01-01T00:00:00.500Z",
            ),
            (json, "2026-09-21T14:13:20Z", "1790000000"),
            (json, "2026-09-21T14:13:20.5Z", "1790000000.5"),
        ] {
            let call = call::Operation::new(&call::Service::STS, "X");
            let time = time.parse().unwrap();
            let call = write_time(call, protocol, "T".to_owned(), time).unwrap();
            assert_eq!(call.value("T"), Some(expected));
        }
    }
}

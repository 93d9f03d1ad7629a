//! From answers to JSON: members have the names and the order of the service's model.

use keyfob_sigv4::Timestamp;
use keyfob_sts::{
    Error,
    call::{Protocol, Reply},
};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Number, Value};

use crate::services::{
    Service,
    model::{Kind, Shape},
};

/// How times are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    /// `2026-11-22T02:42:50+00:00`, as version 2 of `aws` does.
    Iso8601,
    /// As the service wrote it, as version 1 does.
    Wire,
}

/// Reads an answer of this shape. `-` is for none.
///
/// # Errors
///
/// If it does not have the shape.
pub(super) fn read(
    service: &Service,
    shape: &str,
    times: Times,
    reply: &Reply<'_>,
) -> Result<Value, Error> {
    if shape == "-" {
        return Ok(Value::Object(Map::new()));
    }
    (service.rules.check_answer)(reply)?;
    let reader = Reader {
        service,
        times,
        reply: *reply,
    };
    match service.row.protocol() {
        Protocol::Query | Protocol::Ec2Query => reader.xml(shape, reply),
        _ => {
            let body = reply.body().trim_ascii();
            let empty = || Value::Object(Map::new());
            let body = match body {
                [] => Ok(empty()),
                body => serde_json::from_slice(body),
            };
            let body = body.map_err(|_| reply.unusable("it is not JSON"))?;
            Ok(reader.json(shape, &body)?.unwrap_or_else(empty))
        }
    }
}

struct Reader<'a> {
    service: &'a Service,
    times: Times,
    reply: Reply<'a>,
}

impl Reader<'_> {
    fn xml(&self, shape: &str, part: &Reply<'_>) -> Result<Value, Error> {
        match self.service.model.shape(shape) {
            Shape::Structure(members) => {
                // A list has thousands of these, so no memory is left over.
                let most = part.members().count().min(members.len());
                let mut object = Map::with_capacity(most);
                for member in members {
                    if let Some(part) = part.at(&member.in_answer) {
                        let value = self.xml(member.shape, &part)?;
                        object.insert(member.name.to_owned(), value);
                    }
                }
                Ok(object.into())
            }
            Shape::List { item, element, .. } => {
                let usual = match self.service.row.protocol() {
                    Protocol::Ec2Query => "item",
                    _ => "member",
                };
                let element = element.unwrap_or(usual);
                let mut items = Vec::with_capacity(part.members().count());
                for (_, part) in part.members().filter(|(name, _)| *name == element) {
                    items.push(self.xml(item, &part)?);
                }
                Ok(items.into())
            }
            Shape::Map { value } => {
                let mut object = Map::new();
                for (_, entry) in part.members().filter(|(name, _)| *name == "entry") {
                    if let (Some(key), Some(part)) = (entry.at("key"), entry.at("value")) {
                        object.insert(key.text().to_owned(), self.xml(value, &part)?);
                    }
                }
                Ok(object.into())
            }
            Shape::Scalar(scalar) => self.scalar(scalar.kind, part.text()),
        }
    }

    fn scalar(&self, kind: Kind, text: &str) -> Result<Value, Error> {
        let trimmed = text.trim();
        match kind {
            Kind::Text | Kind::Blob => Some(text.into()),
            Kind::Boolean => Some((trimmed == "true").into()),
            Kind::Integer => {
                let number = trimmed.parse().ok().and_then(Number::from_i128);
                number.map(Value::Number)
            }
            Kind::Float => trimmed.parse::<f64>().ok().map(Value::from),
            Kind::Timestamp => self.time(trimmed).map(Value::from),
            Kind::Document => return Ok(document(text)),
        }
        .ok_or_else(|| self.reply.unusable("a member does not have its type"))
    }

    /// Reads JSON. `None` is for `null`.
    fn json(&self, shape: &str, value: &Value) -> Result<Option<Value>, Error> {
        let value = match (self.service.model.shape(shape), value) {
            (_, Value::Null) => return Ok(None),
            (Shape::Structure(members), Value::Object(given)) => {
                let mut object = Map::new();
                for member in members {
                    let value = given.get(&*member.in_answer).unwrap_or(&Value::Null);
                    if let Some(value) = self.json(member.shape, value)? {
                        object.insert(member.name.to_owned(), value);
                    }
                }
                object.into()
            }
            (Shape::List { item, .. }, Value::Array(items)) => {
                let items = items.iter().map(|value| self.json(item, value));
                let items: Result<Vec<_>, Error> = items.collect();
                items?.into_iter().flatten().collect()
            }
            (Shape::Map { value: inner }, Value::Object(given)) => {
                let mut object = Map::new();
                for (key, value) in given {
                    if let Some(value) = self.json(inner, value)? {
                        object.insert(key.clone(), value);
                    }
                }
                object.into()
            }
            (Shape::Scalar(scalar), value) if scalar.kind == Kind::Timestamp => match value {
                Value::String(text) => self.scalar(Kind::Timestamp, text)?,
                Value::Number(seconds) if self.times == Times::Iso8601 => {
                    #[expect(clippy::cast_possible_truncation, reason = "times are in range")]
                    let millis = (seconds.as_f64().unwrap_or_default() * 1000.0).round() as i64;
                    let time = Timestamp::from_unix_millis(millis);
                    self.scalar(Kind::Timestamp, &time.to_string())?
                }
                other => other.clone(),
            },
            (Shape::Scalar(_), value) if !value.is_object() && !value.is_array() => value.clone(),
            _ => return Err(self.reply.unusable("a member does not have its type")),
        };
        Ok(Some(value))
    }

    /// Formats a time in the form of RFC 3339.
    ///
    /// Source: `isoformat` of Python, which has all six digits of a fraction, or none of zero.
    fn time(&self, text: &str) -> Option<String> {
        let _: Timestamp = text.parse().ok()?;
        if self.times == Times::Wire {
            return Some(text.to_owned());
        }
        let (text, zone) = match text.strip_suffix(['Z', 'z']) {
            Some(text) => (text, "+00:00"),
            None => text.split_at_checked(text.len().checked_sub("+00:00".len())?)?,
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let micros = format!("{fraction:0<6.6}");
        let fraction = if micros == "000000" {
            String::new()
        } else {
            format!(".{micros}")
        };
        Some(format!("{whole}{fraction}{zone}"))
    }
}

/// Decodes a policy document, as botocore does. What is not JSON stays as it is.
fn document(text: &str) -> Value {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    serde_json::from_str(&decoded).unwrap_or_else(|_| text.into())
}

//! From answers to JSON: members have the names and the order of the service's model.

use std::ops::Range;

use keyfob_sigv4::Timestamp;
use keyfob_sts::{
    Error,
    call::{Protocol, Reply},
};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Number, Value};

use crate::services::{
    Service,
    model::{Kind, Member, Shape},
};

/// How times are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
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
    if reader.is_xml() {
        return reader.xml(shape, reply);
    }
    let answer = reader.json(shape, &reader.json_body()?)?;
    Ok(answer.unwrap_or_else(|| Map::new().into()))
}

/// An answer of which one list is not read yet.
pub(super) struct Page<'a> {
    /// The members beside the list.
    pub(super) others: Value,
    pub(super) items: Option<Items<'a>>,
}

/// The items of a list, which are read one by one: as JSON, a page of them would take several times
/// the memory of its answer.
pub(super) struct Items<'a> {
    reader: Reader<'a>,
    shape: &'static str,
    parts: Vec<Part<'a>>,
}

/// An item as the service wrote it.
enum Part<'a> {
    Xml(Reply<'a>),
    Json(Value),
}

impl Part<'_> {
    fn has(&self, member: &Member) -> bool {
        match self {
            Self::Xml(part) => part.at(&member.in_answer).is_some(),
            Self::Json(part) => !part[&*member.in_answer].is_null(),
        }
    }
}

impl Items<'_> {
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    /// Returns the names of the scalars that at least one of these items has, sorted.
    pub(super) fn columns(&self, range: Range<usize>) -> Vec<&'static str> {
        let model = &self.reader.service.model;
        let parts = self.parts.get(range).unwrap_or_default();
        let members = model.members(self.shape).iter();
        let scalars = members.filter(|member| match model.shape(member.shape) {
            // A policy document becomes an object.
            Shape::Scalar(scalar) => scalar.kind != Kind::Document,
            _ => false,
        });
        let there = scalars.filter(|member| {
            let mut parts = parts.iter();
            parts.any(|part| part.has(member))
        });
        let mut names: Vec<_> = there.map(|member| member.name).collect();
        names.sort_unstable();
        names
    }

    /// Reads these items.
    pub(super) fn read(&self, range: Range<usize>) -> impl Iterator<Item = Result<Value, Error>> {
        let parts = self.parts.get(range).unwrap_or_default();
        parts.iter().map(|part| match part {
            Part::Xml(part) => self.reader.xml(self.shape, part),
            Part::Json(part) => Ok(self.reader.json(self.shape, part)?.unwrap_or_default()),
        })
    }
}

/// Returns true if [`read_page`] reads an answer of this shape with this list: the items are
/// structures.
pub(super) fn has_items(service: &Service, shape: &str, list: &str) -> bool {
    let item = item_shape(service, shape, list);
    item.is_some_and(|item| matches!(service.model.shape(item), Shape::Structure(_)))
}

fn item_shape(service: &Service, shape: &str, list: &str) -> Option<&'static str> {
    let mut members = service.model.members(shape).iter();
    let member = members.find(|member| member.name == list)?;
    match service.model.shape(member.shape) {
        Shape::List { item, .. } => Some(item),
        _ => None,
    }
}

/// Reads an answer of this shape, but not the items of this list.
///
/// # Errors
///
/// If it does not have the shape.
pub(super) fn read_page<'a>(
    service: &'a Service,
    shape: &str,
    times: Times,
    reply: &Reply<'a>,
    list: &str,
) -> Result<Page<'a>, Error> {
    (service.rules.check_answer)(reply)?;
    let reader = Reader {
        service,
        times,
        reply: *reply,
    };
    if !reader.is_xml() {
        return reader.json_page(shape, list);
    }
    let mut others = Map::new();
    let mut items = None;
    for member in service.model.members(shape) {
        let Some(part) = reply.at(&member.in_answer) else {
            continue;
        };
        match service.model.shape(member.shape) {
            Shape::List { item, element, .. } if member.name == list => {
                items = Some(Items {
                    reader,
                    shape: item,
                    parts: reader.parts(&part, *element).map(Part::Xml).collect(),
                });
            }
            _ => {
                let value = reader.xml(member.shape, &part)?;
                others.insert(member.name.to_owned(), value);
            }
        }
    }
    Ok(Page {
        others: others.into(),
        items,
    })
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    service: &'a Service,
    times: Times,
    reply: Reply<'a>,
}

impl<'a> Reader<'a> {
    fn is_xml(&self) -> bool {
        let protocol = self.service.row.protocol();
        matches!(protocol, Protocol::Query | Protocol::Ec2Query)
    }

    fn json_body(&self) -> Result<Value, Error> {
        match self.reply.body().trim_ascii() {
            [] => Ok(Map::new().into()),
            body => {
                let body = serde_json::from_slice(body);
                body.map_err(|_| self.reply.unusable("it is not JSON"))
            }
        }
    }

    fn json_page(self, shape: &str, list: &str) -> Result<Page<'a>, Error> {
        let mut body = self.json_body()?;
        let mut members = self.service.model.members(shape).iter();
        let member = members.find(|member| member.name == list);
        let items = member.and_then(|member| body.get_mut(&*member.in_answer));
        let items = match items.map(Value::take) {
            None | Some(Value::Null) => None,
            Some(Value::Array(items)) => Some(items),
            Some(_) => return Err(self.reply.unusable("a member does not have its type")),
        };
        let items = items.zip(item_shape(self.service, shape, list));
        let items = items.map(|(items, shape)| {
            let there = items.into_iter().filter(|item| !item.is_null());
            Items {
                reader: self,
                shape,
                parts: there.map(Part::Json).collect(),
            }
        });
        let others = self.json(shape, &body)?;
        Ok(Page {
            others: others.unwrap_or_default(),
            items,
        })
    }

    /// Returns the items of a list, whose elements may have a name of their own.
    fn parts(
        &self,
        list: &Reply<'a>,
        element: Option<&'static str>,
    ) -> impl Iterator<Item = Reply<'a>> + use<'a> {
        let usual = match self.service.row.protocol() {
            Protocol::Ec2Query => "item",
            _ => "member",
        };
        let element = element.unwrap_or(usual);
        let items = list.members().filter(move |(name, _)| *name == element);
        items.map(|(_, item)| item)
    }

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
                let mut items = Vec::with_capacity(part.members().count());
                for part in self.parts(part, *element) {
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

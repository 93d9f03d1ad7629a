//! The policy of a form, and whether an upload meets it.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::{find_field, json::Json};
use crate::{
    post_policy::meets_prefix,
    timestamp::Timestamp,
    verify::refusal::{ErrorKind, Refusal},
};

pub(super) struct Policy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
}

enum Condition {
    Equal { field: String, value: String },
    StartsWith { field: String, prefix: String },
    Length { least: u64, most: u64 },
}

impl Policy {
    /// Reads a policy as it is sent, in base64.
    pub(super) fn parse(encoded: &str) -> Result<Self, Refusal> {
        let text = BASE64_STANDARD.decode(encoded).ok();
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(Json::Object(members)) = text.and_then(|text| Json::parse(&text)) else {
            return Err(invalid("Invalid JSON."));
        };
        let (mut expiration, mut conditions) = (None, None);
        for (name, value) in members {
            match (&*name, value) {
                ("expiration", Json::String(text)) => expiration = text.parse().ok(),
                ("conditions", Json::List(list)) => {
                    conditions = list.into_iter().map(Condition::parse).collect();
                }
                _ => return Err(invalid(&format!("Unexpected: '{name}'."))),
            }
        }
        let conditions: Vec<Vec<Condition>> =
            conditions.ok_or_else(|| invalid("Invalid 'conditions' value."))?;
        Ok(Self {
            expiration: expiration.ok_or_else(|| invalid("Invalid 'expiration' value."))?,
            conditions: conditions.into_iter().flatten().collect(),
        })
    }

    /// Checks that the policy is valid now, and that the bucket and the fields of the form meet it.
    ///
    /// Source: S3, "Creating a POST policy": every field needs a condition, except the policy, its
    /// signature, the file and `x-ignore-*`.
    pub(super) fn check(
        &self,
        bucket: &str,
        fields: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if now >= self.expiration {
            return Err(failed("Policy expired."));
        }
        // The bucket is the one that was posted to, whatever a field says.
        let find = |name: &str| match name {
            name if name.eq_ignore_ascii_case("bucket") => Some(bucket),
            name => find_field(fields, name),
        };
        if find_field(fields, "bucket").is_some_and(|stated| stated != bucket) {
            let text = format!("Policy Condition failed: [\"eq\", \"$bucket\", \"{bucket}\"]");
            return Err(failed(&text));
        }
        for condition in &self.conditions {
            if !condition.is_met(find) {
                let text = format!("Policy Condition failed: {}", condition.text());
                return Err(failed(&text));
            }
        }
        let names = fields.iter().map(|(name, _)| *name).chain(["bucket"]);
        let extra: Vec<_> = names.filter(|name| !self.covers(name)).collect();
        if extra.is_empty() {
            return Ok(());
        }
        Err(failed(&format!("Extra input fields: {}", extra.join(", "))))
    }

    /// Returns the smallest and the largest length of the file that all conditions allow.
    pub(super) fn lengths(&self) -> (u64, u64) {
        let limits = self
            .conditions
            .iter()
            .filter_map(|condition| match condition {
                Condition::Length { least, most } => Some((*least, *most)),
                _ => None,
            });
        limits.fold((0, u64::MAX), |(least, most), limit| {
            (least.max(limit.0), most.min(limit.1))
        })
    }

    fn covers(&self, name: &str) -> bool {
        let lower = name.to_ascii_lowercase();
        matches!(&*lower, "policy" | "x-amz-signature" | "file")
            || lower.starts_with("x-ignore-")
            || self.conditions.iter().any(|condition| match condition {
                Condition::Equal { field, .. } | Condition::StartsWith { field, .. } => {
                    field.eq_ignore_ascii_case(name)
                }
                Condition::Length { .. } => false,
            })
    }
}

impl Condition {
    /// Reads `["eq", "$name", "value"]` and the like; an object has one condition for each member.
    fn parse(json: Json) -> Option<Vec<Self>> {
        match json {
            Json::Object(members) => members
                .into_iter()
                .map(|(field, value)| {
                    let value = text(value)?;
                    Some(Self::Equal { field, value })
                })
                .collect(),
            Json::List(items) => {
                let items: Vec<_> = items.into_iter().map(text).collect::<Option<_>>()?;
                let [operator, first, second] = <[String; 3]>::try_from(items).ok()?;
                let operator = operator.to_ascii_lowercase();
                if operator == "content-length-range" {
                    let (least, most) = (first.parse().ok()?, second.parse().ok()?);
                    return Some([Self::Length { least, most }].into());
                }
                let field = first.strip_prefix('$')?.to_string();
                match &*operator {
                    "eq" => Some(
                        [Self::Equal {
                            field,
                            value: second,
                        }]
                        .into(),
                    ),
                    "starts-with" => Some(
                        [Self::StartsWith {
                            field,
                            prefix: second,
                        }]
                        .into(),
                    ),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn is_met<'f>(&self, find: impl Fn(&str) -> Option<&'f str>) -> bool {
        match self {
            Self::Equal { field, value } => find(field) == Some(value),
            Self::StartsWith { field, prefix } => {
                find(field).is_some_and(|value| meets_prefix(field, value, prefix))
            }
            // The length is checked once it is known.
            Self::Length { .. } => true,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Equal { field, value } => format!("[\"eq\", \"${field}\", \"{value}\"]"),
            Self::StartsWith { field, prefix } => {
                format!("[\"starts-with\", \"${field}\", \"{prefix}\"]")
            }
            Self::Length { least, most } => {
                format!("[\"content-length-range\", {least}, {most}]")
            }
        }
    }
}

/// Returns a string, or a number as it is written.
fn text(value: Json) -> Option<String> {
    match value {
        Json::String(text) | Json::Number(text) => Some(text),
        _ => None,
    }
}

fn invalid(what: &str) -> Refusal {
    Refusal::with_text(ErrorKind::PolicyDocument, format!("Invalid Policy: {what}"))
}

fn failed(what: &str) -> Refusal {
    Refusal::with_text(
        ErrorKind::Policy,
        format!("Invalid according to Policy: {what}"),
    )
}

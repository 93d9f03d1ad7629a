//! From answers of any service to JSON, without a model.

use keyfob_sts::{
    Error,
    call::{Protocol, Reply},
};
use serde_json::{Map, Value};

/// Reads an answer as JSON.
///
/// # Errors
///
/// If it should be JSON and is not.
pub(super) fn read(protocol: Protocol, reply: &Reply<'_>) -> Result<Value, Error> {
    let empty = || Value::Object(Map::new());
    if matches!(protocol, Protocol::Query | Protocol::Ec2Query) {
        let mut value = xml(reply);
        if let Value::Object(members) = &mut value {
            // As in aws, it is not part of the answer.
            members.remove("requestId");
        }
        return Ok(if value == "" { empty() } else { value });
    }
    match reply.body().trim_ascii() {
        [] => Ok(empty()),
        body => serde_json::from_slice(body).map_err(|_| reply.unusable("it is not JSON")),
    }
}

/// Returns what an element has: a text, members by name, or items, as which `member`, `item` and
/// names that are there several times count. `entry` with `key` and `value` is a member of a map.
fn xml(part: &Reply<'_>) -> Value {
    let children: Vec<_> = part.members().collect();
    let all = |name: &str| children.iter().all(|(known, _)| *known == name);
    if children.is_empty() {
        return part.text().into();
    }
    if all("member") || all("item") {
        return children.iter().map(|(_, child)| xml(child)).collect();
    }
    let mut members = Map::new();
    if all("entry") {
        for (_, entry) in &children {
            let key = entry.at("key").map(|key| key.text().to_owned());
            let value = entry
                .at("value")
                .map_or_else(|| "".into(), |value| xml(&value));
            members.insert(key.unwrap_or_default(), value);
        }
        return members.into();
    }
    for (name, child) in &children {
        let value = xml(child);
        let count = children.iter().filter(|(known, _)| known == name).count();
        match members.get_mut(*name) {
            Some(Value::Array(items)) if count > 1 => items.push(value),
            _ if count > 1 => drop(members.insert((*name).to_owned(), vec![value].into())),
            _ => drop(members.insert((*name).to_owned(), value)),
        }
    }
    members.into()
}

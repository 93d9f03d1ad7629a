//! From answers of any service to JSON, without a model.

use std::collections::BTreeMap;

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
    if all("entry")
        && let Some(map) = map(children.iter().map(|(_, entry)| entry))
    {
        return map.into();
    }
    let mut counts = BTreeMap::new();
    for (name, _) in &children {
        *counts.entry(*name).or_insert(0) += 1;
    }
    let mut members = Map::new();
    for (name, child) in &children {
        let value = xml(child);
        let is_list = counts[name] > 1;
        match members.get_mut(*name) {
            Some(Value::Array(items)) if is_list => items.push(value),
            _ if is_list => drop(members.insert((*name).to_owned(), vec![value].into())),
            _ => drop(members.insert((*name).to_owned(), value)),
        }
    }
    members.into()
}

/// Returns the members of a map, or `None` if an entry has no key or that of another one.
fn map<'a, 'b: 'a>(entries: impl Iterator<Item = &'a Reply<'b>>) -> Option<Map<String, Value>> {
    let mut members = Map::new();
    for entry in entries {
        let key = entry.at("key")?.text().to_owned();
        let value = entry.at("value");
        let value = value.map_or_else(|| "".into(), |value| xml(&value));
        if members.insert(key, value).is_some() {
            return None;
        }
    }
    Some(members)
}

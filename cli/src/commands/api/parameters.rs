use keyfob_chain::Variables;
use keyfob_sts::{
    Error,
    call::{Operation, Protocol},
};
use serde_json::{Map, Value};

use crate::{args::ApiArgs, failure::Failure, services::read_json, syntax::expand};

/// Reads the parameters: those of `--cli-input-json`, with those of `--param` in their place.
///
/// # Errors
///
/// If the JSON is no object, or if a pair has no `=`.
pub(super) fn read(args: &ApiArgs, variables: &Variables) -> Result<Map<String, Value>, Failure> {
    let mut parameters = match &args.cli_input_json {
        Some(text) => read_json(text, variables)?,
        None => Map::new(),
    };
    for pair in &args.param {
        let (name, value) = pair
            .written
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| Failure::usage("--param: write NAME=VALUE"))?;
        let mut text = pair.clone();
        value.clone_into(&mut text.written);
        let text = expand(&text, variables)?;
        let value = serde_json::from_str(&text).unwrap_or_else(|_| text.into());
        parameters.insert(name.to_owned(), value);
    }
    Ok(parameters)
}

/// Adds the parameters to a call: as JSON, or else each part with a name, where lists are numbered.
///
/// # Errors
///
/// None in practice, as the values are well-formed.
pub(super) fn add(mut call: Operation, parameters: Map<String, Value>) -> Result<Operation, Error> {
    let protocol = call.service().protocol();
    let is_form = matches!(protocol, Protocol::Query | Protocol::Ec2Query);
    for (name, value) in parameters {
        call = if is_form {
            add_value(call, name, value)?
        } else {
            call.json(name, value.to_string())?
        };
    }
    Ok(call)
}

fn add_value(mut call: Operation, name: String, value: Value) -> Result<Operation, Error> {
    match value {
        Value::Null => Ok(call),
        Value::Bool(yes) => Ok(call.flag(name, yes)),
        Value::Number(number) => call.text(name, number.to_string(), 0..=usize::MAX),
        Value::String(text) => call.text(name, text, 0..=usize::MAX),
        Value::Array(items) => {
            for item in items {
                let member = call.next_member(&name, usize::MAX);
                call = add_value(call, member, item)?;
            }
            Ok(call)
        }
        Value::Object(members) => {
            for (member, value) in members {
                call = add_value(call, format!("{name}.{member}"), value)?;
            }
            Ok(call)
        }
    }
}

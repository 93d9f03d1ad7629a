use keyfob_chain::Variables;
use keyfob_sts::{
    Error,
    call::{Operation, Protocol},
};
use serde_json::{Map, Value};

use crate::{
    args::ApiArgs,
    failure::Failure,
    services::read_json,
    syntax::{expand, parse_brackets},
};

/// Reads the parameters: those of `--cli-input-json`, with those of `--param` in their place.
///
/// # Errors
///
/// If the JSON is no object, if a pair has no `=`, or if a parameter of a form is one that the
/// operation and the service set.
pub(super) fn read(
    args: &ApiArgs,
    protocol: Protocol,
    variables: &Variables,
) -> Result<Map<String, Value>, Failure> {
    let mut parameters = match &args.cli_input_json {
        Some(text) => read_json(text, variables)?,
        None => Map::new(),
    };
    let mut given = Vec::new();
    for (index, pair) in args.param.iter().enumerate() {
        let place = pair.place(index, args.param.len());
        let refused = |text| Failure::usage(format!("{place}: {text}"));
        let (name, value) = pair
            .written
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| refused("write NAME=VALUE"))?;
        if given.contains(&name) {
            return Err(refused(
                "the parameter has a value already: for a list, write NAME=[A,B]",
            ));
        }
        given.push(name);
        let mut text = pair.clone();
        value.clone_into(&mut text.written);
        let expanded = expand(&text, variables)?;
        let value = if !is_form(protocol) {
            serde_json::from_str(&expanded).unwrap_or_else(|_| expanded.into())
        } else if expanded == text.written {
            form_value(expanded)
        } else {
            // What stands in a file is a text as it is.
            expanded.into()
        };
        parameters.insert(name.to_owned(), value);
    }
    let is_set = |name: &&str| is_form(protocol) && parameters.contains_key(*name);
    match ["Action", "Version"].iter().find(|name| is_set(name)) {
        Some(name) => Err(Failure::usage(format!(
            "{name} is not a parameter of an operation: OPERATION and --api-version set it"
        ))),
        None => Ok(parameters),
    }
}

/// Returns the value of a parameter in a form, where all is text: a list in JSON, a list or a map
/// in shorthand, or the text as it is. An object in JSON is a text, as policies and templates are.
fn form_value(text: String) -> Value {
    let list = serde_json::from_str(&text).ok().filter(Value::is_array);
    match list.or_else(|| parse_brackets(&text)) {
        Some(value) => value,
        None => text.into(),
    }
}

fn is_form(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Query | Protocol::Ec2Query)
}

/// Adds the parameters to a call: as JSON, or else each part with a name, where lists are numbered.
///
/// # Errors
///
/// None in practice, as the values are well-formed.
pub(super) fn add(mut call: Operation, parameters: Map<String, Value>) -> Result<Operation, Error> {
    let is_form = is_form(call.service().protocol());
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

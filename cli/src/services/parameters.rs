//! From options and `--cli-input-json` to parameters, and their check.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use keyfob_chain::Variables;
use keyfob_sigv4::Timestamp;
use serde_json::{Map, Value};

use crate::{
    args::Text,
    failure::Failure,
    services::{
        command::{Given, Invocation, float, integer},
        model::{Kind, Model, Scalar, Shape},
    },
    syntax::{Form, expand, expand_bytes, expand_number, expand_secret, parse_value},
};

/// The depth to which shapes that contain themselves are followed.
const MAX_DEPTH: usize = 16;

/// Returns the parameters of a command: those of `--cli-input-json`, with the values of options in
/// their place.
///
/// # Errors
///
/// If an option or the JSON does not have the form of its parameter.
pub(super) fn read(
    invocation: &Invocation,
    variables: &Variables,
) -> Result<Map<String, Value>, Failure> {
    let mut parameters = match &invocation.input_json {
        None => Map::new(),
        Some(text) => read_json(text, variables)?,
    };
    let (model, operation) = (&invocation.service.model, invocation.operation);
    encode(model, operation.input, &mut parameters);
    for (flag, given) in &invocation.given {
        let shape = model.shape_name(operation, flag);
        let is_code = (invocation.service.rules.is_one_time)(flag.member);
        let value = match given {
            Given::Boolean(yes) => (*yes).into(),
            Given::Words(words) => match (model.shape(shape), words.as_slice()) {
                // A code for which there is `-` is asked for when it is needed.
                (Shape::Scalar(_), [only]) if is_code && only.written == "-" => "-".into(),
                (Shape::Scalar(scalar), [only]) if scalar.is_encoded => encoded(only, variables)?,
                (Shape::Scalar(scalar), [only]) if scalar.is_secret || is_code => {
                    expand_secret(only, variables)?.into()
                }
                (Shape::Scalar(scalar), [only]) => scalar_value(scalar.kind, only, variables)?,
                (_, words) => parse_value(words, &form(model, shape, MAX_DEPTH), variables)?,
            },
        };
        if flag.own.is_some() {
            (invocation.service.rules.set_own)(flag, value, &mut parameters)?;
        } else {
            parameters.insert(flag.member.to_owned(), value);
        }
    }
    Ok(parameters)
}

/// Reads the value of `--cli-input-json`.
///
/// # Errors
///
/// If it is not an object in JSON, or if a file cannot be read.
pub(crate) fn read_json(text: &Text, variables: &Variables) -> Result<Map<String, Value>, Failure> {
    let refused = || Failure::usage(format!("{}: it is not a JSON object", text.flag));
    // As in `aws`, `fileb://` is as good as `file://`.
    let json = match expand_bytes(text, variables)? {
        Some(bytes) => bytes,
        None => expand(text, variables)?.into_bytes(),
    };
    match serde_json::from_slice(&json) {
        Ok(Value::Object(parameters)) => Ok(parameters),
        _ => Err(refused()),
    }
}

/// Encodes the texts of `--cli-input-json` that are sent in Base64.
fn encode(model: &Model, input: &str, parameters: &mut Map<String, Value>) {
    for member in model.members(input) {
        let is_encoded =
            matches!(model.shape(member.shape), Shape::Scalar(scalar) if scalar.is_encoded);
        if let Some(Value::String(text)) = parameters.get_mut(member.name).filter(|_| is_encoded) {
            *text = BASE64_STANDARD.encode(&text);
        }
    }
}

/// Returns a text or a file in Base64.
fn encoded(text: &Text, variables: &Variables) -> Result<Value, Failure> {
    Ok(match expand_bytes(text, variables)? {
        Some(bytes) => BASE64_STANDARD.encode(bytes).into(),
        None => BASE64_STANDARD
            .encode(expand_secret(text, variables)?)
            .into(),
    })
}

fn scalar_value(kind: Kind, text: &Text, variables: &Variables) -> Result<Value, Failure> {
    Ok(match kind {
        Kind::Blob => blob(text, variables)?,
        Kind::Integer => expand_number(text, integer, variables)?.into(),
        Kind::Float => expand_number(text, float, variables)?.into(),
        Kind::Boolean | Kind::Text | Kind::Timestamp | Kind::Document => {
            expand(text, variables)?.into()
        }
    })
}

/// Returns the Base64 of a file, or what was written, which is Base64, as in version 2 of `aws`.
fn blob(text: &Text, variables: &Variables) -> Result<Value, Failure> {
    Ok(match expand_bytes(text, variables)? {
        Some(bytes) => BASE64_STANDARD.encode(bytes).into(),
        None => text.written.as_str().into(),
    })
}

/// Returns the form in which options write a shape.
fn form(model: &Model, name: &str, depth: usize) -> Form {
    let inner = |name: &str| match depth.checked_sub(1) {
        Some(depth) => form(model, name, depth),
        None => Form::Text,
    };
    match model.shape(name) {
        Shape::List { item, .. } => Form::List(Box::new(inner(item))),
        Shape::Map { value } => Form::Map(Box::new(inner(value))),
        Shape::Structure(members) => {
            let members = members.iter();
            Form::Structure(
                members
                    .map(|member| (member.name, inner(member.shape)))
                    .collect(),
            )
        }
        Shape::Scalar(scalar) => match scalar.kind {
            Kind::Boolean => Form::Flag,
            Kind::Integer | Kind::Float => Form::Number,
            Kind::Text | Kind::Timestamp | Kind::Blob | Kind::Document => Form::Text,
        },
    }
}

/// Adds a random token for each member that has one and is missing: by it, the service knows a
/// request that it gets again.
///
/// Source: RFC 9562, version 4, as botocore does it.
pub(super) fn add_tokens(model: &Model, input: &str, parameters: &mut Map<String, Value>) {
    for member in model.members(input).iter().filter(|member| member.is_token) {
        let token = || {
            let bits = rand::random::<u128>() & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
            let hex = format!("{bits:032x}");
            let parts = [
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..],
            ];
            parts.join("-").into()
        };
        parameters.entry(member.name).or_insert_with(token);
    }
}

/// Checks parameters against the shape: required members, names, types, and minima of decimals.
/// Other minima are checked where the request is written. Which values an enumeration has, only the
/// service knows: it adds some.
///
/// # Errors
///
/// All faults, in the words of `aws`, but without the values, which may be secrets.
pub(super) fn check(
    model: &Model,
    input: &str,
    parameters: &Map<String, Value>,
) -> Result<(), Failure> {
    let mut faults = Vec::new();
    check_members(model, input, parameters, "", &mut faults);
    if faults.is_empty() {
        return Ok(());
    }
    let faults = faults.join("\n");
    Err(Failure::usage(format!(
        "Parameter validation failed:\n{faults}"
    )))
}

fn check_members(
    model: &Model,
    shape: &str,
    given: &Map<String, Value>,
    path: &str,
    faults: &mut Vec<String>,
) {
    let members = model.members(shape);
    let place = if path.is_empty() { "input" } else { path };
    for member in members.iter().filter(|member| member.is_required) {
        if !given.contains_key(member.name) {
            let name = member.name;
            faults.push(format!("Missing required parameter in {place}: \"{name}\""));
        }
    }
    for (name, value) in given {
        let inner = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match members.iter().find(|member| member.name == name) {
            Some(member) => check_value(model, member.shape, value, &inner, faults),
            None => {
                let names: Vec<&str> = members.iter().map(|member| member.name).collect();
                let names = names.join(", ");
                faults.push(format!(
                    "Unknown parameter in {place}, must be one of: {names}"
                ));
            }
        }
    }
}

fn check_value(model: &Model, shape: &str, value: &Value, path: &str, faults: &mut Vec<String>) {
    let expected = match (model.shape(shape), value) {
        (Shape::Structure(_), Value::Object(given)) => {
            return check_members(model, shape, given, path, faults);
        }
        (Shape::List { item, .. }, Value::Array(items)) => {
            for (index, value) in items.iter().enumerate() {
                check_value(model, item, value, &format!("{path}[{index}]"), faults);
            }
            return;
        }
        (Shape::Map { value: inner }, Value::Object(entries)) => {
            for value in entries.values() {
                check_value(model, inner, value, &format!("{path} (a value)"), faults);
            }
            return;
        }
        (Shape::Scalar(scalar), value) => match check_kind(scalar.kind, value) {
            Ok(()) => return check_least(scalar, value, path, faults),
            Err(expected) => expected,
        },
        (Shape::Structure(_) | Shape::Map { .. }, _) => "an object",
        (Shape::List { .. }, _) => "a list",
    };
    faults.push(format!(
        "Invalid type for parameter {path}, must be {expected}"
    ));
}

fn check_least(scalar: &Scalar, value: &Value, path: &str, faults: &mut Vec<String>) {
    let least = scalar.limits.min.filter(|_| scalar.kind == Kind::Float);
    if let (Some(least), Some(number)) = (least, value.as_f64())
        && number < least as f64
    {
        faults.push(format!(
            "Invalid range for parameter {path}, valid min value: {least}"
        ));
    }
}

/// Returns the words for what is expected if the value is something else.
fn check_kind(kind: Kind, value: &Value) -> Result<(), &'static str> {
    let (is_it, expected) = match kind {
        Kind::Boolean => (value.is_boolean(), "true or false"),
        Kind::Integer => (value.is_i64(), "a whole number"),
        Kind::Float => (value.as_f64().is_some(), "a number"),
        Kind::Timestamp => (
            time(value).is_some(),
            "a time, such as 2027-01-01T00:00:00Z, 2027-01-01, or the seconds since 1970",
        ),
        Kind::Text | Kind::Blob | Kind::Document => (value.is_string(), "a text"),
    };
    if is_it { Ok(()) } else { Err(expected) }
}

/// Reads a time: RFC 3339, a date, or the seconds since 1970 as a number or a text. As in `aws`, a
/// time without an offset is one of UTC.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    if let Ok(seconds) = text.parse::<f64>() {
        let millis = (seconds * 1000.0).round();
        let range = Timestamp::MIN.unix_millis() as f64..=Timestamp::MAX.unix_millis() as f64;
        return range
            .contains(&millis)
            .then(|| Timestamp::from_unix_millis(millis as i64));
    }
    let text = with_seconds(text);
    let forms = ["", "Z", "T00:00:00Z"].map(|end| format!("{text}{end}").parse().ok());
    forms.into_iter().flatten().next()
}

/// Adds the seconds to a time that has hours and minutes only.
fn with_seconds(mut text: String) -> String {
    let minutes = "T00:00".len();
    let end = "2027-01-01".len() + minutes;
    let has_minutes = text.as_bytes().get(end - 3) == Some(&b':');
    if has_minutes && text.is_char_boundary(end) && !text[end..].starts_with(':') {
        text.insert_str(end, ":00");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn model() -> Model {
        Model::parse(
            "structure In Name!:nameType Tags:tags Count:integer Rate:rate On:boolean Token~\n\
             list tags Tag\nstructure Tag Key! Value\nstring nameType a|b\ndouble rate 0..9\n",
        )
    }

    fn faults(parameters: &Value) -> String {
        let parameters = parameters.as_object().unwrap();
        match check(&model(), "In", parameters) {
            Ok(()) => String::new(),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn all_faults_of_parameters_are_named_and_no_value() {
        let good = json!({
            "Name": "a", "Tags": [{"Key": "k"}], "Count": 1, "Rate": 2, "On": true, "Token": "t",
        });
        assert_eq!(faults(&good), "");
        let negative = faults(&json!({"Name": "a", "Rate": -0.5}));
        assert!(
            negative.contains("range for parameter Rate, valid min value: 0\n"),
            "{negative}"
        );
        let huge: Value = serde_json::from_str(r#"{"Name": "a", "Rate": 1e400}"#).unwrap();
        assert!(faults(&huge).contains("parameter Rate, must be a number"));
        // A service adds values.
        assert_eq!(faults(&json!({"Name": "new"})), "");
        let bad = json!({
            "Name": 7, "Tags": [{"Value": "canary"}, "canary", {"Key": 1, "canary": 2}],
            "Count": 1.5, "Rate": "canary", "On": "canary", "Token": {},
        });
        let text = faults(&bad);
        for line in [
            "Parameter validation failed:",
            "Invalid type for parameter Name, must be a text",
            "Missing required parameter in Tags[0]: \"Key\"",
            "Invalid type for parameter Tags[1], must be an object",
            "Invalid type for parameter Tags[2].Key, must be a text",
            "Unknown parameter in Tags[2], must be one of: Key, Value",
            "Invalid type for parameter Count, must be a whole number",
            "Invalid type for parameter Rate, must be a number",
            "Invalid type for parameter On, must be true or false",
            "Invalid type for parameter Token, must be a text",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains("canary"), "{text}");
        let missing = faults(&json!({}));
        assert!(
            missing.contains("Missing required parameter in input: \"Name\""),
            "{missing}"
        );
    }

    /// Source: the requests of aws-cli 1.46.
    #[test]
    fn times_have_the_forms_that_aws_knows() {
        for (given, expected) in [
            (json!(1_790_000_000), "2026-09-21T14:13:20Z"),
            (json!("1790000000"), "2026-09-21T14:13:20Z"),
            (json!("1790000000.5"), "2026-09-21T14:13:20.500Z"),
            (json!("2027-01-01"), "2027-01-01T00:00:00Z"),
            (json!("2027-01-01T01:02:03"), "2027-01-01T01:02:03Z"),
            (json!("2027-01-01 00:00:00"), "2027-01-01T00:00:00Z"),
            (json!("2027-01-01T00:00:00+02:00"), "2026-12-31T22:00:00Z"),
            (json!("2027-01-01T01:02"), "2027-01-01T01:02:00Z"),
            (json!("2027-01-01T01:02Z"), "2027-01-01T01:02:00Z"),
            (json!("2027-01-01 01:02+02:00"), "2026-12-31T23:02:00Z"),
            (json!("20270101T000000Z"), "2027-01-01T00:00:00Z"),
            (json!("1970-01-01T00:00:00"), "1970-01-01T00:00:00Z"),
        ] {
            let time = time(&given).map(|time| time.to_string());
            assert_eq!(time.as_deref(), Some(expected), "{given}");
        }
        for wrong in [
            json!("tomorrow"),
            json!("2027-01-01T1:02"),
            json!("2027-01-01é01:0é"),
            json!(""),
            json!("nan"),
            json!("inf"),
            json!("2027-02-30"),
            json!(1_790_000_000_000_i64),
            json!(true),
            json!(["2027-01-01"]),
        ] {
            assert_eq!(time(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_missing_token_is_random_and_a_given_one_stays() {
        let token = |given: Value| {
            let mut parameters = given.as_object().unwrap().clone();
            add_tokens(&model(), "In", &mut parameters);
            parameters["Token"].as_str().unwrap().to_owned()
        };
        let (one, other) = (token(json!({})), token(json!({})));
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
        let parts: Vec<&str> = one.split('-').collect();
        assert_eq!(
            parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
        assert!(
            parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']),
            "{one}"
        );
        assert_eq!(token(json!({"Token": "mine"})), "mine");
    }
}

//! The functions of the specification.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::{Map, Number, Value};

use crate::output::json;
use crate::output::query::QueryError;
use crate::output::query::evaluate::{equal, evaluate, order, select};
use crate::output::query::parser::Node;

macro_rules! functions {
    ($($name:literal $variant:ident $arity:pat => $takes:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub(super) enum Function { $($variant,)* }

        impl Function {
            pub(super) fn named(name: &str) -> Result<Self, QueryError> {
                match name {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(QueryError::new(format!("Unknown function: {name}()"),
                    )),
                }
            }

            fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it takes, in the words of `jmespath.py`.
            fn takes(self) -> &'static str {
                match self { $(Self::$variant => $takes,)* }
            }

            pub(super) fn check_arity(self, given: usize) -> Result<(), QueryError> {
                let fits = match self { $(Self::$variant => matches!(given, $arity),)* };
                if fits {
                    return Ok(());
                }
                let name = self.name();
                let message = format!("{name}() does not take {given} arguments");
                Err(QueryError::new(message))
            }
        }
    };
}

functions! {
    "abs" Abs 1 => "number",
    "avg" Avg 1 => "array-number",
    "ceil" Ceil 1 => "number",
    "contains" Contains 2 => "array, string",
    "ends_with" EndsWith 2 => "string",
    "floor" Floor 1 => "number",
    "join" Join 2 => "string, array-string",
    "keys" Keys 1 => "object",
    "length" Length 1 => "string, array, object",
    "map" Map 2 => "expref, array",
    "max" Max 1 => "array-number, array-string",
    "max_by" MaxBy 2 => "array of numbers or of strings by expref",
    "merge" Merge 1.. => "object",
    "min" Min 1 => "array-number, array-string",
    "min_by" MinBy 2 => "array of numbers or of strings by expref",
    "not_null" NotNull 1.. => "any",
    "reverse" Reverse 1 => "array, string",
    "sort" Sort 1 => "array-string, array-number",
    "sort_by" SortBy 2 => "array of numbers or of strings by expref",
    "starts_with" StartsWith 2 => "string",
    "sum" Sum 1 => "array-number",
    "to_array" ToArray 1 => "any",
    "to_number" ToNumber 1 => "any",
    "to_string" ToString 1 => "any",
    "type" Type 1 => "any",
    "values" Values 1 => "object",
}

impl Function {
    pub(super) fn call(
        self,
        arguments: &[Node],
        value: Cow<'_, Value>,
    ) -> Result<Value, QueryError> {
        match (self, arguments) {
            (Self::Map, [Node::Reference(by), list]) => {
                let elements = self.array(select(list, value)?.into_owned())?;
                let mapped: Result<_, _> = elements.iter().map(|e| evaluate(by, e)).collect();
                Ok(Value::Array(mapped?))
            }
            (Self::SortBy | Self::MaxBy | Self::MinBy, [list, Node::Reference(by)]) => {
                let elements = self.array(select(list, value)?.into_owned())?;
                self.by_key(elements, by)
            }
            (Self::Map | Self::SortBy | Self::MaxBy | Self::MinBy, _) => {
                Err(self.invalid_type("value without &"))
            }
            _ if arguments
                .iter()
                .any(|argument| matches!(argument, Node::Reference(_))) =>
            {
                Err(self.invalid_type("expref"))
            }
            (_, [argument]) => self.apply(vec![select(argument, value)?.into_owned()]),
            _ => {
                let values: Result<_, _> = arguments.iter().map(|a| evaluate(a, &value)).collect();
                self.apply(values?)
            }
        }
    }

    fn apply(self, arguments: Vec<Value>) -> Result<Value, QueryError> {
        match self {
            Self::Merge => return self.merge(arguments),
            Self::NotNull => {
                return Ok(arguments
                    .into_iter()
                    .find(|v| !v.is_null())
                    .unwrap_or_default());
            }
            _ => {}
        }
        let mut arguments = arguments.into_iter();
        let first = arguments.next().unwrap_or_default();
        let second = arguments.next().unwrap_or_default();
        match (self, first) {
            (Self::ToArray, Value::Array(list)) => Ok(Value::Array(list)),
            (Self::ToArray, other) => Ok(Value::Array(vec![other])),
            (Self::ToNumber, Value::Number(number)) => Ok(Value::Number(number)),
            (Self::ToNumber, Value::String(text)) => Ok(to_number(&text)),
            (Self::ToNumber, _) => Ok(Value::Null),
            (Self::ToString, Value::String(text)) => Ok(Value::String(text)),
            (Self::ToString, other) => Ok(ascii(&json::compact(&other)).into()),
            (Self::Type, value) => Ok(type_name(&value).into()),
            (Self::Abs | Self::Ceil | Self::Floor, Value::Number(number)) => {
                Ok(self.round(&number))
            }
            (_, Value::Array(list)) => self.call_on_list(list, &second),
            (_, Value::String(text)) => self.call_on_text(&text, second),
            (Self::Keys, Value::Object(members)) => Ok(members.keys().cloned().collect()),
            (Self::Length, Value::Object(members)) => Ok(members.len().into()),
            (Self::Values, Value::Object(members)) => {
                Ok(members.into_iter().map(|(_, value)| value).collect())
            }
            (_, other) => Err(self.invalid_type(type_name(&other))),
        }
    }

    fn call_on_list(self, list: Vec<Value>, second: &Value) -> Result<Value, QueryError> {
        match self {
            Self::Avg if list.is_empty() => Ok(Value::Null),
            Self::Avg => {
                let length = list.len() as f64;
                let sum = self.sum(&list)?.as_f64().unwrap_or(0.0);
                Ok((sum / length).into())
            }
            Self::Sum => self.sum(&list).map(Value::Number),
            Self::Contains => Ok(list.iter().any(|element| equal(element, second)).into()),
            Self::Length => Ok(list.len().into()),
            Self::Reverse => Ok(list.into_iter().rev().collect()),
            Self::Sort | Self::Max | Self::Min => {
                let keyed = list.into_iter().map(|value| (value.clone(), value));
                self.pick(keyed.collect())
            }
            _ => Err(self.invalid_type("array")),
        }
    }

    fn call_on_text(self, text: &str, second: Value) -> Result<Value, QueryError> {
        match self {
            Self::Contains => {
                let part = second.as_str();
                Ok(part.is_some_and(|part| text.contains(part)).into())
            }
            Self::StartsWith => Ok(text.starts_with(&self.text(second)?).into()),
            Self::EndsWith => Ok(text.ends_with(&self.text(second)?).into()),
            Self::Join => {
                let parts = self.array(second)?.into_iter();
                let parts: Result<Vec<_>, _> = parts.map(|part| self.text(part)).collect();
                Ok(parts?.join(text).into())
            }
            Self::Length => Ok(text.chars().count().into()),
            Self::Reverse => Ok(text.chars().rev().collect::<String>().into()),
            _ => Err(self.invalid_type("string")),
        }
    }

    fn by_key(self, elements: Vec<Value>, by: &Node) -> Result<Value, QueryError> {
        let mut keyed = Vec::with_capacity(elements.len());
        for element in elements {
            keyed.push((evaluate(by, &element)?, element));
        }
        self.pick(keyed)
    }

    /// Sorts, or takes the first of the largest or smallest. All keys must be numbers, or strings.
    fn pick(self, mut keyed: Vec<(Value, Value)>) -> Result<Value, QueryError> {
        let numbers = keyed.first().is_some_and(|(key, _)| key.is_number());
        let is_wrong = |key: &Value| {
            !(if numbers {
                key.is_number()
            } else {
                key.is_string()
            })
        };
        if let Some((key, _)) = keyed.iter().find(|(key, _)| is_wrong(key)) {
            return Err(self.invalid_type(type_name(key)));
        }
        keyed.sort_by(|(left, _), (right, _)| {
            let order = order(left, right).unwrap_or(Ordering::Equal);
            match self {
                Self::Max | Self::MaxBy => order.reverse(),
                _ => order,
            }
        });
        let mut values = keyed.into_iter().map(|(_, value)| value);
        Ok(match self {
            Self::Sort | Self::SortBy => Value::Array(values.collect()),
            _ => values.next().unwrap_or_default(),
        })
    }

    fn merge(self, arguments: Vec<Value>) -> Result<Value, QueryError> {
        let mut merged = Map::new();
        for argument in arguments {
            match argument {
                Value::Object(members) => merged.extend(members),
                other => return Err(self.invalid_type(type_name(&other))),
            }
        }
        Ok(Value::Object(merged))
    }

    fn round(self, number: &Number) -> Value {
        if let Some(whole) = number.as_i128() {
            let whole = if self == Self::Abs {
                whole.abs()
            } else {
                whole
            };
            return Number::from_i128(whole).map_or(Value::Null, Value::Number);
        }
        let float = number.as_f64().unwrap_or(0.0);
        match self {
            Self::Abs => Value::from(float.abs()),
            Self::Ceil => whole(float.ceil()),
            _ => whole(float.floor()),
        }
    }

    /// Integers stay integers while they fit, as Python's do.
    fn sum(self, list: &[Value]) -> Result<Number, QueryError> {
        let mut integers = Some(0_i128);
        let mut floats = 0.0;
        for value in list {
            let Value::Number(number) = value else {
                return Err(self.invalid_type(type_name(value)));
            };
            integers = integers.and_then(|sum| sum.checked_add(number.as_i128()?));
            floats += number.as_f64().unwrap_or(0.0);
        }
        integers
            .and_then(Number::from_i128)
            .or_else(|| Number::from_f64(floats))
            .ok_or_else(|| QueryError::new("the sum is too large"))
    }

    fn array(self, value: Value) -> Result<Vec<Value>, QueryError> {
        match value {
            Value::Array(elements) => Ok(elements),
            other => Err(self.invalid_type(type_name(&other))),
        }
    }

    fn text(self, value: Value) -> Result<String, QueryError> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(self.invalid_type(type_name(&other))),
        }
    }

    fn invalid_type(self, received: &str) -> QueryError {
        let (name, takes) = (self.name(), self.takes());
        QueryError::new(format!(
            "In function {name}(), invalid type for a value, expected one of: {takes}, \
             received: {received}"
        ))
    }
}

fn whole(float: f64) -> Value {
    match float
        .to_string()
        .parse::<i128>()
        .ok()
        .and_then(Number::from_i128)
    {
        Some(number) => Value::Number(number),
        None => Value::from(float),
    }
}

fn to_number(text: &str) -> Value {
    let text = text.trim();
    if let Some(number) = text.parse::<i128>().ok().and_then(Number::from_i128) {
        return Value::Number(number);
    }
    // Rust's parser takes "inf" and "nan", which JSON cannot write: they become `null`.
    text.parse::<f64>().map_or(Value::Null, Value::from)
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// JSON with everything outside ASCII escaped, as Python's `json.dumps` writes it.
fn ascii(json: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

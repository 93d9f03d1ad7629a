//! The functions of the specification.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use crate::output::json;
use crate::output::query::QueryError;
use crate::output::query::evaluate::{equal, evaluate, order};
use crate::output::query::parser::Node;

macro_rules! functions {
    ($($name:literal $variant:ident $arity:pat,)*) => {
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
    "abs" Abs 1,
    "avg" Avg 1,
    "ceil" Ceil 1,
    "contains" Contains 2,
    "ends_with" EndsWith 2,
    "floor" Floor 1,
    "join" Join 2,
    "keys" Keys 1,
    "length" Length 1,
    "map" Map 2,
    "max" Max 1,
    "max_by" MaxBy 2,
    "merge" Merge 1..,
    "min" Min 1,
    "min_by" MinBy 2,
    "not_null" NotNull 1..,
    "reverse" Reverse 1,
    "sort" Sort 1,
    "sort_by" SortBy 2,
    "starts_with" StartsWith 2,
    "sum" Sum 1,
    "to_array" ToArray 1,
    "to_number" ToNumber 1,
    "to_string" ToString 1,
    "type" Type 1,
    "values" Values 1,
}

impl Function {
    pub(super) fn call(self, arguments: &[Node], value: &Value) -> Result<Value, QueryError> {
        match (self, arguments) {
            (Self::Map, [Node::Reference(by), list]) => {
                let elements = self.array(evaluate(list, value)?)?;
                let mapped: Result<_, _> = elements.iter().map(|e| evaluate(by, e)).collect();
                Ok(Value::Array(mapped?))
            }
            (Self::SortBy | Self::MaxBy | Self::MinBy, [list, Node::Reference(by)]) => {
                let elements = self.array(evaluate(list, value)?)?;
                self.by_key(elements, by)
            }
            (Self::Map | Self::SortBy | Self::MaxBy | Self::MinBy, _) => Err(self.invalid_type()),
            _ if arguments
                .iter()
                .any(|argument| matches!(argument, Node::Reference(_))) =>
            {
                Err(self.invalid_type())
            }
            _ => {
                let values: Result<_, _> = arguments.iter().map(|a| evaluate(a, value)).collect();
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
            _ => Err(self.invalid_type()),
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
            _ => Err(self.invalid_type()),
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
            _ => Err(self.invalid_type()),
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
        let numbers = keyed.iter().all(|(key, _)| key.is_number());
        if !numbers && !keyed.iter().all(|(key, _)| key.is_string()) {
            return Err(self.invalid_type());
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
            let Value::Object(members) = argument else {
                return Err(self.invalid_type());
            };
            merged.extend(members);
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
                return Err(self.invalid_type());
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
            _ => Err(self.invalid_type()),
        }
    }

    fn text(self, value: Value) -> Result<String, QueryError> {
        match value {
            Value::String(text) => Ok(text),
            _ => Err(self.invalid_type()),
        }
    }

    fn invalid_type(self) -> QueryError {
        let name = self.name();
        QueryError::new(format!("In function {name}(), invalid type for a value"))
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

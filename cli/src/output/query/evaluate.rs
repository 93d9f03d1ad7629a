//! Applies a tree to a document.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use crate::output::query::{QueryError, lexer::Comparator, parser::Node};

pub(super) fn evaluate(node: &Node, value: &Value) -> Result<Value, QueryError> {
    Ok(match node {
        Node::Current => value.clone(),
        Node::Field(name) => value.get(name).cloned().unwrap_or_default(),
        Node::Literal(literal) => literal.clone(),
        Node::Index(at) => element(value, *at).cloned().unwrap_or_default(),
        Node::Slice(parts) => slice(value, *parts)?,
        Node::Then(left, right) => match &**left {
            // Without a copy of the whole document.
            Node::Current => evaluate(right, value)?,
            left => evaluate(right, &evaluate(left, value)?)?,
        },
        Node::Flatten(inner) => flatten(evaluate(inner, value)?),
        Node::Project(left, right) => match evaluate(left, value)? {
            Value::Array(elements) => project(&elements, right)?,
            _ => Value::Null,
        },
        Node::ProjectValues(left, right) => match evaluate(left, value)? {
            Value::Object(members) => project(members.values(), right)?,
            _ => Value::Null,
        },
        Node::Filter(left, condition, right) => match evaluate(left, value)? {
            Value::Array(elements) => project(kept(&elements, condition)?, right)?,
            _ => Value::Null,
        },
        Node::Compare(how, left, right) => {
            compare(*how, &evaluate(left, value)?, &evaluate(right, value)?)
        }
        Node::Or(left, right) => match evaluate(left, value)? {
            found if is_true(&found) => found,
            _ => evaluate(right, value)?,
        },
        Node::And(left, right) => match evaluate(left, value)? {
            found if is_true(&found) => evaluate(right, value)?,
            found => found,
        },
        Node::Not(inner) => Value::Bool(!is_true(&evaluate(inner, value)?)),
        Node::List(_) | Node::Hash(_) if value.is_null() => Value::Null,
        Node::List(elements) => {
            let found: Result<_, _> = elements.iter().map(|node| evaluate(node, value)).collect();
            Value::Array(found?)
        }
        Node::Hash(members) => {
            let members = members.iter();
            let object: Result<Map<_, _>, _> = members
                .map(|(name, node)| Ok::<_, QueryError>((name.clone(), evaluate(node, value)?)))
                .collect();
            Value::Object(object?)
        }
        Node::Call(function, arguments, start) => {
            let found = function.call(arguments, value);
            found.map_err(|error| error.at(*start))?
        }
        Node::Reference(_) => {
            return Err(QueryError::new("an expression reference is not a value"));
        }
    })
}

/// Returns the elements that fit a condition.
fn kept<'a>(elements: &'a [Value], condition: &Node) -> Result<Vec<&'a Value>, QueryError> {
    let mut kept = Vec::new();
    for element in elements {
        if is_true(&evaluate(condition, element)?) {
            kept.push(element);
        }
    }
    Ok(kept)
}

fn project<'a>(
    elements: impl IntoIterator<Item = &'a Value>,
    right: &Node,
) -> Result<Value, QueryError> {
    let mut found = Vec::new();
    for element in elements {
        let value = evaluate(right, element)?;
        if !value.is_null() {
            found.push(value);
        }
    }
    Ok(Value::Array(found))
}

fn flatten(value: Value) -> Value {
    let Value::Array(elements) = value else {
        return Value::Null;
    };
    let mut flat = Vec::with_capacity(elements.len());
    for element in elements {
        match element {
            Value::Array(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    Value::Array(flat)
}

fn element(value: &Value, at: i64) -> Option<&Value> {
    let elements = value.as_array()?;
    let length = i64::try_from(elements.len()).ok()?;
    let at = if at < 0 { at.checked_add(length)? } else { at };
    elements.get(usize::try_from(at).ok()?)
}

/// Python's slices: a part that is absent means the end on its side, others are clamped.
fn slice(value: &Value, [start, stop, step]: [Option<i64>; 3]) -> Result<Value, QueryError> {
    let Value::Array(elements) = value else {
        return Ok(Value::Null);
    };
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(QueryError::new("slice step cannot be zero"));
    }
    let length = i64::try_from(elements.len()).unwrap_or(i64::MAX);
    let (lowest, highest) = if step > 0 {
        (0, length)
    } else {
        (-1, length - 1)
    };
    let clamp = |part: i64| {
        let part = if part < 0 {
            part.saturating_add(length)
        } else {
            part
        };
        part.clamp(lowest, highest)
    };
    let (first, last) = if step > 0 {
        (lowest, highest)
    } else {
        (highest, lowest)
    };
    let mut at = start.map_or(first, clamp);
    let stop = stop.map_or(last, clamp);
    let mut found = Vec::new();
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        found.extend(
            usize::try_from(at)
                .ok()
                .and_then(|at| elements.get(at))
                .cloned(),
        );
        at = at.saturating_add(step);
    }
    Ok(Value::Array(found))
}

/// False are `null`, `false` and everything empty; the number 0 is true.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

fn compare(how: Comparator, left: &Value, right: &Value) -> Value {
    let by_order = |accept: fn(Ordering) -> bool| {
        order(left, right).map_or(Value::Null, |order| Value::Bool(accept(order)))
    };
    match how {
        Comparator::Equal => Value::Bool(equal(left, right)),
        Comparator::NotEqual => Value::Bool(!equal(left, right)),
        Comparator::Less => by_order(Ordering::is_lt),
        Comparator::LessOrEqual => by_order(Ordering::is_le),
        Comparator::Greater => by_order(Ordering::is_gt),
        Comparator::GreaterOrEqual => by_order(Ordering::is_ge),
    }
}

/// `1` equals `1.0`; objects are equal in any order of their members.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => order_numbers(left, right).is_eq(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| equal(a, b))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, a)| right.get(name).is_some_and(|b| equal(a, b)))
        }
        (left, right) => left == right,
    }
}

/// The order of two numbers or two strings; other values have none.
pub(super) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Some(order_numbers(left, right)),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn order_numbers(left: &Number, right: &Number) -> Ordering {
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => {
            let float = |number: &Number| number.as_f64().unwrap_or(0.0);
            float(left)
                .partial_cmp(&float(right))
                .unwrap_or(Ordering::Equal)
        }
    }
}

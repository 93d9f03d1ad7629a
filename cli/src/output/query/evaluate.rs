//! Applies a tree to a document.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::{Map, Number, Value};

use crate::output::query::{QueryError, lexer::Comparator, parser::Node};

/// Returns what a node selects of a value.
///
/// # Errors
///
/// If a function gets a value of another type than it takes, or a slice has the step 0.
pub(super) fn evaluate(node: &Node, value: &Value) -> Result<Value, QueryError> {
    Ok(select(node, Cow::Borrowed(value))?.into_owned())
}

/// Selects without a copy of what is a part of the value: a part of a borrowed one is borrowed, and
/// one of an owned value is moved. A list of instances may be large.
pub(super) fn select<'a>(node: &Node, value: Cow<'a, Value>) -> Result<Cow<'a, Value>, QueryError> {
    match (node, value) {
        (Node::Current, value) => Ok(value),
        (Node::Then(left, right), value) => select(right, select(left, value)?),
        (Node::Field(name), Cow::Owned(mut value)) => {
            let found = value.get_mut(name).map(Value::take);
            Ok(Cow::Owned(found.unwrap_or_default()))
        }
        (
            Node::Flatten(_) | Node::Project(..) | Node::ProjectValues(..) | Node::Filter(..),
            value,
        ) => Ok(Cow::Owned(match elements(node, value)? {
            Some(found) => found.into_iter().map(Cow::into_owned).collect(),
            None => Value::Null,
        })),
        (Node::Call(function, arguments, start), value) => {
            let found = function.call(arguments, value);
            Ok(Cow::Owned(found.map_err(|error| error.at(*start))?))
        }
        (_, Cow::Borrowed(value)) => select_of(node, value),
        (_, Cow::Owned(value)) => Ok(Cow::Owned(evaluate(node, &value)?)),
    }
}

/// Selects from a value that is borrowed.
fn select_of<'a>(node: &Node, value: &'a Value) -> Result<Cow<'a, Value>, QueryError> {
    let part = |found: Option<&'a Value>| found.map_or(Cow::Owned(Value::Null), Cow::Borrowed);
    let select = |node| select(node, Cow::Borrowed(value));
    Ok(Cow::Owned(match node {
        Node::Field(name) => return Ok(part(value.get(name))),
        Node::Literal(literal) => literal.clone(),
        Node::Index(at) => return Ok(part(element(value, *at))),
        Node::Slice(parts) => slice(value, *parts)?,
        Node::Compare(how, left, right) => compare(*how, &*select(left)?, &*select(right)?),
        Node::Or(left, right) => {
            let found = select(left)?;
            return if is_true(&found) {
                Ok(found)
            } else {
                select(right)
            };
        }
        Node::And(left, right) => {
            let found = select(left)?;
            return if is_true(&found) {
                select(right)
            } else {
                Ok(found)
            };
        }
        Node::Not(inner) => Value::Bool(!is_true(&*select(inner)?)),
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
        Node::Reference(_) => {
            return Err(QueryError::new("an expression reference is not a value"));
        }
        Node::Current
        | Node::Call(..)
        | Node::Then(..)
        | Node::Flatten(_)
        | Node::Project(..)
        | Node::ProjectValues(..)
        | Node::Filter(..) => return select(node),
    }))
}

/// Returns the elements of the list that a node selects, or `None` for anything else.
fn elements<'a>(
    node: &Node,
    value: Cow<'a, Value>,
) -> Result<Option<Vec<Cow<'a, Value>>>, QueryError> {
    let (left, right) = match node {
        Node::Flatten(inner) => return Ok(elements(inner, value)?.map(flatten)),
        Node::Project(left, right) => (elements(left, value)?, right),
        Node::ProjectValues(left, right) => (members(select(left, value)?), right),
        Node::Filter(left, condition, right) => match elements(left, value)? {
            Some(found) => (Some(kept(found, condition)?), right),
            None => (None, right),
        },
        other => return Ok(items(select(other, value)?)),
    };
    let Some(left) = left else {
        return Ok(None);
    };
    let mut found = Vec::new();
    for element in left {
        let value = select(right, element)?;
        if !value.is_null() {
            found.push(value);
        }
    }
    Ok(Some(found))
}

fn items(value: Cow<'_, Value>) -> Option<Vec<Cow<'_, Value>>> {
    match value {
        Cow::Borrowed(value) => Some(value.as_array()?.iter().map(Cow::Borrowed).collect()),
        Cow::Owned(Value::Array(items)) => Some(items.into_iter().map(Cow::Owned).collect()),
        Cow::Owned(_) => None,
    }
}

fn members(value: Cow<'_, Value>) -> Option<Vec<Cow<'_, Value>>> {
    match value {
        Cow::Borrowed(value) => Some(value.as_object()?.values().map(Cow::Borrowed).collect()),
        Cow::Owned(Value::Object(members)) => {
            let members = members.into_iter();
            Some(members.map(|(_, value)| Cow::Owned(value)).collect())
        }
        Cow::Owned(_) => None,
    }
}

/// Returns the elements that fit a condition.
fn kept<'a>(
    elements: Vec<Cow<'a, Value>>,
    condition: &Node,
) -> Result<Vec<Cow<'a, Value>>, QueryError> {
    let mut kept = Vec::new();
    for element in elements {
        if is_true(&*select(condition, Cow::Borrowed(&*element))?) {
            kept.push(element);
        }
    }
    Ok(kept)
}

fn flatten(elements: Vec<Cow<'_, Value>>) -> Vec<Cow<'_, Value>> {
    let mut flat = Vec::with_capacity(elements.len());
    for element in elements {
        if element.is_array() {
            flat.extend(items(element).into_iter().flatten());
        } else {
            flat.push(element);
        }
    }
    flat
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

//! `--generate-cli-skeleton`: parameters or an answer with sample values.

use serde_json::{Map, Value, json};

use crate::services::model::{Kind, Model, Shape};

/// Returns the input, with empty values or the first of few ones.
///
/// Source: `ArgumentGenerator` of botocore.
pub(super) fn input(model: &Model, shape: &str) -> Value {
    Generator {
        model,
        is_output: false,
    }
    .object(shape)
}

/// Returns an answer, where a text is the name of its member.
pub(super) fn output(model: &Model, shape: &str) -> Value {
    Generator {
        model,
        is_output: true,
    }
    .object(shape)
}

struct Generator<'a> {
    model: &'a Model,
    is_output: bool,
}

impl Generator<'_> {
    /// An operation without parameters has an empty object.
    fn object(&self, shape: &str) -> Value {
        match shape {
            "-" => json!({}),
            shape => self.value(shape, "", &mut Vec::new()),
        }
    }

    /// `open` has the structures around the value: one that contains itself is empty there.
    fn value<'a>(&'a self, shape: &'a str, name: &str, open: &mut Vec<&'a str>) -> Value {
        match self.model.shape(shape) {
            Shape::Structure(_) if open.contains(&shape) => json!({}),
            Shape::Structure(members) => {
                open.push(shape);
                let mut object = Map::new();
                for member in members {
                    let value = self.value(member.shape, member.name, open);
                    object.insert(member.name.to_owned(), value);
                }
                open.pop();
                object.into()
            }
            Shape::List { item, .. } => json!([self.value(item, item, open)]),
            Shape::Map { value } => json!({ "KeyName": self.value(value, "", open) }),
            Shape::Scalar(scalar) => match scalar.kind {
                Kind::Text | Kind::Document if self.is_output => name.into(),
                Kind::Text | Kind::Document => {
                    scalar.values.first().copied().unwrap_or_default().into()
                }
                Kind::Boolean => true.into(),
                Kind::Integer => 0.into(),
                Kind::Float => 0.0.into(),
                Kind::Timestamp => "1970-01-01T00:00:00".into(),
                Kind::Blob => Value::Null,
            },
        }
    }
}

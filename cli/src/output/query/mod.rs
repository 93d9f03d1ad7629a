//! JMESPath, the language of `--query`.
//!
//! The crates for it sort the members of objects or turn integers into floats, which `aws` does
//! not. Grammar: <https://jmespath.org/specification.html>; where it leaves a choice, this does
//! what `jmespath.py` does, because `aws` uses that.

mod evaluate;
mod functions;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

use serde_json::Value;

use self::parser::Node;

/// A parsed expression, which can be applied to any number of documents.
#[derive(Debug)]
pub(crate) struct Query {
    expression: String,
    node: Node,
}

impl Query {
    /// Parses an expression.
    ///
    /// # Errors
    ///
    /// If the expression is not JMESPath; the message has a caret below the place.
    pub(crate) fn parse(expression: &str) -> Result<Self, QueryError> {
        Ok(Self {
            expression: expression.to_owned(),
            node: parser::parse(expression)?,
        })
    }

    /// Returns the part of `document` that the expression selects, `null` if there is none. Parts
    /// of a document that is not borrowed are moved and not copied.
    ///
    /// # Errors
    ///
    /// If a function gets a value of another type than it takes, or a slice has the step 0. The
    /// message has a caret below the function, and never the value, which may be a secret.
    pub(crate) fn apply<'a>(&self, document: Cow<'a, Value>) -> Result<Cow<'a, Value>, QueryError> {
        let found = evaluate::select(&self.node, document);
        found.map_err(|error| match error.at {
            Some(at) => QueryError::syntax(&self.expression, at, &error.message),
            None => error,
        })
    }
}

/// Why an expression cannot be parsed or applied.
#[derive(Debug)]
pub(crate) struct QueryError {
    message: String,
    /// The byte of the expression that the message is about, if it does not show it.
    at: Option<usize>,
}

impl QueryError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            at: None,
        }
    }

    /// Sets the place, unless an inner function has set it.
    fn at(self, at: usize) -> Self {
        Self {
            at: self.at.or(Some(at)),
            ..self
        }
    }

    /// An error at a byte of the expression, with a caret below its column.
    fn syntax(expression: &str, at: usize, message: &str) -> Self {
        let before = expression.get(..at).unwrap_or(expression);
        let column = before.chars().rev().take_while(|&c| c != '\n').count();
        let caret = " ".repeat(column);
        Self::new(format!("{message}:\n{expression}\n{caret}^"))
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for QueryError {}

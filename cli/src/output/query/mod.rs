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

use std::fmt;

use serde_json::Value;

use self::parser::Node;

/// A parsed expression, which can be applied to any number of documents.
#[derive(Debug)]
pub(crate) struct Query(Node);

impl Query {
    /// Parses an expression.
    ///
    /// # Errors
    ///
    /// If the expression is not JMESPath; the message has a caret below the place.
    pub(crate) fn parse(expression: &str) -> Result<Self, QueryError> {
        parser::parse(expression).map(Self)
    }

    /// Returns the part of `document` that the expression selects, `null` if there is none.
    ///
    /// # Errors
    ///
    /// If a function gets a value of another type than it takes, or a slice has the step 0.
    pub(crate) fn apply(&self, document: &Value) -> Result<Value, QueryError> {
        evaluate::evaluate(&self.0, document)
    }
}

/// Why an expression cannot be parsed or applied.
#[derive(Debug)]
pub(crate) struct QueryError(String);

impl QueryError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// A syntax error at a byte of the expression, with a caret below its column.
    fn syntax(expression: &str, at: usize, message: &str) -> Self {
        let before = expression.get(..at).unwrap_or(expression);
        let column = before.chars().rev().take_while(|&c| c != '\n').count();
        let caret = " ".repeat(column);
        Self(format!("{message}:\n{expression}\n{caret}^"))
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for QueryError {}

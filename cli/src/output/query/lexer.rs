//! Splits an expression into tokens.

use serde_json::Value;

use crate::output::query::QueryError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Quoted(String),
    Literal(Value),
    Number(i64),
    Dot,
    Star,
    Comma,
    Colon,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    OpenParen,
    CloseParen,
    Flatten,
    Filter,
    Pipe,
    Or,
    And,
    Not,
    Current,
    Reference,
    Compare(Comparator),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Returns the tokens of an expression, each with the byte where it starts, `End` last.
pub(super) fn tokens(expression: &str) -> Result<Vec<(Token, usize)>, QueryError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = expression[at..].chars().next() {
        if matches!(first, ' ' | '\t' | '\n' | '\r') {
            at += 1;
            continue;
        }
        let (token, length) = token(expression, at, first)?;
        found.push((token, at));
        at += length;
    }
    found.push((Token::End, expression.len()));
    Ok(found)
}

fn token(expression: &str, at: usize, first: char) -> Result<(Token, usize), QueryError> {
    let rest = &expression[at..];
    let symbols = [
        ("[?", Token::Filter),
        ("[]", Token::Flatten),
        ("||", Token::Or),
        ("&&", Token::And),
        ("==", Token::Compare(Comparator::Equal)),
        ("!=", Token::Compare(Comparator::NotEqual)),
        ("<=", Token::Compare(Comparator::LessOrEqual)),
        (">=", Token::Compare(Comparator::GreaterOrEqual)),
        ("<", Token::Compare(Comparator::Less)),
        (">", Token::Compare(Comparator::Greater)),
        (".", Token::Dot),
        ("*", Token::Star),
        (",", Token::Comma),
        (":", Token::Colon),
        ("{", Token::OpenBrace),
        ("}", Token::CloseBrace),
        ("[", Token::OpenBracket),
        ("]", Token::CloseBracket),
        ("(", Token::OpenParen),
        (")", Token::CloseParen),
        ("|", Token::Pipe),
        ("!", Token::Not),
        ("@", Token::Current),
        ("&", Token::Reference),
    ];
    if let Some((text, token)) = symbols.into_iter().find(|(text, _)| rest.starts_with(text)) {
        return Ok((token, text.len()));
    }
    let bad = |message: &str| QueryError::syntax(expression, at, message);
    match first {
        'a'..='z' | 'A'..='Z' | '_' => {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let name = &rest[..end.unwrap_or(rest.len())];
            Ok((Token::Name(name.to_owned()), name.len()))
        }
        '0'..='9' | '-' => {
            let digits = rest[1..].find(|c: char| !c.is_ascii_digit());
            let number = &rest[..digits.map_or(rest.len(), |end| end + 1)];
            if number == "-" {
                return Err(bad("Bad jmespath expression: Unknown token '-'"));
            }
            // An index that does not fit is beyond every list, and so is the largest one.
            let far = if first == '-' { i64::MIN } else { i64::MAX };
            Ok((Token::Number(number.parse().unwrap_or(far)), number.len()))
        }
        '"' | '\'' | '`' => {
            let inside = delimited(rest, first).ok_or_else(|| {
                bad(&format!(
                    "Bad jmespath expression: Unclosed {first} delimiter"
                ))
            })?;
            let length = inside.len() + 2;
            let token = match first {
                '"' => serde_json::from_str(&rest[..length])
                    .map(Token::Quoted)
                    .map_err(|_| bad("Bad jmespath expression: Invalid quoted identifier"))?,
                '\'' => Token::Literal(Value::String(inside.replace("\\'", "'"))),
                _ => Token::Literal(
                    literal(inside)
                        .ok_or_else(|| bad("Bad jmespath expression: Bad token in literal"))?,
                ),
            };
            Ok((token, length))
        }
        other => Err(bad(&format!(
            "Bad jmespath expression: Unknown token '{other}'"
        ))),
    }
}

/// Returns the text between a delimiter at the start and its next one without a backslash.
fn delimited(text: &str, delimiter: char) -> Option<&str> {
    let inside = &text[1..];
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == delimiter {
            return Some(&inside[..at]);
        }
    }
    None
}

/// JSON between backticks; text that is not JSON is a string, as `jmespath.py` still reads it.
fn literal(inside: &str) -> Option<Value> {
    let text = inside.replace("\\`", "`");
    let text = text.trim_start();
    serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&format!("\"{text}\"")))
        .ok()
}

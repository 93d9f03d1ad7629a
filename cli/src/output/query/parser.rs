//! Builds the tree of an expression, by binding powers (Pratt), as `jmespath.py` does.

use serde_json::Value;

use crate::output::query::{
    QueryError,
    functions::Function,
    lexer::{Comparator, Token, tokens},
};

/// The deepest nesting of brackets, parentheses and functions.
const DEEPEST: usize = 60;
/// The highest tree, which a chain such as `a.b.c` grows too; a higher one exhausts the stack.
const HIGHEST: usize = 150;
/// Tokens that bind less than this end the right side of a projection.
const PROJECTION_STOP: u8 = 10;

#[derive(Debug)]
pub(super) enum Node {
    Current,
    Field(String),
    Literal(Value),
    Index(i64),
    Slice([Option<i64>; 3]),
    /// The right side applied to the result of the left one: `a.b`, `a[0]` and `a | b`.
    Then(Box<Self>, Box<Self>),
    Flatten(Box<Self>),
    Project(Box<Self>, Box<Self>),
    ProjectValues(Box<Self>, Box<Self>),
    Filter(Box<Self>, Box<Self>, Box<Self>),
    Compare(Comparator, Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    And(Box<Self>, Box<Self>),
    Not(Box<Self>),
    List(Vec<Self>),
    Hash(Vec<(String, Self)>),
    /// A function, its arguments, and the byte of the expression that it starts at.
    Call(Function, Vec<Self>, usize),
    Reference(Box<Self>),
}

pub(super) fn parse(expression: &str) -> Result<Node, QueryError> {
    let tokens = tokens(expression)?;
    let mut parser = Parser {
        expression,
        tokens,
        next: 0,
        depth: 0,
        height: 0,
    };
    let node = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok(node),
        _ => Err(parser.unexpected()),
    }
}

struct Parser<'a> {
    expression: &'a str,
    tokens: Vec<(Token, usize)>,
    next: usize,
    depth: usize,
    /// The height of the highest expression that was read inside the current one.
    height: usize,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &Token {
        self.tokens
            .get(self.next + ahead)
            .map_or(&Token::End, |(token, _)| token)
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn expect(&mut self, token: &Token) -> Result<(), QueryError> {
        if self.peek() != token {
            return Err(self.unexpected());
        }
        self.next += 1;
        Ok(())
    }

    /// The error for the token that is next.
    fn unexpected(&self) -> QueryError {
        let (token, at) = self
            .tokens
            .get(self.next)
            .map_or((&Token::End, self.expression.len()), |(token, at)| {
                (token, *at)
            });
        let message = match token {
            Token::End => "Invalid jmespath expression: Incomplete expression".to_owned(),
            _ => format!("invalid token: Parse error at column {at}"),
        };
        QueryError::syntax(self.expression, at, &message)
    }

    /// The error for the token that was read last.
    fn unexpected_last(&mut self) -> QueryError {
        self.next -= 1;
        self.unexpected()
    }

    fn expression(&mut self, binding: u8) -> Result<Node, QueryError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(QueryError::new(format!(
                "nested deeper than {DEEPEST} levels"
            )));
        }
        let outer = std::mem::take(&mut self.height);
        let mut left = self.prefix()?;
        let mut height = self.height + 1;
        while binding < power(self.peek()) {
            self.height = 0;
            left = self.infix(left)?;
            height = height.max(self.height) + 1;
            if height > HIGHEST {
                let message = format!("more than {HIGHEST} parts that build on each other");
                return Err(QueryError::new(message));
            }
        }
        self.height = height.max(outer);
        self.depth -= 1;
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Node, QueryError> {
        match self.advance() {
            Token::Literal(value) => Ok(Node::Literal(value)),
            Token::Name(name) => Ok(Node::Field(name)),
            Token::Quoted(name) => match self.peek() {
                Token::OpenParen => Err(self.unexpected()),
                _ => Ok(Node::Field(name)),
            },
            Token::Star => {
                let right = match self.peek() {
                    Token::CloseBracket => Node::Current,
                    _ => self.projected(power(&Token::Star))?,
                };
                Ok(Node::ProjectValues(
                    Box::new(Node::Current),
                    Box::new(right),
                ))
            }
            Token::Filter => self.filter(Node::Current),
            Token::OpenBrace => self.hash(),
            Token::OpenParen => {
                let inside = self.expression(0)?;
                self.expect(&Token::CloseParen)?;
                Ok(inside)
            }
            Token::Flatten => self.flatten(Node::Current),
            Token::Not => Ok(Node::Not(Box::new(self.expression(power(&Token::Not))?))),
            Token::OpenBracket => match (self.peek(), self.peek_at(1)) {
                (Token::Number(_) | Token::Colon, _) => self.index(Node::Current),
                (Token::Star, Token::CloseBracket) => self.project_list(Node::Current),
                _ => self.list(),
            },
            Token::Current => Ok(Node::Current),
            Token::Reference => Ok(Node::Reference(Box::new(self.expression(0)?))),
            _ => Err(self.unexpected_last()),
        }
    }

    fn infix(&mut self, left: Node) -> Result<Node, QueryError> {
        let token = self.advance();
        let binding = power(&token);
        match token {
            Token::Dot if *self.peek() == Token::Star => {
                self.next += 1;
                // As in jmespath.py, which takes one step only: `a.*.b.c` is `(a.*.b).c`.
                let right = self.projected(power(&Token::Dot))?;
                Ok(Node::ProjectValues(Box::new(left), Box::new(right)))
            }
            Token::Dot => Ok(Node::Then(
                Box::new(left),
                Box::new(self.after_dot(binding)?),
            )),
            Token::Pipe => Ok(Node::Then(
                Box::new(left),
                Box::new(self.expression(binding)?),
            )),
            Token::Or => Ok(Node::Or(
                Box::new(left),
                Box::new(self.expression(binding)?),
            )),
            Token::And => Ok(Node::And(
                Box::new(left),
                Box::new(self.expression(binding)?),
            )),
            Token::Compare(how) => Ok(Node::Compare(
                how,
                Box::new(left),
                Box::new(self.expression(binding)?),
            )),
            Token::Filter => self.filter(left),
            Token::Flatten => self.flatten(left),
            Token::OpenParen => match left {
                Node::Field(name) => self.call(&name),
                _ => Err(self.unexpected_last()),
            },
            Token::OpenBracket => match self.peek() {
                Token::Number(_) | Token::Colon => self.index(left),
                _ => self.project_list(left),
            },
            _ => Err(self.unexpected_last()),
        }
    }

    /// Reads the arguments after the name and the parenthesis.
    fn call(&mut self, name: &str) -> Result<Node, QueryError> {
        let start = self.next.checked_sub(2).and_then(|at| self.tokens.get(at));
        let start = start.map_or(0, |(_, at)| *at);
        let mut arguments = Vec::new();
        while *self.peek() != Token::CloseParen {
            arguments.push(self.expression(0)?);
            match self.peek() {
                Token::CloseParen => {}
                _ => self.expect(&Token::Comma)?,
            }
        }
        self.next += 1;
        let function = Function::named(name)?;
        function.check_arity(arguments.len())?;
        Ok(Node::Call(function, arguments, start))
    }

    fn filter(&mut self, left: Node) -> Result<Node, QueryError> {
        let condition = self.expression(0)?;
        self.expect(&Token::CloseBracket)?;
        let right = match self.peek() {
            Token::Flatten => Node::Current,
            _ => self.projected(power(&Token::Filter))?,
        };
        Ok(Node::Filter(
            Box::new(left),
            Box::new(condition),
            Box::new(right),
        ))
    }

    fn flatten(&mut self, left: Node) -> Result<Node, QueryError> {
        let right = self.projected(power(&Token::Flatten))?;
        Ok(Node::Project(
            Box::new(Node::Flatten(Box::new(left))),
            Box::new(right),
        ))
    }

    fn project_list(&mut self, left: Node) -> Result<Node, QueryError> {
        self.expect(&Token::Star)?;
        self.expect(&Token::CloseBracket)?;
        let right = self.projected(power(&Token::Star))?;
        Ok(Node::Project(Box::new(left), Box::new(right)))
    }

    /// An index or a slice, after its opening bracket.
    fn index(&mut self, left: Node) -> Result<Node, QueryError> {
        if *self.peek() != Token::Colon && *self.peek_at(1) != Token::Colon {
            let Token::Number(number) = self.advance() else {
                return Err(self.unexpected_last());
            };
            self.expect(&Token::CloseBracket)?;
            return Ok(Node::Then(Box::new(left), Box::new(Node::Index(number))));
        }
        let mut parts = [None; 3];
        let mut part = 0;
        while *self.peek() != Token::CloseBracket {
            match self.advance() {
                Token::Colon if part < 2 => part += 1,
                Token::Number(number) if parts[part].is_none() => parts[part] = Some(number),
                _ => return Err(self.unexpected_last()),
            }
        }
        self.next += 1;
        // As in jmespath.py, a slice after an index is a list, not a projection.
        let is_after_index = matches!(&left, Node::Then(_, last)
            if matches!(**last, Node::Index(_) | Node::Slice(_)));
        let sliced = Node::Then(Box::new(left), Box::new(Node::Slice(parts)));
        if is_after_index {
            return Ok(sliced);
        }
        let right = self.projected(power(&Token::Star))?;
        Ok(Node::Project(Box::new(sliced), Box::new(right)))
    }

    /// What a projection applies to each of its elements.
    fn projected(&mut self, binding: u8) -> Result<Node, QueryError> {
        match self.peek() {
            token if power(token) < PROJECTION_STOP => Ok(Node::Current),
            Token::OpenBracket | Token::Filter => self.expression(binding),
            Token::Dot => {
                self.next += 1;
                self.after_dot(binding)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn after_dot(&mut self, binding: u8) -> Result<Node, QueryError> {
        match self.peek() {
            Token::Name(_) | Token::Quoted(_) | Token::Star => self.expression(binding),
            Token::OpenBracket => {
                self.next += 1;
                self.list()
            }
            Token::OpenBrace => {
                self.next += 1;
                self.hash()
            }
            _ => Err(self.unexpected()),
        }
    }

    fn list(&mut self) -> Result<Node, QueryError> {
        let mut elements = vec![self.expression(0)?];
        while *self.peek() == Token::Comma {
            self.next += 1;
            elements.push(self.expression(0)?);
        }
        self.expect(&Token::CloseBracket)?;
        Ok(Node::List(elements))
    }

    fn hash(&mut self) -> Result<Node, QueryError> {
        let mut members = Vec::new();
        loop {
            let (Token::Name(name) | Token::Quoted(name)) = self.advance() else {
                return Err(self.unexpected_last());
            };
            self.expect(&Token::Colon)?;
            members.push((name, self.expression(0)?));
            if *self.peek() != Token::Comma {
                break;
            }
            self.next += 1;
        }
        self.expect(&Token::CloseBrace)?;
        Ok(Node::Hash(members))
    }
}

/// How strongly a token binds to what stands before it.
fn power(token: &Token) -> u8 {
    match token {
        Token::Pipe => 1,
        Token::Or => 2,
        Token::And => 3,
        Token::Compare(_) => 5,
        Token::Flatten => 9,
        Token::Star => 20,
        Token::Filter => 21,
        Token::Dot => 40,
        Token::Not => 45,
        Token::OpenBrace => 50,
        Token::OpenBracket => 55,
        Token::OpenParen => 60,
        _ => 0,
    }
}

//! Lists that a service returns in pages, merged and cut as by `aws`.

use std::ops::Range;

use keyfob_sts::{Error, call};
use serde_json::{Map, Value};

use crate::{
    context::Context,
    failure::Failure,
    services::{command::Invocation, model, page_token},
    syntax::expand,
};

/// The pages of one command.
///
/// Source: `PageIterator` of botocore.
pub(super) struct Paging {
    model: &'static model::Pages,
    pages: call::Pages,
    page_size: Option<i64>,
    /// How many items may still be printed.
    left: Option<usize>,
    /// How many items of the next page are printed already.
    skip: usize,
    is_resumed: bool,
    is_first: bool,
    resume_token: Option<String>,
    is_done: bool,
    whole: Map<String, Value>,
    others: Map<String, Value>,
}

impl Paging {
    /// Starts at the token of the command, or at that of the parameters. `None` if one page is
    /// wanted: for `--no-paginate`, or if an option sets a parameter of paging. As in `aws`,
    /// `--cli-input-json` can set them and asks for all pages.
    ///
    /// # Errors
    ///
    /// If `--no-paginate` stands beside options of paging, or if the token is not one of `aws`.
    pub(super) fn new(
        invocation: &Invocation,
        context: &Context,
        parameters: &mut Map<String, Value>,
    ) -> Result<Option<Self>, Failure> {
        let Some(model) = &invocation.operation.pages else {
            return Ok(None);
        };
        if manual_option(invocation, model).is_some() || context.globals().connection.no_paginate {
            return one_page(invocation, model, parameters).map(|()| None);
        }
        let (token, skip) = match &invocation.starting_token {
            None => {
                let token = parameters.get(model.input).and_then(Value::as_str);
                (token.map(str::to_owned), 0)
            }
            Some(text) => page_token::decode(model.input, &expand(text, context.variables())?)
                .ok_or_else(|| {
                    Failure::other("--starting-token: it is not a token of an earlier list")
                        .with_code("ParamValidation")
                })?,
        };
        if invocation.max_items.is_some_and(|items| items <= 0) {
            let text = "--max-items is not positive, so nothing is printed but a token";
            context.console().warn(text);
        }
        let left = invocation
            .max_items
            .map(|items| items.try_into().unwrap_or(0));
        Ok(Some(Self {
            pages: token.map_or_else(call::Pages::new, call::Pages::starting_at),
            page_size: invocation.page_size,
            left,
            skip,
            is_resumed: invocation.starting_token.is_some(),
            ..Self::all(model)
        }))
    }

    /// Starts at the first page, for all items.
    pub(super) fn all(model: &'static model::Pages) -> Self {
        Self {
            model,
            pages: call::Pages::new(),
            page_size: None,
            left: None,
            skip: 0,
            is_resumed: false,
            is_first: true,
            resume_token: None,
            is_done: false,
            whole: Map::new(),
            others: Map::new(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Returns the parameters of the next call.
    pub(super) fn parameters(&self, parameters: &Map<String, Value>) -> Map<String, Value> {
        let mut parameters = parameters.clone();
        if let Some(token) = self.pages.token() {
            parameters.insert(self.model.input.to_owned(), token.into());
        }
        if let (Some(limit), Some(size)) = (self.model.limit, self.page_size) {
            parameters.insert(limit.to_owned(), size.into());
        }
        parameters
    }

    /// Returns true if the first page has members that are not merged.
    pub(super) fn has_others(&self) -> bool {
        !self.model.others.is_empty()
    }

    /// Returns the name of the list, if the pages have no other one that is merged.
    pub(super) fn only_list(&self) -> Option<&'static str> {
        match self.model.keys[..] {
            [name] if !name.contains('.') => Some(name),
            _ => None,
        }
    }

    /// Returns which of so many items of the next answer are wanted.
    pub(super) fn wanted(&self, count: usize) -> Range<usize> {
        let start = self.skip.min(count);
        let end = self.left.map_or(count, |left| count.min(start + left));
        start..end
    }

    /// Takes an answer: returns the items of it that are wanted, in the first page with the members
    /// that are not lists, and learns where the next page is.
    ///
    /// # Errors
    ///
    /// If the service returned a token before.
    pub(super) fn take(&mut self, mut answer: Value) -> Result<Value, Error> {
        let keys = self.model.keys.split_first();
        let (primary, secondary) = keys.unwrap_or((&"", &[]));
        // A page may be large, so its items are moved and never copied.
        let list = match find_mut(&mut answer, primary).map(Value::take) {
            Some(Value::Array(items)) => Some(items),
            _ => None,
        };
        // As in `aws`, a list that the service leaves out is none, and not an empty one.
        let has_list = list.is_some();
        let mut items = list.unwrap_or_default();
        let count = items.len();
        let wanted = self.wanted(count);
        items.truncate(wanted.end);
        items.drain(..wanted.start);
        // What is not counted was printed with the first part of the page.
        let is_rest = self.is_first && self.is_resumed;
        let mut page = self.take_others(&answer, count)?;
        let items = if has_list { items.into() } else { Value::Null };
        put(&mut page, primary, items);
        for path in secondary {
            let value = find(&answer, path).cloned().unwrap_or_default();
            put(
                &mut page,
                path,
                if is_rest { emptied(value) } else { value },
            );
        }
        Ok(page)
    }

    /// Takes an answer without its list, which has so many items: returns the members that are no
    /// lists if it is the first page, and learns where the next page is.
    ///
    /// # Errors
    ///
    /// If the service returned a token before.
    pub(super) fn take_others(&mut self, answer: &Value, count: usize) -> Result<Value, Error> {
        let mut page = Value::Object(Map::new());
        if self.is_first {
            for path in &self.model.others {
                let value = find(answer, path).cloned().unwrap_or_default();
                put(&mut page, path, value);
            }
            self.others = page.as_object().cloned().unwrap_or_default();
        }
        let more = self
            .model
            .more
            .is_none_or(|path| find(answer, path) == Some(&Value::Bool(true)));
        let next = find(answer, self.model.output).and_then(Value::as_str);
        let next = next.filter(|token| more && !token.is_empty());
        let wanted = self.wanted(count);
        self.left = self.left.map(|left| left - wanted.len());
        let of_this_page = (wanted.end < count)
            .then(|| page_token::encode(self.model.input, self.pages.token(), Some(wanted.end)));
        let of_next_page = || {
            let is_cut = self.left == Some(0) && next.is_some();
            is_cut.then(|| page_token::encode(self.model.input, next, None))
        };
        self.resume_token = of_this_page.or_else(of_next_page);
        self.is_done = self.resume_token.is_some();
        if !self.is_done {
            self.pages.advance(next.map(str::to_owned))?;
            self.is_done = self.pages.is_done();
        }
        (self.is_first, self.skip) = (false, 0);
        Ok(page)
    }

    /// Adds a page to the whole.
    pub(super) fn merge(&mut self, mut page: Value) {
        let mut whole = Value::Object(std::mem::take(&mut self.whole));
        for path in &self.model.keys {
            let new = find_mut(&mut page, path).map(Value::take);
            let Some(new) = new.filter(|value| !value.is_null()) else {
                continue;
            };
            match (find_mut(&mut whole, path), new) {
                (None, new) => put(&mut whole, path, new),
                (Some(Value::Array(old)), Value::Array(new)) => old.extend(new),
                (Some(Value::String(old)), Value::String(new)) => old.push_str(&new),
                (Some(old), new) => {
                    let sum = old.as_i64().zip(new.as_i64());
                    let sum = sum.and_then(|(old, new)| old.checked_add(new));
                    *old = sum.map_or(new, Value::from);
                }
            }
        }
        if let Value::Object(whole) = whole {
            self.whole = whole;
        }
    }

    /// Returns the token for the items that were not wanted.
    pub(super) fn resume_token(&self) -> Option<String> {
        self.resume_token.clone()
    }

    /// Returns the merged pages.
    pub(super) fn whole(mut self) -> Map<String, Value> {
        for (name, value) in self.others {
            self.whole.insert(name, value);
        }
        if let Some(token) = self.resume_token {
            self.whole.insert("NextToken".to_owned(), token.into());
        }
        self.whole
    }
}

/// Returns the option that sets a parameter of paging.
fn manual_option(invocation: &Invocation, model: &model::Pages) -> Option<&'static str> {
    let mut flags = invocation.given.iter().map(|(flag, _)| flag);
    let flag = flags.find(|flag| model.has_parameter(flag.member))?;
    Some(flag.name)
}

/// Refuses the options of paging, unless one has the name of a parameter, which it sets then, if
/// `--cli-input-json` does not.
fn one_page(
    invocation: &Invocation,
    model: &model::Pages,
    parameters: &mut Map<String, Value>,
) -> Result<(), Failure> {
    let mut refused = Vec::new();
    for (name, number) in [
        ("--max-items", invocation.max_items),
        ("--page-size", invocation.page_size),
    ] {
        let mut flags = invocation.operation.flags.iter();
        match (flags.find(|flag| flag.name == name), number) {
            (_, None) => {}
            (Some(flag), Some(number))
                if model.has_parameter(flag.member) && !parameters.contains_key(flag.member) =>
            {
                parameters.insert(flag.member.to_owned(), number.into());
            }
            (_, Some(_)) => refused.push(name),
        }
    }
    if invocation.starting_token.is_some() {
        refused.push("--starting-token");
    }
    if refused.is_empty() {
        return Ok(());
    }
    let refused = refused.join(", ");
    let message = match manual_option(invocation, model) {
        Some(name) => format!("{name} is given, which asks for one page: leave out {refused}"),
        None => format!("Cannot specify --no-paginate along with pagination arguments: {refused}"),
    };
    Err(Failure::other(message).with_code("Pagination"))
}

fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(value, |value, name| value.get(name))
}

fn find_mut<'a>(value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    path.split('.')
        .try_fold(value, |value, name| value.get_mut(name))
}

fn put(value: &mut Value, path: &str, new: Value) {
    let place = path.split('.').fold(value, |value, name| &mut value[name]);
    *place = new;
}

fn emptied(value: Value) -> Value {
    match value {
        Value::Array(_) => Value::Array(Vec::new()),
        Value::String(_) => "".into(),
        Value::Number(_) => value,
        _ => Value::Null,
    }
}

use std::{
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use keyfob_sts::{Error, call::Reply};
use serde_json::{Value, json};

use crate::{
    args::OutputFormat,
    context::Context,
    failure::Failure,
    output::{JsonList, text_of_item},
    services::{
        answer::{self, Items, Times},
        command::Invocation,
        pages::Paging,
    },
};

/// How much text is written at once, in bytes.
const CHUNK: usize = 64 << 10;

/// Prints the items of the pages of a list while it reads them, so that neither they nor their text
/// are in memory at once.
pub(super) struct Printer<'a> {
    context: &'a Context,
    list: &'static str,
    /// A call is shared between threads, so what reads its answer is, too.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The document in JSON. In text, each page is one of its own.
    json: Option<JsonList>,
    /// How many items the last answer has, if it has the list.
    count: Option<usize>,
    /// Why stdout cannot be written.
    failure: Option<Failure>,
}

impl<'a> Printer<'a> {
    /// Returns a printer if the format can be written item by item, and the answers can be read so.
    pub(super) fn new(
        context: &'a Context,
        invocation: &Invocation,
        paging: &Paging,
        format: OutputFormat,
    ) -> Option<Self> {
        let list = paging.only_list()?;
        let is_simple = match format {
            OutputFormat::Json => true,
            OutputFormat::Text => !paging.has_others(),
            _ => false,
        };
        let is_whole = is_simple && !context.has_query();
        let has_items = answer::has_items(invocation.service, invocation.operation.output, list);
        (is_whole && has_items).then(|| Self {
            context,
            list,
            state: Mutex::new(State {
                json: (format == OutputFormat::Json).then(|| JsonList::new(list)),
                ..State::default()
            }),
        })
    }

    /// Reads an answer and prints the items that are wanted. Returns its other members.
    ///
    /// # Errors
    ///
    /// If it does not have its shape. If stdout cannot be written, [`end_page`](Self::end_page)
    /// fails.
    pub(super) fn read(
        &self,
        invocation: &Invocation,
        times: Times,
        paging: &Paging,
        reply: &Reply<'_>,
    ) -> Result<Value, Error> {
        let (service, shape) = (invocation.service, invocation.operation.output);
        let page = answer::read_page(service, shape, times, reply, self.list)?;
        let mut state = self.state();
        state.count = page.items.as_ref().map(Items::len);
        if let Some(items) = page.items {
            self.print(&mut state, &items, paging.wanted(items.len()))?;
        }
        Ok(page.others)
    }

    fn print(
        &self,
        state: &mut State,
        items: &Items<'_>,
        wanted: Range<usize>,
    ) -> Result<(), Error> {
        let console = self.context.console();
        let columns = match &state.json {
            Some(_) => Vec::new(),
            None => items.columns(wanted.clone()),
        };
        let mut text = String::new();
        for item in items.read(wanted) {
            let item = item?;
            text += &match &mut state.json {
                Some(json) => json.add(&item),
                None => text_of_item(self.list, &columns, &item, console.screen()),
            };
            if text.len() >= CHUNK {
                state.failure = console.write_stdout(&text).err();
                if state.failure.is_some() {
                    return Ok(());
                }
                text.clear();
            }
        }
        state.failure = console.write_stdout(text).err();
        Ok(())
    }

    /// Takes the other members of the answer that was printed.
    ///
    /// # Errors
    ///
    /// If stdout could not be written, or if the service returned a token before.
    pub(super) fn end_page(
        &self,
        invocation: &Invocation,
        paging: &mut Paging,
        others: &Value,
    ) -> Result<(), Failure> {
        let (count, failure, is_json) = {
            let mut state = self.state();
            (state.count, state.failure.take(), state.json.is_some())
        };
        if let Some(failure) = failure {
            return Err(failure);
        }
        let name = invocation.operation.name;
        paging
            .take_others(others, count.unwrap_or(0))
            .map_err(|error| Failure::from(error).with_operation(name))?;
        match count {
            // An empty list is printed if no page has an item.
            Some(_) if is_json => paging.merge(json!({self.list: []})),
            // As in `aws`, a list that the service leaves out is `None`.
            None if !is_json => self.context.print(name, &json!({self.list: null}))?,
            _ => {}
        }
        Ok(())
    }

    /// Prints what follows the last page.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(super) fn end(self, invocation: &Invocation, paging: Paging) -> Result<(), Failure> {
        let state = self.state.into_inner();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let whole = paging.whole();
        match state.json.filter(JsonList::is_open) {
            Some(json) => self.context.console().write_stdout(json.end(&whole)),
            None => self.context.print(invocation.operation.name, &whole.into()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

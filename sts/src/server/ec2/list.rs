//! Lists with filters, in pages.

use crate::{
    server::{
        query::{
            Parameters,
            xml::{element, parent},
        },
        refusal::Refusal,
    },
    trust::Glob,
};

/// What a list has of one thing.
pub(super) struct Item {
    /// The values of its filters, by name.
    pub(super) filters: Vec<(String, String)>,
    pub(super) xml: String,
}

impl Item {
    fn has(&self, filter: &Filter) -> bool {
        let mut values = self.filters.iter().filter(|(name, _)| *name == filter.name);
        values.any(|(_, value)| filter.values.iter().any(|glob| glob.matches(value)))
    }
}

struct Filter {
    name: String,
    values: Vec<Glob>,
}

/// Returns the element with the items that have a value of each filter, and the token for the rest.
/// `known` are the names of filters; one that ends with a colon is followed by the name of a tag.
pub(super) fn list(
    set: &str,
    known: &[&str],
    items: Vec<Item>,
    parameters: &Parameters,
) -> Result<String, Refusal> {
    let filters = filters(known, parameters)?;
    let has_all = |item: &Item| filters.iter().all(|filter| item.has(filter));
    let items: Vec<Item> = items.into_iter().filter(has_all).collect();
    let start: usize = match parameters.get("NextToken") {
        Some(token) => token.parse().map_err(|_| {
            let message = "The token for the next page is not one of an earlier answer.";
            Refusal::bad("InvalidPaginationToken", message)
        })?,
        None => 0,
    };
    let count = parameters.number("MaxResults", 1000, 5..=1000)?;
    let end = start.saturating_add(count.try_into().unwrap_or(usize::MAX));
    let page = items.get(start..end.min(items.len())).unwrap_or_default();
    let page: String = page.iter().map(|item| parent("item", &item.xml)).collect();
    let mut answer = parent(set, &page);
    if end < items.len() {
        answer += &element("nextToken", &end.to_string());
    }
    Ok(answer)
}

fn filters(known: &[&str], parameters: &Parameters) -> Result<Vec<Filter>, Refusal> {
    let mut filters = Vec::new();
    for number in 1.. {
        let Some(name) = parameters.get(&format!("Filter.{number}.Name")) else {
            break;
        };
        let is_it = |one: &&str| name == *one || one.ends_with(':') && name.starts_with(one);
        if !known.iter().any(is_it) {
            let message = format!("The filter '{name}' is invalid");
            return Err(Refusal::bad("InvalidParameterValue", message));
        }
        let values = numbered(parameters, &format!("Filter.{number}.Value"));
        filters.push(Filter {
            name: name.to_owned(),
            values: values.into_iter().map(Glob::new).collect(),
        });
    }
    Ok(filters)
}

/// Returns values with the names of their filters.
pub(super) fn named(values: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    values.iter().map(owned).collect()
}

/// Returns the items of a list of texts.
pub(super) fn numbered<'a>(parameters: &'a Parameters, name: &str) -> Vec<&'a str> {
    let items = (1..).map_while(|number| parameters.get(&format!("{name}.{number}")));
    items.collect()
}

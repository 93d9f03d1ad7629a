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

/// The filters of a request.
pub(super) struct Filters(Vec<Filter>);

struct Filter {
    name: String,
    values: Vec<Glob>,
}

impl Filters {
    /// Reads the filters, of those that are `known`. The name of one that ends with a colon is
    /// followed by that of a tag.
    pub(super) fn read(known: &[&str], parameters: &Parameters) -> Result<Self, Refusal> {
        let mut filters = Vec::new();
        for number in 1.. {
            let Some(name) = parameters.get(&format!("Filter.{number}.Name")) else {
                break;
            };
            let is_it = |one: &&str| {
                let tag = name.strip_prefix(one).filter(|_| one.ends_with(':'));
                name == *one && tag.is_none() || tag.is_some_and(|tag| !tag.is_empty())
            };
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
        Ok(Self(filters))
    }

    /// Returns true if each filter has one of the values of its name.
    pub(super) fn admit(&self, values: &[(String, String)]) -> bool {
        self.0.iter().all(|filter| {
            let mut values = values.iter().filter(|(name, _)| *name == filter.name);
            values.any(|(_, value)| filter.values.iter().any(|glob| glob.matches(value)))
        })
    }
}

/// Returns values with the names of their filters.
pub(super) fn named(values: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    values.iter().map(owned).collect()
}

/// Returns the element with the items of a page, and the token for the rest.
pub(super) fn page(
    set: &str,
    items: &[String],
    parameters: &Parameters,
) -> Result<String, Refusal> {
    let start = match parameters.get("NextToken") {
        Some(token) => {
            let is_number = token.bytes().all(|byte| byte.is_ascii_digit());
            let start = token.parse().ok().filter(|_| is_number);
            start.filter(|start| *start < items.len()).ok_or_else(|| {
                let message = "The token for the next page is not one of an earlier answer.";
                Refusal::bad("InvalidPaginationToken", message)
            })?
        }
        None => 0,
    };
    let count = parameters.number("MaxResults", 1000, 5..=1000)?;
    let end = start.saturating_add(count.try_into().unwrap_or(usize::MAX));
    let page = items.get(start..end.min(items.len())).unwrap_or_default();
    let page: String = page.iter().map(|item| parent("item", item)).collect();
    let mut answer = parent(set, &page);
    if end < items.len() {
        answer += &element("nextToken", &end.to_string());
    }
    Ok(answer)
}

/// Returns the items of a list of texts.
pub(super) fn numbered<'a>(parameters: &'a Parameters, name: &str) -> Vec<&'a str> {
    let items = (1..).map_while(|number| parameters.get(&format!("{name}.{number}")));
    items.collect()
}

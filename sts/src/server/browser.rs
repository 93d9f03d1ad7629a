//! What a browser is answered: pages on which a user approves or denies something, and redirects.

use http::{HeaderValue, Response, StatusCode, header, request::Parts};

use crate::server::{query::escaped, services::with_type};

/// The parameters in the query of a URL.
pub(super) struct Query(Vec<(String, String)>);

/// What the user of a browser decided.
pub(super) enum Choice {
    Approve(String),
    Deny,
    /// Nothing yet.
    Open,
}

impl Query {
    pub(super) fn parse(head: &Parts) -> Self {
        Self::from_form(head.uri.query().unwrap_or_default().as_bytes())
    }

    /// Reads the body of a form that was posted.
    pub(super) fn from_form(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// Returns a parameter. An empty one counts as missing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        let (_, value) = pairs.find(|(known, value)| known == name && !value.is_empty())?;
        Some(value)
    }

    /// Returns what was decided: `action=approve` with a `user`, or `action=deny`.
    pub(super) fn choice(&self) -> Choice {
        match (self.get("action"), self.get("user")) {
            (Some("approve"), Some(user)) => Choice::Approve(user.to_owned()),
            (Some("deny"), _) => Choice::Deny,
            _ => Choice::Open,
        }
    }

    /// Returns a page on which one of the users approves or denies, with these parameters.
    pub(super) fn ask(&self, title: &str, users: &[String]) -> Response<String> {
        let hidden = self.0.iter().map(|(name, value)| {
            let (name, value) = (escaped(name), escaped(value));
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
        });
        let options = users
            .iter()
            .map(|user| format!("<option>{}</option>", escaped(user)));
        let (hidden, options): (String, String) = (hidden.collect(), options.collect());
        page(
            title,
            // Listeners refuse requests with `Origin`, which browsers send with POST.
            &format!(
                "<form method=\"get\">{hidden}<select name=\"user\">{options}</select>\
                 <button name=\"action\" value=\"approve\">Approve</button>\
                 <button name=\"action\" value=\"deny\">Deny</button></form>"
            ),
        )
    }
}

/// Returns a page.
pub(super) fn page(title: &str, content: &str) -> Response<String> {
    let title = escaped(title);
    with_type(
        "text/html; charset=utf-8",
        format!("<!doctype html><title>{title}</title><h1>{title}</h1>{content}\n"),
    )
}

/// Sends the browser to a URL with more parameters. Without a valid URL, it gets a page.
pub(super) fn redirect(url: &str, parameters: &[(&str, &str)]) -> Response<String> {
    let separator = if url.contains('?') { '&' } else { '?' };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    let mut response = page("Go on in the program", "");
    let location = format!("{url}{separator}{}", query.finish());
    if let Ok(location) = HeaderValue::try_from(location) {
        *response.status_mut() = StatusCode::FOUND;
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

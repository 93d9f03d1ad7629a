use crate::server::refusal::Refusal;

/// Formats an element with text, escaped.
pub(in crate::server) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escaped(text))
}

/// Formats an element with child elements.
pub(in crate::server) fn parent(name: &str, children: &str) -> String {
    format!("<{name}>{children}</{name}>")
}

/// Formats an element with text, if there is one.
pub(in crate::server) fn optional(name: &str, text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| element(name, text))
}

/// Formats the response to an action. One without a result has no element for it.
pub(in crate::server) fn answer(
    namespace: &str,
    action: &str,
    result: &str,
    request_id: &str,
) -> String {
    let mut content = parent("ResponseMetadata", &element("RequestId", request_id));
    if !result.is_empty() {
        content = parent(&format!("{action}Result"), result) + &content;
    }
    format!("<{action}Response xmlns=\"{namespace}\">{content}</{action}Response>\n")
}

/// Formats an error response.
pub(super) fn error(namespace: &str, refusal: &Refusal, request_id: &str) -> String {
    let members = element("Type", refusal.side())
        + &element("Code", &refusal.code)
        + &element("Message", &refusal.message);
    let content = parent("Error", &members) + &element("RequestId", request_id);
    format!("<ErrorResponse xmlns=\"{namespace}\">{content}</ErrorResponse>\n")
}

/// Escapes a text for an element or an attribute.
pub(in crate::server) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML allows no other control characters, not even escaped.
            c if c.is_control() && !matches!(c, '\t' | '\n') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

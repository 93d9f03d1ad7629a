use crate::server::refusal::Refusal;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Formats an element with text, escaped.
pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escaped(text))
}

/// Formats an element with child elements.
pub(super) fn parent(name: &str, children: &str) -> String {
    format!("<{name}>{children}</{name}>")
}

/// Formats an element with text, if there is one.
pub(super) fn optional(name: &str, text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| element(name, text))
}

/// Formats the response to an action.
pub(super) fn answer(action: &str, result: &str, request_id: &str) -> String {
    let content = parent(&format!("{action}Result"), result)
        + &parent("ResponseMetadata", &element("RequestId", request_id));
    format!("<{action}Response xmlns=\"{NAMESPACE}\">{content}</{action}Response>\n")
}

/// Formats an error response.
pub(super) fn error(refusal: &Refusal, request_id: &str) -> String {
    let members = element("Type", refusal.side())
        + &element("Code", &refusal.code)
        + &element("Message", &refusal.message);
    let content = parent("Error", &members) + &element("RequestId", request_id);
    format!("<ErrorResponse xmlns=\"{NAMESPACE}\">{content}</ErrorResponse>\n")
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

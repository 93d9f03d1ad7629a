use super::fault::Fault;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Formats an element with text, escaped.
pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escaped(text))
}

/// Formats an element with child elements.
pub(super) fn parent(name: &str, children: &str) -> String {
    format!("<{name}>{children}</{name}>")
}

/// Formats the response to an action.
pub(super) fn answer(action: &str, result: &str, request_id: &str) -> String {
    let content = parent(&format!("{action}Result"), result)
        + &parent("ResponseMetadata", &element("RequestId", request_id));
    format!("<{action}Response xmlns=\"{NAMESPACE}\">{content}</{action}Response>\n")
}

/// Formats an error response.
pub(super) fn error(fault: &Fault, request_id: &str) -> String {
    let members = element("Type", fault.side())
        + &element("Code", &fault.code)
        + &element("Message", &fault.message);
    let content = parent("Error", &members) + &element("RequestId", request_id);
    format!("<ErrorResponse xmlns=\"{NAMESPACE}\">{content}</ErrorResponse>\n")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // XML allows no other control characters, not even escaped.
            c if c.is_control() && !matches!(c, '\t' | '\n') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

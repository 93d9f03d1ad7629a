use super::fault::Fault;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// An element with text in it.
pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escaped(text))
}

/// An element with elements in it.
pub(super) fn parent(name: &str, children: &str) -> String {
    format!("<{name}>{children}</{name}>")
}

/// The answer to an action.
pub(super) fn answer(action: &str, result: &str, request_id: &str) -> String {
    let result = parent(&format!("{action}Result"), result);
    let metadata = parent("ResponseMetadata", &element("RequestId", request_id));
    format!("<{action}Response xmlns=\"{NAMESPACE}\">{result}{metadata}</{action}Response>\n")
}

/// The answer that reports a fault.
pub(super) fn error(fault: &Fault, request_id: &str) -> String {
    let error = element("Type", fault.side())
        + &element("Code", &fault.code)
        + &element("Message", &fault.message);
    let error = parent("Error", &error) + &element("RequestId", request_id);
    format!("<ErrorResponse xmlns=\"{NAMESPACE}\">{error}</ErrorResponse>\n")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Other control characters cannot stand in XML at all.
            c if c.is_control() && !matches!(c, '\t' | '\n') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

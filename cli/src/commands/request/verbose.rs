//! `-v`: the heads of requests and answers, as curl shows them, without what is secret in them.

use std::borrow::Cow;

use http::{HeaderMap, Request, Response};

use crate::terminal::{Console, printable};

/// Shows heads on stderr.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verbose {
    console: Console,
    is_on: bool,
}

const REDACTED: &str = "(redacted)";
/// Parts of the names of headers and parameters whose values are secret, or may be.
const SECRET_PARTS: [&str; 15] = [
    "auth",
    "cookie",
    "token",
    "secret",
    "password",
    "passwd",
    "signature",
    "session",
    "credential",
    "apikey",
    "api-key",
    "api_key",
    "assertion",
    "mfa",
    "otp",
];

impl Verbose {
    pub(super) fn new(console: Console, is_on: bool) -> Self {
        Self { console, is_on }
    }

    /// Shows the head of a request before it is sent.
    pub(super) fn request<B>(self, request: &Request<B>) {
        if !self.is_on {
            return;
        }
        let uri = request.uri();
        let target = match uri.query() {
            Some(query) => format!("{}?{}", uri.path(), shown_query(query)),
            None => uri.path().to_owned(),
        };
        let mut text = format!("> {} {} HTTP/1.1\n", request.method(), printable(&target));
        if !request.headers().contains_key("host") {
            let authority = uri.authority().map_or("", |authority| authority.as_str());
            text += &format!("> host: {}\n", printable(authority));
        }
        text += &lines('>', request.headers());
        self.console.write_stderr(&text);
    }

    /// Shows the head of an answer.
    pub(super) fn answer<B>(self, answer: &Response<B>) {
        if !self.is_on {
            return;
        }
        let status = answer.status();
        let reason = status.canonical_reason().unwrap_or_default();
        let text = format!("< HTTP/1.1 {} {reason}\n", status.as_u16());
        self.console
            .write_stderr(&(text + &lines('<', answer.headers())));
    }
}

fn lines(mark: char, headers: &HeaderMap) -> String {
    let lines = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        let value = shown_value(name.as_str(), &value);
        format!("{mark} {name}: {}\n", printable(&value))
    });
    lines.collect::<String>() + &format!("{mark}\n")
}

/// Returns the value of a header without what is secret in it.
fn shown_value<'v>(name: &str, value: &'v str) -> Cow<'v, str> {
    if name == "authorization"
        && let Some((parameters, _)) = value.split_once("Signature=")
        && value.starts_with("AWS4-")
    {
        return Cow::from(format!("{parameters}Signature={REDACTED}"));
    }
    if is_secret(name) {
        return Cow::from(REDACTED);
    }
    // A URL in a header, such as `location`, may have a signature in its query.
    match value.split_once('?') {
        Some((url, query)) if query.contains('=') => {
            Cow::from(format!("{url}?{}", shown_query(query)))
        }
        _ => Cow::from(value),
    }
}

/// Returns a query without the values of parameters whose names say that they are secret.
fn shown_query(query: &str) -> String {
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        // The identifier of the key and the scope.
        Some((name, _)) if name.eq_ignore_ascii_case("x-amz-credential") => Cow::from(pair),
        Some((name, _)) if is_secret(name) => Cow::from(format!("{name}={REDACTED}")),
        _ => Cow::from(pair),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Returns true if values with this name may be secret. Better one too many than one too few.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if matches!(
        &name[..],
        "x-amz-credential" | "www-authenticate" | "x-amz-signedheaders"
    ) {
        return false;
    }
    // `x-api-key`, `x-functions-key`, and the keys of objects that the user encrypts.
    SECRET_PARTS.iter().any(|part| name.contains(part))
        || name == "key"
        || name.ends_with("-key")
        || name.ends_with("_key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_in_a_head_is_not_shown() {
        for (name, value, shown) in [
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKID/x, SignedHeaders=host, Signature=canary",
                "AWS4-HMAC-SHA256 Credential=AKID/x, SignedHeaders=host, Signature=(redacted)",
            ),
            ("authorization", "Bearer canary", REDACTED),
            ("proxy-authorization", "Basic canary", REDACTED),
            ("x-amz-security-token", "canary", REDACTED),
            ("x-amz-s3session-token", "canary", REDACTED),
            ("cookie", "a=canary", REDACTED),
            ("set-cookie", "a=canary", REDACTED),
            ("x-api-key", "canary", REDACTED),
            ("x-auth", "canary", REDACTED),
            ("x-mfa", "canary", REDACTED),
            (
                "x-amz-server-side-encryption-customer-key",
                "canary",
                REDACTED,
            ),
            (
                "location",
                "https://b/k?a=b&X-Amz-Signature=canary&X-Amz-Security-Token=canary",
                "https://b/k?a=b&X-Amz-Signature=(redacted)&X-Amz-Security-Token=(redacted)",
            ),
            ("content-type", "text/plain", "text/plain"),
            ("x-amz-date", "20150830T123600Z", "20150830T123600Z"),
        ] {
            assert_eq!(shown_value(name, value), shown, "{name}");
        }
        assert_eq!(
            shown_query("Action=AssumeRoleWithSAML&SAMLAssertion=canary"),
            "Action=AssumeRoleWithSAML&SAMLAssertion=(redacted)"
        );
        assert_eq!(
            shown_query("a=b&apiKey=canary&X-Amz-Credential=AKID%2Fx&flag"),
            "a=b&apiKey=(redacted)&X-Amz-Credential=AKID%2Fx&flag"
        );
    }
}
